//! The order book as words: every order, and the deals that are known.
//!
//! What it is not: the sums of the book; those follow from the orders and are worked out anew.
//!
//! Invariant: a book that was saved and loaded hashes, answers and forgets as the one that was saved.

use super::{
    DEALS_REMEMBERED_MAX, DecisionOrigin, NewOrder, ORDERS_FINAL_MAX, ORDERS_OPEN_MAX, Order, OrderBook,
};
use crate::order::request::Terms;
use crate::order::state::{OrderState, RequestState, Verdict};
use crate::types::{
    InstrumentId, OrderId, OrderKind, Qty, Side, StateError, StateSink, StateSource, TimeInForce, TimeNs,
    state_mix,
};

/// Words of one order.
const ORDER_WORDS: usize = 25;

/// What a deal adds to the sum that the book keeps over all it remembers.
#[inline]
pub(super) fn deal_mix(deal: u64, ts_venue: TimeNs) -> u64 {
    state_mix(deal).wrapping_add(state_mix(ts_venue.0 as u64))
}

impl OrderBook {
    /// Tells its words.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.unordered(self.open(), |order, sink| save_order(order, sink));
        sink.word(self.finals.len() as u64);
        for id in &self.finals {
            if let Some(order) = self.orders.get(id) {
                save_order(order, sink);
            }
        }
        let deals = DealWords { deals: &self.deals_in_order, at: 0 };
        sink.kept(self.deals_sum, deals);
        sink.time(self.deals_forgotten_until);
    }

    /// Takes the words of [`OrderBook::save`] into an empty book.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = OrderBook::default();
        for _ in 0..source.count("open orders", ORDERS_OPEN_MAX, ORDER_WORDS)? {
            let order = load_order(source)?;
            self.orders.insert(order.new.id.raw(), order);
            self.account(&order, 1);
        }
        for _ in 0..source.count("final orders", ORDERS_FINAL_MAX, ORDER_WORDS)? {
            let order = load_order(source)?;
            self.finals.push_back(order.new.id.raw());
            self.orders.insert(order.new.id.raw(), order);
        }
        for _ in 0..source.count("words of deals", 2 * DEALS_REMEMBERED_MAX, 1)? / 2 {
            let (deal, ts_venue) = (source.word("a deal")?, source.time("a deal's time")?);
            self.deals.insert(deal);
            self.deals_in_order.push_back((deal, ts_venue));
            self.deals_sum = self.deals_sum.wrapping_add(deal_mix(deal, ts_venue));
        }
        self.deals_forgotten_until = source.time("the forgotten deals' time")?;
        Ok(())
    }
}

/// The deals, two words each, oldest first.
struct DealWords<'a> {
    deals: &'a std::collections::VecDeque<(u64, TimeNs)>,
    at: usize,
}

impl Iterator for DealWords<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (deal, ts_venue) = self.deals.get(self.at / 2)?;
        self.at += 1;
        Some(if self.at % 2 == 1 { *deal } else { ts_venue.0 as u64 })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = 2 * self.deals.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for DealWords<'_> {}

fn save_order(order: &Order, sink: &mut impl StateSink) {
    let Order { new, .. } = order;
    sink.word(new.id.raw());
    let codes = [order.state as u8, order.request as u8, order.verdict as u8, new.side.index() as u8];
    let flags = u64::from(new.reduces) | u64::from(order.is_presumed) << 1;
    let packed = codes.iter().fold(flags, |word, code| word << 8 | u64::from(*code));
    sink.word(packed << 16 | u64::from(new.instrument.0));
    sink.signed(new.qty.0);
    sink.word(new.position);
    sink.time(new.ts_decide);
    sink.time(new.ts_venue);
    sink.word(order.ticket);
    sink.signed(order.qty_filled);
    sink.signed(order.fill_value);
    sink.time(order.ts_state);
    sink.time(order.ts_unknown);
    sink.word(u64::from(order.absent_reads));
    sink.time(order.witnessed);
    sink.word(order.seen_in);
    sink.word(u64::from(order.retcode));
    order.terms.save(sink);
    sink.time(order.ts_refused);
    let (time_in_force, expiration_s) = order.life;
    let codes = u64::from(order.kind.code()) << 8 | u64::from(time_in_force.code());
    sink.word(codes << 48 | u64::from(expiration_s));
    sink.word(u64::from(order.revision));
    sink.word(order.origin.first);
    sink.word(u64::from(order.origin.attempt));
    sink.time(order.origin.ts_decide);
}

fn load_order(source: &mut StateSource<'_>) -> Result<Order, StateError> {
    let raw = source.word("an order's id")?;
    let range = |what, got| StateError::Range { what, most: i64::MAX as u64, at: 0, got };
    let id = OrderId::from_raw(raw).map_err(|_| range("an order's id", raw))?;
    let packed = source.word("an order's codes")?;
    let code = |place: u32| (packed >> (16 + 8 * place)) as u8;
    let unknown = || range("an order's codes", packed);
    let flags = packed >> 48;
    let new = NewOrder {
        id,
        instrument: InstrumentId(packed as u16),
        side: *Side::BOTH.get(usize::from(code(0))).ok_or_else(unknown)?,
        qty: Qty(source.signed("an order's volume")?),
        reduces: flags & 1 != 0,
        position: source.word("an order's position")?,
        ts_decide: source.time("an order's time")?,
        ts_venue: source.time("an order's time at the venue")?,
    };
    let mut order = Order {
        new,
        state: OrderState::from_code(code(3)).ok_or_else(unknown)?,
        request: RequestState::from_code(code(2)).ok_or_else(unknown)?,
        verdict: Verdict::from_code(code(1)).ok_or_else(unknown)?,
        ticket: source.word("an order's ticket")?,
        qty_filled: source.signed("an order's fills")?,
        fill_value: source.signed("an order's fills")?,
        ts_state: source.time("an order's state's time")?,
        ts_unknown: source.time("an order's doubt's time")?,
        absent_reads: source.small("an order's absences", u64::from(u32::MAX))?,
        witnessed: source.time("an order's witnessed time")?,
        seen_in: source.word("an order's snapshot")?,
        retcode: source.small("an order's return code", u64::from(u32::MAX))?,
        is_presumed: flags & 2 != 0,
        terms: Terms::load(source)?,
        ts_refused: source.time("an order's refusal's time")?,
        kind: OrderKind::market(new.side),
        life: (TimeInForce::GoodTillCancel, 0),
        revision: 0,
        origin: DecisionOrigin { first: raw, attempt: 0, ts_decide: new.ts_decide },
    };
    let life = source.word("an order's life")?;
    let unknown = || range("an order's life", life);
    order.kind = OrderKind::from_code((life >> 56) as u8).ok_or_else(unknown)?;
    order.life = (TimeInForce::from_code((life >> 48) as u8).ok_or_else(unknown)?, life as u32);
    order.revision = source.small("an order's revision", u64::from(u32::MAX))?;
    order.origin = DecisionOrigin {
        first: source.word("a decision's first order")?,
        attempt: source.small("a decision's retry", u64::from(u32::MAX))?,
        ts_decide: source.time("a decision's time")?,
    };
    Ok(order)
}
