//! Signatures and MACs over a message that comes in pieces. Schemes with a hash keep the hash's state; the others that may stream need the whole
//! message in the end and keep it, so the token caps what it passes on.

use crate::key::Family;
use crate::resume::{NO_STATE, Resumable};
use crate::sign::{self, Input};
use crate::{CryptoError, Digester, Key, Scheme, streams};
use cngtoken_key::Secret;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A signature or MAC being computed or verified.
pub struct SignStream {
    key: Arc<Key>,
    scheme: Scheme,
    state: State,
}

enum State {
    Digest(Digester),
    Mac(Box<Resumable>, usize),
    Whole(Zeroizing<Vec<u8>>),
}

impl SignStream {
    /// Starts.
    ///
    /// # Errors
    /// [`CryptoError::KeyType`] for a scheme that takes its input in one piece (see [`streams`]) or is none of this key's; [`CryptoError::Param`] as [`crate::sign`].
    pub fn new(key: Arc<Key>, scheme: Scheme) -> Result<Self, CryptoError> {
        if !streams(&scheme) {
            return Err(CryptoError::KeyType);
        }
        let state = match (sign::message_hash(&scheme), key.family(key.fast(&scheme))) {
            (Some(hash), _) => State::Digest(Digester::new(hash)),
            (None, Family::Secret(_)) if matches!(scheme, Scheme::TlsMac { .. }) => State::Whole(Zeroizing::default()),
            (None, Family::Secret(bytes)) => {
                let (mac, len) = sign::resumable(&bytes, &scheme, None)?;
                State::Mac(Box::new(mac), len)
            }
            (None, _) => State::Whole(Zeroizing::default()),
        };
        Ok(Self { key, scheme, state })
    }

    /// What has been taken in so far, for [`SignStream::resume`]; none where the scheme is no MAC. Whoever has it and the key can go on and finish.
    #[must_use]
    pub fn save(&self) -> Option<Secret> {
        match &self.state {
            State::Mac(mac, _) => mac.save().map(|state| Secret::copy_of(&state)),
            State::Digest(_) | State::Whole(_) => None,
        }
    }

    /// Goes on where [`SignStream::save`] was called on a stream of the same key and scheme.
    ///
    /// # Errors
    /// As [`SignStream::new`]; [`CryptoError::Param`] for a state that is none of this scheme.
    pub fn resume(key: Arc<Key>, scheme: Scheme, state: &[u8]) -> Result<Self, CryptoError> {
        let Family::Secret(bytes) = key.family(key.fast(&scheme)) else { return Err(NO_STATE) };
        let (mac, len) = sign::resumable(&bytes, &scheme, Some(state))?;
        Ok(Self { state: State::Mac(Box::new(mac), len), key: key.clone(), scheme })
    }

    /// Adds a piece.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.state {
            State::Digest(digester) => digester.update(data),
            State::Mac(mac, _) => mac.update(data),
            State::Whole(message) => append(message, data),
        }
    }

    /// The signature over all pieces.
    ///
    /// # Errors
    /// As [`crate::sign`].
    pub fn finish(self) -> Result<Vec<u8>, CryptoError> {
        match self.state {
            State::Digest(digester) => sign::sign_input(&self.key, &self.scheme, &Input::Digest(&digester.finish())),
            State::Mac(mac, len) => Ok(mac.finish(len)),
            State::Whole(message) => sign::sign_input(&self.key, &self.scheme, &Input::Data(&message)),
        }
    }

    /// Verifies a signature over all pieces.
    ///
    /// # Errors
    /// As [`crate::verify`].
    pub fn verify(self, sig: &[u8]) -> Result<(), CryptoError> {
        match self.state {
            State::Digest(digester) => sign::verify_input(&self.key, &self.scheme, &Input::Digest(&digester.finish()), sig),
            State::Mac(mac, len) => sign::check_tag(&mac.finish(len), sig),
            State::Whole(message) => sign::verify_input(&self.key, &self.scheme, &Input::Data(&message), sig),
        }
    }
}

/// Appends without leaving copies behind: a buffer that must grow moves into a fresh one and is wiped.
pub(crate) fn append(buffer: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = buffer.len().saturating_add(data.len());
    if needed > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(buffer.capacity().saturating_mul(2)).max(256)));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(data);
}
