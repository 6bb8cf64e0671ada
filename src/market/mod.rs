//! What the market last said: one quote an instrument, with its age and its oddities counted.
//!
//! What it is not: it does not know who told it, it corrects nothing, and it decides nothing.
//!
//! Invariant: a quote is exactly the last tick's; crossed, repeated and disordered ticks are kept and counted, never mended.

mod state;

use crate::types::{INSTRUMENTS_MAX, InstrumentId, Quote};

/// What was odd about the ticks so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Oddities {
    /// Ticks taken.
    pub ticks: u64,
    /// Ask below bid.
    pub crossed: u64,
    /// Equal to the one before, stamp included.
    pub repeated: u64,
    /// Venue stamp older than the one before.
    pub disordered: u64,
    /// A side was missing.
    pub one_sided: u64,
}

/// The quotes of all instruments.
#[derive(Clone, Debug)]
pub struct Market {
    quotes: Box<[Quote]>,
    oddities: Box<[Oddities]>,
}

impl Default for Market {
    fn default() -> Self {
        Market {
            quotes: vec![Quote::NONE; INSTRUMENTS_MAX].into(),
            oddities: vec![Oddities::default(); INSTRUMENTS_MAX].into(),
        }
    }
}

impl Market {
    /// Takes a tick; an instrument out of range is ignored.
    #[inline]
    pub fn apply(&mut self, instrument: InstrumentId, quote: Quote) {
        let Some(index) = instrument.index() else { return };
        let last = &mut self.quotes[index];
        let odd = &mut self.oddities[index];
        odd.ticks += 1;
        match quote.spread() {
            Some(spread) => odd.crossed += u64::from(spread < 0),
            None => odd.one_sided += 1,
        }
        let same = quote.bid == last.bid && quote.ask == last.ask && quote.last == last.last;
        odd.repeated += u64::from(same && quote.ts_venue == last.ts_venue);
        odd.disordered += u64::from(quote.ts_venue < last.ts_venue);
        *last = quote;
    }

    /// The last quote; [`Quote::NONE`] for an instrument out of range.
    #[inline]
    pub fn quote(&self, instrument: InstrumentId) -> &Quote {
        const NONE: Quote = Quote::NONE;
        instrument.index().map_or(&NONE, |index| &self.quotes[index])
    }

    /// What was odd.
    pub fn oddities(&self, instrument: InstrumentId) -> Oddities {
        instrument.index().map_or(Oddities::default(), |index| self.oddities[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Price, TimeNs};

    fn quote(bid: i64, ask: i64, ts_ms: i64) -> Quote {
        let ts_venue = TimeNs::from_ms(ts_ms);
        Quote {
            bid: Price(bid),
            ask: Price(ask),
            last: Price::NONE,
            ts_venue,
            ts_recv: TimeNs::from_ms(ts_ms + 1),
        }
    }

    #[test]
    fn oddities_are_counted_and_kept() {
        let mut market = Market::default();
        let instrument = InstrumentId(4);
        for (bid, ask, ts_ms) in [(10, 12, 5), (10, 12, 5), (13, 12, 6), (10, 12, 4)] {
            market.apply(instrument, quote(bid, ask, ts_ms));
        }
        let odd = market.oddities(instrument);
        assert_eq!(odd, Oddities { ticks: 4, crossed: 1, repeated: 1, disordered: 1, one_sided: 0 });
        assert_eq!(market.quote(instrument).ts_venue, TimeNs::from_ms(4));
        assert_eq!(market.quote(InstrumentId::NONE), &Quote::NONE);
        assert_eq!(Quote::NONE.age_ns(TimeNs(5)), i64::MAX);
    }
}
