//! HMAC and AES-CMAC. The keyed state is cached with the key; a computation clones it.

use crate::block::Aes;
use crate::{CryptoError, Hash};
use ::aes::cipher::common::InnerInit;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac as _, SimpleHmac};

/// A keyed MAC, ready to take data.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "one per operation, moved by pointer or not at all")]
pub(crate) enum Mac {
    #[cfg(feature = "fast")]
    Aws(Box<aws_lc_rs::hmac::Context>),
    Md5(Hmac<md5::Md5>),
    Sha1(Hmac<sha1::Sha1>),
    Sha224(Hmac<sha2::Sha224>),
    Sha256(Hmac<sha2::Sha256>),
    Sha384(Hmac<sha2::Sha384>),
    Sha512(Hmac<sha2::Sha512>),
    Sha512_224(Hmac<sha2::Sha512_224>),
    Sha512_256(Hmac<sha2::Sha512_256>),
    Sha3_224(SimpleHmac<sha3::Sha3_224>),
    Sha3_256(SimpleHmac<sha3::Sha3_256>),
    Sha3_384(SimpleHmac<sha3::Sha3_384>),
    Sha3_512(SimpleHmac<sha3::Sha3_512>),
    Cmac128(Cmac<::aes::Aes128>),
    Cmac192(Cmac<::aes::Aes192>),
    Cmac256(Cmac<::aes::Aes256>),
}

macro_rules! each_mac {
    ($mac:expr, $m:ident => $body:expr, $aws:ident => $fast:expr) => {
        match $mac {
            #[cfg(feature = "fast")]
            Mac::Aws($aws) => $fast,
            Mac::Md5($m) => $body,
            Mac::Sha1($m) => $body,
            Mac::Sha224($m) => $body,
            Mac::Sha256($m) => $body,
            Mac::Sha384($m) => $body,
            Mac::Sha512($m) => $body,
            Mac::Sha512_224($m) => $body,
            Mac::Sha512_256($m) => $body,
            Mac::Sha3_224($m) => $body,
            Mac::Sha3_256($m) => $body,
            Mac::Sha3_384($m) => $body,
            Mac::Sha3_512($m) => $body,
            Mac::Cmac128($m) => $body,
            Mac::Cmac192($m) => $body,
            Mac::Cmac256($m) => $body,
        }
    };
}

impl Mac {
    /// HMAC with a key of any length.
    pub(crate) fn hmac(hash: Hash, key: &[u8], fast: bool) -> Result<Self, CryptoError> {
        #[cfg(feature = "fast")]
        if fast && let Some(algorithm) = aws_hmac(hash) {
            return Ok(Mac::Aws(Box::new(aws_lc_rs::hmac::Context::with_key(&aws_lc_rs::hmac::Key::new(algorithm, key)))));
        }
        let _ = fast;
        match hash {
            Hash::Md5 => Hmac::new_from_slice(key).map(Mac::Md5),
            Hash::Sha1 => Hmac::new_from_slice(key).map(Mac::Sha1),
            Hash::Sha224 => Hmac::new_from_slice(key).map(Mac::Sha224),
            Hash::Sha256 => Hmac::new_from_slice(key).map(Mac::Sha256),
            Hash::Sha384 => Hmac::new_from_slice(key).map(Mac::Sha384),
            Hash::Sha512 => Hmac::new_from_slice(key).map(Mac::Sha512),
            Hash::Sha512_224 => Hmac::new_from_slice(key).map(Mac::Sha512_224),
            Hash::Sha512_256 => Hmac::new_from_slice(key).map(Mac::Sha512_256),
            Hash::Sha3_224 => SimpleHmac::new_from_slice(key).map(Mac::Sha3_224),
            Hash::Sha3_256 => SimpleHmac::new_from_slice(key).map(Mac::Sha3_256),
            Hash::Sha3_384 => SimpleHmac::new_from_slice(key).map(Mac::Sha3_384),
            Hash::Sha3_512 => SimpleHmac::new_from_slice(key).map(Mac::Sha3_512),
        }
        .map_err(|_| CryptoError::KeySize)
    }

    /// AES-CMAC (SP 800-38B).
    pub(crate) fn cmac(aes: &Aes) -> Self {
        match aes {
            Aes::Aes128(c) => Mac::Cmac128(Cmac::inner_init(c.clone())),
            Aes::Aes192(c) => Mac::Cmac192(Cmac::inner_init(c.clone())),
            Aes::Aes256(c) => Mac::Cmac256(Cmac::inner_init(c.clone())),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        each_mac!(self, m => m.update(data), a => a.update(data));
    }

    /// The first `len` bytes of the tag.
    pub(crate) fn finish(self, len: usize) -> Vec<u8> {
        let mut out = each_mac!(self, m => m.finalize().into_bytes().to_vec(), a => a.sign().as_ref().to_vec());
        out.truncate(len);
        out
    }
}

/// aws-lc-rs's name of HMAC with the hash, where it has it.
#[cfg(feature = "fast")]
pub(crate) fn aws_hmac(hash: Hash) -> Option<aws_lc_rs::hmac::Algorithm> {
    use aws_lc_rs::hmac as h;
    match hash {
        Hash::Sha1 => Some(h::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Hash::Sha224 => Some(h::HMAC_SHA224),
        Hash::Sha256 => Some(h::HMAC_SHA256),
        Hash::Sha384 => Some(h::HMAC_SHA384),
        Hash::Sha512 => Some(h::HMAC_SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_give_the_published_hmac() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        for fast in [false, true] {
            let mut mac = Mac::hmac(Hash::Sha256, b"Jefe", fast).unwrap();
            mac.update(b"what do ya want ");
            mac.update(b"for nothing?");
            assert_eq!(hex::encode(mac.clone().finish(32)), expected);
            assert_eq!(hex::encode(mac.finish(10)), expected[..20]);
        }
    }

    #[test]
    fn every_hash_makes_an_hmac_of_its_length_with_any_key() {
        for hash in Hash::ALL {
            for key in [&[][..], &[1], &[1; 300]] {
                let tags: Vec<Vec<u8>> = [false, true].into_iter().map(|fast| Mac::hmac(hash, key, fast).unwrap().finish(usize::MAX)).collect();
                assert_eq!(tags[0].len(), hash.len());
                assert_eq!(tags[0], tags[1]);
            }
        }
    }

    #[test]
    fn cmac_gives_the_bytes_of_sp_800_38b() {
        let aes = Aes::new(&hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap()).unwrap();
        assert_eq!(hex::encode(Mac::cmac(&aes).finish(16)), "bb1d6929e95937287fa37d129b756746");
        let mut mac = Mac::cmac(&aes);
        mac.update(&hex::decode("6bc1bee22e409f96e93d7e117393172a").unwrap());
        assert_eq!(hex::encode(mac.finish(16)), "070a16b46b4d4144f79bdd9dd04a287c");
    }
}
