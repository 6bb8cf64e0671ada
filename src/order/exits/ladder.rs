//! The partial ladder: how much of what was filled is to be closed by now.
//!
//! What it is not: a list of rungs that were done. What is due follows from what was filled, what is left, and the best price
//! there was; a reduction that failed is due again, and one that was made is not, restart or no restart.
//!
//! Invariant: never more than is left and not under way; nothing below the venue's smallest order; what stays is nothing or at
//! least that.

use super::{Holding, Ladder};
use crate::types::InstrumentSpec;

/// Steps to be closed now; zero for none. The shares of all rungs reached are summed before they are rounded down to whole
/// steps, so that small positions lose no rung to rounding.
pub(super) fn due(ladder: &Ladder, holding: &Holding, spec: &InstrumentSpec, under_way: i64) -> i64 {
    let Some(advance) = holding.advance_ticks() else { return 0 };
    let reached = ladder.rungs().filter(|rung| spec.points_to_ticks(rung.points) <= advance);
    let share_e4 = reached.map(|rung| rung.share_e4).sum();
    let wanted = Ladder::part(holding.opened, share_e4);
    let (left, least) = (holding.qty - under_way.max(0), spec.volume_min.0);
    let gone = holding.opened - left;
    let qty = (wanted - gone).clamp(0, left.max(0));
    let rest = left - qty;
    let qty = if rest > 0 && rest < least { left - least } else { qty };
    if qty >= least { qty } else { 0 }
}
