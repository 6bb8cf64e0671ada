//! The words of a declaration: inputs, clocks, conventions and lines.
//!
//! What it is not: the list of kinds (`kind.rs`) or what may be combined (`check.rs`).
//!
//! Invariant: where the terminal and the rest of the world differ, the default is the terminal's own.

use crate::types::InstrumentId;

/// Which number of a tick a feature is computed from; prices are in ticks of the instrument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// Best bid. The terminal's charts and bars are built of it.
    Bid,
    /// Best ask.
    Ask,
    /// Half of bid plus ask; may end in half a tick.
    Mid,
    /// Last trade.
    Last,
    /// Bid and ask weighted with the size of the other side, (bid·ask_size + ask·bid_size) / (bid_size + ask_size), kept
    /// to 2^-10 of a tick. Needs sizes: without them there is no sample.
    Microprice,
    /// Ask minus bid; negative when the quote is crossed.
    Spread,
    /// Traded volume in lots or contracts, kept to 1e-5: of the trade on ticks (a tick without a trade is no sample), of
    /// the whole bar on bars.
    Volume,
    /// Ticks: 1 on ticks, the bar's count on bars (the terminal's tick volume).
    Ticks,
}

impl Input {
    /// A price, which cannot be zero or less on a sane instrument, so that one may divide by it.
    pub fn is_price(self) -> bool {
        !matches!(self, Input::Spread | Input::Volume | Input::Ticks)
    }
}

/// When a feature takes a sample of its input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Clock {
    /// At every tick.
    Tick,
    /// At the close of a time bar: bars are aligned to the Unix epoch (moved by the feature's `offset_ns`) by venue time,
    /// close when a tick of a later bar arrives, and do not exist where there was no tick.
    Bar {
        /// Length of a bar, at least [`super::BAR_PERIOD_NS_MIN`].
        period_ns: i64,
    },
    /// At the close of a bar of so many ticks of the instrument, closed by its last tick.
    TickBar {
        /// 1 to [`super::PERIOD_MAX`].
        ticks: u32,
    },
    /// At the close of a bar of at least so much traded volume, closed by the trade that completes it; what that trade
    /// has too much is not carried over.
    VolumeBar {
        /// Volume in 1e-8 lots or contracts, above 0.
        lots_e8: i64,
    },
}

/// How an exponential average starts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Seed {
    /// With the first sample, as MT5's iMA and iMACD do.
    #[default]
    First,
    /// With the simple average of the first `period` samples, as TA-Lib does.
    Average,
}

/// How MACD's signal line is smoothed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SignalAverage {
    /// Simple average, as MT5's iMACD does.
    #[default]
    Simple,
    /// Exponential average, as most other programs do; seeded as the two others.
    Exponential,
}

/// Whose definition, where they differ; each kind says how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Convention {
    /// The terminal's built-in indicator.
    #[default]
    Terminal,
    /// TA-Lib's.
    TaLib,
}

/// Which of MACD's lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MacdOutput {
    /// Fast average minus slow average, in ticks.
    Main,
    /// Smoothed main line, in ticks.
    Signal,
    /// Main minus signal, in ticks.
    Histogram,
}

/// Which number of a channel: Bollinger, Donchian, Keltner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BandOutput {
    /// The middle line, in ticks.
    Middle,
    /// The upper line, in ticks.
    Upper,
    /// The lower line, in ticks.
    Lower,
    /// Where the input lies between lower (0) and upper (1); 0.5 when the channel has no width.
    PercentB,
    /// Upper minus lower, in ticks.
    Width,
}

/// Which line of the directional movement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AdxOutput {
    /// The average directional index.
    Adx,
    /// +DI.
    PlusDi,
    /// -DI.
    MinusDi,
}

/// Which line of the stochastic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StochasticOutput {
    /// %K, slowed.
    K,
    /// %D, the simple average of %K.
    D,
}

/// What the stochastic takes for highest and lowest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PriceField {
    /// Highs and lows of the bars (`STO_LOWHIGH`).
    #[default]
    LowHigh,
    /// Closes (`STO_CLOSECLOSE`).
    Close,
}

/// From what volatility is estimated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Estimator {
    /// Log returns from sample to sample: sqrt(Σ r² / n), mean taken as zero.
    #[default]
    Close,
    /// Parkinson's, from each bar's range: sqrt(Σ ln(high/low)² / (4 n ln 2)).
    Parkinson,
}

/// What weighs a sample in VWAP and OBV.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Weight {
    /// Its ticks, the terminal's `VOLUME_TICK`.
    #[default]
    Ticks,
    /// Its traded volume, `VOLUME_REAL`; a sample without trades weighs nothing.
    Volume,
}

/// Since when VWAP counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// The last so many samples.
    Rolling {
        /// 1 to [`super::PERIOD_MAX`].
        period: u32,
    },
    /// The last passing of this time of day, in the feature's offset.
    Session {
        /// Minutes since midnight, 0 to 1439.
        start_minute: u16,
    },
}

/// Of what correlation and beta are taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Basis {
    /// Changes from sample to sample, in ticks.
    #[default]
    Change,
    /// The inputs themselves.
    Level,
}

/// The second instrument of a feature over two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Leg {
    /// Whose quotes.
    pub instrument: InstrumentId,
    /// Which number of them.
    pub input: Input,
}
