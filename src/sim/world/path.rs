//! The way of bytes and records: between terminal and appliance, through decoders into the engine, and commands out again.
//!
//! What it is not: a judge; `checks.rs` looks at what passes here.
//!
//! Invariant: a command is written at most once, on the connection that is there, and the engine is told what became of the
//! writing, unless the process died in between.

use super::asked::is_request;
use super::faults::Fault;
use super::link::{Parcel, Way, messages};
use super::planted::Planted;
use super::schedule::{Event, Port};
use super::terminal::drop_commands;
use super::venues::Venue;
use super::{Tracing, World};
use crate::engine::Setup;
use crate::record::{self, DispatchOutcome, FaultKind, Kind, Origin, Record, SessionState};
use crate::types::{NS_PER_MS, NS_PER_S, NS_PER_US, OrderKind, VenueId};
use crate::wire::terminal::{Body, Decoded, HEADER_BYTES, Stream, body, encode_command, encode_message};

impl World {
    /// Puts bytes on their way.
    pub(super) fn ship(&mut self, venue: VenueId, way: Way, mut parcel: Parcel) {
        let at = usize::from(venue.0);
        let port = parcel.port;
        let now_ns = self.schedule.now_ns();
        let mut wish_ns = now_ns + (20 + self.dice.below(180) as i64) * NS_PER_US;
        if self.faults.strikes(Fault::Delayed) {
            wish_ns += self.faults.below(Fault::Delayed, 300) as i64 * NS_PER_MS;
        }
        let event = |index| match way {
            Way::ToAppliance => Event::ToAppliance(venue, index),
            Way::ToTerminal => Event::ToTerminal(venue, index),
        };
        if self.faults.strikes(Fault::HalfWritten) {
            if way == Way::ToTerminal {
                drop_commands(&parcel, &mut self.truth);
            }
            let keep = self.faults.below(Fault::HalfWritten, parcel.bytes.len() as u64);
            parcel.bytes.truncate(keep as usize);
            self.truth.lost[at] += u64::from(parcel.news);
            parcel.heals = None;
            let at_ns = self.venues[at].link.in_line(port, way, wish_ns);
            let connection = parcel.connection;
            let index = self.venues[at].link.put(parcel);
            self.schedule.at(at_ns, event(index));
            return self.sever_at(venue, port, connection, at_ns + 1);
        }
        if self.faults.strikes(Fault::Repeated) {
            if way == Way::ToTerminal {
                self.count_copies(&parcel);
            }
            let copy = self.venues[at].link.put(Parcel { heals: None, ..parcel.clone() });
            self.schedule.at(wish_ns + NS_PER_MS, event(copy));
        }
        let is_overtaken = self.faults.strikes(Fault::Reordered);
        let index = self.venues[at].link.put(parcel);
        let at_ns = match is_overtaken {
            true => wish_ns + 3 * NS_PER_MS,
            false => self.venues[at].link.in_line(port, way, wish_ns),
        };
        self.schedule.at(at_ns, event(index));
    }

    fn count_copies(&mut self, parcel: &Parcel) {
        for message in messages(&parcel.bytes) {
            if let Ok((_, crate::wire::terminal::MessageKind::Command, bytes)) =
                crate::wire::terminal::Header::parse(message)
            {
                let id = <body::Command as record::Layout>::read(bytes).order_id;
                self.truth.change(id, |fate| fate.on_wire += 1);
            }
        }
    }

    /// Ships what a terminal said.
    pub(super) fn flush_terminal(&mut self, venue: VenueId) {
        let at = usize::from(venue.0);
        for port in Port::BOTH {
            if let Some((bytes, news, heals)) = self.venues[at].terminal.take_out(port) {
                let connection = self.venues[at].link.terminal_has[port as usize];
                self.ship(venue, Way::ToAppliance, Parcel { port, connection, bytes, news, heals });
            }
        }
        let plans = std::mem::take(&mut self.venues[at].terminal.plans);
        for (wait_ns, event) in plans {
            self.schedule.after(wait_ns, event);
        }
        self.plan_broker(venue);
    }

    /// Says something to a terminal.
    pub(super) fn tell_terminal<B: Body>(&mut self, venue: VenueId, port: Port, body: &B, seq: u64) {
        let mut bytes = vec![0; 2 + HEADER_BYTES + B::BYTES];
        let length = encode_message(body, seq, self.ts().0 / NS_PER_US, &mut bytes[2..]);
        bytes[..2].copy_from_slice(&(length as u16).to_le_bytes());
        let connection = self.appliance.end(venue, port).connection;
        self.ship(venue, Way::ToTerminal, Parcel { port, connection, bytes, news: 0, heals: None });
    }

    pub(super) fn reach_terminal(&mut self, venue: VenueId, index: u32) {
        let Venue { link, terminal, .. } = &mut self.venues[usize::from(venue.0)];
        let Some(parcel) = link.take(index) else { return };
        let is_there = link.open_to_terminal[parcel.port as usize] == parcel.connection
            && parcel.connection != 0
            && terminal.is_connected(parcel.port);
        if !is_there {
            return drop_commands(&parcel, &mut self.truth);
        }
        if terminal.is_frozen {
            return terminal.inbox.push_back(parcel);
        }
        let (terminal, mut around) = self.around(venue);
        terminal.receive(&parcel, &mut around);
        terminal.tell_all(&mut around);
        self.after_terminal(venue);
    }

    /// What a call of a terminal may have left to do.
    pub(super) fn after_terminal(&mut self, venue: VenueId) {
        if self.terminal(venue).is_gone {
            self.say(|_| format!("terminal {} is started again", venue.0));
            self.restart_terminal(venue);
        }
        self.check_refusals(venue);
        self.flush_terminal(venue);
    }

    pub(super) fn reach_appliance(&mut self, venue: VenueId, index: u32) {
        let at = usize::from(venue.0);
        let link = &mut self.venues[at].link;
        let Some(parcel) = link.take(index) else { return };
        let is_there =
            link.open_to_appliance[parcel.port as usize] == parcel.connection && parcel.connection != 0;
        let is_dead = self.appliance.is_dead;
        let end = self.appliance.end_mut(venue, parcel.port);
        if !is_there || is_dead || parcel.connection < end.connection {
            self.truth.lost[at] += u64::from(parcel.news);
            return;
        }
        let now_ns = self.schedule.now_ns();
        if end.connection != parcel.connection {
            end.connected(parcel.connection, now_ns);
        }
        end.ts_heard_ns = now_ns;
        for message in messages(&parcel.bytes) {
            self.events += 1;
            if !self.hear(venue, parcel.port, message) || self.appliance.is_dead {
                self.truth.lost[at] += u64::from(parcel.news);
                return;
            }
        }
        if let Some(heals) = parcel.heals {
            self.truth.healed[at] = self.truth.healed[at].max(heals);
        }
    }

    /// One message; `false` when the connection is given up for it.
    fn hear(&mut self, venue: VenueId, port: Port, message: &[u8]) -> bool {
        let ts = self.ts();
        let mut inbox = std::mem::take(&mut self.inbox);
        let end = self.appliance.end_mut(venue, port);
        let decoded = end.decoder.decode(message, ts, &mut |record| inbox.push(record));
        let is_live = end.is_live;
        for record in inbox.drain(..) {
            if is_live {
                self.before_feed(venue, port, &record);
                self.feed(record);
            }
        }
        self.inbox = inbox;
        match decoded {
            Ok(Decoded::Hello(hello)) => {
                self.welcome(venue, port, &hello);
                true
            }
            Ok(_) => true,
            Err(error) if error.is_fatal() => {
                self.say(|_| format!("{port:?}: refused: {error}"));
                self.hang_up(venue, port);
                false
            }
            Err(_) => {
                // A report of a symbol that was not announced yet on this connection: nobody asks for it again.
                let is_tick = message.get(1) == Some(&(crate::wire::terminal::MessageKind::Tick as u8));
                self.truth.lost[usize::from(venue.0)] += u64::from(!is_tick);
                true
            }
        }
    }

    /// What an endpoint does with a record beside passing it on.
    fn before_feed(&mut self, venue: VenueId, port: Port, record: &Record) {
        if let Some(credit) = record.payload::<record::Credit>() {
            let end = self.appliance.end_mut(venue, port);
            end.credit = end.credit.max(credit.granted_total);
        }
        if let Some(gap) = record.payload::<record::Gap>()
            && gap.stream == Stream::Market as u64
            && record.aux() != record::GAP_IS_FINAL
        {
            let (stream, reserved) = (gap.stream as u16, [0; 6]);
            let refill = body::Refill { stream, reserved, from_seq: gap.from_seq, to_seq: gap.to_seq };
            self.tell_terminal(venue, port, &refill, 0);
        }
    }

    fn welcome(&mut self, venue: VenueId, port: Port, hello: &body::Hello) {
        let end = self.appliance.end_mut(venue, port);
        end.hello = *hello;
        end.is_live = true;
        (end.commands_sent, end.credit) = (0, u64::from(hello.credit));
        end.decoder.set_server_offset_s(hello.server_offset_s);
        if hello.epoch_seen > self.appliance.epoch {
            return self.violate("epoch", || {
                format!("the terminal saw epoch {} before this one, {}", hello.epoch_seen, 0)
            });
        }
        let welcome = body::Welcome {
            epoch: self.appliance.epoch,
            heartbeat_ms: 500,
            silent_after_ms: 2_000,
            dead_man: 0,
            reserved: [0; 7],
            name: [0; 32],
        };
        self.tell_terminal(venue, port, &welcome, 0);
        for (symbol, _) in super::setup::symbols_of(venue) {
            let subscribe = body::Subscribe { what: 1, reserved: [0; 7], symbol: *symbol.bytes() };
            self.tell_terminal(venue, port, &subscribe, 0);
        }
        let session = self.appliance.session(venue, port, SessionState::Up, self.ts());
        self.feed(session);
    }

    /// The appliance gives a connection up.
    pub(super) fn hang_up(&mut self, venue: VenueId, port: Port) {
        let connection = self.appliance.end(venue, port).connection;
        self.lost_to_appliance(venue, port, connection);
        let wait_ns = (1 + self.dice.below(30) as i64) * NS_PER_MS;
        self.schedule.after(wait_ns, Event::LostToTerminal(venue, port, connection));
    }

    /// A connection breaks at a time: nothing that is still on it arrives.
    pub(super) fn sever_at(&mut self, venue: VenueId, port: Port, connection: u32, at_ns: i64) {
        let ms = |world: &mut Self, n| (1 + world.dice.below(n) as i64) * NS_PER_MS;
        let (appliance_ns, terminal_ns) = (ms(self, 100), ms(self, 100));
        self.schedule.at(at_ns + appliance_ns, Event::LostToAppliance(venue, port, connection));
        self.schedule.at(at_ns + terminal_ns, Event::LostToTerminal(venue, port, connection));
    }

    pub(super) fn lost_to_appliance(&mut self, venue: VenueId, port: Port, connection: u32) {
        let open = &mut self.venues[usize::from(venue.0)].link.open_to_appliance[port as usize];
        if *open == connection {
            *open = 0;
        }
        let end = self.appliance.end_mut(venue, port);
        if connection == 0 || end.connection != connection {
            return;
        }
        end.connection = 0;
        if std::mem::take(&mut end.is_live) && self.planted != Some(Planted::SessionLossUntold) {
            let session = self.appliance.session(venue, port, SessionState::Down, self.ts());
            self.feed(session);
        }
    }

    pub(super) fn lost_to_terminal(&mut self, venue: VenueId, port: Port, connection: u32) {
        let Venue { link, terminal, .. } = &mut self.venues[usize::from(venue.0)];
        if link.terminal_has[port as usize] != connection || connection == 0 {
            return;
        }
        (link.open_to_terminal[port as usize], link.terminal_has[port as usize]) = (0, 0);
        if terminal.is_connected(port) {
            terminal.down(port, &mut self.truth);
            let wait_ns = (20 + self.dice.below(300) as i64) * NS_PER_MS;
            self.schedule.after(wait_ns, Event::Connect(venue, port));
        }
    }

    pub(super) fn connect(&mut self, venue: VenueId, port: Port) {
        let now_ns = self.schedule.now_ns();
        let Venue { link, terminal, .. } = &mut self.venues[usize::from(venue.0)];
        if terminal.is_gone || terminal.is_connected(port) {
            return;
        }
        if self.appliance.is_dead || terminal.is_frozen {
            return self.schedule.after(100 * NS_PER_MS, Event::Connect(venue, port));
        }
        link.connect(port);
        terminal.up(port, now_ns);
        self.flush_terminal(venue);
    }

    /// The sending lane.
    pub(super) fn send(&mut self) {
        self.is_send_planned = false;
        while let Some(next) = self.appliance.outbox.front().copied() {
            let is_durable = self.appliance.journal.durable_seq() >= next.seq();
            if self.waits_for_disk && !is_durable && self.planted != Some(Planted::DiskNotAwaited) {
                return self.plan_send(2 * NS_PER_MS);
            }
            self.appliance.outbox.pop_front();
            match next.kind() {
                Some(Kind::Command) => self.send_command(&next),
                _ => self.send_query(&next),
            }
            if self.appliance.is_dead || self.violation.is_some() {
                return;
            }
        }
    }

    pub(super) fn plan_send(&mut self, wait_ns: i64) {
        if !self.is_send_planned && !self.appliance.outbox.is_empty() {
            self.is_send_planned = true;
            self.schedule.after(wait_ns, Event::Send);
        }
    }

    fn send_command(&mut self, record: &Record) {
        let Some(command) = record.payload::<record::Command>() else { return };
        let outcome = self.write(record, &command);
        // A kill may fall between the wire and the word on it.
        if !self.appliance.instant() {
            return;
        }
        let outcome = self.told_outcome(outcome);
        let dispatch = record::Dispatch {
            order_id: command.order_id,
            command_seq: record.seq(),
            ts_send: self.ts().0,
            action: command.action,
            outcome: outcome as u8,
            reserved: [0; 6],
        };
        self.feed(Record::new(Origin::Send, self.ts(), record.venue(), record.instrument(), &dispatch));
    }

    /// As `agents::Send::write`.
    fn write(&mut self, record: &Record, command: &record::Command) -> DispatchOutcome {
        let now = self.ts();
        if self.is_held(record) {
            return DispatchOutcome::Killed;
        }
        if now.0 > command.ts_deadline {
            return DispatchOutcome::Late;
        }
        let end = self.appliance.end(record.venue(), Port::Trade);
        if !end.is_live {
            return DispatchOutcome::NoSession;
        }
        if end.commands_sent >= end.credit {
            return DispatchOutcome::NoCredit;
        }
        let Some(spec) = end.decoder.symbols().by_instrument(record.instrument()) else {
            return DispatchOutcome::NoSession;
        };
        let offset_s = end.decoder.server_offset_s();
        if self.swallows(record) {
            return DispatchOutcome::Sent;
        }
        let mut wire = encode_command(command, spec, self.appliance.epoch, offset_s, now);
        wire.revision = record.aux() >> record::AUX_REVISION_SHIFT;
        self.spoil_command(record, &mut wire);
        self.write_wire(record, &wire);
        DispatchOutcome::Sent
    }

    /// Writes a command, and looks at what leaves.
    pub(super) fn write_wire(&mut self, record: &Record, wire: &body::Command) {
        self.check_stop_write(record, wire);
        if is_request(wire.action) {
            return self.write_request(record, wire);
        }
        let Some(side) = OrderKind::from_code(wire.order_type).and_then(OrderKind::side) else { return };
        let instrument = usize::from(record.instrument().0);
        let step = self.symbol(record.instrument()).spec.volume_step;
        let qty = (wire.volume / step).round() as i64;
        self.orders += 1;
        self.truth.written(wire.order_id, instrument, side, qty);
        self.check_write(record, wire);
        self.check_killed_write(record);
        if self.tracing == Tracing::On {
            self.say(|_| format!("command {:x} {side:?} {qty} steps written", wire.order_id));
        }
        self.pass_command(record.venue(), wire);
    }

    pub(super) fn pass_command(&mut self, venue: VenueId, wire: &body::Command) {
        let end = self.appliance.end_mut(venue, Port::Trade);
        end.commands_sent += 1;
        let seq = end.commands_sent;
        self.tell_terminal(venue, Port::Trade, wire, seq);
    }

    fn send_query(&mut self, record: &Record) {
        let Some(query) = record.payload::<record::Query>() else { return };
        let end = self.appliance.end(record.venue(), Port::Trade);
        if !end.is_live {
            return;
        }
        let offset_ns = i64::from(end.decoder.server_offset_s()) * NS_PER_S;
        let since_msc = query.since.saturating_add(offset_ns).max(0) / NS_PER_MS;
        let request = body::RequestSnapshot { request: query.query_id, since_msc };
        self.tell_terminal(record.venue(), Port::Trade, &request, 0);
    }

    /// The disk gets what was appended, a while after it was.
    pub(super) fn plan_sync(&mut self) {
        if !self.is_sync_planned && self.appliance.journal.durable_seq() < self.appliance.journal.last_seq() {
            self.is_sync_planned = true;
            self.schedule.after(5 * NS_PER_MS, Event::Sync);
        }
    }

    pub(super) fn sync(&mut self) {
        self.is_sync_planned = false;
        if !self.is_disk_full && !self.appliance.is_dead {
            self.appliance.journal.sync();
        }
    }

    pub(super) fn disk_well(&mut self) {
        self.is_disk_full = false;
        self.plan_sync();
        if !self.appliance.is_dead {
            let fault =
                record::Fault { detail: 0, kind: FaultKind::JournalRecovered as u8, reserved: [0; 7] };
            self.own(&fault);
        }
    }

    /// The appliance starts: reads its journal, counts the epoch up, and says so.
    pub(super) fn start(&mut self, parts: &Setup) {
        if self.starts > 0 {
            self.appliance.engine = self.started(parts);
        }
        if self.planted != Some(Planted::EpochNotCounted) || self.starts == 0 {
            self.appliance.epoch += 1;
        }
        self.starts += 1;
        (self.appliance.is_dead, self.is_buried, self.is_power_cut) = (false, false, false);
        self.watch.started();
        let start = record::Start {
            epoch: self.appliance.epoch,
            config_digest: 0,
            ts_wall: self.ts().0,
            halted: u8::from(self.latch),
            reserved: [0; 7],
        };
        self.say(|world| format!("the appliance starts: epoch {}", world.appliance.epoch));
        self.own(&start);
        self.hear_kill();
        if self.is_disk_full {
            self.tell_disk_full();
        }
    }

    /// As `agents::Decide` when the disk fails.
    pub(super) fn tell_disk_full(&mut self) {
        self.own(&record::Fault { detail: 28, kind: FaultKind::JournalDisk as u8, reserved: [0; 7] });
    }
}
