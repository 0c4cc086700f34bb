//! The structures of the TLS mechanisms: what they say, and where in the caller's memory keys, vectors and a version go back.
//!
//! Each structure is read once, and what it points at is written where it pointed then. Source: PKCS#11 3.2, "TLS 1.2 mechanism parameters",
//! "SSL mechanism parameters".

use super::{Decoded, inner, structure};
use crate::abi::memory;
use crate::token::{Derived, ParamShape, Params};
use cryptoki_sys::{
    self as ck, CK_SSL3_KEY_MAT_OUT, CK_SSL3_KEY_MAT_PARAMS, CK_SSL3_MASTER_KEY_DERIVE_PARAMS, CK_SSL3_RANDOM_DATA, CK_TLS_KDF_PARAMS,
    CK_TLS_MAC_PARAMS, CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS, CK_TLS12_KEY_MAT_PARAMS, CK_TLS12_MASTER_KEY_DERIVE_PARAMS, CK_ULONG, CK_VERSION,
};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Memory of the caller that outputs go to; NULL: none.
pub(super) struct Targets {
    version: *mut CK_VERSION,
    keys: *mut CK_SSL3_KEY_MAT_OUT,
    vectors: [*mut u8; 2],
    vector_len: usize,
}

impl Targets {
    /// No output.
    pub(super) const NONE: Self = Self { version: null_mut(), keys: null_mut(), vectors: [null_mut(); 2], vector_len: 0 };

    fn version(at: *mut CK_VERSION) -> Self {
        Self { version: at, ..Self::NONE }
    }

    /// Writes what a derivation gave beside its key.
    pub(super) fn write(&self, derived: &Derived) {
        if let (Some((major, minor)), false) = (derived.version, self.version.is_null()) {
            // SAFETY: the decoder's caller promised that this memory is writable for the structure.
            unsafe { memory::write(self.version, CK_VERSION { major, minor }) }
        }
        if let ([client_mac, server_mac, client_key, server_key], false) = (derived.more.as_slice(), self.keys.is_null()) {
            // SAFETY: as above; the pointers to IVs in it stay as the caller set them.
            unsafe {
                memory::write(&raw mut (*self.keys).hClientMacSecret, *client_mac);
                memory::write(&raw mut (*self.keys).hServerMacSecret, *server_mac);
                memory::write(&raw mut (*self.keys).hClientKey, *client_key);
                memory::write(&raw mut (*self.keys).hServerKey, *server_key);
            }
        }
        for (to, vector) in self.vectors.iter().zip(&derived.vectors) {
            if vector.len() == self.vector_len && !to.is_null() {
                // SAFETY: as above, for the length that the structure names, which is the vector's.
                unsafe { memory::fill(*to, vector) }
            }
        }
    }
}

/// # Safety
/// Both pointers are NULL or readable for the length beside them.
unsafe fn randoms(r: &CK_SSL3_RANDOM_DATA) -> Decoded<(Vec<u8>, Vec<u8>)> {
    // SAFETY: passed on unchanged.
    let client = unsafe { inner(r.pClientRandom.cast(), r.ulClientRandomLen) }?;
    // SAFETY: as above.
    Ok((client, unsafe { inner(r.pServerRandom.cast(), r.ulServerRandomLen) }?))
}

/// What a key block's structure says, whichever of the two it is.
struct KeyMaterial {
    mac_bits: CK_ULONG,
    key_bits: CK_ULONG,
    iv_bits: CK_ULONG,
    export: bool,
    random: CK_SSL3_RANDOM_DATA,
    out: *mut CK_SSL3_KEY_MAT_OUT,
    prf: CK_ULONG,
}

/// # Safety
/// `out` is NULL or readable and writable for its structure; the vectors in it are NULL or writable for the length named, and the randoms
/// readable for theirs.
unsafe fn keys(k: &KeyMaterial) -> Decoded<(Params, Targets)> {
    // First, since they have lengths: a structure of nonsense ends here.
    // SAFETY: passed on unchanged.
    let (client, server) = unsafe { randoms(&k.random) }?;
    // SAFETY: NULL, which is refused, or readable by this function's contract.
    let out: CK_SSL3_KEY_MAT_OUT = unsafe { memory::read(k.out) }.map_err(|_| "pReturnedKeyMaterial is NULL")?;
    let vector_len = usize::try_from(k.iv_bits / 8).map_err(|_| "ulIVSizeInBits is too large")?;
    let params = Params::TlsKeys { prf: k.prf, mac_bits: k.mac_bits, key_bits: k.key_bits, iv_bits: k.iv_bits, export: k.export, client, server };
    Ok((params, Targets { keys: k.out, vectors: [out.pIVClient, out.pIVServer], vector_len, ..Targets::NONE }))
}

/// Reads a parameter of one of the shapes of TLS.
///
/// # Safety
/// `at` is readable for `len` bytes, and every pointer in the structure of that shape valid for the length beside it, outputs writable.
pub(super) unsafe fn decode(shape: ParamShape, at: *const c_void, len: CK_ULONG) -> Decoded<(Params, Targets)> {
    match shape {
        ParamShape::TlsMaster => {
            // SAFETY: passed on unchanged; `structure` compares the length.
            let p: CK_TLS12_MASTER_KEY_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointers are valid by this function's contract.
            let (client, server) = unsafe { randoms(&p.RandomInfo) }?;
            let params = Params::TlsMaster { prf: p.prfHashMechanism, client, server, version: !p.pVersion.is_null() };
            Ok((params, Targets::version(p.pVersion)))
        }
        ParamShape::Tls10Master => {
            // SAFETY: as above.
            let p: CK_SSL3_MASTER_KEY_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: as above.
            let (client, server) = unsafe { randoms(&p.RandomInfo) }?;
            let params = Params::TlsMaster { prf: ck::CKM_TLS_PRF, client, server, version: !p.pVersion.is_null() };
            Ok((params, Targets::version(p.pVersion)))
        }
        ParamShape::TlsExtendedMaster => {
            // SAFETY: as above.
            let p: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: as above.
            let session_hash = unsafe { inner(p.pSessionHash.cast(), p.ulSessionHashLen) }?;
            let params = Params::TlsExtendedMaster { prf: p.prfHashMechanism, session_hash, version: !p.pVersion.is_null() };
            Ok((params, Targets::version(p.pVersion)))
        }
        ParamShape::TlsKeys => {
            // SAFETY: as above.
            let p: CK_TLS12_KEY_MAT_PARAMS = unsafe { structure(at, len) }?;
            let material = KeyMaterial {
                mac_bits: p.ulMacSizeInBits,
                key_bits: p.ulKeySizeInBits,
                iv_bits: p.ulIVSizeInBits,
                export: p.bIsExport != 0,
                random: p.RandomInfo,
                out: p.pReturnedKeyMaterial,
                prf: p.prfHashMechanism,
            };
            // SAFETY: as above.
            unsafe { keys(&material) }
        }
        ParamShape::Tls10Keys => {
            // SAFETY: as above.
            let p: CK_SSL3_KEY_MAT_PARAMS = unsafe { structure(at, len) }?;
            let material = KeyMaterial {
                mac_bits: p.ulMacSizeInBits,
                key_bits: p.ulKeySizeInBits,
                iv_bits: p.ulIVSizeInBits,
                export: p.bIsExport != 0,
                random: p.RandomInfo,
                out: p.pReturnedKeyMaterial,
                prf: ck::CKM_TLS_PRF,
            };
            // SAFETY: as above.
            unsafe { keys(&material) }
        }
        ParamShape::TlsKdf => {
            // SAFETY: as above.
            let p: CK_TLS_KDF_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointers are valid by this function's contract.
            let (client, server) = unsafe { randoms(&p.RandomInfo) }?;
            // SAFETY: as above.
            let label = unsafe { inner(p.pLabel.cast(), p.ulLabelLength) }?;
            // SAFETY: as above.
            let context = unsafe { inner(p.pContextData.cast(), p.ulContextDataLength) }?;
            // An empty context is one; none is NULL (RFC 5705 tells them apart).
            let context = if p.pContextData.is_null() { None } else { Some(context) };
            Ok((Params::TlsKdf { prf: p.prfMechanism, label, client, server, context }, Targets::NONE))
        }
        ParamShape::TlsMac => {
            // SAFETY: as above.
            let p: CK_TLS_MAC_PARAMS = unsafe { structure(at, len) }?;
            Ok((Params::TlsMac { prf: p.prfHashMechanism, len: p.ulMacLength, side: p.ulServerOrClient }, Targets::NONE))
        }
        _ => Err("the parameter is none of TLS"),
    }
}
