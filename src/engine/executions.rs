//! How often an instrument was opened by itself, and that it is disabled when that was too often.
//!
//! What it is not: the rate of messages (`risk::Bucket`), which refuses for a moment; this one waits for the operator.
//!
//! Invariant: within no window are there more openings of an instrument than the limit without the operator's word between
//! them. All follows from the journal's commands and the operator's records, so a restart changes nothing of it.

mod state;

use crate::types::{INSTRUMENTS_MAX, TimeNs};

/// The last openings of one instrument.
#[derive(Clone, Debug)]
struct Openings {
    /// As many as the limit: the place of the next is that of the oldest.
    times: Box<[TimeNs]>,
    next: usize,
    is_disabled: bool,
}

impl Openings {
    fn rearm(&mut self) {
        self.times.fill(TimeNs::NEVER);
        self.is_disabled = false;
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Executions {
    openings: Box<[Option<Openings>]>,
    window_ns: i64,
}

impl Executions {
    /// Takes all memory, for the instruments that are traded.
    pub(super) fn new(max: u32, window_ns: i64, traded: impl Iterator<Item = usize>) -> Self {
        let mut openings = vec![None; INSTRUMENTS_MAX];
        for index in traded {
            let times = vec![TimeNs::NEVER; max.max(1) as usize].into();
            openings[index] = Some(Openings { times, next: 0, is_disabled: false });
        }
        Executions { openings: openings.into(), window_ns }
    }

    /// Counts an opening; `true` when it was the last that may be.
    pub(super) fn count(&mut self, index: usize, now: TimeNs) -> bool {
        let Some(openings) = &mut self.openings[index] else { return false };
        openings.times[openings.next] = now;
        openings.next = (openings.next + 1) % openings.times.len();
        let oldest = openings.times[openings.next];
        let was_disabled = openings.is_disabled;
        openings.is_disabled |= oldest != TimeNs::NEVER && now.since(oldest) < self.window_ns;
        openings.is_disabled && !was_disabled
    }

    /// Whether an instrument waits for the operator.
    pub(super) fn is_disabled(&self, index: usize) -> bool {
        self.openings[index].as_ref().is_some_and(|openings| openings.is_disabled)
    }

    /// The operator re-arms everything: all count from nothing.
    pub(super) fn rearm(&mut self) {
        self.openings.iter_mut().flatten().for_each(Openings::rearm);
    }

    /// The operator re-arms one instrument, if it waits for that; what counts without having tripped goes on.
    pub(super) fn rearm_disabled(&mut self, index: usize) {
        if let Some(openings) = self.openings[index].as_mut().filter(|openings| openings.is_disabled) {
            openings.rearm();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Disabled exactly when so many of the last openings lie within a window, and until re-armed.
        #[test]
        fn it_disables_as_counting_would(max in 1u32..6, steps in proptest::collection::vec(0i64..60, 1..60)) {
            let mut executions = Executions::new(max, 100, [3].into_iter());
            let (mut now, mut all, mut disabled) = (TimeNs(1_000), Vec::new(), false);
            for step in steps {
                now = now.plus_ns(step);
                all.push(now);
                let within = all.iter().filter(|ts| now.since(**ts) < 100).count();
                let trips = within >= max as usize && !disabled;
                disabled |= trips;
                prop_assert_eq!(executions.count(3, now), trips);
                prop_assert_eq!(executions.is_disabled(3), disabled);
                // Alone, it re-arms what tripped, and nothing else.
                match step {
                    59 => executions.rearm(),
                    58 => executions.rearm_disabled(3),
                    _ => {}
                }
                if step == 59 || step == 58 && disabled {
                    (all, disabled) = (Vec::new(), false);
                }
            }
            prop_assert!(!executions.is_disabled(0) && !executions.count(0, now), "one that is not traded");
        }
    }
}
