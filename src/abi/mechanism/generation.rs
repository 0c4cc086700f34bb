//! C_GenerateKey's mechanism: the parameter, and the memory in the caller's structure that a seed or an initialization vector is written
//! to.
//!
//! Where that is is noted when the parameter is read; it is written there once, after the token has worked. Source: PKCS#11 3.2,
//! "DSA probabilistic domain parameter generation", CK_PBE_PARAMS.

use super::needed;
use crate::abi::args::Place;
use crate::abi::memory;
use crate::token::{DerivationParams, Generated, Mechanism, Params, R};
use cryptoki_sys::{CK_DSA_PARAMETER_GEN_PARAM, CK_MECHANISM, CK_OBJECT_HANDLE, CK_PBE_PARAMS};
use std::ptr::null_mut;

/// A mechanism in, with what goes back through its parameter.
pub(in crate::abi) struct Generating {
    pub(in crate::abi) mechanism: Mechanism,
    back: *mut u8,
    room: usize,
}

/// A mechanism of C_GenerateKey.
///
/// # Safety
/// As [`super::mechanism`]; a seed's memory is writable for its length, an initialization vector's for 8 bytes, until the call returns.
pub(in crate::abi) unsafe fn generating(at: *mut CK_MECHANISM) -> R<Generating> {
    // SAFETY: passed on unchanged.
    let mechanism = unsafe { needed(at) }?;
    let mut out = Generating { mechanism, back: null_mut(), room: 0 };
    if let Params::DsaParameterGen { seed, .. } = &out.mechanism.params {
        // SAFETY: `needed` read the mechanism, and found the parameter to be this structure.
        let p: CK_DSA_PARAMETER_GEN_PARAM = unsafe { memory::read(memory::read(at)?.pParameter.cast()) }?;
        (out.back, out.room) = (p.pSeed, seed.len());
    }
    if let Params::Derivation(DerivationParams::Pbe { .. }) = &out.mechanism.params {
        // SAFETY: as above, of the other structure.
        let p: CK_PBE_PARAMS = unsafe { memory::read(memory::read(at)?.pParameter.cast()) }?;
        (out.back, out.room) = (p.pInitVector, 8);
    }
    Ok(out)
}

impl Generating {
    /// Writes the handle, and what the mechanism has made beside the key.
    ///
    /// # Errors
    /// None.
    pub(in crate::abi) fn write(&self, made: &Generated, to: &Place<CK_OBJECT_HANDLE>) -> R<()> {
        if let Some(bytes) = &made.back
            && bytes.len() == self.room
            && !self.back.is_null()
        {
            // SAFETY: the constructor's caller promised that this memory is writable for its length, which is that of the bytes.
            unsafe { memory::fill(self.back, bytes) }
        }
        to.give(made.key)
    }
}
