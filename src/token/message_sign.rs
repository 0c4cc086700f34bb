//! C_MessageSign* and C_MessageVerify*: many signatures under one key and one mechanism, each over one message.
//!
//! A message takes no parameter of its own: what the mechanism needs was said with Init. The process stays when a message fails; a message that
//! has begun ends with its first failure, and with its signature. A key that asks for a context-specific login asks before each message.
//! Source: PKCS#11 3.2, "Message-based signing and MACing functions", "Message-based functions for verifying signatures and MACs".

use crate::object::policy::Use;
use crate::token::application::Application;
use crate::token::cipher::authorised;
use crate::token::error::{R, Reason, TokenError};
use crate::token::mechanism::{Mechanism, Params};
use crate::token::message::serves;
use crate::token::operation::{ContextLogin, Kind, Op, Running};
use crate::token::plan::no_parameter;
use crate::token::room::{Answer, Fit, Room};
use cngtoken_crypto::{self as crypto, Key, OutLen, Scheme, SignStream};
use cngtoken_key::Secret;
use cryptoki_sys as ck;
use std::sync::Arc;

/// The parts of a running process, borrowed.
struct Process<'a> {
    key: &'a Arc<Key>,
    scheme: &'a Scheme,
    open: &'a mut Option<SignStream>,
    context_login: &'a mut ContextLogin,
}

impl<'a> Process<'a> {
    fn of(running: &'a mut Running) -> R<Self> {
        let Running { op, context_login, .. } = running;
        match op {
            Op::MessageSign { key, scheme, open } => Ok(Self { key: &key.key, scheme, open, context_login }),
            _ => Err(Reason::GeneralError.because("the operation in this place is of another kind")),
        }
    }

    /// Refuses a message inside another, and a parameter.
    fn may_begin(&self, params: &Params) -> R<()> {
        if self.open.is_some() {
            return Err(Reason::OperationActive.because("a message has begun and not ended"));
        }
        no_parameter(params)
    }

    fn begin(self, params: &Params) -> R<()> {
        self.may_begin(params)?;
        if !crypto::streams(self.scheme) {
            return Err(Reason::OperationNotInitialized.because("the mechanism works in one part only"));
        }
        *self.open = Some(SignStream::new(self.key.clone(), self.scheme.clone())?);
        self.used();
        Ok(())
    }

    /// The message, taken out: a failure ends it.
    fn take(&mut self, params: &Params) -> R<SignStream> {
        let open = self.open.take().ok_or_else(|| TokenError::from(Reason::OperationNotInitialized))?;
        no_parameter(params)?;
        Ok(open)
    }

    /// A context-specific login is good for one message.
    fn used(self) {
        if *self.context_login == ContextLogin::Given {
            *self.context_login = ContextLogin::Missing;
        }
    }
}

impl Application {
    fn message_sign_like_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64, kind: Kind) -> R<()> {
        let Some(mechanism) = mechanism else { return self.cancel(session, kind) };
        let session = self.session(session)?;
        session.operations.must_be_idle(kind)?;
        let (usage, flag) = if kind == Kind::MessageSign { (Use::Sign, ck::CKF_MESSAGE_SIGN) } else { (Use::Verify, ck::CKF_MESSAGE_VERIFY) };
        serves(&mechanism, flag)?;
        let ready = self.prepare(&session, &mechanism, key, usage)?;
        let op = Op::MessageSign { key: ready.key, scheme: ready.scheme, open: None };
        session.begin(kind, Running { op, epoch: ready.epoch, context_login: ready.context_login })
    }

    fn message_begin(&self, session: u64, params: &Params, kind: Kind) -> R<()> {
        self.in_process(session, kind, |running| {
            authorised(running)?;
            Process::of(running)?.begin(params)
        })
    }

    /// C_MessageSignInit; no mechanism cancels.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, the key's and the mechanism's codes.
    pub fn message_sign_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.message_sign_like_init(session, mechanism, key, Kind::MessageSign)
    }

    /// C_SignMessage.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive (a message has begun), MechanismParamInvalid, DataLenRange, UserNotLoggedIn; the process stays.
    pub fn sign_message(&self, session: u64, params: &Params, data: &[u8], room: Room) -> R<Answer> {
        self.in_process(session, Kind::MessageSign, |running| {
            authorised(running)?;
            let process = Process::of(running)?;
            process.may_begin(params)?;
            if let Fit::Needs(n) = room.fit(OutLen::Exact(crypto::signature_len(process.key, process.scheme))) {
                return Ok(Answer::Needs(n));
            }
            let signature = crypto::sign(process.key, process.scheme, data);
            process.used();
            Ok(Answer::Bytes(Secret::new(signature?)))
        })
    }

    /// C_SignMessageBegin.
    ///
    /// # Errors
    /// As [`Application::sign_message`]; OperationNotInitialized for a mechanism that takes its data in one part.
    pub fn sign_message_begin(&self, session: u64, params: &Params) -> R<()> {
        self.message_begin(session, params, Kind::MessageSign)
    }

    /// C_SignMessageNext: without room, more data follows.
    ///
    /// # Errors
    /// As [`Application::sign_message`]; OperationNotInitialized where no message has begun. The message ends, the process stays.
    pub fn sign_message_next(&self, session: u64, params: &Params, data: &[u8], room: Option<Room>) -> R<Option<Answer>> {
        self.in_process(session, Kind::MessageSign, |running| {
            let mut process = Process::of(running)?;
            let mut stream = process.take(params)?;
            let Some(room) = room else {
                stream.update(data);
                *process.open = Some(stream);
                return Ok(None);
            };
            if let Fit::Needs(n) = room.fit(OutLen::Exact(crypto::signature_len(process.key, process.scheme))) {
                // Nothing was taken in: the same part comes again.
                *process.open = Some(stream);
                return Ok(Some(Answer::Needs(n)));
            }
            stream.update(data);
            Ok(Some(Answer::Bytes(Secret::new(stream.finish()?))))
        })
    }

    /// C_MessageSignFinal.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized, OperationActive.
    pub fn message_sign_final(&self, session: u64) -> R<()> {
        self.end_process(session, Kind::MessageSign)
    }

    /// C_MessageVerifyInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::message_sign_init`].
    pub fn message_verify_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.message_sign_like_init(session, mechanism, key, Kind::MessageVerify)
    }

    /// C_VerifyMessage.
    ///
    /// # Errors
    /// SignatureInvalid, SignatureLenRange, OperationNotInitialized, OperationActive (a message has begun), MechanismParamInvalid; the process
    /// stays.
    pub fn verify_message(&self, session: u64, params: &Params, data: &[u8], signature: &[u8]) -> R<()> {
        self.in_process(session, Kind::MessageVerify, |running| {
            authorised(running)?;
            let process = Process::of(running)?;
            process.may_begin(params)?;
            let verified = crypto::verify(process.key, process.scheme, data, signature);
            process.used();
            Ok(verified?)
        })
    }

    /// C_VerifyMessageBegin.
    ///
    /// # Errors
    /// As [`Application::verify_message`]; OperationNotInitialized for a mechanism that takes its data in one part.
    pub fn verify_message_begin(&self, session: u64, params: &Params) -> R<()> {
        self.message_begin(session, params, Kind::MessageVerify)
    }

    /// C_VerifyMessageNext: without a signature, more data follows.
    ///
    /// # Errors
    /// As [`Application::verify_message`]; OperationNotInitialized where no message has begun. The message ends, the process stays.
    pub fn verify_message_next(&self, session: u64, params: &Params, data: &[u8], signature: Option<&[u8]>) -> R<()> {
        self.in_process(session, Kind::MessageVerify, |running| {
            let mut process = Process::of(running)?;
            let mut stream = process.take(params)?;
            stream.update(data);
            match signature {
                Some(signature) => Ok(stream.verify(signature)?),
                None => {
                    *process.open = Some(stream);
                    Ok(())
                }
            }
        })
    }

    /// C_MessageVerifyFinal.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized, OperationActive.
    pub fn message_verify_final(&self, session: u64) -> R<()> {
        self.end_process(session, Kind::MessageVerify)
    }
}
