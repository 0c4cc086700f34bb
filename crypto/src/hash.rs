//! The hashes: one-shot, streaming, and by type for the generic code of other modules. aws-lc computes what it has; MD5, SHA3-224,
//! SHA-512/224, RIPEMD-160 and BLAKE2b are RustCrypto's, and so is everything without `fast`.

use ::aes::cipher::typenum::{U20, U32, U48, U64};
use sha2::digest::Digest as _;
use sha2::digest::common::hazmat::SerializableState;
use zeroize::Zeroizing;

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standards'")]
#[allow(non_camel_case_types, reason = "as the standard writes them")]
pub enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Ripemd160,
    Blake2b160,
    Blake2b256,
    Blake2b384,
    Blake2b512,
    /// 256 bits of SHAKE128: what FIPS 204 and FIPS 205 take as a pre-hash.
    Shake128,
    /// 512 bits of SHAKE256, likewise.
    Shake256,
}

/// SHAKE with a fixed output. The crate has the extendable one only.
#[derive(Clone, Default)]
pub(crate) struct Shake<const RATE: usize, const LEN: usize>(shake::Shake<RATE>);

impl<const RATE: usize, const LEN: usize> Shake<RATE, LEN> {
    fn new() -> Self {
        Self::default()
    }

    fn update(&mut self, data: &[u8]) {
        shake::Update::update(&mut self.0, data);
    }

    fn finalize(self) -> [u8; LEN] {
        let mut out = [0; LEN];
        shake::ExtendableOutput::finalize_xof_into(self.0, &mut out);
        out
    }
}

type Shake128 = Shake<168, 32>;
type Shake256 = Shake<136, 64>;

/// Runs `$body` with `$D` as RustCrypto's type of the hash `$h`.
macro_rules! by_hash {
    ($h:expr, $D:ident => $body:expr) => {
        match $h {
            $crate::Hash::Md5 => {
                type $D = md5::Md5;
                $body
            }
            $crate::Hash::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            $crate::Hash::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            $crate::Hash::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            $crate::Hash::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            $crate::Hash::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
            $crate::Hash::Sha512_224 => {
                type $D = sha2::Sha512_224;
                $body
            }
            $crate::Hash::Sha512_256 => {
                type $D = sha2::Sha512_256;
                $body
            }
            $crate::Hash::Sha3_224 => {
                type $D = sha3::Sha3_224;
                $body
            }
            $crate::Hash::Sha3_256 => {
                type $D = sha3::Sha3_256;
                $body
            }
            $crate::Hash::Sha3_384 => {
                type $D = sha3::Sha3_384;
                $body
            }
            $crate::Hash::Sha3_512 => {
                type $D = sha3::Sha3_512;
                $body
            }
            $crate::Hash::Ripemd160 => {
                type $D = ripemd::Ripemd160;
                $body
            }
            $crate::Hash::Blake2b160 => {
                type $D = blake2::Blake2b<::aes::cipher::typenum::U20>;
                $body
            }
            $crate::Hash::Blake2b256 => {
                type $D = blake2::Blake2b<::aes::cipher::typenum::U32>;
                $body
            }
            $crate::Hash::Blake2b384 => {
                type $D = blake2::Blake2b<::aes::cipher::typenum::U48>;
                $body
            }
            $crate::Hash::Blake2b512 => {
                type $D = blake2::Blake2b<::aes::cipher::typenum::U64>;
                $body
            }
            $crate::Hash::Shake128 => {
                type $D = Shake128;
                $body
            }
            $crate::Hash::Shake256 => {
                type $D = Shake256;
                $body
            }
        }
    };
}

impl Hash {
    /// Every hash function; the two of extendable output, which only pre-hashed signatures know, are none.
    pub const ALL: [Hash; 17] = [
        Hash::Md5,
        Hash::Sha1,
        Hash::Sha224,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
        Hash::Sha512_224,
        Hash::Sha512_256,
        Hash::Sha3_224,
        Hash::Sha3_256,
        Hash::Sha3_384,
        Hash::Sha3_512,
        Hash::Ripemd160,
        Hash::Blake2b160,
        Hash::Blake2b256,
        Hash::Blake2b384,
        Hash::Blake2b512,
    ];

    /// Bytes that the hash takes in at a time: what HMAC fills its key up to.
    pub(crate) fn block_len(self) -> usize {
        match self {
            Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Ripemd160 => 64,
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 128,
            Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => 128,
            Hash::Shake128 => 168,
            Hash::Sha3_224 => 144,
            Hash::Sha3_256 | Hash::Shake256 => 136,
            Hash::Sha3_384 => 104,
            Hash::Sha3_512 => 72,
        }
    }

    /// Bytes of a digest.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a hash is never empty")]
    pub fn len(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 | Hash::Ripemd160 | Hash::Blake2b160 => 20,
            Hash::Sha224 | Hash::Sha512_224 | Hash::Sha3_224 => 28,
            Hash::Sha256 | Hash::Sha512_256 | Hash::Sha3_256 | Hash::Shake128 | Hash::Blake2b256 => 32,
            Hash::Sha384 | Hash::Sha3_384 | Hash::Blake2b384 => 48,
            Hash::Sha512 | Hash::Sha3_512 | Hash::Shake256 | Hash::Blake2b512 => 64,
        }
    }

    /// Object identifier in DER, tag and length included.
    pub(crate) fn oid_der(self) -> &'static [u8] {
        match self {
            Hash::Md5 => &[0x06, 0x08, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05],
            Hash::Sha1 => &[0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A],
            Hash::Sha224 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04],
            Hash::Sha256 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Hash::Sha384 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Hash::Sha512 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
            Hash::Sha512_224 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x05],
            Hash::Sha512_256 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x06],
            Hash::Sha3_224 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x07],
            Hash::Sha3_256 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08],
            Hash::Sha3_384 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x09],
            Hash::Sha3_512 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0A],
            Hash::Ripemd160 => &[0x06, 0x05, 0x2B, 0x24, 0x03, 0x02, 0x01],
            Hash::Blake2b160 => &[0x06, 0x0B, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x8D, 0x3A, 0x0C, 0x02, 0x01, 0x05],
            Hash::Blake2b256 => &[0x06, 0x0B, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x8D, 0x3A, 0x0C, 0x02, 0x01, 0x08],
            Hash::Blake2b384 => &[0x06, 0x0B, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x8D, 0x3A, 0x0C, 0x02, 0x01, 0x0C],
            Hash::Blake2b512 => &[0x06, 0x0B, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x8D, 0x3A, 0x0C, 0x02, 0x01, 0x10],
            Hash::Shake128 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0B],
            Hash::Shake256 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0C],
        }
    }

    /// What stands before the digest in a DigestInfo (RFC 8017, 9.2 note 1): NULL parameters.
    pub(crate) fn digest_info_prefix(self) -> Vec<u8> {
        let oid = self.oid_der();
        // All of these lengths are below 128: short form.
        let byte = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let mut out = vec![0x30, byte(oid.len() + self.len() + 6), 0x30, byte(oid.len() + 2)];
        out.extend_from_slice(oid);
        out.extend_from_slice(&[0x05, 0x00, 0x04, byte(self.len())]);
        out
    }

    /// aws-lc's name of the hash, where it has it.
    #[cfg(feature = "fast")]
    pub(crate) fn aws(self) -> Option<&'static aws_lc_rs::digest::Algorithm> {
        use aws_lc_rs::digest as d;
        match self {
            Hash::Sha1 => Some(&d::SHA1_FOR_LEGACY_USE_ONLY),
            Hash::Sha224 => Some(&d::SHA224),
            Hash::Sha256 => Some(&d::SHA256),
            Hash::Sha384 => Some(&d::SHA384),
            Hash::Sha512 => Some(&d::SHA512),
            Hash::Sha512_256 => Some(&d::SHA512_256),
            Hash::Sha3_256 => Some(&d::SHA3_256),
            Hash::Sha3_384 => Some(&d::SHA3_384),
            Hash::Sha3_512 => Some(&d::SHA3_512),
            Hash::Md5 | Hash::Sha512_224 | Hash::Sha3_224 | Hash::Shake128 | Hash::Shake256 => None,
            Hash::Ripemd160 | Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => None,
        }
    }
}

/// The digest of `data`.
#[must_use]
pub fn digest(hash: Hash, data: &[u8]) -> Vec<u8> {
    #[cfg(feature = "fast")]
    if let Some(algorithm) = hash.aws() {
        return aws_lc_rs::digest::digest(algorithm, data).as_ref().to_vec();
    }
    digest_reference(hash, &[data])
}

/// The digest of the concatenated parts, by RustCrypto.
pub(crate) fn digest_reference(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    by_hash!(hash, D => {
        let mut state = D::new();
        parts.iter().for_each(|part| state.update(part));
        state.finalize().to_vec()
    })
}

/// A digest being computed.
#[derive(Clone)]
pub struct Digester(State);

#[derive(Clone)]
enum State {
    #[cfg(feature = "fast")]
    Aws(aws_lc_rs::digest::Context),
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    Sha512_224(sha2::Sha512_224),
    Sha512_256(sha2::Sha512_256),
    Sha3_224(sha3::Sha3_224),
    Sha3_256(sha3::Sha3_256),
    Sha3_384(sha3::Sha3_384),
    Sha3_512(sha3::Sha3_512),
    Ripemd160(ripemd::Ripemd160),
    Blake2b160(blake2::Blake2b<U20>),
    Blake2b256(blake2::Blake2b<U32>),
    Blake2b384(blake2::Blake2b<U48>),
    Blake2b512(blake2::Blake2b<U64>),
    Shake128(Shake128),
    Shake256(Shake256),
}

macro_rules! each_state {
    ($state:expr, $s:ident => $body:expr, $aws:ident => $fast:expr) => {
        match $state {
            #[cfg(feature = "fast")]
            State::Aws($aws) => $fast,
            State::Md5($s) => $body,
            State::Sha1($s) => $body,
            State::Sha224($s) => $body,
            State::Sha256($s) => $body,
            State::Sha384($s) => $body,
            State::Sha512($s) => $body,
            State::Sha512_224($s) => $body,
            State::Sha512_256($s) => $body,
            State::Sha3_224($s) => $body,
            State::Sha3_256($s) => $body,
            State::Sha3_384($s) => $body,
            State::Sha3_512($s) => $body,
            State::Ripemd160($s) => $body,
            State::Blake2b160($s) => $body,
            State::Blake2b256($s) => $body,
            State::Blake2b384($s) => $body,
            State::Blake2b512($s) => $body,
            State::Shake128($s) => $body,
            State::Shake256($s) => $body,
        }
    };
}

impl Digester {
    /// An empty digest.
    #[must_use]
    pub fn new(hash: Hash) -> Self {
        #[cfg(feature = "fast")]
        if let Some(algorithm) = hash.aws() {
            return Digester(State::Aws(aws_lc_rs::digest::Context::new(algorithm)));
        }
        Digester::reference(hash)
    }

    /// An empty digest whose state can be saved: RustCrypto computes it, SHA-1 and SHA-2 at the speed of aws-lc from some KiB on.
    #[must_use]
    pub fn resumable(hash: Hash) -> Self {
        Digester::reference(hash)
    }

    /// What has been taken in so far, for [`Digester::resume`]. Whoever has it can go on and finish: it is as secret as the data.
    #[must_use]
    pub fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        let state = match &self.0 {
            #[cfg(feature = "fast")]
            State::Aws(_) => return None,
            State::Shake128(_) | State::Shake256(_) => return None,
            // The crate keeps the state of BLAKE2 to itself.
            State::Blake2b160(_) | State::Blake2b256(_) | State::Blake2b384(_) | State::Blake2b512(_) => return None,
            State::Ripemd160(s) => s.serialize().to_vec(),
            State::Md5(s) => s.serialize().to_vec(),
            State::Sha1(s) => s.serialize().to_vec(),
            State::Sha224(s) => s.serialize().to_vec(),
            State::Sha256(s) => s.serialize().to_vec(),
            State::Sha384(s) => s.serialize().to_vec(),
            State::Sha512(s) => s.serialize().to_vec(),
            State::Sha512_224(s) => s.serialize().to_vec(),
            State::Sha512_256(s) => s.serialize().to_vec(),
            State::Sha3_224(s) => s.serialize().to_vec(),
            State::Sha3_256(s) => s.serialize().to_vec(),
            State::Sha3_384(s) => s.serialize().to_vec(),
            State::Sha3_512(s) => s.serialize().to_vec(),
        };
        Some(Zeroizing::new(state))
    }

    /// Goes on where [`Digester::save`] was called on a digest of the same hash.
    #[must_use]
    pub fn resume(hash: Hash, state: &[u8]) -> Option<Self> {
        fn read<D: SerializableState>(state: &[u8]) -> Option<D> {
            D::deserialize(state.try_into().ok()?).ok()
        }
        Some(Digester(match hash {
            Hash::Md5 => State::Md5(read(state)?),
            Hash::Sha1 => State::Sha1(read(state)?),
            Hash::Sha224 => State::Sha224(read(state)?),
            Hash::Sha256 => State::Sha256(read(state)?),
            Hash::Sha384 => State::Sha384(read(state)?),
            Hash::Sha512 => State::Sha512(read(state)?),
            Hash::Sha512_224 => State::Sha512_224(read(state)?),
            Hash::Sha512_256 => State::Sha512_256(read(state)?),
            Hash::Sha3_224 => State::Sha3_224(read(state)?),
            Hash::Sha3_256 => State::Sha3_256(read(state)?),
            Hash::Sha3_384 => State::Sha3_384(read(state)?),
            Hash::Sha3_512 => State::Sha3_512(read(state)?),
            Hash::Ripemd160 => State::Ripemd160(read(state)?),
            Hash::Shake128 | Hash::Shake256 => return None,
            Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => return None,
        }))
    }

    /// An empty digest, computed by RustCrypto.
    pub(crate) fn reference(hash: Hash) -> Self {
        Digester(match hash {
            Hash::Md5 => State::Md5(md5::Md5::new()),
            Hash::Sha1 => State::Sha1(sha1::Sha1::new()),
            Hash::Sha224 => State::Sha224(sha2::Sha224::new()),
            Hash::Sha256 => State::Sha256(sha2::Sha256::new()),
            Hash::Sha384 => State::Sha384(sha2::Sha384::new()),
            Hash::Sha512 => State::Sha512(sha2::Sha512::new()),
            Hash::Sha512_224 => State::Sha512_224(sha2::Sha512_224::new()),
            Hash::Sha512_256 => State::Sha512_256(sha2::Sha512_256::new()),
            Hash::Sha3_224 => State::Sha3_224(sha3::Sha3_224::new()),
            Hash::Sha3_256 => State::Sha3_256(sha3::Sha3_256::new()),
            Hash::Sha3_384 => State::Sha3_384(sha3::Sha3_384::new()),
            Hash::Sha3_512 => State::Sha3_512(sha3::Sha3_512::new()),
            Hash::Ripemd160 => State::Ripemd160(ripemd::Ripemd160::new()),
            Hash::Blake2b160 => State::Blake2b160(blake2::Blake2b::<U20>::new()),
            Hash::Blake2b256 => State::Blake2b256(blake2::Blake2b::<U32>::new()),
            Hash::Blake2b384 => State::Blake2b384(blake2::Blake2b::<U48>::new()),
            Hash::Blake2b512 => State::Blake2b512(blake2::Blake2b::<U64>::new()),
            Hash::Shake128 => State::Shake128(Shake128::new()),
            Hash::Shake256 => State::Shake256(Shake256::new()),
        })
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        each_state!(&mut self.0, s => s.update(data), a => a.update(data));
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        each_state!(self.0, s => s.finalize().to_vec(), a => a.finish().as_ref().to_vec())
    }
}

impl std::fmt::Debug for Digester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digester")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_gives_the_published_digest_of_abc() {
        let published = [
            (Hash::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Hash::Sha512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
            (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
            (Hash::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
            (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (Hash::Shake128, "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8"),
            (
                Hash::Shake256,
                concat!(
                    "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739",
                    "d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4"
                ),
            ),
        ];

        for (hash, expected) in published {
            assert_eq!(hex::encode(digest(hash, b"abc")), expected, "{hash:?}");
        }
    }

    #[test]
    fn streaming_and_both_engines_agree_on_every_hash() {
        let data: Vec<u8> = (0..=255u8).cycle().take(777).collect();

        for hash in Hash::ALL {
            let mut fast = Digester::new(hash);
            let mut reference = Digester::reference(hash);
            for part in data.chunks(100) {
                fast.update(part);
                reference.update(part);
            }
            let whole = digest(hash, &data);
            assert_eq!(whole.len(), hash.len());
            assert_eq!(fast.clone().finish(), whole);
            assert_eq!(reference.finish(), whole);
            assert_eq!(fast.finish(), whole);
        }
    }

    #[test]
    fn a_saved_digest_goes_on_as_if_it_had_not_been_saved() {
        let data: Vec<u8> = (0..=255u8).cycle().take(777).collect();

        for hash in Hash::ALL {
            for cut in [0, 1, 63, 64, 136, 300, 777] {
                let mut first = Digester::resumable(hash);
                first.update(&data[..cut]);
                let Some(state) = first.save() else {
                    assert!(format!("{hash:?}").starts_with("Blake2b"), "{hash:?} cannot be saved");
                    continue;
                };
                let mut second = Digester::resume(hash, &state).unwrap();
                second.update(&data[cut..]);
                assert_eq!(second.finish(), digest(hash, &data), "{hash:?} cut at {cut}");
                assert!(Digester::resume(hash, &state[1..]).is_none(), "{hash:?}: a state that is too short");
            }
        }
    }

    #[test]
    fn the_prefix_of_a_digest_info_is_der() {
        assert_eq!(hex::encode(Hash::Sha256.digest_info_prefix()), "3031300d060960864801650304020105000420");
        assert_eq!(hex::encode(Hash::Sha1.digest_info_prefix()), "3021300906052b0e03021a05000414");
        assert_eq!(hex::encode(Hash::Md5.digest_info_prefix()), "3020300c06082a864886f70d020505000410");
    }
}
