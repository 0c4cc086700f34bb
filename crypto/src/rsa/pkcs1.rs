//! The paddings of PKCS#1 v1.5 (RFC 8017, 7.2 and 9.2), and implicit rejection (draft-irtf-cfrg-rsa-guidance-10, 7). Blocks only; the RSA
//! operation is the caller's. Decoding touches every byte whatever it finds and reports once.

use crate::{CryptoError, random};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

/// 00 01 FF … FF 00 T; `None` if `t` is longer than k − 11.
pub(super) fn signature_block(t: &[u8], k: usize) -> Option<Vec<u8>> {
    if t.len().checked_add(11)? > k {
        return None;
    }
    let mut em = vec![0xFF; k];
    let start = k.checked_sub(t.len())?;
    *em.first_mut()? = 0;
    *em.get_mut(1)? = 1;
    *em.get_mut(start.checked_sub(1)?)? = 0;
    em.get_mut(start..)?.copy_from_slice(t);
    Some(em)
}

/// What stands behind a signature block's padding. Signatures are public, so this need not hide where it fails.
pub(super) fn signature_content(em: &[u8]) -> Option<&[u8]> {
    let rest = em.strip_prefix(&[0, 1])?;
    let padding = rest.iter().take_while(|&&b| b == 0xFF).count();
    let content = rest.get(padding..)?.strip_prefix(&[0])?;
    (padding >= 8).then_some(content)
}

/// 00 02 PS 00 M with at least eight random bytes of padding, none of them zero.
pub(super) fn encryption_block(message: &[u8], k: usize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let start = k.checked_sub(message.len()).filter(|&s| s >= 11).ok_or(CryptoError::DataLen)?;
    let mut em = Zeroizing::new(vec![0u8; k]);
    if let [_, two, rest @ ..] = em.as_mut_slice() {
        *two = 2;
        let padding = rest.get_mut(..start.saturating_sub(3)).unwrap_or_default();
        random(padding)?;
        for byte in padding.iter_mut() {
            while *byte == 0 {
                random(std::slice::from_mut(byte))?;
            }
        }
    }
    em.get_mut(start..).unwrap_or_default().copy_from_slice(message);
    Ok(em)
}

/// Whether the block is well-formed, and the length of its message (0 if not).
fn decode(em: &[u8]) -> (Choice, u32) {
    let k = u32::try_from(em.len()).unwrap_or(0);
    let mut ok = Choice::from(1);
    let mut separator = 0u32;
    let mut looking = Choice::from(1);
    for (i, byte) in (0u32..).zip(em) {
        match i {
            0 => ok &= byte.ct_eq(&0),
            1 => ok &= byte.ct_eq(&2),
            _ => {
                let here = byte.ct_eq(&0) & looking;
                separator.conditional_assign(&i, here);
                looking &= !here;
            }
        }
    }
    // Eight bytes of padding at least: the separator stands at 10 or later.
    ok &= !looking & separator.ct_gt(&9);
    let length = u32::conditional_select(&0, &k.wrapping_sub(separator).wrapping_sub(1), ok);
    (ok, length)
}

/// The message, or an error; which of the checks failed does not show.
pub(super) fn decryption_content(em: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (ok, length) = decode(em);
    if !bool::from(ok) {
        return Err(CryptoError::EncryptedData);
    }
    let start = em.len().saturating_sub(usize::try_from(length).unwrap_or(0));
    Ok(Zeroizing::new(em.get(start..).unwrap_or_default().to_vec()))
}

/// The message, or, on bad padding, one that key and ciphertext determine. Which of the two it is does not show, up to the length.
pub(super) fn decryption_content_or_substitute(em: &[u8], d: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let k = em.len();
    let kdk = Zeroizing::new(hmac_sha256(Zeroizing::new(<[u8; 32]>::from(Sha256::digest(d))).as_slice(), &[ciphertext])?);
    let lengths = prf(&kdk, b"length", 256)?;
    let substitute = prf(&kdk, b"message", k)?;

    let longest = u16::try_from(k.saturating_sub(11)).map_err(|_| CryptoError::KeySize)?;
    let mask = [1, 2, 4, 8].iter().fold(longest, |m, shift| m | (m >> shift));
    let mut substitute_length = 0u32;
    for pair in lengths.chunks_exact(2) {
        let candidate = pair.iter().fold(0u16, |n, &b| (n << 8) | u16::from(b)) & mask;
        substitute_length.conditional_assign(&u32::from(candidate), !candidate.ct_gt(&longest));
    }

    let (ok, length) = decode(em);
    let length = u32::conditional_select(&substitute_length, &length, ok);
    let mut out = Zeroizing::new(vec![0u8; k]);
    for ((o, real), fake) in out.iter_mut().zip(em).zip(substitute.iter()) {
        *o = u8::conditional_select(fake, real, ok);
    }
    let start = k.saturating_sub(usize::try_from(length).unwrap_or(0));
    Ok(Zeroizing::new(out.get(start..).unwrap_or_default().to_vec()))
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], CryptoError> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| CryptoError::Internal("hmac key"))?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac.finalize().into_bytes().into())
}

/// The draft's IRPRF.
fn prf(key: &[u8; 32], label: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let bits = u16::try_from(length.saturating_mul(8)).map_err(|_| CryptoError::KeySize)?.to_be_bytes();
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(32)));
    let mut i = 0u16;
    while out.len() < length {
        let block = Zeroizing::new(hmac_sha256(key, &[&i.to_be_bytes(), label, &bits])?);
        out.extend_from_slice(block.as_slice());
        i = i.wrapping_add(1);
    }
    out.truncate(length);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encryption_block_decodes_to_its_message() {
        for len in [0, 1, 53] {
            let message = vec![7u8; len];
            let em = encryption_block(&message, 64).unwrap();
            assert_eq!(em.len(), 64);
            assert_eq!(*decryption_content(&em).unwrap(), message);
        }
        assert_eq!(encryption_block(&[0; 54], 64), Err(CryptoError::DataLen));
    }

    #[test]
    fn each_fault_of_the_padding_is_refused() {
        let good = encryption_block(b"message", 64).unwrap();
        for (at, value) in [(0, 1), (1, 1), (5, 0), (56, 1)] {
            let mut bad = good.to_vec();
            bad[at] = value;
            assert_eq!(decryption_content(&bad), Err(CryptoError::EncryptedData), "{at}");
        }
    }

    #[test]
    fn a_substitute_is_the_same_every_time_and_fits() {
        let bad = vec![3u8; 64];

        let first = decryption_content_or_substitute(&bad, b"d", b"ciphertext").unwrap();
        let second = decryption_content_or_substitute(&bad, b"d", b"ciphertext").unwrap();

        assert_eq!(first, second);
        assert!(first.len() <= 53);
        assert_ne!(first, decryption_content_or_substitute(&bad, b"d", b"other").unwrap());
    }

    #[test]
    fn a_signature_block_gives_its_content_back() {
        let em = signature_block(b"digest", 64).unwrap();
        assert_eq!(signature_content(&em), Some(&b"digest"[..]));
        assert_eq!(signature_block(&[0; 54], 64), None);
    }
}
