//! Reads blobs that other implementations made: the expected fields come out, the same bytes go back in, under the type's own
//! name, under the generic name and by magic alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{Claim, Context, Decoded, Origin, UseHint, decode, encode, row, sniff};
use cngtoken_key::Uint;
use serde_json::Value;
use support::*;

/// The blob back from what was read of it, with the origin taken through its stored form.
fn again(decoded: &Decoded, type_name: &str) -> Option<Vec<u8>> {
    let (parts, invented) = complete(decoded);
    if invented {
        return None;
    }
    let origin = Origin::from_text(&decoded.origin.to_text()).expect("the origin survives its text form");
    let row = row(type_name).expect("a row");
    Some(encode(row, &parts, Some(&origin), decoded.symmetric).expect("it encodes").expose().to_vec())
}

/// p and g where a blob does not carry them.
fn group_beside(name: &str, keys: &Value, key: &str) -> Option<(Uint, Uint)> {
    let components = &keys[key]["components"];
    name.contains("v2-pub").then(|| (uint(text(components, "p")), uint(text(components, "g"))))
}

fn check_numbers(name: &str, claim: &Claim, expected: &Value, required: &[&str]) {
    for (field, value) in expected.as_object().expect("fields") {
        let Some(value) = value.as_str() else { continue };
        match number(claim, field) {
            Some(found) => assert!(found == uint(value), "{name}: {field}"),
            None => assert!(!required.contains(&field.as_str()), "{name}: {field} is missing"),
        }
    }
}

fn check_file(file: &str) {
    let Some(vectors) = load(file) else { return };
    let mut checked = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let (name, type_name, blob) = (text(vector, "name"), text(vector, "blob_type"), bytes(vector, "blob_hex"));
        let type_name = if type_name.starts_with("PVK") { "PVK" } else { type_name };
        if row(type_name).is_none() {
            println!("not read: {name} ({type_name})");
            continue;
        }
        let key = text(vector, "key");
        let dh_group = group_beside(name, &vectors["keys"], key);
        let carried: Vec<&str> = vector["carries"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let is_number = ["n", "e", "d", "p", "q", "dp", "dq", "qinv", "x", "y", "g", "pk", "seed"];
        // The vectors list q for every DH blob of version 3, also where bitlenQ is 0.
        let required: Vec<&str> = carried.into_iter().filter(|c| is_number.contains(c) && !(*c == "q" && name.ends_with("dh_sf"))).collect();
        let generic = vector["generic_blob_type"].as_str();

        for (as_type, as_alg) in [(Some(type_name), None), (Some(type_name), Some(text(vector, "algorithm"))), (None, None), (generic, None)] {
            let ctx = Context { type_name: as_type, alg_id: as_alg, dh_group: dh_group.clone(), ..Context::default() };
            let decoded = decode(&blob, &ctx).unwrap_or_else(|e| panic!("{name} as {as_type:?}: {e}"));
            check_numbers(name, &decoded.claim, &vectors["keys"][key]["components"], &required);
            assert_eq!(decoded.ignored_trailing, 0, "{name}");
            let back = again(&decoded, as_type.unwrap_or(decoded.row.name)).expect("nothing is missing");
            assert!(back == blob, "{name} as {as_type:?} comes back different");
        }
        checked += 1;
    }
    println!("{file}: {checked} blobs");
    assert!(checked > 0);
}

#[test]
fn rsa_blobs_of_other_implementations_are_read_and_written() {
    check_file("rsa.json");
}

#[test]
fn ecc_blobs_of_other_implementations_are_read_and_written() {
    check_file("ecc.json");
    check_file("third-party/ecc.json");
}

#[test]
fn dsa_and_dh_blobs_of_other_implementations_are_read_and_written() {
    check_file("dsa.json");
    check_file("dh.json");
    check_file("third-party/dsa.json");
}

#[test]
fn legacy_blobs_of_other_implementations_are_read_and_written() {
    check_file("legacy.json");
    check_file("third-party/legacy.json");
}

#[test]
fn post_quantum_blobs_of_other_implementations_are_read_and_written() {
    check_file("mlkem.json");
    check_file("pqdsa.json");
    check_file("third-party/mlkem.json");
    check_file("third-party/pqdsa.json");
}

#[test]
fn every_layout_gives_its_fields_and_every_broken_one_is_refused() {
    for file in ["layouts.json", "third-party/layouts.json"] {
        let Some(vectors) = load(file) else { return };
        for vector in vectors.as_array().unwrap() {
            check_layout(vector);
        }
    }
}

/// Blobs whose layout is right and whose numbers are not: `crypto::admit` refuses these.
const LEFT_TO_ADMIT: &[&str] = &[
    "rsa-e-even",
    "rsa-e-one",
    "rsa-n-mismatch",
    "rsa-wrong-dp",
    "ec-P256-offcurve",
    "ec-P256-d-zero",
    "ec-P256-d-eq-n",
    "ec-P256-mismatch",
    "ec-P384-offcurve",
    "ec-P384-d-zero",
    "ec-P384-d-eq-n",
    "ec-P384-mismatch",
    "ec-P521-offcurve",
    "ec-P521-d-zero",
    "ec-P521-d-eq-n",
    "ec-P521-mismatch",
    "dh-y1",
    "dh-y-pm1",
    "dh-x0",
    "dh-y-mismatch",
    "dsa-y-mismatch",
    "dsa-x-ge-q",
    "dsa-bad-q",
    "mlkem768-noncanonical",
    "mlkem1024-noncanonical",
    "mlkem512-priv-badhash",
    "mlkem768-priv-badhash",
    "mlkem1024-priv-badhash",
    "mldsa44-priv-badtr",
    "mldsa65-priv-badtr",
    "mldsa87-priv-badtr",
];

/// Listed as invalid by the vectors' author, who took asymmetric keys only.
const WE_READ_IT: &[&str] = &["aes-keydata", "slhdsa-pub"];

fn check_layout(vector: &Value) {
    let (name, type_name, blob) = (text(vector, "name"), text(vector, "blob_type"), bytes(vector, "hex"));
    if row(type_name).is_none() {
        println!("not read: {name} ({type_name})");
        return;
    }
    let expect = &vector["expect"];
    let dh_group = vector["needs"].as_str().map(|_| (uint(&format!("ff{}", "00".repeat(255))), uint("2")));
    let ctx = Context { type_name: Some(type_name), curve: curve(text(vector, "needs_curve")), dh_group, ..Context::default() };
    let result = decode(&blob, &ctx);
    if vector["valid"] == false && !WE_READ_IT.contains(&name) {
        assert_eq!(result.is_ok(), LEFT_TO_ADMIT.contains(&name), "{name}: {:?}", result.err());
        return;
    }
    let decoded = result.unwrap_or_else(|e| panic!("{name}: {e}"));
    if let Some(fields) = expect.as_object() {
        let numbers = fields.iter().filter(|(k, _)| !["bits", "set", "curve", "family", "j"].contains(&k.as_str()) && !k.ends_with("sha256"));
        let numbers: Value = numbers.map(|(k, v)| (k.clone(), v.clone())).collect::<serde_json::Map<_, _>>().into();
        check_numbers(name, &decoded.claim, &numbers, &[]);
    }
    match (&decoded.claim, text(expect, "family")) {
        (Claim::Ec(_), "ecdsa") => assert_eq!(decoded.hint, UseHint::SignOnly, "{name}"),
        (Claim::Ec(_), "ecdh") => assert_eq!(decoded.hint, UseHint::DeriveAndSign, "{name}"),
        _ => {}
    }
    match &decoded.claim {
        Claim::Rsa(c) => assert!(expect["bits"].as_u64().is_none_or(|bits| c.n.as_ref().unwrap().bit_len() as u64 == bits), "{name}"),
        Claim::Ec(c) => assert_eq!(Some(cngtoken_blob::CurveName::Weierstrass(c.curve)), curve(text(expect, "curve")).or(ctx_curve(c)), "{name}"),
        Claim::MlKem(c) => assert_eq!(c.set.cng_name(), text(expect, "set"), "{name}"),
        Claim::MlDsa(c) => assert_eq!(c.set.cng_name(), text(expect, "set"), "{name}"),
        _ => {}
    }
    if let Some(back) = again(&decoded, type_name) {
        let end = blob.len() - decoded.ignored_trailing;
        assert!(back == blob[..end], "{name} comes back different");
    }
    if !type_name.starts_with("PRIV") && !type_name.starts_with("PUB") && !type_name.contains("CAPI") {
        assert_eq!(sniff(&blob).unwrap().name, type_name, "{name}");
    }
}

/// Vectors without expectations name no curve.
fn ctx_curve(claim: &cngtoken_key::EcClaim) -> Option<cngtoken_blob::CurveName> {
    Some(cngtoken_blob::CurveName::Weierstrass(claim.curve))
}
