//! New groups for DSA and Diffie-Hellman: primes from a seed (FIPS 186-4, A.1.1.2), safe primes, generators (A.2.1 and A.2.3).
//!
//! Searching takes as long as it takes: seconds for 3072 bits from a seed, up to minutes for a safe prime of 2048. Larger ones are refused.

use crate::dsa::seed::{candidate, subprime};
use crate::field::{Field, less_one};
use crate::num::{boxed, precision, uint};
use crate::prime::is_new_prime;
use crate::random::Source;
use crate::{CryptoError, Hash, digest, random};
use cngtoken_key::{DsaSeed, Uint};
use crypto_bigint::{BoxedUint, NonZero, Resize};
use crypto_primes::Flavor;
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use getrandom::rand_core::UnwrapErr;

/// Sizes of p: from a seed, and of safe primes.
const MIN_BITS: usize = 512;
const MAX_BITS: usize = 3072;
const MAX_SAFE_BITS: usize = 2048;
/// Longest seed.
const MAX_SEED: usize = 128;

/// Two primes with q a divisor of p − 1, and where they came from.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 186's letters")]
pub struct Primes {
    pub p: Uint,
    pub q: Uint,
    pub seed: DsaSeed,
}

/// New primes of `bits` and `order_bits` (whole bytes, no wider than the hash) from a random seed of `seed_len` bytes.
///
/// # Errors
/// [`CryptoError::KeySize`] for sizes that cannot be made, [`CryptoError::Param`] for a seed shorter than q or a hash narrower than it,
/// [`CryptoError::Random`] without randomness.
pub fn generate_primes(bits: usize, order_bits: usize, hash: Hash, seed_len: usize) -> Result<Primes, CryptoError> {
    loop {
        let mut seed = vec![0; seed_len.min(MAX_SEED)];
        random(&mut seed)?;
        // One seed in a hundred has a prime q; that no p follows from it hardly ever happens.
        if let Some(primes) = primes_of(bits, order_bits, hash, seed)? {
            return Ok(primes);
        }
    }
}

/// The primes to which a seed leads, if it leads to any.
fn primes_of(bits: usize, order_bits: usize, hash: Hash, seed: Vec<u8>) -> Result<Option<Primes>, CryptoError> {
    if !(MIN_BITS..=MAX_BITS).contains(&bits) || !(160..=512).contains(&order_bits) || !order_bits.is_multiple_of(8) || order_bits >= bits {
        return Err(CryptoError::KeySize);
    }
    if 8 * hash.len() < order_bits {
        return Err(CryptoError::Param("the hash is narrower than the subprime"));
    }
    if !(order_bits / 8..=MAX_SEED).contains(&seed.len()) {
        return Err(CryptoError::Param("the seed is shorter than the subprime, or longer than 128 bytes"));
    }
    let q = subprime(&seed, hash, order_bits / 8);
    if !is_new_prime(&q) {
        return Ok(None);
    }
    let mut seed = DsaSeed { seed, counter: 0 };
    let last = u32::try_from(4 * bits).unwrap_or(u32::MAX);
    while seed.counter < last {
        let found = candidate(bits, &q, &seed, hash, 1).filter(|p| p.bit_len() == bits && is_new_prime(p));
        if let Some(p) = found {
            return Ok(Some(Primes { p, q, seed }));
        }
        seed.counter += 1;
    }
    Ok(None)
}

/// A new safe prime, with a generator of the subgroup of order (p − 1) / 2.
///
/// # Errors
/// [`CryptoError::KeySize`] for a size that cannot be made in a time that a caller would wait, [`CryptoError::Random`] without randomness.
pub fn generate_safe_prime(bits: usize) -> Result<(Uint, Uint), CryptoError> {
    if !(MIN_BITS..=MAX_SAFE_BITS).contains(&bits) {
        return Err(CryptoError::KeySize);
    }
    // The generic code wants a source that cannot fail; see that it works before it has to.
    random(&mut [0u8; 32])?;
    let width = u32::try_from(bits).map_err(|_| CryptoError::KeySize)?;
    let factory = SmallFactorsSieveFactory::<BoxedUint>::new(Flavor::Safe, width, SetBits::Msb).map_err(|_| CryptoError::KeySize)?;
    let found = crypto_primes::sieve_and_find(&mut UnwrapErr(Source), factory, |_, n| crypto_primes::is_prime(Flavor::Safe, n));
    let p = uint(&found.ok().flatten().ok_or(CryptoError::Internal("no safe prime found"))?);
    // 2 is a square modulo p ≡ 7 mod 8; 4 always is one.
    let two_is_square = p.as_be().last().is_some_and(|last| last & 7 == 7);
    Ok((p, Uint::from_u64(if two_is_square { 2 } else { 4 })))
}

/// (p − 1) / q, where q divides it.
fn cofactor(p: &Uint, q: &Uint) -> Result<Uint, CryptoError> {
    const NO_GROUP: CryptoError = CryptoError::Param("q does not divide p − 1");
    if p.bit_len() > MAX_BITS || q.bit_len() < 2 || q >= p {
        return Err(NO_GROUP);
    }
    let whole = boxed(&less_one(p));
    let divisor = NonZero::new(boxed(q).resize_unchecked(precision(p.bit_len()))).into_option().ok_or(NO_GROUP)?;
    let (quotient, rest) = whole.resize_unchecked(precision(p.bit_len())).div_rem_vartime(&divisor);
    if bool::from(rest.is_zero()) { Ok(uint(&quotient)) } else { Err(NO_GROUP) }
}

fn power(p: &Uint, base: &Uint, exponent: &Uint) -> Result<Uint, CryptoError> {
    let field = Field::new(p).ok_or(CryptoError::Param("p is even"))?;
    let base = crate::field::remainder(base, p).ok_or(CryptoError::Param("p is zero"))?;
    Ok(field.pow(&base, exponent))
}

/// A generator of the subgroup of order q: the first h^((p−1)/q) that is not 1 (A.2.1).
///
/// # Errors
/// [`CryptoError::Param`] if q does not divide p − 1.
pub fn generator(p: &Uint, q: &Uint) -> Result<Uint, CryptoError> {
    let e = cofactor(p, q)?;
    for h in 2..1000 {
        let g = power(p, &Uint::from_u64(h), &e)?;
        if g > Uint::from_u64(1) {
            return Ok(g);
        }
    }
    Err(CryptoError::Param("no generator"))
}

/// The generator that the seed and the index lead to, so that others can see that nobody chose it (A.2.3).
///
/// # Errors
/// [`CryptoError::Param`] if q does not divide p − 1.
pub fn verifiable_generator(p: &Uint, q: &Uint, hash: Hash, seed: &[u8], index: u8) -> Result<Uint, CryptoError> {
    if seed.is_empty() || seed.len() > MAX_SEED {
        return Err(CryptoError::Param("the seed has 1 to 128 bytes"));
    }
    let e = cofactor(p, q)?;
    for count in 1..=1000u16 {
        let u = [seed, b"ggen", &[index], &count.to_be_bytes()].concat();
        let g = power(p, &Uint::from_be(&digest(hash, &u)), &e)?;
        if g > Uint::from_u64(1) {
            return Ok(g);
        }
    }
    Err(CryptoError::Param("no generator"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(hex: &str) -> Uint {
        Uint::from_be(&hex::decode(hex).unwrap())
    }

    fn published() -> serde_json::Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/mechanisms/dsa_groups.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn hash(name: &str) -> Hash {
        match name {
            "SHA-1" => Hash::Sha1,
            "SHA-224" => Hash::Sha224,
            _ => Hash::Sha256,
        }
    }

    #[test]
    fn published_seeds_lead_to_the_published_primes_and_generators() {
        let file = published();
        for test in file["primes"].as_array().unwrap() {
            let text = |name: &str| test[name].as_str().unwrap();
            let (p, q) = (number(text("p")), number(text("q")));
            let found = primes_of(p.bit_len(), q.bit_len(), hash(text("hash")), hex::decode(text("seed")).unwrap()).unwrap().unwrap();
            assert_eq!((&found.p, &found.q, u64::from(found.seed.counter)), (&p, &q, test["counter"].as_u64().unwrap()));
        }
        for test in file["generators"].as_array().unwrap() {
            let text = |name: &str| test[name].as_str().unwrap();
            let index = u8::from_str_radix(text("index"), 16).unwrap();
            let g = verifiable_generator(&number(text("p")), &number(text("q")), hash(text("hash")), &hex::decode(text("seed")).unwrap(), index);
            assert_eq!(g.unwrap(), number(text("g")));
        }
    }

    #[test]
    fn new_groups_have_the_sizes_asked_for_and_a_generator_of_their_order() {
        for (bits, order, hash, seed_len) in [(512, 160, Hash::Sha1, 20), (768, 224, Hash::Sha256, 64)] {
            let new = generate_primes(bits, order, hash, seed_len).unwrap();
            assert_eq!((new.p.bit_len(), new.q.bit_len(), new.seed.seed.len()), (bits, order, seed_len));
            let g = generator(&new.p, &new.q).unwrap();
            assert_eq!(power(&new.p, &g, &new.q).unwrap(), Uint::from_u64(1));
        }
        let (p, g) = generate_safe_prime(512).unwrap();
        let half = cofactor(&p, &Uint::from_u64(2)).unwrap();
        assert_eq!((p.bit_len(), power(&p, &g, &half).unwrap()), (512, Uint::from_u64(1)));
        assert!(is_new_prime(&p) && is_new_prime(&half));
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        for (bits, order) in [(511, 160), (3073, 256), (1024, 152), (1024, 161), (1024, 520)] {
            assert_eq!(generate_primes(bits, order, Hash::Sha512, 64).unwrap_err(), CryptoError::KeySize);
        }
        assert!(matches!(generate_primes(1024, 256, Hash::Sha1, 64), Err(CryptoError::Param(_))));
        assert!(matches!(generate_primes(1024, 256, Hash::Sha256, 31), Err(CryptoError::Param(_))));
        assert_eq!(generate_safe_prime(511), Err(CryptoError::KeySize));
        assert_eq!(generate_safe_prime(2049), Err(CryptoError::KeySize));
        assert!(generator(&Uint::from_u64(23), &Uint::from_u64(7)).is_err());
        assert!(generator(&Uint::from_u64(23), &Uint::from_u64(0)).is_err());
        assert_eq!(generator(&Uint::from_u64(23), &Uint::from_u64(11)).unwrap(), Uint::from_u64(4));
    }
}
