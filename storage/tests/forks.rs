//! Real forks. One test in this program, so that the process that forks has no other thread inside a store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{ForkGuard, Record, StoreError, Vault};
use common::{LABEL, create, open, place, record, term};
use fork::{Fork, fork, waitpid};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Forks as the C edge's handlers do, runs `child` in the child and `parent` in the parent. The child's success is its exit code.
fn forked(child: impl FnOnce() -> bool, parent: impl FnOnce()) {
    let guard = ForkGuard::prepare();
    match fork().unwrap() {
        Fork::Child => {
            guard.child();
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
            // No destructors, no test harness: the child ends here.
            std::process::exit(if good { 0 } else { 1 });
        }
        Fork::Parent(pid) => {
            guard.parent();
            parent();
            assert_eq!(waitpid(pid).unwrap(), 0, "the child failed");
        }
    }
}

fn insert_and_name(path: &Path, prefix: &str, count: usize) -> bool {
    let (vault, keys) = open(path);
    (0..count).all(|i| vault.insert(&keys, &[record(true, &format!("{prefix} {i}"))]).is_ok())
}

#[test]
fn a_child_works_on_its_own_and_loses_nothing_whatever_the_parent_does() {
    let place = place();
    let path = place.path.as_path();

    // The parent closes everything while the child commits: the loss of day one.
    for round in 0..10 {
        let store = path.with_file_name(format!("round-{round}.db"));
        let (vault, keys) = create(&store);
        vault.insert(&keys, &[record(true, "before")]).unwrap();
        forked(|| insert_and_name(&store, "child", 5), || drop(vault));
        let (vault, keys) = open(&store);
        for i in 0..5 {
            assert_eq!(vault.find(Some(&keys), &[term(LABEL, format!("child {i}"))]).unwrap().len(), 1);
        }
        assert!(vault.check(&keys).unwrap().is_clean());
    }

    // Both go on writing.
    let (vault, keys) = create(path);
    forked(
        || insert_and_name(path, "child", 20),
        || {
            for i in 0..20 {
                vault.insert(&keys, &[record(false, &format!("parent {i}"))]).unwrap();
            }
        },
    );
    assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), 40);
    assert!(vault.check(&keys).unwrap().is_clean());

    // What was inherited is dead, and dropping it does not disturb the parent.
    forked(
        || {
            let dead = matches!(vault.find(Some(&keys), &[]), Err(StoreError::Forked))
                && matches!(vault.insert(&keys, &[record(true, "x")]), Err(StoreError::Forked))
                && matches!(vault.header(), Err(StoreError::Forked));
            dead && insert_and_name(path, "second child", 3)
        },
        || {},
    );
    assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), 43);
    vault.insert(&keys, &[record(true, "the parent goes on")]).unwrap();

    // Destroying without a login: the child's own vault can, the inherited one is dead, the parent sees it.
    let certificate = Record { sealed: Secret::new(Vec::new()), ..record(false, "certificate") };
    vault.insert(&keys, std::slice::from_ref(&certificate)).unwrap();
    forked(
        || {
            matches!(vault.retire(certificate.id), Err(StoreError::Forked))
                && Vault::open(path).unwrap().unwrap().retire(certificate.id).is_ok()
                && insert_and_name(path, "after", 1)
        },
        || {},
    );
    assert!(matches!(vault.load(Some(&keys), &certificate.id), Err(StoreError::NotFound)));
    assert!(vault.check(&keys).unwrap().is_clean());

    // Forks while other threads are busy inside the store.
    let stop = AtomicBool::new(false);
    let (vault, keys) = (&vault, &keys);
    std::thread::scope(|scope| {
        let busy: Vec<_> = (0..2)
            .map(|t| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut done = 0;
                    while !stop.load(Ordering::Relaxed) {
                        if t == 0 {
                            vault.insert(keys, &[record(true, "busy")]).unwrap();
                        } else {
                            vault.find(Some(keys), &[term(LABEL, "busy")]).unwrap();
                        }
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        for round in 0..10 {
            forked(|| insert_and_name(path, &format!("amid {round}"), 2), || {});
        }
        stop.store(true, Ordering::Relaxed);
        let done: Vec<i32> = busy.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(vault.find(Some(keys), &[term(LABEL, "busy")]).unwrap().len(), usize::try_from(done[0]).unwrap());
    });
    for round in 0..10 {
        assert_eq!(vault.find(Some(keys), &[term(LABEL, format!("amid {round} 1"))]).unwrap().len(), 1);
    }
    assert!(vault.check(keys).unwrap().is_clean());
}
