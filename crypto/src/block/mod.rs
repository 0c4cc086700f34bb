//! Block ciphers and their modes over one cached key schedule. ECB and CBC are here on whole blocks, ciphertext stealing too; counter mode in `ctr`,
//! the feedback modes in `feedback`, XTS in `xts`, GCM in `gcm`, key wrap in `wrap`.
//! The ciphers are RustCrypto's (AES-NI where the machine has it); one-shot GCM in its usual sizes is aws-lc's.

pub(crate) mod ccm;
pub(crate) mod ctr;
pub(crate) mod feedback;
pub(crate) mod gcm;
pub(crate) mod wrap;
pub(crate) mod xts;

use crate::{BlockCipher, CryptoError};
use ::aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, InnerIvInit, IvState, KeyInit, typenum::U16,
};
use ctr::Ctr;
use cts::{Decrypt as _, Encrypt as _};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};

pub(crate) type Block = Array<u8, U16>;

/// Bytes of an AES block.
pub(crate) const BLOCK: usize = 16;

/// A key schedule of AES.
#[derive(Clone)]
pub(crate) enum Aes {
    Aes128(::aes::Aes128),
    Aes192(::aes::Aes192),
    Aes256(::aes::Aes256),
}

/// A key schedule of any block cipher.
#[derive(Clone)]
pub(crate) enum Schedule {
    Aes(Aes),
    Des(des::Des),
    Des2(des::TdesEde2),
    Des3(des::TdesEde3),
    Camellia128(camellia::Camellia128),
    Camellia192(camellia::Camellia192),
    Camellia256(camellia::Camellia256),
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

/// Runs `$body` with `$c` as the cipher behind `$schedule`.
macro_rules! by_cipher {
    ($schedule:expr, $c:ident => $body:expr) => {
        match $schedule {
            $crate::block::Schedule::Aes(aes) => $crate::block::by_aes!(aes, $c => $body),
            $crate::block::Schedule::Des($c) => $body,
            $crate::block::Schedule::Des2($c) => $body,
            $crate::block::Schedule::Des3($c) => $body,
            $crate::block::Schedule::Camellia128($c) => $body,
            $crate::block::Schedule::Camellia192($c) => $body,
            $crate::block::Schedule::Camellia256($c) => $body,
        }
    };
}
pub(crate) use by_cipher;

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

    /// Counter mode over `data`.
    pub(crate) fn ctr(&self, ctr: &mut Ctr, data: &mut [u8]) -> Result<(), CryptoError> {
        by_aes!(self, c => ctr.apply(c, data))
    }
}

impl Schedule {
    /// The schedule of a key of a length that the cipher has.
    pub(crate) fn new(cipher: BlockCipher, key: &[u8]) -> Result<Self, CryptoError> {
        match (cipher, key.len()) {
            (BlockCipher::Aes, _) => return Aes::new(key).map(Schedule::Aes),
            (BlockCipher::Des, 8) => des::Des::new_from_slice(key).map(Schedule::Des),
            (BlockCipher::Des, 16) => des::TdesEde2::new_from_slice(key).map(Schedule::Des2),
            (BlockCipher::Des, 24) => des::TdesEde3::new_from_slice(key).map(Schedule::Des3),
            (BlockCipher::Camellia, 16) => camellia::Camellia128::new_from_slice(key).map(Schedule::Camellia128),
            (BlockCipher::Camellia, 24) => camellia::Camellia192::new_from_slice(key).map(Schedule::Camellia192),
            (BlockCipher::Camellia, 32) => camellia::Camellia256::new_from_slice(key).map(Schedule::Camellia256),
            _ => return Err(CryptoError::KeySize),
        }
        .map_err(|_| CryptoError::KeySize)
    }

    /// ECB on whole blocks; a rest shorter than a block is left as it is, so callers look first.
    pub(crate) fn ecb(&self, encrypt: bool, data: &mut [u8]) {
        by_cipher!(self, c => ecb(c, encrypt, data));
    }

    /// CBC on whole blocks; `iv` becomes that of the next block.
    pub(crate) fn cbc(&self, encrypt: bool, iv: &mut [u8], data: &mut [u8]) -> Result<(), CryptoError> {
        by_cipher!(self, c => cbc(c, encrypt, iv, data))
    }

    /// CBC with ciphertext stealing, to the end of the data.
    pub(crate) fn cbc_cs1(&self, encrypt: bool, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
        by_cipher!(self, c => cbc_cs1(c, encrypt, iv, data))
    }

    /// Counter mode; ciphers with other blocks than 16 bytes have none here.
    pub(crate) fn ctr(&self, ctr: &mut Ctr, data: &mut [u8]) -> Result<(), CryptoError> {
        match self {
            Schedule::Aes(aes) => aes.ctr(ctr, data),
            Schedule::Camellia128(c) => ctr.apply(c, data),
            Schedule::Camellia192(c) => ctr.apply(c, data),
            Schedule::Camellia256(c) => ctr.apply(c, data),
            Schedule::Des(_) | Schedule::Des2(_) | Schedule::Des3(_) => Err(CryptoError::Param("counter mode needs blocks of 16 bytes")),
        }
    }
}

/// An initialisation vector of the length of a block.
pub(crate) fn block_iv<C: BlockSizeUser>(iv: &[u8]) -> Result<Array<u8, C::BlockSize>, CryptoError> {
    Array::try_from(iv).map_err(|_| CryptoError::Param("the initialisation vector has not the length of a block"))
}

fn ecb<C: BlockCipherEncrypt + BlockCipherDecrypt>(cipher: &C, encrypt: bool, data: &mut [u8]) {
    let (blocks, _) = Array::<u8, C::BlockSize>::slice_as_chunks_mut(data);
    if encrypt {
        cipher.encrypt_blocks(blocks);
    } else {
        cipher.decrypt_blocks(blocks);
    }
}

fn cbc<C: BlockCipherEncrypt + BlockCipherDecrypt>(cipher: &C, encrypt: bool, iv: &mut [u8], data: &mut [u8]) -> Result<(), CryptoError> {
    let (blocks, _) = Array::<u8, C::BlockSize>::slice_as_chunks_mut(data);
    let start = block_iv::<C>(iv)?;
    let next = if encrypt {
        let mut mode = cbc::Encryptor::inner_iv_init(cipher, &start);
        mode.encrypt_blocks(blocks);
        mode.iv_state()
    } else {
        let mut mode = cbc::Decryptor::inner_iv_init(cipher, &start);
        mode.decrypt_blocks(blocks);
        mode.iv_state()
    };
    iv.copy_from_slice(&next);
    Ok(())
}

fn cbc_cs1<C: BlockCipherEncrypt + BlockCipherDecrypt>(cipher: &C, encrypt: bool, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
    let mode = cts::CbcCs1::inner_iv_init(cipher, &block_iv::<C>(iv)?);
    if encrypt { mode.encrypt(data).map_err(|_| CryptoError::DataLen) } else { mode.decrypt(data).map_err(|_| CryptoError::EncryptedDataLen) }
}

/// Bytes of PKCS#7 padding at the end of the last block; looks at every byte of it whatever it finds.
pub(crate) fn padding_len(last: &[u8], block: usize) -> Result<usize, CryptoError> {
    let count = last.last().copied().unwrap_or(0);
    let most = u8::try_from(block).unwrap_or(u8::MAX);
    let mut ok: Choice = count.ct_gt(&0) & !count.ct_gt(&most) & u8::from(last.len() == block).ct_eq(&1);
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

    fn key() -> Schedule {
        Schedule::new(BlockCipher::Aes, &hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap()).unwrap()
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
        key().cbc(true, &mut iv, &mut data).unwrap();
        assert_eq!(hex::encode(&data), "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
        assert_eq!(iv, data[16..]);
        let mut iv = start;
        let (first, second) = data.split_at_mut(16);
        key().cbc(false, &mut iv, first).unwrap();
        key().cbc(false, &mut iv, second).unwrap();
        assert_eq!(data, plain);
    }

    #[test]
    fn padding_is_found_or_refused() {
        for count in 1..=16u8 {
            let mut block = [0xEEu8; 16];
            block[16 - usize::from(count)..].fill(count);
            assert_eq!(padding_len(&block, 16), Ok(usize::from(count)));
        }
        for bad in [[0u8; 16], [17; 16], [2; 16].map(|_| 0xFF)] {
            assert_eq!(padding_len(&bad, 16), Err(CryptoError::EncryptedData));
        }
        let mut block = [5u8; 16];
        block[12] = 4;
        assert_eq!(padding_len(&block, 16), Err(CryptoError::EncryptedData));
        assert!(padding_len(&[], 16).is_err());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for cipher in BlockCipher::ALL {
            for len in [0, 7, 15, 17, 25, 33] {
                assert!(matches!(Schedule::new(cipher, &vec![0; len]), Err(CryptoError::KeySize)));
            }
        }
    }
}
