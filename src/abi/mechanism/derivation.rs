//! C_DeriveKey's mechanism: the parameter, and the places in the caller's structures where further keys are written.
//!
//! Everything is read before the token works and written after it, once, so that the caller's memory is touched in two moments only.
//! Source: PKCS#11 3.2, "C_DeriveKey" and the derivation mechanisms.

use super::needed;
use crate::abi::args::Place;
use crate::token::{Derived, Mechanism, R};
use cryptoki_sys::{CK_MECHANISM, CK_OBJECT_HANDLE};

/// A mechanism in, with what goes back through its parameter.
pub(in crate::abi) struct Deriving {
    pub(in crate::abi) mechanism: Mechanism,
}

/// A mechanism of C_DeriveKey.
///
/// # Safety
/// As [`super::mechanism`]; the places that the parameter names are writable until the call returns.
pub(in crate::abi) unsafe fn deriving(at: *mut CK_MECHANISM) -> R<Deriving> {
    // SAFETY: passed on unchanged.
    Ok(Deriving { mechanism: unsafe { needed(at) }? })
}

impl Deriving {
    /// Writes the handles of the new keys.
    ///
    /// # Errors
    /// None.
    pub(in crate::abi) fn write(&self, derived: &Derived, to: Option<&Place<CK_OBJECT_HANDLE>>) -> R<()> {
        match (derived.key, to) {
            (Some(key), Some(to)) => to.give(key),
            _ => Ok(()),
        }
    }
}
