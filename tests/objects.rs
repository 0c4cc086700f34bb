//! Objects over C: created, copied, destroyed, read, changed and measured, by whom it is allowed and by whom it is seen.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::vendor::CKA_CNG_BLOB;
use client::{Attrs, Mech, Module, R, Rv, SO_PIN, USER_PIN, alone, load};
use cryptoki_sys::*;
use std::collections::HashSet;
use std::ptr::null_mut;

const NONE: [u64; 0] = [];
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn aes(label: &str) -> Attrs {
    Attrs::secret(CKK_AES, label, &[9; 16]).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true)
}

fn ec_pair(m: &Module, s: u64, label: &str, token: bool) -> (u64, u64) {
    let common = Attrs::new().bool(CKA_TOKEN, token).label(label);
    let public = common.clone().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true);
    m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &common.bool(CKA_SIGN, true)).expect("an EC pair")
}

fn by_label(m: &Module, s: u64, label: &str) -> Vec<u64> {
    m.find(s, &Attrs::new().label(label)).expect("a search")
}

#[test]
fn a_token_object_outlives_its_session_and_a_session_object_dies_with_it() {
    alone(|_| {
        let m = load();
        let keeper = m.make_token_and_log_in();
        let s = m.rw().unwrap();

        let kept = m.create(s, &Attrs::data("kept", b"1").token()).unwrap();
        let lost = m.create(s, &Attrs::data("lost", b"2")).unwrap();

        assert_eq!(m.get(keeper, lost, CKA_VALUE), Ok(b"2".to_vec()), "session objects are seen by all sessions");
        m.close(s).unwrap();
        assert_eq!(m.get(keeper, lost, CKA_VALUE), err(CKR_OBJECT_HANDLE_INVALID));
        assert_eq!(by_label(m, keeper, "lost"), NONE);
        assert_eq!(m.get(keeper, kept, CKA_VALUE), Ok(b"1".to_vec()));
        assert_eq!(by_label(m, keeper, "kept"), [kept], "the same object has the same handle");
    });
}

#[test]
fn a_read_only_session_writes_session_objects_only() {
    alone(|_| {
        let m = load();
        let rw = m.make_token_and_log_in();
        let ro = m.ro().unwrap();
        let token = m.create(rw, &Attrs::data("token", b"1").token()).unwrap();

        assert_eq!(m.create(ro, &Attrs::data("no", b"1").token()), err(CKR_SESSION_READ_ONLY));
        assert_eq!(m.copy(ro, token, &Attrs::new()), err(CKR_SESSION_READ_ONLY));
        assert_eq!(m.set(ro, token, &Attrs::new().label("no")), err(CKR_SESSION_READ_ONLY));
        assert_eq!(m.destroy(ro, token), err(CKR_SESSION_READ_ONLY));

        let copy = m.copy(ro, token, &Attrs::new().bool(CKA_TOKEN, false)).expect("a session copy in a read-only session");
        m.set(ro, copy, &Attrs::new().label("copy")).unwrap();
        assert_eq!(m.get(ro, copy, CKA_LABEL), Ok(b"copy".to_vec()));
        m.destroy(ro, copy).unwrap();
        assert_eq!(m.get(ro, token, CKA_LABEL), Ok(b"token".to_vec()), "the original is as it was");
    });
}

#[test]
fn private_objects_are_invisible_before_login_and_their_handles_die_at_logout_for_ever() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let private = m.create(s, &Attrs::data("p", b"1").token().bool(CKA_PRIVATE, true)).unwrap();
        let public = m.create(s, &Attrs::data("p", b"2").token().bool(CKA_PRIVATE, false)).unwrap();
        let session_private = m.create(s, &Attrs::data("p", b"3").bool(CKA_PRIVATE, true)).unwrap();
        assert_eq!(by_label(m, s, "p").len(), 3);

        m.logout(s).unwrap();
        assert_eq!(by_label(m, s, "p"), [public]);
        assert_eq!(m.find(s, &Attrs::new().label("p").bool(CKA_PRIVATE, true)).unwrap(), NONE, "asking for private ones finds none either");
        for dead in [private, session_private] {
            assert_eq!(m.get(s, dead, CKA_LABEL), err(CKR_OBJECT_HANDLE_INVALID));
            assert_eq!(m.destroy(s, dead), err(CKR_OBJECT_HANDLE_INVALID));
        }

        m.login(s, CKU_USER, USER_PIN).unwrap();
        assert_eq!(m.get(s, private, CKA_LABEL), err(CKR_OBJECT_HANDLE_INVALID), "also after a later login");
        let again = by_label(m, s, "p");
        assert_eq!(again.len(), 2, "private session objects were destroyed");
        assert!(again.contains(&public) && !again.contains(&private) && !again.contains(&session_private));
    });
}

#[test]
fn writing_a_token_object_needs_a_login_and_a_private_one_the_user() {
    alone(|_| {
        let m = load();
        m.make_token();
        let s = m.rw().unwrap();
        let data = |token: bool, private: bool| Attrs::data("d", b"1").bool(CKA_TOKEN, token).bool(CKA_PRIVATE, private);

        m.create(s, &data(false, false)).expect("a public session object needs nobody");
        for attrs in [data(false, true), data(true, false), data(true, true)] {
            assert_eq!(m.create(s, &attrs), err(CKR_USER_NOT_LOGGED_IN), "{attrs:?}");
        }

        m.login(s, CKU_SO, SO_PIN).unwrap();
        let public = m.create(s, &data(true, false)).expect("the SO may store public objects");
        for attrs in [data(false, true), data(true, true)] {
            assert_eq!(m.create(s, &attrs), err(CKR_USER_NOT_LOGGED_IN), "{attrs:?}");
        }
        assert_eq!(m.copy(s, public, &Attrs::new().bool(CKA_PRIVATE, true)), err(CKR_USER_NOT_LOGGED_IN));

        m.logout(s).unwrap();
        assert_eq!(m.set(s, public, &Attrs::new().label("x")), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.get(s, public, CKA_LABEL), Ok(b"d".to_vec()));
        assert_eq!(m.destroy(s, public), Ok(()), "a read-write public session may destroy what is public");
    });
}

#[test]
fn only_the_so_may_set_trusted() {
    alone(|_| {
        let m = load();
        m.make_token();
        let s = m.rw().unwrap();
        m.login(s, CKU_USER, USER_PIN).unwrap();
        let key = ec_pair(m, s, "wrapping", true).0;
        assert_eq!(m.get_bool(s, key, CKA_TRUSTED), Ok(false));
        let refused = m.set(s, key, &Attrs::new().bool(CKA_TRUSTED, true));
        assert!(matches!(refused, Err(rv) if rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_USER_NOT_LOGGED_IN), "{refused:?}");
        let created = m.create(s, &aes("t").bool(CKA_TRUSTED, true));
        assert!(created.is_err(), "not at birth either");
        m.logout(s).unwrap();

        m.login(s, CKU_SO, SO_PIN).unwrap();
        let key = by_label(m, s, "wrapping")[0];
        m.set(s, key, &Attrs::new().bool(CKA_TRUSTED, true)).expect("the SO trusts it");
        assert_eq!(m.get_bool(s, key, CKA_TRUSTED), Ok(true));
        m.logout(s).unwrap();

        m.login(s, CKU_USER, USER_PIN).unwrap();
        let key = by_label(m, s, "wrapping").into_iter().find(|h| m.get_ulong(s, *h, CKA_CLASS) == Ok(CKO_PUBLIC_KEY)).unwrap();
        assert_eq!(m.get_bool(s, key, CKA_TRUSTED), Ok(true), "and it stays");
    });
}

#[test]
fn sensitive_and_extractable_go_one_way() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &aes("k").bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).unwrap();
        assert_eq!(m.get(s, key, CKA_VALUE), Ok(vec![9; 16]));
        assert_eq!(m.get_bool(s, key, CKA_ALWAYS_SENSITIVE), Ok(false));
        assert_eq!(m.get_bool(s, key, CKA_NEVER_EXTRACTABLE), Ok(false));
        assert_eq!(m.get_bool(s, key, CKA_LOCAL), Ok(false));

        let hidden = m.copy(s, key, &Attrs::new().bool(CKA_SENSITIVE, true)).unwrap();
        assert_eq!(m.get(s, hidden, CKA_VALUE), err(CKR_ATTRIBUTE_SENSITIVE));
        assert_eq!(m.get(s, key, CKA_VALUE), Ok(vec![9; 16]), "the original is as it was");

        m.set(s, key, &Attrs::new().bool(CKA_EXTRACTABLE, false)).unwrap();
        assert_eq!(m.get(s, key, CKA_VALUE), err(CKR_ATTRIBUTE_SENSITIVE), "unextractable hides it too");
        for back in [Attrs::new().bool(CKA_EXTRACTABLE, true), Attrs::new().bool(CKA_SENSITIVE, false)] {
            let target = if back.rows()[0].type_ == CKA_EXTRACTABLE { key } else { hidden };
            assert_eq!(m.set(s, target, &back), err(CKR_ATTRIBUTE_READ_ONLY));
            let copied = m.copy(s, target, &back);
            assert!(matches!(copied, Err(rv) if rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT), "{copied:?}");
        }
    });
}

#[test]
fn a_copy_may_become_private_but_never_public() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let public = m.create(s, &aes("k").bool(CKA_PRIVATE, false)).unwrap();
        let private = m.copy(s, public, &Attrs::new().bool(CKA_PRIVATE, true)).expect("raised");
        assert_eq!(m.get_bool(s, private, CKA_PRIVATE), Ok(true));
        let lowered = m.copy(s, private, &Attrs::new().bool(CKA_PRIVATE, false));
        assert!(matches!(lowered, Err(rv) if rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT), "{lowered:?}");
    });
}

#[test]
fn a_copy_with_an_empty_template_is_the_same_object_under_another_unique_id() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, private) = ec_pair(m, s, "pair", false);

        let copy = m.copy(s, private, &Attrs::new()).expect("NSS copies so");
        for id in [CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_ID, CKA_SENSITIVE, CKA_SIGN, CKA_LOCAL, CKA_PUBLIC_KEY_INFO, CKA_EC_PARAMS] {
            assert_eq!(m.get(s, copy, id), m.get(s, private, id), "attribute {id:#x}");
        }
        assert_ne!(m.get(s, copy, CKA_UNIQUE_ID), m.get(s, private, CKA_UNIQUE_ID));
        // The template of pkcs11-provider: an empty CKA_ID behind a pointer.
        let template = Attrs::new().bool(CKA_TOKEN, false).bytes(CKA_ID, &[]).label("Internal Session Only Copy");
        let copy = m.copy(s, private, &template).unwrap();
        assert_eq!(m.get(s, copy, CKA_ID), Ok(Vec::new()));
        m.sign(s, &Mech::plain(CKM_ECDSA), copy, &[1; 32]).expect("the copy signs");
    });
}

#[test]
fn objects_that_forbid_it_are_not_copied_changed_or_destroyed() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let fixed = m.create(s, &Attrs::data("f", b"1").bool(CKA_MODIFIABLE, false)).unwrap();
        let single = m.create(s, &Attrs::data("s", b"1").bool(CKA_COPYABLE, false)).unwrap();
        let lasting = m.create(s, &Attrs::data("l", b"1").bool(CKA_DESTROYABLE, false)).unwrap();

        assert_eq!(m.set(s, fixed, &Attrs::new().label("x")), err(CKR_ACTION_PROHIBITED));
        assert_eq!(m.copy(s, single, &Attrs::new()), err(CKR_ACTION_PROHIBITED));
        assert_eq!(m.destroy(s, lasting), err(CKR_ACTION_PROHIBITED));
        let back = m.set(s, single, &Attrs::new().bool(CKA_COPYABLE, true));
        assert!(back.is_err(), "CKA_COPYABLE cannot be set back: {back:?}");
        assert_eq!(m.get(s, fixed, CKA_LABEL), Ok(b"f".to_vec()));
        assert_eq!(m.get(s, lasting, CKA_LABEL), Ok(b"l".to_vec()));
    });
}

#[test]
fn labels_and_ids_of_keys_can_be_changed_and_the_numbers_cannot() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (public, private) = ec_pair(m, s, "old", true);
        for handle in [public, private] {
            m.set(s, handle, &Attrs::new().label("new").bytes(CKA_ID, &[7; 20]).bytes(CKA_SUBJECT, &[0x30, 0])).unwrap();
            assert_eq!(m.get(s, handle, CKA_LABEL), Ok(b"new".to_vec()));
            assert_eq!(m.get(s, handle, CKA_ID), Ok(vec![7; 20]));
            for (id, value) in [(CKA_EC_PARAMS, &P256[..]), (CKA_KEY_TYPE, &CKK_RSA.to_ne_bytes()[..]), (CKA_LOCAL, &[0]), (CKA_TOKEN, &[0])] {
                assert_eq!(m.set(s, handle, &Attrs::new().bytes(id, value)), err(CKR_ATTRIBUTE_READ_ONLY), "attribute {id:#x}");
            }
            assert_eq!(m.set(s, handle, &Attrs::new().text(CKA_UNIQUE_ID, "x")), err(CKR_ATTRIBUTE_READ_ONLY));
            assert_eq!(m.set(s, handle, &Attrs::new().bytes(0x7FFF_FFFF, &[1])), err(CKR_ATTRIBUTE_TYPE_INVALID));
        }
        assert_eq!(by_label(m, s, "old"), NONE);
        let mut both = by_label(m, s, "new");
        both.sort_unstable();
        let mut pair = [public, private];
        pair.sort_unstable();
        assert_eq!(both, pair);
    });
}

#[test]
fn a_refused_change_changes_nothing_not_even_its_good_half() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for token in [false, true] {
            let key = m.create(s, &aes("k").bool(CKA_TOKEN, token)).unwrap();
            assert!(m.set(s, key, &Attrs::new().label("changed").ulong(CKA_KEY_TYPE, CKK_DES3)).is_err());
            assert_eq!(m.get(s, key, CKA_LABEL), Ok(b"k".to_vec()));
        }
    });
}

#[test]
fn reading_fills_what_it_can_and_says_minus_one_for_the_rest() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &aes("label").bytes(CKA_ID, &[]).bool(CKA_SENSITIVE, true)).unwrap();
        let (mut label, mut short, mut value, mut none) = ([0_u8; 64], [0xEE_u8; 2], [0xEE_u8; 64], [0xEE_u8; 8]);
        let row = |type_, buffer: &mut [u8]| CK_ATTRIBUTE { type_, pValue: buffer.as_mut_ptr().cast(), ulValueLen: buffer.len() as CK_ULONG };
        let mut rows = [
            row(CKA_LABEL, &mut label),
            row(CKA_LABEL, &mut short),
            row(CKA_VALUE, &mut value),
            row(CKA_MODULUS, &mut none),
            CK_ATTRIBUTE { type_: CKA_LABEL, pValue: null_mut(), ulValueLen: 77 },
            CK_ATTRIBUTE { type_: CKA_ID, pValue: null_mut(), ulValueLen: 77 },
            CK_ATTRIBUTE { type_: CKA_VALUE, pValue: null_mut(), ulValueLen: 77 },
        ];

        let rv = p11!(m, C_GetAttributeValue, s, key, rows.as_mut_ptr(), rows.len() as CK_ULONG);

        let codes = [CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL];
        assert!(codes.iter().any(|code| rv == *code), "{rv:?}");
        let lengths: Vec<u64> = rows.iter().map(|row| row.ulValueLen).collect();
        assert_eq!(
            lengths,
            [5, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, 5, 0, CK_UNAVAILABLE_INFORMATION]
        );
        assert_eq!(&label[..5], b"label");
        assert_eq!((short, value, none), ([0xEE; 2], [0xEE; 64], [0xEE; 8]), "nothing is written for the others");

        for (id, code) in [(CKA_VALUE, CKR_ATTRIBUTE_SENSITIVE), (CKA_MODULUS, CKR_ATTRIBUTE_TYPE_INVALID), (0x7FFF_FFFF, CKR_ATTRIBUTE_TYPE_INVALID)]
        {
            assert_eq!(m.get(s, key, id), err(code), "attribute {id:#x} alone");
        }
        assert_eq!(m.get(s, key, CKA_CNG_BLOB), err(CKR_ATTRIBUTE_TYPE_INVALID), "the blob is not kept");
    });
}

#[test]
fn a_template_inside_an_attribute_tells_the_lengths_of_its_rows() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let inner = Attrs::new().class(CKO_SECRET_KEY).label("inner");
        let inner_rows = inner.rows();
        // SAFETY: the rows are plain data; their bytes are what a nested template is on the wire of the C interface.
        let raw = unsafe { std::slice::from_raw_parts(inner_rows.as_ptr().cast::<u8>(), size_of_val(&inner_rows[..])) };
        let key = m.create(s, &aes("k").bool(CKA_WRAP, true).bytes(CKA_WRAP_TEMPLATE, raw)).expect("a key with a wrap template");

        let mut row = CK_ATTRIBUTE { type_: CKA_WRAP_TEMPLATE, pValue: null_mut(), ulValueLen: 0 };
        assert_eq!(p11!(m, C_GetAttributeValue, s, key, &raw mut row, 1), CKR_OK);
        assert_eq!(row.ulValueLen, 2 * size_of::<CK_ATTRIBUTE>() as CK_ULONG);

        let empty = CK_ATTRIBUTE { type_: 0, pValue: null_mut(), ulValueLen: 0 };
        let mut told = [empty, empty];
        row.pValue = told.as_mut_ptr().cast();
        assert_eq!(p11!(m, C_GetAttributeValue, s, key, &raw mut row, 1), CKR_OK);
        let lengths: HashSet<(u64, u64)> = told.iter().map(|inner| (inner.type_, inner.ulValueLen)).collect();
        assert_eq!(lengths, HashSet::from([(CKA_CLASS, 8), (CKA_LABEL, 5)]));

        let mut buffers = [[0_u8; 8]; 2];
        for (inner, buffer) in told.iter_mut().zip(&mut buffers) {
            inner.pValue = buffer.as_mut_ptr().cast();
            inner.ulValueLen = 8;
        }
        assert_eq!(p11!(m, C_GetAttributeValue, s, key, &raw mut row, 1), CKR_OK);
        let at = told.iter().position(|inner| inner.type_ == CKA_LABEL).unwrap();
        assert_eq!((&buffers[at][..5], told[at].ulValueLen), (&b"inner"[..], 5));

        told[at].ulValueLen = 4;
        assert_eq!(p11!(m, C_GetAttributeValue, s, key, &raw mut row, 1), CKR_BUFFER_TOO_SMALL);
        assert_eq!(told[at].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    });
}

#[test]
fn object_sizes_are_told() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let small = m.create(s, &Attrs::data("small", &[1; 10])).unwrap();
        let large = m.create(s, &Attrs::data("large", &[1; 10_000]).token()).unwrap();
        let told = (m.size(s, small), m.size(s, large));
        if let (Ok(small), Ok(large)) = told {
            assert!(small < large && large >= 10_000, "{told:?}");
        } else {
            assert_eq!(told, (Ok(CK_UNAVAILABLE_INFORMATION), Ok(CK_UNAVAILABLE_INFORMATION)));
        }
        assert_eq!(m.size(s, 0x7FFF_FFF0), err(CKR_OBJECT_HANDLE_INVALID));
    });
}
