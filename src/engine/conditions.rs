//! What the gate is told: each instrument's envelope, and the first condition that keeps everything closed.
//!
//! What it is not: a check of one order; the gate compares, off what is worked out here.
//!
//! Invariant: what is not known is "no"; everything here follows from state that journalled records made.

use super::Engine;
use super::venue::Venue;
use crate::record;
use crate::risk::{Conditions, Exposure, InstrumentLimits, Reason, Refusal};
use crate::types::{InstrumentId, Side, TradeMode};

impl Engine {
    /// Works out an instrument's envelope after anything that it depends on changed.
    pub(super) fn prepare(&mut self, instrument: InstrumentId) {
        let limits = instrument.index().and_then(|index| Some(self.limits_of(self.specs[index].as_ref()?)));
        if let Some(limits) = limits {
            self.prepare_within(instrument, limits);
        }
    }

    /// The same within other limits.
    pub(super) fn prepare_within(&mut self, instrument: InstrumentId, limits: InstrumentLimits) {
        let Some(index) = instrument.index() else { return };
        let Some(spec) = &self.specs[index] else { return };
        let external = self.counted_external(instrument);
        let exposure = Exposure {
            position: self.positions.net(instrument).qty.saturating_add(external),
            reserved: Side::BOTH.map(|side| self.orders.reserved(instrument, side)),
            reducing: Side::BOTH.map(|side| self.orders.reducing(instrument, side)),
            unknown: Side::BOTH.map(|side| self.orders.unknown_of(instrument, side)),
            barred: self.barred(index),
        };
        let modes = match spec.trade_mode {
            TradeMode::Full => [true, true],
            TradeMode::LongOnly => [true, false],
            TradeMode::ShortOnly => [false, true],
            TradeMode::Disabled | TradeMode::CloseOnly => [false, false],
        };
        self.gate.prepare(instrument, limits, modes, exposure);
        self.stir_room();
    }

    /// Works out the first condition that keeps the gate closed for openings.
    pub(super) fn renew_conditions(&mut self) {
        let journal = Refusal { reason: Reason::JournalFault, limit: 0, got: 1 };
        let closed = self
            .venues
            .iter()
            .find_map(|venue| self.closed_by(venue))
            .or(self.loss.reached_by_account(self.gate.limits()))
            .or(self.loss.closed_by_flow());
        let closed = closed.or(self.journal_failed.then_some(journal)).or_else(|| self.breakers.closed());
        self.gate.set_conditions(Conditions { closed });
    }

    fn closed_by(&self, venue: &Venue) -> Option<Refusal> {
        let refusal = |reason, limit, got| Some(Refusal { reason, limit, got });
        if !venue.is_up() {
            return refusal(Reason::SessionDown, 3, i64::from(venue.roles_up));
        }
        if venue.account_mode != 0 && venue.account_mode != 1 && !self.gate.limits().allow_live {
            return refusal(Reason::AccountReal, 1, i64::from(venue.account_mode));
        }
        let needed = record::TERMINAL_CONNECTED
            | record::TERMINAL_TRADE_ALLOWED
            | record::ACCOUNT_TRADE_ALLOWED
            | record::ACCOUNT_EXPERT_ALLOWED;
        let flags = venue.account_flags.unwrap_or(0);
        if flags & needed != needed {
            return refusal(Reason::AccountDisabled, i64::from(needed), i64::from(flags));
        }
        if let Some(refusal) = self.closed_by_account(venue) {
            return Some(refusal);
        }
        if let Some((ours, theirs)) = venue.mismatch() {
            return refusal(Reason::PositionMismatch, ours, theirs);
        }
        if !venue.reconciled {
            return refusal(Reason::SessionUnreconciled, 1, 0);
        }
        None
    }
}
