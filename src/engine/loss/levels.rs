//! The levels before a loss limit: what the operator is told of, and what leaves only reductions.
//!
//! What it is not: the limits themselves, which halt.
//!
//! Invariant: each level speaks once until its loss is over, and the operator's word outranks it; a warning once a trading day.

use super::LossWatch;
use crate::engine::{AlertCode, Engine, Outputs};
use crate::risk::{Limits, LossPlan, Reason, Refusal, Trading};
use crate::types::{InstrumentId, Money, Scope, StateError, StateSink, StateSource, VenueId};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Levels {
    plan: LossPlan,
    /// Of the day's loss, and of the fall.
    is_soft_hit: [bool; 2],
    /// The trading day of the last warning: of the day's loss, and of the fall.
    warned: [i64; 2],
}

impl Default for Levels {
    fn default() -> Self {
        Levels::new(LossPlan::default())
    }
}

impl Levels {
    pub(super) fn new(plan: LossPlan) -> Self {
        Levels { plan, is_soft_hit: [false; 2], warned: [i64::MIN; 2] }
    }

    pub(super) fn plan(&self) -> LossPlan {
        self.plan
    }

    /// Tells its words.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        self.is_soft_hit.iter().for_each(|is_hit| sink.word(u64::from(*is_hit)));
        self.warned.iter().for_each(|day| sink.signed(*day));
    }

    /// Takes the words of [`Levels::save`].
    pub(super) fn load(source: &mut StateSource<'_>, plan: LossPlan) -> Result<Self, StateError> {
        let is_soft_hit = [source.flag("a soft level")?, source.flag("a soft level")?];
        let warned = [source.signed("a warning's day")?, source.signed("a warning's day")?];
        Ok(Levels { plan, is_soft_hit, warned })
    }
}

impl LossWatch {
    /// The day's loss and the fall from the highest, by the account's word.
    fn losses(&self) -> Option<[Money; 2]> {
        let earned = self.equity.minus(self.flows.total());
        Some([self.start_equity?.minus(earned), self.highest_equity.minus(earned)])
    }

    /// The soft levels that are reached.
    fn soft(&self, losses: [Money; 2]) -> [Option<Refusal>; 2] {
        let plan = &self.levels.plan;
        let reasons = [Reason::LossDailySoft, Reason::LossTrailingSoft];
        let limits = [plan.daily_soft, plan.trailing_soft];
        std::array::from_fn(|at| {
            let (reason, limit, loss) = (reasons[at], limits[at], losses[at]);
            let is_reached = limit > Money::ZERO && loss >= limit;
            is_reached.then_some(Refusal { reason, limit: limit.0, got: loss.0 })
        })
    }

    /// Which warning is due, with loss and limit.
    fn warning(&mut self, losses: [Money; 2], limits: &Limits) -> Option<(u64, Money, Money)> {
        let percent = i128::from(self.levels.plan.warn_percent);
        let most = [limits.daily_loss_max, limits.trailing_loss_max];
        let is_near = |loss: Money, most: Money| i128::from(loss.0) * 100 >= i128::from(most.0) * percent;
        let at = (0..2).find(|&at| self.levels.warned[at] != self.day && is_near(losses[at], most[at]))?;
        self.levels.warned[at] = self.day;
        Some((1 + at as u64, losses[at], most[at]))
    }

    /// Whether everything held is closed at a limit.
    pub(in crate::engine) fn flattens(&self) -> bool {
        self.levels.plan.flattens
    }
}

impl Engine {
    /// Looks at the levels after a word of the account.
    pub(in crate::engine) fn judge_levels(&mut self, out: &mut Outputs) {
        if self.loss.levels.plan == LossPlan::default() {
            return;
        }
        let Some(losses) = self.loss.losses() else { return };
        let limits = *self.gate.limits();
        if self.loss.levels.plan.warn_percent > 0
            && let Some((which, loss, most)) = self.loss.warning(losses, &limits)
        {
            let at = (VenueId::default(), InstrumentId::NONE);
            self.alert(AlertCode::LossNear, at, which, loss.0, most.0, out);
        }
        let soft = self.loss.soft(losses);
        let is_active = self.gate.trading() == Trading::Active;
        let levels = &mut self.loss.levels;
        let was_hit = levels.is_soft_hit;
        // While nothing opens anyway a level is not used up: it speaks when trading goes on.
        levels.is_soft_hit = std::array::from_fn(|at| soft[at].is_some() && (was_hit[at] || is_active));
        let fresh = soft.into_iter().zip(was_hit).find_map(|(refusal, was_hit)| refusal.filter(|_| !was_hit));
        if let Some(refusal) = fresh.filter(|_| is_active) {
            self.set_trading(Trading::Reducing, refusal, out);
        }
    }

    /// Everything held is to be closed, as by the kill switch over everything: again until nothing is left, until the operator arms.
    pub(in crate::engine) fn flatten_for_loss(&mut self, refusal: Refusal, out: &mut Outputs) {
        if !self.loss.flattens() {
            return;
        }
        self.kill_all(Scope::All);
        let at = (VenueId::default(), InstrumentId::NONE);
        self.alert(AlertCode::LossFlattened, at, refusal.reason as u64, refusal.got, refusal.limit, out);
    }
}
