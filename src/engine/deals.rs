//! Deals: fills of our orders, what the server's stops closed, and what others traded.
//!
//! What it is not: the other words of a venue; `facts.rs` has those.
//!
//! Invariant: a deal changes a position once, and only the part of it that is ours changes our position.

use super::external::amounts_of;
use super::late_fills::closes;
use super::loss::Entry;
use super::{AlertCode, Engine, Outputs};
use crate::order::{DealOutcome, Fill, NewDeal, Owner};
use crate::record::{self, FLAG_SNAPSHOT, FLAG_UNATTRIBUTED, Record};
use crate::types::{DealEntry, InstrumentId, Money, OrderId, Qty, Side, TimeNs, TransactionKind, VenueId};

impl Engine {
    pub(super) fn on_deal(&mut self, input: &Record, out: &mut Outputs) {
        let Some(deal) = input.payload::<record::DealEvent>() else { return };
        let at = (input.venue(), input.instrument());
        if deal.transaction != TransactionKind::DealAdd.code() {
            self.orders.amend(at.0, &self.as_told(&deal, 0));
            return self.met_amended(at, &deal, out);
        }
        if input.flags() & FLAG_UNATTRIBUTED != 0 {
            // Whose it is, whether it opened or closed and what it earned will be in the next snapshot; until then it is not counted,
            // and so not taken for what it is not. What it fills stays reserved.
            if let Some(venue) = self.venues.get_mut(usize::from(at.0.0)) {
                venue.query_due = self.now;
            }
            return;
        }
        let side = match deal.deal_type {
            0 => Side::Buy,
            1 => Side::Sell,
            _ => return self.on_balance_deal(input, &deal, out),
        };
        self.note_venue_time(TimeNs(deal.ts_venue), input.ts());
        let from_snapshot = input.flags() & FLAG_SNAPSHOT != 0;
        if from_snapshot && TimeNs(deal.ts_venue) <= self.orders.deals_forgotten_until(at.0) {
            return;
        }
        let id = if self.fills_its_order(at.1, &deal) { deal.magic } else { 0 };
        let told = self.as_told(&deal, id);
        let outcome = self.orders.deal(at.0, &told, self.now);
        if from_snapshot && self.is_order_of(deal.magic, at.1) {
            let query = self.venues.get(usize::from(input.venue().0)).map_or(0, |venue| venue.query);
            self.orders.seen_in_snapshot(deal.magic, query);
        }
        let amounts = amounts_of(&deal);
        let realised = amounts.total();
        let is_new = matches!(outcome, DealOutcome::Ours(_) | DealOutcome::Foreign);
        if is_new {
            self.explain(input, Entry::Result, realised, TimeNs(deal.ts_venue));
        }
        match outcome {
            DealOutcome::Repeated => self.counts.deals_repeated += 1,
            DealOutcome::Amended => self.met_amended(at, &deal, out),
            DealOutcome::OfOtherNumbers => self.met_other_numbers(at, &deal, out),
            DealOutcome::Foreign => self.on_foreign_deal(at, &deal, side, from_snapshot, out),
            DealOutcome::Ours(change) => {
                self.ledgers.count(at.1, Owner::Us, deal.qty, &amounts);
                self.count_fill(at.1, &deal, side, realised);
                if let Some(terms) = self.orders.order(deal.magic).map(|order| order.terms)
                    && deal.entry != DealEntry::Out.code()
                {
                    if deal.entry == DealEntry::InOut.code() {
                        self.asking.stops.closed(at.1, deal.position);
                    }
                    self.asking.stops.filled(at.1, deal.position, terms.stop_loss, terms.take_profit);
                    self.exits_filled(at.1, deal.position);
                }
                self.position_changed(at.1, deal.position, out);
                self.judge_deal(&deal, realised, out);
                self.settle_late(at, &deal, side, out);
                if let Some(order) = self.orders.order(deal.magic)
                    && order.qty_filled > order.new.qty.0
                {
                    let (ours, theirs) = (order.new.qty.0, order.qty_filled);
                    self.alert(AlertCode::Overfill, at, deal.magic, ours, theirs, out);
                }
                self.prepare(at.1);
                self.changed(change, out);
            }
        }
        // What a snapshot tells the account may have told before.
        if !from_snapshot {
            self.judge_reckoning(out);
        }
    }

    /// A deal as the book remembers it, with the id of the order that it fills; one that trades nothing by its amount.
    pub(super) fn as_told(&self, deal: &record::DealEvent, id: u64) -> NewDeal {
        let trades = Side::BOTH.iter().any(|side| *side as u8 == deal.deal_type);
        let (price, qty) = if trades { (deal.price, deal.qty) } else { (amounts_of(deal).total().0, 0) };
        let carries = if self.is_our_id(deal.magic) { deal.magic } else { 0 };
        NewDeal { deal: deal.deal, id, carries, price, qty, ts_venue: TimeNs(deal.ts_venue) }
    }

    /// The venue amended or annulled a deal. What was counted of it stays: where its volume is another one, the next snapshot differs.
    #[cold]
    pub(super) fn met_amended(
        &mut self,
        at: (VenueId, InstrumentId),
        deal: &record::DealEvent,
        out: &mut Outputs,
    ) {
        if let Some(venue) = self.venues.get_mut(usize::from(at.0.0)) {
            venue.look_again(self.now);
        }
        self.alert(AlertCode::DealAmended, at, deal.deal, 0, deal.qty, out);
    }

    /// Whether a number is an order id that this appliance gives.
    fn is_our_id(&self, magic: u64) -> bool {
        OrderId::from_raw(magic).is_ok_and(|id| id.strategy() == self.setup_strategy)
    }

    /// Whether a deal fills the order whose id it carries. A position's stop carries the id of the order that opened it.
    fn fills_its_order(&mut self, instrument: InstrumentId, deal: &record::DealEvent) -> bool {
        // Who copies trades may copy their magic as well, to another symbol.
        let Some(order) = self.orders.order(deal.magic).filter(|order| order.new.instrument == instrument)
        else {
            return false;
        };
        let same_ticket = order.ticket == 0 || deal.ticket == 0 || deal.ticket == order.ticket;
        let ours = same_ticket && !is_protective(deal.reason);
        if ours {
            self.orders.note(deal.magic, deal.ticket, 0);
        }
        ours
    }

    /// Whether an order of ours with this id is of this instrument.
    pub(super) fn is_order_of(&self, magic: u64, instrument: InstrumentId) -> bool {
        self.orders.order(magic).is_some_and(|order| order.new.instrument == instrument)
    }

    pub(super) fn count_fill(
        &mut self,
        instrument: InstrumentId,
        deal: &record::DealEvent,
        side: Side,
        realised: Money,
    ) {
        if !closes(deal.entry) {
            self.fill_takes_margin(instrument, side, deal.qty);
        }
        let before = self.positions.net(instrument).qty;
        self.exits_fill(instrument, deal, side);
        self.positions.fill(&Fill {
            instrument,
            identifier: deal.position,
            side,
            qty: Qty(deal.qty),
            price: deal.price,
            entry: DealEntry::from_code(deal.entry).unwrap_or(DealEntry::In),
            realised,
        });
        self.counts.fills += 1;
        self.stir(instrument);
        self.rejects_in_row = 0;
        self.loss.realise(self.venue_of(instrument), realised);
        let after = self.positions.net(instrument).qty;
        if let Some(index) = instrument.index() {
            if after == 0 {
                self.loss.float(index, Money::ZERO);
            }
            if let Some(at) = self.strategy_of[index] {
                self.strategies[usize::from(at)].record.fill(before, after, realised);
            }
        }
    }

    /// A deal that we did not make, or that closed a position of ours by its stop: told by the position it belongs to.
    fn on_foreign_deal(
        &mut self,
        at: (VenueId, InstrumentId),
        deal: &record::DealEvent,
        side: Side,
        from_snapshot: bool,
        out: &mut Outputs,
    ) {
        let held = self.positions.tickets(at.1).find(|(identifier, _)| *identifier == deal.position);
        let ours = match held {
            Some((_, qty)) if deal.entry != DealEntry::In.code() && qty.signum() == -side.sign() => {
                deal.qty.min(qty.abs())
            }
            _ => 0,
        };
        let amounts = amounts_of(deal);
        let our_share = amounts.share(ours, deal.qty);
        if ours > 0 {
            let (part, realised) = (record::DealEvent { qty: ours, ..*deal }, our_share.total());
            self.ledgers.count(at.1, Owner::Us, ours, &our_share);
            self.count_fill(at.1, &part, side, realised);
            self.position_changed(at.1, deal.position, out);
            self.hear_close_by(deal.magic, out);
            self.judge_deal(&part, realised, out);
            self.prepare(at.1);
        }
        // What is left of it was never ours: on a netting account a stop covers what others hold as well.
        let rest = deal.qty - ours;
        if rest <= 0 {
            return;
        }
        self.counts.deals_foreign += 1;
        if self.is_our_id(deal.magic) {
            self.alert(AlertCode::ForgottenOrder, at, deal.magic, 0, deal.qty, out);
        }
        // What was there before the first comparison is in the baseline, however late a snapshot tells of it.
        if from_snapshot && self.is_before_baseline(at.0, TimeNs(deal.ts_venue)) {
            return;
        }
        let mut others = record::DealEvent { qty: rest, ..*deal };
        let amounts = amounts.less(&our_share);
        let settled = self.settle_others(at, &others, side);
        let of_settled = amounts.share(settled, rest);
        if settled > 0 {
            self.ledgers.count(at.1, Owner::Others, settled, &of_settled);
        }
        others.qty -= settled;
        if others.qty > 0 {
            let amounts = amounts.less(&of_settled);
            self.note_excess(at.1, &others, side, &amounts);
            if !self.take_others(at, &others, side, &amounts, out) {
                self.add_external(at, side.sign() * others.qty);
            }
        }
        if let Some(venue) = self.venues.get_mut(usize::from(at.0.0)) {
            venue.look_again(self.now);
        }
        self.stir(at.1);
        self.prepare(at.1);
    }
}

/// Whether the server itself made an order or deal: stop loss, take profit, stop out. Such a one carries the id of the order
/// that opened the position, and is not that order (`facts`: state enums, ORDER_REASON and DEAL_REASON).
pub(super) fn is_protective(reason: u8) -> bool {
    const STOP_LOSS: u8 = 4;
    const STOP_OUT: u8 = 6;
    (STOP_LOSS..=STOP_OUT).contains(&reason)
}
