//! The key types of mechanisms that take more than one: a generic secret, or the type of exactly this MAC.

use cryptoki_sys as ck;

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
