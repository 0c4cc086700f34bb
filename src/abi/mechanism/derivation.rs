//! The parameters of derivations and of password-based generation, and the places in the caller's structures where further keys' handles go
//! back. What a generation writes back is in `generation.rs`.
//!
//! Everything is read before the token works and written after it, so that the caller's memory is touched in two moments only.
//! Source: PKCS#11 3.2, "C_DeriveKey" and the sections of the mechanisms.

use super::tls::{self, Targets};
use super::{Decoded, inner, needed, structure};
use crate::abi::args::{Place, place};
use crate::abi::{memory, template};
use crate::token::{
    DerivationParams, DerivationShape, Derived, Mechanism, NumberFormat, ParamShape, Params, PrfData, R, TokenError, Wanted, param_shape,
};
use cngtoken_key::Secret;
use cryptoki_sys::{self as ck, CK_INVALID_HANDLE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_ULONG};
use std::ffi::c_void;

/// Most fields of a pseudo-random function's input, and most further keys.
const LIST_CAP: usize = 64;
/// Longest password. What is longer where CK_PKCS5_PBKD2_PARAMS has its length is a pointer to it: that structure, by mistake of the
/// standard's authors, has a pointer there, and the same size as its successor.
const PASSWORD_CAP: CK_ULONG = 0xFFFF;

/// A list behind a pointer, element by element.
///
/// # Safety
/// `at` is NULL or readable for `count` elements.
unsafe fn list<T: Copy>(at: *const T, count: CK_ULONG) -> Decoded<Vec<T>> {
    let count = usize::try_from(count).ok().filter(|n| *n <= LIST_CAP).ok_or("a list in the parameter has more than 64 elements")?;
    if at.is_null() && count != 0 {
        return Err("a list in the parameter is NULL and has a length");
    }
    // SAFETY: readable for `count` elements by this function's contract, and not NULL unless there are none.
    (0..count).map(|i| unsafe { memory::read(at.wrapping_add(i)) }.map_err(|_| "a list in the parameter is NULL")).collect()
}

/// A password or another secret that the parameter points to.
///
/// # Safety
/// As [`inner`].
unsafe fn secret(at: *const c_void, len: CK_ULONG) -> Decoded<Secret> {
    // SAFETY: passed on unchanged.
    unsafe { inner(at, len) }.map(Secret::new)
}

/// # Safety
/// As [`super::by_shape`].
pub(super) unsafe fn by_shape(shape: DerivationShape, at: *const c_void, len: CK_ULONG) -> Decoded<Params> {
    Ok(Params::Derivation(match shape {
        DerivationShape::CbcData16 => {
            // SAFETY: readable for `len` bytes by this function's contract; `structure` compares the length.
            let p: ck::CK_AES_CBC_ENCRYPT_DATA_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointer is valid for its length by this function's contract.
            DerivationParams::CbcData { iv: p.iv.to_vec(), data: unsafe { inner(p.pData.cast(), p.length) }? }
        }
        DerivationShape::CbcData8 => {
            // SAFETY: as above.
            let p: ck::CK_DES_CBC_ENCRYPT_DATA_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: as above.
            DerivationParams::CbcData { iv: p.iv.to_vec(), data: unsafe { inner(p.pData.cast(), p.length) }? }
        }
        DerivationShape::Kbkdf => {
            // SAFETY: as above.
            let p: ck::CK_SP800_108_KDF_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: the structure's pointers are valid for the counts beside them by this function's contract.
            DerivationParams::Kbkdf { prf: p.prfType, fields: unsafe { fields(p.pDataParams, p.ulNumberOfDataParams) }?, iv: Vec::new() }
        }
        DerivationShape::FeedbackKbkdf => {
            // SAFETY: as above.
            let p: ck::CK_SP800_108_FEEDBACK_KDF_PARAMS = unsafe { structure(at, len) }?;
            // SAFETY: as above.
            let fields = unsafe { fields(p.pDataParams, p.ulNumberOfDataParams) }?;
            // SAFETY: as above.
            DerivationParams::Kbkdf { prf: p.prfType, fields, iv: unsafe { inner(p.pIV.cast(), p.ulIVLen) }? }
        }
        // SAFETY: passed on unchanged.
        DerivationShape::Pbkd2 => unsafe { pbkd2(at, len) }?,
        DerivationShape::Pbe => {
            // SAFETY: as above.
            let p: ck::CK_PBE_PARAMS = unsafe { structure(at, len) }?;
            DerivationParams::Pbe {
                // SAFETY: the structure's pointer is valid for its length by this function's contract.
                password: unsafe { secret(p.pPassword.cast(), p.ulPasswordLen) }?,
                // SAFETY: as above.
                salt: unsafe { inner(p.pSalt.cast(), p.ulSaltLen) }?,
                iterations: p.ulIteration,
            }
        }
        DerivationShape::IkePrf | DerivationShape::Ike1Prf | DerivationShape::Ike1Extended | DerivationShape::Ike2PrfPlus => {
            // SAFETY: passed on unchanged.
            unsafe { ike(shape, at, len) }?
        }
    }))
}

/// # Safety
/// As [`super::by_shape`].
unsafe fn pbkd2(at: *const c_void, len: CK_ULONG) -> Decoded<DerivationParams> {
    // SAFETY: readable for `len` bytes by this function's contract; `structure` compares the length.
    let p: ck::CK_PKCS5_PBKD2_PARAMS2 = unsafe { structure(at, len) }?;
    let password_len = match p.ulPasswordLen {
        n if n <= PASSWORD_CAP => n,
        // Where an address could be on this machine, and aligned.
        address if address < 1 << 47 && address.is_multiple_of(8) => {
            let pointer = std::ptr::with_exposed_provenance::<CK_ULONG>(usize::try_from(address).map_err(|_| "ulPasswordLen is no address")?);
            // SAFETY: the older structure has a pointer to a readable CK_ULONG here; its caller promised so.
            unsafe { memory::read(pointer) }.map_err(|_| "ulPasswordLen is NULL")?
        }
        _ => return Err("the password is longer than 65535 bytes"),
    };
    if password_len > PASSWORD_CAP {
        return Err("the password is longer than 65535 bytes");
    }
    Ok(DerivationParams::Pbkd2 {
        salt_source: p.saltSource,
        // SAFETY: the structure's pointer is valid for its length by this function's contract.
        salt: unsafe { inner(p.pSaltSourceData, p.ulSaltSourceDataLen) }?,
        iterations: p.iterations,
        prf: p.prf,
        prf_data: usize::try_from(p.ulPrfDataLen).map_err(|_| "ulPrfDataLen is too large")?,
        // SAFETY: as above.
        password: unsafe { secret(p.pPassword.cast(), password_len) }?,
    })
}

/// # Safety
/// As [`super::by_shape`].
unsafe fn ike(shape: DerivationShape, at: *const c_void, len: CK_ULONG) -> Decoded<DerivationParams> {
    let given = |has: ck::CK_BBOOL, handle: CK_OBJECT_HANDLE| (has != 0).then_some(handle);
    Ok(match shape {
        DerivationShape::IkePrf => {
            // SAFETY: readable for `len` bytes by this function's contract; `structure` compares the length.
            let p: ck::CK_IKE_PRF_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            DerivationParams::IkePrf {
                prf: p.prfMechanism,
                data_as_key: p.bDataAsKey != 0,
                rekey: p.bRekey != 0,
                // SAFETY: the structure's pointer is valid for its length by this function's contract.
                ni: unsafe { inner(p.pNi.cast(), p.ulNiLen) }?,
                // SAFETY: as above.
                nr: unsafe { inner(p.pNr.cast(), p.ulNrLen) }?,
                new_key: p.hNewKey,
            }
        }
        DerivationShape::Ike1Prf => {
            // SAFETY: as above.
            let p: ck::CK_IKE1_PRF_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            DerivationParams::Ike1Prf {
                prf: p.prfMechanism,
                keygxy: p.hKeygxy,
                previous: given(p.bHasPrevKey, p.hPrevKey),
                // SAFETY: as above.
                cky_i: unsafe { inner(p.pCKYi.cast(), p.ulCKYiLen) }?,
                // SAFETY: as above.
                cky_r: unsafe { inner(p.pCKYr.cast(), p.ulCKYrLen) }?,
                number: p.keyNumber,
            }
        }
        DerivationShape::Ike1Extended => {
            // SAFETY: as above.
            let p: ck::CK_IKE1_EXTENDED_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            let keygxy = given(p.bHasKeygxy, p.hKeygxy);
            // SAFETY: as above.
            DerivationParams::Ike1Extended { prf: p.prfMechanism, keygxy, extra: unsafe { inner(p.pExtraData.cast(), p.ulExtraDataLen) }? }
        }
        _ => {
            // SAFETY: as above.
            let p: ck::CK_IKE2_PRF_PLUS_DERIVE_PARAMS = unsafe { structure(at, len) }?;
            let seed_key = given(p.bHasSeedKey, p.hSeedKey);
            // SAFETY: as above.
            DerivationParams::Ike2PrfPlus { prf: p.prfMechanism, seed_key, seed: unsafe { inner(p.pSeedData.cast(), p.ulSeedDataLen) }? }
        }
    })
}

/// The pieces of a pseudo-random function's input.
///
/// # Safety
/// `at` is NULL or readable for `count` structures, and each pointer in them for the length beside it.
unsafe fn fields(at: *const ck::CK_PRF_DATA_PARAM, count: CK_ULONG) -> Decoded<Vec<PrfData>> {
    // SAFETY: passed on unchanged.
    let given = unsafe { list(at, count) }?;
    given
        .iter()
        .map(|p| {
            let format = || {
                // SAFETY: readable for its length by this function's contract; `structure` compares the length.
                let f: ck::CK_SP800_108_COUNTER_FORMAT = unsafe { structure(p.pValue, p.ulValueLen) }?;
                Ok::<_, &'static str>(NumberFormat { little_endian: f.bLittleEndian != 0, bits: f.ulWidthInBits })
            };
            Ok(match p.type_ {
                ck::CK_SP800_108_ITERATION_VARIABLE if p.pValue.is_null() && p.ulValueLen == 0 => PrfData::Iteration(None),
                ck::CK_SP800_108_ITERATION_VARIABLE => PrfData::Iteration(Some(format()?)),
                ck::CK_SP800_108_COUNTER => PrfData::Counter(format()?),
                ck::CK_SP800_108_DKM_LENGTH => {
                    // SAFETY: as above.
                    let f: ck::CK_SP800_108_DKM_LENGTH_FORMAT = unsafe { structure(p.pValue, p.ulValueLen) }?;
                    let format = NumberFormat { little_endian: f.bLittleEndian != 0, bits: f.ulWidthInBits };
                    PrfData::DkmLength { method: f.dkmLengthMethod, format }
                }
                // SAFETY: as above.
                ck::CK_SP800_108_BYTE_ARRAY => PrfData::Bytes(unsafe { inner(p.pValue, p.ulValueLen) }?),
                // SAFETY: as above.
                ck::CK_SP800_108_KEY_HANDLE => PrfData::KeyHandle(unsafe { structure(p.pValue, p.ulValueLen) }?),
                _ => return Err("a field of the data is of an unknown type"),
            })
        })
        .collect()
}

/// A mechanism of C_DeriveKey, with the further keys that its parameter asks for.
pub(in crate::abi) struct Deriving {
    mechanism: Mechanism,
    wanted: Wanted,
    places: Vec<Place<CK_OBJECT_HANDLE>>,
    tls: Targets,
}

/// A mechanism in, where keys are derived.
///
/// # Safety
/// As [`super::mechanism`]; the places that the parameter names are writable until the call returns.
pub(in crate::abi) unsafe fn deriving(at: *mut CK_MECHANISM) -> R<Deriving> {
    // SAFETY: passed on unchanged.
    let mut mechanism = unsafe { needed(at) }?;
    if matches!(mechanism.params, Params::TlsMaster { .. } | Params::TlsExtendedMaster { .. } | Params::TlsKeys { .. })
        && let Some(shape) = param_shape(mechanism.id)
    {
        // SAFETY: readable, as `needed` found.
        let given = unsafe { memory::read(at) }?;
        // Read with its outputs, and used as it is now: the memory may have changed since.
        // SAFETY: passed on unchanged.
        let read = unsafe { tls::decode(shape, given.pParameter, given.ulParameterLen) };
        let (params, tls) = read.unwrap_or_else(|why| (Params::Malformed(why), Targets::NONE));
        return Ok(Deriving { mechanism: Mechanism { id: mechanism.id, params }, wanted: Wanted::default(), places: Vec::new(), tls });
    }
    let (mut wanted, mut places) = (Wanted::default(), Vec::new());
    if matches!(mechanism.params, Params::Derivation(DerivationParams::Kbkdf { .. })) {
        // SAFETY: passed on unchanged.
        match unsafe { further(at, &mechanism) } {
            Ok(both) => (wanted, places) = both,
            Err(why) => mechanism.params = Params::Malformed(why),
        }
    }
    Ok(Deriving { mechanism, wanted, places, tls: Targets::NONE })
}

type Further = (Wanted, Vec<Place<CK_OBJECT_HANDLE>>);

/// The CK_DERIVED_KEY structures of a parameter that has been decoded.
///
/// # Safety
/// As [`deriving`].
unsafe fn further(at: *const CK_MECHANISM, mechanism: &Mechanism) -> Decoded<Further> {
    // SAFETY: passed on unchanged.
    let given = unsafe { memory::read(at) }.map_err(|_| "the mechanism is NULL")?;
    let keys = if param_shape(mechanism.id) == Some(ParamShape::Derivation(DerivationShape::Kbkdf)) {
        // SAFETY: the parameter is readable for its length by this function's contract.
        let p: ck::CK_SP800_108_KDF_PARAMS = unsafe { structure(given.pParameter, given.ulParameterLen) }?;
        // SAFETY: the structure's pointer is valid for its count by this function's contract.
        unsafe { list(p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys) }?
    } else {
        // SAFETY: as above.
        let p: ck::CK_SP800_108_FEEDBACK_KDF_PARAMS = unsafe { structure(given.pParameter, given.ulParameterLen) }?;
        // SAFETY: as above.
        unsafe { list(p.pAdditionalDerivedKeys, p.ulAdditionalDerivedKeys) }?
    };
    let (mut wanted, mut places) = (Wanted::default(), Vec::new());
    for key in keys {
        // SAFETY: the structure's template is valid for its count, and its place writable, by this function's contract.
        wanted.more.push(unsafe { template::template(key.pTemplate, key.ulAttributeCount) }.map_err(|_| "a further key's template cannot be read")?);
        // SAFETY: as above.
        places.push(unsafe { place(key.phKey) }.map_err(|_| "a further key has no place for its handle")?);
    }
    Ok((wanted, places))
}

impl Deriving {
    /// Has the token derive, and writes the handles of the new keys; of several templates the one at fault gets CK_INVALID_HANDLE.
    ///
    /// # Errors
    /// The token's.
    pub(in crate::abi) fn derive(self, to: Option<&Place<CK_OBJECT_HANDLE>>, token: impl FnOnce(&Mechanism, &mut Wanted) -> R<Derived>) -> R<()> {
        let mut wanted = self.wanted;
        wanted.place = to.is_some();
        let derived = token(&self.mechanism, &mut wanted).inspect_err(|_: &TokenError| {
            if let Some(place) = wanted.offending.and_then(|i| self.places.get(i)) {
                place.put(CK_INVALID_HANDLE);
            }
        })?;
        self.tls.write(&derived);
        self.places.iter().zip(&derived.more).for_each(|(place, key)| place.put(*key));
        match (derived.key, to) {
            (Some(key), Some(to)) => to.give(key),
            _ => Ok(()),
        }
    }
}
