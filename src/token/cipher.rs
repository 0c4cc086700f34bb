//! C_Encrypt*, C_Decrypt*: one-shot and in parts, for every scheme that crypto offers.
//!
//! A size question never runs a private-key operation. A decryption whose output is only bounded from above may be asked for with a
//! smaller buffer; what does not fit is kept. Source: PKCS#11 3.2, "Encryption functions", "Decryption functions".

use crate::object::policy::Use;
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::mechanism::Mechanism;
use crate::token::operation::{CipherPhase, ContextLogin, Kind, Op, Running, Taken};
use crate::token::room::{Answer, Fit, Room};
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, CipherStream, Direction, Key, OutLen, Scheme};
use cngtoken_key::Secret;
use std::sync::Arc;

/// What a multi-part AEAD decryption may hold back until its tag has been checked, and an encryption may take in all; the same for XTS, which needs
/// its data unit whole.
pub(crate) const AEAD_CAP: u64 = 64 << 20;

fn usage(direction: Direction) -> (Use, Kind) {
    match direction {
        Direction::Encrypt => (Use::Encrypt, Kind::Encrypt),
        Direction::Decrypt => (Use::Decrypt, Kind::Decrypt),
    }
}

/// The parts of a running cipher operation, borrowed.
struct Parts<'a> {
    key: &'a Arc<Key>,
    scheme: &'a Scheme,
    direction: Direction,
    phase: &'a mut CipherPhase,
}

fn parts(running: &mut Running) -> R<Parts<'_>> {
    match &mut running.op {
        Op::Cipher { key, scheme, direction, phase } => Ok(Parts { key: &key.key, scheme, direction: *direction, phase }),
        _ => Err(Reason::GeneralError.because("the operation in this place is of another kind")),
    }
}

/// The stream of an operation, taken out of its phase, and the bytes it has taken in; none for one that has just been made.
fn start(p: &mut Parts<'_>) -> R<(CipherStream, Option<u64>)> {
    match std::mem::replace(p.phase, CipherPhase::Fresh) {
        CipherPhase::Streaming(stream, total) => Ok((stream, Some(total))),
        CipherPhase::Fresh if crypto::streams(p.scheme) => Ok((CipherStream::new(p.key.clone(), p.scheme.clone(), p.direction)?, None)),
        CipherPhase::Fresh => Err(Reason::OperationNotInitialized.because("the mechanism works in one part only")),
    }
}

/// Puts the stream back; one that has taken in nothing leaves the operation fresh.
fn restore(phase: &mut CipherPhase, stream: CipherStream, total: Option<u64>) {
    if let Some(total) = total {
        *phase = CipherPhase::Streaming(stream, total);
    }
}

pub(crate) fn authorised(running: &Running) -> R<()> {
    if running.context_login == ContextLogin::Missing {
        return Err(Reason::UserNotLoggedIn.because("the key asks for a context-specific login before each use"));
    }
    Ok(())
}

impl Application {
    fn crypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64, direction: Direction) -> R<()> {
        let (usage, kind) = usage(direction);
        let Some(mechanism) = mechanism else { return self.cancel(session, kind) };
        let session = self.session(session)?;
        session.operations.must_be_idle(kind)?;
        let ready = self.prepare(&session, &mechanism, key, usage)?;
        let op = Op::Cipher { key: ready.key, scheme: ready.scheme, direction, phase: CipherPhase::Fresh };
        session.begin(kind, Running { op, epoch: ready.epoch, context_login: ready.context_login })
    }

    fn crypt(&self, session: u64, data: &[u8], room: Room, direction: Direction) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(usage(direction).1)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let p = parts(running)?;
        if matches!(p.phase, CipherPhase::Streaming(..)) {
            return Err(Reason::OperationNotInitialized.because("a multi-part operation is under way; it ends here"));
        }
        let len = crypto::cipher_len(p.key, p.scheme, p.direction, data.len());
        if let Fit::Needs(n) = room.fit(len) {
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        let out = crypto::cipher(p.key, p.scheme, p.direction, data).map_err(|e| failure(e, direction))?;
        session.still_running(epoch)?;
        // The true length shows only now; the operation is as it was, so the caller may come again with more room.
        if let Answer::Needs(n) = room.answer_len(out.len()) {
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        Ok(Answer::Bytes(out))
    }

    fn crypt_update(&self, session: u64, data: &[u8], room: Room, direction: Direction) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(usage(direction).1)?;
        let answer = Self::update_taken(&session, &mut taken, data, room)?;
        taken.put_back();
        Ok(answer)
    }

    /// The Update of an operation that was taken out, for this file and the dual functions; the caller puts it back.
    pub(crate) fn update_taken(session: &Session, taken: &mut Taken<'_>, data: &[u8], room: Room) -> R<Answer> {
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let mut p = parts(running)?;
        let direction = p.direction;
        let (mut stream, total) = start(&mut p)?;
        if let Fit::Needs(n) = room.fit(stream.update_len(data.len())) {
            // Nothing was taken in: what was fresh is fresh still.
            restore(p.phase, stream, total);
            return Ok(Answer::Needs(n));
        }
        let total = total.unwrap_or(0).saturating_add(data.len() as u64);
        let held = matches!(p.scheme, Scheme::AesGcm { .. } | Scheme::AesCcm { .. } | Scheme::ChaCha20Poly1305 { .. } | Scheme::AesXts { .. });
        if held && total > AEAD_CAP {
            return Err(Reason::DataLenRange.because(format!("more than {AEAD_CAP} bytes in parts; use one call")));
        }
        let out = stream.update(data).map_err(|e| failure(e, direction))?;
        *p.phase = CipherPhase::Streaming(stream, total);
        session.still_running(epoch)?;
        Ok(Answer::Bytes(out))
    }

    fn crypt_final(&self, session: u64, room: Room, direction: Direction) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(usage(direction).1)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let mut p = parts(running)?;
        let (stream, total) = start(&mut p)?;
        // Below the upper bound the operation is kept as it is, since finishing cannot be taken back.
        let (OutLen::Exact(most) | OutLen::AtMost(most)) = stream.finish_len();
        if let Fit::Needs(n) = room.fit(OutLen::Exact(most)) {
            restore(p.phase, stream, total);
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        let out = stream.finish().map_err(|e| failure(e, direction))?;
        session.still_running(epoch)?;
        Ok(Answer::Bytes(out))
    }

    /// C_EncryptInit; no mechanism cancels.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, the key's and the mechanism's codes.
    pub fn encrypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.crypt_init(session, mechanism, key, Direction::Encrypt)
    }

    /// C_Encrypt.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive, DataLenRange and the like; the operation is gone then.
    pub fn encrypt(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.crypt(session, data, room, Direction::Encrypt)
    }

    /// C_EncryptUpdate.
    ///
    /// # Errors
    /// As [`Application::encrypt`].
    pub fn encrypt_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.crypt_update(session, data, room, Direction::Encrypt)
    }

    /// C_EncryptFinal.
    ///
    /// # Errors
    /// As [`Application::encrypt`].
    pub fn encrypt_final(&self, session: u64, room: Room) -> R<Answer> {
        self.crypt_final(session, room, Direction::Encrypt)
    }

    /// C_DecryptInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::encrypt_init`].
    pub fn decrypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.crypt_init(session, mechanism, key, Direction::Decrypt)
    }

    /// C_Decrypt.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive, EncryptedDataInvalid, EncryptedDataLenRange, UserNotLoggedIn.
    pub fn decrypt(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.crypt(session, data, room, Direction::Decrypt)
    }

    /// C_DecryptUpdate.
    ///
    /// # Errors
    /// As [`Application::decrypt`].
    pub fn decrypt_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.crypt_update(session, data, room, Direction::Decrypt)
    }

    /// C_DecryptFinal.
    ///
    /// # Errors
    /// As [`Application::decrypt`].
    pub fn decrypt_final(&self, session: u64, room: Room) -> R<Answer> {
        self.crypt_final(session, room, Direction::Decrypt)
    }
}

/// A decryption names its input's faults by the codes for encrypted data.
fn failure(e: crypto::CryptoError, direction: Direction) -> crate::token::error::TokenError {
    use crypto::CryptoError as E;
    match (direction, &e) {
        (Direction::Decrypt, E::DataLen) => Reason::EncryptedDataLenRange.into(),
        (Direction::Decrypt, E::DataInvalid) => Reason::EncryptedDataInvalid.into(),
        _ => e.into(),
    }
}

impl Room {
    /// Whether `len` bytes fit; the bytes themselves stay with the caller.
    fn answer_len(self, len: usize) -> Answer {
        match self {
            Room::Bytes(have) if have >= len => Answer::Bytes(Secret::new(Vec::new())),
            Room::Ask | Room::Bytes(_) => Answer::Needs(len),
        }
    }
}
