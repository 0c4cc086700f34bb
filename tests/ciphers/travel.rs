//! Keys that travel under the ciphers: whole blocks filled with zeros, paddings, and the two readings of CKM_AES_KEY_WRAP_PAD.

use crate::answers::{hex, key, vectors};
use crate::client::{Attrs, Mech, Module, R, Rv, alone, load};
use cryptoki_sys::*;

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn secret(m: &Module, s: u64, key_type: u64, value: &[u8]) -> u64 {
    m.create(s, &Attrs::secret(key_type, "goes", value).bool(CKA_EXTRACTABLE, true)).unwrap()
}

/// The value of a secret key that has travelled there and back.
fn back(m: &Module, s: u64, mech: &Mech, wrapping: u64, wrapped: &[u8], key_type: u64, len: Option<usize>) -> R<Vec<u8>> {
    let template = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, key_type).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let template = len.map_or(template.clone(), |n| template.ulong(CKA_VALUE_LEN, n as u64));
    m.get(s, m.unwrap(s, mech, wrapping, wrapped, &template)?, CKA_VALUE)
}

#[test]
fn secret_keys_travel_under_every_mechanism_that_wraps() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (aes, xts) = (key(m, s, CKK_AES, &[1; 32]), key(m, s, CKK_AES_XTS, &[1; 64]));
        let (des, des3, camellia) = (key(m, s, CKK_DES, &[1; 8]), key(m, s, CKK_DES3, &[1; 24]), key(m, s, CKK_CAMELLIA, &[1; 16]));
        let goes = secret(m, s, CKK_GENERIC_SECRET, &[7; 20]);
        let iv = |id, len| Mech::bytes(id, &vec![5; len]);
        for (mech, wrapping, len) in [
            (Mech::plain(CKM_DES_ECB), des, 24),
            (iv(CKM_DES_CBC, 8), des, 24),
            (iv(CKM_DES_CBC_PAD, 8), des, 24),
            (Mech::plain(CKM_DES3_ECB), des3, 24),
            (iv(CKM_DES3_CBC, 8), des3, 24),
            (iv(CKM_DES3_CBC_PAD, 8), des3, 24),
            (Mech::plain(CKM_CAMELLIA_ECB), camellia, 32),
            (iv(CKM_CAMELLIA_CBC, 16), camellia, 32),
            (iv(CKM_CAMELLIA_CBC_PAD, 16), camellia, 32),
            (Mech::plain(CKM_AES_ECB), aes, 32),
            (iv(CKM_AES_CBC, 16), aes, 32),
            (iv(CKM_AES_CBC_PAD, 16), aes, 32),
            (iv(CKM_AES_CTS, 16), aes, 20),
            (iv(CKM_AES_OFB, 16), aes, 20),
            (iv(CKM_AES_CFB1, 16), aes, 20),
            (iv(CKM_AES_CFB8, 16), aes, 20),
            (iv(CKM_AES_CFB64, 16), aes, 20),
            (iv(CKM_AES_CFB128, 16), aes, 20),
            (iv(CKM_AES_XTS, 16), xts, 20),
            (Mech::plain(CKM_AES_KEY_WRAP), aes, 32),
            (Mech::plain(CKM_AES_KEY_WRAP_PAD), aes, 32),
            (Mech::plain(CKM_AES_KEY_WRAP_KWP), aes, 32),
            (Mech::plain(CKM_AES_KEY_WRAP_PKCS7), aes, 32),
        ] {
            let wrapped = m.wrap(s, &mech, wrapping, goes).unwrap();
            assert_eq!(wrapped.len(), len);
            assert_eq!(back(m, s, &mech, wrapping, &wrapped, CKK_GENERIC_SECRET, Some(20)), Ok(vec![7; 20]));
        }
        // Key wrap fills at most seven bytes.
        let wrapped = m.wrap(s, &Mech::plain(CKM_AES_KEY_WRAP), aes, goes).unwrap();
        assert_eq!(back(m, s, &Mech::plain(CKM_AES_KEY_WRAP), aes, &wrapped, CKK_GENERIC_SECRET, Some(16)), err(CKR_WRAPPED_KEY_INVALID));
        // The length of a type that has one need not be named.
        let des3_key = secret(m, s, CKK_DES3, &[2; 24]);
        let wrapped = m.wrap(s, &iv(CKM_AES_CBC, 16), aes, des3_key).unwrap();
        assert_eq!(wrapped.len(), 32);
        assert_eq!(back(m, s, &iv(CKM_AES_CBC, 16), aes, &wrapped, CKK_DES3, None), Ok(vec![2; 24]));
    });
}

#[test]
fn a_private_key_travels_where_its_end_can_be_found() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (aes, des3) = (key(m, s, CKK_AES, &[1; 32]), key(m, s, CKK_DES3, &[1; 24]));
        let curve = Attrs::new().bytes(CKA_EC_PARAMS, &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]);
        let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        let (_, private) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &curve, &open).unwrap();
        let value = m.get(s, private, CKA_VALUE).unwrap();
        let template = open.clone().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC);
        for (mech, wrapping) in [
            (Mech::bytes(CKM_AES_CBC_PAD, &[5; 16]), aes),
            (Mech::bytes(CKM_DES3_CBC_PAD, &[5; 8]), des3),
            (Mech::plain(CKM_AES_KEY_WRAP), aes),
            (Mech::plain(CKM_AES_KEY_WRAP_PAD), aes),
            (Mech::plain(CKM_AES_KEY_WRAP_KWP), aes),
            (Mech::plain(CKM_AES_KEY_WRAP_PKCS7), aes),
        ] {
            let wrapped = m.wrap(s, &mech, wrapping, private).unwrap();
            let came = m.unwrap(s, &mech, wrapping, &wrapped, &template).unwrap();
            assert_eq!(m.get(s, came, CKA_VALUE), Ok(value.clone()));
        }
    });
}

#[test]
fn key_wrap_pad_makes_rfc_5649_and_takes_the_padding_of_pkcs7_too() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let pad = Mech::plain(CKM_AES_KEY_WRAP_PAD);
        for case in vectors()["wraps"].as_array().unwrap() {
            let (value, sealed, iv) = (hex(case, "plain"), hex(case, "sealed"), hex(case, "iv"));
            let aes = key(m, s, CKK_AES, &hex(case, "key"));
            let goes = secret(m, s, CKK_GENERIC_SECRET, &value);
            for id in [CKM_AES_KEY_WRAP_PKCS7, CKM_AES_KEY_WRAP_PAD] {
                let pkcs7 = if iv.is_empty() { Mech::plain(id) } else { Mech::bytes(id, &iv) };
                if id == CKM_AES_KEY_WRAP_PKCS7 || !iv.is_empty() {
                    assert_eq!(m.wrap(s, &pkcs7, aes, goes), Ok(sealed.clone()));
                    assert_eq!(m.encrypt(s, &pkcs7, aes, &value), Ok(sealed.clone()));
                }
                assert_eq!(back(m, s, &pkcs7, aes, &sealed, CKK_GENERIC_SECRET, None), Ok(value.clone()));
            }
            let padded = m.wrap(s, &pad, aes, goes).unwrap();
            assert_eq!(m.wrap(s, &Mech::plain(CKM_AES_KEY_WRAP_KWP), aes, goes), Ok(padded.clone()));
            assert_eq!(back(m, s, &pad, aes, &padded, CKK_GENERIC_SECRET, None), Ok(value));
        }
        // RFC 5649, section 6.
        let kek = hex::decode("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8").unwrap();
        let aes = key(m, s, CKK_AES, &kek);
        let goes = secret(m, s, CKK_GENERIC_SECRET, &hex::decode("466f7250617369").unwrap());
        assert_eq!(m.wrap(s, &pad, aes, goes), Ok(hex::decode("afbeb0f07dfbf5419200f2ccb50bb24f").unwrap()));
    });
}
