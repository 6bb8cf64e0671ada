//! Where the stops of our positions stand at the venue, as far as it told.
//!
//! What it is not: positions (`position.rs`); volume is no matter here, and what is not ours is not kept.
//!
//! Invariant: what stands here was told by the venue, or came with the order that opened the position; one entry a position.

mod state;

use super::POSITIONS_MAX;
use crate::types::{InstrumentId, Price, TimeNs};

/// One position's stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionStops {
    /// Identifier that never changes.
    pub identifier: u64,
    /// Ticket that requests carry.
    pub ticket: u64,
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// Stop loss, or none.
    pub stop_loss: Price,
    /// Take profit, or none.
    pub take_profit: Price,
    /// Requests about it so far.
    pub revision: u32,
    /// When the last one ended otherwise than done; `TimeNs::NEVER` before.
    pub ts_refused: TimeNs,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct StopBook {
    /// In the order in which they came to be; its capacity is taken once.
    positions: Vec<PositionStops>,
}

impl Default for StopBook {
    fn default() -> Self {
        StopBook { positions: Vec::with_capacity(POSITIONS_MAX) }
    }
}

impl StopBook {
    /// A position's stops. On a netting account `position` may be zero: the instrument has one.
    pub fn of(&self, instrument: InstrumentId, position: u64) -> Option<&PositionStops> {
        self.positions.iter().find(|stops| is_of(stops, instrument, position))
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, instrument: InstrumentId, position: u64) -> Option<&mut PositionStops> {
        self.positions.iter_mut().find(|stops| is_of(stops, instrument, position))
    }

    /// Every position's.
    pub fn iter(&self) -> impl Iterator<Item = &PositionStops> {
        self.positions.iter()
    }

    /// An order of ours filled into a position: with its levels, if it had any.
    pub fn filled(
        &mut self,
        instrument: InstrumentId,
        identifier: u64,
        stop_loss: Price,
        take_profit: Price,
    ) {
        if let Some(known) = self.of_mut(instrument, identifier) {
            // On a netting account the last order's levels count.
            if stop_loss.is_some() {
                known.stop_loss = stop_loss;
            }
            if take_profit.is_some() {
                known.take_profit = take_profit;
            }
        } else if self.positions.len() < POSITIONS_MAX && identifier != 0 {
            self.positions.push(PositionStops {
                identifier,
                ticket: identifier,
                instrument,
                stop_loss,
                take_profit,
                revision: 0,
                ts_refused: TimeNs::NEVER,
            });
        }
    }

    /// The venue says where a position's stops stand; one that is not ours is passed over.
    pub fn told(
        &mut self,
        instrument: InstrumentId,
        [identifier, ticket]: [u64; 2],
        stop_loss: Price,
        take_profit: Price,
    ) {
        if let Some(known) = self.of_mut(instrument, identifier).filter(|_| identifier != 0) {
            (known.stop_loss, known.take_profit) = (stop_loss, take_profit);
            // A close that names no ticket would open a position: what says none changes none.
            if ticket != 0 {
                known.ticket = ticket;
            }
        }
    }

    /// Forgets the positions of an instrument that are not open any more.
    pub fn keep(&mut self, instrument: InstrumentId, is_open: impl Fn(u64) -> bool) {
        self.positions.retain(|stops| stops.instrument != instrument || is_open(stops.identifier));
    }

    /// A position is closed.
    pub fn closed(&mut self, instrument: InstrumentId, identifier: u64) {
        self.positions.retain(|stops| stops.instrument != instrument || stops.identifier != identifier);
    }
}

fn is_of(stops: &PositionStops, instrument: InstrumentId, position: u64) -> bool {
    stops.instrument == instrument
        && (position == 0 || stops.identifier == position || stops.ticket == position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_follow_the_venues_word_and_end_with_their_position() {
        let (eur, other) = (InstrumentId(0), InstrumentId(1));
        let mut book = StopBook::default();
        book.filled(eur, 55, Price(100), Price::NONE);
        book.filled(other, 56, Price::NONE, Price::NONE);
        book.told(eur, [55, 77], Price(101), Price(120));
        book.told(eur, [99, 99], Price(1), Price(1));
        book.told(eur, [55, 0], Price(101), Price(120));
        let stops = *book.of(eur, 77).unwrap();
        assert_eq!((stops.stop_loss, stops.take_profit, stops.ticket), (Price(101), Price(120), 77));
        assert_eq!(book.of(eur, 0), Some(&stops));
        // An addition without levels leaves those that stand.
        book.filled(eur, 55, Price::NONE, Price(130));
        assert_eq!(book.of(eur, 55).map(|stops| stops.stop_loss), Some(Price(101)));
        book.closed(eur, 55);
        assert!(book.of(eur, 0).is_none() && book.of(other, 56).is_some() && book.iter().count() == 1);
    }
}
