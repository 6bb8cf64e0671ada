//! The operator's leave for one order beyond one limit: what may be asked for, and how it is asked.
//!
//! What it is not: the leave itself; the engine has that, and the journal says who gave it, why, and which order used it.
//!
//! Invariant: a leave names one instrument and one reason of the list, more than what holds and no more than ten times the
//! configuration, and ends within a quarter of an hour. What is refused changes nothing.

use super::console::AnswerError;
use super::{Appliance, ControlError, Word};
use crate::record::{Origin, Override, Record};
use crate::risk::{LIFT_FACTOR_MAX, LIFT_MINUTES_MAX, LIFTABLE, LimitError, LimitKey, Limits, Reason};
use crate::types::{InstrumentId, VenueId};
use serde_json::{Value as Json, json};

/// Why no leave is given.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum OverrideRefusal {
    /// A reason that stands.
    #[error("expected a reason that may be overridden for one order, one of {known}, got {got:?}")]
    Reason {
        /// Those that there are.
        known: String,
        /// What came.
        got: String,
    },
    /// The bound makes no sense.
    #[error(transparent)]
    Value(#[from] LimitError),
    /// The bound lies outside of its range.
    #[error("{}: expected a bound above the {} that holds and at most {} {}, got {}", .reason.name(), .above, .most, .key.unit(), .got)]
    Bound {
        /// What is lifted.
        reason: Reason,
        /// The limit behind it.
        key: LimitKey,
        /// What holds.
        above: f64,
        /// The highest bound.
        most: f64,
        /// What came.
        got: f64,
    },
    /// Too long, or no time at all.
    #[error("expected 1 to {LIFT_MINUTES_MAX} minutes, got {0}")]
    Minutes(u32),
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Leave<'a> {
    pub(super) instrument: InstrumentId,
    pub(super) reason: &'a str,
    pub(super) bound: f64,
    pub(super) minutes: u32,
}

/// The reason and its limit, where the leave may be given.
fn judge(
    leave: &Leave<'_>,
    holds: &Limits,
    configured: &Limits,
) -> Result<(Reason, LimitKey), OverrideRefusal> {
    let known = || LIFTABLE.iter().map(|(reason, _)| reason.name()).collect::<Vec<_>>().join(", ");
    let (reason, key) = LIFTABLE
        .into_iter()
        .find(|(reason, _)| reason.name() == leave.reason)
        .ok_or_else(|| OverrideRefusal::Reason { known: known(), got: leave.reason.into() })?;
    configured.with(key, leave.bound)?;
    let (above, most) = (holds.value(key), configured.value(key) * LIFT_FACTOR_MAX);
    if leave.bound <= above || leave.bound > most {
        return Err(OverrideRefusal::Bound { reason, key, above, most, got: leave.bound });
    }
    if leave.minutes == 0 || leave.minutes > LIFT_MINUTES_MAX {
        return Err(OverrideRefusal::Minutes(leave.minutes));
    }
    Ok((reason, key))
}

impl Appliance {
    /// Gives a leave, as the operator says.
    pub(super) fn give_leave(&mut self, leave: &Leave<'_>, word: &Word) -> Result<Json, AnswerError> {
        let (holds, configured) = (self.limits.effective(), *self.limits.configured());
        let (reason, key) = judge(leave, &holds, &configured)?;
        let payload = Override {
            bound: leave.bound,
            lasts_s: leave.minutes * 60,
            reason: reason as u16,
            reserved: [0; 2],
            who: *word.who.bytes(),
            why: *word.why.bytes(),
        };
        let record = Record::new(Origin::Operator, self.now(), VenueId(0), leave.instrument, &payload);
        self.control.try_push(record).map_err(|_| ControlError::QueueFull)?;
        Ok(json!({
            "one_order_may_exceed": reason.name(),
            "up_to": leave.bound,
            "unit": key.unit(),
            "instead_of": holds.value(key),
            "for_minutes": leave.minutes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn limits() -> Limits {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let config = Config::load(&path).expect("the demo's configuration");
        let models = crate::setup::read_models(&config).expect("the demo's model");
        crate::setup::engine_setup(&config, &models).expect("a setup").limits
    }

    #[test]
    fn a_leave_is_for_a_reason_of_the_list_within_a_bound_and_a_quarter_of_an_hour() {
        let limits = limits();
        let lots = limits.order_lots_max;
        let fine = Leave { instrument: InstrumentId(0), reason: "SIZE_ORDER", bound: lots * 2.0, minutes: 5 };
        assert_eq!(judge(&fine, &limits, &limits), Ok((Reason::SizeOrder, LimitKey::OrderLots)));
        for reason in ["TRADING_HALTED", "LOSS_DAILY", "KILL_SCOPE", "SESSION_DOWN", "size_order", ""] {
            let refused = judge(&Leave { reason, ..fine }, &limits, &limits);
            assert!(matches!(refused, Err(OverrideRefusal::Reason { .. })), "{reason}");
        }
        for bound in [lots, lots / 2.0, lots * 10.5] {
            let refused = judge(&Leave { bound, ..fine }, &limits, &limits);
            assert!(matches!(refused, Err(OverrideRefusal::Bound { .. })), "{bound}");
        }
        for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = judge(&Leave { bound, ..fine }, &limits, &limits);
            assert!(matches!(refused, Err(OverrideRefusal::Value(_))), "{bound}");
        }
        for minutes in [0, 16, u32::MAX] {
            let refused = judge(&Leave { minutes, ..fine }, &limits, &limits);
            assert_eq!(refused, Err(OverrideRefusal::Minutes(minutes)));
        }
    }
}
