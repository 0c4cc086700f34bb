//! A key with the engines' contexts: parsed once, shared by every operation, wiped when the last holder lets go. Contexts are built when first
//! asked for, so a key that only decrypts never builds a verifier.

use crate::block::Aes;
use crate::ec::{self, Ec};
use crate::mac::Mac;
use crate::rsa::{self, Rsa};
use crate::{CryptoError, Engine, Hash, Scheme, engine};
use cngtoken_key::{KeyParts, Secret};
use std::sync::{Arc, OnceLock};

/// An admitted key and what the engines made of it.
pub struct Key {
    parts: KeyParts,
    contexts: Contexts,
    reference: bool,
}

enum Contexts {
    Rsa(Box<rsa::Context>),
    Ec(Box<ec::Context>),
    Secret(Box<SecretContext>),
    None,
}

/// A key as its family's code wants it.
pub(crate) enum Family<'a> {
    Rsa(Rsa<'a>),
    Ec(Ec<'a>),
    Secret(Bytes<'a>),
    Other,
}

impl Key {
    /// Takes over the numbers, which must have come from [`crate::admit`] or [`crate::generate`] (now, or when they were stored).
    ///
    /// # Errors
    /// None for admitted numbers today; numbers that were not admitted may be refused here or at first use.
    pub fn new(parts: KeyParts) -> Result<Arc<Key>, CryptoError> {
        Ok(Arc::new(Key::build(parts, false)))
    }

    /// As [`Key::new`], but RustCrypto alone computes: what a build without `fast` does. For comparing the engines.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn reference(parts: KeyParts) -> Result<Arc<Key>, CryptoError> {
        Ok(Arc::new(Key::build(parts, true)))
    }

    fn build(parts: KeyParts, reference: bool) -> Key {
        let contexts = match &parts {
            KeyParts::RsaPublic(_) | KeyParts::RsaPrivate(_) => Contexts::Rsa(Box::default()),
            KeyParts::EcPublic(_) | KeyParts::EcPrivate(_) => Contexts::Ec(Box::default()),
            KeyParts::Secret(_) => Contexts::Secret(Box::default()),
            _ => Contexts::None,
        };
        Key { parts, contexts, reference }
    }

    /// The numbers.
    #[must_use]
    pub fn parts(&self) -> &KeyParts {
        &self.parts
    }

    /// True if aws-lc serves the scheme with this key.
    pub(crate) fn fast(&self, scheme: &Scheme) -> bool {
        !self.reference && engine(scheme, &self.parts) == Engine::AwsLc
    }

    /// The same for agreement, which no scheme names.
    pub(crate) fn fast_agreement(&self) -> bool {
        !self.reference && engine::agreement(&self.parts) == Engine::AwsLc
    }

    /// The key as its family's code wants it.
    pub(crate) fn family(&self, fast: bool) -> Family<'_> {
        match (&self.parts, &self.contexts) {
            (KeyParts::RsaPublic(public), Contexts::Rsa(context)) => Family::Rsa(Rsa { public, private: None, context, fast }),
            (KeyParts::RsaPrivate(key), Contexts::Rsa(context)) => Family::Rsa(Rsa { public: &key.public, private: Some(key), context, fast }),
            (KeyParts::EcPublic(public), Contexts::Ec(context)) => Family::Ec(Ec { public, private: None, context, fast }),
            (KeyParts::EcPrivate(key), Contexts::Ec(context)) => Family::Ec(Ec { public: &key.public, private: Some(key), context, fast }),
            (KeyParts::Secret(bytes), Contexts::Secret(context)) => Family::Secret(Bytes { bytes, context, fast }),
            _ => Family::Other,
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// What the engines made of a symmetric key.
#[derive(Default)]
pub(crate) struct SecretContext {
    aes: OnceLock<Result<Aes, CryptoError>>,
    cmac: OnceLock<Mac>,
    hmac: [OnceLock<Mac>; Hash::ALL.len()],
    #[cfg(feature = "fast")]
    gcm: OnceLock<Option<aws_lc_rs::aead::LessSafeKey>>,
}

/// A symmetric key with its contexts.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    bytes: &'a Secret,
    context: &'a SecretContext,
    fast: bool,
}

impl<'a> Bytes<'a> {
    /// AES's schedule; the key must have 16, 24 or 32 bytes.
    pub(crate) fn aes(&self) -> Result<&'a Aes, CryptoError> {
        self.context.aes.get_or_init(|| Aes::new(self.bytes.expose())).as_ref().map_err(Clone::clone)
    }

    /// A fresh CMAC.
    pub(crate) fn cmac(&self) -> Result<Mac, CryptoError> {
        let aes = self.aes()?;
        Ok(self.context.cmac.get_or_init(|| Mac::cmac(aes)).clone())
    }

    /// A fresh HMAC.
    pub(crate) fn hmac(&self, hash: Hash) -> Result<Mac, CryptoError> {
        let slot = Hash::ALL.iter().position(|&h| h == hash).and_then(|at| self.context.hmac.get(at));
        if let Some(ready) = slot.and_then(OnceLock::get) {
            return Ok(ready.clone());
        }
        let mac = Mac::hmac(hash, self.bytes.expose(), self.fast)?;
        if let Some(slot) = slot {
            // Another thread may have been quicker; both made the same.
            let _ = slot.set(mac.clone());
        }
        Ok(mac)
    }

    /// aws-lc's GCM key, where it serves.
    #[cfg(feature = "fast")]
    pub(crate) fn aws_gcm(&self) -> Option<&'a aws_lc_rs::aead::LessSafeKey> {
        use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
        if !self.fast {
            return None;
        }
        self.context
            .gcm
            .get_or_init(|| {
                let algorithm = match self.bytes.len() {
                    16 => &AES_128_GCM,
                    24 => &AES_192_GCM,
                    32 => &AES_256_GCM,
                    _ => return None,
                };
                UnboundKey::new(algorithm, self.bytes.expose()).ok().map(LessSafeKey::new)
            })
            .as_ref()
    }
}
