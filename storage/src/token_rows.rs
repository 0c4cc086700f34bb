//! The header and PIN rows: what a token consists of besides objects. Store format, section 4.
//!
//! Their unkeyed sums are checked on every read, so that damage is not taken for a wrong PIN. Called by `pins` and `create`.

use crate::fields::{digest, exact, from_sql, half, sum, to_sql};
use crate::keys::{Key32, open, random, seal};
use crate::pin::{Cost, Kdf};
use crate::row::blob;
use crate::summary::Summary;
use crate::{Keys, Role, StoreError};
use rusqlite::Connection;
use zeroize::Zeroizing;

/// The header row, its unkeyed sum checked.
pub(crate) struct HeaderRow {
    pub(crate) store_id: [u8; 16],
    pub(crate) key_id: [u8; 16],
    pub(crate) label: [u8; 32],
    pub(crate) test_kdf: bool,
    pub(crate) group: bool,
    mac: [u8; 16],
}

impl HeaderRow {
    pub(crate) fn new(store_id: [u8; 16], key_id: [u8; 16], label: [u8; 32], kdf: Kdf, group: bool) -> Self {
        Self { store_id, key_id, label, test_kdf: kdf == Kdf::Test, group, mac: [0; 16] }
    }

    pub(crate) fn read(conn: &Connection) -> Result<Self, StoreError> {
        let mut statement = conn.prepare_cached("SELECT store_id, key_id, label, cipher, kdf, access, sum, mac FROM header WHERE one = 1")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(|| StoreError::damaged("header: missing"))?;
        let text = |i| -> Result<String, StoreError> { Ok(row.get(i)?) };
        let header = Self {
            store_id: exact(blob(row, 0)?, "header: store_id")?,
            key_id: exact(blob(row, 1)?, "header: key_id")?,
            label: exact(blob(row, 2)?, "header: label")?,
            test_kdf: text(4)? == TEST_KDF,
            group: text(5)? == "group",
            mac: exact(blob(row, 7)?, "header: mac")?,
        };
        // One legal value each: what is not one of them changes the digest.
        if text(3)? != CIPHER || text(4)? != header.kdf() || text(5)? != header.access() || blob(row, 6)? != half(&header.digest()) {
            return Err(StoreError::damaged("header"));
        }
        Ok(header)
    }

    pub(crate) fn write(&self, conn: &Connection, keys: &Keys) -> Result<(), StoreError> {
        let whole = self.digest();
        conn.prepare_cached(
            "INSERT OR REPLACE INTO header (one, store_id, key_id, label, cipher, kdf, access, sum, mac) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(rusqlite::params![
            self.store_id.as_slice(),
            self.key_id.as_slice(),
            self.label.as_slice(),
            CIPHER,
            self.kdf(),
            self.access(),
            half(&whole).as_slice(),
            half(&keys.header.mac(&[&whole])).as_slice()
        ])?;
        Ok(())
    }

    pub(crate) fn authentic(&self, keys: &Keys) -> bool {
        half(&keys.header.mac(&[&self.digest()])) == self.mac
    }

    fn digest(&self) -> [u8; 32] {
        let texts = [CIPHER.as_bytes(), self.kdf().as_bytes(), self.access().as_bytes()];
        digest("cngtoken 1 header", &[&self.store_id, &self.key_id, &self.label, texts[0], texts[1], texts[2]])
    }

    fn kdf(&self) -> &'static str {
        if self.test_kdf { TEST_KDF } else { "argon2id" }
    }

    fn access(&self) -> &'static str {
        if self.group { "group" } else { "private" }
    }
}

/// A PIN row, its unkeyed sum checked.
#[derive(Clone)]
pub(crate) struct PinRow {
    pub(crate) role: Role,
    pub(crate) cost: Cost,
    pub(crate) salt: [u8; 16],
    wrapped: Vec<u8>,
    pub(crate) failures: u64,
    pub(crate) last_failure: u64,
}

impl PinRow {
    /// Wraps `master` for `pin`. Derives, so: never inside a transaction.
    pub(crate) fn wrap(header: &HeaderRow, role: Role, cost: Cost, pin: &[u8], master: &Key32) -> Result<Self, StoreError> {
        let mut row = Self { role, cost, salt: random()?, wrapped: Vec::new(), failures: 0, last_failure: 0 };
        row.wrapped = seal(&cost.derive(pin, &row.salt)?, &row.ad(header), &[master.as_slice()])?;
        Ok(row)
    }

    pub(crate) fn read(conn: &Connection, header: &HeaderRow, role: Role) -> Result<Option<Self>, StoreError> {
        let mut statement = conn.prepare_cached("SELECT memory_kib, passes, salt, wrapped, failures, last_failure, sum FROM pin WHERE role = ?1")?;
        let mut rows = statement.query([to_sql(role.number())?])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let number = |i| -> Result<u64, StoreError> { from_sql(row.get(i)?, "PIN row") };
        let found = Self {
            role,
            cost: Cost::admit(header.test_kdf, number(0)?, number(1)?)?,
            salt: exact(blob(row, 2)?, "PIN row: salt")?,
            wrapped: blob(row, 3)?.to_vec(),
            failures: number(4)?,
            last_failure: number(5)?,
        };
        if blob(row, 6)? != found.sum(header) {
            return Err(StoreError::damaged("PIN row"));
        }
        Ok(Some(found))
    }

    pub(crate) fn write(&self, conn: &Connection, header: &HeaderRow) -> Result<(), StoreError> {
        conn.prepare_cached(
            "INSERT OR REPLACE INTO pin (role, memory_kib, passes, salt, wrapped, failures, last_failure, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(rusqlite::params![
            to_sql(self.role.number())?,
            self.cost.memory_kib,
            self.cost.passes,
            self.salt.as_slice(),
            self.wrapped,
            to_sql(self.failures)?,
            to_sql(self.last_failure)?,
            self.sum(header).as_slice()
        ])?;
        Ok(())
    }

    fn ad(&self, header: &HeaderRow) -> [u8; 32] {
        let [role, memory, passes] = self.numbers();
        digest("cngtoken 1 pin", &[&header.store_id, &header.key_id, &role, &memory, &passes, &self.salt])
    }

    fn sum(&self, header: &HeaderRow) -> [u8; 16] {
        let [role, memory, passes] = self.numbers();
        let (failures, last) = (self.failures.to_le_bytes(), self.last_failure.to_le_bytes());
        sum("cngtoken 1 pin row", &[&header.store_id, &header.key_id, &role, &memory, &passes, &self.salt, &self.wrapped, &failures, &last])
    }

    fn numbers(&self) -> [[u8; 8]; 3] {
        [self.role.number().to_le_bytes(), u64::from(self.cost.memory_kib).to_le_bytes(), u64::from(self.cost.passes).to_le_bytes()]
    }

    /// The master key, if `kek` is the one of this row.
    pub(crate) fn unwrap(&self, header: &HeaderRow, kek: &Key32) -> Option<Key32> {
        let text = open(kek, &self.ad(header), &self.wrapped)?;
        Some(Zeroizing::new(text.as_slice().try_into().ok()?))
    }
}

/// Everything a token without objects consists of.
pub(crate) struct Fresh {
    header: HeaderRow,
    keys: Keys,
    so: PinRow,
}

impl Fresh {
    /// New master key, wrapped for the SO. Derives, so: never inside a transaction.
    pub(crate) fn make(store_id: [u8; 16], label: &[u8; 32], kdf: Kdf, group: bool, cost: Cost, so_pin: &[u8]) -> Result<Self, StoreError> {
        let header = HeaderRow::new(store_id, random()?, *label, kdf, group);
        let master: Key32 = Zeroizing::new(random()?);
        let so = PinRow::wrap(&header, Role::So, cost, so_pin, &master)?;
        let keys = Keys::derive(Role::So, &store_id, header.key_id, master)?;
        Ok(Self { header, keys, so })
    }

    /// Fills empty tables.
    pub(crate) fn write(&self, conn: &Connection, change: u64) -> Result<(), StoreError> {
        let store_id = &self.header.store_id;
        self.header.write(conn, &self.keys)?;
        self.so.write(conn, &self.header)?;
        Summary { change, ..Summary::empty() }.write(conn, store_id, &self.keys)?;
        crate::index::Index { conn, store_id, keys: Some(&self.keys) }.create()
    }
}

const CIPHER: &str = "XChaCha20-Poly1305";
const TEST_KDF: &str = "argon2id-test";
