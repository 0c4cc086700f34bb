//! SubjectPublicKeyInfo: what CKA_PUBLIC_KEY_INFO holds of both halves, and the one place from which the public numbers of a stored
//! key are read back. Layout of the key inside: RFC 3279 for RSA, DSA and DH, SEC 1 for EC, raw bytes for the rest.

use super::algorithm::{Algorithm, integer, number, unreadable};
use super::error::{ObjectError, Reason};
use cngtoken_key::{
    Claim, DhClaim, DhDomain, DhPublic, DsaClaim, DsaDomain, DsaPublic, EcClaim, EcPublic, EdwardsClaim, EdwardsPublic, KeyParts, MlDsaClaim,
    MlDsaPublic, MlKemClaim, MlKemPublic, MontgomeryClaim, MontgomeryPublic, RsaClaim, RsaPublic, SlhDsaClaim, SlhDsaPublic, Uint,
};
use der::asn1::{BitStringRef, UintRef};
use der::{Decode, Encode};
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoRef;

/// The DER SubjectPublicKeyInfo of a key, of its public half if it is private; `None` for a symmetric key.
#[must_use]
pub fn spki(parts: &KeyParts) -> Option<Vec<u8>> {
    encode(&parts.public()?).ok()
}

fn encode(public: &KeyParts) -> der::Result<Vec<u8>> {
    let algorithm = algorithm(public);
    let params = algorithm.params()?;
    let key = key_bits(public)?;
    SubjectPublicKeyInfoRef { algorithm: algorithm.identifier(params.as_deref())?, subject_public_key: BitStringRef::from_bytes(&key)? }.to_der()
}

/// The family and its parameters, as an algorithm identifier says them. A symmetric key has none and is answered with RSA, which
/// [`key_bits`] then refuses; both callers have sorted symmetric keys out before.
pub(super) fn algorithm(parts: &KeyParts) -> Algorithm {
    let dsa = |d: &DsaDomain| Algorithm::Dsa { p: d.p.clone(), q: d.q.clone(), g: d.g.clone() };
    let dh = |d: &DhDomain| Algorithm::Dh { p: d.p.clone(), g: d.g.clone(), q: d.q.clone() };
    match parts {
        KeyParts::RsaPublic(_) | KeyParts::RsaPrivate(_) | KeyParts::Secret(_) => Algorithm::Rsa,
        KeyParts::EcPublic(k) => Algorithm::Ec(k.curve),
        KeyParts::EcPrivate(k) => Algorithm::Ec(k.public.curve),
        KeyParts::EdwardsPublic(k) => Algorithm::Edwards(k.curve),
        KeyParts::EdwardsPrivate(k) => Algorithm::Edwards(k.public.curve),
        KeyParts::MontgomeryPublic(k) => Algorithm::Montgomery(k.curve),
        KeyParts::MontgomeryPrivate(k) => Algorithm::Montgomery(k.public.curve),
        KeyParts::DsaPublic(k) => dsa(&k.domain),
        KeyParts::DsaPrivate(k) => dsa(&k.public.domain),
        KeyParts::DhPublic(k) => dh(&k.domain),
        KeyParts::DhPrivate(k) => dh(&k.public.domain),
        KeyParts::MlKemPublic(k) => Algorithm::MlKem(k.set),
        KeyParts::MlKemPrivate(k) => Algorithm::MlKem(k.public.set),
        KeyParts::MlDsaPublic(k) => Algorithm::MlDsa(k.set),
        KeyParts::MlDsaPrivate(k) => Algorithm::MlDsa(k.public.set),
        KeyParts::SlhDsaPublic(k) => Algorithm::SlhDsa(k.set),
        KeyParts::SlhDsaPrivate(k) => Algorithm::SlhDsa(k.public.set),
    }
}

/// The content of the BIT STRING.
fn key_bits(public: &KeyParts) -> der::Result<Vec<u8>> {
    Ok(match public {
        KeyParts::RsaPublic(k) => RsaPublicKeyRef { modulus: integer(&k.n)?, public_exponent: integer(&k.e)? }.to_der()?,
        KeyParts::EcPublic(k) => k.uncompressed(),
        KeyParts::EdwardsPublic(k) => k.point.clone(),
        KeyParts::MontgomeryPublic(k) => k.u.clone(),
        KeyParts::DsaPublic(k) => integer(&k.y)?.to_der()?,
        KeyParts::DhPublic(k) => integer(&k.y)?.to_der()?,
        KeyParts::MlKemPublic(k) => k.ek.clone(),
        KeyParts::MlDsaPublic(k) => k.pk.clone(),
        KeyParts::SlhDsaPublic(k) => k.pk.clone(),
        KeyParts::RsaPrivate(_)
        | KeyParts::EcPrivate(_)
        | KeyParts::EdwardsPrivate(_)
        | KeyParts::MontgomeryPrivate(_)
        | KeyParts::DsaPrivate(_)
        | KeyParts::DhPrivate(_)
        | KeyParts::MlKemPrivate(_)
        | KeyParts::MlDsaPrivate(_)
        | KeyParts::SlhDsaPrivate(_)
        | KeyParts::Secret(_) => return Err(der::ErrorKind::Failed.into()),
    })
}

/// The public value of a key without any wrapping: what the default CKA_ID is the SHA-1 of (RSA modulus, uncompressed EC point,
/// DSA or DH y, the bytes of the others). `None` for a symmetric key.
#[must_use]
pub fn public_value(parts: &KeyParts) -> Option<Vec<u8>> {
    match parts.public()? {
        KeyParts::RsaPublic(k) => Some(k.n.as_be().to_vec()),
        KeyParts::DsaPublic(k) => Some(k.y.as_be().to_vec()),
        KeyParts::DhPublic(k) => Some(k.y.as_be().to_vec()),
        other => key_bits(&other).ok(),
    }
}

/// Reads a DER SubjectPublicKeyInfo from outside: a claim, to be admitted.
///
/// # Errors
/// `EncodingInvalid`, `AlgorithmUnknown`, `CurveNotSupported`, or `AttributeValueInvalid` for a point of a wrong form.
pub fn decode(input: &[u8]) -> Result<Claim, ObjectError> {
    let info = SubjectPublicKeyInfoRef::from_der(input).map_err(unreadable("the SubjectPublicKeyInfo"))?;
    let bits = info
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| ObjectError::whole(Reason::EncodingInvalid, "the public key is not a whole number of bytes"))?;
    let bytes_of = |want: usize| {
        if bits.len() == want {
            Ok(Some(bits.to_vec()))
        } else {
            Err(ObjectError::whole(Reason::EncodingInvalid, format!("a public key of {} bytes, where {want} are expected", bits.len())))
        }
    };
    let y = || UintRef::from_der(bits).map(|n| Some(number(n))).map_err(unreadable("the public value"));
    Ok(match Algorithm::read(&info.algorithm)? {
        Algorithm::Rsa => decode_rsa(bits)?,
        Algorithm::Ec(curve) => Claim::Ec(EcClaim { curve, point: Some(super::point::coordinates(curve, bits)?), d: None }),
        Algorithm::Edwards(curve) => Claim::Edwards(EdwardsClaim { curve, point: bytes_of(curve.bytes())?, seed: None }),
        Algorithm::Montgomery(curve) => Claim::Montgomery(MontgomeryClaim { curve, u: bytes_of(curve.bytes())?, k: None }),
        Algorithm::Dsa { p, q, g } => Claim::Dsa(DsaClaim { p, q, g, seed: None, y: y()?, x: None }),
        Algorithm::Dh { p, g, q } => Claim::Dh(DhClaim { p, g, q, y: y()?, x: None }),
        Algorithm::MlKem(set) => Claim::MlKem(MlKemClaim { set, ek: bytes_of(set.public_bytes())?, dk: None, seed: None }),
        Algorithm::MlDsa(set) => Claim::MlDsa(MlDsaClaim { set, pk: bytes_of(set.public_bytes())?, sk: None, seed: None }),
        Algorithm::SlhDsa(set) => Claim::SlhDsa(SlhDsaClaim { set, pk: bytes_of(set.public_bytes())?, sk: None }),
    })
}

/// Reads a DER RSAPublicKey (PKCS#1), which is also what lies inside SubjectPublicKeyInfo.
///
/// # Errors
/// `EncodingInvalid`.
pub fn decode_rsa(input: &[u8]) -> Result<Claim, ObjectError> {
    let k = RsaPublicKeyRef::from_der(input).map_err(unreadable("the RSA public key"))?;
    Ok(Claim::Rsa(RsaClaim { n: Some(number(k.modulus)), e: Some(number(k.public_exponent)), ..RsaClaim::default() }))
}

/// The public numbers of a SubjectPublicKeyInfo that this program wrote over an admitted key.
pub(super) fn stored_public(input: &[u8]) -> Option<KeyParts> {
    let coordinate = |n: Uint, width: usize| n.to_be_fixed(width).map(|s| s.expose().to_vec());
    Some(match decode(input).ok()? {
        Claim::Rsa(RsaClaim { n: Some(n), e: Some(e), .. }) => KeyParts::RsaPublic(RsaPublic { n, e }),
        Claim::Ec(EcClaim { curve, point: Some((x, y)), .. }) => {
            let w = curve.field_bytes();
            KeyParts::EcPublic(EcPublic { curve, x: coordinate(x, w)?, y: coordinate(y, w)? })
        }
        Claim::Edwards(EdwardsClaim { curve, point: Some(point), .. }) => KeyParts::EdwardsPublic(EdwardsPublic { curve, point }),
        Claim::Montgomery(MontgomeryClaim { curve, u: Some(u), .. }) => KeyParts::MontgomeryPublic(MontgomeryPublic { curve, u }),
        Claim::Dsa(DsaClaim { p, q, g, seed, y: Some(y), .. }) => KeyParts::DsaPublic(DsaPublic { domain: DsaDomain { p, q, g, seed }, y }),
        Claim::Dh(DhClaim { p, g, q, y: Some(y), .. }) => KeyParts::DhPublic(DhPublic { domain: DhDomain { p, g, q }, y }),
        Claim::MlKem(MlKemClaim { set, ek: Some(ek), .. }) => KeyParts::MlKemPublic(MlKemPublic { set, ek }),
        Claim::MlDsa(MlDsaClaim { set, pk: Some(pk), .. }) => KeyParts::MlDsaPublic(MlDsaPublic { set, pk }),
        Claim::SlhDsa(SlhDsaClaim { set, pk: Some(pk), .. }) => KeyParts::SlhDsaPublic(SlhDsaPublic { set, pk }),
        _ => return None,
    })
}
