//! Whether a key may be used: usage flags, CKA_ALLOWED_MECHANISMS, dates; and whether a key may leave the token. The mechanism
//! table of the token knows key types and sizes; this room knows only what the object says. `token::begin` is the one caller.

use super::instance::Object;
use super::search;
use super::value::Value;
use cryptoki_sys::*;

/// What a key is to be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Use {
    Encrypt,
    Decrypt,
    Sign,
    SignRecover,
    Verify,
    VerifyRecover,
    Wrap,
    Unwrap,
    Derive,
    Encapsulate,
    Decapsulate,
}

impl Use {
    /// Every use.
    pub const ALL: [Use; 11] = [
        Use::Encrypt,
        Use::Decrypt,
        Use::Sign,
        Use::SignRecover,
        Use::Verify,
        Use::VerifyRecover,
        Use::Wrap,
        Use::Unwrap,
        Use::Derive,
        Use::Encapsulate,
        Use::Decapsulate,
    ];

    /// The flag that permits it.
    #[must_use]
    pub fn attribute(self) -> u64 {
        match self {
            Use::Encrypt => CKA_ENCRYPT,
            Use::Decrypt => CKA_DECRYPT,
            Use::Sign => CKA_SIGN,
            Use::SignRecover => CKA_SIGN_RECOVER,
            Use::Verify => CKA_VERIFY,
            Use::VerifyRecover => CKA_VERIFY_RECOVER,
            Use::Wrap => CKA_WRAP,
            Use::Unwrap => CKA_UNWRAP,
            Use::Derive => CKA_DERIVE,
            Use::Encapsulate => CKA_ENCAPSULATE,
            Use::Decapsulate => CKA_DECAPSULATE,
        }
    }
}

/// Why a key may not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// The flag of that number is false, or the class has no such flag: CKR_KEY_FUNCTION_NOT_PERMITTED.
    Flag(u64),
    /// CKA_ALLOWED_MECHANISMS does not list it: CKR_MECHANISM_INVALID.
    Mechanism(u64),
    /// CKA_START_DATE is still to come: CKR_KEY_FUNCTION_NOT_PERMITTED.
    TooEarly,
    /// CKA_END_DATE has passed: CKR_KEY_FUNCTION_NOT_PERMITTED.
    TooLate,
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Denied::Flag(id) => write!(f, "the key does not have {}", super::attributes::name(*id)),
            Denied::Mechanism(id) => write!(f, "CKA_ALLOWED_MECHANISMS of the key does not list {id:#x}"),
            Denied::TooEarly => f.write_str("the key's CKA_START_DATE is still to come"),
            Denied::TooLate => f.write_str("the key's CKA_END_DATE has passed"),
        }
    }
}

/// Whether a key may be used so. `today` is `YYYYMMDD` in ASCII; with `None` dates are not looked at, which is what the standard says
/// of them ("for reference only", §4.7.2).
///
/// # Errors
/// The first rule that forbids it.
pub fn may(key: &Object, what: Use, mechanism: u64, today: Option<[u8; 8]>) -> Result<(), Denied> {
    if !key.bool(what.attribute()) {
        return Err(Denied::Flag(what.attribute()));
    }
    allowed(key, mechanism)?;
    if let Some(today) = today {
        if key.bytes(CKA_START_DATE).is_some_and(|start| today.as_slice() < start) {
            return Err(Denied::TooEarly);
        }
        if key.bytes(CKA_END_DATE).is_some_and(|end| today.as_slice() > end) {
            return Err(Denied::TooLate);
        }
    }
    Ok(())
}

/// Whether CKA_ALLOWED_MECHANISMS, where a key has it, lists the mechanism.
///
/// # Errors
/// [`Denied::Mechanism`].
pub fn allowed(key: &Object, mechanism: u64) -> Result<(), Denied> {
    match key.get(CKA_ALLOWED_MECHANISMS) {
        Some(Value::Ulongs(allowed)) if !allowed.contains(&mechanism) => Err(Denied::Mechanism(mechanism)),
        _ => Ok(()),
    }
}

/// Why a key may not leave the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// CKA_EXTRACTABLE is false: CKR_KEY_UNEXTRACTABLE.
    Unextractable,
    /// CKA_WRAP_WITH_TRUSTED, and the wrapping key is not trusted: CKR_KEY_NOT_WRAPPABLE.
    NeedsTrusted,
    /// The wrapping key's CKA_WRAP_TEMPLATE does not match: CKR_KEY_HANDLE_INVALID.
    OutsideTemplate,
    /// In clear, and CKA_SENSITIVE is true: CKR_KEY_UNEXTRACTABLE for the vendor's export.
    Sensitive,
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kept::Unextractable => "CKA_EXTRACTABLE of the key is false",
            Kept::NeedsTrusted => "CKA_WRAP_WITH_TRUSTED of the key is true, and it would not leave under a trusted key",
            Kept::OutsideTemplate => "the key does not match CKA_WRAP_TEMPLATE of the wrapping key",
            Kept::Sensitive => "CKA_SENSITIVE of the key is true",
        })
    }
}

/// Whether `key` may leave wrapped by `wrapping`. Whether CKA_TRUSTED of the wrapping key counts (its record's MAC was checked) is
/// the caller's to say.
///
/// # Errors
/// The rule that forbids it.
pub fn may_wrap(key: &Object, wrapping: &Object, trust_counts: bool) -> Result<(), Kept> {
    if !key.bool(CKA_EXTRACTABLE) {
        return Err(Kept::Unextractable);
    }
    if key.bool(CKA_WRAP_WITH_TRUSTED) && !(trust_counts && wrapping.is_trusted()) {
        return Err(Kept::NeedsTrusted);
    }
    match wrapping.template(CKA_WRAP_TEMPLATE) {
        Some(t) if !search::matches(key, t) => Err(Kept::OutsideTemplate),
        _ => Ok(()),
    }
}

/// Whether the secrets of `key` may leave in clear: C_ExportBCryptBlob. Public keys always may.
///
/// # Errors
/// The rule that forbids it.
pub fn may_export(key: &Object) -> Result<(), Kept> {
    if key.class() == CKO_PUBLIC_KEY {
        return Ok(());
    }
    if !key.bool(CKA_EXTRACTABLE) {
        Err(Kept::Unextractable)
    } else if key.bool(CKA_SENSITIVE) {
        Err(Kept::Sensitive)
    } else if key.bool(CKA_WRAP_WITH_TRUSTED) {
        Err(Kept::NeedsTrusted)
    } else {
        Ok(())
    }
}
