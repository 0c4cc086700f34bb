//! The bodies of the fuzz targets: each takes arbitrary bytes through one parser and checks what must hold of whatever comes out.
//!
//! Here and not in the targets, so that `cargo test` runs them without a fuzzer: over the seeds of the shared vectors where these are
//! present, and over mutations of them.

pub mod seeds;

use cngtoken::object::{self, Given, GivenAttr, Template};
use cngtoken_blob::{Context, FaultClass, Origin, decode, encode, explain};
use cngtoken_cli::shapes::{self, Budget, Content, Passwords, Refusal, Wanted};
use cngtoken_cli::{explain_answers, inspect_forms};
use cngtoken_crypto::{Level, admit as judge};
use cngtoken_key::{Claim, Secret};
use zeroize::Zeroizing;

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

/// Which type a blob is, by its magic alone, by its type's name and by what an earlier import remembered: all agree with the decoder.
pub fn sniff(data: &[u8]) {
    let sniffed = cngtoken_blob::sniff(data);
    let context = Context::default();
    match (&sniffed, decode(data, &context)) {
        (Ok(row), Ok(decoded)) => assert_eq!(row.name, decoded.row.name, "the decoder took another row"),
        (Err(error), Ok(decoded)) => panic!("{} was decoded, and by its magic: {error}", decoded.row.name),
        (Ok(_) | Err(_), Err(error)) => assert!(error.at <= data.len() && error.to_string().len() <= 255, "{error}"),
    }
    for generic in ["PUBLICBLOB", "PRIVATEBLOB"] {
        if let Ok(decoded) = decode(data, &Context { type_name: Some(generic), ..Context::default() }) {
            assert_eq!(sniffed.as_ref().map(|row| row.name), Ok(decoded.row.name), "another row under {generic}");
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = cngtoken_blob::row(text);
    if let Some(origin) = Origin::from_text(text) {
        assert_eq!(Origin::from_text(&origin.to_text()).as_ref(), Some(&origin), "an origin changes when it is written down");
    }
}

/// Any file: a blob that is found in it is one by itself, and of the same type.
pub fn shapes(data: &[u8]) {
    let Ok(found) = shapes::recognise(data, &Wanted::default()) else { return };
    let _ = (found.computed(), found.content.half(), found.content.kind());
    if let Content::Blob(blob) = &found.content {
        match decode(blob.bytes.expose(), &Context::default()) {
            Ok(decoded) => assert_eq!((decoded.row.name, decoded.half), (blob.row.name, blob.half), "another blob by itself"),
            Err(error) => assert!(matches!(error.fault.class(), FaultClass::CurveMissing | FaultClass::Incomplete), "no blob by itself: {error}"),
        }
    }
}

/// What a file may cost here, in calls of a hash: a thousandth of what the program allows.
const CALLS: u32 = 4000;

/// The passwords of the seeds.
struct Known(u8);

impl Passwords for Known {
    fn password(&mut self, _: &str) -> Result<Option<Zeroizing<String>>, Refusal> {
        let known = seeds::PASSWORDS.get(usize::from(self.0) % seeds::PASSWORDS.len());
        Ok(known.map(|word| Zeroizing::new((*word).to_owned())))
    }
}

/// Encrypted containers (PKCS#12, PKCS#8, PVK, OpenSSH, PuTTY, PEM), opened with the password that the first byte picks.
pub fn unlock(data: &[u8]) {
    let Some((&pick, file)) = data.split_first() else { return };
    let wanted = Wanted::default();
    let Ok(found) = shapes::recognise(file, &wanted) else { return };
    if let Ok(content) = shapes::unlock_within(found.content, &mut Known(pick), &wanted, Budget::of(CALLS)) {
        assert!(!matches!(content, Content::Locked(_)), "opened and still locked");
    }
}

/// What `inspect` shows of any file, in its three forms.
pub fn inspect(data: &[u8]) {
    let forms = inspect_forms(data, &Wanted::default(), Budget::of(CALLS));
    let [_, json, html] = forms.unwrap_or_else(|why| panic!("no page: {why}"));
    let page: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("no JSON: {e}"));
    for field in page["fields"].as_array().into_iter().flatten() {
        assert!(field["secret"] == false || field["bytes"].is_null(), "a secret is shown: {}", field["name"]);
    }
    let tags = html.matches("<script").count();
    assert_eq!(tags, 0, "the page runs something");
}

/// What `explain` makes of any text: whole lines, and for a number the same in every way to write it.
pub fn explain_code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let answers = explain_answers(text);
    assert!(answers.iter().all(|line| !line.is_empty() && !line.contains('\n')), "an answer is no line");
    if let Ok(number) = text.parse::<u32>() {
        assert_eq!(explain_answers(&format!("0x{number:x}")), answers, "{number} in hexadecimal means another thing");
    }
}

/// A private key in PKCS#8: what is read and admitted, is written and read again as the same key.
pub fn pkcs8(data: &[u8]) {
    let Ok(claim) = object::pkcs8::decode(data) else { return };
    // The large families cost milliseconds each, and are read by length alone.
    let cheap = match &claim {
        Claim::Rsa(c) => c.n.as_ref().is_some_and(|n| n.bit_len() <= 1024),
        Claim::Dsa(c) => c.p.bit_len() <= 1024,
        Claim::Dh(c) => c.p.bit_len() <= 1024,
        Claim::MlKem(_) | Claim::MlDsa(_) | Claim::SlhDsa(_) => false,
        Claim::Ec(_) | Claim::Edwards(_) | Claim::Montgomery(_) | Claim::Secret(_) => true,
    };
    if !cheap {
        return;
    }
    let Ok(admitted) = judge(claim, Level::NoPrimality) else { return };
    let Some(parts) = admitted.private else { panic!("a private key without its private half") };
    let again = object::pkcs8::encode(&parts).unwrap_or_else(|e| panic!("an admitted key is not written: {e}"));
    let claim = object::pkcs8::decode(again.expose()).unwrap_or_else(|e| panic!("our own PKCS#8 is not read: {e}"));
    assert_eq!(judge(claim, Level::NoPrimality).ok().and_then(|a| a.private), Some(parts), "another key comes back");
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
        let id =
            u64::from(low) | u64::from(high) << 8 | if vendor & 1 == 1 { 0xC34E_4700 } else { 0 } | if vendor & 2 == 2 { 0x4000_0000 } else { 0 };
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

    fn run(target: &str, body: fn(&[u8]), each: u64) {
        let seeds = seeds::of(target);
        println!("{target}: {} seeds", seeds.len());
        for (_, seed) in seeds {
            body(&seed);
            mutations(&seed, each).for_each(|bytes| body(&bytes));
        }
    }

    #[test]
    fn blobs_and_their_mutations_hold() {
        run("blob", blob, 100);
    }

    #[test]
    fn admitted_blobs_can_be_written_again() {
        run("admit", admit, 1);
    }

    #[test]
    fn der_readers_survive() {
        run("der", der, 50);
    }

    #[test]
    fn records_survive() {
        run("record", record, 50);
    }

    #[test]
    fn templates_survive() {
        run("template", template, 50);
    }

    #[test]
    fn the_magic_the_name_and_the_decoder_agree() {
        run("sniff", sniff, 100);
    }

    #[test]
    fn a_blob_found_in_a_file_is_one_by_itself() {
        run("shapes", shapes, 5);
    }

    #[test]
    fn containers_survive_the_attempt_to_open_them() {
        run("unlock", unlock, 10);
    }

    #[test]
    fn pages_mask_secrets_and_are_json() {
        run("inspect", inspect, 3);
    }

    #[test]
    fn codes_mean_the_same_in_every_spelling() {
        run("explain_code", explain_code, 50);
    }

    #[test]
    fn private_keys_come_back_the_same() {
        run("pkcs8", pkcs8, 5);
    }

    #[test]
    fn every_target_has_its_seeds() {
        for target in seeds::TARGETS {
            assert!(!seeds::of(target).is_empty(), "{target}");
        }
    }
}
