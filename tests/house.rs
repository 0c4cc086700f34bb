//! The laws of the house, read from the sources: which room may use which, where unsafe may stand, what a file looks like.
//!
//! The crates' arrows are also held by the compiler; those between the rooms of the token itself only by this file. Source: `docs/design.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines.
const LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All sources below a folder, as (path from the root, text).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|e| e.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// The files that git knows, or none where the sources were unpacked without it.
fn tracked() -> Option<BTreeSet<String>> {
    let output = Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()).output().ok().filter(|o| o.status.success())?;
    let files: BTreeSet<String> = String::from_utf8(output.stdout).ok()?.lines().map(str::to_owned).collect();
    (!files.is_empty()).then_some(files)
}

/// A source without its comments and without its tests, which stand at its foot.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The words that follow `prefix` in the code.
fn after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let word = |rest: &'a str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    code.match_indices(prefix).map(|(at, _)| word(&code[at + prefix.len()..])).collect()
}

#[test]
fn the_rooms_of_the_token_use_each_other_in_one_direction_only() {
    let arrows: [(&str, &[&str], &[&str]); 3] = [
        ("src/object", &["object"], &["key"]),
        ("src/token", &["token", "object"], &["key", "blob", "crypto", "storage"]),
        // The object room's values are what a template consists of; nothing else of it is seen at the edge.
        ("src/abi", &["abi", "token", "object"], &["key"]),
    ];
    for (room, rooms, crates) in arrows {
        for (path, text) in sources(room) {
            let code = code(&text);
            for used in after(&code, "crate::") {
                assert!(rooms.contains(&used), "{path} uses crate::{used}");
            }
            for used in after(&code, "cngtoken_") {
                assert!(crates.contains(&used), "{path} uses cngtoken_{used}");
            }
            if room == "src/abi" {
                for line in code.lines().filter(|l| l.contains("crate::object")) {
                    assert_eq!(line, "use crate::object::{Given, GivenAttr};", "{path}");
                }
            } else {
                let structures = code.lines().find(|l| l.contains("CK_ATTRIBUTE_PTR") || l.contains("CK_FUNCTION_LIST"));
                assert_eq!(structures, None, "{path} names a structure of the C interface");
            }
        }
    }
}

#[test]
fn the_crates_depend_on_each_other_as_the_design_says() {
    let ours = ["cngtoken", "cngtoken-key", "cngtoken-blob", "cngtoken-crypto", "cngtoken-storage", "cngtoken-cli", "cngtoken-conformance"];
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("cngtoken-key", &[][..]),
        ("cngtoken-blob", &["cngtoken-key"]),
        ("cngtoken-crypto", &["cngtoken-key"]),
        ("cngtoken-storage", &["cngtoken-key"]),
        // The bench loads modules by path, the token's own too.
        ("cngtoken-bench", &[]),
        ("cngtoken", &["cngtoken-blob", "cngtoken-crypto", "cngtoken-key", "cngtoken-storage"]),
    ]);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["metadata", "--no-deps", "--format-version=1", "--offline"]).current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null()).map(|d| d["name"].as_str().unwrap());
        let dependencies: BTreeSet<&str> = dependencies.filter(|d| ours.contains(d)).collect();
        match name {
            "cngtoken-cli" => assert!(dependencies.contains("cngtoken"), "{dependencies:?}"),
            "cngtoken-conformance" => assert!(!dependencies.contains("cngtoken"), "conformance must load the module, not link it"),
            name => {
                let expected: BTreeSet<&str> =
                    expected.get(name).unwrap_or_else(|| panic!("{name} is no room of this house")).iter().copied().collect();
                assert!(dependencies.is_subset(&expected), "{name}: {dependencies:?}");
            }
        }
    }
}

#[test]
fn only_crypto_and_storage_name_a_crate_of_cryptography() {
    let theirs =
        ["aes", "rsa", "dsa", "p256", "p384", "p521", "k256", "sha1", "sha2", "sha3", "hmac", "ml_kem", "ml_dsa", "slh_dsa", "aws_lc_rs", "argon2"];
    for room in ["src", "key/src", "vendor-ext/src"] {
        for (path, text) in sources(room) {
            let code = code(&text);
            for name in theirs {
                assert!(!code.contains(&format!("use {name}::")), "{path} uses {name}");
            }
        }
    }
}

#[test]
fn unsafe_stands_in_one_room() {
    for room in ["src", "key", "vendor-ext/src", "crypto", "storage", "cli"] {
        for (path, text) in sources(room).into_iter().filter(|(path, _)| !path.starts_with("src/abi/")) {
            let code = code(&text);
            for form in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe(", "allow(unsafe_code"] {
                assert!(!code.contains(form), "{path} holds `{form}`");
            }
        }
    }
    for room in ["key", "vendor-ext", "crypto", "storage"] {
        let text = std::fs::read_to_string(root().join(room).join("src/lib.rs")).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{room} does not forbid unsafe");
    }
}

#[test]
fn nothing_but_the_command_line_prints() {
    for room in ["src", "key/src", "vendor-ext/src", "crypto/src", "storage/src"] {
        for (path, text) in sources(room).into_iter().filter(|(path, _)| !path.contains("/tests/")) {
            let code = code(&text);
            for form in ["println!", "print!", "dbg!", "io::stdout", "io::stderr"] {
                assert!(!code.contains(form), "{path} holds {form}");
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_can_be_read_in_one_sitting() {
    let rooms = ["src", "key", "vendor-ext", "crypto", "storage", "cli", "tests", "conformance", "benches"];
    let tracked = tracked();
    let is_ours = |path: &str| tracked.as_ref().is_none_or(|files| files.contains(path));
    for (path, text) in rooms.iter().flat_map(|room| sources(room)).filter(|(path, _)| is_ours(path)) {
        assert!(text.starts_with("//!"), "{path} does not begin with //!");
        let lines = text.lines().count();
        assert!(lines <= LINES, "{path} has {lines} lines");
        // Test folders may follow cargo's own custom and call what they share `common`.
        for part in PathBuf::from(&path).components().filter(|_| !path.contains("tests/common")) {
            let part = part.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            assert!(!["utils", "util", "common", "helpers", "helper", "misc"].contains(&part.as_str()), "{path} is not called what it holds");
        }
    }
}
