//! Channels and what they are made of: deviations, highest and lowest, Keltner.
//!
//! What it is not: the true range (`range.rs`).
//!
//! Invariant: the variance is n Σx² - (Σx)², a difference of exact integers, so it is never below zero and never drifts.

use super::average::Ema;
use super::range::Atr;
use super::window::Largest;
use super::{Compute, Output, Sample, to_f64};
use crate::features::spec::{BandOutput, Convention, Seed};

/// Mean and population deviation of a window: Bollinger, standard deviation, z-score.
#[derive(Clone, Debug)]
pub(in crate::features) struct Moments {
    period: u32,
    sum: i64,
    squares: i128,
    /// period times the deviation, raw.
    root: f64,
    /// The mean and the deviation, input units.
    mean: f64,
    deviation: f64,
}

impl Moments {
    pub(super) fn new(period: u32) -> Self {
        Moments { period, sum: 0, squares: 0, root: 0.0, mean: 0.0, deviation: 0.0 }
    }
}

impl Moments {
    /// Middle and deviation, input units.
    #[inline]
    pub(super) fn mean_and_deviation(&self) -> (f64, f64) {
        (self.mean, self.deviation)
    }
}

impl Compute for Moments {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let old = s.leaving(self.period);
        self.sum += s.raw - old;
        // x² - y², without a product more.
        self.squares += i128::from(s.raw - old) * i128::from(s.raw + old);
        // Below 2^124: see the graph's bound on raw inputs.
        let spread = i128::from(self.period) * self.squares - i128::from(self.sum) * i128::from(self.sum);
        self.root = to_f64(spread).sqrt();
        let n = f64::from(self.period);
        self.mean = self.sum as f64 / n * s.unit;
        self.deviation = self.root / n * s.unit;
    }

    #[inline]
    fn output(&self, output: Output, s: &Sample<'_>) -> f64 {
        match output {
            Output::Bollinger(which, deviations) => {
                channel(which, s.value(), self.mean, deviations * self.deviation)
            }
            // (x - Σx/n) / (root/n), the n's cancelled: the numerator is exact.
            Output::ZScore if self.root > 0.0 => {
                (s.raw * i64::from(self.period) - self.sum) as f64 / self.root
            }
            Output::ZScore => 0.0,
            _ => self.deviation,
        }
    }

    fn reset(&mut self) {
        (self.sum, self.squares) = (0, 0);
    }
}

/// A number of the channel `half` to both sides of `middle`.
#[inline]
fn channel(which: BandOutput, value: f64, middle: f64, half: f64) -> f64 {
    match which {
        BandOutput::Upper => middle + half,
        BandOutput::Lower => middle - half,
        BandOutput::Width => 2.0 * half,
        BandOutput::PercentB if half > 0.0 => (value - (middle - half)) / (2.0 * half),
        BandOutput::PercentB => 0.5,
        BandOutput::Middle => middle,
    }
}

/// Largest or smallest input of a window.
#[derive(Clone, Debug)]
pub(in crate::features) struct Extreme {
    window: Largest,
    sign: i64,
    value: i64,
}

impl Extreme {
    pub(super) fn largest(period: u32) -> Self {
        Extreme { window: Largest::new(period), sign: 1, value: 0 }
    }

    pub(super) fn smallest(period: u32) -> Self {
        Extreme { sign: -1, ..Extreme::largest(period) }
    }
}

impl Compute for Extreme {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.value = self.sign * self.window.push(self.sign * s.raw);
    }

    #[inline]
    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        self.value as f64 * s.unit
    }

    fn reset(&mut self) {
        self.window.reset();
    }
}

/// Highest high and lowest low.
#[derive(Clone, Debug)]
pub(in crate::features) struct Donchian {
    highest: Largest,
    lowest: Largest,
    high: i64,
    low: i64,
}

impl Donchian {
    pub(super) fn new(period: u32) -> Self {
        Donchian { highest: Largest::new(period), lowest: Largest::new(period), high: 0, low: 0 }
    }
}

impl Compute for Donchian {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.high = self.highest.push(s.bar.high);
        self.low = -self.lowest.push(-s.bar.low);
    }

    fn output(&self, output: Output, s: &Sample<'_>) -> f64 {
        let range = self.high - self.low;
        match output {
            Output::Band(BandOutput::Upper) => self.high as f64 * s.unit,
            Output::Band(BandOutput::Lower) => self.low as f64 * s.unit,
            Output::Band(BandOutput::Width) => range as f64 * s.unit,
            Output::Band(BandOutput::PercentB) if range == 0 => 0.5,
            Output::Band(BandOutput::PercentB) => (s.raw - self.low) as f64 / range as f64,
            _ => (self.high + self.low) as f64 / 2.0 * s.unit,
        }
    }

    fn reset(&mut self) {
        self.highest.reset();
        self.lowest.reset();
    }
}

/// An exponential average with average true ranges to both sides.
#[derive(Clone, Debug)]
pub(in crate::features) struct Keltner {
    middle: Ema,
    range: Atr,
    multiplier: f64,
}

impl Keltner {
    pub(super) fn new(period: u32, atr_period: u32, multiplier: f64, convention: Convention) -> Self {
        Keltner { middle: Ema::new(period, Seed::First), range: Atr::new(atr_period, convention), multiplier }
    }
}

impl Compute for Keltner {
    fn push(&mut self, s: &Sample<'_>) {
        self.middle.push(s);
        self.range.push(s);
    }

    fn output(&self, output: Output, s: &Sample<'_>) -> f64 {
        let Output::Band(which) = output else { return self.middle.value() };
        let half = self.multiplier * self.range.output(Output::Plain, s);
        channel(which, s.value(), self.middle.value(), half)
    }

    fn reset(&mut self) {
        self.middle.clear();
        self.range.reset();
    }
}
