//! Parameters of the public-key mechanisms: PSS, OAEP, contexts and pre-hashes of the post-quantum signatures.

use super::{bad, hash_param, usize_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::{Hash, Scheme};
use cryptoki_sys as ck;

/// The hash of an MGF1 identifier.
pub(super) fn mgf_param(id: u64) -> R<Hash> {
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

pub(super) fn pss(fixed: Option<Hash>, params: &Params) -> R<Scheme> {
    let Params::Pss { hash, mgf, salt_len } = params else { return Err(wrong_shape(params, "CK_RSA_PKCS_PSS_PARAMS")) };
    let named = hash_param(*hash, "hashAlg")?;
    if fixed.is_some_and(|h| h != named) {
        return Err(bad("hashAlg is not the mechanism's digest"));
    }
    Ok(Scheme::RsaPss { hash: named, mgf: mgf_param(*mgf)?, salt_len: usize_param(*salt_len, "sLen")?, prehashed: fixed.is_none() })
}

pub(super) fn oaep_parts(hash: u64, mgf: u64, source: u64, label: &[u8]) -> R<(Hash, Hash, Vec<u8>)> {
    // pkcs11-provider 1.3 sends 0/0 where its caller named no digest; OpenSSL's default is SHA-1 for both.
    let hash = if hash == 0 { Hash::Sha1 } else { hash_param(hash, "hashAlg")? };
    let mgf = if mgf == 0 { Hash::Sha1 } else { mgf_param(mgf)? };
    // pkcs11-tool 0.23 sends source 0 with no data.
    if source != ck::CKZ_DATA_SPECIFIED && !(source == 0 && label.is_empty()) {
        return Err(bad(format!("source {source} is not CKZ_DATA_SPECIFIED")));
    }
    Ok((hash, mgf, label.to_vec()))
}

/// The context and hedging of CK_SIGN_ADDITIONAL_CONTEXT: (deterministic, context).
pub(super) fn sign_context(params: &Params) -> R<(bool, Vec<u8>)> {
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
pub(super) fn prehash(fixed: Option<Hash>, params: &Params) -> R<Hash> {
    match (fixed, params) {
        (Some(hash), _) => Ok(hash),
        (None, Params::HashSignContext { hash, .. }) => hash_param(*hash, "hash"),
        (None, _) => Err(wrong_shape(params, "CK_HASH_SIGN_ADDITIONAL_CONTEXT")),
    }
}
