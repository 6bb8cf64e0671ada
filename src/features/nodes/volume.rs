//! What weighs samples with volume: VWAP and OBV.
//!
//! What it is not: the volume itself, which is an input.
//!
//! Invariant: sums of price times volume are exact integers of 1e-8 lots.

use super::window::Window;
use super::{Compute, Output, Sample, to_f64};
use crate::features::spec::{Anchor, Weight};
use crate::types::NS_PER_S;

const MINUTE_NS: i64 = 60 * NS_PER_S;
const DAY_NS: i64 = 1_440 * MINUTE_NS;

fn weight_of(weight: Weight, s: &Sample<'_>) -> i64 {
    match weight {
        Weight::Ticks => s.bar.ticks as i64,
        Weight::Volume => s.bar.volume_e8,
    }
}

/// Since when the sums count.
#[derive(Clone, Debug)]
enum Since {
    Window(Window<(i64, i64)>),
    /// The newest passing of a time of day, counted in days from the epoch.
    Day {
        shift_ns: i64,
        day: i64,
    },
}

/// Volume-weighted average of typical prices.
#[derive(Clone, Debug)]
pub(in crate::features) struct Vwap {
    weight: Weight,
    since: Since,
    /// Of three times the typical price times weight.
    product: i128,
    total: i128,
}

impl Vwap {
    pub(super) fn new(anchor: Anchor, weight: Weight, offset_ns: i64) -> Self {
        let since = match anchor {
            Anchor::Rolling { period } => Since::Window(Window::new(period)),
            Anchor::Session { start_minute } => {
                Since::Day { shift_ns: offset_ns - i64::from(start_minute) * MINUTE_NS, day: i64::MIN }
            }
        };
        Vwap { weight, since, product: 0, total: 0 }
    }
}

impl Compute for Vwap {
    fn push(&mut self, s: &Sample<'_>) {
        let (typical, weight) = (s.typical_3(), weight_of(self.weight, s));
        // A closed bar belongs to the day that it ends in, but not to the one that begins with its end.
        let ts_ns = if s.at.end_ns == i64::MAX { s.at.ts.0 } else { s.time_ns() - 1 };
        match &mut self.since {
            Since::Window(window) => {
                if let Some((price, weight)) = window.push((typical, weight)) {
                    self.product -= i128::from(price) * i128::from(weight);
                    self.total -= i128::from(weight);
                }
            }
            Since::Day { shift_ns, day } => {
                let today = ts_ns.saturating_add(*shift_ns).div_euclid(DAY_NS);
                if today > *day {
                    (*day, self.product, self.total) = (today, 0, 0);
                }
            }
        }
        self.product += i128::from(typical) * i128::from(weight);
        self.total += i128::from(weight);
    }

    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        if self.total == 0 {
            return f64::NAN;
        }
        to_f64(self.product) / (3.0 * to_f64(self.total)) * s.unit
    }

    fn reset(&mut self) {
        (self.product, self.total) = (0, 0);
        match &mut self.since {
            Since::Window(window) => window.reset(),
            Since::Day { day, .. } => *day = i64::MIN,
        }
    }
}

/// On-balance volume.
#[derive(Clone, Debug)]
pub(in crate::features) struct Obv {
    weight: Weight,
    total: i128,
}

impl Obv {
    pub(super) fn new(weight: Weight) -> Self {
        Obv { weight, total: 0 }
    }
}

impl Compute for Obv {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let weight = i128::from(weight_of(self.weight, s));
        let sign = if s.seen == 1 { 1 } else { (s.raw - s.previous).signum() };
        self.total += i128::from(sign) * weight;
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        match self.weight {
            Weight::Ticks => to_f64(self.total),
            Weight::Volume => to_f64(self.total) / 1e8,
        }
    }

    fn reset(&mut self) {
        self.total = 0;
    }
}
