//! The only way by which outside data becomes [`KeyParts`]: completes what is missing, checks everything against everything, and builds the
//! engine's key once, so that an import that succeeds also signs. Bounded work for any input.

use crate::{AdmitError, dh, dsa, ec, edwards, mldsa, mlkem, montgomery, rsa, slhdsa};
use cngtoken_key::{Claim, KeyParts};

/// How much to check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Everything.
    Full,
    /// Everything but primality and the replay of generation seeds.
    NoPrimality,
}

/// A checked key. A symmetric key is private only; a claim of a public key gives the public half only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The public half.
    pub public: Option<KeyParts>,
    /// The private half.
    pub private: Option<KeyParts>,
}

impl Admitted {
    fn halves<P, S>((public, private): (P, Option<S>), wrap_public: fn(P) -> KeyParts, wrap_private: fn(S) -> KeyParts) -> Self {
        Admitted { public: Some(wrap_public(public)), private: private.map(wrap_private) }
    }
}

/// Completes and checks a claim.
///
/// # Errors
/// [`AdmitError`] says what is missing, contradictory or out of range; never with a secret number.
pub fn admit(claim: Claim, level: Level) -> Result<Admitted, AdmitError> {
    Ok(match claim {
        Claim::Rsa(claim) => Admitted::halves(rsa::admit(claim, level)?, KeyParts::RsaPublic, KeyParts::RsaPrivate),
        Claim::Ec(claim) => Admitted::halves(ec::admit(&claim)?, KeyParts::EcPublic, KeyParts::EcPrivate),
        Claim::Secret(bytes) if bytes.is_empty() => return Err(AdmitError::KeySize { bits: 0, min: 8, max: MAX_SECRET_BITS }),
        Claim::Secret(bytes) if bytes.len() > MAX_SECRET_BITS / 8 => {
            return Err(AdmitError::KeySize { bits: bytes.len().saturating_mul(8), min: 8, max: MAX_SECRET_BITS });
        }
        Claim::Secret(bytes) => Admitted { public: None, private: Some(KeyParts::Secret(bytes)) },
        Claim::Edwards(claim) => Admitted::halves(edwards::admit(&claim)?, KeyParts::EdwardsPublic, KeyParts::EdwardsPrivate),
        Claim::Montgomery(claim) => Admitted::halves(montgomery::admit(&claim)?, KeyParts::MontgomeryPublic, KeyParts::MontgomeryPrivate),
        Claim::Dsa(claim) => Admitted::halves(dsa::admit(claim, level)?, KeyParts::DsaPublic, KeyParts::DsaPrivate),
        Claim::Dh(claim) => Admitted::halves(dh::admit(claim, level)?, KeyParts::DhPublic, KeyParts::DhPrivate),
        Claim::MlKem(claim) => Admitted::halves(mlkem::admit(claim)?, KeyParts::MlKemPublic, KeyParts::MlKemPrivate),
        Claim::MlDsa(claim) => Admitted::halves(mldsa::admit(claim)?, KeyParts::MlDsaPublic, KeyParts::MlDsaPrivate),
        Claim::SlhDsa(claim) => Admitted::halves(slhdsa::admit(claim, level)?, KeyParts::SlhDsaPublic, KeyParts::SlhDsaPrivate),
    })
}

/// Longest symmetric key or secret.
const MAX_SECRET_BITS: usize = 8 << 20;
