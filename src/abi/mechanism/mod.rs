//! CK_MECHANISM and the structures that its parameter may be, decoded by the shape that the token's mechanism table gives.
//!
//! A parameter that is malformed is not refused here but handed on as `Params::Malformed`, so that the token can check session and key
//! first, as the order of the standard's codes wants it. Inner pointers are copied. Source: PKCS#11 3.2, the mechanism sections.

mod derivation;
mod generation;
mod tls;

pub(super) mod streams;

use super::memory;
use crate::token::{Mechanism, ParamShape, Params, R, param_shape};
use cryptoki_sys::{self as ck, CK_BYTE, CK_MECHANISM, CK_ULONG};
pub(super) use derivation::deriving;
pub(super) use generation::generating;
use std::ffi::c_void;

/// CK_GCM_PARAMS as PKCS#11 2.30 printed it, without ulIvBits; clients built against old headers still send it.
#[repr(C)]
#[derive(Clone, Copy)]
struct ShortGcmParams {
    iv: *mut CK_BYTE,
    iv_len: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
    tag_bits: CK_ULONG,
}

/// A mechanism in, where NULL is allowed: it cancels the running operation.
///
/// # Safety
/// `at` is NULL or readable, its parameter NULL or readable for its length, and every pointer in it likewise, until the call returns.
pub(super) unsafe fn mechanism(at: *mut CK_MECHANISM) -> R<Option<Mechanism>> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on unchanged.
    unsafe { needed(at) }.map(Some)
}

/// A mechanism in, where one is needed.
///
/// # Safety
/// As [`mechanism`].
pub(super) unsafe fn needed(at: *mut CK_MECHANISM) -> R<Mechanism> {
    // SAFETY: passed on unchanged.
    let given = unsafe { memory::read(at) }?;
    // SAFETY: passed on unchanged.
    let params = unsafe { params(&given) }.unwrap_or_else(Params::Malformed);
    Ok(Mechanism { id: given.mechanism, params })
}

pub(super) type Decoded<T> = Result<T, &'static str>;

/// # Safety
/// As [`mechanism`], for the structure itself.
unsafe fn params(given: &CK_MECHANISM) -> Decoded<Params> {
    let (at, len) = (given.pParameter, given.ulParameterLen);
    if len == 0 {
        return Ok(Params::None);
    }
    if at.is_null() {
        return Err("the parameter is NULL and has a length");
    }
    let Some(shape) = param_shape(given.mechanism) else {
        // An unknown mechanism is refused by the token, whatever its parameter.
        return Ok(Params::None);
    };
    // SAFETY: passed on unchanged.
    unsafe { by_shape(shape, at, len) }
}

/// # Safety
/// `at` is readable for `len` bytes, and every pointer in the structure of that shape valid for the length beside it.
unsafe fn by_shape(shape: ParamShape, at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    Ok(match shape {
        // What must not be there is handed on, and refused by the token's plan.
        ParamShape::None | ParamShape::Iv(_) | ParamShape::OptionalIv(_) | ParamShape::Bytes => {
            // SAFETY: readable for `len` bytes by this function's contract.
            Params::Bytes(unsafe { inner(at, len) }?)
        }
        // SAFETY: as above; `structure` compares the length.
        ParamShape::Ulong => Params::Ulong(unsafe { structure(at, len) }?),
        ParamShape::Pss => {
            // SAFETY: as above.
            let p: ck::CK_RSA_PKCS_PSS_PARAMS = unsafe { structure(at, len) }?;
            Params::Pss { hash: p.hashAlg, mgf: p.mgf, salt_len: p.sLen }
        }
        ParamShape::Oaep => {
            // SAFETY: as above.
            let p: ck::CK_RSA_PKCS_OAEP_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::Oaep { hash: p.hashAlg, mgf: p.mgf, source: p.source, label: unsafe { inner(p.pSourceData, p.ulSourceDataLen) }? }
        }
        // SAFETY: as above.
        ParamShape::GcmOrIv if len == 12 => Params::Bytes(unsafe { inner(at, len) }?),
        // SAFETY: as above.
        ParamShape::Gcm | ParamShape::GcmOrIv => unsafe { gcm(at, len) }?,
        // SAFETY: as above.
        ParamShape::ChaCha20 => unsafe { streams::chacha20(at, len) }?,
        // SAFETY: as above.
        ParamShape::Salsa20 => unsafe { streams::salsa20(at, len) }?,
        // SAFETY: as above.
        ParamShape::StreamPoly => unsafe { streams::stream_poly(at, len) }?,
        ParamShape::Ccm => {
            // SAFETY: as above.
            let p: ck::CK_CCM_PARAMS = unsafe { structure(at, len) }?;
            Params::Ccm {
                data_len: p.ulDataLen,
                // SAFETY: the structure's pointer is valid for its length by this function's contract.
                nonce: unsafe { inner(p.pNonce.cast(), p.ulNonceLen) }?,
                // SAFETY: as above.
                aad: unsafe { inner(p.pAAD.cast(), p.ulAADLen) }?,
                mac_len: p.ulMACLen,
            }
        }
        ParamShape::Ctr => {
            // SAFETY: as above.
            let p: ck::CK_AES_CTR_PARAMS = unsafe { structure(at, len) }?;
            Params::Ctr { bits: p.ulCounterBits, counter: p.cb }
        }
        ParamShape::Ecdh1 => {
            // SAFETY: as above.
            let p: ck::CK_ECDH1_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            Params::Ecdh1 {
                kdf: p.kdf,
                // SAFETY: the structure's pointer is valid for its length by this function's contract.
                shared: unsafe { inner(p.pSharedData.cast(), p.ulSharedDataLen) }?,
                // SAFETY: as above.
                public: unsafe { inner(p.pPublicData.cast(), p.ulPublicDataLen) }?,
            }
        }
        ParamShape::EdDsa => {
            // SAFETY: as above.
            let p: ck::CK_EDDSA_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::EdDsa { prehash: p.phFlag != 0, context: unsafe { inner(p.pContextData.cast(), p.ulContextDataLen) }? }
        }
        ParamShape::SignContext => {
            // SAFETY: as above.
            let p: ck::CK_SIGN_ADDITIONAL_CONTEXT = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::SignContext { hedge: p.hedgeVariant, context: unsafe { inner(p.pContext.cast(), p.ulContextLen) }? }
        }
        ParamShape::HashSignContext => {
            // SAFETY: as above.
            let p: ck::CK_HASH_SIGN_ADDITIONAL_CONTEXT = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::HashSignContext { hedge: p.hedgeVariant, context: unsafe { inner(p.pContext.cast(), p.ulContextLen) }?, hash: p.hash }
        }
        ParamShape::Hkdf => {
            // SAFETY: as above.
            let p: ck::CK_HKDF_PARAMS = unsafe { structure(at, len) }?;
            Params::Hkdf {
                extract: p.bExtract != 0,
                expand: p.bExpand != 0,
                prf: p.prfHashMechanism,
                salt_type: p.ulSaltType,
                // SAFETY: the structure's pointer is valid for its length by this function's contract.
                salt: unsafe { inner(p.pSalt.cast(), p.ulSaltLen) }?,
                salt_key: p.hSaltKey,
                // SAFETY: as above.
                info: unsafe { inner(p.pInfo.cast(), p.ulInfoLen) }?,
            }
        }
        ParamShape::RsaAesKeyWrap => {
            // SAFETY: as above.
            let p: ck::CK_RSA_AES_KEY_WRAP_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: pOAEPParams is NULL, which is refused, or points to its structure by this function's contract.
            let o: ck::CK_RSA_PKCS_OAEP_PARAMS = unsafe { memory::read(p.pOAEPParams) }.map_err(|_| "pOAEPParams is NULL")?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            let label = unsafe { inner(o.pSourceData, o.ulSourceDataLen) }?;
            Params::RsaAesKeyWrap { aes_bits: p.ulAESKeyBits, hash: o.hashAlg, mgf: o.mgf, source: o.source, label }
        }
        ParamShape::EcdhAesKeyWrap => {
            // SAFETY: as above.
            let p: ck::CK_ECDH_AES_KEY_WRAP_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            let shared = unsafe { inner(p.pSharedData.cast(), p.ulSharedDataLen) }?;
            Params::EcdhAesKeyWrap { aes_bits: p.ulAESKeyBits, kdf: p.kdf, shared }
        }
        ParamShape::DsaParameterGen => {
            // SAFETY: as above.
            let p: ck::CK_DSA_PARAMETER_GEN_PARAM = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::DsaParameterGen { hash: p.hash, seed: unsafe { inner(p.pSeed.cast(), p.ulSeedLen) }?, index: p.ulIndex }
        }
        ParamShape::Version => {
            // SAFETY: as above.
            let p: ck::CK_VERSION = unsafe { structure(at, len) }?;
            Params::Version { major: p.major, minor: p.minor }
        }
        ParamShape::TlsMaster
        | ParamShape::Tls10Master
        | ParamShape::TlsExtendedMaster
        | ParamShape::TlsKeys
        | ParamShape::Tls10Keys
        | ParamShape::TlsKdf
        | ParamShape::TlsMac => {
            // SAFETY: passed on unchanged.
            unsafe { tls::decode(shape, at, len) }?.0
        }
        ParamShape::DerivationString => {
            // SAFETY: as above.
            let p: ck::CK_KEY_DERIVATION_STRING_DATA = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            Params::DerivationString(unsafe { inner(p.pData.cast(), p.ulLen) }?)
        }
        // SAFETY: passed on unchanged.
        ParamShape::Derivation(shape) => unsafe { derivation::by_shape(shape, at, len) }?,
    })
}

/// # Safety
/// As [`by_shape`].
unsafe fn gcm(at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    let (iv, iv_len, aad, aad_len, tag_bits) = if usize::try_from(len) == Ok(size_of::<ShortGcmParams>()) {
        // SAFETY: passed on unchanged.
        let p: ShortGcmParams = unsafe { structure(at, len) }?;
        (p.iv, p.iv_len, p.aad, p.aad_len, p.tag_bits)
    } else {
        // SAFETY: passed on unchanged.
        let p: ck::CK_GCM_PARAMS = unsafe { structure(at, len) }?;
        (p.pIv, p.ulIvLen, p.pAAD, p.ulAADLen, p.ulTagBits)
    };
    // SAFETY: the structure's pointer is valid for its length by this function's contract.
    let iv = unsafe { inner(iv.cast(), iv_len) }?;
    // SAFETY: as above.
    let aad = unsafe { inner(aad.cast(), aad_len) }?;
    Ok(Params::Gcm { iv, aad, tag_bits })
}

/// The structure that the parameter must be, to the byte.
///
/// # Safety
/// `at` is readable for `len` bytes, and any bit pattern is a `T`.
unsafe fn structure<T: Copy>(at: *const c_void, len: CK_ULONG) -> Decoded<T> {
    if usize::try_from(len) != Ok(size_of::<T>()) {
        return Err("the parameter has not the size of its structure");
    }
    // SAFETY: readable for one T by this function's contract and the comparison above.
    unsafe { memory::read(at.cast()) }.map_err(|_| "the parameter is NULL")
}

/// Bytes that a parameter points to; (NULL, 0) are none.
///
/// # Safety
/// `at` is NULL or readable for `len` bytes.
unsafe fn inner(at: *const c_void, len: CK_ULONG) -> Decoded<Vec<u8>> {
    // SAFETY: passed on unchanged.
    unsafe { memory::copy(at, len) }.map_err(|_| "a pointer in the parameter is NULL, or its length too large")
}

#[cfg(test)]
mod tests;
