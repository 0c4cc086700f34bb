//! Object handles of one application: a number that is never given twice → a stored object or a session object.
//!
//! A row of the store never leaves as a handle. C_Logout removes the handles of private objects for ever; a session's objects go with
//! it. Each entry keeps the last seen state of its object (and its parsed key) while it is in use. Source: PKCS#11 3.2, "Object handles".

use crate::object::Object;
use crate::token::error::{R, Reason};
use cngtoken_crypto::Key;
use cngtoken_storage::ObjectId;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

const SHARDS: usize = 16;
/// Handles stay within 32 bits: some clients keep them in an int.
const LAST_HANDLE: u64 = 0x7FFF_FFFF;
/// How many stored objects keep their last seen state in memory.
const KEPT: usize = 1024;

/// The generation of objects that no store holds and that never change.
pub(crate) const SYNTHETIC: u64 = u64::MAX;

/// An object as it was last seen.
pub(crate) struct Snapshot {
    pub(crate) object: Object,
    /// Version of the stored record; 0 for session objects.
    pub(crate) version: u64,
    /// The record's authenticity was checked: only then does CKA_TRUSTED count.
    pub(crate) authentic: bool,
    /// The generation of the store (see `slot.rs`) for which this was last found current.
    pub(crate) generation: AtomicU64,
    /// The parsed key, built at first use.
    pub(crate) key: OnceLock<Arc<Key>>,
}

impl Snapshot {
    /// Of a stored object.
    pub(crate) fn stored(object: Object, record: (u64, bool), generation: u64) -> Self {
        let (version, authentic) = record;
        Self { object, version, authentic, generation: AtomicU64::new(generation), key: OnceLock::new() }
    }

    /// Of an object that lives in memory only.
    pub(crate) fn session(object: Object) -> Self {
        Self::stored(object, (0, true), 0)
    }
}

/// What a handle stands for.
pub(crate) struct Entry {
    pub(crate) handle: u64,
    pub(crate) slot: u64,
    /// The stored object, or none for a session object.
    pub(crate) id: Option<ObjectId>,
    /// The session that owns a session object.
    pub(crate) owner: u64,
    pub(crate) private: bool,
    state: Mutex<Option<Arc<Snapshot>>>,
    /// Rises when the state is replaced or forgotten, and when the handle dies: whoever kept the state asks this instead of the table.
    revision: AtomicU64,
}

impl Entry {
    pub(crate) fn state(&self) -> Option<Arc<Snapshot>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_state(&self, snapshot: Option<Arc<Snapshot>>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }
}

type Shard<K, V> = RwLock<HashMap<K, V>>;

/// The table.
pub(crate) struct Handles {
    next: AtomicU64,
    by_handle: [Shard<u64, Arc<Entry>>; SHARDS],
    by_id: [Shard<(u64, ObjectId), Arc<Entry>>; SHARDS],
    /// Session objects by handle, so that a search need not walk the stored ones.
    session: RwLock<BTreeMap<u64, Arc<Entry>>>,
    /// How many there are: most closes and searches need not take the lock.
    session_count: AtomicUsize,
    kept: Mutex<VecDeque<Arc<Entry>>>,
}

fn shard<K, V>(shards: &[Shard<K, V>; SHARDS], n: u64) -> &Shard<K, V> {
    let [first, ..] = shards;
    usize::try_from(n % SHARDS as u64).ok().and_then(|i| shards.get(i)).unwrap_or(first)
}

fn id_shard(id: &ObjectId) -> u64 {
    u64::from(id.first().copied().unwrap_or_default())
}

fn read<K, V, T>(s: &Shard<K, V>, f: impl FnOnce(&HashMap<K, V>) -> T) -> T {
    f(&s.read().unwrap_or_else(PoisonError::into_inner))
}

fn write<K, V, T>(s: &Shard<K, V>, f: impl FnOnce(&mut HashMap<K, V>) -> T) -> T {
    f(&mut s.write().unwrap_or_else(PoisonError::into_inner))
}

impl Handles {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU64::new(1),
            by_handle: std::array::from_fn(|_| RwLock::default()),
            by_id: std::array::from_fn(|_| RwLock::default()),
            session: RwLock::default(),
            session_count: AtomicUsize::new(0),
            kept: Mutex::default(),
        }
    }

    fn fresh(&self) -> R<u64> {
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        if handle > LAST_HANDLE {
            return Err(Reason::HostMemory.because("no object handles are left in this process"));
        }
        Ok(handle)
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<Entry>> {
        read(shard(&self.by_handle, handle), |m| m.get(&handle).cloned())
    }

    /// The entry of a stored object: the one it has, or a new one.
    pub(crate) fn stored(&self, slot: u64, id: ObjectId, private: bool) -> R<Arc<Entry>> {
        let ids = shard(&self.by_id, id_shard(&id));
        if let Some(entry) = read(ids, |m| m.get(&(slot, id)).cloned()) {
            return Ok(entry);
        }
        let entry =
            Arc::new(Entry { handle: self.fresh()?, slot, id: Some(id), owner: 0, private, state: Mutex::new(None), revision: AtomicU64::new(0) });
        // Two threads may find the same object at once: the first entry wins, a number is lost.
        let entry = write(ids, |m| m.entry((slot, id)).or_insert(entry).clone());
        write(shard(&self.by_handle, entry.handle), |m| m.insert(entry.handle, entry.clone()));
        Ok(entry)
    }

    /// A new session object.
    pub(crate) fn session_object(&self, slot: u64, owner: u64, object: Object) -> R<Arc<Entry>> {
        let private = object.is_private();
        let snapshot = Arc::new(Snapshot::session(object));
        let entry =
            Arc::new(Entry { handle: self.fresh()?, slot, id: None, owner, private, state: Mutex::new(Some(snapshot)), revision: AtomicU64::new(0) });
        write(shard(&self.by_handle, entry.handle), |m| m.insert(entry.handle, entry.clone()));
        let mut session = self.session.write().unwrap_or_else(PoisonError::into_inner);
        session.insert(entry.handle, entry.clone());
        self.session_count.store(session.len(), Ordering::Release);
        drop(session);
        Ok(entry)
    }

    /// The entry of a synthetic object, which always has the same state.
    pub(crate) fn synthetic(&self, slot: u64, id: ObjectId, object: Object) -> R<Arc<Entry>> {
        let entry = self.stored(slot, id, false)?;
        if entry.state().is_none() {
            let forever = Snapshot::stored(object, (0, true), SYNTHETIC);
            entry.set_state(Some(Arc::new(forever)));
        }
        Ok(entry)
    }

    /// Remembers the state of a stored object, and lets go of the one kept longest if there are many.
    pub(crate) fn keep(&self, entry: &Arc<Entry>, snapshot: &Arc<Snapshot>) {
        let had = entry.state().is_some();
        entry.set_state(Some(snapshot.clone()));
        if had || entry.id.is_none() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(entry.clone());
        if kept.len() > KEPT
            && let Some(oldest) = kept.pop_front()
        {
            oldest.set_state(None);
        }
    }

    /// The handle dies.
    pub(crate) fn remove(&self, entry: &Entry) {
        write(shard(&self.by_handle, entry.handle), |m| m.remove(&entry.handle));
        match entry.id {
            Some(id) => {
                write(shard(&self.by_id, id_shard(&id)), |m| m.remove(&(entry.slot, id)));
            }
            None => {
                let mut session = self.session.write().unwrap_or_else(PoisonError::into_inner);
                session.remove(&entry.handle);
                self.session_count.store(session.len(), Ordering::Release);
            }
        }
        entry.set_state(None);
    }

    /// Every entry for which `which` holds dies.
    pub(crate) fn remove_where(&self, which: impl Fn(&Entry) -> bool) {
        for s in &self.by_handle {
            let dead: Vec<Arc<Entry>> = read(s, |m| m.values().filter(|e| which(e)).cloned().collect());
            for entry in dead {
                self.remove(&entry);
            }
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|e| e.state().is_some());
    }

    /// Forgets what was last seen of a slot's stored objects; their handles live on.
    pub(crate) fn forget_states(&self, slot: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|e| {
            let other = e.slot != slot;
            if !other {
                e.set_state(None);
            }
            other
        });
    }

    /// Session objects of a slot, in the order of their handles.
    pub(crate) fn session_objects(&self, slot: u64) -> Vec<Arc<Entry>> {
        if self.session_count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        self.session.read().unwrap_or_else(PoisonError::into_inner).values().filter(|e| e.slot == slot).cloned().collect()
    }

    /// Every session object for which `which` holds dies.
    pub(crate) fn remove_session_objects(&self, which: impl Fn(&Entry) -> bool) {
        if self.session_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let dead: Vec<Arc<Entry>> = self.session.read().unwrap_or_else(PoisonError::into_inner).values().filter(|e| which(e)).cloned().collect();
        for entry in dead {
            self.remove(&entry);
        }
    }
}
