//! Losing deals and refusals of the venue within a time, in whatever order: too many leave only reductions.
//!
//! What it is not: the same in a row (`guards.rs`), or the breaker of refusals, which ends by itself.
//!
//! Invariant: what was counted follows from journalled records and ends with the operator's word.

use super::super::{Engine, Outputs};
use crate::risk::{Reason, Refusal, StreakPlan, Trading};
use crate::types::{StateError, StateSink, StateSource, TimeNs};

/// The last so many times; as many as the limit.
#[derive(Clone, Debug)]
struct Ring {
    times: Box<[TimeNs]>,
    next: usize,
}

impl Ring {
    fn new(most: u32) -> Self {
        Ring { times: vec![TimeNs::NEVER; most as usize].into(), next: 0 }
    }

    /// Counts one; `true` when the limit is reached within the window.
    fn count(&mut self, now: TimeNs, window_ns: i64) -> bool {
        if self.times.is_empty() {
            return false;
        }
        self.times[self.next] = now;
        self.next = (self.next + 1) % self.times.len();
        let oldest = self.times[self.next];
        oldest != TimeNs::NEVER && now.since(oldest) <= window_ns
    }

    fn clear(&mut self) {
        self.times.fill(TimeNs::NEVER);
    }

    /// Oldest first, so that the place of the next one says nothing.
    fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.times.len() as u64);
        (0..self.times.len()).for_each(|at| sink.time(self.times[(self.next + at) % self.times.len()]));
    }

    /// Another limit may be configured by now: the newest ones are kept.
    fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.clear();
        for _ in 0..source.count("times of a streak", STREAK_MAX, 1)? {
            let time = source.time("a time of a streak")?;
            self.count(time, -1);
        }
        Ok(())
    }
}

/// The most that a limit may be.
const STREAK_MAX: usize = 1_000;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Streaks {
    plan: StreakPlan,
    losses: Ring,
    rejects: Ring,
}

impl Streaks {
    pub(super) fn new(plan: StreakPlan) -> Self {
        let most = |most: u32| Ring::new(most.min(STREAK_MAX as u32));
        Streaks { plan, losses: most(plan.losses_max), rejects: most(plan.rejects_max) }
    }

    pub(super) fn save(&self, sink: &mut impl StateSink) {
        self.losses.save(sink);
        self.rejects.save(sink);
    }

    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.losses.load(source)?;
        self.rejects.load(source)
    }
}

impl Engine {
    /// A deal closed something with a loss.
    pub(in crate::engine) fn count_loss(&mut self, out: &mut Outputs) {
        let (now, streaks) = (self.now, &mut self.bounds.streaks);
        let most = i64::from(streaks.plan.losses_max);
        if streaks.losses.count(now, streaks.plan.window_ns) {
            self.reduce_for(Reason::LossWindow, most, out);
        }
    }

    /// The venue refused an order.
    pub(in crate::engine) fn count_reject(&mut self, out: &mut Outputs) {
        let (now, streaks) = (self.now, &mut self.bounds.streaks);
        let most = i64::from(streaks.plan.rejects_max);
        if streaks.rejects.count(now, streaks.plan.window_ns) {
            self.reduce_for(Reason::RejectWindow, most, out);
        }
    }

    fn reduce_for(&mut self, reason: Reason, most: i64, out: &mut Outputs) {
        if self.gate.trading() == Trading::Active {
            self.set_trading(Trading::Reducing, Refusal { reason, limit: most, got: most }, out);
        }
    }

    /// The operator lets trading go on: all counts from nothing.
    pub(in crate::engine) fn rearm_streaks(&mut self) {
        self.bounds.streaks.losses.clear();
        self.bounds.streaks.rejects.clear();
    }
}
