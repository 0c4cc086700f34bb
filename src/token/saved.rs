//! C_GetOperationState, C_SetOperationState: what runs in a session is not saved.
//!
//! The digests and MACs of `crypto` cannot be taken out of their engine and put back, so every active operation is one that "cannot be satisfied"
//! (CKR_STATE_UNSAVEABLE), and no string of bytes is a saved state of this token. Source: PKCS#11 3.2, "Session management functions".

use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::room::{Answer, Room};

impl Application {
    /// C_GetOperationState.
    ///
    /// # Errors
    /// SessionHandleInvalid; OperationNotInitialized where nothing runs that could have a state, OperationActive while it computes, else
    /// StateUnsaveable: always one of them.
    pub fn operation_state(&self, session: u64, _room: Room) -> R<Answer> {
        if self.session(session)?.operations.has_state()? {
            return Err(Reason::StateUnsaveable.into());
        }
        Err(Reason::OperationNotInitialized.into())
    }

    /// C_SetOperationState.
    ///
    /// # Errors
    /// SessionHandleInvalid, or SavedStateInvalid: always one of them.
    pub fn set_operation_state(&self, session: u64, _state: &[u8], _encryption: u64, _authentication: u64) -> R<()> {
        self.check_session(session)?;
        Err(Reason::SavedStateInvalid.because("this token has saved no state"))
    }
}
