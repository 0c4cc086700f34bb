//! The same operations by aws-lc-rs alone, with ready keys: what a row is compared with.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, UnparsedPublicKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair as RsaKeyPair, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaKeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};

use crate::Failure;
use crate::client::Oaep;
use crate::clock::{Operation, repeat};
use crate::keys::{Curve, Keys};
use crate::rows::Work;

/// Length of the message that the OAEP rows decrypt.
pub(crate) const OAEP_MESSAGE_LEN: usize = 32;

/// The row's operation; `None` where there is nothing to compare with.
pub(crate) fn prepare(work: Work, keys: &Keys) -> Result<Option<Operation>, Failure> {
    let operation = match work {
        Work::RsaSign { bits } | Work::RsaSignRaw { bits } => {
            let pair = RsaKeyPair::from_pkcs8(&keys.rsa_pkcs8(bits)?)?;
            let mut out = vec![0; pair.public_modulus_len()];
            repeat(move || Ok(pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &[7; 32], &mut out)?))
        }
        Work::RsaVerify { bits } => {
            let pair = RsaKeyPair::from_pkcs8(&keys.rsa_pkcs8(bits)?)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &[7; 32], &mut signature)?;
            let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key())?;
            repeat(move || Ok(public.verify_sig(&[7; 32], &signature)?))
        }
        Work::OaepDecrypt { digest } => {
            let ciphertext = oaep_ciphertext(keys, digest)?;
            let private = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&keys.rsa_pkcs8(2048)?)?)?;
            repeat(move || Ok(private.decrypt(algorithm(digest), &ciphertext, &mut [0; 256], None).map(drop)?))
        }
        Work::EcdsaSign { curve } => {
            let pair = ecdsa(keys, curve)?;
            repeat(move || Ok(pair.sign(&SystemRandom::new(), &[7; 32]).map(drop)?))
        }
        Work::EcdsaVerify { curve } => {
            let pair = ecdsa(keys, curve)?;
            let signature = pair.sign(&SystemRandom::new(), &[7; 32])?;
            let algorithm = match curve {
                Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                Curve::P384 => &ECDSA_P384_SHA384_FIXED,
            };
            let public = ParsedPublicKey::new(algorithm, pair.public_key())?;
            repeat(move || Ok(public.verify_sig(&[7; 32], signature.as_ref())?))
        }
        Work::Ecdh { curve } => {
            let algorithm = match curve {
                Curve::P256 => &ECDH_P256,
                Curve::P384 => &ECDH_P384,
            };
            let private = agreement::PrivateKey::from_private_key(algorithm, &keys.ec(curve)?.scalar)?;
            let peer = crate::keys::ec(curve)?.point;
            repeat(move || {
                agreement::agree(&private, UnparsedPublicKey::new(algorithm, &peer), Failure::from("no agreement"), |secret| {
                    std::hint::black_box(secret.first());
                    Ok(())
                })
            })
        }
        Work::Gcm => {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &keys.aes()?)?);
            let mut counter = 0_u64;
            let mut data = [7; 1024];
            repeat(move || {
                counter += 1;
                let mut iv = [0; 12];
                iv[4..].copy_from_slice(&counter.to_be_bytes());
                Ok(key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut data).map(drop)?)
            })
        }
        Work::Sha256 => repeat(|| {
            std::hint::black_box(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, std::hint::black_box(&[7; 16])));
            Ok(())
        }),
        Work::Random => repeat(|| Ok(aws_lc_rs::rand::fill(std::hint::black_box(&mut [0; 32]))?)),
        Work::SessionInfo | Work::OpenClose | Work::Find => return Ok(None),
    };
    Ok(Some(operation))
}

/// What the OAEP rows decrypt.
pub(crate) fn oaep_ciphertext(keys: &Keys, digest: Oaep) -> Result<Vec<u8>, Failure> {
    let public = OaepPublicEncryptingKey::new(PrivateDecryptingKey::from_pkcs8(&keys.rsa_pkcs8(2048)?)?.public_key())?;
    let mut ciphertext = vec![0; public.ciphertext_size()];
    public.encrypt(algorithm(digest), &[9; OAEP_MESSAGE_LEN], &mut ciphertext, None)?;
    Ok(ciphertext)
}

fn algorithm(digest: Oaep) -> &'static OaepAlgorithm {
    match digest {
        Oaep::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Oaep::Sha256 => &OAEP_SHA256_MGF1SHA256,
    }
}

fn ecdsa(keys: &Keys, curve: Curve) -> Result<EcdsaKeyPair, Failure> {
    let numbers = keys.ec(curve)?;
    Ok(EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &numbers.scalar, &numbers.point)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    #[test]
    fn every_row_that_has_a_bare_form_runs() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::generate(folder.path()).unwrap();

        for row in ROWS {
            if let Some(mut operation) = prepare(row.work, &keys).unwrap() {
                operation(2).unwrap_or_else(|failure| panic!("{}: {failure}", row.name));
            }
        }
    }
}
