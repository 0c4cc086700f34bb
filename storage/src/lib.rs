//! The vault of cngtoken: records of a token, sealed, in one SQLite file; and the PINs that open it.
//!
//! Knows no PKCS#11: a record is clear bytes, secret bytes and opaque search terms. It refuses files that are not its own, that are newer or
//! damaged, and never answers "not found" without proof. `docs/store-format.md` is the source of truth for every byte on the disk.
//! The token calls it; nobody else opens a store. A process must not open one store through two copies of SQLite (POSIX locks
//! belong to the process), so whoever loads the module does not link this crate for the same file.
#![forbid(unsafe_code)]

mod check;
mod create;
mod error;
mod fields;
mod gate;
mod index;
mod keys;
mod link;
mod pin;
mod pins;
mod record;
mod retired;
mod row;
mod schema;
mod summary;
mod token_rows;
mod vault;

pub use check::Report;
pub use create::Access;
pub use error::StoreError;
pub use gate::ForkGuard;
pub use keys::Keys;
pub use pin::{Kdf, PinState, Role};
pub use record::{ObjectId, Record, Term, new_id};
pub use vault::{Header, Vault};
