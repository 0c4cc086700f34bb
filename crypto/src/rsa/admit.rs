//! Completes and checks RSA numbers. d, the CRT values, a missing prime, both primes (from n, e and d) and e (from d) are computed; what is given
//! must agree with it. p and q keep their order: qinv is q⁻¹ mod p with p as the first prime.
//!
//! Secret numbers are handled by crypto-bigint's constant-time functions, except that sizes show.

use super::Rsa;
use crate::num::{boxed, boxed_in, precision, uint};
use crate::prime::{self, Rounds};
use crate::{AdmitError, Hash, Level};
use cngtoken_key::{RsaClaim, RsaPrivate, RsaPublic, Uint};
use crypto_bigint::{BoxedUint, ConcatenatingMul, ConcatenatingSquare, Gcd, NonZero, Odd, Resize};

/// Smallest modulus.
pub(crate) const MIN_BITS: usize = 512;
/// Largest modulus.
pub(crate) const MAX_BITS: usize = 16384;

/// Checks the claim; the private half if any private number is claimed.
pub(crate) fn admit(claim: RsaClaim, level: Level) -> Result<(RsaPublic, Option<RsaPrivate>), AdmitError> {
    for (what, number) in [
        ("modulus", &claim.n),
        ("private exponent", &claim.d),
        ("prime 1", &claim.p),
        ("prime 2", &claim.q),
        ("exponent 1", &claim.dp),
        ("exponent 2", &claim.dq),
        ("coefficient", &claim.qinv),
    ] {
        if let Some(number) = number
            && number.bit_len() > MAX_BITS
        {
            if what == "modulus" {
                return Err(AdmitError::KeySize { bits: number.bit_len(), min: MIN_BITS, max: MAX_BITS });
            }
            return Err(AdmitError::range(what, format!("{} bits", number.bit_len()), format!("at most {MAX_BITS} bits")));
        }
    }
    let n = match (&claim.n, &claim.p, &claim.q) {
        (Some(n), _, _) => n.clone(),
        (None, Some(p), Some(q)) => uint(&boxed(p).concatenating_mul(&boxed(q))),
        (None, _, _) => return Err(AdmitError::Missing { what: "modulus" }),
    };
    check_modulus(&n)?;

    let private = claim.d.is_some() || claim.p.is_some() || claim.q.is_some();
    if !private {
        if claim.dp.is_some() || claim.dq.is_some() || claim.qinv.is_some() {
            return Err(AdmitError::Missing { what: "private exponent or primes" });
        }
        let e = claim.e.ok_or(AdmitError::Missing { what: "public exponent" })?;
        check_exponent(&e, &n)?;
        return Ok((RsaPublic { n, e }, None));
    }

    if let Some(e) = &claim.e {
        check_exponent(e, &n)?;
    }
    let (p, q) = factors(&claim, &n)?;
    check_factors(&p, &q, &n)?;
    let key = complete(claim, n, p, q)?;

    let context = super::Context::default();
    let fast = cfg!(feature = "fast") && crate::engine::rsa_fits(&key.public, Some(&key));
    let rsa = Rsa { public: &key.public, private: Some(&key), context: &context, fast };
    rsa.warm().map_err(|_| AdmitError::inconsistent("private key", "numbers that the engine refuses", "a key that can sign"))?;
    if level == Level::Full {
        // A signature that verifies is a Fermat test of both primes with a random base, and shows that the halves belong together.
        if fast {
            prove(&rsa)?;
        }
        let rounds = if fast { Rounds::One } else { Rounds::All };
        for (what, prime) in [("prime 1", &key.p), ("prime 2", &key.q)] {
            if !prime::is_prime(prime, rounds) {
                return Err(AdmitError::inconsistent(what, "a composite number", "a prime"));
            }
        }
    }
    Ok((key.public.clone(), Some(key)))
}

fn check_modulus(n: &Uint) -> Result<(), AdmitError> {
    let bits = n.bit_len();
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(AdmitError::KeySize { bits, min: MIN_BITS, max: MAX_BITS });
    }
    if !n.is_odd() {
        return Err(AdmitError::inconsistent("modulus", reversed(n, "an even number"), "an odd number"));
    }
    Ok(())
}

/// An even number whose bytes end odd when read the other way was most likely written in the other order.
fn reversed(n: &Uint, found: &'static str) -> String {
    if n.as_be().first().is_some_and(|b| b & 1 == 1) {
        format!("{found}; the bytes are in reverse order, or this is not a modulus")
    } else {
        found.to_owned()
    }
}

fn check_exponent(e: &Uint, n: &Uint) -> Result<(), AdmitError> {
    let found = || e.to_u64().map_or_else(|| format!("{} bits", e.bit_len()), |v| v.to_string());
    if e.to_u64().is_none() {
        return Err(AdmitError::range("public exponent", found(), "at most 64 bits"));
    }
    if !e.is_odd() || *e < Uint::from_u64(3) {
        return Err(AdmitError::range("public exponent", found(), "an odd number from 3"));
    }
    if e >= n {
        return Err(AdmitError::range("public exponent", found(), "less than the modulus"));
    }
    Ok(())
}

/// Both primes: as given, by division, or from n, e and d.
fn factors(claim: &RsaClaim, n: &Uint) -> Result<(Uint, Uint), AdmitError> {
    let other = |given: &Uint, what| -> Result<Uint, AdmitError> {
        let divisor = NonZero::new(boxed(given)).into_option().ok_or(AdmitError::range(what, "0", "a prime"))?;
        let (quotient, rest) = boxed(n).div_rem(&divisor);
        if bool::from(rest.is_zero()) {
            Ok(uint(&quotient))
        } else {
            Err(AdmitError::inconsistent(what, "a number that does not divide the modulus", "a factor of the modulus"))
        }
    };
    match (&claim.p, &claim.q) {
        (Some(p), Some(q)) => Ok((p.clone(), q.clone())),
        (Some(p), None) => Ok((p.clone(), other(p, "prime 1")?)),
        (None, Some(q)) => Ok((other(q, "prime 2")?, q.clone())),
        (None, None) => {
            let e = claim.e.as_ref().ok_or(AdmitError::Missing { what: "public exponent" })?;
            let d = claim.d.as_ref().ok_or(AdmitError::Missing { what: "private exponent" })?;
            recover(n, e, d).ok_or_else(|| {
                AdmitError::inconsistent(
                    "private exponent",
                    "a number that does not belong to modulus and public exponent",
                    "the inverse of the public exponent",
                )
            })
        }
    }
}

/// The primes from n, e and d by SP 800-56B rev. 2, appendix C.2: no exponentiation, so the cost is that of a few divisions.
fn recover(n: &Uint, e: &Uint, d: &Uint) -> Option<(Uint, Uint)> {
    if d >= n || d.is_zero() {
        return None;
    }
    let wide = precision(n.bit_len().checked_add(64)?);
    let one = BoxedUint::one_with_precision(wide);
    let product = boxed(d).concatenating_mul(&boxed(e)).resize_unchecked(wide).wrapping_sub(&one);
    let n_wide = boxed_in(n, wide);
    let common = n_wide.wrapping_sub(&one).gcd(&product);
    let a = product.concatenating_mul(&common);
    let n_nonzero = NonZero::new(boxed(n)).into_option()?;
    let (m, r) = a.div_rem(&n_nonzero);
    // (n − r) / (m + 1) must be p + q − 1.
    let rest = boxed(n).wrapping_sub(r.resize_unchecked(precision(n.bit_len())));
    let m1 = NonZero::new(m.concatenating_add(BoxedUint::one())).into_option()?;
    let (sum1, rest) = rest.div_rem(&m1);
    if !bool::from(rest.is_zero()) {
        return None;
    }
    let sum = sum1.concatenating_add(BoxedUint::one());
    let square = sum.concatenating_square();
    let four_n = n_wide.concatenating_mul(&BoxedUint::from(4u32));
    let width = square.bits_precision().max(four_n.bits_precision());
    let (square, four_n) = (square.resize_unchecked(width), four_n.resize_unchecked(width));
    if square <= four_n {
        return None;
    }
    let difference = square.wrapping_sub(&four_n);
    let root = difference.floor_sqrt();
    let width = sum.bits_precision().max(root.bits_precision());
    let (sum, root) = (sum.resize_unchecked(width), root.resize_unchecked(width));
    let p = sum.wrapping_add(&root).shr_vartime(1)?;
    let q = sum.wrapping_sub(&root).shr_vartime(1)?;
    Some((uint(&p), uint(&q)))
}

/// Signs and verifies a random digest.
fn prove(rsa: &Rsa<'_>) -> Result<(), AdmitError> {
    let mut digest = [0u8; 32];
    crate::random(&mut digest)
        .and_then(|()| rsa.sign_pkcs1(Hash::Sha256, &digest))
        .and_then(|signature| rsa.verify_pkcs1(Hash::Sha256, &digest, &signature))
        .map_err(|_| AdmitError::inconsistent("primes", "a key whose signatures do not verify: a composite number", "two primes"))
}

fn check_factors(p: &Uint, q: &Uint, n: &Uint) -> Result<(), AdmitError> {
    if !p.is_odd() || !q.is_odd() || p.bit_len() < 2 || q.bit_len() < 2 {
        return Err(AdmitError::inconsistent("primes", "an even number or 1", "two odd primes"));
    }
    if p == q {
        return Err(AdmitError::inconsistent("primes", "twice the same number", "two different primes"));
    }
    if uint(&boxed(p).concatenating_mul(&boxed(q))) != *n {
        return Err(AdmitError::inconsistent("primes", "a product other than the modulus", "prime 1 × prime 2 = modulus"));
    }
    for (what, prime) in [("prime 1", p), ("prime 2", q)] {
        if prime.bit_len() > prime::MAX_BITS {
            return Err(AdmitError::range(what, format!("{} bits", prime.bit_len()), format!("at most {} bits", prime::MAX_BITS)));
        }
    }
    Ok(())
}

/// d, dp, dq and qinv: computed, and compared where given.
fn complete(claim: RsaClaim, n: Uint, p: Uint, q: Uint) -> Result<RsaPrivate, AdmitError> {
    let wide = precision(n.bit_len());
    let less_one = |prime: &Uint| NonZero::new(boxed(prime).wrapping_sub(BoxedUint::one())).into_option();
    let p1 = less_one(&p).ok_or(AdmitError::Missing { what: "prime 1" })?;
    let q1 = less_one(&q).ok_or(AdmitError::Missing { what: "prime 2" })?;
    let phi = NonZero::new(p1.as_ref().concatenating_mul(q1.as_ref()).resize_unchecked(wide))
        .into_option()
        .ok_or(AdmitError::Missing { what: "primes" })?;
    let inverse = |number: &Uint| boxed_in(number, wide).invert_mod(&phi).into_option();

    let e = match (claim.e, &claim.d) {
        (Some(e), _) => e,
        (None, Some(d)) if d < &n => {
            let e = inverse(d).map(|e| uint(&e)).ok_or(AdmitError::Missing { what: "public exponent" })?;
            check_exponent(&e, &n)?;
            e
        }
        (None, _) => return Err(AdmitError::Missing { what: "public exponent" }),
    };
    let d = match claim.d {
        Some(d) if d >= n || d.bit_len() < 2 => {
            return Err(AdmitError::range("private exponent", format!("{} bits", d.bit_len()), "1 < d < modulus"));
        }
        Some(d) => d,
        None => uint(
            &inverse(&e)
                .ok_or_else(|| AdmitError::inconsistent("public exponent", "a number with no inverse", "a number prime to (p − 1)(q − 1)"))?,
        ),
    };
    let product = boxed(&d).concatenating_mul(&boxed(&e));
    for (what, less_one) in [("e·d mod (prime 1 − 1)", &p1), ("e·d mod (prime 2 − 1)", &q1)] {
        if !bool::from(product.rem(less_one).is_one()) {
            return Err(AdmitError::inconsistent(what, "another number", "1"));
        }
    }

    let d_wide = boxed(&d);
    let dp = agree("exponent 1", claim.dp, &d_wide.rem(&p1))?;
    let dq = agree("exponent 2", claim.dq, &d_wide.rem(&q1))?;
    let p_odd = Odd::new(boxed(&p)).into_option().ok_or(AdmitError::Missing { what: "prime 1" })?;
    let q_mod_p = boxed(&q).rem(p_odd.as_nz_ref());
    let coefficient =
        q_mod_p.invert_odd_mod(&p_odd).into_option().ok_or_else(|| AdmitError::inconsistent("primes", "a common factor", "two different primes"))?;
    let qinv = agree("coefficient", claim.qinv, &coefficient)?;
    Ok(RsaPrivate { public: RsaPublic { n, e }, d, p, q, dp, dq, qinv })
}

fn agree(what: &'static str, given: Option<Uint>, computed: &BoxedUint) -> Result<Uint, AdmitError> {
    let computed = uint(computed);
    match given {
        Some(given) if given != computed => {
            Err(AdmitError::inconsistent(what, "another number than prime 1, prime 2 and private exponent give", "the number that follows from them"))
        }
        _ => Ok(computed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::generate;

    fn key() -> RsaPrivate {
        // Generation is fast in aws-lc and bearable without it.
        generate(1024, &Uint::from_u64(65537)).unwrap()
    }

    fn full(k: &RsaPrivate) -> RsaClaim {
        RsaClaim {
            n: Some(k.public.n.clone()),
            e: Some(k.public.e.clone()),
            d: Some(k.d.clone()),
            p: Some(k.p.clone()),
            q: Some(k.q.clone()),
            dp: Some(k.dp.clone()),
            dq: Some(k.dq.clone()),
            qinv: Some(k.qinv.clone()),
        }
    }

    #[test]
    fn every_sufficient_subset_of_the_numbers_completes_to_the_same_key() {
        let k = key();
        let all = full(&k);
        let subsets = [
            all.clone(),
            RsaClaim { d: None, dp: None, dq: None, qinv: None, ..all.clone() },
            RsaClaim { n: None, d: None, ..all.clone() },
            RsaClaim { q: None, ..all.clone() },
            RsaClaim { p: None, ..all.clone() },
            RsaClaim { e: None, ..all.clone() },
        ];

        for claim in subsets {
            let (_, private) = admit(claim, Level::Full).unwrap();
            assert_eq!(private.unwrap(), k);
        }
    }

    #[test]
    fn primes_are_recovered_from_both_exponents() {
        for e in [3u64, 17, 65537, 0xFFFF_FFFF_FFFF_FFFB] {
            let k = generate(1024, &Uint::from_u64(e)).unwrap();
            let claim = RsaClaim { n: Some(k.public.n.clone()), e: Some(k.public.e.clone()), d: Some(k.d.clone()), ..RsaClaim::default() };

            let (public, private) = admit(claim, Level::Full).unwrap();

            assert_eq!(public, k.public);
            let private = private.unwrap();
            assert!(private.p > private.q);
            assert_eq!((private.p.max(private.q), private.d), (k.p.max(k.q), k.d));
        }
    }

    #[test]
    fn swapped_primes_stay_swapped() {
        let k = key();
        let claim = RsaClaim { p: Some(k.q.clone()), q: Some(k.p.clone()), d: None, dp: None, dq: None, qinv: None, ..full(&k) };

        let private = admit(claim, Level::Full).unwrap().1.unwrap();

        assert_eq!((private.p, private.q), (k.q, k.p));
        assert_ne!(private.qinv, k.qinv);
    }

    #[test]
    fn each_wrong_number_is_refused() {
        let k = key();
        let other = key();
        let wrong = [
            RsaClaim { n: Some(other.public.n.clone()), ..full(&k) },
            RsaClaim { e: Some(Uint::from_u64(3)), ..full(&k) },
            RsaClaim { e: Some(Uint::from_u64(65536)), ..full(&k) },
            RsaClaim { e: Some(Uint::from_u64(1)), ..full(&k) },
            RsaClaim { e: Some(Uint::from_be(&[1; 9])), ..full(&k) },
            RsaClaim { d: Some(other.d.clone()), ..full(&k) },
            RsaClaim { d: Some(k.public.n.clone()), ..full(&k) },
            RsaClaim { p: Some(other.p.clone()), ..full(&k) },
            RsaClaim { p: Some(k.q.clone()), q: Some(k.q.clone()), ..full(&k) },
            RsaClaim { dp: Some(other.dp.clone()), ..full(&k) },
            RsaClaim { dq: Some(k.dp.clone()), ..full(&k) },
            RsaClaim { qinv: Some(other.qinv.clone()), ..full(&k) },
            RsaClaim { p: Some(Uint::from_u64(0)), ..full(&k) },
            RsaClaim { p: Some(Uint::from_u64(1)), q: Some(k.public.n.clone()), ..full(&k) },
            RsaClaim { n: None, q: None, ..full(&k) },
        ];

        for (i, claim) in wrong.into_iter().enumerate() {
            assert!(admit(claim, Level::NoPrimality).is_err(), "{i}");
        }
    }

    #[test]
    fn a_composite_factor_is_refused_unless_primality_is_skipped() {
        let (a, b) = (key(), key());
        // Three primes in two factors.
        let p = uint(&boxed(&a.p).concatenating_mul(&boxed(&a.q)));
        let claim = RsaClaim { p: Some(p), q: Some(b.p.clone()), e: Some(Uint::from_u64(65537)), ..RsaClaim::default() };

        let error = admit(claim, Level::Full).unwrap_err();

        assert!(error.to_string().contains("a composite number"), "{error}");
    }

    #[test]
    fn public_keys_are_checked_for_size_and_oddness() {
        let k = key();
        let public = |n: Uint, e: u64| admit(RsaClaim { n: Some(n), e: Some(Uint::from_u64(e)), ..RsaClaim::default() }, Level::Full);

        assert!(public(k.public.n.clone(), 3).is_ok());
        assert!(public(k.public.n.clone(), 4).is_err());
        assert!(public(Uint::from_be(&[0xFF; 63]), 3).is_err());
        assert!(public(Uint::from_be(&[0xFF; 2049]), 3).is_err());
        let mut even = vec![0xFF; 64];
        even[63] = 0xFE;
        assert!(public(Uint::from_be(&even), 3).unwrap_err().to_string().contains("reverse order"));
    }
}
