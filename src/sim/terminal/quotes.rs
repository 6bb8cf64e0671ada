//! Where the simulated terminal's quotes come from.
//!
//! What it is not: a market model with claims; `RandomWalk` only moves.
//!
//! Invariant: a source is deterministic: the same file or seed gives the same quotes.

use crate::runtime::Prng;

/// One quote, prices in the symbol's currency.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quote {
    /// UTC nanoseconds.
    pub time_ns: i64,
    /// Bid.
    pub bid: f64,
    /// Ask.
    pub ask: f64,
}

/// Quotes, one after the other.
pub trait QuoteSource: Send {
    /// The next quote; `None` when there are no more, an error when the source is broken.
    fn next_quote(&mut self) -> Result<Option<Quote>, String>;
}

/// A seeded walk around a price, about ten quotes a second.
#[derive(Debug)]
pub struct RandomWalk {
    dice: Prng,
    time_ns: i64,
    bid_ticks: i64,
    tick_size: f64,
    digits: i32,
}

impl RandomWalk {
    /// Starts at a price and a time.
    pub fn new(dice: Prng, start_ns: i64, price: f64, tick_size: f64, digits: u8) -> Self {
        let bid_ticks = (price / tick_size).round() as i64;
        RandomWalk { dice, time_ns: start_ns, bid_ticks, tick_size, digits: i32::from(digits) }
    }

    fn price(&self, ticks: i64) -> f64 {
        let scale = 10f64.powi(self.digits);
        (ticks as f64 * self.tick_size * scale).round() / scale
    }
}

impl QuoteSource for RandomWalk {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        self.time_ns += (self.dice.exponential() * 100e6) as i64 + 1_000_000;
        self.bid_ticks = (self.bid_ticks + (self.dice.normal() * 2.0).round() as i64).max(1);
        let spread = 5 + self.dice.below(6) as i64;
        let (bid, ask) = (self.price(self.bid_ticks), self.price(self.bid_ticks + spread));
        Ok(Some(Quote { time_ns: self.time_ns, bid, ask }))
    }
}

/// The first quotes of a source.
pub struct AtMost {
    source: Box<dyn QuoteSource>,
    left: Option<u64>,
}

impl AtMost {
    /// At most so many; `None` for all.
    pub fn new(source: Box<dyn QuoteSource>, count_max: Option<u64>) -> Self {
        AtMost { source, left: count_max }
    }
}

impl QuoteSource for AtMost {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        match &mut self.left {
            Some(0) => return Ok(None),
            Some(left) => *left -= 1,
            None => (),
        }
        self.source.next_quote()
    }
}
