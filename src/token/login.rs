//! C_InitPIN, C_SetPIN, C_Login, C_LoginUser, C_Logout, and what a logout makes void.
//!
//! The PIN is derived without a lock; the login table is asked before and again when the login is entered. Source: PKCS#11 3.2, "User types",
//! "C_Login", "C_Logout".

use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::session::Session;
use crate::token::slot::{Role, Slot};
use cngtoken_storage::{self as storage, Keys};
use cryptoki_sys as ck;
use std::sync::Arc;

/// Bytes of the shortest and longest PIN.
pub const PIN_LEN: std::ops::RangeInclusive<usize> = 4..=255;

impl Application {
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
    pub(crate) fn forget_private(&self, slot: &Slot) {
        self.handles.remove_where(|e| e.slot == slot.id && e.private);
        // Public objects may hold secrets that only a login opened (a secret key with CKA_PRIVATE false).
        self.handles.forget_states(slot.id);
        for session in self.sessions.of_slot(slot.id) {
            session.operations.cancel_private();
            session.set_recent(None);
        }
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

pub(crate) fn check_new_pin(pin: &[u8]) -> R<()> {
    if !PIN_LEN.contains(&pin.len()) {
        return Err(Reason::PinLenRange.because(format!("the PIN has {} bytes, {} to {} allowed", pin.len(), PIN_LEN.start(), PIN_LEN.end())));
    }
    Ok(())
}
