//! The gate before SQLite: every thread passes it on its way in, and a fork waits until nobody is inside.
//!
//! SQLite's lock table and mutexes are copied by fork. If a lock is held at that moment, a child's new connection believes it holds it too, takes
//! none, and an acknowledged commit is lost. So at the moment of a fork no thread may be inside, nor any transaction open. Atomics only:
//! a mutex of ours could itself be held by another thread when the process is copied. Called by `link`, and by the atfork handlers of the C edge.

use crate::StoreError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Low half: threads inside. High half: forks on the way.
static GATE: AtomicU64 = AtomicU64::new(0);
/// Grows in every forked child: a vault remembers its own.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Set in a child that was forked while someone was inside.
static UNSAFE_CHILD: AtomicBool = AtomicBool::new(false);

const ONE_FORK: u64 = 1 << 32;
const INSIDE: u64 = ONE_FORK - 1;
const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_micros(50);

/// The right to be inside SQLite, while it lives.
pub(crate) struct Pass(());

/// Waits while a fork is on its way, then goes in.
pub(crate) fn enter() -> Pass {
    let mut seen = GATE.load(Ordering::Relaxed);
    loop {
        if seen >= ONE_FORK {
            std::thread::sleep(NAP);
            seen = GATE.load(Ordering::Relaxed);
            continue;
        }
        match GATE.compare_exchange_weak(seen, seen + 1, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => return Pass(()),
            Err(now) => seen = now,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        GATE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does `f` while no thread of the process is inside, hence no lock is held; not at all if that moment does not come. The caller must not be inside.
pub(crate) fn alone(f: impl FnOnce()) {
    let guard = ForkGuard::prepare();
    if guard.clean {
        f();
    }
}

/// Which side of how many forks this is, with the process it was asked in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Birth {
    generation: u64,
    process: u32,
}

impl Birth {
    pub(crate) fn now() -> Self {
        Self { generation: GENERATION.load(Ordering::SeqCst), process: std::process::id() }
    }

    /// Refuses what was born before a fork. The process number is looked at too: a fork may go round the handlers.
    pub(crate) fn still(self) -> Result<(), StoreError> {
        if self == Self::now() { Ok(()) } else { Err(StoreError::Forked) }
    }
}

/// Refuses to open anything in a child that was forked with a transaction open.
pub(crate) fn may_open() -> Result<(), StoreError> {
    if UNSAFE_CHILD.load(Ordering::SeqCst) {
        return Err(StoreError::Io { why: "this process was forked while a store transaction was open; exec first".into() });
    }
    Ok(())
}

/// Keeps every thread of the process outside SQLite, for the time of a fork. Plain data: may be kept in a static between the handlers.
///
/// `pthread_atfork`'s prepare calls [`ForkGuard::prepare`], its parent and child handlers [`ForkGuard::parent`] and [`ForkGuard::child`]. Dropped
/// otherwise, it lets the threads go on as `parent` does. A thread that is inside a closure given to `Vault::update` must not fork.
#[derive(Debug)]
#[must_use = "every store operation waits while it lives"]
pub struct ForkGuard {
    clean: bool,
    done: bool,
}

impl ForkGuard {
    /// Closes the gate and waits until nobody is inside, for at most 10 s. After that the fork goes on, and the child will refuse to open stores.
    pub fn prepare() -> Self {
        Self::prepare_within(PATIENCE)
    }

    fn prepare_within(patience: Duration) -> Self {
        GATE.fetch_add(ONE_FORK, Ordering::SeqCst);
        let deadline = Instant::now() + patience;
        let clean = loop {
            if GATE.load(Ordering::SeqCst) & INSIDE == 0 {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            std::thread::sleep(NAP);
        };
        Self { clean, done: false }
    }

    /// In the parent: opens the gate again.
    pub fn parent(self) {
        drop(self);
    }

    /// In the child: opens the gate, and makes every vault of before refuse its work. Their connections are neither used nor closed.
    pub fn child(mut self) {
        self.done = true;
        GENERATION.fetch_add(1, Ordering::SeqCst);
        if !self.clean {
            UNSAFE_CHILD.store(true, Ordering::SeqCst);
        }
        GATE.store(0, Ordering::SeqCst);
    }
}

impl Drop for ForkGuard {
    fn drop(&mut self) {
        if !self.done {
            GATE.fetch_sub(ONE_FORK, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_does_not_wait_for_ever_for_a_thread_inside() {
        let pass = enter();
        let guard = ForkGuard::prepare_within(Duration::from_millis(5));
        assert!(!guard.clean);
        guard.parent();
        drop(pass);
        drop(enter());
    }

    #[test]
    fn nobody_enters_while_a_fork_is_on_its_way() {
        let guard = ForkGuard::prepare();
        let (went_in, waits) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _pass = enter();
            went_in.send(()).unwrap();
        });
        assert!(waits.recv_timeout(Duration::from_millis(20)).is_err());
        guard.parent();
        waits.recv().unwrap();
        thread.join().unwrap();
    }
}
