//! The state behind indicators: one node per distinct computation, shared by all features that read it.
//!
//! What it is not: it keeps no history of its input (the stream does) and knows no feature names.
//!
//! Invariant: sums over windows are exact integers. What is recursive by definition (exponential and Wilder averages)
//! forgets its own rounding as fast as it forgets its input, so nothing drifts however long it runs. Nothing allocates
//! after `Node::new`.

mod average;
mod band;
mod calendar;
mod cross;
mod lag;
mod micro;
mod order_tree;
mod oscillator;
mod quick;
mod range;
mod statistics;
mod volume;
mod window;

pub(super) use cross::LegState;
pub(super) use quick::Quick;
pub(super) use window::Delay;

use super::bars::OpenBar;
use super::graph::{Row, Slot};
use super::spec::{AdxOutput, BandOutput, Kind, MacdOutput, StochasticOutput};
use super::tick::FeatureTick;
use crate::types::TimeNs;

/// One new sample and its neighbours, in the stream's raw units.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a> {
    /// The newest raw value; of a bar its close.
    pub(super) raw: i64,
    /// The one before; equal to `raw` at the first.
    pub(super) previous: i64,
    /// Input units per raw unit: 1, or 0.5 for the mid.
    pub(super) unit: f64,
    /// Samples so far, this one included.
    pub(super) seen: u64,
    /// The stream's history, a ring of a power of two.
    pub(super) history: &'a [i64],
    /// What the sample was taken of.
    pub(super) bar: OpenBar,
    /// When, and what else there was.
    pub(super) at: &'a Moment<'a>,
}

/// Where and when a sample was taken.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    /// Venue time of the tick that made the sample; of a bar from the terminal's history its end.
    pub(super) ts: TimeNs,
    /// End of the closed time bar, `i64::MAX` on other clocks.
    pub(super) end_ns: i64,
    /// The whole tick; [`FeatureTick::NONE`] for a bar of history.
    pub(super) tick: &'a FeatureTick,
    /// The second legs of all features over two instruments.
    pub(super) legs: &'a [LegState],
}

impl Sample<'_> {
    /// The raw value `lag` samples ago; only valid when `seen > lag`.
    #[inline]
    fn ago(&self, lag: u32) -> i64 {
        let at = (self.seen - 1).wrapping_sub(u64::from(lag)) as usize & (self.history.len() - 1);
        self.history[at]
    }

    /// What leaves a window of `period` with this sample; 0 until it is full.
    #[inline]
    fn leaving(&self, period: u32) -> i64 {
        if self.seen > u64::from(period) { self.ago(period) } else { 0 }
    }

    #[inline]
    fn value(&self) -> f64 {
        self.raw as f64 * self.unit
    }

    /// When the sample was complete: of a time bar its end.
    #[inline]
    fn time_ns(&self) -> i64 {
        if self.at.end_ns == i64::MAX { self.at.ts.0 } else { self.at.end_ns }
    }

    /// Three times the typical price, raw.
    #[inline]
    fn typical_3(&self) -> i64 {
        self.bar.high + self.bar.low + self.raw
    }
}

/// What a feature reads from its node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Output {
    Plain,
    Lagged,
    Ratio,
    Log,
    Momentum,
    Roc,
    Deviation,
    ZScore,
    Macd(MacdOutput),
    Band(BandOutput),
    Bollinger(BandOutput, f64),
    Stochastic(StochasticOutput),
    Adx(AdxOutput),
    Session { from_minute: u16, to_minute: u16 },
    MinuteSine,
    MinuteCosine,
    DayOfWeek,
    PairSpread { weight: f64 },
    PairRatio,
    Correlation,
    Beta,
}

/// One feature's claim on a node.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its place in the row.
    pub(super) row: u32,
    /// Samples until its first value, before any delay.
    pub(super) needed: u32,
    /// What it reads.
    pub(super) output: Output,
    /// What it then looks back at, in turn.
    pub(super) delays: Box<[Delay]>,
}

/// Everyone who reads one node.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    /// Samples after which every reader has its value and none looks back; never when one looks back.
    plain_after: u64,
    /// Place and output of each of `wanted`, and nothing else: what a sample needs once all are plain.
    plain: Vec<(u32, Output)>,
    wanted: Vec<Wanted>,
}

impl Readers {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Readers { plain_after: 0, plain: Vec::new(), wanted: Vec::new() }
    }

    /// One more; only while the graph is built.
    pub(super) fn add(&mut self, wanted: Wanted) {
        let plain_after = if wanted.delays.is_empty() { u64::from(wanted.needed) } else { u64::MAX };
        self.plain_after = self.plain_after.max(plain_after);
        self.plain.push((wanted.row, wanted.output));
        self.wanted.push(wanted);
    }

    /// Their places in the row.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + '_ {
        self.plain.iter().map(|(row, _)| *row)
    }

    /// Forgets what they looked back at; their places in the row become unready.
    pub(super) fn reset(&mut self, row: &mut Row) {
        for want in &mut self.wanted {
            want.delays.iter_mut().for_each(Delay::reset);
            row.write(Slot::of(want.row), f64::NAN);
        }
    }

    #[inline]
    fn write(&mut self, s: &Sample<'_>, row: &mut Row, value: impl Fn(Output) -> f64) {
        if s.seen < self.plain_after {
            return self.write_waiting(s.seen, row, &value);
        }
        for (place, output) in &self.plain {
            row.write(Slot::of(*place), value(*output));
        }
    }

    /// With readers that have no value yet, or look back.
    #[inline(never)]
    fn write_waiting(&mut self, seen: u64, row: &mut Row, value: &dyn Fn(Output) -> f64) {
        for want in &mut self.wanted {
            let mut value = if seen >= u64::from(want.needed) { value(want.output) } else { f64::NAN };
            for delay in &mut want.delays {
                value = delay.pass(value);
            }
            row.write(Slot::of(want.row), value);
        }
    }
}

/// A computation: a sample in, then any of its outputs.
trait Compute {
    fn push(&mut self, s: &Sample<'_>);
    fn output(&self, output: Output, s: &Sample<'_>) -> f64;
    fn reset(&mut self);
}

/// The running state of one computation.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Value(lag::Value),
    Lag(lag::Lag),
    Sma(average::Sma),
    Ema(average::Ema),
    Wma(average::Wma),
    Smma(average::Smma),
    Rsi(oscillator::Rsi),
    Macd(oscillator::Macd),
    Moments(band::Moments),
    Cci(Box<oscillator::Cci>),
    Stochastic(Box<oscillator::Stochastic>),
    Extreme(band::Extreme),
    Donchian(Box<band::Donchian>),
    Keltner(Box<band::Keltner>),
    Atr(Box<range::Atr>),
    Adx(Box<range::Adx>),
    Quantile(Box<statistics::Quantile>),
    Volatility(Box<statistics::Volatility>),
    Vwap(Box<volume::Vwap>),
    Obv(volume::Obv),
    TickRate(Box<micro::TickRate>),
    TickImbalance(Box<micro::TickImbalance>),
    OrderFlow(Box<micro::OrderFlow>),
    BookImbalance(Box<micro::BookImbalance>),
    TickGap(micro::TickGap),
    Calendar(calendar::Calendar),
    Pair(cross::Pair),
    PairMoments(Box<cross::PairMoments>),
}

impl Node {
    /// A fresh node for a kind that [`base`] made; `leg` is the place of its second instrument.
    pub(super) fn new(kind: Kind, offset_ns: i64, leg: usize) -> Node {
        match kind {
            Kind::Change { lag } => Node::Lag(lag::Lag::new(lag)),
            Kind::Sma { period } => Node::Sma(average::Sma::new(period)),
            Kind::Ema { period, seed } => Node::Ema(average::Ema::new(period, seed)),
            Kind::Wma { period } => Node::Wma(average::Wma::new(period)),
            Kind::Smma { period } => Node::Smma(average::Smma::new(period)),
            Kind::Rsi { period } => Node::Rsi(oscillator::Rsi::new(period)),
            Kind::Macd { fast, slow, signal, seed, average, .. } => {
                Node::Macd(oscillator::Macd::new([fast, slow, signal], seed, average))
            }
            Kind::Deviation { period } => Node::Moments(band::Moments::new(period)),
            Kind::Cci { period } => Node::Cci(oscillator::Cci::new(period).into()),
            Kind::Stochastic { period, slowing, signal, price, convention, .. } => Node::Stochastic(
                oscillator::Stochastic::new([period, slowing, signal], price, convention).into(),
            ),
            Kind::Minimum { period } => Node::Extreme(band::Extreme::smallest(period)),
            Kind::Maximum { period } => Node::Extreme(band::Extreme::largest(period)),
            Kind::Donchian { period, .. } => Node::Donchian(band::Donchian::new(period).into()),
            Kind::Keltner { period, atr_period, multiplier, convention, .. } => {
                Node::Keltner(band::Keltner::new(period, atr_period, multiplier, convention).into())
            }
            Kind::Atr { period, convention } => Node::Atr(range::Atr::new(period, convention).into()),
            Kind::Adx { period, convention, .. } => Node::Adx(range::Adx::new(period, convention).into()),
            Kind::Quantile { period, quantile } => {
                Node::Quantile(statistics::Quantile::new(period, quantile).into())
            }
            Kind::Volatility { period, estimator } => {
                Node::Volatility(statistics::Volatility::new(period, estimator).into())
            }
            Kind::Vwap { anchor, weight } => Node::Vwap(volume::Vwap::new(anchor, weight, offset_ns).into()),
            Kind::Obv { weight } => Node::Obv(volume::Obv::new(weight)),
            Kind::TickRate { period } => Node::TickRate(micro::TickRate::new(period).into()),
            Kind::TickImbalance { period } => Node::TickImbalance(micro::TickImbalance::new(period).into()),
            Kind::OrderFlowImbalance { period } => Node::OrderFlow(micro::OrderFlow::new(period).into()),
            Kind::BookImbalance { period } => Node::BookImbalance(micro::BookImbalance::new(period).into()),
            Kind::TickGap => Node::TickGap(micro::TickGap::default()),
            Kind::DayOfWeek => Node::Calendar(calendar::Calendar::new(offset_ns)),
            Kind::PairRatio { .. } => Node::Pair(cross::Pair::new(leg)),
            Kind::Correlation { period, basis, .. } => {
                Node::PairMoments(cross::PairMoments::new(period, basis, leg).into())
            }
            _ => Node::Value(lag::Value),
        }
    }

    /// Whether it looks at a second instrument.
    pub(super) fn has_second(&self) -> bool {
        matches!(self, Node::Pair(_) | Node::PairMoments(_))
    }

    /// Takes one sample and writes what is wanted of it.
    pub(super) fn push(&mut self, s: &Sample<'_>, readers: &mut Readers, row: &mut Row) {
        match self {
            Node::Value(node) => run(node, s, readers, row),
            Node::Lag(node) => run(node, s, readers, row),
            Node::Sma(node) => run(node, s, readers, row),
            Node::Ema(node) => run(node, s, readers, row),
            Node::Rsi(node) => run(node, s, readers, row),
            Node::Macd(node) => run(node, s, readers, row),
            Node::Moments(node) => run(node, s, readers, row),
            Node::Extreme(node) => run(node, s, readers, row),
            Node::Wma(node) => run(node, s, readers, row),
            Node::Smma(node) => run(node, s, readers, row),
            Node::Cci(node) => run(&mut **node, s, readers, row),
            Node::Stochastic(node) => run(&mut **node, s, readers, row),
            Node::Donchian(node) => run(&mut **node, s, readers, row),
            Node::Keltner(node) => run(&mut **node, s, readers, row),
            Node::Atr(node) => run(&mut **node, s, readers, row),
            Node::Adx(node) => run(&mut **node, s, readers, row),
            Node::Quantile(node) => run(&mut **node, s, readers, row),
            Node::Volatility(node) => run(&mut **node, s, readers, row),
            Node::Vwap(node) => run(&mut **node, s, readers, row),
            Node::Obv(node) => run(node, s, readers, row),
            Node::TickRate(node) => run(&mut **node, s, readers, row),
            Node::TickImbalance(node) => run(&mut **node, s, readers, row),
            Node::OrderFlow(node) => run(&mut **node, s, readers, row),
            Node::BookImbalance(node) => run(&mut **node, s, readers, row),
            Node::TickGap(node) => run(node, s, readers, row),
            Node::Calendar(node) => run(node, s, readers, row),
            Node::Pair(node) => run(node, s, readers, row),
            Node::PairMoments(node) => run(&mut **node, s, readers, row),
        }
    }

    /// Forgets every sample.
    pub(super) fn reset(&mut self) {
        match self {
            Node::Value(node) => node.reset(),
            Node::Lag(node) => node.reset(),
            Node::Sma(node) => node.reset(),
            Node::Ema(node) => node.reset(),
            Node::Wma(node) => node.reset(),
            Node::Smma(node) => node.reset(),
            Node::Rsi(node) => node.reset(),
            Node::Macd(node) => node.reset(),
            Node::Moments(node) => node.reset(),
            Node::Cci(node) => node.reset(),
            Node::Stochastic(node) => node.reset(),
            Node::Extreme(node) => node.reset(),
            Node::Donchian(node) => node.reset(),
            Node::Keltner(node) => node.reset(),
            Node::Atr(node) => node.reset(),
            Node::Adx(node) => node.reset(),
            Node::Quantile(node) => node.reset(),
            Node::Volatility(node) => node.reset(),
            Node::Vwap(node) => node.reset(),
            Node::Obv(node) => node.reset(),
            Node::TickRate(node) => node.reset(),
            Node::TickImbalance(node) => node.reset(),
            Node::OrderFlow(node) => node.reset(),
            Node::BookImbalance(node) => node.reset(),
            Node::TickGap(node) => node.reset(),
            Node::Calendar(node) => node.reset(),
            Node::Pair(node) => node.reset(),
            Node::PairMoments(node) => node.reset(),
        }
    }
}

#[inline]
fn run(node: &mut impl Compute, s: &Sample<'_>, readers: &mut Readers, row: &mut Row) {
    node.push(s);
    readers.write(s, row, |output| node.output(output, s));
}

/// A wide integer as a double, rounded once; most are small, and for those this is one instruction.
#[inline]
fn to_f64(wide: i128) -> f64 {
    match i64::try_from(wide) {
        Ok(small) => small as f64,
        Err(_) => wide_to_f64(wide),
    }
}

#[cold]
#[inline(never)]
fn wide_to_f64(wide: i128) -> f64 {
    wide as f64
}

/// The kind whose node computes this one, equal for all that share a node; and what is read from it.
pub(super) fn base(kind: Kind) -> (Kind, Output) {
    match kind {
        Kind::Lag { lag } => (Kind::Change { lag }, Output::Lagged),
        Kind::Change { .. } => (kind, Output::Plain),
        Kind::Return { lag } => (Kind::Change { lag }, Output::Ratio),
        Kind::LogReturn { lag } => (Kind::Change { lag }, Output::Log),
        Kind::Momentum { lag } => (Kind::Change { lag }, Output::Momentum),
        Kind::Roc { lag } => (Kind::Change { lag }, Output::Roc),
        Kind::Macd { fast, slow, signal, seed, average, output } => {
            let base = Kind::Macd { fast, slow, signal, seed, average, output: MacdOutput::Main };
            (base, Output::Macd(output))
        }
        Kind::Stochastic { period, slowing, signal, price, convention, output } => {
            let of = StochasticOutput::K;
            let base = Kind::Stochastic { period, slowing, signal, price, convention, output: of };
            (base, Output::Stochastic(output))
        }
        Kind::Bollinger { period, deviations, output } => {
            (Kind::Deviation { period }, Output::Bollinger(output, deviations))
        }
        Kind::Deviation { period } => (Kind::Deviation { period }, Output::Deviation),
        Kind::ZScore { period } => (Kind::Deviation { period }, Output::ZScore),
        Kind::Donchian { period, output } => {
            (Kind::Donchian { period, output: BandOutput::Middle }, Output::Band(output))
        }
        Kind::Keltner { period, atr_period, multiplier, convention, output } => {
            let of = BandOutput::Middle;
            (Kind::Keltner { period, atr_period, multiplier, convention, output: of }, Output::Band(output))
        }
        Kind::Adx { period, convention, output } => {
            (Kind::Adx { period, convention, output: AdxOutput::Adx }, Output::Adx(output))
        }
        Kind::Session { from_minute, to_minute } => {
            (Kind::DayOfWeek, Output::Session { from_minute, to_minute })
        }
        Kind::MinuteSine => (Kind::DayOfWeek, Output::MinuteSine),
        Kind::MinuteCosine => (Kind::DayOfWeek, Output::MinuteCosine),
        Kind::DayOfWeek => (Kind::DayOfWeek, Output::DayOfWeek),
        Kind::PairSpread { with, weight } => (Kind::PairRatio { with }, Output::PairSpread { weight }),
        Kind::PairRatio { with } => (Kind::PairRatio { with }, Output::PairRatio),
        Kind::Correlation { .. } => (kind, Output::Correlation),
        Kind::Beta { period, with, basis } => (Kind::Correlation { period, with, basis }, Output::Beta),
        other => (other, Output::Plain),
    }
}
