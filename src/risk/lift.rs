//! Which limits an operator may lift for one order: those of the order itself.
//!
//! What it is not: the leave (`engine::overrides`), or a change of a limit (`limit_key`).
//!
//! Invariant: what is not in the list is never lifted: no kill, no loss, no session, no account, no doubt, no rate, no position. A leave
//! has a bound and an end.

use super::limit_key::LimitKey;
use super::limits::{InstrumentLimits, LimitError, Limits};
use super::reason::Reason;
use crate::types::InstrumentSpec;

/// Reasons that may be lifted for one order, with the limit that stands behind each.
pub const LIFTABLE: [(Reason, LimitKey); 4] = [
    (Reason::SizeOrder, LimitKey::OrderLots),
    (Reason::SizeValue, LimitKey::OrderValue),
    (Reason::PriceDistance, LimitKey::PriceDistance),
    (Reason::PriceJump, LimitKey::Jump),
];

/// A bound is at most so many times what the configuration has.
pub const LIFT_FACTOR_MAX: f64 = 10.0;

/// A leave lasts so many minutes at most.
pub const LIFT_MINUTES_MAX: u32 = 15;

/// The limit behind a reason; `None` for one that is never lifted.
pub fn liftable(reason: Reason) -> Option<LimitKey> {
    LIFTABLE.iter().find(|(of, _)| *of == reason).map(|(_, key)| *key)
}

impl Limits {
    /// An instrument's limits with one of them at `bound`, as the configuration measures it; the venue's own stay.
    pub fn lifted(
        &self,
        own: InstrumentLimits,
        key: LimitKey,
        bound: f64,
        spec: &InstrumentSpec,
    ) -> Result<InstrumentLimits, LimitError> {
        let one = self.with(key, bound)?.for_instrument(spec);
        Ok(match key {
            LimitKey::OrderLots => InstrumentLimits { order_max: one.order_max.max(own.order_max), ..own },
            LimitKey::OrderValue => InstrumentLimits { value_max: one.value_max.max(own.value_max), ..own },
            LimitKey::PriceDistance => {
                let price_distance_max = one.price_distance_max.max(own.price_distance_max);
                InstrumentLimits { price_distance_max, ..own }
            }
            LimitKey::Jump => InstrumentLimits { jump_max: one.jump_max.max(own.jump_max), ..own },
            _ => own,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::test_limits;
    use super::*;
    use crate::types::{FixedText, InstrumentId, Qty, VenueId};

    #[test]
    fn one_limit_is_lifted_to_its_bound_and_no_other() {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let limits = test_limits();
        let own = limits.for_instrument(&spec);
        for (reason, key) in LIFTABLE {
            assert_eq!(liftable(reason), Some(key));
            let bound = limits.value(key) * 3.0;
            let lifted = limits.lifted(own, key, bound, &spec).expect("a bound that makes sense");
            assert_ne!(lifted, own, "{reason:?}");
            let back = match key {
                LimitKey::OrderLots => InstrumentLimits { order_max: own.order_max, ..lifted },
                LimitKey::OrderValue => InstrumentLimits { value_max: own.value_max, ..lifted },
                LimitKey::PriceDistance => {
                    InstrumentLimits { price_distance_max: own.price_distance_max, ..lifted }
                }
                _ => InstrumentLimits { jump_max: own.jump_max, ..lifted },
            };
            assert_eq!(back, own, "{reason:?}");
            assert!(limits.lifted(own, key, f64::INFINITY, &spec).is_err(), "{reason:?}: without a bound");
        }
    }

    #[test]
    fn what_guards_everything_is_not_in_the_list_and_the_venues_largest_order_stays() {
        for reason in [
            Reason::TradingHalted,
            Reason::KillScope,
            Reason::OperatorKill,
            Reason::LossDaily,
            Reason::LossTrailing,
            Reason::SessionDown,
            Reason::SessionUnreconciled,
            Reason::OrderUnknown,
            Reason::AccountReal,
            Reason::JournalFault,
            Reason::SizePosition,
            Reason::RateOrders,
        ] {
            assert_eq!(liftable(reason), None, "{reason:?}");
        }
        let mut spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        spec.volume_max = Qty(120);
        let limits = test_limits();
        let own = limits.for_instrument(&spec);
        let lifted = limits.lifted(own, LimitKey::OrderLots, 9.0, &spec).unwrap();
        assert_eq!((own.order_max, lifted.order_max), (Qty(100), Qty(120)));
    }
}
