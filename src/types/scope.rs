//! What an operator's word is about: everything, an account, a strategy, or one symbol.
//!
//! What it is not: a name of the configuration; the control floor turns names into these.
//!
//! Invariant: a code that is not known covers everything, because a word that stops trading must not be lost.

use super::id::{InstrumentId, StrategyId, VenueId};

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Everything.
    All,
    /// All symbols of one account.
    Venue(VenueId),
    /// All symbols that one strategy trades.
    Strategy(StrategyId),
    /// One symbol.
    Instrument(InstrumentId),
}

impl Scope {
    /// Its kind and number, as records carry them.
    pub fn parts(self) -> (u8, u16) {
        match self {
            Scope::All => (1, 0),
            Scope::Venue(venue) => (2, venue.0),
            Scope::Strategy(strategy) => (3, strategy.0),
            Scope::Instrument(instrument) => (4, instrument.0),
        }
    }

    /// Back from [`Scope::parts`].
    pub fn from_parts(kind: u8, id: u16) -> Scope {
        match kind {
            2 => Scope::Venue(VenueId(id)),
            3 => Scope::Strategy(StrategyId(id)),
            4 => Scope::Instrument(InstrumentId(id)),
            _ => Scope::All,
        }
    }

    /// Whether an order of this strategy, venue and instrument is meant.
    pub fn covers(self, strategy: StrategyId, venue: VenueId, instrument: InstrumentId) -> bool {
        match self {
            Scope::All => true,
            Scope::Venue(own) => own == venue,
            Scope::Strategy(own) => own == strategy,
            Scope::Instrument(own) => own == instrument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_survives_as_numbers_and_covers_its_own() {
        let at = (StrategyId(7), VenueId(1), InstrumentId(3));
        let own =
            [Scope::All, Scope::Venue(VenueId(1)), Scope::Strategy(at.0), Scope::Instrument(InstrumentId(3))];
        let other =
            [Scope::Venue(VenueId(0)), Scope::Strategy(StrategyId(8)), Scope::Instrument(InstrumentId(1))];
        for scope in own.into_iter().chain(other) {
            let (kind, id) = scope.parts();
            assert_eq!(Scope::from_parts(kind, id), scope);
            assert_eq!(scope.covers(at.0, at.1, at.2), own.contains(&scope), "{scope:?}");
        }
        assert_eq!(Scope::from_parts(99, 4), Scope::All);
    }
}
