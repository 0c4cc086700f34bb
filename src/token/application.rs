//! The application: what one C_Initialize made. Its slots and sessions; the other files of this room add logins, objects, operations, keys
//! and blobs to the same type.
//!
//! Both doors (`src/abi` and the command line) call these methods. They take plain values, check session and login, and answer values or a
//! [`TokenError`](crate::token::TokenError). Source: PKCS#11 3.2, "General-purpose", "Slot and token", "Session management functions".

use crate::token::config::Config;
use crate::token::error::{R, Reason};
use crate::token::handles::Handles;
use crate::token::login::check_new_pin;
use crate::token::operation::Kind;
use crate::token::saved::Seal;
use crate::token::session::{Session, Sessions, shard_of};
use crate::token::slot::Slot;
use cryptoki_sys as ck;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// One application. The edge leaks it at C_Initialize and never frees it: a call that is still under way at exit finds it whole.
pub struct Application {
    /// Leaked, as the application is: a session refers to its slot without counting references.
    pub(crate) slots: Vec<&'static Slot>,
    pub(crate) sessions: Sessions,
    pub(crate) handles: Handles,
    /// Under which operation states leave the module.
    pub(crate) seal: Seal,
    closed: AtomicBool,
    waiters: (Mutex<()>, Condvar),
}

impl Application {
    /// Makes the slots of a configuration. Touches no store.
    ///
    /// # Errors
    /// None today; the configuration has been judged by [`Config::load`].
    pub fn open(config: Config) -> R<Self> {
        Ok(Self {
            slots: config.tokens.into_iter().map(|t| &*Box::leak(Box::new(Slot::new(t)))).collect(),
            sessions: Sessions::new(),
            handles: Handles::new(),
            seal: Seal::default(),
            closed: AtomicBool::new(false),
            waiters: (Mutex::new(()), Condvar::new()),
        })
    }

    /// C_Finalize: every login, session, object and key goes; waiters wake. Never waits for a running operation: it finds its epoch old.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for slot in &self.slots {
            slot.shut();
            for session in self.sessions.of_slot(slot.id) {
                let _gone = self.sessions.remove(session.handle);
            }
        }
        self.handles.remove_where(|_| true);
        let _guard = self.waiters.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiters.1.notify_all();
    }

    pub(crate) fn slot(&self, id: u64) -> R<&'static Slot> {
        self.slots.iter().copied().find(|s| s.id == id).ok_or_else(|| Reason::SlotIdInvalid.because(format!("there is no slot {id}")))
    }

    pub(crate) fn session(&self, handle: u64) -> R<Arc<Session>> {
        self.sessions.get(handle)
    }

    /// C_InitToken: a new token, or an existing one emptied under its SO PIN.
    ///
    /// # Errors
    /// SlotIdInvalid, SessionExists, ArgumentsBad (no PIN), PinLenRange, PinIncorrect, PinLocked, TokenWriteProtected, store failures.
    pub fn init_token(&self, slot: u64, pin: Option<&[u8]>, label: &[u8; 32]) -> R<()> {
        let slot = self.slot(slot)?;
        let pin = pin.ok_or_else(|| Reason::ArgumentsBad.because("the SO PIN is missing"))?;
        if slot.session_counts().0 > 0 {
            return Err(Reason::SessionExists.into());
        }
        // An existing token compares the PIN whatever its length; only a new one has a say in it.
        if slot.header()?.is_none() {
            check_new_pin(pin)?;
        }
        slot.initialise(pin, label)?;
        self.handles.remove_where(|e| e.slot == slot.id);
        Ok(())
    }

    /// C_OpenSession.
    ///
    /// # Errors
    /// SlotIdInvalid, SessionParallelNotSupported, TokenNotRecognized, TokenWriteProtected, SessionReadWriteSoExists.
    pub fn open_session(&self, slot: u64, flags: u64) -> R<u64> {
        let slot = self.slot(slot)?;
        if flags & ck::CKF_SERIAL_SESSION == 0 {
            return Err(Reason::SessionParallelNotSupported.into());
        }
        if flags & ck::CKF_ASYNC_SESSION != 0 {
            return Err(Reason::ArgumentsBad.because("asynchronous sessions are not offered"));
        }
        slot.must_be_present()?;
        let read_write = flags & ck::CKF_RW_SESSION != 0;
        if read_write && !slot.is_writable() {
            return Err(Reason::TokenWriteProtected.into());
        }
        let session = self.sessions.open(slot, read_write)?;
        if self.closed.load(Ordering::Acquire) {
            // C_Finalize has swept the table meanwhile, or is about to.
            let _gone = self.close_session(session);
            return Err(Reason::CryptokiNotInitialized.into());
        }
        Ok(session)
    }

    /// C_CloseSession. The last one of a token logs out.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn close_session(&self, session: u64) -> R<()> {
        let session = self.sessions.remove(session)?;
        self.handles.remove_session_objects(|e| e.owner == session.handle);
        if session.slot.session_closed(shard_of(session.handle), session.read_write) {
            self.forget_private(session.slot);
        }
        Ok(())
    }

    /// C_CloseAllSessions.
    ///
    /// # Errors
    /// SlotIdInvalid.
    pub fn close_all_sessions(&self, slot: u64) -> R<()> {
        let slot = self.slot(slot)?;
        for session in self.sessions.of_slot(slot.id) {
            // Another thread may have closed it meanwhile; then it is closed, which is what was asked.
            let _gone = self.close_session(session.handle);
        }
        Ok(())
    }

    /// Whether the session exists: for functions whose turn has not come.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn check_session(&self, session: u64) -> R<()> {
        self.session(session).map(|_| ())
    }

    /// C_SessionCancel.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn session_cancel(&self, session: u64, flags: u64) -> R<()> {
        self.session(session)?.operations.cancel_flags(flags);
        Ok(())
    }

    /// C_SeedRandom. The seed goes into the system's pool, from which the generators draw; it is never believed to be secret.
    ///
    /// # Errors
    /// SessionHandleInvalid, RandomSeedNotSupported.
    pub fn seed_random(&self, session: u64, seed: &[u8]) -> R<()> {
        self.check_session(session)?;
        cngtoken_crypto::stir(seed).map_err(|_| Reason::RandomSeedNotSupported.because("the system's pool cannot be written to from this process"))
    }

    /// C_GenerateRandom, straight into the caller's buffer.
    ///
    /// # Errors
    /// SessionHandleInvalid, DeviceError.
    pub fn random(&self, session: u64, out: &mut [u8]) -> R<()> {
        self.check_session(session)?;
        Ok(cngtoken_crypto::random(out)?)
    }

    /// C_GetSessionValidationFlags: the token claims no validation.
    ///
    /// # Errors
    /// SessionHandleInvalid, ArgumentsBad.
    pub fn session_validation_flags(&self, session: u64, kind: u64) -> R<u64> {
        self.check_session(session)?;
        if kind == ck::CKS_LAST_VALIDATION_OK {
            Ok(0)
        } else {
            Err(Reason::ArgumentsBad.because(format!("validation flags of type {kind} are not known")))
        }
    }

    /// C_WaitForSlotEvent: no slot ever changes, so it waits for C_Finalize, or says at once that there is nothing.
    ///
    /// # Errors
    /// NoEvent, CryptokiNotInitialized.
    pub fn wait_for_slot_event(&self, flags: u64) -> R<u64> {
        if flags & ck::CKF_DONT_BLOCK != 0 {
            return Err(Reason::NoEvent.into());
        }
        let mut guard = self.waiters.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.closed.load(Ordering::Acquire) {
            guard = self.waiters.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        Err(Reason::CryptokiNotInitialized.into())
    }

    pub(crate) fn cancel(&self, session: u64, kind: Kind) -> R<()> {
        self.session(session)?.operations.cancel(kind);
        Ok(())
    }
}
