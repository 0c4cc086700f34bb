//! Measures the vault: `cargo run --release -p cngtoken-storage --example speed [OBJECTS…]`. Prints one line per figure.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a measuring program")]

use cngtoken_key::Secret;
use cngtoken_storage::{Access, Kdf, Keys, Record, Role, Term, Vault, new_id};
use nix::sys::resource::{UsageWho, getrusage};
use std::time::Instant;

fn record(i: usize) -> Record {
    let private = i.is_multiple_of(2);
    let term = |tag, bytes: Vec<u8>| Term { tag, bytes };
    let pair = (i / 2).to_le_bytes().repeat(3)[..20].to_vec();
    let terms = vec![
        term(0x102, pair),
        term(3, format!("key {}", i / 2).into_bytes()),
        term(0, vec![u8::from(private)]),
        term(0x100, vec![0]),
        term(1, vec![1]),
        term(2, vec![u8::from(private)]),
    ];
    let (clear, sealed) = if private { (vec![5; 500], vec![6; 1200]) } else { (vec![5; 700], Vec::new()) };
    Record { id: new_id().unwrap(), version: 0, private, clear, sealed: Secret::new(sealed), terms, authentic: false }
}

fn micros(what: &str, times: usize, mut f: impl FnMut(usize)) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    (0..times).for_each(&mut f);
    let per = |seconds: f64| seconds * 1e6 / times as f64;
    println!("  {what}: {:.2} µs CPU, {:.2} µs wall", per(cpu_seconds() - cpu), per(start.elapsed().as_secs_f64()));
}

/// Of this thread: other people's load does not count.
fn cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|t| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6).sum()
}

fn measure(vault: &Vault, keys: &Keys, count: usize) {
    let spread = move |i: usize| (i * 7919) % (count / 2);
    let id_of = move |i: usize| Term { tag: 0x102, bytes: spread(i).to_le_bytes().repeat(3)[..20].to_vec() };
    let class = |c| Term { tag: 0, bytes: vec![c] };
    let times = 20_000;
    micros("find by id, logged in", times, |i| assert_eq!(vault.find(Some(keys), &[id_of(i)]).unwrap().len(), 2));
    micros("find by id, not logged in", times, |i| assert_eq!(vault.find(None, &[id_of(i)]).unwrap().len(), 1));
    micros("find by id and class", times, |i| assert_eq!(vault.find(Some(keys), &[id_of(i), class(1)]).unwrap().len(), 1));
    micros("find of nothing", times, |i| assert!(vault.find(Some(keys), &[Term { tag: 9, bytes: i.to_le_bytes().to_vec() }]).unwrap().is_empty()));
    micros("fetch by id and class", times, |i| assert_eq!(vault.fetch(Some(keys), &[id_of(i), class(1)], 9).unwrap().len(), 1));
    let ids = vault.find(Some(keys), &[]).unwrap();
    micros("load", times, |i| drop(vault.load(Some(keys), &ids[(i * 7919) % ids.len()]).unwrap()));
    micros("change counter", times, |_| assert!(vault.change_counter().unwrap() > 0));
    micros("header", 2_000, |_| assert!(vault.header().unwrap().writable));
    let together = |threads: usize| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for t in 0..threads {
                scope.spawn(move || (0..times).for_each(|i| assert_eq!(vault.fetch(Some(keys), &[id_of(i + t)], 9).unwrap().len(), 2)));
            }
        });
        (threads * times) as f64 / start.elapsed().as_secs_f64()
    };
    println!("  fetch on two threads: {:.2} times as many as on one", together(2) / together(1));
    micros("find all", 5, |_| drop(vault.find(Some(keys), &[]).unwrap()));
    micros("find by class", 5, |_| assert_eq!(vault.find(Some(keys), &[class(1)]).unwrap().len(), count / 2));
    micros("insert of one", 200, |i| vault.insert(keys, &[record(count * 4 + i * 2)]).unwrap());
    micros("insert of a pair", 200, |i| vault.insert(keys, &[record(count * 8 + i * 2), record(count * 8 + i * 2 + 1)]).unwrap());
    micros("unlock (test KDF)", 200, |_| drop(vault.unlock(Role::User, b"1234").unwrap()));
}

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    for count in if counts.is_empty() { vec![100, 10_000, 100_000] } else { counts } {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token.db");
        let vault = Vault::create(&path, &Access::Private, Kdf::Test, &[b' '; 32], b"so-pin").unwrap();
        let so = vault.unlock(Role::So, b"so-pin").unwrap();
        vault.set_user_pin(&so, b"1234").unwrap();
        let keys = vault.unlock(Role::User, b"1234").unwrap();
        let records: Vec<Record> = (0..count).map(record).collect();
        let start = Instant::now();
        records.chunks(20_000).for_each(|batch| vault.insert(&keys, batch).unwrap());
        println!("{count} objects: {:.0} records/s in batches", count as f64 / start.elapsed().as_secs_f64());
        println!("  file: {} bytes per object", std::fs::metadata(&path).unwrap().len() / count as u64);
        measure(&vault, &keys, count);
        let start = Instant::now();
        let cold = Vault::open(&path).unwrap().unwrap();
        println!("  open: {:?}", start.elapsed());
        let start = Instant::now();
        assert!(cold.check(&keys).unwrap().is_clean());
        println!("  check: {:?}", start.elapsed());
    }
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create(&dir.path().join("t.db"), &Access::Private, Kdf::Calibrated, &[b' '; 32], b"so-pin").unwrap();
    micros("unlock (calibrated)", 5, |_| drop(vault.unlock(Role::So, b"so-pin").unwrap()));
}
