//! The C header compiles without a warning as C and as C++; it and the specification name the same blob types as the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

use cngtoken_blob::row;
use cngtoken_key::Half;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders with a PKCS#11 header: the stub here, and whatever this machine has.
fn pkcs11_folders() -> Vec<PathBuf> {
    let system = ["/usr/include/p11-kit-1/p11-kit", "/usr/include/nss"].map(PathBuf::from);
    [root().join("tests/header")].into_iter().chain(system).filter(|folder| folder.join("pkcs11.h").exists()).collect()
}

fn compile(compiler: &str, language: &str, standard: &str, pkcs11: &Path) {
    let output = Command::new(compiler)
        .args(["-x", language, standard, "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-isystem"])
        .arg(pkcs11)
        .args(["-isystem", "/usr/include/nspr", "-I"])
        .arg(root().join("include"))
        .arg(root().join("tests/header/use.c"))
        .output();
    match output {
        Err(error) => println!("skipped: no {compiler}: {error}"),
        Ok(output) => assert!(output.status.success(), "{compiler} {standard} {}:\n{}", pkcs11.display(), String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn the_header_compiles_without_a_warning_as_c_and_as_cpp() {
    for folder in pkcs11_folders() {
        for standard in ["-std=c99", "-std=c11", "-std=gnu17"] {
            compile("cc", "c", standard, &folder);
        }
        for standard in ["-std=c++11", "-std=c++20"] {
            compile("c++", "c++", standard, &folder);
        }
    }
}

#[test]
fn the_header_names_every_blob_type_that_is_read_as_the_table_does() {
    let header = std::fs::read_to_string(root().join("include/cngtoken.h")).unwrap();
    let defined = |symbol: &str| {
        let line = header.lines().find(|line| line.split_whitespace().nth(1) == Some(symbol) && line.starts_with("#define"))?;
        Some(line.split('"').nth(1).unwrap().to_string())
    };
    for blob in cngtoken_blob::BLOBS.iter().filter(|blob| blob.supported() && blob.name != "PVK") {
        for symbol in [blob.symbol].iter().chain(blob.aliases) {
            assert_eq!(defined(symbol).as_deref(), Some(blob.name), "{symbol}");
            assert_eq!(row(symbol).unwrap().name, blob.name);
        }
    }
}

#[test]
fn the_specification_lists_every_row_with_its_half_its_magics_and_its_sense() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for blob in cngtoken_blob::BLOBS {
        let line = readme.lines().find(|line| line.starts_with(&format!("| `{}` | `{}` |", blob.name, blob.symbol)));
        let line = line.unwrap_or_else(|| panic!("{} is not in the README", blob.name));
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !blob.supported() {
            assert_eq!(cells[2..], [blob.about], "{}", blob.name);
            continue;
        }
        let half = if blob.half == Half::Public { "public" } else { "private" };
        let magics: Vec<String> = blob.magics.iter().map(|m| cngtoken_blob::magic_text(*m)).collect();
        let magics = match (magics.is_empty(), blob.name) {
            (true, "PKCS8_PRIVATEKEY") => "none: DER".to_owned(),
            (true, _) => "any of the CNG ones".to_owned(),
            (false, _) => format!("`{}`", magics.join(" ")),
        };
        assert_eq!(cells[2..], [half, &magics, blob.about], "{}", blob.name);
    }
}
