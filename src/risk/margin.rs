//! The margin that an order will take, estimated from what the terminal tells of the symbol.
//!
//! What it is not: the server's own reckoning, which nets and hedges with what is held; the estimate is of the order alone, and so
//! rarely less.
//!
//! Invariant: what follows from a number that is missing, or from a formula that is not known, is not known.

use crate::types::{InstrumentSpec, Side};

/// What a symbol's margin follows from (`facts`: checks before a send, SYMBOL_CALC_MODE).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MarginTerms {
    /// `SYMBOL_TRADE_CALC_MODE`.
    pub calc_mode: u8,
    /// `SYMBOL_MARGIN_INITIAL` of a lot.
    pub initial: f64,
    /// `SymbolInfoMarginRate` of a buy and of a sell.
    pub rates: [f64; 2],
    /// Margin is in the account's currency.
    pub is_account_currency: bool,
}

impl MarginTerms {
    /// Account currency for each step at this price in ticks, with an account's leverage.
    pub fn of_step(&self, side: Side, spec: &InstrumentSpec, price: f64, leverage: u32) -> Option<f64> {
        let value = price * spec.tick_value * spec.volume_step;
        let whole = match self.calc_mode {
            // Forex, contracts for difference by leverage.
            0 | 4 if leverage > 0 => value / f64::from(leverage),
            // Contracts for difference, indices, forex without leverage, stocks.
            2 | 3 | 5 | 32 | 38 => value,
            // Futures: an amount for each lot, in a currency of its own.
            1 | 33 | 34 if self.is_account_currency => self.initial * spec.volume_step,
            _ => return None,
        };
        let margin = whole * self.rates[side.index()];
        (margin.is_finite() && margin > 0.0).then_some(margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FixedText, InstrumentId, VenueId};

    #[test]
    fn each_formula_is_the_terminals_and_what_is_not_known_is_none() {
        // EURUSD at 1.2: a step of 0.01 lots is worth 1,200.
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let terms = |calc_mode| MarginTerms {
            calc_mode,
            initial: 2_000.0,
            rates: [1.0, 0.5],
            is_account_currency: true,
        };
        let of = |terms: MarginTerms, side, leverage| {
            terms.of_step(side, &spec, 120_000.0, leverage).map(|margin| (margin * 100.0).round() / 100.0)
        };
        assert_eq!(of(terms(0), Side::Buy, 100), Some(12.0));
        assert_eq!(of(terms(4), Side::Sell, 100), Some(6.0));
        assert_eq!(of(terms(2), Side::Buy, 100), Some(1_200.0));
        assert_eq!(of(terms(33), Side::Buy, 100), Some(20.0));
        assert_eq!(of(MarginTerms { is_account_currency: false, ..terms(33) }, Side::Buy, 100), None);
        assert_eq!(of(terms(0), Side::Buy, 0), None, "no leverage was told");
        assert_eq!(of(terms(37), Side::Buy, 100), None, "bonds");
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(of(MarginTerms { rates: [rate; 2], ..terms(0) }, Side::Buy, 100), None, "{rate}");
        }
    }
}
