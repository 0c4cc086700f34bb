//! Keys of every family in every wrapping that tools and people make: the recogniser finds the blob that went in, in each of them. The
//! keys are shared vectors, the wrappings are written here and, where the machine has them, by xxd, od, hexdump and base64 themselves.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use cngtoken_cli::shapes::{Content, Wanted, base64_encode, base64url_encode, recognise};
use common::shared;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

/// One vector of each type and magic, whatever else differs.
fn blobs() -> Vec<(String, Vec<u8>)> {
    let Some(dir) = shared("vectors") else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for file in ["rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa"] {
        let json: Value = serde_json::from_slice(&std::fs::read(dir.join(format!("{file}.json"))).unwrap()).unwrap();
        for vector in json["vectors"].as_array().unwrap() {
            let blob = hex::decode(vector["blob_hex"].as_str().unwrap()).unwrap();
            let magic = blob[if matches!(blob[0], 6 | 7) { 8 } else { 0 }..][..4].to_vec();
            let kind = vector["blob_type"].as_str().unwrap().to_owned();
            // Blobs that need something beside them, and files that are no blobs, have tests of their own.
            if magic != b"\0DH1" && !kind.starts_with("PVK") && seen.insert((kind.clone(), magic)) {
                out.push((vector["name"].as_str().unwrap().to_owned(), blob));
            }
        }
    }
    let mut key_data = b"KDBM\x01\0\0\0\x20\0\0\0".to_vec();
    key_data.extend((0..32u8).map(|i| i.wrapping_mul(89).wrapping_add(7)));
    out.push(("KeyDataBlob".to_owned(), key_data));
    out
}

/// What a tool prints of the bytes; `None` where there is no such tool.
fn tool(name: &str, args: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(name).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let input = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.status.success().then_some(output.stdout)
}

const TOOLS: &[(&str, &[&str])] = &[
    ("xxd", &[]),
    ("xxd", &["-p"]),
    ("xxd", &["-p", "-c", "32"]),
    ("xxd", &["-i"]),
    ("xxd", &["-u", "-g", "1", "-c", "24"]),
    ("xxd", &["-e", "-g", "4"]),
    ("od", &["-t", "x1"]),
    ("od", &["-A", "x", "-t", "x1z"]),
    ("od", &["-A", "n", "-v", "-t", "x1"]),
    ("od", &["-t", "u1"]),
    ("od", &["-A", "d", "-t", "u1"]),
    ("od", &["-A", "n", "-v", "-t", "u1"]),
    ("od", &["-v", "-t", "u1"]),
    ("od", &["-A", "n", "-v", "-t", "d1"]),
    ("od", &["-b"]),
    ("od", &[]),
    ("od", &["-t", "x2"]),
    ("od", &["-t", "x4"]),
    ("od", &["-t", "x8"]),
    ("hexdump", &["-C"]),
    ("hexdump", &[]),
    ("base64", &[]),
    ("base64", &["-w", "0"]),
    ("base64", &["-w", "40"]),
];

fn lines(bytes: &[u8], per_line: usize, each: impl Fn(u8) -> String, between: &str) -> Vec<String> {
    bytes.chunks(per_line).map(|l| l.iter().map(|b| each(*b)).collect::<Vec<_>>().join(between)).collect()
}

fn written(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let b64 = base64_encode(bytes);
    let wrapped = |n: usize, end: &str| b64.as_bytes().chunks(n).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join(end);
    let hex0x = |b: u8| format!("0x{b:02X}");
    let digits = |b: u8| format!("{b:02x}");
    let certutil = |bytes: &[u8]| {
        let mut out = String::new();
        for (i, line) in bytes.chunks(16).enumerate() {
            let halves: Vec<String> = line.chunks(8).map(|h| h.iter().map(|b| digits(*b)).collect::<Vec<_>>().join(" ")).collect();
            let text: String = line.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
            out.push_str(&format!("    {:04x}  {:<50} {text}\r\n", i * 16, halves.join("  ")));
        }
        out
    };
    vec![
        ("base64url", base64url_encode(bytes).to_string()),
        ("certutil -encode", format!("-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n", wrapped(64, "\r\n"))),
        ("certutil -encodehex", certutil(bytes)),
        ("c array", format!("static const unsigned char key[{}] = {{\n  {}\n}};\n", bytes.len(), lines(bytes, 12, hex0x, ", ").join(",\n  "))),
        ("c# array", format!("byte[] key = new byte[] {{ {} }};", lines(bytes, 10_000, hex0x, ", ").concat())),
        ("java", format!("byte[] k = {{{}}};", lines(bytes, 9, |b| format!("(byte)0x{b:02x}"), ", ").join(",\n"))),
        ("powershell", format!("[byte[]]$k = {}", lines(bytes, 10_000, |b| b.to_string(), ",").concat())),
        ("powershell hex", format!("$k = @({})", lines(bytes, 16, hex0x, ",").join(",`\r\n"))),
        ("python", format!("key = b\"{}\"", lines(bytes, 10_000, |b| format!("\\x{b:02x}"), "").concat())),
        ("go", format!("var key = []byte{{\n\t{},\n}}", lines(bytes, 8, hex0x, ", ").join(",\n\t"))),
        ("vb", format!("Dim k() As Byte = {{{}}}", lines(bytes, 10_000, |b| format!("&H{b:02X}"), ", ").concat())),
        ("vb lines", format!("k = {{ _\r\n{} }}", lines(bytes, 12, |b| format!("&H{b:02X}"), ", ").join(", _\r\n"))),
        ("javascript", format!("const k = `\n{}`;", wrapped(64, "\n"))),
        ("query", format!("POST /?a=1&key={}&b=2", b64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))),
        ("kotlin", format!("byteArrayOf({})", lines(bytes, 10_000, |b| format!("0x{b:02x}.toByte()"), ", ").concat())),
        ("js object", format!("{{{}}}", bytes.iter().enumerate().map(|(i, b)| format!("\"{i}\":{b}")).collect::<Vec<_>>().join(","))),
        ("yaml list", format!("key:\n{}other: 1\n", lines(bytes, 1, |b| format!("  - {b}\n"), "").concat())),
        ("postgres", format!("INSERT INTO k VALUES ('\\x{}');", hex::encode(bytes))),
        ("t-sql", format!("DECLARE @k varbinary(max) = 0x{};", lines(bytes, 60, |b| format!("{b:02X}"), "").join("\\\r\n"))),
        ("xml hex", format!("<k>{}</k>", lines(bytes, 32, digits, "").join("\n"))),
        ("debug.exe", segments(bytes)),
        ("assembler without zeros", format!("db {}", lines(bytes, 10_000, |b| format!("{b:02X}h"), ",").concat())),
        ("assembler", lines(bytes, 8, |b| format!("0{b:02x}h"), ", ").iter().map(|l| format!("        db {l}\n")).collect()),
        ("sql", format!("INSERT INTO k VALUES (7, 0x{});", hex::encode_upper(bytes))),
        (
            "reg",
            format!(
                "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\X]\r\n\"Key\"=hex:{}\r\n",
                lines(bytes, 25, digits, ",").join(",\\\r\n  ")
            ),
        ),
        ("json list", format!("{{\"k\":[{}]}}", lines(bytes, 10_000, |b| b.to_string(), ",").concat())),
        ("json text", format!("{{\"k\":\"{}\"}}", b64.as_str())),
        ("xml", format!("<?xml version=\"1.0\"?><a><key>{}</key></a>", wrapped(76, "\n"))),
        ("yaml", format!("key: !!binary |\n  {}\nother: 1\n", wrapped(72, "\n  "))),
        ("mail quote", format!("> {}\n", wrapped(60, "\n> "))),
        ("colons", lines(bytes, 15, digits, ":").join(":\n    ")),
        ("dashes", lines(bytes, 10_000, |b| format!("{b:02X}"), "-").concat()),
        ("pem of its own", format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", wrapped(64, "\n"))),
    ]
}

fn segments(bytes: &[u8]) -> String {
    let line = |(i, line): (usize, &[u8])| {
        let halves: Vec<String> = line.chunks(8).map(|h| h.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ")).collect();
        format!("0B2C:{:04X}  {}   ....\r\n", 0x100 + i * 16, halves.join("-"))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

#[test]
fn every_key_is_found_in_every_wrapping() {
    let mut wrong = Vec::new();
    let mut right = 0;
    for (name, blob) in blobs() {
        let mut inputs: Vec<(String, Vec<u8>)> = written(&blob).into_iter().map(|(how, text)| (how.to_owned(), text.into_bytes())).collect();
        for (program, args) in TOOLS {
            if let Some(text) = tool(program, args, &blob) {
                inputs.push((format!("{program} {}", args.join(" ")), text));
            }
        }
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        inputs.push(("UTF-16 hex".to_owned(), [vec![0xFF, 0xFE], utf16(&hex::encode(&blob))].concat()));
        for (how, input) in inputs {
            match recognise(&input, &Wanted::default()) {
                Ok(found) if matches!(&found.content, Content::Blob(b) if b.bytes.expose() == blob.as_slice()) => right += 1,
                Ok(found) => wrong.push(format!("{name} by {how}: another thing: {} {:?}", found.content.kind(), found.trail)),
                Err(refusal) => wrong.push(format!("{name} by {how}: {refusal}")),
            }
        }
    }
    println!("{right} wrappings as they should be, {} not", wrong.len());
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
