//! C_GetMechanismInfo against the standard's tables of mechanisms and functions, and the list against the survey of what other tokens have.
//! Both files lie beside the repository; without them the tests say so and pass.

use crate::client::{Module, SLOT, alone, load};
use crate::p11;
use cryptoki_sys::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// The functions of the standard's tables and their flags. Message functions stand in no table.
const FUNCTIONS: [(&str, u64); 14] = [
    ("encrypt", CKF_ENCRYPT),
    ("decrypt", CKF_DECRYPT),
    ("digest", CKF_DIGEST),
    ("sign", CKF_SIGN),
    ("sign_recover", CKF_SIGN_RECOVER),
    ("verify", CKF_VERIFY),
    ("verify_recover", CKF_VERIFY_RECOVER),
    ("generate", CKF_GENERATE),
    ("generate_key_pair", CKF_GENERATE_KEY_PAIR),
    ("wrap", CKF_WRAP),
    ("unwrap", CKF_UNWRAP),
    ("derive", CKF_DERIVE),
    ("encapsulate", CKF_ENCAPSULATE),
    ("decapsulate", CKF_DECAPSULATE),
];

/// What is served beyond the tables, and why.
const BEYOND: [(&str, &str); 2] =
    [("CKM_POLY1305 sign", "the table puts a MAC under encryption; the prose has it sign"), ("CKM_POLY1305 verify", "as above")];

/// Mechanisms of which the survey says "must" and that may still be missing: the number only falls.
const MISSING_AT_MOST: usize = 2;

fn beside(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("{}/../shared/{path}", env!("CARGO_MANIFEST_DIR"))).ok();
    if text.is_none() {
        println!("note: {path} is not beside the repository: skipped");
    }
    text
}

fn info(m: &Module, id: u64) -> CK_MECHANISM_INFO {
    let mut info = CK_MECHANISM_INFO::default();
    p11!(m, C_GetMechanismInfo, SLOT, id, &raw mut info).ok().unwrap();
    info
}

#[test]
fn no_mechanism_claims_a_function_that_the_standard_does_not_give_it() {
    alone(|_| {
        let Some(text) = beside("spec/mechanisms.json") else { return };
        let m = load();
        m.make_token();
        let spec: Value = serde_json::from_str(&text).unwrap();
        let rows: BTreeMap<u64, &Value> = spec["mechanisms"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|r| r.get("alias_of").is_none())
            .map(|r| (r["value"].as_u64().unwrap(), r))
            .collect();
        let (mut claimed, mut fewer, mut unsaid) = (Vec::new(), Vec::new(), Vec::new());
        for id in m.mechanisms().unwrap() {
            let info = info(m, id);
            assert!(info.ulMinKeySize <= info.ulMaxKeySize, "{id:#x}");
            assert_eq!(info.flags & CKF_HW, 0, "{id:#x}");
            let Some(row) = rows.get(&id) else {
                assert!(id >= CKM_VENDOR_DEFINED, "{id:#x} is neither the standard's nor a vendor's");
                continue;
            };
            let name = row["name"].as_str().unwrap();
            let allowed: Vec<&str> = row["functions"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
            if allowed.is_empty() {
                unsaid.push(name);
                continue;
            }
            for (function, flag) in FUNCTIONS {
                match (allowed.contains(&function), info.flags & flag != 0) {
                    (false, true) => claimed.push(format!("{name} {function}")),
                    (true, false) => fewer.push(format!("{name} {function}")),
                    _ => {}
                }
            }
        }
        println!("note: {} functions of the standard's tables are not served: {}", fewer.len(), fewer.join(", "));
        println!("note: {} mechanisms stand in no table of the standard: {}", unsaid.len(), unsaid.join(", "));
        for (known, reason) in BEYOND {
            assert!(claimed.iter().any(|c| c == known), "{known} ({reason}) is no difference any more");
        }
        claimed.retain(|c| BEYOND.iter().all(|(known, _)| c != known));
        assert!(claimed.is_empty(), "beyond the standard's tables: {}", claimed.join(", "));
    });
}

#[test]
fn what_other_tokens_have_is_counted() {
    alone(|_| {
        let Some(text) = beside("mechanisms.md") else { return };
        let m = load();
        m.make_token();
        let listed = m.mechanisms().unwrap();
        let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let (mut must, mut should) = (0, 0);
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, number, .., verdict, _] = cells[..] else { continue };
            let Some(id) = number.strip_prefix("0x").and_then(|n| u64::from_str_radix(n, 16).ok()) else { continue };
            match verdict {
                "must" => must += 1,
                "should" => should += 1,
                _ => continue,
            }
            if !listed.contains(&id) {
                missing.entry(verdict).or_default().push(name);
            }
        }
        assert!(must > 200 && should > 40, "{must} and {should}: the survey is not read");
        for (verdict, names) in &missing {
            println!("note: {verdict}: {} missing: {}", names.len(), names.join(", "));
        }
        let lacking = missing.get("must").map_or(0, Vec::len);
        println!("note: {} listed; {} of {must} that others have", listed.len(), must - lacking);
        assert!(lacking <= MISSING_AT_MOST, "{lacking} are missing, and {MISSING_AT_MOST} were");
    });
}
