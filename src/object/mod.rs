//! The object model of the token: what attributes there are, which class has which, how a template becomes an object, what may be
//! read, changed, found and used, and how an object is written down. Pure: no session, no handle, no store, no mathematics, no blob.
//!
//! One fact, one table: `attributes.rs` says what an attribute is, `classes.rs` (through `groups.rs`) what a class says of it; all
//! else is derived. Called by `token` alone. Source of truth: PKCS #11 3.2 §4; `tests.rs` compares the tables with
//! `shared/spec/attributes.json`, which was not written by whoever wrote them.

mod agreement;
mod algorithm;
pub mod attributes;
mod birth;
mod certificate;
mod change;
mod claim;
pub mod classes;
mod defaults;
mod domain;
mod error;
mod groups;
mod halves;
pub mod ids;
mod instance;
mod numbers;
pub mod parity;
pub mod pkcs8;
mod point;
pub mod policy;
pub mod record;
pub mod rules;
mod search;
pub mod spki;
mod template;
mod value;

pub use attributes::{ATTRIBUTES, AttrRow, Kind};
pub use birth::{Actor, Draft, KeyDefaults, Origin, Usage, create, from_parts, key_type_of, precheck};
pub use change::{copy, set};
pub use classes::{CLASSES, ClassRow};
pub use domain::{domain, domain_precheck};
pub use error::{ObjectError, Reason};
pub use halves::{Halves, halves};
pub use instance::{Object, Read};
pub use numbers::parts;
pub use search::{index_terms, matches, search_terms};
pub use template::{MAX_NESTING, MAX_ROWS, MAX_TEMPLATE_BYTES, MAX_VALUE_BYTES, Template};
pub use value::{Given, GivenAttr, Value};

#[cfg(test)]
mod tests;
