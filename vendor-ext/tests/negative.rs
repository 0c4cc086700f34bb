//! Damaged blobs. A layout reader must refuse what is wrong with the layout; what is wrong with the numbers alone is listed here by id
//! and left to `crypto::admit`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{FaultClass, decode};
use serde_json::Value;
use std::collections::HashMap;
use support::*;

/// Read without complaint here: only mathematics tells that these are no keys.
#[rustfmt::skip]
const LEFT_TO_ADMIT: &[&str] = &[
    "neg-007", "neg-008", "neg-009", "neg-010", "neg-026", "neg-027", "neg-028", "neg-029", "neg-038", "neg-039",
    "neg-041", "neg-054", "neg-055", "neg-057", "neg-066", "neg-067", "neg-069", "neg-073", "neg-074", "neg-083", "neg-086", "neg-098",
    "neg-101", "neg-107", "neg-108", "neg-109", "neg-110", "neg-120", "neg-123", "neg-135", "neg-138", "neg-144", "neg-145", "neg-146",
    "neg-147", "neg-157", "neg-160", "neg-166", "neg-167", "neg-168", "neg-169", "neg-179", "neg-182", "neg-194", "neg-195", "neg-196",
    "neg-197", "neg-198", "neg-199", "neg-200", "neg-201", "neg-202", "neg-213", "neg-214", "neg-215", "neg-216", "neg-217", "neg-218",
    "neg-219", "neg-220", "neg-221", "neg-226", "neg-227", "neg-228", "neg-235", "neg-236", "neg-237", "neg-238", "neg-239", "neg-240",
    "neg-241", "neg-251", "neg-252", "neg-253", "neg-254", "neg-255", "neg-256", "neg-257", "neg-261", "neg-262", "neg-263", "neg-270",
    "neg-271", "neg-272", "neg-275", "neg-280", "neg-281", "neg-282", "neg-305", "neg-358", "neg-364", "neg-365", "neg-393", "neg-394",
    "neg-395",
];

/// A trailing byte after an ML-KEM seed, which Windows accepts and so do we.
const ACCEPTED: &[&str] = &["neg-382"];

/// The bytes of an entry, which may be those of another vector.
fn blob_of(entry: &Value, known: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    match entry["blob_hex"].as_str() {
        Some(digits) => hex::decode(digits).unwrap(),
        None => known[text(entry, "blob_hex_of")].clone(),
    }
}

/// The class that the extension's table of results gives to a mutation.
fn class_of(mutation: &str) -> Option<FaultClass> {
    Some(match mutation {
        "empty input" | "3 bytes only" | "header cut (first 8 bytes)" | "last byte cut off" | "one trailing zero byte" | "header only" => {
            FaultClass::Size
        }
        "magic unknown" | "bVersion 1" | "reserved not zero" | "aiKeyAlg 0x6610 (AES)" | "bType 8 (PLAINTEXTKEYBLOB)" => FaultClass::Header,
        "magic of the other kind (public/private digit)" | "private magic on a seed" | "blob type ECCPUBLICBLOB" => FaultClass::Header,
        "blob type RSAPUBLICBLOB given for a private blob" | "bitlen 0" | "pubexp 0" => FaultClass::Header,
        "hashAlgorithm 7" | "standardVersion 9" | "parameter set \"999\"" => FaultClass::Header,
        "cbKey one too small" | "cbKey 0" => FaultClass::Header,
        "bitlen + 8" | "cbPublicExp 0xffffffff" | "cbModulus 0xffffffff" => FaultClass::Size,
        "point (0,0)" | "modulus zero" => FaultClass::Numbers,
        m if m.starts_with("algorithm handle") || m.starts_with("ECDSA blob to ECDH") => FaultClass::Header,
        _ => return None,
    })
}

#[test]
fn broken_layouts_are_refused_and_impossible_numbers_left_to_admit() {
    let Some(negative) = load("negative.json") else { return };
    let mut known = HashMap::new();
    for file in ["rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa"] {
        let vectors = load(&format!("{file}.json")).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            known.insert(text(vector, "name").to_string(), bytes(vector, "blob_hex"));
        }
    }
    let mut surprises = Vec::new();
    for entry in negative["vectors"].as_array().unwrap() {
        let id = text(entry, "id");
        let blob = blob_of(entry, &known);
        known.insert(id.to_string(), blob.clone());
        let result = decode(&blob, &context(Some(text(entry, "blob_type")), Some(text(entry, "algorithm_handle"))));
        let read = result.is_ok();
        let wanted = match text(entry, "expect") {
            "accept" | "reject-or-derive" => true,
            "policy" => read,
            _ => LEFT_TO_ADMIT.contains(&id) || ACCEPTED.contains(&id),
        };
        if let (Err(error), Some(class)) = (&result, class_of(text(entry, "mutation"))) {
            assert_eq!(error.fault.class(), class, "{id}: {error}");
            assert!(error.at <= blob.len(), "{id}: {error}");
            assert!(error.to_string().len() <= 255, "{id}: {error}");
        }
        if read != wanted {
            surprises.push(format!("{id} ({}): {:?}", text(entry, "mutation"), result.err().map(|e| e.to_string())));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
