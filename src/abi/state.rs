//! The one application of this process: a pointer to a leaked object, and who is inside it.
//!
//! Nothing here is a lock: a call costs two atomic additions on a cache line of its thread's own and one load. What C_Finalize takes away
//! is never freed, so a call that is still running never holds a dangling reference. After a fork the child starts from nothing and
//! touches nothing of the parent's. Source: design, "Fork" and "Unloading".

use crate::token::{Application, R, Reason};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long C_Finalize waits for calls that are still running.
const DRAIN: Duration = Duration::from_secs(2);

static APPLICATION: AtomicPtr<Application> = AtomicPtr::new(null_mut());

/// The process that installed it: the second line behind the fork handler, which a bare clone() does not run.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Calls in flight, spread over cache lines (two, since the processor fetches them in pairs).
#[repr(align(128))]
struct Lane(AtomicUsize);

const LANES: usize = 16;
static IN_FLIGHT: [Lane; LANES] = [const { Lane(AtomicUsize::new(0)) }; LANES];
static NEXT_LANE: AtomicUsize = AtomicUsize::new(0);

/// A thread's own facts. Without Drop, so that no destructor of ours runs when a thread ends.
struct Thread {
    lane: Cell<usize>,
    depth: Cell<u32>,
}

thread_local! {
    static THREAD: Thread = const { Thread { lane: Cell::new(usize::MAX), depth: Cell::new(0) } };
}

/// The counter of the calling thread.
fn lane() -> &'static AtomicUsize {
    let index = THREAD.with(|thread| match thread.lane.get() {
        usize::MAX => {
            let index = NEXT_LANE.fetch_add(1, Ordering::Relaxed) % LANES;
            thread.lane.set(index);
            index
        }
        index => index,
    });
    let [first, ..] = &IN_FLIGHT;
    &IN_FLIGHT.get(index).unwrap_or(first).0
}

/// A call that is counted as in flight.
pub(super) struct Inside {
    application: &'static Application,
    lane: &'static AtomicUsize,
}

impl Inside {
    /// The application that the call works on, also if C_Finalize takes it away meanwhile.
    pub(super) fn application(&self) -> &'static Application {
        self.application
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.lane.fetch_sub(1, Ordering::Release);
    }
}

/// Enters the application.
///
/// # Errors
/// CryptokiNotInitialized.
pub(super) fn enter() -> R<Inside> {
    let lane = lane();
    // Counted first, looked second; C_Finalize takes first and counts second. So one of the two sees the other.
    lane.fetch_add(1, Ordering::SeqCst);
    let application = APPLICATION.load(Ordering::SeqCst);
    // SAFETY: the pointer is NULL or came out of `Box::leak` in `install`, and what is leaked lives for ever.
    match unsafe { application.as_ref() } {
        Some(application) => Ok(Inside { application, lane }),
        None => {
            lane.fetch_sub(1, Ordering::Release);
            Err(Reason::CryptokiNotInitialized.into())
        }
    }
}

/// True if C_Initialize has done its work in this process.
pub(super) fn is_up() -> bool {
    !APPLICATION.load(Ordering::SeqCst).is_null()
}

/// Makes the application the process's. Of two threads that come at once, one wins.
///
/// # Errors
/// CryptokiAlreadyInitialized.
pub(super) fn install(application: Application) -> R<()> {
    OWNER.store(std::process::id(), Ordering::SeqCst);
    let ours: *mut Application = Box::leak(Box::new(application));
    match APPLICATION.compare_exchange(null_mut(), ours, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => Ok(()),
        Err(_) => Err(Reason::CryptokiAlreadyInitialized.into()),
    }
}

/// Takes the application away, closes it, and gives running calls a moment to come back.
///
/// # Errors
/// CryptokiNotInitialized.
pub(super) fn finalize() -> R<()> {
    let taken = APPLICATION.swap(null_mut(), Ordering::SeqCst);
    // SAFETY: as in `enter`.
    let application = unsafe { taken.as_ref() }.ok_or(Reason::CryptokiNotInitialized)?;
    application.close();
    let begun = Instant::now();
    while in_flight() != 0 && begun.elapsed() < DRAIN {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn in_flight() -> usize {
    IN_FLIGHT.iter().fold(0, |sum, lane| sum.wrapping_add(lane.0.load(Ordering::SeqCst)))
}

/// In a forked child: forgets the parent's application without touching it. Only atomics, as a child of a threaded process may do no more.
pub(super) fn forget() {
    APPLICATION.store(null_mut(), Ordering::SeqCst);
    for lane in &IN_FLIGHT {
        lane.0.store(0, Ordering::SeqCst);
    }
}

/// True if the application belongs to another process, of which this one is a copy.
pub(super) fn is_foreign() -> bool {
    is_up() && OWNER.load(Ordering::SeqCst) != std::process::id()
}

/// Runs a call with the mark that a panic now is ours.
pub(super) fn marked<T>(call: impl FnOnce() -> T) -> T {
    THREAD.with(|thread| thread.depth.set(thread.depth.get().saturating_add(1)));
    let result = call();
    THREAD.with(|thread| thread.depth.set(thread.depth.get().saturating_sub(1)));
    result
}

/// True while the calling thread is within [`marked`].
pub(super) fn is_marked() -> bool {
    THREAD.with(|thread| thread.depth.get() != 0)
}
