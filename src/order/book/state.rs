//! The order book as words: every order, and the deals that are known.
//!
//! What it is not: the sums of the book; those follow from the orders and are worked out anew.
//!
//! Invariant: a book that was saved and loaded hashes, answers and forgets as the one that was saved.

use super::{DecisionOrigin, NewOrder, Order, OrderBook, Share, ToldEnd};
use crate::order::request::Terms;
use crate::order::state::{OrderState, RequestState, Verdict};
use crate::types::{
    InstrumentId, OrderId, OrderKind, Qty, Side, StateError, StateSink, StateSource, TimeInForce,
};

/// The largest volume of an order, steps: sums of as many as there may be stay numbers.
const VOLUME_MAX: u64 = 1 << 48;
/// Words of one order.
const ORDER_WORDS: usize = 26;

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
        self.deals.iter().for_each(|deals| deals.save(sink));
    }

    /// Takes the words of [`OrderBook::save`] into an empty book.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = OrderBook::new(self.deals.len(), self.memory);
        for _ in 0..source.count("open orders", self.memory.open_max, ORDER_WORDS)? {
            let order = self.load_order(source)?;
            if order.state.is_final() {
                return Err(odd("an open order's state", order.state as u64));
            }
            self.open.insert(order.new.id.raw());
            self.account(&Share::of(&order), 1);
        }
        for _ in 0..source.count("final orders", self.memory.final_max, ORDER_WORDS)? {
            let order = self.load_order(source)?;
            if !order.state.is_final() {
                return Err(odd("a final order's state", order.state as u64));
            }
            self.finals.push_back(order.new.id.raw());
        }
        self.deals.iter_mut().try_for_each(|deals| deals.load(source))?;
        Ok(())
    }

    /// The next order, which no other one has the id of.
    fn load_order(&mut self, source: &mut StateSource<'_>) -> Result<Order, StateError> {
        let order = load_order(source)?;
        let id = order.new.id.raw();
        match self.orders.insert(id, order) {
            None => Ok(order),
            Some(_) => Err(odd("an order's id, each once", id)),
        }
    }
}

/// A word that no book would have saved.
fn odd(what: &'static str, got: u64) -> StateError {
    StateError::Range { what, most: VOLUME_MAX, at: 0, got }
}

fn save_order(order: &Order, sink: &mut impl StateSink) {
    let Order { new, .. } = order;
    sink.word(new.id.raw());
    let codes = [order.state as u8, order.request as u8, order.verdict as u8, new.side.index() as u8];
    let flags = [new.reduces, order.is_presumed, order.is_handed_over, order.is_acknowledged];
    let flags = flags.iter().rev().fold(0, |word, flag| word << 1 | u64::from(*flag));
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
    sink.word(order.end.map_or(0, ToldEnd::word));
}

fn load_order(source: &mut StateSource<'_>) -> Result<Order, StateError> {
    let raw = source.word("an order's id")?;
    let id = OrderId::from_raw(raw).map_err(|_| odd("an order's id", raw))?;
    let packed = source.word("an order's codes")?;
    let code = |place: u32| (packed >> (16 + 8 * place)) as u8;
    let unknown = || odd("an order's codes", packed);
    let flags = packed >> 48;
    let new = NewOrder {
        id,
        instrument: InstrumentId(packed as u16),
        side: *Side::BOTH.get(usize::from(code(0))).ok_or_else(unknown)?,
        qty: Qty(source.at_most("an order's volume", VOLUME_MAX)? as i64),
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
        qty_filled: source.at_most("an order's fills", VOLUME_MAX)? as i64,
        fill_value: source.signed("an order's fills")?,
        ts_state: source.time("an order's state's time")?,
        ts_unknown: source.time("an order's doubt's time")?,
        absent_reads: source.small("an order's absences", u64::from(u32::MAX))?,
        witnessed: source.time("an order's witnessed time")?,
        seen_in: source.word("an order's snapshot")?,
        retcode: source.small("an order's return code", u64::from(u32::MAX))?,
        is_handed_over: flags & 4 != 0,
        is_acknowledged: flags & 8 != 0,
        is_presumed: flags & 2 != 0,
        end: None,
        terms: Terms::load(source)?,
        ts_refused: source.time("an order's refusal's time")?,
        kind: OrderKind::market(new.side),
        life: (TimeInForce::GoodTillCancel, 0),
        revision: 0,
        origin: DecisionOrigin { first: raw, attempt: 0, ts_decide: new.ts_decide },
    };
    let life = source.word("an order's life")?;
    let unknown = || odd("an order's life", life);
    order.kind = OrderKind::from_code((life >> 56) as u8).ok_or_else(unknown)?;
    order.life = (TimeInForce::from_code((life >> 48) as u8).ok_or_else(unknown)?, life as u32);
    order.revision = source.small("an order's revision", u64::from(u32::MAX))?;
    order.origin = DecisionOrigin {
        first: source.word("a decision's first order")?,
        attempt: source.small("a decision's retry", u64::from(u32::MAX))?,
        ts_decide: source.time("a decision's time")?,
    };
    let end = source.word("an order's end")?;
    order.end = ToldEnd::of_word(end).map_err(|_| odd("an order's end", end))?;
    Ok(order)
}
