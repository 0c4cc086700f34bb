//! Diffie-Hellman in a finite field, PKCS#3 (p, g) and X9.42 (with q). A public value is refused if it is 0, 1, p − 1 or outside the subgroup,
//! where the subgroup is known.

use crate::field::{Field, less_one, random_below, remainder};
use crate::prime::{self, Rounds};
use crate::{AdmitError, CryptoError, Level};
use cngtoken_key::{DhClaim, DhDomain, DhPrivate, DhPublic, Uint};
use zeroize::Zeroizing;

/// Sizes of p that are taken.
const MIN_BITS: usize = 512;
const MAX_BITS: usize = 8192;
/// Up to this size of p any q is; beyond, exponentiations by a long q would take too long.
const LONG_Q_BITS: usize = 4096;
const SHORT_Q_BITS: usize = 512;

/// Is (p − 1) / 2 = q? Then every element from 2 to p − 2 has order q or 2q, and no small subgroup exists.
fn safe(domain: &DhDomain, q: &Uint) -> bool {
    let double = |n: &Uint| crate::num::boxed_in(n, crate::num::precision(n.bit_len() + 1)).wrapping_shl_vartime(1);
    crate::num::uint(&double(q)) == less_one(&domain.p)
}

fn in_subgroup(domain: &DhDomain, field: &Field, element: &Uint) -> bool {
    let Some(q) = &domain.q else { return true };
    safe(domain, q) || field.pow(element, q).to_u64() == Some(1)
}

/// 1 < y < p − 1, and in the subgroup.
fn check_public(domain: &DhDomain, field: &Field, y: &Uint) -> Result<(), &'static str> {
    if *y <= Uint::from_u64(1) || *y >= less_one(&domain.p) {
        return Err("not from 2 to p − 2");
    }
    if in_subgroup(domain, field, y) { Ok(()) } else { Err("not in the subgroup of order q") }
}

fn check_domain(domain: &DhDomain, level: Level) -> Result<Field, AdmitError> {
    let bits = domain.p.bit_len();
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(AdmitError::KeySize { bits, min: MIN_BITS, max: MAX_BITS });
    }
    let field = Field::new(&domain.p).ok_or_else(|| AdmitError::inconsistent("prime", "an even number", "an odd prime"))?;
    if domain.g <= Uint::from_u64(1) || domain.g >= less_one(&domain.p) {
        return Err(AdmitError::range("base", format!("{} bits", domain.g.bit_len()), "2 to p − 2"));
    }
    if let Some(q) = &domain.q {
        if q.bit_len() < 2 || *q >= domain.p || remainder(&less_one(&domain.p), q).is_none_or(|r| !r.is_zero()) {
            return Err(AdmitError::inconsistent(
                "subgroup order",
                format!("a number of {} bits that does not divide p − 1", q.bit_len()),
                "a divisor of p − 1",
            ));
        }
        if bits > LONG_Q_BITS && q.bit_len() > SHORT_Q_BITS && !safe(domain, q) {
            return Err(AdmitError::Unsupported { what: "a subgroup order above 512 bits with a prime above 4096, other than (p − 1) / 2" });
        }
    }
    if level == Level::Full {
        let rounds = if domain.q.is_some() { Rounds::One } else { Rounds::All };
        if !prime::is_prime(&domain.p, rounds) {
            return Err(AdmitError::inconsistent("prime", "a composite number", "a prime"));
        }
        if let Some(q) = &domain.q
            && !prime::is_prime(q, rounds)
        {
            return Err(AdmitError::inconsistent("subgroup order", "a composite number", "a prime"));
        }
    }
    if !in_subgroup(domain, &field, &domain.g) {
        return Err(AdmitError::inconsistent("base", "an element outside the subgroup of order q", "an element of order q"));
    }
    Ok(field)
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: DhClaim, level: Level) -> Result<(DhPublic, Option<DhPrivate>), AdmitError> {
    let domain = DhDomain { p: claim.p, g: claim.g, q: claim.q };
    let field = check_domain(&domain, level)?;
    if let Some(y) = &claim.y {
        check_public(&domain, &field, y).map_err(|why| AdmitError::range("public value", why, "2 to p − 2, in the subgroup"))?;
    }
    let Some(x) = claim.x else {
        let y = claim.y.ok_or(AdmitError::Missing { what: "public value" })?;
        return Ok((DhPublic { domain, y }, None));
    };
    if x.is_zero() || x >= less_one(&domain.p) {
        return Err(AdmitError::range("private value", format!("{} bits", x.bit_len()), "1 to p − 2"));
    }
    let y = field.pow(&domain.g, &x);
    if claim.y.is_some_and(|given| given != y) {
        return Err(AdmitError::inconsistent("public value", "a value that is not g^x", "the private value's"));
    }
    let public = DhPublic { domain, y };
    Ok((public.clone(), Some(DhPrivate { public, x })))
}

/// A new key; x below q, or of at most `bits` bits, or below p − 1.
pub(crate) fn generate(domain: &DhDomain, bits: Option<usize>) -> Result<DhPrivate, CryptoError> {
    let field = check_domain(domain, Level::NoPrimality).map_err(|_| CryptoError::Param("not a group"))?;
    let mut limit = domain.q.clone().unwrap_or_else(|| less_one(&domain.p));
    if let Some(bits) = bits {
        if bits < 2 || bits > domain.p.bit_len() {
            return Err(CryptoError::Param("bits of the private value"));
        }
        let mut bytes = vec![0u8; bits / 8 + 1];
        if let Some(first) = bytes.first_mut() {
            *first = 1 << (bits % 8);
        }
        limit = limit.min(Uint::from_be(&bytes));
    }
    if limit < Uint::from_u64(3) {
        return Err(CryptoError::Param("the group is too small"));
    }
    let x = random_below(&limit)?;
    let y = field.pow(&domain.g, &x);
    Ok(DhPrivate { public: DhPublic { domain: domain.clone(), y }, x })
}

/// peer^x mod p, as wide as p.
pub(crate) fn agree(key: &DhPrivate, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let domain = &key.public.domain;
    let field = Field::new(&domain.p).ok_or(CryptoError::Internal("dh numbers that were not admitted"))?;
    let y = Uint::from_be(peer);
    check_public(domain, &field, &y).map_err(CryptoError::PublicKey)?;
    let shared = field.pow(&y, &key.x);
    if shared <= Uint::from_u64(1) {
        return Err(CryptoError::PublicKey("the shared value is trivial"));
    }
    let fixed = shared.to_be_fixed(domain.p.byte_len()).ok_or(CryptoError::Internal("shared value too wide"))?;
    Ok(Zeroizing::new(fixed.expose().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::BoxedUint;

    /// RFC 3526's group of 1536 bits: p = 2q + 1, generator 2.
    fn modp() -> Uint {
        Uint::from_be(
            &hex::decode(concat!(
                "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437",
                "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05",
                "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF"
            ))
            .unwrap(),
        )
    }

    fn half(p: &Uint) -> Uint {
        crate::num::uint(&crate::num::boxed(&less_one(p)).shr_vartime(1).unwrap())
    }

    #[test]
    fn two_parties_agree_with_and_without_a_known_subgroup() {
        let q = half(&modp());
        for domain in [DhDomain { p: modp(), g: Uint::from_u64(2), q: None }, DhDomain { p: modp(), g: Uint::from_u64(2), q: Some(q) }] {
            let (a, b) = (generate(&domain, Some(160)).unwrap(), generate(&domain, None).unwrap());
            assert!(a.x.bit_len() <= 160);
            let shared = agree(&a, b.public.y.as_be()).unwrap();
            assert_eq!(shared, agree(&b, a.public.y.as_be()).unwrap());
            assert_eq!(shared.len(), 192);

            let claim = DhClaim { p: domain.p.clone(), g: domain.g.clone(), q: domain.q.clone(), y: None, x: Some(a.x.clone()) };
            assert_eq!(admit(claim.clone(), Level::Full).unwrap().1.unwrap(), a);
            let wrong = DhClaim { y: Some(b.public.y.clone()), ..claim.clone() };
            assert!(admit(wrong, Level::NoPrimality).is_err());
            let public = DhClaim { y: Some(b.public.y.clone()), x: None, ..claim };
            assert_eq!(admit(public, Level::NoPrimality).unwrap(), (b.public.clone(), None));
        }
    }

    #[test]
    fn degenerate_values_are_refused() {
        let domain = DhDomain { p: modp(), g: Uint::from_u64(2), q: Some(half(&modp())) };
        let key = generate(&domain, Some(160)).unwrap();
        for y in [Uint::from_u64(0), Uint::from_u64(1), less_one(&domain.p), domain.p.clone()] {
            assert!(matches!(agree(&key, y.as_be()), Err(CryptoError::PublicKey(_))));
            let claim = DhClaim { p: domain.p.clone(), g: domain.g.clone(), q: domain.q.clone(), y: Some(y), x: None };
            assert!(admit(claim, Level::NoPrimality).is_err());
        }
        for x in [Uint::from_u64(0), less_one(&domain.p), domain.p.clone()] {
            let claim = DhClaim { p: domain.p.clone(), g: domain.g.clone(), q: None, y: None, x: Some(x) };
            assert!(admit(claim, Level::NoPrimality).is_err());
        }
        let composite = DhClaim {
            p: crate::num::uint(&crate::num::boxed(&modp()).wrapping_sub(BoxedUint::from(4u32))),
            g: domain.g,
            q: None,
            y: None,
            x: Some(Uint::from_u64(5)),
        };
        assert!(admit(composite, Level::Full).is_err());
    }
}
