//! The door of every function: is there an application, did it panic, what is written to the trace.
//!
//! A panic below is CKR_GENERAL_ERROR for the caller and a line with its place in the trace; nothing ever reaches standard error. With
//! tracing off the door costs one relaxed load for it. Called by the functions of `table.rs` only.

use super::{log, state};
use crate::token::{Application, R, TokenError};
use cryptoki_sys::{CK_RV, CKR_GENERAL_ERROR, CKR_OK};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A call that needs C_Initialize.
pub(super) fn app(function: &'static str, session: u64, call: impl FnOnce(&'static Application) -> R<()>) -> CK_RV {
    pass(function, session, || {
        let inside = state::enter()?;
        call(inside.application())
    })
}

/// A vendor call: what it is refused for is remembered for C_GetBCryptStatus, also where the token never saw it.
pub(super) fn noted(function: &'static str, session: u64, call: impl FnOnce(&'static Application) -> R<()>) -> CK_RV {
    app(function, session, |app| call(app).inspect_err(|e| app.note_status(session, e)))
}

/// A call that needs none.
pub(super) fn bare(function: &'static str, session: u64, call: impl FnOnce(()) -> R<()>) -> CK_RV {
    pass(function, session, || call(()))
}

type Outcome = Result<R<()>, Box<dyn Any + Send>>;

#[inline]
fn pass(function: &'static str, session: u64, call: impl FnOnce() -> R<()>) -> CK_RV {
    let begun = log::is_on().then(Instant::now);
    match state::marked(|| catch_unwind(AssertUnwindSafe(call))) {
        Ok(Ok(())) if begun.is_none() => CKR_OK,
        outcome => finish(function, session, begun, &outcome),
    }
}

/// The number of an outcome, and its line in the trace.
#[cold]
fn finish(function: &'static str, session: u64, begun: Option<Instant>, outcome: &Outcome) -> CK_RV {
    // The trace may allocate and call foreign subscribers; it must not decide what the caller is told.
    let traced = state::marked(|| catch_unwind(AssertUnwindSafe(|| trace(function, session, begun, outcome))));
    drop(traced);
    number(outcome)
}

fn number(outcome: &Outcome) -> CK_RV {
    match outcome {
        Ok(Ok(())) => CKR_OK,
        Ok(Err(e)) => e.ck_rv(),
        Err(_) => CKR_GENERAL_ERROR,
    }
}

fn trace(function: &'static str, session: u64, begun: Option<Instant>, outcome: &Outcome) {
    if !log::is_on() {
        return;
    }
    let microseconds = begun.map_or(0, |begun| u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    let rv = tracing::field::display(format!("{:#x}", number(outcome)));
    match outcome {
        Ok(Ok(())) => tracing::debug!(target: "cngtoken::call", function, session, rv = &rv, name = "CKR_OK", microseconds),
        Ok(Err(e)) => {
            tracing::info!(target: "cngtoken::call", function, session, rv = &rv, name = log::rv_name(e), microseconds, reason = %e);
        }
        // The payload is not shown: a panic's text may hold what an index or a parse had in hand.
        Err(_) => {
            tracing::error!(target: "cngtoken::call", function, session, rv = &rv, name = "CKR_GENERAL_ERROR", microseconds, "a panic was caught")
        }
    }
}

/// Keeps panics of ours off standard error: the hook writes their place to the trace, and leaves all others to the hook that was there.
///
/// The `.so` carries its own copy of the standard library, so the hook of a host written in Rust is another one and stays as it is. Linked
/// as an rlib there is one hook for all; it is replaced only if that host calls the C functions, and passes on what is not theirs.
pub(super) fn quiet_panics() {
    static SET: AtomicBool = AtomicBool::new(false);
    if SET.swap(true, Ordering::SeqCst) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !state::is_marked() {
            before(panic);
        } else if let Some(place) = panic.location() {
            tracing::error!(target: "cngtoken::call", file = place.file(), line = place.line(), "panic");
        }
    }));
}

/// The refusal of a function whose turn has not come, after the checks that any function makes.
///
/// # Errors
/// SessionHandleInvalid, or FunctionNotSupported: always one of them.
pub(super) fn not_supported(app: &Application, session: u64) -> R<()> {
    app.check_session(session)?;
    Err(TokenError::from(crate::token::Reason::FunctionNotSupported))
}

/// The answer of the two functions that PKCS#11 keeps for history.
///
/// # Errors
/// SessionHandleInvalid, or FunctionNotParallel: always one of them.
pub(super) fn not_parallel(app: &Application, session: u64) -> R<()> {
    app.check_session(session)?;
    Err(TokenError::from(crate::token::Reason::FunctionNotParallel))
}
