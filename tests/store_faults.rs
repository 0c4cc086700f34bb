//! What the module says of a configuration with mistakes, of files that are no store or another version's, of places that cannot be
//! written and of a full disk: the code, a reason in the log with path and line, and that every file is as it was.
//!
//! Read-only places and a full disk are made by mounts in a namespace of the test's own; without the right to mount, a line says so.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::place::Place;
use client::vendor::*;
use client::{Attrs, Mech, Module, R, Rv, SO_PIN, USER_PIN, alone, load};
use cryptoki_sys::*;
use std::path::Path;
use std::process::{Command, Stdio};

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const WRONG: &[u8] = b"00000000";

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

/// The blob of a fresh P-256 key.
fn ec_blob(m: &Module, s: u64) -> Vec<u8> {
    let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let ec = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &Attrs::new().bytes(CKA_EC_PARAMS, &P256), &open).expect("an EC pair");
    m.export(s, ec.1, "ECCPRIVATEBLOB").expect("an export")
}

/// Starts the module under a configuration file and tells what C_Initialize answered, with the log.
fn initialize_with(place: &Place, file: &Path) -> (String, String) {
    let log = place.file("log.txt");
    let mut command = place.command("initialize");
    command.env_remove("CNGTOKEN_STORE").env("CNGTOKEN_CONF", file).env("CNGTOKEN_LOG", "debug").env("CNGTOKEN_LOG_FILE", &log);
    let out = command.output().expect("another process");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let answer = text.lines().find_map(|line| line.strip_prefix("answer ")).expect("an answer").to_owned();
    (answer, std::fs::read_to_string(log).unwrap_or_default())
}

fn tell_initialize(m: &Module) {
    println!("answer {:?}", p11!(m, C_Initialize, std::ptr::null_mut()));
}

#[test]
fn mistakes_in_the_configuration_are_errors_with_path_and_line_and_never_no_slots() {
    alone(|place| {
        let m = load();
        if place.role() == "initialize" {
            return tell_initialize(m);
        }
        let file = place.file("cngtoken.toml");
        let cases = [
            ("an unknown key", "# a comment\n\nlable = \"x\"\n", "3"),
            ("an unknown key of a token", "[[token]]\nslot = 1\nstore = \"/tmp/x.db\"\nstroe = \"y\"\n", "4"),
            ("no TOML at all", "[[token\n", "1"),
            ("a wrong type", "[[token]]\nslot = \"one\"\nstore = \"/tmp/x.db\"\n", "2"),
        ];
        for (what, text, line) in cases {
            std::fs::write(&file, text).unwrap();
            let (answer, log) = initialize_with(place, &file);
            assert!(["CKR_ARGUMENTS_BAD", "CKR_FUNCTION_FAILED", "CKR_GENERAL_ERROR"].contains(&answer.as_str()), "{what}: {answer}");
            assert!(log.contains("cngtoken.toml"), "{what}: the log names the file: {log}");
            assert!(log.contains(line), "{what}: the log names line {line}: {log}");
        }
        let (answer, log) = initialize_with(place, &place.file("absent.toml"));
        assert_ne!(answer, "CKR_OK", "a named file that is missing");
        assert!(log.contains("absent.toml"), "{log}");
        std::fs::write(&file, format!("[[token]]\nslot = 4\nstore = \"{}\"\n", place.store().display())).unwrap();
        assert_eq!(initialize_with(place, &file).0, "CKR_OK", "a right one");
    });
}

/// What another process says of the store, with the log: C_GetTokenInfo, C_OpenSession, C_InitToken.
fn tell_of(place: &Place) -> (String, String) {
    let log = place.file("log.txt");
    _ = std::fs::remove_file(&log);
    let mut command = place.command("probe");
    command.env("CNGTOKEN_LOG", "debug").env("CNGTOKEN_LOG_FILE", &log);
    let out = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("another process");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let answer = text.lines().find_map(|line| line.strip_prefix("answer ")).expect("an answer").to_owned();
    (answer, std::fs::read_to_string(log).unwrap_or_default())
}

fn probe(m: &Module) {
    m.initialize().expect("C_Initialize works whatever the store is");
    let mut count = 0;
    p11!(m, C_GetSlotList, CK_FALSE, std::ptr::null_mut(), &raw mut count).ok().expect("C_GetSlotList");
    assert_eq!(count, 1, "the slot is there");
    let rv = |result: R<()>| Rv(result.err().map_or(CKR_OK, |rv| rv.0));
    let info = rv(m.token_info().map(|_| ()));
    let session = rv(m.rw().map(|_| ()));
    _ = m.close_all();
    println!("answer {info:?} {session:?} {:?}", rv(m.init_token(SO_PIN, "probe")));
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    alone(|place| {
        let m = load();
        if place.role() == "probe" {
            return probe(m);
        }
        let zeros = vec![0_u8; 8192];
        for (what, content) in
            [("a text", &b"This is somebody's letter, not a store.\n"[..]), ("zeros", &zeros), ("PEM", b"-----BEGIN PRIVATE KEY-----\n")]
        {
            std::fs::write(place.store(), content).unwrap();
            let (answer, log) = tell_of(place);
            assert!(answer.split(' ').all(|code| code == "CKR_TOKEN_NOT_RECOGNIZED"), "{what}: {answer}");
            assert!(log.contains("store.db"), "{what}: the log names the file: {log}");
            assert_eq!(std::fs::read(place.store()).unwrap(), content, "{what}: the file is as it was");
        }
    });
}

#[test]
fn a_store_of_another_version_is_refused_with_both_versions_and_left_alone() {
    alone(|place| {
        let m = load();
        match place.role() {
            "probe" => return probe(m),
            "make" => return m.make_token(),
            _ => {}
        }
        place.run("make");
        let mut file = std::fs::read(place.store()).unwrap();
        // SQLite's user version, big-endian, which holds the format's number.
        assert_eq!(file[60..64], [0, 0, 0, 1], "the format is version 1");
        file[60..64].copy_from_slice(&99_u32.to_be_bytes());
        std::fs::write(place.store(), &file).unwrap();
        let (answer, log) = tell_of(place);
        assert!(answer.split(' ').all(|code| code == "CKR_TOKEN_NOT_RECOGNIZED"), "{answer}");
        assert!(
            log.contains("store.db") && log.contains("format 99") && log.contains("up to 1"),
            "the log says what was found and what is read: {log}"
        );
        assert_eq!(std::fs::read(place.store()).unwrap(), file, "the file is as it was");
    });
}

/// Runs a role of the test in a mount namespace of its own, after `prepare` (a shell line; `$FOLDER` is the test's folder). False without
/// the right to mount.
fn mounted(place: &Place, prepare: &str, role: &str) -> bool {
    let may = Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|out| out.status.success());
    if !may {
        println!("note: no right to mount here: {role} skipped");
        return false;
    }
    let script = format!("{prepare} && exec \"$0\" \"$@\"");
    let mut command = place.command_through("unshare", &["-m", "sh", "-c", &script], role);
    command.env("FOLDER", place.file(""));
    let out = command.output().expect("another process");
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{role}: {text}");
    text.lines().filter(|line| line.starts_with("note: ")).for_each(|line| println!("{line}"));
    true
}

#[test]
fn a_directory_that_cannot_be_written_makes_the_token_write_protected() {
    alone(|place| {
        let m = load();
        match place.role() {
            "make" => return m.make_token(),
            "read-only" => return works_read_only(m, place),
            "empty" => {
                m.initialize().unwrap();
                assert_eq!(m.init_token(SO_PIN, "x"), err(CKR_TOKEN_WRITE_PROTECTED), "the directory cannot be written");
                assert!(!place.store().exists());
                return;
            }
            _ => {}
        }
        mounted(place, "mount -t tmpfs -o ro tmpfs \"$FOLDER\"", "empty");
        place.run("make");
        // Bind the folder over itself, then take the right to write away.
        mounted(place, "mount --bind \"$FOLDER\" \"$FOLDER\" && mount -o remount,ro,bind \"$FOLDER\"", "read-only");
    });
}

fn works_read_only(m: &Module, place: &Place) {
    let before = std::fs::read(place.store()).unwrap();
    m.initialize().unwrap();
    assert_eq!(m.token_info().unwrap().flags & CKF_WRITE_PROTECTED, CKF_WRITE_PROTECTED);
    assert_eq!(m.rw(), err(CKR_TOKEN_WRITE_PROTECTED));
    let s = m.ro().unwrap();
    m.login(s, CKU_USER, USER_PIN).expect("reading needs no writing");
    let object = m.create(s, &Attrs::data("session", b"x")).expect("session objects are no matter of the store");
    assert_eq!(m.get(s, object, CKA_LABEL), Ok(b"session".to_vec()));
    let refused = m.create(s, &Attrs::data("token", b"x").token());
    assert!(matches!(refused, Err(rv) if rv == CKR_TOKEN_WRITE_PROTECTED || rv == CKR_SESSION_READ_ONLY), "{refused:?}");
    m.logout(s).unwrap();
    assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
    assert_eq!(m.init_token(SO_PIN, "x").err().map(|rv| rv.0).filter(|rv| *rv == CKR_SESSION_EXISTS), Some(CKR_SESSION_EXISTS));
    assert_eq!(std::fs::read(place.store()).unwrap(), before);
}

#[test]
fn a_full_disk_stops_writing_with_device_memory_and_loses_nothing() {
    alone(|place| {
        let m = load();
        match place.role() {
            "count" => return count(m),
            "tmpfs" => return fill(m, place, true),
            "limit" => return fill(m, place, false),
            _ => {}
        }
        mounted(place, "mount -t tmpfs -o size=1m tmpfs \"$FOLDER\"", "tmpfs");

        // The same by a limit of the file's size, which needs no rights. The signal that comes with it is ignored.
        let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"";
        let out = place.command_through("sh", &["-c", script], "limit").output().expect("another process");
        let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "limit: {text}");
    });
}

/// Writes until the store refuses, and looks at what is there afterwards.
fn fill(m: &Module, place: &Place, disk: bool) {
    let s = m.make_token_and_log_in();
    let ec = ec_blob(m, s);
    let ballast = place.file("ballast");
    std::fs::write(&ballast, vec![0; 100_000]).unwrap();
    let mut made = Vec::new();
    let refused = loop {
        match m.create(s, &Attrs::data("fill", &[0; 20_000]).token()) {
            Ok(handle) => made.push(handle),
            Err(rv) => break rv,
        }
        assert!(made.len() < 1_000, "the disk does not fill");
    };
    assert_eq!(refused, CKR_DEVICE_MEMORY, "after {} objects", made.len());
    // Smaller ones still fit for a while, then an import is refused too.
    let attrs = || Attrs::new().token().label("import");
    let mut imports = 0;
    let refused = loop {
        let imported = m.import(s, &Import { blob: &ec, attrs: attrs(), ..Import::default() });
        if imported.rv != CKR_OK {
            assert_eq!((imported.public, imported.private), (CK_INVALID_HANDLE, CK_INVALID_HANDLE));
            break imported.rv;
        }
        imports += 1;
        assert!(imports < 5_000, "the disk does not fill");
    };
    let (status, reason) = m.status(s).unwrap();
    assert_eq!((refused, status), (Rv(CKR_DEVICE_MEMORY), STATUS_DISK_FULL), "{reason}");
    assert!(!reason.is_empty());
    assert_eq!(m.find(s, &Attrs::new().label("fill")).unwrap().len(), made.len());
    assert_eq!(m.find(s, &Attrs::new().label("import")).unwrap().len(), 2 * imports, "no half pair");
    let told = place.run("count");
    assert!(told.contains(&format!("count {} {}", made.len(), 2 * imports)), "another process counts otherwise: {told}");

    // What is there is read and used as before; a change needs room for its journal.
    assert_eq!(m.get(s, made[0], CKA_VALUE), Ok(vec![0; 20_000]));
    if disk {
        std::fs::remove_file(&ballast).unwrap();
    }
    for handle in made.drain(..10) {
        m.destroy(s, handle).expect("with room again, objects can be removed");
    }
    m.create(s, &Attrs::data("after", b"x").token()).expect("and made");
    println!("note: {}: {imports} imports after the first refusal, all counted", if disk { "full disk" } else { "file size limit" });
}

fn count(m: &Module) {
    m.initialize().unwrap();
    let s = m.rw_user();
    let count = |label: &str| m.find(s, &Attrs::new().label(label)).unwrap().len();
    println!("count {} {}", count("fill"), count("import"));
}
