//! A CK_MECHANISM with the parameter that it points at.

use cryptoki_sys::*;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::null_mut;

/// A mechanism; its parameter, and what the parameter points at, live on the heap as long as it does.
pub struct Mech {
    mechanism: Box<UnsafeCell<CK_MECHANISM>>,
    _parameter: Option<Box<dyn std::any::Any>>,
    _buffers: Vec<Vec<u8>>,
}

impl Mech {
    /// A mechanism without a parameter.
    pub fn plain(id: u64) -> Self {
        Self::build(id, null_mut(), 0, None, Vec::new())
    }

    /// A mechanism whose parameter is a string of bytes (an IV, a peer's public value).
    pub fn bytes(id: u64, parameter: &[u8]) -> Self {
        let buffers = vec![parameter.to_vec()];
        Self::build(id, buffers[0].as_ptr().cast_mut().cast(), parameter.len(), None, buffers)
    }

    /// A PSS mechanism.
    pub fn pss(id: u64, hash: u64, mgf: u64, salt_len: u64) -> Self {
        Self::structure(id, CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt_len }, Vec::new())
    }

    /// OAEP with a label.
    pub fn oaep(hash: u64, mgf: u64, label: &[u8]) -> Self {
        let mut buffers = vec![label.to_vec()];
        let at = if label.is_empty() { null_mut() } else { buffers[0].as_mut_ptr().cast() };
        let parameter =
            CK_RSA_PKCS_OAEP_PARAMS { hashAlg: hash, mgf, source: CKZ_DATA_SPECIFIED, pSourceData: at, ulSourceDataLen: label.len() as CK_ULONG };
        Self::structure(CKM_RSA_PKCS_OAEP, parameter, buffers)
    }

    /// AES-GCM.
    pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: u64) -> Self {
        let mut buffers = vec![iv.to_vec(), aad.to_vec()];
        let parameter = CK_GCM_PARAMS {
            pIv: buffers[0].as_mut_ptr(),
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: 8 * iv.len() as CK_ULONG,
            pAAD: if aad.is_empty() { null_mut() } else { buffers[1].as_mut_ptr() },
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: tag_bits,
        };
        Self::structure(CKM_AES_GCM, parameter, buffers)
    }

    /// ECDH with the peer's point.
    pub fn ecdh(id: u64, kdf: u64, point: &[u8]) -> Self {
        let mut buffers = vec![point.to_vec()];
        let parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: 0,
            pSharedData: null_mut(),
            ulPublicDataLen: point.len() as CK_ULONG,
            pPublicData: buffers[0].as_mut_ptr(),
        };
        Self::structure(id, parameter, buffers)
    }

    /// ML-DSA without hedging, so that the same bytes come out.
    pub fn ml_dsa_deterministic(context: &[u8]) -> Self {
        let mut buffers = vec![context.to_vec()];
        let parameter = CK_SIGN_ADDITIONAL_CONTEXT {
            hedgeVariant: CKH_DETERMINISTIC_REQUIRED,
            pContext: if context.is_empty() { null_mut() } else { buffers[0].as_mut_ptr() },
            ulContextLen: context.len() as CK_ULONG,
        };
        Self::structure(CKM_ML_DSA, parameter, buffers)
    }

    /// A mechanism whose parameter is a structure; the buffers are those that it points into.
    pub fn structure<T: 'static>(id: u64, parameter: T, buffers: Vec<Vec<u8>>) -> Self {
        let mut parameter = Box::new(parameter);
        let at = (&raw mut *parameter).cast();
        Self::build(id, at, size_of::<T>(), Some(parameter), buffers)
    }

    fn build(id: u64, at: *mut c_void, len: usize, parameter: Option<Box<dyn std::any::Any>>, buffers: Vec<Vec<u8>>) -> Self {
        let mechanism = CK_MECHANISM { mechanism: id, pParameter: at, ulParameterLen: len as CK_ULONG };
        Self { mechanism: Box::new(UnsafeCell::new(mechanism)), _parameter: parameter, _buffers: buffers }
    }

    /// For the call; valid as long as `self` is.
    pub fn as_ptr(&self) -> *mut CK_MECHANISM {
        self.mechanism.get()
    }
}
