//! Limit orders of others, as words.
//!
//! What it is not: our own orders, which their book tells.
//!
//! Invariant: as that of every part: what was saved and loaded refuses the same openings.

use super::{OTHERS_MAX, Other, Others};
use crate::types::{InstrumentId, Price, Side, StateError, StateSink, StateSource};

impl Others {
    /// Tells the words of every order, by ticket.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.list.len() as u64);
        for other in &self.list {
            sink.word(other.ticket);
            sink.word(u64::from(other.instrument.0) << 1 | other.side.index() as u64);
            sink.signed(other.price.0);
            sink.word(other.query);
        }
    }

    /// Takes the words of [`Others::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.list.clear();
        for _ in 0..source.count("resting orders of others", OTHERS_MAX, 4)? {
            let ticket = source.word("a resting order's ticket")?;
            let word = source.at_most("a resting order's side", u64::from(u16::MAX) << 1 | 1)?;
            let price = Price(source.signed("a resting order's price")?);
            let query = source.word("a question's number")?;
            let instrument = InstrumentId((word >> 1) as u16);
            let side = Side::BOTH[(word & 1) as usize];
            self.list.push(Other { ticket, instrument, side, price, query });
        }
        Ok(())
    }
}
