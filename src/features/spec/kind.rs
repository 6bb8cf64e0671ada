//! What can be computed: every kind with its formula, unit and source.
//!
//! What it is not: arithmetic (`nodes`), or the ranges of parameters (`check.rs`).
//!
//! Invariant: a kind says everything that decides its numbers; two equal kinds on one stream are one computation.
//!
//! On the tick clock a sample is its own bar: open, high, low and close are the input. "x" is the newest sample's input
//! (its bar's close), "n" the period.

use super::choices::*;

/// What is computed. Periods and lags are 1 to [`super::PERIOD_MAX`] samples unless said otherwise.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs, reason = "the parameters are those of the kind's own formula, above each")]
pub enum Kind {
    /// The input itself, in ticks.
    Value,
    /// The input `lag` samples ago, in ticks.
    Lag { lag: u32 },
    /// Input minus the input `lag` samples ago, in ticks (TA-Lib's MOM).
    Change { lag: u32 },
    /// [`Kind::Change`] as a fraction of the older input.
    Return { lag: u32 },
    /// ln(x / older x).
    LogReturn { lag: u32 },
    /// 100·x / older x, MT5's iMomentum.
    Momentum { lag: u32 },
    /// 100·(x / older x - 1), TA-Lib's ROC.
    Roc { lag: u32 },
    /// Another feature's value `lag` of its samples ago; `of` is its place in the list. Clock and input are that feature's.
    LagOf { of: u32, lag: u32 },
    /// Another feature's value minus its value `lag` of its samples ago.
    ChangeOf { of: u32, lag: u32 },
    /// Simple moving average, in ticks.
    Sma { period: u32 },
    /// Exponential moving average with factor 2 / (n + 1), in ticks.
    Ema { period: u32, seed: Seed },
    /// Linear weighted average, weight n for the newest down to 1, in ticks (iMA `MODE_LWMA`, TA-Lib WMA).
    Wma { period: u32 },
    /// Smoothed average, factor 1 / n, seeded with the simple average of the first n, in ticks (iMA `MODE_SMMA`).
    Smma { period: u32 },
    /// Relative strength index, 0 to 100, Wilder's smoothing as iRSI and TA-Lib; 50 when nothing moved.
    Rsi { period: u32 },
    /// Moving average convergence divergence, in ticks; `fast` below `slow`.
    Macd { fast: u32, slow: u32, signal: u32, seed: Seed, average: SignalAverage, output: MacdOutput },
    /// Commodity channel index: (TP - SMA(TP)) / (0.015 · mean absolute deviation), TP = (high + low + close) / 3; 0 when
    /// nothing moved. iCCI and TA-Lib agree.
    Cci { period: u32 },
    /// Stochastic, 0 to 100. Terminal (iStochastic): %K = 100·Σ(close - lowest) / Σ(highest - lowest), sums over `slowing`
    /// samples, 100 when the range is nothing. TA-Lib (STOCH): the simple average of 100·(close - lowest) /
    /// (highest - lowest), 0 when the range is nothing. %D: simple average of `signal` %K.
    Stochastic {
        period: u32,
        slowing: u32,
        signal: u32,
        price: PriceField,
        convention: Convention,
        output: StochasticOutput,
    },
    /// Bollinger bands: simple average and `deviations` population deviations; n at least 2, deviations above 0 to 100.
    Bollinger { period: u32, deviations: f64, output: BandOutput },
    /// Highest high and lowest low of n bars, the newest included; the middle is their mean.
    Donchian { period: u32, output: BandOutput },
    /// Exponential average (seeded with the first) plus and minus `multiplier` times the average true range.
    Keltner { period: u32, atr_period: u32, multiplier: f64, convention: Convention, output: BandOutput },
    /// Average true range, in ticks. Terminal: simple average of n true ranges, as iATR. TA-Lib: Wilder's.
    Atr { period: u32, convention: Convention },
    /// Directional movement, 0 to 100. Terminal (iADX): exponential averages, factor 2 / (n + 1), from zero, of 100·DM / TR
    /// of each bar. TA-Lib (ADX; settles to iADXWilder): Wilder's sums of DM and TR.
    Adx { period: u32, convention: Convention, output: AdxOutput },
    /// Population standard deviation, in ticks, as iStdDev.
    Deviation { period: u32 },
    /// (x - average) / population deviation; 0 when nothing moved.
    ZScore { period: u32 },
    /// Smallest of n inputs, in ticks.
    Minimum { period: u32 },
    /// Largest of n inputs, in ticks.
    Maximum { period: u32 },
    /// Quantile of n inputs between 0 and 1, interpolated linearly between ranks (numpy's default), in ticks.
    Quantile { period: u32, quantile: f64 },
    /// Realised volatility per sample, of log returns, not annualised.
    Volatility { period: u32, estimator: Estimator },
    /// Average of typical prices (high + low + close) / 3 weighted with volume, in ticks.
    Vwap { anchor: Anchor, weight: Weight },
    /// On-balance volume in lots or ticks: plus the sample's weight when its close rose, minus when it fell; starts with
    /// the first sample's, as iOBV. It depends on where history began: use its change ([`Kind::ChangeOf`]).
    Obv { weight: Weight },
    /// Samples a second over the last n: n / (time since the sample n before).
    TickRate { period: u32 },
    /// Mean of n signs of change, -1 to 1; an unchanged input repeats the last sign (the tick rule).
    TickImbalance { period: u32 },
    /// Sum over n ticks of Cont, Kukanov and Stoikov's e: what was added at the bid and taken from the ask, minus the
    /// reverse, in lots (The Price Impact of Order Book Events, 2014, eq. 4). Ticks only; needs sizes.
    OrderFlowImbalance { period: u32 },
    /// Mean over n ticks of (bid_size - ask_size) / (bid_size + ask_size), -1 to 1. Ticks only; needs sizes.
    BookImbalance { period: u32 },
    /// Milliseconds between this tick and the one before, of venue time. Ticks only.
    TickGap,
    /// 1 from minute `from` until before minute `to` of the day, else 0; over midnight when `from` is later. Ticks only.
    Session { from_minute: u16, to_minute: u16 },
    /// Sine of the minute of the day as an angle. Ticks only.
    MinuteSine,
    /// Cosine of the minute of the day as an angle. Ticks only.
    MinuteCosine,
    /// Day of the week, 0 Sunday to 6 Saturday, as MT5 counts. Ticks only.
    DayOfWeek,
    /// x minus `weight` times the other instrument's input, each in ticks of its own instrument.
    PairSpread { with: Leg, weight: f64 },
    /// x divided by the other instrument's input, ticks over ticks.
    PairRatio { with: Leg },
    /// Pearson's correlation over n samples, -1 to 1; n at least 2. No value while one of them does not move.
    Correlation { period: u32, with: Leg, basis: Basis },
    /// Covariance with the other instrument over its variance, ticks per tick; n at least 2.
    Beta { period: u32, with: Leg, basis: Basis },
}

impl Kind {
    /// The feature whose values this one looks back at.
    pub fn of(self) -> Option<u32> {
        match self {
            Kind::LagOf { of, .. } | Kind::ChangeOf { of, .. } => Some(of),
            _ => None,
        }
    }

    /// The second instrument.
    pub fn with(self) -> Option<Leg> {
        match self {
            Kind::PairSpread { with, .. }
            | Kind::PairRatio { with }
            | Kind::Correlation { with, .. }
            | Kind::Beta { with, .. } => Some(with),
            _ => None,
        }
    }

    /// Computed from the time of ticks alone.
    pub fn is_calendar(self) -> bool {
        matches!(self, Kind::Session { .. } | Kind::MinuteSine | Kind::MinuteCosine | Kind::DayOfWeek)
    }

    /// Computed from the whole tick, whatever the input is declared as, and on ticks only.
    pub fn is_of_whole_tick(self) -> bool {
        self.is_calendar()
            || matches!(self, Kind::TickGap | Kind::OrderFlowImbalance { .. } | Kind::BookImbalance { .. })
    }

    /// Cannot be without sizes at the best prices.
    pub fn needs_sizes(self) -> bool {
        matches!(self, Kind::OrderFlowImbalance { .. } | Kind::BookImbalance { .. })
    }

    /// Divides by its input or takes its logarithm.
    pub(super) fn divides(self) -> bool {
        matches!(
            self,
            Kind::Return { .. }
                | Kind::LogReturn { .. }
                | Kind::Momentum { .. }
                | Kind::Roc { .. }
                | Kind::Volatility { .. }
        )
    }
}
