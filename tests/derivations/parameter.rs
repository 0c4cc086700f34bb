//! From a vector's `parameter` to a CK_MECHANISM; keys that it names by value are created first.

use crate::client::{Attrs, Mech, Module};
use crate::numbers::number;
use cryptoki_sys::*;
use serde_json::Value;
use std::ffi::c_void;
use std::ptr::null_mut;

pub(crate) fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex")).expect("hex")
}

/// Bytes that may be left out.
fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map(|text| hex::decode(text).expect("hex")).unwrap_or_default()
}

/// A key that may serve as the base, or as another input, of a derivation.
pub(crate) fn base(m: &Module, s: u64, key: &Value) -> u64 {
    let key_type = number(&format!("CKK_{}", key["type"].as_str().unwrap_or("GENERIC_SECRET")));
    input(m, s, key_type, &hex(&key["value"]))
}

fn input(m: &Module, s: u64, key_type: u64, value: &[u8]) -> u64 {
    let attrs = Attrs::secret(key_type, "base", value).bool(CKA_DERIVE, true);
    m.create(s, &attrs.bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).expect("an input key")
}

fn generic(m: &Module, s: u64, value: &Value) -> u64 {
    input(m, s, CKK_GENERIC_SECRET, &hex(value))
}

/// Memory that a parameter's pointers lead to, kept with the mechanism.
#[derive(Default)]
pub(crate) struct Heap(Vec<Vec<u8>>);

impl Heap {
    /// A pointer to a copy of the bytes, NULL for none, and their number.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> (*mut u8, CK_ULONG) {
        if bytes.is_empty() {
            return (null_mut(), 0);
        }
        self.0.push(bytes.to_vec());
        (self.0.last_mut().expect("just pushed").as_mut_ptr(), bytes.len() as CK_ULONG)
    }

    /// A pointer to a copy of the structures; they may lie unaligned, as a C caller's may.
    pub(crate) fn structures<T>(&mut self, all: &[T]) -> (*mut T, CK_ULONG) {
        // SAFETY: plain structures of numbers and pointers, read as the bytes that they are.
        let raw = unsafe { std::slice::from_raw_parts(all.as_ptr().cast::<u8>(), size_of_val(all)) };
        (self.bytes(raw).0.cast(), all.len() as CK_ULONG)
    }

    pub(crate) fn mechanism<T: 'static>(self, id: u64, structure: T) -> Mech {
        Mech::structure(id, structure, self.0)
    }
}

/// CK_KEY_DERIVATION_STRING_DATA.
pub(crate) fn string_data(id: u64, data: &[u8]) -> Mech {
    let mut heap = Heap::default();
    let (pData, ulLen) = heap.bytes(data);
    heap.mechanism(id, CK_KEY_DERIVATION_STRING_DATA { pData, ulLen })
}

/// CK_HKDF_PARAMS.
pub(crate) struct Hkdf<'a> {
    pub(crate) extract: bool,
    pub(crate) expand: bool,
    pub(crate) prf: u64,
    pub(crate) salt_type: u64,
    pub(crate) salt: &'a [u8],
    pub(crate) salt_key: u64,
    pub(crate) info: &'a [u8],
}

impl Hkdf<'_> {
    pub(crate) fn mechanism(&self, id: u64) -> Mech {
        let mut heap = Heap::default();
        let ((pSalt, ulSaltLen), (pInfo, ulInfoLen)) = (heap.bytes(self.salt), heap.bytes(self.info));
        let structure = CK_HKDF_PARAMS {
            bExtract: self.extract.into(),
            bExpand: self.expand.into(),
            prfHashMechanism: self.prf,
            ulSaltType: self.salt_type,
            pSalt,
            ulSaltLen,
            hSaltKey: self.salt_key,
            pInfo,
            ulInfoLen,
        };
        heap.mechanism(id, structure)
    }
}

fn hkdf(m: &Module, s: u64, id: u64, p: &Value) -> Mech {
    let salt = bytes(&p["salt"]);
    let (salt_type, salt, salt_key) = match p["salt_type"].as_str().expect("a salt type") {
        "null" => (CKF_HKDF_SALT_NULL, &[][..], CK_INVALID_HANDLE),
        "data" => (CKF_HKDF_SALT_DATA, &salt[..], CK_INVALID_HANDLE),
        "key" => (CKF_HKDF_SALT_KEY, &[][..], generic(m, s, &p["salt"])),
        other => panic!("a salt of the kind {other}"),
    };
    let flag = |name: &str| p[name] == true;
    let prf = number(p["prf"].as_str().expect("a hash"));
    Hkdf { extract: flag("extract"), expand: flag("expand"), prf, salt_type, salt, salt_key, info: &bytes(&p["info"]) }.mechanism(id)
}

/// CK_PKCS5_PBKD2_PARAMS2, or the older structure, whose length of the password is a pointer.
pub(crate) fn pbkd2(prf: u64, password: &[u8], salt: &[u8], iterations: u64, old: bool) -> Mech {
    let mut heap = Heap::default();
    let (salt, salt_len) = heap.bytes(salt);
    let (pPassword, password_len) = heap.bytes(password);
    if old {
        let structure = CK_PKCS5_PBKD2_PARAMS {
            saltSource: CKZ_SALT_SPECIFIED,
            pSaltSourceData: salt.cast(),
            ulSaltSourceDataLen: salt_len,
            iterations,
            prf,
            pPrfData: null_mut(),
            ulPrfDataLen: 0,
            pPassword,
            ulPasswordLen: heap.structures(&[password_len]).0,
        };
        return heap.mechanism(CKM_PKCS5_PBKD2, structure);
    }
    let structure = CK_PKCS5_PBKD2_PARAMS2 {
        saltSource: CKZ_SALT_SPECIFIED,
        pSaltSourceData: salt.cast(),
        ulSaltSourceDataLen: salt_len,
        iterations,
        prf,
        pPrfData: null_mut(),
        ulPrfDataLen: 0,
        pPassword,
        ulPasswordLen: password_len,
    };
    heap.mechanism(CKM_PKCS5_PBKD2, structure)
}

/// CK_PBE_PARAMS, with its place for an initialization vector.
pub(crate) fn pbe(id: u64, password: &[u8], salt: &[u8], iterations: u64, iv: *mut u8) -> Mech {
    let mut heap = Heap::default();
    let ((pPassword, ulPasswordLen), (pSalt, ulSaltLen)) = (heap.bytes(password), heap.bytes(salt));
    heap.mechanism(id, CK_PBE_PARAMS { pInitVector: iv, pPassword, ulPasswordLen, pSalt, ulSaltLen, ulIteration: iterations })
}

/// The fields of a pseudo-random function's input.
fn fields(m: &Module, s: u64, heap: &mut Heap, all: &Value) -> (*mut CK_PRF_DATA_PARAM, CK_ULONG) {
    let mut rows = Vec::new();
    for field in all.as_array().expect("fields") {
        let format = || CK_SP800_108_COUNTER_FORMAT {
            bLittleEndian: u8::from(field["little"] == true),
            ulWidthInBits: field["bits"].as_u64().expect("a width"),
        };
        let row = |type_: u64, at: *mut c_void, len: usize| CK_PRF_DATA_PARAM { type_, pValue: at, ulValueLen: len as CK_ULONG };
        let counter = |heap: &mut Heap, type_| row(type_, heap.structures(&[format()]).0.cast(), size_of::<CK_SP800_108_COUNTER_FORMAT>());
        rows.push(match field["field"].as_str().expect("a field") {
            "iteration" if field["bits"].is_null() => row(CK_SP800_108_ITERATION_VARIABLE, null_mut(), 0),
            "iteration" => counter(heap, CK_SP800_108_ITERATION_VARIABLE),
            "counter" => counter(heap, CK_SP800_108_COUNTER),
            "length" => {
                let dkmLengthMethod =
                    if field["method"] == "keys" { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS } else { CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS };
                let CK_SP800_108_COUNTER_FORMAT { bLittleEndian, ulWidthInBits } = format();
                let format = CK_SP800_108_DKM_LENGTH_FORMAT { dkmLengthMethod, bLittleEndian, ulWidthInBits };
                row(CK_SP800_108_DKM_LENGTH, heap.structures(&[format]).0.cast(), size_of::<CK_SP800_108_DKM_LENGTH_FORMAT>())
            }
            "bytes" => {
                let (at, len) = heap.bytes(&hex(&field["data"]));
                CK_PRF_DATA_PARAM { type_: CK_SP800_108_BYTE_ARRAY, pValue: at.cast(), ulValueLen: len }
            }
            "key" => row(CK_SP800_108_KEY_HANDLE, heap.structures(&[generic(m, s, &field["value"])]).0.cast(), size_of::<CK_OBJECT_HANDLE>()),
            other => panic!("a field of the kind {other}"),
        });
    }
    heap.structures(&rows)
}

/// A derivation of SP 800-108 with further keys.
pub(crate) fn kbkdf(m: &Module, s: u64, id: u64, p: &Value, further: &[CK_DERIVED_KEY]) -> Mech {
    let mut heap = Heap::default();
    let prfType = number(p["prf"].as_str().expect("a function"));
    let (pDataParams, ulNumberOfDataParams) = fields(m, s, &mut heap, &p["fields"]);
    let (pAdditionalDerivedKeys, ulAdditionalDerivedKeys) = heap.structures(further);
    if id == CKM_SP800_108_FEEDBACK_KDF {
        let (pIV, ulIVLen) = heap.bytes(&bytes(&p["iv"]));
        let structure = CK_SP800_108_FEEDBACK_KDF_PARAMS {
            prfType,
            ulNumberOfDataParams,
            pDataParams,
            ulIVLen,
            pIV,
            ulAdditionalDerivedKeys,
            pAdditionalDerivedKeys,
        };
        return heap.mechanism(id, structure);
    }
    let structure = CK_SP800_108_KDF_PARAMS { prfType, ulNumberOfDataParams, pDataParams, ulAdditionalDerivedKeys, pAdditionalDerivedKeys };
    heap.mechanism(id, structure)
}

fn ike(m: &Module, s: u64, id: u64, p: &Value) -> Mech {
    let mut heap = Heap::default();
    let prfMechanism = number(p["prf"].as_str().expect("a function"));
    let optional = |name: &str| if p[name].is_null() { (0, CK_INVALID_HANDLE) } else { (1, generic(m, s, &p[name])) };
    match id {
        CKM_IKE_PRF_DERIVE => {
            let ((pNi, ulNiLen), (pNr, ulNrLen)) = (heap.bytes(&hex(&p["ni"])), heap.bytes(&hex(&p["nr"])));
            let (_, hNewKey) = optional("new_key");
            let (bDataAsKey, bRekey) = (u8::from(p["data_as_key"] == true), u8::from(p["rekey"] == true));
            heap.mechanism(id, CK_IKE_PRF_DERIVE_PARAMS { prfMechanism, bDataAsKey, bRekey, pNi, ulNiLen, pNr, ulNrLen, hNewKey })
        }
        CKM_IKE1_PRF_DERIVE => {
            let ((pCKYi, ulCKYiLen), (pCKYr, ulCKYrLen)) = (heap.bytes(&hex(&p["cky_i"])), heap.bytes(&hex(&p["cky_r"])));
            let ((_, hKeygxy), (bHasPrevKey, hPrevKey)) = (optional("keygxy"), optional("previous"));
            let keyNumber = u8::try_from(p["number"].as_u64().expect("a number")).expect("a byte");
            let structure = CK_IKE1_PRF_DERIVE_PARAMS { prfMechanism, bHasPrevKey, hKeygxy, hPrevKey, pCKYi, ulCKYiLen, pCKYr, ulCKYrLen, keyNumber };
            heap.mechanism(id, structure)
        }
        CKM_IKE1_EXTENDED_DERIVE => {
            let (pExtraData, ulExtraDataLen) = heap.bytes(&bytes(&p["extra"]));
            let (bHasKeygxy, hKeygxy) = optional("keygxy");
            heap.mechanism(id, CK_IKE1_EXTENDED_DERIVE_PARAMS { prfMechanism, bHasKeygxy, hKeygxy, pExtraData, ulExtraDataLen })
        }
        _ => {
            let (pSeedData, ulSeedDataLen) = heap.bytes(&bytes(&p["seed"]));
            let (bHasSeedKey, hSeedKey) = optional("seed_key");
            heap.mechanism(id, CK_IKE2_PRF_PLUS_DERIVE_PARAMS { prfMechanism, bHasSeedKey, hSeedKey, pSeedData, ulSeedDataLen })
        }
    }
}

/// The mechanism of a vector.
pub(crate) fn mechanism(m: &Module, s: u64, id: u64, p: &Value) -> Mech {
    match p["kind"].as_str() {
        None => Mech::plain(id),
        Some("ulong") => Mech::structure(id, p["value"].as_u64().expect("a number"), Vec::new()),
        Some("key") => Mech::structure(id, generic(m, s, &p["value"]), Vec::new()),
        Some("string") => string_data(id, &hex(&p["data"])),
        Some("cbc16") => {
            let mut heap = Heap::default();
            let (pData, length) = heap.bytes(&hex(&p["data"]));
            heap.mechanism(id, CK_AES_CBC_ENCRYPT_DATA_PARAMS { iv: hex(&p["iv"]).try_into().expect("16 bytes"), pData, length })
        }
        Some("cbc8") => {
            let mut heap = Heap::default();
            let (pData, length) = heap.bytes(&hex(&p["data"]));
            heap.mechanism(id, CK_DES_CBC_ENCRYPT_DATA_PARAMS { iv: hex(&p["iv"]).try_into().expect("8 bytes"), pData, length })
        }
        Some("hkdf") => hkdf(m, s, id, p),
        Some("kbkdf" | "kbkdf_feedback") => kbkdf(m, s, id, p, &[]),
        Some("ike_prf" | "ike1_prf" | "ike1_extended" | "ike2") => ike(m, s, id, p),
        Some(other) => panic!("a parameter of the kind {other}"),
    }
}
