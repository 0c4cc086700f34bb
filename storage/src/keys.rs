//! The keys of an unlocked token: the master key, what is derived from it, and sealing. Store format, section 3.
//!
//! Called by every operation that writes, and by those that read what is private. Nothing here touches the file.

use crate::fields::{MacKey, digest, half};
use crate::{Role, StoreError};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// 32 secret bytes, wiped on drop.
pub(crate) type Key32 = Zeroizing<[u8; 32]>;

pub(crate) const NONCE_BYTES: usize = 24;
pub(crate) const TAG_BYTES: usize = 16;
/// What sealing adds to a text.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// What a right PIN gives: the token's master key and the keys derived from it. Wiped on drop.
pub struct Keys {
    role: Role,
    pub(crate) key_id: [u8; 16],
    pub(crate) master: Key32,
    pub(crate) object: Key32,
    pub(crate) summary: Key32,
    pub(crate) header: MacKey,
    pub(crate) leaf: MacKey,
    pub(crate) set: MacKey,
    term: MacKey,
}

impl Keys {
    pub(crate) fn derive(role: Role, store_id: &[u8; 16], key_id: [u8; 16], master: Key32) -> Result<Self, StoreError> {
        let hkdf = Hkdf::<Sha256>::new(Some(store_id), master.as_slice());
        let key = |label: &str| -> Result<Key32, StoreError> {
            let mut out = Zeroizing::new([0u8; 32]);
            // HKDF refuses only outputs of more than 8160 bytes.
            hkdf.expand(label.as_bytes(), out.as_mut_slice()).map_err(|e| StoreError::Io { why: format!("key derivation: {e}") })?;
            Ok(out)
        };
        Ok(Self {
            role,
            key_id,
            object: key("cngtoken 1 object")?,
            summary: key("cngtoken 1 summary")?,
            header: MacKey::new(&*key("cngtoken 1 header")?),
            leaf: MacKey::new(&*key("cngtoken 1 leaf")?),
            set: MacKey::new(&*key("cngtoken 1 set")?),
            term: MacKey::new(&*key("cngtoken 1 term")?),
            master,
        })
    }

    /// Whose PIN gave them.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The index hash of a private object's term.
    pub(crate) fn private_term(&self, tag: u32, bytes: &[u8]) -> [u8; 16] {
        half(&self.term.mac(&[&u64::from(tag).to_le_bytes(), bytes]))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?})", self.role)
    }
}

/// The index hash of a public object's term.
pub(crate) fn public_term(tag: u32, bytes: &[u8]) -> [u8; 16] {
    half(&digest("cngtoken 1 public term", &[&u64::from(tag).to_le_bytes(), bytes]))
}

/// nonce ‖ ciphertext ‖ tag. `parts` are the pieces of the text, concatenated.
pub(crate) fn seal(key: &Key32, ad: &[u8; 32], parts: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    // Allocated once at full size: growing would leave copies of the text behind.
    let mut out = Vec::with_capacity(length.saturating_add(SEAL_BYTES));
    let nonce: [u8; NONCE_BYTES] = random()?;
    out.extend_from_slice(&nonce);
    parts.iter().for_each(|p| out.extend_from_slice(p));
    let text = out.get_mut(NONCE_BYTES..).unwrap_or_default();
    let tag = XChaCha20Poly1305::new((&**key).into())
        .encrypt_inout_detached(&XNonce::from(nonce), ad, text.into())
        .map_err(|_| StoreError::Refused { why: "the record is too large to be sealed".into() })?;
    out.extend_from_slice(&tag);
    Ok(out)
}

/// The text, or nothing if key, associated data or ciphertext are not the ones of sealing.
pub(crate) fn open(key: &Key32, ad: &[u8; 32], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
    let (text, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
    let mut text = Zeroizing::new(text.to_vec());
    XChaCha20Poly1305::new((&**key).into())
        .decrypt_inout_detached(&XNonce::try_from(nonce).ok()?, ad, text.as_mut_slice().into(), &Tag::try_from(tag).ok()?)
        .ok()?;
    Some(text)
}

/// Fresh random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut out = [0u8; N];
    getrandom::fill(&mut out).map_err(|e| StoreError::Io { why: format!("no random bytes: {e}") })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_with_its_key_and_its_associated_data() {
        let key = Zeroizing::new([1u8; 32]);
        let sealed = seal(&key, &[7; 32], &[b"ab", b"c"]).unwrap();

        assert_eq!(open(&key, &[7; 32], &sealed).unwrap().as_slice(), b"abc");
        assert!(open(&key, &[8; 32], &sealed).is_none());
        assert!(open(&Zeroizing::new([2; 32]), &[7; 32], &sealed).is_none());
        for length in 0..sealed.len() {
            assert!(open(&key, &[7; 32], &sealed[..length]).is_none());
        }
    }
}
