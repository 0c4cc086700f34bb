//! The paddings of PKCS#1 v2: EME-OAEP and EMSA-PSS (RFC 8017, 7.1 and 9.1), with MGF1's hash chosen apart from the message's or label's.
//! Blocks only; the RSA operation is the caller's. OAEP's decoding touches every byte whatever it finds and reports once.

use crate::{CryptoError, Digester, Hash, digest, random};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// XORs MGF1(seed) over `target`.
fn mgf1_xor(hash: Hash, seed: &[u8], target: &mut [u8]) {
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(hash.len())) {
        let mut state = Digester::new(hash);
        state.update(seed);
        state.update(&counter.to_be_bytes());
        let mask = Zeroizing::new(state.finish());
        for (t, m) in chunk.iter_mut().zip(mask.iter()) {
            *t ^= m;
        }
    }
}

/// EME-OAEP encoding into `k` bytes.
pub(super) fn oaep_block(hash: Hash, mgf: Hash, label: &[u8], message: &[u8], k: usize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let h = hash.len();
    let room = k.checked_sub(2 * h + 2).ok_or(CryptoError::KeySize)?;
    if message.len() > room {
        return Err(CryptoError::DataLen);
    }
    let mut em = Zeroizing::new(vec![0u8; k]);
    let (_, payload) = em.split_at_mut(1);
    let (seed, db) = payload.split_at_mut(h);
    random(seed)?;
    let (label_hash, rest) = db.split_at_mut(h);
    label_hash.copy_from_slice(&digest(hash, label));
    let (padding, text) = rest.split_at_mut(rest.len() - message.len());
    if let Some(last) = padding.last_mut() {
        *last = 1;
    }
    text.copy_from_slice(message);
    mgf1_xor(mgf, seed, db);
    mgf1_xor(mgf, db, seed);
    Ok(em)
}

/// EME-OAEP decoding.
pub(super) fn oaep_content(hash: Hash, mgf: Hash, label: &[u8], em: &mut [u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let h = hash.len();
    if em.len() < 2 * h + 2 {
        return Err(CryptoError::KeySize);
    }
    let (first, payload) = em.split_at_mut(1);
    let (seed, db) = payload.split_at_mut(h);
    mgf1_xor(mgf, db, seed);
    mgf1_xor(mgf, seed, db);

    let (label_hash, rest) = db.split_at(h);
    let mut ok = first.ct_eq(&[0]) & label_hash.ct_eq(&digest(hash, label));
    let mut looking = Choice::from(1);
    let mut start = 0u32;
    for (i, byte) in (1u32..).zip(rest) {
        let zero = byte.ct_eq(&0);
        let one = byte.ct_eq(&1);
        start.conditional_assign(&i, looking & one);
        ok &= !(looking & !zero & !one);
        looking &= !one;
    }
    ok &= !looking;
    if !bool::from(ok) {
        return Err(CryptoError::EncryptedData);
    }
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    Ok(Zeroizing::new(rest.get(start..).unwrap_or_default().to_vec()))
}

/// Bytes of an encoded message and the mask of its first byte, for a modulus of `bits` bits.
fn pss_shape(bits: usize) -> (usize, u8) {
    let em_bits = bits.saturating_sub(1);
    let em_len = em_bits.div_ceil(8);
    let unused = (8 * em_len).saturating_sub(em_bits);
    (em_len, 0xFFu8.checked_shr(u32::try_from(unused).unwrap_or(0)).unwrap_or(0))
}

/// H = Hash(00 × 8 ‖ digest ‖ salt).
fn pss_hash(hash: Hash, message_digest: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut state = Digester::new(hash);
    state.update(&[0; 8]);
    state.update(message_digest);
    state.update(salt);
    state.finish()
}

/// EMSA-PSS encoding for a modulus of `bits` bits, with a fresh salt.
pub(super) fn pss_block(hash: Hash, mgf: Hash, salt_len: usize, message_digest: &[u8], bits: usize) -> Result<Vec<u8>, CryptoError> {
    let (em_len, first_mask) = pss_shape(bits);
    let h = hash.len();
    let db_len = em_len.checked_sub(h + 1).ok_or(CryptoError::KeySize)?;
    let padding = db_len.checked_sub(salt_len).and_then(|n| n.checked_sub(1)).ok_or(CryptoError::Param("salt longer than the key allows"))?;
    let mut salt = vec![0u8; salt_len];
    random(&mut salt)?;
    let digest = pss_hash(hash, message_digest, &salt);

    let mut em = vec![0u8; padding];
    em.push(1);
    em.extend_from_slice(&salt);
    mgf1_xor(mgf, &digest, &mut em);
    if let Some(first) = em.first_mut() {
        *first &= first_mask;
    }
    em.extend_from_slice(&digest);
    em.push(0xBC);
    Ok(em)
}

/// EMSA-PSS verification; `block` is as wide as the modulus.
pub(super) fn pss_check(hash: Hash, mgf: Hash, salt_len: usize, message_digest: &[u8], block: &[u8], bits: usize) -> Result<(), CryptoError> {
    let (em_len, first_mask) = pss_shape(bits);
    let h = hash.len();
    let db_len = em_len.checked_sub(h + 1).ok_or(CryptoError::KeySize)?;
    let padding = db_len.checked_sub(salt_len).and_then(|n| n.checked_sub(1)).ok_or(CryptoError::Param("salt longer than the key allows"))?;
    let (excess, em) = block.split_at_checked(block.len().saturating_sub(em_len)).ok_or(CryptoError::Signature)?;
    let (db, rest) = em.split_at_checked(db_len).ok_or(CryptoError::Signature)?;
    let (digest, trailer) = rest.split_at_checked(h).ok_or(CryptoError::Signature)?;

    let mut db = db.to_vec();
    // Everything here is public: early exits give nothing away.
    if excess.iter().any(|&b| b != 0) || trailer != [0xBC] || db.first().is_some_and(|b| b & !first_mask != 0) {
        return Err(CryptoError::Signature);
    }
    mgf1_xor(mgf, digest, &mut db);
    if let Some(first) = db.first_mut() {
        *first &= first_mask;
    }
    let (zeros, one_and_salt) = db.split_at_checked(padding).ok_or(CryptoError::Signature)?;
    let salt = one_and_salt.strip_prefix(&[1]).ok_or(CryptoError::Signature)?;
    if zeros.iter().any(|&b| b != 0) || !bool::from(pss_hash(hash, message_digest, salt).ct_eq(digest)) {
        return Err(CryptoError::Signature);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oaep_gives_the_message_back_for_every_pair_of_hashes() {
        for hash in Hash::ALL {
            for mgf in [Hash::Sha1, Hash::Sha256, Hash::Sha3_512] {
                for len in [0, 1, 256 - 2 * hash.len() - 2] {
                    let message = vec![1u8; len];
                    let mut em = oaep_block(hash, mgf, b"label", &message, 256).unwrap();
                    assert_eq!(*oaep_content(hash, mgf, b"label", &mut em).unwrap(), message);
                }
            }
        }
    }

    #[test]
    fn oaep_with_another_label_is_refused() {
        let mut em = oaep_block(Hash::Sha1, Hash::Sha1, b"label", b"message", 128).unwrap();
        assert_eq!(oaep_content(Hash::Sha1, Hash::Sha1, b"other", &mut em), Err(CryptoError::EncryptedData));
    }

    #[test]
    fn pss_verifies_for_every_width_of_the_modulus() {
        let message_digest = digest(Hash::Sha256, b"message");
        for bits in 1024..1034 {
            for salt_len in [0, 20, 32] {
                let em = pss_block(Hash::Sha256, Hash::Sha1, salt_len, &message_digest, bits).unwrap();
                let k = bits.div_ceil(8);
                let mut block = vec![0u8; k - em.len()];
                block.extend_from_slice(&em);
                pss_check(Hash::Sha256, Hash::Sha1, salt_len, &message_digest, &block, bits).unwrap();
                assert!(pss_check(Hash::Sha256, Hash::Sha1, salt_len + 1, &message_digest, &block, bits).is_err());
                block[10] ^= 1;
                assert_eq!(pss_check(Hash::Sha256, Hash::Sha1, salt_len, &message_digest, &block, bits), Err(CryptoError::Signature));
            }
        }
    }
}
