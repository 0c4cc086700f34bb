//! What C_GetBCryptStatus tells: the NTSTATUS and the reason of the last import, export or C_CreateObject, per session and, so that a
//! refusal for a bad session can be read too, per thread.
//!
//! Source: `vendor-ext/README.md`, "Results".

use crate::token::application::Application;
use crate::token::error::{R, TokenError};
use std::cell::RefCell;

/// Longest reason, in bytes.
const REASON_BYTES: usize = 255;

/// A status of fixed size: a thread's own storage must have no destructor, since threads may outlive the module's use.
#[derive(Clone, Copy)]
struct Last {
    status: u32,
    len: usize,
    reason: [u8; REASON_BYTES],
}

thread_local! {
    static LAST: RefCell<Last> = const { RefCell::new(Last { status: 0, len: 0, reason: [0; REASON_BYTES] }) };
}

/// Cuts a reason to what fits, at a character's end.
fn cut(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    reason.get(..end).unwrap_or_default()
}

impl Application {
    fn record(&self, session: u64, status: u32, reason: &str) {
        let reason = cut(reason);
        LAST.with_borrow_mut(|last| {
            last.status = status;
            last.len = reason.len();
            for (to, from) in last.reason.iter_mut().zip(reason.bytes()) {
                *to = from;
            }
        });
        if let Ok(session) = self.session(session) {
            session.set_status(status, reason.to_owned());
        }
    }

    /// Remembers how a call went, and hands its result on.
    pub(crate) fn with_status<T>(&self, session: u64, result: R<T>) -> R<T> {
        match &result {
            Ok(_) => self.record(session, 0, ""),
            Err(e) => self.note_status(session, e),
        }
        result
    }

    /// Remembers a refusal: for the edge, when an argument of a vendor function is bad before the token saw it.
    pub fn note_status(&self, session: u64, error: &TokenError) {
        self.record(session, error.nt_status(), &error.reason());
    }

    /// C_GetBCryptStatus: (NTSTATUS, reason). Session 0 asks for the calling thread's last.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn bcrypt_status(&self, session: u64) -> R<(u32, String)> {
        if session == 0 {
            return Ok(LAST.with_borrow(|last| {
                let bytes = last.reason.get(..last.len).unwrap_or_default();
                (last.status, String::from_utf8_lossy(bytes).into_owned())
            }));
        }
        Ok(self.session(session)?.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_characters_end() {
        let long = "ä".repeat(200);
        assert_eq!(cut(&long).len(), 254);
        assert_eq!(cut("short"), "short");
    }
}
