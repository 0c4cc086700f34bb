//! The known answers, file by file.

use crate::client::{Attrs, alone, load};
use crate::numbers::number;
use crate::parameter::{base, hex, kbkdf, mechanism, pbe, pbkd2};
use cryptoki_sys::*;
use serde_json::Value;
use std::path::Path;

/// The template of a vector: type and length as far as it names them, and a value that can be read.
pub(crate) fn template(wanted: &Value) -> Attrs {
    let mut attrs = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    if let Some(name) = wanted["type"].as_str() {
        attrs = attrs.ulong(CKA_KEY_TYPE, number(&format!("CKK_{name}")));
    }
    if let Some(len) = wanted["len"].as_u64() {
        attrs = attrs.ulong(CKA_VALUE_LEN, len);
    }
    attrs
}

/// The vectors of a file; each must be run.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/mechanisms").join(file);
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON");
    assert!(file["source"].as_str().is_some_and(|s| s.len() > 10), "the vectors name their source");
    let Value::Array(all) = file["vectors"].take() else { panic!("an array of vectors") };
    assert!(!all.is_empty());
    all
}

/// Runs the derivations of a file.
fn derivations(file: &str) {
    let m = load();
    let s = m.make_token_and_log_in();
    // Those with further keys are run with them, below.
    let all: Vec<Value> = vectors(file).into_iter().filter(|v| v["parameter"]["more"].is_null()).collect();
    for v in &all {
        let name = &v["name"];
        let key = base(m, s, &v["base"]);
        let mech = mechanism(m, s, number(v["mechanism"].as_str().expect("a mechanism")), &v["parameter"]);
        let derived = m.derive(s, &mech, key, &template(&v["template"])).unwrap_or_else(|rv| panic!("{file}, {name}: {rv:?}"));
        let told = m.get(s, derived, CKA_VALUE).expect("the value");
        assert_eq!(hex::encode(told), hex::encode(hex(&v["value"])), "{file}, {name}");
        assert_eq!(m.get_ulong(s, derived, CKA_VALUE_LEN), Ok(hex(&v["value"]).len() as u64), "{file}, {name}");
        let key_type = v["template"]["type"].as_str().or(v["result_type"].as_str()).unwrap_or("GENERIC_SECRET");
        assert_eq!(m.get_ulong(s, derived, CKA_KEY_TYPE), Ok(number(&format!("CKK_{key_type}"))), "{file}, {name}");
        assert_eq!(m.get_bool(s, derived, CKA_LOCAL), Ok(false), "{file}, {name}");
        m.destroy(s, derived).expect("C_DestroyObject");
        m.destroy(s, key).expect("C_DestroyObject");
    }
    println!("note: {file}: {} derivations", all.len());
}

#[test]
fn digests_of_a_key_are_the_published_digests() {
    alone(|_| derivations("hash_derivation.json"));
}

#[test]
fn concatenation_exclusive_or_and_extraction_are_as_the_standard_shows() {
    alone(|_| derivations("simple_derivation.json"));
}

#[test]
fn data_encrypted_by_a_key_becomes_a_key() {
    alone(|_| derivations("encrypt_data.json"));
}

#[test]
fn hkdf_extracts_and_expands_as_published() {
    alone(|_| derivations("hkdf.json"));
}

#[test]
fn hkdf_gives_the_same_bytes_as_a_data_object() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut data = 0;
        for v in vectors("hkdf.json").iter().filter(|v| v["template"]["type"].is_null()) {
            let key = base(m, s, &v["base"]);
            let mech = mechanism(m, s, CKM_HKDF_DATA, &v["parameter"]);
            let len = v["template"]["len"].as_u64().map_or(Attrs::new(), |len| Attrs::new().ulong(CKA_VALUE_LEN, len));
            let derived = m.derive(s, &mech, key, &len.label("derived")).unwrap_or_else(|rv| panic!("{}: {rv:?}", v["name"]));
            assert_eq!(m.get(s, derived, CKA_VALUE), Ok(hex(&v["value"])), "{}", v["name"]);
            assert_eq!(m.get_ulong(s, derived, CKA_CLASS), Ok(CKO_DATA));
            assert_eq!(m.get(s, derived, CKA_LABEL), Ok(b"derived".to_vec()));
            data += 1;
        }
        println!("note: hkdf.json: {data} data objects");
    });
}

#[test]
fn sp_800_108_derives_as_published_with_fields_in_any_order() {
    alone(|_| derivations("sp800_108.json"));
}

#[test]
fn sp_800_108_gives_further_keys_through_its_parameter() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut runs = 0;
        for v in vectors("sp800_108.json") {
            let Some(more) = v["parameter"]["more"].as_array() else { continue };
            let key = base(m, s, &v["base"]);
            let templates: Vec<Attrs> = more.iter().map(|k| template(&k["template"])).collect();
            let mut rows: Vec<Vec<CK_ATTRIBUTE>> = templates.iter().map(Attrs::rows).collect();
            let mut handles = vec![CK_INVALID_HANDLE; more.len()];
            let further: Vec<CK_DERIVED_KEY> = rows
                .iter_mut()
                .zip(&mut handles)
                .map(|(rows, to)| CK_DERIVED_KEY { pTemplate: rows.as_mut_ptr(), ulAttributeCount: rows.len() as CK_ULONG, phKey: to })
                .collect();
            let mech = kbkdf(m, s, number(v["mechanism"].as_str().unwrap()), &v["parameter"], &further);
            let first = m.derive(s, &mech, key, &template(&v["template"])).unwrap_or_else(|rv| panic!("{}: {rv:?}", v["name"]));
            assert_eq!(m.get(s, first, CKA_VALUE), Ok(hex(&v["value"])), "{}", v["name"]);
            for (handle, expected) in handles.iter().zip(more) {
                assert_eq!(m.get(s, *handle, CKA_VALUE), Ok(hex(&expected["value"])), "{}", v["name"]);
            }
            runs += 1;
        }
        assert_eq!(runs, 6, "three modes, two ways to count the length");
    });
}

#[test]
fn ike_derives_as_its_rfcs_say() {
    alone(|_| derivations("ike.json"));
}

#[test]
fn passwords_become_keys_as_published() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let number_of = |v: &Value, name: &str| v[name].as_u64().expect("a number");
        for file in ["pbkdf2.json", "pbe.json"] {
            let all = vectors(file);
            for v in &all {
                let (name, p) = (&v["name"], &v["parameter"]);
                let (password, salt, iterations) = (hex(&p["password"]), hex(&p["salt"]), number_of(p, "iterations"));
                let mut iv = [0xA5_u8; 8];
                let mech = match p["kind"].as_str() {
                    Some("pbkd2") => pbkd2(number_of(p, "prf"), &password, &salt, iterations, false),
                    Some("pbkd2_old") => pbkd2(number_of(p, "prf"), &password, &salt, iterations, true),
                    _ => pbe(number(v["mechanism"].as_str().unwrap()), &password, &salt, iterations, iv.as_mut_ptr()),
                };
                let key = m.generate(s, &mech, &template(&v["template"])).unwrap_or_else(|rv| panic!("{file}, {name}: {rv:?}"));
                assert_eq!(m.get(s, key, CKA_VALUE).map(hex::encode), Ok(hex::encode(hex(&v["value"]))), "{file}, {name}");
                let key_type = v["result_type"].as_str().or(v["template"]["type"].as_str()).expect("a type");
                assert_eq!(m.get_ulong(s, key, CKA_KEY_TYPE), Ok(number(&format!("CKK_{key_type}"))), "{file}, {name}");
                let expected_iv = v["iv"].as_str().map_or(vec![0xA5; 8], |text| hex::decode(text).unwrap());
                assert_eq!(iv.to_vec(), expected_iv, "{file}, {name}: the initialization vector");
                m.destroy(s, key).unwrap();
            }
            println!("note: {file}: {} keys", all.len());
        }
    });
}
