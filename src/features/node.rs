//! The state behind indicators: one node per distinct computation, shared by all features that read it.
//!
//! What it is not: it keeps no history of its input (the graph's streams do) and knows no feature names.
//!
//! Invariant: sums over windows are exact integers. What is recursive by definition (exponential and Wilder averages)
//! forgets its own rounding as fast as it forgets its input, so nothing drifts however long it runs.

use super::spec::{BandOutput, Kind, MacdOutput, Seed, SignalAverage};

/// Below this a Wilder average is nothing: it keeps decaying averages out of slow denormal arithmetic.
const WILDER_MIN: f64 = 1e-200;
/// Fraction bits of the MACD values that the simple signal average sums: 2^-32 of a tick.
const MACD_SCALE: f64 = 4_294_967_296.0;

/// One new sample and its neighbours, in the stream's raw units.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a> {
    /// The newest raw value.
    pub(super) raw: i64,
    /// The one before; equal to `raw` at the first.
    pub(super) previous: i64,
    /// Ticks per raw unit: 1, or 0.5 for the mid.
    pub(super) unit: f64,
    /// Samples so far, this one included.
    pub(super) seen: u64,
    /// The stream's history, a ring of a power of two.
    pub(super) history: &'a [i64],
}

impl Sample<'_> {
    /// The raw value `lag` samples ago; only valid when `seen > lag`.
    #[inline]
    fn ago(&self, lag: u32) -> i64 {
        let at = (self.seen - 1).wrapping_sub(u64::from(lag)) as usize & (self.history.len() - 1);
        self.history[at]
    }

    #[inline]
    fn value(&self) -> f64 {
        self.raw as f64 * self.unit
    }
}

/// An exponential average.
#[derive(Clone, Debug)]
pub(super) struct Ema {
    factor: f64,
    period: u32,
    seed: Seed,
    value: f64,
    seen: u32,
}

impl Ema {
    fn new(period: u32, seed: Seed) -> Self {
        Ema { factor: 2.0 / (f64::from(period) + 1.0), period, seed, value: 0.0, seen: 0 }
    }

    #[inline]
    fn push(&mut self, x: f64) {
        let warming = match self.seed {
            Seed::First => self.seen == 0,
            Seed::Average => self.seen < self.period,
        };
        if warming {
            self.seen += 1;
            let weight = if self.seed == Seed::First { 1 } else { self.period };
            self.value += x / f64::from(weight);
        } else {
            self.value += self.factor * (x - self.value);
        }
    }

    fn ready(&self) -> bool {
        self.seed == Seed::First || self.seen == self.period
    }
}

/// MACD's three lines.
#[derive(Clone, Debug)]
pub(super) struct Macd {
    fast: Ema,
    slow: Ema,
    signal: SignalLine,
    main: f64,
}

#[derive(Clone, Debug)]
enum SignalLine {
    Simple { window: Box<[i64]>, at: usize, sum: i128 },
    Exponential(Ema),
}

impl Macd {
    #[inline]
    fn push(&mut self, x: f64) {
        self.fast.push(x);
        self.slow.push(x);
        self.main = self.fast.value - self.slow.value;
        if !self.slow.ready() {
            return;
        }
        match &mut self.signal {
            SignalLine::Simple { window, at, sum } => {
                let fixed = (self.main * MACD_SCALE) as i64;
                *sum += i128::from(fixed) - i128::from(window[*at]);
                window[*at] = fixed;
                *at = if *at + 1 == window.len() { 0 } else { *at + 1 };
            }
            SignalLine::Exponential(ema) => ema.push(self.main),
        }
    }

    #[inline]
    fn signal(&self) -> f64 {
        match &self.signal {
            SignalLine::Simple { window, sum, .. } => *sum as f64 / (window.len() as f64 * MACD_SCALE),
            SignalLine::Exponential(ema) => ema.value,
        }
    }
}

/// The running state of one computation.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Value,
    Lag { lag: u32 },
    Sma { period: u32, sum: i64 },
    Ema(Ema),
    Rsi { period: u32, share: f64, up: f64, down: f64 },
    Macd(Macd),
    Bollinger { period: u32, deviations: f64, sum: i64, squares: i128 },
}

/// What a feature reads from its node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Output {
    Plain,
    Ratio,
    Macd(MacdOutput),
    Band(BandOutput),
}

impl Node {
    /// A fresh node for `kind`, and what the feature reads from it.
    pub(super) fn new(kind: Kind) -> (Node, Output) {
        match kind {
            Kind::Value => (Node::Value, Output::Plain),
            Kind::Change { lag } => (Node::Lag { lag }, Output::Plain),
            Kind::Return { lag } => (Node::Lag { lag }, Output::Ratio),
            Kind::Sma { period } => (Node::Sma { period, sum: 0 }, Output::Plain),
            Kind::Ema { period, seed } => (Node::Ema(Ema::new(period, seed)), Output::Plain),
            Kind::Rsi { period } => {
                (Node::Rsi { period, share: 1.0 / f64::from(period), up: 0.0, down: 0.0 }, Output::Plain)
            }
            Kind::Macd { fast, slow, signal, seed, average, output } => {
                let signal = match average {
                    SignalAverage::Simple => {
                        SignalLine::Simple { window: vec![0; signal as usize].into(), at: 0, sum: 0 }
                    }
                    SignalAverage::Exponential => SignalLine::Exponential(Ema::new(signal, seed)),
                };
                let (fast, slow) = (Ema::new(fast, seed), Ema::new(slow, seed));
                (Node::Macd(Macd { fast, slow, signal, main: 0.0 }), Output::Macd(output))
            }
            Kind::Bollinger { period, deviations, output } => {
                (Node::Bollinger { period, deviations, sum: 0, squares: 0 }, Output::Band(output))
            }
        }
    }

    /// Whether two declarations may share one node: equal but for the output.
    pub(super) fn shares(a: Kind, b: Kind) -> bool {
        let plain = |kind| match kind {
            Kind::Macd { fast, slow, signal, seed, average, .. } => {
                Kind::Macd { fast, slow, signal, seed, average, output: MacdOutput::Main }
            }
            Kind::Bollinger { period, deviations, .. } => {
                Kind::Bollinger { period, deviations, output: BandOutput::Middle }
            }
            Kind::Return { lag } => Kind::Change { lag },
            other => other,
        };
        plain(a) == plain(b)
    }

    /// Takes one sample and hands each wanted output to `write` with its position in the row.
    #[inline]
    pub(super) fn push(&mut self, s: Sample<'_>, wanted: &[Wanted], mut write: impl FnMut(&Wanted, f64)) {
        match self {
            Node::Value => wanted.iter().for_each(|w| write(w, s.value())),
            Node::Lag { lag } => push_lag(*lag, s, wanted, write),
            Node::Sma { period, sum } => {
                *sum += s.raw - if s.seen > u64::from(*period) { s.ago(*period) } else { 0 };
                let mean = *sum as f64 / f64::from(*period) * s.unit;
                wanted.iter().for_each(|w| write(w, mean));
            }
            Node::Ema(ema) => {
                ema.push(s.value());
                wanted.iter().for_each(|w| write(w, ema.value));
            }
            Node::Rsi { period, share, up, down } => {
                push_wilder(*period, *share, s, up, down);
                let moved = *up + *down;
                let rsi = if moved > 0.0 { 100.0 * *up / moved } else { 50.0 };
                wanted.iter().for_each(|w| write(w, rsi));
            }
            Node::Macd(macd) => {
                macd.push(s.value());
                for w in wanted {
                    let value = match w.output {
                        Output::Macd(MacdOutput::Signal) => macd.signal(),
                        Output::Macd(MacdOutput::Histogram) => macd.main - macd.signal(),
                        _ => macd.main,
                    };
                    write(w, value);
                }
            }
            Node::Bollinger { period, deviations, sum, squares } => {
                let old = if s.seen > u64::from(*period) { s.ago(*period) } else { 0 };
                *sum += s.raw - old;
                *squares += i128::from(s.raw) * i128::from(s.raw) - i128::from(old) * i128::from(old);
                let band = Band::new(*period, *deviations, *sum, *squares, s);
                wanted.iter().for_each(|w| write(w, band.output(w.output)));
            }
        }
    }
}

/// One feature's claim on a node.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its place in the row.
    pub(super) row: u32,
    /// What it reads.
    pub(super) output: Output,
    /// Samples until its first value.
    pub(super) needed: u32,
}

#[inline]
fn push_lag(lag: u32, s: Sample<'_>, wanted: &[Wanted], mut write: impl FnMut(&Wanted, f64)) {
    if s.seen <= u64::from(lag) {
        return;
    }
    let old = s.ago(lag);
    let change = s.raw - old;
    for w in wanted {
        let value = match w.output {
            Output::Ratio if old == 0 => f64::NAN,
            Output::Ratio => change as f64 / old as f64,
            _ => change as f64 * s.unit,
        };
        write(w, value);
    }
}

/// Wilder's averages of the ups and the downs: the first is a plain average of `period` moves.
#[inline]
fn push_wilder(period: u32, share: f64, s: Sample<'_>, up: &mut f64, down: &mut f64) {
    let change = (s.raw - s.previous) as f64;
    let (gain, loss) = (change.max(0.0), (-change).max(0.0));
    if s.seen <= u64::from(period) + 1 {
        *up += gain * share;
        *down += loss * share;
        return;
    }
    let decay = |average: f64, x: f64| {
        let next = average + share * (x - average);
        if next < WILDER_MIN { 0.0 } else { next }
    };
    *up = decay(*up, gain);
    *down = decay(*down, loss);
}

/// Bollinger numbers of one sample.
struct Band {
    value: f64,
    middle: f64,
    half: f64,
}

impl Band {
    #[inline]
    fn new(period: u32, deviations: f64, sum: i64, squares: i128, s: Sample<'_>) -> Self {
        // period² times the population variance: n Σx² - (Σx)², exact. Below 2^124: see PRICE_TICKS_MAX.
        let spread = i128::from(period) * squares - i128::from(sum) * i128::from(sum);
        let n = f64::from(period);
        let spread = i64::try_from(spread).map_or(spread as f64, |small| small as f64);
        Band {
            value: s.value(),
            middle: sum as f64 / n * s.unit,
            half: deviations * (spread.sqrt() / n * s.unit),
        }
    }

    #[inline]
    fn output(&self, output: Output) -> f64 {
        match output {
            Output::Band(BandOutput::Upper) => self.middle + self.half,
            Output::Band(BandOutput::Lower) => self.middle - self.half,
            Output::Band(BandOutput::Width) => 2.0 * self.half,
            Output::Band(BandOutput::PercentB) if self.half > 0.0 => {
                (self.value - (self.middle - self.half)) / (2.0 * self.half)
            }
            Output::Band(BandOutput::PercentB) => 0.5,
            _ => self.middle,
        }
    }
}
