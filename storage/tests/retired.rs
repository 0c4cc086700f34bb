//! Objects destroyed without a login: gone for everybody at once, gone from the file with the next write that has keys, and no way to hide anything else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{Keys, Record, Role, StoreError, Vault};
use common::{CLASS, LABEL, Place, SO, USER, create, label, open, place, record, term};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::slice::from_ref;

/// A public record without secrets, like a certificate's.
fn certificate(name: &str) -> Record {
    Record { sealed: Secret::new(Vec::new()), ..record(false, name) }
}

/// Certificates, a private record and a public one with secrets.
struct Sample {
    place: Place,
    certificates: Vec<Record>,
    private: Record,
    secret: Record,
}

fn sample(count: usize) -> Sample {
    let place = place();
    let (vault, keys) = create(&place.path);
    let certificates: Vec<Record> = (0..count).map(|i| certificate(&format!("certificate {i} of the sample"))).collect();
    let (private, secret) = (record(true, "private"), record(false, "public with a secret"));
    vault.insert(&keys, &certificates).unwrap();
    vault.insert(&keys, &[private.clone(), secret.clone()]).unwrap();
    Sample { place, certificates, private, secret }
}

impl Sample {
    fn vault(&self) -> Vault {
        Vault::open(&self.place.path).unwrap().unwrap()
    }

    fn sql(&self) -> Connection {
        Connection::open(&self.place.path).unwrap()
    }

    fn all_ids(&self) -> Vec<[u8; 16]> {
        self.certificates.iter().chain([&self.private, &self.secret]).map(|r| r.id).collect()
    }
}

fn is_gone(vault: &Vault, keys: Option<&Keys>, one: &Record) -> bool {
    let not_found = |r: Result<(), StoreError>| matches!(r, Err(StoreError::NotFound));
    not_found(vault.load(keys, &one.id).map(drop))
        && not_found(vault.load_many(keys, &[one.id]).map(drop))
        && vault.fetch(keys, &one.terms, 9).unwrap().is_empty()
        && vault.find(keys, &one.terms).unwrap().is_empty()
        && !vault.find(keys, &[]).unwrap().contains(&one.id)
        && !vault.find(keys, &[term(CLASS, [0])]).unwrap().contains(&one.id)
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read(path).unwrap().windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn what_was_destroyed_without_a_login_is_gone_for_every_vault_with_and_without_keys() {
    let s = sample(5);
    let (watching, keys) = open(&s.place.path);
    let before = watching.change_counter().unwrap();

    s.vault().retire(s.certificates[2].id).unwrap();

    assert_ne!(watching.change_counter().unwrap(), before);
    for keys in [None, Some(&*keys)] {
        for vault in [&watching, &s.vault()] {
            assert!(is_gone(vault, keys, &s.certificates[2]));
            for left in [0, 1, 3, 4] {
                assert_eq!(vault.find(keys, &s.certificates[left].terms).unwrap(), [s.certificates[left].id]);
                assert_eq!(vault.load(keys, &s.certificates[left].id).unwrap().clear, s.certificates[left].clear);
            }
        }
    }
    // Not a second time.
    assert!(matches!(s.vault().retire(s.certificates[2].id), Err(StoreError::NotFound)));
    assert!(matches!(s.vault().retire([9; 16]), Err(StoreError::NotFound)));
    let report = watching.check(&keys).unwrap();
    assert!(report.is_clean() && report.retired == 1 && report.objects == 7, "{report:?}");
}

#[test]
fn the_next_write_with_keys_and_no_other_removes_it_from_the_file() {
    let changes: [fn(&Vault, &Keys, &Sample); 4] = [
        |v, k, _| v.insert(k, &[record(true, "new")]).unwrap(),
        |v, k, s| assert_eq!(v.update(k, s.private.id, &mut |r| Ok::<_, StoreError>(r)).unwrap(), 2),
        |v, k, s| assert_eq!(v.replace(k, s.secret.id, 1, &s.secret).unwrap(), 2),
        |v, k, s| v.delete(k, s.certificates[0].id).unwrap(),
    ];
    for change in changes {
        let s = sample(5);
        let vault = s.vault();
        vault.retire(s.certificates[3].id).unwrap();
        vault.retire(s.certificates[4].id).unwrap();
        let rows = |table: &str| s.sql().query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, i64>(0)).unwrap();

        // Logins, PINs wrong and right, reads and failed writes leave it where it is.
        assert!(matches!(vault.unlock(Role::User, b"0000"), Err(StoreError::PinIncorrect)));
        let keys = vault.unlock(Role::User, USER).unwrap();
        vault.change_pin(Role::User, USER, USER).unwrap();
        vault.set_user_pin(&vault.unlock(Role::So, SO).unwrap(), USER).unwrap();
        vault.find(Some(&keys), &[]).unwrap();
        assert!(matches!(vault.replace(&keys, s.private.id, 7, &s.private), Err(StoreError::Stale { .. })));
        assert!(matches!(vault.delete(&keys, s.certificates[3].id), Err(StoreError::NotFound)));
        assert!(matches!(vault.update(&keys, s.certificates[3].id, &mut |r| Ok::<_, StoreError>(r)), Err(StoreError::NotFound)));
        assert_eq!((rows("retired"), rows("object")), (2, 7));
        assert!(holds(&s.place.path, "certificate 3 of the sample"));
        assert_eq!(vault.check(&keys).unwrap().retired, 2);

        let mut others = vault.find(Some(&keys), &[]).unwrap();
        change(&vault, &keys, &s);
        others.retain(|id| rows("object") != 4 || *id != s.certificates[0].id);

        assert_eq!(rows("retired"), 0);
        for gone in [3, 4] {
            assert!(is_gone(&vault, Some(&keys), &s.certificates[gone]) && is_gone(&vault, None, &s.certificates[gone]));
            assert!(!holds(&s.place.path, &format!("certificate {gone} of the sample")), "bytes of {gone} are still in the file");
        }
        for id in others {
            vault.load(Some(&keys), &id).unwrap();
        }
        let report = vault.check(&keys).unwrap();
        assert!(report.is_clean() && report.retired == 0, "{report:?}");
    }
}

#[test]
fn an_id_that_was_retired_is_free_again_and_a_whole_store_can_be_retired() {
    let s = sample(700);
    let vault = s.vault();
    s.certificates.iter().for_each(|one| vault.retire(one.id).unwrap());
    assert_eq!(vault.find(None, &[]).unwrap(), [s.secret.id]);
    let (other, keys) = open(&s.place.path);
    assert_eq!(other.find(Some(&keys), &[]).unwrap(), [s.private.id, s.secret.id]);
    assert_eq!(other.check(&keys).unwrap().retired, 700);

    other.insert(&keys, from_ref(&s.certificates[9])).unwrap();

    assert_eq!(vault.find(None, &[]).unwrap(), [s.secret.id, s.certificates[9].id]);
    assert!(other.check(&keys).unwrap().is_clean());
}

#[test]
fn initialising_the_token_again_forgets_what_was_retired() {
    let s = sample(3);
    let vault = s.vault();
    vault.retire(s.certificates[0].id).unwrap();
    vault.reset(&label("again"), SO).unwrap();
    let so = vault.unlock(Role::So, SO).unwrap();
    vault.insert(&so, &s.certificates).unwrap();

    assert_eq!(vault.find(None, &[]).unwrap().len(), 3);
    assert!(vault.check(&so).unwrap().is_clean());
}

#[test]
fn private_and_secret_bearing_objects_cannot_be_retired() {
    let s = sample(1);
    let (vault, keys) = open(&s.place.path);
    let before = std::fs::read(&s.place.path).unwrap();

    assert!(matches!(vault.retire(s.private.id), Err(StoreError::NotFound)));
    assert!(matches!(vault.retire(s.secret.id), Err(StoreError::KeysNeeded)));

    assert!(std::fs::read(&s.place.path).unwrap() == before);
    assert_eq!(vault.find(Some(&keys), &[]).unwrap(), s.all_ids());
}

/// The format's sums, written a second time from its description.
fn sum(label: &str, items: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for item in [label.as_bytes()].iter().chain(items) {
        hash.update((item.len() as u64).to_le_bytes());
        hash.update(item);
    }
    hash.finalize()[..16].try_into().unwrap()
}

/// Gives the summary the tally that fits the table, as an author of the file could.
fn mend_tally(conn: &Connection) {
    let store: Vec<u8> = conn.query_row("SELECT store_id FROM header", [], |r| r.get(0)).unwrap();
    let ids: Vec<Vec<u8>> = conn.prepare("SELECT id FROM retired").unwrap().query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    let mut set = [0u8; 16];
    for id in &ids {
        set.iter_mut().zip(sum("cngtoken 1 retired id", &[&store, id])).for_each(|(a, b)| *a ^= b);
    }
    let count = (ids.len() as u64).to_le_bytes();
    let tally = [&count[..], &set, &sum("cngtoken 1 retired", &[&store, &count, &set])].concat();
    conn.execute("UPDATE summary SET retired = ?1", [tally]).unwrap();
}

#[test]
fn a_forged_entry_hides_neither_private_objects_nor_those_with_secrets_and_the_check_names_it() {
    let s = sample(3);
    let conn = s.sql();
    for id in [s.private.id, s.secret.id, [7; 16]] {
        conn.execute("INSERT INTO retired VALUES (?1)", [id]).unwrap();
    }
    mend_tally(&conn);
    drop(conn);
    let (vault, keys) = open(&s.place.path);

    assert_eq!(vault.find(Some(&keys), &[]).unwrap(), s.all_ids());
    assert_eq!(vault.find(None, &[]).unwrap(), s.all_ids().into_iter().filter(|id| *id != s.private.id).collect::<Vec<_>>());
    for one in [&s.private, &s.secret] {
        assert_eq!(vault.load(Some(&keys), &one.id).unwrap().sealed, one.sealed);
        assert_eq!(vault.fetch(Some(&keys), &one.terms, 9).unwrap().len(), 1);
        assert_eq!(vault.load_many(Some(&keys), &[one.id]).unwrap().len(), 1);
    }
    let report = vault.check(&keys).unwrap();
    assert_eq!((report.faults.len(), report.retired), (3, 0), "{report:?}");

    // A write with keys removes the entries and nothing else.
    vault.insert(&keys, &[record(true, "new")]).unwrap();
    assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), 6);
    assert!(vault.check(&keys).unwrap().is_clean());
}

/// The bytes of a row made to look like a certificate's, sums mended: with keys that is damage, and never an absence.
#[test]
fn a_row_disguised_as_a_public_one_without_secrets_is_damage_and_not_hidden() {
    for number in [0, 1] {
        let s = sample(2);
        let victim = if number == 0 { &s.private } else { &s.secret };
        let conn = s.sql();
        let store: Vec<u8> = conn.query_row("SELECT store_id FROM header", [], |r| r.get(0)).unwrap();
        conn.execute("UPDATE object SET private = 0, sealed = substr(sealed, 1, 40) WHERE id = ?1", [victim.id]).unwrap();
        let (n, version, clear, terms, sealed): (i64, i64, Vec<u8>, Vec<u8>, Vec<u8>) = conn
            .query_row("SELECT n, version, clear, terms, sealed FROM object WHERE id = ?1", [victim.id], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
            })
            .unwrap();
        let mut ad = Sha256::new();
        let parts: [&[u8]; 8] =
            [b"cngtoken 1 object", &store, &n.to_le_bytes(), &victim.id, &version.to_le_bytes(), &0u64.to_le_bytes(), &clear, &terms];
        for item in parts {
            ad.update((item.len() as u64).to_le_bytes());
            ad.update(item);
        }
        conn.execute("UPDATE object SET sum = ?1 WHERE n = ?2", (sum("cngtoken 1 object row", &[&ad.finalize(), &sealed]), n)).unwrap();
        conn.execute("INSERT INTO retired VALUES (?1)", [victim.id]).unwrap();
        mend_tally(&conn);
        drop(conn);
        let (vault, keys) = open(&s.place.path);
        let damaged = |r: Result<usize, StoreError>| assert!(matches!(r, Err(StoreError::Damaged { .. })), "{r:?}");

        damaged(vault.load(Some(&keys), &victim.id).map(|_| 1));
        damaged(vault.find(Some(&keys), &victim.terms).map(|f| f.len()));
        damaged(vault.fetch(Some(&keys), &victim.terms, 9).map(|f| f.len()));
        damaged(vault.find(Some(&keys), &[]).map(|f| f.len()));
        assert!(!vault.check(&keys).unwrap().is_clean());
        // A write with keys does not finish the forger's work.
        vault.insert(&keys, &[record(true, "new")]).unwrap();
        damaged(vault.load(Some(&keys), &victim.id).map(|_| 1));
        assert!(!vault.check(&keys).unwrap().is_clean());
    }
}

#[test]
fn a_table_that_is_not_the_tallied_one_is_damage() {
    for sql in [
        "DELETE FROM retired",
        "INSERT INTO retired VALUES (x'00112233445566778899AABBCCDDEEFF')",
        "UPDATE retired SET id = x'00112233445566778899AABBCCDDEEFF' WHERE id = (SELECT max(id) FROM retired)",
        "UPDATE retired SET id = x'00' WHERE id = (SELECT max(id) FROM retired)",
        "UPDATE summary SET retired = x''",
        "UPDATE summary SET retired = zeroblob(40)",
        "UPDATE summary SET retired = CAST(x'0000000000000000' || substr(retired, 9) AS BLOB)",
        "DELETE FROM summary",
    ] {
        let s = sample(4);
        s.vault().retire(s.certificates[0].id).unwrap();
        s.vault().retire(s.certificates[1].id).unwrap();
        s.sql().execute_batch(sql).unwrap();
        let (vault, keys) = open(&s.place.path);
        let is_damage = |r: Result<(), StoreError>| assert!(matches!(r, Err(StoreError::Damaged { .. })), "{sql}: {r:?}");

        for keys in [None, Some(&*keys)] {
            is_damage(vault.find(keys, &[]).map(drop));
            is_damage(vault.fetch(keys, &s.certificates[0].terms, 9).map(drop));
            is_damage(vault.load(keys, &s.certificates[3].id).map(drop));
            is_damage(vault.load_many(keys, &[s.certificates[3].id]).map(drop));
        }
        is_damage(vault.insert(&keys, &[record(true, "new")]));
        assert!(!vault.check(&keys).unwrap().is_clean(), "{sql}");
        // A way out remains.
        if !sql.contains("FROM summary") {
            vault.reset(&label("again"), SO).unwrap();
            vault.find(None, &[]).unwrap();
        }
    }
}

#[test]
fn flipped_bytes_bring_no_retired_object_back_and_hide_no_other() {
    let s = sample(60);
    let vault = s.vault();
    s.certificates[..20].iter().for_each(|one| vault.retire(one.id).unwrap());
    drop(vault);
    let intact = std::fs::read(&s.place.path).unwrap();
    let root: usize =
        s.sql().query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'retired'", [], |r| r.get::<_, i64>(0)).unwrap().try_into().unwrap();
    let copy = s.place.dir.path().join("copy.db");
    let (mut named, mut harmless) = (0, 0);
    for round in 0..300usize {
        // Two thirds in the table's own page, the others anywhere.
        let at = if round % 3 == 0 { (round * 2_654_435_761) % intact.len() } else { (root - 1) * 4096 + (round * 2_654_435_761) % 4096 };
        let mut bytes = intact.clone();
        bytes[at] ^= [0x01, 0x80, 0xFF][round / 3 % 3];
        std::fs::write(&copy, &bytes).unwrap();
        let mut errors = 0;
        let mut ask = |result: Result<bool, StoreError>| match result {
            Ok(exact) => assert!(exact, "flip at {at}: a wrong answer"),
            Err(StoreError::PinIncorrect | StoreError::PinLocked { .. } | StoreError::NotFound) => panic!("flip at {at}"),
            Err(_) => errors += 1,
        };
        match Vault::open(&copy).map(Option::unwrap) {
            Err(e) => ask(Err(e)),
            Ok(vault) => {
                let keys = vault.unlock(Role::User, USER).map_err(|e| ask(Err(e))).ok();
                for keys in [None, keys.as_deref()] {
                    let left = s.all_ids().into_iter().skip(20).filter(|id| keys.is_some() || *id != s.private.id).collect::<Vec<_>>();
                    ask(vault.find(keys, &[]).map(|found| found == left));
                    for (i, one) in s.certificates.iter().enumerate() {
                        ask(vault.find(keys, &one.terms).map(|found| found.len() == usize::from(i >= 20)));
                        ask(match vault.load(keys, &one.id) {
                            Err(StoreError::NotFound) => Ok(i < 20),
                            other => other.map(|r| i >= 20 && r.clear == one.clear),
                        });
                    }
                }
            }
        }
        if errors > 0 { named += 1 } else { harmless += 1 }
    }
    println!("{named} named, {harmless} without effect");
    assert!(named > 0 && harmless > 0);
}

#[test]
fn a_damaged_retired_row_does_not_keep_others_from_writing() {
    let s = sample(3);
    s.vault().retire(s.certificates[1].id).unwrap();
    s.sql().execute("UPDATE object SET clear = x'AABB' WHERE id = ?1", [s.certificates[1].id]).unwrap();
    let (vault, keys) = open(&s.place.path);

    vault.insert(&keys, &[record(true, "new")]).unwrap();

    assert!(matches!(vault.load(Some(&keys), &s.certificates[1].id), Err(StoreError::Damaged { .. })));
    assert_eq!(vault.load(Some(&keys), &s.certificates[2].id).unwrap().clear, s.certificates[2].clear);
    assert!(!vault.check(&keys).unwrap().is_clean());
}

#[test]
fn threads_that_retire_read_and_write_at_once_agree() {
    let s = sample(120);
    let (vault, keys) = open(&s.place.path);
    let (vault, keys, s) = (&vault, &keys, &s);
    std::thread::scope(|scope| {
        for t in 0..3 {
            scope.spawn(move || {
                for one in s.certificates.iter().skip(t).step_by(3) {
                    vault.retire(one.id).unwrap();
                    assert!(is_gone(vault, None, one) && is_gone(vault, Some(keys), one));
                }
            });
        }
        scope.spawn(move || {
            for i in 0..20 {
                vault.insert(keys, &[record(true, &format!("new {i}"))]).unwrap();
                assert_eq!(vault.find(Some(keys), &[term(LABEL, "private")]).unwrap().len(), 1);
            }
        });
    });
    assert_eq!(vault.find(Some(keys), &[]).unwrap().len(), 22);
    vault.insert(keys, &[record(true, "last")]).unwrap();
    let report = vault.check(keys).unwrap();
    assert!(report.is_clean() && report.objects == 23, "{report:?}");
}
