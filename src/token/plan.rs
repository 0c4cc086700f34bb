//! From a mechanism's row and its parameter to what is computed: a `Scheme` of crypto, as plain data.
//!
//! Each parameter is judged here, once, with a reason. Source: PKCS#11 3.2, the mechanism sections; leniencies that clients
//! need are named where they are taken (`docs/design.md`, "Client leniencies").

use crate::token::error::{R, Reason};
use crate::token::mechanism::{Params, hash_of};
use cngtoken_crypto::{Agree, Hash, Scheme};
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

/// How a row plans. Plain data, so that the table stays a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Planner {
    Digest(Hash),
    /// What is generated follows from the key type and the template.
    Generate,
    RsaPkcs1(Option<Hash>),
    RsaRaw,
    Oaep,
    /// `None`: the data is the digest, and the parameter names the hash.
    Pss(Option<Hash>),
    Ecdsa(Option<Hash>),
    Ecdh {
        cofactor: bool,
    },
    EdDsa,
    Dsa(Option<Hash>),
    Dh,
    X942,
    MlKem,
    MlDsa,
    /// `None`: the parameter names the hash and the data is the digest.
    HashMlDsa(Option<Hash>),
    SlhDsa,
    /// As `HashMlDsa`.
    HashSlhDsa(Option<Hash>),
    Hmac(Hash),
    /// The parameter is the tag's length.
    HmacGeneral(Hash),
    AesEcb,
    AesCbc {
        pad: bool,
    },
    AesCtr,
    AesGcm,
    AesCmac,
    /// The parameter is the tag's length.
    AesCmacGeneral,
    AesKw,
    AesKwp,
}

/// A key agreement: how, and the other side's public value.
pub(crate) struct Agreement {
    pub(crate) how: Agree,
    pub(crate) peer: Vec<u8>,
}

fn bad(why: impl Into<String>) -> crate::token::error::TokenError {
    Reason::MechanismParamInvalid.because(why)
}

fn hash_param(id: u64, what: &str) -> R<Hash> {
    hash_of(id).ok_or_else(|| bad(format!("{what} 0x{id:x} is not a digest that the token knows")))
}

/// The hash of an MGF1 identifier.
fn mgf_param(id: u64) -> R<Hash> {
    Ok(match id {
        ck::CKG_MGF1_SHA1 => Hash::Sha1,
        ck::CKG_MGF1_SHA224 => Hash::Sha224,
        ck::CKG_MGF1_SHA256 => Hash::Sha256,
        ck::CKG_MGF1_SHA384 => Hash::Sha384,
        ck::CKG_MGF1_SHA512 => Hash::Sha512,
        ck::CKG_MGF1_SHA3_224 => Hash::Sha3_224,
        ck::CKG_MGF1_SHA3_256 => Hash::Sha3_256,
        ck::CKG_MGF1_SHA3_384 => Hash::Sha3_384,
        ck::CKG_MGF1_SHA3_512 => Hash::Sha3_512,
        other => return Err(bad(format!("mgf 0x{other:x} is not known"))),
    })
}

/// The KDF of CK_ECDH1_DERIVE_PARAMS; `None` for CKD_NULL.
fn kdf_param(id: u64) -> R<Option<Hash>> {
    Ok(Some(match id {
        ck::CKD_NULL => return Ok(None),
        ck::CKD_SHA1_KDF => Hash::Sha1,
        ck::CKD_SHA224_KDF => Hash::Sha224,
        ck::CKD_SHA256_KDF => Hash::Sha256,
        ck::CKD_SHA384_KDF => Hash::Sha384,
        ck::CKD_SHA512_KDF => Hash::Sha512,
        ck::CKD_SHA3_224_KDF => Hash::Sha3_224,
        ck::CKD_SHA3_256_KDF => Hash::Sha3_256,
        ck::CKD_SHA3_384_KDF => Hash::Sha3_384,
        ck::CKD_SHA3_512_KDF => Hash::Sha3_512,
        other => return Err(bad(format!("kdf 0x{other:x} is not known"))),
    }))
}

pub(crate) fn no_parameter(params: &Params) -> R<()> {
    match params {
        Params::None => Ok(()),
        Params::Bytes(bytes) if bytes.is_empty() => Ok(()),
        Params::Malformed(why) => Err(bad(*why)),
        _ => Err(bad("the mechanism takes no parameter")),
    }
}

fn iv<const N: usize>(params: &Params) -> R<[u8; N]> {
    match params {
        Params::Bytes(bytes) => {
            <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| bad(format!("the initialization vector has {} bytes, {N} expected", bytes.len())))
        }
        Params::Malformed(why) => Err(bad(*why)),
        _ => Err(bad(format!("an initialization vector of {N} bytes is missing"))),
    }
}

fn usize_param(n: u64, what: &str) -> R<usize> {
    usize::try_from(n).map_err(|_| bad(format!("{what} is {n}, too large")))
}

fn pss(fixed: Option<Hash>, params: &Params) -> R<Scheme> {
    let Params::Pss { hash, mgf, salt_len } = params else { return Err(wrong_shape(params, "CK_RSA_PKCS_PSS_PARAMS")) };
    let named = hash_param(*hash, "hashAlg")?;
    if fixed.is_some_and(|h| h != named) {
        return Err(bad("hashAlg is not the mechanism's digest"));
    }
    Ok(Scheme::RsaPss { hash: named, mgf: mgf_param(*mgf)?, salt_len: usize_param(*salt_len, "sLen")?, prehashed: fixed.is_none() })
}

fn oaep_parts(hash: u64, mgf: u64, source: u64, label: &[u8]) -> R<(Hash, Hash, Vec<u8>)> {
    // pkcs11-provider 1.3 sends 0/0 where its caller named no digest; OpenSSL's default is SHA-1 for both.
    let hash = if hash == 0 { Hash::Sha1 } else { hash_param(hash, "hashAlg")? };
    let mgf = if mgf == 0 { Hash::Sha1 } else { mgf_param(mgf)? };
    // pkcs11-tool 0.23 sends source 0 with no data.
    if source != ck::CKZ_DATA_SPECIFIED && !(source == 0 && label.is_empty()) {
        return Err(bad(format!("source {source} is not CKZ_DATA_SPECIFIED")));
    }
    Ok((hash, mgf, label.to_vec()))
}

fn wrong_shape(params: &Params, expected: &str) -> crate::token::error::TokenError {
    match params {
        Params::Malformed(why) => bad(*why),
        Params::None => bad(format!("{expected} is missing")),
        _ => bad(format!("{expected} expected")),
    }
}

/// The context and hedging of CK_SIGN_ADDITIONAL_CONTEXT: (deterministic, context).
fn sign_context(params: &Params) -> R<(bool, Vec<u8>)> {
    let (hedge, context) = match params {
        Params::None => return Ok((false, Vec::new())),
        Params::SignContext { hedge, context } | Params::HashSignContext { hedge, context, .. } => (*hedge, context),
        _ => return Err(wrong_shape(params, "CK_SIGN_ADDITIONAL_CONTEXT")),
    };
    if context.len() > 255 {
        return Err(bad(format!("the context has {} bytes, at most 255 allowed", context.len())));
    }
    match hedge {
        ck::CKH_HEDGE_PREFERRED | ck::CKH_HEDGE_REQUIRED => Ok((false, context.clone())),
        ck::CKH_DETERMINISTIC_REQUIRED => Ok((true, context.clone())),
        other => Err(bad(format!("hedgeVariant {other} is not known"))),
    }
}

/// The hash of a pre-hash form: the mechanism's, or the one that the parameter names.
fn prehash(fixed: Option<Hash>, params: &Params) -> R<Hash> {
    match (fixed, params) {
        (Some(hash), _) => Ok(hash),
        (None, Params::HashSignContext { hash, .. }) => hash_param(*hash, "hash"),
        (None, _) => Err(wrong_shape(params, "CK_HASH_SIGN_ADDITIONAL_CONTEXT")),
    }
}

/// A tag length of 1 to `most` bytes (CK_MAC_GENERAL_PARAMS).
fn tag_len(params: &Params, most: usize) -> R<usize> {
    match params {
        Params::Ulong(n) => match usize::try_from(*n) {
            Ok(len) if (1..=most).contains(&len) => Ok(len),
            _ => Err(bad(format!("the tag's length is {n}, 1 to {most} expected"))),
        },
        _ => Err(wrong_shape(params, "CK_MAC_GENERAL_PARAMS")),
    }
}

impl Planner {
    /// What a sign, verify, encrypt, decrypt, wrap or unwrap computes. `crypt` says that data is en- or decrypted, since
    /// CKM_RSA_PKCS and CKM_RSA_X_509 mean different things there. `implicit_reject` is the token's setting for PKCS#1 decryption.
    pub(crate) fn scheme(self, params: &Params, crypt: bool, implicit_reject: bool) -> R<Scheme> {
        Ok(match self {
            Planner::RsaPkcs1(hash) => {
                no_parameter(params)?;
                if crypt { Scheme::RsaPkcs1Crypt { implicit_reject } } else { Scheme::RsaPkcs1 { hash } }
            }
            Planner::RsaRaw => {
                no_parameter(params)?;
                Scheme::RsaRaw
            }
            Planner::Oaep => match params {
                Params::Oaep { hash, mgf, source, label } => {
                    let (hash, mgf, label) = oaep_parts(*hash, *mgf, *source, label)?;
                    Scheme::RsaOaep { hash, mgf, label }
                }
                _ => return Err(wrong_shape(params, "CK_RSA_PKCS_OAEP_PARAMS")),
            },
            Planner::Pss(hash) => pss(hash, params)?,
            Planner::Ecdsa(hash) => {
                no_parameter(params)?;
                Scheme::Ecdsa { hash }
            }
            Planner::Dsa(hash) => {
                no_parameter(params)?;
                Scheme::Dsa { hash }
            }
            Planner::EdDsa => match params {
                Params::None => Scheme::EdDsa { prehash: false, context: Vec::new() },
                Params::EdDsa { prehash, context } => Scheme::EdDsa { prehash: *prehash, context: context.clone() },
                _ => return Err(wrong_shape(params, "CK_EDDSA_PARAMS")),
            },
            Planner::MlDsa => {
                let (deterministic, context) = sign_context(params)?;
                Scheme::MlDsa { context, prehash: None, prehashed: false, deterministic }
            }
            Planner::HashMlDsa(fixed) => {
                let (deterministic, context) = sign_context(params)?;
                Scheme::MlDsa { context, prehash: Some(prehash(fixed, params)?), prehashed: fixed.is_none(), deterministic }
            }
            Planner::HashSlhDsa(fixed) => {
                let (deterministic, context) = sign_context(params)?;
                Scheme::SlhDsa { context, prehash: Some(prehash(fixed, params)?), prehashed: fixed.is_none(), deterministic }
            }
            Planner::SlhDsa => {
                let (deterministic, context) = sign_context(params)?;
                Scheme::SlhDsa { context, prehash: None, prehashed: false, deterministic }
            }
            Planner::Hmac(hash) => {
                no_parameter(params)?;
                Scheme::Hmac { hash, len: hash.len() }
            }
            Planner::HmacGeneral(hash) => Scheme::Hmac { hash, len: tag_len(params, hash.len())? },
            Planner::AesCmacGeneral => Scheme::Cmac { len: tag_len(params, 16)? },
            Planner::AesCmac => {
                no_parameter(params)?;
                Scheme::Cmac { len: 16 }
            }
            Planner::AesEcb => {
                no_parameter(params)?;
                Scheme::AesEcb
            }
            Planner::AesCbc { pad: false } => Scheme::AesCbc { iv: iv(params)? },
            Planner::AesCbc { pad: true } => Scheme::AesCbcPad { iv: iv(params)? },
            Planner::AesCtr => match params {
                Params::Ctr { bits: bits @ 1..=128, counter } => Scheme::AesCtr { counter: *counter, bits: u32::try_from(*bits).unwrap_or(128) },
                Params::Ctr { bits, .. } => return Err(bad(format!("ulCounterBits is {bits}, 1 to 128 expected"))),
                _ => return Err(wrong_shape(params, "CK_AES_CTR_PARAMS")),
            },
            Planner::AesGcm => gcm(params)?,
            Planner::AesKw => Scheme::AesKw {
                iv: match params {
                    Params::None => None,
                    _ => Some(iv(params)?),
                },
            },
            Planner::AesKwp => Scheme::AesKwp {
                iv: match params {
                    Params::None => None,
                    _ => Some(iv(params)?),
                },
            },
            Planner::Digest(_) | Planner::Generate | Planner::Ecdh { .. } | Planner::Dh | Planner::X942 | Planner::MlKem => {
                return Err(Reason::MechanismInvalid.into());
            }
        })
    }

    /// What C_DeriveKey agrees with.
    pub(crate) fn agreement(self, params: &Params, key_type: u64) -> R<Agreement> {
        match self {
            Planner::Ecdh { cofactor } => {
                let Params::Ecdh1 { kdf, shared, public } = params else { return Err(wrong_shape(params, "CK_ECDH1_DERIVE_PARAMS")) };
                let kdf = kdf_param(*kdf)?;
                if kdf.is_none() && !shared.is_empty() {
                    return Err(bad("shared data is given, but CKD_NULL takes none"));
                }
                if public.is_empty() {
                    return Err(bad("the other side's public value is missing"));
                }
                let how = if key_type == ck::CKK_EC_MONTGOMERY {
                    Agree::X25519 { kdf, shared: shared.clone() }
                } else {
                    Agree::Ecdh { kdf, shared: shared.clone(), cofactor }
                };
                Ok(Agreement { how, peer: public.clone() })
            }
            Planner::Dh => match params {
                Params::Bytes(peer) if !peer.is_empty() => Ok(Agreement { how: Agree::Dh, peer: peer.clone() }),
                _ => Err(wrong_shape(params, "the other side's public value")),
            },
            Planner::X942 => match params {
                Params::Ecdh1 { kdf: ck::CKD_NULL, shared, public } if shared.is_empty() && !public.is_empty() => {
                    Ok(Agreement { how: Agree::Dh, peer: public.clone() })
                }
                Params::Ecdh1 { kdf, .. } => Err(bad(format!("kdf {kdf} with other info: only CKD_NULL without is supported"))),
                _ => Err(wrong_shape(params, "CK_X9_42_DH1_DERIVE_PARAMS")),
            },
            _ => Err(Reason::MechanismInvalid.into()),
        }
    }
}

fn gcm(params: &Params) -> R<Scheme> {
    let Params::Gcm { iv, aad, tag_bits } = params else { return Err(wrong_shape(params, "CK_GCM_PARAMS")) };
    // "Any number between 1 and 2^32 - 1"; the edge caps what a parameter may hold.
    if iv.is_empty() {
        return Err(bad("the initialization vector is empty"));
    }
    if !matches!(tag_bits, 32 | 64 | 96 | 104 | 112 | 120 | 128) {
        return Err(bad(format!("ulTagBits is {tag_bits}; 32, 64, 96, 104, 112, 120 or 128 expected")));
    }
    Ok(Scheme::AesGcm { iv: iv.clone(), aad: aad.clone(), tag_len: usize_param(*tag_bits / 8, "ulTagBits")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oaep_without_any_digest_means_sha1() {
        let scheme = Planner::Oaep.scheme(&Params::Oaep { hash: 0, mgf: 0, source: 1, label: vec![] }, true, false).unwrap();
        assert_eq!(scheme, Scheme::RsaOaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: vec![] });
    }

    #[test]
    fn a_pss_parameter_with_another_hash_than_the_mechanisms_is_refused() {
        let params = Params::Pss { hash: ck::CKM_SHA512, mgf: ck::CKG_MGF1_SHA512, salt_len: 64 };
        assert_eq!(Planner::Pss(Some(Hash::Sha256)).scheme(&params, false, false).unwrap_err().reason, Reason::MechanismParamInvalid);
        assert!(Planner::Pss(None).scheme(&params, false, false).is_ok());
    }

    #[test]
    fn a_tag_of_no_legal_length_is_refused() {
        let params = Params::Gcm { iv: vec![0; 12], aad: vec![], tag_bits: 100 };
        assert_eq!(Planner::AesGcm.scheme(&params, true, false).unwrap_err().reason, Reason::MechanismParamInvalid);
    }

    #[test]
    fn a_null_parameter_where_one_is_needed_is_refused_by_name() {
        let e = Planner::Oaep.scheme(&Params::None, true, false).unwrap_err();
        assert!(e.to_string().contains("CK_RSA_PKCS_OAEP_PARAMS"));
    }
}
