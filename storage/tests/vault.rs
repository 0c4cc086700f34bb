//! The vault's face: what is stored comes back, is found, and changes as promised.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{Access, Kdf, Role, StoreError, Vault, new_id};
use common::{CLASS, ID, LABEL, SO, USER, create, label, open, place, record, term};
use std::slice::from_ref;

#[test]
fn a_missing_file_is_no_store_and_opening_creates_nothing() {
    let place = place();
    assert!(Vault::open(&place.path).unwrap().is_none());
    assert!(!place.path.parent().unwrap().exists());
}

#[test]
fn a_record_comes_back_as_it_was_stored() {
    let place = place();
    let (vault, keys) = create(&place.path);
    for private in [false, true] {
        let stored = record(private, "alpha");
        vault.insert(&keys, from_ref(&stored)).unwrap();

        let loaded = open(&place.path).0.load(Some(&keys), &stored.id).unwrap();

        assert_eq!((loaded.id, loaded.version, loaded.private, loaded.authentic), (stored.id, 1, private, true));
        assert_eq!((loaded.clear, loaded.sealed, loaded.terms), (stored.clear, stored.sealed, stored.terms));
    }
}

#[test]
fn without_a_login_private_records_do_not_exist_and_public_secrets_are_empty() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let (public, private) = (record(false, "a"), record(true, "b"));
    vault.insert(&keys, &[public.clone(), private.clone()]).unwrap();

    let seen = vault.load(None, &public.id).unwrap();

    assert!(seen.sealed.is_empty() && !seen.authentic && seen.clear == public.clear);
    assert!(matches!(vault.load(None, &private.id), Err(StoreError::NotFound)));
    assert_eq!(vault.find(None, &[]).unwrap(), [public.id]);
    assert_eq!(vault.find(Some(&keys), &[]).unwrap(), [public.id, private.id]);
    assert!(vault.find(None, &private.terms).unwrap().is_empty());
    assert!(vault.find(None, &[term(LABEL, "b")]).unwrap().is_empty());
}

#[test]
fn all_terms_must_fit_and_hits_come_in_the_order_of_creation() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let records: Vec<_> = (0..300).map(|i| record(i % 3 == 0, &format!("name {}", i % 5))).collect();
    vault.insert(&keys, &records[..100]).unwrap();
    for one in &records[100..] {
        vault.insert(&keys, std::slice::from_ref(one)).unwrap();
    }
    let expected = |f: &dyn Fn(usize) -> bool| -> Vec<_> { (0..300).filter(|i| f(*i)).map(|i| records[i].id).collect() };
    let find = |terms: &[_]| vault.find(Some(&keys), terms).unwrap();

    assert_eq!(find(&[]), expected(&|_| true));
    assert_eq!(find(&[term(CLASS, [1])]), expected(&|i| i % 3 == 0));
    assert_eq!(find(&[term(LABEL, "name 4")]), expected(&|i| i % 5 == 4));
    assert_eq!(find(&[term(CLASS, [1]), term(LABEL, "name 4")]), expected(&|i| i % 3 == 0 && i % 5 == 4));
    assert_eq!(find(&[term(LABEL, "name 4"), term(ID, "id of name 4"), term(CLASS, [0])]), expected(&|i| i % 3 != 0 && i % 5 == 4));
    assert!(find(&[term(LABEL, "name 5")]).is_empty());
    assert!(find(&[term(LABEL, "name 4"), term(LABEL, "name 3")]).is_empty());
    assert_eq!(vault.fetch(Some(&keys), &[term(LABEL, "name 4")], 2).unwrap().len(), 2);
    assert!(vault.check(&keys).unwrap().is_clean());
}

#[test]
fn an_update_moves_version_and_terms_and_nothing_else() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let (first, second) = (record(true, "first"), record(true, "second"));
    vault.insert(&keys, &[first.clone(), second.clone()]).unwrap();

    let version = vault
        .update(&keys, first.id, &mut |mut r| {
            r.terms[1] = term(LABEL, "renamed");
            r.sealed = Secret::new(b"other".to_vec());
            Ok::<_, StoreError>(r)
        })
        .unwrap();

    assert_eq!(version, 2);
    assert_eq!(vault.load(Some(&keys), &first.id).unwrap().sealed.expose(), b"other");
    assert_eq!(vault.find(Some(&keys), &[term(LABEL, "renamed")]).unwrap(), [first.id]);
    assert!(vault.find(Some(&keys), &[term(LABEL, "first")]).unwrap().is_empty());
    assert_eq!(vault.find(Some(&keys), &[term(ID, "id of first")]).unwrap(), [first.id]);
    assert_eq!(vault.load(Some(&keys), &second.id).unwrap().version, 1);
    assert!(vault.check(&keys).unwrap().is_clean());
}

#[test]
fn an_update_that_fails_changes_nothing() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(false, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();
    let before = vault.change_counter().unwrap();

    let refused = vault.update(&keys, one.id, &mut |_| Err(StoreError::SoOnly));

    assert!(matches!(refused, Err(StoreError::SoOnly)));
    assert_eq!(vault.load(Some(&keys), &one.id).unwrap().version, 1);
    assert_eq!(vault.change_counter().unwrap(), before);
}

#[test]
fn a_public_record_can_become_private() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(false, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();

    let mut hidden = one.clone();
    hidden.private = true;
    assert_eq!(vault.replace(&keys, one.id, 1, &hidden).unwrap(), 2);

    assert!(vault.find(None, &one.terms).unwrap().is_empty());
    assert_eq!(vault.find(Some(&keys), &one.terms).unwrap(), [one.id]);
    assert!(vault.check(&keys).unwrap().is_clean());
}

#[test]
fn a_replacement_needs_the_version_it_was_made_from() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(false, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();
    vault.replace(&keys, one.id, 1, &one).unwrap();

    assert!(matches!(vault.replace(&keys, one.id, 1, &one), Err(StoreError::Stale { found: 2, seen: 1 })));
    assert!(matches!(vault.replace(&keys, new_id().unwrap(), 1, &one), Err(StoreError::NotFound)));
}

#[test]
fn a_deleted_record_is_gone_for_load_and_find() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let records: Vec<_> = (0..200).map(|i| record(i % 2 == 0, &format!("{i}"))).collect();
    vault.insert(&keys, &records).unwrap();

    for one in records.iter().step_by(3) {
        vault.delete(&keys, one.id).unwrap();
    }

    for (i, one) in records.iter().enumerate() {
        assert_eq!(vault.load(Some(&keys), &one.id).is_ok(), i % 3 != 0);
        assert_eq!(vault.find(Some(&keys), &one.terms).unwrap().len(), usize::from(i % 3 != 0));
    }
    assert!(matches!(vault.delete(&keys, records[0].id), Err(StoreError::NotFound)));
    assert!(vault.check(&keys).unwrap().is_clean());
    for one in vault.find(Some(&keys), &[]).unwrap() {
        vault.delete(&keys, one).unwrap();
    }
    assert_eq!(vault.check(&keys).unwrap(), cngtoken_storage::Report::default());
}

#[test]
fn an_id_that_is_taken_is_refused_and_nothing_of_the_batch_is_stored() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(true, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();

    assert!(matches!(vault.insert(&keys, &[record(true, "two"), one.clone()]), Err(StoreError::Exists { .. })));
    let twin = record(true, "three");
    assert!(matches!(vault.insert(&keys, &[twin.clone(), twin]), Err(StoreError::Exists { .. })));

    assert_eq!(vault.find(Some(&keys), &[]).unwrap(), [one.id]);
    assert!(vault.check(&keys).unwrap().is_clean());
}

#[test]
fn empty_and_large_records_and_terms_are_kept() {
    let place = place();
    let (vault, keys) = create(&place.path);
    for private in [false, true] {
        let mut empty = record(private, "");
        (empty.clear, empty.terms, empty.sealed) = (Vec::new(), Vec::new(), Secret::new(Vec::new()));
        let mut large = record(private, "large");
        (large.clear, large.sealed) = (vec![1; 3_000_000], Secret::new(vec![2; 3_000_000]));
        large.terms.push(term(9, vec![7; 100_000]));
        vault.insert(&keys, &[empty.clone(), large.clone()]).unwrap();

        assert!(vault.load(Some(&keys), &empty.id).unwrap().terms.is_empty());
        let back = vault.fetch(Some(&keys), &large.terms, 9).unwrap();
        assert_eq!(back.len(), 1);
        assert!(back[0].clear == large.clear && back[0].sealed == large.sealed && back[0].terms == large.terms);
    }
}

#[test]
fn the_change_counter_moves_with_every_change_of_whoever_and_never_with_reading() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let (other, _) = open(&place.path);
    let mut last = vault.change_counter().unwrap();
    let mut moved = || {
        let now = vault.change_counter().unwrap();
        std::mem::replace(&mut last, now) != now
    };
    let one = record(false, "one");

    vault.insert(&keys, from_ref(&one)).unwrap();
    assert!(moved());
    other.replace(&keys, one.id, 1, &one).unwrap();
    assert!(moved());
    let keys = &*vault.unlock(Role::User, USER).unwrap();
    vault.find(Some(keys), &[]).unwrap();
    assert!(!moved());
    vault.delete(keys, one.id).unwrap();
    assert!(moved());
    other.reset(&label("again"), SO).unwrap();
    assert!(moved());
}

#[test]
fn pins_open_what_they_should_and_can_be_changed() {
    let place = place();
    let vault = Vault::create(&place.path, &Access::Private, Kdf::Test, &label("x"), SO).unwrap();
    assert!(!vault.header().unwrap().user_pin_set);
    assert!(matches!(vault.unlock(Role::User, USER), Err(StoreError::UserPinNotSet)));
    let so = vault.unlock(Role::So, SO).unwrap();
    vault.set_user_pin(&so, USER).unwrap();
    let user = vault.unlock(Role::User, USER).unwrap();
    assert!(matches!(vault.set_user_pin(&user, b"9999"), Err(StoreError::SoOnly)));
    let one = record(true, "one");
    vault.insert(&so, from_ref(&one)).unwrap();

    assert!(matches!(vault.change_pin(Role::User, b"0000", b"5555"), Err(StoreError::PinIncorrect)));
    vault.change_pin(Role::User, USER, b"5555").unwrap();
    vault.change_pin(Role::So, SO, b"other so").unwrap();

    assert!(matches!(vault.unlock(Role::User, USER), Err(StoreError::PinIncorrect)));
    let user = vault.unlock(Role::User, b"5555").unwrap();
    assert_eq!(vault.load(Some(&user), &one.id).unwrap().sealed, one.sealed);
    assert!(vault.unlock(Role::So, SO).is_err());
    vault.unlock(Role::So, b"other so").unwrap();
}

#[test]
fn initialising_again_wipes_everything_but_the_store_id() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(false, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();
    let before = vault.header().unwrap();

    assert!(matches!(vault.reset(&label("new"), b"wrong"), Err(StoreError::PinIncorrect)));
    assert_eq!(vault.find(None, &[]).unwrap(), [one.id]);
    vault.reset(&label("new"), SO).unwrap();

    let after = vault.header().unwrap();
    assert_eq!((after.store_id, after.label, after.user_pin_set), (before.store_id, label("new"), false));
    assert!(vault.find(None, &[]).unwrap().is_empty());
    let so = vault.unlock(Role::So, SO).unwrap();
    assert_eq!(vault.check(&so).unwrap().objects, 0);
    for refused in
        [vault.insert(&keys, from_ref(&one)), vault.find(Some(&keys), &[]).map(drop), vault.check(&keys).map(drop), vault.delete(&keys, one.id)]
    {
        assert!(matches!(refused, Err(StoreError::KeysReplaced)), "{refused:?}");
    }
    vault.insert(&so, from_ref(&one)).unwrap();
    assert_eq!(vault.find(Some(&so), &[]).unwrap(), [one.id]);
}

#[test]
fn creating_over_an_existing_file_is_refused() {
    let place = place();
    create(&place.path);
    let again = Vault::create(&place.path, &Access::Private, Kdf::Test, &label("x"), SO);
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    let names: Vec<_> = std::fs::read_dir(place.path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|n| n.to_string_lossy().starts_with("token.db")), "{names:?}");
}

#[test]
fn a_token_with_the_calibrated_kdf_says_so_and_opens() {
    let place = place();
    let vault = Vault::create(&place.path, &Access::Private, Kdf::Calibrated, &label("x"), SO).unwrap();
    assert!(!vault.header().unwrap().test_kdf);
    vault.unlock(Role::So, SO).unwrap();
    assert!(matches!(vault.unlock(Role::So, USER), Err(StoreError::PinIncorrect)));
}

#[test]
fn dropping_one_vault_waits_for_the_transaction_of_another_in_this_process() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let one = record(false, "one");
    vault.insert(&keys, from_ref(&one)).unwrap();
    let (other, _) = open(&place.path);
    let finished = std::sync::atomic::AtomicBool::new(false);
    let (inside, waits) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let slow = &mut |r| {
                inside.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(100));
                finished.store(true, std::sync::atomic::Ordering::SeqCst);
                Ok::<_, StoreError>(r)
            };
            vault.update(&keys, one.id, slow).unwrap();
        });
        waits.recv().unwrap();
        drop(other);
        assert!(finished.load(std::sync::atomic::Ordering::SeqCst), "its descriptor was closed while a lock was held");
    });
}
