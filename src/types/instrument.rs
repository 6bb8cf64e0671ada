//! What one symbol at one venue allows: grids, limits and modes; and the exact conversion on its grids.
//!
//! What it is not: a quote, or a limit of ours (`risk` keeps those).
//!
//! Invariant: a spec that exists is sane (positive finite grids, ordered volume limits); conversion is exact or refused.

use super::{ConvertError, Execution, FixedText, InstrumentId, Money, Price, Qty, TradeMode, VenueId};

/// Why a set of symbol properties is not tradable.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("instrument property {property}: expected {expected}, got {got}")]
pub struct SpecError {
    /// The property's MT5 name.
    pub property: &'static str,
    /// What would be accepted.
    pub expected: &'static str,
    /// What came.
    pub got: f64,
}

/// The trading rules of one instrument.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct InstrumentSpec {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Whose.
    pub venue: VenueId,
    /// The venue's own name for it.
    pub symbol: FixedText<32>,
    /// Smallest price step (`SYMBOL_TRADE_TICK_SIZE`), > 0.
    pub tick_size: f64,
    /// Decimal digits of a price, 0 to 15.
    pub digits: u8,
    /// `SYMBOL_POINT` in ticks: deviations and stop levels come in points.
    pub point: f64,
    /// Smallest volume step in lots, > 0.
    pub volume_step: f64,
    /// Smallest order, in steps.
    pub volume_min: Qty,
    /// Largest order, in steps.
    pub volume_max: Qty,
    /// Largest position plus pending volume on one side, in steps; zero is no limit.
    pub volume_limit: Qty,
    /// Units of the underlying in one lot.
    pub contract_size: f64,
    /// Account currency per tick per lot.
    pub tick_value: f64,
    /// Nearest stop to the price, in points.
    pub stops_level_points: u32,
    /// Distance within which nothing can be changed, in points.
    pub freeze_level_points: u32,
    /// What may be traded now.
    pub trade_mode: TradeMode,
    /// How the venue executes.
    pub execution: Execution,
    /// `SYMBOL_FILLING_MODE`: bit 1 FOK, 2 IOC, 4 BOC.
    pub filling_modes: u8,
    /// `SYMBOL_ORDER_MODE` bits.
    pub order_modes: u8,
    /// `SYMBOL_EXPIRATION_MODE` bits.
    pub expiration_modes: u8,
}

/// How far from the grid a double may lie and still mean the grid point: the noise of printing and parsing, no more.
const GRID_TOLERANCE: f64 = 1e-6;
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

fn to_grid(value: f64, grid: f64) -> Result<i64, ConvertError> {
    if !value.is_finite() {
        return Err(ConvertError::NotFinite(value));
    }
    let steps = value / grid;
    let nearest = steps.round();
    if nearest.abs() > EXACT_MAX {
        return Err(ConvertError::OutOfRange { grid, got: value });
    }
    if (steps - nearest).abs() > GRID_TOLERANCE {
        return Err(ConvertError::OffGrid { grid, got: value });
    }
    Ok(nearest as i64)
}

impl InstrumentSpec {
    /// A five-digit currency pair as most brokers offer it; tests, the simulator and the demo start from it.
    pub fn fx(instrument: InstrumentId, venue: VenueId, symbol: FixedText<32>) -> Self {
        InstrumentSpec {
            instrument,
            venue,
            symbol,
            tick_size: 0.000_01,
            digits: 5,
            point: 0.000_01,
            volume_step: 0.01,
            volume_min: Qty(1),
            volume_max: Qty(10_000),
            volume_limit: Qty(0),
            contract_size: 100_000.0,
            tick_value: 1.0,
            stops_level_points: 0,
            freeze_level_points: 0,
            trade_mode: TradeMode::Full,
            execution: Execution::Market,
            filling_modes: 3,
            order_modes: 127,
            expiration_modes: 15,
        }
    }

    /// Checks what the venue said before anything relies on it.
    pub fn validate(&self) -> Result<(), SpecError> {
        let positive = |property, got: f64| {
            if got.is_finite() && got > 0.0 {
                Ok(())
            } else {
                Err(SpecError { property, expected: "a finite number above 0", got })
            }
        };
        positive("SYMBOL_TRADE_TICK_SIZE", self.tick_size)?;
        positive("SYMBOL_POINT", self.point)?;
        positive("SYMBOL_VOLUME_STEP", self.volume_step)?;
        positive("SYMBOL_TRADE_CONTRACT_SIZE", self.contract_size)?;
        positive("SYMBOL_TRADE_TICK_VALUE", self.tick_value)?;
        if self.digits > 15 {
            return Err(SpecError {
                property: "SYMBOL_DIGITS",
                expected: "0 to 15",
                got: f64::from(self.digits),
            });
        }
        if self.volume_min.0 < 1 || self.volume_max < self.volume_min {
            return Err(SpecError {
                property: "SYMBOL_VOLUME_MAX",
                expected: "at least SYMBOL_VOLUME_MIN, itself at least one step",
                got: self.volume_max.0 as f64,
            });
        }
        Ok(())
    }

    /// A price from the outside, exactly or not at all.
    pub fn price(&self, value: f64) -> Result<Price, ConvertError> {
        to_grid(value, self.tick_size).map(Price)
    }

    /// A price for the outside; [`Price::NONE`] becomes 0, MT5's "not set".
    pub fn price_to_f64(&self, price: Price) -> f64 {
        if !price.is_some() {
            return 0.0;
        }
        let scale = 10f64.powi(i32::from(self.digits));
        (price.0 as f64 * self.tick_size * scale).round() / scale
    }

    /// A volume in lots from the outside, exactly or not at all.
    pub fn qty(&self, lots: f64) -> Result<Qty, ConvertError> {
        to_grid(lots, self.volume_step).map(Qty)
    }

    /// A volume in lots for the outside, to the eighth decimal.
    pub fn qty_to_lots(&self, qty: Qty) -> f64 {
        (qty.0 as f64 * self.volume_step * 1e8).round() / 1e8
    }

    /// What a move of `ticks` is worth on `qty` steps, in account currency; saturates.
    pub fn value_of(&self, ticks: i64, qty: Qty) -> Money {
        let amount = ticks as f64 * self.tick_value * qty.0 as f64 * self.volume_step;
        Money::from_f64(amount).unwrap_or(if amount < 0.0 { Money(i64::MIN) } else { Money(i64::MAX) })
    }

    /// MT5 points (deviation, stop level) as ticks, rounded up.
    pub fn points_to_ticks(&self, points: u32) -> i64 {
        (f64::from(points) * self.point / self.tick_size - GRID_TOLERANCE).ceil() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eurusd() -> InstrumentSpec {
        InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").unwrap())
    }

    #[test]
    fn every_tick_of_a_pair_survives_the_round_trip() {
        let spec = eurusd();
        for ticks in (0..300_000).step_by(7) {
            let text = format!("{}.{:05}", ticks / 100_000, ticks % 100_000);
            let value: f64 = text.parse().unwrap();
            assert_eq!(spec.price(value), Ok(Price(ticks)), "{text}");
            assert_eq!(spec.price_to_f64(Price(ticks)), value, "{text}");
        }
    }

    #[test]
    fn what_is_not_on_the_grid_is_refused() {
        let spec = eurusd();
        assert!(matches!(spec.price(1.123_455), Err(ConvertError::OffGrid { .. })));
        assert!(matches!(spec.price(f64::NAN), Err(ConvertError::NotFinite(_))));
        assert!(matches!(spec.price(1e12), Err(ConvertError::OutOfRange { .. })));
        assert_eq!(spec.qty(0.07), Ok(Qty(7)));
        assert!(spec.qty(0.075).is_err());
    }

    #[test]
    fn insane_specs_are_refused_by_name() {
        let spec = InstrumentSpec { tick_size: 0.0, ..eurusd() };
        assert_eq!(spec.validate().unwrap_err().property, "SYMBOL_TRADE_TICK_SIZE");
        let spec = InstrumentSpec { volume_max: Qty(0), ..eurusd() };
        assert_eq!(spec.validate().unwrap_err().property, "SYMBOL_VOLUME_MAX");
        assert_eq!(eurusd().validate(), Ok(()));
    }

    #[test]
    fn a_tick_on_one_lot_is_worth_its_tick_value() {
        assert_eq!(eurusd().value_of(-10, Qty(100)), Money(-10_000_000));
        assert_eq!(eurusd().value_of(i64::MAX, Qty(i64::MAX)), Money(i64::MAX));
    }
}
