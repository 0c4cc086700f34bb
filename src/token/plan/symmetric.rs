//! Parameters of the secret-key mechanisms: modes of block ciphers, initialisation vectors, tag lengths, GCM.

use super::{bad, no_parameter, usize_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::{BlockCipher, Mode, Scheme, StreamCipher};

/// A mode of a block cipher before its parameter is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Ecb,
    Cbc,
    CbcPad,
    CbcCs1,
    Ofb,
    /// Bits fed back.
    Cfb(usize),
    Ctr,
}

pub(super) fn mode(cipher: BlockCipher, form: Form, params: &Params) -> R<Mode> {
    let iv = || block_iv(cipher, params);
    Ok(match form {
        Form::Ecb => {
            no_parameter(params)?;
            Mode::Ecb
        }
        Form::Cbc => Mode::Cbc { iv: iv()? },
        Form::CbcPad => Mode::CbcPad { iv: iv()? },
        Form::CbcCs1 => Mode::CbcCs1 { iv: iv()? },
        Form::Ofb => Mode::Ofb { iv: iv()? },
        Form::Cfb(bits) => Mode::Cfb { iv: iv()?, bits },
        // CK_CAMELLIA_CTR_PARAMS has the same two fields.
        Form::Ctr => match params {
            Params::Ctr { bits: bits @ 1..=128, counter } => Mode::Ctr { counter: *counter, bits: u32::try_from(*bits).unwrap_or(128) },
            Params::Ctr { bits, .. } => return Err(bad(format!("ulCounterBits is {bits}, 1 to 128 expected"))),
            _ => return Err(wrong_shape(params, "CK_AES_CTR_PARAMS")),
        },
    })
}

fn block_iv(cipher: BlockCipher, params: &Params) -> R<Vec<u8>> {
    match cipher {
        BlockCipher::Des => iv::<8>(params).map(Vec::from),
        BlockCipher::Aes | BlockCipher::Camellia => iv::<16>(params).map(Vec::from),
    }
}

pub(super) fn optional_iv<const N: usize>(params: &Params) -> R<Option<[u8; N]>> {
    match params {
        Params::None => Ok(None),
        _ => iv(params).map(Some),
    }
}

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

/// GMAC: CK_GCM_PARAMS, whose additional data is what is signed and must not be here; or 12 bytes, for the whole tag.
pub(super) fn gmac(params: &Params) -> R<Scheme> {
    if let Params::Bytes(iv) = params {
        return match iv.len() {
            12 => Ok(Scheme::AesGmac { iv: iv.clone(), len: 16 }),
            other => Err(bad(format!("the initialization vector has {other} bytes, 12 expected without CK_GCM_PARAMS"))),
        };
    }
    match gcm(params)? {
        Scheme::AesGcm { iv, aad, tag_len } if aad.is_empty() => Ok(Scheme::AesGmac { iv, len: tag_len }),
        _ => Err(bad("pAAD is given; what GMAC authenticates is the data to sign")),
    }
}

pub(super) fn ccm(params: &Params) -> R<Scheme> {
    let Params::Ccm { data_len, nonce, aad, mac_len } = params else { return Err(wrong_shape(params, "CK_CCM_PARAMS")) };
    if !(7..=13).contains(&nonce.len()) {
        return Err(bad(format!("the nonce has {} bytes, 7 to 13 expected", nonce.len())));
    }
    if !matches!(mac_len, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(bad(format!("ulMACLen is {mac_len}; 4, 6, 8, 10, 12, 14 or 16 expected")));
    }
    // What the nonce leaves of the 15 bytes says how long the data is.
    let length_bits = 8 * (15 - nonce.len());
    if length_bits < 64 && data_len >> length_bits != 0 {
        return Err(bad(format!("ulDataLen is {data_len}, more than a nonce of {} bytes leaves room for", nonce.len())));
    }
    let (tag_len, data_len) = (usize_param(*mac_len, "ulMACLen")?, usize_param(*data_len, "ulDataLen")?);
    Ok(Scheme::AesCcm { nonce: nonce.clone(), aad: aad.clone(), tag_len, data_len: Some(data_len) })
}

pub(super) fn stream(cipher: StreamCipher, params: &Params) -> R<Scheme> {
    let Params::Stream { counter, nonce } = params else { return Err(wrong_shape(params, "CK_CHACHA20_PARAMS or CK_SALSA20_PARAMS")) };
    let small_counter = match (cipher, nonce.len()) {
        (StreamCipher::ChaCha20, 12 | 24) => true,
        (_, 8) | (StreamCipher::Salsa20, 24) => false,
        (_, other) => return Err(bad(format!("a nonce of {other} bytes is none of the cipher's"))),
    };
    if small_counter && u32::try_from(*counter).is_err() {
        return Err(bad(format!("the block counter is {counter}, and has 32 bits with this nonce")));
    }
    Ok(Scheme::Stream { cipher, nonce: nonce.clone(), counter: *counter })
}
