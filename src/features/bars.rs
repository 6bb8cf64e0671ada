//! Bars: when one ends and the next begins, and what a bar of one input holds.
//!
//! What it is not: an indicator.
//!
//! Invariant: time bars are aligned to the Unix epoch, moved by an offset, by venue time; a bar once closed is never
//! opened again: a tick with an older time belongs to the open bar, or, right after a bar of the terminal's history, to
//! none, because that bar has it already.

use crate::types::TimeNs;

/// What one tick does to a bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Step {
    /// The open bar ended before this tick.
    pub(super) closes_before: bool,
    /// The tick belongs to the bar that is open now.
    pub(super) counts: bool,
    /// The tick completes its bar.
    pub(super) closes_after: bool,
    /// End of the bar that was closed before; `i64::MAX` for bars that time does not end.
    pub(super) end_ns: i64,
}

/// What ends a bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// Time, aligned.
    Time { period_ns: i64, offset_ns: i64 },
    /// So many ticks.
    Ticks { count: u32 },
    /// So much traded volume.
    Volume { lots_e8: i64 },
}

/// The open bar of one instrument and rule.
#[derive(Clone, Debug)]
pub(super) struct BarClock {
    rule: Rule,
    open: bool,
    /// Of a time bar: first nanosecond after the open bar, or after the last closed one.
    end_ns: i64,
    /// Ticks or volume so far.
    filled: i64,
}

impl BarClock {
    /// A clock before its first tick.
    pub(super) fn new(rule: Rule) -> Self {
        BarClock { rule, open: false, end_ns: i64::MIN, filled: 0 }
    }

    /// Forgets the open bar and when the last one ended.
    pub(super) fn reset(&mut self) {
        *self = BarClock::new(self.rule);
    }

    /// What ends a bar.
    pub(super) fn rule(&self) -> Rule {
        self.rule
    }

    /// Takes a tick.
    #[inline]
    pub(super) fn step(&mut self, ts_venue: TimeNs, volume_e8: i64) -> Step {
        match self.rule {
            Rule::Time { period_ns, offset_ns } => self.step_time(ts_venue, period_ns, offset_ns),
            Rule::Ticks { count } => self.fill(1, i64::from(count)),
            Rule::Volume { lots_e8 } => self.fill(volume_e8, lots_e8),
        }
    }

    #[inline]
    fn step_time(&mut self, ts_venue: TimeNs, period_ns: i64, offset_ns: i64) -> Step {
        if ts_venue.0 < self.end_ns {
            return Step { counts: self.open, ..Step::default() };
        }
        let step = Step { closes_before: self.open, counts: true, closes_after: false, end_ns: self.end_ns };
        self.open = true;
        self.end_ns = bar_end(ts_venue, period_ns, offset_ns);
        step
    }

    #[inline]
    fn fill(&mut self, by: i64, size: i64) -> Step {
        self.filled = self.filled.saturating_add(by);
        let full = self.filled >= size;
        if full {
            self.filled = 0;
        }
        Step { closes_before: false, counts: true, closes_after: full, end_ns: i64::MAX }
    }

    /// Takes a closed bar of the terminal's history: whether it is this clock's next. The open bar gives way to it.
    pub(super) fn take(&mut self, ts_open: TimeNs, period: i64) -> bool {
        let Rule::Time { period_ns, offset_ns } = self.rule else { return false };
        let end_ns = bar_end(ts_open, period_ns, offset_ns);
        let newest_ns = if self.open { self.end_ns.saturating_sub(period_ns) } else { self.end_ns };
        let aligned = ts_open.0.checked_add(period_ns) == Some(end_ns);
        if period != period_ns || !aligned || ts_open.0 < newest_ns {
            return false;
        }
        self.open = false;
        self.end_ns = end_ns;
        true
    }
}

/// First nanosecond after the bar that holds this time.
#[inline]
pub(super) fn bar_end(ts_venue: TimeNs, period_ns: i64, offset_ns: i64) -> i64 {
    let into_ns = ts_venue.0.saturating_add(offset_ns).rem_euclid(period_ns);
    ts_venue.0.saturating_sub(into_ns).saturating_add(period_ns)
}

/// The open bar of one input, in the stream's raw units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OpenBar {
    pub(super) high: i64,
    pub(super) low: i64,
    /// Last raw value; `None` before the first usable price.
    pub(super) close: Option<i64>,
    pub(super) volume_e8: i64,
    /// Ticks of the instrument, whether or not they had this input.
    pub(super) ticks: u64,
}

impl OpenBar {
    /// Before the first tick.
    pub(super) const EMPTY: OpenBar =
        OpenBar { high: i64::MIN, low: i64::MAX, close: None, volume_e8: 0, ticks: 0 };

    #[inline]
    pub(super) fn add(&mut self, raw: Option<i64>, volume_e8: i64) {
        self.ticks += 1;
        self.volume_e8 = self.volume_e8.saturating_add(volume_e8);
        if let Some(raw) = raw {
            self.high = self.high.max(raw);
            self.low = self.low.min(raw);
            self.close = Some(raw);
        }
    }

    /// What was gathered; the bar is empty again.
    #[inline]
    pub(super) fn take(&mut self) -> OpenBar {
        std::mem::replace(self, OpenBar::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(period_ns: i64, offset_ns: i64) -> BarClock {
        BarClock::new(Rule::Time { period_ns, offset_ns })
    }

    #[test]
    fn a_bar_closes_when_a_tick_of_a_later_bar_arrives_and_never_twice() {
        let mut clock = time(60, 0);
        let closed: Vec<bool> =
            [-1, 0, 59, 59, 60, 30, 119, 120, 600].map(|ns| clock.step(TimeNs(ns), 0).closes_before).into();
        assert_eq!(closed, [false, true, false, false, true, false, false, true, true]);
        assert!(clock.step(TimeNs(i64::MAX), 0).closes_before, "the end of time is an ordinary bar");
    }

    #[test]
    fn an_offset_moves_the_days() {
        // A server two hours ahead of UTC starts its day at 22:00 UTC.
        let hour = 3_600_000_000_000;
        assert_eq!(bar_end(TimeNs(21 * hour), 24 * hour, 2 * hour), 22 * hour);
        assert_eq!(bar_end(TimeNs(22 * hour), 24 * hour, 2 * hour), 46 * hour);
        assert_eq!(bar_end(TimeNs(-1), 60, 0), 0);
    }

    #[test]
    fn ticks_that_a_taken_bar_has_already_belong_to_no_bar() {
        let mut clock = time(60, 0);
        assert!(clock.take(TimeNs(60), 60) && clock.take(TimeNs(120), 60));
        assert!(!clock.take(TimeNs(120), 60), "twice");
        assert!(!clock.take(TimeNs(60), 60), "older");
        assert!(!clock.take(TimeNs(190), 60), "not aligned");
        assert!(!clock.take(TimeNs(240), 30), "another period");
        assert_eq!(clock.step(TimeNs(179), 0), Step::default());
        assert!(clock.step(TimeNs(185), 0).counts);
        assert!(!clock.take(TimeNs(120), 60));
        assert!(clock.take(TimeNs(180), 60), "the terminal's bar replaces the open one of its time");
        let next = clock.step(TimeNs(300), 0);
        assert!(next.counts && !next.closes_before);
    }

    #[test]
    fn bars_of_ticks_and_volume_close_with_the_tick_that_fills_them() {
        let mut clock = BarClock::new(Rule::Ticks { count: 3 });
        let closed = [0; 7].map(|_| clock.step(TimeNs(0), 0).closes_after);
        assert_eq!(closed, [false, false, true, false, false, true, false]);
        let mut clock = BarClock::new(Rule::Volume { lots_e8: 10 });
        let closed = [4, 0, 5, 1, 25, 9, 1].map(|volume| clock.step(TimeNs(0), volume).closes_after);
        assert_eq!(closed, [false, false, false, true, true, false, true]);
    }
}
