//! The kill switch in the engine: what is closed for openings until the operator arms again, and what is to be closed at the venue.
//!
//! What it is not: the switch that works while the engine hangs; `runtime::kill_flag` is, and the sending lane reads it.
//!
//! Invariant: what is killed follows from journalled records alone and ends with the operator's word alone; a kill never
//! hinders a reduction. Positions are closed by steps, never while state is recovered.

use super::{AlertCode, Engine, Outputs, Verdict};
use crate::record::{KillSwitch, Record};
use crate::risk::{Reason, Refusal, Trading};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, NS_PER_S, Scope, TimeNs, VenueId};

/// Positions that are still there are looked at again after this.
const FLATTEN_AGAIN_NS: i64 = NS_PER_S;
/// Closing orders of one instrument in one step: on a hedging account each closes a ticket.
const CLOSES_PER_STEP_MAX: u64 = 4;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Kills {
    /// Scope's kind, by instrument; zero where nothing is killed.
    killed: Box<[u8]>,
    flattens: Box<[bool]>,
    is_flattening: bool,
    flatten_due: TimeNs,
    count: u32,
}

impl Default for Kills {
    fn default() -> Self {
        Kills {
            killed: vec![0; INSTRUMENTS_MAX].into(),
            flattens: vec![false; INSTRUMENTS_MAX].into(),
            is_flattening: false,
            flatten_due: TimeNs::NEVER,
            count: 0,
        }
    }
}

impl Kills {
    /// What closes an instrument for openings.
    pub(super) fn closes(&self, index: usize) -> Option<Refusal> {
        let kind = self.killed[index];
        (kind != 0).then(|| Refusal { reason: Reason::KillScope, limit: 0, got: i64::from(kind) })
    }

    fn take(&mut self, index: usize, kind: u8, flatten: bool) {
        self.killed[index] = kind;
        self.flattens[index] |= flatten;
        self.is_flattening |= flatten;
    }
}

impl Engine {
    /// How many instruments are killed.
    pub fn killed_count(&self) -> u32 {
        self.kills.count
    }

    pub(super) fn on_kill(&mut self, input: &Record, out: &mut Outputs) {
        let Some(kill) = input.payload::<KillSwitch>() else { return };
        let scope = Scope::from_parts(kill.scope, kill.scope_id);
        let flatten = kill.flatten != 0;
        for index in 0..self.instruments.len() {
            let (instrument, venue) = (InstrumentId(index as u16), self.instruments[index].venue);
            if scope.covers(self.setup_strategy, venue, instrument) {
                self.kills.take(index, kill.scope, flatten);
                self.prepare(instrument);
            }
        }
        self.kills.count = self.kills.killed.iter().filter(|kind| **kind != 0).count() as u32;
        // At once, however lately something else was closed.
        self.kills.flatten_due = TimeNs::NEVER;
        let got = i64::from(kill.trigger);
        if scope == Scope::All {
            self.set_trading(Trading::Halted, Refusal { reason: Reason::OperatorKill, limit: 0, got }, out);
        }
        let at = match scope {
            Scope::Instrument(instrument) => (self.venue_of(instrument), instrument),
            Scope::Venue(venue) => (venue, InstrumentId::NONE),
            Scope::All | Scope::Strategy(_) => (VenueId::default(), InstrumentId::NONE),
        };
        let subject = u64::from(kill.scope) << 32 | u64::from(kill.scope_id);
        self.alert(AlertCode::Killed, at, subject, i64::from(kill.flatten), got, out);
    }

    /// The operator lets trading go on.
    pub(super) fn rearm_kills(&mut self) {
        self.kills = Kills::default();
    }

    /// Closes what is held where a kill says so, now and again until nothing is left.
    #[inline]
    pub(super) fn flatten_killed(&mut self, out: &mut Outputs) {
        if self.kills.is_flattening && self.now >= self.kills.flatten_due {
            self.flatten(out);
        }
    }

    #[cold]
    fn flatten(&mut self, out: &mut Outputs) {
        self.kills.flatten_due = self.now.plus_ns(FLATTEN_AGAIN_NS);
        for at in 0..self.strategies.len() {
            let instrument = self.strategies[at].setup.instrument;
            let is_killed = instrument.index().is_some_and(|index| self.kills.flattens[index]);
            let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
            if is_killed && venue.is_some_and(|venue| venue.can_query()) {
                self.close_all_of(at, instrument, out);
            }
        }
    }

    fn close_all_of(&mut self, at: usize, instrument: InstrumentId, out: &mut Outputs) {
        let quote = *self.market.quote(instrument);
        // No score wants this, and the last one may be of a model that is gone.
        self.strategies[at].verdict = Verdict::NONE;
        for _ in 0..CLOSES_PER_STEP_MAX {
            let (position, sent) = (self.positions.net(instrument).qty, self.counts.orders);
            self.exit(at, position, &quote, out);
            if self.counts.orders == sent {
                return;
            }
        }
    }
}
