//! Exponentiation modulo a prime of a finite-field group, by crypto-bigint: constant-time in base and exponent up to their widths.

use crate::num::{boxed, boxed_in, precision, uint};
use cngtoken_key::Uint;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero};

/// Numbers modulo an odd p.
pub(crate) struct Field {
    params: BoxedMontyParams,
    precision: u32,
}

impl Field {
    /// `None` for an even modulus.
    pub(crate) fn new(p: &Uint) -> Option<Self> {
        let odd = boxed(p).to_odd().into_option()?;
        Some(Self { params: BoxedMontyParams::new_vartime(odd), precision: precision(p.bit_len()) })
    }

    /// base^exponent mod p. The exponent's width shows, rounded up to 64 bits; `base` must not be wider than p.
    pub(crate) fn pow(&self, base: &Uint, exponent: &Uint) -> Uint {
        let base = BoxedMontyForm::new(boxed_in(base, self.precision), &self.params);
        uint(&base.pow(&boxed(exponent)).retrieve())
    }
}

/// a mod m; `None` for m = 0. Public numbers.
pub(crate) fn remainder(a: &Uint, m: &Uint) -> Option<Uint> {
    let m = NonZero::new(boxed(m)).into_option()?;
    Some(uint(&boxed(a).rem_vartime(&m)))
}

/// a − 1 for a > 0.
pub(crate) fn less_one(a: &Uint) -> Uint {
    uint(&boxed(a).wrapping_sub(BoxedUint::one()))
}

/// A random number from 1 to `limit` − 1, by drawing again: no bias. `limit` at least 3.
pub(crate) fn random_below(limit: &Uint) -> Result<Uint, crate::CryptoError> {
    let bytes = limit.byte_len();
    let unused = u32::try_from((8 * bytes).saturating_sub(limit.bit_len())).unwrap_or(0);
    // Each draw fits with probability of at least one half.
    for _ in 0..256 {
        let mut draw = zeroize::Zeroizing::new(vec![0u8; bytes]);
        crate::random(&mut draw)?;
        if let Some(first) = draw.first_mut() {
            *first &= 0xFFu8 >> unused;
        }
        let candidate = Uint::from_be(&draw);
        if !candidate.is_zero() && candidate < *limit {
            return Ok(candidate);
        }
    }
    Err(crate::CryptoError::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_and_remainders_are_right_for_small_numbers() {
        let p = Uint::from_u64(1009);
        let field = Field::new(&p).unwrap();
        assert_eq!(field.pow(&Uint::from_u64(5), &Uint::from_u64(117)).to_u64(), Some((0..117).fold(1, |n, _| n * 5 % 1009)));
        assert_eq!(field.pow(&Uint::from_u64(5), &Uint::from_u64(0)).to_u64(), Some(1));
        assert_eq!(remainder(&Uint::from_u64(1000), &Uint::from_u64(7)).unwrap().to_u64(), Some(6));
        assert!(remainder(&p, &Uint::from_u64(0)).is_none());
        assert!(Field::new(&Uint::from_u64(1008)).is_none());
    }

    #[test]
    fn random_numbers_stay_below_their_limit() {
        for limit in [3u64, 255, 256, 257, u64::MAX] {
            for _ in 0..50 {
                let n = random_below(&Uint::from_u64(limit)).unwrap().to_u64().unwrap();
                assert!(n >= 1 && n < limit);
            }
        }
    }
}
