//! All orders whose fate is open, the latest final ones, and what they reserve.
//!
//! What it is not: it sends nothing and asks nothing.
//!
//! Invariant: per instrument and side, `reserved` is the sum of what the open orders may still fill, Unknown ones whole, and
//! `reducing` the part of it that reduces; a deal counts once; an order that ended by absence alone is open again with the first word of it; memory is taken when the
//! book is made and never again.

mod absence;
mod deals;
mod ends;
mod memory;
mod open;
mod reducing;
mod share;
mod state;

pub use deals::{NewDeal, OtherNumbers};
pub use ends::ToldEnd;
pub use memory::BookMemory;

use super::request::Terms;
use super::retcode::{RetcodeClass, classify};
use super::state::{Fact, OrderState, RequestState, Verdict};
use crate::types::{
    INSTRUMENTS_MAX, InstrumentId, OrderId, OrderKind, Qty, Side, TimeInForce, TimeNs, VenueId,
};
use deals::{Deals, Heard};
use open::OpenIds;
use share::Share;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Orders whose fate may be open at one time.
pub const ORDERS_OPEN_MAX: usize = 4_096;

/// Keeps ids that follow each other in neighbouring buckets, so that the newest orders and deals share cache lines; ids at
/// regular distances are folded apart. Not for hostile keys, which never get here.
#[derive(Clone, Copy, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, value: u64) {
        // The table takes its bucket from the low bits and its tag from the top seven.
        let tag = value.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xfe00_0000_0000_0000;
        let bucket = (value ^ value >> 15 ^ value >> 30 ^ value >> 45) & 0x01ff_ffff_ffff_ffff;
        self.0 = tag | bucket;
    }
}

pub(super) type IdBuild = BuildHasherDefault<IdHasher>;

/// An order as it was approved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Volume in steps, positive.
    pub qty: Qty,
    /// It reduces a position rather than opening one.
    pub reduces: bool,
    /// The identifier of the position that it closes on a hedging account, or zero.
    pub position: u64,
    /// When it was decided, by our clock.
    pub ts_decide: TimeNs,
    /// When it was decided, by the venue's: the stamp of the quote it was decided on.
    pub ts_venue: TimeNs,
}

/// The decision that an order comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecisionOrigin {
    /// The decision's first order.
    pub first: u64,
    /// Which retry of it this is; zero for the first itself.
    pub attempt: u32,
    /// When it was decided.
    pub ts_decide: TimeNs,
}

impl DecisionOrigin {
    /// The next retry of the same decision.
    pub fn again(self) -> DecisionOrigin {
        DecisionOrigin { attempt: self.attempt + 1, ..self }
    }
}

/// An order and what is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// As approved.
    pub new: NewOrder,
    /// What became of it.
    pub state: OrderState,
    /// What became of our last request about it.
    pub request: RequestState,
    /// Who decided the state.
    pub verdict: Verdict,
    /// Venue's ticket, or zero.
    pub ticket: u64,
    /// Filled so far, steps.
    pub qty_filled: i64,
    /// Sum of price times volume of its fills, ticks times steps.
    pub fill_value: i64,
    /// When the state last changed, or its end was told before its fills.
    pub ts_state: TimeNs,
    /// When it became Unknown; `TimeNs::NEVER` otherwise.
    pub ts_unknown: TimeNs,
    /// Complete snapshots since then, a second apart, that know nothing of it.
    pub absent_reads: u32,
    /// Witnessed time of the doubt, then of the question behind the last of these snapshots; `TimeNs::NEVER` before.
    pub witnessed: TimeNs,
    /// The last snapshot that knew it: query id.
    pub seen_in: u64,
    /// The return code that decided, or zero.
    pub retcode: u32,
    /// The terminal handed it over, or does not know what became of it: it may be executed for as long as a server takes.
    pub is_handed_over: bool,
    /// The venue answered for it: a list that does not have it lags behind.
    pub is_acknowledged: bool,
    /// It ended by absence alone: nobody has seen its end. Whatever is heard of it counts as if it were still in doubt.
    pub is_presumed: bool,
    /// Its end, while fills that it names are not counted.
    pub end: Option<ToldEnd>,
    /// What kind of order it is, as last told.
    pub kind: OrderKind,
    /// Where it rests, as last told: as asked for until then.
    pub terms: Terms,
    /// Requests about it so far.
    pub revision: u32,
    /// When the last one ended otherwise than done; `TimeNs::NEVER` before.
    pub ts_refused: TimeNs,
    /// How long it lives, and until when (UTC seconds, or zero): a change must say it again.
    pub life: (TimeInForce, u32),
    /// The decision that it comes from.
    pub origin: DecisionOrigin,
}

impl Order {
    /// Waits at the venue for its price, or will.
    pub fn is_pending(&self) -> bool {
        !matches!(self.kind, OrderKind::Buy | OrderKind::Sell | OrderKind::CloseBy)
    }

    /// What it may still fill, steps.
    pub fn remaining(&self) -> i64 {
        let most = self.end.map_or(self.new.qty.0, |end| end.executed);
        if self.state.is_final() { 0 } else { (most - self.qty_filled).max(0) }
    }

    /// Takes a fact about what became of it.
    fn take(&mut self, fact: Fact, verdict: Verdict) {
        if self.waits_for_fills(fact) {
            return;
        }
        let believed = if self.is_presumed { OrderState::Unknown } else { self.state };
        let after = match believed.after(fact) {
            // What is no news ends no presumption; that the terminal itself does not know is news.
            OrderState::Unknown if self.is_presumed && fact != Fact::Doubt => self.state,
            after => after,
        };
        self.is_presumed = match fact {
            Fact::ProvenAbsent => believed == OrderState::Unknown,
            Fact::Dispatched | Fact::NotDispatched => self.is_presumed,
            _ => false,
        };
        if after != self.state {
            self.verdict = verdict;
        }
        self.state = after;
    }
}

/// A change of state, for the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// State before.
    pub from: OrderState,
    /// The order after.
    pub order: Order,
}

/// What a deal did.
#[allow(clippy::large_enum_variant, reason = "a value on the stack, looked at where it is made")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DealOutcome {
    /// Known already: changes nothing.
    Repeated,
    /// A fill of one of our orders.
    Ours(Option<Change>),
    /// Carries no id of an order we remember.
    Foreign,
    /// Known already, with another price or volume: the venue amended it. Only what is remembered of it changes.
    Amended,
    /// Its number is that of another deal: counted only once the operator said that the venue's numbers began again.
    OfOtherNumbers,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct OrderBook {
    orders: HashMap<u64, Order, IdBuild>,
    finals: VecDeque<u64>,
    open: OpenIds,
    unknown_count: usize,
    reserved: Box<[[i64; 2]]>,
    reducing: Box<[[i64; 2]]>,
    open_by_side: Box<[[u32; 2]]>,
    unknown_by_side: Box<[[u32; 2]]>,
    /// By venue: two of them may number their deals alike.
    deals: Box<[Deals]>,
    memory: BookMemory,
}

impl Default for OrderBook {
    fn default() -> Self {
        OrderBook::new(1, BookMemory::WHOLE)
    }
}

impl OrderBook {
    /// An empty book for so many venues.
    pub fn new(venue_count: usize, memory: BookMemory) -> Self {
        OrderBook {
            orders: HashMap::with_capacity_and_hasher(
                2 * (memory.open_max + memory.final_max),
                IdBuild::default(),
            ),
            finals: VecDeque::with_capacity(memory.final_max + 1),
            open: OpenIds::new(memory.open_max),
            unknown_count: 0,
            reserved: vec![[0; 2]; INSTRUMENTS_MAX].into(),
            reducing: vec![[0; 2]; INSTRUMENTS_MAX].into(),
            open_by_side: vec![[0; 2]; INSTRUMENTS_MAX].into(),
            unknown_by_side: vec![[0; 2]; INSTRUMENTS_MAX].into(),
            deals: (0..venue_count).map(|_| Deals::new(memory.deals_max)).collect(),
            memory,
        }
    }

    /// Takes an approved order; it is `Queued`.
    ///
    /// # Panics
    /// When the id is known already or the book is full: the gate counts open orders and must not approve so many.
    pub fn insert(&mut self, new: NewOrder) {
        assert!(self.open.len() < self.memory.open_max, "more open orders than the gate may approve");
        let order = Order {
            new,
            state: OrderState::Queued,
            request: RequestState::Queued,
            verdict: Verdict::None,
            ticket: 0,
            qty_filled: 0,
            fill_value: 0,
            ts_state: new.ts_decide,
            ts_unknown: TimeNs::NEVER,
            absent_reads: 0,
            witnessed: TimeNs::NEVER,
            seen_in: 0,
            retcode: 0,
            is_handed_over: false,
            is_acknowledged: false,
            is_presumed: false,
            end: None,
            kind: OrderKind::market(new.side),
            terms: Terms::NONE,
            revision: 0,
            ts_refused: TimeNs::NEVER,
            life: (TimeInForce::GoodTillCancel, 0),
            origin: DecisionOrigin { first: new.id.raw(), attempt: 0, ts_decide: new.ts_decide },
        };
        let before = self.orders.insert(new.id.raw(), order);
        assert!(before.is_none(), "an order id was given twice");
        self.open.insert(new.id.raw());
        self.account(&Share::of(&order), 1);
    }

    /// The order with this id, if it is remembered.
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// Every open order, the oldest id first.
    pub fn open(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().filter_map(|id| self.orders.get(&id))
    }

    /// Open orders.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Orders in doubt.
    pub fn unknown_count(&self) -> usize {
        self.unknown_count
    }

    /// What open orders of a side may still fill, steps.
    #[inline]
    pub fn reserved(&self, instrument: InstrumentId, side: Side) -> i64 {
        instrument.index().map_or(0, |index| self.reserved[index][side.index()])
    }

    /// Open orders of an instrument, both sides.
    #[inline]
    pub fn open_of(&self, instrument: InstrumentId) -> u32 {
        instrument.index().map_or(0, |index| self.open_by_side[index][0] + self.open_by_side[index][1])
    }

    /// Orders in doubt of an instrument and side.
    #[inline]
    pub fn unknown_of(&self, instrument: InstrumentId, side: Side) -> u32 {
        instrument.index().map_or(0, |index| self.unknown_by_side[index][side.index()])
    }

    /// A venue's deals at or before this time were dropped from memory: a snapshot's deal this old is one we had.
    pub fn deals_forgotten_until(&self, venue: VenueId) -> TimeNs {
        self.deals.get(usize::from(venue.0)).map_or(TimeNs::NEVER, Deals::forgotten_until)
    }

    /// Whether a venue's numbers of deals began again, as far as is known.
    pub fn other_numbers(&self, venue: VenueId) -> OtherNumbers {
        self.deals.get(usize::from(venue.0)).map_or(OtherNumbers::Unseen, |deals| deals.other_numbers)
    }

    /// Notes what is known of it.
    pub fn set_other_numbers(&mut self, venue: VenueId, other_numbers: OtherNumbers) {
        if let Some(deals) = self.deals.get_mut(usize::from(venue.0)) {
            deals.other_numbers = other_numbers;
        }
    }

    /// Learns a fact; `None` when the order is not remembered or nothing changed.
    pub fn learn(&mut self, id: u64, fact: Fact, verdict: Verdict, now: TimeNs) -> Option<Change> {
        self.update(id, now, |order| {
            order.request = match fact {
                Fact::Dispatched if order.request == RequestState::Queued => RequestState::Pending,
                Fact::Dispatched => order.request,
                Fact::Doubt if order.request != RequestState::Settled => RequestState::Unknown,
                _ => RequestState::Settled,
            };
            order.take(fact, verdict);
        })
    }

    /// Notes the venue's ticket and the return code that came with a report.
    pub fn note(&mut self, id: u64, ticket: u64, retcode: u32) {
        if let Some(order) = self.orders.get_mut(&id) {
            if ticket != 0 {
                (order.ticket, order.is_acknowledged) = (ticket, true);
            }
            if retcode != 0 {
                order.retcode = retcode;
                // What was said once is not unsaid by a later code.
                match classify(retcode) {
                    RetcodeClass::Placed | RetcodeClass::Unknown => order.is_handed_over = true,
                    RetcodeClass::Done | RetcodeClass::DonePartial => order.is_acknowledged = true,
                    _ => {}
                }
            }
        }
    }

    /// Notes what kind of order it is and where it rests.
    pub fn rests(&mut self, id: u64, kind: OrderKind, terms: Terms) {
        if let Some(order) = self.orders.get_mut(&id) {
            (order.kind, order.terms) = (kind, terms);
        }
    }

    /// Notes what its command said beside: how long it lives, and the earlier decision that it tries again, if one.
    pub fn commanded(&mut self, id: u64, life: (TimeInForce, u32), origin: Option<DecisionOrigin>) {
        if let Some(order) = self.orders.get_mut(&id) {
            (order.life, order.origin) = (life, origin.unwrap_or(order.origin));
        }
    }

    /// A request about an order is made: `revision` of them so far.
    pub fn asked(&mut self, id: u64, revision: u32) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.revision = order.revision.max(revision);
        }
    }

    /// A request about an order ended otherwise than done.
    pub fn refused(&mut self, id: u64, now: TimeNs) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.ts_refused = now;
        }
    }

    /// Takes a venue's deal with the id it carried; each of its numbers counts once.
    pub fn deal(&mut self, venue: VenueId, deal: &NewDeal, now: TimeNs) -> DealOutcome {
        let Some(deals) = self.deals.get_mut(usize::from(venue.0)) else { return DealOutcome::Foreign };
        match deals.hear(deal) {
            Heard::Known => return DealOutcome::Repeated,
            Heard::Amended => return DealOutcome::Amended,
            Heard::OfOtherNumbers => return DealOutcome::OfOtherNumbers,
            Heard::New => {}
        }
        let NewDeal { id, price, qty, .. } = *deal;
        if !self.orders.contains_key(&id) {
            return DealOutcome::Foreign;
        }
        let change = self.update(id, now, |order| {
            order.qty_filled = order.qty_filled.saturating_add(qty);
            order.fill_value = order.fill_value.saturating_add(price.saturating_mul(qty));
            let whole = order.qty_filled >= order.new.qty.0;
            order.take(if whole { Fact::FilledWhole } else { Fact::FilledPart }, Verdict::Venue);
            order.end_if_counted();
            order.request = RequestState::Settled;
        });
        DealOutcome::Ours(change)
    }

    /// Takes a venue's word that it amended or annulled a deal: what was counted of it stays.
    pub fn amend(&mut self, venue: VenueId, deal: &NewDeal) {
        if let Some(deals) = self.deals.get_mut(usize::from(venue.0)) {
            deals.amend(deal);
        }
    }

    fn update(&mut self, id: u64, now: TimeNs, change: impl FnOnce(&mut Order)) -> Option<Change> {
        let order = self.orders.get_mut(&id)?;
        let (before, from) = (Share::of(order), order.state);
        change(order);
        let moved = (order.state != from).then(|| {
            order.ts_state = now;
            order.ts_unknown = if order.state == OrderState::Unknown { now } else { TimeNs::NEVER };
            (order.absent_reads, order.witnessed) = (0, TimeNs::NEVER);
            Change { from, order: *order }
        });
        let after = Share::of(order);
        if after != before {
            self.account(&before, -1);
            self.account(&after, 1);
            match (before.state.is_final(), after.state.is_final()) {
                (false, true) => self.ended(id),
                (true, false) => {
                    self.finals.retain(|known| *known != id);
                    self.open.insert(id);
                }
                _ => {}
            }
        }
        moved
    }

    fn ended(&mut self, id: u64) {
        self.open.remove(id);
        self.finals.push_back(id);
        if self.finals.len() > self.memory.final_max
            && let Some(oldest) = self.finals.pop_front()
        {
            self.orders.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
