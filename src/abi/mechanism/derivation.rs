//! C_DeriveKey's mechanism: the parameter, and the places in the caller's structures where further keys are written.
//!
//! Everything is read before the token works and written after it, once, so that the caller's memory is touched in two moments only.
//! Source: PKCS#11 3.2, "C_DeriveKey" and the derivation mechanisms.

use super::needed;
use super::tls::{self, Targets};
use crate::abi::args::Place;
use crate::abi::memory;
use crate::token::{Derived, Mechanism, Params, R, param_shape};
use cryptoki_sys::{CK_MECHANISM, CK_OBJECT_HANDLE};

/// A mechanism in, with what goes back through its parameter.
pub(in crate::abi) struct Deriving {
    pub(in crate::abi) mechanism: Mechanism,
    tls: Targets,
}

/// A mechanism of C_DeriveKey.
///
/// # Safety
/// As [`super::mechanism`]; the places that the parameter names are writable until the call returns.
pub(in crate::abi) unsafe fn deriving(at: *mut CK_MECHANISM) -> R<Deriving> {
    // SAFETY: passed on unchanged.
    let mechanism = unsafe { needed(at) }?;
    if matches!(mechanism.params, Params::TlsMaster { .. } | Params::TlsExtendedMaster { .. } | Params::TlsKeys { .. })
        && let Some(shape) = param_shape(mechanism.id)
    {
        // SAFETY: readable, as `needed` found.
        let given = unsafe { memory::read(at) }?;
        // Read with its outputs, and used as it is now: the memory may have changed since.
        // SAFETY: passed on unchanged.
        let read = unsafe { tls::decode(shape, given.pParameter, given.ulParameterLen) };
        let (params, tls) = read.unwrap_or_else(|why| (Params::Malformed(why), Targets::NONE));
        return Ok(Deriving { mechanism: Mechanism { id: mechanism.id, params }, tls });
    }
    Ok(Deriving { mechanism, tls: Targets::NONE })
}

impl Deriving {
    /// Writes the handles of the new keys.
    ///
    /// # Errors
    /// None.
    pub(in crate::abi) fn write(&self, derived: &Derived, to: Option<&Place<CK_OBJECT_HANDLE>>) -> R<()> {
        self.tls.write(derived);
        match (derived.key, to) {
            (Some(key), Some(to)) => to.give(key),
            _ => Ok(()),
        }
    }
}
