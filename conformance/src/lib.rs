//! A room of cngtoken; see docs/design.md.
