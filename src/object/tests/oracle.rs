//! Compares the tables of this room with the standard's, as `shared/spec/attributes.json` has them. That file was not written by
//! whoever wrote the tables. Every deliberate difference is named here with its reason, and each must still be one.

use super::super::attributes::{self, Kind};
use super::super::classes::{self, ClassRow};
use super::super::rules::{Has, Preset, Rules};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;

struct Difference {
    /// Beginning of the class row's name; empty for every class.
    class: &'static str,
    /// Beginning of the attribute's name.
    attribute: &'static str,
    reason: &'static str,
}

const fn differs(class: &'static str, attribute: &'static str, reason: &'static str) -> Difference {
    Difference { class, attribute, reason }
}

const DIFFERENCES: &[Difference] = &[
    differs("", "CKA_PRIVATE", "a copy may raise it, never lower it: the sealed must not become clear"),
    differs("", "CKA_COPYABLE", "the standard says it cannot go back to true, so it may go to false later"),
    differs("CKO_CERTIFICATE", "CKA_TRUSTED", "the SO sets it on what is there, by C_SetAttributeValue"),
    differs("CKO_PUBLIC_KEY", "CKA_TRUSTED", "as for certificates"),
    differs("CKO_SECRET_KEY", "CKA_TRUSTED", "as for certificates"),
    differs("CKO_PRIVATE_KEY", "CKA_WRAP_WITH_TRUSTED", "frozen once true means that it may become true"),
    differs("CKO_SECRET_KEY", "CKA_WRAP_WITH_TRUSTED", "as for private keys"),
    differs("CKO_CERTIFICATE CKC_X_509", "CKA_SUBJECT", "read from the certificate when it is not given"),
    differs("CKO_PUBLIC_KEY", "CKA_PUBLIC_CRC64_VALUE", "footnotes 1 and 13 by the letter would refuse every client: optional"),
    differs("CKO_PRIVATE_KEY", "CKA_PUBLIC_CRC64_VALUE", "as for public keys"),
    differs("CKO_PRIVATE_KEY", "CKA_PUBLIC_KEY_INFO", "always what the key itself says, so it cannot change"),
    differs("CKO_PRIVATE_KEY CKK_ML_KEM", "CKA_VALUE", "the seed serves as well; the prose says so"),
    differs("CKO_PRIVATE_KEY CKK_ML_DSA", "CKA_VALUE", "as for ML-KEM"),
    differs("CKO_PRIVATE_KEY CKK_EC", "CKA_EC_POINT", "an extra that saves clients a look-up"),
    differs("CKO_SECRET_KEY CKK_DES", "CKA_VALUE_LEN", "clients send it to unwrap and derive for every type; so with DES2 and DES3"),
    differs("CKO_SECRET_KEY CKK_CHACHA20", "CKA_VALUE_LEN", "the type has one length, so it need not be named"),
    differs("CKO_SECRET_KEY CKK_POLY1305", "CKA_VALUE_LEN", "as for ChaCha20"),
    differs("CKO_SECRET_KEY CKK_SALSA20", "CKA_VALUE_LEN", "as for ChaCha20"),
    differs(
        "CKO_DOMAIN_PARAMETERS CKK_DSA",
        "CKA_SUBPRIME_BITS",
        "the table forgets it; the generation mechanisms' prose takes it from the template",
    ),
    differs("CKO_TRUST", "CKA_TRUST_", "NSS edits trust in place"),
    differs("CKO_TRUST", "CKA_MODIFIABLE", "its own row is about the default only; in a copy it may change as for all storage objects"),
    differs("CKO_PROFILE", "CKA_", "a profile answers to the attributes of storage objects too"),
    differs("CKO_", "CKA_CNG_ORIGIN", "ours"),
    differs("CKO_", "CKA_NSS_", "NSS's, sent by its clients"),
    differs("CKO_", "STORED_DSA_", "ours, never seen by a client"),
];

/// Classes of the standard's tables that the token does not have, and why. A row that is added in `classes.rs` leaves this list.
const ABSENT: &[(&str, &str)] = &[
    ("CKO_CERTIFICATE CKC_WTLS", "WAP certificates: no client makes them and nothing here reads them"),
    ("CKO_DOMAIN_PARAMETERS CKK_GOST28147", "no kept crate serves the 1989 and 2001 algorithms, so such objects would be of no use"),
    ("CKO_DOMAIN_PARAMETERS CKK_GOSTR3410", "as for GOST 28147"),
    ("CKO_DOMAIN_PARAMETERS CKK_GOSTR3411", "as for GOST 28147"),
    ("CKO_PUBLIC_KEY CKK_GOSTR3410", "as for GOST 28147"),
    ("CKO_PRIVATE_KEY CKK_GOSTR3410", "as for GOST 28147"),
    ("CKO_SECRET_KEY CKK_GOST28147", "as for GOST 28147"),
    ("CKO_HW_FEATURE", "made by the token alone: a software token has no clock, counter or display of its own to tell of"),
    ("CKO_HW_FEATURE CKH_CLOCK", "as for hardware features"),
    ("CKO_HW_FEATURE CKH_MONOTONIC_COUNTER", "as for hardware features"),
    ("CKO_HW_FEATURE CKH_USER_INTERFACE", "as for hardware features"),
    ("CKO_MECHANISM", "made by the token alone, only to describe CKM_CMS_SIG, which it does not have"),
    ("CKO_MECHANISM CKM_CMS_SIG", "as for mechanism objects"),
    ("CKO_VALIDATION", "made by the token alone: nobody has certified this one"),
    ("CKO_OTP_KEY", "one-time passwords are no mechanism of this token"),
    ("CKO_OTP_KEY CKK_SECURID", "as for one-time passwords"),
    ("CKO_PUBLIC_KEY CKK_HSS", "no kept crate; a state in a database that can be copied back would let a one-time key sign twice"),
    ("CKO_PRIVATE_KEY CKK_HSS", "as for HSS public keys"),
    ("CKO_PUBLIC_KEY CKK_XMSS", "as for HSS"),
    ("CKO_PRIVATE_KEY CKK_XMSS", "as for HSS"),
    ("CKO_PUBLIC_KEY CKK_XMSSMT", "as for HSS"),
    ("CKO_PRIVATE_KEY CKK_XMSSMT", "as for HSS"),
    ("CKO_SECRET_KEY CKK_X2RATCHET", "the double ratchet is no mechanism of this token"),
    ("CKO_SECRET_KEY CKK_ARIA", "no mechanism of this token takes it"),
    ("CKO_SECRET_KEY CKK_BLOWFISH", "no mechanism of this token takes it"),
    ("CKO_SECRET_KEY CKK_SEED", "no mechanism of this token takes it"),
    ("CKO_SECRET_KEY CKK_TWOFISH", "no mechanism of this token takes it"),
];

fn spec() -> Option<Json> {
    let folder = std::env::var_os("OBJECT_SPEC_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/spec"), PathBuf::from);
    let path = folder.join("attributes.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("the oracle is JSON")),
        Err(_) => {
            println!("skipped: {} is not here", path.display());
            None
        }
    }
}

/// What the standard says of one attribute in one class.
#[derive(Clone)]
struct Said {
    rules: Rules,
    default: Option<String>,
    kind: String,
    token_default: bool,
}

fn said(attribute: &Json, class: &Json) -> Said {
    let mut rules = Rules::NONE;
    let mut token_default = false;
    for footnote in class["footnotes"].as_array().unwrap() {
        rules = rules.and(match footnote.as_u64().unwrap() {
            1 => Rules::CREATE,
            2 => Rules::NO_CREATE,
            3 => Rules::GENERATE,
            4 => Rules::NO_GENERATE,
            5 => Rules::UNWRAP,
            6 => Rules::NO_UNWRAP,
            7 => Rules::SECRET,
            8 => Rules::CHANGE,
            9 => {
                token_default = true;
                Rules::NONE
            }
            10 => Rules::SO,
            11 => Rules::STAYS_TRUE,
            12 => Rules::STAYS_FALSE,
            13 => Rules::NONE,
            other => panic!("footnote {other}"),
        });
    }
    for note in class["notes"].as_array().into_iter().flatten() {
        rules = rules.and(match note.as_str().unwrap() {
            "modifiable" => Rules::CHANGE,
            "copy-changeable" => Rules::COPY,
            "no-true-after-false" => Rules::STAYS_FALSE,
            _ => Rules::NONE,
        });
    }
    let kind = class.get("type").unwrap_or(&attribute["type"]).as_str().unwrap().to_owned();
    Said { rules, default: class["default"].as_str().map(str::to_owned), kind, token_default }
}

/// Everything the standard says of a class row, by attribute name; the more special entry wins.
fn expected(spec: &Json, row: &ClassRow) -> BTreeMap<String, Said> {
    let (class, subtype) = row.name.split_once(' ').map_or((row.name, None), |(c, s)| (c, Some(s)));
    let has_own = |name: &str| {
        spec["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|a| a["classes"].as_array().unwrap().iter().any(|c| c["class"] == class && c["key_type"] == name))
    };
    // "HKDF and HMAC key types have no table of their own; treat them as generic secrets."
    let subtype = subtype.map(|s| if class == "CKO_SECRET_KEY" && !has_own(s) { "CKK_GENERIC_SECRET" } else { s });
    let member = |group: &str| group == "*" || spec["groups"][group].as_array().is_some_and(|m| m.iter().any(|c| c == class));
    let mut out: BTreeMap<String, (u8, Said)> = BTreeMap::new();
    for attribute in spec["attributes"].as_array().unwrap() {
        for entry in attribute["classes"].as_array().unwrap() {
            let of = entry["class"].as_str().unwrap();
            let special = entry["key_type"].as_str().or(entry["subtype"].as_str());
            let rank = match special {
                Some(s) if of == class && Some(s) == subtype => 3,
                None if of == class => 2,
                None if member(of) => 1,
                _ => continue,
            };
            let name = attribute["name"].as_str().unwrap().to_owned();
            let new = (rank, said(attribute, entry));
            let old = out.get(&name).map_or(0, |(r, _)| *r);
            if rank > old {
                out.insert(name, new);
            }
        }
    }
    out.into_iter().map(|(name, (_, said))| (name, said)).collect()
}

fn default_agrees(has: &Has, said: &Said) -> bool {
    match said.default.as_deref() {
        Some("CK_FALSE") => matches!(has.preset, Preset::False | Preset::ByBirth),
        Some("CK_TRUE") => has.preset == Preset::True,
        Some("empty") => matches!(has.preset, Preset::Empty | Preset::None),
        Some("CKM_SHA_1") => has.preset == Preset::Ulong(cryptoki_sys::CKM_SHA_1),
        Some("CKT_TRUST_UNKNOWN" | "CK_CERTIFICATE_CATEGORY_UNSPECIFIED" | "CK_SECURITY_DOMAIN_UNSPECIFIED") => has.preset == Preset::Ulong(0),
        Some("token-specific") => has.preset == Preset::ByBirth,
        Some("derived from the key") => has.preset == Preset::None,
        Some(other) => panic!("default {other}"),
        None if said.token_default => !matches!(has.preset, Preset::None | Preset::Empty),
        None => true,
    }
}

fn kind_agrees(row: &ClassRow, id: u64, kind: &str) -> bool {
    let ours = attributes::row(id).unwrap().kind;
    match kind {
        "bool" => ours == Kind::Bool,
        "ulong" => ours == Kind::Ulong,
        "utf8" => ours == Kind::Text,
        "bytes" => ours == Kind::Bytes,
        "date" => ours == Kind::Date,
        "mechanism-list" => ours == Kind::Ulongs,
        "template" => ours == Kind::Template,
        // CKA_VALUE is bytes in most classes and a number in some: the claim and the comparison know which.
        "bigint" => ours == Kind::BigInt || (id == cryptoki_sys::CKA_VALUE && row.is_key()),
        other => panic!("type {other}"),
    }
}

#[test]
fn the_tables_agree_with_the_standard_but_for_the_differences_named_here() {
    let Some(spec) = spec() else { return };
    let mut met = vec![false; DIFFERENCES.len()];
    let mut faults = Vec::new();
    let mut fault = |row: &ClassRow, attribute: &str, what: String| {
        let known = DIFFERENCES.iter().position(|d| row.name.starts_with(d.class) && attribute.starts_with(d.attribute));
        match known {
            Some(i) => met[i] = true,
            None => faults.push(format!("{} {attribute}: {what}", row.name)),
        }
    };
    for row in classes::CLASSES.iter().filter(|r| r.name != "CKO_NSS_TRUST") {
        let expected = expected(&spec, row);
        for (name, said) in &expected {
            let Some(has) = row.iter().find(|h| attributes::name(h.id) == *name) else {
                fault(row, name, "missing".to_owned());
                continue;
            };
            if has.rules != said.rules {
                fault(row, name, format!("rules {:?}, the standard says {:?}", has.rules, said.rules));
            }
            if !default_agrees(has, said) {
                fault(row, name, format!("default {:?}, the standard says {:?}", has.preset, said.default));
            }
            if !kind_agrees(row, has.id, &said.kind) {
                fault(row, name, format!("kind is not {}", said.kind));
            }
        }
        for has in row.iter() {
            let name = attributes::name(has.id);
            if !expected.contains_key(&*name) {
                fault(row, &name, "the standard does not have it".to_owned());
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (difference, met) in DIFFERENCES.iter().zip(met) {
        assert!(met, "{} {}: no longer a difference ({})", difference.class, difference.attribute, difference.reason);
    }
}

#[test]
fn every_attribute_has_the_number_of_the_standard() {
    let Some(spec) = spec() else { return };
    let numbers: BTreeMap<&str, u64> =
        spec["attributes"].as_array().unwrap().iter().map(|a| (a["name"].as_str().unwrap(), a["value"].as_u64().unwrap())).collect();
    for row in attributes::ATTRIBUTES.iter().filter(|r| r.id < 0x8000_0000) {
        assert_eq!(numbers.get(row.name), Some(&row.id), "{}", row.name);
    }
}

#[test]
fn every_class_of_the_standard_is_here_or_named_with_the_reason_why_not() {
    let Some(spec) = spec() else { return };
    let mut standard = std::collections::BTreeSet::new();
    for entry in spec["attributes"].as_array().unwrap().iter().flat_map(|a| a["classes"].as_array().unwrap()) {
        let class = entry["class"].as_str().unwrap();
        // The groups are no classes.
        if class.starts_with("CKO_") {
            let special = entry["key_type"].as_str().or(entry["subtype"].as_str());
            standard.insert(special.map_or(class.to_owned(), |s| format!("{class} {s}")));
        }
    }
    let ours = |name: &str| classes::CLASSES.iter().any(|row| row.name == name || row.name.starts_with(&format!("{name} ")));
    for name in &standard {
        let absent = ABSENT.iter().any(|(n, _)| n == name);
        assert!(ours(name) != absent, "{name}: {}", if absent { "is here now: take it from the list" } else { "neither here nor explained" });
    }
    for (name, _) in ABSENT {
        assert!(standard.contains(*name), "{name} is no class of the standard");
    }
}
