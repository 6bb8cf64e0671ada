//! Quotes at their time: as fast as they came, faster, evenly, or at once.
//!
//! What it is not: the source (`quotes.rs`).
//!
//! Invariant: quotes keep the order and the times of their source; only the waiting between them is changed.

use super::quotes::{Quote, QuoteSource};
use super::session::utc_msc;
use crate::record::Layout;
use crate::types::NS_PER_US;
use crate::wire::terminal::body::Tick;

/// How fast quotes are played.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// So many times faster than they came; 1 for real time.
    Times(f64),
    /// Evenly, so many a second.
    PerSecond(f64),
    /// Without waiting.
    Unpaced,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Next {
    /// This, now. Its time is UTC still.
    Quote(Tick),
    /// Nothing yet.
    Later,
    /// Nothing any more.
    Ended,
}

/// See the module.
pub struct Playback {
    source: Box<dyn QuoteSource>,
    pace: Pace,
    wait_us_max: i64,
    waiting: Option<Quote>,
    due_us: Option<i64>,
    last: Option<Quote>,
    /// Time of the source's first quote.
    first_ns: Option<i64>,
    started: bool,
    ended: bool,
}

const TICK_FLAG_BID: u32 = 2;
const TICK_FLAG_ASK: u32 = 4;
const TICK_FLAG_LAST: u32 = 8;
const TICK_FLAG_VOLUME: u32 = 16;

impl Playback {
    /// Plays a source; no wait between two quotes is longer than `wait_us_max` (a weekend would take one).
    pub fn new(source: Box<dyn QuoteSource>, pace: Pace, wait_us_max: i64) -> Self {
        Playback {
            source,
            pace,
            wait_us_max,
            waiting: None,
            due_us: None,
            last: None,
            first_ns: None,
            started: false,
            ended: false,
        }
    }

    /// Whether the first quote was played.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Whether there are no more quotes.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether quotes are played without waiting.
    pub fn is_unpaced(&self) -> bool {
        self.pace == Pace::Unpaced
    }

    pub(super) fn next_due_us(&self, now_us: i64) -> Option<i64> {
        if self.ended { None } else { Some(self.due_us.unwrap_or(now_us)) }
    }

    /// The next quote that lies within so much time of the source's first, as the past; it is not played.
    pub(super) fn past(&mut self, span_ns: i64) -> Result<Option<Tick>, String> {
        if self.waiting.is_none() && !self.ended {
            self.waiting = self.source.next_quote()?;
            self.ended = self.waiting.is_none();
        }
        let Some(quote) = self.waiting else { return Ok(None) };
        let first_ns = *self.first_ns.get_or_insert(quote.time_ns);
        if quote.time_ns - first_ns >= span_ns {
            return Ok(None);
        }
        let tick = self.tick(&quote);
        (self.waiting, self.last) = (None, Some(quote));
        Ok(Some(tick))
    }

    pub(super) fn next(&mut self, now_us: i64) -> Result<Next, String> {
        if self.ended {
            return Ok(Next::Ended);
        }
        if self.waiting.is_none() {
            self.waiting = self.source.next_quote()?;
            let Some(quote) = self.waiting else {
                self.ended = true;
                return Ok(Next::Ended);
            };
            // Counted from the due time of the one before, so that late waking does not slow the market down.
            let before_us = self.due_us.unwrap_or(now_us);
            self.due_us = Some(before_us + self.gap_us(&quote));
        }
        if self.due_us.is_some_and(|due_us| due_us > now_us) {
            return Ok(Next::Later);
        }
        let Some(quote) = self.waiting.take() else { return Ok(Next::Later) };
        let tick = self.tick(&quote);
        (self.last, self.started) = (Some(quote), true);
        Ok(Next::Quote(tick))
    }

    fn gap_us(&self, quote: &Quote) -> i64 {
        let Some(last) = self.last else { return 0 };
        let gap_us = match self.pace {
            Pace::Unpaced => 0,
            Pace::PerSecond(rate) => (1e6 / rate) as i64,
            Pace::Times(times) => ((quote.time_ns - last.time_ns) as f64 / NS_PER_US as f64 / times) as i64,
        };
        gap_us.clamp(0, self.wait_us_max)
    }

    fn tick(&self, quote: &Quote) -> Tick {
        let mut tick = Tick::read(&[0; Tick::BYTES]);
        (tick.bid, tick.ask, tick.time_msc) = (quote.bid, quote.ask, utc_msc(quote.time_ns));
        (tick.last, tick.volume, tick.volume_real) = (quote.last, quote.volume as u64, quote.volume);
        let changed = |part: fn(&Quote) -> f64| self.last.is_none_or(|last| part(&last) != part(quote));
        if changed(|quote| quote.bid) {
            tick.flags |= TICK_FLAG_BID;
        }
        if changed(|quote| quote.ask) {
            tick.flags |= TICK_FLAG_ASK;
        }
        if quote.last != 0.0 && changed(|quote| quote.last) {
            tick.flags |= TICK_FLAG_LAST | TICK_FLAG_VOLUME;
        }
        tick
    }
}
