//! HKDF (RFC 5869), its two halves apart or together. Lengths were checked by the caller, `kdf::derive`.

use crate::{CryptoError, Hash};
use ::aes::cipher::typenum::{U20, U32, U48, U64};
use cngtoken_key::Secret;
use hkdf::hmac::SimpleHmac;
use hkdf::{GenericHkdf, HmacImpl};
use zeroize::Zeroize;

/// Which halves of HKDF run, and with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hkdf {
    /// The hash.
    pub hash: Hash,
    /// Extract first, with this salt; an empty one is the RFC's string of zeros.
    pub extract: Option<Secret>,
    /// Expand with this info.
    pub expand: Option<Vec<u8>>,
}

impl Hkdf {
    pub(super) fn derive(&self, base: &[u8], want: usize) -> Result<Secret, CryptoError> {
        match self.hash {
            Hash::Md5 => self.with::<SimpleHmac<md5::Md5>>(base, want),
            Hash::Sha1 => self.with::<SimpleHmac<sha1::Sha1>>(base, want),
            Hash::Sha224 => self.with::<SimpleHmac<sha2::Sha224>>(base, want),
            Hash::Sha256 => self.with::<SimpleHmac<sha2::Sha256>>(base, want),
            Hash::Sha384 => self.with::<SimpleHmac<sha2::Sha384>>(base, want),
            Hash::Sha512 => self.with::<SimpleHmac<sha2::Sha512>>(base, want),
            Hash::Sha512_224 => self.with::<SimpleHmac<sha2::Sha512_224>>(base, want),
            Hash::Sha512_256 => self.with::<SimpleHmac<sha2::Sha512_256>>(base, want),
            Hash::Sha3_224 => self.with::<SimpleHmac<sha3::Sha3_224>>(base, want),
            Hash::Sha3_256 => self.with::<SimpleHmac<sha3::Sha3_256>>(base, want),
            Hash::Sha3_384 => self.with::<SimpleHmac<sha3::Sha3_384>>(base, want),
            Hash::Sha3_512 => self.with::<SimpleHmac<sha3::Sha3_512>>(base, want),
            Hash::Ripemd160 => self.with::<SimpleHmac<ripemd::Ripemd160>>(base, want),
            Hash::Blake2b160 => self.with::<SimpleHmac<blake2::Blake2b<U20>>>(base, want),
            Hash::Blake2b256 => self.with::<SimpleHmac<blake2::Blake2b<U32>>>(base, want),
            Hash::Blake2b384 => self.with::<SimpleHmac<blake2::Blake2b<U48>>>(base, want),
            Hash::Blake2b512 => self.with::<SimpleHmac<blake2::Blake2b<U64>>>(base, want),
            Hash::Shake128 | Hash::Shake256 => Err(CryptoError::Param("no HMAC is defined with an extendable output")),
        }
    }

    fn with<H: HmacImpl>(&self, base: &[u8], want: usize) -> Result<Secret, CryptoError> {
        let mut out = Secret::new(vec![0; want]);
        let expander = match &self.extract {
            Some(salt) => {
                let (mut prk, expander) = GenericHkdf::<H>::extract(Some(salt.expose()), base);
                out.expose_mut().iter_mut().zip(prk.iter()).for_each(|(to, from)| *to = *from);
                prk.as_mut_slice().zeroize();
                expander
            }
            // A pseudo-random key is at least as long as the hash.
            None => GenericHkdf::<H>::from_prk(base).map_err(|_| CryptoError::KeySize)?,
        };
        if let Some(info) = &self.expand {
            expander.expand(info, out.expose_mut()).map_err(|_| CryptoError::Param("more bytes wanted than 255 blocks"))?;
        }
        Ok(out)
    }
}
