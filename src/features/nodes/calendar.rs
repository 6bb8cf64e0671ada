//! What the clock on the venue's wall shows: session, minute of the day, day of the week.
//!
//! What it is not: a calendar of holidays or of daylight saving; the offset is the declaration's.
//!
//! Invariant: everything follows from the tick's venue time and the offset; sine and cosine are worked out once a minute.

use super::{Compute, Output, Sample};
use crate::types::NS_PER_S;

const MINUTE_NS: i64 = 60 * NS_PER_S;
const DAY_MINUTES: i64 = 1_440;

/// The wall clock of one offset.
#[derive(Clone, Debug)]
pub(in crate::features) struct Calendar {
    offset_ns: i64,
    /// Minutes since the epoch.
    minutes: i64,
    sine: f64,
    cosine: f64,
}

impl Calendar {
    pub(super) fn new(offset_ns: i64) -> Self {
        Calendar { offset_ns, minutes: i64::MIN, sine: 0.0, cosine: 0.0 }
    }

    fn minute_of_day(&self) -> i64 {
        self.minutes.rem_euclid(DAY_MINUTES)
    }

    fn is_within(&self, from: i64, to: i64) -> bool {
        let now = self.minute_of_day();
        if from <= to { (from..to).contains(&now) } else { now >= from || now < to }
    }
}

impl Compute for Calendar {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let minutes = s.at.ts.0.saturating_add(self.offset_ns).div_euclid(MINUTE_NS);
        if minutes != self.minutes {
            self.minutes = minutes;
            let angle = std::f64::consts::TAU * self.minute_of_day() as f64 / DAY_MINUTES as f64;
            (self.sine, self.cosine) = angle.sin_cos();
        }
    }

    #[inline]
    fn output(&self, output: Output, _: &Sample<'_>) -> f64 {
        match output {
            Output::Session { from_minute, to_minute } => {
                f64::from(u8::from(self.is_within(i64::from(from_minute), i64::from(to_minute))))
            }
            Output::MinuteSine => self.sine,
            Output::MinuteCosine => self.cosine,
            // 1970-01-01 was a Thursday, MT5's day 4.
            _ => (self.minutes.div_euclid(DAY_MINUTES) + 4).rem_euclid(7) as f64,
        }
    }

    fn reset(&mut self) {
        self.minutes = i64::MIN;
    }
}
