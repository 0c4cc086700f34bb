//! `store check`: reads everything and compares it with what vouches for it.
//!
//! Names what is wrong instead of stopping at the first fault; changes nothing.

use crate::fields::digest;
use crate::index::{Entry, Index};
use crate::row::ObjectRow;
use crate::summary::Summary;
use crate::token_rows::HeaderRow;
use crate::vault::{Vault, entries};
use crate::{Keys, StoreError};
use rusqlite::Connection;

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Objects read.
    pub objects: u64,
    /// Of these, private.
    pub private: u64,
    /// Of these, public ones that were destroyed without a login: hidden, and removed by the next write with keys.
    pub retired: u64,
    /// What is wrong, one line each, at most 100; empty if nothing is.
    pub faults: Vec<String>,
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, what: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(what.into());
        }
    }
}

impl Vault {
    /// Reads every page, row and index leaf, and compares count, set and index with the objects.
    ///
    /// # Errors
    /// What prevents the check itself; what it finds is in the report.
    pub fn check(&self, keys: &Keys) -> Result<Report, StoreError> {
        self.links.read(|conn, _| {
            if HeaderRow::read(conn)?.key_id != keys.key_id {
                return Err(StoreError::KeysReplaced);
            }
            let mut report = Report::default();
            for step in [pages, objects, retired] {
                match step(conn, self, keys, &mut report) {
                    Err(StoreError::Damaged { what }) => report.fault(what),
                    other => other?,
                }
            }
            Ok(report)
        })
    }

    fn check_objects(&self, conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), StoreError> {
        let store_id = self.links.store_id();
        let index = self.index(conn, Some(keys));
        let mut actual = Summary::empty();
        let mut expected = Fingerprint::default();
        let mut statement = conn.prepare("SELECT n, id, version, private, clear, terms, sealed, sum FROM object ORDER BY n")?;
        let mut rows = statement.query([])?;
        let mut of_one = Vec::new();
        while let Some(row) = rows.next()? {
            let row = match ObjectRow::from_row(row) {
                Ok(row) => row,
                Err(e) => {
                    report.fault(e.to_string());
                    continue;
                }
            };
            report.objects += 1;
            report.private += u64::from(row.private);
            actual.count += 1;
            actual.toggle(&row.element(store_id, keys));
            if !row.is_whole(store_id) {
                report.fault(format!("object {}: its sum does not fit", row.n));
            }
            let n = row.n;
            match row.open(store_id, Some(keys)) {
                Err(e) => report.fault(e.to_string()),
                Ok(record) => {
                    of_one.clear();
                    entries(keys, n, &record, &mut of_one);
                    of_one.iter().for_each(|e| expected.add(e));
                }
            }
        }
        let sealed = Summary::read(conn, store_id, keys)?;
        if sealed.count != actual.count {
            report.fault(format!("{} objects, but {} are sealed in the summary", actual.count, sealed.count));
        } else if sealed.set != actual.set {
            report.fault("the objects are not the set that is sealed in the summary");
        }
        let mut found = Fingerprint::default();
        index.each(|e| found.add(&e))?;
        if found != expected {
            report.fault(format!("the index has {} entries, the objects {}", found.count, expected.count));
            self.name_unindexed(conn, &index, keys, report)?;
        }
        Ok(())
    }

    /// Which objects lack an entry.
    fn name_unindexed(&self, conn: &Connection, index: &Index<'_>, keys: &Keys, report: &mut Report) -> Result<(), StoreError> {
        let mut statement = conn.prepare("SELECT n, id, version, private, clear, terms, sealed, sum FROM object ORDER BY n")?;
        let mut rows = statement.query([])?;
        let mut of_one = Vec::new();
        while let Some(row) = rows.next()? {
            let Ok(row) = ObjectRow::from_row(row) else { continue };
            let n = row.n;
            let Ok(record) = row.open(self.links.store_id(), Some(keys)) else { continue };
            of_one.clear();
            entries(keys, n, &record, &mut of_one);
            for entry in &of_one {
                if !index.run(&entry.hash)?.contains(entry) {
                    report.fault(format!("object {n} is missing in the index"));
                    break;
                }
            }
        }
        Ok(())
    }
}

fn objects(conn: &Connection, vault: &Vault, keys: &Keys, report: &mut Report) -> Result<(), StoreError> {
    vault.check_objects(conn, keys, report)
}

fn retired(conn: &Connection, vault: &Vault, keys: &Keys, report: &mut Report) -> Result<(), StoreError> {
    let waiting = vault.judge_retired(conn, keys, &mut |what| report.fault(what));
    report.retired = waiting?;
    Ok(())
}

fn pages(conn: &Connection, _: &Vault, _: &Keys, report: &mut Report) -> Result<(), StoreError> {
    let mut statement = conn.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            report.fault(format!("SQLite: {line}"));
        }
    }
    Ok(())
}

/// A set of entries in little memory: their number and the XOR of their digests. No author of the file can choose these, the leaves being authentic.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint {
    count: u64,
    sum: [u8; 32],
}

impl Fingerprint {
    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.sum.iter_mut().zip(digest("cngtoken 1 entry", &[&entry.to_bytes()])).for_each(|(into, from)| *into ^= from);
    }
}

const MOST_FAULTS: usize = 100;
