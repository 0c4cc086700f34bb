//! From a PIN to the key that opens the master key, and when a PIN is looked at at all. Store format, sections 3 and 7.
//!
//! No file here: the rows are read and written by `pins`.

use crate::StoreError;
use crate::keys::Key32;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Whose PIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The user.
    User,
    /// The security officer.
    So,
}

impl Role {
    pub(crate) fn number(self) -> u64 {
        match self {
            Role::User => 0,
            Role::So => 1,
        }
    }
}

/// How expensive a PIN is made at creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kdf {
    /// Argon2id with 19 MiB and as many passes as this machine does in about 50 ms, at least 2.
    Calibrated,
    /// Next to nothing, for tests; the header says so.
    Test,
}

/// What the failures of one PIN mean now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PinState {
    /// Wrong PINs since the last right one.
    pub failures: u32,
    /// While set and not reached, no PIN is looked at.
    pub delayed_until: Option<SystemTime>,
}

impl PinState {
    /// The state at `now`.
    pub(crate) fn at(failures: u64, last_failure: SystemTime, now: SystemTime) -> Self {
        let delay = delay_after(failures);
        // A clock that was set back must not make the delay longer than it is.
        let until = last_failure.checked_add(delay).unwrap_or(now).min(now + delay);
        Self { failures: u32::try_from(failures).unwrap_or(u32::MAX), delayed_until: (until > now).then_some(until) }
    }

    /// A wrong PIN was given since the last right one.
    #[must_use]
    pub fn count_low(&self) -> bool {
        self.failures > 0
    }

    /// The next wrong PIN starts a delay.
    #[must_use]
    pub fn final_try(&self) -> bool {
        self.failures.saturating_add(1) >= FREE_FAILURES && !self.locked()
    }

    /// A delay is running.
    #[must_use]
    pub fn locked(&self) -> bool {
        self.delayed_until.is_some()
    }
}

/// How long no PIN is looked at after that many wrong ones.
pub(crate) fn delay_after(failures: u64) -> Duration {
    match failures.checked_sub(u64::from(FREE_FAILURES)) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1u64.checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX)).unwrap_or(u64::MAX).min(LONGEST_DELAY)),
    }
}

/// Argon2id's price, one of the legal ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
}

impl Cost {
    const TEST: Cost = Cost { memory_kib: 8, passes: 1 };

    /// What `kdf` costs on this machine.
    pub(crate) fn choose(kdf: Kdf) -> Result<Self, StoreError> {
        if kdf == Kdf::Test {
            return Ok(Self::TEST);
        }
        let least = Cost { memory_kib: MEMORY_KIB, passes: LEAST_PASSES };
        let mut best = Duration::MAX;
        for _ in 0..2 {
            let start = Instant::now();
            least.derive(b"calibration", &[0; 16])?;
            best = best.min(start.elapsed());
        }
        let per_pass = (best / LEAST_PASSES).max(Duration::from_micros(1));
        let fit = u32::try_from(TARGET.as_micros() / per_pass.as_micros().max(1)).unwrap_or(MOST_PASSES);
        Ok(Cost { passes: fit.clamp(LEAST_PASSES, MOST_PASSES), ..least })
    }

    /// As read from a row of a store with this KDF name. Other values are refused, so that a damaged row cannot cost hours or gigabytes.
    pub(crate) fn admit(test: bool, memory_kib: u64, passes: u64) -> Result<Self, StoreError> {
        let legal =
            if test { memory_kib == 8 && passes == 1 } else { memory_kib == u64::from(MEMORY_KIB) && (2..=u64::from(MOST_PASSES)).contains(&passes) };
        match (legal, u32::try_from(memory_kib), u32::try_from(passes)) {
            (true, Ok(memory_kib), Ok(passes)) => Ok(Self { memory_kib, passes }),
            _ => Err(StoreError::damaged(format!("PIN row: {memory_kib} KiB and {passes} passes are no legal cost"))),
        }
    }

    /// The key that opens the wrapped master key.
    pub(crate) fn derive(self, pin: &[u8], salt: &[u8; 16]) -> Result<Key32, StoreError> {
        let words = |e: argon2::Error| StoreError::Io { why: format!("PIN derivation: {e}") };
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(words)?;
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(params.block_count()).map_err(|_| StoreError::Io { why: "no memory for the PIN derivation".into() })?;
        blocks.resize(params.block_count(), Block::new());
        let mut blocks = Zeroizing::new(blocks);
        let mut out = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(pin, salt, out.as_mut_slice(), blocks.as_mut_slice())
            .map_err(words)?;
        Ok(out)
    }
}

/// Milliseconds since 1970, as the rows keep them.
pub(crate) fn to_millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// The time of a row; a number beyond what a clock can say counts as 1970.
pub(crate) fn from_millis(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

/// Wrong PINs until the first delay.
const FREE_FAILURES: u32 = 3;
/// Seconds. Long enough to make guessing hopeless (96 a day), short enough for the owner to wait.
const LONGEST_DELAY: u64 = 900;
const MEMORY_KIB: u32 = 19_456;
const LEAST_PASSES: u32 = 2;
const MOST_PASSES: u32 = 16;
/// Half of what a login may cost: the machine may be busier later than at creation.
const TARGET: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn state(failures: u64, seconds_ago: u64) -> PinState {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        PinState::at(failures, now - Duration::from_secs(seconds_ago), now)
    }

    #[test]
    fn the_flags_follow_the_failures_exactly() {
        let flags = |s: PinState| (s.count_low(), s.final_try(), s.locked());
        assert_eq!(flags(state(0, 0)), (false, false, false));
        assert_eq!(flags(state(1, 0)), (true, false, false));
        assert_eq!(flags(state(2, 0)), (true, true, false));
        assert_eq!(flags(state(3, 0)), (true, false, true));
        assert_eq!(flags(state(3, 1)), (true, true, false));
        assert_eq!(flags(state(20, 899)), (true, false, true));
        assert_eq!(flags(state(20, 900)), (true, true, false));
    }

    #[test]
    fn delays_double_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<u64> = (0..16).map(|n| delay_after(n).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(delay_after(u64::MAX).as_secs(), 900);
    }

    #[test]
    fn a_clock_set_back_does_not_lengthen_a_delay() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let state = PinState::at(4, now + Duration::from_secs(1_000_000), now);
        assert_eq!(state.delayed_until, Some(now + Duration::from_secs(2)));
    }

    #[test]
    fn only_the_legal_costs_are_admitted() {
        assert!(Cost::admit(false, 19_456, 2).is_ok());
        for (memory, passes) in [(19_456, 1), (19_456, 17), (8, 1), (1 << 40, 2), (19_456, u64::MAX)] {
            assert!(Cost::admit(false, memory, passes).is_err());
        }
        assert!(Cost::admit(true, 8, 1).is_ok());
        assert!(Cost::admit(true, 19_456, 2).is_err());
    }
}
