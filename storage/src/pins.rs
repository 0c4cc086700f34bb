//! The header and PIN rows, and what is done with PINs: unlock, set, change, and initialising the token again. Store format, sections 4 and 7.
//!
//! A derivation never runs inside a transaction; a wrong PIN is on the disk before the answer is given.

use crate::fields::{digest, exact, from_sql, half, sum, to_sql};
use crate::keys::{Key32, open, random, seal};
use crate::pin::{Cost, Kdf, PinState, from_millis, to_millis};
use crate::row::blob;
use crate::summary::Summary;
use crate::vault::Vault;
use crate::{Header, Keys, Role, StoreError};
use rusqlite::Connection;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Wrong PINs counted in this process because the store cannot be written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    failures: u64,
    last_failure: u64,
}

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

    fn authentic(&self, keys: &Keys) -> bool {
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
    role: Role,
    cost: Cost,
    salt: [u8; 16],
    wrapped: Vec<u8>,
    failures: u64,
    last_failure: u64,
}

impl PinRow {
    /// Wraps `master` for `pin`. Derives, so: never inside a transaction.
    pub(crate) fn wrap(header: &HeaderRow, role: Role, cost: Cost, pin: &[u8], master: &Key32) -> Result<Self, StoreError> {
        let mut row = Self { role, cost, salt: random()?, wrapped: Vec::new(), failures: 0, last_failure: 0 };
        row.wrapped = seal(&cost.derive(pin, &row.salt)?, &row.ad(header), &[master.as_slice()])?;
        Ok(row)
    }

    fn read(conn: &Connection, header: &HeaderRow, role: Role) -> Result<Option<Self>, StoreError> {
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
    fn unwrap(&self, header: &HeaderRow, kek: &Key32) -> Option<Key32> {
        let text = open(kek, &self.ad(header), &self.wrapped)?;
        Some(Zeroizing::new(text.as_slice().try_into().ok()?))
    }
}

/// What judging a PIN under the lock came to.
enum Verdict {
    Right(HeaderRow, Key32),
    Wrong,
    /// Someone set another PIN while this one was derived.
    Moved,
}

impl Vault {
    /// What may be known without a PIN.
    ///
    /// # Errors
    /// What reading can fail with; damage of header or PIN rows.
    pub fn header(&self) -> Result<Header, StoreError> {
        let (header, user, so) = self.links.read(|conn| {
            let header = HeaderRow::read(conn)?;
            let user = PinRow::read(conn, &header, Role::User)?;
            let so = PinRow::read(conn, &header, Role::So)?.ok_or_else(|| StoreError::damaged("the SO's PIN row is missing"))?;
            Ok((header, user, so))
        })?;
        Ok(Header {
            store_id: header.store_id,
            label: header.label,
            user_pin_set: user.is_some(),
            test_kdf: header.test_kdf,
            writable: self.links.writable(),
            user: user.map_or_else(PinState::default, |row| self.state(&row)),
            so: self.state(&so),
        })
    }

    /// Opens the token with a PIN. A wrong one is counted; a right one sets the count to 0 and otherwise writes nothing.
    ///
    /// # Errors
    /// [`StoreError::PinIncorrect`], [`StoreError::PinLocked`], [`StoreError::UserPinNotSet`], damage.
    pub fn unlock(&self, role: Role, pin: &[u8]) -> Result<Arc<Keys>, StoreError> {
        let (header, master) = self.judge(role, pin)?;
        let keys = Keys::derive(role, &header.store_id, header.key_id, master)?;
        if header.authentic(&keys) { Ok(Arc::new(keys)) } else { Err(StoreError::damaged("header: not authentic")) }
    }

    /// Sets the user's PIN, as the SO; the user's failures are forgotten.
    ///
    /// # Errors
    /// [`StoreError::SoOnly`], [`StoreError::KeysReplaced`], and what writing can fail with.
    pub fn set_user_pin(&self, so: &Keys, new: &[u8]) -> Result<(), StoreError> {
        if so.role != Role::So {
            return Err(StoreError::SoOnly);
        }
        let (header, cost) = self.links.read(|conn| {
            let header = HeaderRow::read(conn)?;
            let row = PinRow::read(conn, &header, Role::So)?.ok_or_else(|| StoreError::damaged("the SO's PIN row is missing"))?;
            Ok((header, row.cost))
        })?;
        let row = PinRow::wrap(&header, Role::User, cost, new, &so.master)?;
        self.links.write(|conn| {
            if HeaderRow::read(conn)?.key_id != so.key_id {
                return Err(StoreError::KeysReplaced);
            }
            row.write(conn, &header)
        })?;
        self.forget(Role::User);
        Ok(())
    }

    /// Changes a PIN. The old one is judged as a login would be.
    ///
    /// # Errors
    /// As [`Vault::unlock`], and what writing can fail with.
    pub fn change_pin(&self, role: Role, old: &[u8], new: &[u8]) -> Result<(), StoreError> {
        let keys = self.unlock(role, old)?;
        let (header, seen) = self.links.read(|conn| self.pin_row(conn, role))?;
        let row = PinRow::wrap(&header, role, seen.cost, new, &keys.master)?;
        self.links.write(|conn| {
            let (now, found) = self.pin_row(conn, role)?;
            // Between judging and writing someone else may have set a PIN: the one judged is then not the one that counts.
            if now.key_id != keys.key_id {
                return Err(StoreError::KeysReplaced);
            }
            if found.salt != seen.salt {
                return Err(StoreError::PinIncorrect);
            }
            row.write(conn, &header)
        })
    }

    /// Initialises the token again: checks the SO's PIN, then wipes every object and the user's PIN and makes a new master key. The store id stays.
    ///
    /// # Errors
    /// As [`Vault::unlock`] for the SO, and what writing can fail with.
    pub fn reset(&self, label: &[u8; 32], so_pin: &[u8]) -> Result<(), StoreError> {
        let keys = self.unlock(Role::So, so_pin)?;
        let (old, seen) = self.links.read(|conn| self.pin_row(conn, Role::So))?;
        let fresh = Fresh::make(old.store_id, label, if old.test_kdf { Kdf::Test } else { Kdf::Calibrated }, old.group, seen.cost, so_pin)?;
        self.links.write(|conn| {
            let (now, found) = self.pin_row(conn, Role::So)?;
            if now.key_id != keys.key_id {
                return Err(StoreError::KeysReplaced);
            }
            if found.salt != seen.salt {
                return Err(StoreError::PinIncorrect);
            }
            let change = Summary::change(conn, &old.store_id)?.saturating_add(1);
            conn.execute_batch("DELETE FROM object; DELETE FROM directory; DELETE FROM leaf; DELETE FROM pin;")?;
            fresh.write(conn, change)
        })?;
        self.forget(Role::User);
        self.links.shrink();
        Ok(())
    }

    /// Judges a PIN as section 7 says.
    fn judge(&self, role: Role, pin: &[u8]) -> Result<(HeaderRow, Key32), StoreError> {
        loop {
            let (_, seen) = self.links.read(|conn| self.pin_row(conn, role))?;
            self.refuse_while_delayed(&seen)?;
            let kek = seen.cost.derive(pin, &seen.salt)?;
            let judged = self.links.write(|conn| {
                let (header, mut row) = self.pin_row(conn, role)?;
                self.refuse_while_delayed(&row)?;
                if row.salt != seen.salt || row.cost != seen.cost {
                    return Ok(Verdict::Moved);
                }
                if let Some(master) = row.unwrap(&header, &kek) {
                    if row.failures != 0 {
                        (row.failures, row.last_failure) = (0, 0);
                        row.write(conn, &header)?;
                    }
                    return Ok(Verdict::Right(header, master));
                }
                row.failures = row.failures.saturating_add(1);
                row.last_failure = to_millis(self.now());
                row.write(conn, &header)?;
                Ok(Verdict::Wrong)
            });
            match judged {
                Ok(Verdict::Right(header, master)) => {
                    self.forget(role);
                    return Ok((header, master));
                }
                Ok(Verdict::Wrong) => return Err(StoreError::PinIncorrect),
                Ok(Verdict::Moved) => {}
                // It cannot be written: what was right stays right, what is wrong is counted here.
                Err(StoreError::ReadOnly | StoreError::Full | StoreError::Io { .. }) => {
                    let (header, row) = self.links.read(|conn| self.pin_row(conn, role))?;
                    self.refuse_while_delayed(&row)?;
                    if row.salt != seen.salt || row.cost != seen.cost {
                        continue;
                    }
                    let Some(master) = row.unwrap(&header, &kek) else {
                        self.count_in_memory(role);
                        return Err(StoreError::PinIncorrect);
                    };
                    self.forget(role);
                    return Ok((header, master));
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn pin_row(&self, conn: &Connection, role: Role) -> Result<(HeaderRow, PinRow), StoreError> {
        let header = HeaderRow::read(conn)?;
        let row = PinRow::read(conn, &header, role)?.ok_or_else(|| match role {
            Role::User => StoreError::UserPinNotSet,
            Role::So => StoreError::damaged("the SO's PIN row is missing"),
        })?;
        Ok((header, row))
    }

    /// The row's failures and those counted in memory.
    fn state(&self, row: &PinRow) -> PinState {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner)[place(row.role)];
        let last = from_millis(row.last_failure.max(memory.last_failure));
        PinState::at(row.failures.saturating_add(memory.failures), last, self.now())
    }

    fn refuse_while_delayed(&self, row: &PinRow) -> Result<(), StoreError> {
        self.state(row).delayed_until.map_or(Ok(()), |until| Err(StoreError::PinLocked { until }))
    }

    fn count_in_memory(&self, role: Role) {
        let now = to_millis(self.now());
        let memory = &mut self.memory.lock().unwrap_or_else(PoisonError::into_inner)[place(role)];
        *memory = Memory { failures: memory.failures.saturating_add(1), last_failure: now };
    }

    fn forget(&self, role: Role) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)[place(role)] = Memory::default();
    }

    #[cfg(not(test))]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    #[cfg(test)]
    fn now(&self) -> SystemTime {
        SystemTime::now() + tests::LEAP.get()
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

fn place(role: Role) -> usize {
    match role {
        Role::User => 0,
        Role::So => 1,
    }
}

const CIPHER: &str = "XChaCha20-Poly1305";
const TEST_KDF: &str = "argon2id-test";

#[cfg(test)]
#[path = "pins_tests.rs"]
mod tests;
