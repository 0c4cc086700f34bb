//! What happens around fork: no thread may be inside SQLite at that moment, and a child never touches what it inherited.
//!
//! Called by the edge's `pthread_atfork` handlers, which also forget the child's application. All three handlers of one fork run in the thread that
//! forks, so the guard waits in that thread's own storage: no lock that a child could inherit locked. Source: `docs/design.md`, "Fork".

use cngtoken_storage::ForkGuard;
use std::cell::Cell;
use std::mem::ManuallyDrop;

thread_local! {
    // ManuallyDrop: a thread's storage of this module must have no destructor.
    static HELD: Cell<Option<ManuallyDrop<ForkGuard>>> = const { Cell::new(None) };
}

/// Before the fork: waits until no thread is inside the store, and keeps them out.
pub fn prepare() {
    HELD.set(Some(ManuallyDrop::new(ForkGuard::prepare())));
}

/// In the parent, after it: lets them in again.
pub fn parent() {
    if let Some(guard) = HELD.take() {
        ManuallyDrop::into_inner(guard).parent();
    }
}

/// In the child, after it: inherited connections are neither used nor closed from here on.
pub fn child() {
    if let Some(guard) = HELD.take() {
        ManuallyDrop::into_inner(guard).child();
    }
}
