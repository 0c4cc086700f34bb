//! The curves in RustCrypto's crates, by one generic implementation behind a small trait object, so that the rest of the room does not
//! carry the curve as a type. Also the admission of points and scalars.

use crate::random::Source;
use crate::{AdmitError, CryptoError};
use cngtoken_key::{Curve, EcClaim, EcPrivate, EcPublic, Secret, Uint};
use crypto_bigint::{BoxedUint, NonZero};
use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use ecdsa::{EcdsaCurve, Signature};
use elliptic_curve::ff::PrimeField;
use elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, Generate, NonZeroScalar, PublicKey, SecretKey};
use sha2::digest::{Digest, common::BlockSizeUser};
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// What a parsed key can do.
pub(super) trait Ops: Send + Sync {
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CryptoError>;
    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError>;
}

/// Runs `$body` with `$C` as the curve's type and `$D` as the hash of its deterministic nonces (RFC 6979).
macro_rules! by_curve {
    ($curve:expr, $C:ident, $D:ident => $body:expr) => {
        match $curve {
            Curve::P224 => {
                type $C = p224::NistP224;
                type $D = sha2::Sha224;
                $body
            }
            Curve::P256 => {
                type $C = p256::NistP256;
                type $D = sha2::Sha256;
                $body
            }
            Curve::P384 => {
                type $C = p384::NistP384;
                type $D = sha2::Sha384;
                $body
            }
            Curve::P521 => {
                type $C = p521::NistP521;
                type $D = sha2::Sha512;
                $body
            }
            Curve::Secp256k1 => {
                type $C = k256::Secp256k1;
                type $D = sha2::Sha256;
                $body
            }
            Curve::BrainpoolP256r1 => {
                type $C = bp256::BrainpoolP256r1;
                type $D = sha2::Sha256;
                $body
            }
            Curve::BrainpoolP384r1 => {
                type $C = bp384::BrainpoolP384r1;
                type $D = sha2::Sha384;
                $body
            }
        }
    };
}

struct Parsed<C: CurveArithmetic, D> {
    public: PublicKey<C>,
    secret: Option<SecretKey<C>>,
    nonces: PhantomData<fn() -> D>,
}

impl<C, D> Ops for Parsed<C, D>
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
    D: Digest + BlockSizeUser,
{
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let secret = self.secret.as_ref().ok_or(CryptoError::KeyType)?;
        let scalar = Zeroizing::new(secret.to_nonzero_scalar());
        // The crate cannot take an empty digest; it stands for 0, and so does one zero byte.
        let digest = if digest.is_empty() { &[0] } else { digest };
        let (signature, _) = sign_prehashed_rfc6979::<C, D>(&scalar, digest, &[]);
        Ok(signature.to_bytes().to_vec())
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let mut signature = Signature::<C>::from_slice(signature).map_err(|_| CryptoError::Signature)?;
        if C::NORMALIZE_S {
            // The crate refuses the higher s of a curve that prefers the lower; other makers of signatures do not know that preference.
            signature = signature.normalize_s();
        }
        verify_prehashed::<C>(&self.public.to_projective(), digest, &signature).map_err(|_| CryptoError::Signature)
    }

    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let secret = self.secret.as_ref().ok_or(CryptoError::KeyType)?;
        let peer = PublicKey::<C>::from_sec1_bytes(point).map_err(|_| CryptoError::PublicKey("not a point of the curve"))?;
        let shared = elliptic_curve::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
        Ok(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
    }
}

/// The parsed key.
pub(super) fn ops(public: &EcPublic, private: Option<&EcPrivate>) -> Result<Box<dyn Ops>, CryptoError> {
    const NOT_ADMITTED: CryptoError = CryptoError::Internal("ec numbers that were not admitted");
    by_curve!(public.curve, C, D => {
        let secret = match private {
            Some(key) => Some(SecretKey::<C>::from_slice(key.d.expose()).map_err(|_| NOT_ADMITTED)?),
            None => None,
        };
        let public = PublicKey::<C>::from_sec1_bytes(&public.uncompressed()).map_err(|_| NOT_ADMITTED)?;
        Ok(Box::new(Parsed::<C, D> { public, secret, nonces: PhantomData }) as Box<dyn Ops>)
    })
}

/// A scalar from 1 to n − 1.
pub(super) fn random_scalar(curve: Curve) -> Result<Secret, CryptoError> {
    by_curve!(curve, C, _D => {
        let scalar = NonZeroScalar::<C>::try_generate_from_rng(&mut Source)?;
        Ok(Secret::copy_of(&SecretKey::<C>::from(scalar).to_bytes()))
    })
}

/// The same from 64 bits more than the order has, reduced: (c mod (n − 1)) + 1 (FIPS 186-5, A.2.1).
pub(super) fn extra_bits_scalar(curve: Curve) -> Result<Secret, CryptoError> {
    let width = curve.field_bytes();
    let mut c = Zeroizing::new(vec![0u8; width.saturating_add(8)]);
    crate::random(&mut c)?;
    let less_one = by_curve!(curve, C, _D => (-<C as CurveArithmetic>::Scalar::ONE).to_repr().to_vec());
    let precision = crate::num::precision(8 * c.len());
    let less_one = NonZero::new(crate::num::boxed_bytes(&less_one, precision)).into_option().ok_or(CryptoError::Internal("an order of one"))?;
    let d = Zeroizing::new(crate::num::boxed_bytes(&c, precision).rem(&less_one).wrapping_add(BoxedUint::one()));
    crate::num::fixed(&d, width).map(|d| Secret::copy_of(&d)).ok_or(CryptoError::Internal("a scalar wider than its field"))
}

/// Completes and checks a claim.
pub(super) fn admit(claim: &EcClaim) -> Result<(EcPublic, Option<EcPrivate>), AdmitError> {
    by_curve!(claim.curve, C, _D => admit_on::<C>(claim))
}

fn admit_on<C>(claim: &EcClaim) -> Result<(EcPublic, Option<EcPrivate>), AdmitError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let curve = claim.curve;
    let given = match &claim.point {
        Some((x, y)) => Some(point::<C>(curve, x, y)?),
        None => None,
    };
    let Some(d) = &claim.d else {
        let point = given.ok_or(AdmitError::Missing { what: "public point" })?;
        return Ok((public::<C>(curve, &point)?, None));
    };
    let given = given.map(|point| public::<C>(curve, &point)).transpose()?;
    // d·G is the costly step: once for each reading of d.
    let fitting = |secret: &SecretKey<C>| -> Result<Option<EcPublic>, AdmitError> {
        let own = own_public::<C>(curve, secret)?;
        Ok(given.as_ref().is_none_or(|given| *given == own).then_some(own))
    };
    let found = scalar::<C>(curve, d);
    if let Ok(secret) = &found
        && let Some(public) = fitting(secret)?
    {
        let d = Secret::copy_of(&Zeroizing::new(secret.to_bytes()));
        return Ok((public.clone(), Some(EcPrivate { public, d })));
    }
    let back = Secret::new(d.expose().iter().rev().copied().collect());
    if let Ok(secret) = scalar::<C>(curve, &back)
        && fitting(&secret)?.is_some()
    {
        return Err(in_reverse("private value"));
    }
    found?;
    Err(AdmitError::inconsistent("public point", "a point that is not d·G", "the point that belongs to the private value"))
}

/// d·G, by the engine that is quickest at it.
fn own_public<C>(curve: Curve, secret: &SecretKey<C>) -> Result<EcPublic, AdmitError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    #[cfg(feature = "fast")]
    if let Some(public) = super::fast::public(curve, &Secret::copy_of(&Zeroizing::new(secret.to_bytes()))) {
        return Ok(public);
    }
    public::<C>(curve, &secret.public_key())
}

fn in_reverse(what: &'static str) -> AdmitError {
    AdmitError::inconsistent(what, "a number that fits when read the other way: the bytes are in reverse order", "big-endian bytes")
}

/// The private value, if it is from 1 to n − 1.
fn scalar<C: CurveArithmetic>(curve: Curve, d: &Secret) -> Result<SecretKey<C>, AdmitError> {
    let out_of_range = |found: &'static str| AdmitError::range("private value", found, "1 to n − 1, n the order of the curve");
    let value = Uint::from_be(d.expose());
    let fixed = value.to_be_fixed(curve.field_bytes()).ok_or_else(|| out_of_range("a number wider than the field"))?;
    SecretKey::<C>::from_slice(fixed.expose()).map_err(|_| out_of_range("0, or a number not below the order"))
}

/// The point, if its coordinates are below the field's prime and on the curve.
fn point<C>(curve: Curve, x: &Uint, y: &Uint) -> Result<PublicKey<C>, AdmitError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let width = curve.field_bytes();
    let too_wide = || {
        AdmitError::range(
            "public point",
            format!("coordinates of {} and {} bits", x.bit_len(), y.bit_len()),
            format!("at most {} bits", curve.field_bits()),
        )
    };
    let mut x = x.to_be_fixed(width).ok_or_else(too_wide)?;
    let mut y = y.to_be_fixed(width).ok_or_else(too_wide)?;
    let parse = |x: &Secret, y: &Secret| {
        let public = EcPublic { curve, x: x.expose().to_vec(), y: y.expose().to_vec() };
        PublicKey::<C>::from_sec1_bytes(&public.uncompressed()).ok()
    };
    if let Some(point) = parse(&x, &y) {
        return Ok(point);
    }
    x.expose_mut().reverse();
    y.expose_mut().reverse();
    if parse(&x, &y).is_some() {
        return Err(in_reverse("public point"));
    }
    Err(AdmitError::inconsistent(
        "public point",
        "coordinates not below the field's prime, or not on the curve",
        format!("a point of {}", curve.cng_name()),
    ))
}

fn public<C>(curve: Curve, point: &PublicKey<C>) -> Result<EcPublic, AdmitError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let encoded = point.as_affine().to_sec1_point(false);
    let infinity = || AdmitError::inconsistent("public point", "the point at infinity", "a point of the curve");
    Ok(EcPublic { curve, x: encoded.x().ok_or_else(infinity)?.to_vec(), y: encoded.y().ok_or_else(infinity)?.to_vec() })
}
