//! What C_GetMechanismInfo tells, which parameters and keys are refused, and keys that are made.

use crate::answers::{hex, key, key_type, vectors};
use crate::client::{Attrs, Mech, R, Rv, alone, load};
use crate::p11;
use cryptoki_sys::*;

const CRYPT: u64 = CKF_ENCRYPT | CKF_DECRYPT;
const WRAP: u64 = CKF_WRAP | CKF_UNWRAP;
const SIGN: u64 = CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

#[test]
fn the_mechanisms_tell_their_sizes_and_uses() {
    alone(|_| {
        let m = load();
        m.make_token_and_log_in();
        let info = |id: u64| {
            let mut info = CK_MECHANISM_INFO { ulMinKeySize: 7, ulMaxKeySize: 7, flags: 7 };
            p11!(m, C_GetMechanismInfo, crate::client::SLOT, id, &raw mut info).ok().unwrap();
            (info.ulMinKeySize, info.ulMaxKeySize, info.flags)
        };
        let listed = m.mechanisms().unwrap();
        for (ids, expected) in [
            (&[CKM_DES_KEY_GEN][..], (8, 8, CKF_GENERATE)),
            (&[CKM_DES2_KEY_GEN], (16, 16, CKF_GENERATE)),
            (&[CKM_DES3_KEY_GEN], (24, 24, CKF_GENERATE)),
            (&[CKM_DES_ECB, CKM_DES_CBC, CKM_DES_CBC_PAD], (8, 8, CRYPT | WRAP)),
            (&[CKM_DES3_ECB, CKM_DES3_CBC, CKM_DES3_CBC_PAD], (16, 24, CRYPT | WRAP)),
            (&[CKM_DES3_MAC, CKM_DES3_MAC_GENERAL, CKM_DES3_CMAC, CKM_DES3_CMAC_GENERAL], (16, 24, SIGN)),
            (&[CKM_DES_OFB64, CKM_DES_CFB64, CKM_DES_CFB8], (8, 24, CRYPT)),
            (&[CKM_CAMELLIA_KEY_GEN, CKM_AES_KEY_GEN], (16, 32, CKF_GENERATE)),
            (&[CKM_CAMELLIA_ECB, CKM_CAMELLIA_CBC, CKM_CAMELLIA_CBC_PAD, CKM_CAMELLIA_CTR], (16, 32, CRYPT | WRAP)),
            (&[CKM_CAMELLIA_MAC, CKM_CAMELLIA_MAC_GENERAL, CKM_AES_MAC, CKM_AES_MAC_GENERAL, CKM_AES_GMAC], (16, 32, SIGN)),
            (&[CKM_AES_XCBC_MAC, CKM_AES_XCBC_MAC_96], (16, 16, SIGN)),
            (&[CKM_AES_XTS], (32, 64, CRYPT | WRAP)),
            (&[CKM_AES_XTS_KEY_GEN], (32, 64, CKF_GENERATE)),
            (&[CKM_AES_ECB, CKM_AES_CTS, CKM_AES_OFB, CKM_AES_CFB1, CKM_AES_CFB8, CKM_AES_CFB64, CKM_AES_CFB128], (16, 32, CRYPT | WRAP)),
            (&[CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_PKCS7], (16, 32, CRYPT | WRAP)),
        ] {
            for id in ids {
                assert!(listed.contains(id), "{id:#x}");
                assert_eq!(info(*id), expected, "{id:#x}");
            }
        }
    });
}

#[test]
fn a_parameter_of_another_length_or_none_or_one_too_many_is_refused_before_any_data() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (aes, xts) = (key(m, s, CKK_AES, &[1; 16]), key(m, s, CKK_AES_XTS, &[1; 32]));
        let (des3, camellia) = (key(m, s, CKK_DES3, &[1; 24]), key(m, s, CKK_CAMELLIA, &[1; 16]));
        let encrypt = |mech: &Mech, key| p11!(m, C_EncryptInit, s, mech.as_ptr(), key);
        let sign = |mech: &Mech, key| p11!(m, C_SignInit, s, mech.as_ptr(), key);
        for (id, key, len) in [
            (CKM_AES_CTS, aes, 16),
            (CKM_AES_OFB, aes, 16),
            (CKM_AES_CFB1, aes, 16),
            (CKM_AES_CFB8, aes, 16),
            (CKM_AES_CFB64, aes, 16),
            (CKM_AES_CFB128, aes, 16),
            (CKM_AES_XTS, xts, 16),
            (CKM_DES3_CBC, des3, 8),
            (CKM_DES3_CBC_PAD, des3, 8),
            (CKM_DES_OFB64, des3, 8),
            (CKM_DES_CFB64, des3, 8),
            (CKM_DES_CFB8, des3, 8),
            (CKM_CAMELLIA_CBC, camellia, 16),
            (CKM_CAMELLIA_CBC_PAD, camellia, 16),
        ] {
            for wrong in [1, len - 1, len + 1, 2 * len] {
                assert_eq!(encrypt(&Mech::bytes(id, &vec![0; wrong]), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x} {wrong}");
            }
            assert_eq!(encrypt(&Mech::plain(id), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x}");
            let mut null = CK_MECHANISM { mechanism: id, pParameter: std::ptr::null_mut(), ulParameterLen: len as CK_ULONG };
            assert_eq!(p11!(m, C_EncryptInit, s, &raw mut null, key), CKR_MECHANISM_PARAM_INVALID, "{id:#x}");
        }
        for (id, key) in [(CKM_AES_ECB, aes), (CKM_DES3_ECB, des3), (CKM_CAMELLIA_ECB, camellia)] {
            assert_eq!(encrypt(&Mech::bytes(id, &[0; 16]), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x}");
        }
        for (id, key) in [(CKM_AES_MAC, aes), (CKM_AES_XCBC_MAC, aes), (CKM_DES3_MAC, des3), (CKM_DES3_CMAC, des3), (CKM_CAMELLIA_MAC, camellia)] {
            assert_eq!(sign(&Mech::bytes(id, &[0; 8]), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x}");
        }
        for (id, key, most) in [
            (CKM_AES_MAC_GENERAL, aes, 16),
            (CKM_DES3_MAC_GENERAL, des3, 8),
            (CKM_DES3_CMAC_GENERAL, des3, 8),
            (CKM_CAMELLIA_MAC_GENERAL, camellia, 16),
        ] {
            for wrong in [0, most + 1, u64::MAX] {
                assert_eq!(sign(&Mech::structure(id, wrong, Vec::new()), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x} {wrong}");
            }
            assert_eq!(sign(&Mech::plain(id), key), CKR_MECHANISM_PARAM_INVALID, "{id:#x}");
        }
        for wrong in [&[0; 11][..], &[0; 13], &[]] {
            assert_eq!(sign(&Mech::bytes(CKM_AES_GMAC, wrong), aes), CKR_MECHANISM_PARAM_INVALID);
        }
        for bits in [0, 129] {
            let counter = CK_CAMELLIA_CTR_PARAMS { ulCounterBits: bits, cb: [0; 16] };
            assert_eq!(encrypt(&Mech::structure(CKM_CAMELLIA_CTR, counter, Vec::new()), camellia), CKR_MECHANISM_PARAM_INVALID);
        }
        assert_eq!(encrypt(&Mech::bytes(CKM_DES_CBC, &[0; 8]), des3), CKR_KEY_TYPE_INCONSISTENT);
        assert_eq!(encrypt(&Mech::bytes(CKM_AES_XTS, &[0; 16]), aes), CKR_KEY_TYPE_INCONSISTENT);
        let aes32 = key(m, s, CKK_AES, &[1; 32]);
        assert_eq!(sign(&Mech::plain(CKM_AES_XCBC_MAC), aes32), CKR_KEY_SIZE_RANGE);
    });
}

#[test]
fn data_of_a_length_that_the_mode_cannot_take_is_refused() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (aes, xts, des3) = (key(m, s, CKK_AES, &[1; 16]), key(m, s, CKK_AES_XTS, &[1; 32]), key(m, s, CKK_DES3, &[1; 24]));
        for (mech, key, len) in [
            (Mech::bytes(CKM_AES_CTS, &[0; 16]), aes, 15),
            (Mech::bytes(CKM_AES_XTS, &[0; 16]), xts, 15),
            (Mech::bytes(CKM_DES3_CBC, &[0; 8]), des3, 12),
            (Mech::plain(CKM_DES3_ECB), des3, 7),
        ] {
            assert_eq!(m.encrypt(s, &mech, key, &vec![0; len]), err(CKR_DATA_LEN_RANGE));
            assert_eq!(m.decrypt(s, &mech, key, &vec![0; len]), err(CKR_ENCRYPTED_DATA_LEN_RANGE));
        }
    });
}

#[test]
fn keys_of_each_type_are_generated_with_their_length_and_des_keys_with_odd_parity() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        for (id, key_type, len, named) in [
            (CKM_DES_KEY_GEN, CKK_DES, 8, false),
            (CKM_DES2_KEY_GEN, CKK_DES2, 16, false),
            (CKM_DES3_KEY_GEN, CKK_DES3, 24, false),
            (CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, 32, true),
            (CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, 64, true),
            (CKM_CAMELLIA_KEY_GEN, CKK_CAMELLIA, 24, true),
        ] {
            let template = if named { open.clone().ulong(CKA_VALUE_LEN, len) } else { open.clone() };
            let key = m.generate(s, &Mech::plain(id), &template).unwrap();
            let value = m.get(s, key, CKA_VALUE).unwrap();
            assert_eq!((value.len() as u64, m.get_ulong(s, key, CKA_KEY_TYPE)), (len, Ok(key_type)));
            assert_eq!(m.get_ulong(s, key, CKA_KEY_GEN_MECHANISM), Ok(id));
            if matches!(key_type, CKK_DES | CKK_DES2 | CKK_DES3) {
                assert!(value.iter().all(|b| b.count_ones() % 2 == 1));
            }
            let wrong = open.clone().ulong(CKA_VALUE_LEN, len + 1);
            assert_eq!(m.generate(s, &Mech::plain(id), &wrong), err(CKR_ATTRIBUTE_VALUE_INVALID));
        }
        assert_eq!(m.generate(s, &Mech::plain(CKM_CAMELLIA_KEY_GEN), &open), err(CKR_TEMPLATE_INCOMPLETE));
    });
}

#[test]
fn a_des_key_with_wrong_parity_is_no_des_key() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (key_type, len) in [(CKK_DES, 8), (CKK_DES2, 16), (CKK_DES3, 24)] {
            assert_eq!(m.create(s, &Attrs::secret(key_type, "even", &vec![0; len])), err(CKR_ATTRIBUTE_VALUE_INVALID));
            assert!(m.create(s, &Attrs::secret(key_type, "odd", &vec![1; len])).is_ok());
        }
        // Wrapped, it is as any other fault of a wrapped key.
        let aes = key(m, s, CKK_AES, &[1; 16]);
        let even = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "even", &[0; 24]).bool(CKA_EXTRACTABLE, true)).unwrap();
        let wrapped = m.wrap(s, &Mech::plain(CKM_AES_KEY_WRAP), aes, even).unwrap();
        let template = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_DES3);
        assert_eq!(m.unwrap(s, &Mech::plain(CKM_AES_KEY_WRAP), aes, &wrapped, &template), err(CKR_WRAPPED_KEY_INVALID));
    });
}

#[test]
fn check_values_are_the_cipher_over_zeros() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for case in vectors()["checks"].as_array().unwrap() {
            let key = key(m, s, key_type(case), &hex(case, "key"));
            assert_eq!(m.get(s, key, CKA_CHECK_VALUE), Ok(hex(case, "check")), "{case}");
        }
    });
}
