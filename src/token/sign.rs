//! C_Sign*, C_Verify*, C_SignRecover*, C_VerifyRecover*, C_VerifySignature*.
//!
//! Source: PKCS#11 3.2, "Signing and MACing functions", "Functions for verifying signatures and MACs".

use crate::object::policy::Use;
use crate::token::application::Application;
use crate::token::cipher::authorised;
use crate::token::error::{R, Reason, TokenError};
use crate::token::mechanism::Mechanism;
use crate::token::operation::{Kind, Op, Running, SignPhase};
use crate::token::room::{Answer, Fit, Room};
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, Key, OutLen, Scheme, SignStream};
use cngtoken_key::Secret;
use std::sync::Arc;

fn one_part_only() -> TokenError {
    Reason::OperationNotInitialized.because("the mechanism works in one part only")
}

fn under_way() -> TokenError {
    Reason::OperationNotInitialized.because("a multi-part operation is under way; it ends here")
}

fn wrong_kind() -> TokenError {
    Reason::GeneralError.because("the operation in this place is of another kind")
}

/// Takes data into a signature's phase, starting the stream at the first call.
pub(crate) fn feed(key: &Arc<Key>, scheme: &Scheme, phase: &mut SignPhase, data: &[u8]) -> R<()> {
    if matches!(phase, SignPhase::Fresh) {
        if !crypto::streams(scheme) {
            return Err(one_part_only());
        }
        *phase = SignPhase::Streaming(SignStream::new(key.clone(), scheme.clone())?);
    }
    match phase {
        SignPhase::Streaming(stream) => {
            stream.update(data);
            Ok(())
        }
        SignPhase::Fresh => Err(wrong_kind()),
    }
}

/// The stream of a phase that is about to be finished; a fresh one has taken in nothing.
fn stream(key: &Arc<Key>, scheme: &Scheme, phase: SignPhase) -> R<SignStream> {
    match phase {
        SignPhase::Streaming(stream) => Ok(stream),
        SignPhase::Fresh if crypto::streams(scheme) => Ok(SignStream::new(key.clone(), scheme.clone())?),
        SignPhase::Fresh => Err(one_part_only()),
    }
}

impl Application {
    fn sign_like_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64, kind: Kind, usage: Use) -> R<()> {
        let Some(mechanism) = mechanism else { return self.cancel(session, kind) };
        let session = self.session(session)?;
        session.operations.must_be_idle(kind)?;
        let ready = self.prepare(&session, &mechanism, key, usage)?;
        let op = Op::Sign { key: ready.key, mechanism: mechanism.id, scheme: ready.scheme, phase: SignPhase::Fresh };
        session.begin(kind, Running { op, epoch: ready.epoch, context_login: ready.context_login })
    }

    /// C_SignInit; no mechanism cancels.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, the key's and the mechanism's codes.
    pub fn sign_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.sign_like_init(session, mechanism, key, Kind::Sign, Use::Sign)
    }

    /// C_SignRecoverInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::sign_init`].
    pub fn sign_recover_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.sign_like_init(session, mechanism, key, Kind::SignRecover, Use::SignRecover)
    }

    /// C_VerifyInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::sign_init`].
    pub fn verify_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.sign_like_init(session, mechanism, key, Kind::Verify, Use::Verify)
    }

    /// C_VerifyRecoverInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::sign_init`].
    pub fn verify_recover_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.sign_like_init(session, mechanism, key, Kind::VerifyRecover, Use::VerifyRecover)
    }

    fn sign_in_one(&self, session: u64, data: &[u8], room: Room, kind: Kind) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(kind)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::Sign { key, scheme, phase: SignPhase::Fresh, .. } = &running.op else { return Err(under_way()) };
        if let Fit::Needs(n) = room.fit(OutLen::Exact(crypto::signature_len(&key.key, scheme))) {
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        let signature = crypto::sign(&key.key, scheme, data)?;
        session.still_running(epoch)?;
        Ok(Answer::Bytes(Secret::new(signature)))
    }

    /// C_Sign.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive, DataLenRange, UserNotLoggedIn and the like; the operation is gone then.
    pub fn sign(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.sign_in_one(session, data, room, Kind::Sign)
    }

    /// C_SignRecover.
    ///
    /// # Errors
    /// As [`Application::sign`].
    pub fn sign_recover(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.sign_in_one(session, data, room, Kind::SignRecover)
    }

    /// C_SignUpdate.
    ///
    /// # Errors
    /// As [`Application::sign`].
    pub fn sign_update(&self, session: u64, data: &[u8]) -> R<()> {
        self.feed_operation(session, data, Kind::Sign)
    }

    /// C_VerifyUpdate.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_update(&self, session: u64, data: &[u8]) -> R<()> {
        self.feed_operation(session, data, Kind::Verify)
    }

    pub(crate) fn feed_operation(&self, session: u64, data: &[u8], kind: Kind) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(kind)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        match &mut running.op {
            Op::Sign { key, scheme, phase, .. } | Op::VerifySignature { key, scheme, phase, .. } => feed(&key.key, scheme, phase, data)?,
            _ => return Err(wrong_kind()),
        }
        session.still_running(epoch)?;
        taken.put_back();
        Ok(())
    }

    /// C_SignFinal.
    ///
    /// # Errors
    /// As [`Application::sign`].
    pub fn sign_final(&self, session: u64, room: Room) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Sign)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::Sign { key, scheme, phase, .. } = &mut running.op else { return Err(wrong_kind()) };
        if !crypto::streams(scheme) {
            return Err(one_part_only());
        }
        if let Fit::Needs(n) = room.fit(OutLen::Exact(crypto::signature_len(&key.key, scheme))) {
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        let signature = stream(&key.key, scheme, std::mem::replace(phase, SignPhase::Fresh))?.finish()?;
        session.still_running(epoch)?;
        Ok(Answer::Bytes(Secret::new(signature)))
    }

    /// C_Verify.
    ///
    /// # Errors
    /// SignatureInvalid, SignatureLenRange, OperationNotInitialized, OperationActive; the operation is gone in every case.
    pub fn verify(&self, session: u64, data: &[u8], signature: &[u8]) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Verify)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::Sign { key, scheme, phase: SignPhase::Fresh, .. } = &running.op else { return Err(under_way()) };
        crypto::verify(&key.key, scheme, data, signature)?;
        session.still_running(epoch)
    }

    /// C_VerifyFinal.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_final(&self, session: u64, signature: &[u8]) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Verify)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::Sign { key, scheme, phase, .. } = &mut running.op else { return Err(wrong_kind()) };
        stream(&key.key, scheme, std::mem::replace(phase, SignPhase::Fresh))?.verify(signature)?;
        session.still_running(epoch)
    }

    /// C_VerifyRecover.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_recover(&self, session: u64, signature: &[u8], room: Room) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::VerifyRecover)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::Sign { key, scheme, .. } = &running.op else { return Err(wrong_kind()) };
        if room == Room::Ask {
            let n = crypto::signature_len(&key.key, scheme);
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        let data = crypto::recover(&key.key, scheme, signature)?;
        session.still_running(epoch)?;
        let answer = room.answer(Secret::new(data));
        if matches!(answer, Answer::Needs(_)) {
            taken.put_back();
        }
        Ok(answer)
    }

    /// C_VerifySignatureInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::verify_init`]; SignatureLenRange.
    pub fn verify_signature_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64, signature: &[u8]) -> R<()> {
        let Some(mechanism) = mechanism else { return self.cancel(session, Kind::VerifySignature) };
        let session: Arc<Session> = self.session(session)?;
        session.operations.must_be_idle(Kind::VerifySignature)?;
        let ready = self.prepare(&session, &mechanism, key, Use::Verify)?;
        if signature.len() != crypto::signature_len(&ready.key.key, &ready.scheme) {
            return Err(Reason::SignatureLenRange.into());
        }
        let op = Op::VerifySignature { key: ready.key, scheme: ready.scheme, signature: signature.to_vec(), phase: SignPhase::Fresh };
        session.begin(Kind::VerifySignature, Running { op, epoch: ready.epoch, context_login: ready.context_login })
    }

    /// C_VerifySignature.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_signature(&self, session: u64, data: &[u8]) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::VerifySignature)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::VerifySignature { key, scheme, signature, phase: SignPhase::Fresh } = &running.op else { return Err(under_way()) };
        crypto::verify(&key.key, scheme, data, signature)?;
        session.still_running(epoch)
    }

    /// C_VerifySignatureUpdate.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_signature_update(&self, session: u64, data: &[u8]) -> R<()> {
        self.feed_operation(session, data, Kind::VerifySignature)
    }

    /// C_VerifySignatureFinal.
    ///
    /// # Errors
    /// As [`Application::verify`].
    pub fn verify_signature_final(&self, session: u64) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::VerifySignature)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        authorised(running)?;
        let Op::VerifySignature { key, scheme, signature, phase } = &mut running.op else { return Err(wrong_kind()) };
        stream(&key.key, scheme, std::mem::replace(phase, SignPhase::Fresh))?.verify(signature)?;
        session.still_running(epoch)
    }
}
