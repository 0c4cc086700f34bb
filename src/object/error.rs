//! Why a template, an object or an encoding is refused: the reason and the attribute, before any number of PKCS#11.
//! The token maps [`Reason`] to `CKR_*` once per door; nothing here holds a value of an attribute that could be secret.

use super::attributes;
use std::borrow::Cow;
use std::fmt;

/// The kind of refusal. Each says which return code of the standard it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// CKR_TEMPLATE_INCOMPLETE.
    TemplateIncomplete,
    /// CKR_TEMPLATE_INCONSISTENT.
    TemplateInconsistent,
    /// CKR_ATTRIBUTE_TYPE_INVALID.
    AttributeTypeInvalid,
    /// CKR_ATTRIBUTE_VALUE_INVALID.
    AttributeValueInvalid,
    /// CKR_ATTRIBUTE_READ_ONLY.
    AttributeReadOnly,
    /// CKR_ATTRIBUTE_SENSITIVE.
    AttributeSensitive,
    /// CKR_ACTION_PROHIBITED.
    ActionProhibited,
    /// CKR_DOMAIN_PARAMS_INVALID.
    DomainParamsInvalid,
    /// CKR_CURVE_NOT_SUPPORTED.
    CurveNotSupported,
    /// A key of a length that its type does not have: CKR_KEY_SIZE_RANGE, through C_CreateObject CKR_ATTRIBUTE_VALUE_INVALID.
    KeySize,
    /// The key is not of the kind that the operation wants: CKR_KEY_TYPE_INCONSISTENT.
    KeyTypeInconsistent,
    /// CKR_USER_NOT_LOGGED_IN: a private object, or a sealed attribute, and nobody is logged in.
    UserNotLoggedIn,
    /// A DER structure from outside cannot be read: CKR_WRAPPED_KEY_INVALID or CKR_DATA_INVALID, by door.
    EncodingInvalid,
    /// A DER structure names an algorithm that the token does not know: as `EncodingInvalid`, or CKR_KEY_TYPE_INCONSISTENT.
    AlgorithmUnknown,
    /// A stored record is not one that this program wrote: CKR_DEVICE_ERROR.
    Damaged,
}

/// A refusal: reason, the attribute at fault if there is one, and what was found and expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectError {
    /// The kind of refusal.
    pub reason: Reason,
    /// The attribute at fault.
    pub attribute: Option<u64>,
    /// What was found and what was expected; never a secret.
    pub detail: Cow<'static, str>,
}

impl ObjectError {
    /// A refusal because of one attribute.
    pub fn at(reason: Reason, attribute: u64, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, attribute: Some(attribute), detail: detail.into() }
    }

    /// A refusal that no single attribute is to blame for.
    pub fn whole(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, attribute: None, detail: detail.into() }
    }
}

/// One line: the attribute by its name, then what was wrong.
impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.attribute {
            write!(f, "{}: ", attributes::name(id))?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ObjectError {}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki_sys::CKA_MODULUS;

    #[test]
    fn an_error_names_the_attribute_and_the_fault_in_one_line() {
        let e = ObjectError::at(Reason::TemplateIncomplete, CKA_MODULUS, "not given");
        assert_eq!(e.to_string(), "CKA_MODULUS: not given");
        let e = ObjectError::at(Reason::AttributeTypeInvalid, 0xDEAD, "not an attribute");
        assert_eq!(e.to_string(), "attribute 0xdead: not an attribute");
    }
}
