//! The keyed pseudo-random functions that the derivations of SP 800-108 and IKE are built from: HMAC, CMAC and AES-XCBC-MAC, by the same engines as
//! signatures.

use crate::mac::Mac;
use crate::{BlockCipher, CryptoError, Hash, Key, Scheme, key::Family, sign};
use cngtoken_key::{KeyParts, Secret};

/// A pseudo-random function, keyed by a secret key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MacPrf {
    /// HMAC.
    Hmac(Hash),
    /// CMAC; the key is one of this cipher.
    Cmac(BlockCipher),
    /// AES-XCBC-MAC; the key has 16 bytes.
    AesXcbcMac,
}

impl MacPrf {
    /// Bytes of its output.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an output is never empty")]
    pub fn len(self) -> usize {
        match self {
            MacPrf::Hmac(hash) => hash.len(),
            MacPrf::Cmac(cipher) => cipher.block_len(),
            MacPrf::AesXcbcMac => BlockCipher::Aes.block_len(),
        }
    }

    /// Keyed and ready to take data.
    pub(super) fn keyed(self, key: &Key) -> Result<Keyed, CryptoError> {
        let scheme = match self {
            MacPrf::Hmac(hash) => Scheme::Hmac { hash, len: hash.len() },
            MacPrf::Cmac(cipher) => Scheme::Cmac { cipher, len: self.len() },
            MacPrf::AesXcbcMac => Scheme::AesXcbcMac { len: self.len() },
        };
        match key.family(key.fast(&scheme)) {
            Family::Secret(bytes) => sign::mac(&bytes, &scheme).map(|(mac, len)| Keyed { mac, len }),
            _ => Err(CryptoError::KeyType),
        }
    }

    /// The same with a key that is only data here.
    pub(super) fn keyed_by(self, key: &[u8]) -> Result<Keyed, CryptoError> {
        self.keyed(&*Key::new(KeyParts::Secret(Secret::copy_of(key)))?)
    }
}

/// A keyed function, to be used again and again.
pub(super) struct Keyed {
    mac: Mac,
    len: usize,
}

impl Keyed {
    /// Its output over the parts, one after another.
    pub(super) fn over(&self, parts: &[&[u8]]) -> Secret {
        let mut mac = self.mac.clone();
        parts.iter().for_each(|part| mac.update(part));
        Secret::new(mac.finish(self.len))
    }
}
