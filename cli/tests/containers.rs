//! The standard containers (`tests/containers`, written by OpenSSL, ssh-keygen and pyca/cryptography): each is imported as the key it
//! holds, a wrong password is called one, and a damaged file is never a crash.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use cngtoken_cli::shapes::{Content, Passwords, Refusal, Wanted, recognise, unlock};
use common::{Token, said};
use serde_json::Value;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

struct Known(&'static str);

impl Passwords for Known {
    fn password(&mut self, _: &str) -> Result<Option<Zeroizing<String>>, Refusal> {
        Ok(Some(Zeroizing::new(self.0.to_owned())))
    }
}

fn cases() -> Vec<(PathBuf, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers");
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
    cases.into_iter().map(|c| (dir.join(c["file"].as_str().unwrap()), c)).collect()
}

#[test]
fn every_container_is_imported_as_the_key_it_holds() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let token = Token::new();
        let mut command = token.command();
        command.arg("import").arg(&file);
        if let Some(password) = case["password"].as_str() {
            command.args(["--password-source", "env:FILE_PASSWORD"]).env("FILE_PASSWORD", password);
        }
        let out = command.output().unwrap();
        let objects = token.objects();
        let kind = if case["private"] == true { "private" } else { "public" };
        let Some(key) = objects.iter().find(|o| o["type"] == kind) else {
            wrong.push(format!("{}: no {kind} key: {}", case["file"], said(&out)));
            continue;
        };
        let id = key["id"].as_str().unwrap();
        let spki = token.run(&["export", "--id", id, "--type", "SPKI", "--base64", "-o", "-"]);
        if String::from_utf8_lossy(&spki.stdout).trim() != case["spki"] {
            wrong.push(format!("{}: another key: {}", case["file"], said(&spki)));
        }
        // A certificate shares the id of its key.
        if objects.iter().any(|o| o["type"] == "cert") && !objects.iter().any(|o| o["type"] == "cert" && o["id"] == id) {
            wrong.push(format!("{}: no certificate has the key's id", case["file"]));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_password_is_called_one_in_every_encrypted_container() {
    for (file, case) in cases() {
        if case["password"].is_null() {
            continue;
        }
        let input = std::fs::read(&file).unwrap();
        let found = recognise(&input, &Wanted::default()).unwrap();
        match unlock(found.content, &mut Known("not-it"), &Wanted::default()) {
            Err(refusal) => assert!(refusal.message.contains("password is wrong"), "{}: {refusal}", file.display()),
            // Certificates in clear, no MAC and no encrypted key: nothing is protected.
            Ok(content) => assert!(matches!(content, Content::Bundle(_)) && file.to_string_lossy().contains("allnone"), "{}", file.display()),
        }
    }
}

#[test]
fn a_file_that_would_keep_the_machine_busy_is_refused_at_once() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers");
    // The iteration count of PBKDF2: INTEGER 2048, made 0x7FFFFFFF.
    let pem = String::from_utf8(std::fs::read(dir.join("p256.enc0.pem")).unwrap()).unwrap();
    let body: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let der = decode(&body);
    let at = der.windows(4).position(|w| w == [0x02, 0x02, 0x08, 0x00]).unwrap();
    // Same length, another type of count: the salt loses two bytes to make room.
    let mut crafted = der.clone();
    crafted.splice(at - 2..at + 4, [0x02, 0x04, 0x7F, 0xFF, 0xFF, 0xFF]);
    crafted[at - 9] = 0x06;
    let started = std::time::Instant::now();

    let found = recognise(&crafted, &Wanted::default()).unwrap();
    let refusal = unlock(found.content, &mut Known("x"), &Wanted::default()).unwrap_err();

    assert!(refusal.message.contains("too many"), "{refusal}");
    assert!(started.elapsed().as_secs() < 2);
}

#[test]
fn damaged_containers_are_refused_and_never_crash() {
    for (file, _) in cases() {
        let input = std::fs::read(&file).unwrap();
        let step = (input.len() / 40).max(1);
        for at in (0..input.len()).step_by(step) {
            let mut flipped = input.clone();
            flipped[at] ^= 0x55;
            for bytes in [&flipped[..], &input[..at]] {
                if let Ok(found) = recognise(bytes, &Wanted::default()) {
                    // Slow derivations are not repeated a thousand times.
                    if !matches!(found.content, Content::Locked(_)) {
                        let _ = unlock(found.content, &mut Known("Se%cret"), &Wanted::default());
                    }
                }
            }
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let value = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|&l| l == c);
    let digits: Vec<usize> = text.bytes().filter_map(value).collect();
    for group in digits.chunks(4) {
        let n = group.iter().fold(0, |n, d| n << 6 | d) << (6 * (4 - group.len()));
        out.extend_from_slice(&u32::try_from(n).unwrap().to_be_bytes()[1..group.len()]);
    }
    out
}
