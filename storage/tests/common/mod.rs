//! What the vault's tests share: a token in a directory of its own, and records.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed assumption in a test is a failed test")]

use cngtoken_key::Secret;
use cngtoken_storage::{Access, Kdf, Keys, Record, Role, Term, Vault, new_id};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const SO: &[u8] = b"so-pin";
pub const USER: &[u8] = b"1234";

/// A directory that is removed with the test, and the store in it.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store").join("token.db");
    Place { dir, path }
}

pub fn create(path: &Path) -> (Vault, Arc<Keys>) {
    let vault = Vault::create(path, &Access::Private, Kdf::Test, &label("test"), SO).unwrap();
    let so = vault.unlock(Role::So, SO).unwrap();
    vault.set_user_pin(&so, USER).unwrap();
    let keys = vault.unlock(Role::User, USER).unwrap();
    (vault, keys)
}

pub fn open(path: &Path) -> (Vault, Arc<Keys>) {
    let vault = Vault::open(path).unwrap().unwrap();
    let keys = vault.unlock(Role::User, USER).unwrap();
    (vault, keys)
}

pub fn label(text: &str) -> [u8; 32] {
    let mut out = [b' '; 32];
    out[..text.len()].copy_from_slice(text.as_bytes());
    out
}

pub fn term(tag: u32, bytes: impl AsRef<[u8]>) -> Term {
    Term { tag, bytes: bytes.as_ref().to_vec() }
}

pub const CLASS: u32 = 0;
pub const LABEL: u32 = 3;
pub const ID: u32 = 0x102;

/// A record like a key's: class, label and id to be found by.
pub fn record(private: bool, name: &str) -> Record {
    Record {
        id: new_id().unwrap(),
        version: 0,
        private,
        clear: format!("clear of {name}").into_bytes(),
        sealed: Secret::new(format!("secret of {name}").into_bytes()),
        terms: vec![term(CLASS, [u8::from(private)]), term(LABEL, name), term(ID, format!("id of {name}"))],
        authentic: false,
    }
}
