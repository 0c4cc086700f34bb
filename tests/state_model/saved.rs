//! C_GetOperationState and C_SetOperationState: a digest leaves a session and goes on in the same or in another.
//!
//! Decisions of the project within the standard: any other running operation makes the state unsaveable; a state is bound to the kind of
//! session and who is logged in; what ran in the session ends when a state is set, and goes on when setting it fails.

use crate::client::{Room, output};
use crate::p11;
use crate::world::{Judged, Kind, Run, Seat, Session, Step, World};
use cryptoki_sys::*;

/// A state that was given out.
#[derive(Clone)]
pub(crate) struct Saved {
    bytes: Vec<u8>,
    run: Run,
    rw: bool,
    logged_in: Option<u64>,
}

/// What runs in a session: a digest, something else, a search; and whether any of it may have ended with a log-in.
fn runs(session: &Session) -> (bool, bool, bool) {
    let [digest, others @ ..] = &session.operations;
    let other = others.iter().any(|seat| seat.run().is_some()) || session.signature.run().is_some();
    let doubtful = session.operations.iter().any(|seat| matches!(seat, Seat::Unsure(_)))
        || session.messages.iter().any(|seat| matches!(seat, Seat::Unsure(_)))
        || matches!(session.signature, Seat::Unsure(_));
    let message = session.messages.iter().any(|seat| seat.run().is_some());
    (digest.run().is_some(), other || message, doubtful || session.search.run().is_some())
}

impl World {
    pub(crate) fn save_state(&mut self, step: &Step) -> Judged {
        let (session, s) = (self.session(step.session), self.session_handle(step));
        let told = output(Room::Bytes(4096), |out, len| p11!(self.module, C_GetOperationState, s, out, len));
        let codes = match session.map(|index| runs(&self.sessions[index])) {
            Err(_) => vec![CKR_SESSION_HANDLE_INVALID],
            // Whether a search stands in the way is not said.
            Ok((_, _, true)) => vec![CKR_OK, CKR_STATE_UNSAVEABLE, CKR_OPERATION_NOT_INITIALIZED],
            Ok((_, true, _)) => vec![CKR_STATE_UNSAVEABLE],
            Ok((true, false, _)) => vec![CKR_OK],
            Ok((false, false, _)) => vec![CKR_OPERATION_NOT_INITIALIZED],
        };
        self.allow(&format!("C_GetOperationState {}", self.who(step)), told.rv, &codes)?;
        if let (CKR_OK, Ok(index)) = (told.rv.0, session) {
            let Some(run) = self.run_of(step, Kind::Digest) else { return Err("a state was given where no digest runs".to_owned()) };
            self.settle(step, Kind::Digest);
            self.saved = Some(Saved { bytes: told.bytes, run, rw: self.sessions[index].rw, logged_in: self.logged_in });
        }
        Ok(())
    }

    pub(crate) fn restore_state(&mut self, step: &Step) -> Judged {
        let Some(mut saved) = self.saved.clone() else { return Ok(()) };
        let (session, s) = (self.session(step.session), self.session_handle(step));
        let changed = step.a < 40;
        if changed {
            let at = usize::from(step.b) % saved.bytes.len();
            saved.bytes[at] ^= 1;
        }
        let key = if step.c < 24 { 1 } else { 0 };
        let rv = p11!(self.module, C_SetOperationState, s, saved.bytes.as_mut_ptr(), saved.bytes.len() as u64, 0, key);
        let mut codes = Vec::new();
        match session {
            Err(_) => codes.push(CKR_SESSION_HANDLE_INVALID),
            Ok(index) => {
                if changed || self.sessions[index].rw != saved.rw || self.logged_in != saved.logged_in {
                    codes.push(CKR_SAVED_STATE_INVALID);
                }
                if key != 0 {
                    codes.push(CKR_KEY_NOT_NEEDED);
                }
                if codes.is_empty() {
                    codes.push(CKR_OK);
                }
            }
        }
        self.allow(&format!("C_SetOperationState changed={changed} key={key} {}", self.who(step)), rv, &codes)?;
        if let (CKR_OK, Ok(index)) = (rv.0, session) {
            let Session { operations, signature, messages, search, .. } = &mut self.sessions[index];
            *operations = Default::default();
            *messages = Default::default();
            (*signature, *search) = (Seat::Idle, Seat::Idle);
            operations[Kind::Digest as usize] = Seat::Active(saved.run);
        }
        Ok(())
    }
}
