//! Objects over C: created, copied, destroyed, read, changed, measured and found, by whom it is allowed and by whom it is seen.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::place::Place;
use client::vendor::{CKA_CNG_BLOB, CKA_CNG_ORIGIN, Import};
use client::{Attrs, Mech, Module, R, Rv, SO_PIN, USER_PIN, alone, load};
use cryptoki_sys::*;
use std::collections::HashSet;
use std::process::Command;
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
        assert_eq!(m.destroy(s, public), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.get(s, public, CKA_LABEL), Ok(b"d".to_vec()));
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
fn searches_match_exactly_and_take_any_template() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let with_id = m.create(s, &aes("a").bytes(CKA_ID, &[1])).unwrap();
        let without = m.create(s, &aes("a").bytes(CKA_ID, &[])).unwrap();
        let longer = m.create(s, &aes("ab").bytes(CKA_ID, &[1, 2]).token()).unwrap();
        let found = |attrs: Attrs| {
            let mut found = m.find(s, &attrs).expect("a search");
            found.sort_unstable();
            found
        };
        let sorted = |mut handles: Vec<u64>| {
            handles.sort_unstable();
            handles
        };

        assert_eq!(found(Attrs::new().label("a")), sorted(vec![with_id, without]));
        assert_eq!(found(Attrs::new().bytes(CKA_ID, &[]).class(CKO_SECRET_KEY)), [without], "a zero-length id matches a zero-length id");
        assert_eq!(found(Attrs::new().label("a").bytes(CKA_ID, &[1])), [with_id]);
        assert_eq!(found(Attrs::new().bool(CKA_TOKEN, true).class(CKO_SECRET_KEY)), [longer]);
        for nothing in
            [Attrs::new().bytes(0x7FFF_0000, &[1]), Attrs::new().label("a").bytes(0xCE53_4351, b"x"), Attrs::new().ulong(CKA_CLASS, 0xCE53_4353)]
        {
            assert_eq!(found(nothing.clone()), NONE, "{nothing:?} matches nothing and is no error");
        }
        assert_eq!(
            found(Attrs::new().class(CKO_SECRET_KEY).bytes(CKA_VALUE, &[9; 16]).bool(CKA_SENSITIVE, true)),
            NONE,
            "a sensitive value is not found by guessing"
        );
        let all = found(Attrs::new());
        assert!([with_id, without, longer].iter().all(|handle| all.contains(handle)));
        assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len(), "no object twice");
        let unique_id = m.get(s, longer, CKA_UNIQUE_ID).unwrap();
        assert_eq!(found(Attrs::new().bytes(CKA_UNIQUE_ID, &unique_id)), [longer]);
    });
}

#[test]
fn a_search_gives_each_handle_once_in_order_of_creation() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let made: Vec<u64> = (0..25).map(|i| m.create(s, &Attrs::data("many", &[i]).token()).unwrap()).collect();
        let attrs = Attrs::new().label("many");
        let mut rows = attrs.rows();
        p11!(m, C_FindObjectsInit, s, rows.as_mut_ptr(), 1).ok().unwrap();
        let mut found = Vec::new();
        for asked in [1, 7, 10, 64, 1] {
            let (mut handles, mut count) = ([0; 64], 0);
            p11!(m, C_FindObjects, s, handles.as_mut_ptr(), asked, &raw mut count).ok().unwrap();
            assert!(count <= asked);
            found.extend_from_slice(&handles[..usize::try_from(count).unwrap()]);
        }
        p11!(m, C_FindObjectsFinal, s).ok().unwrap();
        assert_eq!(found, made);
    });
}

#[test]
fn profile_objects_are_there_before_and_after_initialisation_and_only_true_ones() {
    alone(|_| {
        let m = load();
        m.make_token();
        let s = m.ro().unwrap();
        let profiles = m.find(s, &Attrs::new().class(CKO_PROFILE)).unwrap();
        let ids: Vec<u64> = profiles.iter().map(|p| m.get_ulong(s, *p, CKA_PROFILE_ID).expect("CKA_PROFILE_ID")).collect();
        assert!(ids.contains(&CKP_BASELINE_PROVIDER) && ids.contains(&CKP_PUBLIC_CERTIFICATES_TOKEN), "{ids:?}");
        assert!(ids.len() <= 5 && ids.iter().collect::<HashSet<_>>().len() == ids.len(), "{ids:?}");
        for profile in profiles {
            assert_eq!(m.get_ulong(s, profile, CKA_CLASS), Ok(CKO_PROFILE));
            let destroyed = m.destroy(s, profile);
            assert!(destroyed.is_err(), "profiles are built in");
        }
        let by_id = m.find(s, &Attrs::new().class(CKO_PROFILE).ulong(CKA_PROFILE_ID, CKP_PUBLIC_CERTIFICATES_TOKEN)).unwrap();
        assert_eq!(by_id.len(), 1, "NSS asks so");
    });
}

#[test]
fn unique_ids_are_unique_lasting_and_not_the_callers_to_give() {
    alone(|place| {
        let m = load();
        if place.role() == "again" {
            m.initialize().unwrap();
            let s = m.rw_user();
            let found = by_label(m, s, "u");
            let ids: Vec<String> = found.iter().map(|h| hex::encode(m.get(s, *h, CKA_UNIQUE_ID).unwrap())).collect();
            println!("ids {}", ids.join(","));
            return;
        }
        let s = m.make_token_and_log_in();
        let made: Vec<u64> = (0..10).map(|_| m.create(s, &Attrs::data("u", b"1").token()).unwrap()).collect();
        let ids: Vec<Vec<u8>> = made.iter().map(|h| m.get(s, *h, CKA_UNIQUE_ID).unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10);
        assert!(ids.iter().all(|id| !id.is_empty() && std::str::from_utf8(id).is_ok()), "RFC 2279 strings");
        assert_eq!(m.create(s, &Attrs::data("u", b"1").text(CKA_UNIQUE_ID, "mine")), err(CKR_ATTRIBUTE_READ_ONLY));
        let told = place.run("again");
        let again = told.lines().find_map(|line| line.strip_prefix("ids ")).expect("the other process tells the ids");
        assert_eq!(again, ids.iter().map(hex::encode).collect::<Vec<_>>().join(","));
    });
}

#[test]
fn two_processes_see_each_others_objects() {
    alone(|place| {
        let m = load();
        match place.role() {
            "second" => {
                m.initialize().unwrap();
                let s = m.rw_user();
                let theirs = by_label(m, s, "first");
                assert_eq!(theirs.len(), 1, "the first process's object is here");
                m.set(s, theirs[0], &Attrs::new().bytes(CKA_VALUE, b"changed").label("first"))
                    .or_else(|_| m.set(s, theirs[0], &Attrs::new().label("renamed")))
                    .unwrap();
                m.create(s, &Attrs::data("second", b"2").token()).unwrap();
                let gone = by_label(m, s, "to go");
                m.destroy(s, gone[0]).unwrap();
            }
            _ => {
                let s = m.make_token_and_log_in();
                m.create(s, &Attrs::data("first", b"1").token()).unwrap();
                let gone = m.create(s, &Attrs::data("to go", b"0").token()).unwrap();
                place.run("second");
                assert_eq!(by_label(m, s, "second").len(), 1, "seen at the next search");
                assert_eq!(by_label(m, s, "to go"), NONE);
                let stale = m.get(s, gone, CKA_VALUE);
                assert_eq!(stale, err(CKR_OBJECT_HANDLE_INVALID), "an object that another process destroyed is gone");
                let changed = m.find(s, &Attrs::new().class(CKO_DATA)).unwrap();
                let labels: HashSet<Vec<u8>> = changed.iter().map(|h| m.get(s, *h, CKA_LABEL).unwrap()).collect();
                assert!(labels.contains(&b"renamed"[..]) || labels.contains(&b"first"[..]));
            }
        }
    });
}

#[test]
fn a_key_that_another_process_destroyed_soon_signs_no_more() {
    alone(|place| {
        let m = load();
        if place.role() == "destroyer" {
            m.initialize().unwrap();
            let s = m.rw_user();
            by_label(m, s, "key").into_iter().for_each(|h| m.destroy(s, h).unwrap());
            return;
        }
        let s = m.make_token_and_log_in();
        let (_, private) = ec_pair(m, s, "key", true);
        let mech = Mech::plain(CKM_ECDSA);
        m.sign(s, &mech, private, &[1; 32]).expect("it signs");
        place.run("destroyer");
        // The token looks at the store at most every 200 ms.
        std::thread::sleep(std::time::Duration::from_millis(400));
        let signed = m.sign(s, &mech, private, &[1; 32]);
        assert!(matches!(signed, Err(rv) if rv == CKR_KEY_HANDLE_INVALID), "{signed:?}");
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

#[test]
fn public_key_info_of_both_halves_is_what_openssl_writes() {
    alone(|place| {
        let m = load();
        let s = m.make_token_and_log_in();
        if Command::new("openssl").arg("version").output().is_err() {
            println!("note: openssl is not here: only the two halves are compared");
        }
        let rsa_public = Attrs::new().ulong(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
        let rsa = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &rsa_public, &Attrs::new()).expect("an RSA pair");
        let ec = ec_pair(m, s, "ec", false);
        for (name, (public, private)) in [("rsa", rsa), ("ec", ec)] {
            let spki = m.get(s, public, CKA_PUBLIC_KEY_INFO).expect("CKA_PUBLIC_KEY_INFO");
            assert_eq!(m.get(s, private, CKA_PUBLIC_KEY_INFO), Ok(spki.clone()), "{name}: the halves differ");
            assert!(!spki.is_empty());
            if let Some(theirs) = through_openssl(place, name, &spki) {
                assert_eq!(spki, theirs, "{name}: OpenSSL writes other bytes");
            }
            if name == "rsa" {
                let modulus = m.get(s, public, CKA_MODULUS).unwrap();
                assert!(spki.windows(modulus.len()).any(|window| window == modulus));
            }
        }
    });
}

/// The key as OpenSSL reads it and writes it again.
fn through_openssl(place: &Place, name: &str, spki: &[u8]) -> Option<Vec<u8>> {
    let (from, to) = (place.file(&format!("{name}.der")), place.file(&format!("{name}.out")));
    std::fs::write(&from, spki).expect("a file");
    let run =
        Command::new("openssl").args(["pkey", "-pubin", "-inform", "DER", "-outform", "DER", "-in"]).arg(&from).arg("-out").arg(&to).output().ok()?;
    assert!(run.status.success(), "{name}: OpenSSL does not read the key: {}", String::from_utf8_lossy(&run.stderr));
    Some(std::fs::read(&to).expect("OpenSSL's output"))
}

#[test]
fn an_import_gives_two_objects_that_belong_together() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, exported) = exported_ec(m, s);
        let attrs = Attrs::new().label("imported").token();
        let imported = m.import(s, &Import { blob: &exported, attrs, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK, "{:?}", m.status(s));
        assert_eq!(m.status(s), Ok((0, String::new())), "success is a status too");
        let (public, private) = (imported.public, imported.private);

        assert_eq!(m.get_ulong(s, public, CKA_CLASS), Ok(CKO_PUBLIC_KEY));
        assert_eq!(m.get_ulong(s, private, CKA_CLASS), Ok(CKO_PRIVATE_KEY));
        for id in [CKA_ID, CKA_LABEL, CKA_EC_PARAMS, CKA_PUBLIC_KEY_INFO, CKA_TOKEN] {
            assert_eq!(m.get(s, public, id), m.get(s, private, id), "attribute {id:#x}");
        }
        assert_eq!(m.get(s, private, CKA_ID).unwrap().len(), 20, "SHA-1 of the point by default");
        let bools = [(CKA_PRIVATE, false, true), (CKA_LOCAL, false, false), (CKA_MODIFIABLE, true, true)];
        for (id, of_public, of_private) in bools {
            assert_eq!((m.get_bool(s, public, id), m.get_bool(s, private, id)), (Ok(of_public), Ok(of_private)), "attribute {id:#x}");
        }
        for (id, value) in [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_ALWAYS_SENSITIVE, false), (CKA_NEVER_EXTRACTABLE, false)] {
            assert_eq!(m.get_bool(s, private, id), Ok(value), "attribute {id:#x}");
        }
        let origin = String::from_utf8(m.get(s, private, CKA_CNG_ORIGIN).expect("CKA_CNG_ORIGIN")).unwrap();
        assert!(origin.contains("ECCPRIVATEBLOB"), "{origin}");
        assert_eq!(m.set(s, private, &Attrs::new().text(CKA_CNG_ORIGIN, "x")), err(CKR_ATTRIBUTE_READ_ONLY));
    });
}

#[test]
fn a_private_blob_without_a_place_for_the_public_handle_makes_no_public_object() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, exported) = exported_ec(m, s);
        let before = m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap().len();
        let imported = m.import(s, &Import { blob: &exported, no_public: true, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK);
        assert_eq!(m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap().len(), before);
        let refused = m.import(s, &Import { blob: &exported, no_private: true, ..Import::default() });
        assert_eq!(refused.rv, CKR_ARGUMENTS_BAD, "a private blob needs a place for its private handle");
        assert_eq!(refused.public, CK_INVALID_HANDLE);
    });
}

/// A fresh EC key and its blob.
fn exported_ec(m: &Module, s: u64) -> (u64, Vec<u8>) {
    let public = Attrs::new().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true);
    let private = Attrs::new().bool(CKA_SIGN, true).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let (_, key) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &private).expect("an EC pair");
    let blob = m.export(s, key, "ECCPRIVATEBLOB").expect("an export");
    (key, blob)
}

#[test]
fn a_secret_key_that_is_public_needs_a_login_and_works_after_it_whatever_was_read_before() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &aes("shown").token().bool(CKA_PRIVATE, false)).unwrap();
        let mech = Mech::bytes(CKM_AES_CBC_PAD, &[1; 16]);
        m.logout(s).unwrap();
        for _ in 0..2 {
            assert_eq!(m.get(s, key, CKA_LABEL), Ok(b"shown".to_vec()), "seen without a login");
            assert_eq!(m.encrypt(s, &mech, key, b"data"), err(CKR_USER_NOT_LOGGED_IN), "its value is sealed");
            m.login(s, CKU_USER, USER_PIN).unwrap();
            m.encrypt(s, &mech, key, b"data").expect("it works now");
            m.logout(s).unwrap();
        }
    });
}
