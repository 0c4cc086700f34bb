//! The tables, and the judgement whether a file has exactly these. Store format, sections 1 and 4.
//!
//! Called on every new connection, before anything else is read through it.

use crate::StoreError;
use rusqlite::Connection;

/// "CNGT".
pub(crate) const APPLICATION_ID: i64 = 0x434E_4754;
/// The format this program writes.
pub(crate) const VERSION: i64 = 1;

/// Every table of format 1, with its text as it stands in the file.
const TABLES: [(&str, &str); 7] = [
    ("directory", "CREATE TABLE directory (first BLOB NOT NULL PRIMARY KEY, l INTEGER NOT NULL) STRICT, WITHOUT ROWID"),
    (
        "header",
        "CREATE TABLE header (one INTEGER NOT NULL PRIMARY KEY, store_id BLOB NOT NULL, key_id BLOB NOT NULL, label BLOB NOT NULL, \
         cipher TEXT NOT NULL, kdf TEXT NOT NULL, access TEXT NOT NULL, sum BLOB NOT NULL, mac BLOB NOT NULL) STRICT",
    ),
    (
        "leaf",
        "CREATE TABLE leaf (l INTEGER NOT NULL PRIMARY KEY, next BLOB NOT NULL, entries BLOB NOT NULL, sum BLOB NOT NULL, mac BLOB NOT NULL) STRICT",
    ),
    (
        "object",
        "CREATE TABLE object (n INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL, version INTEGER NOT NULL, private INTEGER NOT NULL, \
         clear BLOB NOT NULL, terms BLOB NOT NULL, sealed BLOB NOT NULL, sum BLOB NOT NULL) STRICT",
    ),
    (
        "pin",
        "CREATE TABLE pin (role INTEGER NOT NULL PRIMARY KEY, memory_kib INTEGER NOT NULL, passes INTEGER NOT NULL, salt BLOB NOT NULL, \
         wrapped BLOB NOT NULL, failures INTEGER NOT NULL, last_failure INTEGER NOT NULL, sum BLOB NOT NULL) STRICT",
    ),
    ("retired", "CREATE TABLE retired (id BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID"),
    (
        "summary",
        "CREATE TABLE summary (one INTEGER NOT NULL PRIMARY KEY, change INTEGER NOT NULL, next_n INTEGER NOT NULL, sealed BLOB NOT NULL, \
         sum BLOB NOT NULL, retired BLOB NOT NULL) STRICT",
    ),
];

/// One step from a format to the next; the step at index i leads from format i + 1 to i + 2.
pub(crate) type Migration = fn(&Connection) -> Result<(), StoreError>;
/// Format 1 is the first: no step yet. Each released format keeps a file in `tests/formats`.
pub(crate) const MIGRATIONS: [Migration; 0] = [];

/// Makes the tables in an empty database, inside the caller's transaction.
pub(crate) fn create(conn: &Connection) -> Result<(), StoreError> {
    for (_, text) in TABLES {
        conn.execute(text, [])?;
    }
    conn.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))?;
    Ok(())
}

/// Refuses what is not a store, is of another version, or has another schema. Says whether a migration is due.
pub(crate) fn verify(conn: &Connection) -> Result<bool, StoreError> {
    let application: i64 = conn.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if application != APPLICATION_ID {
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |r| r.get(0))?;
        let why =
            if pages == 0 { "the file is empty".into() } else { format!("an SQLite database of another program (application id {application:#x})") };
        return Err(StoreError::NotAStore { why });
    }
    if version > VERSION {
        return Err(StoreError::Version { found: version, expected: VERSION });
    }
    if version < 1 {
        return Err(StoreError::damaged(format!("format number {version}")));
    }
    // WAL keeps its locks in memory that a fork copies; see the store format, section 8.
    let journal: String = conn.query_row("PRAGMA journal_mode", [], |r| r.get(0))?;
    if journal.eq_ignore_ascii_case("wal") {
        return Err(StoreError::damaged("the file was switched to the write-ahead log, which is not safe across fork"));
    }
    if version < VERSION {
        return Ok(true);
    }
    let mut rows = conn.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name")?;
    let mut rows = rows.query([])?;
    let mut expected = TABLES.iter();
    while let Some(row) = rows.next()? {
        let found: (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let fits = expected.next().is_some_and(|(name, text)| found.0 == "table" && found.1 == *name && found.2.as_deref() == Some(*text));
        if !fits {
            return Err(StoreError::damaged(format!("unexpected {} {:?} in the schema", found.0, found.1)));
        }
    }
    match expected.next() {
        Some((name, _)) => Err(StoreError::damaged(format!("table {name:?} is missing"))),
        None => Ok(false),
    }
}

/// Brings an older store to `current`, inside the caller's write transaction; another process may have done it meanwhile.
pub(crate) fn migrate(conn: &Connection, steps: &[Migration], current: i64) -> Result<(), StoreError> {
    let mut version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    while version < current {
        let step = usize::try_from(version - 1).ok().and_then(|i| steps.get(i));
        step.ok_or_else(|| StoreError::damaged(format!("no way from format {version} to {current}")))?(conn)?;
        version += 1;
        conn.execute_batch(&format!("PRAGMA user_version = {version}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_schema_passes_its_own_judgement() {
        let conn = Connection::open_in_memory().unwrap();
        create(&conn).unwrap();
        assert!(!verify(&conn).unwrap());
    }

    #[test]
    fn a_schema_with_a_trigger_or_a_view_or_another_table_is_refused() {
        for extra in [
            "CREATE TABLE a (x)",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM object; END",
            "DROP TABLE leaf",
        ] {
            let conn = Connection::open_in_memory().unwrap();
            create(&conn).unwrap();
            conn.execute_batch(extra).unwrap();
            assert!(matches!(verify(&conn), Err(StoreError::Damaged { .. })), "{extra}");
        }
    }

    #[test]
    fn migrations_run_in_order_and_once() {
        let steps: [Migration; 2] =
            [|c| Ok(c.execute_batch("CREATE TABLE second (x)")?), |c| Ok(c.execute_batch("ALTER TABLE second RENAME TO third")?)];
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA user_version = 1").unwrap();

        migrate(&conn, &steps, 3).unwrap();
        migrate(&conn, &steps, 3).unwrap();

        assert_eq!(conn.query_row("SELECT count(*) FROM third", [], |r| r.get::<_, i64>(0)).unwrap(), 0);
        assert!(migrate(&conn, &steps, 4).is_err());
    }
}
