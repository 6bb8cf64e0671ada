//! A terminal without sockets: the real account and broker of `sim::terminal`, and a program around them that misbehaves
//! when the faults say so.
//!
//! What it is not: the terminal that speaks over sockets (`sim::terminal::session`); both share account, broker, checks,
//! triggers and reports.
//!
//! Invariant: whatever is not told, is told late or is told wrongly is known to [`Truth`]; what the broker does, it does
//! whether or not anybody is connected.

mod telling;

use super::faults::{Fault, Faults};
use super::link::{Parcel, messages};
use super::schedule::{Event, Port};
use super::truth::Truth;
use crate::record::Layout;
use crate::runtime::Prng;
use crate::sim::terminal::broker::{Broker, Moment};
use crate::sim::terminal::memory::ExecutedIds;
use crate::sim::terminal::retcode;
use crate::types::{FixedText, MarginMode, NS_PER_MS, NS_PER_US, OrderAction, VenueId};
use crate::wire::terminal::body::{self, Command, CommandResult, Transaction};
use crate::wire::terminal::{Body, HEADER_BYTES, Header, MessageKind, Stream, encode_message};
use std::collections::VecDeque;

pub(super) const LOGIN: u64 = 7_001;
pub(super) const SERVER: &str = "Simulated-Demo";
const CREDIT: u32 = 8;
const TAPE_MAX: usize = 512;
const ACCOUNT_EVERY_NS: i64 = 500 * NS_PER_MS;
const BEAT_EVERY_NS: i64 = 500 * NS_PER_MS;
/// `DEAL_REASON_EXPERT`.
const REASON_EXPERT: u8 = 3;

/// What the terminal's calls need of the world.
pub(super) struct Surroundings<'a> {
    pub(super) faults: &'a mut Faults,
    pub(super) truth: &'a mut Truth,
    pub(super) now_ns: i64,
}

/// Whether a tick leaves the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Delivery {
    /// It does.
    Sent,
    /// It is numbered, and then there is no room for it.
    NumberedOnly,
}

/// The program's view of one connection.
#[derive(Debug, Default)]
struct Line {
    is_up: bool,
    is_welcome: bool,
    is_subscribed: bool,
    next_seq: [u64; Stream::ALL.len()],
    commands: u64,
    answered: u64,
    difference_us: Option<i64>,
    out: Vec<u8>,
    news: u32,
    heals: Option<u64>,
}

/// A request on its way to the server for longer than usual.
#[derive(Debug)]
struct HeldRequest {
    number: u32,
    command: Command,
    /// The terminal gave up waiting: what the server answers is heard by nobody.
    is_given_up: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Terminal {
    /// The venue that it is.
    id: VenueId,
    pub(super) broker: Broker,
    memory: ExecutedIds,
    lines: [Line; 2],
    held: Vec<HeldRequest>,
    held_count: u32,
    /// Ids whose REQUEST transaction nobody hears.
    given_up: Vec<u64>,
    pub(super) inbox: VecDeque<Parcel>,
    pub(super) is_frozen: bool,
    pub(super) is_server_up: bool,
    pub(super) server_offset_s: i32,
    pub(super) server_msc: i64,
    tape: VecDeque<(u64, body::Tick)>,
    session: u64,
    account_ns: i64,
    beat_ns: [i64; 2],
    /// What must happen later: nanoseconds from now, and what.
    pub(super) plans: Vec<(i64, Event)>,
    /// The program is gone and must be started again.
    pub(super) is_gone: bool,
    /// A planted bug: what was executed is forgotten by a restart.
    pub(super) forgets_ids: bool,
    /// An entry may be executed without the stops that it names.
    pub(super) drops_stops: bool,
    /// Refusals since they were last looked at: id and return code.
    pub(super) refused: Vec<(u64, u32)>,
    /// Transactions that a program which stands still has not told.
    untold: VecDeque<Transaction>,
}

impl Terminal {
    pub(super) fn new(id: VenueId, broker: Broker, dice: &mut Prng) -> Self {
        Terminal {
            id,
            broker,
            memory: ExecutedIds::in_memory(),
            lines: Default::default(),
            held: Vec::new(),
            held_count: 0,
            given_up: Vec::new(),
            inbox: VecDeque::new(),
            is_frozen: false,
            is_server_up: true,
            server_offset_s: 7_200,
            server_msc: 0,
            tape: VecDeque::new(),
            session: dice.next_u64(),
            account_ns: 0,
            beat_ns: [0; 2],
            plans: Vec::new(),
            is_gone: false,
            forgets_ids: false,
            drops_stops: false,
            refused: Vec::new(),
            untold: VecDeque::new(),
        }
    }

    fn at(&self) -> usize {
        usize::from(self.id.0)
    }

    fn moment(&self, now_ns: i64) -> Moment {
        Moment { clock_us: now_ns / NS_PER_US, server_msc: self.server_msc }
    }

    pub(super) fn tell_time(&mut self, now_ns: i64) {
        self.server_msc = now_ns / NS_PER_MS + i64::from(self.server_offset_s) * 1_000;
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.lines[Port::Market as usize].is_subscribed
    }

    pub(super) fn is_connected(&self, port: Port) -> bool {
        self.lines[port as usize].is_up
    }

    /// Whether nothing at the broker will happen by itself.
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty()
            && self.broker.next_due_us().is_none()
            && self.inbox.is_empty()
            && self.untold.is_empty()
    }

    fn say<B: Body>(&mut self, port: Port, body: &B, now_ns: i64) -> u64 {
        let line = &mut self.lines[port as usize];
        let slot = &mut line.next_seq[B::STREAM as usize];
        let seq = *slot;
        *slot += 1;
        let at = line.out.len();
        line.out.resize(at + 2 + HEADER_BYTES + B::BYTES, 0);
        let length = encode_message(body, seq, now_ns / NS_PER_US, &mut line.out[at + 2..]);
        line.out[at..at + 2].copy_from_slice(&(length as u16).to_le_bytes());
        seq
    }

    /// What was said on a port since the last call: bytes, news in them, and what they heal.
    pub(super) fn take_out(&mut self, port: Port) -> Option<(Vec<u8>, u32, Option<u64>)> {
        let line = &mut self.lines[port as usize];
        if line.out.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut line.out), std::mem::take(&mut line.news), line.heals.take()))
    }

    /// A new connection: says hello.
    pub(super) fn up(&mut self, port: Port, now_ns: i64) {
        self.lines[port as usize] = Line { is_up: true, next_seq: [1; Stream::ALL.len()], ..Line::default() };
        if port == Port::Market {
            self.tape.clear();
        }
        let mut hello = body::Hello::read(&[0; body::Hello::BYTES]);
        hello.roles = if port == Port::Market { 1 } else { 2 };
        hello.margin_mode = match self.broker.account.mode {
            MarginMode::Netting => 0,
            MarginMode::Exchange => 1,
            MarginMode::Hedging => 2,
        };
        (hello.simulated, hello.build, hello.login) = (1, 5_000, LOGIN + u64::from(self.id.0));
        (hello.server_offset_s, hello.credit) = (self.server_offset_s, CREDIT);
        (hello.epoch_seen, hello.session) = (self.memory.epoch_seen(), self.session);
        hello.currency[..3].copy_from_slice(b"USD");
        hello.server = *FixedText::<64>::new(SERVER).unwrap_or_default().bytes();
        self.say(port, &hello, now_ns);
    }

    /// The program learns that a connection is gone.
    pub(super) fn down(&mut self, port: Port, truth: &mut Truth) {
        let line = std::mem::take(&mut self.lines[port as usize]);
        truth.lost[self.at()] += u64::from(line.news);
        self.inbox.retain(|parcel| {
            let stays = parcel.port != port;
            if !stays {
                drop_commands(parcel, truth);
            }
            stays
        });
    }

    /// The program ends at once; the account goes on.
    pub(super) fn die(&mut self, truth: &mut Truth) {
        self.is_gone = true;
        for port in Port::BOTH {
            self.down(port, truth);
        }
        truth.lost[self.at()] += self.untold.len() as u64;
        self.untold.clear();
        if self.forgets_ids {
            self.memory = ExecutedIds::in_memory();
        }
    }

    /// A parcel arrived.
    pub(super) fn receive(&mut self, parcel: &Parcel, around: &mut Surroundings<'_>) {
        for message in messages(&parcel.bytes) {
            let Ok((header, kind, bytes)) = Header::parse(message) else { continue };
            let now_us = around.now_ns / NS_PER_US;
            let line = &mut self.lines[parcel.port as usize];
            if self.is_gone || !line.is_up {
                if kind == MessageKind::Command {
                    drop_command(bytes, around.truth);
                }
                continue;
            }
            let difference_us = now_us.saturating_sub(header.ts_sender_us);
            let least_us = line.difference_us.map_or(difference_us, |least| least.min(difference_us));
            line.difference_us = Some(least_us);
            match kind {
                MessageKind::Welcome => line.is_welcome = true,
                MessageKind::Reject => self.is_gone = true,
                MessageKind::Subscribe => self.subscribe(parcel.port, bytes, around.now_ns),
                MessageKind::Command => {
                    let command = Command::read(bytes);
                    self.command(&header, &command, difference_us - least_us, around);
                }
                MessageKind::RequestSnapshot => {
                    self.snapshot(&body::RequestSnapshot::read(bytes), around);
                }
                MessageKind::Refill => self.refill(&body::Refill::read(bytes), around.now_ns),
                _ => {}
            }
        }
        if self.is_gone {
            self.die(around.truth);
        }
    }

    fn subscribe(&mut self, port: Port, bytes: &[u8], now_ns: i64) {
        let name = body::Subscribe::read(bytes).symbol;
        for index in 0..self.broker.symbols.len() {
            if *self.broker.symbols[index].spec.symbol.bytes() == name {
                self.announce(port, index, now_ns);
            }
        }
        self.lines[port as usize].is_subscribed = true;
    }

    fn announce(&mut self, port: Port, index: usize, now_ns: i64) {
        let wire = self.broker.symbols[index].announce(index as u16);
        self.say(port, &wire, now_ns);
    }

    /// Tells a symbol's properties to everybody who subscribed.
    pub(super) fn tell_spec(&mut self, index: usize, now_ns: i64) {
        for port in Port::BOTH {
            if self.lines[port as usize].is_subscribed {
                self.announce(port, index, now_ns);
            }
        }
    }

    fn command(&mut self, header: &Header, command: &Command, late_us: i64, around: &mut Surroundings<'_>) {
        self.lines[Port::Trade as usize].commands += 1;
        let mut result = self.execute(command, late_us, around);
        result.command_seq = header.seq;
        around.truth.change(command.order_id, |fate| fate.on_wire = fate.on_wire.saturating_sub(1));
        if self.is_gone {
            around.truth.lost[self.at()] += 1;
            return;
        }
        self.say(Port::Trade, &result, around.now_ns);
        let line = &mut self.lines[Port::Trade as usize];
        line.answered += 1;
        line.news += 1;
        let granted_total = u64::from(CREDIT) + line.answered;
        self.say(Port::Trade, &body::CreditGrant { granted_total }, around.now_ns);
    }

    fn execute(&mut self, command: &Command, late_us: i64, around: &mut Surroundings<'_>) -> CommandResult {
        if let Some(first) = self.memory.first_result(command) {
            return first;
        }
        let mut result = CommandResult::read(&[0; CommandResult::BYTES]);
        (result.order_id, result.action) = (command.order_id, command.action);
        if command.epoch < self.memory.epoch_seen() {
            (result.retcode, result.runtime_error) = (retcode::REJECT, retcode::ERROR_OLD_EPOCH);
            return result;
        }
        if command.valid_for_ms != 0 && late_us > i64::from(command.valid_for_ms) * 1_000 {
            (result.retcode, result.runtime_error) = (retcode::REJECT, retcode::ERROR_TOO_LATE);
            // The same bytes can only come later still.
            around.truth.change(command.order_id, |fate| fate.is_answered = true);
            return result;
        }
        if !self.is_server_up {
            (result.retcode, result.runtime_error) = (retcode::CONNECTION, 4756);
            self.keep(command, &result, around.truth);
            return result;
        }
        let given_up = around.faults.strikes(Fault::TimeoutThenFill);
        if given_up || around.faults.strikes(Fault::LateFill) {
            self.hold(command, given_up, around);
            (result.retcode, result.request_id) = (retcode::PLACED, 1_000_000 + self.held_count);
        } else if around.faults.strikes(Fault::Requote) {
            (result.retcode, result.request_id) = (retcode::PLACED, 1_000_000);
            self.tell_request(command, retcode::REQUOTE, around);
        } else {
            let now = self.moment(around.now_ns);
            result = self.submit(command, now, around);
        }
        self.keep(command, &result, around.truth);
        self.is_gone = around.faults.strikes(Fault::RestartedBeforeAnswer);
        result
    }

    fn keep(&mut self, command: &Command, result: &CommandResult, truth: &mut Truth) {
        truth.change(command.order_id, |fate| fate.is_answered = true);
        // In memory: it cannot fail.
        let _ = self.memory.remember(command, result);
    }

    fn hold(&mut self, command: &Command, is_given_up: bool, around: &mut Surroundings<'_>) {
        self.held_count += 1;
        let number = self.held_count;
        self.held.push(HeldRequest { number, command: *command, is_given_up });
        around.truth.change(command.order_id, |fate| fate.is_held = true);
        let mut wait_ms = 1 + around.faults.below(Fault::LateFill, 900) as i64;
        if is_given_up && around.faults.strikes(Fault::VeryLate) {
            wait_ms = 3_000 + around.faults.below(Fault::VeryLate, 12_000) as i64;
            around.truth.change(command.order_id, |fate| fate.is_overdue = true);
        }
        self.plans.push((wait_ms * NS_PER_MS, Event::Held(self.id, number)));
        if is_given_up {
            self.tell_request(command, 10_012, around);
        }
    }

    /// A held request reaches the server.
    pub(super) fn held_arrives(&mut self, number: u32, around: &mut Surroundings<'_>) {
        let Some(at) = self.held.iter().position(|held| held.number == number) else { return };
        let held = self.held.remove(at);
        around.truth.change(held.command.order_id, |fate| fate.is_held = false);
        let now = self.moment(around.now_ns);
        let result = self.submit(&held.command, now, around);
        if held.is_given_up {
            self.given_up.push(held.command.order_id);
        } else if result.retcode != retcode::PLACED {
            self.tell_request(&held.command, result.retcode, around);
        }
    }

    fn submit(&mut self, command: &Command, now: Moment, around: &mut Surroundings<'_>) -> CommandResult {
        let mut executed = *command;
        let is_entry = command.action == OrderAction::Deal.code() && command.price_sl != 0.0;
        if self.drops_stops && is_entry && around.faults.strikes(Fault::StopDropped) {
            (executed.price_sl, executed.price_tp) = (0.0, 0.0);
        }
        let result = self.broker.submit(&executed, now);
        if result.retcode == retcode::PLACED {
            around.truth.change(command.order_id, |fate| {
                fate.executions += 1;
                fate.is_working = true;
            });
        } else {
            self.refused.push((command.order_id, result.retcode));
        }
        result
    }

    /// Somebody else's order, from another program or a hand.
    pub(super) fn foreign(&mut self, command: &Command, now_ns: i64) {
        let now = self.moment(now_ns);
        self.broker.submit(command, now);
    }
}

fn drop_command(bytes: &[u8], truth: &mut Truth) {
    let id = Command::read(bytes).order_id;
    truth.change(id, |fate| fate.on_wire = fate.on_wire.saturating_sub(1));
}

/// The commands of a parcel that nobody will read any more.
pub(super) fn drop_commands(parcel: &Parcel, truth: &mut Truth) {
    for message in messages(&parcel.bytes) {
        if let Ok((_, MessageKind::Command, bytes)) = Header::parse(message) {
            drop_command(bytes, truth);
        }
    }
}
