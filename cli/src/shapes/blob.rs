//! CNG and CryptoAPI blobs: recognised by magic through vendor-ext's table. Adds what vendor-ext cannot say in one line: what
//! another reading of the same bytes would be, and what to do.

use super::{Blob, Content, Key, Refusal, Wanted, describe};
use cngtoken_blob::{BlobError, Context, Fault, FaultClass};
use cngtoken_key::{Claim, RsaClaim, Secret, Uint};

const PUBLICKEYBLOB: u8 = 6;
const PRIVATEKEYBLOB: u8 = 7;

/// The blob that starts at the first byte.
pub(super) fn recognise(bytes: &[u8], wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    if let Some(refusal) = other_capi(bytes) {
        return Some(Err(refusal));
    }
    let row = match cngtoken_blob::sniff(bytes) {
        Ok(row) => row,
        Err(error) if error.fault.class() == FaultClass::NotSupported => return Some(Err(Refusal::new(error.to_string()))),
        Err(_) => return None,
    };
    match cngtoken_blob::decode(bytes, &wanted.context()) {
        Ok(decoded) => Some(Ok(Content::Blob(Blob {
            bytes: Secret::copy_of(bytes),
            row: decoded.row,
            half: decoded.half,
            what: describe(&decoded.claim),
            via: None,
        }))),
        // Something beside the blob may complete it: the token says what is missing.
        Err(error) if matches!(error.fault.class(), FaultClass::CurveMissing | FaultClass::Incomplete) => {
            Some(Ok(Content::Blob(Blob { bytes: Secret::copy_of(bytes), row, half: row.half, what: String::new(), via: None })))
        }
        Err(error) => Some(match without_private_exponent(bytes).filter(|_| wanted.recompute) {
            Some(claim) => Ok(Content::Key(Key { kind: row.name, claim: Claim::Rsa(claim), label: None, aes: false })),
            None => Err(explain(bytes, row.name, &error)),
        }),
    }
}

/// The same, said to be inside `via`.
pub(super) fn inside(bytes: &[u8], via: &'static str, wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    Some(match recognise(bytes, wanted)? {
        Ok(Content::Blob(blob)) => Ok(Content::Blob(Blob { via: Some(via), ..blob })),
        Ok(other) => Ok(other),
        Err(refusal) => Err(Refusal { message: format!("{via}: {}", refusal.message), hints: refusal.hints }),
    })
}

/// A BLOBHEADER with a type that is no key blob, or a private one whose body is ciphertext.
fn other_capi(bytes: &[u8]) -> Option<Refusal> {
    let [kind, version, 0, 0, alg @ ..] = bytes.get(..8)? else { return None };
    let alg = u32::from_le_bytes(alg.try_into().ok()?);
    if !matches!(version, 2 | 3) || !known_alg(alg) {
        return None;
    }
    let what = match *kind {
        1 => "SIMPLEBLOB: a session key encrypted to somebody's public key; it opens only with that private key, and holds no key pair",
        8 => "PLAINTEXTKEYBLOB: a CryptoAPI session key in clear; export it from CNG as KeyDataBlob to import it",
        9 => "OPAQUEKEYBLOB: a session key in a layout that only the provider that wrote it can read",
        0xA => "PUBLICKEYBLOBEX: a layout that only the provider that wrote it can read; export PUBLICKEYBLOB instead",
        0xB => "SYMMETRICWRAPKEYBLOB: a session key wrapped under another session key",
        0xC => "KEYSTATEBLOB: the state of a provider's key, readable by that provider only",
        PRIVATEKEYBLOB if private_magic_missing(bytes) => {
            "a CryptoAPI PRIVATEKEYBLOB whose magic is missing: it was exported under a session key (hExpKey), so all but its first 8 bytes are encrypted"
        }
        _ => return None,
    };
    let refusal = Refusal::new(what);
    Some(if *kind == PRIVATEKEYBLOB { refusal.hint("export it again with hExpKey = 0") } else { refusal })
}

fn known_alg(alg: u32) -> bool {
    // Classes of CryptoAPI's ALG_ID: signature, data encryption, key exchange; AT_KEYEXCHANGE and AT_SIGNATURE are seen in the wild.
    matches!(alg, 1 | 2) || matches!(alg >> 13, 1 | 3 | 5) && alg < 0x1_0000
}

fn private_magic_missing(bytes: &[u8]) -> bool {
    bytes.len() >= 64 && bytes.get(8..12).is_some_and(|magic| !magic.starts_with(b"RSA") && !magic.starts_with(b"DSS") && !magic.starts_with(b"\0DH"))
}

/// One line with the blob's name, and hints.
fn explain(bytes: &[u8], name: &str, error: &BlobError) -> Refusal {
    let mut refusal = Refusal::new(match &error.fault {
        Fault::WrongTotal { expected, found } if found > expected => {
            format!(
                "{name}: {found} bytes are too long, the blob ends after {expected}: {} trailing bytes follow it",
                found.saturating_sub(*expected)
            )
        }
        Fault::WrongTotal { expected, found } => {
            format!("{name}: the file ends too early (truncated): the header asks for {expected} bytes, {found} are there")
        }
        Fault::TooShort { .. } => format!("{name}: the file ends too early (truncated): {error}"),
        _ => format!("{name}: {error}"),
    });
    if let Some(reading) = other_reading(bytes, name) {
        refusal = refusal.hint(reading);
    }
    if let Some(offer) = private_exponent_cut(bytes) {
        refusal = refusal.hint(offer);
    }
    if let (Fault::WrongTotal { expected, found }, true) = (&error.fault, bytes.len() > 12) {
        let tail = usize::try_from(*expected).ok().and_then(|n| bytes.get(n..));
        if found > expected && tail.is_some_and(|t| t.iter().all(|&b| b == 0)) {
            refusal =
                refusal.hint(format!("zeros follow: the whole buffer was written instead of the returned length; keep the first {expected} bytes"));
        }
    }
    refusal
}

/// The same bytes with the other half's magic, where the length fits that.
fn other_reading(bytes: &[u8], name: &str) -> Option<String> {
    let mut swapped = Secret::copy_of(bytes);
    let letter = swapped.expose_mut().get_mut(3)?;
    *letter = match *letter {
        d @ (b'1' | b'3' | b'5') => d.checked_add(1)?,
        d @ (b'2' | b'4' | b'6') => d.checked_sub(1)?,
        b'P' => b'V',
        b'V' => b'P',
        b'B' => b'V',
        _ => return None,
    };
    let decoded = cngtoken_blob::decode(swapped.expose(), &Context::default()).ok()?;
    let magic = String::from_utf8_lossy(swapped.expose().get(..4)?).into_owned();
    let has = if decoded.half == cngtoken_key::Half::Private { "private" } else { "public" };
    Some(format!("the length is that of {} (magic {magic}), a {has} key: the magic of {name} may be the wrong letter", decoded.row.name))
}

/// A CryptoAPI RSA private blob that lost (part of) d, its last number.
fn private_exponent_cut(bytes: &[u8]) -> Option<String> {
    let (modulus, whole, before_d) = capi_rsa_layout(bytes)?;
    if bytes.len() >= whole || bytes.len() < before_d {
        return None;
    }
    let have = bytes.len().checked_sub(before_d)?;
    Some(format!(
        "the private exponent has {have} of {modulus} bytes ({} are missing); p, q and e are whole, so --recompute can compute it again",
        modulus.saturating_sub(have)
    ))
}

/// Of a CryptoAPI RSA private blob: bytes of the modulus, of the whole, and before d.
fn capi_rsa_layout(bytes: &[u8]) -> Option<(usize, usize, usize)> {
    if bytes.first() != Some(&PRIVATEKEYBLOB) || bytes.get(8..12)? != b"RSA2" {
        return None;
    }
    let bits = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
    let modulus = usize::try_from(bits.checked_div(8)?).ok().filter(|&n| n <= 8192)?;
    let half = modulus.div_ceil(2);
    let before_d = modulus.checked_add(half.checked_mul(5)?)?.checked_add(20)?;
    Some((modulus, before_d.checked_add(modulus)?, before_d))
}

/// A CryptoAPI RSA private blob that lost part of d, as numbers without d.
fn without_private_exponent(bytes: &[u8]) -> Option<RsaClaim> {
    let (modulus, whole, before_d) = capi_rsa_layout(bytes)?;
    if bytes.len() >= whole || bytes.len() < before_d {
        return None;
    }
    let half = modulus.div_ceil(2);
    let q_at = modulus.checked_add(half)?.checked_add(20)?;
    Some(RsaClaim {
        n: Some(Uint::from_le(bytes.get(20..modulus.checked_add(20)?)?)),
        e: Some(Uint::from_le(bytes.get(16..20)?)),
        p: Some(Uint::from_le(bytes.get(modulus.checked_add(20)?..q_at)?)),
        q: Some(Uint::from_le(bytes.get(q_at..q_at.checked_add(half)?)?)),
        ..RsaClaim::default()
    })
}

/// Whether bytes begin like a CryptoAPI key blob.
pub(super) fn is_capi(bytes: &[u8]) -> bool {
    matches!(bytes.get(..4), Some([PUBLICKEYBLOB | PRIVATEKEYBLOB, 2 | 3, 0, 0]))
}
