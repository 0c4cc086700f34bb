//! What a caller knows beside the blob, and what a decoded blob is.

use crate::error::{BlobError, Fault, Text};
use crate::origin::Origin;
use crate::table::{BlobRow, Magic};
use cngtoken_key::{Claim, Curve, Half, MontgomeryCurve, Uint};

/// What the caller knows beside the bytes. Strings are already UTF-8; empty is not the same as absent.
#[derive(Clone, Default, Debug)]
pub struct Context<'a> {
    /// Blob type: CNG's string or the symbolic name. Absent: by magic.
    pub type_name: Option<&'a str>,
    /// Algorithm identifier, such as "ECDSA_P256". Absent: the blob decides.
    pub alg_id: Option<&'a str>,
    /// Curve of a magic that names none.
    pub curve: Option<CurveName>,
    /// p and g of a version 2 DH public blob, which carries neither.
    pub dh_group: Option<(Uint, Uint)>,
}

/// A curve as CNG names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CurveName {
    /// A short Weierstrass curve.
    Weierstrass(Curve),
    /// "curve25519".
    X25519,
}

impl CurveName {
    /// The curve that CNG calls so (case-sensitive, CNG's own aliases included).
    ///
    /// # Errors
    /// [`Fault::CurveUnknown`], also for names that Windows knows and the token does not support.
    pub fn from_cng_name(name: &str) -> Result<Self, BlobError> {
        if name == MontgomeryCurve::X25519.cng_name() {
            return Ok(CurveName::X25519);
        }
        if let Some(curve) = Curve::from_cng_name(name) {
            return Ok(CurveName::Weierstrass(curve));
        }
        Err(BlobError::new(Fault::CurveUnknown { name: Text::new(name) }, 0))
    }

    /// The curve that CKA_EC_PARAMS names: an object identifier, or the PrintableString "curve25519".
    ///
    /// # Errors
    /// [`Fault::CurveUnknown`].
    pub fn from_ec_params(der: &[u8]) -> Result<Self, BlobError> {
        if MontgomeryCurve::from_params(der).is_some() {
            return Ok(CurveName::X25519);
        }
        match Curve::from_oid_der(der) {
            Some(curve) => Ok(CurveName::Weierstrass(curve)),
            None => Err(BlobError::new(Fault::CurveUnknown { name: Text::new("that CKA_EC_PARAMS names") }, 0)),
        }
    }

    /// CNG's name.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        match self {
            CurveName::Weierstrass(curve) => curve.cng_name(),
            CurveName::X25519 => MontgomeryCurve::X25519.cng_name(),
        }
    }
}

/// What the blob's form says about the use of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UseHint {
    /// Nothing: whatever the family is used for.
    Family,
    /// Signatures only: an ECDSA magic, CALG_RSA_SIGN, the algorithm identifier RSA_SIGN.
    SignOnly,
    /// Key agreement and, because Windows gives this magic to every EC key that came in by PFX, signatures: an ECDH magic.
    DeriveAndSign,
}

/// Which cipher a symmetric key is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SymmetricAlg {
    /// AES.
    Aes,
    /// Not said: a generic secret.
    Generic,
}

impl SymmetricAlg {
    /// CNG's algorithm identifier, where there is one.
    #[must_use]
    pub fn alg_id(self) -> Option<&'static str> {
        match self {
            SymmetricAlg::Aes => Some("AES"),
            SymmetricAlg::Generic => None,
        }
    }
}

/// What a blob says.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The numbers, not yet judged.
    pub claim: Claim,
    /// The row of its layout: under PUBLICBLOB and PRIVATEBLOB the row that the magic belongs to.
    pub row: &'static BlobRow,
    /// Its magic; of a wrapped blob the outer one's.
    pub magic: Magic,
    /// Public or private.
    pub half: Half,
    /// What it says about use.
    pub hint: UseHint,
    /// Of a symmetric key, the cipher.
    pub symmetric: Option<SymmetricAlg>,
    /// What must be kept to write the same bytes again.
    pub origin: Origin,
    /// Bytes after the blob that were not looked at (ML-KEM only).
    pub ignored_trailing: usize,
}
