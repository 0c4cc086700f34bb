//! Who may do what with the file: modes, groups, readers without the right to write, and disks without room.
//!
//! What needs another user is run by a worker under it, which needs root; without root these tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a failed assumption in a test is a failed test")]

mod common;

use cngtoken_storage::{Access, Kdf, Role, StoreError, Vault};
use common::{LABEL, SO, USER, create, label, open, place, record, term};
use nix::unistd::{Group, geteuid};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const TASK: &str = "CNGTOKEN_TEST_TASK";
const NOBODY: u32 = 65_534;

fn start(task: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    // A file of at most the given number of 512-byte blocks, and no death by SIGXFSZ.
    command.args(["-c", "trap '' XFSZ; umask 022; [ -z \"$BLOCKS\" ] || ulimit -f $BLOCKS; exec \"$0\" --exact worker --nocapture --test-threads=1"]);
    command.arg(std::env::current_exe().unwrap()).env(TASK, task).env("CNGTOKEN_TEST_STORE", path).current_dir("/");
    command
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// True if a process of another user can start this program at all.
fn can_change_user() -> bool {
    let able = geteuid().is_root() && start("nothing", Path::new("/")).uid(NOBODY).gid(NOBODY).output().is_ok_and(|o| o.status.success());
    if !able {
        println!("skipped: another user cannot run this program here");
    }
    able
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Not a test: what a worker does.
#[test]
fn worker() {
    let Ok(task) = std::env::var(TASK) else { return };
    let path = PathBuf::from(std::env::var("CNGTOKEN_TEST_STORE").unwrap());
    match task.as_str() {
        "nothing" => {}
        "create" => drop(create(&path)),
        "insert" => {
            let (vault, keys) = open(&path);
            vault.insert(&keys, &[record(true, "of a worker")]).unwrap();
        }
        "fill" => {
            let (vault, keys) = open(&path);
            let mut stored = 0;
            let full = loop {
                let mut one = record(true, &format!("number {stored}"));
                one.clear.resize(20_000, 1);
                match vault.insert(&keys, &[one]) {
                    Ok(()) => stored += 1,
                    Err(e) => break e,
                }
                assert!(stored < 10_000);
            };
            assert!(matches!(full, StoreError::Full), "{full:?}");
            // Still there, still usable: reading, logging in, and removing, if there is room for the journal of that.
            assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), stored);
            assert!(vault.unlock(Role::User, USER).is_ok());
            match vault.delete(&keys, vault.find(Some(&keys), &[term(LABEL, "number 0")]).unwrap()[0]) {
                Ok(()) => stored -= 1,
                Err(e) => assert!(matches!(e, StoreError::Full), "{e:?}"),
            }
            println!("stored={stored};");
        }
        "read-only" => {
            let (vault, keys) = open(&path);
            assert!(!vault.header().unwrap().writable);
            assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), 2);
            assert!(matches!(vault.insert(&keys, &[record(true, "x")]), Err(StoreError::ReadOnly)));
            assert!(matches!(vault.set_user_pin(&vault.unlock(Role::So, SO).unwrap(), b"0000"), Err(StoreError::ReadOnly)));
            for _ in 0..3 {
                assert!(matches!(vault.unlock(Role::User, b"wrong"), Err(StoreError::PinIncorrect)));
            }
            assert!(matches!(vault.unlock(Role::User, USER), Err(StoreError::PinLocked { .. })));
            let user = vault.header().unwrap().user;
            assert!(user.locked() && user.failures == 3);
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            vault.unlock(Role::User, USER).unwrap();
            assert!(!vault.header().unwrap().user.count_low());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_private_store_is_0600_in_a_directory_0700_whatever_the_umask() {
    let place = place();
    succeeds(&mut start("create", &place.path));
    assert_eq!(mode(&place.path), 0o600);
    assert_eq!(mode(place.path.parent().unwrap()), 0o700);
    succeeds(&mut start("insert", &place.path));
    for entry in std::fs::read_dir(place.path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_reader_that_may_not_write_finds_and_logs_in_and_counts_wrong_pins_in_memory() {
    let place = place();
    let (vault, keys) = create(&place.path);
    vault.insert(&keys, &[record(true, "a"), record(false, "b")]).unwrap();
    drop(vault);
    let store = place.path.parent().unwrap();
    if !can_change_user() {
        return;
    }
    set_mode(place.dir.path(), 0o755);
    set_mode(store, 0o755);
    set_mode(&place.path, 0o644);
    let before = std::fs::read(&place.path).unwrap();
    succeeds(start("read-only", &place.path).uid(NOBODY).gid(NOBODY));

    // The file may be written, but no journal can be made beside it.
    chown(&place.path, Some(NOBODY), None).unwrap();
    std::fs::remove_file(place.path.with_file_name("token.db-journal")).unwrap();
    succeeds(start("read-only", &place.path).uid(NOBODY).gid(NOBODY));

    assert!(std::fs::read(&place.path).unwrap() == before);
    let names: Vec<_> = std::fs::read_dir(store).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["token.db"]);
}

#[test]
fn a_group_store_is_written_by_its_members_in_turn() {
    let place = place();
    let Some(group) = Group::from_gid(NOBODY.into()).unwrap().filter(|_| can_change_user()) else { return };
    let gid = group.gid.as_raw();
    set_mode(place.dir.path(), 0o755);
    let vault = Vault::create(&place.path, &Access::Group(group.name), Kdf::Test, &label("x"), SO).unwrap();
    let so = vault.unlock(Role::So, SO).unwrap();
    vault.set_user_pin(&so, USER).unwrap();
    let directory = place.path.parent().unwrap();
    assert_eq!((mode(&place.path), std::fs::metadata(&place.path).unwrap().gid()), (0o660, gid));
    assert_eq!((mode(directory), std::fs::metadata(directory).unwrap().gid()), (0o2770, gid));

    for uid in [1, 2, 0, 1] {
        succeeds(start("insert", &place.path).uid(uid).gid(gid));
    }

    assert_eq!(vault.find(Some(&so), &[]).unwrap().len(), 4);
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        assert_eq!((mode(&entry.path()), entry.metadata().unwrap().gid()), (0o660, gid), "{:?}", entry.path());
    }
    assert!(!start("insert", &place.path).uid(3).gid(3).output().unwrap().status.success());
}

#[test]
fn a_group_that_does_not_exist_or_a_directory_that_is_not_its_own_is_refused() {
    let place = place();
    let access = |name: &str| Access::Group(name.into());
    let refused = Vault::create(&place.path, &access("no such group"), Kdf::Test, &label("x"), SO);
    assert!(matches!(refused, Err(StoreError::Io { .. })));
    let Some(group) = Group::from_gid(NOBODY.into()).unwrap() else { return };
    let refused = Vault::create(&place.dir.path().join("t.db"), &access(&group.name), Kdf::Test, &label("x"), SO);
    assert!(matches!(refused, Err(StoreError::Io { .. })));
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), 0);
}

#[test]
fn a_size_limit_is_full_and_loses_nothing() {
    let place = place();
    drop(create(&place.path));
    let output = succeeds(start("fill", &place.path).env("BLOCKS", "2000"));
    kept_what_it_said(&place.path, &output);
}

#[test]
fn a_full_disk_is_full_and_loses_nothing() {
    let place = place();
    let disk = place.dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        println!("skipped: no small disk can be mounted here");
        return;
    }
    let path = disk.join("token.db");
    drop(create(&path));
    let output = start("fill", &path).output().unwrap();
    let copy = place.dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    kept_what_it_said(&copy, &text);
}

#[test]
fn a_read_only_file_system_is_read_and_not_written() {
    let place = place();
    let disk = place.dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = |options: &str| Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk).output();
    if !mount("size=1m").is_ok_and(|o| o.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let path = disk.join("token.db");
    let (vault, keys) = create(&path);
    vault.insert(&keys, &[record(true, "a"), record(false, "b")]).unwrap();
    drop(vault);
    assert!(mount("remount,ro").unwrap().status.success());
    let output = start("read-only", &path).output().unwrap();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// All that was acknowledged, and more once there is room.
fn kept_what_it_said(path: &Path, output: &str) {
    let stored: usize = output.split_once("stored=").and_then(|(_, t)| t.split_once(';')).unwrap().0.parse().unwrap();
    assert!(stored > 5);
    let (vault, keys) = open(path);
    assert_eq!(vault.find(Some(&keys), &[]).unwrap().len(), stored);
    assert!(vault.check(&keys).unwrap().is_clean());
    vault.insert(&keys, &[record(true, "there is room again")]).unwrap();
}

#[test]
fn a_file_replaced_under_its_name_is_not_written_to() {
    let place = place();
    let (vault, keys) = create(&place.path);
    let other = place.path.with_file_name("other.db");
    drop(create(&other));
    std::fs::rename(&other, &place.path).unwrap();

    assert!(matches!(vault.insert(&keys, &[record(true, "lost")]), Err(StoreError::Io { .. })));
    assert!(vault.change_counter().is_err());
    let (vault, keys) = open(&place.path);
    assert!(vault.find(Some(&keys), &[]).unwrap().is_empty());
}

#[test]
fn a_symbolic_link_in_the_directory_part_is_followed_and_at_the_end_is_not() {
    let place = place();
    drop(create(&place.path));
    let link = place.dir.path().join("link");
    std::os::unix::fs::symlink(place.path.parent().unwrap(), &link).unwrap();
    drop(open(&link.join("token.db")));
    let dangling = place.dir.path().join("dangling.db");
    std::os::unix::fs::symlink(place.dir.path().join("target.db"), &dangling).unwrap();
    assert!(matches!(Vault::create(&dangling, &Access::Private, Kdf::Test, &label("x"), SO), Err(StoreError::Exists { .. })));
    assert!(!place.dir.path().join("target.db").exists());
}
