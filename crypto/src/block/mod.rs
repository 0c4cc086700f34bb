//! AES and its modes over one cached key schedule. ECB and CBC are here on whole blocks, counter mode in `ctr`, GCM in `gcm`, key wrap in `wrap`.
//! The block cipher is RustCrypto's (AES-NI where the machine has it); one-shot GCM in its usual sizes is aws-lc's.

pub(crate) mod ctr;
pub(crate) mod gcm;
pub(crate) mod wrap;

use crate::CryptoError;
use ::aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, IvState, KeyInit, typenum::U16};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};

pub(crate) type Block = Array<u8, U16>;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 16;

/// A key schedule.
#[derive(Clone)]
pub(crate) enum Aes {
    Aes128(::aes::Aes128),
    Aes192(::aes::Aes192),
    Aes256(::aes::Aes256),
}

/// Runs `$body` with `$c` as the cipher behind `$aes`.
macro_rules! by_aes {
    ($aes:expr, $c:ident => $body:expr) => {
        match $aes {
            $crate::block::Aes::Aes128($c) => $body,
            $crate::block::Aes::Aes192($c) => $body,
            $crate::block::Aes::Aes256($c) => $body,
        }
    };
}
pub(crate) use by_aes;

impl Aes {
    /// The schedule of a key of 16, 24 or 32 bytes.
    pub(crate) fn new(key: &[u8]) -> Result<Self, CryptoError> {
        match key.len() {
            16 => ::aes::Aes128::new_from_slice(key).map(Aes::Aes128),
            24 => ::aes::Aes192::new_from_slice(key).map(Aes::Aes192),
            32 => ::aes::Aes256::new_from_slice(key).map(Aes::Aes256),
            _ => return Err(CryptoError::KeySize),
        }
        .map_err(|_| CryptoError::KeySize)
    }

    pub(crate) fn encrypt_block(&self, block: &mut Block) {
        by_aes!(self, c => c.encrypt_block(block));
    }

    pub(crate) fn encrypt_blocks(&self, blocks: &mut [Block]) {
        by_aes!(self, c => c.encrypt_blocks(blocks));
    }

    /// ECB on whole blocks; a rest shorter than a block is left as it is, so callers look first.
    pub(crate) fn ecb(&self, encrypt: bool, data: &mut [u8]) {
        let (blocks, _) = Block::slice_as_chunks_mut(data);
        if encrypt {
            by_aes!(self, c => c.encrypt_blocks(blocks));
        } else {
            by_aes!(self, c => c.decrypt_blocks(blocks));
        }
    }

    /// CBC on whole blocks; `iv` becomes that of the next block.
    pub(crate) fn cbc(&self, encrypt: bool, iv: &mut [u8; BLOCK], data: &mut [u8]) {
        let (blocks, _) = Block::slice_as_chunks_mut(data);
        let start = Block::from(*iv);
        by_aes!(self, c => {
            *iv = if encrypt {
                let mut mode = cbc::Encryptor::inner_iv_init(c, &start);
                mode.encrypt_blocks(blocks);
                mode.iv_state().into()
            } else {
                let mut mode = cbc::Decryptor::inner_iv_init(c, &start);
                mode.decrypt_blocks(blocks);
                mode.iv_state().into()
            };
        });
    }
}

/// Bytes of PKCS#7 padding at the end of the last block; looks at every byte of it whatever it finds.
pub(crate) fn padding_len(last: &[u8]) -> Result<usize, CryptoError> {
    let count = last.last().copied().unwrap_or(0);
    let mut ok: Choice = count.ct_gt(&0) & !count.ct_gt(&16) & u8::from(last.len() == BLOCK).ct_eq(&1);
    for (back, byte) in (0u8..).zip(last.iter().rev()) {
        let is_padding = back.ct_lt(&count);
        ok &= !is_padding | byte.ct_eq(&count);
    }
    let len = u8::conditional_select(&0, &count, ok);
    if len == 0 { Err(CryptoError::EncryptedData) } else { Ok(usize::from(len)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Aes {
        Aes::new(&hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap()).unwrap()
    }

    #[test]
    fn ecb_and_cbc_give_the_bytes_of_sp_800_38a() {
        let plain = hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51").unwrap();
        let mut data = plain.clone();
        key().ecb(true, &mut data);
        assert_eq!(hex::encode(&data), "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf");
        key().ecb(false, &mut data);
        assert_eq!(data, plain);

        let start: [u8; 16] = (0..16).collect::<Vec<u8>>().try_into().unwrap();
        let mut iv = start;
        key().cbc(true, &mut iv, &mut data);
        assert_eq!(hex::encode(&data), "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
        assert_eq!(iv, data[16..]);
        let mut iv = start;
        let (first, second) = data.split_at_mut(16);
        key().cbc(false, &mut iv, first);
        key().cbc(false, &mut iv, second);
        assert_eq!(data, plain);
    }

    #[test]
    fn padding_is_found_or_refused() {
        for count in 1..=16u8 {
            let mut block = [0xEEu8; 16];
            block[16 - usize::from(count)..].fill(count);
            assert_eq!(padding_len(&block), Ok(usize::from(count)));
        }
        for bad in [[0u8; 16], [17; 16], [2; 16].map(|_| 0xFF)] {
            assert_eq!(padding_len(&bad), Err(CryptoError::EncryptedData));
        }
        let mut block = [5u8; 16];
        block[12] = 4;
        assert_eq!(padding_len(&block), Err(CryptoError::EncryptedData));
        assert!(padding_len(&[]).is_err());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for len in [0, 15, 17, 33] {
            assert!(matches!(Aes::new(&vec![0; len]), Err(CryptoError::KeySize)));
        }
    }
}
