//! The command line as the third door: every shared vector is imported, every damaged one judged as by the module, DH blobs without a
//! group take it from `--dh-group`, and what belongs together is stored together or not at all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a failed assumption is a failed test")]

mod common;

use common::{Token, said, shared};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FILES: &[&str] = &["rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa"];

fn load(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Imports files with the same options in one run; what was said of each.
fn import(token: &Token, options: &[String], files: &[PathBuf]) -> BTreeMap<PathBuf, Result<String, String>> {
    let out = token.command().arg("import").arg("--dry-run").args(options).args(files).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned());
    let line = |all: &str, file: &Path| {
        let start = format!("{}: ", file.display());
        all.lines().find_map(|l| l.strip_prefix(&start)).map(str::to_owned)
    };
    let answer = |file: &PathBuf| match (line(&stdout, file), line(&stderr, file)) {
        (Some(text), None) => Ok(text),
        (None, Some(text)) => Err(text),
        other => panic!("{}: {other:?}\n{stdout}\n{stderr}", file.display()),
    };
    files.iter().map(|f| (f.clone(), answer(f))).collect()
}

/// Which named group a DH vector's key is in.
fn group_of(key: &Value) -> &'static str {
    match (text(&key["components"], "p").len() / 2, &text(&key["components"], "p")[16..24]) {
        (256, "adf85458") => "ffdhe2048",
        (256, _) => "modp2048",
        (384, "c90fdaa2") => "modp3072",
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_vector_comes_in_by_the_command_line() {
    let Some(dir) = shared("vectors") else { return };
    let token = Token::none();
    let mut runs: BTreeMap<Vec<String>, Vec<PathBuf>> = BTreeMap::new();
    for name in FILES.iter().map(|f| format!("{f}.json")).chain(["ecc", "dsa", "legacy", "mlkem", "pqdsa"].map(|f| format!("third-party/{f}.json"))) {
        let json = load(&dir, &name);
        for vector in json["vectors"].as_array().unwrap() {
            let file = token.dir.path().join(text(vector, "name"));
            std::fs::write(&file, hex::decode(text(vector, "blob_hex")).unwrap()).unwrap();
            let mut options = Vec::new();
            if hex::decode(&text(vector, "blob_hex")[16..24]).is_ok_and(|m| m == b"\0DH1") {
                options = vec!["--dh-group".to_owned(), group_of(&json["keys"][text(vector, "key")]).to_owned()];
            }
            runs.entry(options).or_default().push(file);
        }
    }
    let mut wrong = Vec::new();
    let mut passed = 0;
    for (options, files) in &runs {
        // Chunks, so that a command line stays short.
        for (file, answer) in files.chunks(30).flat_map(|chunk| import(&token, options, chunk)) {
            match answer {
                Ok(_) => passed += 1,
                Err(why) => wrong.push(format!("{} {options:?}: {why}", file.display())),
            }
        }
    }
    println!("{passed} vectors imported");
    assert!(wrong.is_empty() && passed > 150, "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn damaged_blobs_are_refused_by_the_command_line_as_by_the_module() {
    let Some(dir) = shared("vectors") else { return };
    let token = Token::none();
    let negative = load(&dir, "negative.json");
    let mut known: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for file in FILES {
        for vector in load(&dir, &format!("{file}.json"))["vectors"].as_array().unwrap() {
            known.insert(text(vector, "name").to_owned(), hex::decode(text(vector, "blob_hex")).unwrap());
        }
    }
    let mut runs: BTreeMap<Vec<String>, Vec<(PathBuf, Value)>> = BTreeMap::new();
    for entry in negative["vectors"].as_array().unwrap() {
        let blob = match entry["blob_hex"].as_str() {
            Some(digits) => hex::decode(digits).unwrap(),
            None => known[text(entry, "blob_hex_of")].clone(),
        };
        known.insert(text(entry, "id").to_owned(), blob.clone());
        let file = token.dir.path().join(text(entry, "id"));
        std::fs::write(&file, blob).unwrap();
        let mut options =
            vec!["--type".to_owned(), text(entry, "blob_type").to_owned(), "--alg-id".to_owned(), text(entry, "algorithm_handle").to_owned()];
        if entry["flags"] == 8 {
            options.push("--no-validation".to_owned());
        }
        runs.entry(options).or_default().push((file, entry.clone()));
    }
    let mut wrong = Vec::new();
    let mut counts = (0, 0);
    for (options, entries) in &runs {
        let files: Vec<PathBuf> = entries.iter().map(|(f, _)| f.clone()).collect();
        let answers = import(&token, options, &files);
        for (file, entry) in entries {
            let (expect, mutation) = (text(entry, "expect"), text(entry, "mutation"));
            let family = text(entry, "blob_type");
            let must = match expect {
                "accept" | "reject-or-derive" => Some(true),
                "reject" => Some(false),
                _ if mutation.contains("trailing zero byte") => Some(family.starts_with("MLKEM")),
                _ => None,
            };
            match (must, &answers[file]) {
                (Some(true), Err(why)) => wrong.push(format!("{} {mutation} {options:?}: should be imported: {why}", text(entry, "id"))),
                (Some(false), Ok(said)) => wrong.push(format!("{} {mutation} {options:?}: was imported: {said}", text(entry, "id"))),
                (_, Ok(_)) => counts.0 += 1,
                (_, Err(why)) => {
                    counts.1 += 1;
                    assert!(why.starts_with("refused: ") && why.len() > 20, "{}: {why}", text(entry, "id"));
                }
            }
        }
    }
    println!("{} imported, {} refused", counts.0, counts.1);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(counts.0 + counts.1, negative["vectors"].as_array().unwrap().len());
}

/// DHPUBKEY of version 2 around 2 to the power of some number, in the group modp1024: y = 2 to the 1000, little-endian.
fn dh1() -> Vec<u8> {
    let mut blob = vec![6, 2, 0, 0, 2, 0xAA, 0, 0];
    blob.extend_from_slice(b"\0DH1");
    blob.extend_from_slice(&1024u32.to_le_bytes());
    let mut y = [0u8; 128];
    y[125] = 1;
    blob.extend_from_slice(&y);
    blob
}

#[test]
fn a_dh_blob_without_its_group_takes_it_from_the_option() {
    let token = Token::new();
    let (blob, group) = (token.dir.path().join("dh1.blob"), token.dir.path().join("group.pem"));
    std::fs::write(&blob, dh1()).unwrap();
    let path = blob.to_str().unwrap();
    let without = token.run(&["import", path]);
    assert_eq!(without.status.code(), Some(1));
    assert!(said(&without).contains("--dh-group modp2048"), "{}", said(&without));
    let unknown = token.run(&["import", path, "--dh-group", "modp1025"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("neither a file nor a group"), "{}", said(&unknown));

    let named = token.run(&["import", path, "--dh-group", "MODP-1024", "--id", "01"]);
    assert!(named.status.success() && said(&named).contains("public key"), "{}", said(&named));
    std::fs::write(&group, include_bytes!("../src/groups/modp1024.pem")).unwrap();
    let from_file = token.run(&["import", path, "--dh-group", group.to_str().unwrap(), "--id", "02"]);
    assert!(from_file.status.success(), "{}", said(&from_file));
    let export = |id: &str| token.run(&["export", "--id", id, "--type", "SPKI", "--base64", "-o", "-"]).stdout;
    assert!(!export("01").is_empty() && export("01") == export("02"));
    let back = token.run(&["export", "--id", "01", "--type", "CAPIDHPUBLICBLOB", "-o", "-"]).stdout;
    assert_eq!(back, dh1());

    // The group of another size holds no such y; a blob with a group of its own contradicts another one.
    let inspect = token.run(&["inspect", path, "--dh-group", "modp1024"]);
    assert!(inspect.status.success(), "{}", said(&inspect));
    let ver3 = token.dir.path().join("dh3.blob");
    std::fs::write(&ver3, token.run(&["export", "--id", "01", "--type", "DHPUBLICBLOB", "-o", "-"]).stdout).unwrap();
    let contradicts = token.run(&["import", ver3.to_str().unwrap(), "--dh-group", "modp1536"]);
    assert!(!contradicts.status.success() && said(&contradicts).contains("CKA_PRIME"), "{}", said(&contradicts));
}

#[test]
fn the_page_of_blob_types_is_what_the_program_prints_and_no_cell_is_empty() {
    let token = Token::none();
    let page = token.run(&["blob-types", "--markdown"]);
    let kept = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/blob-types.md")).unwrap();
    assert!(page.stdout == kept, "docs/blob-types.md is not current: cngtoken blob-types --markdown > docs/blob-types.md");
    let list: Vec<Value> = serde_json::from_slice(&token.run(&["blob-types", "--json"]).stdout).unwrap();
    for line in &list {
        let refused = line["import"].as_array().unwrap().is_empty();
        assert_eq!(refused, line["half"] == "-", "{line}");
        assert_eq!(refused, line["export"].as_array().unwrap().is_empty(), "{line}");
        for field in ["type", "constant", "half", "use", "about"] {
            assert!(!text(line, field).is_empty(), "{field} of {line}");
        }
    }
    let taken = |name: &str| list.iter().any(|l| l["type"] == name && !l["import"].as_array().unwrap().is_empty());
    assert!(taken("PKCS8_PRIVATEKEY") && !taken("SSLECCPUBLICBLOB"));
    let human = String::from_utf8(token.run(&["blob-types"]).stdout).unwrap();
    assert!(human.lines().any(|l| l.starts_with("SSLECCPUBLICBLOB") && l.contains(" -  ")), "{human}");
}
