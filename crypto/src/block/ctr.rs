//! Counter mode with a counting field of any width (SP 800-38A, appendix B.1): the low `bits` of the block count and wrap within themselves,
//! as PKCS#11's parameter says and NSS does. What is refused is a block that would repeat.

use super::{BLOCK, Block};
use crate::CryptoError;
use ::aes::cipher::{BlockCipherEncrypt, typenum::U16};
use zeroize::Zeroize;

/// Blocks whose keystream is computed at once.
const BATCH: usize = 16;

/// Where the keystream stands.
#[derive(Clone)]
pub(crate) struct Ctr {
    counter: u128,
    mask: u128,
    /// Bytes of keystream before a block repeats; `None` if no input is that long.
    left: Option<u128>,
    keystream: Block,
    /// First unused byte of the keystream block.
    at: usize,
}

impl Ctr {
    /// Starts at `counter`, whose low `bits` count.
    pub(crate) fn new(counter: [u8; BLOCK], bits: u32) -> Result<Self, CryptoError> {
        let mask = match bits {
            1..=127 => (1u128 << bits) - 1,
            128 => u128::MAX,
            _ => return Err(CryptoError::Param("counter bits are not 1 to 128")),
        };
        let left = 1u128.checked_shl(bits).and_then(|blocks| blocks.checked_mul(16));
        Ok(Self { counter: u128::from_be_bytes(counter), mask, left, keystream: Block::default(), at: BLOCK })
    }

    fn next_counter(&mut self) -> Block {
        let block = Block::from(self.counter.to_be_bytes());
        self.counter = (self.counter & !self.mask) | (self.counter.wrapping_add(1) & self.mask);
        block
    }

    /// XORs the keystream over `data`.
    pub(crate) fn apply<C: BlockCipherEncrypt<BlockSize = U16>>(&mut self, cipher: &C, data: &mut [u8]) -> Result<(), CryptoError> {
        if let Some(left) = &mut self.left {
            let wanted = u128::try_from(data.len()).unwrap_or(u128::MAX);
            *left = left.checked_sub(wanted).ok_or(CryptoError::DataLen)?;
        }
        let (head, rest) = data.split_at_mut(data.len().min(BLOCK - self.at));
        self.use_buffered(head);
        let mut batches = rest.chunks_exact_mut(BATCH * BLOCK);
        let mut stream = [Block::default(); BATCH];
        for batch in &mut batches {
            stream.iter_mut().for_each(|block| *block = self.next_counter());
            cipher.encrypt_blocks(&mut stream);
            for (chunk, block) in batch.chunks_exact_mut(BLOCK).zip(&stream) {
                chunk.iter_mut().zip(block).for_each(|(b, k)| *b ^= k);
            }
        }
        stream.iter_mut().for_each(|block| block.as_mut_slice().zeroize());
        for chunk in batches.into_remainder().chunks_mut(BLOCK) {
            self.keystream = self.next_counter();
            cipher.encrypt_block(&mut self.keystream);
            self.at = 0;
            self.use_buffered(chunk);
        }
        Ok(())
    }

    fn use_buffered(&mut self, data: &mut [u8]) {
        data.iter_mut().zip(self.keystream.iter().skip(self.at)).for_each(|(b, k)| *b ^= k);
        self.at += data.len();
    }
}

impl Drop for Ctr {
    fn drop(&mut self) {
        self.keystream.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aes() -> ::aes::Aes128 {
        ::aes::cipher::KeyInit::new_from_slice(&hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap()).unwrap()
    }

    #[test]
    fn counter_mode_gives_the_bytes_of_sp_800_38a_however_it_is_cut() {
        let counter: [u8; 16] = hex::decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").unwrap().try_into().unwrap();
        let plain = hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51").unwrap();
        for cut in [1, 7, 16, 31] {
            let mut data = plain.clone();
            let mut ctr = Ctr::new(counter, 128).unwrap();
            for part in data.chunks_mut(cut) {
                ctr.apply(&aes(), part).unwrap();
            }
            assert_eq!(hex::encode(&data), "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
        }
    }

    #[test]
    fn a_long_input_is_the_same_in_one_piece_and_in_many() {
        let mut one = vec![0u8; 1000];
        let mut many = one.clone();
        Ctr::new([0xFF; 16], 64).unwrap().apply(&aes(), &mut one).unwrap();
        let mut ctr = Ctr::new([0xFF; 16], 64).unwrap();
        for part in many.chunks_mut(33) {
            ctr.apply(&aes(), part).unwrap();
        }
        assert_eq!(one, many);
    }

    #[test]
    fn the_counting_field_wraps_in_itself_and_no_block_repeats() {
        let mut start = [0xAAu8; 16];
        start[15] = 0xFF;
        let mut data = [0u8; 32];
        Ctr::new(start, 8).unwrap().apply(&aes(), &mut data).unwrap();

        let mut wrapped = [0xAAu8; 16];
        wrapped[15] = 0;
        let mut block = Block::from(wrapped);
        aes().encrypt_block(&mut block);
        assert_eq!(data[16..], block[..]);

        let mut ctr = Ctr::new(start, 1).unwrap();
        ctr.apply(&aes(), &mut data).unwrap();
        assert_eq!(ctr.apply(&aes(), &mut [0]), Err(CryptoError::DataLen));
        assert!(Ctr::new(start, 0).is_err());
        assert!(Ctr::new(start, 129).is_err());
    }
}
