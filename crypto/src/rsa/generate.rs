//! RSA generation (FIPS 186-5, A.1.3 in its shape): two primes with their two top bits set, e prime to both less one, primes far enough apart.
//! aws-lc makes the four sizes that it offers with e = 65537; crypto-primes makes the rest.

use super::{MAX_BITS, MIN_BITS};
use crate::num::{boxed, uint};
use crate::random::Source;
use crate::{CryptoError, Level, random};
use cngtoken_key::{RsaClaim, RsaPrivate, Uint};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Resize};
use crypto_primes::Flavor;
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use getrandom::rand_core::UnwrapErr;

/// A new key of exactly `bits` bits.
pub(crate) fn generate(bits: usize, e: &Uint) -> Result<RsaPrivate, CryptoError> {
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(CryptoError::KeySize);
    }
    if !e.is_odd() || e.to_u64().is_none_or(|e| e < 3) {
        return Err(CryptoError::Param("public exponent is not an odd number from 3 in 64 bits"));
    }
    #[cfg(feature = "fast")]
    if e.to_u64() == Some(65537)
        && let Some(size) = aws_size(bits)
    {
        return aws(size);
    }
    // The generic code wants a source that cannot fail; see that it works before it has to.
    random(&mut [0u8; 32])?;
    let (high, low) = (bits.div_ceil(2), bits / 2);
    loop {
        let (p, q) = (prime(high, e)?, prime(low, e)?);
        // FIPS 186-5, A.1.3 step 5.4: |p − q| above 2^(bits/2 − 100).
        let (larger, smaller) = if p > q { (&p, &q) } else { (&q, &p) };
        let width = larger.bits_precision();
        let distance = larger.clone().wrapping_sub(smaller.clone().resize_unchecked(width));
        let n = p.concatenating_mul(&q);
        if usize::try_from(distance.bit_width()).unwrap_or(0) + 100 <= low || usize::try_from(n.bit_width()).unwrap_or(0) != bits {
            continue;
        }
        let claim = RsaClaim { e: Some(e.clone()), p: Some(uint(&p)), q: Some(uint(&q)), ..RsaClaim::default() };
        // The primes were just proved; d too small (FIPS 186-5, A.1.1) does not happen for e below 2^64.
        return super::admit(claim, Level::NoPrimality).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated rsa key refused"));
    }
}

/// A prime of `bits` bits with the two top bits set and p − 1 prime to e.
fn prime(bits: usize, e: &Uint) -> Result<BoxedUint, CryptoError> {
    let bits = u32::try_from(bits).map_err(|_| CryptoError::KeySize)?;
    let e = boxed(e);
    let fits = |candidate: &BoxedUint| {
        let less_one = candidate.wrapping_sub(BoxedUint::one());
        let e = e.clone().resize_unchecked(less_one.bits_precision());
        bool::from(less_one.gcd(&e).is_one())
    };
    let factory = SmallFactorsSieveFactory::<BoxedUint>::new(Flavor::Any, bits, SetBits::TwoMsb).map_err(|_| CryptoError::KeySize)?;
    crypto_primes::sieve_and_find(&mut UnwrapErr(Source), factory, |_, candidate| crypto_primes::is_prime(Flavor::Any, candidate) && fits(candidate))
        .ok()
        .flatten()
        .ok_or(CryptoError::Internal("no prime found"))
}

#[cfg(feature = "fast")]
fn aws_size(bits: usize) -> Option<aws_lc_rs::rsa::KeySize> {
    use aws_lc_rs::rsa::KeySize;
    match bits {
        2048 => Some(KeySize::Rsa2048),
        3072 => Some(KeySize::Rsa3072),
        4096 => Some(KeySize::Rsa4096),
        8192 => Some(KeySize::Rsa8192),
        _ => None,
    }
}

#[cfg(feature = "fast")]
fn aws(size: aws_lc_rs::rsa::KeySize) -> Result<RsaPrivate, CryptoError> {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use rsa::pkcs1::der::Decode;
    const WHY: CryptoError = CryptoError::Internal("aws-lc's rsa generation");

    let pair = aws_lc_rs::rsa::KeyPair::generate(size).map_err(|_| WHY)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| WHY)?;
    let info = rsa::pkcs8::PrivateKeyInfoRef::from_der(der.as_ref()).map_err(|_| WHY)?;
    let numbers = rsa::pkcs1::RsaPrivateKey::from_der(info.private_key.as_bytes()).map_err(|_| WHY)?;
    let number = |n: rsa::pkcs1::UintRef<'_>| Some(Uint::from_be(n.as_bytes()));
    let claim = RsaClaim {
        n: number(numbers.modulus),
        e: number(numbers.public_exponent),
        d: None,
        p: number(numbers.prime1),
        q: number(numbers.prime2),
        dp: None,
        dq: None,
        qinv: number(numbers.coefficient),
    };
    super::admit(claim, Level::NoPrimality).ok().and_then(|(_, key)| key).ok_or(WHY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_exactly_the_size_asked_for() {
        for bits in [512, 513, 1000, 1024] {
            let key = generate(bits, &Uint::from_u64(65537)).unwrap();
            assert_eq!(key.public.n.bit_len(), bits);
        }
    }

    #[test]
    fn sizes_and_exponents_out_of_range_are_refused() {
        assert_eq!(generate(511, &Uint::from_u64(65537)), Err(CryptoError::KeySize));
        assert_eq!(generate(16385, &Uint::from_u64(65537)), Err(CryptoError::KeySize));
        assert!(generate(1024, &Uint::from_u64(2)).is_err());
        assert!(generate(1024, &Uint::from_u64(1)).is_err());
        assert!(generate(1024, &Uint::from_be(&[1; 9])).is_err());
    }
}
