//! The worked examples of the specification cannot rot: the hexadecimal of each is read, explained and written again, and the lines beside
//! the bytes are the reader's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{Context, Origin, encode, explain};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use support::{complete, folder};

/// Bytes of a field that stand on its own line.
const ON_THE_LINE: usize = 8;
/// Bytes of a line below it.
const BELOW: usize = 32;

struct Example {
    type_name: String,
    curve: Option<String>,
    text: String,
}

/// The blocks of the page.
fn examples() -> Vec<Example> {
    let page = include_str!("../README.md");
    let blocks = page.split("\n```blob ").skip(1);
    let examples = blocks.map(|block| {
        let (head, rest) = block.split_once('\n').unwrap();
        let mut words = head.split(' ');
        Example {
            type_name: words.next().unwrap().to_owned(),
            curve: words.next().map(|word| word.strip_prefix("curve=").unwrap().to_owned()),
            text: rest.split("```").next().unwrap().to_owned(),
        }
    });
    examples.collect()
}

impl Example {
    fn context(&self) -> Context<'_> {
        let curve = support::curve(self.curve.as_deref().unwrap_or_default());
        let alg_id = (self.type_name == "KeyDataBlob").then_some("AES");
        Context { type_name: Some(&self.type_name), curve, alg_id, ..Context::default() }
    }

    /// All bytes: the fourth column of the lines with a field, and the lines below them.
    fn bytes(&self) -> Vec<u8> {
        let column = |line: &str| -> String { line.get(29..).unwrap_or_default().chars().take_while(char::is_ascii_hexdigit).collect() };
        let digits = self.text.lines().map(|line| line.strip_prefix("      ").map_or_else(|| column(line), str::to_owned));
        hex::decode(digits.collect::<String>()).unwrap_or_else(|e| panic!("{}: {e}", self.type_name))
    }
}

/// The page's lines as the reader would write them.
fn lines(bytes: &[u8], context: &Context<'_>) -> String {
    let mut out = String::new();
    for field in explain(bytes, context).fields {
        let of_field = &bytes[field.offset..field.offset + field.len];
        let digits = hex::encode(of_field);
        if field.len <= ON_THE_LINE {
            let line = format!("{:>4}  {:<22} {digits:<16}  {}", field.offset, field.name, field.meaning);
            writeln!(out, "{}", line.trim_end()).unwrap();
            continue;
        }
        // The number itself stands below.
        let meaning = field.meaning.split(", ").next().filter(|m| !digits.starts_with(m)).unwrap_or_default();
        writeln!(out, "{}", format!("{:>4}  {:<22} {:<16}  {meaning}", field.offset, field.name, "").trim_end()).unwrap();
        for line in of_field.chunks(BELOW) {
            writeln!(out, "      {}", hex::encode(line)).unwrap();
        }
    }
    out
}

#[test]
fn every_example_is_read_written_again_and_explained_as_the_page_says() {
    for example in examples() {
        let (bytes, context) = (example.bytes(), example.context());

        let decoded = cngtoken_blob::decode(&bytes, &context).unwrap_or_else(|e| panic!("{}: {e}", example.type_name));
        assert_eq!(decoded.row.name, example.type_name);
        let (parts, _) = complete(&decoded);
        let origin = Origin::from_text(&decoded.origin.to_text()).unwrap();
        let back = encode(decoded.row, &parts, Some(&origin), decoded.symmetric).unwrap();
        assert!(back.expose() == bytes, "{} comes back different", example.type_name);

        let expected = lines(&bytes, &context);
        assert!(example.text == expected, "{}: the page should say\n{expected}", example.type_name);
    }
}

#[test]
fn every_family_has_an_example_and_both_versions_of_dsa() {
    let magics: BTreeSet<String> = examples().iter().map(|e| cngtoken_blob::magic_text(e.bytes()[..4].try_into().unwrap())).collect();

    for magic in ["RSA2", "RSA3", "ECS2", "ECKV", "ECDV", "DSPB", "DPB2", "DHPV", "MLKS", "DSSS", "SHSK", "KDBM"] {
        assert!(magics.contains(magic), "no example begins with {magic}: {magics:?}");
    }
    let types: BTreeSet<String> = examples().into_iter().map(|e| e.type_name).collect();
    assert!(types.contains("CAPIPRIVATEBLOB") && types.contains("V2CAPIDSAPRIVATEBLOB"), "{types:?}");
}

#[test]
fn the_examples_are_vectors_of_other_implementations() {
    let Some(folder) = folder("rsa.json").and_then(|path| path.parent().map(ToOwned::to_owned)) else { return };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    let vectors: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();

    let strange: Vec<String> =
        examples().into_iter().filter(|e| !vectors.contains(&format!("\"{}\"", hex::encode(e.bytes())))).map(|e| e.type_name).collect();

    // OpenSSL 3.6 made the SLH-DSA key; the folder has none.
    assert_eq!(strange, ["PQDSAPRIVATEBLOB"]);
}
