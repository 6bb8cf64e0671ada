//! What an answer says of the venue beside its order: one that is asked too often is asked less for a while, and one whose
//! positions are others than we believe is asked for them.
//!
//! What it is not: our own limits of messages (the gate's buckets), or a breaker, which waits for more than one failure.
//!
//! Invariant: what such an answer refused is not asked for again at once, whoever wants it. Openings wait for long, reductions for
//! a moment; cancels for no more than any refused cancel does.

use super::Engine;
use crate::record::CommandResult;
use crate::risk::{Reason, Refusal};
use crate::types::{InstrumentId, NS_PER_MS, NS_PER_S, TimeNs, VenueId};

/// `TRADE_RETCODE_TOO_MANY_REQUESTS` (`facts`: trade server return codes).
const TOO_MANY_REQUESTS: u32 = 10_024;
/// The position is closed, smaller, or has another close under way: what we believe of it is to be read again.
const READ_AGAIN: [u32; 3] = [10_036, 10_038, 10_039];
/// Openings wait for so long after it.
const OPENINGS_WAIT_NS: i64 = NS_PER_S;
/// Reductions wait for so long after it: a server that is asked on every tick says it for ever.
const REDUCTIONS_WAIT_NS: i64 = 100 * NS_PER_MS;

impl Engine {
    /// Notes an answer that says so.
    pub(super) fn note_answer(&mut self, venue: VenueId, result: &CommandResult) {
        let now = self.now;
        let Some(venue) = self.venues.get_mut(usize::from(venue.0)) else { return };
        if result.retcode == TOO_MANY_REQUESTS {
            venue.ts_busy = now;
        } else if READ_AGAIN.contains(&result.retcode) {
            venue.look_again(now);
        }
    }

    /// What holds an opening back for it.
    pub(super) fn busy(&self, instrument: InstrumentId) -> Option<Refusal> {
        let got = self.busy_for_ns(instrument)?;
        let refusal = Refusal { reason: Reason::VenueBusy, limit: OPENINGS_WAIT_NS, got };
        (got < OPENINGS_WAIT_NS).then_some(refusal)
    }

    /// Whether a reduction waits for it.
    pub(super) fn reductions_wait(&self, instrument: InstrumentId) -> bool {
        self.busy_for_ns(instrument).is_some_and(|ns| ns < REDUCTIONS_WAIT_NS)
    }

    fn busy_for_ns(&self, instrument: InstrumentId) -> Option<i64> {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0))?;
        (venue.ts_busy != TimeNs::NEVER).then(|| self.now.since(venue.ts_busy))
    }
}
