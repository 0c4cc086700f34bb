//! What happens around fork: no thread may be inside SQLite at that moment, and a child never touches what it inherited.
//!
//! Called by the edge's `pthread_atfork` handlers, which also forget the child's application. The guard of one fork is kept between the
//! handlers; two threads that fork at once keep one each. Source: `docs/design.md`, "Fork".

use cngtoken_storage::ForkGuard;
use std::sync::{Mutex, PoisonError};

static HELD: Mutex<Vec<ForkGuard>> = Mutex::new(Vec::new());

/// Before the fork: waits until no thread is inside the store, and keeps them out.
pub fn prepare() {
    let guard = ForkGuard::prepare();
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(guard);
}

fn release() -> Option<ForkGuard> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// In the parent, after it: lets them in again.
pub fn parent() {
    if let Some(guard) = release() {
        guard.parent();
    }
}

/// In the child, after it: inherited connections are neither used nor closed from here on.
pub fn child() {
    if let Some(guard) = release() {
        guard.child();
    }
}
