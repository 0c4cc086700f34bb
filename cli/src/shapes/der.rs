//! ASN.1 containers, told apart by their outline: PKCS#8 (plain and encrypted), PKCS#12, PKCS#1, SEC 1, OpenSSL's DSA form,
//! SubjectPublicKeyInfo, X.509, CMS. Which numbers a key has is read by the token's own decoders, the same that C_UnwrapKey uses.

use super::{Content, Key, Locked, Refusal, Wanted, ber, certificate, cms};
use cngtoken::object::{pkcs8, spki};
use cngtoken_crypto::pbe;
use cngtoken_key::{Claim, DsaClaim, RsaClaim, Uint};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use zeroize::Zeroizing;

/// The container that `bytes` are; only complete outlines are recognised.
pub(super) fn recognise(bytes: &[u8], _: &Wanted) -> Option<Result<Content, Refusal>> {
    if bytes.first() != Some(&0x30) {
        return None;
    }
    if bytes.get(1) == Some(&0x80) && matches!(bytes.get(2), Some(0x02 | 0x06 | 0x30)) {
        return Some(indefinite(bytes));
    }
    let (header, promised) = header(bytes)?;
    let whole = header.checked_add(promised)?;
    let body = match bytes.len().checked_sub(whole) {
        Some(0) => bytes,
        Some(1 | 2) if bytes.get(whole..)?.iter().all(|&b| b == b'\n' || b == b'\r') => bytes.get(..whole)?,
        // A header of two or three bytes is too weak a sign to call a fragment of text a damaged container.
        Some(extra) => {
            return strong(bytes).then(|| Err(Refusal::new(format!("ASN.1 of {whole} bytes, after which {extra} trailing bytes follow: too long"))));
        }
        None => {
            return strong(bytes).then(|| {
                Err(Refusal::new(format!("ASN.1 that ends too early (truncated): its header asks for {whole} bytes, {} are there", bytes.len())))
            });
        }
    };
    classify(body)
}

/// ASN.1 with indefinite lengths (BER), as NSS, Java and old Windows write PKCS#12: read as the DER that it stands for.
fn indefinite(bytes: &[u8]) -> Result<Content, Refusal> {
    let Some((der, used)) = ber::to_der(bytes) else {
        return Err(Refusal::new("ASN.1 with indefinite lengths (BER) that ends too early (truncated) or is damaged"));
    };
    let tail = bytes.get(used..).unwrap_or_default();
    if !tail.iter().all(|b| matches!(b, b'\r' | b'\n')) {
        return Err(Refusal::new(format!("ASN.1 (BER) of {used} bytes, after which {} trailing bytes follow: too long", tail.len())));
    }
    classify(&der).unwrap_or_else(|| {
        let refusal = Refusal::new("ASN.1 with indefinite lengths (BER) that holds no key container known here");
        Err(refusal.hint("`openssl asn1parse -inform DER` shows what it is; openssl pkcs12, pkcs8 or x509 write it again as DER"))
    })
}

/// A long SEQUENCE that begins as a key container does.
fn strong(bytes: &[u8]) -> bool {
    bytes.len() >= 64 && bytes.get(1) == Some(&0x82) && matches!(bytes.get(4), Some(0x02 | 0x30 | 0x06))
}

/// Bytes of the outermost header, and of what it promises.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.get(1)?;
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 4 {
        return None;
    }
    let len = bytes.get(2..count.checked_add(2)?)?.iter().fold(0usize, |n, &b| n << 8 | usize::from(b));
    Some((count.checked_add(2)?, len))
}

/// The elements of a SEQUENCE that fills `bytes`.
pub(super) fn elements(bytes: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let any = AnyRef::from_der(bytes).ok().filter(|a| a.tag() == Tag::Sequence)?;
    let mut reader = SliceReader::new(any.value()).ok()?;
    let mut out = Vec::new();
    while !reader.is_finished() {
        out.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(out)
}

fn classify(bytes: &[u8]) -> Option<Result<Content, Refusal>> {
    let parts = elements(bytes)?;
    let tags: Vec<Tag> = parts.iter().map(|p| p.tag()).collect();
    match tags.as_slice() {
        [Tag::Integer, Tag::Sequence, Tag::OctetString, ..] if small(&parts).is_some_and(|n| n <= 1) => {
            Some(key("PKCS8_PRIVATEKEY", "PKCS#8", pkcs8::decode(bytes)))
        }
        [Tag::Integer, Tag::Sequence, ..] if small(&parts) == Some(3) && first_oid(parts.get(1)?).is_some() => {
            Some(Ok(Content::Locked(Locked::Pkcs12(bytes.to_vec()))))
        }
        [Tag::Sequence, Tag::OctetString] if first_oid(parts.first()?).is_some_and(|oid| pbe::is_scheme(&oid.to_string())) => {
            Some(Ok(Content::Locked(Locked::Pkcs8(bytes.to_vec()))))
        }
        [Tag::Sequence, Tag::BitString] if first_oid(parts.first()?).is_some() => {
            Some(key("SubjectPublicKeyInfo", "a public key (SubjectPublicKeyInfo)", spki::decode(bytes)))
        }
        [Tag::Sequence, Tag::Sequence, Tag::BitString] => signed(bytes, &parts),
        [Tag::Integer, Tag::OctetString, ..] if small(&parts) == Some(1) => Some(key("SEC1", "an EC private key (SEC 1)", pkcs8::decode_sec1(bytes))),
        [Tag::ObjectIdentifier, Tag::ContextSpecific { .. }] => cms::recognise(bytes),
        integers if integers.len() >= 2 && integers.iter().all(|&t| t == Tag::Integer) || multi_prime(integers) => numbers(bytes, &parts),
        _ => None,
    }
}

fn multi_prime(tags: &[Tag]) -> bool {
    tags.len() == 10 && tags.last() == Some(&Tag::Sequence) && tags.iter().take(9).all(|&t| t == Tag::Integer)
}

fn small(parts: &[AnyRef<'_>]) -> Option<u8> {
    parts.first()?.decode_as::<u8>().ok()
}

/// The object identifier that a SEQUENCE starts with.
fn first_oid(sequence: &AnyRef<'_>) -> Option<ObjectIdentifier> {
    let mut reader = SliceReader::new(sequence.value()).ok()?;
    ObjectIdentifier::decode(&mut reader).ok()
}

fn key<E: core::fmt::Display>(kind: &'static str, name: &str, claim: Result<Claim, E>) -> Result<Content, Refusal> {
    match claim {
        Ok(claim) => Ok(Content::Key(Key { kind, claim, label: None, aes: false })),
        Err(e) => Err(Refusal::new(format!("{name}: {e}"))),
    }
}

/// To-be-signed, algorithm, signature: a certificate, a request or a revocation list.
fn signed(bytes: &[u8], parts: &[AnyRef<'_>]) -> Option<Result<Content, Refusal>> {
    if let Ok(certificate) = certificate::parse(bytes) {
        return Some(Ok(Content::Certificate(certificate)));
    }
    let tbs = elements(&parts.first()?.to_der().ok()?)?.iter().map(|p| p.tag()).collect::<Vec<_>>();
    Some(Err(Refusal::new(match tbs.as_slice() {
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::ContextSpecific { .. }] => {
            "a certificate request: it holds a public key and no private key; look for the key beside it"
        }
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..] => "a revocation list: it holds no key",
        _ => return None,
    })))
}

/// SEQUENCEs of nothing but numbers.
fn numbers(bytes: &[u8], parts: &[AnyRef<'_>]) -> Option<Result<Content, Refusal>> {
    let uints: Vec<Uint> = parts.iter().filter_map(|p| p.decode_as::<UintRef<'_>>().ok()).map(|n| Uint::from_be(n.as_bytes())).collect();
    match (parts.len(), uints.as_slice()) {
        (9 | 10, [version, ..]) if version.to_u64().is_some_and(|v| v <= 1) => {
            Some(key("PKCS#1", "an RSA private key (PKCS#1)", pkcs8::decode_rsa(bytes)))
        }
        (6, [version, p, q, g, y, x]) if version.is_zero() && p.bit_len() >= 512 => {
            let claim = DsaClaim { p: p.clone(), q: q.clone(), g: g.clone(), seed: None, y: Some(y.clone()), x: Some(x.clone()) };
            Some(Ok(Content::Key(Key { kind: "DSA private key", claim: Claim::Dsa(claim), label: None, aes: false })))
        }
        (2, [n, e]) if n.bit_len() >= 512 && e.bit_len() <= 64 && e.is_odd() => {
            let claim = RsaClaim { n: Some(n.clone()), e: Some(e.clone()), ..RsaClaim::default() };
            Some(Ok(Content::Key(Key { kind: "PKCS#1", claim: Claim::Rsa(claim), label: None, aes: false })))
        }
        (2 | 3, [p, ..]) if p.bit_len() >= 512 => Some(Err(Refusal::new("parameters of a Diffie-Hellman or DSA group: they hold no key"))),
        _ => None,
    }
}

/// Decrypts an EncryptedPrivateKeyInfo.
pub(super) fn open_pkcs8(bytes: &[u8], password: &str, budget: &mut pbe::Budget) -> Result<Claim, OpenError> {
    let parts = elements(bytes).unwrap_or_default();
    let [algorithm, data] = parts.as_slice() else { return Err(OpenError::Refused(Refusal::new("PKCS#8: the outline is damaged"))) };
    let refused = |e: der::Error| OpenError::Refused(Refusal::new(format!("PKCS#8 (encrypted): {e}")));
    let plain = pbe::decrypt(&algorithm.to_der().map_err(refused)?, data.value(), password, budget).map_err(|e| match e {
        pbe::PbeError::WrongPassword => OpenError::WrongPassword,
        pbe::PbeError::Unknown(why) => OpenError::Refused(Refusal::new(format!("PKCS#8 (encrypted): {why}"))),
    })?;
    inner_pkcs8(&plain)
}

/// A decrypted PrivateKeyInfo: padding that happened to fit is told from a key by its outline.
pub(super) fn inner_pkcs8(plain: &Zeroizing<Vec<u8>>) -> Result<Claim, OpenError> {
    let outline = elements(plain)
        .is_some_and(|p| matches!(p.as_slice(), [v, a, k, ..] if (v.tag(), a.tag(), k.tag()) == (Tag::Integer, Tag::Sequence, Tag::OctetString)));
    if !outline {
        return Err(OpenError::WrongPassword);
    }
    pkcs8::decode(plain).map_err(|e| OpenError::Refused(Refusal::new(format!("PKCS#8: {e}"))))
}

/// Why an encrypted container stays closed.
#[derive(Debug)]
pub(super) enum OpenError {
    WrongPassword,
    Refused(Refusal),
}
