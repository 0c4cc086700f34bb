//! The initialization vectors that the token makes for messages: CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER and its XOR form.
//!
//! One source lives as long as one message-based process and gives no vector twice in it: the counting forms keep the shape (generator, length,
//! fixed bits) with which they began, end when their bits are used up, and refuse a vector whose free bits "vary from call to call", since XOR
//! would then repeat. Source: PKCS#11 3.2, "AES-GCM Authenticated Encryption / Decryption", CK_GCM_MESSAGE_PARAMS.

use crate::token::error::{R, Reason, TokenError};
use cngtoken_crypto as crypto;
use cryptoki_sys as ck;

/// Fewest free bits from which CKG_GENERATE counts on from a random start.
const GENERATE_BITS: usize = 32;
/// Fewest free bits that chance alone may fill.
const RANDOM_BITS: usize = 64;

/// What a counting source began with.
struct Setup {
    generator: u64,
    len: usize,
    fixed_bits: usize,
    /// CKG_GENERATE: the random start. CKG_GENERATE_COUNTER_XOR: the vector that was given. Only the free bits count.
    base: Vec<u8>,
}

/// The vectors of one process.
#[derive(Default)]
pub(crate) struct IvSource {
    setup: Option<Setup>,
    count: u64,
}

fn bad(why: impl Into<String>) -> TokenError {
    Reason::MechanismParamInvalid.because(why)
}

/// The bits of byte `index` that lie behind the fixed ones, which are counted from the most significant bit of the first byte.
fn free_mask(index: usize, fixed_bits: usize) -> u8 {
    match fixed_bits.saturating_sub(index.saturating_mul(8)) {
        0 => 0xFF,
        fixed @ 1..=7 => 0xFF >> fixed,
        _ => 0,
    }
}

/// The fixed bits of `iv` before the free bits of `free`.
fn joined(iv: &[u8], free: &[u8], fixed_bits: usize) -> Vec<u8> {
    iv.iter()
        .zip(free)
        .enumerate()
        .map(|(index, (fixed, free))| {
            let mask = free_mask(index, fixed_bits);
            (fixed & !mask) | (free & mask)
        })
        .collect()
}

/// A number as `len` bytes; what does not fit is cut off at the most significant end.
fn number(n: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    for (to, from) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *to = from;
    }
    bytes
}

/// The sum, modulo their length.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = a.to_vec();
    let mut carry = false;
    for (to, b) in out.iter_mut().zip(b).rev() {
        let (first, over) = to.overflowing_add(*b);
        let (second, more) = first.overflowing_add(u8::from(carry));
        *to = second;
        carry = over || more;
    }
    out
}

fn random(len: usize) -> R<Vec<u8>> {
    let mut bytes = vec![0; len];
    crypto::random(&mut bytes)?;
    Ok(bytes)
}

/// The fixed and the free bits of a vector, if the generator has enough to make it of.
fn split(len: usize, fixed_bits: u64, generator: u64) -> R<(usize, usize)> {
    let least = match generator {
        ck::CKG_GENERATE => GENERATE_BITS,
        ck::CKG_GENERATE_RANDOM => RANDOM_BITS,
        ck::CKG_GENERATE_COUNTER | ck::CKG_GENERATE_COUNTER_XOR => 1,
        other => return Err(bad(format!("ivGenerator {other} is not known"))),
    };
    let all = len.saturating_mul(8);
    let fixed = usize::try_from(fixed_bits).ok().filter(|fixed| all.saturating_sub(*fixed) >= least);
    let fixed = fixed.ok_or_else(|| bad(format!("{fixed_bits} of {all} bits are fixed; the generator needs {least} free ones")))?;
    Ok((fixed, all.saturating_sub(fixed)))
}

/// A vector for one call that belongs to no process. A counter would begin at zero for each call, so there is none.
///
/// # Errors
/// MechanismParamInvalid; DeviceError if there is no randomness.
pub(crate) fn single(given: &[u8], fixed_bits: u64, generator: u64) -> R<Option<Vec<u8>>> {
    match generator {
        ck::CKG_NO_GENERATE => Ok(None),
        ck::CKG_GENERATE | ck::CKG_GENERATE_RANDOM => {
            let (fixed, _) = split(given.len(), fixed_bits, ck::CKG_GENERATE_RANDOM)?;
            Ok(Some(joined(given, &random(given.len())?, fixed)))
        }
        _ => Err(bad("a counter would begin at zero for each call; CKG_GENERATE makes a vector that does not repeat")),
    }
}

impl IvSource {
    /// The next vector, or none where the caller has given it (CKG_NO_GENERATE). It is spent, whatever becomes of the message.
    ///
    /// # Errors
    /// MechanismParamInvalid; DeviceError if there is no randomness.
    pub(crate) fn next(&mut self, given: &[u8], fixed_bits: u64, generator: u64) -> R<Option<Vec<u8>>> {
        if generator == ck::CKG_NO_GENERATE {
            return Ok(None);
        }
        let len = given.len();
        let (fixed, free) = split(len, fixed_bits, generator)?;
        if generator == ck::CKG_GENERATE_RANDOM {
            return Ok(Some(joined(given, &random(len)?, fixed)));
        }
        let base = match &self.setup {
            Some(setup) => {
                if (setup.generator, setup.len, setup.fixed_bits) != (generator, len, fixed) {
                    return Err(bad("ivGenerator, ulIvLen and ulIvFixedBits stay as they were for the first generated vector"));
                }
                if generator == ck::CKG_GENERATE_COUNTER_XOR && joined(given, &setup.base, fixed) != given {
                    return Err(bad("the free bits of the vector are not those that were given first"));
                }
                setup.base.clone()
            }
            None => match generator {
                ck::CKG_GENERATE => random(len)?,
                ck::CKG_GENERATE_COUNTER_XOR => given.to_vec(),
                _ => vec![0; len],
            },
        };
        let all_used = u32::try_from(free).ok().and_then(|free| 1_u64.checked_shl(free)).unwrap_or(u64::MAX);
        if self.count >= all_used {
            return Err(bad(format!("all vectors of {free} free bits are used; a new process begins anew")));
        }
        let count = number(self.count, len);
        let made = match generator {
            ck::CKG_GENERATE_COUNTER_XOR => base.iter().zip(&count).map(|(a, b)| a ^ b).collect(),
            _ => sum(&base, &count),
        };
        self.count = self.count.saturating_add(1);
        self.setup.get_or_insert(Setup { generator, len, fixed_bits: fixed, base });
        Ok(Some(joined(given, &made, fixed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const GIVEN: [u8; 12] = [0xAB; 12];

    #[test]
    fn fixed_bits_may_end_inside_a_byte() {
        assert_eq!(joined(&[0xFF, 0xFF], &[0, 0], 3), [0xE0, 0x00]);
        assert_eq!(joined(&[0xFF, 0xFF], &[0, 0], 12), [0xFF, 0xF0]);
    }

    #[test]
    fn a_counter_begins_at_zero_behind_the_fixed_bits() {
        let mut source = IvSource::default();
        for n in 0..3 {
            let iv = source.next(&GIVEN, 64, ck::CKG_GENERATE_COUNTER).unwrap().unwrap();
            assert_eq!(iv, [&[0xAB; 8][..], &[0, 0, 0, n]].concat());
        }
    }

    #[test]
    fn a_counter_ends_when_its_bits_are_used_up_and_never_begins_again() {
        let mut source = IvSource::default();
        let mut seen = HashSet::new();
        for _ in 0..8 {
            assert!(seen.insert(source.next(&GIVEN, 93, ck::CKG_GENERATE_COUNTER).unwrap()));
        }
        for _ in 0..2 {
            assert_eq!(source.next(&GIVEN, 93, ck::CKG_GENERATE_COUNTER).unwrap_err().reason, Reason::MechanismParamInvalid);
        }
    }

    #[test]
    fn xor_takes_the_same_vector_each_time_and_no_other() {
        let mut source = IvSource::default();
        let first = source.next(&GIVEN, 0, ck::CKG_GENERATE_COUNTER_XOR).unwrap().unwrap();
        assert_eq!(first, GIVEN, "the counter begins at zero");
        let second = source.next(&GIVEN, 0, ck::CKG_GENERATE_COUNTER_XOR).unwrap().unwrap();
        assert_eq!(second[11], 0xAB ^ 1);
        // What came back, given again, would lead to a vector that was used: 0xAB ^ 1 ^ 2 ^ 3 = 0xAB.
        assert!(source.next(&second, 0, ck::CKG_GENERATE_COUNTER_XOR).is_err());
    }

    #[test]
    fn a_random_start_runs_over_its_end_without_touching_the_fixed_bits() {
        let mut source = IvSource { setup: Some(Setup { generator: ck::CKG_GENERATE, len: 12, fixed_bits: 64, base: vec![0xFF; 12] }), count: 0 };
        assert_eq!(source.next(&GIVEN, 64, ck::CKG_GENERATE).unwrap().unwrap()[8..], [0xFF; 4]);
        let second = source.next(&GIVEN, 64, ck::CKG_GENERATE).unwrap().unwrap();
        assert_eq!(second, [&[0xAB; 8][..], &[0; 4]].concat());
    }

    #[test]
    fn the_shape_of_a_counting_source_does_not_change() {
        let mut source = IvSource::default();
        source.next(&GIVEN, 32, ck::CKG_GENERATE_COUNTER).unwrap();
        assert!(source.next(&GIVEN, 64, ck::CKG_GENERATE_COUNTER).is_err());
        assert!(source.next(&GIVEN[..11], 32, ck::CKG_GENERATE_COUNTER).is_err());
        assert!(source.next(&GIVEN, 32, ck::CKG_GENERATE).is_err());
        // The fixed bits' value is the caller's.
        assert!(source.next(&[0; 12], 32, ck::CKG_GENERATE_COUNTER).is_ok());
    }

    #[test]
    fn too_few_free_bits_are_refused() {
        for (fixed, generator) in
            [(65, ck::CKG_GENERATE), (33, ck::CKG_GENERATE_RANDOM), (96, ck::CKG_GENERATE_COUNTER), (97, ck::CKG_GENERATE), (u64::MAX, 2), (0, 9)]
        {
            assert!(IvSource::default().next(&GIVEN, fixed, generator).is_err(), "{fixed} {generator}");
        }
    }

    #[test]
    fn a_single_call_has_no_counter() {
        assert!(single(&GIVEN, 0, ck::CKG_GENERATE_COUNTER).is_err());
        assert_eq!(single(&GIVEN, 0, ck::CKG_NO_GENERATE), Ok(None));
        assert_eq!(single(&GIVEN, 32, ck::CKG_GENERATE).unwrap().unwrap()[..4], GIVEN[..4]);
    }
}
