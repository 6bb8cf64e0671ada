//! Refusals of requests that were journalled lately, so that one which repeats is not told on every tick.
//!
//! What it is not: a count; every refusal is counted.
//!
//! Invariant: refusals of one kind do not make those of another new again, unless there are more kinds than places.

use super::Engine;
use crate::risk::Reason;
use crate::types::{InstrumentId, NS_PER_S, TimeNs};

/// A refusal that repeats is journalled this often.
const AGAIN_NS: i64 = NS_PER_S;
/// Kinds of refusals that are remembered.
const KINDS_MAX: usize = 16;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    last: [Option<(Reason, InstrumentId, TimeNs)>; KINDS_MAX],
}

impl Said {
    /// Whether a refusal is to be journalled; it is remembered as if it were.
    fn is_news(&mut self, reason: Reason, instrument: InstrumentId, now: TimeNs) -> bool {
        let is_it = |said: &Option<(Reason, InstrumentId, TimeNs)>| {
            said.is_some_and(|(known, of, _)| (known, of) == (reason, instrument))
        };
        // The oldest gives way; a place that was never taken is older than any.
        let oldest = |said: &(usize, &Option<(Reason, InstrumentId, TimeNs)>)| said.1.map(|(_, _, ts)| ts);
        let known = self.last.iter().position(is_it);
        let at = known.or_else(|| self.last.iter().enumerate().min_by_key(oldest).map(|(at, _)| at));
        let said = &mut self.last[at.unwrap_or(0)];
        if known.is_some() && said.is_some_and(|(_, _, ts)| now.since(ts) < AGAIN_NS) {
            return false;
        }
        *said = Some((reason, instrument, now));
        true
    }
}

impl Engine {
    /// Whether a request's refusal is to be journalled now.
    pub(super) fn is_news(&mut self, reason: Reason, instrument: InstrumentId) -> bool {
        self.asking.said.is_news(reason, instrument, self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_refusals_in_turn_are_each_told_once_a_second() {
        let mut said = Said::default();
        let kinds = [
            (Reason::PriceLevel, InstrumentId(0)),
            (Reason::RateRequests, InstrumentId(0)),
            (Reason::PriceLevel, InstrumentId(1)),
        ];
        let at = |ns: i64| TimeNs(1 + ns);
        for (reason, instrument) in kinds {
            assert!(said.is_news(reason, instrument, at(0)));
        }
        for (reason, instrument) in kinds {
            assert!(!said.is_news(reason, instrument, at(AGAIN_NS - 1)), "{reason:?}");
            assert!(said.is_news(reason, instrument, at(AGAIN_NS)), "{reason:?}");
        }
        // More kinds than places: the oldest gives way, and is news when it comes back.
        for instrument in 10..10 + KINDS_MAX as u16 {
            assert!(said.is_news(Reason::PriceLevel, InstrumentId(instrument), at(AGAIN_NS + 1)));
        }
        assert!(said.is_news(Reason::PriceLevel, InstrumentId(0), at(AGAIN_NS + 2)));
    }
}
