//! The message-based functions, authenticated wrapping and saved states over C.
//!
//! Known answers are Wycheproof's; the rest is compared with the one-shot functions, whose answers other tests prove. Every code is looked up in
//! the standard's list for its function. Decisions within the standard: a failed message leaves its process running; a call in the middle of
//! another message is CKR_OPERATION_ACTIVE and changes nothing; Final ends a message that has begun. Source: PKCS#11 3.2.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod calls;
#[path = "../client/mod.rs"]
mod client;
mod encryption;
mod signing;
mod vectors;
mod wrapping;
