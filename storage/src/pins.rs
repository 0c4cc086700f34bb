//! What is done with PINs: unlock, set, change, and initialising the token again. Store format, section 7.
//!
//! A derivation never runs inside a transaction; a wrong PIN is on the disk before the answer is given.

use crate::keys::Key32;
use crate::pin::{Kdf, PinState, from_millis, to_millis};
use crate::summary::Summary;
use crate::token_rows::{Fresh, HeaderRow, PinRow};
use crate::vault::Vault;
use crate::{Header, Keys, Role, StoreError};
use rusqlite::Connection;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

/// Wrong PINs counted in this process because the store cannot be written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    failures: u64,
    last_failure: u64,
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
        let (header, user, so) = self.links.read(|conn, _| {
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
        if so.role() != Role::So {
            return Err(StoreError::SoOnly);
        }
        let (header, cost) = self.links.read(|conn, _| {
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
        let (header, seen) = self.links.read(|conn, _| self.pin_row(conn, role))?;
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
        let (old, seen) = self.links.read(|conn, _| self.pin_row(conn, Role::So))?;
        let fresh = Fresh::make(old.store_id, label, if old.test_kdf { Kdf::Test } else { Kdf::Calibrated }, old.group, seen.cost, so_pin)?;
        self.links.write_many(|conn| {
            let (now, found) = self.pin_row(conn, Role::So)?;
            if now.key_id != keys.key_id {
                return Err(StoreError::KeysReplaced);
            }
            if found.salt != seen.salt {
                return Err(StoreError::PinIncorrect);
            }
            let change = Summary::change(conn, &old.store_id)?.saturating_add(1);
            conn.execute_batch("DELETE FROM object; DELETE FROM directory; DELETE FROM leaf; DELETE FROM pin; DELETE FROM retired;")?;
            fresh.write(conn, change)
        })?;
        self.forget(Role::User);
        Ok(())
    }

    /// Judges a PIN as section 7 says.
    fn judge(&self, role: Role, pin: &[u8]) -> Result<(HeaderRow, Key32), StoreError> {
        loop {
            let (_, seen) = self.links.read(|conn, _| self.pin_row(conn, role))?;
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
                    let (header, row) = self.links.read(|conn, _| self.pin_row(conn, role))?;
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

fn place(role: Role) -> usize {
    match role {
        Role::User => 0,
        Role::So => 1,
    }
}

#[cfg(test)]
#[path = "pins_tests.rs"]
mod tests;
