//! GCM with any IV length, tag length and cut of the input (SP 800-38D), composed of the crates' block cipher, counter and GHASH.
//! Decryption is one-shot only: no byte of plaintext exists before its tag was checked.

use super::ctr::Ctr;
use super::{Aes, BLOCK, Block};
use crate::CryptoError;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Longest plaintext: 2³⁹ − 256 bits.
const MAX_BYTES: u64 = (1 << 36) - 32;

/// The tag lengths of SP 800-38D, 5.2.1.2.
pub(crate) fn check_params(iv: &[u8], tag_len: usize) -> Result<(), CryptoError> {
    if iv.is_empty() {
        return Err(CryptoError::Param("the initialisation vector is empty"));
    }
    match tag_len {
        4 | 8 | 12..=16 => Ok(()),
        _ => Err(CryptoError::Param("the tag's length is not 4, 8 or 12 to 16 bytes")),
    }
}

/// An encryption, or the authenticating half of a decryption.
#[derive(Clone)]
pub(crate) struct Gcm {
    ghash: GHash,
    ctr: Ctr,
    tag_mask: Block,
    /// Ciphertext that does not fill a block yet.
    partial: Vec<u8>,
    aad_len: u64,
    text_len: u64,
    tag_len: usize,
}

impl Gcm {
    pub(crate) fn new(aes: &Aes, iv: &[u8], aad: &[u8], tag_len: usize) -> Result<Self, CryptoError> {
        check_params(iv, tag_len)?;
        let mut h = Zeroizing::new(Block::default());
        aes.encrypt_block(&mut h);
        let mut ghash = GHash::new(&h);

        let mut j0 = Block::default();
        if iv.len() == 12 {
            let (start, counter) = j0.split_at_mut(12);
            start.copy_from_slice(iv);
            counter.copy_from_slice(&1u32.to_be_bytes());
        } else {
            let mut state = ghash.clone();
            state.update_padded(iv);
            state.update(&[lengths(0, u64::try_from(iv.len()).unwrap_or(u64::MAX))]);
            j0 = state.finalize();
        }
        let mut tag_mask = j0;
        let mut counter: [u8; BLOCK] = j0.into();
        // inc32: the first block of text uses the counter after J0.
        if let Some(low) = counter.last_chunk_mut::<4>() {
            *low = u32::from_be_bytes(*low).wrapping_add(1).to_be_bytes();
        }
        aes.encrypt_block(&mut tag_mask);
        ghash.update_padded(aad);
        Ok(Self {
            ghash,
            ctr: Ctr::new(counter, 32)?,
            tag_mask,
            partial: Vec::with_capacity(BLOCK),
            aad_len: u64::try_from(aad.len()).unwrap_or(u64::MAX),
            text_len: 0,
            tag_len,
        })
    }

    fn count(&mut self, more: usize) -> Result<(), CryptoError> {
        self.text_len =
            u64::try_from(more).ok().and_then(|n| self.text_len.checked_add(n)).filter(|&n| n <= MAX_BYTES).ok_or(CryptoError::DataLen)?;
        Ok(())
    }

    fn authenticate(&mut self, mut ciphertext: &[u8]) {
        if !self.partial.is_empty() {
            let take = ciphertext.len().min(BLOCK.saturating_sub(self.partial.len()));
            let (head, rest) = ciphertext.split_at(take);
            self.partial.extend_from_slice(head);
            ciphertext = rest;
            if self.partial.len() == BLOCK {
                self.ghash.update_padded(&self.partial);
                self.partial.clear();
            }
        }
        let whole = ciphertext.len() - ciphertext.len() % BLOCK;
        let (blocks, rest) = ciphertext.split_at(whole);
        self.ghash.update(Block::slice_as_chunks(blocks).0);
        self.partial.extend_from_slice(rest);
    }

    /// Encrypts in place.
    pub(crate) fn encrypt(&mut self, aes: &Aes, data: &mut [u8]) -> Result<(), CryptoError> {
        self.count(data.len())?;
        aes.ctr(&mut self.ctr, data)?;
        self.authenticate(data);
        Ok(())
    }

    /// GMAC: takes data that is authenticated only, instead of anything to encrypt.
    pub(crate) fn authenticate_only(&mut self, data: &[u8]) {
        self.authenticate(data);
        self.aad_len = self.aad_len.wrapping_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
    }

    /// The tag over all that was encrypted.
    pub(crate) fn tag(mut self) -> Vec<u8> {
        self.ghash.update_padded(&self.partial);
        self.ghash.update(&[lengths(self.aad_len, self.text_len)]);
        let mut tag: Vec<u8> = self.ghash.finalize().iter().zip(&self.tag_mask).map(|(a, b)| a ^ b).collect();
        tag.truncate(self.tag_len);
        tag
    }
}

/// The block of bit lengths.
fn lengths(aad: u64, text: u64) -> Block {
    let bits = (u128::from(aad).wrapping_mul(8) << 64) | u128::from(text).wrapping_mul(8);
    Block::from(bits.to_be_bytes())
}

/// Ciphertext and tag in one call.
pub(crate) fn encrypt(aes: &Aes, iv: &[u8], aad: &[u8], tag_len: usize, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut gcm = Gcm::new(aes, iv, aad, tag_len)?;
    let mut out = Vec::with_capacity(plain.len().saturating_add(tag_len));
    out.extend_from_slice(plain);
    gcm.encrypt(aes, &mut out)?;
    out.extend_from_slice(&gcm.tag());
    Ok(out)
}

/// The plaintext, if the tag is right.
pub(crate) fn decrypt(aes: &Aes, iv: &[u8], aad: &[u8], tag_len: usize, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut gcm = Gcm::new(aes, iv, aad, tag_len)?;
    let (ciphertext, tag) = input.len().checked_sub(tag_len).and_then(|at| input.split_at_checked(at)).ok_or(CryptoError::EncryptedDataLen)?;
    gcm.count(ciphertext.len()).map_err(|_| CryptoError::EncryptedDataLen)?;
    gcm.authenticate(ciphertext);
    let mut ctr = std::mem::replace(&mut gcm.ctr, Ctr::new([0; BLOCK], 32)?);
    if !bool::from(gcm.tag().ct_eq(tag)) {
        return Err(CryptoError::EncryptedData);
    }
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    aes.ctr(&mut ctr, &mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aes() -> Aes {
        Aes::new(&hex::decode("feffe9928665731c6d6a8f9467308308").unwrap()).unwrap()
    }

    const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

    #[test]
    fn the_published_cases_with_short_and_long_vectors_come_out() {
        // Test cases 4, 5 and 6 of the GCM specification.
        let cases = [
            ("cafebabefacedbaddecaf888", "5bc94fbc3221a5db94fae95ae7121a47"),
            ("cafebabefacedbad", "3612d2e79e3b0785561be14aaca2fccb"),
            (
                "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
                "619cc5aefffe0bfa462af43c1699d050",
            ),
        ];
        let (plain, aad) = (hex::decode(PLAIN).unwrap(), hex::decode(AAD).unwrap());
        for (iv, tag) in cases {
            let iv = hex::decode(iv).unwrap();
            let out = encrypt(&aes(), &iv, &aad, 16, &plain).unwrap();
            assert_eq!(hex::encode(&out[plain.len()..]), tag);
            assert_eq!(*decrypt(&aes(), &iv, &aad, 16, &out).unwrap(), plain);
        }
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let plain: Vec<u8> = (0..255).cycle().take(700).collect();
        let whole = encrypt(&aes(), &[1; 13], b"aad", 12, &plain).unwrap();
        for cut in [1, 15, 16, 17, 300] {
            let mut gcm = Gcm::new(&aes(), &[1; 13], b"aad", 12).unwrap();
            let mut out = plain.clone();
            for part in out.chunks_mut(cut) {
                gcm.encrypt(&aes(), part).unwrap();
            }
            out.extend_from_slice(&gcm.tag());
            assert_eq!(out, whole, "{cut}");
        }
    }

    #[test]
    fn a_changed_byte_or_tag_gives_no_plaintext() {
        let good = encrypt(&aes(), &[1; 12], b"", 4, b"message").unwrap();
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 1;
            assert_eq!(decrypt(&aes(), &[1; 12], b"", 4, &bad), Err(CryptoError::EncryptedData));
        }
        assert_eq!(decrypt(&aes(), &[1; 12], b"", 4, &good[..3]), Err(CryptoError::EncryptedDataLen));
        assert!(encrypt(&aes(), &[], b"", 16, b"").is_err());
        assert!(encrypt(&aes(), &[1; 12], b"", 0, b"").is_err());
        assert!(encrypt(&aes(), &[1; 12], b"", 11, b"").is_err());
    }
}
