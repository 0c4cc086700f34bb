//! Parameters of the secret-key mechanisms: initialisation vectors, tag lengths, GCM.

use super::{bad, usize_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::Scheme;

pub(super) fn iv<const N: usize>(params: &Params) -> R<[u8; N]> {
    match params {
        Params::Bytes(bytes) => {
            <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| bad(format!("the initialization vector has {} bytes, {N} expected", bytes.len())))
        }
        Params::Malformed(why) => Err(bad(*why)),
        _ => Err(bad(format!("an initialization vector of {N} bytes is missing"))),
    }
}

/// A tag length of 1 to `most` bytes (CK_MAC_GENERAL_PARAMS).
pub(super) fn tag_len(params: &Params, most: usize) -> R<usize> {
    match params {
        Params::Ulong(n) => match usize::try_from(*n) {
            Ok(len) if (1..=most).contains(&len) => Ok(len),
            _ => Err(bad(format!("the tag's length is {n}, 1 to {most} expected"))),
        },
        _ => Err(wrong_shape(params, "CK_MAC_GENERAL_PARAMS")),
    }
}

pub(super) fn gcm(params: &Params) -> R<Scheme> {
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
