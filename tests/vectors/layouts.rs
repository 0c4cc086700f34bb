//! `layouts.json`: blobs with the fields they hold, valid and not.

use crate::client::shared::{bytes, stripped, text};
use crate::client::vendor::CKA_CNG_CURVE_NAME;
use crate::client::{Attrs, Module, load, shared};
use crate::door::{Door, Family, Keys};
use crate::usage::{curve_oid, field_len, point, wrapped};
use crate::{LATER, Tally, open_attrs};
use cryptoki_sys::*;
use serde_json::Value;

/// Verdicts of the file that are not ours: it calls a symmetric blob invalid since it holds no asymmetric key (here it gives a secret key),
/// and takes SLH-DSA for not supported.
const OTHERWISE: &[&str] = &["aes-keydata", "slhdsa-pub"];

pub(crate) fn run(file: &str) {
    let Some(json) = shared::vectors(file) else { return };
    let m = load();
    let s = m.make_token_and_log_in();
    let mut tally = Tally::default();
    for vector in json.as_array().expect("vectors") {
        let (name, blob_type) = (text(vector, "name").expect("name"), text(vector, "blob_type").expect("blob_type"));
        let blob = shared::blob(vector);
        let mut family = Family::of(blob_type, &blob);
        if text(vector, "needs_curve") == Some("curve25519") {
            family = Family::X25519;
        }
        let valid = vector["valid"] == true;
        let private = blob_type.contains("PRIVATE") || family == Family::Secret;
        let before = (tally.complaints.len(), tally.later);
        for create in [false, true] {
            let door = Door { create, blob_type: Some(blob_type), alg_id: None };
            if create && family == Family::Secret {
                continue;
            }
            let attrs = attrs_for(vector, create);
            match door.open(m, s, &blob, private, 0, &attrs) {
                Ok(keys) => {
                    if !valid && !OTHERWISE.contains(&name) {
                        tally.complain(format!("{name} through {door:?}: was accepted ({})", text(vector, "note").unwrap_or_default()));
                    } else if let Some(expect) = vector.get("expect") {
                        let complaints = fields(m, s, expect, &keys, family);
                        complaints.iter().for_each(|complaint| tally.complain(format!("{name} through {door:?}: {complaint}")));
                    }
                    keys.destroy(m, s);
                }
                Err(refusal) if LATER.contains(&family) && refusal.is_not_supported() => tally.later = before.1 + 1,
                Err(refusal) if valid => tally.complain(format!("{name} through {door:?}: {refusal}")),
                Err(refusal) => match &refusal.status {
                    Ok((status, reason)) if *status != 0 && (1..=255).contains(&reason.len()) => {}
                    _ => tally.complain(format!("{name} through {door:?}: refused without a reason: {refusal}")),
                },
            }
        }
        let left = m.find(s, &Attrs::new().bool(CKA_TOKEN, false)).expect("a search").len();
        assert_eq!(left, 0, "{name}: objects were left behind");
        if (tally.complaints.len(), tally.later) == before {
            tally.passed += 1;
        }
    }
    tally.close(file);
}

/// The template: readable, and what the blob does not say itself.
fn attrs_for(vector: &Value, create: bool) -> Attrs {
    let mut attrs = open_attrs();
    match text(vector, "needs_curve") {
        // Either way of naming the curve serves; each door takes the other one.
        Some(curve) if create => attrs = attrs.bytes(CKA_EC_PARAMS, &curve_oid(curve)),
        Some("curve25519") => attrs = attrs.text(CKA_CNG_CURVE_NAME, "curve25519"),
        Some(curve) => attrs = attrs.text(CKA_CNG_CURVE_NAME, &format!("nist{curve}")),
        None => {}
    }
    if text(vector, "needs").is_some() {
        // ffdhe2048, of which the blob says only its length; generator 2.
        attrs = attrs.bytes(CKA_PRIME, &ffdhe2048()).bytes(CKA_BASE, &[2]);
    }
    attrs
}

/// The prime of ffdhe2048, taken from the vector that carries it.
fn ffdhe2048() -> Vec<u8> {
    let json = shared::vectors("layouts.json").expect("the file");
    let with_prime = json.as_array().expect("vectors").iter().find(|v| text(v, "name") == Some("dh-ffdhe2048-pub")).expect("the vector");
    bytes(&with_prime["expect"], "p").expect("p")
}

fn fields(m: &Module, s: u64, expect: &Value, keys: &Keys, family: Family) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut same = |handle: Option<u64>, id: u64, what: &str, expected: Option<Vec<u8>>| {
        let (Some(handle), Some(expected)) = (handle, expected) else { return };
        match m.get(s, handle, id) {
            Ok(told) if stripped(&told) == stripped(&expected) => {}
            Ok(told) => complaints.push(format!("{what} is {}, expected {}", hex::encode(told), hex::encode(expected))),
            Err(rv) => complaints.push(format!("{what}: {rv:?}")),
        }
    };
    let field = |name: &str| bytes(expect, name);
    let (public, private) = (keys.public, keys.private);
    match family {
        Family::Rsa => {
            same(public, CKA_MODULUS, "n", field("n"));
            same(public, CKA_PUBLIC_EXPONENT, "e", field("e"));
            let rest = [("p", CKA_PRIME_1), ("q", CKA_PRIME_2), ("dp", CKA_EXPONENT_1), ("dq", CKA_EXPONENT_2), ("qinv", CKA_COEFFICIENT)];
            for (name, id) in rest {
                same(private, id, name, field(name));
            }
            if let Some(bits) = expect["bits"].as_u64() {
                same(public, CKA_MODULUS_BITS, "bits", Some(bits.to_ne_bytes().to_vec()));
            }
        }
        Family::Ec | Family::EcFull => {
            if let (Some(curve), Some(x), Some(y)) = (text(expect, "curve"), field("x"), field("y")) {
                same(public, CKA_EC_POINT, "the point", Some(wrapped(&point(&x, &y, curve))));
                assert_eq!(field_len(curve), x.len().max(y.len()).max(field_len(curve)), "the vector's point fits its curve");
            }
            same(private, CKA_VALUE, "d", field("d"));
        }
        Family::X25519 => {
            same(public, CKA_EC_POINT, "u", field("u_le"));
            same(private, CKA_VALUE, "d", field("d_le"));
        }
        Family::Dh | Family::Dsa => {
            same(public, CKA_PRIME, "p", field("p"));
            same(public, CKA_BASE, "g", field("g"));
            same(public, CKA_VALUE, "y", field("y"));
            same(private, CKA_VALUE, "x", field("x"));
            if family == Family::Dsa {
                same(public, CKA_SUBPRIME, "q", field("q"));
            }
        }
        Family::MlKem | Family::MlDsa => {
            same(public, CKA_VALUE, "the public value", field("ek").or_else(|| field("pk")));
            same(private, CKA_SEED, "the seed", field("seed"));
        }
        Family::Secret | Family::Other => {}
    }
    complaints
}
