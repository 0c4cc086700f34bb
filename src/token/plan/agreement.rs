//! Parameters of the key agreements: the other side's public value, and the derivation that follows.

use super::{Planner, bad, wrong_shape};
use crate::token::error::{R, Reason};
use crate::token::mechanism::Params;
use cngtoken_crypto::{Agree, AgreeKdf, Hash};
use cryptoki_sys as ck;

/// A key agreement: how, and the other side's public value.
pub(crate) struct Agreement {
    pub(crate) how: Agree,
    pub(crate) peer: Vec<u8>,
}

/// The KDF of CK_ECDH1_DERIVE_PARAMS; `None` for CKD_NULL.
pub(super) fn kdf_param(id: u64) -> R<Option<AgreeKdf>> {
    let one_step = (ck::CKD_SHA1_KDF_SP800..=ck::CKD_SHA3_512_KDF_SP800).contains(&id);
    let hash = match id {
        ck::CKD_NULL => return Ok(None),
        ck::CKD_SHA1_KDF | ck::CKD_SHA1_KDF_SP800 => Hash::Sha1,
        ck::CKD_SHA224_KDF | ck::CKD_SHA224_KDF_SP800 => Hash::Sha224,
        ck::CKD_SHA256_KDF | ck::CKD_SHA256_KDF_SP800 => Hash::Sha256,
        ck::CKD_SHA384_KDF | ck::CKD_SHA384_KDF_SP800 => Hash::Sha384,
        ck::CKD_SHA512_KDF | ck::CKD_SHA512_KDF_SP800 => Hash::Sha512,
        ck::CKD_SHA3_224_KDF | ck::CKD_SHA3_224_KDF_SP800 => Hash::Sha3_224,
        ck::CKD_SHA3_256_KDF | ck::CKD_SHA3_256_KDF_SP800 => Hash::Sha3_256,
        ck::CKD_SHA3_384_KDF | ck::CKD_SHA3_384_KDF_SP800 => Hash::Sha3_384,
        ck::CKD_SHA3_512_KDF | ck::CKD_SHA3_512_KDF_SP800 => Hash::Sha3_512,
        other => return Err(bad(format!("kdf 0x{other:x} is not known"))),
    };
    Ok(Some(if one_step { AgreeKdf::OneStep(hash) } else { AgreeKdf::X963(hash) }))
}

impl Planner {
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
