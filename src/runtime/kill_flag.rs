//! The kill switch as the sending lane sees it: bits that the control floor sets and no engine stands between.
//!
//! What it is not: the truth about a kill (the journal has that), or a judge of what opens; the lane asks about one order at a
//! time.
//!
//! Invariant: what was killed before a command is written is seen by its writer; reading takes no lock and, while nothing is
//! killed, one load. One thread kills and takes back; any may read.

use crate::types::{INSTRUMENTS_MAX, InstrumentId, Scope, StrategyId, VENUES_MAX, VenueId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const WORDS: usize = INSTRUMENTS_MAX / 64;
/// Strategies have twelve bits in an order's id.
const STRATEGY_WORDS: usize = 4_096 / 64;
const _: () = assert!(VENUES_MAX <= 64);

#[derive(Debug)]
struct Bits {
    any: AtomicBool,
    all: AtomicBool,
    venues: AtomicU64,
    strategies: [AtomicU64; STRATEGY_WORDS],
    instruments: [AtomicU64; WORDS],
}

/// See the module. Clones are the same switch.
#[derive(Clone, Debug)]
pub struct KillFlag(Arc<Bits>);

impl Default for KillFlag {
    fn default() -> Self {
        KillFlag(Arc::new(Bits {
            any: AtomicBool::new(false),
            all: AtomicBool::new(false),
            venues: AtomicU64::new(0),
            strategies: std::array::from_fn(|_| AtomicU64::new(0)),
            instruments: std::array::from_fn(|_| AtomicU64::new(0)),
        }))
    }
}

impl KillFlag {
    /// Sets it for a scope. An id that no table has kills everything.
    pub fn kill(&self, scope: Scope) {
        let set = |words: &[AtomicU64], id: u16| match words.get(usize::from(id) / 64) {
            Some(word) => drop(word.fetch_or(1 << (id % 64), Ordering::SeqCst)),
            None => self.0.all.store(true, Ordering::SeqCst),
        };
        match scope {
            Scope::All => self.0.all.store(true, Ordering::SeqCst),
            Scope::Venue(venue) => set(std::slice::from_ref(&self.0.venues), venue.0),
            Scope::Strategy(strategy) => set(&self.0.strategies, strategy.0),
            Scope::Instrument(instrument) => set(&self.0.instruments, instrument.0),
        }
        self.0.any.store(true, Ordering::SeqCst);
    }

    /// Takes the kills with this very scope back; others stay, also where they cover the same.
    pub fn end(&self, scope: Scope) {
        let clear = |words: &[AtomicU64], id: u16| {
            if let Some(word) = words.get(usize::from(id) / 64) {
                word.fetch_and(!(1 << (id % 64)), Ordering::SeqCst);
            }
        };
        match scope {
            Scope::All => self.0.all.store(false, Ordering::SeqCst),
            Scope::Venue(venue) => clear(std::slice::from_ref(&self.0.venues), venue.0),
            Scope::Strategy(strategy) => clear(&self.0.strategies, strategy.0),
            Scope::Instrument(instrument) => clear(&self.0.instruments, instrument.0),
        }
        let is_any =
            self.0.all.load(Ordering::SeqCst) || self.words().any(|word| word.load(Ordering::SeqCst) != 0);
        self.0.any.store(is_any, Ordering::SeqCst);
    }

    fn words(&self) -> impl Iterator<Item = &AtomicU64> {
        self.0.strategies.iter().chain(&self.0.instruments).chain([&self.0.venues])
    }

    /// Takes every kill back.
    pub fn rearm(&self) {
        self.0.any.store(false, Ordering::SeqCst);
        self.0.all.store(false, Ordering::SeqCst);
        self.words().for_each(|word| word.store(0, Ordering::SeqCst));
    }

    /// Whether an opening order of this strategy, venue and instrument may not leave.
    #[inline]
    pub fn is_killed(&self, strategy: StrategyId, venue: VenueId, instrument: InstrumentId) -> bool {
        self.0.any.load(Ordering::SeqCst) && self.covers(strategy, venue, instrument)
    }

    #[cold]
    fn covers(&self, strategy: StrategyId, venue: VenueId, instrument: InstrumentId) -> bool {
        // What is outside of a table is not known, and so not allowed.
        let has = |words: &[AtomicU64], id: u16| {
            let word = words.get(usize::from(id) / 64);
            word.is_none_or(|word| word.load(Ordering::SeqCst) & (1 << (id % 64)) != 0)
        };
        self.0.all.load(Ordering::SeqCst)
            || has(std::slice::from_ref(&self.0.venues), venue.0)
            || has(&self.0.strategies, strategy.0)
            || has(&self.0.instruments, instrument.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_covers_exactly_what_was_killed_until_it_is_armed_again() {
        let ids = [(1, 0, 0), (1, 0, 70), (4_095, 15, 255), (7, 1, 3)];
        let scopes = [
            Scope::All,
            Scope::Venue(VenueId(15)),
            Scope::Strategy(StrategyId(7)),
            Scope::Instrument(InstrumentId(70)),
        ];
        let flag = KillFlag::default();
        for scope in scopes {
            flag.clone().kill(scope);
            for (strategy, venue, instrument) in ids {
                let at = (StrategyId(strategy), VenueId(venue), InstrumentId(instrument));
                assert_eq!(
                    flag.is_killed(at.0, at.1, at.2),
                    scope.covers(at.0, at.1, at.2),
                    "{scope:?} {at:?}"
                );
            }
            flag.rearm();
            assert!(ids.iter().all(|id| !flag.is_killed(
                StrategyId(id.0),
                VenueId(id.1),
                InstrumentId(id.2)
            )));
        }
    }

    #[test]
    fn one_scope_ends_and_what_covers_the_same_stays() {
        let at = (StrategyId(7), VenueId(1), InstrumentId(70));
        let scopes = [Scope::All, Scope::Venue(at.1), Scope::Strategy(at.0), Scope::Instrument(at.2)];
        let flag = KillFlag::default();
        scopes.iter().for_each(|scope| flag.kill(*scope));
        // Others of the same words, which were not killed.
        for other in
            [Scope::Venue(VenueId(2)), Scope::Instrument(InstrumentId(71)), Scope::Strategy(StrategyId(8))]
        {
            flag.end(other);
        }
        flag.end(Scope::Instrument(InstrumentId::NONE));
        for scope in scopes {
            assert!(flag.is_killed(at.0, at.1, at.2), "before the end of {scope:?}");
            flag.end(scope);
        }
        assert!(!flag.is_killed(at.0, at.1, at.2) && !flag.0.any.load(Ordering::SeqCst));
    }

    #[test]
    fn what_no_table_has_is_killed_with_everything() {
        let flag = KillFlag::default();
        flag.kill(Scope::Instrument(InstrumentId::NONE));
        assert!(flag.is_killed(StrategyId(1), VenueId(0), InstrumentId(0)));
        flag.rearm();
        flag.kill(Scope::Instrument(InstrumentId(9)));
        assert!(flag.is_killed(StrategyId(1), VenueId(0), InstrumentId::NONE), "an order of no known symbol");
    }
}
