//! Reductions: the whole of a position, or a part of it.
//!
//! What it is not: the wish to reduce (`decide.rs`, `exits.rs`, `sweep.rs`), or closing by an opposite position (`requests.rs`).
//!
//! Invariant: where an instrument has one position all reductions under way together never take more than our fills say there is,
//! nor more than the venue is known to hold. Where positions stand side by side each is bounded by itself alone, whatever else
//! is on the account. Nothing that opens hinders a reduction, on whichever side it rests or is in doubt.

use super::decide::{OrderForm, filling, wish};
use super::requests::Asked;
use super::venue::Standing;
use super::{Engine, Outputs};
use crate::risk::{Reason, Refusal};
use crate::types::{InstrumentId, Price, Side};

/// Of which position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    /// What the net is made of: on a hedging account the oldest position of its side that nothing closes whole.
    Net,
    /// On a hedging account that of this identifier.
    Named(u64),
    /// On a hedging account the oldest of either side that nothing closes whole.
    Any,
}

/// What one reduction may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Part {
    /// Side of the deal.
    side: Side,
    /// The position's ticket as the venue has it now; `None` where an instrument has one position.
    ticket: Option<u64>,
    /// Steps that are left of it.
    qty: i64,
}

impl Engine {
    pub(super) fn exit(&mut self, at: usize, out: &mut Outputs) {
        self.reduce(at, i64::MAX, 0, out);
    }

    /// Sells, or buys back, at most so many steps of a strategy's position, at the market. On a hedging account `ticket` names the
    /// position, by identifier or ticket; where it is zero, the oldest of the net's side is meant that nothing closes yet.
    pub fn reduce(&mut self, at: usize, qty_max: i64, ticket: u64, out: &mut Outputs) -> Asked {
        let instrument = self.strategies[at].setup.instrument;
        let which = match self.identifier_of(instrument, ticket) {
            0 => Which::Net,
            identifier => Which::Named(identifier),
        };
        self.reduce_held(instrument, which, qty_max, out)
    }

    /// The same for any instrument, whether or not a strategy trades it.
    pub(super) fn reduce_held(
        &mut self,
        instrument: InstrumentId,
        which: Which,
        qty_max: i64,
        out: &mut Outputs,
    ) -> Asked {
        if self.asking.is_recovering {
            return Asked::Waits;
        }
        if qty_max <= 0 {
            return Asked::Stands;
        }
        let part = if self.reductions_wait(instrument) {
            Err(Asked::Waits)
        } else if self.is_hedging(instrument) {
            self.part_of_positions(instrument, which)
        } else {
            self.part_of_net(instrument)
        };
        let asked = match part {
            Ok(part) => self.take_part(instrument, part, qty_max, out),
            Err(asked) => {
                self.counts.waits_in_flight += u64::from(asked.waits());
                asked
            }
        };
        self.cancel_reversing(instrument, out);
        asked
    }

    fn take_part(&mut self, instrument: InstrumentId, part: Part, qty_max: i64, out: &mut Outputs) -> Asked {
        let refuse = |reason, limit, got| Asked::Refused(Refusal { reason, limit, got });
        let Some(spec) = self.spec(instrument).copied() else {
            return refuse(Reason::InstrumentUnknown, 1, 0);
        };
        let Some(filling) = filling(&spec) else {
            return refuse(Reason::InstrumentFilling, 3, i64::from(spec.filling_modes));
        };
        let qty = part.qty.min(spec.volume_max.0).min(qty_max);
        if qty == 0 {
            return Asked::Waits;
        }
        let quote = *self.market.quote(instrument);
        let intent = wish(instrument, part.side, qty, &quote, true);
        let judged = match part.ticket {
            Some(_) => self.gate.check_close(intent, part.qty, self.now),
            None => self.gate.check(intent, &quote, self.orders.open_count(), self.now),
        };
        let at = instrument.index().and_then(|index| self.strategy_of[index]).map(usize::from);
        match judged {
            Err(refusal) => {
                self.deny_reduction(at, &intent, refusal, out);
                Asked::Refused(refusal)
            }
            Ok(approved) => {
                let ticket = part.ticket.unwrap_or(0);
                let form = OrderForm::deal(part.side, ticket, filling, [Price::NONE; 2]);
                let author = self.author(at);
                Asked::Sent(self.send_by(&author, &approved, &form, out))
            }
        }
    }

    /// What may be taken of an instrument's one position.
    fn part_of_net(&self, instrument: InstrumentId) -> Result<Part, Asked> {
        let position = self.positions.net(instrument).qty;
        if position == 0 {
            return Err(Asked::Stands);
        }
        let sign = position.signum();
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let reducing = self.orders.reducing(instrument, side);
        let own = position.abs().saturating_sub(reducing);
        if own <= 0 {
            return Err(Asked::Waits);
        }
        // Others' volume on the other side leaves less to reduce; where it leaves nothing the gate says so.
        let exposed = position.saturating_add(self.external(instrument)).saturating_mul(sign) - reducing;
        let known = self.known_at_venue(instrument, sign).saturating_sub(reducing).max(0);
        let qty = own.min(if exposed > 0 { exposed } else { i64::MAX }).min(known);
        Ok(Part { side, ticket: None, qty })
    }

    /// What may be taken of the oldest meant position of a hedging account that is not taken whole yet.
    fn part_of_positions(&self, instrument: InstrumentId, which: Which) -> Result<Part, Asked> {
        let net = self.positions.net(instrument).qty.signum();
        let least = self.spec(instrument).map_or(1, |spec| self.limits_of(spec).order_min.0);
        let mut nothing = Asked::Stands;
        for (identifier, qty) in self.positions.tickets(instrument) {
            let is_meant = match which {
                Which::Net => qty.signum() == net,
                Which::Named(named) => identifier == named,
                Which::Any => true,
            };
            if !is_meant {
                continue;
            }
            nothing = Asked::Waits;
            let left = qty.abs().saturating_sub(self.closing_of(instrument, identifier));
            let left = left.min(self.closable_at_venue(instrument, identifier));
            // What is too small to be closed holds up no other, unless it is the one that is meant.
            if left >= least || left > 0 && matches!(which, Which::Named(_)) {
                let side = if qty > 0 { Side::Sell } else { Side::Buy };
                return Ok(Part { side, ticket: Some(self.ticket_of(instrument, identifier)), qty: left });
            }
        }
        Err(nothing)
    }

    /// What is under way may still close of a hedging account's position, steps.
    pub(super) fn closing_of(&self, instrument: InstrumentId, identifier: u64) -> i64 {
        let by_orders = self.orders.closing(instrument, identifier);
        if self.asking.requests.open().is_empty() {
            return by_orders;
        }
        by_orders + self.asking.requests.closing(instrument, self.ticket_of(instrument, identifier))
    }

    /// A position's name that never changes, of what a venue or a command calls it; zero of nothing.
    pub(super) fn identifier_of(&self, instrument: InstrumentId, named: u64) -> u64 {
        if named == 0 {
            return 0;
        }
        self.asking.stops.of(instrument, named).map_or(named, |stops| stops.identifier)
    }

    /// The ticket that the venue has for a position now: another than its identifier after a reversal or a swap by which it was
    /// opened again (`facts`: positions).
    pub(super) fn ticket_of(&self, instrument: InstrumentId, identifier: u64) -> u64 {
        self.asking.stops.of(instrument, identifier).map_or(identifier, |stops| stops.ticket)
    }

    /// What a close of a hedging account's position may take, for all that is known of the venue: nothing before the two were
    /// compared, and where they differ no more than it listed of this very position.
    fn closable_at_venue(&self, instrument: InstrumentId, identifier: u64) -> i64 {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
        let Some((venue, index)) = venue.zip(instrument.index()) else { return 0 };
        match venue.standings[index] {
            Standing { mismatch: Some(_), .. } => venue.listed_qty(identifier).abs(),
            Standing { is_agreed: true, .. } => i64::MAX,
            _ => 0,
        }
    }

    /// Takes back entries that would, once filled, turn an instrument's one position over together with what reduces it. Where
    /// positions stand side by side an entry opens one of its own and turns nothing over.
    fn cancel_reversing(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        let position = self.positions.net(instrument).qty;
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let reserved = self.orders.reserved(instrument, side);
        let is_reversed = self.orders.opening(instrument, side) > 0 && reserved > position.abs();
        // The last request of a step is left to whoever counts what it asks for.
        if position == 0 || !is_reversed || self.asking.left <= 1 || self.is_hedging(instrument) {
            return;
        }
        let is_meant = |order: &crate::order::Order| {
            (order.new.instrument, order.new.side) == (instrument, side) && !order.new.reduces
        };
        self.cancel_where(is_meant, out);
    }
}
