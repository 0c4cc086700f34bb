//! The operation state machine: one place per kind of operation in a session, and the legal moves between them.
//!
//! idle → ready → (taken out while it computes: busy) → ready again, or gone. An operation is moved by value: one that has finished
//! or failed cannot be touched again, and dropping it wipes its key. Nothing waits for cryptography: while an operation computes,
//! no lock is held, a second call hears CKR_OPERATION_ACTIVE, and cancelling marks the place so that the result is dropped.
//! Source: PKCS#11 3.2, "Function overview", the sections of each *Init function, C_SessionCancel.

use crate::token::error::{R, Reason};
use crate::token::message::Messages;
use crate::token::usage::Working;
use cngtoken_crypto::{CipherStream, Digester, Direction, Hash, Scheme, SignStream};
use cryptoki_sys as ck;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kinds of operation of which a session can have one each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Digest,
    Sign,
    SignRecover,
    Verify,
    VerifyRecover,
    Encrypt,
    Decrypt,
    Find,
    VerifySignature,
    MessageEncrypt,
    MessageDecrypt,
    MessageSign,
    MessageVerify,
}

const KINDS: usize = 13;

impl Kind {
    const ALL: [Kind; KINDS] = [
        Kind::Digest,
        Kind::Sign,
        Kind::SignRecover,
        Kind::Verify,
        Kind::VerifyRecover,
        Kind::Encrypt,
        Kind::Decrypt,
        Kind::Find,
        Kind::VerifySignature,
        Kind::MessageEncrypt,
        Kind::MessageDecrypt,
        Kind::MessageSign,
        Kind::MessageVerify,
    ];

    /// Those of which C_GetOperationState may find one that it can save.
    pub(crate) const SAVED: [Kind; 3] = [Kind::Digest, Kind::Sign, Kind::Verify];

    /// The flag by which C_SessionCancel names it.
    fn cancel_flag(self) -> u64 {
        match self {
            Kind::Digest => ck::CKF_DIGEST,
            Kind::Sign => ck::CKF_SIGN,
            Kind::SignRecover => ck::CKF_SIGN_RECOVER,
            Kind::Verify | Kind::VerifySignature => ck::CKF_VERIFY,
            Kind::VerifyRecover => ck::CKF_VERIFY_RECOVER,
            Kind::Encrypt => ck::CKF_ENCRYPT,
            Kind::Decrypt => ck::CKF_DECRYPT,
            Kind::Find => ck::CKF_FIND_OBJECTS,
            Kind::MessageEncrypt => ck::CKF_MESSAGE_ENCRYPT,
            Kind::MessageDecrypt => ck::CKF_MESSAGE_DECRYPT,
            Kind::MessageSign => ck::CKF_MESSAGE_SIGN,
            Kind::MessageVerify => ck::CKF_MESSAGE_VERIFY,
        }
    }
}

/// How far a signature or verification has come.
#[allow(clippy::large_enum_variant, reason = "an operation is boxed as a whole, in its place")]
pub(crate) enum SignPhase {
    /// Only initialised.
    Fresh,
    /// Data has been taken in by an Update.
    Streaming(SignStream),
}

/// How far an encryption or decryption has come.
#[allow(clippy::large_enum_variant, reason = "an operation is boxed as a whole, in its place")]
pub(crate) enum CipherPhase {
    /// Only initialised.
    Fresh,
    /// Data has been taken in by an Update; so many bytes so far.
    Streaming(CipherStream, u64),
}

/// An operation.
#[allow(clippy::large_enum_variant, reason = "an operation is boxed as a whole, in its place")]
pub(crate) enum Op {
    Digest {
        digester: Digester,
        hash: Hash,
        mechanism: u64,
        /// Data has been taken in.
        started: bool,
    },
    Sign {
        key: Arc<Working>,
        mechanism: u64,
        scheme: Scheme,
        phase: SignPhase,
    },
    Cipher {
        key: Arc<Working>,
        scheme: Scheme,
        direction: Direction,
        phase: CipherPhase,
    },
    Find(VecDeque<u64>),
    /// C_VerifySignature*: the signature came first.
    VerifySignature {
        key: Arc<Working>,
        scheme: Scheme,
        signature: Vec<u8>,
        phase: SignPhase,
    },
    /// C_MessageEncryptInit, C_MessageDecryptInit: a process of many messages.
    Messages(Messages),
    /// C_MessageSignInit, C_MessageVerifyInit: the same for signatures.
    MessageSign {
        key: Arc<Working>,
        scheme: Scheme,
        /// The message that has begun and not ended.
        open: Option<SignStream>,
    },
}

/// What a key with CKA_ALWAYS_AUTHENTICATE asks for before its operation may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContextLogin {
    NotNeeded,
    Missing,
    Given,
}

/// An operation in its place.
pub(crate) struct Running {
    pub(crate) op: Op,
    /// The login epoch under which it began, if it needs the login (private key, private search results).
    pub(crate) epoch: Option<u64>,
    pub(crate) context_login: ContextLogin,
}

enum Place {
    Idle,
    Ready(Box<Running>),
    /// Taken out; the number tells a later operation in the same place from this one.
    Busy(u64),
}

struct Places {
    places: [Place; KINDS],
    tickets: u64,
}

/// All operations of one session.
pub(crate) struct Operations(Mutex<Places>);

/// An operation that was taken out. Dropped: gone. [`Taken::put_back`]: ready again, unless it was cancelled meanwhile.
pub(crate) struct Taken<'a> {
    operations: &'a Operations,
    kind: Kind,
    ticket: u64,
    running: Option<Box<Running>>,
}

impl Operations {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Places { places: [const { Place::Idle }; KINDS], tickets: 0 }))
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // A panic inside the lock is impossible by construction; if it happened, the places are still each in a legal state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses if the place is not free. Called before the costly part of an *Init.
    pub(crate) fn must_be_idle(&self, kind: Kind) -> R<()> {
        match self.lock().place(kind) {
            Place::Idle => Ok(()),
            Place::Ready(_) | Place::Busy(_) => Err(Reason::OperationActive.into()),
        }
    }

    /// Puts a new operation into its place.
    pub(crate) fn begin(&self, kind: Kind, running: Running) -> R<()> {
        let mut places = self.lock();
        let place = places.place(kind);
        match place {
            Place::Idle => {
                *place = Place::Ready(Box::new(running));
                Ok(())
            }
            Place::Ready(_) | Place::Busy(_) => Err(Reason::OperationActive.into()),
        }
    }

    /// Takes the operation out of its place.
    pub(crate) fn take(&self, kind: Kind) -> R<Taken<'_>> {
        let mut places = self.lock();
        places.tickets = places.tickets.wrapping_add(1);
        let ticket = places.tickets;
        let place = places.place(kind);
        match std::mem::replace(place, Place::Busy(ticket)) {
            Place::Ready(running) => Ok(Taken { operations: self, kind, ticket, running: Some(running) }),
            Place::Idle => {
                *place = Place::Idle;
                Err(Reason::OperationNotInitialized.into())
            }
            Place::Busy(other) => {
                *place = Place::Busy(other);
                Err(Reason::OperationActive.into())
            }
        }
    }

    /// Ends the operation of that kind, if there is one; a busy one is dropped when it comes back.
    pub(crate) fn cancel(&self, kind: Kind) {
        *self.lock().place(kind) = Place::Idle;
    }

    /// Refuses where a cryptographic operation runs that C_GetOperationState cannot save. A search is no such operation.
    pub(crate) fn must_be_saveable(&self) -> R<()> {
        let mut places = self.lock();
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Find && !Kind::SAVED.contains(kind)) {
            match places.place(kind) {
                Place::Idle => {}
                Place::Ready(_) => return Err(Reason::StateUnsaveable.because("an operation of this kind cannot be saved")),
                Place::Busy(_) => return Err(Reason::OperationActive.into()),
            }
        }
        Ok(())
    }

    /// C_SessionCancel.
    pub(crate) fn cancel_flags(&self, flags: u64) {
        for kind in Kind::ALL {
            if flags & kind.cancel_flag() != 0 {
                self.cancel(kind);
            }
        }
    }

    /// Ends all of them (session closed, library finalised).
    pub(crate) fn cancel_all(&self) {
        for kind in Kind::ALL {
            self.cancel(kind);
        }
    }

    /// Ends those that need the login (C_Logout). Those that compute right now are dropped when they come back: their epoch is old.
    pub(crate) fn cancel_private(&self) {
        let mut places = self.lock();
        for place in &mut places.places {
            if matches!(place, Place::Ready(running) if running.epoch.is_some()) {
                *place = Place::Idle;
            }
        }
    }

    /// Marks the operations that wait for a context-specific login; `false` if none does.
    pub(crate) fn give_context_login(&self) -> bool {
        let mut given = false;
        for place in &mut self.lock().places {
            if let Place::Ready(running) = place
                && running.context_login == ContextLogin::Missing
            {
                running.context_login = ContextLogin::Given;
                given = true;
            }
        }
        given
    }

    /// Whether some operation waits for a context-specific login.
    pub(crate) fn awaits_context_login(&self) -> bool {
        self.lock().places.iter().any(|p| matches!(p, Place::Ready(r) if r.context_login == ContextLogin::Missing))
    }
}

impl Places {
    fn place(&mut self, kind: Kind) -> &mut Place {
        // KINDS places for KINDS kinds: destructuring lets the compiler see that none is missing.
        let [digest, sign, sign_recover, verify, verify_recover, encrypt, decrypt, find, verify_signature, messages @ ..] = &mut self.places;
        let [message_encrypt, message_decrypt, message_sign, message_verify] = messages;
        match kind {
            Kind::Digest => digest,
            Kind::Sign => sign,
            Kind::SignRecover => sign_recover,
            Kind::Verify => verify,
            Kind::VerifyRecover => verify_recover,
            Kind::Encrypt => encrypt,
            Kind::Decrypt => decrypt,
            Kind::Find => find,
            Kind::VerifySignature => verify_signature,
            Kind::MessageEncrypt => message_encrypt,
            Kind::MessageDecrypt => message_decrypt,
            Kind::MessageSign => message_sign,
            Kind::MessageVerify => message_verify,
        }
    }
}

impl Taken<'_> {
    /// The operation, to work with.
    pub(crate) fn running(&mut self) -> R<&mut Running> {
        self.running.as_deref_mut().ok_or_else(|| Reason::GeneralError.because("an operation was used after it was put back"))
    }

    /// The operation goes on: ready again, unless somebody cancelled it meanwhile.
    pub(crate) fn put_back(mut self) {
        if let Some(running) = self.running.take() {
            let mut places = self.operations.lock();
            let ticket = self.ticket;
            let place = places.place(self.kind);
            if matches!(place, Place::Busy(t) if *t == ticket) {
                *place = Place::Ready(running);
            }
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut places = self.operations.lock();
        let ticket = self.ticket;
        let place = places.place(self.kind);
        if matches!(place, Place::Busy(t) if *t == ticket) {
            *place = Place::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Running {
        Running {
            op: Op::Digest { digester: Digester::new(Hash::Sha256), hash: Hash::Sha256, mechanism: ck::CKM_SHA256, started: false },
            epoch: None,
            context_login: ContextLogin::NotNeeded,
        }
    }

    #[test]
    fn an_operation_that_is_dropped_is_gone() {
        let ops = Operations::new();
        ops.begin(Kind::Digest, digest()).unwrap();
        drop(ops.take(Kind::Digest).unwrap());
        assert_eq!(ops.take(Kind::Digest).err().map(|e| e.reason), Some(Reason::OperationNotInitialized));
    }

    #[test]
    fn a_second_call_while_it_computes_hears_that_it_is_active() {
        let ops = Operations::new();
        ops.begin(Kind::Digest, digest()).unwrap();
        let taken = ops.take(Kind::Digest).unwrap();
        assert_eq!(ops.take(Kind::Digest).err().map(|e| e.reason), Some(Reason::OperationActive));
        assert_eq!(ops.begin(Kind::Digest, digest()).err().map(|e| e.reason), Some(Reason::OperationActive));
        taken.put_back();
        assert!(ops.take(Kind::Digest).is_ok());
    }

    #[test]
    fn an_operation_that_was_cancelled_while_it_computed_does_not_come_back() {
        let ops = Operations::new();
        ops.begin(Kind::Digest, digest()).unwrap();
        let taken = ops.take(Kind::Digest).unwrap();
        ops.cancel(Kind::Digest);
        ops.begin(Kind::Digest, digest()).unwrap();
        taken.put_back();
        assert!(ops.take(Kind::Digest).is_ok(), "the newer operation stays");
    }

    #[test]
    fn kinds_do_not_disturb_each_other() {
        let ops = Operations::new();
        ops.begin(Kind::Digest, digest()).unwrap();
        ops.cancel_flags(ck::CKF_SIGN | ck::CKF_FIND_OBJECTS);
        assert!(ops.must_be_idle(Kind::Sign).is_ok());
        assert!(ops.take(Kind::Digest).is_ok());
    }
}
