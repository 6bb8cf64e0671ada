//! Online quality: what scores promised, held against what the price did.
//!
//! What it is not: profit; a model may be right and lose to the spread.
//!
//! Invariant: a score is settled once, at the first quote at or after its horizon; memory is taken when it is made, and a score
//! that finds no room is counted, not kept.

use crate::types::{Quote, TimeNs};

/// Bins of predicted probability.
pub const CALIBRATION_BINS: usize = 10;
/// Scores that wait for their horizon.
const PENDING_MAX: usize = 4_096;

/// How scores are judged.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct QualityPlan {
    /// From the score to the price it is held against, nanoseconds.
    pub horizon_ns: i64,
    /// Every n-th score is held, n >= 1.
    pub every: u32,
    /// Settled scores of one judgement.
    pub window: u32,
    /// The score that leans to neither side.
    pub middle: f64,
}

/// Scores that promised alike, and what happened.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CalibrationBin {
    /// Settled scores.
    pub count: u64,
    /// Of them, followed by a rise.
    pub rises: u64,
    /// Sum of the scores.
    pub score_sum: f64,
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct QualityCounts {
    /// Scores settled, the price having moved.
    pub settled: u64,
    /// Of them, with the price on the promised side.
    pub hits: u64,
    /// Scores after which the price stood where it was.
    pub unmoved: u64,
    /// Scores that found no room.
    pub dropped: u64,
    /// Sum of squared differences of probability and outcome, of scores from 0 to 1.
    pub brier_sum: f64,
    /// By predicted probability, a tenth each.
    pub bins: [CalibrationBin; CALIBRATION_BINS],
    /// Share of hits in the last full window; not a number before it.
    pub window_hit_rate: f64,
    /// Full windows.
    pub windows: u64,
}

impl QualityCounts {
    /// Share of hits since the start; not a number before the first.
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.settled as f64
    }

    /// Mean squared difference of probability and outcome; not a number before the first.
    pub fn brier(&self) -> f64 {
        self.brier_sum / self.bins.iter().map(|bin| bin.count).sum::<u64>() as f64
    }
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    due: TimeNs,
    score: f64,
    /// Twice the mid, ticks.
    mid_twice: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Quality {
    plan: QualityPlan,
    pending: Box<[Pending]>,
    first: usize,
    count: usize,
    skipped: u32,
    window_settled: u32,
    window_hits: u32,
    counts: QualityCounts,
}

impl Quality {
    /// Nothing held yet.
    pub fn new(plan: QualityPlan) -> Self {
        let empty = Pending { due: TimeNs::NEVER, score: f64::NAN, mid_twice: 0 };
        Quality {
            plan,
            pending: vec![empty; PENDING_MAX].into(),
            first: 0,
            count: 0,
            skipped: 0,
            window_settled: 0,
            window_hits: 0,
            counts: QualityCounts { window_hit_rate: f64::NAN, ..QualityCounts::default() },
        }
    }

    /// Settles what is due at this quote; `true` when a window became full.
    pub fn on_quote(&mut self, quote: &Quote, now: TimeNs) -> bool {
        let mut is_full = false;
        if !quote.is_two_sided() {
            return false;
        }
        let mid_twice = quote.bid.0.saturating_add(quote.ask.0);
        while self.count > 0 && self.pending[self.first].due <= now {
            let held = self.pending[self.first];
            self.first = (self.first + 1) % PENDING_MAX;
            self.count -= 1;
            is_full |= self.settle(&held, mid_twice);
        }
        is_full
    }

    /// Holds a score until its horizon.
    pub fn on_score(&mut self, score: f64, quote: &Quote, now: TimeNs) {
        if score.is_nan() || !quote.is_two_sided() {
            return;
        }
        self.skipped += 1;
        if self.skipped < self.plan.every {
            return;
        }
        self.skipped = 0;
        if self.count == PENDING_MAX {
            self.counts.dropped += 1;
            return;
        }
        let at = (self.first + self.count) % PENDING_MAX;
        let mid_twice = quote.bid.0.saturating_add(quote.ask.0);
        self.pending[at] = Pending { due: now.plus_ns(self.plan.horizon_ns), score, mid_twice };
        self.count += 1;
    }

    fn settle(&mut self, held: &Pending, mid_twice: i64) -> bool {
        let counts = &mut self.counts;
        if mid_twice == held.mid_twice {
            counts.unmoved += 1;
            return false;
        }
        let rose = mid_twice > held.mid_twice;
        let hit = rose == (held.score > self.plan.middle);
        counts.settled += 1;
        counts.hits += u64::from(hit);
        if (0.0..=1.0).contains(&held.score) {
            let outcome = f64::from(u8::from(rose));
            counts.brier_sum += (held.score - outcome) * (held.score - outcome);
            let at = ((held.score * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
            let bin = &mut counts.bins[at];
            bin.count += 1;
            bin.rises += u64::from(rose);
            bin.score_sum += held.score;
        }
        self.window_settled += 1;
        self.window_hits += u32::from(hit);
        if self.window_settled < self.plan.window {
            return false;
        }
        counts.window_hit_rate = f64::from(self.window_hits) / f64::from(self.window_settled);
        counts.windows += 1;
        (self.window_settled, self.window_hits) = (0, 0);
        true
    }

    /// What was counted.
    pub fn counts(&self) -> &QualityCounts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Price;

    fn quote(bid: i64) -> Quote {
        Quote {
            bid: Price(bid),
            ask: Price(bid + 2),
            last: Price::NONE,
            ts_venue: TimeNs(1),
            ts_recv: TimeNs(1),
        }
    }

    #[test]
    fn scores_are_held_against_the_first_quote_after_their_horizon() {
        let plan = QualityPlan { horizon_ns: 10, every: 1, window: 2, middle: 0.5 };
        let mut quality = Quality::new(plan);
        quality.on_score(0.9, &quote(100), TimeNs(1));
        quality.on_score(0.9, &quote(100), TimeNs(2));
        quality.on_score(f64::NAN, &quote(100), TimeNs(3));
        assert!(!quality.on_quote(&quote(90), TimeNs(10)), "not due");
        assert!(!quality.on_quote(&quote(101), TimeNs(11)), "the first: a hit");
        assert!(quality.on_quote(&quote(99), TimeNs(12)), "the second: a miss, and the window is full");
        let counts = quality.counts();
        assert_eq!((counts.settled, counts.hits, counts.window_hit_rate), (2, 1, 0.5));
        assert_eq!((counts.bins[9].count, counts.bins[9].rises), (2, 1));
        assert!((counts.brier() - (0.01 + 0.81) / 2.0).abs() < 1e-12);
        quality.on_score(1.0, &quote(100), TimeNs(20));
        quality.on_quote(&quote(100), TimeNs(40));
        assert_eq!(quality.counts().unmoved, 1);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut quality = Quality::new(QualityPlan { horizon_ns: 10, every: 2, window: 1, middle: 0.5 });
        for _ in 0..2 * (PENDING_MAX + 3) {
            quality.on_score(0.6, &quote(1), TimeNs(1));
        }
        assert_eq!(quality.counts().dropped, 3);
        quality.on_quote(&quote(2), TimeNs(11));
        assert_eq!(quality.counts().settled as usize, PENDING_MAX);
    }
}
