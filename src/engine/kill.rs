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

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Kills {
    /// Scope's kind, by instrument; zero where nothing is killed.
    killed: Box<[u8]>,
    flattens: Box<[bool]>,
    is_flattening: bool,
    due: TimeNs,
    count: u32,
}

impl Default for Kills {
    fn default() -> Self {
        Kills {
            killed: vec![0; INSTRUMENTS_MAX].into(),
            flattens: vec![false; INSTRUMENTS_MAX].into(),
            is_flattening: false,
            due: TimeNs::NEVER,
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

    /// Nothing is killed any more; takes no memory.
    fn clear(&mut self) {
        self.killed.fill(0);
        self.flattens.fill(false);
        (self.is_flattening, self.due, self.count) = (false, TimeNs::NEVER, 0);
    }

    /// The widest kill of an instrument is the one that is kept.
    fn take(&mut self, index: usize, kind: u8, flatten: bool) {
        let before = self.killed[index];
        self.killed[index] = if before == 0 { kind } else { before.min(kind) };
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
        for index in 0..self.instruments.len() {
            let venue = self.instruments[index].venue;
            let covers = |(other, kind): (usize, &u8)| {
                let scope = Scope::from_parts(*kind, self.instruments.get(other)?.venue.0);
                let is_whole = *kind != 0 && !matches!(scope, Scope::Instrument(_));
                let is_here = !matches!(scope, Scope::Venue(other) if other != venue);
                (is_whole && is_here).then_some((*kind, self.kills.flattens[other]))
            };
            let whole = self.kills.killed.iter().enumerate().find_map(covers);
            if let Some((kind, flatten)) = whole.filter(|_| self.kills.killed[index] == 0) {
                self.kills.take(index, kind, flatten);
            }
        }
        self.kills.count = self.kills.killed.iter().filter(|kind| **kind != 0).count() as u32;
    }

    /// Closes everything that is held and lets nothing open, without the operator.
    pub(super) fn kill_all(&mut self, scope: Scope) {
        for index in 0..self.instruments.len() {
            self.kills.take(index, scope.parts().0, true);
            self.prepare(InstrumentId(index as u16));
        }
        self.kills.count = self.instruments.len() as u32;
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
        // Copies: whatever is asked for looks at the tables again.
        let (mut killed, mut flattens) = ([0; INSTRUMENTS_MAX], [false; INSTRUMENTS_MAX]);
        killed.copy_from_slice(&self.kills.killed);
        flattens.copy_from_slice(&self.kills.flattens);
        let is_killed = |instrument: InstrumentId| instrument.index().is_some_and(|index| killed[index] != 0);
        if self.orders.open_count() > 0 {
            self.cancel_where(|order| !order.new.reduces && is_killed(order.new.instrument), out);
        }
        if self.kills.is_flattening {
            // No score wants this, and the last one may be of a model that is gone.
            self.strategies.iter_mut().for_each(|strategy| strategy.verdict = Verdict::NONE);
            self.flatten_where(|instrument| instrument.index().is_some_and(|index| flattens[index]), out);
        }
    }
}
