//! The units in which each instrument is counted, price step, volume step and point: those that were told first.
//!
//! What it is not: the venue's rules, which change. A venue that changes its units is converted to what is counted here: lots and
//! prices stay what they are, and so do the numbers of what was known before.
//!
//! Invariant: an instrument is converted by the same units for as long as a connection lives, however often it tells others;
//! whoever owns several connections has them start with the same (`agents/units.rs`).

use crate::types::{INSTRUMENTS_MAX, InstrumentId, InstrumentSpec, Qty, TradeMode};

/// Part of a step that lots may be off it.
const TOLERANCE: f64 = 1e-6;

/// What one instrument is counted in.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Unit {
    tick_size: f64,
    volume_step: f64,
    point: f64,
}

impl Unit {
    fn of(spec: &InstrumentSpec) -> Self {
        Unit { tick_size: spec.tick_size, volume_step: spec.volume_step, point: spec.point }
    }

    /// Whether they differ by no more than what a computation leaves.
    fn is(&self, other: &Unit) -> bool {
        let same = |one: f64, other: f64| (one - other).abs() <= one.abs() * 1e-9;
        same(self.tick_size, other.tick_size)
            && same(self.volume_step, other.volume_step)
            && same(self.point, other.point)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Units(Box<[Option<Unit>]>);

impl Default for Units {
    fn default() -> Self {
        Units(vec![None; INSTRUMENTS_MAX].into())
    }
}

impl Units {
    /// Forgets all. Takes no memory.
    pub(super) fn clear(&mut self) {
        self.0.fill(None);
    }

    /// Keeps an instrument's units as these rules have them, unless some are kept already.
    pub(super) fn keep(&mut self, spec: &InstrumentSpec) {
        if let Some(unit) = self.unit(spec.instrument) {
            unit.get_or_insert(Unit::of(spec));
        }
    }

    fn unit(&mut self, instrument: InstrumentId) -> Option<&mut Option<Unit>> {
        instrument.index().and_then(|index| self.0.get_mut(index))
    }

    /// Rules as a venue told them, in the kept units; and where the venue's own are others, how many of its points one of ours is. Then
    /// only reductions are allowed: what is held is whole in the kept units, and what would be new need not be.
    pub(super) fn applied(&mut self, told: InstrumentSpec) -> (InstrumentSpec, Option<f64>) {
        let own = Unit::of(&told);
        let kept = self.unit(told.instrument).map_or(own, |unit| *unit.get_or_insert(own));
        let Unit { tick_size, volume_step, point } = kept;
        if kept.is(&own) {
            return (InstrumentSpec { tick_size, volume_step, point, ..told }, None);
        }
        let steps = |qty: Qty| qty.0 as f64 * told.volume_step / volume_step;
        let least = ((steps(told.volume_min) - TOLERANCE).ceil() as i64).max(1);
        let most = |qty: Qty| (steps(qty) + TOLERANCE).floor() as i64;
        let points = |points: u32| (f64::from(points) * told.point / point - TOLERANCE).ceil() as u32;
        let spec = InstrumentSpec {
            tick_size,
            volume_step,
            point,
            tick_value: told.tick_value * tick_size / told.tick_size,
            volume_min: Qty(least),
            volume_max: Qty(most(told.volume_max).max(least)),
            // None is zero.
            volume_limit: if told.volume_limit.0 == 0 { Qty(0) } else { Qty(most(told.volume_limit).max(1)) },
            stops_level_points: points(told.stops_level_points),
            freeze_level_points: points(told.freeze_level_points),
            trade_mode: match told.trade_mode {
                TradeMode::Disabled => TradeMode::Disabled,
                _ => TradeMode::CloseOnly,
            },
            ..told
        };
        (spec, Some(point / told.point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FixedText, Price, VenueId};

    fn told(units: [f64; 3]) -> InstrumentSpec {
        let [tick_size, volume_step, point] = units;
        let eur = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").unwrap());
        InstrumentSpec { tick_size, volume_step, point, tick_value: 100_000.0 * tick_size, ..eur }
    }

    #[test]
    fn a_venue_that_changes_its_units_is_told_the_same_prices_and_lots() {
        let mut units = Units::default();
        let first = told([0.00001, 0.01, 0.00001]);
        assert_eq!(units.applied(first), (first, None));
        for other in [[0.000001, 0.1, 0.000001], [0.0001, 0.001, 0.0001]] {
            let new = InstrumentSpec { stops_level_points: 20, ..told(other) };
            let (applied, points) = units.applied(new);
            let points = points.expect("the venue counts in others");
            assert!((points - 0.00001 / other[0]).abs() < 1e-6, "{points}");
            assert!(applied.trade_mode == TradeMode::CloseOnly);
            assert!(applied.validate().is_ok(), "{applied:?}");
            assert_eq!(applied.price(1.23456), Ok(Price(123_456)));
            assert_eq!(applied.qty(0.1), Ok(Qty(10)));
            assert!((applied.tick_value - 1.0).abs() < 1e-9, "{}", applied.tick_value);
            // The least and the most lots that the venue takes, and the nearest stop.
            let lots = |qty: Qty, spec: &InstrumentSpec| qty.0 as f64 * spec.volume_step;
            assert!((lots(applied.volume_max, &applied) - lots(new.volume_max, &new)).abs() < 0.01);
            assert!(lots(applied.volume_min, &applied) >= lots(new.volume_min, &new) - 1e-9);
            let stop =
                |spec: &InstrumentSpec| spec.points_to_ticks(spec.stops_level_points) as f64 * spec.tick_size;
            assert!(stop(&applied) >= stop(&new) - 1e-9 && stop(&applied) < stop(&new) + 0.00001);
        }
        assert_eq!(units.applied(first), (first, None), "they are back");
        let nearly = InstrumentSpec { point: 0.000_010_000_000_001, ..first };
        assert_eq!(units.applied(nearly), (first, None), "what a computation leaves is no change");
    }

    #[test]
    fn what_a_start_keeps_counts_before_anybody_spoke() {
        let mut units = Units::default();
        units.keep(&told([0.00001, 0.01, 0.00001]));
        units.keep(&told([0.1, 1.0, 0.1]));
        let (applied, points) = units.applied(told([0.0001, 0.01, 0.0001]));
        assert_eq!((applied.tick_size, points.is_some()), (0.00001, true));
    }
}
