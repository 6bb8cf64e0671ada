//! The kill switch in the engine: what is closed for openings until the operator arms again, and what is to be closed at the venue.
//!
//! What it is not: the switch that works while the engine hangs; `runtime::kill_flag` is, and the sending lane reads it.
//!
//! Invariant: what is killed follows from journalled records alone and ends with the operator's word alone; a kill never
//! hinders a reduction. Orders are cancelled and positions closed by steps, never while state is recovered.

mod state;

use super::venue::Venue;
use super::{AlertCode, Engine, Outputs, Verdict};
use crate::record::{KillSwitch, Record};
use crate::risk::{Reason, Refusal, Trading};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, NS_PER_S, Scope, TimeNs, VenueId};

/// What is still there is looked at again after this.
const AGAIN_NS: i64 = NS_PER_S;

/// By instrument the kinds of scopes that were killed have a bit each; those of them that flatten have another, so much higher.
const FLATTENS_SHIFT: u32 = 4;
const KINDS: u8 = (1 << FLATTENS_SHIFT) - 1;

/// The bit of a scope's kind.
pub(super) fn kind_bit(scope: Scope) -> u8 {
    1 << (scope.parts().0 - 1)
}

fn with_flattens(kinds: u8) -> u8 {
    kinds | kinds << FLATTENS_SHIFT
}

/// See the module. Each scope is kept apart, so that one ends without another.
#[derive(Clone, Debug)]
pub(super) struct Kills {
    /// Bits, by instrument: see [`FLATTENS_SHIFT`]; zero where nothing is killed.
    killed: Box<[u8]>,
    is_flattening: bool,
    due: TimeNs,
    count: u32,
}

impl Default for Kills {
    fn default() -> Self {
        Kills { killed: vec![0; INSTRUMENTS_MAX].into(), is_flattening: false, due: TimeNs::NEVER, count: 0 }
    }
}

impl Kills {
    /// The kinds of scopes with which an instrument is killed, a bit each.
    pub(super) fn kinds(&self, index: usize) -> u8 {
        self.killed[index] & KINDS
    }

    /// What closes an instrument for openings: the widest kill of it.
    pub(super) fn closes(&self, index: usize) -> Option<Refusal> {
        let kinds = self.kinds(index);
        let kind = i64::from(kinds.trailing_zeros()) + 1;
        (kinds != 0).then_some(Refusal { reason: Reason::KillScope, limit: 0, got: kind })
    }

    /// Nothing is killed any more; takes no memory.
    fn clear(&mut self) {
        self.killed.fill(0);
        (self.is_flattening, self.due, self.count) = (false, TimeNs::NEVER, 0);
    }

    /// An instrument is killed with a scope.
    fn take(&mut self, index: usize, scope: Scope, flatten: bool) {
        let kind = kind_bit(scope);
        self.killed[index] |= if flatten { with_flattens(kind) } else { kind };
    }

    /// The kill with this scope ends for an instrument, and its flattening; others stay.
    pub(super) fn end(&mut self, index: usize, scope: Scope) {
        self.killed[index] &= !with_flattens(kind_bit(scope));
    }

    /// Works out what follows from the instruments' bits.
    pub(super) fn recount(&mut self) {
        self.count = self.killed.iter().filter(|bits| **bits != 0).count() as u32;
        self.is_flattening = self.killed.iter().any(|bits| *bits & !KINDS != 0);
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
                self.kills.take(index, scope, flatten);
                self.prepare(instrument);
            }
        }
        self.kills.recount();
        // At once, however lately something else was closed.
        self.kills.due = TimeNs::NEVER;
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

    /// What was killed as a whole before a restart covers what the configuration has there since.
    pub(super) fn widen_kills(&mut self) {
        let everywhere = with_flattens(kind_bit(Scope::All) | kind_bit(Scope::Strategy(self.setup_strategy)));
        for index in 0..self.instruments.len() {
            let venue = self.instruments[index].venue;
            let at_venue = everywhere | with_flattens(kind_bit(Scope::Venue(venue)));
            let all = self.instruments.iter().zip(&self.kills.killed);
            let whole = all.fold(0, |whole, (other, bits)| {
                whole | bits & if other.venue == venue { at_venue } else { everywhere }
            });
            self.kills.killed[index] |= whole;
        }
        self.kills.recount();
    }

    /// Closes everything that is held and lets nothing open, without the operator.
    pub(super) fn kill_all(&mut self, scope: Scope) {
        for index in 0..self.instruments.len() {
            self.kills.take(index, scope, true);
            self.prepare(InstrumentId(index as u16));
        }
        self.kills.recount();
        self.kills.due = TimeNs::NEVER;
    }

    /// The operator lets trading go on.
    pub(super) fn rearm_kills(&mut self) {
        self.kills.clear();
    }

    /// Cancels what rests and would open where something is killed, and closes what is held where a kill says so: now, and again
    /// until nothing is left.
    #[inline]
    pub(super) fn enforce_kills(&mut self, out: &mut Outputs) {
        if self.kills.count > 0 && self.now >= self.kills.due {
            self.sweep_killed(out);
        }
    }

    #[cold]
    fn sweep_killed(&mut self, out: &mut Outputs) {
        self.kills.due = self.now.plus_ns(AGAIN_NS);
        // Nothing would leave without a session.
        if !self.venues.iter().any(Venue::can_query) {
            return;
        }
        // A copy: whatever is asked for looks at the tables again.
        let mut killed = [0; INSTRUMENTS_MAX];
        killed.copy_from_slice(&self.kills.killed);
        let bits = |instrument: InstrumentId| instrument.index().map_or(0, |index| killed[index]);
        if self.orders.open_count() > 0 {
            self.cancel_where(|order| !order.new.reduces && bits(order.new.instrument) != 0, out);
        }
        if self.kills.is_flattening {
            // No score wants this, and the last one may be of a model that is gone.
            self.strategies.iter_mut().for_each(|strategy| strategy.verdict = Verdict::NONE);
            self.flatten_where(|instrument| bits(instrument) & !KINDS != 0, out);
        }
    }
}
