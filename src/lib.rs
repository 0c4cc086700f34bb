//! cngtoken: a software PKCS#11 token for the key blobs of Windows.
//!
//! Two doors lead to the same safe interface, [`token::Application`]: the C edge (`src/abi`, exported from the shared library) and the command
//! line. The rooms and what each may use are described in `docs/design.md`; `tests/house.rs` holds them to it.
#![deny(unsafe_code)]

mod abi;
pub mod object;
pub mod token;
