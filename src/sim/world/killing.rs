//! The operator kills one symbol, and the engine hears of it late, as one that hangs would.
//!
//! What it is not: the switch for everything, which is a word of the operator like others (`mishaps.rs`).
//!
//! Invariant: from the moment of the kill nothing that opens is written for the symbol, whatever the engine does; from the moment
//! that the engine hears of it, it wants none; both until the operator re-arms everything, or that symbol.

use super::World;
use super::planted::Planted;
use super::schedule::Event;
use super::venues::instrument_of;
use crate::record::{AUX_REDUCES, Command, Control, ControlAction, KillSwitch, KillTrigger, Layout, Record};
use crate::types::{InstrumentId, NS_PER_MS, OrderAction, Scope};

/// What is killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Killed {
    instrument: InstrumentId,
    flatten: bool,
    is_heard: bool,
}

fn opens(record: &Record) -> bool {
    let action = record.payload::<Command>().and_then(|command| OrderAction::from_code(command.action));
    let is_opening = matches!(action, Some(OrderAction::Deal | OrderAction::Pending | OrderAction::Modify));
    is_opening && record.aux() & AUX_REDUCES == 0
}

impl World {
    /// The flag is set and the latch written; the engine hears of it when its queue is read.
    pub(super) fn kill_one(&mut self, draw: u64) -> InstrumentId {
        let instrument = instrument_of(self.struck_venue(draw >> 3), (draw & 1) as usize);
        self.killed = Some(Killed { instrument, flatten: draw & 2 != 0, is_heard: false });
        self.say(|_| format!("instrument {} is killed", instrument.0));
        self.schedule.after((draw >> 2) as i64 % 400 * NS_PER_MS, Event::KillHeard);
        instrument
    }

    /// The operator ends the kill of this symbol; another one, that came after it, stays.
    pub(super) fn rearm_one(&mut self, instrument: InstrumentId) {
        if self.appliance.is_dead {
            return self.schedule.after(100 * NS_PER_MS, Event::RearmOne(instrument));
        }
        self.killed = self.killed.filter(|killed| killed.instrument != instrument);
        let mut control = Control::read(&[0; 96]);
        control.action = ControlAction::ActivateScope as u8;
        (control.scope, control.scope_id) = Scope::Instrument(instrument).parts();
        self.own(&control);
    }

    /// The engine hears of it, or again after a start, from the latch.
    pub(super) fn hear_kill(&mut self) {
        let Some(killed) = &mut self.killed else { return };
        if self.appliance.is_dead {
            return;
        }
        killed.is_heard = true;
        let mut kill = KillSwitch::read(&[0; 96]);
        (kill.scope, kill.scope_id) = Scope::Instrument(killed.instrument).parts();
        (kill.flatten, kill.trigger) = (u8::from(killed.flatten), KillTrigger::Command as u8);
        self.own(&kill);
    }

    /// As `agents::killed`: whether the sending lane holds a command back.
    pub(super) fn is_held(&self, record: &Record) -> bool {
        let is_killed = self.killed.is_some_and(|killed| killed.instrument == record.instrument());
        is_killed && opens(record) && self.planted != Some(Planted::KillFlagUnread)
    }

    /// Looks at what leaves.
    pub(super) fn check_killed_write(&mut self, record: &Record) {
        if opens(record) && self.killed.is_some_and(|killed| killed.instrument == record.instrument()) {
            let id = record.payload::<Command>().map_or(0, |command| command.order_id);
            self.violate("kill", || {
                format!("expected nothing that opens to leave for a killed symbol, got {id:x}")
            });
        }
    }

    /// Looks at what the engine wanted in a step.
    pub(super) fn check_killed_step(&mut self) {
        let Some(Killed { instrument, is_heard: true, .. }) = self.killed else { return };
        let wants = |record: &&Record| opens(record) && record.instrument() == instrument;
        let seq = self.appliance.out.records().iter().find(wants).map(Record::seq);
        if let Some(seq) = seq {
            self.violate("kill", || format!("record {seq}: the engine opens what it knows to be killed"));
        }
    }
}
