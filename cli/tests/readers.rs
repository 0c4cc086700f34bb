//! Properties of the readers of text: a blob is found in every layout in which people paste it, and no input whatever makes the
//! recogniser crash or linger.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

use cngtoken_cli::shapes::{Content, Wanted, base64_encode, base64url_encode, recognise};
use proptest::prelude::*;

/// The layout of a P-256 private blob around any numbers: reading does not judge them.
fn blob() -> impl Strategy<Value = Vec<u8>> {
    (proptest::collection::vec(any::<u8>(), 96), prop_oneof![Just(*b"ECS2"), Just(*b"ECK2")]).prop_map(|(numbers, magic)| {
        let mut out = magic.to_vec();
        out.extend_from_slice(&[32, 0, 0, 0]);
        out.extend_from_slice(&numbers);
        // All-zero coordinates mean something of their own; d is then computed with.
        out[8] |= 1;
        out[40] |= 1;
        out[72] |= 1;
        out
    })
}

fn join(bytes: &[u8], each: impl Fn(u8) -> String, per_line: usize, between: &str, line_end: &str) -> String {
    let lines: Vec<String> = bytes.chunks(per_line).map(|l| l.iter().map(|b| each(*b)).collect::<Vec<_>>().join(between)).collect();
    lines.join(line_end)
}

fn dump(bytes: &[u8], base: usize, width: usize, text_column: bool) -> String {
    let mut out = String::new();
    for (i, line) in bytes.chunks(width).enumerate() {
        let hex = join(line, |b| format!("{b:02x}"), width, " ", "");
        let text: String = line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' }).collect();
        let pad = width * 3 - 1;
        out.push_str(&format!("{:08x}  {hex:<pad$}", base + i * width));
        out.push_str(&if text_column { format!("  {text}\n") } else { "\n".to_owned() });
    }
    out
}

fn layouts(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let b64 = base64_encode(bytes);
    let wrapped = |n: usize, end: &str| b64.as_bytes().chunks(n).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join(end);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let text: Vec<(&'static str, String)> = vec![
        ("base64", b64.to_string()),
        ("base64url", base64url_encode(bytes).to_string()),
        ("wrapped", wrapped(64, "\r\n")),
        ("quoted", format!("> {}", wrapped(76, "\n> "))),
        ("json", format!("{{\"n\": 1, \"key\": \"{}\"}}", b64.replace('/', "\\/"))),
        ("yaml", format!("key: |\n  {}\nnext: 2\n", wrapped(60, "\n  "))),
        ("xml", format!("<k a=\"1\">{}</k>", b64.as_str())),
        ("c pieces", format!("x = \"{}\";", wrapped(50, "\"\n  \""))),
        ("pem", format!("-----BEGIN KEY-----\n{}\n-----END KEY-----\n", wrapped(64, "\n"))),
        ("hex", join(bytes, |b| format!("{b:02x}"), 1000, "", "")),
        ("HEX lines", join(bytes, |b| format!("{b:02X}"), 30, "", "\n")),
        ("hex pairs", join(bytes, |b| format!("{b:02x}"), 16, ":", ":\n")),
        ("0x list", format!("{{ // {} bytes\n{}\n}}", bytes.len(), join(bytes, |b| format!("0x{b:02X}"), 12, ", ", ",\n"))),
        ("decimal", join(bytes, |b| b.to_string(), 1, "", "\r\n")),
        ("decimal list", format!("[{}]", join(bytes, |b| b.to_string(), 1000, ", ", ""))),
        ("signed", format!("{{{}}}", join(bytes, |b| i8::from_ne_bytes([b]).to_string(), 20, ", ", ",\n"))),
        ("escapes", format!("\"{}\"", join(bytes, |b| format!("\\x{b:02x}"), 16, "", "\"\n\""))),
        (
            "reg",
            format!("REGEDIT4\r\n\r\n[X]\r\n\"K\"=hex:{}\r\n\"N\"=dword:00000001\r\n", join(bytes, |b| format!("{b:02x}"), 24, ",", ",\\\r\n  ")),
        ),
        ("dump", dump(bytes, 0, 16, true)),
        ("dump at an address", dump(bytes, 0x7f00_1230, 8, true)),
        ("dump without text", dump(bytes, 0, 32, false)),
    ];
    let mut out: Vec<(&'static str, Vec<u8>)> = text.iter().map(|(name, t)| (*name, t.clone().into_bytes())).collect();
    out.push(("utf-16", [vec![0xFF, 0xFE], utf16(&b64)].concat()));
    out.push(("raw", bytes.to_vec()));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_blob_is_found_in_every_layout(bytes in blob()) {
        for (name, input) in layouts(&bytes) {
            let found = recognise(&input, &Wanted::default());
            let same = matches!(&found, Ok(f) if matches!(&f.content, Content::Blob(b) if b.bytes.expose() == bytes.as_slice()));
            prop_assert!(same, "{name}: {:?}", found.err());
        }
    }

    #[test]
    fn a_layout_that_lost_its_end_is_refused_and_not_imported_as_something_else(bytes in blob(), cut in 1usize..90) {
        for (name, input) in layouts(&bytes) {
            let end = input.len() * (100 - cut) / 100;
            if let Ok(found) = recognise(&input[..end], &Wanted::default()) {
                let whole = matches!(&found.content, Content::Blob(b) if b.bytes.expose() == bytes.as_slice());
                prop_assert!(whole, "{name} cut at {end}: {}", found.content.kind());
            }
        }
    }

    #[test]
    fn no_text_crashes_the_readers(text in "\\PC{0,400}") {
        let _ = recognise(text.as_bytes(), &Wanted::default());
    }

    #[test]
    fn no_text_of_the_readers_own_alphabet_crashes_them(text in "[0-9a-fA-FxX\\\\\",:;={}\\[\\]<>/*#\\-\\n \\t.|'&$]{0,400}") {
        let _ = recognise(text.as_bytes(), &Wanted::default());
    }

    #[test]
    fn no_bytes_crash_the_recognisers(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0usize..9) {
        let starts: [&[u8]; 9] = [b"", b"\x30\x80\x02\x01\x03\x30\x80", b"\x30\x82", b"\x1e\xf1\xb5\xb0", b"\x07\x02\0\0", b"\0\x24\0\0", b"openssh-key-v1\0", b"ECS2", b"RSA3"];
        let input = [starts[start], &bytes].concat();
        let _ = recognise(&input, &Wanted::default());
    }
}

#[test]
fn a_large_text_of_anything_is_answered_in_linear_time() {
    for unit in [
        "A",
        "0",
        "00 ",
        "0x41,",
        "00000000  ",
        "\"a\"+",
        "<RSAKeyValue>",
        "-----BEGIN X-----",
        "{\"kty\":",
        "\\x41",
        "ssh-rsa AAAA ",
        "/*",
        "*\n0000 41\n",
    ] {
        let text = unit.repeat((1 << 18) / unit.len());
        let started = std::time::Instant::now();
        let _ = recognise(text.as_bytes(), &Wanted::default());
        let took = started.elapsed();
        println!("{unit:?}: {} ms", took.as_millis());
        assert!(took.as_secs() < 15, "{unit:?} took {took:?}");
    }
}

#[test]
fn a_text_that_would_take_seconds_is_refused_in_words() {
    let refusal = recognise("41 ".repeat(1 << 20).as_bytes(), &Wanted::default()).unwrap_err().to_string();
    assert!(refusal.contains("at most 2097152 are searched") && refusal.contains("cut out"), "{refusal}");
}
