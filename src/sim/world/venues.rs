//! The venues of an episode: one terminal with its broker and its two connections, or several side by side.
//!
//! What it is not: the terminal (`terminal.rs`) or what its connections carry (`link.rs`).
//!
//! Invariant: each venue has the same symbols, and an instrument of its own for each; what happens at one venue is no news of
//! another.

use super::World;
use super::link::Link;
use super::setup::SYMBOLS;
use super::terminal::{Surroundings, Terminal};
use crate::sim::terminal::symbol::Symbol;
use crate::types::{InstrumentId, VenueId};

/// Most venues of an episode.
pub(super) const VENUES_MAX: usize = 3;
/// Most instruments of an episode.
pub(super) const INSTRUMENTS_MAX: usize = VENUES_MAX * SYMBOLS.len();

/// How many venues a seed trades at: one of seven has two, and some of these have three.
pub(super) fn count_of(seed: u64) -> usize {
    match (seed % 7, seed % 49) {
        (_, 19) => 3,
        (5, _) => 2,
        _ => 1,
    }
}

/// The instrument of a venue's symbol.
pub(super) fn instrument_of(venue: VenueId, symbol: usize) -> InstrumentId {
    InstrumentId((usize::from(venue.0) * SYMBOLS.len() + symbol) as u16)
}

/// The venue of an instrument.
pub(super) fn venue_of(instrument: InstrumentId) -> VenueId {
    VenueId(instrument.0 / SYMBOLS.len() as u16)
}

/// Which of its venue's symbols an instrument is.
pub(super) fn symbol_of(instrument: InstrumentId) -> usize {
    usize::from(instrument.0) % SYMBOLS.len()
}

/// See the module.
#[derive(Debug)]
pub(super) struct Venue {
    pub(super) terminal: Terminal,
    pub(super) link: Link,
    /// When the broker is to be looked at next.
    pub(super) broker_ns: i64,
    /// Where each symbol's price stands.
    pub(super) mids: [i64; SYMBOLS.len()],
}

impl Venue {
    pub(super) fn new(terminal: Terminal) -> Self {
        Venue { terminal, link: Link::default(), broker_ns: i64::MAX, mids: [110_000, 125_000] }
    }
}

impl World {
    pub(super) fn venue_ids(&self) -> impl Iterator<Item = VenueId> + use<> {
        (0..self.venues.len() as u16).map(VenueId)
    }

    pub(super) fn instruments(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        (0..(self.venues.len() * SYMBOLS.len()) as u16).map(InstrumentId)
    }

    pub(super) fn terminal(&self, venue: VenueId) -> &Terminal {
        &self.venues[usize::from(venue.0)].terminal
    }

    pub(super) fn terminal_mut(&mut self, venue: VenueId) -> &mut Terminal {
        &mut self.venues[usize::from(venue.0)].terminal
    }

    /// An instrument as its broker has it.
    pub(super) fn symbol(&self, instrument: InstrumentId) -> &Symbol {
        &self.terminal(venue_of(instrument)).broker.symbols[symbol_of(instrument)]
    }

    pub(super) fn symbol_mut(&mut self, instrument: InstrumentId) -> &mut Symbol {
        let terminal = self.terminal_mut(venue_of(instrument));
        &mut terminal.broker.symbols[symbol_of(instrument)]
    }

    pub(super) fn around(&mut self, venue: VenueId) -> (&mut Terminal, Surroundings<'_>) {
        let now_ns = self.schedule.now_ns();
        let terminal = &mut self.venues[usize::from(venue.0)].terminal;
        (terminal, Surroundings { faults: &mut self.faults, truth: &mut self.truth, now_ns })
    }
}
