//! The making of a store file, and finding one. Store format, section 1.
//!
//! A store is built under another name and linked to its own when it is whole and flushed: there is never a half-made store, and a name that exists is
//! never written over. Refuses symbolic links as the last component.

use crate::link::Links;
use crate::pin::{Cost, Kdf};
use crate::token_rows::Fresh;
use crate::{StoreError, Vault, keys, schema};
use nix::unistd::Group;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Who may use the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Its owner: 0600.
    Private,
    /// The members of a group, by name: 0660.
    Group(String),
}

impl Vault {
    /// Makes a new store, and its directory if that is missing.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the name is taken, [`StoreError::ReadOnly`], [`StoreError::Full`], and what the system says.
    pub fn create(path: &Path, access: &Access, kdf: Kdf, label: &[u8; 32], so_pin: &[u8]) -> Result<Vault, StoreError> {
        let group = match access {
            Access::Private => None,
            Access::Group(name) => Some(group_number(name)?),
        };
        let (directory, name) = split(path)?;
        make_directory(directory, group)?;
        let directory = directory.canonicalize().map_err(|e| StoreError::io(&directory.display().to_string(), &e))?;
        let path = directory.join(name);
        let taken = || StoreError::Exists { what: path.display().to_string() };
        if path.symlink_metadata().is_ok() {
            return Err(taken());
        }
        let fresh = Fresh::make(keys::random()?, label, kdf, group.is_some(), Cost::choose(kdf)?, so_pin)?;
        let draft = Draft::make(&directory, name, group)?;
        {
            let _pass = crate::gate::enter();
            build(&draft.0, &fresh)?;
        }
        let linked = |e: std::io::Error| if e.kind() == ErrorKind::AlreadyExists { taken() } else { refused(&path, &e) };
        File::open(&draft.0).and_then(|f| f.sync_all()).map_err(|e| refused(&path, &e))?;
        std::fs::hard_link(&draft.0, &path).map_err(linked)?;
        drop(draft);
        File::open(&directory).and_then(|d| d.sync_all()).map_err(|e| refused(&directory, &e))?;
        let vault = Vault::over(Links::open(path)?);
        vault.header()?;
        Ok(vault)
    }
}

/// The full path of an existing store file, if there is one.
pub(crate) fn existing(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let meta = match path.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io(&path.display().to_string(), &e)),
        Ok(meta) => meta,
    };
    let why = if meta.is_symlink() {
        "it is a symbolic link"
    } else if meta.is_dir() {
        "it is a directory"
    } else if !meta.is_file() {
        "it is not a regular file"
    } else {
        let (directory, name) = split(path)?;
        let directory = directory.canonicalize().map_err(|e| StoreError::io(&directory.display().to_string(), &e))?;
        return Ok(Some(directory.join(name)));
    };
    Err(StoreError::NotAStore { why: why.into() })
}

/// The file under its first name; removed unless everything went well, and then too, since it has its own name by then.
struct Draft(PathBuf);

impl Draft {
    fn make(directory: &Path, name: &std::ffi::OsStr, group: Option<u32>) -> Result<Self, StoreError> {
        let random: [u8; 8] = keys::random()?;
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{:016x}.new", u64::from_le_bytes(random)));
        let path = directory.join(draft);
        // create_new is O_EXCL, which follows no link either.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|e| refused(&path, &e))?;
        let draft = Self(path);
        if let Some(group) = group {
            std::os::unix::fs::fchown(&file, None, Some(group)).map_err(|e| StoreError::io("giving the file to the group", &e))?;
            file.set_permissions(Permissions::from_mode(0o660)).map_err(|e| StoreError::io("setting the file's mode", &e))?;
        }
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What cannot be removed is a file that nothing reads.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Fills an empty file. Nobody else knows it yet: no journal, no flushes; the caller flushes the whole.
fn build(path: &Path, fresh: &Fresh) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch("PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = NONE; PRAGMA temp_store = MEMORY;")?;
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")?;
    schema::create(&conn)?;
    fresh.write(&conn, 0)?;
    conn.execute_batch("COMMIT")?;
    conn.close().map_err(|(_, e)| e)?;
    Ok(())
}

fn make_directory(directory: &Path, group: Option<u32>) -> Result<(), StoreError> {
    let words = |e: std::io::Error| refused(directory, &e);
    if !directory.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(words)?;
        if let Some(group) = group {
            std::os::unix::fs::chown(directory, None, Some(group)).map_err(words)?;
            std::fs::set_permissions(directory, Permissions::from_mode(0o2770)).map_err(words)?;
        }
    } else if let Some(group) = group {
        let meta = directory.metadata().map_err(words)?;
        // Without these a member could not make the journal, or would make it unreadable for the others.
        if meta.gid() != group || meta.mode() & 0o2070 != 0o2070 {
            let why =
                format!("{}: group access needs a directory of that group with mode 2770, found {:o}", directory.display(), meta.mode() & 0o7777);
            return Err(StoreError::Io { why });
        }
    }
    Ok(())
}

fn group_number(name: &str) -> Result<u32, StoreError> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(StoreError::Io { why: format!("there is no group {name:?}") }),
        Err(e) => Err(StoreError::Io { why: format!("group {name:?}: {e}") }),
    }
}

fn split(path: &Path) -> Result<(&Path, &std::ffi::OsStr), StoreError> {
    let name = path.file_name().ok_or_else(|| StoreError::Io { why: format!("{}: not a file name", path.display()) })?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((directory, name))
}

/// Permission to write is what is missing here.
fn refused(path: &Path, e: &std::io::Error) -> StoreError {
    if e.kind() == ErrorKind::PermissionDenied { StoreError::ReadOnly } else { StoreError::io(&path.display().to_string(), e) }
}
