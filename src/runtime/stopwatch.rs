//! A stopwatch for spans of some hundred nanoseconds: the processor's counter, fenced on both sides.
//!
//! What it is not: a time of day (`clock` is), or something for a lane: its fences stop the processor's look-ahead.
//!
//! Invariant: what is timed begins after the first reading and is over before the second; the cost of an empty span, which is
//! measured here and now, is taken off, and never makes a span negative.
#![allow(unsafe_code)] // two instructions that read the counter
#![allow(clippy::disallowed_methods)] // the counter's rate is measured against the system's clock, once

use std::time::Instant;

/// Empty spans that the overhead is the median of.
const EMPTY_SPANS: usize = 10_001;
/// How long the counter is held against the system's clock, ns.
const CALIBRATION_NS: u64 = 20_000_000;

/// A counter with its rate and its own cost.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    ns_per_count: f64,
    overhead_counts: u64,
}

impl Stopwatch {
    /// Measures rate and overhead, on the core that will be timed: takes about 20 ms.
    pub fn calibrate() -> Stopwatch {
        let (begun, first) = (Instant::now(), counter());
        let ns = loop {
            let ns = begun.elapsed().as_nanos() as u64;
            if ns >= CALIBRATION_NS {
                break ns;
            }
        };
        let counts = counter().saturating_sub(first).max(1);
        let mut empty: Vec<u64> = (0..EMPTY_SPANS).map(|_| span(|| ()).1).collect();
        empty.sort_unstable();
        Stopwatch { ns_per_count: ns as f64 / counts as f64, overhead_counts: empty[EMPTY_SPANS / 2] }
    }

    /// What an empty span costs, ns; it is taken off every time.
    pub fn overhead_ns(&self) -> f64 {
        self.overhead_counts as f64 * self.ns_per_count
    }

    /// Runs `work` and says how long it took, ns, without the overhead.
    #[inline]
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> (T, f64) {
        let (value, counts) = span(work);
        (value, counts.saturating_sub(self.overhead_counts) as f64 * self.ns_per_count)
    }
}

#[inline(always)]
fn span<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let first = counter();
    let value = work();
    let counts = counter().wrapping_sub(first);
    (value, counts)
}

/// The processor's counter, read when everything before it is done and before anything after it begins.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn counter() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: SSE2, which has this fence, is part of every x86-64 processor.
    unsafe { _mm_lfence() };
    // SAFETY: every x86-64 processor has the counter, and Linux lets programs read it.
    let counts = unsafe { _rdtsc() };
    // SAFETY: as above.
    unsafe { _mm_lfence() };
    counts
}

/// Elsewhere the system's monotonic clock, which costs more; the overhead says how much.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn counter() -> u64 {
    use std::sync::OnceLock;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    std::hint::black_box(ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_run_once_and_time_goes_on() {
        let watch = Stopwatch::calibrate();
        let mut runs = 0;
        let (value, ns) = watch.time(|| {
            runs += 1;
            7
        });
        assert_eq!((value, runs), (7, 1));
        assert!(ns >= 0.0 && watch.overhead_ns() >= 0.0 && watch.ns_per_count > 0.0);
        // A longer span cannot be shorter than the sleep inside it; the rate is good to a tenth of that at least.
        let (_, ns) = watch.time(|| crate::runtime::idle::sleep_ns(20_000_000));
        assert!(ns > 18_000_000.0, "{ns}");
    }
}
