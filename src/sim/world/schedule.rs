//! Virtual time: what happens next, and in which order.
//!
//! What it is not: a clock. Time is that of the event being handled.
//!
//! Invariant: events of one time come in the order in which they were planned; time never goes back.

use crate::types::{InstrumentId, VenueId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which of a terminal's two connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Port {
    /// Ticks and transactions.
    Market = 0,
    /// Commands and snapshots.
    Trade = 1,
}

impl Port {
    pub(super) const BOTH: [Port; 2] = [Port::Market, Port::Trade];
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Event {
    /// The market moves.
    Quote,
    /// A terminal's timers, and what is due at its broker.
    Terminal(VenueId),
    /// Bytes reach the appliance: index of the parcel.
    ToAppliance(VenueId, u32),
    /// Bytes reach a terminal: index of the parcel.
    ToTerminal(VenueId, u32),
    /// The sending lane takes what waits for it.
    Send,
    /// The appliance looks at its clock.
    Clock,
    /// The disk gets what was appended.
    Sync,
    /// The appliance learns that a connection, this one, is gone.
    LostToAppliance(VenueId, Port, u32),
    /// A terminal learns that a connection, this one, is gone.
    LostToTerminal(VenueId, Port, u32),
    /// A terminal connects.
    Connect(VenueId, Port),
    /// A terminal goes on.
    Thaw(VenueId),
    /// A held request reaches the server: its number.
    Held(VenueId, u32),
    /// A trade server is back.
    ServerBack(VenueId),
    /// A terminal tells the new properties of a symbol.
    TellSpec(InstrumentId),
    /// The market of a symbol opens again.
    MarketOpen(InstrumentId),
    /// The disk has room again.
    DiskWell,
    /// The appliance starts.
    Start,
    /// The operator re-arms.
    Rearm,
    /// The operator ends the kill of one symbol.
    RearmOne(InstrumentId),
    /// The engine hears that a symbol was killed.
    KillHeard,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: BinaryHeap<Reverse<(i64, u64, Event)>>,
    planned: u64,
    now_ns: i64,
}

impl Schedule {
    pub(super) fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Plans an event; what should have been already is next.
    pub(super) fn at(&mut self, time_ns: i64, event: Event) {
        self.planned += 1;
        self.due.push(Reverse((time_ns.max(self.now_ns), self.planned, event)));
    }

    /// Plans an event after a time.
    pub(super) fn after(&mut self, wait_ns: i64, event: Event) {
        self.at(self.now_ns + wait_ns, event);
    }

    /// The next event; time is then its time.
    pub(super) fn next(&mut self) -> Option<Event> {
        let Reverse((time_ns, _, event)) = self.due.pop()?;
        self.now_ns = time_ns;
        Some(event)
    }
}
