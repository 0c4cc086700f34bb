//! A worker process: one subject, one store, questions on standard input and one answering line for each.
//!
//! `cpu⇥ROW⇥MILLIS` → nanoseconds; `threads⇥ROW⇥COUNT⇥MILLIS` → operations per second
//! and CPU nanoseconds each; `imports⇥MILLIS` → per second and CPU
//! microseconds. `none` means that the subject has no such operation, `error⇥TEXT` that it failed.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{Operation, cpu_nanos, thread_cpu};
use crate::keys::Keys;
use crate::operation::Subject;
use crate::rows::{Row, named};
use crate::{Failure, bare};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The module; none: the bare library
    #[arg(long)]
    pub(crate) module: Option<PathBuf>,
    /// The folder with the run's keys
    #[arg(long)]
    pub(crate) keys: PathBuf,
    /// A file with the ids that the store was filled with
    #[arg(long)]
    pub(crate) ids: Option<PathBuf>,
    /// Make one public key with the id that a filler replaces
    #[arg(long)]
    pub(crate) marker: bool,
}

enum Side {
    Module(Subject),
    Bare(Keys),
}

impl Side {
    fn prepare(&self, row: &Row) -> Result<Option<Operation>, Failure> {
        match self {
            Side::Module(subject) => subject.prepare(row),
            Side::Bare(keys) => bare::prepare(row.work, keys),
        }
    }
}

/// Answers until the questions end.
pub(crate) fn work(arguments: &Arguments) -> Result<(), Failure> {
    let keys = Keys::open(&arguments.keys);
    let ids = crate::store::read_ids(arguments.ids.as_deref())?;
    let side = match &arguments.module {
        Some(module) => Side::Module(Subject::open(module, keys, ids)?),
        None => Side::Bare(keys),
    };
    let mut ready = HashMap::new();
    let mut out = std::io::stdout();
    for question in std::io::stdin().lock().lines() {
        let answer = answer(&side, &mut ready, &question?);
        let line = match answer {
            Ok(Some(figures)) => figures,
            Ok(None) => "none".to_owned(),
            Err(failure) => format!("error\t{}", failure.to_string().replace('\n', " ")),
        };
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(side: &Side, ready: &mut HashMap<String, Option<Operation>>, question: &str) -> Result<Option<String>, Failure> {
    let parts: Vec<&str> = question.split('\t').collect();
    match parts.as_slice() {
        ["cpu", name, millis] => {
            if !ready.contains_key(*name) {
                let mut operation = side.prepare(row(name)?)?;
                if let Some(operation) = &mut operation {
                    operation(1)?; // the first call fills caches
                }
                ready.insert((*name).to_owned(), operation);
            }
            let Some(Some(operation)) = ready.get_mut(*name) else { return Ok(None) };
            Ok(Some(format!("{}", cpu_nanos(operation, Duration::from_millis(millis.parse()?))?)))
        }
        ["threads", name, count, millis] => {
            let mut operations = Vec::new();
            for _ in 0..count.parse::<usize>()? {
                let Some(operation) = side.prepare(row(name)?)? else { return Ok(None) };
                operations.push(operation);
            }
            let (rate, nanos) = throughput(operations, Duration::from_millis(millis.parse()?))?;
            Ok(Some(format!("{rate}\t{nanos}")))
        }
        ["imports", millis] => match side {
            Side::Module(subject) => {
                let (rate, micros) = subject.imports(Duration::from_millis(millis.parse()?))?;
                Ok(Some(format!("{rate}\t{micros}")))
            }
            Side::Bare(_) => Ok(None),
        },
        _ => Err(format!("what is \"{question}\"?").into()),
    }
}

fn row(name: &str) -> Result<&'static Row, Failure> {
    named(name).ok_or_else(|| format!("no row \"{name}\"").into())
}

/// Operations per second of all threads together, and CPU nanoseconds of one.
fn throughput(operations: Vec<Operation>, wall: Duration) -> Result<(f64, f64), Failure> {
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    let (done, cpu) = std::thread::scope(|scope| {
        let run = |mut operation: Operation| {
            let stop = &stop;
            scope.spawn(move || -> Result<(u64, Duration), Failure> {
                let before = thread_cpu();
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    operation(16)?;
                    done += 16;
                }
                Ok((done, thread_cpu().saturating_sub(before)))
            })
        };
        let threads: Vec<_> = operations.into_iter().map(run).collect();
        std::thread::sleep(wall);
        stop.store(true, Ordering::Relaxed);
        let mut sum = (0, Duration::ZERO);
        for thread in threads {
            let (done, cpu) = thread.join().map_err(|_| "a thread panicked")??;
            sum = (sum.0 + done, sum.1 + cpu);
        }
        Ok::<_, Failure>(sum)
    })?;
    Ok((done as f64 / started.elapsed().as_secs_f64(), cpu.as_secs_f64() * 1e9 / done as f64))
}
