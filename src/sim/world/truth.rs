//! What really became of every command: the simulator knows, the appliance must find out.
//!
//! What it is not: a part of the appliance; nothing here is told to it.
//!
//! Invariant: an order is alive from the first byte on the wire until nothing can execute it any more.

use super::venues::VENUES_MAX;
use crate::types::Side;
use std::collections::BTreeMap;

/// The true fate of one order id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) instrument: usize,
    pub(super) side: Side,
    pub(super) qty: i64,
    /// Times that its command was written.
    pub(super) writes: u32,
    /// Copies of it on the wire or in the terminal's inbox.
    pub(super) on_wire: u32,
    /// The terminal remembers its answer: another copy of the command is not executed.
    pub(super) is_answered: bool,
    /// Waits at the terminal or server for its time.
    pub(super) is_held: bool,
    /// It waits for longer than any proof of its absence takes.
    pub(super) is_overdue: bool,
    /// Times that the broker took it for execution.
    pub(super) executions: u32,
    /// The broker still works on it.
    pub(super) is_working: bool,
    /// Filled at the broker.
    pub(super) filled: i64,
    /// The appliance lost its record of it to a power cut.
    pub(super) is_forgotten: bool,
    /// It is about an order or position: it fills nothing.
    pub(super) is_request: bool,
    /// The broker did what a request asked for.
    pub(super) is_done: bool,
}

impl Fate {
    /// Whether it may still fill.
    pub(super) fn is_alive(&self) -> bool {
        self.is_held || self.is_working || self.on_wire > 0 && !self.is_answered
    }

    pub(super) fn remaining(&self) -> i64 {
        if self.is_alive() { (self.qty - self.filled).max(0) } else { 0 }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Truth {
    fates: BTreeMap<u64, Fate>,
    /// Ids that are alive, in the order in which they came to be.
    alive: Vec<u64>,
    /// By venue: pieces of news that never reached, or will never reach, the appliance.
    pub(super) lost: [u64; VENUES_MAX],
    /// Of them, those that a later snapshot made good.
    pub(super) healed: [u64; VENUES_MAX],
}

impl Truth {
    pub(super) fn clear(&mut self) {
        *self = Truth::default();
    }

    /// Changes a fate; unknown ids are not ours.
    pub(super) fn change(&mut self, id: u64, change: impl FnOnce(&mut Fate)) {
        let Some(fate) = self.fates.get_mut(&id) else { return };
        change(fate);
        let is_alive = fate.is_alive();
        match self.alive.iter().position(|other| *other == id) {
            Some(at) if !is_alive => drop(self.alive.remove(at)),
            None if is_alive => self.alive.push(id),
            _ => {}
        }
    }

    /// A command was written.
    pub(super) fn written(&mut self, id: u64, instrument: usize, side: Side, qty: i64) {
        let blank = Fate {
            instrument,
            side,
            qty,
            writes: 0,
            on_wire: 0,
            is_answered: false,
            is_held: false,
            is_overdue: false,
            executions: 0,
            is_working: false,
            filled: 0,
            is_forgotten: false,
            is_request: false,
            is_done: false,
        };
        self.fates.entry(id).or_insert(blank);
        self.change(id, |fate| {
            fate.writes += 1;
            fate.on_wire += 1;
        });
    }

    /// A request was written.
    pub(super) fn request_written(&mut self, id: u64, instrument: usize) {
        self.written(id, instrument, Side::Buy, 0);
        self.change(id, |fate| fate.is_request = true);
    }

    pub(super) fn fate(&self, id: u64) -> Option<&Fate> {
        self.fates.get(&id)
    }

    pub(super) fn fates(&self) -> impl Iterator<Item = (u64, &Fate)> {
        self.fates.iter().map(|(id, fate)| (*id, fate))
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = (u64, &Fate)> {
        self.alive.iter().filter_map(|id| Some((*id, self.fates.get(id)?)))
    }

    pub(super) fn any_alive(&self) -> bool {
        !self.alive.is_empty()
    }

    /// What the living orders of a side may still fill.
    pub(super) fn may_fill(&self, instrument: usize, side: Side) -> i64 {
        let same = self.alive().filter(|(_, fate)| fate.instrument == instrument && fate.side == side);
        same.map(|(_, fate)| fate.remaining()).sum()
    }
}
