//! What the tests of the command line share: a token in a folder of its own, and running the built program on it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) const PIN: &str = "12345678";
pub(crate) const SO_PIN: &str = "87654321";

/// A folder with a store in it.
pub(crate) struct Token {
    pub(crate) dir: tempfile::TempDir,
}

impl Token {
    /// Nothing but a folder.
    pub(crate) fn none() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// An initialised token.
    pub(crate) fn new() -> Self {
        let token = Self::none();
        let out = token.run(&["init", "--label", "test token"]);
        assert!(out.status.success(), "{}", said(&out));
        token
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("token.db")
    }

    /// The program, with the store and the PINs in its environment, and no terminal.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cngtoken"));
        command
            .current_dir(self.dir.path())
            .env("CNGTOKEN_STORE", self.store())
            .env("CNGTOKEN_KDF", "test")
            .env("TEST_PIN", PIN)
            .env("TEST_SO_PIN", SO_PIN)
            .env("CNGTOKEN_PIN_SOURCE", "env:TEST_PIN")
            .env("CNGTOKEN_SO_PIN_SOURCE", "env:TEST_SO_PIN")
            .env_remove("CNGTOKEN_CONF")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// With bytes on standard input.
    pub(crate) fn pipe(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self.command().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses early closes its end; that is not the test's affair.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// Every object, private ones included.
    pub(crate) fn objects(&self) -> Vec<serde_json::Value> {
        let out = self.run(&["ls", "--json"]);
        assert!(out.status.success(), "{}", said(&out));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Both streams.
pub(crate) fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// A folder beside the repository, or a line that says why the test is skipped.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)
}
