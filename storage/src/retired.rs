//! Objects that were destroyed without a login: their ids wait in a table until a write that has keys removes the objects for real.
//!
//! Removing an object moves sealed counts and authentic leaves, which takes keys; PKCS#11's "R/W Public Session" has none and may destroy public
//! objects all the same. So only what is public and without secrets can be retired, by a row that anyone who may write the file can write. An entry that
//! names anything else hides nothing. Called by `vault` in reading and writing, and by `check`. Store format, section 4.

use crate::fields::{exact, sum, to_sql};
use crate::index::Entry;
use crate::row::{ObjectRow, blob};
use crate::summary::Summary;
use crate::vault::{Vault, entries};
use crate::{Keys, ObjectId, StoreError};
use rusqlite::Connection;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

/// The ids of the table.
pub(crate) type Ids = HashSet<ObjectId>;

/// What the summary row says in clear of the table: how many ids, and the XOR of their sums. It finds accidents; an author of the file can write it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tally {
    count: u64,
    set: [u8; 16],
}

/// The one row by which each read transaction begins.
pub(crate) const TALLY: &str = "SELECT retired FROM summary WHERE one = 1";

impl Tally {
    pub(crate) fn to_bytes(self, store_id: &[u8; 16]) -> [u8; TALLY_BYTES] {
        let mut out = [0; TALLY_BYTES];
        let count = self.count.to_le_bytes();
        let sum = sum("cngtoken 1 retired", &[store_id, &count, &self.set]);
        let parts = count.iter().chain(&self.set).chain(&sum);
        out.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        out
    }

    pub(crate) fn from_bytes(store_id: &[u8; 16], bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes: [u8; TALLY_BYTES] = exact(bytes, "summary: retired")?;
        let (count, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| StoreError::damaged("summary: retired"))?;
        let tally = Self { count: u64::from_le_bytes(*count), set: exact(rest.get(..16).unwrap_or_default(), "summary: retired")? };
        if tally.to_bytes(store_id) == bytes { Ok(tally) } else { Err(StoreError::damaged("summary: retired")) }
    }

    fn read(conn: &Connection, store_id: &[u8; 16]) -> Result<Self, StoreError> {
        let mut statement = conn.prepare_cached(TALLY)?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(|| StoreError::damaged("summary: missing"))?;
        Self::from_bytes(store_id, blob(row, 0)?)
    }

    fn write(self, conn: &Connection, store_id: &[u8; 16]) -> Result<(), StoreError> {
        let changed = conn.prepare_cached("UPDATE summary SET retired = ?1 WHERE one = 1")?.execute([self.to_bytes(store_id).as_slice()])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::damaged("summary: missing")) }
    }

    fn add(&mut self, store_id: &[u8; 16], id: &ObjectId) {
        self.count = self.count.saturating_add(1);
        self.set.iter_mut().zip(sum("cngtoken 1 retired id", &[store_id, id])).for_each(|(into, from)| *into ^= from);
    }

    /// The table, if it is what this says.
    fn ids(self, conn: &Connection, store_id: &[u8; 16]) -> Result<Ids, StoreError> {
        let mut found = (Self::default(), Ids::new());
        // One more than there should be is enough to see that it is not the one.
        let mut statement = conn.prepare_cached("SELECT id FROM retired LIMIT ?1")?;
        let mut rows = statement.query([to_sql(self.count.saturating_add(1)).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            let id: ObjectId = exact(blob(row, 0)?, "retired id")?;
            found.0.add(store_id, &id);
            found.1.insert(id);
        }
        if found.0 == self { Ok(found.1) } else { Err(StoreError::damaged("the list of retired objects is not as it was written")) }
    }
}

impl ObjectRow {
    /// Destroying it gives away nothing and loses no secret: public, and sealed over an empty text.
    pub(crate) fn may_retire(&self) -> bool {
        !self.private && !self.has_secrets()
    }
}

impl Vault {
    /// Destroys a public object without secrets, for which no keys are needed: from here on nobody finds or loads it. Its bytes are removed
    /// from the file by the next write that has keys.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for what is not there or private, [`StoreError::KeysNeeded`] for an object with secrets, and what writing can fail with.
    pub fn retire(&self, id: ObjectId) -> Result<(), StoreError> {
        let store_id = self.links.store_id();
        self.links.write(|conn| {
            let mut tally = Tally::read(conn, store_id)?;
            let row = self.row_of(conn, &self.entry_of(conn, None, &id)?)?;
            let has_secrets = row.has_secrets();
            // Refuses private and damaged rows.
            row.open(store_id, None)?;
            if has_secrets {
                return Err(StoreError::KeysNeeded);
            }
            if conn.prepare_cached("INSERT OR IGNORE INTO retired (id) VALUES (?1)")?.execute([id.as_slice()])? == 0 {
                return Err(StoreError::NotFound);
            }
            tally.add(store_id, &id);
            tally.write(conn, store_id)
        })
    }

    /// The ids that a read transaction leaves out, if `any` said that there are some. Read once and kept while the tally stands.
    pub(crate) fn retired(&self, conn: &Connection, any: bool) -> Result<Option<Arc<Ids>>, StoreError> {
        if !any {
            return Ok(None);
        }
        let store_id = self.links.store_id();
        let tally = Tally::read(conn, store_id)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, ids)) = kept.as_ref()
            && *of == tally
        {
            return Ok(Some(ids.clone()));
        }
        let ids = Arc::new(tally.ids(conn, store_id)?);
        *kept = Some((tally, ids.clone()));
        Ok(Some(ids))
    }

    /// `found` without what is retired.
    pub(crate) fn without_retired(
        &self,
        conn: &Connection,
        keys: Option<&Keys>,
        retired: Option<&Ids>,
        found: Vec<Entry>,
    ) -> Result<Vec<Entry>, StoreError> {
        let Some(ids) = retired else { return Ok(found) };
        let mut left = Vec::with_capacity(found.len());
        for entry in found {
            if !ids.contains(&entry.id) || self.open_entry(conn, keys, retired, &entry)?.is_some() {
                left.push(entry);
            }
        }
        Ok(left)
    }

    /// What a write with keys does first: removes the retired objects from rows, index and summary, and empties the table. What an entry should not name,
    /// and what is damaged, stays an object.
    pub(crate) fn remove_retired(&self, conn: &Connection, keys: &Keys, summary: &mut Summary) -> Result<(), StoreError> {
        if summary.retired == Tally::default() {
            return Ok(());
        }
        let store_id = self.links.store_id();
        let mut gone = Vec::new();
        for id in summary.retired.ids(conn, store_id)? {
            let (n, element, record) = match self.retired_object(conn, keys, &id) {
                Ok(Some(object)) => object,
                Ok(None) | Err(StoreError::Damaged { .. } | StoreError::NotFound) => continue,
                Err(e) => return Err(e),
            };
            summary.take_out(&element)?;
            entries(keys, n, &record, &mut gone);
            ObjectRow::delete(conn, n)?;
        }
        self.index(conn, Some(keys)).apply(Vec::new(), gone)?;
        conn.prepare_cached("DELETE FROM retired")?.execute([])?;
        summary.retired = Tally::default();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Number, element and record of an object, if it may be retired.
    fn retired_object(&self, conn: &Connection, keys: &Keys, id: &ObjectId) -> Result<Option<(u64, [u8; 32], crate::Record)>, StoreError> {
        let store_id = self.links.store_id();
        let entry = self.entry_of(conn, Some(keys), id)?;
        let row = self.row_of(conn, &entry)?;
        if !row.may_retire() {
            return Ok(None);
        }
        let element = row.element(store_id, keys);
        Ok(Some((entry.n, element, row.open(store_id, Some(keys))?)))
    }

    /// For `check`: how many objects wait to be removed, and what is wrong with the other entries.
    pub(crate) fn judge_retired(&self, conn: &Connection, keys: &Keys, fault: &mut dyn FnMut(String)) -> Result<u64, StoreError> {
        let store_id = self.links.store_id();
        let mut waiting = 0;
        let mut rows = conn.prepare("SELECT id FROM retired ORDER BY id")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let id: ObjectId = exact(blob(row, 0)?, "retired id")?;
            let entry = match self.entry_of(conn, Some(keys), &id) {
                Err(StoreError::NotFound) => {
                    fault("a retired entry names no object".into());
                    continue;
                }
                entry => entry?,
            };
            match self.row_of(conn, &entry) {
                Ok(row) if row.private => fault(format!("object {}: private, but named as retired", entry.n)),
                Ok(row) if row.has_secrets() => fault(format!("object {}: has secrets, but is named as retired", entry.n)),
                Ok(_) => waiting += 1,
                // The objects' own check has told it.
                Err(StoreError::Damaged { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        // That the table is the one that was tallied.
        Tally::read(conn, store_id)?.ids(conn, store_id)?;
        Ok(waiting)
    }
}

/// Count ‖ set ‖ sum.
pub(crate) const TALLY_BYTES: usize = 40;
