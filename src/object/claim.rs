//! What a C_CreateObject template says a key consists of. The template has already been found to hold what its class requires; the
//! numbers are judged by `crypto::admit`.

use super::classes::ClassRow;
use super::error::{ObjectError, Reason};
use super::numbers::set_of;
use super::point;
use super::template::Template;
use cngtoken_key::{
    Claim, DhClaim, DsaClaim, EcClaim, EdwardsClaim, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet, MontgomeryClaim, RsaClaim, Secret, SlhDsaClaim,
    SlhDsaSet, Uint,
};
use cryptoki_sys::*;

/// The claim of a template for a key of that class.
pub(super) fn of_template(row: &ClassRow, t: &Template) -> Result<Claim, ObjectError> {
    let private = row.class == CKO_PRIVATE_KEY;
    // An empty number is as good as none: some clients send all eight of RSA and fill what they have.
    let optional = |id| t.bytes(id).filter(|b| !b.is_empty());
    let number = |id| optional(id).map(Uint::from_be);
    let required = |id| number(id).ok_or_else(|| missing(id));
    let secret = |id| optional(id).map(Secret::copy_of);
    let (half_value, half_secret) = if private { (None, secret(CKA_VALUE)) } else { (optional(CKA_VALUE).map(<[u8]>::to_vec), None) };
    let (y, x) = if private { (None, number(CKA_VALUE)) } else { (number(CKA_VALUE), None) };
    let params = || t.bytes(CKA_EC_PARAMS).ok_or_else(|| missing(CKA_EC_PARAMS));
    let set = || t.ulong(CKA_PARAMETER_SET).ok_or_else(|| missing(CKA_PARAMETER_SET));
    if row.class == CKO_SECRET_KEY {
        return Ok(Claim::Secret(secret(CKA_VALUE).ok_or_else(|| missing(CKA_VALUE))?));
    }
    Ok(match row.subtype {
        Some(CKK_RSA) => Claim::Rsa(RsaClaim {
            n: number(CKA_MODULUS),
            e: number(CKA_PUBLIC_EXPONENT),
            d: number(CKA_PRIVATE_EXPONENT),
            p: number(CKA_PRIME_1),
            q: number(CKA_PRIME_2),
            dp: number(CKA_EXPONENT_1),
            dq: number(CKA_EXPONENT_2),
            qinv: number(CKA_COEFFICIENT),
        }),
        Some(CKK_EC) => {
            let curve = point::weierstrass(params()?)?;
            let point = optional(CKA_EC_POINT).map(|p| point::coordinates(curve, p)).transpose()?;
            Claim::Ec(EcClaim { curve, point, d: secret(CKA_VALUE) })
        }
        Some(CKK_EC_EDWARDS) => {
            let curve = point::edwards(params()?)?;
            let point = optional(CKA_EC_POINT).map(|p| point::raw(curve.bytes(), p)).transpose()?;
            Claim::Edwards(EdwardsClaim { curve, point, seed: secret(CKA_VALUE) })
        }
        Some(CKK_EC_MONTGOMERY) => {
            let curve = point::montgomery(params()?)?;
            let u = optional(CKA_EC_POINT).map(|p| point::raw(curve.bytes(), p)).transpose()?;
            Claim::Montgomery(MontgomeryClaim { curve, u, k: secret(CKA_VALUE) })
        }
        Some(CKK_DSA) => Claim::Dsa(DsaClaim { p: required(CKA_PRIME)?, q: required(CKA_SUBPRIME)?, g: required(CKA_BASE)?, seed: None, y, x }),
        Some(CKK_DH | CKK_X9_42_DH) => Claim::Dh(DhClaim { p: required(CKA_PRIME)?, g: required(CKA_BASE)?, q: number(CKA_SUBPRIME), y, x }),
        Some(CKK_ML_KEM) => {
            let set = set_of(&MlKemSet::ALL, set()?)?;
            Claim::MlKem(MlKemClaim { set, ek: half_value, dk: half_secret, seed: secret(CKA_SEED) })
        }
        Some(CKK_ML_DSA) => {
            let set = set_of(&MlDsaSet::ALL, set()?)?;
            Claim::MlDsa(MlDsaClaim { set, pk: half_value, sk: half_secret, seed: secret(CKA_SEED) })
        }
        Some(CKK_SLH_DSA) => {
            let set = set_of(&SlhDsaSet::ALL, set()?)?;
            Claim::SlhDsa(SlhDsaClaim { set, pk: half_value, sk: half_secret })
        }
        _ => return Err(ObjectError::at(Reason::AttributeValueInvalid, CKA_KEY_TYPE, "not a key type that this token knows")),
    })
}

fn missing(id: u64) -> ObjectError {
    ObjectError::at(Reason::TemplateIncomplete, id, "not given, or empty")
}
