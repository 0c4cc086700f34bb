//! The parameters of ChaCha20, Salsa20 and their union with Poly1305. Lengths of nonces are bits in the standard's text and bytes in its examples'
//! users; no length means two things, so both are taken. Source: PKCS#11 3.2, "ChaCha20", "Salsa20", "ChaCha20/Poly1305 and Salsa20/Poly1305".

use super::{Decoded, inner, structure};
use crate::token::Params;
use cryptoki_sys::{self as ck, CK_BYTE, CK_ULONG};
use std::ffi::c_void;

/// Bytes of a nonce whose length was told in bits or in bytes.
pub(in crate::abi) fn nonce_len(told: CK_ULONG) -> Decoded<CK_ULONG> {
    match told {
        8 | 12 | 24 => Ok(told),
        64 | 96 | 192 => Ok(told / 8),
        _ => Err("the nonce's length is not 64, 96 or 192 bits"),
    }
}

/// # Safety
/// The counter is readable for `bits` / 8 bytes, the nonce for its length.
unsafe fn stream(counter: *const CK_BYTE, bits: CK_ULONG, nonce: *const CK_BYTE, nonce_bits: CK_ULONG) -> Decoded<Params> {
    if !matches!(bits, 32 | 64) {
        return Err("blockCounterBits is not 32 or 64");
    }
    // The one length that the structure tells is looked at first: the counter's pointer comes without any.
    let nonce_len = nonce_len(nonce_bits)?;
    // SAFETY: readable for its length by this function's contract.
    let number = unsafe { inner(counter.cast(), bits / 8) }?;
    let counter = number.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
    // SAFETY: as above.
    let nonce = unsafe { inner(nonce.cast(), nonce_len) }?;
    Ok(Params::Stream { counter, nonce })
}

/// # Safety
/// As [`super::by_shape`].
pub(super) unsafe fn chacha20(at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    // SAFETY: passed on unchanged.
    let p: ck::CK_CHACHA20_PARAMS = unsafe { structure(at, len) }?;
    // SAFETY: the structure's pointers are valid for their lengths by this function's contract.
    unsafe { stream(p.pBlockCounter, p.blockCounterBits, p.pNonce, p.ulNonceBits) }
}

/// # Safety
/// As [`super::by_shape`].
pub(super) unsafe fn salsa20(at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    // SAFETY: passed on unchanged.
    let p: ck::CK_SALSA20_PARAMS = unsafe { structure(at, len) }?;
    // SAFETY: the structure's pointers are valid for their lengths by this function's contract; the counter has 64 bits.
    unsafe { stream(p.pBlockCounter, 64, p.pNonce, p.ulNonceBits) }
}

/// # Safety
/// As [`super::by_shape`].
pub(super) unsafe fn stream_poly(at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    // SAFETY: passed on unchanged.
    let p: ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS = unsafe { structure(at, len) }?;
    // SAFETY: the structure's pointers are valid for their lengths by this function's contract.
    let nonce = unsafe { inner(p.pNonce.cast(), nonce_len(p.ulNonceLen)?) }?;
    // SAFETY: as above.
    let aad = unsafe { inner(p.pAAD.cast(), p.ulAADLen) }?;
    Ok(Params::StreamPoly { nonce, aad })
}
