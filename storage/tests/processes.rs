//! Several processes on one store, and processes that die: nothing acknowledged is lost, nothing is half-written, nobody is refused.
//!
//! A worker is this test program itself, started again with a task in its environment.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_key::Secret;
use cngtoken_storage::{Record, Role, StoreError, Vault};
use common::{LABEL, USER, create, open, place, record, term};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TASK: &str = "CNGTOKEN_TEST_TASK";

fn start(task: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "worker", "--nocapture", "--test-threads=1"]);
    command.env(TASK, task).env("CNGTOKEN_TEST_STORE", path).stdout(Stdio::piped());
    command
}

fn all_succeed(workers: Vec<Child>) {
    for one in workers {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Not a test: what a worker does. Without a task it does nothing.
#[test]
fn worker() {
    let Ok(task) = std::env::var(TASK) else { return };
    let path = PathBuf::from(std::env::var("CNGTOKEN_TEST_STORE").unwrap());
    let (kind, argument) = task.split_once(' ').unwrap_or((&task, ""));
    match kind {
        "insert-for-ever" => {
            let (vault, keys) = open(&path);
            for i in 0.. {
                let name = format!("{argument} {i}");
                vault.insert(&keys, &[record(true, &name), record(false, &name)]).unwrap();
                println!("done {name}");
                std::io::stdout().flush().unwrap();
            }
        }
        "insert-50" => {
            let (vault, keys) = open(&path);
            for i in 0..50 {
                vault.insert(&keys, &[record(i % 2 == 0, &format!("{argument} {i}"))]).unwrap();
            }
        }
        "count-up" => {
            let (vault, keys) = open(&path);
            let id = vault.find(Some(&keys), &[term(LABEL, "counter")]).unwrap()[0];
            for _ in 0..60 {
                vault
                    .update(&keys, id, &mut |mut r| {
                        let n = u64::from_le_bytes(r.clear.as_slice().try_into().unwrap());
                        r.clear = (n + 1).to_le_bytes().to_vec();
                        Ok::<_, StoreError>(r)
                    })
                    .unwrap();
            }
        }
        "retire" => {
            // Ends the line that the test harness began.
            println!();
            let vault = Vault::open(&path).unwrap().unwrap();
            for id in vault.find(None, &[]).unwrap() {
                match vault.retire(id) {
                    Ok(()) => println!("done {}", u128::from_be_bytes(id)),
                    // Another process was first.
                    Err(StoreError::NotFound) => {}
                    Err(e) => panic!("{e}"),
                }
                std::io::stdout().flush().unwrap();
            }
        }
        "unlock" => drop(open(&path)),
        "guess" => {
            let vault = Vault::open(&path).unwrap().unwrap();
            match vault.unlock(Role::User, b"0000") {
                Err(StoreError::PinIncorrect) => println!("done wrong"),
                Err(StoreError::PinLocked { .. }) => println!("done locked"),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_killed_writer_loses_nothing_acknowledged_and_leaves_nothing_half_written() {
    let place = place();
    drop(create(&place.path));
    let rounds: u32 = std::env::var("CNGTOKEN_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let mut child = start(&format!("insert-for-ever {round}"), &place.path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Killed at some moment of the second or a later write.
        let first = lines.by_ref().find_map(|l| l.strip_prefix("done ").map(str::to_owned)).unwrap();
        acknowledged.push(first);
        std::thread::sleep(Duration::from_micros(u64::from(round) * 997 % 30_000));
        child.kill().unwrap();
        acknowledged.extend(lines.filter_map(|l| l.strip_prefix("done ").map(str::to_owned)));
        child.wait().unwrap();

        let (vault, keys) = open(&place.path);
        for name in &acknowledged {
            assert_eq!(vault.find(Some(&keys), &[term(LABEL, name)]).unwrap().len(), 2, "{name}");
        }
        let objects = vault.find(Some(&keys), &[]).unwrap().len();
        assert!(objects.is_multiple_of(2) && objects >= 2 * acknowledged.len(), "half of a pair");
    }
    let (vault, keys) = open(&place.path);
    let report = vault.check(&keys).unwrap();
    assert!(report.is_clean(), "{report:?}");
    println!("{rounds} kills, {} pairs acknowledged, {} objects", acknowledged.len(), report.objects);
}

fn certificates(count: usize) -> Vec<Record> {
    (0..count).map(|i| Record { sealed: Secret::new(Vec::new()), ..record(false, &format!("certificate {i}")) }).collect()
}

#[test]
fn a_process_killed_while_it_destroys_without_a_login_leaves_each_object_there_or_gone() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let all = certificates(300);
    vault.insert(&keys, &all).unwrap();
    vault.insert(&keys, &[record(true, "private")]).unwrap();
    let mut gone: Vec<u128> = Vec::new();
    for round in 0..15u64 {
        let mut child = start("retire", &place.path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let number = |l: String| l.strip_prefix("done ").map(|n| n.parse().unwrap());
        gone.push(lines.by_ref().find_map(number).unwrap());
        std::thread::sleep(Duration::from_micros(round * 1997 % 20_000));
        child.kill().unwrap();
        gone.extend(lines.filter_map(number));
        child.wait().unwrap();

        let fresh = Vault::open(&place.path).unwrap().unwrap();
        for (vault, keys) in [(&vault, Some(&*keys)), (&fresh, None)] {
            for id in &gone {
                assert!(matches!(vault.load(keys, &id.to_be_bytes()), Err(StoreError::NotFound)));
            }
            // One that was not acknowledged may be gone too.
            let left = vault.find(keys, &[]).unwrap().len() - usize::from(keys.is_some());
            assert!(left <= 300 - gone.len() && left >= 300 - gone.len() - usize::try_from(round).unwrap() - 1);
        }
        let report = vault.check(&keys).unwrap();
        assert!(report.is_clean(), "{report:?}");
        if round % 4 == 3 {
            vault.update(&keys, vault.find(Some(&keys), &[term(LABEL, "private")]).unwrap()[0], &mut |r| Ok::<_, StoreError>(r)).unwrap();
            let report = vault.check(&keys).unwrap();
            assert!(report.is_clean() && report.retired == 0, "{report:?}");
        }
    }
    println!("{} acknowledged", gone.len());
}

#[test]
fn processes_that_destroy_the_same_objects_without_a_login_destroy_each_once() {
    let place = place();
    let (vault, keys) = create(&place.path);
    vault.insert(&keys, &certificates(60)).unwrap();
    let workers: Vec<Child> = (0..4).map(|_| start("retire", &place.path).spawn().unwrap()).collect();
    let mut done = Vec::new();
    for one in workers {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        done.extend(String::from_utf8_lossy(&output.stdout).lines().filter_map(|l| l.strip_prefix("done ").map(str::to_owned)));
    }
    done.sort();
    done.dedup();
    assert_eq!(done.len(), 60);
    assert!(vault.find(None, &[]).unwrap().is_empty());
    assert_eq!(vault.check(&keys).unwrap().retired, 60);
}

#[test]
fn eight_processes_insert_at_once_and_all_succeed() {
    let place = place();
    let (vault, keys) = create(&place.path);
    all_succeed((0..8).map(|i| start(&format!("insert-50 {i}"), &place.path).spawn().unwrap()).collect());

    assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), 400);
    for name in (0..8).flat_map(|p| (0..50).map(move |i| format!("{p} {i}"))) {
        assert_eq!(vault.find(Some(&keys), &[term(LABEL, name)]).unwrap().len(), 1);
    }
    assert!(vault.check(&keys).unwrap().is_clean());
}

#[test]
fn two_processes_that_update_one_record_lose_no_update() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let mut counter = record(false, "counter");
    counter.clear = 0u64.to_le_bytes().to_vec();
    vault.insert(&keys, &[counter.clone()]).unwrap();

    all_succeed((0..2).map(|_| start("count-up", &place.path).spawn().unwrap()).collect());

    let after = vault.load(Some(&keys), &counter.id).unwrap();
    assert_eq!((after.clear, after.version), (120u64.to_le_bytes().to_vec(), 121));
}

#[test]
fn many_logins_with_the_right_pin_at_once_write_nothing() {
    let place = place();
    drop(create(&place.path));
    let before = (std::fs::read(&place.path).unwrap(), std::fs::metadata(&place.path).unwrap().modified().unwrap());

    all_succeed((0..32).map(|_| start("unlock", &place.path).spawn().unwrap()).collect());

    let after = (std::fs::read(&place.path).unwrap(), std::fs::metadata(&place.path).unwrap().modified().unwrap());
    assert!(before == after);
    assert!(!Vault::open(&place.path).unwrap().unwrap().header().unwrap().user.count_low());
}

#[test]
fn wrong_pins_of_several_processes_at_once_are_all_counted_or_refused() {
    let place = place();
    let (vault, _) = create(&place.path);
    let workers: Vec<Child> = (0..8).map(|_| start("guess", &place.path).spawn().unwrap()).collect();
    let mut wrong = 0;
    for one in workers {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success());
        wrong += u32::from(String::from_utf8_lossy(&output.stdout).contains("done wrong"));
    }
    let state = vault.header().unwrap().user;
    assert_eq!(state.failures, wrong);
    assert!(wrong >= 3);
    // A guess in between may have come after a delay of a second, not during it.
    assert!(wrong < 8, "no delay was kept");
    let _ = vault.unlock(Role::User, USER);
}

#[test]
fn many_threads_read_and_write_one_vault() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let (vault, keys) = (&vault, &keys);
    std::thread::scope(|scope| {
        for t in 0..8 {
            scope.spawn(move || {
                for i in 0..8 {
                    let one = record(i % 2 == 0, &format!("{t} {i}"));
                    vault.insert(keys, std::slice::from_ref(&one)).unwrap();
                    for _ in 0..50 {
                        assert_eq!(vault.fetch(Some(keys), &one.terms, 9).unwrap()[0].sealed, one.sealed);
                    }
                }
            });
        }
    });
    assert_eq!(vault.find(Some(keys), &[]).unwrap().len(), 64);
    assert!(vault.check(keys).unwrap().is_clean());
}
