//! The lists of codes against which the test clients hold every answer: they are the standard's, and each exception is one and has a reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]

#[path = "client/codes.rs"]
#[allow(unreachable_pub, reason = "a module of several test binaries")]
mod codes;

use codes::{checked, codes};
use cryptoki_sys::{CKR_OK, CKR_PIN_LOCKED, CKR_SESSION_HANDLE_INVALID};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_lists_are_those_of_the_standard() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/functions.json");
    let Ok(spec) = std::fs::read_to_string(&path) else {
        println!("note: functions.json is not beside the repository: skipped");
        return;
    };
    let spec: Value = serde_json::from_str(&spec).unwrap();
    let strings = |v: &Value| v.as_array().into_iter().flatten().map(|s| s.as_str().unwrap().to_owned()).collect::<BTreeSet<String>>();
    let functions = spec["functions"].as_array().unwrap();
    assert_eq!(codes().listed.len(), functions.len());
    for function in functions {
        let types: Vec<&str> = function["args"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
        let mut expected = strings(&function["returns"]);
        expected.extend(strings(&spec["universal"]));
        let session = types.first() == Some(&"CK_SESSION_HANDLE");
        if session {
            expected.extend(strings(&spec["session"]));
        }
        if session || types.contains(&"CK_SLOT_ID") {
            expected.extend(strings(&spec["token"]));
        }
        let name = function["name"].as_str().unwrap();
        assert_eq!(codes().listed[name], expected, "{name}");
    }
}

#[test]
fn every_exception_is_one_and_says_why() {
    let mut seen = BTreeSet::new();
    for exception in &codes().exceptions {
        assert!(exception.reason.split_whitespace().count() >= 5, "{}: no reason", exception.code);
        assert!(codes().names.values().any(|name| *name == exception.code), "{} is no code", exception.code);
        for function in &exception.functions {
            let listed = codes().listed.get(function).unwrap_or_else(|| panic!("there is no function {function}"));
            assert!(!listed.contains(&exception.code), "{function} may answer {} anyway", exception.code);
            assert!(seen.insert((function, &exception.code)), "{function} and {} stand twice", exception.code);
        }
    }
}

#[test]
fn a_pair_outside_the_lists_fails_at_the_call() {
    assert_eq!(checked("C_Login", CKR_OK), CKR_OK);
    assert_eq!(checked("C_Login", CKR_PIN_LOCKED), CKR_PIN_LOCKED);
    assert_eq!(checked("C_DigestUpdate", CKR_SESSION_HANDLE_INVALID), CKR_SESSION_HANDLE_INVALID);
    for (function, code) in [("C_DigestUpdate", CKR_PIN_LOCKED), ("C_GetSlotList", CKR_SESSION_HANDLE_INVALID), ("C_Login", 0x1234_5678)] {
        assert!(std::panic::catch_unwind(|| checked(function, code)).is_err(), "{function} {code:#x}");
    }
}
