//! The quotes as words.
//!
//! What it is not: what was odd about ticks; that decides nothing.
//!
//! Invariant: a market that was saved and loaded hashes and answers as the one that was saved.

use super::Market;
use crate::types::{INSTRUMENTS_MAX, Price, Quote, StateError, StateSink, StateSource};

impl Market {
    /// Tells the quotes of the first `instruments`.
    pub fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        let quotes = &self.quotes[..instruments.min(INSTRUMENTS_MAX)];
        sink.word(quotes.len() as u64);
        for quote in quotes {
            [quote.bid, quote.ask, quote.last].iter().for_each(|price| sink.signed(price.0));
            sink.time(quote.ts_venue);
            sink.time(quote.ts_recv);
        }
    }

    /// Takes the words of [`Market::save`].
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Market::default();
        for index in 0..source.count("quotes", INSTRUMENTS_MAX, 5)? {
            self.quotes[index] = Quote {
                bid: Price(source.signed("a bid")?),
                ask: Price(source.signed("an ask")?),
                last: Price(source.signed("a last price")?),
                ts_venue: source.time("a quote's time at the venue")?,
                ts_recv: source.time("a quote's time")?,
            };
        }
        Ok(())
    }
}
