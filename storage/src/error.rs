//! Why the store did not do what was asked: one reason per variant, with what was found.
//!
//! SQLite's codes are translated here and nowhere else.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_WRITE, SQLITE_READONLY_ROLLBACK};
use std::time::SystemTime;

/// The reason of a refusal. Nothing was changed on any of them, except the counter on [`StoreError::PinIncorrect`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The PIN is wrong; it has been counted.
    #[error("the PIN is wrong")]
    PinIncorrect,
    /// Too many wrong PINs: no PIN is looked at before that time.
    #[error("too many wrong PINs: none is accepted for another {} s", seconds_until(until))]
    PinLocked {
        /// When the next PIN is looked at.
        until: SystemTime,
    },
    /// The SO has not set a user PIN yet.
    #[error("no user PIN is set")]
    UserPinNotSet,
    /// The keys given are a user's where the SO's are needed.
    #[error("only the SO may do this")]
    SoOnly,
    /// The token was initialised again since these keys were unlocked.
    #[error("the token was initialised again since this login")]
    KeysReplaced,
    /// The object holds secrets, so that only a login may destroy it.
    #[error("an object with secrets is destroyed with a login only")]
    KeysNeeded,
    /// No such object, proved by the index.
    #[error("no such object")]
    NotFound,
    /// A record of this id, or a file of this name, exists already.
    #[error("{what} exists already")]
    Exists {
        /// Record or file.
        what: String,
    },
    /// The object was changed by someone else.
    #[error("the object was changed meanwhile: version {found}, seen {seen}")]
    Stale {
        /// The version in the store.
        found: u64,
        /// The version the caller had seen.
        seen: u64,
    },
    /// The file or its directory cannot be written.
    #[error("the store cannot be written by this user")]
    ReadOnly,
    /// Not a store of ours.
    #[error("not a token store: {why}")]
    NotAStore {
        /// What was found.
        why: String,
    },
    /// Another format.
    #[error("the store has format {found}, this program reads up to {expected}")]
    Version {
        /// The file's.
        found: i64,
        /// The newest this program knows.
        expected: i64,
    },
    /// A row, page or index of the file is not what was written.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// The place.
        what: String,
    },
    /// Another process kept the store locked for too long.
    #[error("the store is locked by another process")]
    Busy,
    /// No space left, or a size limit reached.
    #[error("no space left for the store")]
    Full,
    /// This vault was opened before a fork; the child opens its own.
    #[error("opened by the parent process: open the store anew after a fork")]
    Forked,
    /// The caller gave something that cannot be stored.
    #[error("cannot be stored: {why}")]
    Refused {
        /// What and why.
        why: String,
    },
    /// Anything else of the operating system.
    #[error("store: {why}")]
    Io {
        /// Its words.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        StoreError::Damaged { what: what.into() }
    }

    pub(crate) fn io(doing: &str, e: &std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => StoreError::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
            _ => StoreError::Io { why: format!("{doing}: {e}") },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        match &e {
            rusqlite::Error::SqliteFailure(code, _) => match code.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
                ErrorCode::DiskFull => StoreError::Full,
                ErrorCode::ReadOnly if code.extended_code == SQLITE_READONLY_ROLLBACK => {
                    StoreError::Io { why: "a process died while writing; undoing that needs a user who may write".into() }
                }
                ErrorCode::ReadOnly => StoreError::ReadOnly,
                // So says an SQLite that is built without the write-ahead log of a file that was switched to it.
                ErrorCode::NotADatabase => {
                    StoreError::NotAStore { why: "the file is not an SQLite database, or was switched to the write-ahead log".into() }
                }
                ErrorCode::DatabaseCorrupt => StoreError::damaged(format!("SQLite says: {e}")),
                // SQLite calls a full disk by its name, but EFBIG (RLIMIT_FSIZE) only a failed write.
                ErrorCode::SystemIoFailure if code.extended_code == SQLITE_IOERR_WRITE && file_size_is_limited() => StoreError::Full,
                ErrorCode::SchemaChanged => StoreError::damaged("the schema was changed"),
                ErrorCode::TooBig => StoreError::Refused { why: "the record is too large".into() },
                _ => StoreError::Io { why: e.to_string() },
            },
            // A statement of ours that does not compile or yields another type meets another schema than the one that was checked.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::SqlInputError { .. } => StoreError::damaged(e.to_string()),
            _ => StoreError::Io { why: e.to_string() },
        }
    }
}

fn file_size_is_limited() -> bool {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    getrlimit(Resource::RLIMIT_FSIZE).is_ok_and(|(soft, _)| soft != RLIM_INFINITY)
}

fn seconds_until(until: &SystemTime) -> u64 {
    until.duration_since(SystemTime::now()).map_or(0, |d| d.as_secs().saturating_add(1))
}
