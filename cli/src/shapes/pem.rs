//! PEM armour around anything: the label is a hint, the content decides. Indented armour, OpenSSL's old encryption headers, and
//! files with a key and its certificates.

use super::search::Candidate;
use super::{Bundle, Content, Locked, Piece, Refusal, Wanted, base64, binary};
use cngtoken_key::Half;
use core::ops::Range;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// What labels promise.
const LABELS: &[(&str, &[&str])] = &[
    ("RSA PRIVATE KEY", &["PKCS#1"]),
    ("RSA PUBLIC KEY", &["PKCS#1"]),
    ("EC PRIVATE KEY", &["SEC1"]),
    ("DSA PRIVATE KEY", &["DSA private key"]),
    ("PRIVATE KEY", &["PKCS8_PRIVATEKEY"]),
    ("ENCRYPTED PRIVATE KEY", &["PKCS8_PRIVATEKEY"]),
    ("PUBLIC KEY", &["SubjectPublicKeyInfo"]),
    ("CERTIFICATE", &["certificate"]),
    ("X509 CERTIFICATE", &["certificate"]),
    ("TRUSTED CERTIFICATE", &["certificate"]),
    ("PKCS7", &["PKCS7"]),
    ("CMS", &["PKCS7"]),
    ("OPENSSH PRIVATE KEY", &["OpenSSH private key"]),
];

/// One armoured block.
struct Block<'a> {
    label: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Zeroizing<String>,
    span: Range<usize>,
    closed: bool,
}

/// Every armoured block of `text`.
pub(super) fn read(text: &str, wanted: &Wanted) -> Vec<Candidate> {
    // Parameters stand beside keys in OpenSSL's output and say nothing that the key does not.
    blocks(text).into_iter().filter(|b| !b.label.ends_with("PARAMETERS")).map(|b| judge(&b, wanted)).collect()
}

/// Label and decoded body of every armoured block.
#[must_use]
pub fn labelled(text: &str) -> Vec<(String, Zeroizing<Vec<u8>>)> {
    blocks(text).into_iter().filter_map(|b| base64::decode(&b.body).map(|d| (b.label.to_owned(), d.bytes))).collect()
}

/// The decoded bodies, for saying what an unrecognised block holds.
pub(super) fn bodies(text: &str) -> Vec<Piece> {
    blocks(text)
        .into_iter()
        .filter_map(|b| {
            base64::decode(&b.body).map(|d| Piece { bytes: d.bytes, how: format!("PEM \"{}\"", b.label), span: b.span.clone(), cut: None })
        })
        .collect()
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut out = Vec::new();
    let mut from = 0usize;
    // Asked once: a text of beginnings without an end would be searched to its end for each of them.
    let last_end = text.rfind("-----END");
    while let Some(start) = text.get(from..).and_then(|t| t.find(BEGIN)).map(|n| from.saturating_add(n)) {
        let label_at = start.saturating_add(BEGIN.len());
        let Some(label_len) = text.get(label_at..).and_then(|t| t.find(DASHES)) else { break };
        let label = text.get(label_at..label_at.saturating_add(label_len)).unwrap_or_default();
        let body_at = label_at.saturating_add(label_len).saturating_add(DASHES.len());
        let rest = text.get(body_at..).unwrap_or_default();
        let end = rest.get(..).filter(|_| last_end.is_some_and(|e| e >= body_at)).and_then(|r| r.find("-----END"));
        let body = rest.get(..end.or_else(|| rest.find(BEGIN)).unwrap_or(rest.len())).unwrap_or_default();
        let tail = end.and_then(|e| rest.get(e.saturating_add(8)..)).and_then(|t| t.find(DASHES)).map_or(0, |n| n.saturating_add(8 + DASHES.len()));
        let stop = body_at.saturating_add(body.len()).saturating_add(tail);
        let (headers, data) = split_headers(body);
        out.push(Block { label, headers, body: Zeroizing::new(data), span: start..stop, closed: end.is_some() });
        from = stop.max(body_at);
    }
    out
}

/// RFC 1421 headers (`Name: value`, continued by an indent) before the data.
fn split_headers(body: &str) -> (Vec<(&str, &str)>, String) {
    let mut headers = Vec::new();
    let mut data = String::with_capacity(body.len());
    for line in body.lines() {
        match line.split_once(": ") {
            Some((name, value)) if data.is_empty() => headers.push((name.trim(), value.trim())),
            _ => data.extend(line.chars().filter(|c| !c.is_whitespace())),
        }
    }
    (headers, data)
}

fn judge(block: &Block<'_>, wanted: &Wanted) -> Candidate {
    let mut notes = Vec::new();
    let look = open(block, wanted);
    let promised = LABELS.iter().find(|(l, _)| *l == block.label).map(|(_, kinds)| *kinds);
    if let (Ok(content), Some(kinds)) = (&look, promised)
        && !kinds.contains(&content.kind())
    {
        notes.push(format!("the PEM label says \"{}\", the content is {}: the content decides", block.label, content.kind()));
    }
    let bytes = base64::decode(&block.body).map(|d| d.bytes).unwrap_or_default();
    Candidate { span: block.span.clone(), how: vec![format!("PEM \"{}\"", block.label)], look, notes, bytes }
}

fn open(block: &Block<'_>, wanted: &Wanted) -> Result<Content, Refusal> {
    let label = block.label;
    let decoded = base64::decode(&block.body).ok_or_else(|| Refusal::new(format!("PEM \"{label}\": the body is not base64")))?;
    if let Some((_, info)) = block.headers.iter().find(|(name, _)| *name == "DEK-Info") {
        let (cipher, iv) = info.split_once(',').unwrap_or((info, ""));
        let iv = super::hex::bytes_of(iv.trim().as_bytes());
        return Ok(Content::Locked(Locked::Pem { cipher: cipher.trim().to_owned(), iv: iv.to_vec(), data: decoded.bytes.to_vec() }));
    }
    let missing_end = || if block.closed { String::new() } else { format!("; the line -----END {label}----- is missing, the copy ends too early") };
    let cut = |r: Refusal| match decoded.cut {
        Some(cut) => Refusal { message: format!("{}: {cut} (truncated)", r.message), hints: r.hints },
        None => r,
    };
    match binary::look(&decoded.bytes, wanted) {
        Some(look) => look.map_err(|r| cut(Refusal { message: format!("PEM \"{label}\": {}{}", r.message, missing_end()), hints: r.hints })),
        None => {
            let unknown = binary::unknown(&decoded.bytes);
            Err(cut(Refusal { message: format!("PEM \"{label}\": the body is {}{}", unknown.message, missing_end()), hints: unknown.hints }))
        }
    }
}

/// A key and certificates in one PEM file are one thing; so is a chain of certificates.
pub(super) fn bundle(good: Vec<Candidate>) -> Vec<Candidate> {
    let all_pem = good.iter().all(|c| c.how.last().is_some_and(|h| h.starts_with("PEM ")));
    let certificates = good.iter().filter(|c| matches!(c.look, Ok(Content::Certificate(_)))).count();
    let private = good.iter().filter(|c| matches!(&c.look, Ok(Content::Key(k)) if k.claim.half() == Half::Private)).count();
    if good.len() < 2 || !all_pem || certificates == 0 || private > 1 || certificates + private != good.len() {
        return good;
    }
    let mut bundle = Bundle { kind: "PEM", keys: Vec::new(), certificates: Vec::new() };
    let mut whole: Option<Candidate> = None;
    for candidate in good {
        match candidate.look {
            Ok(Content::Certificate(certificate)) => bundle.certificates.push(certificate),
            Ok(Content::Key(key)) => bundle.keys.push(key),
            Ok(Content::Blob(_) | Content::Bundle(_) | Content::Locked(_)) | Err(_) => {}
        }
        let so_far = whole.take();
        let start = so_far.as_ref().map_or(candidate.span.start, |w| w.span.start);
        let mut how = so_far.as_ref().map(|w| w.how.clone()).unwrap_or_default();
        let mut notes = so_far.map(|w| w.notes).unwrap_or_default();
        how.extend(candidate.how);
        how.dedup();
        notes.extend(candidate.notes);
        let look = Ok(Content::Bundle(bundle.clone()));
        whole = Some(Candidate { span: start..candidate.span.end, how, look, notes, bytes: Zeroizing::default() });
    }
    whole.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_armour_with_headers_is_taken_apart() {
        let text = "  -----BEGIN RSA PRIVATE KEY-----\n  Proc-Type: 4,ENCRYPTED\n  DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n  AAAA\n  BBBB\n  -----END RSA PRIVATE KEY-----\n";
        let blocks = blocks(text);
        assert_eq!(blocks.len(), 1);
        assert_eq!((blocks[0].body.as_str(), blocks[0].headers.len(), blocks[0].closed), ("AAAABBBB", 2, true));
        assert!(matches!(open(&blocks[0], &Wanted::default()), Ok(Content::Locked(Locked::Pem { .. }))));
    }

    #[test]
    fn armour_around_bare_numbers_is_refused_in_words() {
        let body = base64::encode(&[0xAB; 128]);
        let text = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", body.as_str());
        let refusal = read(&text, &Wanted::default()).remove(0).look.unwrap_err().to_string();
        assert!(refusal.contains("not ASN.1") && refusal.contains("bare RSA modulus"), "{refusal}");
    }

    #[test]
    fn armour_that_lost_its_end_says_so() {
        let refusal = read("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n", &Wanted::default()).remove(0).look.unwrap_err();
        assert!(refusal.message.contains("-----END PRIVATE KEY----- is missing"), "{refusal}");
    }
}
