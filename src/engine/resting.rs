//! Limit orders that rest on the other side of the same book, ours and those of others that the venue told: no opening trades with one.
//!
//! What it is not: the venue's book, or a judge of reductions: an exit leaves whatever rests.
//!
//! Invariant: what others have resting follows from events and complete snapshots as they were journalled. It is looked at when
//! something is to be opened, and costs a comparison where nothing rests.

mod state;

use super::{Engine, ExternalPolicy};
use crate::order::Order;
use crate::record::{OrderEvent, Record};
use crate::risk::{Intent, Reason, Refusal};
use crate::types::{InstrumentId, InstrumentSpec, OrderId, OrderKind, Price, Side, TransactionKind};

/// Orders of others that are remembered; what comes beyond is not.
const OTHERS_MAX: usize = 512;
/// States of an order that rests, whole or in part.
const PLACED: u8 = 1;
const PARTIAL: u8 = 3;

/// A limit order of somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Other {
    ticket: u64,
    instrument: InstrumentId,
    side: Side,
    price: Price,
    /// The question that was open when it was last told, or zero.
    query: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Others {
    list: Vec<Other>,
}

impl Default for Others {
    fn default() -> Self {
        Others { list: Vec::with_capacity(OTHERS_MAX) }
    }
}

impl Other {
    /// Two venues may number alike.
    fn key(&self) -> (InstrumentId, u64) {
        (self.instrument, self.ticket)
    }
}

impl Others {
    fn tell(&mut self, other: Other) {
        match self.list.iter().position(|known| known.key() == other.key()) {
            Some(at) => self.list[at] = other,
            None if self.list.len() < OTHERS_MAX => self.list.push(other),
            None => {}
        }
    }

    fn gone(&mut self, instrument: InstrumentId, ticket: u64) {
        self.list.retain(|known| known.key() != (instrument, ticket));
    }
}

/// The side of a limit order.
fn limit_side(kind: OrderKind) -> Option<Side> {
    match kind {
        OrderKind::BuyLimit => Some(Side::Buy),
        OrderKind::SellLimit => Some(Side::Sell),
        _ => None,
    }
}

impl Engine {
    /// Takes what the venue says of an order that is none of ours.
    pub(super) fn note_resting(&mut self, input: &Record, event: &OrderEvent) {
        let side = OrderKind::from_code(event.order_kind).and_then(limit_side);
        let is_ours = OrderId::from_raw(event.magic).is_ok_and(|id| id.strategy() == self.setup_strategy);
        let Some(side) = side.filter(|_| !is_ours) else { return };
        let is_over = [TransactionKind::HistoryAdd, TransactionKind::OrderDelete]
            .iter()
            .any(|kind| kind.code() == event.transaction);
        // Without its price nobody knows where it rests.
        let is_known = Price(event.price).is_some();
        if is_over || !is_known || !matches!(event.order_state, PLACED | PARTIAL) {
            return self.others.gone(input.instrument(), event.ticket);
        }
        let query = self.venues.get(usize::from(input.venue().0)).map_or(0, |venue| venue.query);
        let (ticket, instrument, price) = (event.ticket, input.instrument(), Price(event.price));
        self.others.tell(Other { ticket, instrument, side, price, query });
    }

    /// A snapshot is complete: what it did not list, and nobody told since it was asked for, rests no more.
    pub(super) fn settle_resting(&mut self, venue_index: usize, query: u64) {
        let mut others = std::mem::take(&mut self.others.list);
        others.retain(|other| {
            usize::from(self.venue_of(other.instrument).0) != venue_index || other.query == query
        });
        self.others.list = others;
    }

    /// Why an opening that may trade as far as `worst` is not made: something of this account rests there on the other side.
    #[inline]
    pub(super) fn self_trade(&self, instrument: InstrumentId, side: Side, worst: Price) -> Option<Refusal> {
        self.something_rests(instrument, side).then(|| self.crossed(instrument, side, worst)).flatten()
    }

    /// Whether anything may rest on the other side at all.
    #[inline]
    fn something_rests(&self, instrument: InstrumentId, side: Side) -> bool {
        self.orders.reserved(instrument, side.opposite()) > 0 || self.counts_others()
    }

    #[inline]
    fn counts_others(&self) -> bool {
        !self.others.list.is_empty() && self.policy != ExternalPolicy::Ignore
    }

    #[cold]
    fn crossed(&self, instrument: InstrumentId, side: Side, worst: Price) -> Option<Refusal> {
        let counts_others = self.counts_others();
        let is_opposite = |order: &&Order| {
            order.new.instrument == instrument && limit_side(order.kind) == Some(side.opposite())
        };
        let own = self.orders.open().filter(is_opposite).map(|order| order.terms.price.0);
        let is_theirs =
            |other: &&Other| counts_others && other.instrument == instrument && other.side != side;
        let theirs = self.others.list.iter().filter(is_theirs).map(|other| other.price.0);
        // The nearest one, whatever the order of the lists.
        let nearest = own.chain(theirs).min_by_key(|price| price.saturating_mul(side.sign()))?;
        let is_crossed = (worst.0.saturating_sub(nearest)).saturating_mul(side.sign()) >= 0;
        is_crossed.then_some(Refusal { reason: Reason::SelfTrade, limit: nearest, got: worst.0 })
    }

    /// The same of an opening at the market.
    pub(super) fn self_trade_at_market(
        &self,
        intent: &Intent,
        spec: &InstrumentSpec,
        deviation_points: u32,
    ) -> Option<Refusal> {
        if !self.something_rests(intent.instrument, intent.side) {
            return None;
        }
        let slack = spec.points_to_ticks(deviation_points);
        let worst = intent.price.plus(intent.side.sign() * slack);
        self.self_trade(intent.instrument, intent.side, worst)
    }
}
