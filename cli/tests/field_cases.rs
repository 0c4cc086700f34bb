//! Keys in the shapes in which people hold them (`../shared/field`): the built program does with every file what its case says, through
//! a token of its own, and the stored key is the one expected.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use common::{Token, said, shared};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

#[test]
fn every_field_case_is_imported_or_refused_as_it_says() {
    let Some(dir) = shared("field") else { return };
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(why) = one(&dir, case) {
            wrong.push(format!("{}: {why}", case["file"]));
        }
    }
    println!("{} of {} cases as they should be", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn one(dir: &Path, case: &Value) -> Result<(), String> {
    let token = Token::new();
    let file = dir.join(case["file"].as_str().unwrap());
    let mut command = token.command();
    command.arg("import").arg(&file).arg("--extractable");
    for arg in case["args"].as_array().into_iter().flatten() {
        command.arg(arg.as_str().unwrap());
    }
    if let Some(password) = case["password"].as_str() {
        command.args(["--password-source", "env:FILE_PASSWORD"]).env("FILE_PASSWORD", password);
    }
    let out = command.output().unwrap();
    let text = said(&out);
    let objects = token.objects();
    if out.status.success() {
        let expected = if case["expect"] == "import" { &case["expected"] } else { &case["may_import"] };
        if !expected.is_object() {
            return Err(format!("was imported: {text}"));
        }
        return compare(&token, expected, &objects).map_err(|why| format!("{why}\n{text}"));
    }
    if case["expect"] != "refuse" {
        return Err(text);
    }
    if out.status.code() != Some(1) {
        return Err(format!("exit code {:?}: {text}", out.status.code()));
    }
    if !objects.is_empty() {
        return Err(format!("{} objects are stored after a refusal", objects.len()));
    }
    for group in case["says"].as_array().unwrap() {
        let words = group.as_array().unwrap();
        if !words.iter().any(|w| text.to_lowercase().contains(&w.as_str().unwrap().to_lowercase())) {
            return Err(format!("says none of {group}: {text}"));
        }
    }
    leaks_nothing(&file, &text)
}

/// No run of 8 bytes of the file stands in the message, in hex or base64.
fn leaks_nothing(file: &Path, text: &str) -> Result<(), String> {
    let bytes = std::fs::read(file).unwrap();
    for window in bytes.windows(8).filter(|w| w.iter().any(|b| !b.is_ascii_graphic() && *b != b' ')) {
        if window.iter().all(|b| *b == 0) {
            continue;
        }
        if text.to_lowercase().contains(&hex::encode(window)) {
            return Err("the message holds bytes of the file".to_owned());
        }
    }
    Ok(())
}

fn compare(token: &Token, expected: &Value, objects: &[Value]) -> Result<(), String> {
    let of = |kind: &str| objects.iter().find(|o| o["type"] == kind);
    if let Some(id) = expected["cka_id"].as_str() {
        let keys: Vec<&Value> = objects.iter().filter(|o| o["type"] == "private" || o["type"] == "public").collect();
        if keys.iter().any(|k| k["id"] != id) {
            return Err(format!("CKA_ID is not {id}: {objects:?}"));
        }
    }
    if expected["private"] == true && of("private").is_none() {
        return Err("no private object".to_owned());
    }
    if expected["private"] == false && of("private").is_some() {
        return Err("a private object".to_owned());
    }
    if let Some(bytes) = expected["bytes"].as_u64() {
        let blob = export(token, "KeyDataBlob")?;
        let value = blob.get(12..).unwrap_or_default();
        return check("the value", value.len() as u64 == bytes && sha256(value) == expected["value_sha256"]);
    }
    if of("public").is_none() {
        return Err("no public object".to_owned());
    }
    if let Some(spki) = expected["spki"].as_str() {
        let got = export_text(token, "SPKI", &["--base64"])?;
        return check("SubjectPublicKeyInfo", got.trim() == spki).and_then(|()| certificate(token, expected, of("cert")));
    }
    if let Some(hash) = expected["public_value_sha256"].as_str() {
        let blob = export(token, "PUBLICBLOB")?;
        // The ML families: magic, cbParameterSet, cbKey, name, key.
        let name = u32::from_le_bytes(blob[4..8].try_into().unwrap()) as usize;
        return check("the public value", sha256(&blob[12 + name..]) == hash);
    }
    Ok(())
}

fn certificate(token: &Token, expected: &Value, listed: Option<&Value>) -> Result<(), String> {
    let Some(hash) = expected["certificate_sha256"].as_str() else { return Ok(()) };
    let listed = listed.ok_or("no certificate")?;
    check("the certificate's id", listed["id"] == expected["cka_id"])?;
    check("the certificate", sha256(&export(token, "CERTIFICATE")?) == hash)
}

fn check(what: &str, right: bool) -> Result<(), String> {
    if right { Ok(()) } else { Err(format!("{what} is another one")) }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn export(token: &Token, kind: &str) -> Result<Vec<u8>, String> {
    let label = token.objects().first().map(|o| o["id"].as_str().unwrap_or_default().to_owned()).unwrap_or_default();
    let choice = if label.is_empty() { vec!["--uri", "pkcs11:"] } else { vec!["--id", &label] };
    let out = token.run(&[&["export"], choice.as_slice(), &["--type", kind, "-o", "-"]].concat());
    if out.status.success() { Ok(out.stdout) } else { Err(format!("export {kind}: {}", said(&out))) }
}

fn export_text(token: &Token, kind: &str, more: &[&str]) -> Result<String, String> {
    let id = token.objects()[0]["id"].as_str().unwrap().to_owned();
    let out = token.run(&[&["export", "--id", &id, "--type", kind, "-o", "-"], more].concat());
    if out.status.success() { Ok(String::from_utf8_lossy(&out.stdout).into_owned()) } else { Err(format!("export {kind}: {}", said(&out))) }
}
