//! Moving averages.
//!
//! What it is not: the averages inside other indicators that smooth something other than the input; they use `Ema` and
//! [`Wilder`] from here.
//!
//! Invariant: simple and weighted averages are exact integer sums, divided once.

use super::{Compute, Output, Sample, to_f64};
use crate::features::spec::Seed;

/// Below this a decaying average is nothing: it keeps averages out of slow denormal arithmetic.
const NOTHING: f64 = 1e-200;

/// Simple average.
#[derive(Clone, Debug)]
pub(in crate::features) struct Sma {
    period: u32,
    sum: i64,
}

impl Sma {
    pub(super) fn new(period: u32) -> Self {
        Sma { period, sum: 0 }
    }
}

impl Compute for Sma {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.sum += s.raw - s.leaving(self.period);
    }

    #[inline]
    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        self.sum as f64 / f64::from(self.period) * s.unit
    }

    fn reset(&mut self) {
        self.sum = 0;
    }
}

/// Exponential average.
#[derive(Clone, Debug)]
pub(in crate::features) struct Ema {
    factor: f64,
    value: f64,
    seen: u32,
    /// Samples whose plain average it starts with: one, or a period.
    seeds: u32,
}

impl Ema {
    pub(super) fn new(period: u32, seed: Seed) -> Self {
        let seeds = if seed == Seed::First { 1 } else { period };
        Ema { factor: 2.0 / (f64::from(period) + 1.0), value: 0.0, seen: 0, seeds }
    }

    #[inline]
    pub(super) fn add(&mut self, x: f64) {
        if self.seen < self.seeds {
            self.seen += 1;
            self.value += x / f64::from(self.seeds);
        } else {
            self.value += self.factor * (x - self.value);
        }
    }

    #[inline]
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    #[inline]
    pub(super) fn is_seeded(&self) -> bool {
        self.seen == self.seeds
    }

    pub(super) fn clear(&mut self) {
        (self.value, self.seen) = (0.0, 0);
    }
}

impl Compute for Ema {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.add(s.value());
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.value
    }

    fn reset(&mut self) {
        self.clear();
    }
}

/// Linear weighted average: n·newest + ... + 1·oldest, over n (n + 1) / 2.
#[derive(Clone, Debug)]
pub(in crate::features) struct Wma {
    period: u32,
    /// Of the window, unweighted.
    sum: i64,
    weighted: i128,
}

impl Wma {
    pub(super) fn new(period: u32) -> Self {
        Wma { period, sum: 0, weighted: 0 }
    }
}

impl Compute for Wma {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        // Until the window is full the newest weighs as many as there are, and nothing loses weight.
        if s.seen > u64::from(self.period) {
            self.weighted += i128::from(self.period) * i128::from(s.raw) - i128::from(self.sum);
        } else {
            self.weighted += i128::from(s.seen) * i128::from(s.raw);
        }
        self.sum += s.raw - s.leaving(self.period);
    }

    #[inline]
    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        let n = f64::from(self.period);
        to_f64(self.weighted) / (n * (n + 1.0) / 2.0) * s.unit
    }

    fn reset(&mut self) {
        (self.sum, self.weighted) = (0, 0);
    }
}

/// An average with factor 1 / n that starts with the plain average of the first n.
#[derive(Clone, Debug)]
pub(in crate::features) struct Wilder {
    share: f64,
    period: u32,
    value: f64,
    seen: u32,
}

impl Wilder {
    pub(super) fn new(period: u32) -> Self {
        Wilder { share: 1.0 / f64::from(period), period, value: 0.0, seen: 0 }
    }

    #[inline]
    pub(super) fn add(&mut self, x: f64) {
        if self.seen < self.period {
            self.seen += 1;
            self.value += x * self.share;
        } else {
            let next = self.value + self.share * (x - self.value);
            self.value = if next.abs() < NOTHING { 0.0 } else { next };
        }
    }

    #[inline]
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    pub(super) fn clear(&mut self) {
        (self.value, self.seen) = (0.0, 0);
    }
}

/// Smoothed average of the input.
#[derive(Clone, Debug)]
pub(in crate::features) struct Smma(Wilder);

impl Smma {
    pub(super) fn new(period: u32) -> Self {
        Smma(Wilder::new(period))
    }
}

impl Compute for Smma {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.0.add(s.value());
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.0.value()
    }

    fn reset(&mut self) {
        self.0.clear();
    }
}
