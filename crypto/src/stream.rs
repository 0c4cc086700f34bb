//! ChaCha20 and Salsa20 in their nonce lengths, Poly1305 alone, and the two of RFC 8439 together, in pieces. The ciphers and the authenticator are
//! RustCrypto's; what is here puts them together as the RFC says, since its crate takes the whole input at once.

use crate::mac::AnyMac;
use crate::{CryptoError, StreamCipher};
use chacha20::{ChaCha20, ChaCha20Legacy, XChaCha20};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use salsa20::cipher::{KeyIvInit, StreamCipher as _, StreamCipherSeek};
use salsa20::{Salsa20, XSalsa20};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY: usize = 32;
/// Bytes of a tag.
pub(crate) const TAG: usize = 16;
const BLOCK: u128 = 64;

/// A stream of key bytes.
pub(crate) enum Keystream {
    ChaCha(Box<ChaCha20>),
    ChaChaLegacy(Box<ChaCha20Legacy>),
    XChaCha(Box<XChaCha20>),
    Salsa(Box<Salsa20>),
    XSalsa(Box<XSalsa20>),
}

macro_rules! each {
    ($stream:expr, $s:ident => $body:expr) => {
        match $stream {
            Keystream::ChaCha($s) => $body,
            Keystream::ChaChaLegacy($s) => $body,
            Keystream::XChaCha($s) => $body,
            Keystream::Salsa($s) => $body,
            Keystream::XSalsa($s) => $body,
        }
    };
}

fn made<C: KeyIvInit>(key: &[u8], nonce: &[u8]) -> Result<Box<C>, CryptoError> {
    C::new_from_slices(key, nonce).map(Box::new).map_err(|_| CryptoError::KeySize)
}

impl Keystream {
    /// Starts at the block of that number.
    pub(crate) fn new(cipher: StreamCipher, key: &[u8], nonce: &[u8], counter: u64) -> Result<Self, CryptoError> {
        if key.len() != KEY {
            return Err(CryptoError::KeySize);
        }
        let mut stream = match (cipher, nonce.len()) {
            (StreamCipher::ChaCha20, 12) => Keystream::ChaCha(made(key, nonce)?),
            (StreamCipher::ChaCha20, 8) => Keystream::ChaChaLegacy(made(key, nonce)?),
            (StreamCipher::ChaCha20, 24) => Keystream::XChaCha(made(key, nonce)?),
            (StreamCipher::Salsa20, 8) => Keystream::Salsa(made(key, nonce)?),
            (StreamCipher::Salsa20, 24) => Keystream::XSalsa(made(key, nonce)?),
            _ => return Err(CryptoError::Param("the nonce has a length that the cipher does not have")),
        };
        if counter != 0 {
            let at = u128::from(counter) * BLOCK;
            each!(&mut stream, s => s.try_seek(at)).map_err(|_| CryptoError::Param("the block counter is larger than the cipher's"))?;
        }
        Ok(stream)
    }

    /// XORs the keystream over `data`.
    pub(crate) fn apply(&mut self, data: &mut [u8]) -> Result<(), CryptoError> {
        each!(self, s => s.try_apply_keystream(data)).map_err(|_| CryptoError::DataLen)
    }
}

/// Poly1305 over data in pieces. The key is good for one message.
#[derive(Clone)]
pub(crate) struct PolyMac {
    poly: Poly1305,
    /// What does not fill a block yet.
    rest: Vec<u8>,
}

impl PolyMac {
    pub(crate) fn new(key: &[u8]) -> Result<Self, CryptoError> {
        Ok(Self { poly: Poly1305::new_from_slice(key).map_err(|_| CryptoError::KeySize)?, rest: Vec::new() })
    }

    fn update(&mut self, data: &[u8]) {
        self.rest.extend_from_slice(data);
        let (blocks, rest) = poly1305::Block::slice_as_chunks(&self.rest);
        self.poly.update(blocks);
        self.rest = rest.to_vec();
    }

    /// Zeros fill the last block.
    fn fill(&mut self) {
        if !self.rest.is_empty() {
            self.poly.update_padded(&std::mem::take(&mut self.rest));
        }
    }
}

impl AnyMac for PolyMac {
    fn add(&mut self, data: &[u8]) {
        self.update(data);
    }

    fn tag(self: Box<Self>) -> Vec<u8> {
        self.poly.compute_unpadded(&self.rest).to_vec()
    }

    fn duplicate(&self) -> Box<dyn AnyMac> {
        Box::new(self.clone())
    }
}

/// RFC 8439, 2.8: an encryption, or the authenticating half of a decryption.
pub(crate) struct StreamPoly {
    stream: Keystream,
    mac: PolyMac,
    aad_len: u64,
    text_len: u64,
}

/// The nonces with which ChaCha20 and Poly1305 are defined together.
pub(crate) fn check_nonce(nonce: &[u8]) -> Result<(), CryptoError> {
    match nonce.len() {
        12 | 24 => Ok(()),
        _ => Err(CryptoError::Param("the nonce has not 12 or 24 bytes")),
    }
}

impl StreamPoly {
    pub(crate) fn new(key: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Self, CryptoError> {
        check_nonce(nonce)?;
        let mut mac_key = Zeroizing::new([0; KEY]);
        Keystream::new(StreamCipher::ChaCha20, key, nonce, 0)?.apply(&mut *mac_key)?;
        let mut mac = PolyMac::new(&*mac_key)?;
        mac.update(aad);
        mac.fill();
        let stream = Keystream::new(StreamCipher::ChaCha20, key, nonce, 1)?;
        Ok(Self { stream, mac, aad_len: u64::try_from(aad.len()).unwrap_or(u64::MAX), text_len: 0 })
    }

    fn authenticate(&mut self, sealed: &[u8]) {
        self.mac.update(sealed);
        self.text_len = self.text_len.saturating_add(u64::try_from(sealed.len()).unwrap_or(u64::MAX));
    }

    /// Encrypts in place.
    pub(crate) fn encrypt(&mut self, data: &mut [u8]) -> Result<(), CryptoError> {
        self.stream.apply(data)?;
        self.authenticate(data);
        Ok(())
    }

    /// The tag over all that was encrypted.
    pub(crate) fn tag(mut self) -> Vec<u8> {
        self.mac.fill();
        self.mac.update(&self.aad_len.to_le_bytes());
        self.mac.update(&self.text_len.to_le_bytes());
        Box::new(self.mac).tag()
    }
}

/// Ciphertext and tag in one call.
pub(crate) fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut both = StreamPoly::new(key, nonce, aad)?;
    let mut out = Vec::with_capacity(plain.len().saturating_add(TAG));
    out.extend_from_slice(plain);
    both.encrypt(&mut out)?;
    out.extend_from_slice(&both.tag());
    Ok(out)
}

/// The plaintext, if the tag is right.
pub(crate) fn open(key: &[u8], nonce: &[u8], aad: &[u8], input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (text, tag) = input.len().checked_sub(TAG).and_then(|at| input.split_at_checked(at)).ok_or(CryptoError::EncryptedDataLen)?;
    let mut both = StreamPoly::new(key, nonce, aad)?;
    both.authenticate(text);
    if !bool::from(both.tag().ct_eq(tag)) {
        return Err(CryptoError::EncryptedData);
    }
    let mut plain = Zeroizing::new(text.to_vec());
    Keystream::new(StreamCipher::ChaCha20, key, nonce, 1)?.apply(&mut plain).map_err(|_| CryptoError::EncryptedDataLen)?;
    Ok(plain)
}
