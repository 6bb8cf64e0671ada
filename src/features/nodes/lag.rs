//! The input itself, and what looks back at one older sample: changes, returns, momentum.
//!
//! What it is not: a delay of another feature (`window.rs`).
//!
//! Invariant: the difference is an exact integer before it is divided.

use super::{Compute, Output, Sample};

/// The input itself.
#[derive(Clone, Debug)]
pub(in crate::features) struct Value;

impl Compute for Value {
    #[inline]
    fn push(&mut self, _: &Sample<'_>) {}

    #[inline]
    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        s.value()
    }

    fn reset(&mut self) {}
}

/// The input so many samples ago; the history is the stream's.
#[derive(Clone, Debug)]
pub(in crate::features) struct Lag {
    lag: u32,
}

impl Lag {
    pub(super) fn new(lag: u32) -> Self {
        Lag { lag }
    }
}

impl Compute for Lag {
    #[inline]
    fn push(&mut self, _: &Sample<'_>) {}

    #[inline]
    fn output(&self, output: Output, s: &Sample<'_>) -> f64 {
        if s.seen <= u64::from(self.lag) {
            return f64::NAN;
        }
        let old = s.ago(self.lag);
        let change = s.raw - old;
        match output {
            Output::Lagged => old as f64 * s.unit,
            Output::Plain => change as f64 * s.unit,
            _ if old == 0 => f64::NAN,
            Output::Ratio => change as f64 / old as f64,
            Output::Roc => 100.0 * (change as f64 / old as f64),
            Output::Momentum => 100.0 * s.raw as f64 / old as f64,
            // ln(1 + x) keeps the digits of a small return; NaN when one of the two is below zero.
            _ => (change as f64 / old as f64).ln_1p(),
        }
    }

    fn reset(&mut self) {}
}
