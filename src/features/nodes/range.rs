//! True range, its average, and directional movement.
//!
//! What it is not: highest and lowest of a window (`band.rs`).
//!
//! Invariant: a true range is an exact integer; the first bar has none, since there is no close before it.

use super::average::Wilder;
use super::window::Window;
use super::{Compute, Output, Sample, to_f64};
use crate::features::spec::{AdxOutput, Convention};

/// max(high, close before) - min(low, close before), raw.
#[inline]
fn true_range(s: &Sample<'_>) -> i64 {
    s.bar.high.max(s.previous) - s.bar.low.min(s.previous)
}

/// Average true range.
#[derive(Clone, Debug)]
pub(in crate::features) enum Atr {
    Simple { window: Window<i64>, sum: i128 },
    Wilder(Wilder),
}

impl Atr {
    pub(super) fn new(period: u32, convention: Convention) -> Self {
        match convention {
            Convention::Terminal => Atr::Simple { window: Window::new(period), sum: 0 },
            Convention::TaLib => Atr::Wilder(Wilder::new(period)),
        }
    }
}

impl Compute for Atr {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        if s.seen < 2 {
            return;
        }
        let range = true_range(s);
        match self {
            Atr::Simple { window, sum } => {
                *sum += i128::from(range) - i128::from(window.push(range).unwrap_or(0));
            }
            Atr::Wilder(average) => average.add(range as f64),
        }
    }

    #[inline]
    fn output(&self, _: Output, s: &Sample<'_>) -> f64 {
        match self {
            Atr::Simple { window, sum } => to_f64(*sum) / window.len() as f64 * s.unit,
            Atr::Wilder(average) => average.value() * s.unit,
        }
    }

    fn reset(&mut self) {
        match self {
            Atr::Simple { window, sum } => {
                window.reset();
                *sum = 0;
            }
            Atr::Wilder(average) => average.clear(),
        }
    }
}

/// Directional movement in both conventions.
#[derive(Clone, Debug)]
pub(in crate::features) struct Adx {
    convention: Convention,
    period: u32,
    high: i64,
    low: i64,
    /// Terminal: averages of 100·DM / TR. TA-Lib: Wilder's sums of DM.
    plus: f64,
    minus: f64,
    /// TA-Lib: Wilder's sum of true ranges.
    range: f64,
    plus_di: f64,
    minus_di: f64,
    adx: f64,
}

impl Adx {
    pub(super) fn new(period: u32, convention: Convention) -> Self {
        Adx {
            convention,
            period,
            high: 0,
            low: 0,
            plus: 0.0,
            minus: 0.0,
            range: 0.0,
            plus_di: 0.0,
            minus_di: 0.0,
            adx: 0.0,
        }
    }

    /// The movement that counts: the larger one, and only up or only down.
    fn movement(&self, s: &Sample<'_>) -> (f64, f64) {
        let (up, down) = ((s.bar.high - self.high).max(0), (self.low - s.bar.low).max(0));
        match up.cmp(&down) {
            std::cmp::Ordering::Greater => (up as f64, 0.0),
            std::cmp::Ordering::Less => (0.0, down as f64),
            std::cmp::Ordering::Equal => (0.0, 0.0),
        }
    }

    /// As the terminal's iADX: every bar's own index, averaged exponentially from zero.
    fn push_terminal(&mut self, plus: f64, minus: f64, range: f64) {
        let factor = 2.0 / (f64::from(self.period) + 1.0);
        let index = |movement: f64| if range == 0.0 { 0.0 } else { 100.0 * movement / range };
        self.plus_di = near_zero(self.plus_di + factor * (index(plus) - self.plus_di));
        self.minus_di = near_zero(self.minus_di + factor * (index(minus) - self.minus_di));
        self.adx = near_zero(self.adx + factor * (self.directional_index() - self.adx));
    }

    /// As TA-Lib's ADX: sums of n - 1 bars without decay, then Wilder's; the mean of n indices, then Wilder's average.
    fn push_wilder(&mut self, seen: u64, plus: f64, minus: f64, range: f64) {
        let n = f64::from(self.period);
        let first = seen <= u64::from(self.period);
        let sum = |old: f64, new: f64| if first { old + new } else { near_zero(old - old / n + new) };
        self.plus = sum(self.plus, plus);
        self.minus = sum(self.minus, minus);
        self.range = sum(self.range, range);
        if first {
            return;
        }
        if self.range != 0.0 {
            self.plus_di = 100.0 * (self.plus / self.range);
            self.minus_di = 100.0 * (self.minus / self.range);
        }
        let index = self.directional_index();
        self.adx = if seen <= 2 * u64::from(self.period) {
            self.adx + index / n
        } else {
            (self.adx * (n - 1.0) + index) / n
        };
    }

    fn directional_index(&self) -> f64 {
        let sum = self.plus_di + self.minus_di;
        if sum == 0.0 { 0.0 } else { 100.0 * ((self.plus_di - self.minus_di) / sum).abs() }
    }
}

impl Compute for Adx {
    fn push(&mut self, s: &Sample<'_>) {
        if s.seen > 1 {
            let (plus, minus) = self.movement(s);
            let range = true_range(s) as f64;
            match self.convention {
                Convention::Terminal => self.push_terminal(plus, minus, range),
                Convention::TaLib => self.push_wilder(s.seen, plus, minus, range),
            }
        }
        (self.high, self.low) = (s.bar.high, s.bar.low);
    }

    fn output(&self, output: Output, _: &Sample<'_>) -> f64 {
        match output {
            Output::Adx(AdxOutput::PlusDi) => self.plus_di,
            Output::Adx(AdxOutput::MinusDi) => self.minus_di,
            _ => self.adx,
        }
    }

    fn reset(&mut self) {
        *self = Adx::new(self.period, self.convention);
    }
}

/// Below 1e-200 it is nothing: averages that only decay would end in slow denormal arithmetic.
#[inline]
fn near_zero(x: f64) -> f64 {
    if x.abs() < 1e-200 { 0.0 } else { x }
}
