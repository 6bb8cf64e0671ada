//! How much history each kind needs: until its first value, and until nobody could tell where history began.
//!
//! What it is not: a plan of what to ask the terminal for; the graph adds these up by instrument and clock.
//!
//! Invariant: after `samples_needed` samples a value is there unless it does not exist (a division by zero); more than
//! `samples_settled` samples of history change no value by what an `f32` can show, except what never forgets and says so.

use super::choices::*;
use super::kind::Kind;

impl Kind {
    /// Samples of its own clock until the first value; of the other feature's samples for [`Kind::LagOf`] and
    /// [`Kind::ChangeOf`], to be added to that one's.
    pub fn samples_needed(self) -> u32 {
        match self {
            Kind::Lag { lag }
            | Kind::Change { lag }
            | Kind::Return { lag }
            | Kind::LogReturn { lag }
            | Kind::Momentum { lag }
            | Kind::Roc { lag } => lag + 1,
            Kind::LagOf { lag, .. } | Kind::ChangeOf { lag, .. } => lag,
            Kind::Sma { period }
            | Kind::Ema { period, .. }
            | Kind::Wma { period }
            | Kind::Smma { period }
            | Kind::Cci { period }
            | Kind::Bollinger { period, .. }
            | Kind::Donchian { period, .. }
            | Kind::Deviation { period }
            | Kind::ZScore { period }
            | Kind::Minimum { period }
            | Kind::Maximum { period }
            | Kind::Quantile { period, .. }
            | Kind::BookImbalance { period }
            | Kind::Volatility { period, estimator: Estimator::Parkinson }
            | Kind::Vwap { anchor: Anchor::Rolling { period }, .. } => period,
            Kind::Rsi { period }
            | Kind::Atr { period, .. }
            | Kind::Volatility { period, .. }
            | Kind::TickRate { period }
            | Kind::TickImbalance { period }
            | Kind::OrderFlowImbalance { period } => period + 1,
            Kind::Macd { slow, output: MacdOutput::Main, .. } => slow,
            Kind::Macd { slow, signal, .. } => slow + signal - 1,
            Kind::Stochastic { period, slowing, output: StochasticOutput::K, .. } => period + slowing - 1,
            Kind::Stochastic { period, slowing, signal, .. } => period + slowing + signal - 2,
            Kind::Keltner { period, atr_period, .. } => period.max(atr_period + 1),
            Kind::Adx { period, output: AdxOutput::Adx, .. } => 2 * period,
            Kind::Adx { period, .. } => period + 1,
            Kind::Correlation { period, basis, .. } | Kind::Beta { period, basis, .. } => {
                period + u32::from(basis == Basis::Change)
            }
            Kind::TickGap => 2,
            Kind::Value
            | Kind::Vwap { .. }
            | Kind::Obv { .. }
            | Kind::Session { .. }
            | Kind::MinuteSine
            | Kind::MinuteCosine
            | Kind::DayOfWeek
            | Kind::PairSpread { .. }
            | Kind::PairRatio { .. } => 1,
        }
    }

    /// Samples after which an earlier start of history would change the value by less than an `f32` can show.
    ///
    /// Windows forget exactly. An exponential average keeps a share of `exp(-2 n / period)` of its start after `n`
    /// samples (Wilder's: `exp(-n / period)`), which is below 2^-24 after 8.4 (16.7) periods. Three never forget and are
    /// not counted here: OBV, a session's VWAP (it wants the session's start), the tick rule's last sign.
    pub fn history_needed(self) -> u32 {
        match self {
            Kind::Ema { period, .. } => period.saturating_mul(9),
            Kind::Smma { period } => period.saturating_mul(17),
            Kind::Rsi { period } | Kind::Atr { period, convention: Convention::TaLib } => {
                period.saturating_mul(17).saturating_add(1)
            }
            Kind::Macd { slow, signal, .. } => slow.saturating_add(signal).saturating_mul(9),
            Kind::Keltner { period, atr_period, convention, .. } => {
                let atr = if convention == Convention::TaLib { 17 * atr_period } else { atr_period };
                period.saturating_mul(9).max(atr.saturating_add(1))
            }
            Kind::Adx { period, convention: Convention::TaLib, .. } => period.saturating_mul(34),
            Kind::Adx { period, .. } => period.saturating_mul(18),
            _ => self.samples_needed(),
        }
    }

    /// Samples of its input that the stream must keep: the newest and how many before it. Other windows are the node's.
    pub(in crate::features) fn window(self) -> u32 {
        match self {
            Kind::Lag { lag }
            | Kind::Change { lag }
            | Kind::Return { lag }
            | Kind::LogReturn { lag }
            | Kind::Momentum { lag }
            | Kind::Roc { lag } => lag + 1,
            Kind::Sma { period }
            | Kind::Wma { period }
            | Kind::Bollinger { period, .. }
            | Kind::Deviation { period }
            | Kind::ZScore { period }
            | Kind::Quantile { period, .. } => period + 1,
            _ => 2,
        }
    }
}
