//! The key types of mechanisms that take more than one: a generic secret, or the type of exactly this MAC; any secret key at all.

use cryptoki_sys as ck;

/// Every type of secret key: what the simple derivations start from.
pub(crate) const ANY_SECRET: &[u64] = &[
    ck::CKK_GENERIC_SECRET,
    ck::CKK_DES,
    ck::CKK_DES2,
    ck::CKK_DES3,
    ck::CKK_AES,
    ck::CKK_CAMELLIA,
    ck::CKK_MD5_HMAC,
    ck::CKK_SHA_1_HMAC,
    ck::CKK_RIPEMD160_HMAC,
    ck::CKK_SHA256_HMAC,
    ck::CKK_SHA384_HMAC,
    ck::CKK_SHA512_HMAC,
    ck::CKK_SHA224_HMAC,
    ck::CKK_CHACHA20,
    ck::CKK_POLY1305,
    ck::CKK_AES_XTS,
    ck::CKK_SHA3_224_HMAC,
    ck::CKK_SHA3_256_HMAC,
    ck::CKK_SHA3_384_HMAC,
    ck::CKK_SHA3_512_HMAC,
    ck::CKK_BLAKE2B_160_HMAC,
    ck::CKK_BLAKE2B_256_HMAC,
    ck::CKK_BLAKE2B_384_HMAC,
    ck::CKK_BLAKE2B_512_HMAC,
    ck::CKK_SALSA20,
    ck::CKK_HKDF,
    ck::CKK_SHA512_224_HMAC,
    ck::CKK_SHA512_256_HMAC,
    ck::CKK_SHA512_T_HMAC,
];
pub(crate) const MD5_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_MD5_HMAC];
pub(crate) const SHA1_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA_1_HMAC];
pub(crate) const SHA224_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA224_HMAC];
pub(crate) const SHA256_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA256_HMAC];
pub(crate) const SHA384_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA384_HMAC];
pub(crate) const SHA512_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA512_HMAC];
pub(crate) const SHA512_224_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA512_224_HMAC];
pub(crate) const SHA512_256_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA512_256_HMAC];
pub(crate) const SHA3_224_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA3_224_HMAC];
pub(crate) const SHA3_256_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA3_256_HMAC];
pub(crate) const SHA3_384_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA3_384_HMAC];
pub(crate) const SHA3_512_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_SHA3_512_HMAC];
pub(crate) const RIPEMD160_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_RIPEMD160_HMAC];
pub(crate) const BLAKE2B_160_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_BLAKE2B_160_HMAC];
pub(crate) const BLAKE2B_256_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_BLAKE2B_256_HMAC];
pub(crate) const BLAKE2B_384_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_BLAKE2B_384_HMAC];
pub(crate) const BLAKE2B_512_HMAC_KEYS: &[u64] = &[ck::CKK_GENERIC_SECRET, ck::CKK_BLAKE2B_512_HMAC];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::CLASSES;
    use std::collections::BTreeSet;

    #[test]
    fn any_secret_is_every_secret_key_type_of_the_class_table() {
        let known: BTreeSet<u64> = CLASSES.iter().filter(|r| r.class == ck::CKO_SECRET_KEY).filter_map(|r| r.subtype).collect();
        assert_eq!(ANY_SECRET.iter().copied().collect::<BTreeSet<_>>(), known);
    }
}
