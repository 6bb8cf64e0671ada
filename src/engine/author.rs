//! Who wants an order: what its command and the record of its decision say of that.
//!
//! What it is not: a judge; the gate does not know who asks.
//!
//! Invariant: what no strategy wanted names no model, and is a reduction: only the kill switch reduces where no strategy trades.

use super::{Engine, Outputs, Verdict};
use crate::record;
use crate::risk::{Intent, Refusal};
use crate::types::{NS_PER_S, Price};

/// What no strategy wanted is not to be sent after so long.
const BUDGET_NS: i64 = NS_PER_S;
/// Worst accepted distance from the quote of what no strategy wanted: a flattening is to get out.
const DEVIATION_POINTS: u32 = 100;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Author {
    pub(super) verdict: Verdict,
    /// Of the strategy's models; zero where there are none.
    pub(super) revision: u64,
    /// The models' digests, eight bytes each, when they were asked.
    pub(super) digests: [u8; 64],
    pub(super) budget_ns: i64,
    pub(super) deviation_points: u32,
}

impl Engine {
    /// The strategy at this place, or nobody.
    #[inline]
    pub(super) fn author(&self, at: Option<usize>) -> Author {
        let Some(strategy) = at.map(|at| &self.strategies[at]) else {
            return Author {
                verdict: Verdict::NONE,
                revision: 0,
                digests: [0; 64],
                budget_ns: BUDGET_NS,
                deviation_points: DEVIATION_POINTS,
            };
        };
        let (verdict, models, plan) = (strategy.verdict, &strategy.setup.models, &strategy.setup.plan);
        let mut digests = [0; 64];
        if verdict.agreement.member_count > 0 {
            for (bytes, digest) in digests.chunks_exact_mut(8).zip(models.digests()) {
                bytes.copy_from_slice(&digest.to_le_bytes());
            }
        }
        Author {
            verdict,
            revision: models.revision(),
            digests,
            budget_ns: plan.decision_budget_ns,
            deviation_points: plan.deviation_points,
        }
    }

    /// Journals the refusal of a reduction; where no strategy wanted it, each: nobody asks there on every tick.
    pub(super) fn deny_reduction(
        &mut self,
        at: Option<usize>,
        intent: &Intent,
        refusal: Refusal,
        out: &mut Outputs,
    ) {
        if let Some(at) = at {
            return self.deny(at, intent, refusal, out);
        }
        self.counts.deny(refusal.reason);
        let denied = record::Denied {
            reason: refusal.reason as u32,
            side: intent.side as u8,
            opening: 0,
            reserved: [0; 2],
            qty: intent.qty.0,
            price: Price::NONE.0,
            limit: refusal.limit,
            got: refusal.got,
        };
        self.emit(self.venue_of(intent.instrument), intent.instrument, &denied, out);
    }
}
