//! Signatures and MACs in one call. Every scheme with a hash is a digest first and one operation on the digest second, so that streams and
//! one-shot calls cannot differ.

use crate::key::{Bytes, Family};
use crate::mac::Mac;
use crate::mldsa::Form;
use crate::resume::{self, Resumable};
use crate::rsa::{Pss, Rsa};
use crate::{CryptoError, Hash, Key, Prf, Scheme, digest, edwards, kdf};
use cngtoken_key::KeyParts;
use subtle::ConstantTimeEq;

/// What a scheme computes on.
pub(crate) enum Input<'a> {
    /// The message, or whatever a scheme without a hash takes.
    Data(&'a [u8]),
    /// The digest of the scheme's hash over the message.
    Digest(&'a [u8]),
}

/// The hash that a scheme lays over the message before it computes.
pub(crate) fn message_hash(scheme: &Scheme) -> Option<Hash> {
    match scheme {
        Scheme::RsaPkcs1 { hash } | Scheme::Ecdsa { hash } | Scheme::Dsa { hash } => *hash,
        Scheme::RsaPss { hash, prehashed: false, .. } => Some(*hash),
        Scheme::EdDsa { prehash: true, .. } => Some(Hash::Sha512),
        Scheme::MlDsa { prehash, prehashed: false, .. } | Scheme::SlhDsa { prehash, prehashed: false, .. } => *prehash,
        _ => None,
    }
}

/// Signs (or MACs) `data`.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key of another family or half; [`CryptoError::DataLen`], [`CryptoError::DataInvalid`],
/// [`CryptoError::KeySize`], [`CryptoError::Param`] as the scheme demands.
pub fn sign(key: &Key, scheme: &Scheme, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    match message_hash(scheme) {
        Some(hash) => sign_input(key, scheme, &Input::Digest(&digest(hash, data))),
        None => sign_input(key, scheme, &Input::Data(data)),
    }
}

/// Verifies `sig` over `data`.
///
/// # Errors
/// [`CryptoError::Signature`] or [`CryptoError::SignatureLen`] for a wrong signature; otherwise as [`sign`].
pub fn verify(key: &Key, scheme: &Scheme, data: &[u8], sig: &[u8]) -> Result<(), CryptoError> {
    match message_hash(scheme) {
        Some(hash) => verify_input(key, scheme, &Input::Digest(&digest(hash, data)), sig),
        None => verify_input(key, scheme, &Input::Data(data), sig),
    }
}

/// What was signed, from the signature: [`Scheme::RsaPkcs1`] without a hash and [`Scheme::RsaRaw`].
///
/// # Errors
/// [`CryptoError::Signature`] if there is no valid padding; [`CryptoError::KeyType`] for another scheme or key.
pub fn recover(key: &Key, scheme: &Scheme, sig: &[u8]) -> Result<Vec<u8>, CryptoError> {
    match (scheme, key.family(key.fast(scheme))) {
        (Scheme::RsaPkcs1 { hash: None }, Family::Rsa(rsa)) => rsa.recover_pkcs1(sig),
        (Scheme::RsaRaw, Family::Rsa(rsa)) => rsa.recover_raw(sig),
        _ => Err(CryptoError::KeyType),
    }
}

/// Bytes of a signature; 0 if key and scheme do not fit. Computes nothing.
#[must_use]
pub fn signature_len(key: &Key, scheme: &Scheme) -> usize {
    match (scheme, key.family(false)) {
        (Scheme::RsaPkcs1 { .. } | Scheme::RsaRaw | Scheme::RsaPss { .. }, Family::Rsa(rsa)) => rsa.bytes(),
        (Scheme::Ecdsa { .. }, Family::Ec(ec)) => ec.signature_len(),
        (Scheme::EdDsa { .. }, Family::Edwards(_)) => edwards::SIGNATURE,
        (Scheme::Dsa { .. }, Family::Dsa(dsa)) => dsa.signature_len(),
        (Scheme::MlDsa { .. }, Family::MlDsa(key)) => key.public.set.signature_bytes(),
        (Scheme::SlhDsa { .. }, Family::SlhDsa(key)) => key.public.set.signature_bytes(),
        (
            Scheme::Hmac { len, .. }
            | Scheme::Cmac { len, .. }
            | Scheme::CbcMac { len, .. }
            | Scheme::AesXcbcMac { len }
            | Scheme::AesGmac { len, .. }
            | Scheme::TlsMac { len, .. },
            Family::Secret(_),
        ) => *len,
        (Scheme::Poly1305, Family::Secret(_)) => crate::stream::TAG,
        _ => 0,
    }
}

/// False for the schemes that take their input in one piece.
#[must_use]
pub fn streams(scheme: &Scheme) -> bool {
    match scheme {
        Scheme::RsaPkcs1 { hash } | Scheme::Ecdsa { hash } | Scheme::Dsa { hash } => hash.is_some(),
        Scheme::RsaPss { prehashed, .. } | Scheme::MlDsa { prehashed, .. } | Scheme::SlhDsa { prehashed, .. } => !prehashed,
        Scheme::RsaRaw | Scheme::RsaPkcs1Crypt { .. } | Scheme::RsaOaep { .. } => false,
        Scheme::AesKw { .. } | Scheme::AesKwp { .. } | Scheme::AesKwPkcs7 { .. } | Scheme::AesKwEitherPad => false,
        Scheme::RsaAesKwp { .. } | Scheme::EcdhAesKwp { .. } => false,
        Scheme::EdDsa { .. }
        | Scheme::Hmac { .. }
        | Scheme::Cmac { .. }
        | Scheme::CbcMac { .. }
        | Scheme::AesXcbcMac { .. }
        | Scheme::AesGmac { .. }
        | Scheme::TlsMac { .. }
        | Scheme::Block { .. }
        | Scheme::AesXts { .. }
        | Scheme::ChaCha20Poly1305 { .. }
        | Scheme::Stream { .. }
        | Scheme::Poly1305
        | Scheme::AesGcm { .. } => true,
        Scheme::AesCcm { data_len, .. } => data_len.is_some(),
    }
}

fn data<'a>(input: &Input<'a>) -> &'a [u8] {
    match input {
        Input::Data(data) | Input::Digest(data) => data,
    }
}

/// PSS's parameters, with the digest's length checked.
fn pss(scheme: &Scheme, digest: &[u8]) -> Result<Pss, CryptoError> {
    match scheme {
        Scheme::RsaPss { hash, mgf, salt_len, .. } if digest.len() == hash.len() => Ok(Pss { hash: *hash, mgf: *mgf, salt_len: *salt_len }),
        Scheme::RsaPss { .. } => Err(CryptoError::DataLen),
        _ => Err(CryptoError::KeyType),
    }
}

/// The MAC that a scheme names, over `data`.
pub(crate) fn mac(key: &Bytes<'_>, scheme: &Scheme) -> Result<(Mac, usize), CryptoError> {
    let (most, len) = match scheme {
        Scheme::Hmac { hash, len } => (hash.len(), *len),
        Scheme::Cmac { cipher, len } | Scheme::CbcMac { cipher, len } => (cipher.block_len(), *len),
        Scheme::AesXcbcMac { len } | Scheme::AesGmac { len, .. } => (crate::block::BLOCK, *len),
        Scheme::Poly1305 => (crate::stream::TAG, crate::stream::TAG),
        _ => return Err(CryptoError::KeyType),
    };
    if !(1..=most).contains(&len) {
        return Err(CryptoError::Param("the tag's length is 0 or more than the whole tag"));
    }
    let mac = match scheme {
        Scheme::Hmac { hash, .. } => key.hmac(*hash)?,
        Scheme::Cmac { cipher, .. } => key.cmac(*cipher)?,
        Scheme::CbcMac { cipher, .. } => Mac::cbc_mac(key.schedule(*cipher)?),
        Scheme::AesXcbcMac { .. } => Mac::xcbc(key.aes()?)?,
        Scheme::AesGmac { iv, len } => Mac::gmac(key.aes()?, iv, *len)?,
        Scheme::Poly1305 => Mac::poly1305(key.expose())?,
        _ => return Err(CryptoError::KeyType),
    };
    Ok((mac, len))
}

/// The same for a stream, fresh or taken up again: HMAC and CMAC in the form whose state can be saved.
pub(crate) fn resumable(key: &Bytes<'_>, scheme: &Scheme, state: Option<&[u8]>) -> Result<(Resumable, usize), CryptoError> {
    // Judges the tag's length, and is the MAC where no other form exists.
    let (mac, len) = mac(key, scheme)?;
    let resumable = match (scheme, state) {
        (Scheme::Hmac { hash, .. }, None) => Resumable::Hmac(resume::Hmac::new(*hash, key.expose())),
        (Scheme::Hmac { hash, .. }, Some(state)) => Resumable::Hmac(resume::Hmac::resume(*hash, key.expose(), state).ok_or(resume::NO_STATE)?),
        (Scheme::Cmac { cipher, .. }, None) => Resumable::Cmac(resume::Cmac::new(key.schedule(*cipher)?, cipher.block_len())),
        (Scheme::Cmac { cipher, .. }, Some(state)) => {
            Resumable::Cmac(resume::Cmac::resume(key.schedule(*cipher)?, cipher.block_len(), state).ok_or(resume::NO_STATE)?)
        }
        (_, None) => Resumable::Other(mac),
        (_, Some(_)) => return Err(resume::NO_STATE),
    };
    Ok((resumable, len))
}

pub(crate) fn sign_input(key: &Key, scheme: &Scheme, input: &Input<'_>) -> Result<Vec<u8>, CryptoError> {
    match (scheme, key.family(key.fast(scheme))) {
        (_, Family::Rsa(rsa)) => sign_rsa(&rsa, scheme, data(input)),
        (Scheme::Ecdsa { .. }, Family::Ec(ec)) => ec.sign(data(input)),
        (Scheme::EdDsa { prehash, context }, Family::Edwards(key)) => key.sign(*prehash, context, data(input)),
        (Scheme::Dsa { .. }, Family::Dsa(dsa)) => dsa.sign(data(input)),
        (Scheme::MlDsa { context, prehash, deterministic, .. }, Family::MlDsa(key)) => {
            key.sign(Form { context, prehash: *prehash }, *deterministic, data(input))
        }
        (Scheme::SlhDsa { context, prehash, deterministic, .. }, Family::SlhDsa(key)) => {
            key.sign(Form { context, prehash: *prehash }, *deterministic, data(input))
        }
        (Scheme::TlsMac { prf, label, len }, _) => tls_mac(*prf, key, label, data(input), *len),
        (scheme, Family::Secret(bytes)) => {
            let (mut mac, len) = mac(&bytes, scheme)?;
            mac.update(data(input));
            Ok(mac.finish(len))
        }
        _ => Err(CryptoError::KeyType),
    }
}

/// The tag of TLS's Finished message, whose function wants the whole message.
fn tls_mac(prf: Prf, key: &Key, label: &[u8], data: &[u8], len: usize) -> Result<Vec<u8>, CryptoError> {
    match key.parts() {
        KeyParts::Secret(secret) => kdf::tls::prf(prf, secret.expose(), &[label, data], len).map(|tag| tag.to_vec()),
        _ => Err(CryptoError::KeyType),
    }
}

fn sign_rsa(rsa: &Rsa<'_>, scheme: &Scheme, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if rsa.private.is_none() {
        return Err(CryptoError::KeyType);
    }
    match scheme {
        Scheme::RsaPkcs1 { hash: Some(hash) } => rsa.sign_pkcs1(*hash, data),
        Scheme::RsaPkcs1 { hash: None } => rsa.sign_pkcs1_content(data),
        Scheme::RsaRaw => rsa.sign_raw(data),
        Scheme::RsaPss { .. } => rsa.sign_pss(pss(scheme, data)?, data),
        _ => Err(CryptoError::KeyType),
    }
}

pub(crate) fn verify_input(key: &Key, scheme: &Scheme, input: &Input<'_>, sig: &[u8]) -> Result<(), CryptoError> {
    match (scheme, key.family(key.fast(scheme))) {
        (Scheme::RsaPkcs1 { hash: Some(hash) }, Family::Rsa(rsa)) => rsa.verify_pkcs1(*hash, data(input), sig),
        (Scheme::RsaPkcs1 { hash: None }, Family::Rsa(rsa)) => rsa.verify_pkcs1_content(data(input), sig),
        (Scheme::RsaRaw, Family::Rsa(rsa)) => rsa.verify_raw(data(input), sig),
        (Scheme::RsaPss { .. }, Family::Rsa(rsa)) => rsa.verify_pss(pss(scheme, data(input))?, data(input), sig),
        (Scheme::Ecdsa { .. }, Family::Ec(ec)) => ec.verify(data(input), sig),
        (Scheme::EdDsa { prehash, context }, Family::Edwards(key)) => key.verify(*prehash, context, data(input), sig),
        (Scheme::Dsa { .. }, Family::Dsa(dsa)) => dsa.verify(data(input), sig),
        (Scheme::MlDsa { context, prehash, .. }, Family::MlDsa(key)) => key.verify(Form { context, prehash: *prehash }, data(input), sig),
        (Scheme::SlhDsa { context, prehash, .. }, Family::SlhDsa(key)) => key.verify(Form { context, prehash: *prehash }, data(input), sig),
        (Scheme::TlsMac { prf, label, len }, _) => check_tag(&tls_mac(*prf, key, label, data(input), *len)?, sig),
        (scheme, Family::Secret(bytes)) => {
            let (mut mac, len) = mac(&bytes, scheme)?;
            mac.update(data(input));
            check_tag(&mac.finish(len), sig)
        }
        _ => Err(CryptoError::KeyType),
    }
}

/// Compares tags without telling where they differ.
pub(crate) fn check_tag(expected: &[u8], found: &[u8]) -> Result<(), CryptoError> {
    if expected.len() != found.len() {
        return Err(CryptoError::SignatureLen);
    }
    if bool::from(expected.ct_eq(found)) { Ok(()) } else { Err(CryptoError::Signature) }
}
