//! What the control floor sees and the engine cannot: the system's clock, and terminals that were refused.
//!
//! What it is not: a judgement; the engine has the limits and the breakers.
//!
//! Invariant: a reading of the clock becomes a record when it crosses the limit, either way, and when it was not taken it is told
//! again.

use super::Appliance;
use crate::engine::ClockPlan;
use crate::record::{Incident, IncidentKind, Origin, Record};
use crate::types::{InstrumentId, NS_PER_S, TimeNs, VenueId};

/// The system's clock is looked at so often.
const EVERY_NS: i64 = NS_PER_S;

/// Our clock against the system's.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockWatch {
    plan: ClockPlan,
    due: TimeNs,
    error_ns: i64,
    /// What the engine was told last.
    is_told_far: bool,
    /// The operator was told that ours follows slowly.
    is_said: bool,
}

impl ClockWatch {
    pub(super) fn new(plan: ClockPlan) -> Self {
        ClockWatch { plan, due: TimeNs::NEVER, error_ns: 0, is_told_far: false, is_said: false }
    }

    /// Takes a reading; `true` when the engine is to be told.
    fn take(&mut self, error_ns: i64) -> bool {
        self.error_ns = error_ns;
        self.is_far() != self.is_told_far
    }

    /// What is said when ours begins to follow the system's, and when it has.
    fn words(&mut self, is_catching_up: bool) -> Option<String> {
        if is_catching_up == self.is_said {
            return None;
        }
        self.is_said = is_catching_up;
        Some(match is_catching_up {
            true => format!(
                "clock: the system's is {} ms ahead of ours, which follows by one per cent, so that no time-out ends early; a \
                 start takes it over at once",
                self.error_ns / 1_000_000
            ),
            false => "clock: ours has caught up with the system's".into(),
        })
    }

    fn is_far(&self) -> bool {
        self.plan.step_ns_max > 0 && self.error_ns.saturating_abs() > self.plan.step_ns_max
    }
}

impl Appliance {
    /// Holds our clock against the system's once a second, and bends it; says so when it crosses its limit, or follows slowly.
    pub fn watch_clock(&mut self) -> Vec<String> {
        let now = self.now();
        if now < self.clock_watch.due {
            return Vec::new();
        }
        self.clock_watch.due = now.plus_ns(EVERY_NS);
        let Some(seen) = self.clock.discipline() else { return Vec::new() };
        let crosses = self.clock_watch.take(seen.error_ns)
            && self.tell_incident(IncidentKind::ClockError, seen.error_ns);
        let mut said: Vec<String> = self.clock_watch.words(seen.is_catching_up).into_iter().collect();
        if crosses {
            self.clock_watch.is_told_far = self.clock_watch.is_far();
            let words = if self.clock_watch.is_told_far { "stepped away" } else { "is near again" };
            said.push(format!("clock: the system's {words}: {} ms from ours", seen.error_ns / 1_000_000));
        }
        said
    }

    /// System time minus ours at the last look, nanoseconds.
    pub(super) fn clock_error_ns(&self) -> i64 {
        self.clock_watch.error_ns
    }

    /// Tells the engine of something that it cannot see; `false` when its queue is full.
    pub(super) fn tell_incident(&self, kind: IncidentKind, amount: i64) -> bool {
        let incident = Incident { amount, kind: kind as u8, reserved: [0; 7] };
        let record = Record::new(Origin::Appliance, self.now(), VenueId(0), InstrumentId::NONE, &incident);
        self.control.try_push(record).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_told_when_the_limit_is_crossed_and_again_until_it_took_it() {
        let plan = ClockPlan { step_ns_max: NS_PER_S, ..ClockPlan::default() };
        let mut watch = ClockWatch::new(plan);
        assert!(!watch.take(NS_PER_S) && watch.take(-NS_PER_S - 1) && watch.take(2 * NS_PER_S));
        watch.is_told_far = true;
        assert!(!watch.take(3 * NS_PER_S) && watch.take(0));
        watch.is_told_far = false;
        assert!(watch.take(NS_PER_S + 1));
        assert!(!ClockWatch::new(ClockPlan::default()).take(i64::MIN));
    }

    #[test]
    fn following_slowly_is_said_once_and_its_end_too() {
        let mut watch = ClockWatch::new(ClockPlan::default());
        watch.take(3_600 * NS_PER_S);
        assert!(watch.words(true).is_some_and(|words| words.contains("3600000 ms ahead")));
        assert_eq!(watch.words(true), None);
        assert!(watch.words(false).is_some_and(|words| words.contains("caught up")));
        assert_eq!(watch.words(false), None);
    }
}
