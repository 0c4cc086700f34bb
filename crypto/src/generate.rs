//! New keys. Each goes through the same checks as an imported one.

use crate::{Admitted, CryptoError, dh, dsa, ec, edwards, mldsa, mlkem, montgomery, random, rsa, slhdsa};
use cngtoken_key::{Curve, DhDomain, DsaDomain, EdwardsCurve, KeyParts, MlDsaSet, MlKemSet, MontgomeryCurve, Secret, SlhDsaSet, Uint};

/// What to generate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Generate {
    /// An RSA pair.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
        /// Public exponent.
        e: Uint,
    },
    /// A pair on a Weierstrass curve.
    Ec(Curve),
    /// The same by FIPS 186-5's method with extra random bits.
    EcExtraBits(Curve),
    /// An Edwards pair.
    Edwards(EdwardsCurve),
    /// A Montgomery pair.
    Montgomery(MontgomeryCurve),
    /// A DSA pair in a group.
    Dsa(DsaDomain),
    /// A Diffie-Hellman pair in a group, with a private value of at most that many bits.
    Dh(DhDomain, Option<usize>),
    /// An ML-KEM pair.
    MlKem(MlKemSet),
    /// An ML-DSA pair.
    MlDsa(MlDsaSet),
    /// An SLH-DSA pair.
    SlhDsa(SlhDsaSet),
    /// Random bytes.
    Secret {
        /// How many.
        bytes: usize,
    },
}

/// Longest random secret.
const MAX_SECRET: usize = 1 << 20;

/// A new key.
///
/// # Errors
/// [`CryptoError::KeySize`] or [`CryptoError::Param`] for what cannot be generated, [`CryptoError::Random`] without randomness.
pub fn generate(what: &Generate) -> Result<Admitted, CryptoError> {
    let pair = |private: KeyParts| Admitted { public: private.public(), private: Some(private) };
    Ok(match what {
        Generate::Rsa { bits, e } => pair(KeyParts::RsaPrivate(rsa::generate(*bits, e)?)),
        Generate::Ec(curve) => pair(KeyParts::EcPrivate(ec::generate(*curve)?)),
        Generate::EcExtraBits(curve) => pair(KeyParts::EcPrivate(ec::generate_extra_bits(*curve)?)),
        Generate::Secret { bytes } => {
            if !(1..=MAX_SECRET).contains(bytes) {
                return Err(CryptoError::KeySize);
            }
            let mut secret = Secret::new(vec![0; *bytes]);
            random(secret.expose_mut())?;
            pair(KeyParts::Secret(secret))
        }
        Generate::Edwards(curve) => pair(KeyParts::EdwardsPrivate(edwards::generate(*curve)?)),
        Generate::Montgomery(curve) => pair(KeyParts::MontgomeryPrivate(montgomery::generate(*curve)?)),
        Generate::Dsa(domain) => pair(KeyParts::DsaPrivate(dsa::generate(domain)?)),
        Generate::Dh(domain, bits) => pair(KeyParts::DhPrivate(dh::generate(domain, *bits)?)),
        Generate::MlKem(set) => pair(KeyParts::MlKemPrivate(mlkem::generate(*set)?)),
        Generate::MlDsa(set) => pair(KeyParts::MlDsaPrivate(mldsa::generate(*set)?)),
        Generate::SlhDsa(set) => pair(KeyParts::SlhDsaPrivate(slhdsa::generate(*set)?)),
    })
}
