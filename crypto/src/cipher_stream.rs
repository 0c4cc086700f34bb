//! Ciphers in pieces. Whole blocks go out as soon as they are certain; padding's and stealing's last blocks, a data unit of XTS and all plaintext
//! whose tag is still to come are held back until the end, so the token caps what it passes on.

use crate::block::{self, Aes, Schedule, ccm::Ccm, ctr::Ctr, feedback::Feedback, gcm::Gcm};
use crate::cipher::{bad_len, cipher, pad};
use crate::key::{Bytes, Family};
use crate::sign_stream::append;
use crate::stream::{Keystream, StreamPoly};
use crate::{BlockCipher, CryptoError, Direction, Key, Mode, OutLen, Scheme, streams};
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

/// What of the last blocks waits for the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing: the input is whole blocks.
    Plain,
    /// PKCS#7 padding.
    Padded,
    /// Ciphertext stealing: the last two blocks.
    Stolen,
}

enum State {
    /// ECB (no vector) or CBC, and what does not go out yet.
    Blocks {
        cipher: BlockCipher,
        iv: Option<Vec<u8>>,
        end: End,
        rest: Zeroizing<Vec<u8>>,
    },
    Ctr(BlockCipher, Ctr),
    Feedback(BlockCipher, Feedback),
    GcmEncrypt(Box<Gcm>),
    CcmEncrypt(Box<Ccm>),
    Stream(Keystream),
    PolyEncrypt(Box<StreamPoly>),
    /// Everything so far, for what computes at the end.
    Held(Zeroizing<Vec<u8>>),
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
        let rest = Zeroizing::default();
        let state = match &scheme {
            Scheme::Block { cipher, mode } => {
                let cipher = *cipher;
                let schedule = secret(&key)?.schedule(cipher)?;
                let blocks = |iv: Option<&Vec<u8>>, end| State::Blocks { cipher, iv: iv.cloned(), end, rest };
                match mode {
                    Mode::Ecb => blocks(None, End::Plain),
                    Mode::Cbc { iv } => blocks(Some(iv), End::Plain),
                    Mode::CbcPad { iv } => blocks(Some(iv), End::Padded),
                    Mode::CbcCs1 { iv } => blocks(Some(iv), End::Stolen),
                    Mode::Ofb { iv } => State::Feedback(cipher, Feedback::ofb(schedule, iv)?),
                    Mode::Cfb { iv, bits } => State::Feedback(cipher, Feedback::cfb(schedule, iv, *bits, dir)?),
                    Mode::Ctr { counter, bits } => State::Ctr(cipher, Ctr::new(*counter, *bits)?),
                }
            }
            Scheme::AesXts { .. } => {
                secret(&key)?;
                State::Held(rest)
            }
            Scheme::AesGcm { iv, aad, tag_len } => {
                let gcm = Gcm::new(aes(&key)?, iv, aad, *tag_len)?;
                match dir {
                    Direction::Encrypt => State::GcmEncrypt(Box::new(gcm)),
                    Direction::Decrypt => State::Held(rest),
                }
            }
            Scheme::AesCcm { nonce, aad, tag_len, data_len: Some(data_len) } => {
                let ccm = Ccm::new(aes(&key)?, nonce, aad, *tag_len, *data_len)?;
                match dir {
                    Direction::Encrypt => State::CcmEncrypt(Box::new(ccm)),
                    Direction::Decrypt => State::Held(rest),
                }
            }
            Scheme::ChaCha20Poly1305 { nonce, aad } => {
                let both = StreamPoly::new(secret(&key)?.expose(), nonce, aad)?;
                match dir {
                    Direction::Encrypt => State::PolyEncrypt(Box::new(both)),
                    Direction::Decrypt => State::Held(rest),
                }
            }
            Scheme::Stream { cipher, nonce, counter } => State::Stream(Keystream::new(*cipher, secret(&key)?.expose(), nonce, *counter)?),
            _ => return Err(CryptoError::KeyType),
        };
        Ok(Self { key, scheme, dir, state })
    }

    /// Bytes that [`CipherStream::update`] gives for `n` more bytes.
    #[must_use]
    pub fn update_len(&self, n: usize) -> OutLen {
        OutLen::Exact(match &self.state {
            State::Blocks { cipher, end, rest, .. } => ready(rest.len().saturating_add(n), cipher.block_len(), *end, self.dir),
            State::Ctr(..) | State::Feedback(..) | State::GcmEncrypt(_) | State::CcmEncrypt(_) | State::Stream(_) | State::PolyEncrypt(_) => n,
            State::Held(_) => 0,
        })
    }

    /// Takes a piece and gives what is certain.
    ///
    /// # Errors
    /// [`CryptoError::DataLen`] or [`CryptoError::EncryptedDataLen`] where the scheme's longest input is passed.
    pub fn update(&mut self, data: &[u8]) -> Result<Secret, CryptoError> {
        let (dir, encrypt) = (self.dir, self.dir == Direction::Encrypt);
        match &mut self.state {
            State::Blocks { cipher, iv, end, rest } => {
                let schedule = secret(&self.key)?.schedule(*cipher)?;
                let total = rest.len().saturating_add(data.len());
                let out_len = ready(total, cipher.block_len(), *end, dir);
                let mut out = Zeroizing::new(Vec::with_capacity(total));
                out.extend_from_slice(rest);
                out.extend_from_slice(data);
                let kept = Zeroizing::new(out.get(out_len..).unwrap_or_default().to_vec());
                *rest = kept;
                out.truncate(out_len);
                run(schedule, encrypt, iv.as_deref_mut(), &mut out)?;
                Ok(take(out))
            }
            State::Ctr(cipher, ctr) => {
                let mut out = Zeroizing::new(data.to_vec());
                let ran = secret(&self.key)?.schedule(*cipher)?.ctr(ctr, &mut out);
                ran.map_err(|e| if e == CryptoError::DataLen { bad_len(dir) } else { e })?;
                Ok(take(out))
            }
            State::Feedback(cipher, feedback) => {
                let mut out = Zeroizing::new(data.to_vec());
                feedback.apply(secret(&self.key)?.schedule(*cipher)?, &mut out);
                Ok(take(out))
            }
            State::GcmEncrypt(gcm) => {
                let mut out = Zeroizing::new(data.to_vec());
                gcm.encrypt(aes(&self.key)?, &mut out)?;
                Ok(take(out))
            }
            State::CcmEncrypt(ccm) => {
                let mut out = Zeroizing::new(data.to_vec());
                ccm.encrypt(aes(&self.key)?, &mut out)?;
                Ok(take(out))
            }
            State::Stream(stream) => {
                let mut out = Zeroizing::new(data.to_vec());
                stream.apply(&mut out).map_err(|_| bad_len(dir))?;
                Ok(take(out))
            }
            State::PolyEncrypt(both) => {
                let mut out = Zeroizing::new(data.to_vec());
                both.encrypt(&mut out)?;
                Ok(take(out))
            }
            State::Held(held) => {
                append(held, data);
                Ok(Secret::new(Vec::new()))
            }
        }
    }

    /// Bytes that [`CipherStream::finish`] gives.
    #[must_use]
    pub fn finish_len(&self) -> OutLen {
        match (&self.state, &self.scheme) {
            (State::Blocks { cipher, end: End::Padded, .. }, _) if self.dir == Direction::Encrypt => OutLen::Exact(cipher.block_len()),
            (State::Blocks { cipher, end: End::Padded, .. }, _) => OutLen::AtMost(cipher.block_len() - 1),
            (State::Blocks { end: End::Stolen, rest, .. }, _) => OutLen::Exact(rest.len()),
            (State::GcmEncrypt(_) | State::CcmEncrypt(_) | State::PolyEncrypt(_), scheme) => crate::cipher_len(&self.key, scheme, self.dir, 0),
            (State::Held(held), scheme) => crate::cipher_len(&self.key, scheme, self.dir, held.len()),
            _ => OutLen::Exact(0),
        }
    }

    /// Gives the rest.
    ///
    /// # Errors
    /// As [`crate::cipher`](crate::cipher()): an incomplete block, bad padding, a wrong tag.
    pub fn finish(self) -> Result<Secret, CryptoError> {
        let encrypt = self.dir == Direction::Encrypt;
        match self.state {
            State::Blocks { cipher, mut iv, end: End::Padded, rest } => {
                let schedule = secret(&self.key)?.schedule(cipher)?;
                let block = cipher.block_len();
                if encrypt {
                    let mut out = pad(&rest, block);
                    run(schedule, true, iv.as_deref_mut(), &mut out)?;
                    return Ok(take(out));
                }
                let mut out = rest;
                if out.len() != block {
                    return Err(CryptoError::EncryptedDataLen);
                }
                run(schedule, false, iv.as_deref_mut(), &mut out)?;
                let len = block.saturating_sub(block::padding_len(&out, block)?);
                out.truncate(len);
                Ok(take(out))
            }
            State::Blocks { cipher, iv, end: End::Stolen, rest } => {
                let mut out = rest;
                secret(&self.key)?.schedule(cipher)?.cbc_cs1(encrypt, iv.as_deref().unwrap_or_default(), &mut out)?;
                Ok(take(out))
            }
            State::Blocks { end: End::Plain, rest, .. } if !rest.is_empty() => Err(bad_len(self.dir)),
            State::Blocks { .. } | State::Ctr(..) | State::Feedback(..) | State::Stream(_) => Ok(Secret::new(Vec::new())),
            State::GcmEncrypt(gcm) => Ok(Secret::new(gcm.tag())),
            State::CcmEncrypt(ccm) => Ok(Secret::new(ccm.tag(aes(&self.key)?)?)),
            State::PolyEncrypt(both) => Ok(Secret::new(both.tag())),
            State::Held(held) => cipher(&self.key, &self.scheme, self.dir, &held),
        }
    }
}

/// Bytes of the whole blocks in `total` that may go out: before the end, padding holds back one block to decrypt, stealing up to two.
fn ready(total: usize, block: usize, end: End, dir: Direction) -> usize {
    let sure = match end {
        End::Padded if dir == Direction::Decrypt => total.saturating_sub(1),
        End::Plain | End::Padded => total,
        End::Stolen => total.saturating_sub(block + 1),
    };
    sure - sure % block
}

fn run(schedule: &Schedule, encrypt: bool, iv: Option<&mut [u8]>, data: &mut [u8]) -> Result<(), CryptoError> {
    match iv {
        Some(iv) => schedule.cbc(encrypt, iv, data),
        None => {
            schedule.ecb(encrypt, data);
            Ok(())
        }
    }
}

fn secret(key: &Key) -> Result<Bytes<'_>, CryptoError> {
    match key.family(false) {
        Family::Secret(bytes) => Ok(bytes),
        _ => Err(CryptoError::KeyType),
    }
}

fn aes(key: &Key) -> Result<&Aes, CryptoError> {
    secret(key)?.aes()
}

fn take(mut out: Zeroizing<Vec<u8>>) -> Secret {
    Secret::new(std::mem::take(&mut *out))
}
