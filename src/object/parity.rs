//! The parity of DES keys: the lowest bit of each byte makes its number of ones odd. A key that comes from outside must have it; one that the
//! token makes gets it. Source: PKCS #11 3.2, "DES2 secret key objects" and its siblings; FIPS 46-3.

use super::birth::Origin;
use super::error::{ObjectError, Reason};
use cngtoken_key::Secret;
use cryptoki_sys::*;

fn has_parity(key_type: u64) -> bool {
    matches!(key_type, CKK_DES | CKK_DES2 | CKK_DES3)
}

/// True if the value may be one of a key of that type.
#[must_use]
pub fn fits(key_type: u64, value: &[u8]) -> bool {
    !has_parity(key_type) || value.iter().all(|b| b.count_ones() % 2 == 1)
}

/// The value with its parity set, if that must be done.
///
/// # Errors
/// `AttributeValueInvalid` for a value from outside with wrong parity.
pub(super) fn settled(key_type: u64, value: &Secret, origin: &Origin) -> Result<Option<Secret>, ObjectError> {
    if fits(key_type, value.expose()) {
        return Ok(None);
    }
    match origin {
        Origin::Generated { .. } | Origin::Derived { .. } | Origin::Encapsulated => {
            let mut odd = value.clone();
            for b in odd.expose_mut() {
                *b ^= u8::from(b.count_ones() % 2 == 0);
            }
            Ok(Some(odd))
        }
        Origin::Created | Origin::Unwrapped | Origin::PublicHalf { .. } | Origin::Imported => {
            Err(ObjectError::at(Reason::AttributeValueInvalid, CKA_VALUE, "the parity of a DES key is odd in each byte"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_gets_odd_parity_and_a_given_one_must_have_it() {
        let even = Secret::copy_of(&[0, 1, 2, 3, 0xFE, 0xFF, 0x80, 0x7F]);
        assert!(!fits(CKK_DES, even.expose()));
        assert!(fits(CKK_AES, even.expose()));
        for origin in [Origin::Created, Origin::Unwrapped, Origin::Imported] {
            assert_eq!(settled(CKK_DES, &even, &origin).unwrap_err().reason, Reason::AttributeValueInvalid);
        }
        let odd = settled(CKK_DES, &even, &Origin::Encapsulated).unwrap().unwrap();
        assert_eq!(odd.expose(), [1, 1, 2, 2, 0xFE, 0xFE, 0x80, 0x7F]);
        assert_eq!(settled(CKK_DES, &odd, &Origin::Created).unwrap(), None);
    }
}
