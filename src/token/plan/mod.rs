//! From a mechanism's row and its parameter to what is computed: a `Scheme` of crypto, as plain data.
//!
//! Each parameter is judged here, once, with a reason. Source: PKCS#11 3.2, the mechanism sections; leniencies that clients
//! need are named where they are taken (`docs/design.md`, "Client leniencies").

mod agreement;
mod asymmetric;
pub(crate) mod derivation;
pub(crate) mod domain;
mod ike;
pub(crate) mod keys;
pub(crate) mod sp800_108;
mod symmetric;
pub(crate) mod tls;
mod wrapping;

use crate::token::error::{R, Reason};
use crate::token::mechanism::{Params, hash_of};
use asymmetric::{oaep_parts, prehash, pss, sign_context};
use cngtoken_crypto::{BlockCipher, Hash, Scheme, StreamCipher, Transport};
use cryptoki_sys as ck;
use derivation::Kdf;
pub(crate) use symmetric::Form;
use symmetric::{ccm, gcm, gmac, iv, mode, optional_iv, stream, tag_len};
use wrapping::{ecdh_aes_key_wrap, rsa_aes_key_wrap};

/// Domain parameters that can be generated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    Dsa,
    /// The primes of a DSA group, from a seed that is told.
    DsaSeeded,
    /// The base that belongs to primes and a seed.
    DsaBase,
    Pkcs3,
    X942,
}

/// How a row plans. Plain data, so that the table stays a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Planner {
    Digest(Hash),
    /// What is generated follows from the key type and the template.
    Generate,
    /// A pair on a curve, by the method with extra random bits.
    GenerateExtraBits,
    GenerateDomain(Group),
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
    Block(BlockCipher, Form),
    AesXts,
    AesGcm,
    AesCcm,
    ChaCha20Poly1305,
    Stream(StreamCipher),
    Poly1305,
    Cmac(BlockCipher),
    /// The parameter is the tag's length.
    CmacGeneral(BlockCipher),
    /// The tag is half a block.
    CbcMac(BlockCipher),
    /// The parameter is the tag's length.
    CbcMacGeneral(BlockCipher),
    /// Bytes of the tag.
    AesXcbcMac(usize),
    AesGmac,
    AesKw,
    /// Two readings of one name: `docs/design.md`, "Client leniencies".
    AesKwPad,
    AesKwp,
    AesKwPkcs7,
    /// A derivation from a secret key.
    Kdf(Kdf),
    TlsMac,
    /// A premaster secret.
    GeneratePremaster,
    RsaAesKeyWrap,
    EcdhAesKeyWrap {
        cofactor: bool,
        transport: Transport,
    },
    /// A key from a password.
    Password(Password),
    /// A private key's public half, by derivation.
    PublicHalf,
}

/// What a key from a password is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Password {
    /// By PBKDF2, of the type that the template names.
    Pbkd2,
    /// By PKCS#12's derivation.
    Des3,
    Des2,
    Hmac,
}

fn bad(why: impl Into<String>) -> crate::token::error::TokenError {
    Reason::MechanismParamInvalid.because(why)
}

fn hash_param(id: u64, what: &str) -> R<Hash> {
    hash_of(id).ok_or_else(|| bad(format!("{what} 0x{id:x} is not a digest that the token knows")))
}

/// The hash of a CKP_PKCS5_PBKD2_HMAC_*.
pub(crate) fn password_hash(id: u64) -> R<Hash> {
    Ok(match id {
        ck::CKP_PKCS5_PBKD2_HMAC_SHA1 => Hash::Sha1,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA224 => Hash::Sha224,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA256 => Hash::Sha256,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA384 => Hash::Sha384,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512 => Hash::Sha512,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512_224 => Hash::Sha512_224,
        ck::CKP_PKCS5_PBKD2_HMAC_SHA512_256 => Hash::Sha512_256,
        other => return Err(bad(format!("prf {other} is not known"))),
    })
}

pub(crate) fn no_parameter(params: &Params) -> R<()> {
    match params {
        Params::None => Ok(()),
        Params::Bytes(bytes) if bytes.is_empty() => Ok(()),
        Params::Malformed(why) => Err(bad(*why)),
        _ => Err(bad("the mechanism takes no parameter")),
    }
}

fn usize_param(n: u64, what: &str) -> R<usize> {
    usize::try_from(n).map_err(|_| bad(format!("{what} is {n}, too large")))
}

fn wrong_shape(params: &Params, expected: &str) -> crate::token::error::TokenError {
    match params {
        Params::Malformed(why) => bad(*why),
        Params::None => bad(format!("{expected} is missing")),
        _ => bad(format!("{expected} expected")),
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
            Planner::CmacGeneral(cipher) => Scheme::Cmac { cipher, len: tag_len(params, cipher.block_len())? },
            Planner::Cmac(cipher) => {
                no_parameter(params)?;
                Scheme::Cmac { cipher, len: cipher.block_len() }
            }
            Planner::CbcMacGeneral(cipher) => Scheme::CbcMac { cipher, len: tag_len(params, cipher.block_len())? },
            Planner::CbcMac(cipher) => {
                no_parameter(params)?;
                Scheme::CbcMac { cipher, len: cipher.block_len() / 2 }
            }
            Planner::AesXcbcMac(len) => {
                no_parameter(params)?;
                Scheme::AesXcbcMac { len }
            }
            Planner::AesGmac => gmac(params)?,
            Planner::Block(cipher, form) => Scheme::Block { cipher, mode: mode(cipher, form, params)? },
            Planner::AesXts => Scheme::AesXts { tweak: iv(params)? },
            Planner::AesGcm => gcm(params)?,
            Planner::AesCcm => ccm(params)?,
            Planner::ChaCha20Poly1305 => match params {
                Params::StreamPoly { nonce, .. } if !matches!(nonce.len(), 12 | 24) => {
                    return Err(bad(format!("the nonce has {} bytes; 12 or 24 expected", nonce.len())));
                }
                Params::StreamPoly { nonce, aad } => Scheme::ChaCha20Poly1305 { nonce: nonce.clone(), aad: aad.clone() },
                _ => return Err(wrong_shape(params, "CK_SALSA20_CHACHA20_POLY1305_PARAMS")),
            },
            Planner::Stream(cipher) => stream(cipher, params)?,
            Planner::Poly1305 => {
                no_parameter(params)?;
                Scheme::Poly1305
            }
            Planner::AesKw => Scheme::AesKw { iv: optional_iv(params)? },
            // The vector of 8 bytes belongs to the reading with PKCS#7.
            Planner::AesKwPad => match optional_iv(params)? {
                None => Scheme::AesKwEitherPad,
                iv => Scheme::AesKwPkcs7 { iv },
            },
            Planner::AesKwp => Scheme::AesKwp { iv: optional_iv(params)? },
            Planner::AesKwPkcs7 => Scheme::AesKwPkcs7 { iv: optional_iv(params)? },
            Planner::TlsMac => tls::mac(params)?,
            Planner::RsaAesKeyWrap => rsa_aes_key_wrap(params)?,
            Planner::EcdhAesKeyWrap { cofactor, transport } => ecdh_aes_key_wrap(params, cofactor, transport)?,
            Planner::Digest(_)
            | Planner::Generate
            | Planner::GenerateExtraBits
            | Planner::GeneratePremaster
            | Planner::GenerateDomain(_)
            | Planner::Ecdh { .. }
            | Planner::Dh
            | Planner::X942
            | Planner::MlKem
            | Planner::Kdf(_)
            | Planner::Password(_)
            | Planner::PublicHalf => {
                return Err(Reason::MechanismInvalid.into());
            }
        })
    }
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
