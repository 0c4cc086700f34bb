//! Searches over C: what matches, in which order, how often; the objects that are built in; and what other processes stored, changed or
//! destroyed meanwhile.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::{Attrs, Mech, Module, R, Rv, alone, load};
use cryptoki_sys::*;
use std::collections::HashSet;

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
fn profile_objects_are_told_after_those_that_somebody_made() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let in_session = m.create(s, &Attrs::data("session", &[1])).unwrap();
        let stored = m.create(s, &Attrs::data("stored", &[2]).token()).unwrap();
        let profiles = m.find(s, &Attrs::new().class(CKO_PROFILE)).unwrap();
        assert_eq!(m.find(s, &Attrs::new()).unwrap(), [vec![stored, in_session], profiles.clone()].concat());
        assert_eq!(
            m.find(s, &Attrs::new().token()).unwrap(),
            [vec![stored], profiles].concat(),
            "as the case for CKP_PUBLIC_CERTIFICATES_TOKEN reads"
        );
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
