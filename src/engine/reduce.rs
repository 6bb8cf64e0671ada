//! Reductions: the whole of a position, or a part of it.
//!
//! What it is not: the wish to reduce (`decide.rs`, `sweep.rs`), or closing by an opposite position (`requests.rs`).
//!
//! Invariant: all reductions under way together never take more than our fills say there is, nor more than the venue is known to
//! hold; nothing that opens hinders one.

use super::decide::{OrderForm, filling, wish};
use super::requests::Asked;
use super::{Engine, Outputs};
use crate::risk::{Reason, Refusal};
use crate::types::{InstrumentId, Price, Side};

impl Engine {
    pub(super) fn exit(&mut self, at: usize, out: &mut Outputs) {
        self.reduce(at, i64::MAX, 0, out);
    }

    /// Sells, or buys back, at most so many steps of a strategy's position, at the market. On a hedging account `ticket` names the
    /// position, by identifier or ticket; where it is zero, the oldest is meant that nothing closes yet.
    pub fn reduce(&mut self, at: usize, qty_max: i64, ticket: u64, out: &mut Outputs) -> Asked {
        let instrument = self.strategies[at].setup.instrument;
        let position = self.positions.net(instrument).qty;
        if self.asking.is_recovering {
            return Asked::Waits;
        }
        if position == 0 || qty_max <= 0 {
            return Asked::Stands;
        }
        let (side, sign) =
            if position > 0 { (Side::Sell, position.signum()) } else { (Side::Buy, position.signum()) };
        // What open orders may still take away is taken away already; an opening that is under way hinders nothing.
        let reserved = self.orders.reserved(instrument, side);
        let own = position.abs().saturating_sub(reserved);
        if own <= 0 {
            self.counts.waits_in_flight += 1;
            return Asked::Waits;
        }
        let refuse = |reason, limit, got| Asked::Refused(Refusal { reason, limit, got });
        let Some(spec) = self.spec(instrument).copied() else {
            return refuse(Reason::InstrumentUnknown, 1, 0);
        };
        let Some(filling) = filling(&spec) else {
            return refuse(Reason::InstrumentFilling, 3, i64::from(spec.filling_modes));
        };
        let Some((ticket, open)) = self.closable(instrument, position, ticket) else {
            self.counts.waits_in_flight += 1;
            return Asked::Waits;
        };
        // Others' volume on the other side leaves less to reduce; where it leaves nothing the gate says so.
        let exposed = position.saturating_add(self.external(instrument)).saturating_mul(sign) - reserved;
        let qty = open.min(own).min(spec.volume_max.0).min(if exposed > 0 { exposed } else { i64::MAX });
        let qty = qty.min(self.known_at_venue(instrument, sign).saturating_sub(reserved).max(0));
        let qty = qty.min(qty_max);
        if qty == 0 {
            return Asked::Waits;
        }
        let quote = *self.market.quote(instrument);
        let intent = wish(instrument, side, qty, &quote, true);
        match self.gate.check(intent, &quote, self.orders.open_count(), self.now) {
            Err(refusal) => {
                self.deny(at, &intent, refusal, out);
                Asked::Refused(refusal)
            }
            Ok(approved) => {
                let form = OrderForm::deal(side, ticket, filling, [Price::NONE; 2]);
                Asked::Sent(self.send(at, &approved, &form, out))
            }
        }
    }

    /// The ticket to close and what is left of it: on a hedging account a close names its ticket, the oldest first that no
    /// close under way has taken whole; on a netting account there is none, and the position is one.
    fn closable(&self, instrument: InstrumentId, position: i64, named: u64) -> Option<(u64, i64)> {
        if !self.is_hedging(instrument) {
            return Some((0, position.abs()));
        }
        let named = match self.asking.stops.of(instrument, named) {
            Some(stops) if named != 0 => stops.identifier,
            _ => named,
        };
        let is_quiet = self.orders.open_of(instrument) == 0;
        let taken = |ticket: u64| {
            let by_orders = if is_quiet { 0 } else { self.orders.closing(ticket) };
            by_orders + self.asking.requests.closing(ticket)
        };
        let same_side = self
            .positions
            .tickets(instrument)
            .filter(|(ticket, qty)| qty.signum() == position.signum() && (named == 0 || named == *ticket));
        let mut left = same_side.map(|(ticket, qty)| (ticket, qty.abs() - taken(ticket)));
        left.find(|(_, left)| *left > 0)
    }
}
