//! The parameters of the message-based functions: decoded like a mechanism's, and written back, since the initialization vector and the tag
//! are outputs where the token made them.
//!
//! What a structure points at is noted when it is read, and written there and nowhere else, whatever the caller's memory says by then.
//! Malformed ones are handed on as `Params::Malformed` for the token to refuse in its order. Source: PKCS#11 3.2, CK_GCM_MESSAGE_PARAMS,
//! CK_CCM_MESSAGE_PARAMS, CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS.

use super::args::{Input, Output, bytes, output};
use super::mechanism::streams::nonce_len;
use super::memory;
use crate::token::{Mechanism, ParamShape, Params, R, Reason, Sealed, param_shape};
use cryptoki_sys::{CK_CCM_MESSAGE_PARAMS, CK_GCM_MESSAGE_PARAMS, CK_MECHANISM, CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CK_ULONG};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Longest tag, in bits.
const TAG_CAP: CK_ULONG = 128;

/// Memory of the caller that an output of fixed length goes to.
struct Target {
    to: *mut u8,
    len: usize,
}

impl Target {
    fn write(&self, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes
            && bytes.len() == self.len
            && !self.to.is_null()
        {
            // SAFETY: the structure's reader was promised that this memory is writable for its length, which is that of the bytes.
            unsafe { memory::fill(self.to, bytes) }
        }
    }
}

/// The parameter of one message.
pub(super) struct Parameter {
    pub(super) params: Params,
    iv: Target,
    tag: Target,
}

impl Parameter {
    fn without(params: Params) -> Self {
        Self { params, iv: Target { to: null_mut(), len: 0 }, tag: Target { to: null_mut(), len: 0 } }
    }

    /// Writes a vector that the token made.
    pub(super) fn write_iv(&self, iv: Option<&[u8]>) {
        self.iv.write(iv);
    }

    /// Writes the answer: output first, then what belongs into the parameter.
    ///
    /// # Errors
    /// As [`Output::write`]; nothing is written to the parameter then.
    pub(super) fn write(&self, sealed: &Sealed, out: &Output) -> R<()> {
        out.write(&sealed.out)?;
        self.iv.write(sealed.iv.as_deref());
        self.tag.write(sealed.tag.as_deref());
        Ok(())
    }
}

/// The parameter of one message of an AEAD mechanism.
///
/// # Safety
/// `at` is NULL or readable for `len` bytes; each pointer in it is NULL or readable and writable for the length beside it, until the call returns.
pub(super) unsafe fn parameter(at: *mut c_void, len: CK_ULONG) -> R<Parameter> {
    if len == 0 {
        return Ok(Parameter::without(Params::None));
    }
    // SAFETY: passed on unchanged.
    Ok(unsafe { by_size(at, len) }.unwrap_or_else(|why| Parameter::without(Params::Malformed(why))))
}

const GCM: usize = size_of::<CK_GCM_MESSAGE_PARAMS>();
const CCM: usize = size_of::<CK_CCM_MESSAGE_PARAMS>();
const POLY: usize = size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>();

/// The structures differ in size, and the token compares the one found with the one that the mechanism has.
///
/// # Safety
/// As [`parameter`].
unsafe fn by_size(at: *mut c_void, len: CK_ULONG) -> Result<Parameter, &'static str> {
    match usize::try_from(len) {
        // SAFETY: of the size of the structure that is read, and passed on unchanged.
        Ok(GCM) => unsafe { gcm(at) },
        // SAFETY: as above.
        Ok(CCM) => unsafe { ccm(at) },
        // SAFETY: as above.
        Ok(POLY) => unsafe { poly(at) },
        _ => Err("the parameter has not the size of its structure"),
    }
}

/// The tag that a message's structure points to; none where the pointer is NULL.
///
/// # Safety
/// `at` is NULL or readable for `len` bytes.
unsafe fn tag(at: *mut u8, len: CK_ULONG) -> Result<Option<Vec<u8>>, &'static str> {
    if at.is_null() {
        return Ok(None);
    }
    // A length that no tag has is not read; the token refuses it by its number.
    let len = if len <= TAG_CAP / 8 { len } else { 0 };
    // SAFETY: passed on unchanged, or shorter.
    unsafe { memory::copy(at.cast(), len) }.map(Some).map_err(|_| "the tag cannot be read")
}

/// # Safety
/// As [`parameter`], of the structure's size.
unsafe fn ccm(at: *mut c_void) -> Result<Parameter, &'static str> {
    // SAFETY: passed on unchanged.
    let p: CK_CCM_MESSAGE_PARAMS = unsafe { memory::read(at.cast()) }.map_err(|_| "the parameter is NULL and has a length")?;
    // SAFETY: the structure's pointer is valid for its length by this function's contract.
    let nonce = unsafe { memory::copy(p.pNonce.cast(), p.ulNonceLen) }.map_err(|_| "pNonce is NULL, or ulNonceLen too large")?;
    // SAFETY: as above.
    let mac = unsafe { tag(p.pMAC, p.ulMACLen) }?;
    let targets = (Target { to: p.pNonce, len: nonce.len() }, Target { to: p.pMAC, len: mac.as_ref().map_or(0, Vec::len) });
    let (fixed_bits, generator) = (p.ulNonceFixedBits, p.nonceGenerator);
    let params = Params::CcmMessage { data_len: p.ulDataLen, nonce, fixed_bits, generator, mac, mac_len: p.ulMACLen };
    Ok(Parameter { params, iv: targets.0, tag: targets.1 })
}

/// # Safety
/// As [`parameter`], of the structure's size.
unsafe fn poly(at: *mut c_void) -> Result<Parameter, &'static str> {
    // SAFETY: passed on unchanged.
    let p: CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = unsafe { memory::read(at.cast()) }.map_err(|_| "the parameter is NULL and has a length")?;
    // SAFETY: the structure's pointer is valid for its length by this function's contract.
    let nonce = unsafe { memory::copy(p.pNonce.cast(), nonce_len(p.ulNonceLen)?) }.map_err(|_| "pNonce is NULL")?;
    // SAFETY: as above; the tag has 16 bytes.
    let found = unsafe { tag(p.pTag, TAG_CAP / 8) }?;
    let tag = Target { to: p.pTag, len: found.as_ref().map_or(0, Vec::len) };
    let iv = Target { to: p.pNonce, len: nonce.len() };
    Ok(Parameter { params: Params::PolyMessage { nonce, tag: found }, iv, tag })
}

/// # Safety
/// As [`parameter`], of the structure's size.
unsafe fn gcm(at: *mut c_void) -> Result<Parameter, &'static str> {
    // SAFETY: NULL, which is refused, or readable for the structure by this function's contract and the comparison above.
    let p: CK_GCM_MESSAGE_PARAMS = unsafe { memory::read(at.cast()) }.map_err(|_| "the parameter is NULL and has a length")?;
    // SAFETY: the structure's pointer is valid for its length by this function's contract.
    let iv = unsafe { memory::copy(p.pIv.cast(), p.ulIvLen) }.map_err(|_| "pIv is NULL, or ulIvLen too large")?;
    // SAFETY: as above.
    let tag = unsafe { tag(p.pTag, p.ulTagBits / 8) }?;
    let (iv_len, tag_len) = (iv.len(), tag.as_ref().map_or(0, Vec::len));
    let params = Params::GcmMessage { iv, fixed_bits: p.ulIvFixedBits, generator: p.ivGenerator, tag, tag_bits: p.ulTagBits };
    Ok(Parameter { params, iv: Target { to: p.pIv, len: iv_len }, tag: Target { to: p.pTag, len: tag_len } })
}

/// The parameter of one message to sign or verify: no mechanism has one.
///
/// # Safety
/// None needed; unsafe like its siblings.
pub(super) unsafe fn nothing(_at: *mut c_void, len: CK_ULONG) -> R<Params> {
    Ok(if len == 0 { Params::None } else { Params::Malformed("a message to sign or verify takes no parameter") })
}

/// The mechanism of C_MessageEncryptInit and C_MessageDecryptInit, NULL to cancel. Its parameter is that of the messages or none; what it points
/// at is not looked at, since each message brings its own.
///
/// # Safety
/// `at` is NULL or readable.
pub(super) unsafe fn process(at: *mut CK_MECHANISM) -> R<Option<Mechanism>> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and readable by this function's contract.
    let given = unsafe { memory::read(at) }?;
    let expected = match param_shape(given.mechanism) {
        Some(ParamShape::Ccm) => CCM,
        Some(ParamShape::StreamPoly) => POLY,
        _ => GCM,
    };
    let params = match usize::try_from(given.ulParameterLen) {
        Ok(0) => Params::None,
        Ok(len) if len == expected && !given.pParameter.is_null() => Params::None,
        _ => Params::Malformed("the parameter is not the structure of the mechanism's messages"),
    };
    Ok(Some(Mechanism { id: given.mechanism, params }))
}

/// A mechanism whose parameter is that of a message: the authenticated wrapping functions.
///
/// # Safety
/// `at` is NULL or readable, its parameter as for [`parameter`].
pub(super) unsafe fn aead(at: *mut CK_MECHANISM) -> R<(Mechanism, Parameter)> {
    // SAFETY: passed on unchanged.
    let given = unsafe { memory::read(at) }?;
    // SAFETY: passed on unchanged.
    let parameter = unsafe { parameter(given.pParameter, given.ulParameterLen) }?;
    Ok((Mechanism { id: given.mechanism, params: parameter.params.clone() }, parameter))
}

/// The output of C_SignMessageNext: NULL in the place of the length says that more data follows.
///
/// # Safety
/// As [`output`].
pub(super) unsafe fn last_output(to: *mut u8, length: *mut CK_ULONG) -> R<Option<Output>> {
    if length.is_null() {
        if to.is_null() { Ok(None) } else { Err(Reason::ArgumentsBad.because("a buffer for the signature without a length")) }
    } else {
        // SAFETY: passed on unchanged.
        unsafe { output(to, length) }.map(Some)
    }
}

/// The signature of C_VerifyMessageNext: NULL says that more data follows.
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn last_bytes(from: *mut u8, len: CK_ULONG) -> R<Option<Input>> {
    if from.is_null() && len == 0 {
        return Ok(None);
    }
    // SAFETY: passed on unchanged.
    unsafe { bytes(from, len) }.map(Some)
}
