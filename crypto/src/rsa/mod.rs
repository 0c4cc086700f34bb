//! RSA: signatures, encryption and the raw operation, over keys that [`crate::admit`] has checked. Paddings are in `pkcs1` and `mask`, the
//! raw operation in `numbers` (blinded, checked against faults), aws-lc's part in `fast`; which engine serves is [`crate::engine`]'s word.

mod admit;
#[cfg(feature = "fast")]
mod fast;
mod generate;
mod mask;
mod numbers;
mod pkcs1;

pub(crate) use admit::{MAX_BITS, MIN_BITS, admit};
pub(crate) use generate::generate;

use crate::{CryptoError, Hash};
use cngtoken_key::{RsaPrivate, RsaPublic};
use numbers::{PrivateNumbers, PublicNumbers};
use std::sync::OnceLock;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// PSS's parameters.
#[derive(Clone, Copy)]
pub(crate) struct Pss {
    pub(crate) hash: Hash,
    pub(crate) mgf: Hash,
    pub(crate) salt_len: usize,
}

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    public: OnceLock<Result<PublicNumbers, CryptoError>>,
    private: OnceLock<Result<PrivateNumbers, CryptoError>>,
    #[cfg(feature = "fast")]
    fast: fast::Fast,
}

/// A key with its contexts. `fast` is the word of [`crate::engine`] for the scheme at hand.
#[derive(Clone, Copy)]
pub(crate) struct Rsa<'a> {
    pub(crate) public: &'a RsaPublic,
    pub(crate) private: Option<&'a RsaPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

impl<'a> Rsa<'a> {
    fn private(&self) -> Result<&'a RsaPrivate, CryptoError> {
        self.private.ok_or(CryptoError::KeyType)
    }

    fn private_numbers(&self) -> Result<&'a PrivateNumbers, CryptoError> {
        let key = self.private()?;
        self.context.private.get_or_init(|| PrivateNumbers::new(key)).as_ref().map_err(Clone::clone)
    }

    fn public_numbers(&self) -> Result<&'a PublicNumbers, CryptoError> {
        if let Some(Ok(private)) = self.context.private.get() {
            return Ok(private.public());
        }
        self.context.public.get_or_init(|| PublicNumbers::new(self.public)).as_ref().map_err(Clone::clone)
    }

    /// Builds the context of the engine that serves most schemes, and so shows that the engine takes the key.
    pub(crate) fn warm(&self) -> Result<(), CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(key) = self.private
            && self.context.fast.warm(key)
        {
            return Ok(());
        }
        if self.private.is_some() { self.private_numbers().map(|_| ()) } else { self.public_numbers().map(|_| ()) }
    }

    /// Bytes of the modulus.
    pub(crate) fn bytes(&self) -> usize {
        self.public.n.bit_len().div_ceil(8)
    }

    fn sign_block(&self, block: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let out = self.private_numbers()?.raw(block)?.ok_or(CryptoError::DataInvalid)?;
        Ok(out.to_vec())
    }

    /// What the signature was made of, as wide as the modulus.
    fn open_signature(&self, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if signature.len() != self.bytes() {
            return Err(CryptoError::SignatureLen);
        }
        self.public_numbers()?.raw(signature)?.ok_or(CryptoError::Signature)
    }

    pub(crate) fn sign_pkcs1(&self, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(out) = self.context.fast.sign(self.private()?, fast::Padding::Pkcs1, hash, digest)
        {
            return Ok(out);
        }
        let mut info = hash.digest_info_prefix();
        info.extend_from_slice(digest);
        let block = pkcs1::signature_block(&info, self.bytes()).ok_or(CryptoError::KeySize)?;
        self.sign_block(&block)
    }

    /// The caller's bytes behind the padding; a DigestInfo that aws-lc knows goes there.
    pub(crate) fn sign_pkcs1_content(&self, content: &[u8]) -> Result<Vec<u8>, CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && let Some((hash, digest)) = digest_info(content)
            && let Some(out) = self.context.fast.sign(self.private()?, fast::Padding::Pkcs1, hash, digest)
        {
            return Ok(out);
        }
        let block = pkcs1::signature_block(content, self.bytes()).ok_or(CryptoError::DataLen)?;
        self.sign_block(&block)
    }

    pub(crate) fn verify_pkcs1(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.bytes() {
            return Err(CryptoError::SignatureLen);
        }
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(answer) = self.context.fast.verify(self.public, fast::Padding::Pkcs1, hash, digest, signature)
        {
            return answer;
        }
        let mut info = hash.digest_info_prefix();
        info.extend_from_slice(digest);
        self.verify_content(&info, signature).map_err(|e| if e == CryptoError::DataLen { CryptoError::KeySize } else { e })
    }

    pub(crate) fn verify_pkcs1_content(&self, content: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && signature.len() == self.bytes()
            && let Some((hash, digest)) = digest_info(content)
            && let Some(answer) = self.context.fast.verify(self.public, fast::Padding::Pkcs1, hash, digest, signature)
        {
            return answer;
        }
        self.verify_content(content, signature)
    }

    fn verify_content(&self, content: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let expected = pkcs1::signature_block(content, self.bytes()).ok_or(CryptoError::DataLen)?;
        let found = self.open_signature(signature)?;
        if bool::from(found.ct_eq(expected.as_slice())) { Ok(()) } else { Err(CryptoError::Signature) }
    }

    /// What was signed behind PKCS#1's padding.
    pub(crate) fn recover_pkcs1(&self, signature: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let block = self.open_signature(signature)?;
        pkcs1::signature_content(&block).map(<[u8]>::to_vec).ok_or(CryptoError::Signature)
    }

    /// What was signed, whole block.
    pub(crate) fn recover_raw(&self, signature: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.open_signature(signature).map(|block| block.to_vec())
    }

    pub(crate) fn sign_raw(&self, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if data.len() > self.bytes() {
            return Err(CryptoError::DataLen);
        }
        self.sign_block(data)
    }

    pub(crate) fn verify_raw(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let pad = self.bytes().checked_sub(data.len()).ok_or(CryptoError::DataLen)?;
        let found = self.open_signature(signature)?;
        let (zeros, rest) = found.split_at(pad);
        let ok = zeros.ct_eq(vec![0u8; pad].as_slice()) & rest.ct_eq(data);
        if bool::from(ok) { Ok(()) } else { Err(CryptoError::Signature) }
    }

    pub(crate) fn sign_pss(&self, pss: Pss, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && pss.plain()
            && let Some(out) = self.context.fast.sign(self.private()?, fast::Padding::Pss, pss.hash, digest)
        {
            return Ok(out);
        }
        let block = mask::pss_block(pss.hash, pss.mgf, pss.salt_len, digest, self.private_numbers()?.public().bits())?;
        self.sign_block(&block)
    }

    pub(crate) fn verify_pss(&self, pss: Pss, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.bytes() {
            return Err(CryptoError::SignatureLen);
        }
        #[cfg(feature = "fast")]
        if self.fast
            && pss.plain()
            && let Some(answer) = self.context.fast.verify(self.public, fast::Padding::Pss, pss.hash, digest, signature)
        {
            return answer;
        }
        let block = self.open_signature(signature)?;
        mask::pss_check(pss.hash, pss.mgf, pss.salt_len, digest, &block, self.public_numbers()?.bits())
    }

    pub(crate) fn encrypt_pkcs1(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if message.len().saturating_add(11) > self.bytes() {
            return Err(CryptoError::DataLen);
        }
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(out) = self.context.fast.encrypt_pkcs1(self.public, message)
        {
            return Ok(Zeroizing::new(out));
        }
        let block = pkcs1::encryption_block(message, self.bytes())?;
        self.public_numbers()?.raw(&block)?.ok_or(CryptoError::Internal("block above the modulus"))
    }

    /// The block behind a ciphertext.
    fn open_ciphertext(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.private_numbers()?.raw(ciphertext)?.ok_or(CryptoError::EncryptedData)
    }

    fn check_ciphertext_len(&self, ciphertext: &[u8]) -> Result<(), CryptoError> {
        self.private()?;
        if ciphertext.len() == self.bytes() { Ok(()) } else { Err(CryptoError::EncryptedDataLen) }
    }

    pub(crate) fn decrypt_pkcs1(&self, ciphertext: &[u8], implicit_reject: bool) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.check_ciphertext_len(ciphertext)?;
        #[cfg(feature = "fast")]
        if self.fast
            && !implicit_reject
            && let Some(answer) = self.context.fast.decrypt_pkcs1(self.private()?, ciphertext)
        {
            return answer;
        }
        let block = self.open_ciphertext(ciphertext)?;
        if implicit_reject {
            pkcs1::decryption_content_or_substitute(&block, &self.private_numbers()?.d_bytes()?, ciphertext)
        } else {
            pkcs1::decryption_content(&block)
        }
    }

    pub(crate) fn encrypt_oaep(&self, hash: Hash, mgf: Hash, label: &[u8], message: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let room = self.bytes().checked_sub(2 * hash.len() + 2).ok_or(CryptoError::KeySize)?;
        if message.len() > room {
            return Err(CryptoError::DataLen);
        }
        #[cfg(feature = "fast")]
        if self.fast
            && hash == mgf
            && let Some(out) = self.context.fast.encrypt_oaep(self.public, hash, label, message)
        {
            return Ok(Zeroizing::new(out));
        }
        let block = mask::oaep_block(hash, mgf, label, message, self.bytes())?;
        self.public_numbers()?.raw(&block)?.ok_or(CryptoError::Internal("block above the modulus"))
    }

    pub(crate) fn decrypt_oaep(&self, hash: Hash, mgf: Hash, label: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.check_ciphertext_len(ciphertext)?;
        #[cfg(feature = "fast")]
        if self.fast
            && hash == mgf
            && let Some(answer) = self.context.fast.decrypt_oaep(self.private()?, hash, label, ciphertext)
        {
            return answer;
        }
        let mut block = self.open_ciphertext(ciphertext)?;
        mask::oaep_content(hash, mgf, label, &mut block)
    }

    /// RSA on a whole block, with the public exponent.
    pub(crate) fn encrypt_raw(&self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if data.len() > self.bytes() {
            return Err(CryptoError::DataLen);
        }
        self.public_numbers()?.raw(data)?.ok_or(CryptoError::DataInvalid)
    }

    /// RSA on a whole block, with the private exponent.
    pub(crate) fn decrypt_raw(&self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.check_ciphertext_len(data)?;
        self.open_ciphertext(data)
    }
}

impl Pss {
    /// MGF and salt as the hash has them: the only form aws-lc-rs offers.
    pub(crate) fn plain(self) -> bool {
        self.hash == self.mgf && self.salt_len == self.hash.len()
    }
}

/// Hash and digest of a DigestInfo, exactly as RFC 8017 spells it.
#[cfg(feature = "fast")]
fn digest_info(content: &[u8]) -> Option<(Hash, &[u8])> {
    [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512].into_iter().find_map(|hash| {
        let digest = content.strip_prefix(hash.digest_info_prefix().as_slice())?;
        (digest.len() == hash.len()).then_some((hash, digest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cngtoken_key::Uint;

    #[test]
    fn a_substitute_for_bad_padding_is_the_one_that_the_crate_gives() {
        // The crate implements the same draft; its vectors are its own.
        let key = generate(1024, &Uint::from_u64(65537)).unwrap();
        let boxed = |n: &Uint| crate::num::boxed(n);
        let theirs =
            ::rsa::PrivateKey::from_components(boxed(&key.public.n), boxed(&key.public.e), boxed(&key.d), vec![boxed(&key.p), boxed(&key.q)])
                .unwrap();
        let context = Context::default();
        let ours = Rsa { public: &key.public, private: Some(&key), context: &context, fast: false };
        for i in 1..20u8 {
            let ciphertext = [i; 128];
            let Ok(expected) = theirs.decrypt(::rsa::pkcs1v15::Pkcs1v15Encrypt, &ciphertext) else {
                assert!(ours.decrypt_pkcs1(&ciphertext, true).is_err());
                continue;
            };
            assert_eq!(*ours.decrypt_pkcs1(&ciphertext, true).unwrap(), expected);
        }
    }
}
