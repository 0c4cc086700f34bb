//! Sessions: what one C_OpenSession gave, and the table of them.
//!
//! Opening and closing is all writes, so the table is sharded. A session that was closed while a call runs in it says so when
//! the call comes back. Source: PKCS#11 3.2, "Session management functions".

use crate::token::error::{R, Reason, TokenError};
use crate::token::handles::Entry;
use crate::token::operation::{Kind, Operations, Running, Taken};
use crate::token::slot::{SHARDS, Slot};
use crate::token::usage::Working;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

const LAST_HANDLE: u64 = 0x7FFF_FFFF;

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard in which this thread opens its sessions. A plain number: a thread's storage here must have no destructor.
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Each thread keeps to one shard, so that threads with sessions of their own share no cache line.
fn own_shard() -> usize {
    if SHARD.get() == usize::MAX {
        SHARD.set(NEXT_THREAD.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    SHARD.get()
}

/// One session, on cache lines of its own: threads that work in sessions side by side must not slow each other down.
#[repr(align(128))]
pub(crate) struct Session {
    pub(crate) handle: u64,
    pub(crate) slot: &'static Slot,
    /// CKF_RW_SESSION was set.
    pub(crate) read_write: bool,
    pub(crate) operations: Operations,
    closed: AtomicBool,
    /// The key that this session used last: threads that use one key in sessions of their own share no counter for it.
    recent: Mutex<Option<Arc<Working>>>,
    /// What C_GetBCryptStatus tells: NTSTATUS and reason of the last import, export or C_CreateObject.
    status: Mutex<(u32, String)>,
}

impl Session {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.operations.cancel_all();
        self.set_recent(None);
    }

    /// The key used last, if it is the one behind this handle.
    pub(crate) fn recent(&self, handle: u64) -> Option<Arc<Working>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().filter(|w| w.entry.handle == handle).cloned()
    }

    pub(crate) fn forget_recent(&self, which: impl Fn(&Entry) -> bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.as_ref().is_some_and(|w| which(&w.entry)) {
            *recent = None;
        }
    }

    pub(crate) fn set_recent(&self, working: Option<Arc<Working>>) {
        *self.recent.lock().unwrap_or_else(PoisonError::into_inner) = working;
    }

    pub(crate) fn set_status(&self, status: u32, reason: String) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = (status, reason);
    }

    pub(crate) fn status(&self) -> (u32, String) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes an operation out of its place; see `operation.rs`.
    pub(crate) fn take(&self, kind: Kind) -> R<Taken<'_>> {
        self.operations.take(kind)
    }

    /// Starts an operation, unless the world has changed since it was prepared.
    pub(crate) fn begin(&self, kind: Kind, running: Running) -> R<()> {
        self.still_valid(running.epoch)?;
        self.operations.begin(kind, running)
    }

    /// Whether a result may still be given out: the session is open, and the login under which the operation began is the present one.
    pub(crate) fn still_valid(&self, epoch: Option<u64>) -> R<()> {
        if self.is_closed() {
            return Err(if self.slot.is_shut() { Reason::CryptokiNotInitialized } else { Reason::SessionHandleInvalid }.into());
        }
        match epoch {
            Some(epoch) if epoch != self.slot.epoch() => Err(Reason::UserNotLoggedIn.because("the user logged out while the call ran")),
            Some(_) | None => Ok(()),
        }
    }

    /// The same for an operation that runs: with its login it has gone, as after a log-out that came before the call. Not all functions that
    /// go on with an operation list CKR_USER_NOT_LOGGED_IN.
    pub(crate) fn still_running(&self, epoch: Option<u64>) -> R<()> {
        self.still_valid(epoch).map_err(|e| match e.reason {
            Reason::UserNotLoggedIn => Reason::OperationNotInitialized.because(e.reason()),
            _ => e,
        })
    }

    /// CKR_SESSION_READ_ONLY in a read-only session.
    pub(crate) fn must_be_read_write(&self) -> R<()> {
        if self.read_write { Ok(()) } else { Err(Reason::SessionReadOnly.into()) }
    }
}

/// The sessions of one shard: their handles are its number plus multiples of SHARDS.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    next: AtomicU64,
    sessions: RwLock<HashMap<u64, Arc<Session>>>,
}

/// All sessions of the application.
pub(crate) struct Sessions([Shard; SHARDS]);

/// The shard of a handle.
pub(crate) fn shard_of(handle: u64) -> usize {
    usize::try_from(handle % SHARDS as u64).unwrap_or_default()
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Shard::default()))
    }

    fn shard(&self, shard: usize) -> &Shard {
        let [first, ..] = &self.0;
        self.0.get(shard).unwrap_or(first)
    }

    /// Counts the session in at its slot and puts it into the table.
    pub(crate) fn open(&self, slot: &'static Slot, read_write: bool) -> R<u64> {
        let number = own_shard();
        let shard = self.shard(number);
        // The first round of handles would hold 0, which is no handle.
        let round = shard.next.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let handle = round.saturating_mul(SHARDS as u64).saturating_add(number as u64);
        if handle > LAST_HANDLE {
            return Err(Reason::HostMemory.because("no session handles are left in this process"));
        }
        slot.session_opened(number, read_write)?;
        let session = Session {
            handle,
            slot,
            read_write,
            operations: Operations::new(),
            closed: AtomicBool::new(false),
            recent: Mutex::new(None),
            status: Mutex::new((0, String::new())),
        };
        shard.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(session));
        Ok(handle)
    }

    pub(crate) fn get(&self, handle: u64) -> R<Arc<Session>> {
        let sessions = self.shard(shard_of(handle)).sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&handle).cloned().ok_or_else(|| TokenError::from(Reason::SessionHandleInvalid))
    }

    /// Takes the session out of the table; its operations end.
    pub(crate) fn remove(&self, handle: u64) -> R<Arc<Session>> {
        let removed = self.shard(shard_of(handle)).sessions.write().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        let session = removed.ok_or(Reason::SessionHandleInvalid)?;
        session.close();
        Ok(session)
    }

    /// The sessions of a slot.
    pub(crate) fn of_slot(&self, slot: u64) -> Vec<Arc<Session>> {
        let mut found = Vec::new();
        for shard in &self.0 {
            found.extend(shard.sessions.read().unwrap_or_else(PoisonError::into_inner).values().filter(|s| s.slot.id == slot).cloned());
        }
        found
    }
}
