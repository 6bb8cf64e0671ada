//! The arithmetic that keeps a counter-driven clock close to UTC without ever stepping backwards.
//!
//! What it is not: it reads nothing; the raw counter and the system time are handed in, so it is tested with made-up time.
//!
//! Invariant: for growing elapsed time the result never decreases, and a new anchor begins exactly where the old one stood: whatever
//! the system's clock does, a time-out is at most [`CATCH_UP_PPB`] short, and none ends because a clock was set.

use crate::types::NS_PER_S;

/// The fastest slew: 500 parts per million, half a microsecond a millisecond.
pub const SLEW_PPB_MAX: i64 = 500_000;
/// UTC ahead by more than this (a clock that was set, a host that slept) is caught up with, because slewing would take days.
pub const FAR_AHEAD_NS: i64 = NS_PER_S / 2;
/// How fast: one per cent, thirty-six seconds an hour. A start takes the system's time at once.
pub const CATCH_UP_PPB: i64 = 10_000_000;

/// A straight line from elapsed counter nanoseconds to UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Anchor {
    /// The raw counter at the anchor.
    pub raw: u64,
    /// UTC at the anchor, ns.
    pub utc_ns: i64,
    /// How much faster than the counter the line runs, in parts per thousand million; at most [`SLEW_PPB_MAX`] either way beside
    /// [`CATCH_UP_PPB`].
    pub rate_ppb: i64,
    /// The part of `rate_ppb` that is the counter's own error, learned over time.
    pub drift_ppb: i64,
}

/// What one disciplining saw and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Discipline {
    /// System time minus ours, ns: positive when we were behind.
    pub error_ns: i64,
    /// The rate chosen until the next time, ppb.
    pub rate_ppb: i64,
    /// Whether UTC is so far ahead that it is caught up with.
    pub is_catching_up: bool,
}

impl Anchor {
    /// UTC at `elapsed_ns` counter nanoseconds after the anchor.
    pub fn at(&self, elapsed_ns: u64) -> i64 {
        let elapsed_ns = i64::try_from(elapsed_ns).unwrap_or(i64::MAX);
        // Split so that the product fits 64 bits for any elapsed time, and a division by a constant is a multiplication.
        let slew = elapsed_ns / NS_PER_S * self.rate_ppb + elapsed_ns % NS_PER_S * self.rate_ppb / NS_PER_S;
        self.utc_ns.saturating_add(elapsed_ns).saturating_add(slew)
    }

    /// The next anchor, when at raw counter `raw`, `elapsed_ns` after this one, the system says `system_ns`.
    ///
    /// A proportional-integral loop: half of the error is worked off within a second (or within the time since the
    /// last call, when that is longer), a quarter of it is believed to be drift.
    pub fn next(&self, raw: u64, elapsed_ns: u64, system_ns: i64) -> (Anchor, Discipline) {
        let utc_ns = self.at(elapsed_ns);
        let error_ns = system_ns.saturating_sub(utc_ns);
        if error_ns > FAR_AHEAD_NS {
            // What a step of the clock brings is no drift of the counter.
            let rate_ppb = self.drift_ppb + CATCH_UP_PPB;
            let next = Anchor { raw, utc_ns, rate_ppb, drift_ppb: self.drift_ppb };
            return (next, Discipline { error_ns, rate_ppb, is_catching_up: true });
        }
        let horizon_s = (i64::try_from(elapsed_ns).unwrap_or(i64::MAX) / NS_PER_S).max(1);
        let error_ppb = (error_ns / horizon_s).clamp(-SLEW_PPB_MAX, SLEW_PPB_MAX);
        let drift_ppb = (self.drift_ppb + error_ppb / 4).clamp(-SLEW_PPB_MAX, SLEW_PPB_MAX);
        let rate_ppb = (drift_ppb + error_ppb / 2).clamp(-SLEW_PPB_MAX, SLEW_PPB_MAX);
        let next = Anchor { raw, utc_ns, rate_ppb, drift_ppb };
        (next, Discipline { error_ns, rate_ppb, is_catching_up: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A counter that runs `fast_ppb` fast, disciplined once a second for `seconds`; returns the last errors.
    fn run(fast_ppb: i64, first_error_ns: i64, seconds: i64) -> Vec<i64> {
        let mut anchor = Anchor { utc_ns: first_error_ns, ..Anchor::default() };
        let mut raw = 0u64;
        let mut errors = Vec::new();
        for second in 1..=seconds {
            let elapsed = (NS_PER_S + fast_ppb) as u64;
            raw += elapsed;
            let (next, seen) = anchor.next(raw, elapsed, second * NS_PER_S);
            errors.push(seen.error_ns);
            anchor = next;
        }
        errors
    }

    #[test]
    fn a_constant_drift_is_learned() {
        for fast_ppb in [-40_000, -3, 0, 25_000] {
            let errors = run(fast_ppb, 0, 60);
            assert!(errors[40..].iter().all(|error| error.abs() < 100), "{fast_ppb} ppb: {errors:?}");
        }
    }

    #[test]
    fn being_ahead_is_slewed_off_at_the_stated_rate() {
        let errors = run(0, 2_000_000, 120);
        assert_eq!(errors[0], -2_000_000);
        assert!(errors[1] - errors[0] <= SLEW_PPB_MAX, "slewed faster than allowed: {errors:?}");
        assert!(errors[119].abs() < 1_000, "{errors:?}");
    }

    #[test]
    fn a_clock_that_was_set_ends_no_time_out_and_is_caught_up_with() {
        let (mut anchor, mut raw) = (Anchor::default(), 0);
        let mut errors = Vec::new();
        // The system's clock is an hour ahead from the first look on.
        for second in 1..=400_000i64 {
            raw += NS_PER_S as u64;
            let before = anchor.utc_ns;
            let (next, seen) = anchor.next(raw, NS_PER_S as u64, (second + 3_600) * NS_PER_S);
            let passed = next.utc_ns - before;
            // The slow slew goes both ways, and is what it was before.
            let most = NS_PER_S + (CATCH_UP_PPB + SLEW_PPB_MAX) * i64::from(passed > NS_PER_S);
            assert!((NS_PER_S - SLEW_PPB_MAX..=most).contains(&passed), "second {second}: {passed} ns");
            assert!(!seen.is_catching_up || next.drift_ppb == anchor.drift_ppb, "second {second}: no drift");
            errors.push(seen.error_ns);
            anchor = next;
        }
        assert_eq!(errors[0], 3_600 * NS_PER_S);
        let near = errors.iter().position(|error| *error < FAR_AHEAD_NS).unwrap();
        assert!((359_000..361_000).contains(&near), "thirty-six seconds an hour: {near} s");
        let (back, seen) = anchor.next(raw + 5, 5, 0);
        assert!(!seen.is_catching_up && back.utc_ns >= anchor.utc_ns, "nor does it go back");
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(steps in prop::collection::vec((0u64..5_000_000_000, -2_000_000_000i64..2_000_000_000), 1..50)) {
            let mut anchor = Anchor { utc_ns: 1_700_000_000 * NS_PER_S, ..Anchor::default() };
            let mut raw = 0;
            let mut last = anchor.at(0);
            for (elapsed, error) in steps {
                for part in [elapsed / 3, elapsed / 2, elapsed] {
                    let now = anchor.at(part);
                    prop_assert!(now >= last, "{now} after {last}");
                    last = now;
                }
                raw += elapsed;
                anchor = anchor.next(raw, elapsed, anchor.at(elapsed) + error).0;
                prop_assert!(anchor.at(0) >= last);
            }
        }
    }
}
