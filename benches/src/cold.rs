//! A cold start as a short-lived client makes it: load, initialise, log in, one search, two signatures, and the memory it took.

use std::time::{Duration, Instant};

use cryptoki_sys::*;

use crate::Failure;
use crate::client::{Client, plain};
use crate::operation::PIN;
use crate::worker::Arguments;

/// What a cold start took.
#[derive(Clone, Copy)]
pub(crate) struct Cold {
    pub(crate) all: Duration,
    /// The part of it in C_Login, which derives the PIN.
    pub(crate) login: Duration,
    pub(crate) memory_kib: u64,
}

/// Starts, works, prints `ALL_NANOS⇥LOGIN_NANOS⇥KIB`.
pub(crate) fn start(arguments: &Arguments) -> Result<(), Failure> {
    let module = arguments.module.as_deref().ok_or("a cold start needs a module")?;
    let ids = crate::store::read_ids(arguments.ids.as_deref())?;

    let started = Instant::now();
    let client = Client::load(module)?;
    let session = client.open(client.slot(true)?)?;
    let before_login = Instant::now();
    session.login(PIN)?;
    let login = before_login.elapsed();
    if let Some(id) = ids.get(ids.len() / 2) {
        session.find(&[(CKA_ID, id)])?;
    }
    let (_, key) = session.find(&[(CKA_CLASS, &CKO_PRIVATE_KEY.to_ne_bytes()), (CKA_ID, b"p256")])?;
    for _ in 0..2 {
        session.sign(&mut plain(CKM_ECDSA), key, &[7; 32], &mut [0; 128])?;
    }
    let all = started.elapsed();

    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    println!("{}\t{}\t{kib}", all.as_nanos(), login.as_nanos());
    Ok(())
}

/// The line that `start` prints.
pub(crate) fn read(line: &str) -> Result<Cold, Failure> {
    let mut figures = line.trim().split('\t').map(str::parse::<u64>);
    let mut next = || -> Result<u64, Failure> { Ok(figures.next().ok_or("a figure is missing")??) };
    Ok(Cold { all: Duration::from_nanos(next()?), login: Duration::from_nanos(next()?), memory_kib: next()? })
}
