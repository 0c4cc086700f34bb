//! The known answers, file by file.

use crate::client::{Attrs, alone, load};
use crate::numbers::number;
use crate::parameter::{base, hex, mechanism};
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
    let all = vectors(file);
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
