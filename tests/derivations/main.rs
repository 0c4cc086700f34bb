//! C_DeriveKey and the password-based generation of keys over C: known answers from files that name their independent source, and the
//! rules of what a derived key may be.
//!
//! Each row of a file under `tests/vectors/mechanisms/` is one call; its value is compared byte for byte. Source: PKCS#11 3.2.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]
#![allow(non_snake_case, reason = "locals named as the structures' fields")]

#[path = "../client/mod.rs"]
mod client;
mod known;
mod numbers;
mod parameter;
mod public;
mod refusals;
mod rules;
