//! Sweeping: every resting order that should not rest is cancelled, every position that should not stand is reduced.
//!
//! What it is not: the decision that trading stops; guards and the operator have that.
//!
//! Invariant: a sweep asks for what is not asked for yet and may be repeated at any time: timers do, as long as its reason
//! holds, so that a cancel which never left, or was refused, is asked for again under a new id.

use super::pending::kind_allowed;
use super::reduce::Which;
use super::requests::Asked;
use super::{Engine, Outputs};
use crate::order::Order;
use crate::risk::Trading;
use crate::types::{InstrumentId, InstrumentSpec, OrderKind};

impl Engine {
    /// Asks that every open order goes that `is_meant`. Those that still may not be asked about are left to the next call.
    pub fn cancel_where(&mut self, is_meant: impl Fn(&Order) -> bool, out: &mut Outputs) -> u32 {
        let mut sent = 0;
        self.each_open(|engine, id| {
            if engine.orders.order(id).is_some_and(&is_meant) {
                sent += u32::from(engine.cancel(id, out).is_sent());
            }
        });
        sent
    }

    /// Reduces every position of an instrument that `is_meant`, as far as nothing reduces it yet. What waits is left to the next call.
    pub fn flatten_where(&mut self, is_meant: impl Fn(InstrumentId) -> bool, out: &mut Outputs) -> u32 {
        let mut sent = 0;
        for index in 0..self.instruments.len() {
            // A strategy may be gone from the configuration whose position is not.
            let instrument = InstrumentId(index as u16);
            if !is_meant(instrument) {
                continue;
            }
            sent += u32::from(self.close_pair(instrument, out).is_sent());
            // A hedging account's positions are closed one by one, of both sides.
            while self.asking.left > 0 && self.reduce_held(instrument, Which::Any, i64::MAX, out).is_sent() {
                self.asking.left -= 1;
                sent += 1;
            }
        }
        sent
    }

    /// The oldest two opposite positions of a hedging account close each other: their net is no exposure, and neither is a reduction.
    fn close_pair(&mut self, instrument: InstrumentId, out: &mut Outputs) -> Asked {
        let allows =
            |spec: &InstrumentSpec| spec.order_modes == 0 || kind_allowed(spec, OrderKind::CloseBy).is_ok();
        if !self.is_hedging(instrument) || !self.spec(instrument).is_some_and(allows) {
            return Asked::Stands;
        }
        let free = |sign: i64| {
            let mut tickets = self.positions.tickets(instrument);
            let is_free = |identifier: u64| self.closing_of(instrument, identifier) == 0;
            tickets.find(|(ticket, qty)| qty.signum() == sign && is_free(*ticket)).map(|(ticket, _)| ticket)
        };
        match (free(1), free(-1)) {
            (Some(long), Some(short)) => self.close_by(instrument, [long, short], out),
            _ => Asked::Stands,
        }
    }

    /// A position that the operator wrote off has no stops.
    pub(super) fn forget_stops_of_gone(&mut self, instrument: InstrumentId) {
        let positions = &self.positions;
        let is_open = |identifier: u64| positions.tickets(instrument).any(|(open, _)| open == identifier);
        self.asking.stops.keep(instrument, is_open);
    }

    /// While trading is not active nothing that opens may rest.
    pub(super) fn sweep_openings(&mut self, out: &mut Outputs) {
        if self.gate.trading() != Trading::Active && self.orders.open_count() > 0 {
            self.cancel_where(|order| !order.new.reduces, out);
        }
    }
}

impl Asked {
    /// Whether it is to be wished for again.
    pub fn waits(self) -> bool {
        matches!(self, Asked::Waits)
    }
}
