//! The last quote of an instrument, as it was told.
//!
//! What it is not: a judgement; crossed and old quotes are quotes, `market` counts them and `risk` refuses them.
//!
//! Invariant: a side that is missing is `Price::NONE`, and no arithmetic is done with it.

use super::{Price, TimeNs};

/// The last quote of an instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// Best bid, or `Price::NONE`.
    pub bid: Price,
    /// Best ask, or `Price::NONE`.
    pub ask: Price,
    /// Last trade, or `Price::NONE`.
    pub last: Price,
    /// The venue's stamp.
    pub ts_venue: TimeNs,
    /// When it was received; `TimeNs::NEVER` before the first tick.
    pub ts_recv: TimeNs,
}

impl Quote {
    /// Before the first tick.
    pub const NONE: Quote = Quote {
        bid: Price::NONE,
        ask: Price::NONE,
        last: Price::NONE,
        ts_venue: TimeNs::NEVER,
        ts_recv: TimeNs::NEVER,
    };

    /// Both sides are there.
    #[inline]
    pub fn is_two_sided(&self) -> bool {
        self.bid.is_some() && self.ask.is_some()
    }

    /// Ask minus bid in ticks, negative when crossed; `None` without two sides.
    #[inline]
    pub fn spread(&self) -> Option<i64> {
        self.is_two_sided().then(|| self.ask.0.saturating_sub(self.bid.0))
    }

    /// Nanoseconds since it was received; `i64::MAX` before the first tick.
    #[inline]
    pub fn age_ns(&self, now: TimeNs) -> i64 {
        if self.ts_recv == TimeNs::NEVER { i64::MAX } else { now.since(self.ts_recv) }
    }
}
