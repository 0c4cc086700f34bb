//! Sessions: what one C_OpenSession gave, and the table of them.
//!
//! Opening and closing is all writes, so the table is sharded. A session that was closed while a call runs in it says so when
//! the call comes back. Source: PKCS#11 3.2, "Session management functions".

use crate::token::error::{R, Reason, TokenError};
use crate::token::operation::{Kind, Operations, Running, Taken};
use crate::token::slot::Slot;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

const SHARDS: usize = 16;
const LAST_HANDLE: u64 = 0x7FFF_FFFF;

/// One session.
pub(crate) struct Session {
    pub(crate) handle: u64,
    pub(crate) slot: Arc<Slot>,
    /// CKF_RW_SESSION was set.
    pub(crate) read_write: bool,
    pub(crate) operations: Operations,
    closed: AtomicBool,
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

    /// CKR_SESSION_READ_ONLY in a read-only session.
    pub(crate) fn must_be_read_write(&self) -> R<()> {
        if self.read_write { Ok(()) } else { Err(Reason::SessionReadOnly.into()) }
    }
}

/// All sessions of the application.
pub(crate) struct Sessions {
    next: AtomicU64,
    shards: [RwLock<HashMap<u64, Arc<Session>>>; SHARDS],
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { next: AtomicU64::new(1), shards: std::array::from_fn(|_| RwLock::default()) }
    }

    fn shard(&self, handle: u64) -> &RwLock<HashMap<u64, Arc<Session>>> {
        let [first, ..] = &self.shards;
        usize::try_from(handle % SHARDS as u64).ok().and_then(|i| self.shards.get(i)).unwrap_or(first)
    }

    pub(crate) fn open(&self, slot: &Arc<Slot>, read_write: bool) -> R<u64> {
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        if handle > LAST_HANDLE {
            return Err(Reason::HostMemory.because("no session handles are left in this process"));
        }
        let session = Session {
            handle,
            slot: slot.clone(),
            read_write,
            operations: Operations::new(),
            closed: AtomicBool::new(false),
            status: Mutex::new((0, String::new())),
        };
        self.shard(handle).write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(session));
        Ok(handle)
    }

    pub(crate) fn get(&self, handle: u64) -> R<Arc<Session>> {
        let shard = self.shard(handle).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&handle).cloned().ok_or_else(|| TokenError::from(Reason::SessionHandleInvalid))
    }

    /// Takes the session out of the table; its operations end.
    pub(crate) fn remove(&self, handle: u64) -> R<Arc<Session>> {
        let removed = self.shard(handle).write().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        let session = removed.ok_or(Reason::SessionHandleInvalid)?;
        session.close();
        Ok(session)
    }

    /// The sessions of a slot.
    pub(crate) fn of_slot(&self, slot: u64) -> Vec<Arc<Session>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.read().unwrap_or_else(PoisonError::into_inner).values().filter(|s| s.slot.id == slot).cloned());
        }
        found
    }
}
