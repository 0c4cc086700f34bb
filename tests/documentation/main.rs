//! `docs/functions.md` and `docs/mechanisms.md` are made of the tables, and are current. `CNGTOKEN_REWRITE_DOCS=1 cargo test --test documentation`
//! writes them.
//!
//! Functions come from the lists of `tests/return_codes`, in the order of CK_FUNCTION_LIST_3_2, with the remarks of `functions.json`; mechanisms from the
//! library's own table, each with the engine and the source of its known answers that `families.json` has for it: the first entry of which a name
//! occurs in the mechanism's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]

use cngtoken::token::mechanism::{MechRow, Sizes};
use cngtoken::token::{MECHANISMS, ParamShape};
use cryptoki_sys as ck;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::path::Path;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Compares a page with what it should be, or writes it.
fn current(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("CNGTOKEN_REWRITE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{name} is not what the tables say: CNGTOKEN_REWRITE_DOCS=1 cargo test --test documentation");
}

/// The list in the order of CK_FUNCTION_LIST_3_2, as the edge's own source has it: `C_Name(` at the beginning of a row.
fn functions_in_order() -> Vec<String> {
    let table = include_str!("../../src/abi/table.rs");
    let mut found: Vec<String> = Vec::new();
    for line in table.lines() {
        let line = line.trim_start();
        if let Some((name, _)) = line.split_once('(')
            && name.starts_with("C_")
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !found.iter().any(|f| f == name)
        {
            found.push(name.to_owned());
        }
    }
    found
}

#[test]
fn the_page_of_functions_is_current() {
    let listed = json(include_str!("../return_codes/listed.json"));
    let listed: &Map<String, Value> = listed["functions"].as_object().unwrap();
    let since = json(include_str!("since.json"));
    let remarks = json(include_str!("functions.json"));
    for name in remarks.as_object().unwrap().keys() {
        assert!(listed.contains_key(name), "a remark on {name}, which is no function");
    }
    let mut text = String::from(
        "# The functions\n\nMade of the tables by `tests/documentation`; do not edit. All 104 functions of PKCS #11 3.2 are in the list. Where nothing is said, a function does what\n\
         the standard says; `tests/return_codes` holds the codes that each may answer, with our exceptions and their reasons.\n\n\
         | function | since | behaviour and limits |\n|---|---|---|\n",
    );
    let mut count = 0;
    for (version, names) in since.as_object().unwrap() {
        for name in names.as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert!(listed.contains_key(name), "{name} is no function");
            let remark = remarks[name].as_str().unwrap_or("as the standard says");
            let _ = writeln!(text, "| {name} | {version} | {remark} |");
            count += 1;
        }
    }
    assert_eq!(count, listed.len(), "a function without a version");
    let ours = functions_in_order();
    for name in listed.keys() {
        let elsewhere = ["C_Initialize", "C_Finalize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"].contains(&name.as_str());
        assert!(elsewhere || ours.contains(name), "{name} has no row in src/abi/table.rs");
    }
    current("functions.md", &text);
}

fn uses(row: &MechRow) -> String {
    let names = [
        (ck::CKF_DIGEST, "digest"),
        (ck::CKF_ENCRYPT, "encrypt"),
        (ck::CKF_DECRYPT, "decrypt"),
        (ck::CKF_SIGN, "sign"),
        (ck::CKF_VERIFY, "verify"),
        (ck::CKF_SIGN_RECOVER, "sign-recover"),
        (ck::CKF_VERIFY_RECOVER, "verify-recover"),
        (ck::CKF_GENERATE, "generate"),
        (ck::CKF_GENERATE_KEY_PAIR, "generate-pair"),
        (ck::CKF_WRAP, "wrap"),
        (ck::CKF_UNWRAP, "unwrap"),
        (ck::CKF_DERIVE, "derive"),
        (ck::CKF_ENCAPSULATE, "encapsulate"),
        (ck::CKF_DECAPSULATE, "decapsulate"),
        (ck::CKF_MESSAGE_ENCRYPT, "message-encrypt"),
        (ck::CKF_MESSAGE_DECRYPT, "message-decrypt"),
        (ck::CKF_MESSAGE_SIGN, "message-sign"),
        (ck::CKF_MESSAGE_VERIFY, "message-verify"),
        (ck::CKF_MULTI_MESSAGE, "in parts"),
    ];
    let known = names.iter().fold(0, |all, (flag, _)| all | flag);
    assert_eq!(row.uses & !known, 0, "{}: a use without a word", row.name);
    names.iter().filter(|(flag, _)| row.uses & flag != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn sizes(row: &MechRow) -> String {
    match row.sizes {
        Sizes::None => "–".to_owned(),
        Sizes::Bits(min, max) => format!("{min}–{max} bits"),
        Sizes::Bytes(min, max) => format!("{min}–{max} bytes"),
    }
}

fn parameter(row: &MechRow) -> String {
    match row.params {
        ParamShape::None => "none".to_owned(),
        ParamShape::Iv(n) => format!("{n} bytes"),
        ParamShape::OptionalIv(n) => format!("{n} bytes or none"),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_page_of_mechanisms_is_current() {
    let families = json(include_str!("families.json"));
    let families = families.as_array().unwrap();
    let names = |family: &Value| family["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let family_of = |row: &MechRow| families.iter().position(|family| names(family).iter().any(|part| row.name.contains(part.as_str())));
    let mut met = vec![false; families.len()];
    let mut text = format!(
        "# The mechanisms\n\nMade of the tables by `tests/documentation`; do not edit. {} mechanisms; sizes as C_GetMechanismInfo tells them. `tests/mechanisms` runs each\n\
         row: every use, one part against many and messages, wrong parameters, keys and usages.\n\n\
         | mechanism | uses | sizes | parameter | engine | known answers |\n|---|---|---|---|---|---|\n",
        MECHANISMS.len()
    );
    for row in MECHANISMS {
        let at = family_of(row).unwrap_or_else(|| panic!("{}: no entry in families.json says who computes it and what proves it", row.name));
        met[at] = true;
        let column = |name: &str| families[at][name].as_str().unwrap();
        let _ = writeln!(text, "| {} | {} | {} | {} | {} | {} |", row.name, uses(row), sizes(row), parameter(row), column("engine"), column("proof"));
    }
    for (family, met) in families.iter().zip(met) {
        assert!(met, "{:?} describes no mechanism", names(family));
    }
    current("mechanisms.md", &text);
}
