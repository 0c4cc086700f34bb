//! The pairs of function and code that the standard lists, and our exceptions: every call of the test clients is held against them.
//!
//! The lists are PKCS#11 3.2's, "Functions", as facts in `tests/return_codes/listed.json`: a function's own list, the codes that any function may
//! answer, and those of functions with a session or a token. `tests/return_codes.rs` compares the file with its source and judges the exceptions.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const LISTED: &str = include_str!("../return_codes/listed.json");
const EXCEPTIONS: &str = include_str!("../return_codes/exceptions.json");

/// A pair that the standard does not list and we answer.
pub struct Exception {
    pub functions: Vec<String>,
    pub code: String,
    pub reason: String,
}

/// What may be answered.
pub struct Codes {
    pub names: BTreeMap<u64, String>,
    pub listed: BTreeMap<String, BTreeSet<String>>,
    pub exceptions: Vec<Exception>,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

fn read() -> Codes {
    let listed: Value = serde_json::from_str(LISTED).expect("the lists are JSON");
    let exceptions: Value = serde_json::from_str(EXCEPTIONS).expect("the exceptions are JSON");
    let names = listed["codes"].as_object().expect("codes").iter().map(|(name, number)| (number.as_u64().expect("a number"), name.clone()));
    let functions =
        listed["functions"].as_object().expect("functions").iter().map(|(name, codes)| (name.clone(), texts(codes).into_iter().collect()));
    let exception = |e: &Value| Exception { functions: texts(&e["functions"]), code: text(&e["code"]), reason: text(&e["reason"]) };
    Codes { names: names.collect(), listed: functions.collect(), exceptions: exceptions.as_array().expect("a list").iter().map(exception).collect() }
}

/// The lists.
pub fn codes() -> &'static Codes {
    static CODES: OnceLock<Codes> = OnceLock::new();
    CODES.get_or_init(read)
}

impl Codes {
    /// Whether a function may answer a code.
    pub fn allow(&self, function: &str, code: &str) -> bool {
        self.listed.get(function).is_some_and(|codes| codes.contains(code))
            || self.exceptions.iter().any(|e| e.code == code && e.functions.iter().any(|f| f == function))
    }
}

/// The code, if the function may answer it.
///
/// # Panics
/// If it may not: the test fails at the call, with both names.
pub fn checked(function: &str, rv: u64) -> u64 {
    if rv != 0 {
        let code = codes().names.get(&rv).unwrap_or_else(|| panic!("{function} answered {rv:#x}, which is no code of the standard"));
        assert!(codes().allow(function, code), "{function} answered {code}, which is neither in the standard's list for it nor among our exceptions");
    }
    rv
}
