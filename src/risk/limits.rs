//! The operator's limits, in the units of the gate.
//!
//! What it is not: the venue's rules (`types::InstrumentSpec`).
//!
//! Invariant: limits that exist are complete and in range: there is no "unlimited", and no limits means no trading.

use crate::types::{InstrumentSpec, Money, NS_PER_S, Qty};

/// The most that `open_orders_max` may be.
pub const OPEN_ORDERS_MAX: u32 = 4_096;

/// The most that `executions_max` may be: so many times are remembered for each instrument that is traded.
pub const EXECUTIONS_MAX: u32 = 1_000;

/// The operator's limits as the configuration says them. There is no default.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Largest order, lots, > 0.
    pub order_lots_max: f64,
    /// Largest position, open orders included, lots, > 0.
    pub position_lots_max: f64,
    /// Orders whose fate may be open at once, 1 to [`OPEN_ORDERS_MAX`].
    pub open_orders_max: u32,
    /// Furthest order price from the quote, points.
    pub price_distance_max_points: u32,
    /// Orders a second, >= 1.
    pub orders_per_s_max: u32,
    /// Orders at once, >= 1.
    pub orders_burst_max: u32,
    /// Oldest quote to open on, nanoseconds, > 0.
    pub stale_after_ns: i64,
    /// Largest loss of a day, account currency, > 0.
    pub daily_loss_max: Money,
    /// Start of the day, seconds after midnight of server time.
    pub day_starts_at_s: u32,
    /// Refusals of the venue in a row before openings stop, >= 1.
    pub rejects_in_row_max: u32,
    /// Largest fall of equity from its highest, account currency, > 0.
    pub trailing_loss_max: Money,
    /// Losing deals in a row before openings stop, >= 1.
    pub losses_in_row_max: u32,
    /// Openings of an instrument within the window before it is disabled, 1 to [`EXECUTIONS_MAX`].
    pub executions_max: u32,
    /// The time in which openings are counted, nanoseconds, > 0.
    pub executions_window_ns: i64,
    /// Largest order by its value, account currency, > 0.
    pub order_value_max: Money,
    /// Largest move of the mid within the window, points, >= 1.
    pub jump_max_points: u32,
    /// The time over which the move is looked at, nanoseconds, > 0.
    pub jump_window_ns: i64,
    /// Lowest margin level to open at, per cent, >= 1.
    pub margin_level_min_percent: u32,
    /// Oldest word of the account to open on, nanoseconds, > 0.
    pub account_age_max_ns: i64,
    /// An order without an answer is in doubt after this, nanoseconds, > 0.
    pub unknown_after_ns: i64,
    /// An order in doubt calls the operator after this, nanoseconds, > 0.
    pub page_after_ns: i64,
    /// A real-money account may be traded.
    pub allow_live: bool,
}

/// A limit that makes no sense.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("risk.{key}: expected {expected}, got {got}")]
pub struct LimitError {
    /// Its key.
    pub key: &'static str,
    /// What would be accepted.
    pub expected: &'static str,
    /// What came.
    pub got: f64,
}

impl Limits {
    /// Checks every limit; the first that makes no sense is the error.
    pub fn validate(&self) -> Result<(), LimitError> {
        let above_zero = [
            ("order_lots_max", self.order_lots_max),
            ("position_lots_max", self.position_lots_max),
            ("open_orders_max", f64::from(self.open_orders_max)),
            ("orders_per_s_max", f64::from(self.orders_per_s_max)),
            ("orders_burst_max", f64::from(self.orders_burst_max)),
            ("stale_after_ms", self.stale_after_ns as f64),
            ("daily_loss_max", self.daily_loss_max.as_f64()),
            ("rejects_in_row_max", f64::from(self.rejects_in_row_max)),
            ("trailing_loss_max", self.trailing_loss_max.as_f64()),
            ("losses_in_row_max", f64::from(self.losses_in_row_max)),
            ("executions_max", f64::from(self.executions_max)),
            ("executions_window_ms", self.executions_window_ns as f64),
            ("order_value_max", self.order_value_max.as_f64()),
            ("jump_max_points", f64::from(self.jump_max_points)),
            ("jump_window_ms", self.jump_window_ns as f64),
            ("margin_level_min_percent", f64::from(self.margin_level_min_percent)),
            ("account_age_max_ms", self.account_age_max_ns as f64),
            ("unknown_after_ms", self.unknown_after_ns as f64),
            ("page_after_ms", self.page_after_ns as f64),
        ];
        for (key, got) in above_zero {
            if !got.is_finite() || got <= 0.0 {
                return Err(LimitError { key, expected: "a finite number above 0", got });
            }
        }
        if self.open_orders_max > OPEN_ORDERS_MAX {
            let got = f64::from(self.open_orders_max);
            return Err(LimitError { key: "open_orders_max", expected: "1 to 4096", got });
        }
        if self.executions_max > EXECUTIONS_MAX {
            let got = f64::from(self.executions_max);
            return Err(LimitError { key: "executions_max", expected: "1 to 1000", got });
        }
        if i64::from(self.day_starts_at_s) >= 86_400 {
            let got = f64::from(self.day_starts_at_s);
            return Err(LimitError { key: "day_starts_at", expected: "below 24:00", got });
        }
        Ok(())
    }

    /// These limits on one instrument's grids, within the venue's own.
    pub fn for_instrument(&self, spec: &InstrumentSpec) -> InstrumentLimits {
        let steps = |lots: f64| (lots / spec.volume_step + 1e-9).floor().min(i64::MAX as f64 / 4.0) as i64;
        let mut position_max = steps(self.position_lots_max);
        if spec.volume_limit.0 > 0 {
            position_max = position_max.min(spec.volume_limit.0);
        }
        // What a tick on a step is worth; anything but a number above zero permits no value at all.
        let worth = spec.tick_value * spec.volume_step;
        let value_max = if worth > 0.0 { (self.order_value_max.as_f64() / worth).floor() as i64 } else { 0 };
        InstrumentLimits {
            value_max,
            jump_max: spec.points_to_ticks(self.jump_max_points),
            order_min: spec.volume_min,
            order_max: Qty(steps(self.order_lots_max).min(spec.volume_max.0)),
            position_max: Qty(position_max),
            price_distance_max: spec.points_to_ticks(self.price_distance_max_points),
            stop_distance_max: i64::MAX,
        }
    }

    /// Which trading day a server time belongs to.
    pub fn day_of(&self, server_s: i64) -> i64 {
        (server_s - i64::from(self.day_starts_at_s)).div_euclid(24 * 60 * 60)
    }

    /// [`Limits::day_of`] for nanoseconds.
    pub fn day_of_ns(&self, server_ns: i64) -> i64 {
        self.day_of(server_ns.div_euclid(NS_PER_S))
    }
}

/// Limits of one instrument, in its steps and ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InstrumentLimits {
    /// Smallest order the venue takes.
    pub order_min: Qty,
    /// Largest order.
    pub order_max: Qty,
    /// Largest position, open orders included.
    pub position_max: Qty,
    /// Furthest price from the quote, ticks.
    pub price_distance_max: i64,
    /// Furthest stop from the quote, ticks.
    pub stop_distance_max: i64,
    /// Largest order by value, ticks times steps.
    pub value_max: i64,
    /// Largest move of the mid within the window, ticks.
    pub jump_max: i64,
}

#[cfg(test)]
pub(super) fn test_limits() -> Limits {
    Limits {
        order_lots_max: 1.0,
        position_lots_max: 2.0,
        open_orders_max: 4,
        price_distance_max_points: 50,
        orders_per_s_max: 10,
        orders_burst_max: 5,
        stale_after_ns: NS_PER_S,
        daily_loss_max: Money(100_000_000),
        day_starts_at_s: 0,
        rejects_in_row_max: 3,
        trailing_loss_max: Money(200_000_000),
        losses_in_row_max: 3,
        executions_max: 100,
        executions_window_ns: NS_PER_S,
        order_value_max: Money(1_000_000_000_000_000),
        jump_max_points: 40,
        jump_window_ns: NS_PER_S,
        margin_level_min_percent: 1,
        account_age_max_ns: 24 * 3_600 * NS_PER_S,
        unknown_after_ns: NS_PER_S,
        page_after_ns: 10 * NS_PER_S,
        allow_live: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FixedText, InstrumentId, VenueId};

    #[test]
    fn limits_land_on_the_grid_rounded_down() {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let limits = Limits { order_lots_max: 0.999, position_lots_max: 0.07, ..test_limits() };
        let own = limits.for_instrument(&spec);
        assert_eq!((own.order_max, own.position_max, own.price_distance_max), (Qty(99), Qty(7), 50));
        let tight = InstrumentSpec { volume_limit: Qty(3), volume_max: Qty(5), ..spec };
        let own = limits.for_instrument(&tight);
        assert_eq!((own.order_max, own.position_max), (Qty(5), Qty(3)));
    }

    #[test]
    fn a_value_is_counted_in_ticks_and_steps_and_is_nothing_without_a_tick_value() {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let limits = Limits { order_value_max: Money(50_000_000_000), ..test_limits() };
        // 50,000 in account currency; a tick on 0.01 lots is worth 0.01.
        assert_eq!(limits.for_instrument(&spec).value_max, 5_000_000);
        for tick_value in [0.0, -1.0, f64::NAN] {
            assert_eq!(limits.for_instrument(&InstrumentSpec { tick_value, ..spec }).value_max, 0);
        }
    }

    #[test]
    fn a_limit_without_sense_is_named() {
        let limits = Limits { daily_loss_max: Money(0), ..test_limits() };
        assert_eq!(limits.validate().unwrap_err().key, "daily_loss_max");
        let limits = Limits { order_lots_max: f64::NAN, ..test_limits() };
        assert_eq!(limits.validate().unwrap_err().key, "order_lots_max");
        assert_eq!(test_limits().validate(), Ok(()));
    }

    #[test]
    fn the_day_starts_when_the_operator_says() {
        let limits = Limits { day_starts_at_s: 17 * 3600, ..test_limits() };
        assert_eq!(limits.day_of(17 * 3600 - 1), -1);
        assert_eq!(limits.day_of(17 * 3600), 0);
    }
}
