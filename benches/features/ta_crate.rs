//! The `ta` crate's indicators, asked for the same numbers.
//!
//! What it is not: a judgement of the crate; it computes in doubles, on bars or closes, and knows no history.
//!
//! Invariant: parameters are translated where its definition has other words: its RSI smooths with factor 2 / (n + 1), so
//! Wilder's 1 / n is its period 2n - 1.

use super::talib::Ask;
use ta::Next;
use ta::indicators::{
    BollingerBands, ExponentialMovingAverage, Maximum, Minimum, MovingAverageConvergenceDivergence,
    RateOfChange, RelativeStrengthIndex, SimpleMovingAverage, StandardDeviation,
};

/// One indicator of the crate.
pub(crate) enum TaIndicator {
    /// Simple average.
    Sma(SimpleMovingAverage),
    /// Exponential average.
    Ema(ExponentialMovingAverage),
    /// Relative strength.
    Rsi(RelativeStrengthIndex),
    /// Smallest.
    Min(Minimum),
    /// Largest.
    Max(Maximum),
    /// Rate of change.
    Roc(RateOfChange),
    /// Population deviation.
    Stddev(StandardDeviation),
    /// Main, signal, histogram.
    Macd(MovingAverageConvergenceDivergence),
    /// Upper, middle, lower.
    Bands(BollingerBands),
}

impl TaIndicator {
    /// The one for what is asked.
    pub(crate) fn new(ask: Ask) -> Self {
        let legal = "a legal period";
        match ask {
            Ask::One("SMA", n) => TaIndicator::Sma(SimpleMovingAverage::new(n).expect(legal)),
            Ask::One("EMA", n) => TaIndicator::Ema(ExponentialMovingAverage::new(n).expect(legal)),
            Ask::One("RSI", n) => TaIndicator::Rsi(RelativeStrengthIndex::new(2 * n - 1).expect(legal)),
            Ask::One("MIN", n) => TaIndicator::Min(Minimum::new(n).expect(legal)),
            Ask::One("MAX", n) => TaIndicator::Max(Maximum::new(n).expect(legal)),
            Ask::One("ROC", n) => TaIndicator::Roc(RateOfChange::new(n).expect(legal)),
            Ask::One(name, _) => panic!("the ta crate: no indicator for {name}"),
            Ask::Stddev(n) => TaIndicator::Stddev(StandardDeviation::new(n).expect(legal)),
            Ask::Macd(fast, slow, signal) => {
                let macd = MovingAverageConvergenceDivergence::new(fast, slow, signal);
                TaIndicator::Macd(macd.expect(legal))
            }
            Ask::Bands(n, deviations) => TaIndicator::Bands(BollingerBands::new(n, deviations).expect(legal)),
        }
    }

    /// Takes a price, gives its numbers.
    #[inline]
    pub(crate) fn next(&mut self, price: f64, out: &mut [f64; 3]) {
        match self {
            TaIndicator::Sma(indicator) => out[0] = indicator.next(price),
            TaIndicator::Ema(indicator) => out[0] = indicator.next(price),
            TaIndicator::Rsi(indicator) => out[0] = indicator.next(price),
            TaIndicator::Min(indicator) => out[0] = indicator.next(price),
            TaIndicator::Max(indicator) => out[0] = indicator.next(price),
            TaIndicator::Roc(indicator) => out[0] = indicator.next(price),
            TaIndicator::Stddev(indicator) => out[0] = indicator.next(price),
            TaIndicator::Macd(indicator) => {
                let lines = indicator.next(price);
                *out = [lines.macd, lines.signal, lines.histogram];
            }
            TaIndicator::Bands(indicator) => {
                let lines = indicator.next(price);
                *out = [lines.upper, lines.average, lines.lower];
            }
        }
    }
}
