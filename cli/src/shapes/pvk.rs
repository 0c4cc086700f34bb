//! PVK files: a header of six fields, a salt if encrypted, then a CryptoAPI private blob whose first eight bytes stay in clear.
//!
//! The RC4 key is SHA-1(salt ‖ password), 16 bytes of it or (export form) five and eleven zeros; nothing says which, so both are
//! tried and the blob's magic decides. Source: the field's description of pvk (dwMagic 0xB0B5F11E) and OpenSSL's reader as a witness.

use super::{Content, Locked, Refusal, Wanted, blob};
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

const MAGIC: [u8; 4] = [0x1E, 0xF1, 0xB5, 0xB0];
const HEADER: usize = 24;
const MAX_SALT: usize = 10 << 10;
/// BLOBHEADER, never encrypted.
const CLEAR: usize = 8;

/// An encrypted PVK file, taken apart.
#[derive(Clone, Debug)]
pub struct EncryptedPvk {
    salt: Vec<u8>,
    body: Vec<u8>,
}

/// A PVK file; encrypted ones come back locked.
pub(super) fn recognise(bytes: &[u8], wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    (bytes.get(..4)? == MAGIC).then(|| open(bytes, wanted))
}

fn open(bytes: &[u8], wanted: &Wanted) -> Result<Content, Refusal> {
    let field = |at: usize| {
        let raw = at.checked_add(4).and_then(|end| bytes.get(at..end)).and_then(|b| b.try_into().ok());
        raw.map(u32::from_le_bytes).ok_or_else(|| Refusal::new("PVK: the file ends inside its header (truncated)"))
    };
    let (encrypted, salt_len, key_len) = (field(12)?, field(16)?, field(20)?);
    let salt_len = usize::try_from(salt_len).unwrap_or(usize::MAX);
    let key_len = usize::try_from(key_len).unwrap_or(usize::MAX);
    if salt_len > MAX_SALT {
        return Err(Refusal::new(format!("PVK: cbEncryptData at offset 16 says {salt_len} bytes of salt, at most {MAX_SALT} are expected")));
    }
    let expected = HEADER.saturating_add(salt_len).saturating_add(key_len);
    if bytes.len() != expected {
        let which = if bytes.len() < expected { "ends too early (truncated)" } else { "is too long" };
        return Err(Refusal::new(format!("PVK: the file {which}: its header asks for {expected} bytes, {} are there", bytes.len())));
    }
    let start = HEADER.saturating_add(salt_len);
    let salt = bytes.get(HEADER..start).unwrap_or_default();
    let body = bytes.get(start..).unwrap_or_default();
    if encrypted != 0 && salt_len > 0 {
        return Ok(Content::Locked(Locked::Pvk(EncryptedPvk { salt: salt.to_vec(), body: body.to_vec() })));
    }
    blob::inside(body, "PVK", wanted)
        .unwrap_or_else(|| Err(Refusal::new(format!("PVK: no CryptoAPI private blob follows the header (offset {start})"))))
}

/// Opens an encrypted file. `None`: the password is wrong.
pub(super) fn decrypt(pvk: &EncryptedPvk, password: &str, wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    // Windows hashed the password in its code page; for letters outside ASCII, Latin-1 is the likeliest.
    let latin1: Option<Zeroizing<Vec<u8>>> =
        password.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>().map(Zeroizing::new);
    let spellings = [Some(Zeroizing::new(password.as_bytes().to_vec())), latin1];
    for spelling in spellings.iter().flatten() {
        let hash = Zeroizing::new(<[u8; 20]>::from(Sha1::new().chain_update(&pvk.salt).chain_update(spelling.as_slice()).finalize()));
        for strong in [true, false] {
            let mut key = Zeroizing::new([0u8; 16]);
            let used = if strong { 16 } else { 5 };
            key.iter_mut().zip(hash.iter()).take(used).for_each(|(k, h)| *k = *h);
            let mut blob = Zeroizing::new(pvk.body.clone());
            let Some(secret) = blob.get_mut(CLEAR..) else { continue };
            let Ok(mut cipher) = Rc4::new_from_slice(key.as_slice()) else { continue };
            cipher.apply_keystream(secret);
            if blob.get(CLEAR..CLEAR + 4).is_some_and(|magic| magic == b"RSA2" || magic == b"DSS2" || magic == b"DSS4") {
                return blob::inside(&blob, "PVK, decrypted", wanted);
            }
        }
    }
    None
}

/// The header that `cngtoken export --type PVK` writes before a private blob.
#[must_use]
pub fn header(sign_only: bool, blob_len: u32) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for field in [0u32, if sign_only { 2 } else { 1 }, 0, 0, blob_len] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out
}
