//! Every released format still opens: its file lies in `tests/formats`, made once by the program that first wrote it.
//!
//! To make one: `CNGTOKEN_MAKE_FORMAT=1 cargo test -p cngtoken-storage --test formats`. An existing file is never written over.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{Record, StoreError};
use common::{LABEL, create, label, open, place, term};
use std::path::PathBuf;

fn format_1() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats/format-1.db")
}

/// Of the file's objects, the one that was destroyed without a login.
const RETIRED: [u8; 16] = [5; 16];

/// What the file holds.
fn contents() -> Vec<Record> {
    (0u8..40)
        .map(|i| Record {
            id: [i + 1; 16],
            version: 1,
            private: i % 3 == 0,
            clear: vec![i; usize::from(i) * 3],
            sealed: Secret::new(if i % 3 == 1 { Vec::new() } else { vec![i; 33] }),
            terms: vec![term(LABEL, [i]), term(0x102, [i % 4; 20])],
            authentic: true,
        })
        .collect()
}

#[test]
fn format_1_opens_and_holds_what_was_stored() {
    if std::env::var_os("CNGTOKEN_MAKE_FORMAT").is_some() && !format_1().exists() {
        let place = place();
        let (vault, keys) = create(&place.path);
        contents().iter().for_each(|one| vault.insert(&keys, std::slice::from_ref(one)).unwrap());
        vault.retire(RETIRED).unwrap();
        drop(vault);
        std::fs::create_dir_all(format_1().parent().unwrap()).unwrap();
        std::fs::copy(&place.path, format_1()).unwrap();
    }
    let place = place();
    let copy = place.dir.path().join("copy.db");
    std::fs::copy(format_1(), &copy).unwrap();

    let (vault, keys) = open(&copy);

    assert_eq!(vault.header().unwrap().label, label("test"));
    for stored in contents() {
        if stored.id == RETIRED {
            assert!(matches!(vault.load(Some(&keys), &RETIRED), Err(StoreError::NotFound)));
            continue;
        }
        let loaded = vault.load(Some(&keys), &stored.id).unwrap();
        assert_eq!((loaded.clear, loaded.sealed, loaded.terms, loaded.private), (stored.clear, stored.sealed, stored.terms.clone(), stored.private));
        assert_eq!(vault.find(Some(&keys), &stored.terms).unwrap(), [stored.id]);
    }
    let report = vault.check(&keys).unwrap();
    assert!(report.is_clean() && (report.objects, report.retired) == (40, 1), "{report:?}");
    vault.update(&keys, [1; 16], &mut |r| Ok::<_, StoreError>(r)).unwrap();
    let report = vault.check(&keys).unwrap();
    assert!(report.is_clean() && (report.objects, report.retired) == (39, 0), "{report:?}");
}
