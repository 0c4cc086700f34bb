//! Encryption and decryption in one call, and the lengths of their results without computing anything with the key.

use crate::block::{self, Schedule, ccm, ctr::Ctr, feedback::Feedback, gcm, wrap, xts};
use crate::key::{Bytes, Family};
use crate::rsa::Rsa;
use crate::stream::{self, Keystream};
use crate::{CryptoError, Direction, Key, Mode, OutLen, Scheme, hybrid};
use cngtoken_key::Secret;
use zeroize::Zeroizing;

/// Encrypts or decrypts `data`; AES key wrap wraps or unwraps it.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key of another family or half, [`CryptoError::KeySize`] for one of another size, [`CryptoError::DataLen`] or
/// [`CryptoError::EncryptedDataLen`] for a length that the scheme cannot take, [`CryptoError::EncryptedData`] for input that does not decrypt.
pub fn cipher(key: &Key, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Secret, CryptoError> {
    if matches!(scheme, Scheme::RsaAesKwp { .. } | Scheme::EcdhAesKwp { .. }) {
        return hybrid::cipher(key, scheme, dir, data);
    }
    let mut out = match key.family(key.fast(scheme)) {
        Family::Rsa(rsa) => cipher_rsa(&rsa, scheme, dir, data)?,
        Family::Secret(bytes) => cipher_secret(&bytes, scheme, dir, data)?,
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

fn cipher_secret(key: &Bytes<'_>, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let encrypt = dir == Direction::Encrypt;
    match scheme {
        Scheme::Block { cipher, mode } => cipher_block(key.schedule(*cipher)?, cipher.block_len(), mode, dir, data),
        Scheme::AesXts { tweak } => {
            let mut out = Zeroizing::new(data.to_vec());
            xts::unit(key.expose(), *tweak, dir, &mut out)?;
            Ok(out)
        }
        Scheme::AesGcm { iv, aad, tag_len } => cipher_gcm(key, iv, aad, *tag_len, encrypt, data),
        Scheme::AesCcm { nonce, aad, tag_len, data_len } => {
            let text = if encrypt { Some(data.len()) } else { data.len().checked_sub(*tag_len) };
            if data_len.is_some() && *data_len != text {
                return Err(bad_len(dir));
            }
            let aes = key.aes()?;
            if encrypt { ccm::encrypt(aes, nonce, aad, *tag_len, data).map(Zeroizing::new) } else { ccm::decrypt(aes, nonce, aad, *tag_len, data) }
        }
        Scheme::ChaCha20Poly1305 { nonce, aad } => cipher_chacha(key, nonce, aad, encrypt, data),
        Scheme::Stream { cipher, nonce, counter } => {
            let mut out = Zeroizing::new(data.to_vec());
            Keystream::new(*cipher, key.expose(), nonce, *counter)?.apply(&mut out).map_err(|_| bad_len(dir))?;
            Ok(out)
        }
        Scheme::AesKw { iv } if encrypt => wrap::kw_wrap(key.aes()?, *iv, data).map(Zeroizing::new),
        Scheme::AesKw { iv } => wrap::kw_unwrap(key.aes()?, *iv, data),
        Scheme::AesKwp { iv } if encrypt => wrap::kwp_wrap(key.aes()?, *iv, data).map(Zeroizing::new),
        Scheme::AesKwp { iv } => wrap::kwp_unwrap(key.aes()?, *iv, data),
        Scheme::AesKwPkcs7 { iv } if encrypt => wrap::pkcs7_wrap(key.aes()?, *iv, data).map(Zeroizing::new),
        Scheme::AesKwPkcs7 { iv } => wrap::pkcs7_unwrap(key.aes()?, *iv, data),
        Scheme::AesKwEitherPad if encrypt => wrap::kwp_wrap(key.aes()?, None, data).map(Zeroizing::new),
        Scheme::AesKwEitherPad => wrap::either_unwrap(key.aes()?, data),
        _ => Err(CryptoError::KeyType),
    }
}

fn cipher_block(schedule: &Schedule, block: usize, mode: &Mode, dir: Direction, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let encrypt = dir == Direction::Encrypt;
    let whole_blocks = || if data.len().is_multiple_of(block) { Ok(Zeroizing::new(data.to_vec())) } else { Err(bad_len(dir)) };
    match mode {
        Mode::Ecb => {
            let mut out = whole_blocks()?;
            schedule.ecb(encrypt, &mut out);
            Ok(out)
        }
        Mode::Cbc { iv } => {
            let mut out = whole_blocks()?;
            schedule.cbc(encrypt, &mut iv.clone(), &mut out)?;
            Ok(out)
        }
        Mode::CbcPad { iv } if encrypt => {
            let mut out = pad(data, block);
            schedule.cbc(true, &mut iv.clone(), &mut out)?;
            Ok(out)
        }
        Mode::CbcPad { iv } => {
            let mut out = whole_blocks()?;
            let Some(last) = out.len().checked_sub(block) else { return Err(CryptoError::EncryptedDataLen) };
            schedule.cbc(false, &mut iv.clone(), &mut out)?;
            let padding = block::padding_len(out.get(last..).unwrap_or_default(), block)?;
            let len = out.len().saturating_sub(padding);
            out.truncate(len);
            Ok(out)
        }
        Mode::CbcCs1 { iv } => {
            let mut out = Zeroizing::new(data.to_vec());
            schedule.cbc_cs1(encrypt, iv, &mut out)?;
            Ok(out)
        }
        Mode::Ofb { iv } => {
            let mut out = Zeroizing::new(data.to_vec());
            Feedback::ofb(schedule, iv)?.apply(schedule, &mut out);
            Ok(out)
        }
        Mode::Cfb { iv, bits } => {
            let mut out = Zeroizing::new(data.to_vec());
            Feedback::cfb(schedule, iv, *bits, dir)?.apply(schedule, &mut out);
            Ok(out)
        }
        Mode::Ctr { counter, bits } => {
            let mut out = Zeroizing::new(data.to_vec());
            schedule.ctr(&mut Ctr::new(*counter, *bits)?, &mut out).map_err(|e| if e == CryptoError::DataLen { bad_len(dir) } else { e })?;
            Ok(out)
        }
    }
}

fn cipher_gcm(key: &Bytes<'_>, iv: &[u8], aad: &[u8], tag_len: usize, encrypt: bool, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    #[cfg(feature = "fast")]
    if let Some(aws) = key.aws_gcm()
        && tag_len == 16
        && let Ok(nonce) = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(iv)
    {
        return cipher_aws(aws, nonce, aad, encrypt, data);
    }
    let aes = key.aes()?;
    if encrypt { gcm::encrypt(aes, iv, aad, tag_len, data).map(Zeroizing::new) } else { gcm::decrypt(aes, iv, aad, tag_len, data) }
}

fn cipher_chacha(key: &Bytes<'_>, nonce: &[u8], aad: &[u8], encrypt: bool, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    #[cfg(feature = "fast")]
    if let Some(aws) = key.aws_chacha()
        && let Ok(nonce) = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce)
    {
        return cipher_aws(aws, nonce, aad, encrypt, data);
    }
    let bytes = key.expose();
    if encrypt { stream::seal(bytes, nonce, aad, data).map(Zeroizing::new) } else { stream::open(bytes, nonce, aad, data) }
}

/// aws-lc's AEADs, whose tags have 16 bytes here.
#[cfg(feature = "fast")]
fn cipher_aws(
    aws: &aws_lc_rs::aead::LessSafeKey,
    nonce: aws_lc_rs::aead::Nonce,
    aad: &[u8],
    encrypt: bool,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let aad = aws_lc_rs::aead::Aad::from(aad);
    let mut out = Zeroizing::new(Vec::with_capacity(data.len().saturating_add(16)));
    out.extend_from_slice(data);
    if encrypt {
        aws.seal_in_place_append_tag(nonce, aad, &mut *out).map_err(|_| CryptoError::DataLen)?;
        return Ok(out);
    }
    if data.len() < 16 {
        return Err(CryptoError::EncryptedDataLen);
    }
    let len = aws.open_in_place(nonce, aad, &mut out).map_err(|_| CryptoError::EncryptedData)?.len();
    out.truncate(len);
    Ok(out)
}

/// `data` with PKCS#7 padding to blocks of that length.
pub(crate) fn pad(data: &[u8], block: usize) -> Zeroizing<Vec<u8>> {
    let count = block - data.len() % block;
    let mut out = Zeroizing::new(Vec::with_capacity(data.len().saturating_add(block)));
    out.extend_from_slice(data);
    out.resize(data.len().saturating_add(count), u8::try_from(count).unwrap_or(16));
    out
}

/// Bytes that AES key wrap with padding makes of so many.
fn kwp_len(input: usize) -> usize {
    input.div_ceil(8).saturating_add(1).saturating_mul(8)
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
        (Scheme::Block { cipher, mode: Mode::CbcPad { .. } }, _) if encrypt => {
            OutLen::Exact((input / cipher.block_len()).saturating_add(1).saturating_mul(cipher.block_len()))
        }
        (Scheme::Block { mode: Mode::CbcPad { .. }, .. }, _) => OutLen::AtMost(input.saturating_sub(1)),
        (Scheme::Block { .. } | Scheme::AesXts { .. } | Scheme::Stream { .. }, _) => OutLen::Exact(input),
        (Scheme::ChaCha20Poly1305 { .. }, _) if encrypt => OutLen::Exact(input.saturating_add(stream::TAG)),
        (Scheme::ChaCha20Poly1305 { .. }, _) => OutLen::Exact(input.saturating_sub(stream::TAG)),
        (Scheme::AesGcm { tag_len, .. } | Scheme::AesCcm { tag_len, .. }, _) if encrypt => OutLen::Exact(input.saturating_add(*tag_len)),
        (Scheme::AesGcm { tag_len, .. } | Scheme::AesCcm { tag_len, .. }, _) => OutLen::Exact(input.saturating_sub(*tag_len)),
        (Scheme::AesKw { .. }, _) if encrypt => OutLen::Exact(input.saturating_add(8)),
        (Scheme::AesKw { .. }, _) => OutLen::Exact(input.saturating_sub(8)),
        (Scheme::AesKwPkcs7 { .. }, _) if encrypt => OutLen::Exact((input / 8).saturating_add(2).saturating_mul(8)),
        (Scheme::AesKwp { .. } | Scheme::AesKwEitherPad, _) if encrypt => OutLen::Exact(kwp_len(input)),
        (Scheme::AesKwp { .. } | Scheme::AesKwPkcs7 { .. } | Scheme::AesKwEitherPad, _) => OutLen::AtMost(input.saturating_sub(8)),
        (Scheme::RsaAesKwp { .. } | Scheme::EcdhAesKwp { .. }, _) if encrypt => {
            OutLen::Exact(hybrid::head_len(key, scheme).saturating_add(kwp_len(input)))
        }
        (Scheme::RsaAesKwp { .. } | Scheme::EcdhAesKwp { .. }, _) => OutLen::AtMost(input),
        _ => OutLen::AtMost(0),
    }
}
