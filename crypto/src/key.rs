//! A key with the engines' contexts: parsed once, shared by every operation, wiped when the last holder lets go. Contexts are built when first
//! asked for, so a key that only decrypts never builds a verifier.

use crate::block::{Aes, Schedule};
use crate::dsa::{self, Dsa};
use crate::ec::{self, Ec};
use crate::edwards::{self, Edwards};
use crate::mac::Mac;
use crate::mldsa::{self, MlDsa};
use crate::mlkem::{self, MlKem};
use crate::montgomery::{self, Montgomery};
use crate::rsa::{self, Rsa};
use crate::slhdsa::SlhDsa;
use crate::{BlockCipher, CryptoError, Engine, Hash, Scheme, engine};
use cngtoken_key::{DhPrivate, KeyParts, Secret};
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
    Edwards(Box<edwards::Context>),
    Montgomery(Box<montgomery::Context>),
    Dsa(Box<dsa::Context>),
    MlKem(Box<mlkem::Context>),
    MlDsa(Box<mldsa::Context>),
    Secret(Box<SecretContext>),
    /// Diffie-Hellman and SLH-DSA keep nothing.
    None,
}

/// A key as its family's code wants it.
pub(crate) enum Family<'a> {
    Rsa(Rsa<'a>),
    Ec(Ec<'a>),
    Edwards(Edwards<'a>),
    Montgomery(Montgomery<'a>),
    Dsa(Dsa<'a>),
    /// The private half, if there is one.
    Dh(Option<&'a DhPrivate>),
    MlKem(MlKem<'a>),
    MlDsa(MlDsa<'a>),
    SlhDsa(SlhDsa<'a>),
    Secret(Bytes<'a>),
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
            KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) => Contexts::Edwards(Box::default()),
            KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_) => Contexts::Montgomery(Box::default()),
            KeyParts::DsaPublic(_) | KeyParts::DsaPrivate(_) => Contexts::Dsa(Box::default()),
            KeyParts::MlKemPublic(_) | KeyParts::MlKemPrivate(_) => Contexts::MlKem(Box::default()),
            KeyParts::MlDsaPublic(_) | KeyParts::MlDsaPrivate(_) => Contexts::MlDsa(Box::default()),
            KeyParts::DhPublic(_) | KeyParts::DhPrivate(_) | KeyParts::SlhDsaPublic(_) | KeyParts::SlhDsaPrivate(_) => Contexts::None,
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
            (KeyParts::EdwardsPublic(public), Contexts::Edwards(context)) => Family::Edwards(Edwards { public, private: None, context, fast }),
            (KeyParts::EdwardsPrivate(key), Contexts::Edwards(context)) => {
                Family::Edwards(Edwards { public: &key.public, private: Some(key), context, fast })
            }
            (KeyParts::MontgomeryPublic(_), Contexts::Montgomery(context)) => Family::Montgomery(Montgomery { private: None, context, fast }),
            (KeyParts::MontgomeryPrivate(key), Contexts::Montgomery(context)) => Family::Montgomery(Montgomery { private: Some(key), context, fast }),
            (KeyParts::DsaPublic(public), Contexts::Dsa(context)) => Family::Dsa(Dsa { public, private: None, context }),
            (KeyParts::DsaPrivate(key), Contexts::Dsa(context)) => Family::Dsa(Dsa { public: &key.public, private: Some(key), context }),
            (KeyParts::DhPrivate(key), _) => Family::Dh(Some(key)),
            (KeyParts::MlKemPublic(public), Contexts::MlKem(context)) => Family::MlKem(MlKem { public, private: None, context, fast }),
            (KeyParts::MlKemPrivate(key), Contexts::MlKem(context)) => {
                Family::MlKem(MlKem { public: &key.public, private: Some(key), context, fast })
            }
            (KeyParts::MlDsaPublic(public), Contexts::MlDsa(context)) => Family::MlDsa(MlDsa { public, private: None, context, fast }),
            (KeyParts::MlDsaPrivate(key), Contexts::MlDsa(context)) => {
                Family::MlDsa(MlDsa { public: &key.public, private: Some(key), context, fast })
            }
            (KeyParts::SlhDsaPublic(public), _) => Family::SlhDsa(SlhDsa { public, private: None }),
            (KeyParts::SlhDsaPrivate(key), _) => Family::SlhDsa(SlhDsa { public: &key.public, private: Some(key) }),
            // A Diffie-Hellman public key computes nothing; the other pairs do not occur, since parts choose their context.
            _ => Family::Dh(None),
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
    schedules: [OnceLock<Result<Schedule, CryptoError>>; BlockCipher::ALL.len()],
    cmac: OnceLock<Mac>,
    hmac: [OnceLock<Mac>; Hash::ALL.len()],
    #[cfg(feature = "fast")]
    gcm: OnceLock<Option<aws_lc_rs::aead::LessSafeKey>>,
    #[cfg(feature = "fast")]
    chacha: OnceLock<Option<aws_lc_rs::aead::LessSafeKey>>,
}

/// A symmetric key with its contexts.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    bytes: &'a Secret,
    context: &'a SecretContext,
    fast: bool,
}

impl<'a> Bytes<'a> {
    /// The bytes themselves.
    pub(crate) fn expose(&self) -> &'a [u8] {
        self.bytes.expose()
    }

    /// The cipher's schedule; the key must have a length that the cipher has.
    pub(crate) fn schedule(&self, cipher: BlockCipher) -> Result<&'a Schedule, CryptoError> {
        let [aes, des, camellia] = &self.context.schedules;
        let slot = match cipher {
            BlockCipher::Aes => aes,
            BlockCipher::Des => des,
            BlockCipher::Camellia => camellia,
        };
        slot.get_or_init(|| Schedule::new(cipher, self.bytes.expose())).as_ref().map_err(Clone::clone)
    }

    /// AES's schedule; the key must have 16, 24 or 32 bytes.
    pub(crate) fn aes(&self) -> Result<&'a Aes, CryptoError> {
        match self.schedule(BlockCipher::Aes)? {
            Schedule::Aes(aes) => Ok(aes),
            _ => Err(CryptoError::KeyType),
        }
    }

    /// A fresh CMAC; AES's is kept.
    pub(crate) fn cmac(&self, cipher: BlockCipher) -> Result<Mac, CryptoError> {
        let schedule = self.schedule(cipher)?;
        Ok(match cipher {
            BlockCipher::Aes => self.context.cmac.get_or_init(|| Mac::cmac(schedule)).clone(),
            _ => Mac::cmac(schedule),
        })
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

    /// aws-lc's ChaCha20-Poly1305 key, where it serves.
    #[cfg(feature = "fast")]
    pub(crate) fn aws_chacha(&self) -> Option<&'a aws_lc_rs::aead::LessSafeKey> {
        use aws_lc_rs::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
        if !self.fast {
            return None;
        }
        let made = || UnboundKey::new(&CHACHA20_POLY1305, self.bytes.expose()).ok().map(LessSafeKey::new);
        self.context.chacha.get_or_init(made).as_ref()
    }
}
