//! All positions as the exits see them, kept up by fills, quotes and reports.
//!
//! What it is not: the count of positions (`position.rs`), or the rules; nothing here wants anything.
//!
//! Invariant: memory is taken once. A position that is gone is forgotten with all that was remembered of it, and one that turned
//! to the other side is another one. A stop that an order carried counts for its position only where nothing newer was told.

mod state;

use super::{Holding, Stops, exit_price, is_sound};
use crate::order::POSITIONS_MAX;
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Price, Quote, Side, TimeNs};

/// Orders whose stops are remembered for a fill that is told later.
const TOLD_MAX: usize = 16;

/// A fill of ours, as the exits look at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// The position's identifier on a hedging account, zero on a netting one.
    pub ticket: u64,
    /// Which way the deal went.
    pub side: Side,
    /// Steps, positive.
    pub qty: i64,
    /// Ticks.
    pub price: i64,
    /// The order that it filled, or zero.
    pub order_id: u64,
    /// The position's identifier, on whichever account.
    pub position: u64,
}

/// What was told of stops before the fill that they stand with, or after the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    /// The order that opens, or zero for no entry.
    order_id: u64,
    /// The identifier of the position that they stand at, or zero: the order said so itself, and nothing newer is known.
    position: u64,
    stops: Stops,
}

impl Told {
    const NOTHING: Told = Told { order_id: 0, position: 0, stops: Stops::NONE };
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Sorted by instrument and ticket; its capacity is taken once.
    holdings: Vec<Holding>,
    counts: Box<[u16]>,
    /// What was said of the stops of opening orders and what they made, newest last.
    told: [Told; TOLD_MAX],
    told_next: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            holdings: Vec::with_capacity(POSITIONS_MAX),
            counts: vec![0; INSTRUMENTS_MAX].into(),
            told: [Told::NOTHING; TOLD_MAX],
            told_next: 0,
        }
    }
}

impl Watch {
    /// Counts a fill.
    pub fn fill(&mut self, work: &Work, now: TimeNs) {
        let Some(index) = work.instrument.index() else { return };
        let Some(at) = self.place(work.instrument, work.ticket) else { return self.open(work, now) };
        let holding = &mut self.holdings[at];
        if holding.side == work.side {
            holding.qty = holding.qty.saturating_add(work.qty);
            holding.opened = holding.opened.saturating_add(work.qty);
            holding.open_value = holding.open_value.saturating_add(work.price.saturating_mul(work.qty));
            if holding.entry_id != work.order_id {
                // On a netting account the last order's levels count, and one without any leaves those that stand.
                (holding.entry_id, holding.stops) = (work.order_id, None);
                return self.learn_of_order(at, work.position, now);
            }
            return;
        }
        let before = holding.qty;
        if work.qty < before {
            // What stays keeps its average price.
            holding.qty -= work.qty;
            let value = i128::from(holding.open_value) * i128::from(holding.qty) / i128::from(before);
            holding.open_value = value as i64;
            return;
        }
        let gone = self.holdings.remove(at);
        self.counts[index] -= 1;
        // A fill that is told late may open this very position again: its stops stand where they stood.
        if let Some(stops) = gone.stops {
            self.note(Told { order_id: gone.entry_id, position: work.position, stops });
        }
        if work.qty > before {
            self.open(&Work { qty: work.qty - before, ..*work }, now);
        }
    }

    fn open(&mut self, work: &Work, now: TimeNs) {
        let Some(index) = work.instrument.index() else { return };
        if self.holdings.len() == POSITIONS_MAX {
            return;
        }
        let key = (work.instrument, work.ticket);
        let at = self.holdings.partition_point(|holding| (holding.instrument, holding.ticket) < key);
        let holding = Holding {
            instrument: work.instrument,
            ticket: work.ticket,
            side: work.side,
            qty: work.qty,
            opened: work.qty,
            open_value: work.price.saturating_mul(work.qty),
            entry_id: work.order_id,
            since: now,
            best: Price::NONE,
            stops: None,
            tightest: Price::NONE,
            bare_since: now,
            is_stop_refused: false,
            leave_refused: TimeNs::NEVER,
            last_move: TimeNs::NEVER,
        };
        self.holdings.insert(at, holding);
        self.counts[index] += 1;
        self.learn_of_order(at, work.position, now);
    }

    /// An opening order of ours was told with these stops: once it fills they stand, unless more is known of what it made.
    pub fn order_told(&mut self, order_id: u64, stops: Stops, now: TimeNs) {
        let is_position_known = self.told.iter().any(|told| told.order_id == order_id && told.position != 0);
        if !is_position_known {
            self.note(Told { order_id, position: 0, stops });
        }
        let filled = self.holdings.iter().position(|holding| holding.entry_id == order_id);
        if let Some(at) = filled {
            self.learn_of_order(at, 0, now);
        }
    }

    /// The venue shows a position that this order opened, and no fill has made it here yet.
    pub fn position_told(&mut self, order_id: u64, position: u64, stops: Stops) {
        self.note(Told { order_id, position, stops });
    }

    fn note(&mut self, new: Told) {
        match self.told.iter_mut().find(|told| told.order_id == new.order_id && new.order_id != 0) {
            Some(known) => *known = new,
            None => {
                self.told[self.told_next] = new;
                self.told_next = (self.told_next + 1) % TOLD_MAX;
            }
        }
    }

    fn learn_of_order(&mut self, at: usize, position: u64, now: TimeNs) {
        let holding = &mut self.holdings[at];
        let is_of = |told: &&Told| told.order_id == holding.entry_id && told.order_id != 0;
        // What is known of another position that the same order made says nothing of this one.
        let told = self.told.iter().find(is_of).filter(|told| [0, position].contains(&told.position));
        let is_first = holding.tightest == Price::NONE;
        if let (Some(Told { stops, .. }), None) = (told, holding.stops)
            && (is_first || stops.stop.is_some())
        {
            holding.learn_stops(*stops, now);
        }
    }

    /// The venue says what stands at a position of this side, or a request of ours was executed.
    pub fn stops_told(
        &mut self,
        instrument: InstrumentId,
        (ticket, side): (u64, Side),
        stops: Stops,
        now: TimeNs,
    ) {
        let held = self.place(instrument, ticket).filter(|at| self.holdings[*at].side == side);
        if let Some(at) = held {
            self.holdings[at].learn_stops(stops, now);
        }
    }

    /// A move of the stop was asked for.
    pub fn stop_asked(&mut self, instrument: InstrumentId, ticket: u64, now: TimeNs) {
        if let Some(at) = self.place(instrument, ticket) {
            self.holdings[at].last_move = now;
        }
    }

    /// The venue refused a stop as wrong in itself. Where one stands that is no matter.
    pub fn stop_refused(&mut self, instrument: InstrumentId, ticket: u64) {
        if let Some(at) = self.place(instrument, ticket) {
            let holding = &mut self.holdings[at];
            holding.is_stop_refused = holding.bare_since != TimeNs::NEVER;
        }
    }

    /// An order that was to close some of a position was refused.
    pub fn leave_refused(&mut self, instrument: InstrumentId, ticket: u64, now: TimeNs) {
        if let Some(at) = self.place(instrument, ticket) {
            self.holdings[at].leave_refused = now;
        }
    }

    /// Looks at a quote; one that is crossed or lacks a side is no price to remember.
    #[inline]
    pub fn quote(&mut self, instrument: InstrumentId, quote: &Quote) {
        let is_held = instrument.index().is_some_and(|index| self.counts[index] > 0);
        if !is_held || !is_sound(quote) {
            return;
        }
        for holding in self.holdings.iter_mut().filter(|holding| holding.instrument == instrument) {
            holding.see(exit_price(quote, holding.side));
        }
    }

    /// Takes over what is left of an instrument's positions, signed steps by ticket, where not a fill but the operator's word
    /// changed it.
    pub fn settle(&mut self, instrument: InstrumentId, left: impl Fn(u64) -> i64) {
        let Some(index) = instrument.index() else { return };
        self.holdings.retain_mut(|holding| {
            if holding.instrument != instrument {
                return true;
            }
            let qty = (left(holding.ticket) * holding.side.sign()).clamp(0, holding.qty);
            let value = i128::from(holding.open_value) * i128::from(qty) / i128::from(holding.qty.max(1));
            // What was written off was never filled, for all that is known.
            holding.opened -= holding.qty - qty;
            (holding.qty, holding.open_value) = (qty, value as i64);
            qty > 0
        });
        let of = |holding: &&Holding| holding.instrument == instrument;
        self.counts[index] = self.holdings.iter().filter(of).count() as u16;
    }

    /// Whether an instrument has a position.
    #[inline]
    pub fn has(&self, instrument: InstrumentId) -> bool {
        instrument.index().is_some_and(|index| self.counts[index] > 0)
    }

    /// The positions of an instrument, oldest ticket first.
    pub fn of(&self, instrument: InstrumentId) -> &[Holding] {
        let from = self.holdings.partition_point(|holding| holding.instrument < instrument);
        let count = instrument.index().map_or(0, |index| usize::from(self.counts[index]));
        &self.holdings[from..from + count]
    }

    /// All positions.
    pub fn all(&self) -> &[Holding] {
        &self.holdings
    }

    fn place(&self, instrument: InstrumentId, ticket: u64) -> Option<usize> {
        let key = (instrument, ticket);
        self.holdings.binary_search_by_key(&key, |holding| (holding.instrument, holding.ticket)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(side: Side, qty: i64) -> Work {
        Work { instrument: InstrumentId(0), ticket: 0, side, qty, price: 1_000, order_id: 7, position: 50 }
    }

    #[test]
    fn a_position_that_a_late_fill_opens_again_has_the_stops_that_it_had() {
        let mut watch = Watch::default();
        let stops = |stop| Stops { stop: Price(stop), take: Price::NONE };
        watch.order_told(7, stops(1_020), TimeNs(1));
        watch.fill(&work(Side::Sell, 2), TimeNs(2));
        watch.stops_told(InstrumentId(0), (0, Side::Sell), stops(1_010), TimeNs(3));
        watch.fill(&Work { order_id: 8, ..work(Side::Buy, 2) }, TimeNs(4));
        assert!(watch.all().is_empty());
        // The order's own word is older than what was told of the position.
        watch.order_told(7, stops(1_020), TimeNs(5));
        let mut other = watch.clone();
        watch.fill(&work(Side::Sell, 3), TimeNs(6));
        assert_eq!(watch.all()[0].stops, Some(stops(1_010)));
        // What the order left opens a position of its own: nobody told where its stop stands.
        other.fill(&Work { position: 51, ..work(Side::Sell, 3) }, TimeNs(6));
        assert_eq!(other.all()[0].stops, None);
    }
}
