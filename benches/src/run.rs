//! The coordinator: stores, worker processes, interleaved rounds, medians.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::clock::median;
use crate::cold::{self, Cold};
use crate::keys::Keys;
use crate::rows::{FIND, ROWS, Row, THREADED};
use crate::store::{BASE_OBJECTS, Store, Subject};
use crate::{Failure, RunArguments, table};

/// Where Debian's package puts the peer.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// How long and how often.
struct Pace {
    rounds: usize,
    sample_millis: u64,
    threads_millis: u64,
    imports_millis: u64,
}

/// The medians of one row: ours, the peer's, the bare library's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Medians {
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    pub(crate) bare: Option<f64>,
}

/// One thread and two.
pub(crate) struct Threads {
    /// Operations per second of all threads together.
    pub(crate) rate: [Medians; 2],
    /// CPU nanoseconds of one operation.
    pub(crate) cpu: [Medians; 2],
}

/// What a store of one size cost.
pub(crate) struct Growth {
    pub(crate) objects: usize,
    /// Microseconds of CPU.
    pub(crate) find: Medians,
    pub(crate) sign: Medians,
    pub(crate) cold: [Option<Cold>; 2],
    /// CPU microseconds of one import, and imports per second.
    pub(crate) import_micros: [Option<f64>; 2],
    pub(crate) imports_per_second: [Option<f64>; 2],
    pub(crate) batch_per_second: Option<f64>,
}

/// Everything that was measured.
pub(crate) struct Figures {
    pub(crate) peer: bool,
    /// Nanoseconds of CPU per operation.
    pub(crate) cpu: Vec<(&'static Row, Medians)>,
    pub(crate) threads: Vec<(&'static Row, Threads)>,
    pub(crate) growth: Vec<Growth>,
    /// What did not work, and why.
    pub(crate) notes: Vec<String>,
}

/// Measures, prints, and says whether every bar was reached (or none is asked for).
pub(crate) fn run(arguments: &RunArguments) -> Result<bool, Failure> {
    let ours = ours(arguments)?;
    let peer = peer(arguments)?;
    let pace = if arguments.quick {
        Pace { rounds: 3, sample_millis: 30, threads_millis: 300, imports_millis: 500 }
    } else {
        Pace { rounds: 9, sample_millis: 100, threads_millis: 1000, imports_millis: 3000 }
    };
    let sizes = match (arguments.objects.as_slice(), arguments.quick) {
        ([], true) => vec![100, 10_000],
        ([], false) => vec![100, 10_000, 100_000],
        (chosen, _) => chosen.to_vec(),
    };

    let folder = tempfile::tempdir()?;
    let mut bench = Bench {
        ours,
        peer,
        keys: Keys::generate(&folder.path().join("keys"))?,
        folder: folder.path().to_path_buf(),
        pace,
        notes: Vec::new(),
        made: 0,
    };
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part.as_str()));
    let cpu = bench.cpu_rows(&wanted)?;
    let mut threads = Vec::new();
    let mut growth = Vec::new();
    if wanted("objects") || THREADED.iter().any(|row| wanted(row.name)) {
        for (at, size) in sizes.iter().enumerate() {
            let stores = bench.stores(*size)?;
            if at == 0 {
                threads = bench.thread_rows(&stores, &wanted)?;
            }
            if wanted("objects") || wanted(FIND.name) {
                growth.push(bench.growth(*size, &stores)?);
            }
        }
    }

    let figures = Figures { peer: bench.peer.is_some(), cpu, threads, growth, notes: bench.notes };
    let reached = table::print(&figures);
    if let Some(path) = &arguments.json {
        std::fs::write(path, table::json(&figures)?).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(reached || !arguments.strict)
}

fn ours(arguments: &RunArguments) -> Result<Subject, Failure> {
    let program = std::env::current_exe()?;
    let beside = program.parent().unwrap_or(Path::new("."));
    let module = arguments.module.clone().unwrap_or_else(|| beside.join("libcngtoken.so"));
    if !module.is_file() {
        return Err(format!("{}: no module; build it first: cargo build --release", module.display()).into());
    }
    let command_line = arguments.command_line.clone().unwrap_or_else(|| beside.join("cngtoken"));
    Ok(Subject::Ours { module: module.canonicalize()?, command_line })
}

fn peer(arguments: &RunArguments) -> Result<Option<Subject>, Failure> {
    if arguments.no_peer {
        return Ok(None);
    }
    let path = arguments.peer.clone().unwrap_or_else(|| PathBuf::from(SOFTHSM));
    match (path.is_file(), &arguments.peer) {
        (true, _) => Ok(Some(Subject::SoftHsm { module: path.canonicalize()? })),
        (false, Some(named)) => Err(format!("{}: no such module", named.display()).into()),
        (false, None) => {
            eprintln!("no peer: the package softhsm2 is not installed");
            Ok(None)
        }
    }
}

struct Bench {
    ours: Subject,
    peer: Option<Subject>,
    keys: Keys,
    folder: PathBuf,
    pace: Pace,
    notes: Vec<String>,
    /// How many stores there are, for the next one's folder.
    made: usize,
}

/// Our store and the peer's, where they could be made.
struct Stores {
    ours: Option<Store>,
    peer: Option<Store>,
}

impl Stores {
    fn both(&self) -> [Option<&Store>; 2] {
        [self.ours.as_ref(), self.peer.as_ref()]
    }
}

impl Bench {
    fn stores(&mut self, objects: usize) -> Result<Stores, Failure> {
        eprintln!("stores of {objects} objects ...");
        let ours = self.store("ours", &self.ours.clone(), objects);
        let peer = self.peer.clone().and_then(|peer| self.store("peer", &peer, objects));
        Ok(Stores { ours, peer })
    }

    fn store(&mut self, name: &str, subject: &Subject, objects: usize) -> Option<Store> {
        self.made += 1;
        let made = Store::make(subject, &self.folder.join(format!("{name}-{}", self.made)), &self.keys, objects);
        made.map_err(|failure| self.notes.push(format!("{name}, store of {objects} objects: {failure}"))).ok()
    }

    fn workers(&mut self, stores: &Stores, bare: bool) -> Result<[Option<Worker>; 3], Failure> {
        let start = |store: Option<&Store>| store.map(|store| Worker::start(store.child("work"))).transpose();
        let bare = if bare {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("work").arg("--keys").arg(self.keys.folder());
            Some(Worker::start(command)?)
        } else {
            None
        };
        Ok([start(stores.ours.as_ref())?, start(stores.peer.as_ref())?, bare])
    }

    fn cpu_rows(&mut self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(&'static Row, Medians)>, Failure> {
        let rows: Vec<&'static Row> = ROWS.iter().filter(|row| wanted(row.name)).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let stores = self.stores(BASE_OBJECTS)?;
        let mut workers = self.workers(&stores, true)?;
        let mut measured = Vec::new();
        for row in rows {
            eprintln!("{} ...", row.name);
            measured.push((row, self.cpu(&mut workers, row)));
        }
        Ok(measured)
    }

    /// One row's CPU nanoseconds.
    fn cpu(&mut self, workers: &mut [Option<Worker>; 3], row: &Row) -> Medians {
        let question = format!("cpu\t{}\t{}", row.name, self.pace.sample_millis);
        let [nanos] = self.ask_in_turn(workers, &question, row.name);
        nanos
    }

    /// The same question to every worker, one after the other, so many rounds; the medians of each figure that they answer with.
    fn ask_in_turn<const FIGURES: usize>(&mut self, workers: &mut [Option<Worker>; 3], question: &str, about: &str) -> [Medians; FIGURES] {
        let mut seen: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
        for _ in 0..self.pace.rounds {
            for (at, place) in workers.iter_mut().enumerate() {
                let Some(worker) = place else { continue };
                match worker.ask(question) {
                    Ok(Some(figures)) => {
                        figures.into_iter().enumerate().for_each(|(which, figure)| seen.entry((at, which)).or_default().push(figure))
                    }
                    Ok(None) => {}
                    Err(failure) => {
                        let note = format!("{}, {about}: {failure}", ["ours", "peer", "bare"][at]);
                        if !self.notes.contains(&note) {
                            self.notes.push(note);
                        }
                        if worker.gone() {
                            *place = None;
                        }
                    }
                }
            }
        }
        let mut of = |at: usize, which: usize| seen.get_mut(&(at, which)).map(|figures| median(figures));
        std::array::from_fn(|which| Medians { ours: of(0, which), peer: of(1, which), bare: of(2, which) })
    }

    fn thread_rows(&mut self, stores: &Stores, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(&'static Row, Threads)>, Failure> {
        let mut workers = self.workers(stores, false)?;
        let mut measured = Vec::new();
        for row in THREADED.iter().filter(|row| wanted(row.name)) {
            eprintln!("threads: {} ...", row.name);
            let mut question = |count: usize| {
                let text = format!("threads\t{}\t{count}\t{}", row.name, self.pace.threads_millis);
                self.ask_in_turn(&mut workers, &text, row.name)
            };
            let ([rate_of_one, cpu_of_one], [rate_of_two, cpu_of_two]) = (question(1), question(2));
            measured.push((row, Threads { rate: [rate_of_one, rate_of_two], cpu: [cpu_of_one, cpu_of_two] }));
        }
        Ok(measured)
    }

    fn growth(&mut self, objects: usize, stores: &Stores) -> Result<Growth, Failure> {
        let cold = stores.both().map(|store| store.and_then(|store| self.cold(store)));
        let mut workers = self.workers(stores, false)?;
        eprintln!("{objects} objects: search, signature, imports ...");
        let find = self.cpu(&mut workers, &FIND);
        let sign = ROWS.iter().find(|row| row.name == "ECDSA P-256 sign").map_or(Medians::default(), |row| self.cpu(&mut workers, row));
        let mut rates = [None; 2];
        let mut costs = [None; 2];
        for (at, worker) in workers.iter_mut().take(2).enumerate() {
            let Some(worker) = worker else { continue };
            match worker.ask(&format!("imports\t{}", self.pace.imports_millis)) {
                Ok(Some(figures)) => (rates[at], costs[at]) = (figures.first().copied(), figures.get(1).copied()),
                Ok(None) => {}
                Err(failure) => self.notes.push(format!("imports at {objects} objects: {failure}")),
            }
        }
        let batch = stores.ours.as_ref().and_then(|store| store.batch);
        let batch_per_second = batch.map(|(keys, took)| keys as f64 / took.as_secs_f64());
        Ok(Growth { objects, find, sign, cold, import_micros: costs, imports_per_second: rates, batch_per_second })
    }

    /// The cold start of the median; one that takes seconds is not repeated.
    fn cold(&mut self, store: &Store) -> Option<Cold> {
        let mut starts = Vec::new();
        for _ in 0..self.pace.rounds {
            let output = store.child("cold").output().map_err(Failure::from);
            let started = output.and_then(|output| {
                if output.status.success() {
                    cold::read(&String::from_utf8_lossy(&output.stdout))
                } else {
                    Err(String::from_utf8_lossy(&output.stderr).trim().into())
                }
            });
            match started {
                Ok(start) => starts.push(start),
                Err(failure) => {
                    self.notes.push(format!("cold start: {failure}"));
                    return None;
                }
            }
            if starts.iter().any(|start| start.all.as_secs() >= 2) {
                break;
            }
        }
        starts.sort_by_key(|start| start.all);
        starts.get(starts.len() / 2).copied()
    }
}

/// A worker process and the two ends of the conversation.
struct Worker {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(mut command: Command) -> Result<Worker, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take().ok_or("no way to the worker")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no way from the worker")?);
        Ok(Worker { child, questions, answers })
    }

    fn ask(&mut self, question: &str) -> Result<Option<Vec<f64>>, Failure> {
        writeln!(self.questions, "{question}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(format!("the worker ended: {}", self.child.wait()?).into());
        }
        let line = line.trim_end();
        if let Some(text) = line.strip_prefix("error\t") {
            return Err(text.into());
        }
        if line == "none" {
            return Ok(None);
        }
        let figures: Result<Vec<f64>, _> = line.split('\t').map(str::parse).collect();
        Ok(Some(figures?))
    }

    fn gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
