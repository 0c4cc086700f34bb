//! AES in pieces. Whole blocks go out as soon as they are certain; padding's last block and all of GCM's plaintext are held back until the end,
//! so the token caps what it passes on.

use crate::block::{self, Aes, BLOCK, ctr::Ctr, gcm::Gcm};
use crate::cipher::{bad_len, cipher, pad};
use crate::key::Family;
use crate::sign_stream::append;
use crate::{CryptoError, Direction, Key, OutLen, Scheme, streams};
use cngtoken_key::Secret;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A cipher running over pieces of its input.
pub struct CipherStream {
    key: Arc<Key>,
    scheme: Scheme,
    dir: Direction,
    state: State,
}

enum State {
    /// ECB (no vector) or CBC, and what does not fill a block yet.
    Blocks {
        iv: Option<[u8; BLOCK]>,
        pad: bool,
        rest: Zeroizing<Vec<u8>>,
    },
    Ctr(Ctr),
    GcmEncrypt(Box<Gcm>),
    /// GCM decryption: everything so far.
    GcmDecrypt(Zeroizing<Vec<u8>>),
}

impl CipherStream {
    /// Starts.
    ///
    /// # Errors
    /// [`CryptoError::KeyType`] for a scheme that takes its input in one piece (see [`streams`]) or is none of this key's, [`CryptoError::KeySize`] and
    /// [`CryptoError::Param`] as [`crate::cipher`](crate::cipher()).
    pub fn new(key: Arc<Key>, scheme: Scheme, dir: Direction) -> Result<Self, CryptoError> {
        if !streams(&scheme) {
            return Err(CryptoError::KeyType);
        }
        let aes = aes(&key)?;
        let rest = Zeroizing::default();
        let state = match &scheme {
            Scheme::AesEcb => State::Blocks { iv: None, pad: false, rest },
            Scheme::AesCbc { iv } => State::Blocks { iv: Some(*iv), pad: false, rest },
            Scheme::AesCbcPad { iv } => State::Blocks { iv: Some(*iv), pad: true, rest },
            Scheme::AesCtr { counter, bits } => State::Ctr(Ctr::new(*counter, *bits)?),
            Scheme::AesGcm { iv, aad, tag_len } => {
                let gcm = Gcm::new(aes, iv, aad, *tag_len)?;
                match dir {
                    Direction::Encrypt => State::GcmEncrypt(Box::new(gcm)),
                    Direction::Decrypt => State::GcmDecrypt(rest),
                }
            }
            _ => return Err(CryptoError::KeyType),
        };
        Ok(Self { key, scheme, dir, state })
    }

    /// Bytes that [`CipherStream::update`] gives for `n` more bytes.
    #[must_use]
    pub fn update_len(&self, n: usize) -> OutLen {
        OutLen::Exact(match &self.state {
            State::Blocks { pad, rest, .. } => ready(rest.len().saturating_add(n), *pad && self.dir == Direction::Decrypt),
            State::Ctr(_) | State::GcmEncrypt(_) => n,
            State::GcmDecrypt(_) => 0,
        })
    }

    /// Takes a piece and gives what is certain.
    ///
    /// # Errors
    /// [`CryptoError::DataLen`] or [`CryptoError::EncryptedDataLen`] where the scheme's longest input is passed.
    pub fn update(&mut self, data: &[u8]) -> Result<Secret, CryptoError> {
        let aes = aes(&self.key)?;
        let (dir, encrypt) = (self.dir, self.dir == Direction::Encrypt);
        match &mut self.state {
            State::Blocks { iv, pad, rest } => {
                let total = rest.len().saturating_add(data.len());
                let out_len = ready(total, *pad && !encrypt);
                let mut out = Zeroizing::new(Vec::with_capacity(total));
                out.extend_from_slice(rest);
                out.extend_from_slice(data);
                let kept = Zeroizing::new(out.get(out_len..).unwrap_or_default().to_vec());
                *rest = kept;
                out.truncate(out_len);
                run(aes, encrypt, iv.as_mut(), &mut out);
                Ok(take(out))
            }
            State::Ctr(ctr) => {
                let mut out = Zeroizing::new(data.to_vec());
                ctr.apply(aes, &mut out).map_err(|_| bad_len(dir))?;
                Ok(take(out))
            }
            State::GcmEncrypt(gcm) => {
                let mut out = Zeroizing::new(data.to_vec());
                gcm.encrypt(aes, &mut out)?;
                Ok(take(out))
            }
            State::GcmDecrypt(held) => {
                append(held, data);
                Ok(Secret::new(Vec::new()))
            }
        }
    }

    /// Bytes that [`CipherStream::finish`] gives.
    #[must_use]
    pub fn finish_len(&self) -> OutLen {
        match (&self.state, &self.scheme) {
            (State::Blocks { pad: true, .. }, _) if self.dir == Direction::Encrypt => OutLen::Exact(BLOCK),
            (State::Blocks { pad: true, .. }, _) => OutLen::AtMost(BLOCK - 1),
            (State::GcmEncrypt(_), Scheme::AesGcm { tag_len, .. }) => OutLen::Exact(*tag_len),
            (State::GcmDecrypt(held), Scheme::AesGcm { tag_len, .. }) => OutLen::Exact(held.len().saturating_sub(*tag_len)),
            _ => OutLen::Exact(0),
        }
    }

    /// Gives the rest.
    ///
    /// # Errors
    /// As [`crate::cipher`](crate::cipher()): an incomplete block, bad padding, a wrong tag.
    pub fn finish(self) -> Result<Secret, CryptoError> {
        let aes = aes(&self.key)?;
        match self.state {
            State::Blocks { mut iv, pad: true, rest } => {
                if self.dir == Direction::Encrypt {
                    let mut out = pad(&rest);
                    run(aes, true, iv.as_mut(), &mut out);
                    return Ok(take(out));
                }
                let mut out = rest;
                if out.len() != BLOCK {
                    return Err(CryptoError::EncryptedDataLen);
                }
                run(aes, false, iv.as_mut(), &mut out);
                let len = BLOCK.saturating_sub(block::padding_len(&out)?);
                out.truncate(len);
                Ok(take(out))
            }
            State::Blocks { pad: false, rest, .. } if !rest.is_empty() => Err(bad_len(self.dir)),
            State::Blocks { .. } | State::Ctr(_) => Ok(Secret::new(Vec::new())),
            State::GcmEncrypt(gcm) => Ok(Secret::new(gcm.tag())),
            State::GcmDecrypt(held) => cipher(&self.key, &self.scheme, Direction::Decrypt, &held),
        }
    }
}

/// Bytes of the whole blocks in `total`; with `hold` the last of them waits until it is known whether another follows.
fn ready(total: usize, hold: bool) -> usize {
    let sure = if hold { total.saturating_sub(1) } else { total };
    sure - sure % BLOCK
}

fn run(aes: &Aes, encrypt: bool, iv: Option<&mut [u8; BLOCK]>, data: &mut [u8]) {
    match iv {
        Some(iv) => aes.cbc(encrypt, iv, data),
        None => aes.ecb(encrypt, data),
    }
}

fn aes(key: &Key) -> Result<&Aes, CryptoError> {
    match key.family(false) {
        Family::Secret(bytes) => bytes.aes(),
        _ => Err(CryptoError::KeyType),
    }
}

fn take(mut out: Zeroizing<Vec<u8>>) -> Secret {
    Secret::new(std::mem::take(&mut *out))
}
