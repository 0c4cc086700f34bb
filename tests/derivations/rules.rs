//! The rules that all derivations share: who may serve, what a template may ask for, whose secrecy the new key has, and the codes.

use crate::client::{Attrs, Mech, Module, R, Rv, alone, load};
use crate::parameter::string_data;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn with_key(key: u64) -> Mech {
    Mech::structure(CKM_CONCATENATE_BASE_AND_KEY, key, Vec::new())
}

fn secret(m: &Module, s: u64, value: &[u8], more: &Attrs) -> u64 {
    m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "k", value).bool(CKA_DERIVE, true).and(more)).expect("a key")
}

/// A generated key: it has been sensitive always and extractable never, if it is born so.
fn generated(m: &Module, s: u64, sensitive: bool, extractable: bool) -> u64 {
    let attrs = Attrs::new().ulong(CKA_VALUE_LEN, 16).bool(CKA_DERIVE, true);
    m.generate(s, &Mech::plain(CKM_GENERIC_SECRET_KEY_GEN), &attrs.bool(CKA_SENSITIVE, sensitive).bool(CKA_EXTRACTABLE, extractable)).expect("a key")
}

/// CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE.
fn secrecy(m: &Module, s: u64, key: u64) -> [bool; 4] {
    [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE].map(|id| m.get_bool(s, key, id).expect("a flag"))
}

#[test]
fn a_key_made_of_keys_is_as_secret_as_the_most_secret_of_them() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (open, closed) = (generated(m, s, false, true), generated(m, s, true, false));
        let own = Attrs::new();
        let data = |id| string_data(id, &[1; 16]);
        for (base, mech, expected) in [
            (open, with_key(open), [false, true, false, false]),
            (open, with_key(closed), [true, false, false, false]),
            (closed, with_key(open), [true, false, false, false]),
            (closed, with_key(closed), [true, false, true, true]),
            (closed, data(CKM_CONCATENATE_BASE_AND_DATA), [true, false, true, true]),
            (closed, data(CKM_CONCATENATE_DATA_AND_BASE), [true, false, true, true]),
            (closed, data(CKM_XOR_BASE_AND_DATA), [true, false, true, true]),
            (open, data(CKM_XOR_BASE_AND_DATA), [false, true, false, false]),
        ] {
            let key = m.derive(s, &mech, base, &own).expect("a derived key");
            assert_eq!(secrecy(m, s, key), expected);
        }
        let extract = Mech::structure(CKM_EXTRACT_KEY_FROM_KEY, 0_u64, Vec::new());
        let eight = Attrs::new().ulong(CKA_VALUE_LEN, 8);
        assert_eq!(secrecy(m, s, m.derive(s, &extract, closed, &eight).unwrap()), [true, false, true, true]);
        for less in [Attrs::new().bool(CKA_SENSITIVE, false), Attrs::new().bool(CKA_EXTRACTABLE, true)] {
            assert_eq!(m.derive(s, &with_key(closed), open, &less), err(CKR_TEMPLATE_INCONSISTENT));
            assert_eq!(m.derive(s, &extract, closed, &less.and(&eight)), err(CKR_TEMPLATE_INCONSISTENT));
        }
    });
}

#[test]
fn the_digest_of_a_key_may_be_shown_and_remembers_what_its_base_was() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (open, closed) = (generated(m, s, false, true), generated(m, s, true, false));
        let mech = Mech::plain(CKM_SHA256_KEY_DERIVATION);
        let hidden = Attrs::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
        let shown = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        for (base, template, expected) in [
            (closed, &shown, [false, true, false, false]),
            (closed, &hidden, [true, false, true, true]),
            (open, &hidden, [true, false, false, false]),
        ] {
            assert_eq!(secrecy(m, s, m.derive(s, &mech, base, template).unwrap()), expected);
        }
    });
}

#[test]
fn type_and_length_come_from_the_template_the_type_or_the_mechanism() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let base = secret(m, s, &[7; 20], &Attrs::new());
        let sha = Mech::plain(CKM_SHA256_KEY_DERIVATION);
        let extract = Mech::structure(CKM_EXTRACT_KEY_FROM_KEY, 0_u64, Vec::new());
        let typed = |key_type| Attrs::new().ulong(CKA_KEY_TYPE, key_type);
        let len = |n| Attrs::new().ulong(CKA_VALUE_LEN, n);
        let length_of = |mech: &Mech, attrs: &Attrs| m.derive(s, mech, base, attrs).and_then(|key| m.get_ulong(s, key, CKA_VALUE_LEN));
        assert_eq!(length_of(&sha, &Attrs::new()), Ok(32));
        assert_eq!(length_of(&sha, &typed(CKK_GENERIC_SECRET)), Ok(32));
        assert_eq!(length_of(&sha, &typed(CKK_DES3)), Ok(24));
        assert_eq!(length_of(&sha, &len(32)), Ok(32));
        assert_eq!(length_of(&sha, &typed(CKK_AES)), err(CKR_TEMPLATE_INCOMPLETE), "AES has three lengths");
        assert_eq!(length_of(&sha, &len(33)), err(CKR_TEMPLATE_INCONSISTENT), "more than the digest");
        assert_eq!(length_of(&sha, &typed(CKK_AES).and(&len(20))), err(CKR_TEMPLATE_INCONSISTENT), "not a length of AES");
        assert_eq!(length_of(&sha, &len(0)), err(CKR_KEY_SIZE_RANGE));
        assert_eq!(length_of(&sha, &typed(CKK_RSA)), err(CKR_TEMPLATE_INCONSISTENT), "not a secret key");
        assert_eq!(length_of(&sha, &Attrs::new().class(CKO_PUBLIC_KEY)), err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(length_of(&sha, &Attrs::new().bytes(CKA_VALUE, &[1; 32])), err(CKR_TEMPLATE_INCONSISTENT), "a value is not given but derived");
        assert_eq!(length_of(&extract, &Attrs::new()), err(CKR_TEMPLATE_INCOMPLETE), "the mechanism has no length of its own");
        assert_eq!(length_of(&extract, &typed(CKK_DES2)), Ok(16));
        assert_eq!(length_of(&extract, &len(21)), err(CKR_TEMPLATE_INCONSISTENT), "longer than the base");
        assert_eq!(length_of(&string_data(CKM_XOR_BASE_AND_DATA, &[1; 5]), &len(6)), err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(length_of(&string_data(CKM_CONCATENATE_BASE_AND_DATA, &[1; 5]), &len(26)), err(CKR_TEMPLATE_INCONSISTENT));
    });
}

#[test]
fn every_key_of_a_derivation_must_allow_it_and_imposes_its_template() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let base = secret(m, s, &[1; 16], &Attrs::new());
        let silent = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "k", &[2; 16])).unwrap();
        let other = CKM_SHA256_KEY_DERIVATION.to_ne_bytes();
        let bound = secret(m, s, &[3; 16], &Attrs::new().bytes(CKA_ALLOWED_MECHANISMS, &other));
        let own = Attrs::new();
        assert_eq!(m.derive(s, &with_key(silent), base, &own), err(CKR_KEY_FUNCTION_NOT_PERMITTED), "the other key");
        assert_eq!(m.derive(s, &with_key(base), silent, &own), err(CKR_KEY_FUNCTION_NOT_PERMITTED), "the base key");
        assert_eq!(m.derive(s, &with_key(bound), base, &own), err(CKR_MECHANISM_INVALID), "the other key allows another mechanism");
        assert_eq!(m.derive(s, &with_key(0xDEAD), base, &own), err(CKR_KEY_HANDLE_INVALID));
        let data = m.create(s, &Attrs::data("d", b"data")).unwrap();
        assert_eq!(m.derive(s, &with_key(data), base, &own), err(CKR_KEY_HANDLE_INVALID));
        let rsa = Attrs::new().ulong(CKA_MODULUS_BITS, 1024);
        let (_, private) = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &rsa, &Attrs::new().bool(CKA_DERIVE, true)).unwrap();
        assert_eq!(m.derive(s, &with_key(private), base, &own), err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(m.derive(s, &with_key(base), private, &own), err(CKR_KEY_TYPE_INCONSISTENT));

        let imposed = Attrs::new().bool(CKA_SENSITIVE, true);
        let rows = imposed.rows();
        // SAFETY: the rows live as long as `imposed`; they are copied into the template's bytes as the caller's memory would hold them.
        let bytes = unsafe { std::slice::from_raw_parts(rows.as_ptr().cast::<u8>(), size_of_val(rows.as_slice())) }.to_vec();
        let imposing = secret(m, s, &[4; 16], &Attrs::new().bytes(CKA_DERIVE_TEMPLATE, &bytes));
        for (mech, first) in [(with_key(imposing), base), (with_key(base), imposing)] {
            let key = m.derive(s, &mech, first, &own).unwrap();
            assert_eq!(m.get_bool(s, key, CKA_SENSITIVE), Ok(true));
            assert_eq!(m.derive(s, &mech, first, &Attrs::new().bool(CKA_SENSITIVE, false)), err(CKR_TEMPLATE_INCONSISTENT));
        }
    });
}

#[test]
fn a_wrong_parameter_is_called_so_and_makes_no_key() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let base = secret(m, s, &[1; 16], &Attrs::new());
        let before = m.find(s, &Attrs::new()).unwrap().len();
        let eight = Attrs::new().ulong(CKA_VALUE_LEN, 8);
        for mech in [
            Mech::bytes(CKM_SHA256_KEY_DERIVATION, b"x"),
            Mech::bytes(CKM_SHAKE_128_KEY_DERIVATION, b"x"),
            Mech::plain(CKM_CONCATENATE_BASE_AND_KEY),
            Mech::bytes(CKM_CONCATENATE_BASE_AND_KEY, &[0; 4]),
            Mech::plain(CKM_CONCATENATE_BASE_AND_DATA),
            Mech::bytes(CKM_CONCATENATE_DATA_AND_BASE, &[0; 7]),
            Mech::plain(CKM_XOR_BASE_AND_DATA),
            string_data(CKM_XOR_BASE_AND_DATA, &[]),
            Mech::structure(CKM_XOR_BASE_AND_DATA, CK_KEY_DERIVATION_STRING_DATA { pData: null_mut(), ulLen: 4 }, Vec::new()),
            Mech::plain(CKM_EXTRACT_KEY_FROM_KEY),
            Mech::structure(CKM_EXTRACT_KEY_FROM_KEY, 128_u64, Vec::new()),
            Mech::structure(CKM_EXTRACT_KEY_FROM_KEY, u64::MAX, Vec::new()),
        ] {
            assert_eq!(m.derive(s, &mech, base, &eight), err(CKR_MECHANISM_PARAM_INVALID));
        }
        assert_eq!(m.find(s, &Attrs::new()).unwrap().len(), before);
    });
}
