//! The summary row: how often the store changed, the next object number, the sealed count and set of all objects, and the tally of retired ones.
//!
//! Read first and written last by every transaction that changes objects. Store format, section 4.

use crate::fields::{digest, exact, from_sql, sum, to_sql};
use crate::keys::{open, seal};
use crate::retired::Tally;
use crate::row::blob;
use crate::{Keys, StoreError};
use rusqlite::Connection;

/// The row, opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Summary {
    pub(crate) change: u64,
    pub(crate) next_n: u64,
    pub(crate) count: u64,
    pub(crate) set: [u8; 32],
    pub(crate) retired: Tally,
}

impl Summary {
    /// Of a store without objects.
    pub(crate) fn empty() -> Self {
        Self { change: 0, next_n: 1, count: 0, set: [0; 32], retired: Tally::default() }
    }

    /// Adds an element that is not in the set, or takes out one that is.
    pub(crate) fn toggle(&mut self, element: &[u8; 32]) {
        self.set.iter_mut().zip(element).for_each(|(into, from)| *into ^= from);
    }

    /// An object is no longer counted.
    pub(crate) fn take_out(&mut self, element: &[u8; 32]) -> Result<(), StoreError> {
        self.toggle(element);
        self.count = self.count.checked_sub(1).ok_or_else(|| StoreError::damaged("summary: more objects than counted"))?;
        Ok(())
    }

    /// The row as it is, opened with the keys.
    pub(crate) fn read(conn: &Connection, store_id: &[u8; 16], keys: &Keys) -> Result<Self, StoreError> {
        let Clear { change, next_n, sealed, retired } = Self::clear(conn, store_id)?;
        let text = open(&keys.summary, &ad(store_id, change, next_n), &sealed).ok_or_else(|| StoreError::damaged("summary"))?;
        let (count, set) = text.split_first_chunk::<8>().ok_or_else(|| StoreError::damaged("summary: cut off"))?;
        Ok(Self {
            change,
            next_n,
            count: u64::from_le_bytes(*count),
            set: exact(set, "summary: set")?,
            retired: Tally::from_bytes(store_id, &retired)?,
        })
    }

    /// The change counter, for which no keys are needed.
    pub(crate) fn change(conn: &Connection, store_id: &[u8; 16]) -> Result<u64, StoreError> {
        Ok(Self::clear(conn, store_id)?.change)
    }

    /// Writes the row. The caller has counted `change` up.
    pub(crate) fn write(&self, conn: &Connection, store_id: &[u8; 16], keys: &Keys) -> Result<(), StoreError> {
        let sealed = seal(&keys.summary, &ad(store_id, self.change, self.next_n), &[&self.count.to_le_bytes(), &self.set])?;
        let sum = row_sum(store_id, self.change, self.next_n, &sealed);
        conn.prepare_cached("INSERT OR REPLACE INTO summary (one, change, next_n, sealed, sum, retired) VALUES (1, ?1, ?2, ?3, ?4, ?5)")?
            .execute((to_sql(self.change)?, to_sql(self.next_n)?, sealed, sum.as_slice(), self.retired.to_bytes(store_id).as_slice()))?;
        Ok(())
    }

    fn clear(conn: &Connection, store_id: &[u8; 16]) -> Result<Clear, StoreError> {
        let mut statement = conn.prepare_cached("SELECT change, next_n, sealed, sum, retired FROM summary WHERE one = 1")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(|| StoreError::damaged("summary: missing"))?;
        let (change, next_n) = (from_sql(row.get(0)?, "summary: change")?, from_sql(row.get(1)?, "summary: next_n")?);
        let sealed = blob(row, 2)?;
        if blob(row, 3)? != row_sum(store_id, change, next_n, sealed) {
            return Err(StoreError::damaged("summary"));
        }
        Ok(Clear { change, next_n, sealed: sealed.to_vec(), retired: blob(row, 4)?.to_vec() })
    }
}

/// The row's columns, its sum checked; `retired` has one of its own.
struct Clear {
    change: u64,
    next_n: u64,
    sealed: Vec<u8>,
    retired: Vec<u8>,
}

fn ad(store_id: &[u8; 16], change: u64, next_n: u64) -> [u8; 32] {
    digest("cngtoken 1 summary", &[store_id, &change.to_le_bytes(), &next_n.to_le_bytes()])
}

fn row_sum(store_id: &[u8; 16], change: u64, next_n: u64, sealed: &[u8]) -> [u8; 16] {
    sum("cngtoken 1 summary row", &[store_id, &change.to_le_bytes(), &next_n.to_le_bytes(), sealed])
}
