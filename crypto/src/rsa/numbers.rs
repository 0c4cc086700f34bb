//! RSA numbers in the shape of the `rsa` crate's raw operations. The crate's encrypting and signing types gate sizes (1024 to 8192 bits) and
//! exponents (33 bits); its raw operations and the constructors used here do not. What remains refused is an exponent above 33 bits together with
//! primes of different width, which no maker of keys is known to produce.

use crate::num::{boxed, boxed_bytes, boxed_in, fixed};
use crate::{CryptoError, random::Source};
use ::rsa::hazmat::{rsa_decrypt_and_check, rsa_encrypt};
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use cngtoken_key::{RsaPrivate, RsaPublic};
use crypto_bigint::modular::BoxedMontyParams;
use crypto_bigint::{BoxedUint, NonZero, Odd};
use zeroize::Zeroizing;

const NOT_ADMITTED: CryptoError = CryptoError::Internal("rsa numbers that were not admitted");

/// n and e, with the Montgomery parameters of n.
pub(super) struct PublicNumbers {
    n: NonZero<BoxedUint>,
    e: BoxedUint,
    params: BoxedMontyParams,
    bits: usize,
}

impl PublicNumbers {
    pub(super) fn new(key: &RsaPublic) -> Result<Self, CryptoError> {
        let odd = Odd::new(boxed(&key.n)).into_option().ok_or(NOT_ADMITTED)?;
        let n = NonZero::new(odd.clone().get()).into_option().ok_or(NOT_ADMITTED)?;
        Ok(Self { n, e: boxed(&key.e), params: BoxedMontyParams::new(odd), bits: key.n.bit_len() })
    }

    /// Bits of the modulus.
    pub(super) fn bits(&self) -> usize {
        self.bits
    }

    /// Bytes of the modulus.
    pub(super) fn bytes(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// The number that `block` (as wide as the modulus, or narrower) spells, if it is below n.
    fn representative(&self, block: &[u8]) -> Option<BoxedUint> {
        if block.len() > self.bytes() {
            return None;
        }
        let value = boxed_bytes(block, self.n.bits_precision());
        (value < *self.n.as_ref()).then_some(value)
    }

    /// block^e mod n, as wide as the modulus; `None` if the block is not below n.
    pub(super) fn raw(&self, block: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, CryptoError> {
        let Some(value) = self.representative(block) else { return Ok(None) };
        let value = Zeroizing::new(value);
        let out = rsa_encrypt(self, &value).map_err(|_| CryptoError::Internal("rsa public operation"))?;
        Ok(Some(fixed(&Zeroizing::new(out), self.bytes()).ok_or(CryptoError::Internal("rsa result too wide"))?))
    }
}

impl PublicKeyParts for PublicNumbers {
    fn n(&self) -> &NonZero<BoxedUint> {
        &self.n
    }
    fn e(&self) -> &BoxedUint {
        &self.e
    }
    fn n_params(&self) -> &BoxedMontyParams {
        &self.params
    }
}

/// A private key in the `rsa` crate's form, with its Chinese remainder values.
pub(super) struct PrivateNumbers {
    public: PublicNumbers,
    key: ::rsa::PrivateKey,
}

impl PrivateNumbers {
    pub(super) fn new(key: &RsaPrivate) -> Result<Self, CryptoError> {
        let public = PublicNumbers::new(&key.public)?;
        let half = key.public.n.bit_len().div_ceil(2);
        let (n, e, d) = (boxed(&key.public.n), boxed(&key.public.e), boxed_in(&key.d, public.n.bits_precision()));
        let primes = vec![boxed(&key.p), boxed(&key.q)];
        // Neither constructor looks at the modulus' size. One takes any exponent, the other primes of any width.
        let key = if key.p.bit_len() > half || key.q.bit_len() > half {
            ::rsa::PrivateKey::from_components_with_wide_primes(n, e, d, primes)
        } else {
            ::rsa::PrivateKey::from_components_with_large_exponent(n, e, d, primes)
        };
        Ok(Self { public, key: key.map_err(|_| NOT_ADMITTED)? })
    }

    pub(super) fn public(&self) -> &PublicNumbers {
        &self.public
    }

    /// block^d mod n, blinded and checked against faults; `None` if the block is not below n.
    pub(super) fn raw(&self, block: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, CryptoError> {
        let Some(value) = self.public.representative(block) else { return Ok(None) };
        let out = rsa_decrypt_and_check(&self.key, Some(&mut Source), &value).map_err(|e| match e {
            ::rsa::Error::Rng => CryptoError::Random,
            _ => CryptoError::Internal("rsa private operation"),
        })?;
        Ok(Some(fixed(&Zeroizing::new(out), self.public.bytes()).ok_or(CryptoError::Internal("rsa result too wide"))?))
    }

    /// d in the width of the modulus.
    pub(super) fn d_bytes(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        fixed(self.key.d(), self.public.bytes()).ok_or(NOT_ADMITTED)
    }
}
