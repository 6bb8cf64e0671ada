//! Orders whose end is told before the fills that it names.
//!
//! What it is not: the table of moves (`order/state.rs`); here an end waits until it may be one.
//!
//! Invariant: an order does not end while the venue says that more of it was executed than is counted; until then what is missing
//! stays reserved.

use super::{Change, Order, OrderBook};
use crate::order::state::{Fact, RequestState, Verdict};
use crate::types::TimeNs;

/// Bits of a word that are volume.
const VOLUME_BITS: u32 = 56;

/// An end as it was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToldEnd {
    /// [`Fact::Cancelled`], [`Fact::Expired`] or [`Fact::Refused`].
    fact: Fact,
    /// What was executed until then, steps.
    pub executed: i64,
}

impl ToldEnd {
    /// Facts that end an order, by their place in a saved word.
    const FACTS: [Fact; 3] = [Fact::Cancelled, Fact::Expired, Fact::Refused];

    /// As it is saved; never zero.
    pub(super) fn word(self) -> u64 {
        let place = Self::FACTS.iter().position(|fact| *fact == self.fact).map_or(0, |at| at as u64 + 1);
        place << VOLUME_BITS | self.executed as u64
    }

    /// What a word says; an error when it says no end.
    pub(super) fn of_word(word: u64) -> Result<Option<ToldEnd>, ()> {
        let executed = (word & ((1 << VOLUME_BITS) - 1)) as i64;
        match (word >> VOLUME_BITS) as usize {
            0 if executed == 0 => Ok(None),
            0 => Err(()),
            place => Self::FACTS.get(place - 1).map(|fact| Some(ToldEnd { fact: *fact, executed })).ok_or(()),
        }
    }
}

impl Order {
    /// Whether a fact has to wait for fills that the order's end named.
    pub(super) fn waits_for_fills(&self, fact: Fact) -> bool {
        self.end.is_some() && ToldEnd::FACTS.contains(&fact)
    }

    /// The end that was told, now that every fill it names is counted.
    pub(super) fn end_if_counted(&mut self) {
        if let Some(end) = self.end.filter(|end| self.qty_filled >= end.executed) {
            self.end = None;
            self.take(end.fact, Verdict::Venue);
        }
    }
}

impl OrderBook {
    /// Learns of an end that left so much executed, steps. Fills of it that are not counted come first: until then the order is
    /// open, and what they may be is reserved.
    pub fn learn_end(
        &mut self,
        id: u64,
        fact: Fact,
        executed: i64,
        verdict: Verdict,
        now: TimeNs,
    ) -> Option<Change> {
        let order = self.order(id)?;
        // What was told once is not taken back by less.
        let executed = executed.min(order.new.qty.0).max(order.end.map_or(0, |end| end.executed));
        let is_told_again = order.end.is_some_and(|end| end.executed == executed);
        if is_told_again && order.is_presumed {
            // Whoever said that there is nothing of it said so knowing this.
            return None;
        }
        if executed <= order.qty_filled || order.state.is_final() && !order.is_presumed {
            return self.learn(id, fact, verdict, now);
        }
        self.update(id, now, |order| {
            if order.is_presumed {
                order.take(Fact::Acknowledged, verdict);
            }
            order.request = RequestState::Settled;
            if order.end.is_none() {
                order.ts_state = now;
            }
            order.end = Some(ToldEnd { fact, executed });
        })
    }
}
