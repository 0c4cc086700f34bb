//! Mechanisms against answers that others computed, through the C interface of the built module.
//!
//! The answers are files in `tests/vectors/mechanisms`, each with its source named in it. Beside each answer stand the refusals: a wrong
//! parameter, a key of another type, a forged input. Source: PKCS#11 3.2, the mechanism sections.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

#[path = "../client/mod.rs"]
mod client;
mod domains;
mod encapsulation;
mod listed;
mod prehash;
mod tls;
mod wrapping;

use serde_json::Value;

/// A vector file.
fn answers(name: &str) -> Value {
    let path = format!("{}/tests/vectors/mechanisms/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    assert!(!file["source"].as_str().unwrap().is_empty(), "{name} names no source");
    file
}

/// A field of hexadecimal digits.
fn hex_of(value: &Value, field: &str) -> Vec<u8> {
    let digits = value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"));
    hex::decode(digits).unwrap()
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}
