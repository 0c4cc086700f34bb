//! Whether a template that repeats a number of a key says the same as the key. Spelling is free: leading zeros, either form of a
//! point, either name of a curve, another encoding of the same SubjectPublicKeyInfo.

use super::birth::Origin;
use super::error::{ObjectError, Reason};
use super::point;
use super::spki;
use super::value::{Value, without_leading_zeros};
use cngtoken_key::{KeyParts, Secret, Uint};
use cryptoki_sys::*;

/// A template attribute that repeats a number: the key's own spelling is kept if both mean the same.
pub(super) fn agreed(id: u64, given: &Value, own: Value, parts: &KeyParts, origin: &Origin) -> Result<Value, ObjectError> {
    let same = match (id, given, &own) {
        // The length that was asked for at generation; x may come out shorter by its leading zeros.
        (CKA_VALUE_BITS, Value::Ulong(asked), Value::Ulong(bits)) if matches!(origin, Origin::Generated { .. }) => {
            return if asked >= bits { Ok(Value::Ulong(*asked)) } else { Err(disagrees(id)) };
        }
        (CKA_EC_PARAMS, Value::Bytes(g), Value::Bytes(_)) => match parts {
            KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) => point::edwards(g.expose()).is_ok(),
            KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_) => point::montgomery(g.expose()).is_ok(),
            _ => *given == own,
        },
        (CKA_EC_POINT, Value::Bytes(g), Value::Bytes(_)) => match parts.public() {
            Some(KeyParts::EcPublic(k)) => {
                point::coordinates(k.curve, g.expose()).is_ok_and(|(x, y)| x == Uint::from_be(&k.x) && y == Uint::from_be(&k.y))
            }
            Some(KeyParts::EdwardsPublic(k)) => point::raw(k.curve.bytes(), g.expose()).is_ok_and(|p| p == k.point),
            Some(KeyParts::MontgomeryPublic(k)) => point::raw(k.curve.bytes(), g.expose()).is_ok_and(|p| p == k.u),
            _ => false,
        },
        // Empty means "fill it in"; another spelling of the same key is no contradiction.
        (CKA_PUBLIC_KEY_INFO, Value::Bytes(g), Value::Bytes(_)) => {
            *given == own || g.is_empty() || spki::stored_public(g.expose()).is_some_and(|k| Some(k) == parts.public())
        }
        // CKA_VALUE is a number for some key types; its kind in the table is bytes, so zeros in front are still there.
        (CKA_VALUE, Value::Bytes(g), Value::Bytes(o)) if is_big_endian_number(parts) => {
            Secret::copy_of(without_leading_zeros(g.expose())) == Secret::copy_of(without_leading_zeros(o.expose()))
        }
        _ => *given == own,
    };
    if same { Ok(own) } else { Err(disagrees(id)) }
}

fn is_big_endian_number(parts: &KeyParts) -> bool {
    matches!(parts, KeyParts::EcPrivate(_) | KeyParts::DsaPublic(_) | KeyParts::DsaPrivate(_) | KeyParts::DhPublic(_) | KeyParts::DhPrivate(_))
}

fn disagrees(id: u64) -> ObjectError {
    ObjectError::at(Reason::TemplateInconsistent, id, "the template and the key do not agree")
}
