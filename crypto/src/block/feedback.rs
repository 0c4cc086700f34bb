//! The feedback modes of SP 800-38A, 6.3 and 6.4, for any block cipher: OFB over whole blocks, CFB over 1 bit or any number of whole bytes.
//! One shift register serves all of them; the crates have whole-block OFB and CFB and 8-bit CFB only.

use super::{Schedule, block_iv, by_cipher};
use crate::{CryptoError, Direction};
use ::aes::cipher::BlockCipherEncrypt;
use zeroize::Zeroizing;

/// What goes back into the register.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fed {
    Keystream,
    Output,
    Input,
}

/// Where the keystream stands.
pub(crate) struct Feedback {
    register: Zeroizing<Vec<u8>>,
    keystream: Zeroizing<Vec<u8>>,
    /// Of the segment under way: what will be fed back.
    segment: Vec<u8>,
    at: usize,
    fed: Fed,
    single_bits: bool,
}

impl Feedback {
    /// Output feedback.
    pub(crate) fn ofb(schedule: &Schedule, iv: &[u8]) -> Result<Self, CryptoError> {
        Self::new(schedule, iv, iv.len(), Fed::Keystream, false)
    }

    /// Cipher feedback of so many bits at once.
    pub(crate) fn cfb(schedule: &Schedule, iv: &[u8], bits: usize, dir: Direction) -> Result<Self, CryptoError> {
        let fed = if dir == Direction::Encrypt { Fed::Output } else { Fed::Input };
        if bits == 1 {
            return Self::new(schedule, iv, 1, fed, true);
        }
        if bits == 0 || !bits.is_multiple_of(8) || bits / 8 > iv.len() {
            return Err(CryptoError::Param("the bits fed back are neither 1 nor whole bytes up to a block"));
        }
        Self::new(schedule, iv, bits / 8, fed, false)
    }

    fn new(schedule: &Schedule, iv: &[u8], segment: usize, fed: Fed, single_bits: bool) -> Result<Self, CryptoError> {
        by_cipher!(schedule, c => check_iv(c, iv))?;
        let (register, keystream) = (Zeroizing::new(iv.to_vec()), Zeroizing::new(vec![0; iv.len()]));
        Ok(Self { register, keystream, segment: vec![0; segment], at: 0, fed, single_bits })
    }

    fn refill(&mut self, schedule: &Schedule) {
        self.keystream.copy_from_slice(&self.register);
        schedule.ecb(true, &mut self.keystream);
    }

    /// Runs over `data` in place.
    pub(crate) fn apply(&mut self, schedule: &Schedule, data: &mut [u8]) {
        for byte in data {
            if self.single_bits {
                self.bits(schedule, byte);
                continue;
            }
            if self.at == 0 {
                self.refill(schedule);
            }
            let key = self.keystream.get(self.at).copied().unwrap_or_default();
            let input = *byte;
            *byte ^= key;
            if let Some(slot) = self.segment.get_mut(self.at) {
                *slot = match self.fed {
                    Fed::Keystream => key,
                    Fed::Output => *byte,
                    Fed::Input => input,
                };
            }
            self.at += 1;
            if self.at == self.segment.len() {
                self.at = 0;
                self.register.rotate_left(self.segment.len());
                let stays = self.register.len().saturating_sub(self.segment.len());
                self.register.iter_mut().skip(stays).zip(&self.segment).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// One byte bit by bit, the most significant first.
    fn bits(&mut self, schedule: &Schedule, byte: &mut u8) {
        for place in (0..8).rev() {
            self.refill(schedule);
            let key = self.keystream.first().map_or(0, |b| b >> 7);
            let input = (*byte >> place) & 1;
            *byte ^= key << place;
            let mut carry = if self.fed == Fed::Input { input } else { input ^ key };
            for b in self.register.iter_mut().rev() {
                let out = *b >> 7;
                *b = (*b << 1) | carry;
                carry = out;
            }
        }
    }
}

fn check_iv<C: BlockCipherEncrypt>(_cipher: &C, iv: &[u8]) -> Result<(), CryptoError> {
    block_iv::<C>(iv).map(|_| ())
}
