//! Sessions and log-in as the standard's chapter "Session management functions" has them.

use crate::client::{SLOT, SO_PIN, USER_PIN};
use crate::messages::process_flag;
use crate::p11;
use crate::world::{Judged, Kind, Seat, Session, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

const MOST_SESSIONS: usize = 4;

impl World {
    pub(crate) fn open_session(&mut self, step: &Step) -> Judged {
        if self.sessions.len() >= MOST_SESSIONS {
            return Ok(());
        }
        let (serial, rw) = (step.a < 245, !step.b.is_multiple_of(3));
        let flags = if serial { CKF_SERIAL_SESSION } else { 0 } | if rw { CKF_RW_SESSION } else { 0 };
        let mut handle = CK_INVALID_HANDLE;
        let rv = p11!(self.module, C_OpenSession, SLOT, flags, null_mut(), None, &raw mut handle);
        let mut allowed = Vec::new();
        if !serial {
            allowed.push(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
        }
        if !rw && self.logged_in == Some(CKU_SO) {
            allowed.push(CKR_SESSION_READ_WRITE_SO_EXISTS);
        }
        if allowed.is_empty() {
            allowed.push(CKR_OK);
        }
        self.allow(&format!("C_OpenSession rw={rw} serial={serial}"), rv, &allowed)?;
        if rv != CKR_OK {
            return Ok(());
        }
        if handle == CK_INVALID_HANDLE || self.sessions.iter().any(|s| s.handle == handle) || self.closed.contains(&handle) {
            return Err(format!("session handle {handle} is invalid or was used before"));
        }
        self.sessions.push(Session {
            handle,
            rw,
            operations: Default::default(),
            signature: Seat::Idle,
            messages: Default::default(),
            search: Seat::Idle,
        });
        Ok(())
    }

    pub(crate) fn close_session(&mut self, step: &Step) -> Judged {
        match self.session(step.session) {
            Err(wrong) => {
                let rv = p11!(self.module, C_CloseSession, wrong);
                self.allow("C_CloseSession wrong handle", rv, &[CKR_SESSION_HANDLE_INVALID])
            }
            Ok(index) => {
                let rv = p11!(self.module, C_CloseSession, self.sessions[index].handle);
                self.allow("C_CloseSession", rv, &[CKR_OK])?;
                self.end_session(index);
                Ok(())
            }
        }
    }

    pub(crate) fn close_all_sessions(&mut self) -> Judged {
        let rv = p11!(self.module, C_CloseAllSessions, SLOT);
        self.allow("C_CloseAllSessions", rv, &[CKR_OK])?;
        while !self.sessions.is_empty() {
            self.end_session(0);
        }
        Ok(())
    }

    /// The table of session states: kind of session × who is logged in.
    pub(crate) fn session_info(&mut self, step: &Step) -> Judged {
        let mut info = CK_SESSION_INFO::default();
        let index = match self.session(step.session) {
            Err(wrong) => {
                let rv = p11!(self.module, C_GetSessionInfo, wrong, &raw mut info);
                return self.allow("C_GetSessionInfo wrong handle", rv, &[CKR_SESSION_HANDLE_INVALID]);
            }
            Ok(index) => index,
        };
        let rv = p11!(self.module, C_GetSessionInfo, self.sessions[index].handle, &raw mut info);
        self.allow("C_GetSessionInfo", rv, &[CKR_OK])?;
        let rw = self.sessions[index].rw;
        let state = match (rw, self.logged_in) {
            (false, None) => CKS_RO_PUBLIC_SESSION,
            (false, Some(CKU_USER)) => CKS_RO_USER_FUNCTIONS,
            (true, None) => CKS_RW_PUBLIC_SESSION,
            (true, Some(CKU_USER)) => CKS_RW_USER_FUNCTIONS,
            (true, Some(_)) => CKS_RW_SO_FUNCTIONS,
            (false, Some(_)) => return Err("the model has a read-only session beside the SO".to_owned()),
        };
        let flags = CKF_SERIAL_SESSION | if rw { CKF_RW_SESSION } else { 0 };
        if (info.state, info.flags, info.slotID) == (state, flags, SLOT) {
            return Ok(());
        }
        Err(format!("C_GetSessionInfo told state {} flags {:#x} slot {}, the model says {state} {flags:#x}", info.state, info.flags, info.slotID))
    }

    pub(crate) fn session_cancel(&mut self, step: &Step) -> Judged {
        let mut flags = 0;
        for (bit, kind) in Kind::ALL.iter().enumerate() {
            if step.a & (1 << bit) != 0 {
                flags |= kind.flag();
            }
        }
        let search = step.a & 0x20 != 0;
        if search {
            flags |= CKF_FIND_OBJECTS;
        }
        for place in 0..4 {
            if step.b & (1 << place) != 0 {
                flags |= process_flag(place);
            }
        }
        match self.session(step.session) {
            Err(wrong) => {
                let rv = p11!(self.module, C_SessionCancel, wrong, flags);
                self.allow("C_SessionCancel wrong handle", rv, &[CKR_SESSION_HANDLE_INVALID])
            }
            Ok(index) => {
                let rv = p11!(self.module, C_SessionCancel, self.sessions[index].handle, flags);
                self.allow(&format!("C_SessionCancel s{index} {flags:#x}"), rv, &[CKR_OK])?;
                for kind in Kind::ALL {
                    if flags & kind.flag() != 0 {
                        self.sessions[index].operations[kind as usize] = Seat::Idle;
                    }
                }
                for place in (0..4).filter(|place| flags & process_flag(*place) != 0) {
                    self.sessions[index].messages[place] = Seat::Idle;
                }
                if flags & CKF_VERIFY != 0 {
                    self.sessions[index].signature = Seat::Idle;
                }
                if search {
                    self.sessions[index].search = Seat::Idle;
                }
                Ok(())
            }
        }
    }

    pub(crate) fn login(&mut self, step: &Step) -> Judged {
        let user = match step.a {
            0..=159 => CKU_USER,
            160..=219 => CKU_SO,
            220..=239 => CKU_CONTEXT_SPECIFIC,
            _ => 7,
        };
        let failures = self.failures.get(user as usize).copied().unwrap_or(0);
        // After three wrong PINs the token delays; that is another test's subject.
        let right = !step.b.is_multiple_of(8) || failures >= 2;
        let pin = match (right, user) {
            (false, _) => &b"00000000"[..],
            (true, CKU_SO) => SO_PIN,
            (true, _) => USER_PIN,
        };
        let null = step.c > 248;
        let at = if null { null_mut() } else { pin.as_ptr().cast_mut() };
        let session = self.session(step.session);
        let handle = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_Login, handle, user, at, pin.len() as u64);
        let what = format!("C_Login user={user} right={right} null={null} session={session:?}");
        if session.is_err() {
            return self.allow(&what, rv, if null { &[CKR_SESSION_HANDLE_INVALID, CKR_ARGUMENTS_BAD] } else { &[CKR_SESSION_HANDLE_INVALID] });
        }
        let mut faults = Vec::new();
        if null {
            faults.push(CKR_ARGUMENTS_BAD);
        }
        match (user, self.logged_in) {
            // No key of these sequences has CKA_ALWAYS_AUTHENTICATE, so every use of the context is improper.
            (CKU_CONTEXT_SPECIFIC, _) => faults.push(CKR_OPERATION_NOT_INITIALIZED),
            (CKU_USER | CKU_SO, Some(who)) if who == user => faults.push(CKR_USER_ALREADY_LOGGED_IN),
            (CKU_USER | CKU_SO, Some(_)) => faults.push(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
            (CKU_USER | CKU_SO, None) => {}
            _ => faults.push(CKR_USER_TYPE_INVALID),
        }
        if user == CKU_SO && self.sessions.iter().any(|s| !s.rw) {
            faults.push(CKR_SESSION_READ_ONLY_EXISTS);
        }
        if faults.is_empty() && !right {
            faults.push(CKR_PIN_INCORRECT);
        }
        self.allow(&what, rv, if faults.is_empty() { &[CKR_OK] } else { &faults })?;
        if rv == CKR_PIN_INCORRECT {
            self.failures[user as usize] += 1;
        }
        if rv == CKR_OK {
            self.failures[user as usize] = 0;
            self.logged_in = Some(user);
            self.objects_changed();
        }
        Ok(())
    }

    pub(crate) fn logout(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let handle = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_Logout, handle);
        let allowed = match (session, self.logged_in) {
            (Err(_), _) => CKR_SESSION_HANDLE_INVALID,
            (Ok(_), None) => CKR_USER_NOT_LOGGED_IN,
            (Ok(_), Some(_)) => CKR_OK,
        };
        self.allow("C_Logout", rv, &[allowed])?;
        if rv == CKR_OK {
            self.end_login();
        }
        Ok(())
    }

    /// C_InitPIN, with the PIN that the user has: only in the R/W SO state.
    pub(crate) fn init_pin(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let handle = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_InitPIN, handle, USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as u64);
        let allowed: &[u64] = match session {
            Err(_) => &[CKR_SESSION_HANDLE_INVALID],
            Ok(_) if self.logged_in == Some(CKU_SO) => &[CKR_OK],
            // "An attempt to call it from a session in any other state fails with error CKR_USER_NOT_LOGGED_IN."
            Ok(index) if self.sessions[index].rw => &[CKR_USER_NOT_LOGGED_IN],
            Ok(_) => &[CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY],
        };
        self.allow(&format!("C_InitPIN {session:?}"), rv, allowed)?;
        if rv == CKR_OK {
            self.failures[CKU_USER as usize] = 0;
        }
        Ok(())
    }

    /// C_SetPIN from a PIN to itself, for whom the session's state names.
    pub(crate) fn set_pin(&mut self, step: &Step) -> Judged {
        let who = self.logged_in.unwrap_or(CKU_USER);
        let pin = if who == CKU_SO { SO_PIN } else { USER_PIN };
        let session = self.session(step.session);
        let handle = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let (at, len) = (pin.as_ptr().cast_mut(), pin.len() as u64);
        let rv = p11!(self.module, C_SetPIN, handle, at, len, at, len);
        let allowed = match session {
            Err(_) => CKR_SESSION_HANDLE_INVALID,
            Ok(index) if self.sessions[index].rw => CKR_OK,
            Ok(_) => CKR_SESSION_READ_ONLY,
        };
        self.allow(&format!("C_SetPIN {session:?}"), rv, &[allowed])?;
        if rv == CKR_OK {
            self.failures[who as usize] = 0;
        }
        Ok(())
    }
}
