//! Which seeds trade with exits, and how these are set.
//!
//! What it is not: the rest of the simulated appliance (`setup.rs`).
//!
//! Invariant: a seed's plan follows from the seed and the planted bug alone.

use super::planted::Planted;
use super::venues::{self, VENUES_MAX};
use super::{Episode, setup};
use crate::engine::{EntryPlan, ExternalPolicy, Setup};
use crate::order::exits::{BreakEven, ExitPlan, Ladder, Rung, Trailing};
use crate::types::{NS_PER_MS, NS_PER_S};
use std::cell::OnceCell;

/// A position without its stop is closed after so long.
pub(super) const UNPROTECTED_NS_MAX: i64 = NS_PER_S;
/// What is closed on the way.
pub(super) const LADDER: [Rung; 2] =
    [Rung { points: 3, share_e4: 3_000 }, Rung { points: 6, share_e4: 3_000 }];

/// Whether a seed trades with exits: three of eight do, a third of them with resting entries.
pub(super) fn has_exits(seed: u64) -> bool {
    matches!(seed % 8, 3 | 6) || matches!(seed % 16, 4 | 13)
}

/// The parts of every seed's appliance.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// By the number of venues, less one; where others' trades are counted, and where they are taken over.
    by_venues: [[OnceCell<Kinds>; 2]; VENUES_MAX],
}

/// Plain, with exits, and with a bug among these; each for every way to enter.
#[derive(Debug)]
struct Kinds {
    plain: Vec<Setup>,
    with_exits: Vec<Setup>,
    with_bug: Vec<Setup>,
}

impl Kinds {
    fn new(venue_count: usize, policy: ExternalPolicy) -> Self {
        let setup = |entry: &EntryPlan| Setup { external: policy, ..setup::setup(*entry, venue_count) };
        let plain = setup::ENTRIES.iter().map(setup);
        let plain: Vec<Setup> = plain.collect();
        let with = |planted| plain.iter().map(|parts| with_exits(parts.clone(), planted)).collect();
        let (with_exits, with_bug) = (with(None), with(Some(Planted::LadderOfWish)));
        Kinds { plain, with_exits, with_bug }
    }
}

/// Whether a seed takes over what others open: every fourth group of thirty-two does.
fn adopts(seed: u64) -> bool {
    seed / 32 % 4 == 3
}

impl Parts {
    pub(super) fn first(&self) -> &Setup {
        &self.kinds(1, false).plain[0]
    }

    /// Made when the first seed asks for it.
    fn kinds(&self, venue_count: usize, adopts: bool) -> &Kinds {
        let policy = if adopts { ExternalPolicy::Adopt } else { ExternalPolicy::Count };
        let kinds = &self.by_venues[venue_count - 1][usize::from(adopts)];
        kinds.get_or_init(|| Kinds::new(venue_count, policy))
    }

    pub(super) fn of(&self, episode: &Episode) -> &Setup {
        let parts = self.kinds(venues::count_of(episode.seed), adopts(episode.seed));
        let kinds = match (has_exits(episode.seed), episode.planted) {
            (false, _) => &parts.plain,
            (true, Some(Planted::LadderOfWish)) => &parts.with_bug,
            (true, _) => &parts.with_exits,
        };
        &kinds[setup::entry_of(episode.seed)]
    }
}

/// The same appliance with exits on.
///
/// # Panics
/// When its own ladder is refused, which a test would see.
fn with_exits(mut setup: Setup, planted: Option<Planted>) -> Setup {
    for strategy in &mut setup.strategies {
        let is_first = venues::symbol_of(strategy.instrument) == 0;
        let mut rungs = LADDER;
        if planted == Some(Planted::LadderOfWish) {
            // Half of an entry fills, and the rungs are shares of the whole.
            rungs.iter_mut().for_each(|rung| rung.share_e4 = rung.share_e4 * 5 / 3);
        }
        let plan = &mut strategy.plan;
        plan.exits = ExitPlan {
            hold_ns_max: 3 * NS_PER_S,
            trailing: if is_first {
                Trailing::Distance(9)
            } else {
                Trailing::Steps { step_points: 3, distance_points: 8 }
            },
            break_even: Some(BreakEven { after_points: 7, offset_points: 1 }),
            ladder: Ladder::new(&rungs).expect("two rungs of less than the whole"),
            stop_loss_points: plan.stop_loss_points,
            take_profit_points: plan.take_profit_points,
            unprotected_ns_max: UNPROTECTED_NS_MAX,
            move_points_min: 1,
            move_ns_min: 20 * NS_PER_MS,
            ..ExitPlan::OFF
        };
        plan.one_cancels_other = true;
    }
    setup
}
