//! Amounts of account currency.
//!
//! What it is not: it converts between no currencies.
//!
//! Invariant: micro-units in an `i64`; sums saturate, so a limit can be reached but never wrapped past.

/// An amount of account currency, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);
    /// Millionths in one unit.
    pub const MICROS: f64 = 1e6;

    /// From the outside's double, to the nearest millionth; `None` for NaN, infinities and what does not fit.
    pub fn from_f64(amount: f64) -> Option<Money> {
        let micros = (amount * Self::MICROS).round();
        (micros.is_finite() && micros.abs() < 9.2e18).then_some(Money(micros as i64))
    }

    /// For reports and wires.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::MICROS
    }

    /// Sum; saturates.
    pub fn plus(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    /// Difference; saturates.
    pub fn minus(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_amounts_become_money() {
        assert_eq!(Money::from_f64(-1.234_567_4), Some(Money(-1_234_567)));
        assert_eq!(Money::from_f64(f64::NAN), None);
        assert_eq!(Money::from_f64(1e14), None);
        assert_eq!(Money(i64::MAX).plus(Money(1)), Money(i64::MAX));
    }
}
