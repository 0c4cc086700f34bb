//! The derivations of SP 800-108: counter, feedback and double-pipeline mode, over input that is put together of fields in any order.
//! Several keys may be derived in one run; none shares a block with another. No crate: those that exist fix the order of the fields.

use super::prf::{Keyed, MacPrf};
use crate::{CryptoError, Key};
use cngtoken_key::Secret;
use zeroize::Zeroizing;

/// A derivation of SP 800-108.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kbkdf {
    /// Where the changing part of the input comes from.
    pub mode: KbkdfMode,
    /// The function.
    pub prf: MacPrf,
    /// Its input, in this order.
    pub fields: Vec<KbkdfField>,
}

/// A mode of SP 800-108.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KbkdfMode {
    /// 4.1: a counter.
    Counter,
    /// 4.2: the block before, at first this value.
    Feedback {
        /// The value before the first block.
        iv: Vec<u8>,
    },
    /// 4.3: a second chain of blocks.
    DoublePipeline,
}

/// A piece of the function's input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KbkdfField {
    /// The number of the block, from 1.
    Counter(Number),
    /// The block before, or that of the second chain.
    Chain,
    /// The bits of what is derived: of the keys, or of the blocks that they are cut from.
    Length {
        /// Whole blocks count.
        blocks: bool,
        /// How it is written.
        number: Number,
    },
    /// Bytes: label, separator, context, or another key's value.
    Bytes(Secret),
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
    /// Bytes, 1 to 8.
    pub bytes: usize,
    /// The lowest byte first.
    pub little_endian: bool,
}

impl Number {
    fn write(self, value: u64) -> Result<Vec<u8>, CryptoError> {
        let all = value.to_be_bytes();
        let start = all.len().checked_sub(self.bytes).ok_or(CryptoError::Param("a number of more than 64 bits"))?;
        let (beyond, digits) = all.split_at(start);
        if digits.is_empty() || beyond.iter().any(|b| *b != 0) {
            return Err(CryptoError::Param("a number does not fit the bits that it has"));
        }
        let mut digits = digits.to_vec();
        if self.little_endian {
            digits.reverse();
        }
        Ok(digits)
    }
}

/// Keys of these lengths, in this order.
///
/// # Errors
/// [`CryptoError::KeyType`] or [`CryptoError::KeySize`] for a base that cannot key the function, [`CryptoError::Param`] for a number that its field
/// has no room for, and for a length of 0.
pub fn kbkdf(base: &Key, how: &Kbkdf, wants: &[usize]) -> Result<Vec<Secret>, CryptoError> {
    let prf = how.prf.keyed(base)?;
    let block = how.prf.len();
    if wants.contains(&0) {
        return Err(CryptoError::Param("no bytes wanted"));
    }
    let blocks: usize = wants.iter().map(|want| want.div_ceil(block)).sum();
    let keys: usize = wants.iter().sum();
    let bits = |bytes: usize| (bytes as u64).saturating_mul(8);
    let input = |counter: Option<u64>, chain: Option<&[u8]>| -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let mut parts = Vec::with_capacity(how.fields.len());
        for field in &how.fields {
            match field {
                KbkdfField::Counter(number) => parts.extend(counter.map(|n| number.write(n)).transpose()?.map(Zeroizing::new)),
                KbkdfField::Chain => parts.extend(chain.map(|bytes| Zeroizing::new(bytes.to_vec()))),
                KbkdfField::Length { blocks: whole, number } => {
                    let bytes = if *whole { blocks.saturating_mul(block) } else { keys };
                    parts.push(Zeroizing::new(number.write(bits(bytes))?));
                }
                KbkdfField::Bytes(bytes) => parts.push(Zeroizing::new(bytes.expose().to_vec())),
            }
        }
        // Joined once into a buffer of the right size: parts of it may be secret.
        let mut all = Zeroizing::new(Vec::with_capacity(parts.iter().map(|p| p.len()).sum()));
        parts.iter().for_each(|part| all.extend_from_slice(part));
        Ok(all)
    };
    let mut chain = match &how.mode {
        KbkdfMode::Counter => Secret::new(Vec::new()),
        KbkdfMode::Feedback { iv } => Secret::copy_of(iv),
        KbkdfMode::DoublePipeline => Secret::copy_of(&input(None, None)?),
    };
    let mut counter = 0u64;
    let mut next = |prf: &Keyed| -> Result<Secret, CryptoError> {
        counter = counter.saturating_add(1);
        if how.mode == KbkdfMode::DoublePipeline {
            chain = prf.over(&[chain.expose()]);
        }
        let output = prf.over(&[&input(Some(counter), Some(chain.expose()))?]);
        if matches!(how.mode, KbkdfMode::Feedback { .. }) {
            chain = output.clone();
        }
        Ok(output)
    };
    let mut derived = Vec::with_capacity(wants.len());
    for want in wants {
        let mut key = Secret::new(vec![0; *want]);
        for to in key.expose_mut().chunks_mut(block) {
            let output = next(&prf)?;
            to.iter_mut().zip(output.expose()).for_each(|(to, from)| *to = *from);
        }
        derived.push(key);
    }
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_the_bytes_that_it_has_or_refused() {
        let number = |bytes, little_endian| Number { bytes, little_endian };
        assert_eq!(number(2, false).write(0x0102), Ok(vec![1, 2]));
        assert_eq!(number(3, true).write(0x0102), Ok(vec![2, 1, 0]));
        for (bytes, value) in [(1, 256), (0, 0), (9, 1)] {
            assert!(number(bytes, false).write(value).is_err());
        }
    }
}
