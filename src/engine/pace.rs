//! How often the past may be asked for.
//!
//! What it is not: a clock; all of it is time of the engine's inputs. Nor the retry of a plan that failed (`history.rs`).
//!
//! Invariant: a terminal that breaks its stream again and again is asked ever less often. Of the plans in a row the first two
//! begin at once, and each one after them at the earliest 1, 2, 4 .. 32 seconds after the one before it began; meanwhile the
//! features are not ready. Every second of undisturbed live ticks takes one plan out of the row. So nobody is asked more than
//! once a second for long, and gaps that are seconds apart are healed at once.

use crate::types::{NS_PER_S, TimeNs};

/// Plans that may begin in a row without a pause.
const FREE_IN_A_ROW: u32 = 2;
/// The pause after them, doubled by each one more.
const PAUSE_NS: i64 = NS_PER_S;
/// The pause doubles at most so often.
const DOUBLINGS_MAX: u32 = 5;
/// Live ticks undisturbed for so long take one plan out of the row.
const CALM_NS: i64 = NS_PER_S;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// At most so many as lead to the longest pause.
    begun_in_a_row: u32,
    ts_begun: TimeNs,
    /// Since when live ticks are undisturbed; `None` while none enter, or after they ended.
    ts_live: Option<TimeNs>,
}

impl Pace {
    /// When the next plan may begin at the earliest.
    pub(super) fn free_from(&self) -> TimeNs {
        match self.begun_in_a_row.checked_sub(FREE_IN_A_ROW) {
            None => TimeNs::NEVER,
            Some(doublings) => self.ts_begun.plus_ns(PAUSE_NS << doublings),
        }
    }

    /// A plan begins.
    pub(super) fn on_begun(&mut self, now: TimeNs) {
        (self.begun_in_a_row, self.ts_begun) =
            ((self.begun_in_a_row + 1).min(FREE_IN_A_ROW + DOUBLINGS_MAX), now);
    }

    /// Live ticks enter from now on.
    pub(super) fn on_live(&mut self, now: TimeNs) {
        self.ts_live = Some(now);
    }

    /// Live ticks end here; what was over already ends no second time.
    pub(super) fn on_disturbed(&mut self, now: TimeNs) {
        let Some(ts_live) = self.ts_live.take() else { return };
        let calm = (now.since(ts_live) / CALM_NS).clamp(0, i64::from(self.begun_in_a_row));
        self.begun_in_a_row -= calm as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_counts_once_and_time_away_not_at_all() {
        let at = |seconds: i64| TimeNs(seconds * NS_PER_S);
        let mut pace = Pace::default();
        (0..10).for_each(|_| pace.on_begun(at(0)));
        pace.on_live(at(0));
        // A second of ticks, then the connection is gone, and a minute later it comes back.
        pace.on_disturbed(at(1));
        assert_eq!(pace.free_from(), at(16), "one plan less in the row");
        pace.on_disturbed(at(61));
        assert_eq!(pace.free_from(), at(16), "nothing was live since");
    }
}
