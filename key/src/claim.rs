//! What an outside source (a blob, a template, a wrapped key) says a key consists of. Numbers may be absent, wrong or hostile;
//! nothing here has been checked beyond its byte layout. `crypto::admit` completes and judges it.

use crate::{Curve, DsaSeed, EdwardsCurve, Half, MlDsaSet, MlKemSet, MontgomeryCurve, Secret, SlhDsaSet, Uint};
use alloc::vec::Vec;

/// RSA numbers as claimed.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "RFC 8017's letters")]
pub struct RsaClaim {
    pub n: Option<Uint>,
    pub e: Option<Uint>,
    pub d: Option<Uint>,
    pub p: Option<Uint>,
    pub q: Option<Uint>,
    pub dp: Option<Uint>,
    pub dq: Option<Uint>,
    pub qinv: Option<Uint>,
}

/// Point and private value as claimed.
#[derive(Clone, Debug)]
pub struct EcClaim {
    /// The curve.
    pub curve: Curve,
    /// X and Y, big-endian; `None`: to be computed from `d`.
    pub point: Option<(Uint, Uint)>,
    /// Private value, big-endian, any width.
    pub d: Option<Secret>,
}

/// Edwards numbers as claimed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "as EdwardsPrivate")]
pub struct EdwardsClaim {
    pub curve: EdwardsCurve,
    pub point: Option<Vec<u8>>,
    pub seed: Option<Secret>,
}

/// Montgomery numbers as claimed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "as MontgomeryPrivate")]
pub struct MontgomeryClaim {
    pub curve: MontgomeryCurve,
    pub u: Option<Vec<u8>>,
    pub k: Option<Secret>,
}

/// DSA numbers as claimed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "FIPS 186's letters")]
pub struct DsaClaim {
    pub p: Uint,
    pub q: Uint,
    pub g: Uint,
    pub seed: Option<DsaSeed>,
    pub y: Option<Uint>,
    pub x: Option<Uint>,
}

/// Diffie-Hellman numbers as claimed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "PKCS#3's and X9.42's letters")]
pub struct DhClaim {
    pub p: Uint,
    pub g: Uint,
    pub q: Option<Uint>,
    pub y: Option<Uint>,
    pub x: Option<Uint>,
}

/// ML-KEM bytes as claimed. A private claim has `dk` or `seed` or both.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "FIPS 203's letters")]
pub struct MlKemClaim {
    pub set: MlKemSet,
    pub ek: Option<Vec<u8>>,
    pub dk: Option<Secret>,
    pub seed: Option<Secret>,
}

/// ML-DSA bytes as claimed. A private claim has `sk` or `seed` or both.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "FIPS 204's letters")]
pub struct MlDsaClaim {
    pub set: MlDsaSet,
    pub pk: Option<Vec<u8>>,
    pub sk: Option<Secret>,
    pub seed: Option<Secret>,
}

/// SLH-DSA bytes as claimed.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "FIPS 205's letters")]
pub struct SlhDsaClaim {
    pub set: SlhDsaSet,
    pub pk: Option<Vec<u8>>,
    pub sk: Option<Secret>,
}

/// What some source says of one key.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each variant is documented at its type")]
pub enum Claim {
    Rsa(RsaClaim),
    Ec(EcClaim),
    Edwards(EdwardsClaim),
    Montgomery(MontgomeryClaim),
    Dsa(DsaClaim),
    Dh(DhClaim),
    MlKem(MlKemClaim),
    MlDsa(MlDsaClaim),
    SlhDsa(SlhDsaClaim),
    Secret(Secret),
}

impl Claim {
    /// Private if any private number is claimed.
    #[must_use]
    pub fn half(&self) -> Half {
        let private = match self {
            Claim::Rsa(c) => c.d.is_some() || c.p.is_some() || c.q.is_some(),
            Claim::Ec(c) => c.d.is_some(),
            Claim::Edwards(c) => c.seed.is_some(),
            Claim::Montgomery(c) => c.k.is_some(),
            Claim::Dsa(c) => c.x.is_some(),
            Claim::Dh(c) => c.x.is_some(),
            Claim::MlKem(c) => c.dk.is_some() || c.seed.is_some(),
            Claim::MlDsa(c) => c.sk.is_some() || c.seed.is_some(),
            Claim::SlhDsa(c) => c.sk.is_some(),
            Claim::Secret(_) => true,
        };
        if private { Half::Private } else { Half::Public }
    }
}
