//! The keys behind the blob vectors, made by implementations that are not ours: each must be admitted from its numbers, come out complete, and give the
//! signatures and secrets that its maker computed. Skipped, with a line that says so, where the vectors are absent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{Admitted, Agree, Engine, Hash, Key, Level, Scheme, admit, agree, decapsulate, engine, sign, verify};
use cngtoken_key::{Claim, Curve, DhClaim, DsaClaim, EcClaim, KeyParts, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet, RsaClaim, Secret, Uint};
use common::hex_of;
use serde_json::Value;
use std::path::PathBuf;

fn load(file: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {file} is not beside this repository");
            None
        }
    }
}

fn number(components: &Value, field: &str) -> Option<Uint> {
    components[field].as_str().map(|_| common::number(&components[field]))
}

fn secret(components: &Value, field: &str) -> Option<Secret> {
    components[field].as_str().map(|_| Secret::new(hex_of(&components[field])))
}

fn hash(name: &Value) -> Hash {
    match name.as_str().unwrap() {
        "SHA1" => Hash::Sha1,
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        other => panic!("{other}"),
    }
}

/// Runs the checks of one key.
fn check_signatures(name: &str, admitted: &Admitted, checks: &Value, scheme: impl Fn(&Value) -> Scheme) -> usize {
    let mut count = 0;
    for check in checks.as_array().into_iter().flatten().filter(|c| c["kind"] == "signature") {
        let mut scheme = scheme(check);
        let mut message = hex_of(&check["message_hex"]);
        if check["digest_hex"].is_string() {
            message = hex_of(&check["digest_hex"]);
            scheme = match scheme {
                Scheme::Dsa { .. } => Scheme::Dsa { hash: None },
                Scheme::Ecdsa { .. } => Scheme::Ecdsa { hash: None },
                Scheme::RsaPkcs1 { .. } => {
                    // SHA-1's DigestInfo: the only hash for which a vector gives the digest alone.
                    assert_eq!(check["hash"], "SHA1");
                    message.splice(0..0, hex::decode("3021300906052b0e03021a05000414").unwrap());
                    Scheme::RsaPkcs1 { hash: None }
                }
                other => other,
            };
        }
        let signature = hex_of(&check["signature_hex"]);
        for parts in [&admitted.public, &admitted.private].into_iter().flatten() {
            for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts.clone()).unwrap()] {
                verify(&key, &scheme, &message, &signature).unwrap_or_else(|e| panic!("{name}: {e}"));
                if matches!(parts.half(), cngtoken_key::Half::Private) {
                    let own = sign(&key, &scheme, &message).unwrap();
                    verify(&key, &scheme, &message, &own).unwrap();
                    if check["deterministic"] == true {
                        assert_eq!(own, signature, "{name}");
                    }
                }
            }
        }
        count += 1;
    }
    count
}

#[test]
fn rsa_keys_complete_to_their_makers_numbers_and_sign_alike() {
    let mut count = 0;
    for file in ["rsa.json", "legacy.json"] {
        let Some(set) = load(file) else { return };
        for (name, key) in set["keys"].as_object().unwrap() {
            let c = &key["components"];
            if key["algorithm"] != "RSA" || c["n"].is_null() {
                continue;
            }
            let (n, e) = (number(c, "n"), number(c, "e"));
            let full = RsaClaim {
                n: n.clone(),
                e: e.clone(),
                d: number(c, "d"),
                p: number(c, "p"),
                q: number(c, "q"),
                dp: number(c, "dp"),
                dq: number(c, "dq"),
                qinv: number(c, "qinv"),
            };
            let admitted = admit(Claim::Rsa(full.clone()), Level::Full).unwrap_or_else(|error| panic!("{name}: {error}"));
            if full.p.is_some() {
                let short = RsaClaim { n, e, p: full.p.clone(), q: full.q.clone(), ..RsaClaim::default() };
                let Some(KeyParts::RsaPrivate(own)) = admit(Claim::Rsa(short), Level::NoPrimality).unwrap().private else { panic!("{name}") };
                for (mine, theirs) in [(&own.dp, &full.dp), (&own.dq, &full.dq), (&own.qinv, &full.qinv)] {
                    assert!(theirs.as_ref().is_none_or(|theirs| mine == theirs), "{name}");
                }
            }
            count += check_signatures(name, &admitted, &key["checks"], |check| {
                let hash = hash(&check["hash"]);
                match check["scheme"].as_str().unwrap() {
                    "RSA-PKCS1" => Scheme::RsaPkcs1 { hash: Some(hash) },
                    "RSA-PSS" => {
                        Scheme::RsaPss { hash, mgf: hash, salt_len: usize::try_from(check["salt_len"].as_u64().unwrap()).unwrap(), prehashed: false }
                    }
                    other => panic!("{name}: {other}"),
                }
            });
        }
    }
    assert!(count >= 15);
}

#[test]
fn curve_keys_sign_and_agree_alike() {
    let Some(set) = load("ecc.json") else { return };
    let mut count = 0;
    for (name, key) in set["keys"].as_object().unwrap() {
        let c = &key["components"];
        let curve = match c["curve"].as_str().unwrap() {
            "P-256" => Curve::P256,
            "P-384" => Curve::P384,
            "P-521" => Curve::P521,
            other => panic!("{name}: {other}"),
        };
        let (x, y) = (number(c, "x").unwrap(), number(c, "y").unwrap());
        let claim = EcClaim { curve, point: Some((x, y)), d: secret(c, "d") };
        let admitted = admit(Claim::Ec(claim.clone()), Level::Full).unwrap_or_else(|error| panic!("{name}: {error}"));
        if claim.d.is_some() {
            assert_eq!(admit(Claim::Ec(EcClaim { point: None, ..claim }), Level::Full).unwrap(), admitted, "{name}");
        }
        count += check_signatures(name, &admitted, &key["checks"], |check| Scheme::Ecdsa { hash: Some(hash(&check["hash"])) });
        for check in key["checks"].as_array().into_iter().flatten().filter(|c| c["kind"] == "ecdh") {
            let blob = hex_of(&check["peer_blob_hex"]);
            let mut peer = vec![4];
            peer.extend_from_slice(&blob[8..8 + 2 * curve.field_bytes()]);
            let how = Agree::Ecdh { kdf: None, shared: vec![], cofactor: false };
            let parts = admitted.private.clone().unwrap();
            for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts).unwrap()] {
                assert_eq!(agree(&key, &peer, &how, None).unwrap().expose(), hex_of(&check["raw_secret_big_endian_hex"]), "{name}");
            }
            count += 1;
        }
    }
    assert!(count >= 15);
}

#[test]
fn dsa_and_dh_keys_sign_and_agree_alike() {
    let (Some(dsa), Some(dh)) = (load("dsa.json"), load("dh.json")) else { return };
    let mut count = 0;
    for (name, key) in dsa["keys"].as_object().unwrap() {
        let c = &key["components"];
        let claim = DsaClaim {
            p: number(c, "p").unwrap(),
            q: number(c, "q").unwrap(),
            g: number(c, "g").unwrap(),
            seed: None,
            y: number(c, "y"),
            x: number(c, "x"),
        };
        let admitted = admit(Claim::Dsa(claim), Level::Full).unwrap_or_else(|error| panic!("{name}: {error}"));
        count += check_signatures(name, &admitted, &key["checks"], |check| Scheme::Dsa { hash: Some(hash(&check["hash"])) });
    }
    for (name, key) in dh["keys"].as_object().unwrap() {
        let c = &key["components"];
        let claim = DhClaim { p: number(c, "p").unwrap(), g: number(c, "g").unwrap(), q: number(c, "q"), y: number(c, "y"), x: number(c, "x") };
        let admitted = admit(Claim::Dh(claim.clone()), Level::Full).unwrap_or_else(|error| panic!("{name}: {error}"));
        for check in key["checks"].as_array().into_iter().flatten() {
            let blob = hex_of(&check["peer_blob_hex"]);
            let peer = &blob[blob.len() - claim.p.byte_len()..];
            let key = Key::new(admitted.private.clone().unwrap()).unwrap();
            assert_eq!(agree(&key, peer, &Agree::Dh, None).unwrap().expose(), hex_of(&check["raw_secret_big_endian_hex"]), "{name}");
            count += 1;
        }
    }
    assert!(count >= 10);
}

#[test]
fn dsa_seeds_replay_in_both_standards() {
    let Some(set) = load("dsa.json") else { return };
    let mut count = 0;
    for vector in set["vectors"].as_array().unwrap().iter().filter(|v| v["seed_fact"].is_array()) {
        let c = &set["keys"][vector["key"].as_str().unwrap()]["components"];
        let counter = hex_of(&vector["count_hex_as_stored"]).iter().fold(0u32, |n, &b| (n << 8) | u32::from(b));
        let claim = |counter| {
            let seed = Some(cngtoken_key::DsaSeed { seed: hex_of(&vector["seed_hex_as_stored"]), counter });
            let (p, q, g) = (number(c, "p").unwrap(), number(c, "q").unwrap(), number(c, "g").unwrap());
            Claim::Dsa(DsaClaim { p, q, g, seed, y: number(c, "y"), x: None })
        };
        admit(claim(counter), Level::Full).unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
        assert!(admit(claim(counter + 1), Level::Full).unwrap_err().to_string().contains("seed"), "{}", vector["name"]);
        count += 1;
    }
    assert!(count >= 5);
}

/// The expanded private key: the end of the blob that the entry names.
fn expanded(set: &Value, components: &Value, len: usize) -> Secret {
    let name = &components["sk_in"];
    let vector = set["vectors"].as_array().unwrap().iter().find(|v| v["name"] == *name).unwrap();
    let blob = hex_of(&vector["blob_hex"]);
    Secret::copy_of(&blob[blob.len() - len..])
}

#[test]
fn post_quantum_keys_expand_sign_and_open_alike() {
    let (Some(kem), Some(dsa)) = (load("mlkem.json"), load("pqdsa.json")) else { return };
    for (name, key) in kem["keys"].as_object().unwrap() {
        let c = &key["components"];
        let set = MlKemSet::ALL.into_iter().find(|s| c["parameter_set"] == s.cng_name()).unwrap();
        let dk = expanded(&kem, c, set.private_bytes());
        let from_seed = MlKemClaim { set, ek: Some(hex_of(&c["pk"])), dk: Some(dk.clone()), seed: secret(c, "seed") };
        let from_dk = MlKemClaim { set, ek: None, dk: Some(dk), seed: None };
        for claim in [from_seed, from_dk] {
            let parts = admit(Claim::MlKem(claim), Level::Full).unwrap().private.unwrap();
            for check in key["checks"].as_array().unwrap().iter().filter(|c| c["ciphertext_hex"].as_str().unwrap().len() > 100) {
                for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts.clone()).unwrap()] {
                    assert_eq!(decapsulate(&key, &hex_of(&check["ciphertext_hex"])).unwrap().expose(), hex_of(&check["shared_secret_hex"]), "{name}");
                }
            }
        }
    }
    for (name, key) in dsa["keys"].as_object().unwrap() {
        let c = &key["components"];
        let set = MlDsaSet::ALL.into_iter().find(|s| c["parameter_set"] == s.cng_name()).unwrap();
        let sk = expanded(&dsa, c, set.private_bytes());
        let from_seed = MlDsaClaim { set, pk: Some(hex_of(&c["pk"])), sk: Some(sk.clone()), seed: secret(c, "seed") };
        let from_sk = MlDsaClaim { set, pk: None, sk: Some(sk), seed: None };
        for claim in [from_seed, from_sk] {
            let admitted = admit(Claim::MlDsa(claim), Level::Full).unwrap();
            let count = check_signatures(name, &admitted, &key["checks"], |check| Scheme::MlDsa {
                context: hex_of(&check["context_hex"]),
                prehash: None,
                prehashed: false,
                deterministic: true,
            });
            assert_eq!(count, 1);
            // What is not deterministic goes to aws-lc, where it is.
            let hedged = Scheme::MlDsa { context: vec![], prehash: None, prehashed: false, deterministic: false };
            let served = engine(&hedged, admitted.private.as_ref().unwrap());
            assert_eq!(served, if cfg!(feature = "fast") { Engine::AwsLc } else { Engine::RustCrypto });
        }
    }
}
