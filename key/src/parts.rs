//! What a key consists of, by family: complete and already checked. Only `crypto::admit` and `crypto::generate` make these
//! from anything that came from outside; the other rooms read them.

use crate::{Curve, EdwardsCurve, MlDsaSet, MlKemSet, MontgomeryCurve, Secret, SlhDsaSet, Uint};
use alloc::vec::Vec;

/// The family a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the field's")]
pub enum Family {
    Rsa,
    Ec,
    Edwards,
    Montgomery,
    Dsa,
    Dh,
    MlKem,
    MlDsa,
    SlhDsa,
    Secret,
}

/// Which half of a key pair. A symmetric key counts as private.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Half {
    Public,
    Private,
}

/// RSA public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RsaPublic {
    /// Modulus.
    pub n: Uint,
    /// Public exponent.
    pub e: Uint,
}

/// RSA private key with everything a CRT computation wants. `p` and `q` stay in the order in which they came.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "RFC 8017's letters")]
pub struct RsaPrivate {
    pub public: RsaPublic,
    pub d: Uint,
    pub p: Uint,
    pub q: Uint,
    /// d mod (p − 1).
    pub dp: Uint,
    /// d mod (q − 1).
    pub dq: Uint,
    /// q⁻¹ mod p.
    pub qinv: Uint,
}

/// Point on a Weierstrass curve; each coordinate big-endian and as wide as the field.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "x and y")]
pub struct EcPublic {
    pub curve: Curve,
    pub x: Vec<u8>,
    pub y: Vec<u8>,
}

impl EcPublic {
    /// 04 ‖ X ‖ Y (SEC 1, 2.3.3), without any DER wrapping.
    #[must_use]
    pub fn uncompressed(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.x.len() + self.y.len());
        out.push(4);
        out.extend_from_slice(&self.x);
        out.extend_from_slice(&self.y);
        out
    }
}

/// Private key on a Weierstrass curve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EcPrivate {
    /// d·G.
    pub public: EcPublic,
    /// Private value, big-endian, as wide as the field.
    pub d: Secret,
}

/// Edwards public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdwardsPublic {
    /// The curve.
    pub curve: EdwardsCurve,
    /// Encoded point (RFC 8032).
    pub point: Vec<u8>,
}

/// Edwards private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdwardsPrivate {
    /// The public half.
    pub public: EdwardsPublic,
    /// The seed (RFC 8032's private key).
    pub seed: Secret,
}

/// Montgomery public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MontgomeryPublic {
    /// The curve.
    pub curve: MontgomeryCurve,
    /// u-coordinate, little-endian (RFC 7748).
    pub u: Vec<u8>,
}

/// Montgomery private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MontgomeryPrivate {
    /// The public half.
    pub public: MontgomeryPublic,
    /// Scalar, little-endian as given (RFC 7748; clamped when used).
    pub k: Secret,
}

/// How a DSA group was generated: lets anyone repeat the generation (FIPS 186-4, A.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DsaSeed {
    /// The seed in FIPS order, as it was hashed.
    pub seed: Vec<u8>,
    /// The counter at which p was found.
    pub counter: u32,
}

/// DSA group.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 186's letters")]
pub struct DsaDomain {
    pub p: Uint,
    pub q: Uint,
    pub g: Uint,
    /// Absent where the source says so.
    pub seed: Option<DsaSeed>,
}

/// DSA public key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 186's letters")]
pub struct DsaPublic {
    pub domain: DsaDomain,
    pub y: Uint,
}

/// DSA private key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 186's letters")]
pub struct DsaPrivate {
    pub public: DsaPublic,
    pub x: Uint,
}

/// Diffie-Hellman group.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PKCS#3's and X9.42's letters")]
pub struct DhDomain {
    pub p: Uint,
    pub g: Uint,
    /// Order of the subgroup, where known.
    pub q: Option<Uint>,
}

/// Diffie-Hellman public key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PKCS#3's letters")]
pub struct DhPublic {
    pub domain: DhDomain,
    pub y: Uint,
}

/// Diffie-Hellman private key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PKCS#3's letters")]
pub struct DhPrivate {
    pub public: DhPublic,
    pub x: Uint,
}

/// ML-KEM encapsulation key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 203's letters")]
pub struct MlKemPublic {
    pub set: MlKemSet,
    pub ek: Vec<u8>,
}

/// ML-KEM decapsulation key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MlKemPrivate {
    /// The encapsulation key.
    pub public: MlKemPublic,
    /// Expanded decapsulation key (FIPS 203's dk).
    pub dk: Secret,
    /// d ‖ z, where known.
    pub seed: Option<Secret>,
}

/// ML-DSA public key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 204's letters")]
pub struct MlDsaPublic {
    pub set: MlDsaSet,
    pub pk: Vec<u8>,
}

/// ML-DSA private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MlDsaPrivate {
    /// The public half.
    pub public: MlDsaPublic,
    /// Expanded private key (FIPS 204's skEncode).
    pub sk: Secret,
    /// ξ, where known.
    pub seed: Option<Secret>,
}

/// SLH-DSA public key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "FIPS 205's letters")]
pub struct SlhDsaPublic {
    pub set: SlhDsaSet,
    pub pk: Vec<u8>,
}

/// SLH-DSA private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlhDsaPrivate {
    /// The public half.
    pub public: SlhDsaPublic,
    /// SK.seed ‖ SK.prf ‖ PK.seed ‖ PK.root.
    pub sk: Secret,
}

/// The numbers of one key. Matches name every arm: a new family shows each place that must learn of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant is documented at its type")]
pub enum KeyParts {
    RsaPublic(RsaPublic),
    RsaPrivate(RsaPrivate),
    EcPublic(EcPublic),
    EcPrivate(EcPrivate),
    EdwardsPublic(EdwardsPublic),
    EdwardsPrivate(EdwardsPrivate),
    MontgomeryPublic(MontgomeryPublic),
    MontgomeryPrivate(MontgomeryPrivate),
    DsaPublic(DsaPublic),
    DsaPrivate(DsaPrivate),
    DhPublic(DhPublic),
    DhPrivate(DhPrivate),
    MlKemPublic(MlKemPublic),
    MlKemPrivate(MlKemPrivate),
    MlDsaPublic(MlDsaPublic),
    MlDsaPrivate(MlDsaPrivate),
    SlhDsaPublic(SlhDsaPublic),
    SlhDsaPrivate(SlhDsaPrivate),
    /// A symmetric key; which cipher it is for is not a property of its bytes.
    Secret(Secret),
}

impl KeyParts {
    /// The family.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            KeyParts::RsaPublic(_) | KeyParts::RsaPrivate(_) => Family::Rsa,
            KeyParts::EcPublic(_) | KeyParts::EcPrivate(_) => Family::Ec,
            KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) => Family::Edwards,
            KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_) => Family::Montgomery,
            KeyParts::DsaPublic(_) | KeyParts::DsaPrivate(_) => Family::Dsa,
            KeyParts::DhPublic(_) | KeyParts::DhPrivate(_) => Family::Dh,
            KeyParts::MlKemPublic(_) | KeyParts::MlKemPrivate(_) => Family::MlKem,
            KeyParts::MlDsaPublic(_) | KeyParts::MlDsaPrivate(_) => Family::MlDsa,
            KeyParts::SlhDsaPublic(_) | KeyParts::SlhDsaPrivate(_) => Family::SlhDsa,
            KeyParts::Secret(_) => Family::Secret,
        }
    }

    /// The half; a symmetric key is private.
    #[must_use]
    pub fn half(&self) -> Half {
        match self {
            KeyParts::RsaPublic(_)
            | KeyParts::EcPublic(_)
            | KeyParts::EdwardsPublic(_)
            | KeyParts::MontgomeryPublic(_)
            | KeyParts::DsaPublic(_)
            | KeyParts::DhPublic(_)
            | KeyParts::MlKemPublic(_)
            | KeyParts::MlDsaPublic(_)
            | KeyParts::SlhDsaPublic(_) => Half::Public,
            KeyParts::RsaPrivate(_)
            | KeyParts::EcPrivate(_)
            | KeyParts::EdwardsPrivate(_)
            | KeyParts::MontgomeryPrivate(_)
            | KeyParts::DsaPrivate(_)
            | KeyParts::DhPrivate(_)
            | KeyParts::MlKemPrivate(_)
            | KeyParts::MlDsaPrivate(_)
            | KeyParts::SlhDsaPrivate(_)
            | KeyParts::Secret(_) => Half::Private,
        }
    }

    /// The public half: of a private key its own, of a public key a copy, of a symmetric key none.
    #[must_use]
    pub fn public(&self) -> Option<KeyParts> {
        Some(match self {
            KeyParts::RsaPrivate(k) => KeyParts::RsaPublic(k.public.clone()),
            KeyParts::EcPrivate(k) => KeyParts::EcPublic(k.public.clone()),
            KeyParts::EdwardsPrivate(k) => KeyParts::EdwardsPublic(k.public.clone()),
            KeyParts::MontgomeryPrivate(k) => KeyParts::MontgomeryPublic(k.public.clone()),
            KeyParts::DsaPrivate(k) => KeyParts::DsaPublic(k.public.clone()),
            KeyParts::DhPrivate(k) => KeyParts::DhPublic(k.public.clone()),
            KeyParts::MlKemPrivate(k) => KeyParts::MlKemPublic(k.public.clone()),
            KeyParts::MlDsaPrivate(k) => KeyParts::MlDsaPublic(k.public.clone()),
            KeyParts::SlhDsaPrivate(k) => KeyParts::SlhDsaPublic(k.public.clone()),
            KeyParts::Secret(_) => return None,
            KeyParts::RsaPublic(_)
            | KeyParts::EcPublic(_)
            | KeyParts::EdwardsPublic(_)
            | KeyParts::MontgomeryPublic(_)
            | KeyParts::DsaPublic(_)
            | KeyParts::DhPublic(_)
            | KeyParts::MlKemPublic(_)
            | KeyParts::MlDsaPublic(_)
            | KeyParts::SlhDsaPublic(_) => self.clone(),
        })
    }
}
