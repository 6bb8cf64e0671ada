//! What is odd about the ticks that passed by: crossed, locked, repeated, disordered.
//!
//! What it is not: a filter. It looks and counts; every tick goes on unchanged.
//!
//! Invariant: the counts depend on the ticks alone, so that a file and its conversion give the same ones.

use super::tick::{FileTick, NO_PRICE};
use crate::types::TimeNs;

/// Counts over a stream of ticks. A tick may be counted under several heads.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct TickCounts {
    /// All of them.
    pub tick_count: u64,
    /// Ask below bid, both present.
    pub crossed_count: u64,
    /// Ask equal to bid, both present.
    pub locked_count: u64,
    /// Equal to the tick before in every field, the time too.
    pub repeated_count: u64,
    /// Time before that of the tick before.
    pub disordered_count: u64,
    /// Time of the first tick in file order.
    pub ts_first: Option<TimeNs>,
    /// Time of the last tick in file order.
    pub ts_last: Option<TimeNs>,
    previous: Option<FileTick>,
}

impl TickCounts {
    /// Counts one tick.
    pub fn see(&mut self, tick: &FileTick) {
        self.tick_count += 1;
        if tick.bid != NO_PRICE && tick.ask != NO_PRICE {
            self.crossed_count += u64::from(tick.ask < tick.bid);
            self.locked_count += u64::from(tick.ask == tick.bid);
        }
        if let Some(previous) = &self.previous {
            self.repeated_count += u64::from(previous.same_bits(tick));
            self.disordered_count += u64::from(tick.ts_venue < previous.ts_venue);
        }
        self.ts_first = self.ts_first.or(Some(tick.ts_venue));
        self.ts_last = Some(tick.ts_venue);
        self.previous = Some(*tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_head_counts_what_it_says() {
        let mut counts = TickCounts::default();
        for (ms, bid, ask) in [(1, 10, 12), (1, 10, 12), (2, 12, 11), (1, 11, 11), (3, NO_PRICE, 11)] {
            counts.see(&FileTick::quote(TimeNs::from_ms(ms), bid, ask));
        }
        let got = (counts.tick_count, counts.crossed_count, counts.locked_count);
        assert_eq!(got, (5, 1, 1));
        assert_eq!((counts.repeated_count, counts.disordered_count), (1, 1));
        assert_eq!(counts.ts_last, Some(TimeNs::from_ms(3)));
    }
}
