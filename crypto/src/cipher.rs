//! Encryption and decryption in one call, and the lengths of their results without computing anything with the key.

use crate::block::{self, BLOCK, ctr::Ctr, gcm, wrap};
use crate::key::{Bytes, Family};
use crate::rsa::Rsa;
use crate::{CryptoError, Direction, Key, OutLen, Scheme};
use cngtoken_key::Secret;
use zeroize::Zeroizing;

/// Encrypts or decrypts `data`; AES key wrap wraps or unwraps it.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key of another family or half, [`CryptoError::KeySize`] for one of another size, [`CryptoError::DataLen`] or
/// [`CryptoError::EncryptedDataLen`] for a length that the scheme cannot take, [`CryptoError::EncryptedData`] for input that does not decrypt.
pub fn cipher(key: &Key, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Secret, CryptoError> {
    let mut out = match key.family(key.fast(scheme)) {
        Family::Rsa(rsa) => cipher_rsa(&rsa, scheme, dir, data)?,
        Family::Secret(bytes) => cipher_aes(&bytes, scheme, dir, data)?,
        _ => return Err(CryptoError::KeyType),
    };
    Ok(Secret::new(std::mem::take(&mut *out)))
}

fn cipher_rsa(rsa: &Rsa<'_>, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match (scheme, dir) {
        (Scheme::RsaPkcs1Crypt { .. }, Direction::Encrypt) => rsa.encrypt_pkcs1(data),
        (Scheme::RsaPkcs1Crypt { implicit_reject }, Direction::Decrypt) => rsa.decrypt_pkcs1(data, *implicit_reject),
        (Scheme::RsaOaep { hash, mgf, label }, Direction::Encrypt) => rsa.encrypt_oaep(*hash, *mgf, label, data),
        (Scheme::RsaOaep { hash, mgf, label }, Direction::Decrypt) => rsa.decrypt_oaep(*hash, *mgf, label, data),
        (Scheme::RsaRaw, Direction::Encrypt) => rsa.encrypt_raw(data),
        (Scheme::RsaRaw, Direction::Decrypt) => rsa.decrypt_raw(data),
        _ => Err(CryptoError::KeyType),
    }
}

/// The error for a length that a scheme cannot take.
pub(crate) fn bad_len(dir: Direction) -> CryptoError {
    match dir {
        Direction::Encrypt => CryptoError::DataLen,
        Direction::Decrypt => CryptoError::EncryptedDataLen,
    }
}

fn cipher_aes(key: &Bytes<'_>, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let encrypt = dir == Direction::Encrypt;
    let whole_blocks = || if data.len().is_multiple_of(BLOCK) { Ok(Zeroizing::new(data.to_vec())) } else { Err(bad_len(dir)) };
    match scheme {
        Scheme::AesEcb => {
            let aes = key.aes()?;
            let mut out = whole_blocks()?;
            aes.ecb(encrypt, &mut out);
            Ok(out)
        }
        Scheme::AesCbc { iv } => {
            let aes = key.aes()?;
            let mut out = whole_blocks()?;
            aes.cbc(encrypt, &mut iv.clone(), &mut out);
            Ok(out)
        }
        Scheme::AesCbcPad { iv } if encrypt => {
            let aes = key.aes()?;
            let mut out = pad(data);
            aes.cbc(true, &mut iv.clone(), &mut out);
            Ok(out)
        }
        Scheme::AesCbcPad { iv } => {
            let aes = key.aes()?;
            let mut out = whole_blocks()?;
            if out.is_empty() {
                return Err(CryptoError::EncryptedDataLen);
            }
            aes.cbc(false, &mut iv.clone(), &mut out);
            let padding = block::padding_len(out.last_chunk::<BLOCK>().map_or(&[], |b| b.as_slice()))?;
            let len = out.len().saturating_sub(padding);
            out.truncate(len);
            Ok(out)
        }
        Scheme::AesCtr { counter, bits } => {
            let mut out = Zeroizing::new(data.to_vec());
            Ctr::new(*counter, *bits)?.apply(key.aes()?, &mut out).map_err(|_| bad_len(dir))?;
            Ok(out)
        }
        Scheme::AesGcm { iv, aad, tag_len } => cipher_gcm(key, iv, aad, *tag_len, encrypt, data),
        Scheme::AesKw { iv } if encrypt => wrap::kw_wrap(key.aes()?, *iv, data).map(Zeroizing::new),
        Scheme::AesKw { iv } => wrap::kw_unwrap(key.aes()?, *iv, data),
        Scheme::AesKwp { iv } if encrypt => wrap::kwp_wrap(key.aes()?, *iv, data).map(Zeroizing::new),
        Scheme::AesKwp { iv } => wrap::kwp_unwrap(key.aes()?, *iv, data),
        _ => Err(CryptoError::KeyType),
    }
}

fn cipher_gcm(key: &Bytes<'_>, iv: &[u8], aad: &[u8], tag_len: usize, encrypt: bool, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    #[cfg(feature = "fast")]
    if let Some(aws) = key.aws_gcm()
        && tag_len == 16
        && let Ok(nonce) = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(iv)
    {
        let aad = aws_lc_rs::aead::Aad::from(aad);
        let mut out = Zeroizing::new(Vec::with_capacity(data.len().saturating_add(tag_len)));
        out.extend_from_slice(data);
        if encrypt {
            aws.seal_in_place_append_tag(nonce, aad, &mut *out).map_err(|_| CryptoError::DataLen)?;
            return Ok(out);
        }
        if data.len() < tag_len {
            return Err(CryptoError::EncryptedDataLen);
        }
        let len = aws.open_in_place(nonce, aad, &mut out).map_err(|_| CryptoError::EncryptedData)?.len();
        out.truncate(len);
        return Ok(out);
    }
    let aes = key.aes()?;
    if encrypt { gcm::encrypt(aes, iv, aad, tag_len, data).map(Zeroizing::new) } else { gcm::decrypt(aes, iv, aad, tag_len, data) }
}

/// `data` with PKCS#7 padding.
pub(crate) fn pad(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let count = BLOCK - data.len() % BLOCK;
    let mut out = Zeroizing::new(Vec::with_capacity(data.len().saturating_add(BLOCK)));
    out.extend_from_slice(data);
    out.resize(data.len().saturating_add(count), u8::try_from(count).unwrap_or(16));
    out
}

/// Bytes that [`cipher`] gives for `input` bytes. Computes nothing with the key; input that [`cipher`] would refuse may get any answer.
#[must_use]
pub fn cipher_len(key: &Key, scheme: &Scheme, dir: Direction, input: usize) -> OutLen {
    let encrypt = dir == Direction::Encrypt;
    match (scheme, key.family(false)) {
        (Scheme::RsaRaw, Family::Rsa(rsa)) => OutLen::Exact(rsa.bytes()),
        (Scheme::RsaPkcs1Crypt { .. } | Scheme::RsaOaep { .. }, Family::Rsa(rsa)) if encrypt => OutLen::Exact(rsa.bytes()),
        (Scheme::RsaPkcs1Crypt { .. }, Family::Rsa(rsa)) => OutLen::AtMost(rsa.bytes().saturating_sub(11)),
        (Scheme::RsaOaep { hash, .. }, Family::Rsa(rsa)) => OutLen::AtMost(rsa.bytes().saturating_sub(2 * hash.len() + 2)),
        (Scheme::AesEcb | Scheme::AesCbc { .. } | Scheme::AesCtr { .. }, _) => OutLen::Exact(input),
        (Scheme::AesCbcPad { .. }, _) if encrypt => OutLen::Exact((input / BLOCK).saturating_add(1).saturating_mul(BLOCK)),
        (Scheme::AesCbcPad { .. }, _) => OutLen::AtMost(input.saturating_sub(1)),
        (Scheme::AesGcm { tag_len, .. }, _) if encrypt => OutLen::Exact(input.saturating_add(*tag_len)),
        (Scheme::AesGcm { tag_len, .. }, _) => OutLen::Exact(input.saturating_sub(*tag_len)),
        (Scheme::AesKw { .. }, _) if encrypt => OutLen::Exact(input.saturating_add(8)),
        (Scheme::AesKw { .. }, _) => OutLen::Exact(input.saturating_sub(8)),
        (Scheme::AesKwp { .. }, _) if encrypt => OutLen::Exact(input.div_ceil(8).saturating_add(1).saturating_mul(8)),
        (Scheme::AesKwp { .. }, _) => OutLen::AtMost(input.saturating_sub(8)),
        _ => OutLen::AtMost(0),
    }
}
