//! The bodies of the fuzz targets: each takes arbitrary bytes through one parser and checks what must hold of whatever comes out.
//!
//! Here and not in the targets, so that `cargo test` runs them without a fuzzer: over the seeds of the shared vectors where these are
//! present, and over mutations of them.

use cngtoken::object::{self, Given, GivenAttr, Template};
use cngtoken_blob::{Context, decode, encode, explain};
use cngtoken_crypto::{Level, admit as judge};
use cngtoken_key::Secret;

/// A blob under no name: decoding and explaining agree, and neither panics.
pub fn blob(data: &[u8]) {
    let context = Context::default();
    let decoded = decode(data, &context);
    let explained = explain(data, &context);
    assert_eq!(decoded.is_ok(), explained.outcome.is_ok(), "decode and explain disagree");
    for field in &explained.fields {
        assert!(field.offset.saturating_add(field.len) <= data.len(), "{} lies outside of the input", field.name);
    }
}

/// A blob as far as it goes: whatever is admitted can be written again and then says the same.
pub fn admit(data: &[u8]) {
    let Ok(decoded) = decode(data, &Context::default()) else { return };
    let (row, origin, symmetric) = (decoded.row, decoded.origin, decoded.symmetric);
    let Ok(admitted) = judge(decoded.claim, Level::NoPrimality) else { return };
    let Some(parts) = admitted.private.or(admitted.public) else { panic!("an admitted key without any half") };
    let Ok(again) = encode(row, &parts, Some(&origin), symmetric) else { return };
    assert!(decode(again.expose(), &Context { type_name: Some(row.name), ..Context::default() }).is_ok(), "our own {} is not readable", row.name);
}

/// The DER forms of private and public keys.
pub fn der(data: &[u8]) {
    let _ = object::pkcs8::decode(data);
    let _ = object::pkcs8::decode_rsa(data);
    let _ = object::pkcs8::decode_sec1(data);
    let _ = object::spki::decode(data);
}

/// A stored record, split where the first byte says: what decodes, encodes to the same bytes.
pub fn record(data: &[u8]) {
    let Some((&at, rest)) = data.split_first() else { return };
    let (clear, sealed) = rest.split_at(usize::from(at).min(rest.len()));
    if let Ok(found) = object::record::decode(clear, Some(&Secret::copy_of(sealed))) {
        let again = object::record::encode(&found);
        assert_eq!(again.clear, clear, "the clear part has two encodings");
        assert_eq!(again.sealed.expose(), sealed, "the sealed part has two encodings");
    }
}

/// A template of type, length, value triples.
pub fn template(data: &[u8]) {
    let mut rows = Vec::new();
    let mut rest = data;
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let [low, high, vendor, len] = *head;
        let (value, next) = tail.split_at(usize::from(len).min(tail.len()));
        let id = u64::from(low) | u64::from(high) << 8 | if vendor & 1 == 1 { 0xC34E_4700 } else { 0 } | if vendor & 2 == 2 { 0x4000_0000 } else { 0 };
        rows.push(GivenAttr { id, value: Given::Bytes(value.to_vec().into()) });
        rest = next;
    }
    let _ = Template::parse_search(rows.iter().map(|r| GivenAttr::bytes(r.id, bytes(r))).collect());
    if let Ok(parsed) = Template::parse(rows) {
        let _ = object::create(parsed, &object::Origin::Created, &object::Actor { so: false, logged_in: true });
    }
}

fn bytes(row: &GivenAttr) -> &[u8] {
    match &row.value {
        Given::Bytes(b) => b,
        Given::Attrs(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Blobs of the shared vectors; a few bytes where they are not present.
    fn seeds() -> Vec<Vec<u8>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/layouts.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("no shared vectors: the bodies run over a few bytes only");
            return vec![b"RSA1".to_vec(), b"\x07\x02\0\0\0\xA4\0\0RSA2".to_vec(), vec![0x30, 3, 2, 1, 0], vec![1; 64]];
        };
        let all: serde_json::Value = serde_json::from_str(&text).expect("the vectors are JSON");
        let list = all.as_array().expect("a list");
        list.iter().filter_map(|v| hex::decode(v["hex"].as_str()?).ok()).collect()
    }

    /// A small generator: the same mutations in every run.
    fn mutations(seed: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
        (0..count).map(move |n| {
            let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.len() as u64;
            let mut next = || {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                usize::try_from(x % 0x7FFF_FFFF).unwrap_or(0)
            };
            let mut bytes = seed.to_vec();
            for _ in 0..=next() % 3 {
                let at = next() % bytes.len().max(1);
                match next() % 4 {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at.min(bytes.len()), u8::try_from(next() % 256).unwrap_or(0)),
                    _ => {
                        if let Some(b) = bytes.get_mut(at) {
                            *b = u8::try_from(next() % 256).unwrap_or(0);
                        }
                    }
                }
            }
            bytes
        })
    }

    fn run(body: fn(&[u8]), each: u64) {
        for seed in seeds() {
            body(&seed);
            mutations(&seed, each).for_each(|bytes| body(&bytes));
        }
    }

    #[test]
    fn blobs_and_their_mutations_hold() {
        run(blob, 100);
    }

    #[test]
    fn admitted_blobs_can_be_written_again() {
        run(admit, 1);
    }

    #[test]
    fn der_readers_survive() {
        run(der, 50);
    }

    #[test]
    fn records_survive() {
        run(record, 50);
    }

    #[test]
    fn templates_survive() {
        run(template, 50);
    }
}
