//! CCM with any nonce, tag and cut of the input (SP 800-38C, RFC 3610), composed of the crates' block cipher and counter mode; the crate `ccm` takes
//! its lengths at compile time and the whole input at once. Decryption is one-shot only: no byte of plaintext leaves before its tag was checked.

use super::ctr::Ctr;
use super::{Aes, BLOCK, Block};
use crate::CryptoError;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// An encryption, or the inner half of a decryption.
pub(crate) struct Ccm {
    /// CBC-MAC so far, with what does not fill a block yet already mixed in.
    mac: Block,
    at: usize,
    ctr: Ctr,
    tag_mask: Block,
    /// Bytes of text still to come.
    left: usize,
    tag_len: usize,
}

/// The lengths of RFC 3610, section 2.
pub(crate) fn check_params(nonce: &[u8], tag_len: usize, text_len: usize) -> Result<(), CryptoError> {
    if !(7..=13).contains(&nonce.len()) {
        return Err(CryptoError::Param("the nonce has not 7 to 13 bytes"));
    }
    if !matches!(tag_len, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(CryptoError::Param("the tag's length is not an even number of 4 to 16 bytes"));
    }
    let length_bits = 8 * (BLOCK - 1 - nonce.len());
    if u64::try_from(text_len).is_ok_and(|n| length_bits < 64 && n >> length_bits != 0) {
        return Err(CryptoError::Param("the data is longer than the nonce leaves room to say"));
    }
    Ok(())
}

impl Ccm {
    pub(crate) fn new(aes: &Aes, nonce: &[u8], aad: &[u8], tag_len: usize, text_len: usize) -> Result<Self, CryptoError> {
        check_params(nonce, tag_len, text_len)?;
        let length_len = BLOCK - 1 - nonce.len();
        let flags = |tag: usize| u8::try_from((usize::from(!aad.is_empty()) << 6) * usize::from(tag != 0) + tag * 4 + length_len - 1).unwrap_or(0);
        let block = |flags: u8, n: u64| {
            let mut block = Block::default();
            let number = n.to_be_bytes();
            let parts = [flags].into_iter().chain(nonce.iter().copied()).chain(number.into_iter().skip(8 - length_len));
            block.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
            block
        };
        // (tag_len - 2) / 2 stands in bits 3 to 5 of the flags: tag_len - 2 times 4.
        let mut mac = block(flags(tag_len - 2), u64::try_from(text_len).unwrap_or(u64::MAX));
        aes.encrypt_block(&mut mac);
        let mut tag_mask = block(flags(0), 0);
        aes.encrypt_block(&mut tag_mask);
        let bits = u32::try_from(8 * length_len).unwrap_or(64);
        let ctr = Ctr::new(block(flags(0), 1).into(), bits)?;
        let mut ccm = Self { mac, at: 0, ctr, tag_mask, left: text_len, tag_len };
        if !aad.is_empty() {
            ccm.absorb(aes, &aad_length(aad.len()));
            ccm.absorb(aes, aad);
            ccm.fill(aes);
        }
        Ok(ccm)
    }

    fn absorb(&mut self, aes: &Aes, data: &[u8]) {
        for byte in data {
            if let Some(slot) = self.mac.get_mut(self.at) {
                *slot ^= byte;
            }
            self.at += 1;
            if self.at == BLOCK {
                self.fill(aes);
            }
        }
    }

    /// Ends a block; zeros fill it.
    fn fill(&mut self, aes: &Aes) {
        if self.at != 0 {
            aes.encrypt_block(&mut self.mac);
            self.at = 0;
        }
    }

    /// Encrypts in place.
    pub(crate) fn encrypt(&mut self, aes: &Aes, data: &mut [u8]) -> Result<(), CryptoError> {
        self.left = self.left.checked_sub(data.len()).ok_or(CryptoError::DataLen)?;
        self.absorb(aes, data);
        aes.ctr(&mut self.ctr, data)
    }

    /// The tag over all that was encrypted, which must be as much as was said.
    pub(crate) fn tag(mut self, aes: &Aes) -> Result<Vec<u8>, CryptoError> {
        if self.left != 0 {
            return Err(CryptoError::DataLen);
        }
        self.fill(aes);
        let mut tag: Vec<u8> = self.mac.iter().zip(&self.tag_mask).map(|(a, b)| a ^ b).collect();
        tag.truncate(self.tag_len);
        Ok(tag)
    }
}

impl Drop for Ccm {
    fn drop(&mut self) {
        self.mac.as_mut_slice().zeroize();
        self.tag_mask.as_mut_slice().zeroize();
    }
}

/// How the length of the additional data is written before it.
fn aad_length(len: usize) -> Vec<u8> {
    match (u16::try_from(len), u32::try_from(len)) {
        (Ok(n), _) if n < 0xFF00 => n.to_be_bytes().to_vec(),
        (_, Ok(n)) => [&[0xFF, 0xFE][..], &n.to_be_bytes()].concat(),
        _ => [&[0xFF, 0xFF][..], &u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()].concat(),
    }
}

/// Ciphertext and tag in one call.
pub(crate) fn encrypt(aes: &Aes, nonce: &[u8], aad: &[u8], tag_len: usize, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut ccm = Ccm::new(aes, nonce, aad, tag_len, plain.len())?;
    let mut out = Vec::with_capacity(plain.len().saturating_add(tag_len));
    out.extend_from_slice(plain);
    ccm.encrypt(aes, &mut out)?;
    out.extend_from_slice(&ccm.tag(aes)?);
    Ok(out)
}

/// The plaintext, if the tag is right.
pub(crate) fn decrypt(aes: &Aes, nonce: &[u8], aad: &[u8], tag_len: usize, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (text, tag) = input.len().checked_sub(tag_len).and_then(|at| input.split_at_checked(at)).ok_or(CryptoError::EncryptedDataLen)?;
    let mut ccm = Ccm::new(aes, nonce, aad, tag_len, text.len())?;
    let mut plain = Zeroizing::new(text.to_vec());
    aes.ctr(&mut ccm.ctr, &mut plain)?;
    ccm.absorb(aes, &plain);
    ccm.left = 0;
    if bool::from(ccm.tag(aes)?.ct_eq(tag)) { Ok(plain) } else { Err(CryptoError::EncryptedData) }
}
