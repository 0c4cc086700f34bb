//! From a complete key to a blob: chooses the layout, applies what the origin remembers, refuses what does not fit.
//!
//! A private key may be written as a public blob (its public half), never the other way round. Whether the key may leave at all is
//! not asked here: that is the token's policy.

use crate::blobs::BLOBS;
use crate::context::SymmetricAlg;
use crate::error::EncodeError;
use crate::origin::{Noted, Origin};
use crate::table::{BlobRow, Codec, Magic};
use cngtoken_key::{Family, Half, KeyParts, Secret};

/// One key to be written as one blob type.
pub(crate) struct Job<'a> {
    pub(crate) row: &'static BlobRow,
    pub(crate) parts: &'a KeyParts,
    pub(crate) origin: Option<&'a Origin>,
    pub(crate) symmetric: Option<SymmetricAlg>,
}

impl Job<'_> {
    /// The origin, if the key came from this very blob type: only then may its header be repeated.
    pub(crate) fn same_type(&self) -> Option<&Origin> {
        self.origin.filter(|o| o.type_name() == self.row.name)
    }

    /// A remembered number of this very blob type.
    pub(crate) fn noted(&self, key: Noted) -> Option<u32> {
        self.same_type()?.number(key)
    }

    /// A remembered number of any blob type that this key may have come from.
    pub(crate) fn noted_in_family(&self, key: Noted) -> Option<u32> {
        self.origin?.number(key)
    }

    /// Remembered bytes of this very blob type.
    pub(crate) fn noted_bytes(&self, key: Noted) -> Option<&[u8]> {
        self.same_type()?.bytes(key)
    }

    /// The magic that the key came with under this very blob type, else the one that the type is written with.
    pub(crate) fn magic_as_it_came(&self) -> Magic {
        let came = self.same_type().map(Origin::magic);
        came.or_else(|| self.row.magics.first().copied()).unwrap_or_default()
    }

    pub(crate) fn does_not_fit(&self, why: &'static str) -> EncodeError {
        EncodeError::DoesNotFit { type_name: self.row.name, why }
    }

    /// The refusal where neither family nor half could be matched: the half is the reason if the family is one of `families`.
    pub(crate) fn mismatch(&self, families: &[Family], why: &'static str) -> EncodeError {
        if families.contains(&self.parts.family()) && self.row.half == Half::Private && self.parts.half() == Half::Public {
            return EncodeError::NeedsPrivate { type_name: self.row.name };
        }
        self.does_not_fit(why)
    }
}

/// Writes `parts` as a blob of type `row`. With the `origin` of the import the bytes are those that came in.
///
/// `symmetric` is needed by CipherKeyBlob only, which names its cipher.
///
/// # Errors
/// [`EncodeError`]: the type cannot hold this key.
pub fn encode(row: &BlobRow, parts: &KeyParts, origin: Option<&Origin>, symmetric: Option<SymmetricAlg>) -> Result<Secret, EncodeError> {
    let Some(row) = BLOBS.iter().find(|r| r.name == row.name) else {
        return Err(EncodeError::DoesNotFit { type_name: "a blob", why: "no such blob type" });
    };
    let job = Job { row, parts, origin, symmetric };
    match row.codec {
        Codec::Refused | Codec::Der => Err(EncodeError::NotSupported { type_name: row.name, what: row.about }),
        Codec::ByMagic => {
            if row.half == Half::Private && parts.half() == Half::Public {
                return Err(EncodeError::NeedsPrivate { type_name: row.name });
            }
            let name = specific(row.half, parts, origin).ok_or_else(|| job.does_not_fit("this kind of key has no CNG layout"))?;
            let specific = crate::table::row(name).ok_or_else(|| job.does_not_fit("this kind of key has no CNG layout"))?;
            encode(specific, parts, origin, symmetric)
        }
        Codec::Layout { encode, .. } | Codec::Wrapper { encode, .. } => encode(&job),
    }
}

/// Which blob type stands behind PUBLICBLOB or PRIVATEBLOB for this key: the one that it came as, else the fullest.
pub(crate) fn specific(half: Half, parts: &KeyParts, origin: Option<&Origin>) -> Option<&'static str> {
    let came_as = origin.and_then(Origin::row).filter(|r| r.half == half && r.is_cng() && matches!(r.codec, Codec::Layout { .. }));
    let fits = came_as.filter(|r| r.family.is_none_or(|f| f == parts.family()) && parts.family() != Family::Secret);
    if let Some(row) = fits {
        return Some(row.name);
    }
    Some(match (parts.family(), half) {
        (Family::Rsa, Half::Public) => "RSAPUBLICBLOB",
        (Family::Rsa, Half::Private) => "RSAFULLPRIVATEBLOB",
        (Family::Ec | Family::Montgomery, Half::Public) => "ECCPUBLICBLOB",
        (Family::Ec | Family::Montgomery, Half::Private) => "ECCPRIVATEBLOB",
        (Family::Dsa, Half::Public) => "DSAPUBLICBLOB",
        (Family::Dsa, Half::Private) => "DSAPRIVATEBLOB",
        (Family::Dh, Half::Public) => "DHPUBLICBLOB",
        (Family::Dh, Half::Private) => "DHPRIVATEBLOB",
        (Family::MlKem, Half::Public) => "MLKEMPUBLICBLOB",
        (Family::MlKem, Half::Private) if knows_seed(parts) => "MLKEMPRIVATESEEDBLOB",
        (Family::MlKem, Half::Private) => "MLKEMPRIVATEBLOB",
        (Family::MlDsa | Family::SlhDsa, Half::Public) => "PQDSAPUBLICBLOB",
        (Family::MlDsa, Half::Private) if knows_seed(parts) => "PQDSAPRIVATESEEDBLOB",
        (Family::MlDsa | Family::SlhDsa, Half::Private) => "PQDSAPRIVATEBLOB",
        (Family::Edwards | Family::Secret, _) => return None,
    })
}

/// True for an ML key whose seed is at hand.
fn knows_seed(parts: &KeyParts) -> bool {
    match parts {
        KeyParts::MlKemPrivate(key) => key.seed.is_some(),
        KeyParts::MlDsaPrivate(key) => key.seed.is_some(),
        _ => false,
    }
}
