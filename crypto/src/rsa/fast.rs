//! RSA in aws-lc: keys of 2048 to 8192 bits with two primes of one width. Each key form of aws-lc-rs is built when first asked for and kept.
//! `None` means that aws-lc-rs does not offer the operation; the caller then computes it itself.

use crate::{CryptoError, Hash};
use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey, PublicKey, PublicKeyComponents,
};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaParameters,
};
use cngtoken_key::{RsaPrivate, RsaPublic};
use rsa::pkcs1::der::{Encode, asn1::UintRef};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// How a signature is padded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Pkcs1,
    /// MGF and salt as the hash.
    Pss,
}

const VERIFIERS: [(Padding, Hash, &RsaParameters); 7] = [
    (Padding::Pkcs1, Hash::Sha1, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    (Padding::Pkcs1, Hash::Sha256, &RSA_PKCS1_2048_8192_SHA256),
    (Padding::Pkcs1, Hash::Sha384, &RSA_PKCS1_2048_8192_SHA384),
    (Padding::Pkcs1, Hash::Sha512, &RSA_PKCS1_2048_8192_SHA512),
    (Padding::Pss, Hash::Sha256, &RSA_PSS_2048_8192_SHA256),
    (Padding::Pss, Hash::Sha384, &RSA_PSS_2048_8192_SHA384),
    (Padding::Pss, Hash::Sha512, &RSA_PSS_2048_8192_SHA512),
];

fn signer(padding: Padding, hash: Hash) -> Option<&'static dyn RsaEncoding> {
    Some(match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha256) => &RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &RSA_PKCS1_SHA512,
        (Padding::Pss, Hash::Sha256) => &RSA_PSS_SHA256,
        (Padding::Pss, Hash::Sha384) => &RSA_PSS_SHA384,
        (Padding::Pss, Hash::Sha512) => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn oaep(hash: Hash) -> Option<&'static OaepAlgorithm> {
    match hash {
        Hash::Sha1 => Some(&OAEP_SHA1_MGF1SHA1),
        Hash::Sha256 => Some(&OAEP_SHA256_MGF1SHA256),
        Hash::Sha384 => Some(&OAEP_SHA384_MGF1SHA384),
        Hash::Sha512 => Some(&OAEP_SHA512_MGF1SHA512),
        _ => None,
    }
}

/// aws-lc's forms of one key.
#[derive(Default)]
pub(super) struct Fast {
    pair: OnceLock<Option<KeyPair>>,
    public_der: OnceLock<Option<Vec<u8>>>,
    verifiers: [OnceLock<Option<ParsedPublicKey>>; 7],
    encrypt_pkcs1: OnceLock<Option<Pkcs1PublicEncryptingKey>>,
    encrypt_oaep: OnceLock<Option<OaepPublicEncryptingKey>>,
    decrypt_pkcs1: OnceLock<Option<Pkcs1PrivateDecryptingKey>>,
    decrypt_oaep: OnceLock<Option<OaepPrivateDecryptingKey>>,
}

impl Fast {
    fn pair(&self, key: &RsaPrivate) -> Option<&KeyPair> {
        self.pair
            .get_or_init(|| {
                KeyPair::from_components(&KeyPairComponents {
                    public_key: PublicKeyComponents { n: key.public.n.as_be(), e: key.public.e.as_be() },
                    d: key.d.as_be(),
                    p: key.p.as_be(),
                    q: key.q.as_be(),
                    dP: key.dp.as_be(),
                    dQ: key.dq.as_be(),
                    qInv: key.qinv.as_be(),
                })
                .ok()
            })
            .as_ref()
    }

    /// True if aws-lc takes the key.
    pub(super) fn warm(&self, key: &RsaPrivate) -> bool {
        self.pair(key).is_some()
    }

    fn public_der(&self, key: &RsaPublic) -> Option<&[u8]> {
        self.public_der
            .get_or_init(|| {
                let modulus = UintRef::new(key.n.as_be()).ok()?;
                let public_exponent = UintRef::new(key.e.as_be()).ok()?;
                rsa::pkcs1::RsaPublicKey { modulus, public_exponent }.to_der().ok()
            })
            .as_deref()
    }

    fn encrypting(&self, key: &RsaPublic) -> Option<PublicEncryptingKey> {
        let spki: PublicKeyX509Der<'_> = PublicKey::from_der(self.public_der(key)?).ok()?.as_der().ok()?;
        PublicEncryptingKey::from_der(spki.as_ref()).ok()
    }

    fn decrypting(&self, key: &RsaPrivate) -> Option<PrivateDecryptingKey> {
        let der: Pkcs8V1Der<'_> = self.pair(key)?.as_der().ok()?;
        PrivateDecryptingKey::from_pkcs8(der.as_ref()).ok()
    }

    pub(super) fn sign(&self, key: &RsaPrivate, padding: Padding, hash: Hash, digest: &[u8]) -> Option<Vec<u8>> {
        let encoding = signer(padding, hash)?;
        let pair = self.pair(key)?;
        let digest = Digest::import_less_safe(digest, hash.aws()?).ok()?;
        let mut out = vec![0u8; pair.public_modulus_len()];
        pair.sign_digest(encoding, &digest, &mut out).ok()?;
        Some(out)
    }

    pub(super) fn verify(&self, key: &RsaPublic, padding: Padding, hash: Hash, digest: &[u8], signature: &[u8]) -> Option<Result<(), CryptoError>> {
        let at = VERIFIERS.iter().position(|&(p, h, _)| p == padding && h == hash)?;
        let parsed = self.verifiers.get(at)?.get_or_init(|| ParsedPublicKey::new(VERIFIERS.get(at)?.2, self.public_der(key)?).ok()).as_ref()?;
        let digest = Digest::import_less_safe(digest, hash.aws()?).ok()?;
        Some(parsed.verify_digest_sig(&digest, signature).map_err(|_| CryptoError::Signature))
    }

    pub(super) fn encrypt_pkcs1(&self, key: &RsaPublic, message: &[u8]) -> Option<Vec<u8>> {
        let context = self.encrypt_pkcs1.get_or_init(|| Pkcs1PublicEncryptingKey::new(self.encrypting(key)?).ok()).as_ref()?;
        let mut out = vec![0u8; context.ciphertext_size()];
        let len = context.encrypt(message, &mut out).ok()?.len();
        out.truncate(len);
        Some(out)
    }

    pub(super) fn decrypt_pkcs1(&self, key: &RsaPrivate, ciphertext: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, CryptoError>> {
        let context = self.decrypt_pkcs1.get_or_init(|| Pkcs1PrivateDecryptingKey::new(self.decrypting(key)?).ok()).as_ref()?;
        let mut buffer = Zeroizing::new(vec![0u8; context.min_output_size()]);
        // aws-lc reports bad padding only after the whole block was looked at, in constant time.
        Some(match context.decrypt(ciphertext, &mut buffer) {
            Ok(plain) => Ok(Zeroizing::new(plain.to_vec())),
            Err(_) => Err(CryptoError::EncryptedData),
        })
    }

    pub(super) fn encrypt_oaep(&self, key: &RsaPublic, hash: Hash, label: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let algorithm = oaep(hash)?;
        let context = self.encrypt_oaep.get_or_init(|| OaepPublicEncryptingKey::new(self.encrypting(key)?).ok()).as_ref()?;
        let mut out = vec![0u8; context.ciphertext_size()];
        let len = context.encrypt(algorithm, message, &mut out, Some(label)).ok()?.len();
        out.truncate(len);
        Some(out)
    }

    pub(super) fn decrypt_oaep(
        &self,
        key: &RsaPrivate,
        hash: Hash,
        label: &[u8],
        ciphertext: &[u8],
    ) -> Option<Result<Zeroizing<Vec<u8>>, CryptoError>> {
        let algorithm = oaep(hash)?;
        let context = self.decrypt_oaep.get_or_init(|| OaepPrivateDecryptingKey::new(self.decrypting(key)?).ok()).as_ref()?;
        let mut buffer = Zeroizing::new(vec![0u8; context.min_output_size()]);
        Some(match context.decrypt(algorithm, ciphertext, &mut buffer, Some(label)) {
            Ok(plain) => Ok(Zeroizing::new(plain.to_vec())),
            Err(_) => Err(CryptoError::EncryptedData),
        })
    }
}
