//! The examples of the vendor extension, run as they stand: the C and the Python program on both sample blobs, and the shell lines of the
//! OpenSSL walk-through. What a machine does not have (cc, python3, OpenSSL 3) is skipped with a line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod common;

use common::{PIN, Token, said, sample};
use std::path::{Path, PathBuf};
use std::process::Command;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vendor-ext/examples")
}

/// Where the module lies: cargo leaves it beside the test's own executable.
fn module() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libcngtoken.so")
}

/// True if the program runs; else a line says that it does not.
fn there_is(program: &str, arguments: &[&str], begins: &str) -> bool {
    let output = Command::new(program).args(arguments).output();
    let there = output.is_ok_and(|o| o.status.success() && (said(&o).starts_with(begins)));
    if !there {
        println!("skipped: no {begins} here ({program})");
    }
    there
}

/// Both samples through a program that takes MODULE TYPE BLOB-FILE PIN OUTPUT.
fn both_samples(token: &Token, program: &[&str]) {
    for (file, type_name) in [("ec-p256.blob", "ECCPRIVATEBLOB"), ("rsa-2048.blob", "RSAFULLPRIVATEBLOB")] {
        let output = Command::new(program[0])
            .args(&program[1..])
            .arg(module())
            .arg(type_name)
            .arg(sample(file))
            .args([PIN, "back.blob"])
            .current_dir(token.dir.path())
            .env("CNGTOKEN_STORE", token.store())
            .env_remove("CNGTOKEN_CONF")
            .output()
            .unwrap();
        assert!(output.status.success(), "{file}: {}", said(&output));
        let back = std::fs::read(token.dir.path().join("back.blob")).unwrap();
        assert!(back == std::fs::read(sample(file)).unwrap(), "{file}: {}", said(&output));
        assert!(said(&output).contains("\nsigned: "), "{}", said(&output));

        let refused = Command::new(program[0])
            .args(&program[1..])
            .arg(module())
            .arg("ECCPUBLICBLOB")
            .arg(sample(file))
            .args([PIN, "other.blob"])
            .current_dir(token.dir.path())
            .env("CNGTOKEN_STORE", token.store())
            .output()
            .unwrap();
        assert!(!refused.status.success());
        let text = said(&refused);
        assert!(text.contains("NTSTATUS 0xc000000d: magic") && text.contains("ECCPUBLICBLOB"), "{text}");
    }
}

#[test]
fn the_c_example_imports_signs_and_exports_the_same_bytes() {
    if !there_is("cc", &["--version"], "") {
        return;
    }
    let token = Token::new();
    let program = token.dir.path().join("blob");

    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(examples().join("blob.c"))
        .arg("-I")
        .arg(examples().join("../include"))
        .arg("-I")
        .arg(examples())
        .arg("-ldl")
        .output()
        .unwrap();

    assert!(compiled.status.success(), "{}", said(&compiled));
    both_samples(&token, &[program.to_str().unwrap()]);
}

#[test]
fn the_python_example_imports_signs_and_exports_the_same_bytes() {
    if !there_is("python3", &["--version"], "Python 3") {
        return;
    }
    let token = Token::new();

    both_samples(&token, &["python3", examples().join("blob.py").to_str().unwrap()]);
}

/// The lines of all blocks of a page that a shell runs.
fn shell_lines(page: &str) -> String {
    let mut lines = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                lines.push_str(line);
                lines.push('\n');
            }
            _ => {}
        }
    }
    lines
}

#[test]
fn the_lines_of_the_openssl_page_run_as_they_stand() {
    if !there_is("bash", &["--version"], "GNU bash") || !there_is("openssl", &["version"], "OpenSSL 3") {
        return;
    }
    let lines = shell_lines(&std::fs::read_to_string(examples().join("openssl.md")).unwrap());
    assert!(lines.lines().count() > 20, "the page has lost its blocks");
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_cngtoken")).parent().unwrap().to_str().unwrap();

    let output = Command::new("bash")
        .args(["-e", "-u", "-o", "pipefail", "-x", "-c", &lines])
        .current_dir(folder.path())
        .env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()))
        .env_remove("CNGTOKEN_CONF")
        .output()
        .unwrap();

    assert!(output.status.success(), "{}", said(&output));
    for file in ["key.cng", "back.pvk", "ec.cng"] {
        assert!(folder.path().join(file).exists(), "{file} was not written");
    }
}

#[test]
fn the_numbers_of_the_specification_s_worked_examples_are_taken_as_keys() {
    let page = std::fs::read_to_string(examples().join("../README.md")).unwrap();
    let token = Token::none();
    let mut tried = 0;
    for (i, block) in page.split("\n```blob ").skip(1).enumerate() {
        let (head, rest) = block.split_once('\n').unwrap();
        let (type_name, curve) = head.split_once(" curve=").unwrap_or((head, ""));
        // Offset, name, bytes, meaning; or only bytes, below a line without any.
        let column = |line: &str| -> String { line.get(29..).unwrap_or_default().chars().take_while(char::is_ascii_hexdigit).collect() };
        let lines = rest.split("```").next().unwrap().lines();
        let digits: String = lines.map(|line| line.strip_prefix("      ").map_or_else(|| column(line), str::to_owned)).collect();
        let blob = token.file(&format!("example{i}"), &hex::decode(digits).unwrap());

        let mut arguments = vec!["import", "--dry-run", "--type", type_name];
        if !curve.is_empty() {
            arguments.extend(["--curve", curve]);
        }
        let output = token.command().args(&arguments).arg(&blob).output().unwrap();

        assert!(output.status.success(), "{type_name}: {}", said(&output));
        tried += 1;
    }
    assert!(tried >= 12, "{tried} examples");
}
