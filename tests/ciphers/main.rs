//! The secret-key ciphers, their MACs and the digests beside SHA over C: known answers whole and in parts, output lengths, C_GetMechanismInfo, parameters that are none,
//! keys that are generated, and keys that travel under them. The answers are those of `crypto/tests/vectors`, where their source is named.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod answers;
#[path = "../client/mod.rs"]
mod client;
mod digests;
mod parts;
mod rules;
mod streams;
mod travel;
