//! The token: slots, login, sessions, handles, the operation state machine, the mechanism table, import. The one room that orchestrates:
//! it asks `object` about attributes, `vendor-ext` about blobs, `crypto` for mathematics and `storage` for durability, and none of these
//! knows another.
//!
//! No pointers: both doors (`src/abi`, the command line) hand in plain values. What a call answers is decided by the tables in
//! `mechanism.rs` and `error.rs` and by the object room's. Source: PKCS#11 3.2; `docs/design.md`.

mod application;
mod cipher;
pub mod config;
mod creation;
mod derive;
mod digest;
mod domain;
mod encapsulation;
pub mod error;
pub mod fork;
mod handles;
mod import;
mod info;
mod iv;
mod keys;
mod login;
pub mod mechanism;
mod message;
mod message_sign;
mod objects;
mod operation;
mod password;
mod pkcs8;
mod plan;
mod prepared;
mod room;
mod saved;
mod search;
mod session;
mod sign;
mod slot;
mod status;
mod usage;
mod wrap;

pub use application::Application;
pub use config::{Access, Config, Environment};
pub use derive::{Derived, Wanted};
pub use error::{R, REASONS, Reason, TokenError};
pub use import::{ImportBlob, ImportClaim, Imported};
pub use info::{Info, MechanismInfo, SessionInfo, SlotInfo, TokenInfo};
pub use keys::{Encapsulated, Generated};
pub use login::PIN_LEN;
pub use mechanism::{DerivationParams, DerivationShape, MECHANISMS, Mechanism, NumberFormat, ParamShape, Params, PrfData, param_shape};
pub use message::Sealed;
pub use objects::{Asked, Told};
pub use prepared::Prepared;
pub use room::{Answer, Room};
