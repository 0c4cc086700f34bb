//! The names that vector files use, and the standard's numbers.

use cryptoki_sys::*;

macro_rules! names {
    ($($name:ident)*) => {
        &[$((stringify!($name), $name)),*]
    };
}

const NAMES: &[(&str, u64)] = names! {
    CKM_MD5_KEY_DERIVATION CKM_SHA1_KEY_DERIVATION CKM_SHA224_KEY_DERIVATION CKM_SHA256_KEY_DERIVATION CKM_SHA384_KEY_DERIVATION
    CKM_SHA512_KEY_DERIVATION CKM_SHA512_224_KEY_DERIVATION CKM_SHA512_256_KEY_DERIVATION CKM_SHA3_224_KEY_DERIVATION
    CKM_SHA3_256_KEY_DERIVATION CKM_SHA3_384_KEY_DERIVATION CKM_SHA3_512_KEY_DERIVATION CKM_SHAKE_128_KEY_DERIVATION
    CKM_SHAKE_256_KEY_DERIVATION CKM_CONCATENATE_BASE_AND_KEY CKM_CONCATENATE_BASE_AND_DATA CKM_CONCATENATE_DATA_AND_BASE
    CKM_XOR_BASE_AND_DATA CKM_EXTRACT_KEY_FROM_KEY
    CKK_GENERIC_SECRET CKK_AES CKK_DES2 CKK_DES3 CKK_HKDF
};

/// The number behind a name.
pub(crate) fn number(name: &str) -> u64 {
    NAMES.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("{name} is not in the list")).1
}
