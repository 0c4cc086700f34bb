//! A clean process and a folder of its own for each test.
//!
//! The module keeps one state per process, and a test binary runs its tests on threads of one process. `alone` therefore starts the test
//! binary again for the one test, with CNGTOKEN_STORE in a fresh folder, and runs the body there.

use std::any::type_name;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const FOLDER: &str = "CNGTOKEN_TEST_FOLDER";
const ROLE: &str = "CNGTOKEN_TEST_ROLE";
/// The child makes it: a filter that matches no test would pass silently.
const RAN: &str = "ran";

/// A test's folder, seen from its own process.
pub struct Place {
    folder: PathBuf,
    test: String,
    role: String,
}

/// Runs `body` in a process of its own; the caller is a `#[test]` function, whose name is taken from the closure's type.
///
/// # Panics
/// If the body did not run to its end.
pub fn alone<F: FnOnce(&Place)>(body: F) {
    let test = test_name::<F>();
    if let Some(folder) = std::env::var_os(FOLDER) {
        let place = Place { folder: folder.into(), test, role: std::env::var(ROLE).unwrap_or_default() };
        if place.role.is_empty() {
            std::fs::write(place.file(RAN), "").expect("the marker is written");
        }
        // The harness has begun a line: what the body prints starts on one of its own.
        println!();
        body(&place);
        return;
    }
    let folder = tempfile::Builder::new().prefix("cngtoken-").tempdir_in(scratch()).expect("a folder for the test");
    let place = Place { folder: folder.path().to_owned(), test, role: String::new() };
    let out = place.command("").output().expect("the test runs again on its own");
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "in its own process ({}):\n{text}", out.status);
    assert!(place.file(RAN).exists(), "no test ran under the name {}:\n{text}", place.test);
    for line in text.lines().filter(|line| line.starts_with("note: ")) {
        println!("{line}");
    }
}

/// Memory-backed where there is one: a commit waits for the disk, and these tests make thousands.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.metadata().is_ok_and(|m| !m.permissions().readonly()) && tempfile::tempfile_in(memory).is_ok() {
        return memory.to_owned();
    }
    std::env::temp_dir()
}

fn own_path() -> PathBuf {
    std::env::current_exe().expect("the test's own path")
}

fn test_name<F>() -> String {
    let parts: Vec<&str> = type_name::<F>().split("::").collect();
    let closure = parts.iter().position(|part| part.starts_with('{')).expect("the body is a closure");
    // Cargo's test names start behind the crate.
    parts[1..closure].join("::")
}

impl Place {
    /// What the process is for; empty in the first one of a test.
    pub fn role(&self) -> &str {
        &self.role
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.file("store.db")
    }

    /// The same test once more in another process, on the same folder, where [`Place::role`] is `role`.
    pub fn command(&self, role: &str) -> Command {
        self.fill(Command::new(own_path()), role)
    }

    /// The same, started by another program that takes the test's path and arguments behind its own.
    pub fn command_through(&self, program: &str, arguments: &[&str], role: &str) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).arg(own_path());
        self.fill(command, role)
    }

    fn fill(&self, mut command: Command, role: &str) -> Command {
        command
            .args(["--exact", &self.test, "--nocapture", "--test-threads=1", "--include-ignored"])
            .env(FOLDER, &self.folder)
            .env(ROLE, role)
            .env("CNGTOKEN_STORE", self.store())
            .env("CNGTOKEN_KDF", "test")
            .env_remove("CNGTOKEN_CONF")
            .env_remove("CNGTOKEN_LOG");
        command
    }

    /// Starts another process of the test with its output piped.
    pub fn start(&self, role: &str) -> Child {
        self.command(role).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("another process")
    }

    /// Runs another process of the test to its end and gives what it printed.
    ///
    /// # Panics
    /// If it failed.
    pub fn run(&self, role: &str) -> String {
        finish(self.start(role), role)
    }
}

/// Waits for a process of the test and gives what it printed.
///
/// # Panics
/// If it failed.
pub fn finish(child: Child, role: &str) -> String {
    let out = child.wait_with_output().expect("the process ends");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "process {role:?} ({}):\n{text}{}", out.status, String::from_utf8_lossy(&out.stderr));
    text
}
