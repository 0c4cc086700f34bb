//! Damaged and forged files: every answer is the intact data or an error, and nothing of a private object is readable in the file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{Keys, Record, Role, StoreError, Vault};
use common::{CLASS, LABEL, Place, SO, USER, create, open, place, record, term};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// A store with objects of all three kinds, closed.
fn sample(count: usize) -> (Place, Vec<Record>) {
    let place = place();
    let (vault, keys) = create(&place.path);
    let records: Vec<Record> = (0..count)
        .map(|i| {
            let mut one = record(i % 3 == 0, &format!("object number {i}"));
            if i % 3 == 1 {
                one.sealed = Secret::new(Vec::new());
            }
            one.clear.resize(200 + i * 7, 0x33);
            one
        })
        .collect();
    for chunk in records.chunks(10) {
        vault.insert(&keys, chunk).unwrap();
    }
    (place, records)
}

/// Asks everything. Any answer must be exact; errors are counted.
fn interrogate(path: &Path, records: &[Record]) -> Result<usize, StoreError> {
    let vault = Vault::open(path)?.ok_or(StoreError::NotFound)?;
    let mut errors = 0;
    let mut ask = |result: Result<bool, StoreError>, what: &str| match result {
        Ok(exact) => assert!(exact, "{what}: a wrong answer"),
        Err(StoreError::Damaged { .. } | StoreError::Io { .. } | StoreError::NotAStore { .. }) => errors += 1,
        Err(other) => panic!("{what}: {other:?}"),
    };
    let same = |loaded: &Record, stored: &Record, with: bool| {
        let secret = if with { stored.sealed.expose() } else { &[] };
        loaded.clear == stored.clear && loaded.sealed.expose() == secret && loaded.terms == stored.terms && loaded.version == 1
    };
    ask(vault.change_counter().map(|_| true), "change counter");
    let keys = match vault.unlock(Role::User, USER) {
        Ok(keys) => Some(keys),
        Err(e) => {
            assert!(!matches!(e, StoreError::PinIncorrect | StoreError::PinLocked { .. }), "damage must not be taken for a wrong PIN");
            ask(Err(e), "unlock");
            None
        }
    };
    for keys in [None, keys.as_deref()] {
        let visible: Vec<&Record> = records.iter().filter(|r| keys.is_some() || !r.private).collect();
        let ids = |list: &[&Record]| list.iter().map(|r| r.id).collect::<Vec<_>>();
        ask(vault.find(keys, &[]).map(|found| found == ids(&visible)), "find all");
        ask(vault.find(keys, &[term(LABEL, "no such object")]).map(|found| found.is_empty()), "find nothing");
        ask(
            vault.find(keys, &[term(CLASS, [0])]).map(|found| found == ids(&visible.iter().filter(|r| !r.private).copied().collect::<Vec<_>>())),
            "find a class",
        );
        for stored in records {
            let seen = keys.is_some() || !stored.private;
            ask(vault.find(keys, &stored.terms).map(|found| found.len() == usize::from(seen)), "find one");
            match vault.load(keys, &stored.id) {
                Ok(loaded) => ask(Ok(seen && same(&loaded, stored, keys.is_some())), "load"),
                Err(StoreError::NotFound) => ask(Ok(!seen), "load"),
                Err(e) => ask(Err(e), "load"),
            }
        }
    }
    if let Some(keys) = keys {
        let clean = vault.check(&keys).map(|report| report.is_clean());
        // What a read refuses, the check names.
        assert!(errors == 0 || !matches!(clean, Ok(true)), "the check found nothing");
    }
    Ok(errors)
}

fn rounds(default: usize) -> usize {
    std::env::var("CNGTOKEN_DAMAGE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn a_flipped_byte_anywhere_is_harmless_or_an_error_and_never_a_silent_loss() {
    let (place, records) = sample(60);
    let intact = std::fs::read(&place.path).unwrap();
    assert_eq!(interrogate(&place.path, &records).unwrap(), 0);
    let copy = place.dir.path().join("copy.db");
    let (mut refused, mut named, mut harmless) = (0, 0, 0);
    let count = rounds(300);
    for round in 0..count {
        // A third of them in the first two pages, which hold SQLite's header and schema.
        let span = if round % 3 == 0 { 8192 } else { intact.len() };
        let at = (round * 2_654_435_761) % span;
        let mut bytes = intact.clone();
        bytes[at] ^= [0x01, 0x80, 0xFF][round / 3 % 3];
        std::fs::write(&copy, &bytes).unwrap();

        match interrogate(&copy, &records) {
            Err(_) => refused += 1,
            Ok(0) => harmless += 1,
            Ok(_) => named += 1,
        }
        assert!(std::fs::read(&copy).unwrap() == bytes, "reading changed the file (flip at {at})");
    }
    println!("{count} flips: {refused} files refused, {named} damage named, {harmless} without effect");
    assert!(refused > 0 && named > 0);
}

#[test]
fn writing_to_a_damaged_store_fails_or_keeps_everything() {
    let (place, records) = sample(40);
    let intact = std::fs::read(&place.path).unwrap();
    let copy = place.dir.path().join("copy.db");
    for round in 0..rounds(300) / 5 {
        let mut bytes = intact.clone();
        let at = (round * 2_654_435_761) % bytes.len();
        bytes[at] ^= 0xFF;
        std::fs::write(&copy, &bytes).unwrap();
        let Ok(Some(vault)) = Vault::open(&copy) else { continue };
        let Ok(keys) = vault.unlock(Role::User, USER) else { continue };
        let new = record(true, "new one");
        let mut all = records.clone();
        if vault.insert(&keys, std::slice::from_ref(&new)).is_ok() {
            all.push(new);
        }
        if vault.delete(&keys, records[7].id).is_ok() {
            all.remove(7);
        }
        let _ = interrogate(&copy, &all);
    }
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let (place, records) = sample(30);
    let intact = std::fs::read(&place.path).unwrap();
    let copy = place.dir.path().join("copy.db");
    for length in (0..intact.len()).step_by(intact.len() / 40) {
        std::fs::write(&copy, &intact[..length]).unwrap();
        let result = interrogate(&copy, &records);
        assert!(!matches!(result, Ok(0)), "{length} bytes of {}", intact.len());
    }
}

#[test]
fn files_that_are_no_store_say_what_they_are() {
    let place = place();
    let at = |name: &str| place.dir.path().join(name);
    std::fs::write(at("empty"), b"").unwrap();
    std::fs::write(at("text"), b"this is not a database, but long enough to have a header of a hundred bytes and some more besides it").unwrap();
    Connection::open(at("other")).unwrap().execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    std::os::unix::fs::symlink(at("other"), at("link")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    for name in ["empty", "text", "other", "link", "folder"] {
        let Err(StoreError::NotAStore { why }) = Vault::open(&at(name)) else { panic!("{name}") };
        println!("{name}: {why}");
    }
    let (vault, _) = create(&place.path);
    drop(vault);
    Connection::open(&place.path).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    assert!(matches!(Vault::open(&place.path), Err(StoreError::Version { found: 7, expected: 1 })));
}

#[test]
fn a_store_switched_to_the_write_ahead_log_is_refused() {
    let (place, _) = sample(3);
    let mut bytes = std::fs::read(&place.path).unwrap();
    // The two version numbers that the switch sets; the SQLite of this program may have been built without the log.
    bytes[18..20].fill(2);
    std::fs::write(&place.path, bytes).unwrap();
    let opened = Vault::open(&place.path);
    assert!(
        matches!(&opened, Err(StoreError::Damaged { what: w } | StoreError::NotAStore { why: w }) if w.contains("write-ahead log")),
        "{opened:?}"
    );
}

/// The format's sums, written a second time from its description.
fn sum(label: &str, items: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for item in [label.as_bytes()].iter().chain(items) {
        hash.update((item.len() as u64).to_le_bytes());
        hash.update(item);
    }
    hash.finalize().to_vec()
}

/// Gives every object row and leaf the sums that fit, as an author of the file could.
fn mend_sums(conn: &Connection) {
    let store: Vec<u8> = conn.query_row("SELECT store_id FROM header", [], |r| r.get(0)).unwrap();
    let mut rows = conn.prepare("SELECT n, id, version, private, clear, terms, sealed FROM object").unwrap();
    type ObjectColumns = (i64, Vec<u8>, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let rows: Vec<ObjectColumns> = rows
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (n, id, version, private, clear, terms, sealed) in rows {
        let ad = sum("cngtoken 1 object", &[&store, &n.to_le_bytes(), &id, &version.to_le_bytes(), &private.to_le_bytes(), &clear, &terms]);
        conn.execute("UPDATE object SET sum = ?1 WHERE n = ?2", (&sum("cngtoken 1 object row", &[&ad, &sealed])[..16], n)).unwrap();
    }
    let mut rows = conn.prepare("SELECT l, first, next, entries FROM directory JOIN leaf USING (l)").unwrap();
    let rows: Vec<(i64, Vec<u8>, Vec<u8>, Vec<u8>)> =
        rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap().map(Result::unwrap).collect();
    for (l, first, next, entries) in rows {
        let whole = sum("cngtoken 1 leaf", &[&store, &first, &next, &entries]);
        conn.execute("UPDATE leaf SET sum = ?1 WHERE l = ?2", (&whole[..16], l)).unwrap();
    }
}

/// Lets an author of the file do something, then opens it and logs in.
fn forge(place: &Place, sql: &str) -> (Vault, std::sync::Arc<Keys>) {
    let conn = Connection::open(&place.path).unwrap();
    conn.execute_batch(sql).unwrap();
    mend_sums(&conn);
    drop(conn);
    open(&place.path)
}

#[test]
fn rows_swapped_between_ids_or_places_are_refused() {
    for sql in [
        "UPDATE object SET id = (SELECT id FROM object WHERE n = 4) WHERE n = 1",
        "CREATE TEMP TABLE t AS SELECT * FROM object WHERE n IN (1, 4); \
         UPDATE object SET sealed = (SELECT sealed FROM t WHERE t.n = 5 - object.n) WHERE n IN (1, 4)",
        "CREATE TEMP TABLE t AS SELECT * FROM object; DELETE FROM object WHERE n IN (1, 4); \
         INSERT INTO object SELECT 5 - n, id, version, private, clear, terms, sealed, sum FROM t WHERE n IN (1, 4)",
        "UPDATE object SET version = 2 WHERE n IN (1, 4)",
    ] {
        let (place, records) = sample(9);
        let (vault, keys) = forge(&place, sql);
        let loaded = vault.load(Some(&keys), &records[0].id);
        assert!(matches!(loaded, Err(StoreError::Damaged { .. })), "{sql}: {loaded:?}");
        assert!(vault.load(Some(&keys), &records[6].id).is_ok());
        assert!(!vault.check(&keys).unwrap().is_clean());
    }
}

#[test]
fn altered_clear_columns_are_refused_after_login() {
    for sql in
        ["UPDATE object SET clear = x'AABB' WHERE n = 2", "UPDATE object SET terms = x'' WHERE n = 2", "UPDATE object SET private = 1 WHERE n = 2"]
    {
        let (place, records) = sample(9);
        let (vault, keys) = forge(&place, sql);
        assert!(matches!(vault.load(Some(&keys), &records[1].id), Err(StoreError::Damaged { .. })), "{sql}");
        assert!(!vault.check(&keys).unwrap().is_clean());
    }
}

#[test]
fn a_forged_index_can_neither_hide_an_object_nor_hand_out_another() {
    let (place, records) = sample(9);
    let conn = Connection::open(&place.path).unwrap();
    let leaves: Vec<(i64, Vec<u8>)> =
        conn.prepare("SELECT l, entries FROM leaf").unwrap().query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
    for (l, entries) in &leaves {
        // The ids of all entries one place further: every hit would be another object.
        let mut turned: Vec<Vec<u8>> = entries.chunks(40).map(<[u8]>::to_vec).collect();
        let ids: Vec<Vec<u8>> = turned.iter().map(|e| e[24..].to_vec()).collect();
        let count = turned.len();
        turned.iter_mut().enumerate().for_each(|(i, e)| e[24..].copy_from_slice(&ids[(i + 1) % count]));
        conn.execute("UPDATE leaf SET entries = ?1 WHERE l = ?2", (turned.concat(), l)).unwrap();
    }
    drop(conn);
    let (vault, keys) = forge(&place, "");
    for one in &records {
        assert!(matches!(vault.find(Some(&keys), &one.terms), Err(StoreError::Damaged { .. })));
        assert!(matches!(vault.load(Some(&keys), &one.id), Err(StoreError::Damaged { .. })));
    }
    drop(vault);
    // Entries removed, sums mended.
    let (vault, keys) = forge(&place, "UPDATE leaf SET entries = x''");
    assert!(matches!(vault.find(Some(&keys), &records[0].terms), Err(StoreError::Damaged { .. })));
    assert!(matches!(vault.find(Some(&keys), &[]), Err(StoreError::Damaged { .. })));
}

#[test]
fn lost_rows_of_any_table_are_noticed() {
    for table in ["object", "leaf", "directory", "summary", "header"] {
        let (place, records) = sample(9);
        Connection::open(&place.path).unwrap().execute(&format!("DELETE FROM {table}"), []).unwrap();
        let told = match interrogate(&place.path, &records) {
            Err(_) => true,
            Ok(errors) => errors > 0 || !open(&place.path).0.check(&open(&place.path).1).unwrap().is_clean(),
        };
        assert!(told, "{table}");
    }
}

#[test]
fn older_authentic_rows_put_back_are_noticed_by_the_check() {
    let (place, records) = sample(9);
    let older = place.dir.path().join("older.db");
    std::fs::copy(&place.path, &older).unwrap();
    let (vault, keys) = open(&place.path);
    vault.delete(&keys, records[0].id).unwrap();
    drop(vault);

    let put_back = format!(
        "ATTACH '{}' AS older; INSERT INTO main.object SELECT * FROM older.object WHERE n = 1; \
         DELETE FROM main.leaf; DELETE FROM main.directory; \
         INSERT INTO main.leaf SELECT * FROM older.leaf; INSERT INTO main.directory SELECT * FROM older.directory",
        older.display()
    );
    Connection::open(&place.path).unwrap().execute_batch(&put_back).unwrap();

    let (vault, keys) = open(&place.path);
    assert!(vault.load(Some(&keys), &records[0].id).is_ok());
    let report = vault.check(&keys).unwrap();
    assert!(!report.is_clean(), "{report:?}");
}

#[test]
fn the_file_shows_no_secret_and_nothing_of_private_objects_even_after_changes() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let mut secret = record(false, "public-name");
    secret.sealed = Secret::new(b"SECRET-BYTES-OF-A-PUBLIC-KEY".to_vec());
    let hidden = record(true, "HIDDEN-LABEL");
    let raised = record(false, "RAISED-LABEL");
    vault.insert(&keys, &[secret.clone(), hidden.clone(), raised.clone()]).unwrap();
    let mut now_private = raised.clone();
    now_private.private = true;
    vault.replace(&keys, raised.id, 1, &now_private).unwrap();
    let gone = record(false, "DELETED-LABEL");
    vault.insert(&keys, std::slice::from_ref(&gone)).unwrap();
    vault.delete(&keys, gone.id).unwrap();
    drop(vault);

    let mut by_name: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in std::fs::read_dir(place.path.parent().unwrap()).unwrap().map(Result::unwrap) {
        by_name.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap());
    }
    println!("{:?}", by_name.iter().map(|(n, b)| (n, b.len())).collect::<Vec<_>>());
    for (name, bytes) in &by_name {
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
        for text in ["SECRET-BYTES", "secret of", "HIDDEN-LABEL", "RAISED-LABEL", "DELETED-LABEL"] {
            assert!(!holds(text.as_bytes()), "{text} is readable in {name}");
        }
        assert!(!holds(USER) && !holds(SO), "a PIN is readable in {name}");
        assert_eq!(holds(b"public-name"), name == "token.db");
    }
}
