//! The vault's face for records: open, find, load, insert, replace, update, delete.
//!
//! Every method is one transaction. Records cross as values; what is private is opened here and nowhere else. The PINs are in `pins`, the making of a
//! file in `create`.

use crate::fields::exact;
use crate::index::{Entry, Hash, Index};
use crate::keys::public_term;
use crate::link::Links;
use crate::pin::PinState;
use crate::pins::Memory;
use crate::retired::{Ids, Tally};
use crate::row::ObjectRow;
use crate::summary::Summary;
use crate::token_rows::HeaderRow;
use crate::{Keys, ObjectId, Record, StoreError, Term};
use rusqlite::Connection;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// One open store. Cheap to share between threads; nothing of it may be used after a fork.
pub struct Vault {
    pub(crate) links: Links,
    /// Wrong PINs of a store that cannot be written.
    pub(crate) memory: Mutex<[Memory; 2]>,
    /// The retired ids as last read, with the tally they fit.
    pub(crate) kept: Mutex<Option<(Tally, Arc<Ids>)>>,
}

/// What may be known of a token without a PIN.
#[derive(Clone, Debug)]
pub struct Header {
    /// The file's name for life.
    pub store_id: [u8; 16],
    /// The token's label as given.
    pub label: [u8; 32],
    /// The SO has set a user PIN.
    pub user_pin_set: bool,
    /// PINs cost next to nothing: a token for tests.
    pub test_kdf: bool,
    /// This user may write.
    pub writable: bool,
    /// The user PIN's failures.
    pub user: PinState,
    /// The SO PIN's failures.
    pub so: PinState,
}

impl Vault {
    /// Opens the store at `path`; `None` if there is no such file. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::Version`], [`StoreError::Damaged`] and what the system says.
    pub fn open(path: &Path) -> Result<Option<Vault>, StoreError> {
        let Some(path) = crate::create::existing(path)? else { return Ok(None) };
        let vault = Vault::over(Links::open(path)?);
        // Damage in what every login needs is told now.
        vault.header()?;
        Ok(Some(vault))
    }

    pub(crate) fn over(links: Links) -> Vault {
        Vault { links, memory: Mutex::default(), kept: Mutex::default() }
    }

    /// Moves with every commit to the store, by whichever process, this one included. Takes no lock and costs about a microsecond, so what was read
    /// may be kept while it stands still: take it before reading. Fails if the file was replaced.
    ///
    /// # Errors
    /// [`StoreError::Forked`], and what the system says.
    pub fn change_counter(&self) -> Result<u64, StoreError> {
        self.links.change_counter()
    }

    /// The objects that have all of `terms`, in creation order; private ones only with keys. No terms: all objects.
    ///
    /// The hits are candidates to be compared after loading. An empty answer is proved by the index.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the index cannot prove its answer.
    pub fn find(&self, keys: Option<&Keys>, terms: &[Term]) -> Result<Vec<ObjectId>, StoreError> {
        let hashes = hashes(keys, terms);
        self.links.read(|conn, any| {
            let retired = self.retired(conn, any)?;
            let found = find_entries(&self.index(conn, keys), &hashes);
            let found = self.judged(conn, keys, found.and_then(|f| self.without_retired(conn, keys, retired.as_deref(), f)))?;
            Ok(found.iter().map(|e| e.id).collect())
        })
    }

    /// [`Vault::find`] and [`Vault::load`] in one read transaction, for at most `limit` objects. Cheaper than the two.
    ///
    /// # Errors
    /// As of these two.
    pub fn fetch(&self, keys: Option<&Keys>, terms: &[Term], limit: usize) -> Result<Vec<Record>, StoreError> {
        let hashes = hashes(keys, terms);
        self.links.read(|conn, any| {
            let retired = self.retired(conn, any)?;
            let index = self.index(conn, keys);
            let fetched = (|| {
                let mut found = index.candidates(&hashes.0)?.0;
                if let Some(private) = &hashes.1 {
                    found.extend(index.candidates(private)?.0);
                    found.sort_unstable_by_key(|e| e.n);
                }
                let opened = found.iter().filter_map(|entry| self.open_entry(conn, keys, retired.as_deref(), entry).transpose());
                // The record itself says whether it has the terms that the index was not asked for.
                let fits = |r: &Result<Record, StoreError>| r.as_ref().map_or(true, |r| terms.iter().all(|t| r.terms.contains(t)));
                opened.filter(fits).take(limit).collect()
            })();
            self.judged(conn, keys, fetched)
        })
    }

    /// One object. Without keys only public ones exist, and their secrets are empty.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], proved; [`StoreError::Damaged`] if the row is not what was sealed.
    pub fn load(&self, keys: Option<&Keys>, id: &ObjectId) -> Result<Record, StoreError> {
        self.links.read(|conn, any| {
            let retired = self.retired(conn, any)?;
            self.judged(conn, keys, self.load_one(conn, keys, retired.as_deref(), id))
        })
    }

    /// Several objects in one read transaction, in the order asked for.
    ///
    /// # Errors
    /// As [`Vault::load`], for the first that fails.
    pub fn load_many(&self, keys: Option<&Keys>, ids: &[ObjectId]) -> Result<Vec<Record>, StoreError> {
        self.links.read(|conn, any| {
            let retired = self.retired(conn, any)?;
            ids.iter().map(|id| self.judged(conn, keys, self.load_one(conn, keys, retired.as_deref(), id))).collect()
        })
    }

    /// Stores new records, all or none, in one transaction. They get version 1.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for an id that is taken, and what writing can fail with.
    pub fn insert(&self, keys: &Keys, records: &[Record]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let store_id = self.links.store_id();
        let store = |conn: &Connection| {
            let mut summary = self.begin_change(conn, keys)?;
            let index = self.index(conn, Some(keys));
            let mut added = Vec::new();
            let mut ids = HashSet::with_capacity(records.len());
            for record in records {
                if !ids.insert(record.id) || !index.run(&id_hash(&record.id))?.is_empty() {
                    return Err(StoreError::Exists { what: "an object of this id".into() });
                }
                let row = ObjectRow::seal(store_id, keys, summary.next_n, 1, record)?;
                row.insert(conn)?;
                summary.toggle(&row.element(store_id, keys));
                summary.count += 1;
                summary.next_n += 1;
                entries(keys, row.n, record, &mut added);
            }
            index.apply(added, Vec::new())?;
            summary.write(conn, store_id, keys)
        };
        if records.len() < MANY { self.links.write(store) } else { self.links.write_many(store) }
    }

    /// Puts `record` in the place of object `id` if its version is still `seen_version`. Returns the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if it was changed meanwhile, [`StoreError::NotFound`] if it is gone.
    pub fn replace(&self, keys: &Keys, id: ObjectId, seen_version: u64, record: &Record) -> Result<u64, StoreError> {
        self.update(keys, id, &mut |old: Record| {
            if old.version == seen_version { Ok(record.clone()) } else { Err(StoreError::Stale { found: old.version, seen: seen_version }) }
        })
    }

    /// Reads object `id`, gives it to `f`, and stores what `f` returns, while no other process can write. Returns the new version.
    ///
    /// `f` must not call this vault, nor fork. If it fails, nothing has changed.
    ///
    /// # Errors
    /// `f`'s own, and what loading and writing can fail with.
    pub fn update<E: From<StoreError>>(&self, keys: &Keys, id: ObjectId, f: &mut dyn FnMut(Record) -> Result<Record, E>) -> Result<u64, E> {
        let store_id = self.links.store_id();
        self.links.write(|conn| {
            let mut summary = self.begin_change(conn, keys)?;
            let entry = self.entry_of(conn, Some(keys), &id)?;
            let row = self.row_of(conn, &entry)?;
            summary.toggle(&row.element(store_id, keys));
            let old = row.open(store_id, Some(keys))?;
            let mut before = Vec::new();
            entries(keys, entry.n, &old, &mut before);
            let version = old.version.saturating_add(1);

            let new = f(old)?;

            if new.id != id {
                return Err(StoreError::Refused { why: "an object's id cannot change".into() }.into());
            }
            let row = ObjectRow::seal(store_id, keys, entry.n, version, &new)?;
            row.update(conn)?;
            summary.toggle(&row.element(store_id, keys));
            let mut after = Vec::new();
            entries(keys, entry.n, &new, &mut after);
            let (add, remove) = difference(after, before);
            self.index(conn, Some(keys)).apply(add, remove)?;
            summary.write(conn, store_id, keys)?;
            Ok(version)
        })
    }

    /// Removes object `id`; its bytes are overwritten in the file.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and what writing can fail with.
    pub fn delete(&self, keys: &Keys, id: ObjectId) -> Result<(), StoreError> {
        let store_id = self.links.store_id();
        self.links.write(|conn| {
            let mut summary = self.begin_change(conn, keys)?;
            let entry = self.entry_of(conn, Some(keys), &id)?;
            let row = self.row_of(conn, &entry)?;
            summary.take_out(&row.element(store_id, keys))?;
            let mut gone = Vec::new();
            entries(keys, entry.n, &row.open(store_id, Some(keys))?, &mut gone);
            ObjectRow::delete(conn, entry.n)?;
            self.index(conn, Some(keys)).apply(Vec::new(), gone)?;
            summary.write(conn, store_id, keys)
        })
    }

    /// In a forked child: forgets everything inherited without touching it. Dropping does the same; this says so.
    pub fn leak_after_fork(self) {
        self.links.leak();
    }

    pub(crate) fn index<'a>(&'a self, conn: &'a Connection, keys: Option<&'a Keys>) -> Index<'a> {
        Index { conn, store_id: self.links.store_id(), keys }
    }

    /// What every change of objects begins with: the keys are those of the store, the counter moves, and retired objects go.
    fn begin_change(&self, conn: &Connection, keys: &Keys) -> Result<Summary, StoreError> {
        let mut summary = self.judged(conn, Some(keys), Summary::read(conn, self.links.store_id(), keys))?;
        summary.change = summary.change.saturating_add(1);
        self.remove_retired(conn, keys, &mut summary)?;
        Ok(summary)
    }

    /// Damage seen with keys of before a re-initialisation is no damage.
    pub(crate) fn judged<T>(&self, conn: &Connection, keys: Option<&Keys>, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match (&result, keys) {
            (Err(StoreError::Damaged { .. } | StoreError::NotFound), Some(keys)) if HeaderRow::read(conn)?.key_id != keys.key_id => {
                Err(StoreError::KeysReplaced)
            }
            _ => result,
        }
    }

    pub(crate) fn entry_of(&self, conn: &Connection, keys: Option<&Keys>, id: &ObjectId) -> Result<Entry, StoreError> {
        let mut found = self.index(conn, keys).run(&id_hash(id))?.into_iter().filter(|e| e.id == *id);
        found.next().ok_or(StoreError::NotFound)
    }

    /// The row that the index names: it must exist, and be that object's.
    pub(crate) fn row_of(&self, conn: &Connection, entry: &Entry) -> Result<ObjectRow, StoreError> {
        let row = ObjectRow::read(conn, entry.n)?.ok_or_else(|| StoreError::damaged(format!("object {}: its row is missing", entry.n)))?;
        if row.id == entry.id { Ok(row) } else { Err(StoreError::damaged(format!("object {}: another object's row", entry.n))) }
    }

    /// The record that the index names, or nothing if it is retired.
    pub(crate) fn open_entry(
        &self,
        conn: &Connection,
        keys: Option<&Keys>,
        retired: Option<&Ids>,
        entry: &Entry,
    ) -> Result<Option<Record>, StoreError> {
        let row = self.row_of(conn, entry)?;
        let gone = retired.is_some_and(|ids| ids.contains(&entry.id)) && row.may_retire();
        // Opened in any case: a row made to look public and without secrets must not hide what it was.
        let record = row.open(self.links.store_id(), keys)?;
        Ok((!gone).then_some(record))
    }

    fn load_one(&self, conn: &Connection, keys: Option<&Keys>, retired: Option<&Ids>, id: &ObjectId) -> Result<Record, StoreError> {
        let entry = self.entry_of(conn, keys, id)?;
        self.open_entry(conn, keys, retired, &entry)?.ok_or(StoreError::NotFound)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.links.path().display())
    }
}

/// The store id of a connection that `link` is about to lend.
pub(crate) fn store_id(conn: &Connection) -> Result<[u8; 16], StoreError> {
    let bytes: Vec<u8> = conn.query_row("SELECT store_id FROM header WHERE one = 1", [], |r| r.get(0))?;
    exact(&bytes, "header: store_id")
}

/// The hashes to look up, for public and for private objects.
fn hashes(keys: Option<&Keys>, terms: &[Term]) -> (Vec<Hash>, Option<Vec<Hash>>) {
    if terms.is_empty() {
        return (vec![all_hash(false)], keys.map(|_| vec![all_hash(true)]));
    }
    // Short values tend to be common: where their lists begin is in SQLite's cache, and an empty one ends the search at once.
    let mut terms: Vec<&Term> = terms.iter().collect();
    terms.sort_by_key(|t| t.bytes.len());
    let public = terms.iter().map(|t| public_term(t.tag, &t.bytes)).collect();
    (public, keys.map(|k| terms.iter().map(|t| k.private_term(t.tag, &t.bytes)).collect()))
}

fn find_entries(index: &Index<'_>, (public, private): &(Vec<Hash>, Option<Vec<Hash>>)) -> Result<Vec<Entry>, StoreError> {
    let mut found = index.having_all(public)?;
    if let Some(private) = private {
        found.extend(index.having_all(private)?);
        found.sort_unstable_by_key(|e| e.n);
    }
    Ok(found)
}

/// Everything by which the index knows this object.
pub(crate) fn entries(keys: &Keys, n: u64, record: &Record, into: &mut Vec<Entry>) {
    let start = into.len();
    let entry = |hash| Entry { hash, n, id: record.id };
    into.push(entry(id_hash(&record.id)));
    into.push(entry(all_hash(record.private)));
    for term in &record.terms {
        let hash = if record.private { keys.private_term(term.tag, &term.bytes) } else { public_term(term.tag, &term.bytes) };
        // A record may name the same term twice.
        if into.iter().skip(start).all(|e| e.hash != hash) {
            into.push(entry(hash));
        }
    }
}

/// What is only in `after`, and what is only in `before`.
fn difference(after: Vec<Entry>, before: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let kept: HashSet<Entry> = after.iter().filter(|e| before.contains(e)).copied().collect();
    let only = |list: Vec<Entry>| list.into_iter().filter(|e| !kept.contains(e)).collect();
    (only(after), only(before))
}

fn id_hash(id: &ObjectId) -> Hash {
    crate::fields::sum("cngtoken 1 id", &[id])
}

fn all_hash(private: bool) -> Hash {
    crate::fields::sum("cngtoken 1 all", &[&u64::from(private).to_le_bytes()])
}

/// Records in one transaction from which on the writer gets more memory for it.
const MANY: usize = 256;
