//! How far the mid moved lately: a collar over a period of time.
//!
//! What it is not: a filter of ticks; the quote stays what was told, and only openings wait.
//!
//! Invariant: a move within the window is always seen; one that took more than two windows never is.

use crate::types::{Quote, TimeNs};

/// Lowest and highest sum of bid and ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Range {
    low: i64,
    high: i64,
}

/// The mid's range over the window under way and the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Jump {
    /// When the window under way began: a multiple of its length.
    began: TimeNs,
    before: Range,
    current: Range,
}

impl Default for Jump {
    fn default() -> Self {
        let nothing = Range { low: 0, high: 0 };
        Jump { began: TimeNs::NEVER, before: nothing, current: nothing }
    }
}

impl Jump {
    /// Takes a quote. One without two sides, or crossed, says nothing of where the price is.
    #[inline]
    pub(super) fn observe(&mut self, quote: &Quote, window_ns: i64) {
        if quote.spread().is_none_or(|spread| spread < 0) {
            return;
        }
        let sum = quote.bid.0.saturating_add(quote.ask.0);
        let here = Range { low: sum, high: sum };
        let age_ns = quote.ts_recv.since(self.began);
        if (0..window_ns).contains(&age_ns) {
            self.current = Range { low: self.current.low.min(sum), high: self.current.high.max(sum) };
            return;
        }
        // Windows lie side by side, so that what was seen is never older than two.
        let follows = (window_ns..window_ns.saturating_mul(2)).contains(&age_ns);
        self.before = if follows { self.current } else { here };
        self.current = here;
        self.began = TimeNs(quote.ts_recv.0.div_euclid(window_ns).saturating_mul(window_ns));
    }

    /// As words of a state.
    pub(super) fn words(&self) -> [i64; 5] {
        [self.began.0, self.before.low, self.before.high, self.current.low, self.current.high]
    }

    /// Back from [`Jump::words`].
    pub(super) fn take_words(&mut self, words: [i64; 5]) {
        let [began, before_low, before_high, low, high] = words;
        self.began = TimeNs(began);
        self.before = Range { low: before_low, high: before_high };
        self.current = Range { low, high };
    }

    /// How far the mid moved, ticks, rounded up.
    #[inline]
    pub(super) fn ticks(&self) -> i64 {
        let high = self.current.high.max(self.before.high);
        let low = self.current.low.min(self.before.low);
        high.saturating_sub(low).saturating_add(1) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Price;
    use proptest::prelude::*;

    fn quote(mid: i64, at: i64) -> Quote {
        // As far from zero as any time is, and a whole number of windows from it.
        let ts = TimeNs(1_000_000 + at);
        Quote { bid: Price(mid - 1), ask: Price(mid + 1), last: Price::NONE, ts_venue: ts, ts_recv: ts }
    }

    #[test]
    fn a_move_is_seen_for_a_window_and_forgotten_after_two() {
        let mut jump = Jump::default();
        assert_eq!(jump.ticks(), 0);
        for (mid, at, expected) in [
            (1_000, 5, 0),
            (1_030, 50, 30),
            (1_020, 110, 30),
            (1_020, 160, 30),
            (1_020, 220, 0),
            (990, 520, 0),
        ] {
            jump.observe(&quote(mid, at), 100);
            assert_eq!(jump.ticks(), expected, "at {at}");
        }
        jump.observe(&Quote { bid: Price(5_000), ..quote(990, 530) }, 100);
        jump.observe(&Quote { ask: Price::NONE, ..quote(990, 531) }, 100);
        assert_eq!(jump.ticks(), 0, "crossed and one-sided quotes say nothing");
    }

    /// Between the range over one window and the range over two.
    fn lie_between(steps: &[(i64, i64)]) {
        let (mut jump, mut mid, mut now, mut all) = (Jump::default(), 10_000, 0, Vec::new());
        for (step, pause) in steps.iter().copied() {
            (mid, now) = (mid + step, now + pause);
            all.push((mid, now));
            jump.observe(&quote(mid, now), 100);
            let range = |window: i64| {
                let recent = all.iter().filter(|(_, at)| now - at < window).map(|(mid, _)| *mid);
                recent.clone().max().unwrap() - recent.min().unwrap()
            };
            assert!(range(100) <= jump.ticks() && jump.ticks() <= range(200).max(range(100)));
        }
    }

    #[test]
    fn the_first_quote_alone_is_no_move() {
        lie_between(&[(0, 1)]);
    }

    proptest! {
        #[test]
        fn it_lies_between_one_window_and_two(steps in proptest::collection::vec((-50i64..50, 1i64..80), 1..80)) {
            lie_between(&steps);
        }
    }
}
