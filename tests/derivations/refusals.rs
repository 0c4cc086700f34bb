//! What the derivations with structures refuse, and by which code; the secrecy that SP 800-108 passes on; generated keys of MAC types.

use crate::client::{Attrs, Mech, R, Rv, alone, load};
use crate::parameter::{Hkdf, kbkdf, pbe, pbkd2, string_data};
use cryptoki_sys::*;
use serde_json::{Value, json};
use std::ptr::null_mut;

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

const OPEN: &[(u64, bool)] = &[(CKA_DERIVE, true), (CKA_SENSITIVE, false), (CKA_EXTRACTABLE, true)];

fn secret(key_type: u64, value: &[u8]) -> Attrs {
    OPEN.iter().fold(Attrs::secret(key_type, "k", value), |attrs, (id, value)| attrs.bool(*id, *value))
}

fn sixteen() -> Attrs {
    Attrs::new().ulong(CKA_VALUE_LEN, 16)
}

#[test]
fn encryption_of_data_wants_whole_blocks_and_no_more_than_there_are() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &secret(CKK_AES, &[1; 16])).unwrap();
        let silent = m.create(s, &secret(CKK_AES, &[1; 16]).bool(CKA_ENCRYPT, true).without(&[CKA_DERIVE])).unwrap();
        let ecb = |data: &[u8]| string_data(CKM_AES_ECB_ENCRYPT_DATA, data);
        for mech in [ecb(&[]), ecb(&[1; 15]), ecb(&[1; 33]), Mech::plain(CKM_AES_CBC_ENCRYPT_DATA), Mech::bytes(CKM_AES_CBC_ENCRYPT_DATA, &[0; 16])] {
            assert_eq!(m.derive(s, &mech, key, &sixteen()), err(CKR_MECHANISM_PARAM_INVALID));
        }
        assert_eq!(m.derive(s, &ecb(&[1; 16]), key, &Attrs::new().ulong(CKA_VALUE_LEN, 17)), err(CKR_DATA_LEN_RANGE), "the mechanism's own code");
        assert_eq!(m.derive(s, &ecb(&[1; 16]), silent, &sixteen()), err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        let generic = m.create(s, &secret(CKK_GENERIC_SECRET, &[1; 16])).unwrap();
        assert_eq!(m.derive(s, &ecb(&[1; 16]), generic, &sixteen()), err(CKR_KEY_TYPE_INCONSISTENT));
    });
}

#[test]
fn hkdf_refuses_what_it_cannot_compute() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &secret(CKK_HKDF, &[1; 32])).unwrap();
        let good = || Hkdf { extract: true, expand: true, prf: CKM_SHA256, salt_type: CKF_HKDF_SALT_NULL, salt: &[], salt_key: 0, info: b"i" };
        for id in [CKM_HKDF_DERIVE, CKM_HKDF_DATA] {
            for bad in [
                Hkdf { extract: false, expand: false, ..good() },
                Hkdf { prf: CKM_SHA256_HMAC, ..good() },
                Hkdf { prf: 0xDEAD, ..good() },
                Hkdf { salt_type: 0, ..good() },
                Hkdf { salt_type: 8, ..good() },
            ] {
                assert_eq!(m.derive(s, &bad.mechanism(id), key, &sixteen()), err(CKR_MECHANISM_PARAM_INVALID));
            }
            assert_eq!(m.derive(s, &Mech::plain(id), key, &sixteen()), err(CKR_MECHANISM_PARAM_INVALID));
            let missing = Hkdf { salt_type: CKF_HKDF_SALT_KEY, salt_key: 0xDEAD, ..good() };
            assert_eq!(m.derive(s, &missing.mechanism(id), key, &sixteen()), err(CKR_KEY_HANDLE_INVALID));
            let ignored = Hkdf { extract: false, ..missing };
            assert!(m.derive(s, &ignored.mechanism(id), key, &sixteen()).is_ok(), "a salt that is not used is not looked at");
            let mech = good().mechanism(id);
            assert_eq!(m.derive(s, &mech, key, &Attrs::new()), err(CKR_TEMPLATE_INCOMPLETE), "expansion has no length of its own");
            assert_eq!(m.derive(s, &mech, key, &Attrs::new().ulong(CKA_VALUE_LEN, 255 * 32 + 1)), err(CKR_TEMPLATE_INCONSISTENT));
        }
        let short = m.create(s, &secret(CKK_HKDF, &[1; 31])).unwrap();
        let expand = Hkdf { extract: false, ..good() }.mechanism(CKM_HKDF_DERIVE);
        assert_eq!(m.derive(s, &expand, short, &sixteen()), err(CKR_KEY_SIZE_RANGE), "a pseudo-random key is as long as the hash");
        let aes = m.create(s, &secret(CKK_AES, &[1; 16])).unwrap();
        assert_eq!(m.derive(s, &good().mechanism(CKM_HKDF_DERIVE), aes, &sixteen()), err(CKR_KEY_TYPE_INCONSISTENT));
        let data = good().mechanism(CKM_HKDF_DATA);
        assert_eq!(m.derive(s, &data, key, &sixteen().class(CKO_SECRET_KEY)), err(CKR_TEMPLATE_INCONSISTENT), "it makes a data object");
        assert_eq!(m.derive(s, &data, key, &sixteen().bytes(CKA_VALUE, b"x")), err(CKR_TEMPLATE_INCONSISTENT));
    });
}

#[test]
fn passwords_are_refused_with_too_many_iterations_or_a_structure_that_says_something_else() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let generic = sixteen().ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
        let sha256 = CKP_PKCS5_PBKD2_HMAC_SHA256;
        for mech in [
            Mech::plain(CKM_PKCS5_PBKD2),
            Mech::bytes(CKM_PKCS5_PBKD2, &[0; 71]),
            pbkd2(sha256, b"pw", b"salt", 0, false),
            pbkd2(sha256, b"pw", b"salt", 10_000_001, false),
            pbkd2(sha256, b"pw", b"salt", u64::MAX, false),
            pbkd2(CKP_PKCS5_PBKD2_HMAC_GOSTR3411, b"pw", b"salt", 1, false),
            pbkd2(99, b"pw", b"salt", 1, true),
            pbkd2(sha256, &[b'p'; 0x1_0000], b"salt", 1, true),
        ] {
            assert_eq!(m.generate(s, &mech, &generic), err(CKR_MECHANISM_PARAM_INVALID));
        }
        let good = || pbkd2(sha256, b"pw", b"salt", 1, false);
        assert_eq!(m.generate(s, &good(), &sixteen()), err(CKR_TEMPLATE_INCOMPLETE), "the key type");
        assert_eq!(m.generate(s, &good(), &Attrs::new().ulong(CKA_KEY_TYPE, CKK_AES)), err(CKR_TEMPLATE_INCOMPLETE), "the length");
        assert_eq!(m.generate(s, &good(), &Attrs::new().ulong(CKA_KEY_TYPE, CKK_AES).ulong(CKA_VALUE_LEN, 17)), err(CKR_ATTRIBUTE_VALUE_INVALID));
        assert!(m.generate(s, &pbkd2(sha256, b"", b"", 1, false), &generic).is_ok(), "no password and no salt are an input too");
        for id in [CKM_PBE_SHA1_DES3_EDE_CBC, CKM_PBE_SHA1_DES2_EDE_CBC, CKM_PBA_SHA1_WITH_SHA1_HMAC] {
            for mech in [Mech::plain(id), Mech::bytes(id, &[0; 47]), pbe(id, b"pw", b"salt", 0, null_mut())] {
                assert_eq!(m.generate(s, &mech, &Attrs::new()), err(CKR_MECHANISM_PARAM_INVALID));
            }
            let key = m.generate(s, &pbe(id, b"pw", b"salt", 1, null_mut()), &Attrs::new()).expect("no place for the vector is no fault");
            assert_eq!(m.get_ulong(s, key, CKA_KEY_GEN_MECHANISM), Ok(id));
            let other = Attrs::new().ulong(CKA_KEY_TYPE, CKK_AES);
            assert_eq!(m.generate(s, &pbe(id, b"pw", b"salt", 1, null_mut()), &other), err(CKR_TEMPLATE_INCONSISTENT));
        }
    });
}

fn counter() -> Value {
    json!({"field": "iteration", "bits": 32})
}

fn chain() -> Value {
    json!({"field": "iteration"})
}

#[test]
fn sp_800_108_refuses_fields_that_its_mode_does_not_have() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &secret(CKK_GENERIC_SECRET, &[1; 32])).unwrap();
        let aes = m.create(s, &secret(CKK_AES, &[1; 16])).unwrap();
        let length = || json!({"field": "length", "method": "keys", "bits": 32});
        let run = |id: u64, prf: &str, base: u64, fields: Value, len: u64| {
            let mech = kbkdf(m, s, id, &json!({"prf": prf, "fields": fields}), &[]);
            m.derive(s, &mech, base, &Attrs::new().ulong(CKA_VALUE_LEN, len)).map(drop)
        };
        let hmac = "CKM_SHA256_HMAC";
        let refused = err(CKR_MECHANISM_PARAM_INVALID);
        for fields in [
            json!([]),
            json!([length()]),
            json!([counter(), counter()]),
            json!([chain()]),
            json!([counter(), {"field": "counter", "bits": 32}]),
            json!([counter(), length(), length()]),
            json!([{"field": "iteration", "bits": 0}]),
            json!([{"field": "iteration", "bits": 12}]),
            json!([{"field": "iteration", "bits": 40}]),
            json!([counter(), {"field": "length", "method": "keys", "bits": 72}]),
            json!([counter(), {"field": "bytes", "data": ""}]),
        ] {
            assert_eq!(run(CKM_SP800_108_COUNTER_KDF, hmac, key, fields.clone(), 16), refused, "{fields}");
        }
        for id in [CKM_SP800_108_FEEDBACK_KDF, CKM_SP800_108_DOUBLE_PIPELINE_KDF] {
            for fields in [json!([]), json!([counter()]), json!([chain(), {"field": "counter", "bits": 8}, {"field": "counter", "bits": 8}])] {
                assert_eq!(run(id, hmac, key, fields, 16), refused);
            }
            assert_eq!(run(id, hmac, key, json!([chain()]), 16), Ok(()));
        }
        let one = json!([{"field": "iteration", "bits": 8}, {"field": "length", "method": "keys", "bits": 16}]);
        assert_eq!(run(CKM_SP800_108_COUNTER_KDF, hmac, key, one.clone(), 255 * 32), Ok(()), "as far as a counter of a byte reaches");
        assert_eq!(run(CKM_SP800_108_COUNTER_KDF, hmac, key, one.clone(), 255 * 32 + 1), refused);
        let tight = json!([counter(), {"field": "length", "method": "keys", "bits": 8}]);
        assert_eq!(run(CKM_SP800_108_COUNTER_KDF, hmac, key, tight, 32), refused, "256 bits do not fit a byte");
        for prf in ["CKM_SHA256", "CKM_AES_CBC"] {
            assert_eq!(run(CKM_SP800_108_COUNTER_KDF, prf, key, json!([counter()]), 16), refused);
        }
        assert_eq!(run(CKM_SP800_108_COUNTER_KDF, "CKM_AES_CMAC", key, json!([counter()]), 16), err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(run(CKM_SP800_108_COUNTER_KDF, "CKM_AES_CMAC", aes, json!([counter()]), 16), Ok(()));
        let mech = kbkdf(m, s, CKM_SP800_108_COUNTER_KDF, &json!({"prf": hmac, "fields": [counter()]}), &[]);
        assert_eq!(m.derive(s, &mech, key, &Attrs::new()), err(CKR_TEMPLATE_INCOMPLETE));
    });
}

#[test]
fn further_keys_come_all_or_none_and_the_template_at_fault_is_told() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &secret(CKK_GENERIC_SECRET, &[1; 32])).unwrap();
        let before = m.find(s, &Attrs::new()).unwrap().len();
        let (good, bad) = (sixteen(), sixteen().ulong(CKA_KEY_TYPE, CKK_DES3));
        for (rv, templates, expected) in
            [(CKR_TEMPLATE_INCONSISTENT, [&good, &bad], [7, CK_INVALID_HANDLE]), (CKR_TEMPLATE_INCONSISTENT, [&bad, &good], [CK_INVALID_HANDLE, 7])]
        {
            let mut rows = templates.map(Attrs::rows);
            let mut handles = [7_u64, 7];
            let [first, second] = &mut handles;
            let further: Vec<CK_DERIVED_KEY> = rows
                .iter_mut()
                .zip([first, second])
                .map(|(rows, to)| CK_DERIVED_KEY { pTemplate: rows.as_mut_ptr(), ulAttributeCount: rows.len() as CK_ULONG, phKey: to })
                .collect();
            let mech = kbkdf(m, s, CKM_SP800_108_COUNTER_KDF, &json!({"prf": "CKM_SHA256_HMAC", "fields": [counter()]}), &further);
            assert_eq!(m.derive(s, &mech, key, &sixteen()), err(rv));
            assert_eq!(handles, expected);
        }
        let further = [CK_DERIVED_KEY { pTemplate: null_mut(), ulAttributeCount: 0, phKey: null_mut() }];
        let mech = kbkdf(m, s, CKM_SP800_108_COUNTER_KDF, &json!({"prf": "CKM_SHA256_HMAC", "fields": [counter()]}), &further);
        assert_eq!(m.derive(s, &mech, key, &sixteen()), err(CKR_MECHANISM_PARAM_INVALID), "no place for a handle");
        assert_eq!(m.find(s, &Attrs::new()).unwrap().len(), before);
    });
}

#[test]
fn sp_800_108_passes_the_base_keys_secrecy_on_where_the_template_is_silent() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mech = kbkdf(m, s, CKM_SP800_108_COUNTER_KDF, &json!({"prf": "CKM_SHA256_HMAC", "fields": [counter()]}), &[]);
        let flags = [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE];
        for (sensitive, extractable) in [(true, false), (false, true), (true, true), (false, false)] {
            let base = sixteen().bool(CKA_DERIVE, true).bool(CKA_SENSITIVE, sensitive).bool(CKA_EXTRACTABLE, extractable);
            let base = m.generate(s, &Mech::plain(CKM_GENERIC_SECRET_KEY_GEN), &base).unwrap();
            let silent = m.derive(s, &mech, base, &sixteen()).unwrap();
            assert_eq!(flags.map(|id| m.get_bool(s, silent, id)), [Ok(sensitive), Ok(extractable), Ok(sensitive), Ok(!extractable)]);
            let shown = m.derive(s, &mech, base, &sixteen().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).unwrap();
            assert_eq!(flags.map(|id| m.get_bool(s, shown, id)), [Ok(false), Ok(true), Ok(false), Ok(false)]);
        }
    });
}

#[test]
fn each_mac_type_has_a_generator_of_its_own() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (mech, key_type, mac) in [
            (CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, CKM_SHA_1_HMAC),
            (CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, CKM_SHA224_HMAC),
            (CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, CKM_SHA256_HMAC),
            (CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, CKM_SHA384_HMAC),
            (CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, CKM_SHA512_HMAC),
            (CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC, CKM_SHA512_224_HMAC),
            (CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC, CKM_SHA512_256_HMAC),
            (CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, CKM_SHA3_224_HMAC),
            (CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, CKM_SHA3_256_HMAC),
            (CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, CKM_SHA3_384_HMAC),
            (CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, CKM_SHA3_512_HMAC),
            (CKM_HKDF_KEY_GEN, CKK_HKDF, CKM_HKDF_DERIVE),
        ] {
            let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true).ulong(CKA_VALUE_LEN, 40);
            let key = m.generate(s, &Mech::plain(mech), &open).expect("a key");
            assert_eq!(m.get_ulong(s, key, CKA_KEY_TYPE), Ok(key_type));
            let value = m.get(s, key, CKA_VALUE).unwrap();
            assert_eq!(value.len(), 40);
            let other = m.generate(s, &Mech::plain(mech), &open).unwrap();
            assert_ne!(m.get(s, other, CKA_VALUE), Ok(value.clone()), "a generator does not repeat itself");
            assert_eq!(m.generate(s, &Mech::plain(mech), &Attrs::new()), err(CKR_TEMPLATE_INCOMPLETE));
            assert_eq!(m.generate(s, &Mech::bytes(mech, b"x"), &open), err(CKR_MECHANISM_PARAM_INVALID));
            if key_type != CKK_HKDF {
                let generic = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "g", &value)).unwrap();
                let tag = m.sign(s, &Mech::plain(mac), key, b"data").expect("it signs with its own MAC");
                m.verify(s, &Mech::plain(mac), generic, b"data", &tag).expect("the tag of the same value");
            }
        }
    });
}
