//! MACs whose state can be saved and taken up again, for streams. No crate lets go of the state of its HMAC or CMAC, so both are composed of what the
//! crates do offer: HMAC of two digests (RFC 2104, section 4 describes keeping their intermediate results), CMAC of the crate's own CMAC, whose chaining value
//! is found from the outside. The tests hold both against the crates' MACs for every hash, key and cut.

use crate::block::Schedule;
use crate::mac::Mac;
use crate::{CryptoError, Digester, Hash, digest};
use zeroize::Zeroizing;

/// HMAC over a stream.
pub(crate) struct Hmac {
    inner: Digester,
    outer: Digester,
}

impl Hmac {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        let mut block = Zeroizing::new(vec![0u8; hash.block_len()]);
        let short = if key.len() > block.len() { Zeroizing::new(digest(hash, key)) } else { Zeroizing::new(key.to_vec()) };
        block.iter_mut().zip(short.iter()).for_each(|(to, from)| *to = *from);
        let padded = |pad: u8| {
            let mut digester = Digester::resumable(hash);
            digester.update(&Zeroizing::new(block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>()));
            digester
        };
        Self { inner: padded(0x36), outer: padded(0x5C) }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.outer.update(&self.inner.finish());
        self.outer.finish()
    }

    pub(crate) fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.inner.save()
    }

    pub(crate) fn resume(hash: Hash, key: &[u8], state: &[u8]) -> Option<Self> {
        let inner = Digester::resume(hash, state)?;
        Some(Self { inner, ..Self::new(hash, key) })
    }
}

/// CMAC over a stream.
pub(crate) struct Cmac {
    schedule: Schedule,
    /// Bytes of the cipher's block.
    block: usize,
    mac: Mac,
    /// The bytes that the MAC holds back: its last block, since only the end tells whether it is the last.
    tail: Zeroizing<Vec<u8>>,
    /// Blocks have gone through the cipher.
    chained: bool,
}

impl Cmac {
    pub(crate) fn new(schedule: &Schedule, block: usize) -> Self {
        Self { schedule: schedule.clone(), block, mac: Mac::cmac(schedule), tail: Zeroizing::default(), chained: false }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.mac.update(data);
        let total = self.tail.len().saturating_add(data.len());
        let keep = if total <= self.block { total } else { (total - 1) % self.block + 1 };
        self.chained |= total > self.block;
        let new = data.get(data.len().saturating_sub(keep)..).unwrap_or_default();
        let old = keep - new.len();
        let gone = self.tail.len() - old;
        self.tail.drain(..gone);
        self.tail.extend_from_slice(new);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.mac.finish(self.block)
    }

    /// The tail, and before it, where blocks have been chained, a block that brings a fresh CMAC to the same chaining value: its decryption.
    ///
    /// With C the chaining value and P the tail filled up with zeros, the tag of all of it is E(C ^ P ^ K1), and the tag of one block of zeros E(K1).
    pub(crate) fn save(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(2 * self.block + 1));
        out.push(u8::from(self.chained));
        if self.chained {
            let zeros = vec![0; self.block];
            let mut filled = self.mac.clone();
            filled.update(zeros.get(self.tail.len()..).unwrap_or_default());
            let mut subkey = Mac::cmac(&self.schedule);
            subkey.update(&zeros);
            let mut chain = Zeroizing::new(filled.finish(self.block));
            let mut subkey = Zeroizing::new(subkey.finish(self.block));
            self.schedule.ecb(false, &mut chain);
            self.schedule.ecb(false, &mut subkey);
            chain.iter_mut().zip(subkey.iter()).for_each(|(c, k)| *c ^= k);
            chain.iter_mut().zip(self.tail.iter()).for_each(|(c, p)| *c ^= p);
            self.schedule.ecb(false, &mut chain);
            out.extend_from_slice(&chain);
        }
        out.extend_from_slice(&self.tail);
        out
    }

    pub(crate) fn resume(schedule: &Schedule, block: usize, state: &[u8]) -> Option<Self> {
        let mut new = Self::new(schedule, block);
        match state.split_first()? {
            (0, tail) if tail.len() <= block => new.update(tail),
            (1, rest) if (block + 1..=2 * block).contains(&rest.len()) => new.update(rest),
            _ => return None,
        }
        Some(new)
    }
}

/// A MAC over a stream.
#[allow(clippy::large_enum_variant, reason = "boxed by the stream that holds it")]
pub(crate) enum Resumable {
    Hmac(Hmac),
    Cmac(Cmac),
    /// One whose state nobody gives out.
    Other(Mac),
}

impl Resumable {
    pub(crate) fn update(&mut self, data: &[u8]) {
        match self {
            Resumable::Hmac(mac) => mac.update(data),
            Resumable::Cmac(mac) => mac.update(data),
            Resumable::Other(mac) => mac.update(data),
        }
    }

    /// The first `len` bytes of the tag.
    pub(crate) fn finish(self, len: usize) -> Vec<u8> {
        let mut tag = match self {
            Resumable::Hmac(mac) => mac.finish(),
            Resumable::Cmac(mac) => mac.finish(),
            Resumable::Other(mac) => mac.finish(len),
        };
        tag.truncate(len);
        tag
    }

    pub(crate) fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Resumable::Hmac(mac) => mac.save(),
            Resumable::Cmac(mac) => Some(mac.save()),
            Resumable::Other(_) => None,
        }
    }
}

/// What is said of a state that no stream has saved.
pub(crate) const NO_STATE: CryptoError = CryptoError::Param("this is no saved state of the scheme");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BlockCipher;

    const CUTS: [usize; 14] = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 299, 300];

    fn data() -> Vec<u8> {
        (0..=255u8).cycle().take(300).collect()
    }

    #[test]
    fn a_resumable_hmac_is_the_crates_hmac_for_every_hash_and_length_of_key() {
        let data = data();
        for hash in Hash::ALL {
            for key_len in [0, 1, hash.len(), hash.block_len() - 1, hash.block_len(), hash.block_len() + 1, 300] {
                let key = vec![0x5A; key_len];
                let mut expected = Mac::hmac(hash, &key, false).unwrap();
                expected.update(&data);
                let expected = expected.finish(usize::MAX);
                for cut in CUTS {
                    let mut first = Hmac::new(hash, &key);
                    first.update(&data[..cut]);
                    let state = first.save();
                    first.update(&data[cut..]);
                    assert_eq!(first.finish(), expected, "{hash:?}, key of {key_len} bytes, uninterrupted");
                    let Some(state) = state else {
                        assert!(format!("{hash:?}").starts_with("Blake2b"), "{hash:?} cannot be saved");
                        continue;
                    };
                    let mut second = Hmac::resume(hash, &key, &state).unwrap();
                    second.update(&data[cut..]);
                    assert_eq!(second.finish(), expected, "{hash:?}, key of {key_len} bytes, cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_resumed_cmac_gives_the_tag_of_the_whole_wherever_it_was_cut() {
        let data = data();
        for (cipher, key_len) in
            [(BlockCipher::Aes, 16), (BlockCipher::Aes, 24), (BlockCipher::Aes, 32), (BlockCipher::Des, 16), (BlockCipher::Des, 24)]
        {
            let key: Vec<u8> = (0..key_len).map(|i| 0xA5 ^ i).collect();
            let (schedule, block) = (Schedule::new(cipher, &key).unwrap(), cipher.block_len());
            for end in CUTS {
                let mut expected = Mac::cmac(&schedule);
                expected.update(&data[..end]);
                let expected = expected.finish(block);
                for cut in CUTS.into_iter().filter(|cut| *cut <= end) {
                    let mut first = Cmac::new(&schedule, block);
                    data[..cut].chunks(7).for_each(|piece| first.update(piece));
                    let mut second = Cmac::resume(&schedule, block, &first.save()).unwrap();
                    second.update(&data[cut..end]);
                    let mut third = Cmac::resume(&schedule, block, &second.save()).unwrap();
                    third.update(&[]);
                    assert_eq!(third.finish(), expected, "{cipher:?} with {key_len} bytes: {end} bytes cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn what_no_stream_has_saved_is_refused() {
        let aes = Schedule::new(BlockCipher::Aes, &[1; 16]).unwrap();
        for bad in [&[][..], &[2], &[0; 18], &[1; 17], &[1; 34]] {
            assert!(Cmac::resume(&aes, 16, bad).is_none(), "{bad:?}");
        }
        assert!(Hmac::resume(Hash::Sha256, b"key", &[0; 7]).is_none());
    }
}
