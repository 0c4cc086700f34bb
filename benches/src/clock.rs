//! CPU time of the calling thread, and how an operation's cost is taken from it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

/// Repeats itself the given number of times.
pub(crate) type Operation = Box<dyn FnMut(u64) -> Result<(), Failure> + Send>;

/// An operation out of what is done once.
pub(crate) fn repeat(mut once: impl FnMut() -> Result<(), Failure> + Send + 'static) -> Operation {
    Box::new(move |times| {
        for _ in 0..times {
            once()?;
        }
        Ok(())
    })
}

/// CPU time that the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Nanoseconds of CPU per operation: as many repeats as fill `sample`, found by doubling.
pub(crate) fn cpu_nanos(operation: &mut Operation, sample: Duration) -> Result<f64, Failure> {
    let mut repeats = 1_u64;
    loop {
        let before = thread_cpu();
        operation(repeats)?;
        let spent = thread_cpu().saturating_sub(before);
        if spent >= sample {
            return Ok(spent.as_secs_f64() * 1e9 / repeats as f64);
        }
        // What is missing, at most tenfold at once: the first repeats are slower than the others.
        let missing = sample.as_secs_f64() / spent.as_secs_f64().max(1e-9);
        repeats = repeats.saturating_mul(if missing > 10.0 { 10 } else { 2 });
    }
}

/// The middle one; NaN for none.
pub(crate) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_figure_whatever_the_order() {
        assert!((median(&mut [9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn a_sample_measures_work_and_not_waiting() {
        let mut waits: Operation = Box::new(|repeats| {
            for _ in 0..repeats.min(2) {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::hint::black_box((0..repeats * 1000).fold(0_u64, u64::wrapping_add));
            Ok(())
        });

        let nanos = cpu_nanos(&mut waits, Duration::from_millis(5)).unwrap();

        assert!(nanos < 1_000_000.0, "{nanos}");
    }
}
