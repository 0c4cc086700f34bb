//! Connections to one store file: how they are opened, lent to threads, and kept away from a fork's child.
//!
//! `read` and `write` are the only ways into SQLite for the rest of the room. Waiting for another process happens outside the gate, so that a
//! fork never waits for it. Store format, section 8.

use crate::gate::{self, Birth};
use crate::retired::{TALLY, TALLY_BYTES, Tally};
use crate::schema;
use crate::{StoreError, vault};
use nix::unistd::AccessFlags;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::Cell;
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// A connection, and which side of which fork it belongs to.
struct Link {
    conn: Option<Connection>,
    birth: Birth,
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if self.birth.still().is_err() {
            // Closing an inherited connection would act on the parent's locks and files.
            std::mem::forget(conn);
        } else {
            let _pass = gate::enter();
            drop(conn);
        }
    }
}

type Slot = Mutex<Option<Link>>;

/// The connections of one `Vault`.
pub(crate) struct Links {
    path: PathBuf,
    store_id: [u8; 16],
    /// The tally while nothing is retired: a read compares bytes only.
    none_retired: [u8; TALLY_BYTES],
    file: (u64, u64),
    birth: Birth,
    readers: Vec<Slot>,
    writer: Slot,
    /// For looking at the file's change counter without SQLite and its locks.
    watch: Option<File>,
}

impl Links {
    /// To an existing file. Migrates an older format if the file can be written.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        gate::may_open()?;
        let birth = Birth::now();
        let meta = identify(&path)?;
        let file = (meta.dev(), meta.ino());
        let mut wait = Patience::new();
        let (link, store_id) = loop {
            let opened = {
                let _pass = gate::enter();
                connect(&path, Use::Read).and_then(|conn| Ok((vault::store_id(&conn)?, conn)))
            };
            match opened {
                Err(StoreError::Busy) if wait.again() => {}
                Err(e) => return Err(e),
                Ok((store_id, conn)) => break (Link { conn: Some(conn), birth }, store_id),
            }
        };
        let count = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, MOST_READERS);
        let mut readers: Vec<Slot> = std::iter::repeat_with(|| Mutex::new(None)).take(count).collect();
        if let Some(slot) = readers.get_mut(preferred(count)) {
            *slot = Mutex::new(Some(link));
        }
        let links = Self {
            watch: Some(watch(&path)?),
            path,
            none_retired: Tally::default().to_bytes(&store_id),
            store_id,
            file,
            birth,
            readers,
            writer: Mutex::new(None),
        };
        links.same_file()?;
        Ok(links)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn store_id(&self) -> &[u8; 16] {
        &self.store_id
    }

    /// Runs `f` in one read transaction, again from the start if the store was busy, and tells it whether anything is retired.
    pub(crate) fn read<T>(&self, mut f: impl FnMut(&Connection, bool) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut wait = Patience::new();
        loop {
            self.birth.still()?;
            // Declared before the pass: a link is closed after the gate was left.
            let mut dead = None;
            let result = {
                let _pass = gate::enter();
                let mut slot = self.reader();
                let result = self.connected(&mut slot, Use::Read).and_then(|conn| {
                    // A statement that is not run to its end keeps the read transaction open: cheaper than BEGIN and COMMIT.
                    let mut anchor = conn.prepare_cached(TALLY)?;
                    let mut anchor = anchor.query([])?;
                    // Anything else than these bytes is looked at by those who need it.
                    let none = anchor.next()?.and_then(|row| row.get_ref(0).ok()?.as_blob().ok()) == Some(self.none_retired.as_slice());
                    f(conn, !none)
                });
                if matches!(result, Err(StoreError::Io { .. })) || slot.as_ref().is_some_and(Link::is_stuck) {
                    dead = slot.take();
                }
                result
            };
            drop(dead);
            match result {
                Err(StoreError::Busy) if wait.again() => {}
                done => return done,
            }
        }
    }

    /// Runs `f` in one write transaction and commits it. On any error nothing has changed.
    pub(crate) fn write<T, E: From<StoreError>>(&self, f: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        self.birth.still()?;
        let mut slot = locked(&self.writer);
        let mut dead = None;
        let result = self.write_in(&mut slot, f);
        if slot.as_ref().is_some_and(Link::is_stuck) {
            dead = slot.take();
        }
        drop(slot);
        drop(dead);
        result
    }

    fn write_in<T, E: From<StoreError>>(&self, slot: &mut Option<Link>, f: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let mut wait = Patience::new();
        loop {
            let _pass = gate::enter();
            let begun = self.connected(slot, Use::Write).and_then(|conn| {
                conn.busy_timeout(Duration::ZERO)?;
                conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
                Ok(conn)
            });
            let conn = match begun {
                Ok(conn) => conn,
                Err(StoreError::Busy) => {
                    drop(_pass);
                    if wait.again() {
                        continue;
                    }
                    return Err(StoreError::Busy.into());
                }
                Err(e) => return Err(e.into()),
            };
            let open = Transaction { conn };
            // From here on only readers are waited for, and they are quick.
            conn.busy_timeout(READERS_END).map_err(StoreError::from)?;
            self.same_file()?;
            let value = f(conn)?;
            open.end("COMMIT")?;
            return Ok(value);
        }
    }

    /// Refuses to go on with a file that is no longer the one under its name: what is written to it would be lost.
    pub(crate) fn same_file(&self) -> Result<Metadata, StoreError> {
        let meta = identify(&self.path)?;
        if (meta.dev(), meta.ino()) == self.file {
            return Ok(meta);
        }
        Err(StoreError::Io { why: format!("{} was replaced by another file; open it anew", self.path.display()) })
    }

    /// SQLite's own change counter, which every commit of every process moves. Read without a lock: a commit that is not yet finished shows too, which
    /// does no harm, since whoever then reads waits for its end.
    pub(crate) fn change_counter(&self) -> Result<u64, StoreError> {
        self.birth.still()?;
        let meta = self.same_file()?;
        let mut counter = [0u8; 4];
        let watch = self.watch.as_ref().ok_or(StoreError::Forked)?;
        watch.read_exact_at(&mut counter, CHANGE_COUNTER_AT).map_err(|e| StoreError::io("reading the change counter", &e))?;
        // The number of a commit that died and was rolled back is given to the next one; the time of writing tells them apart.
        let time = meta.mtime_nsec() ^ meta.mtime();
        Ok((u64::from(u32::from_be_bytes(counter)) << 32) | (time.cast_unsigned() & u64::from(u32::MAX)))
    }

    /// Whether this user may write file and directory.
    pub(crate) fn writable(&self) -> bool {
        writable(&self.path)
    }

    /// [`Links::write`] for many rows at once, with room for their pages, which is given back afterwards.
    pub(crate) fn write_many<T>(&self, f: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.write(|conn| {
            conn.execute_batch("PRAGMA cache_size = -32000")?;
            let result = f(conn);
            conn.execute_batch("PRAGMA cache_size = -2000")?;
            result
        })
        .inspect(|_| self.shrink())
    }

    fn shrink(&self) {
        let slot = locked(&self.writer);
        let _pass = gate::enter();
        if let Some(conn) = slot.as_ref().and_then(|l| l.conn.as_ref()) {
            // Only a cache: what it cannot give back is not missed.
            let _ = conn.release_memory();
        }
    }

    /// Forgets all connections without closing them.
    pub(crate) fn leak(mut self) {
        std::mem::forget(self.watch.take());
        for slot in self.readers.iter_mut().chain([&mut self.writer]) {
            if let Some(conn) = slot.get_mut().unwrap_or_else(PoisonError::into_inner).take().and_then(|mut l| l.conn.take()) {
                std::mem::forget(conn);
            }
        }
    }

    /// A free reader, the thread's usual one if possible: its cache is warm.
    fn reader(&self) -> MutexGuard<'_, Option<Link>> {
        let start = preferred(self.readers.len());
        for slot in self.readers.iter().cycle().skip(start).take(self.readers.len()) {
            match slot.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(e)) => return e.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.readers.get(start).map_or_else(|| locked(&self.writer), locked)
    }

    fn connected<'a>(&self, slot: &'a mut Option<Link>, way: Use) -> Result<&'a Connection, StoreError> {
        if slot.is_none() {
            gate::may_open()?;
            let conn = connect(&self.path, way)?;
            self.same_file()?;
            if vault::store_id(&conn)? != self.store_id {
                return Err(StoreError::damaged("the store id changed"));
            }
            *slot = Some(Link { conn: Some(conn), birth: self.birth });
        }
        slot.as_ref().and_then(|l| l.conn.as_ref()).ok_or(StoreError::Forked)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        let Some(watch) = self.watch.take() else { return };
        if self.birth.still().is_err() {
            std::mem::forget(watch);
            return;
        }
        // Closing any descriptor of a file drops all POSIX locks of the process on it. So: only while nobody holds one, or never.
        let mut watch = Some(watch);
        gate::alone(|| drop(watch.take()));
        std::mem::forget(watch);
    }
}

impl Link {
    /// Its transaction could not be ended: the connection is of no use any more.
    fn is_stuck(&self) -> bool {
        self.conn.as_ref().is_some_and(|c| !c.is_autocommit())
    }
}

/// Rolls back unless ended, also when a closure panics.
struct Transaction<'a> {
    conn: &'a Connection,
}

impl Transaction<'_> {
    fn end(self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.conn.is_autocommit() {
            // If even this fails, `is_stuck` sees it and the connection is closed.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

/// A connection that was judged to be to a store of ours. Opened for writing in both cases: a reader may have to undo a dead process's half-written change.
fn connect(path: &Path, way: Use) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::ZERO)?;
    conn.set_prepared_statement_cache_capacity(32);
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        conn.set_db_config(option, on)?;
    }
    conn.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;")?;
    if schema::verify(&conn)? {
        conn.busy_timeout(READERS_END)?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        let open = Transaction { conn: &conn };
        schema::migrate(&conn, &schema::MIGRATIONS, schema::VERSION)?;
        open.end("COMMIT")?;
        conn.busy_timeout(Duration::ZERO)?;
        schema::verify(&conn)?;
    }
    conn.execute_batch(match way {
        Use::Read => "PRAGMA query_only = ON;",
        Use::Write => "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
    })?;
    Ok(conn)
}

/// A descriptor of our own. The caller sees to it that it is closed as [`Links`]' drop says.
fn watch(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|e| StoreError::io(&path.display().to_string(), &e))
}

/// What lies under the name.
fn identify(path: &Path) -> Result<Metadata, StoreError> {
    std::fs::symlink_metadata(path).map_err(|e| StoreError::io(&path.display().to_string(), &e))
}

fn writable(path: &Path) -> bool {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    [path, directory].iter().all(|p| nix::unistd::eaccess(*p, AccessFlags::W_OK).is_ok())
}

fn locked(slot: &Slot) -> MutexGuard<'_, Option<Link>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread's place among `count`.
fn preferred(count: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    let mine = MINE.get().unwrap_or_else(|| {
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        MINE.set(Some(mine));
        mine
    });
    mine.checked_rem(count).unwrap_or(0)
}

/// Waits a little longer each time, until it is enough.
struct Patience {
    deadline: Option<Instant>,
    nap: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { deadline: None, nap: Duration::from_micros(200) }
    }

    /// Sleeps; false if the deadline has passed.
    fn again(&mut self) -> bool {
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert(now + LONGEST_WAIT);
        // Processes that began to wait together must not knock together.
        let jitter = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos()) % 300_000;
        std::thread::sleep(self.nap + Duration::from_nanos(u64::from(jitter)));
        self.nap = (self.nap * 2).min(Duration::from_millis(5));
        now < deadline
    }
}

/// Where SQLite's file format has it.
const CHANGE_COUNTER_AT: u64 = 24;
const MOST_READERS: usize = 8;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const READERS_END: Duration = Duration::from_secs(30);
