//! What the faults do, and how the world mends itself afterwards.
//!
//! What it is not: the choice whether they strike (`faults.rs`), or faults of single messages (`path.rs`, `terminal.rs`).
//!
//! Invariant: whatever is broken here has an event planned that repairs it, so that the world comes to rest.

use super::appliance::recover;
use super::faults::Fault;
use super::schedule::{Event, Port};
use super::venues::{Venue, instrument_of, symbol_of, venue_of};
use super::{Tracing, World};
use crate::engine::Setup;
use crate::record::{self, ControlAction, Kind, Layout};
use crate::types::{
    Execution, InstrumentId, NS_PER_MS, NS_PER_US, OrderAction, OrderKind, TradeMode, VenueId,
};
use crate::wire::terminal::body;
use std::collections::BTreeSet;

/// The magic of somebody else's orders.
const FOREIGN_MAGIC: u64 = 77;

impl World {
    /// Asks every fault that may strike between two quotes.
    pub(super) fn mishaps(&mut self) {
        if self.faults.is_over {
            return;
        }
        const ASKED: [Fault; 15] = [
            Fault::LinkLost,
            Fault::Frozen,
            Fault::Restarted,
            Fault::ServerLost,
            Fault::SpecChanged,
            Fault::MarketClosed,
            Fault::Flood,
            Fault::Foreign,
            Fault::Operator,
            Fault::DiskFull,
            Fault::Killed,
            Fault::PowerCut,
            Fault::ClockStepped,
            Fault::ServerClock,
            Fault::Reopened,
        ];
        for fault in ASKED {
            if self.faults.strikes(fault) {
                if self.tracing == Tracing::On {
                    self.say(|_| format!("fault {}", fault.name()));
                }
                self.strike(fault);
            }
        }
    }

    fn strike(&mut self, fault: Fault) {
        let draw = self.faults.below(fault, 1 << 32);
        let wait_ms = |most: u64| (1 + draw % most) as i64 * NS_PER_MS;
        let id = self.struck_venue(draw);
        let instrument = instrument_of(id, (draw & 1) as usize);
        let Venue { terminal, link, .. } = &mut self.venues[usize::from(id.0)];
        match fault {
            Fault::LinkLost => {
                let port = Port::BOTH[(draw & 1) as usize];
                let connection = link.terminal_has[port as usize];
                link.cut(port);
                let now_ns = self.schedule.now_ns();
                self.sever_at(id, port, connection, now_ns);
            }
            Fault::Frozen if !terminal.is_frozen => {
                terminal.is_frozen = true;
                self.schedule.after(wait_ms(3_000), Event::Thaw(id));
            }
            Fault::Restarted if !terminal.is_gone => {
                terminal.die(&mut self.truth);
                self.restart_terminal(id);
            }
            Fault::ServerLost => {
                terminal.server_turns(false);
                self.schedule.after(wait_ms(2_000), Event::ServerBack(id));
            }
            Fault::SpecChanged => self.change_spec(instrument, draw),
            Fault::MarketClosed => {
                self.symbol_mut(instrument).open = false;
                self.schedule.after(wait_ms(2_000), Event::MarketOpen(instrument));
            }
            Fault::Flood => self.flood_left = 200 + (draw % 400) as u32,
            Fault::Foreign => self.foreign(instrument, draw),
            Fault::Operator => self.operator(draw),
            Fault::DiskFull if !self.is_disk_full && !self.appliance.is_dead => {
                self.is_disk_full = true;
                self.tell_disk_full();
                self.schedule.after(wait_ms(1_000), Event::DiskWell);
                self.schedule.after(wait_ms(1_000) + 500 * NS_PER_MS, Event::Rearm);
            }
            Fault::Killed if !self.appliance.is_dead => {
                self.appliance.instants_left = Some((draw % 12) as u32);
            }
            Fault::PowerCut if !self.appliance.is_dead => {
                (self.appliance.is_dead, self.is_power_cut) = (true, true);
            }
            Fault::ServerClock => {
                terminal.server_offset_s = 18_000 - terminal.server_offset_s;
            }
            Fault::Reopened => self.reopen(id, draw),
            Fault::ClockStepped => {
                self.clock_offset_ns += (draw % 4_000) as i64 * NS_PER_MS - 1_500 * NS_PER_MS;
            }
            _ => {}
        }
    }

    /// The venue that a fault strikes, by the high bits of its draw.
    pub(super) fn struck_venue(&self, draw: u64) -> VenueId {
        VenueId((draw >> 24 & 0xff) as u16 % self.venues.len() as u16)
    }

    /// A terminal's program is gone: the appliance learns of it, and the program is started again.
    pub(super) fn restart_terminal(&mut self, venue: VenueId) {
        let at = usize::from(venue.0);
        self.venues[at].terminal.is_frozen = false;
        for port in Port::BOTH {
            let link = &mut self.venues[at].link;
            let connection = link.terminal_has[port as usize];
            (link.open_to_terminal[port as usize], link.terminal_has[port as usize]) = (0, 0);
            let heard_ns = (1 + self.dice.below(50) as i64) * NS_PER_MS;
            let back_ns = (100 + self.dice.below(600) as i64) * NS_PER_MS;
            self.schedule.after(heard_ns, Event::LostToAppliance(venue, port, connection));
            self.schedule.after(back_ns, Event::Connect(venue, port));
        }
        // The program itself is back at once; its connections take longer.
        self.venues[at].terminal.is_gone = false;
    }

    pub(super) fn thaw(&mut self, venue: VenueId) {
        self.terminal_mut(venue).is_frozen = false;
        let (terminal, mut around) = self.around(venue);
        while let Some(parcel) = terminal.inbox.pop_front() {
            terminal.receive(&parcel, &mut around);
        }
        terminal.tell_all(&mut around);
        self.after_terminal(venue);
    }

    pub(super) fn held(&mut self, venue: VenueId, number: u32) {
        let (terminal, mut around) = self.around(venue);
        terminal.held_arrives(number, &mut around);
        self.after_terminal(venue);
    }

    /// Plans a look at a broker for when something is due there.
    pub(super) fn plan_broker(&mut self, id: VenueId) {
        let venue = &mut self.venues[usize::from(id.0)];
        let Some(due_us) = venue.terminal.broker.next_due_us() else { return };
        let due_ns = due_us * NS_PER_US;
        if due_ns < venue.broker_ns {
            venue.broker_ns = due_ns;
            self.schedule.at(due_ns, Event::Terminal(id));
        }
    }

    pub(super) fn broker_due(&mut self, venue: VenueId) {
        self.venues[usize::from(venue.0)].broker_ns = i64::MAX;
        let (terminal, mut around) = self.around(venue);
        terminal.advance(&mut around);
        self.after_terminal(venue);
    }

    pub(super) fn open_market(&mut self, instrument: InstrumentId) {
        self.symbol_mut(instrument).open = true;
    }

    fn change_spec(&mut self, instrument: InstrumentId, draw: u64) {
        let spec = &mut self.symbol_mut(instrument).spec;
        match draw >> 1 & 3 {
            0 => {
                let modes =
                    [TradeMode::Full, TradeMode::LongOnly, TradeMode::ShortOnly, TradeMode::CloseOnly];
                let mode = modes[(draw >> 3 & 3) as usize];
                spec.trade_mode = if spec.trade_mode == TradeMode::Full { mode } else { TradeMode::Full };
            }
            1 => spec.stops_level_points = (draw >> 3 & 7) as u32 * 3,
            2 => spec.filling_modes = 1 + (draw >> 3) as u8 % 3,
            _ => {
                let executions = [Execution::Market, Execution::Exchange, Execution::Instant];
                spec.execution = executions[(draw >> 3) as usize % 3];
            }
        }
        self.watch.rules_changed(self.schedule.now_ns());
        self.schedule.after((draw >> 8) as i64 % 200 * NS_PER_MS, Event::TellSpec(instrument));
    }

    pub(super) fn tell_spec(&mut self, instrument: InstrumentId) {
        let now_ns = self.schedule.now_ns();
        self.watch.rules_changed(now_ns);
        let venue = venue_of(instrument);
        if self.terminal(venue).is_frozen {
            return self.schedule.after(100 * NS_PER_MS, Event::TellSpec(instrument));
        }
        self.terminal_mut(venue).tell_spec(symbol_of(instrument), now_ns);
        self.flush_terminal(venue);
    }

    /// Somebody buys or sells at the market, on a netting account with effect on our position.
    fn foreign(&mut self, instrument: InstrumentId, draw: u64) {
        let symbol = self.symbol(instrument);
        let mut command = body::Command::read(&[0; body::Command::BYTES]);
        let kind = if draw & 2 == 0 { OrderKind::Buy } else { OrderKind::Sell };
        (command.order_id, command.action, command.order_type) =
            (FOREIGN_MAGIC, OrderAction::Deal.code(), kind.code());
        command.filling = match symbol.spec.execution {
            Execution::Market if symbol.spec.filling_modes & 1 == 0 => 1,
            Execution::Market => 0,
            _ => 2,
        };
        command.price = symbol.spec.price_to_f64(symbol.bid);
        command.deviation_points = 1_000;
        // On a hedging account often more than all of ours: side by side it stands in nobody's way.
        let times = if self.terminal(venue_of(instrument)).broker.account.is_hedging() && draw & 64 != 0 {
            8
        } else {
            1
        };
        command.volume = 0.01 * (times * (1 + (draw >> 2) % 4)) as f64;
        command.symbol = *symbol.spec.symbol.bytes();
        self.watch.is_foreign_seen = true;
        let (now_ns, venue) = (self.schedule.now_ns(), venue_of(instrument));
        self.terminal_mut(venue).foreign(&command, now_ns);
        self.plan_broker(venue);
    }

    fn operator(&mut self, draw: u64) {
        if self.appliance.is_dead {
            return;
        }
        let action = [ControlAction::Reduce, ControlAction::Halt, ControlAction::Kill][(draw % 3) as usize];
        if action == ControlAction::Kill && draw >> 16 & 1 == 1 {
            let instrument = self.kill_one(draw >> 17);
            let event = if draw >> 60 & 1 == 1 { Event::RearmOne(instrument) } else { Event::Rearm };
            return self.schedule.after((600 + (draw >> 4) as i64 % 1_500) * NS_PER_MS, event);
        }
        self.latch |= action == ControlAction::Kill;
        self.control(action);
        self.schedule.after((100 + (draw >> 4) as i64 % 1_500) * NS_PER_MS, Event::Rearm);
    }

    fn control(&mut self, action: ControlAction) {
        let mut control = record::Control::read(&[0; 96]);
        control.action = action as u8;
        self.own(&control);
    }

    pub(super) fn rearm(&mut self) {
        if self.appliance.is_dead {
            return self.schedule.after(100 * NS_PER_MS, Event::Rearm);
        }
        (self.latch, self.killed) = (false, None);
        self.control(ControlAction::Activate);
    }

    /// The appliance died: what it held is gone, and it will be started again.
    pub(super) fn bury(&mut self, parts: &Setup) {
        self.is_buried = true;
        let is_power_cut = self.is_power_cut;
        self.say(|world| {
            format!(
                "the appliance dies{}: last record {}",
                if is_power_cut { " without power" } else { "" },
                world.appliance.journal.last_seq()
            )
        });
        if is_power_cut {
            let lost = self.appliance.journal.power_cut(&mut self.dice);
            let venue_count = self.venues.len();
            self.truth.lost[..venue_count].iter_mut().for_each(|sum| *sum += u64::from(lost > 0));
            self.say(|_| format!("{lost} records lost"));
            self.watch.remember(self.appliance.journal.records(), self.latch);
            self.exit_watch.remember(self.appliance.journal.records());
            self.left_watch.is_power_cut_seen = true;
            self.forget_lost();
        } else if self.appliance.is_step_whole {
            let records = self.appliance.journal.records();
            let recovered = recover(parts, records, &mut self.spare);
            self.check_recovered(&recovered);
            self.check_state(parts);
        }
        self.appliance.forget_connections();
        self.appliance.instants_left = None;
        self.is_send_planned = false;
        for venue in self.venue_ids() {
            for port in Port::BOTH {
                let link = &mut self.venues[usize::from(venue.0)].link;
                link.open_to_appliance[port as usize] = 0;
                let connection = link.terminal_has[port as usize];
                let wait_ns = (1 + self.dice.below(40) as i64) * NS_PER_MS;
                self.schedule.after(wait_ns, Event::LostToTerminal(venue, port, connection));
            }
        }
        let wait_ns = (10 + self.dice.below(600) as i64) * NS_PER_MS;
        self.schedule.after(wait_ns, Event::Start);
    }

    /// Orders whose record went with the power: the appliance cannot know them.
    fn forget_lost(&mut self) {
        let records = self.appliance.journal.records().iter();
        let kept: BTreeSet<u64> = records
            .filter(|record| record.kind() == Some(Kind::Command))
            .filter_map(|record| record.payload::<record::Command>())
            .map(|command| command.order_id)
            .collect();
        let lost: Vec<u64> = self.truth.fates().map(|(id, _)| id).filter(|id| !kept.contains(id)).collect();
        for id in lost {
            if self.waits_for_disk {
                self.violate("durable", || {
                    format!("expected order {id:x} on the disk before it left, got a journal without it")
                });
            }
            self.truth.change(id, |fate| fate.is_forgotten = true);
        }
    }

    /// A quote that is no quote.
    pub(super) fn spoil(&mut self, tick: &mut body::Tick) {
        if !self.faults.strikes(Fault::QuoteBad) {
            return;
        }
        match self.faults.below(Fault::QuoteBad, 4) {
            0 => std::mem::swap(&mut tick.bid, &mut tick.ask),
            1 => tick.ask = 0.0,
            2 => tick.bid += 0.000_004,
            _ => (tick.bid, tick.ask) = (f64::NAN, 0.0),
        }
    }
}
