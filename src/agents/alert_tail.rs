//! The newest alerts, as the control floor sees them.
//!
//! What it is not: where alerts are kept; the journal has every one.
//!
//! Invariant: its memory is fixed; what had to give way is known by the count.

use crate::record::{Kind, Record};

/// Alerts that one look can see.
pub const ALERTS_SEEN_MAX: usize = 16;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct AlertTail {
    records: [Record; ALERTS_SEEN_MAX],
    count: u64,
}

impl Default for AlertTail {
    fn default() -> Self {
        AlertTail { records: [Record::EMPTY; ALERTS_SEEN_MAX], count: 0 }
    }
}

impl AlertTail {
    /// Keeps an output that somebody should hear of.
    #[inline]
    pub fn note(&mut self, output: &Record) {
        if matches!(output.kind(), Some(Kind::Alert | Kind::TradingChange)) {
            self.records[self.count as usize % ALERTS_SEEN_MAX] = *output;
            self.count += 1;
        }
    }

    /// Alerts since the start.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those after the first `seen`, as far as they are still here: how many are not, and the others in their order.
    pub fn after(&self, seen: u64) -> (u64, impl Iterator<Item = &Record>) {
        let first = self.count.saturating_sub(ALERTS_SEEN_MAX as u64).max(seen);
        let kept = (first..self.count).map(|at| &self.records[at as usize % ALERTS_SEEN_MAX]);
        (first - seen.min(first), kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Alert, ClockTick, Origin};
    use crate::types::{InstrumentId, TimeNs, VenueId};

    #[test]
    fn each_is_seen_once_and_what_gave_way_is_counted() {
        let mut tail = AlertTail::default();
        let (mut seen, mut subjects) = (0, Vec::new());
        let mut look = |tail: &AlertTail| {
            let (missed, new) = tail.after(seen);
            subjects.clear();
            subjects.extend(new.filter_map(|record| record.payload::<Alert>()).map(|alert| alert.subject));
            seen = tail.count();
            (missed, subjects.clone())
        };
        let at =
            |payload: &Alert| Record::new(Origin::Engine, TimeNs(1), VenueId(0), InstrumentId::NONE, payload);
        let alert = |subject| at(&Alert { code: 1, reserved: 0, subject, ours: 0, theirs: 0 });
        assert_eq!(look(&tail), (0, vec![]));
        tail.note(&alert(1));
        let other = ClockTick { reserved: 0 };
        tail.note(&Record::new(Origin::Appliance, TimeNs(1), VenueId(0), InstrumentId::NONE, &other));
        tail.note(&alert(2));
        assert_eq!(look(&tail), (0, vec![1, 2]));
        assert_eq!(look(&tail), (0, vec![]));
        (3..=22).for_each(|subject| tail.note(&alert(subject)));
        assert_eq!(look(&tail), (4, (7..=22).collect()));
    }
}
