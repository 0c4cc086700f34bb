//! Keys wrapped by way of a temporary AES key: CKM_RSA_AES_KEY_WRAP, CKM_ECDH_AES_KEY_WRAP, CKM_ECDH_COF_AES_KEY_WRAP, CKM_ECDH_X_AES_KEY_WRAP.

use crate::client::{Attrs, Mech, Module, Room, Rv, alone, load, output};
use crate::{answers, hex_of, p11, text_of};
use cryptoki_sys::*;
use serde_json::Value;
use std::ptr::{null_mut, without_provenance_mut};

fn rsa_mech(aes_bits: u64, hash: u64, mgf: u64, label: &[u8]) -> Mech {
    let mut label = label.to_vec();
    let at = if label.is_empty() { null_mut() } else { label.as_mut_ptr().cast() };
    let oaep = CK_RSA_PKCS_OAEP_PARAMS { hashAlg: hash, mgf, source: CKZ_DATA_SPECIFIED, pSourceData: at, ulSourceDataLen: label.len() as CK_ULONG };
    // Lives as long as the process: the structure points at it.
    let oaep = Box::leak(Box::new(oaep));
    Mech::structure(CKM_RSA_AES_KEY_WRAP, CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: aes_bits, pOAEPParams: oaep }, vec![label])
}

fn ecdh_mech(id: u64, aes_bits: u64, kdf: u64, shared: &[u8]) -> Mech {
    let mut buffers = vec![shared.to_vec()];
    let at = if shared.is_empty() { null_mut() } else { buffers[0].as_mut_ptr() };
    let parameter = CK_ECDH_AES_KEY_WRAP_PARAMS { ulAESKeyBits: aes_bits, kdf, ulSharedDataLen: shared.len() as CK_ULONG, pSharedData: at };
    Mech::structure(id, parameter, buffers)
}

fn mech_of(test: &Value) -> Mech {
    let bits = test["aes_bits"].as_u64().unwrap();
    let hash = |name| match text_of(test, name) {
        "SHA1" => (CKM_SHA_1, CKG_MGF1_SHA1),
        "SHA256" => (CKM_SHA256, CKG_MGF1_SHA256),
        "SHA384" => (CKM_SHA384, CKG_MGF1_SHA384),
        "SHA512" => (CKM_SHA512, CKG_MGF1_SHA512),
        other => panic!("{other}"),
    };
    let id = match text_of(test, "mechanism") {
        "CKM_RSA_AES_KEY_WRAP" => return rsa_mech(bits, hash("hash").0, hash("mgf").1, &hex_of(test, "label")),
        "CKM_ECDH_AES_KEY_WRAP" => CKM_ECDH_AES_KEY_WRAP,
        "CKM_ECDH_COF_AES_KEY_WRAP" => CKM_ECDH_COF_AES_KEY_WRAP,
        "CKM_ECDH_X_AES_KEY_WRAP" => CKM_ECDH_X_AES_KEY_WRAP,
        other => panic!("{other}"),
    };
    let kdf = match text_of(test, "kdf") {
        "" => CKD_NULL,
        "SHA1" => CKD_SHA1_KDF,
        "SHA256" => CKD_SHA256_KDF,
        "SHA384" => CKD_SHA384_KDF,
        "SHA512" => CKD_SHA512_KDF,
        other => panic!("{other}"),
    };
    ecdh_mech(id, bits, kdf, &hex_of(test, "shared"))
}

/// Both halves of the wrapping key that a test names: (public, private).
fn wrapping_keys(m: &Module, s: u64, keys: &Value, name: &str) -> (u64, u64) {
    let key = &keys[name];
    let (public, private) = if name == "rsa" {
        let public = Attrs::new().ulong(CKA_KEY_TYPE, CKK_RSA).bytes(CKA_MODULUS, &hex_of(key, "n")).bytes(CKA_PUBLIC_EXPONENT, &hex_of(key, "e"));
        let numbers = [(CKA_PRIVATE_EXPONENT, "d"), (CKA_PRIME_1, "p"), (CKA_PRIME_2, "q"), (CKA_EXPONENT_1, "dp"), (CKA_EXPONENT_2, "dq")];
        let private = numbers.iter().fold(public.clone(), |t, (id, field)| t.bytes(*id, &hex_of(key, field)));
        (public, private.bytes(CKA_COEFFICIENT, &hex_of(key, "qinv")))
    } else {
        let key_type = if name == "x25519" { CKK_EC_MONTGOMERY } else { CKK_EC };
        let base = Attrs::new().ulong(CKA_KEY_TYPE, key_type).bytes(CKA_EC_PARAMS, &hex_of(key, "params"));
        (base.clone().bytes(CKA_EC_POINT, &hex_of(key, "point")), base.bytes(CKA_VALUE, &hex_of(key, "value")))
    };
    let public = public.class(CKO_PUBLIC_KEY).bool(CKA_WRAP, true);
    let private = private.class(CKO_PRIVATE_KEY).bool(CKA_UNWRAP, true);
    (m.create(s, &public).unwrap(), m.create(s, &private).unwrap())
}

fn private_template() -> Attrs {
    Attrs::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bool(CKA_SIGN, true).bool(CKA_EXTRACTABLE, true).bool(CKA_SENSITIVE, false)
}

fn secret_template() -> Attrs {
    Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_EXTRACTABLE, true).bool(CKA_SENSITIVE, false)
}

/// Unwraps, and sees that it is the key that went in.
fn arrives(m: &Module, s: u64, test: &Value, mech: &Mech, private: u64, wrapped: &[u8]) -> u64 {
    let name = text_of(test, "mechanism");
    if text_of(test, "load") == "secret" {
        let key = m.unwrap(s, mech, private, wrapped, &secret_template()).unwrap();
        assert_eq!(m.get(s, key, CKA_VALUE).unwrap(), hex_of(test, "value"), "{name}");
        return key;
    }
    let key = m.unwrap(s, mech, private, wrapped, &private_template()).unwrap_or_else(|rv| panic!("{name} {test}: {rv:?}"));
    let point = m.get(s, key, CKA_EC_POINT).unwrap();
    assert_eq!(point[2..], hex_of(test, "load_point"), "{name}");
    key
}

#[test]
fn keys_that_others_wrapped_arrive_and_travel_back() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let file = answers("key_wrapping");
        for test in file["tests"].as_array().unwrap() {
            let (public, private) = wrapping_keys(m, s, &file["keys"], text_of(test, "key"));
            let (mech, wrapped) = (mech_of(test), hex_of(test, "wrapped"));
            let key = arrives(m, s, test, &mech, private, &wrapped);
            let again = m.wrap(s, &mech, public, key).unwrap();
            assert_ne!(again, wrapped, "the temporary key is fresh");
            arrives(m, s, test, &mech, private, &again);
            assert_eq!(
                output(Room::Bytes(again.len() - 1), |out, len| p11!(m, C_WrapKey, s, mech.as_ptr(), public, key, out, len)).rv,
                CKR_BUFFER_TOO_SMALL
            );

            // Whatever is wrong with a wrapped key, there is one answer.
            let template = if text_of(test, "load") == "secret" { secret_template() } else { private_template() };
            let refused = |bytes: &[u8]| m.unwrap(s, &mech, private, bytes, &template);
            let invalid = Err(Rv(CKR_WRAPPED_KEY_INVALID));
            for cut in [0, 1, 16, 31, 33, wrapped.len() - 8, wrapped.len() - 1] {
                assert_eq!(refused(&wrapped[..cut]), invalid, "{cut} of {test}");
            }
            assert_eq!(refused(&wrapped[1..]), invalid);
            assert_eq!(refused(&[&wrapped[..], &[0; 8]].concat()), invalid);
            for at in [2, wrapped.len() - 20, wrapped.len() - 1] {
                let mut forged = wrapped.clone();
                forged[at] ^= 0x55;
                assert_eq!(refused(&forged), invalid, "byte {at} of {test}");
            }
        }
    });
}

#[test]
fn what_follows_the_header_of_a_cng_blob_is_unwrapped() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let file = answers("key_wrapping");
        let (test, blob) = (&file["cng_blob"], hex_of(&file["cng_blob"], "blob"));
        let number = |at: usize| usize::try_from(u32::from_le_bytes(blob[at..at + 4].try_into().unwrap())).unwrap();
        assert_eq!(&blob[..4], b"RAPW");
        let body = &blob[16..16 + number(4)];
        assert_eq!(blob.len(), 16 + number(4) + number(8) + number(12));

        let (_, private) = wrapping_keys(m, s, &file["keys"], text_of(test, "key"));
        let key = arrives(m, s, test, &mech_of(test), private, body);
        assert!(m.sign(s, &Mech::plain(CKM_ECDSA_SHA256), key, b"data").is_ok());
    });
}

#[test]
fn a_wrong_parameter_or_wrapping_key_is_named() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let file = answers("key_wrapping");
        let keys = &file["keys"];
        let (rsa, rsa_private) = wrapping_keys(m, s, keys, "rsa");
        let (p256, p256_private) = wrapping_keys(m, s, keys, "p256");
        let (x25519, _) = wrapping_keys(m, s, keys, "x25519");
        let load = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "load", &[7; 20]).bool(CKA_EXTRACTABLE, true)).unwrap();
        let kept = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "kept", &[7; 20]).bool(CKA_EXTRACTABLE, false)).unwrap();

        let param = Err(Rv(CKR_MECHANISM_PARAM_INVALID));
        let null_oaep = Mech::structure(CKM_RSA_AES_KEY_WRAP, CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: null_mut() }, vec![]);
        let bad_rsa = [
            rsa_mech(0, CKM_SHA256, CKG_MGF1_SHA256, b""),
            rsa_mech(255, CKM_SHA256, CKG_MGF1_SHA256, b""),
            rsa_mech(u64::MAX, CKM_SHA256, CKG_MGF1_SHA256, b""),
            rsa_mech(256, 0x999, CKG_MGF1_SHA256, b""),
            rsa_mech(256, CKM_SHA256, 0x999, b""),
            null_oaep,
            Mech::plain(CKM_RSA_AES_KEY_WRAP),
            Mech::bytes(CKM_RSA_AES_KEY_WRAP, &[0; 15]),
        ];
        for mech in &bad_rsa {
            assert_eq!(m.wrap(s, mech, rsa, load), param);
            assert_eq!(m.unwrap(s, mech, rsa_private, &[0; 300], &secret_template()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        }
        let dangling =
            CK_ECDH_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, kdf: CKD_SHA256_KDF, ulSharedDataLen: 4, pSharedData: without_provenance_mut(0) };
        let bad_ecdh = [
            ecdh_mech(CKM_ECDH_COF_AES_KEY_WRAP, 64, CKD_SHA256_KDF, b""),
            ecdh_mech(CKM_ECDH_COF_AES_KEY_WRAP, 256, 0x999, b""),
            ecdh_mech(CKM_ECDH_COF_AES_KEY_WRAP, 256, CKD_NULL, b"shared"),
            Mech::structure(CKM_ECDH_COF_AES_KEY_WRAP, dangling, vec![]),
            Mech::plain(CKM_ECDH_COF_AES_KEY_WRAP),
        ];
        for mech in &bad_ecdh {
            assert_eq!(m.wrap(s, mech, p256, load), param);
            assert_eq!(m.unwrap(s, mech, p256_private, &[0; 300], &secret_template()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        }

        let good = rsa_mech(256, CKM_SHA256, CKG_MGF1_SHA256, b"");
        let cof = ecdh_mech(CKM_ECDH_COF_AES_KEY_WRAP, 256, CKD_SHA256_KDF, b"");
        let x = ecdh_mech(CKM_ECDH_X_AES_KEY_WRAP, 256, CKD_SHA256_KDF, b"");
        let inconsistent = Err(Rv(CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(
            (m.wrap(s, &good, p256, load), m.wrap(s, &cof, x25519, load), m.wrap(s, &x, p256, load)),
            (inconsistent.clone(), inconsistent.clone(), inconsistent)
        );
        assert_eq!(m.wrap(s, &good, rsa, kept), Err(Rv(CKR_KEY_UNEXTRACTABLE)));
        assert_eq!(m.wrap(s, &good, rsa_private, load), Err(Rv(CKR_KEY_FUNCTION_NOT_PERMITTED)));
        // The mechanisms wrap; they do not encrypt.
        assert_eq!(m.encrypt(s, &good, rsa, b"data"), Err(Rv(CKR_MECHANISM_INVALID)));
        // SHA-512 leaves no room for the temporary key in 1024 bits.
        let small = Attrs::new().ulong(CKA_MODULUS_BITS, 1024).bool(CKA_WRAP, true);
        let (small, _) = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &small, &Attrs::new().bool(CKA_UNWRAP, true)).unwrap();
        assert_eq!(m.wrap(s, &rsa_mech(256, CKM_SHA512, CKG_MGF1_SHA512, b""), small, load), Err(Rv(CKR_WRAPPING_KEY_SIZE_RANGE)));
    });
}
