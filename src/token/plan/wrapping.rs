//! Parameters of the wrapping mechanisms that go by way of a temporary AES key.

use super::agreement::kdf_param;
use super::asymmetric::oaep_parts;
use super::{bad, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::{Agree, Scheme, Transport};

/// Bytes of the temporary key, from ulAESKeyBits.
fn aes_len(bits: u64) -> R<usize> {
    match bits {
        128 => Ok(16),
        192 => Ok(24),
        256 => Ok(32),
        other => Err(bad(format!("ulAESKeyBits is {other}; 128, 192 or 256 expected"))),
    }
}

pub(super) fn rsa_aes_key_wrap(params: &Params) -> R<Scheme> {
    let Params::RsaAesKeyWrap { aes_bits, hash, mgf, source, label } = params else {
        return Err(wrong_shape(params, "CK_RSA_AES_KEY_WRAP_PARAMS"));
    };
    let (hash, mgf, label) = oaep_parts(*hash, *mgf, *source, label)?;
    Ok(Scheme::RsaAesKwp { aes_len: aes_len(*aes_bits)?, hash, mgf, label })
}

pub(super) fn ecdh_aes_key_wrap(params: &Params, cofactor: bool, transport: Transport) -> R<Scheme> {
    let Params::EcdhAesKeyWrap { aes_bits, kdf, shared } = params else {
        return Err(wrong_shape(params, "CK_ECDH_AES_KEY_WRAP_PARAMS"));
    };
    let kdf = kdf_param(*kdf)?;
    if kdf.is_none() && !shared.is_empty() {
        return Err(bad("shared data is given, but CKD_NULL takes none"));
    }
    Ok(Scheme::EcdhAesKwp { aes_len: aes_len(*aes_bits)?, how: Agree::Ecdh { kdf, shared: shared.clone(), cofactor }, transport })
}
