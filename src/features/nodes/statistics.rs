//! Quantiles and realised volatility.
//!
//! What it is not: mean and deviation (`band.rs`).
//!
//! Invariant: squared log returns are summed as whole multiples of 2^-90, so what enters a sum leaves it again exactly.

use super::order_tree::OrderTree;
use super::window::Window;
use super::{Compute, Output, Sample};
use crate::features::spec::Estimator;

/// A squared log return is below 2^12, so 2^16 of them stay below 2^118.
const SQUARE_SCALE: f64 = (1u128 << 90) as f64;

/// An order statistic of the inputs of a window, O(log n).
#[derive(Clone, Debug)]
pub(in crate::features) struct Quantile {
    window: OrderTree,
    quantile: f64,
    value: f64,
}

impl Quantile {
    pub(super) fn new(period: u32, quantile: f64) -> Self {
        Quantile { window: OrderTree::new(period), quantile, value: 0.0 }
    }
}

impl Compute for Quantile {
    fn push(&mut self, s: &Sample<'_>) {
        self.window.push(s.raw);
        let last = self.window.len() - 1;
        let place = self.quantile * f64::from(last);
        let rank = (place.floor() as u32).min(last);
        let low = self.window.select(rank);
        let high = self.window.select((rank + 1).min(last));
        self.value = low as f64 + (place - f64::from(rank)) * (high - low) as f64;
    }

    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        self.value * s.unit
    }

    fn reset(&mut self) {
        self.window.reset();
    }
}

/// Root of the mean squared log return, or of Parkinson's squared range.
#[derive(Clone, Debug)]
pub(in crate::features) struct Volatility {
    estimator: Estimator,
    /// Squares in fixed point; negative for one that does not exist.
    window: Window<i128>,
    sum: i128,
    missing: u32,
}

impl Volatility {
    pub(super) fn new(period: u32, estimator: Estimator) -> Self {
        Volatility { estimator, window: Window::new(period), sum: 0, missing: 0 }
    }

    fn count(&mut self, square: i128, sign: i128) {
        if square < 0 {
            self.missing = self.missing.wrapping_add_signed(sign as i32);
        } else {
            self.sum += sign * square;
        }
    }
}

impl Compute for Volatility {
    fn push(&mut self, s: &Sample<'_>) {
        let (new, old) = match self.estimator {
            Estimator::Close if s.seen < 2 => return,
            Estimator::Close => (s.raw, s.previous),
            Estimator::Parkinson => (s.bar.high, s.bar.low),
        };
        let square = if new > 0 && old > 0 {
            let log = ((new - old) as f64 / old as f64).ln_1p();
            (log * log * SQUARE_SCALE) as i128
        } else {
            -1
        };
        self.count(square, 1);
        if let Some(left) = self.window.push(square) {
            self.count(left, -1);
        }
    }

    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        if self.missing > 0 {
            return f64::NAN;
        }
        let mean = self.sum as f64 / SQUARE_SCALE / self.window.len() as f64;
        match self.estimator {
            Estimator::Close => mean.sqrt(),
            Estimator::Parkinson => (mean / (4.0 * std::f64::consts::LN_2)).sqrt(),
        }
    }

    fn reset(&mut self) {
        self.window.reset();
        (self.sum, self.missing) = (0, 0);
    }
}
