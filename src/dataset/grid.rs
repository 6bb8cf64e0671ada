//! Prices of files in whole ticks of an instrument.
//!
//! What it is not: the live conversion from doubles (`types::InstrumentSpec`); a file's prices are exact decimals.
//!
//! Invariant: a price is converted exactly or not at all.

use crate::store::ticks::NO_PRICE;
use crate::types::Price;

/// Decimals that a tick size may have.
const DIGITS_MAX: u8 = 15;

/// A tick size: `mantissa * 10^-digits`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grid {
    mantissa: i64,
    digits: u8,
}

impl Grid {
    /// Of a tick size as the configuration says it; `None` if it is no decimal of at most 15 places.
    pub fn of(tick_size: f64) -> Option<Self> {
        (0..=DIGITS_MAX).find_map(|digits| {
            let scaled = tick_size * 10f64.powi(i32::from(digits));
            let near = scaled.round();
            let exact = (1.0..=1e15).contains(&near) && (scaled - near).abs() <= 1e-9 * near;
            exact.then_some(Grid { mantissa: near as i64, digits })
        })
    }

    /// The finest of what files say: (tick size as a mantissa, digits).
    pub(super) fn learnt(files: impl Iterator<Item = (i64, u8)>) -> Option<Self> {
        files
            .filter(|(mantissa, _)| *mantissa > 0)
            .map(|(mantissa, digits)| Grid { mantissa, digits })
            .min_by(|a, b| a.tick_size().total_cmp(&b.tick_size()))
    }

    /// The tick size as a double.
    pub fn tick_size(&self) -> f64 {
        self.mantissa as f64 / 10f64.powi(i32::from(self.digits))
    }

    /// A price `mantissa * 10^-digits` in ticks; zero and absent are no price. `None` if it lies between two ticks.
    pub fn ticks(&self, mantissa: i64, digits: u8) -> Option<Price> {
        if mantissa == NO_PRICE || mantissa == 0 {
            return Some(Price::NONE);
        }
        let (up, down) = (self.digits.saturating_sub(digits), digits.saturating_sub(self.digits));
        let value = i128::from(mantissa) * 10i128.pow(u32::from(up));
        let tick = i128::from(self.mantissa) * 10i128.pow(u32::from(down));
        (value % tick == 0).then_some(())?;
        i64::try_from(value / tick).ok().map(Price)
    }

    /// The nearest double to the decimal price; `None` where there is no price.
    pub fn price(&self, price: Price) -> Option<f64> {
        let value = price.is_some().then_some(price.0.checked_mul(self.mantissa)?)?;
        Some(value as f64 / 10f64.powi(i32::from(self.digits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_or_refused() {
        let point = Grid::of(0.00001).unwrap();
        assert_eq!(point, Grid { mantissa: 1, digits: 5 });
        assert_eq!(point.ticks(138_694, 5), Some(Price(138_694)));
        assert_eq!(point.ticks(13_869, 4), Some(Price(138_690)));
        assert_eq!(point.ticks(1_386_940, 6), Some(Price(138_694)));
        assert_eq!(point.ticks(1_386_941, 6), None);
        assert_eq!((point.ticks(0, 5), point.ticks(NO_PRICE, 5)), (Some(Price::NONE), Some(Price::NONE)));
        assert_eq!(point.price(Price(138_694)).map(f64::to_bits), Some(1.38694f64.to_bits()));
        assert_eq!(point.price(Price::NONE), None);
        let quarter = Grid::of(0.25).unwrap();
        assert_eq!((quarter.ticks(512_375, 2), quarter.ticks(512_340, 2)), (Some(Price(20_495)), None));
        assert_eq!(quarter.price(Price(20_495)), Some(5_123.75));
        assert_eq!(Grid::of(1.0 / 3.0), None);
        assert_eq!(Grid::learnt([(1, 4), (1, 5), (5, 5)].into_iter()), Some(point));
    }
}
