//! The fork handler: no thread is inside the store while the process is copied, and the child starts from nothing.
//!
//! Registered once, at the first C_Initialize, and never taken back (the module stays loaded). A child that was made by a bare clone()
//! runs no handlers; C_Initialize compares process ids for its sake. Source: design, "Fork"; POSIX pthread_atfork.

use super::state;
use crate::token::{R, Reason, fork};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Registers the handlers, the first time.
///
/// # Errors
/// HostMemory if the system has no room for them.
pub(super) fn register() -> R<()> {
    if REGISTERED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // SAFETY: the three handlers are functions of this module, which is never unloaded (linked with -z nodelete).
    let refused = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    if refused == 0 {
        return Ok(());
    }
    REGISTERED.store(false, Ordering::SeqCst);
    Err(Reason::HostMemory.because(format!("pthread_atfork failed with {refused}")))
}

/// What a child does first, also where the handler did not run.
pub(super) fn start_over() {
    state::forget();
    fork::child();
}

// A panic in a handler would end the host; `marked` keeps it off standard error, and what is left undone is answered by later errors.
extern "C" fn prepare() {
    let _ = state::marked(|| catch_unwind(fork::prepare));
}

extern "C" fn parent() {
    let _ = state::marked(|| catch_unwind(fork::parent));
}

extern "C" fn child() {
    let _ = state::marked(|| catch_unwind(start_over));
}
