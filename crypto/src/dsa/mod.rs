//! DSA (FIPS 186-4, 4) by the crate `dsa`, in every size that CNG has. The crate is slow; it is what there is. Its constant time is that of
//! crypto-bigint's exponentiation; nonces are deterministic (RFC 6979).

pub(crate) mod seed;

use crate::field::{Field, less_one, random_below, remainder};
use crate::num::{boxed_bytes, boxed_in, fixed, precision};
use crate::prime::{self, Rounds};
use crate::{AdmitError, CryptoError, Level};
use ::dsa::signature::hazmat::PrehashVerifier;
use ::dsa::{Components, Signature, SigningKey, VerifyingKey};
use cngtoken_key::{DsaClaim, DsaDomain, DsaPrivate, DsaPublic, Uint};
use std::sync::OnceLock;

/// Sizes of p that are taken: CNG's, and the next that FIPS 186 ever had.
const MIN_BITS: usize = 512;
const MAX_BITS: usize = 3072;
/// Sizes of q: whole bytes.
const MIN_Q_BITS: usize = 160;
const MAX_Q_BITS: usize = 512;

const NOT_ADMITTED: CryptoError = CryptoError::Internal("dsa numbers that were not admitted");

/// The parsed key, built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    verifying: OnceLock<Option<VerifyingKey>>,
    signing: OnceLock<Option<SigningKey>>,
}

/// A key with its context.
#[derive(Clone, Copy)]
pub(crate) struct Dsa<'a> {
    pub(crate) public: &'a DsaPublic,
    pub(crate) private: Option<&'a DsaPrivate>,
    pub(crate) context: &'a Context,
}

impl<'a> Dsa<'a> {
    fn verifying(&self) -> Result<&'a VerifyingKey, CryptoError> {
        let build = || {
            let domain = &self.public.domain;
            let (wide, narrow) = (precision(domain.p.bit_len()), precision(domain.q.bit_len()));
            let components =
                Components::from_components_unchecked(boxed_in(&domain.p, wide), boxed_in(&domain.q, narrow), boxed_in(&domain.g, wide)).ok()?;
            VerifyingKey::from_components(components, boxed_in(&self.public.y, wide)).ok()
        };
        self.context.verifying.get_or_init(build).as_ref().ok_or(NOT_ADMITTED)
    }

    fn signing(&self) -> Result<&'a SigningKey, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        let verifying = self.verifying()?;
        let build = || SigningKey::from_components(verifying.clone(), boxed_in(&key.x, precision(self.public.domain.q.bit_len()))).ok();
        self.context.signing.get_or_init(build).as_ref().ok_or(NOT_ADMITTED)
    }

    /// Builds the context, and so shows that the crate takes the key.
    pub(crate) fn warm(&self) -> Result<(), CryptoError> {
        if self.private.is_some() { self.signing().map(|_| ()) } else { self.verifying().map(|_| ()) }
    }

    fn half(&self) -> usize {
        self.public.domain.q.byte_len()
    }

    /// Bytes of a signature.
    pub(crate) fn signature_len(&self) -> usize {
        2 * self.half()
    }

    /// r ‖ s over a digest of any length; its leftmost bits count.
    pub(crate) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        // The crate cannot take an empty digest; it stands for 0, and so does one zero byte.
        let digest = if digest.is_empty() { &[0] } else { digest };
        let signature = self.signing()?.sign_prehashed_rfc6979::<sha2::Sha256>(digest).map_err(|_| CryptoError::Internal("dsa gave no signature"))?;
        let mut out = Vec::with_capacity(self.signature_len());
        for number in [signature.r(), signature.s()] {
            out.extend_from_slice(&fixed(number, self.half()).ok_or(CryptoError::Internal("dsa signature too wide"))?);
        }
        Ok(out)
    }

    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.signature_len() {
            return Err(CryptoError::SignatureLen);
        }
        let digest = if digest.is_empty() { &[0] } else { digest };
        let narrow = precision(self.public.domain.q.bit_len());
        let (r, s) = signature.split_at(self.half());
        let signature = Signature::from_components(boxed_bytes(r, narrow), boxed_bytes(s, narrow)).ok_or(CryptoError::Signature)?;
        self.verifying()?.verify_prehash(digest, &signature).map_err(|_| CryptoError::Signature)
    }
}

fn check_domain(domain: &DsaDomain, level: Level) -> Result<Field, AdmitError> {
    let (bits, q_bits) = (domain.p.bit_len(), domain.q.bit_len());
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(AdmitError::KeySize { bits, min: MIN_BITS, max: MAX_BITS });
    }
    if !(MIN_Q_BITS..=MAX_Q_BITS).contains(&q_bits) || q_bits % 8 != 0 || q_bits >= bits {
        return Err(AdmitError::range("subprime", format!("{q_bits} bits"), "160 to 512 bits in whole bytes, less than the prime's"));
    }
    let field = Field::new(&domain.p).ok_or_else(|| AdmitError::inconsistent("prime", "an even number", "an odd prime"))?;
    if !domain.q.is_odd() {
        return Err(AdmitError::inconsistent("subprime", "an even number", "an odd prime"));
    }
    if remainder(&less_one(&domain.p), &domain.q).is_none_or(|r| !r.is_zero()) {
        return Err(AdmitError::inconsistent("subprime", "a number that does not divide p − 1", "a divisor of p − 1"));
    }
    if domain.g <= Uint::from_u64(1) || domain.g >= domain.p {
        return Err(AdmitError::range("base", format!("{} bits", domain.g.bit_len()), "2 to p − 1"));
    }
    if field.pow(&domain.g, &domain.q).to_u64() != Some(1) {
        return Err(AdmitError::inconsistent("base", "an element outside the subgroup of order q", "an element of order q"));
    }
    if level == Level::Full {
        for (what, number) in [("subprime", &domain.q), ("prime", &domain.p)] {
            if !prime::is_prime(number, Rounds::All) {
                return Err(AdmitError::inconsistent(what, "a composite number", "a prime"));
            }
        }
        if let Some(given) = &domain.seed {
            seed::check(domain, given)?;
        }
    }
    Ok(field)
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: DsaClaim, level: Level) -> Result<(DsaPublic, Option<DsaPrivate>), AdmitError> {
    let domain = DsaDomain { p: claim.p, q: claim.q, g: claim.g, seed: claim.seed };
    let field = check_domain(&domain, level)?;
    if let Some(y) = &claim.y {
        if *y <= Uint::from_u64(1) || *y >= less_one(&domain.p) {
            return Err(AdmitError::range("public value", format!("{} bits", y.bit_len()), "2 to p − 2"));
        }
        if field.pow(y, &domain.q).to_u64() != Some(1) {
            return Err(AdmitError::inconsistent("public value", "an element outside the subgroup of order q", "an element of order q"));
        }
    }
    let context = Context::default();
    let Some(x) = claim.x else {
        let y = claim.y.ok_or(AdmitError::Missing { what: "public value" })?;
        return Ok((DsaPublic { domain, y }, None));
    };
    if x.is_zero() || x >= domain.q {
        return Err(AdmitError::range("private value", format!("{} bits", x.bit_len()), "1 to q − 1"));
    }
    let y = field.pow(&domain.g, &x);
    if claim.y.is_some_and(|given| given != y) {
        return Err(AdmitError::inconsistent("public value", "a value that is not g^x", "the private value's"));
    }
    let public = DsaPublic { domain, y };
    let private = DsaPrivate { public: public.clone(), x };
    (Dsa { public: &public, private: Some(&private), context: &context })
        .warm()
        .map_err(|_| AdmitError::inconsistent("private key", "numbers that the engine refuses", "a key that can sign"))?;
    Ok((public, Some(private)))
}

/// A new key in a group.
pub(crate) fn generate(domain: &DsaDomain) -> Result<DsaPrivate, CryptoError> {
    let field = check_domain(domain, Level::NoPrimality).map_err(|_| CryptoError::Param("not a group"))?;
    let x = random_below(&domain.q)?;
    let y = field.pow(&domain.g, &x);
    Ok(DsaPrivate { public: DsaPublic { domain: domain.clone(), y }, x })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;
    use cngtoken_key::DsaSeed;

    fn number(hex: &str) -> Uint {
        Uint::from_be(&hex::decode(hex).unwrap())
    }

    /// The example of FIPS 186-2's appendix 5: 512 bits, with its seed and counter.
    fn domain() -> DsaDomain {
        DsaDomain {
            p: number(
                "8df2a494492276aa3d25759bb06869cbeac0d83afb8d0cf7cbb8324f0d7882e5d0762fc5b7210eafc2e9adac32ab7aac49693dfbf83724c2ec0736ee31c80291",
            ),
            q: number("c773218c737ec8ee993b4f2ded30f48edace915f"),
            g: number(
                "626d027839ea0a13413163a55b4cb500299d5522956cefcb3bff10f399ce2c2e71cb9de5fa24babf58e5b79521925c9cc42e9f6f464b088cc572af53e6d78802",
            ),
            seed: Some(DsaSeed { seed: hex::decode("d5014e4b60ef2ba8b6211b4062ba3224e0427dd3").unwrap(), counter: 105 }),
        }
    }

    fn claim(domain: DsaDomain, y: Option<Uint>, x: Option<Uint>) -> DsaClaim {
        DsaClaim { p: domain.p, q: domain.q, g: domain.g, seed: domain.seed, y, x }
    }

    #[test]
    fn the_published_key_is_admitted_signs_and_verifies() {
        let x = number("2070b3223dba372fde1c0ffc7b2e3b498b260614");
        let y = number(
            "19131871d75b1612a819f29d78d1b0d7346f7aa77bb62a859bfd6c5675da9d212d3a36ef1672ef660b8c7c255cc0ec74858fba33f44c06699630a76b030ee333",
        );

        let (public, private) = admit(claim(domain(), None, Some(x.clone())), Level::Full).unwrap();

        assert_eq!(public.y, y);
        let private = private.unwrap();
        let context = Context::default();
        let key = Dsa { public: &public, private: Some(&private), context: &context };
        let published = hex::decode("8bac1ab66410435cb7181f95b16ab97c92b341c041e2345f1f56df2458f426d155b4ba2db6dcd8c8").unwrap();
        key.verify(&crate::digest(Hash::Sha1, b"abc"), &published).unwrap();
        for digest in [&[][..], &[1; 20], &[0xFF; 32], &[0xFF; 64]] {
            let mut signature = key.sign(digest).unwrap();
            assert_eq!(signature.len(), 40);
            key.verify(digest, &signature).unwrap();
            signature[0] ^= 1;
            assert_eq!(key.verify(digest, &signature), Err(CryptoError::Signature));
            assert_eq!(key.verify(digest, &signature[1..]), Err(CryptoError::SignatureLen));
        }
        assert_eq!(key.verify(&[1; 20], &[0; 40]), Err(CryptoError::Signature));
    }

    #[test]
    fn a_seed_is_replayed_unless_the_level_says_not_to() {
        let x = Some(number("2070b3223dba372fde1c0ffc7b2e3b498b260614"));
        for (seed, counter) in [("d5014e4b60ef2ba8b6211b4062ba3224e0427dd3", 106), ("d5014e4b60ef2ba8b6211b4062ba3224e0427dd4", 105)] {
            let bad = DsaDomain { seed: Some(DsaSeed { seed: hex::decode(seed).unwrap(), counter }), ..domain() };
            let error = admit(claim(bad.clone(), None, x.clone()), Level::Full).unwrap_err();
            assert!(error.to_string().contains("seed"), "{error}");
            assert!(admit(claim(bad, None, x.clone()), Level::NoPrimality).is_ok());
        }
        assert!(admit(claim(DsaDomain { seed: None, ..domain() }, None, x), Level::Full).is_ok());
    }

    #[test]
    fn each_wrong_number_is_refused() {
        let key = generate(&domain()).unwrap();
        let other = generate(&domain()).unwrap();
        let (x, y) = (Some(key.x.clone()), Some(key.public.y.clone()));
        assert!(admit(claim(domain(), y.clone(), x.clone()), Level::NoPrimality).is_ok());
        assert!(admit(claim(domain(), y.clone(), None), Level::NoPrimality).is_ok());
        let wrong = [
            claim(domain(), None, None),
            claim(domain(), Some(other.public.y), x.clone()),
            claim(domain(), None, Some(Uint::from_u64(0))),
            claim(domain(), None, Some(domain().q)),
            claim(domain(), Some(Uint::from_u64(1)), None),
            claim(domain(), Some(Uint::from_u64(2)), None),
            claim(domain(), Some(domain().p), None),
            claim(DsaDomain { g: Uint::from_u64(1), ..domain() }, None, x.clone()),
            claim(DsaDomain { g: Uint::from_u64(2), ..domain() }, None, x.clone()),
            claim(DsaDomain { q: domain().g, ..domain() }, None, x.clone()),
            claim(DsaDomain { q: number("c773218c737ec8ee993b4f2ded30f48edace9161"), ..domain() }, None, x.clone()),
            claim(DsaDomain { p: Uint::from_u64(23), ..domain() }, None, x),
        ];
        for (i, claim) in wrong.into_iter().enumerate() {
            assert!(admit(claim, Level::NoPrimality).is_err(), "{i}");
        }
    }
}
