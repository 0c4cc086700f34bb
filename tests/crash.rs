//! What must hold when things go wrong at the worst moment: a process killed in the middle of imports, many processes writing at once,
//! C_Finalize under running calls, many threads on one key.
//!
//! CNGTOKEN_KILL_ROUNDS sets the rounds of the kill loop (30; the long form is 200).
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::place::{Place, finish};
use client::vendor::Import;
use client::{Attrs, Mech, Module, R, Rv, alone, load};
use cryptoki_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const PREFIX: &str = "kill-";

/// A fresh EC key's blob.
fn ec_blob(m: &Module, s: u64) -> Vec<u8> {
    let private = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true).bool(CKA_SIGN, true);
    let (public, key) = ec_pair(m, s, &Attrs::new(), &private);
    let blob = m.export(s, key, "ECCPRIVATEBLOB").expect("an export");
    m.destroy(s, key).and(m.destroy(s, public)).expect("C_DestroyObject");
    blob
}

fn ec_pair(m: &Module, s: u64, public: &Attrs, private: &Attrs) -> (u64, u64) {
    let public = public.clone().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true);
    m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, private).expect("an EC pair")
}

/// Public and private objects by label, as a process tells them that has just opened the store.
fn halves(place: &Place) -> BTreeMap<String, (usize, usize)> {
    let told = place.run("tell");
    let rows = told.lines().filter_map(|line| line.strip_prefix("have "));
    rows.map(|row| {
        let mut words = row.split(' ');
        let mut next = || words.next().expect("three words");
        (next().to_owned(), (next().parse().expect("a count"), next().parse().expect("a count")))
    })
    .collect()
}

fn tell_halves(m: &Module) {
    m.initialize().unwrap();
    let s = m.rw_user();
    let mut halves: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for handle in m.find(s, &Attrs::new().bool(CKA_TOKEN, true)).unwrap() {
        let label = String::from_utf8(m.get(s, handle, CKA_LABEL).unwrap()).unwrap();
        let (public, private) = halves.entry(label).or_default();
        match m.get_ulong(s, handle, CKA_CLASS).unwrap() {
            CKO_PRIVATE_KEY => *private += 1,
            CKO_PUBLIC_KEY | CKO_DATA => *public += 1,
            _ => {}
        }
    }
    for (label, (public, private)) in halves.iter().filter(|(label, _)| !label.is_empty() && !label.contains(' ')) {
        println!("have {label} {public} {private}");
    }
}

#[test]
fn a_killed_import_is_either_whole_or_not_there_and_an_acknowledged_one_is_there() {
    alone(|place| {
        let m = load();
        let role = place.role().to_owned();
        if role == "tell" {
            return tell_halves(m);
        }
        if role == "make" {
            m.make_token();
            return;
        }
        if let Some(round) = role.strip_prefix("import ") {
            m.initialize().unwrap();
            let s = m.rw_user();
            let blob = ec_blob(m, s);
            for i in 0.. {
                let label = format!("{PREFIX}{round}-{i}");
                let imported = m.import(s, &Import { blob: &blob, attrs: Attrs::new().token().label(&label), ..Import::default() });
                assert_eq!(imported.rv, CKR_OK, "{:?}", m.status(s));
                println!("ack {label}");
            }
        }

        let rounds: u64 = std::env::var("CNGTOKEN_KILL_ROUNDS").map_or(30, |text| text.parse().expect("a number"));
        place.run("make");
        let mut acknowledged = BTreeSet::new();
        for round in 0..rounds {
            let mut child = place.start(&format!("import {round}"));
            let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
            let (sender, receiver) = std::sync::mpsc::channel();
            let reader = std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if let Some(label) = line.strip_prefix("ack ") {
                        _ = sender.send(label.to_owned());
                    }
                }
            });
            // Until something was acknowledged, then a little more, other in each round.
            let first = receiver.recv_timeout(Duration::from_secs(60)).expect("the importer gets to work");
            std::thread::sleep(Duration::from_micros(round * 1_733 % 40_000));
            child.kill().expect("SIGKILL");
            child.wait().expect("it ends");
            reader.join().expect("its output ends");
            acknowledged.insert(first);
            acknowledged.extend(receiver.try_iter());
            if round % 10 == 9 || round + 1 == rounds {
                let present = halves(place);
                let lost: Vec<_> = acknowledged.iter().filter(|label| !present.contains_key(*label)).collect();
                assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
                let broken: Vec<_> = present.iter().filter(|(label, halves)| label.starts_with(PREFIX) && **halves != (1, 1)).collect();
                assert!(broken.is_empty(), "round {round}: not whole: {broken:?}");
            }
        }
        let present = halves(place).len();
        println!("note: {rounds} rounds: {} acknowledged, 0 lost, {present} present, 0 half", acknowledged.len());
    });
}

#[test]
fn four_processes_that_create_at_once_all_succeed() {
    alone(|place| {
        let m = load();
        let role = place.role().to_owned();
        if role == "tell" {
            return tell_halves(m);
        }
        if let Some(number) = role.strip_prefix("create ") {
            m.initialize().unwrap();
            let s = m.rw_user();
            for i in 0..25 {
                m.create(s, &Attrs::data(&format!("{number}-{i}"), b"x").token()).expect("C_CreateObject");
            }
            return;
        }
        m.make_token();
        m.finalize().unwrap();
        let children: Vec<_> = (0..4).map(|number| place.start(&format!("create {number}"))).collect();
        for child in children {
            finish(child, "create");
        }
        let present = halves(place);
        let missing: Vec<_> = (0..4).flat_map(|p| (0..25).map(move |i| format!("{p}-{i}"))).filter(|label| !present.contains_key(label)).collect();
        assert!(missing.is_empty(), "missing: {missing:?}");
    });
}

#[test]
fn two_processes_that_change_one_object_lose_nothing() {
    alone(|place| {
        let m = load();
        let role = place.role().to_owned();
        if let Some(which) = role.strip_prefix("change ") {
            m.initialize().unwrap();
            let s = m.rw_user();
            let key = m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap()[0];
            for i in 0..20_u8 {
                let attrs = if which == "id" { Attrs::new().bytes(CKA_ID, &[i + 1]) } else { Attrs::new().bytes(CKA_SUBJECT, &[0x30, 0, i + 1]) };
                m.set(s, key, &attrs).expect("C_SetAttributeValue");
            }
            return;
        }
        let s = m.make_token_and_log_in();
        ec_pair(m, s, &Attrs::new().token(), &Attrs::new());
        let children = [place.start("change id"), place.start("change subject")];
        for child in children {
            finish(child, "change");
        }
        let key = m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap()[0];
        assert_eq!(m.get(s, key, CKA_ID), Ok(vec![20]), "one process's last write");
        assert_eq!(m.get(s, key, CKA_SUBJECT), Ok(vec![0x30, 0, 20]), "and the other's");
    });
}

/// Codes that a call may answer while the ground is taken away under it.
const TAKEN_AWAY: &[u64] = &[
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_USER_NOT_LOGGED_IN,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_KEY_HANDLE_INVALID,
    CKR_OBJECT_HANDLE_INVALID,
];

#[test]
fn finalizing_under_running_calls_never_crashes() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        ec_pair(m, s, &Attrs::new().token().label("key"), &Attrs::new().label("key").token().bool(CKA_SIGN, true));
        m.finalize().unwrap();
        for round in 0..20 {
            m.initialize().unwrap_or_else(|rv| panic!("round {round}: C_Initialize {rv:?}"));
            m.rw_user();
            let working = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let workers: Vec<_> = (0..8)
                    .map(|i| {
                        scope.spawn({
                            let working = &working;
                            move || work_until_finalized(m, i, working)
                        })
                    })
                    .collect();
                while !working.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(3 + round));
                m.finalize().unwrap_or_else(|rv| panic!("round {round}: C_Finalize {rv:?}"));
                for worker in workers {
                    let end = worker.join().expect("no worker fails");
                    assert!(TAKEN_AWAY.iter().any(|code| end == *code), "round {round}: a call ended with {end:?}");
                }
            });
        }
    });
}

fn work_until_finalized(m: &Module, i: u64, working: &AtomicBool) -> Rv {
    let ecdsa = Mech::plain(CKM_ECDSA_SHA256);
    let sha = Mech::plain(CKM_SHA256);
    loop {
        let once = || -> R<()> {
            let s = m.rw()?;
            let key = m.find(s, &Attrs::new().label("key").class(CKO_PRIVATE_KEY))?;
            if i.is_multiple_of(2) {
                m.sign(s, &ecdsa, *key.first().ok_or(Rv(CKR_OBJECT_HANDLE_INVALID))?, b"data")?;
            }
            m.digest(s, &sha, &[7; 10_000])?;
            m.create(s, &Attrs::data("session", b"x"))?;
            m.close(s)
        };
        if let Err(rv) = once() {
            // A session of another thread may be the last one that closed, which logs out: only the end of all counts.
            if rv == CKR_CRYPTOKI_NOT_INITIALIZED || !TAKEN_AWAY.iter().any(|code| rv == *code) {
                return rv;
            }
        }
        working.store(true, Ordering::Relaxed);
    }
}

#[test]
fn sixty_four_threads_get_no_wrong_answer() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (public, private) = ec_pair(m, s, &Attrs::new().token(), &Attrs::new().token().bool(CKA_SIGN, true));
        let key = m.create(s, &Attrs::secret(CKK_AES, "aes", &[9; 16]).token().bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true)).unwrap();
        let digest = m.digest(s, &Mech::plain(CKM_SHA256), b"known").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..64_u64 {
                let digest = &digest;
                scope.spawn(move || {
                    let s = m.rw().expect("a session");
                    for i in 0..200_u64 {
                        let data = [&thread.to_ne_bytes()[..], &i.to_ne_bytes()].concat();
                        match i % 4 {
                            0 => {
                                let mech = Mech::plain(CKM_ECDSA_SHA256);
                                let signature = m.sign(s, &mech, private, &data).expect("C_Sign");
                                m.verify(s, &mech, public, &data, &signature).expect("C_Verify");
                            }
                            1 => assert_eq!(m.digest(s, &Mech::plain(CKM_SHA256), b"known").as_ref(), Ok(digest)),
                            2 => {
                                let mech = Mech::bytes(CKM_AES_CBC_PAD, &[4; 16]);
                                let encrypted = m.encrypt(s, &mech, key, &data).expect("C_Encrypt");
                                assert_eq!(m.decrypt(s, &mech, key, &encrypted), Ok(data));
                            }
                            _ => {
                                let label = format!("{thread}-{i}");
                                let object = m.create(s, &Attrs::data(&label, &data)).expect("C_CreateObject");
                                assert_eq!(m.get(s, object, CKA_VALUE), Ok(data));
                                assert_eq!(m.find(s, &Attrs::new().label(&label)), Ok(vec![object]));
                                m.destroy(s, object).expect("C_DestroyObject");
                            }
                        }
                    }
                    m.close(s).expect("C_CloseSession");
                });
            }
        });
    });
}
