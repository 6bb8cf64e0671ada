//! What stops trading by itself: losses, losses in a row, repeated execution; and what the operator's word re-arms.
//!
//! What it is not: a check of one order; the gate has those, and hears from here what is closed.
//!
//! Invariant: a guard that tripped stays so, over restarts too, until its condition ends or the operator re-arms; what it
//! knows follows from journalled records alone.

use super::kill::kind_bit;
use super::venue::Venue;
use super::{AlertCode, Engine, Outputs};
use crate::record::DealEvent;
use crate::risk::{Reason, Refusal, Trading};
use crate::types::{DealEntry, InstrumentId, Money, Scope, TimeNs};

/// What closes an instrument until the operator re-arms it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latched {
    /// Kinds of scopes that were killed with it, a bit each.
    killed: u8,
    /// It was opened too often.
    pub is_throttled: bool,
}

impl Latched {
    /// Whether it was killed with a scope of this kind that covers it.
    pub fn is_killed_with(self, scope: Scope) -> bool {
        self.killed & kind_bit(scope) != 0
    }
}

impl Engine {
    /// The trading day of the account's last word, by the venue's time and `risk.day_starts_at`; `None` before the first.
    pub fn trading_day(&self) -> Option<i64> {
        self.loss.day()
    }

    /// Halts once for a loss that the account told; a loss that ended may halt again.
    pub(super) fn judge_account(&mut self, out: &mut Outputs) {
        match self.loss.reached_by_account(self.gate.limits()) {
            Some(refusal) if refusal.reason != Reason::LossUnknown => {
                if !self.loss_hit {
                    self.stop_for_loss(refusal, out);
                }
            }
            _ => self.loss_hit = false,
        }
        self.judge_levels(out);
    }

    /// Halts once for a loss by our own reckoning: of what floats, and of what was realised and the account has not told yet.
    #[inline]
    pub(super) fn judge_reckoning(&mut self, out: &mut Outputs) {
        if !self.loss_hit
            && let Some(refusal) = self.loss.reached_by_positions(self.gate.limits())
        {
            self.stop_for_loss(refusal, out);
        }
    }

    fn stop_for_loss(&mut self, refusal: Refusal, out: &mut Outputs) {
        self.loss_hit = true;
        self.set_trading(Trading::Halted, refusal, out);
        self.flatten_for_loss(refusal, out);
    }

    /// Counts a deal that closed something, and lets only reductions pass after too many that lost.
    pub(super) fn judge_deal(&mut self, deal: &DealEvent, realised: Money, out: &mut Outputs) {
        if deal.entry == DealEntry::In.code() {
            return;
        }
        self.losses_in_row = if realised < Money::ZERO { self.losses_in_row.saturating_add(1) } else { 0 };
        if realised < Money::ZERO {
            self.count_loss(out);
        }
        let limit = self.gate.limits().losses_in_row_max;
        if self.losses_in_row >= limit && self.gate.trading() == Trading::Active {
            let got = i64::from(self.losses_in_row);
            let refusal = Refusal { reason: Reason::LossStreak, limit: i64::from(limit), got };
            self.set_trading(Trading::Reducing, refusal, out);
        }
    }

    /// Tells the operator that an instrument was opened too often to go on without a word.
    #[cold]
    pub(super) fn tell_disabled(&self, instrument: InstrumentId, out: &mut Outputs) {
        let most = i64::from(self.gate.limits().executions_max);
        let at = (self.venue_of(instrument), instrument);
        self.alert(AlertCode::ExecutionsRepeated, at, u64::from(instrument.0), most, most, out);
    }

    /// What closes an instrument beside the venue and orders in doubt.
    pub(super) fn barred(&self, index: usize) -> Option<Refusal> {
        let most = i64::from(self.gate.limits().executions_max);
        let refusal = Refusal { reason: Reason::ExecutionsRepeated, limit: most, got: most };
        self.kills.closes(index).or_else(|| self.executions.is_disabled(index).then_some(refusal))
    }

    /// Whether the account allows openings: its word is new enough, and its equity enough for the margin in use.
    pub(super) fn closed_by_account(&self, venue: &Venue) -> Option<Refusal> {
        let limits = self.gate.limits();
        let (equity, margin, ts) = venue.account;
        let age_ns = self.now.since(ts);
        if ts == TimeNs::NEVER || age_ns > limits.account_age_max_ns {
            return Some(Refusal {
                reason: Reason::AccountStale,
                limit: limits.account_age_max_ns,
                got: age_ns,
            });
        }
        let least = i64::from(limits.margin_level_min_percent);
        let level = (i128::from(equity.0) * 100).checked_div(i128::from(margin.0)).unwrap_or(i128::MAX);
        let got = i64::try_from(level).unwrap_or(i64::MAX);
        (got < least).then_some(Refusal { reason: Reason::MarginLevel, limit: least, got })
    }

    /// An account that says nothing any more closes the gate when its last word is too old.
    pub(super) fn account_timers(&mut self) {
        let age_max_ns = self.gate.limits().account_age_max_ns;
        let is_old = |venue: &Venue| self.now.since(venue.account.2) > age_max_ns;
        if self.gate.closed().is_none() && self.venues.iter().any(is_old) {
            self.renew_conditions();
        }
    }

    /// What closes an instrument until the operator re-arms.
    pub fn latched(&self, instrument: InstrumentId) -> Latched {
        let Some(index) = instrument.index() else { return Latched::default() };
        Latched { killed: self.kills.kinds(index), is_throttled: self.executions.is_disabled(index) }
    }

    /// The operator lets one scope go on: kills of this very scope end, and what was opened too often within it may open again.
    pub(super) fn rearm_scope(&mut self, scope: Scope) {
        // Everything has a word of its own; and a scope that nobody knows would read as everything.
        if scope == Scope::All {
            return;
        }
        for index in 0..self.instruments.len() {
            let (instrument, venue) = (InstrumentId(index as u16), self.instruments[index].venue);
            if scope.covers(self.setup_strategy, venue, instrument) {
                self.kills.end(index, scope);
                self.executions.rearm_disabled(index);
                self.prepare(instrument);
            }
        }
        self.kills.recount();
    }

    /// The operator lets trading go on.
    pub(super) fn rearm(&mut self) {
        (self.rejects_in_row, self.losses_in_row) = (0, 0);
        self.loss_hit = false;
        let limits = *self.gate.limits();
        self.loss.rearm(&limits);
        self.executions.rearm();
        self.accept_other_numbers();
        self.rearm_kills();
        self.rearm_records();
        self.rearm_breakers();
        self.rearm_streaks();
        for index in 0..self.instruments.len() {
            self.prepare(InstrumentId(index as u16));
        }
        self.renew_conditions();
    }
}
