//! CKA_EC_PARAMS and CKA_EC_POINT: which curve, and the point in whichever wrapping a client sends it. The form is decided by the
//! length for the curve, never by trial decoding. Emitted: the identifier; a DER OCTET STRING for Weierstrass curves, raw bytes for
//! Edwards and Montgomery (PKCS #11 3.2, §6.3.4, §6.3.5). Accepted beside: PrintableString names, raw and DER for both, BIT STRING.

use super::error::{ObjectError, Reason};
use cngtoken_key::{Curve, EdwardsCurve, MontgomeryCurve, Uint};
use cryptoki_sys::{CKA_EC_PARAMS, CKA_EC_POINT};

/// A Weierstrass curve from CKA_EC_PARAMS.
///
/// # Errors
/// As [`unknown_params`].
pub(super) fn weierstrass(params: &[u8]) -> Result<Curve, ObjectError> {
    Curve::from_oid_der(params).ok_or_else(|| unknown_params(params))
}

/// An Edwards curve from CKA_EC_PARAMS.
///
/// # Errors
/// As [`unknown_params`].
pub(super) fn edwards(params: &[u8]) -> Result<EdwardsCurve, ObjectError> {
    EdwardsCurve::from_params(params).ok_or_else(|| unknown_params(params))
}

/// A Montgomery curve from CKA_EC_PARAMS.
///
/// # Errors
/// As [`unknown_params`].
pub(super) fn montgomery(params: &[u8]) -> Result<MontgomeryCurve, ObjectError> {
    MontgomeryCurve::from_params(params).ok_or_else(|| unknown_params(params))
}

/// `CurveNotSupported` for the encoding of some curve (identifier, name, explicit parameters), `DomainParamsInvalid` for the rest.
fn unknown_params(params: &[u8]) -> ObjectError {
    const IDENTIFIER: u8 = 0x06;
    const NAME: u8 = 0x13;
    const EXPLICIT: u8 = 0x30;
    match params.first() {
        Some(&(IDENTIFIER | NAME)) => {
            ObjectError::at(Reason::CurveNotSupported, CKA_EC_PARAMS, "a curve that this token does not know for this key type")
        }
        Some(&EXPLICIT) => ObjectError::at(Reason::CurveNotSupported, CKA_EC_PARAMS, "explicit parameters; only named curves are supported"),
        _ => ObjectError::at(Reason::DomainParamsInvalid, CKA_EC_PARAMS, "neither an object identifier nor a curve name in DER"),
    }
}

/// 04 ‖ X ‖ Y, plain or in a DER OCTET STRING.
///
/// # Errors
/// `AttributeValueInvalid` for another length or form; a compressed point is one.
pub(super) fn coordinates(curve: Curve, given: &[u8]) -> Result<(Uint, Uint), ObjectError> {
    let width = curve.field_bytes();
    let raw = unwrap(given, 2 * width + 1)?;
    match raw {
        [4, rest @ ..] => {
            let (x, y) = rest.split_at_checked(width).ok_or_else(|| wrong_length(given.len(), 2 * width + 1))?;
            Ok((Uint::from_be(x), Uint::from_be(y)))
        }
        _ => Err(ObjectError::at(Reason::AttributeValueInvalid, CKA_EC_POINT, "not an uncompressed point, which starts with 04")),
    }
}

/// The 32 bytes of an Edwards or Montgomery point.
///
/// # Errors
/// `AttributeValueInvalid` for another length.
pub(super) fn raw(bytes: usize, given: &[u8]) -> Result<Vec<u8>, ObjectError> {
    unwrap(given, bytes).map(<[u8]>::to_vec)
}

/// DER OCTET STRING of `point`, as a Weierstrass point is emitted. `None` cannot happen below 64 KiB.
#[must_use]
pub(super) fn octet_string(point: &[u8]) -> Option<Vec<u8>> {
    use der::Encode;
    der::asn1::OctetStringRef::new(point).ok()?.to_der().ok()
}

fn unwrap(given: &[u8], want: usize) -> Result<&[u8], ObjectError> {
    const OCTET_STRING: u8 = 0x04;
    const BIT_STRING: u8 = 0x03;
    if given.len() == want {
        return Ok(given);
    }
    let (header, point) = given.split_at_checked(given.len().saturating_sub(want)).unwrap_or((&[], given));
    let is_header = match *header {
        [OCTET_STRING, n] => n < 0x80 && usize::from(n) == want,
        [OCTET_STRING, 0x81, n] => n >= 0x80 && usize::from(n) == want,
        [BIT_STRING, n, 0] => n < 0x80 && usize::from(n) == want + 1,
        [BIT_STRING, 0x81, n, 0] => n >= 0x80 && usize::from(n) == want + 1,
        _ => false,
    };
    if is_header && point.len() == want { Ok(point) } else { Err(wrong_length(given.len(), want)) }
}

fn wrong_length(found: usize, want: usize) -> ObjectError {
    let detail = format!("{found} bytes, where a point of this curve has {want}, plain or in a DER string");
    ObjectError::at(Reason::AttributeValueInvalid, CKA_EC_POINT, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_plain_and_wrapped_for_every_curve() {
        for curve in Curve::ALL {
            let w = curve.field_bytes();
            let mut plain = vec![4];
            plain.extend(std::iter::repeat_n(1, w));
            plain.extend(std::iter::repeat_n(2, w));
            let want = Ok((Uint::from_be(&vec![1; w]), Uint::from_be(&vec![2; w])));
            assert_eq!(coordinates(curve, &plain), want);
            let wrapped = octet_string(&plain).unwrap();
            assert_eq!(coordinates(curve, &wrapped), want);
            assert!(coordinates(curve, &wrapped[..wrapped.len() - 1]).is_err());
            assert!(coordinates(curve, &[]).is_err());
        }
    }

    #[test]
    fn an_edwards_point_that_begins_like_a_der_header_is_still_raw() {
        let mut point = vec![0x04, 30];
        point.extend([7; 30]);
        assert_eq!(raw(32, &point), Ok(point.clone()));
        let wrapped = octet_string(&point).unwrap();
        assert_eq!(raw(32, &wrapped), Ok(point.clone()));
        let mut bits = vec![3, 33, 0];
        bits.extend(&point);
        assert_eq!(raw(32, &bits), Ok(point));
    }

    #[test]
    fn a_compressed_point_is_refused_as_a_value() {
        let mut point = vec![2];
        point.extend([1; 32]);
        assert_eq!(coordinates(Curve::P256, &point).unwrap_err().reason, Reason::AttributeValueInvalid);
    }

    #[test]
    fn params_are_judged_by_what_they_are() {
        assert_eq!(weierstrass(Curve::P384.oid_der()), Ok(Curve::P384));
        assert_eq!(edwards(b"\x13\x0cedwards25519"), Ok(EdwardsCurve::Ed25519));
        assert_eq!(montgomery(&[0x06, 0x03, 0x2B, 0x65, 0x6E]), Ok(MontgomeryCurve::X25519));
        assert_eq!(weierstrass(&[6, 1, 42]).unwrap_err().reason, Reason::CurveNotSupported);
        assert_eq!(weierstrass(&[0x30, 0]).unwrap_err().reason, Reason::CurveNotSupported);
        assert_eq!(weierstrass(&[]).unwrap_err().reason, Reason::DomainParamsInvalid);
    }
}
