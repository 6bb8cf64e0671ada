//! RSI, MACD, CCI and the stochastic.
//!
//! What it is not: momentum, which is a lag.
//!
//! Invariant: whatever is summed over a window is a whole number, or a number with a fixed count of fraction bits.

use super::average::{Ema, Wilder};
use super::order_tree::OrderTree;
use super::window::{Largest, Window};
use super::{Compute, Output, Sample, to_f64};
use crate::features::spec::{Convention, MacdOutput, PriceField, Seed, SignalAverage, StochasticOutput};

/// Fraction bits of the MACD values that the simple signal average sums: 2^-32 of a tick.
const MACD_SCALE: f64 = 4_294_967_296.0;
/// Fraction bits of the percentages that %K and %D sum: 2^-44.
const PERCENT_SCALE: f64 = 17_592_186_044_416.0;

/// Wilder's relative strength: averages of the ups and the downs.
#[derive(Clone, Debug)]
pub(in crate::features) struct Rsi {
    up: Wilder,
    down: Wilder,
}

impl Rsi {
    pub(super) fn new(period: u32) -> Self {
        Rsi { up: Wilder::new(period), down: Wilder::new(period) }
    }
}

impl Compute for Rsi {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        if s.seen > 1 {
            let change = s.raw - s.previous;
            self.up.add(change.max(0) as f64);
            self.down.add((-change).max(0) as f64);
        }
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        let moved = self.up.value() + self.down.value();
        if moved > 0.0 { 100.0 * self.up.value() / moved } else { 50.0 }
    }

    fn reset(&mut self) {
        self.up.clear();
        self.down.clear();
    }
}

/// MACD's three lines.
#[derive(Clone, Debug)]
pub(in crate::features) struct Macd {
    fast: Ema,
    slow: Ema,
    signal: SignalLine,
    main: f64,
}

#[derive(Clone, Debug)]
enum SignalLine {
    Simple { window: Window<i64>, period: u32, sum: i128 },
    Exponential(Ema),
}

impl Macd {
    pub(super) fn new([fast, slow, signal]: [u32; 3], seed: Seed, average: SignalAverage) -> Self {
        let signal = match average {
            SignalAverage::Simple => {
                SignalLine::Simple { window: Window::new(signal), period: signal, sum: 0 }
            }
            SignalAverage::Exponential => SignalLine::Exponential(Ema::new(signal, seed)),
        };
        Macd { fast: Ema::new(fast, seed), slow: Ema::new(slow, seed), signal, main: 0.0 }
    }

    /// Main, signal, histogram.
    #[inline]
    pub(super) fn lines(&self) -> [f64; 3] {
        let signal = self.signal();
        [self.main, signal, self.main - signal]
    }

    #[inline]
    fn signal(&self) -> f64 {
        match &self.signal {
            SignalLine::Simple { period, sum, .. } => to_f64(*sum) / (f64::from(*period) * MACD_SCALE),
            SignalLine::Exponential(ema) => ema.value(),
        }
    }
}

impl Compute for Macd {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let x = s.value();
        self.fast.add(x);
        self.slow.add(x);
        self.main = self.fast.value() - self.slow.value();
        if !self.slow.is_seeded() {
            return;
        }
        match &mut self.signal {
            SignalLine::Simple { window, sum, .. } => {
                let fixed = (self.main * MACD_SCALE) as i64;
                *sum += i128::from(fixed) - i128::from(window.push(fixed).unwrap_or(0));
            }
            SignalLine::Exponential(ema) => ema.add(self.main),
        }
    }

    #[inline]
    fn output(&self, output: Output, _: &Sample<'_>) -> f64 {
        match output {
            Output::Macd(MacdOutput::Signal) => self.signal(),
            Output::Macd(MacdOutput::Histogram) => self.main - self.signal(),
            _ => self.main,
        }
    }

    fn reset(&mut self) {
        self.fast.clear();
        self.slow.clear();
        self.main = 0.0;
        match &mut self.signal {
            SignalLine::Simple { window, sum, .. } => {
                window.reset();
                *sum = 0;
            }
            SignalLine::Exponential(ema) => ema.clear(),
        }
    }
}

/// Commodity channel index. The mean deviation is exact, from ranks and sums in an ordered window: O(log n).
#[derive(Clone, Debug)]
pub(in crate::features) struct Cci {
    /// Three times the typical prices.
    window: OrderTree,
    value: f64,
}

impl Cci {
    pub(super) fn new(period: u32) -> Self {
        Cci { window: OrderTree::new(period), value: 0.0 }
    }
}

impl Compute for Cci {
    fn push(&mut self, s: &Sample<'_>) {
        let typical = s.typical_3();
        self.window.push(typical);
        let (n, sum) = (i128::from(self.window.len()), self.window.sum());
        let (count, above) = self.window.above(n, sum);
        // n times the sum of the distances from the mean is twice what lies above it.
        let distances = 2 * (n * above - i128::from(count) * sum);
        let from_mean = n * i128::from(typical) - sum;
        self.value =
            if distances == 0 { 0.0 } else { to_f64(from_mean) / (0.015 * (to_f64(distances) / n as f64)) };
    }

    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.value
    }

    fn reset(&mut self) {
        self.window.reset();
    }
}

/// The stochastic in both conventions.
#[derive(Clone, Debug)]
pub(in crate::features) struct Stochastic {
    price: PriceField,
    convention: Convention,
    period: u32,
    highest: Largest,
    lowest: Largest,
    /// Terminal: close above lowest and range, raw. TA-Lib: the percentage, fixed point, and nothing.
    slowing: Window<(i64, i64)>,
    sums: (i128, i128),
    /// %K, fixed point.
    signal: Window<i64>,
    signal_sum: i128,
    k: f64,
}

impl Stochastic {
    pub(super) fn new(
        [period, slowing, signal]: [u32; 3],
        price: PriceField,
        convention: Convention,
    ) -> Self {
        Stochastic {
            price,
            convention,
            period,
            highest: Largest::new(period),
            lowest: Largest::new(period),
            slowing: Window::new(slowing),
            sums: (0, 0),
            signal: Window::new(signal),
            signal_sum: 0,
            k: 0.0,
        }
    }

    fn slow(&mut self, above: i64, range: i64) {
        let entry = match self.convention {
            Convention::Terminal => (above, range),
            Convention::TaLib if range == 0 => (0, 0),
            Convention::TaLib => ((100.0 * PERCENT_SCALE * (above as f64 / range as f64)) as i64, 0),
        };
        let old = self.slowing.push(entry).unwrap_or((0, 0));
        self.sums.0 += i128::from(entry.0) - i128::from(old.0);
        self.sums.1 += i128::from(entry.1) - i128::from(old.1);
        self.k = match self.convention {
            Convention::Terminal if self.sums.1 == 0 => 100.0,
            Convention::Terminal => 100.0 * (to_f64(self.sums.0) / to_f64(self.sums.1)),
            Convention::TaLib => to_f64(self.sums.0) / (self.slowing.len() as f64 * PERCENT_SCALE),
        };
    }
}

impl Compute for Stochastic {
    fn push(&mut self, s: &Sample<'_>) {
        let (high, low) = match self.price {
            PriceField::LowHigh => (s.bar.high, s.bar.low),
            PriceField::Close => (s.raw, s.raw),
        };
        let highest = self.highest.push(high);
        let lowest = -self.lowest.push(-low);
        if s.seen < u64::from(self.period) {
            return;
        }
        self.slow(s.raw - lowest, highest - lowest);
        if self.slowing.is_full() {
            let fixed = (self.k * PERCENT_SCALE) as i64;
            self.signal_sum += i128::from(fixed) - i128::from(self.signal.push(fixed).unwrap_or(0));
        }
    }

    fn output(&self, output: Output, _: &Sample<'_>) -> f64 {
        match output {
            Output::Stochastic(StochasticOutput::D) => {
                to_f64(self.signal_sum) / (self.signal.len() as f64 * PERCENT_SCALE)
            }
            _ => self.k,
        }
    }

    fn reset(&mut self) {
        self.highest.reset();
        self.lowest.reset();
        self.slowing.reset();
        self.signal.reset();
        (self.sums, self.signal_sum) = ((0, 0), 0);
    }
}
