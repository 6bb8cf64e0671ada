//! What others have on the account, a hand or another program: left alone, counted, or taken over.
//!
//! What it is not: our own trade. What is adopted was never decided here; from then on it is a position like ours, and the
//! strategy's exits run on it.
//!
//! Invariant: a step of volume at the venue is ours or others', never both: what is adopted leaves `external` in the same breath.
//! All of it follows from deals and snapshots.

mod state;

use super::late_fills::closes;
use super::{AlertCode, Engine, Outputs};
use crate::order::{Amounts, Ledger, Owner, POSITIONS_MAX};
use crate::record::{DealEvent, OrderEvent, PositionEvent};
use crate::types::{
    InstrumentId, InstrumentSpec, Money, OrderId, OrderKind, Price, Side, TransactionKind, VenueId,
};

/// What others' volume is to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExternalPolicy {
    /// No part of our exposure. It is compared with the venue's and shown all the same.
    Ignore,
    /// Part of our exposure in every limit.
    #[default]
    Count,
    /// Taken over where a strategy trades the instrument; counted elsewhere.
    Adopt,
}

/// Positions of the snapshot that a venue is telling.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    positions: Vec<(InstrumentId, PositionEvent)>,
}

impl Default for Listing {
    fn default() -> Self {
        Listing { positions: Vec::with_capacity(POSITIONS_MAX) }
    }
}

impl Listing {
    /// Positions so far.
    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// One of them.
    pub(super) fn position(&self, index: usize) -> (InstrumentId, PositionEvent) {
        self.positions[index]
    }

    /// A snapshot begins.
    pub(super) fn clear(&mut self) {
        self.positions.clear();
    }

    /// A position of it.
    pub(super) fn push(&mut self, instrument: InstrumentId, position: &PositionEvent) {
        if self.positions.len() < POSITIONS_MAX {
            self.positions.push((instrument, *position));
        }
    }
}

impl Engine {
    /// The rules of each instrument of which something is counted in ticks and steps: ours or another's, held or under way.
    pub fn counted(&self) -> impl Iterator<Item = &InstrumentSpec> {
        let requests = self.asking.requests.open();
        self.specs.iter().flatten().filter(move |spec| {
            let instrument = spec.instrument;
            let is_held = self.positions.net(instrument).qty != 0 || self.external(instrument) != 0;
            is_held
                || self.positions.tickets(instrument).next().is_some()
                || self.orders.open_of(instrument) > 0
                || requests.iter().any(|request| request.new.instrument == instrument)
        })
    }

    /// What an instrument's deals earned and cost.
    pub fn ledger(&self, instrument: InstrumentId, owner: Owner) -> Ledger {
        self.ledgers.of(instrument, owner)
    }

    /// Floating profit of our position in an instrument, by our own reckoning.
    pub fn floating_of(&self, instrument: InstrumentId) -> Money {
        instrument.index().map_or(Money::ZERO, |index| self.loss.floating_of(index))
    }

    /// Whether what others trade in an instrument becomes ours.
    pub(super) fn adopts(&self, instrument: InstrumentId) -> bool {
        let is_traded = instrument.index().is_some_and(|index| self.strategy_of[index].is_some());
        self.policy == ExternalPolicy::Adopt && is_traded
    }

    /// Others' volume as our limits see it.
    pub(super) fn counted_external(&self, instrument: InstrumentId) -> i64 {
        if self.policy == ExternalPolicy::Ignore { 0 } else { self.external(instrument) }
    }

    /// What others did with `rest` steps of a deal: taken over, or noted and told; `true` when it is ours now.
    pub(super) fn take_others(
        &mut self,
        at: (VenueId, InstrumentId),
        deal: &DealEvent,
        side: Side,
        amounts: &Amounts,
        out: &mut Outputs,
    ) -> bool {
        // What others close was theirs: it opens nothing that could be taken over.
        let is_ours = self.adopts(at.1) && !closes(deal.entry);
        let owner = if is_ours { Owner::Us } else { Owner::Others };
        self.ledgers.count(at.1, owner, deal.qty, amounts);
        let signed = side.sign() * deal.qty;
        if is_ours {
            self.adopt(at.1, deal, side, amounts.total(), out);
            let net = self.positions.net(at.1).qty;
            self.alert(AlertCode::Adopted, at, deal.deal, net, signed, out);
        } else {
            let before = self.external(at.1);
            self.alert(AlertCode::ExternalDeal, at, deal.deal, before, before.saturating_add(signed), out);
        }
        is_ours
    }

    fn adopt(
        &mut self,
        instrument: InstrumentId,
        deal: &DealEvent,
        side: Side,
        realised: Money,
        out: &mut Outputs,
    ) {
        self.count_fill(instrument, deal, side, realised);
        self.asking.stops.filled(instrument, deal.position, Price::NONE, Price::NONE);
        self.position_changed(instrument, deal.position, out);
    }

    /// Takes over what a first snapshot listed of an instrument beyond our own.
    pub(super) fn adopt_listed(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        if !self.adopts(instrument) {
            return;
        }
        let venue_index = usize::from(self.venue_of(instrument).0);
        for index in 0..self.listings.get(venue_index).map_or(0, Listing::len) {
            let (of, position) = self.listings[venue_index].position(index);
            let Some(price) = self.spec(of).and_then(|spec| price_of(spec, &position)) else { continue };
            let own = self.positions.tickets(of).find(|(open, _)| *open == position.identifier);
            let qty = position.qty - own.map_or(0, |(_, qty)| qty);
            if of != instrument || qty == 0 {
                continue;
            }
            let side = if qty > 0 { Side::Buy } else { Side::Sell };
            let mut deal = <DealEvent as crate::record::Layout>::read(&[0; crate::record::PAYLOAD_BYTES]);
            (deal.position, deal.price, deal.qty) = (position.identifier, price, qty.abs());
            self.adopt(of, &deal, side, Money::ZERO, out);
            let levels = (Price(position.stop_loss), Price(position.take_profit));
            self.asking.stops.told(of, [position.identifier, position.ticket], levels.0, levels.1);
            self.exits_position(of, &position);
            let net = self.positions.net(of).qty;
            self.alert(AlertCode::Adopted, (self.venue_of(of), of), position.identifier, net, qty, out);
        }
    }

    /// A pending order appeared that is none of ours.
    pub(super) fn note_others_order(
        &mut self,
        at: (VenueId, InstrumentId),
        event: &OrderEvent,
        out: &mut Outputs,
    ) {
        let is_new = event.transaction == TransactionKind::OrderAdd.code();
        let is_pending = OrderKind::from_code(event.order_kind).is_some_and(|kind| kind.code() > 1);
        let is_ours = OrderId::from_raw(event.magic).is_ok_and(|id| id.strategy() == self.setup_strategy);
        if !is_new || !is_pending || is_ours {
            return;
        }
        let sign = OrderKind::from_code(event.order_kind).and_then(OrderKind::side).map_or(0, Side::sign);
        self.counts.orders_foreign += 1;
        self.alert(AlertCode::ExternalOrder, at, event.ticket, 0, sign * event.qty_open, out);
    }
}

/// The average open price that the terminal shows, at the nearest tick.
fn price_of(spec: &crate::types::InstrumentSpec, position: &PositionEvent) -> Option<i64> {
    let ticks = f64::from_bits(position.price_open_bits) / spec.tick_size;
    (ticks.is_finite() && ticks.abs() < 9e15).then(|| ticks.round() as i64)
}

/// The amounts that a deal names.
pub(super) fn amounts_of(deal: &DealEvent) -> Amounts {
    Amounts {
        profit: Money(deal.profit),
        commission: Money(deal.commission),
        swap: Money(deal.swap),
        fee: Money(deal.fee),
    }
}
