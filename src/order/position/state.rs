//! Positions as words: what each instrument and ticket amounts to.
//!
//! What it is not: the fills that they came from; the journal has those.
//!
//! Invariant: a book that was saved and loaded hashes and answers as the one that was saved.

use super::{POSITIONS_MAX, Position, PositionBook, Ticket};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Money, StateError, StateSink, StateSource};

impl PositionBook {
    /// Tells the words of the first `instruments` and of every ticket.
    pub fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        let net = &self.net[..instruments.min(INSTRUMENTS_MAX)];
        sink.word(net.len() as u64);
        for position in net {
            sink.signed(position.qty);
            sink.signed(position.open_value);
            sink.signed(position.realised.0);
            sink.word(position.fill_count);
        }
        sink.word(self.tickets.len() as u64);
        for (identifier, ticket) in &self.tickets {
            sink.word(*identifier);
            sink.word(u64::from(ticket.instrument.0));
            sink.signed(ticket.qty);
        }
        sink.word(self.untracked_count);
    }

    /// Takes the words of [`PositionBook::save`] into an empty book.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = PositionBook::default();
        for index in 0..source.count("positions", INSTRUMENTS_MAX, 4)? {
            self.net[index] = Position {
                qty: source.signed("a position's volume")?,
                open_value: source.signed("a position's value")?,
                realised: Money(source.signed("a position's profit")?),
                fill_count: source.word("a position's fills")?,
            };
        }
        for _ in 0..source.count("tickets", POSITIONS_MAX, 3)? {
            let identifier = source.word("a ticket")?;
            let instrument = InstrumentId(source.small("a ticket's instrument", u64::from(u16::MAX))?);
            let qty = source.signed("a ticket's volume")?;
            self.tickets.push((identifier, Ticket { instrument, qty }));
        }
        self.tickets.sort_unstable_by_key(|(identifier, ticket)| (*identifier, ticket.instrument));
        self.untracked_count = source.word("untracked fills")?;
        Ok(())
    }
}
