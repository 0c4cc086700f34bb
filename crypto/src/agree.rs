//! Agreement on a secret: the shared coordinate or number, as it is, its trailing bytes, or through X9.63's derivation. Encapsulation too.
//! The peer's public key is checked by the family that uses it.

use crate::key::Family;
use crate::{Agree, AgreeKdf, CryptoError, Digester, Key, dh};
use cngtoken_key::Secret;
use zeroize::Zeroizing;

/// Longest secret that a derivation gives.
const MAX_DERIVED: usize = 1 << 16;

/// The secret that `key` and the owner of `peer` share.
///
/// `peer`: a point (SEC 1; X25519: 32 bytes) or a DER OCTET STRING of one; Diffie-Hellman: y, big-endian. `want`: how many bytes; without it the whole
/// shared value. A derivation gives that many bytes; without one the *trailing* bytes of the shared value are kept, as the peers do.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key that cannot agree so, [`CryptoError::PublicKey`] for a peer that is no valid public key of the key's group,
/// [`CryptoError::Param`] if `want` is 0 or more than there is.
pub fn agree(key: &Key, peer: &[u8], how: &Agree, want: Option<usize>) -> Result<Secret, CryptoError> {
    let (shared_value, derivation) = match (how, key.family(key.fast_agreement())) {
        (Agree::Ecdh { kdf, shared, cofactor: _ }, Family::Ec(ec)) => (ec.agree(peer)?, kdf.map(|kdf| (kdf, shared))),
        (Agree::Ecdh { kdf, shared, .. } | Agree::X25519 { kdf, shared }, Family::Montgomery(key)) => {
            (key.agree(peer)?, kdf.map(|kdf| (kdf, shared)))
        }
        (Agree::Dh, Family::Dh(Some(key))) => (dh::agree(key, peer)?, None),
        _ => return Err(CryptoError::KeyType),
    };
    match (derivation, want) {
        (_, Some(0)) => Err(CryptoError::Param("no bytes wanted")),
        (Some((kdf, shared)), want) => derive(kdf, &shared_value, shared, want.unwrap_or(shared_value.len())),
        (None, None) => Ok(Secret::copy_of(&shared_value)),
        (None, Some(want)) => {
            let start = shared_value.len().checked_sub(want).ok_or(CryptoError::Param("more bytes wanted than the shared value has"))?;
            Ok(Secret::copy_of(shared_value.get(start..).unwrap_or_default()))
        }
    }
}

/// Hash(Z ‖ counter ‖ SharedInfo) or Hash(counter ‖ Z ‖ FixedInfo) for counter = 1, 2, …, four bytes, big-endian.
fn derive(kdf: AgreeKdf, z: &[u8], shared: &[u8], want: usize) -> Result<Secret, CryptoError> {
    let (hash, counter_first) = match kdf {
        AgreeKdf::X963(hash) => (hash, false),
        AgreeKdf::OneStep(hash) => (hash, true),
    };
    if want > MAX_DERIVED {
        return Err(CryptoError::Param("more bytes wanted than a derivation gives"));
    }
    let mut out = Zeroizing::new(Vec::with_capacity(want.saturating_add(hash.len())));
    let mut counter = 0u32;
    while out.len() < want {
        counter = counter.wrapping_add(1);
        let mut state = Digester::new(hash);
        let count = counter.to_be_bytes();
        let (first, second): (&[u8], &[u8]) = if counter_first { (&count, z) } else { (z, &count) };
        state.update(first);
        state.update(second);
        state.update(shared);
        out.extend_from_slice(&Zeroizing::new(state.finish()));
    }
    Ok(Secret::copy_of(out.get(..want).unwrap_or_default()))
}

/// A fresh secret and its ciphertext for the owner of `key`.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key that cannot encapsulate.
pub fn encapsulate(key: &Key) -> Result<(Vec<u8>, Secret), CryptoError> {
    match key.family(key.fast_agreement()) {
        Family::MlKem(key) => key.encapsulate(),
        _ => Err(CryptoError::KeyType),
    }
}

/// The secret behind `ciphertext`. A ciphertext of the right length always gives one (FIPS 203's implicit rejection).
///
/// # Errors
/// [`CryptoError::KeyType`] for a key that cannot decapsulate, [`CryptoError::EncryptedDataLen`] for a wrong length.
pub fn decapsulate(key: &Key, ciphertext: &[u8]) -> Result<Secret, CryptoError> {
    match key.family(key.fast_agreement()) {
        Family::MlKem(key) => key.decapsulate(ciphertext),
        _ => Err(CryptoError::KeyType),
    }
}

/// The content of a DER OCTET STRING that fills `der` exactly, in the short form or with one or two bytes of length.
pub(crate) fn octet_string(der: &[u8]) -> Option<&[u8]> {
    let rest = der.strip_prefix(&[4])?;
    let (len, content) = match rest {
        [len @ 0..=0x7F, content @ ..] => (usize::from(*len), content),
        [0x81, len, content @ ..] if *len >= 0x80 => (usize::from(*len), content),
        [0x82, high, low, content @ ..] if *high > 0 => ((usize::from(*high) << 8) | usize::from(*low), content),
        _ => return None,
    };
    (content.len() == len).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;

    #[test]
    fn the_derivation_gives_the_published_bytes() {
        // NIST CAVS, ANSI X9.63-2001, SHA-256, first vector with 128 bits of key and no SharedInfo.
        let z = hex::decode("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08").unwrap();
        assert_eq!(hex::encode(derive(AgreeKdf::X963(Hash::Sha256), &z, &[], 16).unwrap().expose()), "443024c3dae66b95e6f5670601558f71");
    }

    #[test]
    fn one_step_counts_before_the_secret() {
        // The definition with one block, by the digest alone.
        let mut state = Digester::new(Hash::Sha256);
        state.update(b"\0\0\0\x01zinfo");
        let block = state.finish();
        assert_eq!(derive(AgreeKdf::OneStep(Hash::Sha256), b"z", b"info", 20).unwrap().expose(), &block[..20]);
        assert_ne!(derive(AgreeKdf::X963(Hash::Sha256), b"z", b"info", 20).unwrap().expose(), &block[..20]);
    }

    #[test]
    fn a_derivation_gives_a_prefix_of_a_longer_one() {
        let long = derive(AgreeKdf::X963(Hash::Sha1), b"z", b"info", 100).unwrap();
        let short = derive(AgreeKdf::X963(Hash::Sha1), b"z", b"info", 21).unwrap();
        assert_eq!(long.expose()[..21], *short.expose());
        assert!(derive(AgreeKdf::X963(Hash::Sha1), b"z", b"", MAX_DERIVED + 1).is_err());
    }

    #[test]
    fn only_der_is_an_octet_string() {
        assert_eq!(octet_string(&[4, 2, 7, 8]), Some(&[7, 8][..]));
        for bad in [&[4, 3, 7, 8][..], &[4, 0x81, 2, 7, 8], &[5, 2, 7, 8], &[4], &[], &[4, 0x82, 0, 1, 9]] {
            assert_eq!(octet_string(bad), None);
        }
    }
}
