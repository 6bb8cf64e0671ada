//! Time bars: when one ends and the next begins.
//!
//! What it is not: an aggregator of prices; the graph keeps the close of each input.
//!
//! Invariant: bars are aligned to the Unix epoch by venue time, and a bar once closed is never opened again: a tick
//! with an older time belongs to the open bar.

use crate::types::TimeNs;

/// The open bar of one instrument and period.
#[derive(Clone, Debug)]
pub(super) struct BarClock {
    period_ns: i64,
    /// First nanosecond after the open bar; `i64::MIN` before the first tick.
    end_ns: i64,
}

impl BarClock {
    /// A clock before its first tick.
    pub(super) fn new(period_ns: i64) -> Self {
        BarClock { period_ns, end_ns: i64::MIN }
    }

    pub(super) fn ended(period_ns: i64, end_ns: i64) -> Self {
        BarClock { period_ns, end_ns }
    }
    /// Length of a bar.
    pub(super) fn period_ns(&self) -> i64 {
        self.period_ns
    }

    /// Takes a tick's time; says whether it closed a bar.
    #[inline]
    pub(super) fn closes(&mut self, ts_venue: TimeNs) -> bool {
        if ts_venue.0 < self.end_ns {
            return false;
        }
        let opened = self.end_ns != i64::MIN;
        let start_ns = ts_venue.0.saturating_sub(ts_venue.0.rem_euclid(self.period_ns));
        self.end_ns = start_ns.saturating_add(self.period_ns);
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_closes_when_a_tick_of_a_later_bar_arrives_and_never_twice() {
        let mut clock = BarClock::new(60);
        let closed: Vec<bool> =
            [-1, 0, 59, 59, 60, 30, 119, 120, 600].map(|ns| clock.closes(TimeNs(ns))).into();
        assert_eq!(closed, [false, true, false, false, true, false, false, true, true]);
        assert!(clock.closes(TimeNs(i64::MAX)), "the end of time is an ordinary bar");
    }
}
