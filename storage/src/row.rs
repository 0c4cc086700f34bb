//! Object rows: a record's place in the file, sealed and opened. Store format, section 4.
//!
//! Called by `vault` and `check` inside their transactions. Refuses a row whose columns are not those it was sealed with.

use crate::fields::{digest, exact, from_sql, length, sum, to_sql};
use crate::keys::{SEAL_BYTES, TAG_BYTES, open, seal};
use crate::record::{decode_terms, encode_terms, split_item};
use crate::{Keys, ObjectId, Record, StoreError};
use cngtoken_key::Secret;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// A row as it lies in the file, lengths checked and nothing else.
pub(crate) struct ObjectRow {
    pub(crate) n: u64,
    pub(crate) id: ObjectId,
    pub(crate) version: u64,
    pub(crate) private: bool,
    pub(crate) clear: Vec<u8>,
    pub(crate) terms: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) sum: [u8; 16],
}

impl ObjectRow {
    /// Seals `record` for the place `n`.
    pub(crate) fn seal(store_id: &[u8; 16], keys: &Keys, n: u64, version: u64, record: &Record) -> Result<Self, StoreError> {
        let terms = encode_terms(&record.terms);
        let mut row =
            Self { n, id: record.id, version, private: record.private, clear: Vec::new(), terms: Vec::new(), sealed: Vec::new(), sum: [0; 16] };
        let secret = record.sealed.expose();
        let ad = if record.private {
            let ad = row.ad(store_id);
            row.sealed = seal(&keys.object, &ad, &[&length(&record.clear), &record.clear, &length(&terms), &terms, &length(secret), secret])?;
            ad
        } else {
            row.clear.clone_from(&record.clear);
            row.terms = terms;
            let ad = row.ad(store_id);
            row.sealed = seal(&keys.object, &ad, &[secret])?;
            ad
        };
        row.sum = row.sum(&ad);
        Ok(row)
    }

    /// The record. Without keys: public ones only, without their secrets, and as trustworthy as the file.
    pub(crate) fn open(self, store_id: &[u8; 16], keys: Option<&Keys>) -> Result<Record, StoreError> {
        let ad = self.ad(store_id);
        let what = || format!("object {}", self.n);
        let Some(keys) = keys else {
            if self.sum(&ad) != self.sum {
                return Err(StoreError::damaged(what()));
            }
            if self.private {
                return Err(StoreError::NotFound);
            }
            let terms = decode_terms(&self.terms)?;
            return Ok(Record {
                id: self.id,
                version: self.version,
                private: false,
                clear: self.clear,
                sealed: Secret::new(Vec::new()),
                terms,
                authentic: false,
            });
        };
        let text = open(&keys.object, &ad, &self.sealed).ok_or_else(|| StoreError::damaged(what()))?;
        let (clear, terms, sealed) = if self.private {
            let (clear, rest) = split_item(&text, "object")?;
            let (terms, rest) = split_item(rest, "object")?;
            let (secret, _) = split_item(rest, "object")?;
            (clear.to_vec(), decode_terms(terms)?, Secret::copy_of(secret))
        } else {
            (self.clear, decode_terms(&self.terms)?, Secret::copy_of(&text))
        };
        Ok(Record { id: self.id, version: self.version, private: self.private, clear, sealed, terms, authentic: true })
    }

    /// What the row contributes to the set: its columns and the tag that vouches for the rest.
    pub(crate) fn element(&self, store_id: &[u8; 16], keys: &Keys) -> [u8; 32] {
        let tag = self.sealed.get(self.sealed.len().saturating_sub(TAG_BYTES)..).unwrap_or_default();
        keys.set.mac(&[&self.ad(store_id), tag])
    }

    /// Something is sealed in it; as far as the length tells, which an author of the file cannot change without breaking the seal.
    pub(crate) fn has_secrets(&self) -> bool {
        self.sealed.len() > SEAL_BYTES
    }

    /// Whether the unkeyed sum fits.
    pub(crate) fn is_whole(&self, store_id: &[u8; 16]) -> bool {
        self.sum(&self.ad(store_id)) == self.sum
    }

    /// What must not be separated from the sealed bytes.
    fn ad(&self, store_id: &[u8; 16]) -> [u8; 32] {
        digest(
            "cngtoken 1 object",
            &[
                store_id,
                &self.n.to_le_bytes(),
                &self.id,
                &self.version.to_le_bytes(),
                &u64::from(self.private).to_le_bytes(),
                &self.clear,
                &self.terms,
            ],
        )
    }

    fn sum(&self, ad: &[u8; 32]) -> [u8; 16] {
        sum("cngtoken 1 object row", &[ad, &self.sealed])
    }

    /// The row of number `n`, if it exists.
    pub(crate) fn read(conn: &Connection, n: u64) -> Result<Option<Self>, StoreError> {
        let mut statement = conn.prepare_cached("SELECT n, id, version, private, clear, terms, sealed, sum FROM object WHERE n = ?1")?;
        let mut rows = statement.query([to_sql(n)?])?;
        rows.next()?.map(Self::from_row).transpose()
    }

    /// From the columns in the order of [`ObjectRow::read`].
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let n = from_sql(row.get(0)?, "object number")?;
        let private = match row.get::<_, i64>(3)? {
            0 => false,
            1 => true,
            other => return Err(StoreError::damaged(format!("object {n}: private is {other}"))),
        };
        let sealed = blob(row, 6)?.to_vec();
        if sealed.len() < SEAL_BYTES {
            return Err(StoreError::damaged(format!("object {n}: sealed part cut off")));
        }
        Ok(Self {
            n,
            id: exact(blob(row, 1)?, "object id")?,
            version: from_sql(row.get(2)?, "object version")?,
            private,
            clear: blob(row, 4)?.to_vec(),
            terms: blob(row, 5)?.to_vec(),
            sealed,
            sum: exact(blob(row, 7)?, "object sum")?,
        })
    }

    /// Writes a row of a new number.
    pub(crate) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        self.write(conn, "INSERT INTO object (id, version, private, clear, terms, sealed, sum, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
    }

    /// Writes over the row of this number.
    pub(crate) fn update(&self, conn: &Connection) -> Result<(), StoreError> {
        self.write(conn, "UPDATE object SET id = ?1, version = ?2, private = ?3, clear = ?4, terms = ?5, sealed = ?6, sum = ?7 WHERE n = ?8")
    }

    fn write(&self, conn: &Connection, sql: &str) -> Result<(), StoreError> {
        let changed = conn.prepare_cached(sql)?.execute(rusqlite::params![
            self.id.as_slice(),
            to_sql(self.version)?,
            self.private,
            self.clear,
            self.terms,
            self.sealed,
            self.sum.as_slice(),
            to_sql(self.n)?
        ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::damaged(format!("object {}: {changed} rows written", self.n))) }
    }

    /// Removes the row of number `n`.
    pub(crate) fn delete(conn: &Connection, n: u64) -> Result<(), StoreError> {
        conn.prepare_cached("DELETE FROM object WHERE n = ?1")?.execute([to_sql(n)?])?;
        Ok(())
    }
}

/// A blob column without copying it.
pub(crate) fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(StoreError::damaged(format!("column {column} holds {}", other.data_type()))),
    }
}
