//! HMAC, CMAC, CBC-MAC, XCBC-MAC, GMAC and Poly1305. The keyed state of the usual ones is cached with the key; a computation clones it.

use crate::block::gcm::Gcm;
use crate::block::{Aes, BLOCK, Block, Schedule, by_cipher};
use crate::stream::PolyMac;
use crate::{CryptoError, Hash};
use ::aes::cipher::common::InnerInit;
use ::aes::cipher::typenum::{U20, U32, U48, U64};
use cbc_mac::CbcMac;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac as _, SimpleHmac};
use zeroize::Zeroizing;

/// A MAC that is not among the frequent ones, behind one door.
pub(crate) trait AnyMac: Send + Sync {
    fn add(&mut self, data: &[u8]);
    fn tag(self: Box<Self>) -> Vec<u8>;
    fn duplicate(&self) -> Box<dyn AnyMac>;
}

impl<M: hmac::Mac + Clone + Send + Sync + 'static> AnyMac for M {
    fn add(&mut self, data: &[u8]) {
        self.update(data);
    }

    fn tag(self: Box<Self>) -> Vec<u8> {
        self.finalize().into_bytes().to_vec()
    }

    fn duplicate(&self) -> Box<dyn AnyMac> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn AnyMac> {
    fn clone(&self) -> Self {
        self.as_ref().duplicate()
    }
}

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
    Gmac(Box<Gcm>),
    Xcbc(Box<Xcbc>),
    Other(Box<dyn AnyMac>),
}

macro_rules! each_mac {
    ($mac:expr, $m:ident => $body:expr, $aws:ident => $fast:expr, $other:ident => $any:expr, $gcm:ident => $gmac:expr, $x:ident => $xcbc:expr) => {
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
            Mac::Gmac($gcm) => $gmac,
            Mac::Xcbc($x) => $xcbc,
            Mac::Other($other) => $any,
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
            Hash::Ripemd160 => SimpleHmac::<ripemd::Ripemd160>::new_from_slice(key).map(|m| Mac::Other(Box::new(m))),
            Hash::Blake2b160 => SimpleHmac::<blake2::Blake2b<U20>>::new_from_slice(key).map(|m| Mac::Other(Box::new(m))),
            Hash::Blake2b256 => SimpleHmac::<blake2::Blake2b<U32>>::new_from_slice(key).map(|m| Mac::Other(Box::new(m))),
            Hash::Blake2b384 => SimpleHmac::<blake2::Blake2b<U48>>::new_from_slice(key).map(|m| Mac::Other(Box::new(m))),
            Hash::Blake2b512 => SimpleHmac::<blake2::Blake2b<U64>>::new_from_slice(key).map(|m| Mac::Other(Box::new(m))),
            Hash::Shake128 | Hash::Shake256 => return Err(CryptoError::Param("no HMAC is defined with an extendable output")),
        }
        .map_err(|_| CryptoError::KeySize)
    }

    /// CMAC (SP 800-38B).
    pub(crate) fn cmac(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Aes(Aes::Aes128(c)) => Mac::Cmac128(Cmac::inner_init(c.clone())),
            Schedule::Aes(Aes::Aes192(c)) => Mac::Cmac192(Cmac::inner_init(c.clone())),
            Schedule::Aes(Aes::Aes256(c)) => Mac::Cmac256(Cmac::inner_init(c.clone())),
            other => by_cipher!(other, c => Mac::Other(Box::new(Cmac::inner_init(c.clone())))),
        }
    }

    /// CBC-MAC: zeros fill the last block (FIPS 113).
    pub(crate) fn cbc_mac(schedule: &Schedule) -> Self {
        by_cipher!(schedule, c => Mac::Other(Box::new(CbcMac::inner_init(c.clone()))))
    }

    /// AES-XCBC-MAC (RFC 3566), whose key has 16 bytes.
    pub(crate) fn xcbc(aes: &Aes) -> Result<Self, CryptoError> {
        if !matches!(aes, Aes::Aes128(_)) {
            return Err(CryptoError::KeySize);
        }
        Ok(Mac::Xcbc(Box::new(Xcbc::new(aes)?)))
    }

    /// GMAC (SP 800-38D).
    pub(crate) fn gmac(aes: &Aes, iv: &[u8], len: usize) -> Result<Self, CryptoError> {
        Ok(Mac::Gmac(Box::new(Gcm::new(aes, iv, &[], len)?)))
    }

    /// Poly1305.
    pub(crate) fn poly1305(key: &[u8]) -> Result<Self, CryptoError> {
        Ok(Mac::Other(Box::new(PolyMac::new(key)?)))
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        each_mac!(self, m => m.update(data), a => a.update(data), o => o.add(data), g => g.authenticate_only(data), x => x.update(data));
    }

    /// The first `len` bytes of the tag.
    pub(crate) fn finish(self, len: usize) -> Vec<u8> {
        let mut out =
            each_mac!(self, m => m.finalize().into_bytes().to_vec(), a => a.sign().as_ref().to_vec(), o => o.tag(), g => (*g).tag(), x => (*x).tag());
        out.truncate(len);
        out
    }
}

/// AES-XCBC-MAC: CBC-MAC under a derived key, the last block masked by one of two further ones. No crate has it.
#[derive(Clone)]
pub(crate) struct Xcbc {
    aes: Aes,
    /// For a whole last block, and for a padded one.
    masks: [Zeroizing<[u8; BLOCK]>; 2],
    state: Block,
    /// What came last: a full block waits until it is known whether another follows.
    held: Zeroizing<[u8; BLOCK]>,
    len: usize,
}

impl Xcbc {
    fn new(aes: &Aes) -> Result<Self, CryptoError> {
        let derived = |n: u8| {
            let mut block = Block::from([n; BLOCK]);
            aes.encrypt_block(&mut block);
            Zeroizing::new(<[u8; BLOCK]>::from(block))
        };
        let masks = [derived(2), derived(3)];
        Ok(Self { aes: Aes::new(&*derived(1))?, masks, state: Block::default(), held: Zeroizing::default(), len: 0 })
    }

    /// The held block goes into the chain.
    fn chain(&mut self) {
        self.state.iter_mut().zip(self.held.iter()).for_each(|(s, b)| *s ^= b);
        self.aes.encrypt_block(&mut self.state);
    }

    fn update(&mut self, data: &[u8]) {
        for &byte in data {
            if self.len == BLOCK {
                self.chain();
                self.len = 0;
            }
            if let Some(slot) = self.held.get_mut(self.len) {
                *slot = byte;
            }
            self.len += 1;
        }
    }

    fn tag(mut self) -> Vec<u8> {
        let [whole, padded] = self.masks.clone();
        let mask = if self.len == BLOCK {
            whole
        } else {
            for (to, byte) in self.held.iter_mut().skip(self.len).zip([0x80].into_iter().chain([0; BLOCK])) {
                *to = byte;
            }
            padded
        };
        self.held.iter_mut().zip(mask.iter()).for_each(|(b, m)| *b ^= m);
        self.chain();
        self.state.to_vec()
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
        let aes = Schedule::new(crate::BlockCipher::Aes, &hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap()).unwrap();
        assert_eq!(hex::encode(Mac::cmac(&aes).finish(16)), "bb1d6929e95937287fa37d129b756746");
        let mut mac = Mac::cmac(&aes);
        mac.update(&hex::decode("6bc1bee22e409f96e93d7e117393172a").unwrap());
        assert_eq!(hex::encode(mac.finish(16)), "070a16b46b4d4144f79bdd9dd04a287c");
    }
}
