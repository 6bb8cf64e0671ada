//! Where the simulated terminal's quotes come from: a tick file, or the seeded market.
//!
//! What it is not: the reading (`store::ticks`) or the making (`sim::market`) of ticks.
//!
//! Invariant: a source is deterministic; a price is the double nearest to the source's decimal number, as in MT5.

use crate::sim::market::{Calibration, MarketGenerator};
use crate::store::ticks::{FileTick, NO_PRICE, OpenOptions, TickReader, TimeBase, open_ticks};
use crate::types::{NS_PER_S, TimeNs};
use std::path::Path;

/// One quote, prices in the symbol's currency, zero for none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quote {
    /// UTC nanoseconds.
    pub time_ns: i64,
    /// Bid.
    pub bid: f64,
    /// Ask.
    pub ask: f64,
    /// Last.
    pub last: f64,
    /// Volume of the last deal.
    pub volume: f64,
}

/// Quotes, one after the other.
pub trait QuoteSource: Send {
    /// The next quote; `None` when there are no more, an error in words when the source is broken.
    fn next_quote(&mut self) -> Result<Option<Quote>, String>;
}

/// Decimal mantissas to doubles.
#[derive(Clone, Copy, Debug)]
struct Scale {
    units: f64,
    behind_ns: i64,
}

impl Scale {
    fn new(digits: u8, behind_ns: i64) -> Self {
        Scale { units: 10f64.powi(i32::from(digits)), behind_ns }
    }

    fn quote(&self, tick: &FileTick) -> Quote {
        let price = |mantissa: i64| if mantissa == NO_PRICE { 0.0 } else { mantissa as f64 / self.units };
        Quote {
            time_ns: tick.ts_venue.0 - self.behind_ns,
            bid: price(tick.bid),
            ask: price(tick.ask),
            last: price(tick.last),
            volume: tick.volume,
        }
    }
}

/// A tick file, or a folder of them.
pub struct FileQuotes {
    reader: TickReader,
    scale: Scale,
}

impl FileQuotes {
    /// Opens it. Times of a file in server time are moved to UTC by the offset.
    pub fn open(path: &Path, server_offset_s: i32) -> Result<Self, String> {
        let reader = open_ticks(path, &OpenOptions::default()).map_err(|error| error.to_string())?;
        let info = reader.info();
        let behind_ns = match info.time_base {
            TimeBase::Server => i64::from(server_offset_s) * NS_PER_S,
            _ => 0,
        };
        let scale = Scale::new(info.digits, behind_ns);
        Ok(FileQuotes { reader, scale })
    }

    /// Decimals of its prices.
    pub fn digits(&self) -> u8 {
        self.reader.info().digits
    }
}

impl QuoteSource for FileQuotes {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        let next = self.reader.next().transpose().map_err(|error| error.to_string())?;
        Ok(next.map(|tick| self.scale.quote(&tick)))
    }
}

/// The seeded market, without end.
pub struct GeneratedQuotes {
    generator: MarketGenerator,
    scale: Scale,
}

impl GeneratedQuotes {
    /// EURUSD as calibrated, from a time on.
    pub fn eurusd(seed: u64, start: TimeNs) -> Self {
        let generator = MarketGenerator::new(seed, Calibration::eurusd(), start);
        let scale = Scale::new(generator.digits(), 0);
        GeneratedQuotes { generator, scale }
    }

    /// Decimals of its prices.
    pub fn digits(&self) -> u8 {
        self.generator.digits()
    }
}

impl QuoteSource for GeneratedQuotes {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        Ok(self.generator.next().map(|tick| self.scale.quote(&tick)))
    }
}

/// Given quotes.
impl QuoteSource for std::vec::IntoIter<Quote> {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        Ok(self.next())
    }
}

/// The first quotes of a source, those of its past not counted.
pub struct AtMost {
    source: Box<dyn QuoteSource>,
    left: Option<u64>,
    past_ns: i64,
    first_ns: Option<i64>,
}

impl AtMost {
    /// At most so many after the first `past_ns` of the source; `None` for all.
    pub fn new(source: Box<dyn QuoteSource>, count_max: Option<u64>, past_ns: i64) -> Self {
        AtMost { source, left: count_max, past_ns, first_ns: None }
    }
}

impl QuoteSource for AtMost {
    fn next_quote(&mut self) -> Result<Option<Quote>, String> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let Some(quote) = self.source.next_quote()? else { return Ok(None) };
        let first_ns = *self.first_ns.get_or_insert(quote.time_ns);
        if let Some(left) = &mut self.left
            && quote.time_ns - first_ns >= self.past_ns
        {
            *left -= 1;
        }
        Ok(Some(quote))
    }
}
