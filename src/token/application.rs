//! The application: what one C_Initialize made. Slots, tokens, sessions and logins; the other files of this room add the functions on
//! objects, operations, keys and blobs to the same type.
//!
//! Both doors (`src/abi` and the command line) call these methods. They take plain values, check session and login, and answer values or a
//! [`TokenError`](crate::token::TokenError). Source: PKCS#11 3.2, "General-purpose", "Slot and token", "Session management functions".

use crate::token::config::Config;
use crate::token::error::{R, Reason};
use crate::token::handles::Handles;
use crate::token::mechanism;
use crate::token::operation::Kind;
use crate::token::session::{Session, Sessions, shard_of};
use crate::token::slot::{Role, Slot};
use cngtoken_storage::{self as storage, Keys};
use cryptoki_sys as ck;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes of the shortest and longest PIN.
pub const PIN_LEN: std::ops::RangeInclusive<usize> = 4..=255;

const MANUFACTURER: &str = "cngtoken";
const LIBRARY_VERSION: (u8, u8) = (0, 1);

/// CK_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_INFO")]
pub struct Info {
    pub version: (u8, u8),
    pub manufacturer: [u8; 32],
    pub flags: u64,
    pub description: [u8; 32],
    pub library: (u8, u8),
}

/// CK_SLOT_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_SLOT_INFO")]
pub struct SlotInfo {
    pub description: [u8; 64],
    pub manufacturer: [u8; 32],
    pub flags: u64,
    pub hardware: (u8, u8),
    pub firmware: (u8, u8),
}

/// CK_TOKEN_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_TOKEN_INFO")]
pub struct TokenInfo {
    pub label: [u8; 32],
    pub manufacturer: [u8; 32],
    pub model: [u8; 16],
    pub serial: [u8; 16],
    pub flags: u64,
    pub max_sessions: u64,
    pub sessions: u64,
    pub max_rw_sessions: u64,
    pub rw_sessions: u64,
    pub max_pin_len: u64,
    pub min_pin_len: u64,
    pub total_public_memory: u64,
    pub free_public_memory: u64,
    pub total_private_memory: u64,
    pub free_private_memory: u64,
    pub hardware: (u8, u8),
    pub firmware: (u8, u8),
    pub utc_time: [u8; 16],
}

/// CK_MECHANISM_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_MECHANISM_INFO")]
pub struct MechanismInfo {
    pub min: u64,
    pub max: u64,
    pub flags: u64,
}

/// CK_SESSION_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_SESSION_INFO")]
pub struct SessionInfo {
    pub slot: u64,
    pub state: u64,
    pub flags: u64,
    pub device_error: u64,
}

/// One application. The edge leaks it at C_Initialize and never frees it: a call that is still under way at exit finds it whole.
pub struct Application {
    /// Leaked, as the application is: a session refers to its slot without counting references.
    pub(crate) slots: Vec<&'static Slot>,
    pub(crate) sessions: Sessions,
    pub(crate) handles: Handles,
    closed: AtomicBool,
    waiters: (Mutex<()>, Condvar),
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [b' '; N];
    for (to, from) in out.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    out
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

    /// C_GetInfo.
    #[must_use]
    pub fn info(&self) -> Info {
        Info {
            version: (3, 2),
            manufacturer: padded(MANUFACTURER),
            flags: 0,
            description: padded("CNG keys as PKCS#11 objects"),
            library: LIBRARY_VERSION,
        }
    }

    /// C_GetSlotList. A token is present in every slot, initialised or not.
    ///
    /// # Errors
    /// None.
    pub fn slots(&self, _token_present: bool) -> R<Vec<u64>> {
        Ok(self.slots.iter().map(|s| s.id).collect())
    }

    /// C_GetSlotInfo.
    ///
    /// # Errors
    /// SlotIdInvalid.
    pub fn slot_info(&self, slot: u64) -> R<SlotInfo> {
        let slot = self.slot(slot)?;
        Ok(SlotInfo {
            description: padded(&format!("cngtoken slot {}", slot.id)),
            manufacturer: padded(MANUFACTURER),
            flags: ck::CKF_TOKEN_PRESENT,
            hardware: (0, 0),
            firmware: LIBRARY_VERSION,
        })
    }

    /// C_GetTokenInfo. Never fails because another process writes.
    ///
    /// # Errors
    /// SlotIdInvalid; TokenNotRecognized or DeviceError if the store cannot be read.
    pub fn token_info(&self, slot: u64) -> R<TokenInfo> {
        let slot = self.slot(slot)?;
        let header = slot.header()?;
        let (sessions, rw_sessions) = slot.session_counts();
        let mut flags = ck::CKF_RNG | ck::CKF_LOGIN_REQUIRED | ck::CKF_DUAL_CRYPTO_OPERATIONS;
        let (mut label, mut serial, mut model) = (padded(""), padded("0000000000000000"), padded("cngtoken"));
        if let Some(header) = &header {
            flags |= ck::CKF_TOKEN_INITIALIZED;
            label = header.label;
            serial = padded(&header.store_id.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>());
            if header.test_kdf {
                model = padded("cngtoken TEST");
            }
            let mut set = |on: bool, flag: u64| {
                if on {
                    flags |= flag;
                }
            };
            set(header.user_pin_set, ck::CKF_USER_PIN_INITIALIZED);
            set(!header.writable, ck::CKF_WRITE_PROTECTED);
            set(header.user.count_low(), ck::CKF_USER_PIN_COUNT_LOW);
            set(header.user.final_try(), ck::CKF_USER_PIN_FINAL_TRY);
            set(header.user.locked(), ck::CKF_USER_PIN_LOCKED);
            set(header.so.count_low(), ck::CKF_SO_PIN_COUNT_LOW);
            set(header.so.final_try(), ck::CKF_SO_PIN_FINAL_TRY);
            set(header.so.locked(), ck::CKF_SO_PIN_LOCKED);
        }
        Ok(TokenInfo {
            label,
            manufacturer: padded(MANUFACTURER),
            model,
            serial,
            flags,
            max_sessions: ck::CK_EFFECTIVELY_INFINITE,
            sessions,
            max_rw_sessions: ck::CK_EFFECTIVELY_INFINITE,
            rw_sessions,
            max_pin_len: PIN_LEN.end().to_owned() as u64,
            min_pin_len: PIN_LEN.start().to_owned() as u64,
            total_public_memory: ck::CK_UNAVAILABLE_INFORMATION,
            free_public_memory: ck::CK_UNAVAILABLE_INFORMATION,
            total_private_memory: ck::CK_UNAVAILABLE_INFORMATION,
            free_private_memory: ck::CK_UNAVAILABLE_INFORMATION,
            hardware: (0, 0),
            firmware: LIBRARY_VERSION,
            utc_time: padded(""),
        })
    }

    /// C_GetMechanismList.
    ///
    /// # Errors
    /// SlotIdInvalid.
    pub fn mechanisms(&self, slot: u64) -> R<Vec<u64>> {
        self.slot(slot)?;
        Ok(mechanism::listed())
    }

    /// C_GetMechanismInfo.
    ///
    /// # Errors
    /// SlotIdInvalid, MechanismInvalid.
    pub fn mechanism_info(&self, slot: u64, id: u64) -> R<MechanismInfo> {
        self.slot(slot)?;
        let row = mechanism::row(id).ok_or_else(|| Reason::MechanismInvalid.because(format!("mechanism 0x{id:x} is not known")))?;
        let (min, max) = row.sizes.bounds();
        Ok(MechanismInfo { min, max, flags: row.uses | row.flags })
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

    /// C_InitPIN: the SO sets the user's PIN.
    ///
    /// # Errors
    /// SessionHandleInvalid, UserNotLoggedIn (not in the SO's read-write session), ArgumentsBad, PinLenRange, store failures.
    pub fn init_pin(&self, session: u64, pin: Option<&[u8]>) -> R<()> {
        let session = self.session(session)?;
        let (Role::So, Some(keys), _) = session.slot.access() else { return Err(Reason::UserNotLoggedIn.because("the SO is not logged in")) };
        session.must_be_read_write()?;
        let pin = pin.ok_or_else(|| Reason::ArgumentsBad.because("the PIN is missing"))?;
        check_new_pin(pin)?;
        Ok(session.slot.vault()?.set_user_pin(&keys, pin)?)
    }

    /// C_SetPIN: the PIN of whoever is logged in, or the user's if nobody is.
    ///
    /// # Errors
    /// SessionHandleInvalid, SessionReadOnly, ArgumentsBad, PinIncorrect, PinLenRange, PinLocked, UserPinNotInitialized, store failures.
    pub fn set_pin(&self, session: u64, old: Option<&[u8]>, new: Option<&[u8]>) -> R<()> {
        let session = self.session(session)?;
        session.must_be_read_write()?;
        let (Some(old), Some(new)) = (old, new) else { return Err(Reason::ArgumentsBad.because("a PIN is missing")) };
        check_new_pin(new)?;
        let role = match session.slot.role() {
            Role::So => storage::Role::So,
            Role::User | Role::Nobody => storage::Role::User,
        };
        Ok(session.slot.vault()?.change_pin(role, old, new)?)
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

    /// C_GetSessionInfo.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn session_info(&self, session: u64) -> R<SessionInfo> {
        let session = self.session(session)?;
        let state = match (session.slot.role(), session.read_write) {
            (Role::Nobody, false) => ck::CKS_RO_PUBLIC_SESSION,
            (Role::Nobody, true) => ck::CKS_RW_PUBLIC_SESSION,
            (Role::User, false) => ck::CKS_RO_USER_FUNCTIONS,
            (Role::User, true) => ck::CKS_RW_USER_FUNCTIONS,
            (Role::So, _) => ck::CKS_RW_SO_FUNCTIONS,
        };
        let flags = ck::CKF_SERIAL_SESSION | if session.read_write { ck::CKF_RW_SESSION } else { 0 };
        Ok(SessionInfo { slot: session.slot.id, state, flags, device_error: 0 })
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

    /// C_Login.
    ///
    /// # Errors
    /// SessionHandleInvalid, UserTypeInvalid, ArgumentsBad, the login table's codes, PinIncorrect, PinLocked, UserPinNotInitialized,
    /// OperationNotInitialized (context-specific login without an operation that asks for it).
    pub fn login(&self, session: u64, user_type: u64, pin: Option<&[u8]>) -> R<()> {
        let session = self.session(session)?;
        let role = match user_type {
            ck::CKU_SO => Role::So,
            ck::CKU_USER => Role::User,
            ck::CKU_CONTEXT_SPECIFIC => return self.context_login(&session, pin),
            other => return Err(Reason::UserTypeInvalid.because(format!("user type {other} is not known"))),
        };
        session.slot.check_may_log_in(role)?;
        let keys = unlock(&session, role, pin)?;
        session.slot.enter_login(role, keys)?;
        session.still_valid(None)
    }

    fn context_login(&self, session: &Session, pin: Option<&[u8]>) -> R<()> {
        if !session.operations.awaits_context_login() {
            return Err(Reason::OperationNotInitialized.because("no operation asks for a context-specific login"));
        }
        let role = session.slot.role();
        if role == Role::Nobody {
            return Err(Reason::UserNotLoggedIn.into());
        }
        unlock(session, role, pin)?;
        if session.operations.give_context_login() { Ok(()) } else { Err(Reason::OperationNotInitialized.into()) }
    }

    /// C_LoginUser. The token knows no names: an empty one is C_Login.
    ///
    /// # Errors
    /// As [`Application::login`]; ArgumentsBad for a name.
    pub fn login_user(&self, session: u64, user_type: u64, pin: Option<&[u8]>, user: &[u8]) -> R<()> {
        if !user.is_empty() {
            self.check_session(session)?;
            return Err(Reason::ArgumentsBad.because("the token has one user, without a name"));
        }
        self.login(session, user_type, pin)
    }

    /// C_Logout.
    ///
    /// # Errors
    /// SessionHandleInvalid, UserNotLoggedIn.
    pub fn logout(&self, session: u64) -> R<()> {
        let session = self.session(session)?;
        {
            let mut login = session.slot.login_lock();
            if login.role == Role::Nobody {
                return Err(Reason::UserNotLoggedIn.into());
            }
            session.slot.end_login(&mut login);
        }
        self.forget_private(session.slot);
        Ok(())
    }

    /// After a logout: handles of private objects are void for ever, private session objects and idle private operations go.
    fn forget_private(&self, slot: &Slot) {
        self.handles.remove_where(|e| e.slot == slot.id && e.private);
        // Public objects may hold secrets that only a login opened (a secret key with CKA_PRIVATE false).
        self.handles.forget_states(slot.id);
        for session in self.sessions.of_slot(slot.id) {
            session.operations.cancel_private();
            session.set_recent(None);
        }
    }

    /// C_SeedRandom. The generator is the system's; a seed adds nothing, and asking for it does no harm.
    ///
    /// # Errors
    /// SessionHandleInvalid, RandomSeedNotSupported.
    pub fn seed_random(&self, session: u64, _seed: &[u8]) -> R<()> {
        self.check_session(session)?;
        Err(Reason::RandomSeedNotSupported.into())
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

fn unlock(session: &Session, role: Role, pin: Option<&[u8]>) -> R<Arc<Keys>> {
    let pin = pin.ok_or_else(|| Reason::ArgumentsBad.because("the PIN is missing; the token has no other way to ask for it"))?;
    let role = match role {
        Role::So => storage::Role::So,
        Role::User | Role::Nobody => storage::Role::User,
    };
    Ok(session.slot.vault()?.unlock(role, pin)?)
}

fn check_new_pin(pin: &[u8]) -> R<()> {
    if !PIN_LEN.contains(&pin.len()) {
        return Err(Reason::PinLenRange.because(format!("the PIN has {} bytes, {} to {} allowed", pin.len(), PIN_LEN.start(), PIN_LEN.end())));
    }
    Ok(())
}
