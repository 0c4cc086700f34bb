//! PKCS#8 PrivateKeyInfo: what C_WrapKey wraps of a private key and C_UnwrapKey finds, and what the command line reads. Encoding is
//! of admitted keys; decoding gives a claim, to be admitted. Encrypted PKCS#8 is taken apart here and decrypted elsewhere.
//! Inside: PKCS#1 for RSA, SEC 1 for EC, RFC 8410 for Ed25519 and X25519, an INTEGER for DSA and DH, RFC 9935 and RFC 9881 (seed,
//! expanded key or both) for ML-KEM and ML-DSA, raw bytes for SLH-DSA (RFC 9909).

use super::algorithm::{Algorithm, integer, number, unreadable};
use super::error::{ObjectError, Reason};
use super::spki;
use ::spki::AlgorithmIdentifierRef;
use cngtoken_key::{
    Claim, DhClaim, DsaClaim, EcClaim, EdwardsClaim, KeyParts, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet, MontgomeryClaim, RsaClaim, Secret,
    SlhDsaClaim, Uint,
};
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode, Encode, Header, Reader, Sequence, SliceReader, Tag, TagMode, TagNumber};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;

/// The DER PrivateKeyInfo of a private key.
///
/// # Errors
/// `KeyTypeInconsistent` for a public or a symmetric key.
pub fn encode(parts: &KeyParts) -> Result<Secret, ObjectError> {
    let inner = inner(parts)
        .map_err(cannot)?
        .ok_or_else(|| ObjectError::whole(Reason::KeyTypeInconsistent, "PKCS#8 holds private keys of a pair; this key is public or symmetric"))?;
    let algorithm = spki::algorithm(parts);
    let params = algorithm.params().map_err(cannot)?;
    let id = algorithm.identifier(params.as_deref()).map_err(cannot)?;
    let key = OctetStringRef::new(inner.expose()).map_err(cannot)?;
    PrivateKeyInfoRef::new(id, key).to_der().map(Secret::new).map_err(cannot)
}

fn cannot(e: der::Error) -> ObjectError {
    ObjectError::whole(Reason::EncodingInvalid, format!("the key cannot be written: {e}"))
}

/// The content of the OCTET STRING privateKey.
fn inner(parts: &KeyParts) -> der::Result<Option<Secret>> {
    Ok(Some(Secret::new(match parts {
        KeyParts::RsaPrivate(k) => RsaPrivateKeyRef {
            modulus: integer(&k.public.n)?,
            public_exponent: integer(&k.public.e)?,
            private_exponent: integer(&k.d)?,
            prime1: integer(&k.p)?,
            prime2: integer(&k.q)?,
            exponent1: integer(&k.dp)?,
            exponent2: integer(&k.dq)?,
            coefficient: integer(&k.qinv)?,
            other_prime_infos: None,
        }
        .to_der()?,
        KeyParts::EcPrivate(k) => {
            let point = k.public.uncompressed();
            EcPrivateKey { private_key: k.d.expose(), parameters: None, public_key: Some(&point) }.to_der()?
        }
        KeyParts::EdwardsPrivate(k) => OctetStringRef::new(k.seed.expose())?.to_der()?,
        KeyParts::MontgomeryPrivate(k) => OctetStringRef::new(k.k.expose())?.to_der()?,
        KeyParts::DsaPrivate(k) => integer(&k.x)?.to_der()?,
        KeyParts::DhPrivate(k) => integer(&k.x)?.to_der()?,
        KeyParts::MlKemPrivate(k) => seed_and_expanded(k.seed.as_ref(), &k.dk)?,
        KeyParts::MlDsaPrivate(k) => seed_and_expanded(k.seed.as_ref(), &k.sk)?,
        KeyParts::SlhDsaPrivate(k) => k.sk.expose().to_vec(),
        KeyParts::RsaPublic(_)
        | KeyParts::EcPublic(_)
        | KeyParts::EdwardsPublic(_)
        | KeyParts::MontgomeryPublic(_)
        | KeyParts::DsaPublic(_)
        | KeyParts::DhPublic(_)
        | KeyParts::MlKemPublic(_)
        | KeyParts::MlDsaPublic(_)
        | KeyParts::SlhDsaPublic(_)
        | KeyParts::Secret(_) => return Ok(None),
    })))
}

/// The third form of RFC 9935 §6 and RFC 9881 §6: seed and expanded key.
#[derive(Sequence)]
struct Both<'a> {
    seed: &'a OctetStringRef,
    expanded: &'a OctetStringRef,
}

/// Both where the seed is known, else the expanded key alone: what any reader can use.
fn seed_and_expanded(seed: Option<&Secret>, expanded: &Secret) -> der::Result<Vec<u8>> {
    let expanded = OctetStringRef::new(expanded.expose())?;
    match seed {
        Some(seed) => Both { seed: OctetStringRef::new(seed.expose())?, expanded }.to_der(),
        None => expanded.to_der(),
    }
}

/// The encoding without the zeros with which a key wrap filled its end; the whole input where there is more than that behind it.
#[must_use]
pub fn without_filling(input: &[u8]) -> &[u8] {
    let encoded = SliceReader::new(input).and_then(|mut reader| reader.tlv_bytes()).unwrap_or(input);
    match input.get(encoded.len()..) {
        Some(rest) if rest.len() < 8 && rest.iter().all(|b| *b == 0) => encoded,
        _ => input,
    }
}

/// Reads a DER PrivateKeyInfo or OneAsymmetricKey.
///
/// # Errors
/// `EncodingInvalid`, `AlgorithmUnknown`, `CurveNotSupported`.
pub fn decode(input: &[u8]) -> Result<Claim, ObjectError> {
    let info = PrivateKeyInfoRef::from_der(input).map_err(unreadable("the PrivateKeyInfo"))?;
    let key = info.private_key.as_bytes();
    let public = info.public_key.and_then(|b| b.as_bytes());
    match Algorithm::read(&info.algorithm)? {
        Algorithm::Rsa => decode_rsa(key),
        Algorithm::Ec(curve) => {
            let k = EcPrivateKey::from_der(key).map_err(unreadable("the EC private key"))?;
            let point = k.public_key.or(public).and_then(|p| super::point::coordinates(curve, p).ok());
            Ok(Claim::Ec(EcClaim { curve, point, d: Some(Secret::copy_of(k.private_key)) }))
        }
        Algorithm::Edwards(curve) => {
            Ok(Claim::Edwards(EdwardsClaim { curve, point: public.map(<[u8]>::to_vec), seed: Some(octets(key, curve.bytes())?) }))
        }
        Algorithm::Montgomery(curve) => {
            Ok(Claim::Montgomery(MontgomeryClaim { curve, u: public.map(<[u8]>::to_vec), k: Some(octets(key, curve.bytes())?) }))
        }
        Algorithm::Dsa { p, q, g } => Ok(Claim::Dsa(DsaClaim { p, q, g, seed: None, y: None, x: Some(integer_in(key)?) })),
        Algorithm::Dh { p, g, q } => Ok(Claim::Dh(DhClaim { p, g, q, y: None, x: Some(integer_in(key)?) })),
        Algorithm::MlKem(set) => {
            let (seed, dk) = seeded(key, MlKemSet::SEED_BYTES, set.private_bytes())?;
            Ok(Claim::MlKem(MlKemClaim { set, ek: public.map(<[u8]>::to_vec), dk, seed }))
        }
        Algorithm::MlDsa(set) => {
            let (seed, sk) = seeded(key, MlDsaSet::SEED_BYTES, set.private_bytes())?;
            Ok(Claim::MlDsa(MlDsaClaim { set, pk: public.map(<[u8]>::to_vec), sk, seed }))
        }
        Algorithm::SlhDsa(set) if key.len() == set.private_bytes() => {
            Ok(Claim::SlhDsa(SlhDsaClaim { set, pk: public.map(<[u8]>::to_vec), sk: Some(Secret::copy_of(key)) }))
        }
        Algorithm::SlhDsa(set) => Err(wrong_length(key.len(), set.private_bytes())),
    }
}

/// Whether bytes have the outline of a PrivateKeyInfo, whatever algorithm they name: what tells a decrypted key from noise.
#[must_use]
pub fn is_private_key_info(input: &[u8]) -> bool {
    PrivateKeyInfoRef::from_der(input).is_ok()
}

/// EncryptedPrivateKeyInfo (RFC 5958 §3), its algorithm as DER.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encrypted<'a> {
    /// AlgorithmIdentifier of the encryption.
    pub algorithm: Vec<u8>,
    /// Ciphertext.
    pub data: &'a [u8],
}

#[derive(Sequence)]
struct EncryptedInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    data: &'a OctetStringRef,
}

/// Takes an EncryptedPrivateKeyInfo apart; `None` if it is none.
#[must_use]
pub fn encrypted(input: &[u8]) -> Option<Encrypted<'_>> {
    let info = EncryptedInfo::from_der(input).ok()?;
    Some(Encrypted { algorithm: info.algorithm.to_der().ok()?, data: info.data.as_bytes() })
}

/// How many bytes the outermost element of `input` says it has, itself included; `None` if it is no SEQUENCE.
#[must_use]
pub fn said_length(input: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(input).ok()?;
    let header = Header::decode(&mut reader).ok().filter(|h| h.tag() == Tag::Sequence)?;
    usize::try_from(reader.position()).ok()?.checked_add(usize::try_from(header.length()).ok()?)
}

/// Reads a DER RSAPrivateKey (PKCS#1), which is also what lies inside PKCS#8.
///
/// # Errors
/// `EncodingInvalid`; a key of more than two primes is one.
pub fn decode_rsa(input: &[u8]) -> Result<Claim, ObjectError> {
    let k = RsaPrivateKeyRef::from_der(input).map_err(unreadable("the RSA private key"))?;
    Ok(Claim::Rsa(RsaClaim {
        n: Some(number(k.modulus)),
        e: Some(number(k.public_exponent)),
        d: Some(number(k.private_exponent)),
        p: Some(number(k.prime1)),
        q: Some(number(k.prime2)),
        dp: Some(number(k.exponent1)),
        dq: Some(number(k.exponent2)),
        qinv: Some(number(k.coefficient)),
    }))
}

/// Reads a DER ECPrivateKey (SEC 1) that names its curve.
///
/// # Errors
/// `EncodingInvalid`, `CurveNotSupported`.
pub fn decode_sec1(input: &[u8]) -> Result<Claim, ObjectError> {
    let k = EcPrivateKey::from_der(input).map_err(unreadable("the EC private key"))?;
    let oid = k
        .parameters
        .as_ref()
        .and_then(|p| p.named_curve())
        .ok_or_else(|| ObjectError::whole(Reason::EncodingInvalid, "the EC private key does not name its curve"))?;
    let curve = super::point::weierstrass(&oid.to_der().map_err(cannot)?)?;
    let point = k.public_key.and_then(|p| super::point::coordinates(curve, p).ok());
    Ok(Claim::Ec(EcClaim { curve, point, d: Some(Secret::copy_of(k.private_key)) }))
}

fn octets(key: &[u8], want: usize) -> Result<Secret, ObjectError> {
    let inner = <&OctetStringRef>::from_der(key).map_err(unreadable("the private key"))?.as_bytes();
    if inner.len() == want { Ok(Secret::copy_of(inner)) } else { Err(wrong_length(inner.len(), want)) }
}

fn integer_in(key: &[u8]) -> Result<Uint, ObjectError> {
    UintRef::from_der(key).map(number).map_err(unreadable("the private value"))
}

/// The three forms of RFC 9935 §6 and RFC 9881 §6, told apart by their tags: `[0]` seed, OCTET STRING expanded key, SEQUENCE both.
fn seeded(key: &[u8], seed_bytes: usize, expanded_bytes: usize) -> Result<(Option<Secret>, Option<Secret>), ObjectError> {
    const OCTET_STRING: u8 = 0x04;
    const SEQUENCE: u8 = 0x30;
    let what = "the private key";
    let (seed, expanded) = match key.first() {
        Some(&OCTET_STRING) => (None, Some(<&OctetStringRef>::from_der(key).map_err(unreadable(what))?)),
        Some(&SEQUENCE) => {
            let both = Both::from_der(key).map_err(unreadable(what))?;
            (Some(both.seed), Some(both.expanded))
        }
        _ => {
            let mut reader = SliceReader::new(key).map_err(unreadable(what))?;
            let seed = reader.context_specific::<&OctetStringRef>(TagNumber(0), TagMode::Implicit).map_err(unreadable(what))?;
            reader.finish().map_err(unreadable(what))?;
            (seed, None)
        }
    };
    let part = |bytes: Option<&OctetStringRef>, want: usize| match bytes.map(OctetStringRef::as_bytes) {
        Some(b) if b.len() != want => Err(wrong_length(b.len(), want)),
        other => Ok(other.map(Secret::copy_of)),
    };
    Ok((part(seed, seed_bytes)?, part(expanded, expanded_bytes)?))
}

fn wrong_length(found: usize, want: usize) -> ObjectError {
    ObjectError::whole(Reason::EncodingInvalid, format!("a private key of {found} bytes, where {want} are expected"))
}
