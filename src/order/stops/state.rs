//! Where stops stand, as words.
//!
//! What it is not: the venue's word; the journal has that.
//!
//! Invariant: a book that was saved and loaded hashes and answers as the one that was saved.

use super::{POSITIONS_MAX, PositionStops, StopBook};
use crate::types::{InstrumentId, Price, StateError, StateSink, StateSource};

/// Words of one position's stops.
const STOPS_WORDS: usize = 7;

impl StopBook {
    /// Tells its words.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.positions.len() as u64);
        for stops in &self.positions {
            sink.word(stops.identifier);
            sink.word(stops.ticket);
            sink.word(u64::from(stops.instrument.0));
            sink.signed(stops.stop_loss.0);
            sink.signed(stops.take_profit.0);
            sink.word(u64::from(stops.revision));
            sink.time(stops.ts_refused);
        }
    }

    /// Takes the words of [`StopBook::save`] into an empty book.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.positions.clear();
        for _ in 0..source.count("positions' stops", POSITIONS_MAX, STOPS_WORDS)? {
            self.positions.push(PositionStops {
                identifier: source.word("a position")?,
                ticket: source.word("a position's ticket")?,
                instrument: InstrumentId(source.small("a position's instrument", u64::from(u16::MAX))?),
                stop_loss: Price(source.signed("a stop loss")?),
                take_profit: Price(source.signed("a take profit")?),
                revision: source.small("a position's revision", u64::from(u32::MAX))?,
                ts_refused: source.time("a refusal's time")?,
            });
        }
        Ok(())
    }
}
