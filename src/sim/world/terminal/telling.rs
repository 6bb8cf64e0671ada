//! What the terminal tells by itself or when asked: transactions, ticks, the account, snapshots, ticks of the past.
//!
//! What it is not: what it does with commands (`terminal.rs`).
//!
//! Invariant: what a transaction means is noted in the truth before anybody can hear of it.

use super::{ACCOUNT_EVERY_NS, BEAT_EVERY_NS, Delivery, REASON_EXPERT, Surroundings, TAPE_MAX, Terminal};
use crate::record::Layout;
use crate::sim::terminal::{report, retcode};
use crate::sim::world::faults::Fault;
use crate::sim::world::schedule::Port;
use crate::types::{NS_PER_US, OrderId, TransactionKind};
use crate::wire::terminal::body::{self, Command, Transaction};
use crate::wire::terminal::{HEADER_BYTES, Header, MESSAGE_BYTES_MAX, MessageKind, PROTOCOL, Stream};

impl Terminal {
    pub(super) fn tell_request(&mut self, command: &Command, code: u32, around: &mut Surroundings<'_>) {
        let mut wire = Transaction::read(&[0; Transaction::BYTES]);
        let named =
            |symbol: &crate::sim::terminal::symbol::Symbol| *symbol.spec.symbol.bytes() == command.symbol;
        let index = self.broker.symbols.iter().position(named).unwrap_or(0);
        let symbol = &self.broker.symbols[index];
        (wire.transaction, wire.symbol_id) = (TransactionKind::Request.code(), index as u16);
        (wire.action, wire.order_type, wire.filling) = (command.action, command.order_type, command.filling);
        (wire.retcode, wire.looked_up, wire.magic) = (code, 1, command.order_id);
        (wire.bid, wire.ask) = (symbol.spec.price_to_f64(symbol.bid), symbol.spec.price_to_f64(symbol.ask));
        self.tell(&wire, around);
    }

    /// Lets the broker work, and tells what came of it.
    pub(in crate::sim::world) fn advance(&mut self, around: &mut Surroundings<'_>) {
        self.tell_time(around.now_ns);
        let now = self.moment(around.now_ns);
        self.broker.advance(now);
        self.tell_all(around);
    }

    /// Tells what happened at the broker.
    pub(in crate::sim::world) fn tell_all(&mut self, around: &mut Surroundings<'_>) {
        self.note(around);
        while !self.is_frozen
            && let Some(wire) = self.untold.pop_front()
        {
            self.tell(&wire, around);
        }
    }

    /// Takes the transactions out, and notes what they mean before anybody can hear of them.
    fn note(&mut self, around: &mut Surroundings<'_>) {
        while let Some(wire) = self.broker.pop_transaction() {
            let ours = OrderId::from_raw(wire.magic).is_ok();
            let step = self.broker.symbols[usize::from(wire.symbol_id)].spec.volume_step;
            let steps = (wire.volume / step).round() as i64;
            let kind = TransactionKind::from_code(wire.transaction);
            let refused =
                !matches!(wire.retcode, retcode::DONE | retcode::DONE_PARTIAL | retcode::NO_CHANGES);
            match kind {
                Some(TransactionKind::DealAdd) if ours && wire.reason == REASON_EXPERT => {
                    around.truth.change(wire.magic, |fate| fate.filled += steps);
                }
                Some(TransactionKind::HistoryAdd) if ours && wire.reason == REASON_EXPERT => {
                    around.truth.change(wire.magic, |fate| fate.is_working = false);
                }
                Some(TransactionKind::Request) => {
                    if refused {
                        self.refused.push((wire.magic, wire.retcode));
                    }
                    around.truth.change(wire.magic, |fate| {
                        // A request has no life after its verdict; an order's is in its own reports.
                        fate.is_working &= !refused && !fate.is_request;
                        fate.is_done = fate.is_request && !refused;
                    });
                }
                _ => {}
            }
            let unheard = kind == Some(TransactionKind::Request) && self.given_up.contains(&wire.magic);
            if !unheard {
                self.untold.push_back(wire);
            }
        }
    }

    fn tell(&mut self, wire: &Transaction, around: &mut Surroundings<'_>) {
        let is_heard = self.lines[Port::Market as usize].is_subscribed && self.is_server_up;
        if !is_heard || around.faults.strikes(Fault::EventLost) {
            around.truth.lost[self.at()] += 1;
            return;
        }
        let mut wire = *wire;
        let is_deal = wire.transaction == TransactionKind::DealAdd.code();
        let is_request = wire.transaction == TransactionKind::Request.code();
        if is_deal && around.faults.strikes(Fault::Unattributed) {
            report::not_looked_up(&mut wire);
            around.truth.lost[self.at()] += 1;
        }
        if is_request && wire.retcode == retcode::DONE && around.faults.strikes(Fault::DealZero) {
            (wire.deal, wire.order) = (0, 0);
        }
        let times = 1 + u32::from(around.faults.strikes(Fault::EventRepeated));
        for _ in 0..times {
            self.say(Port::Market, &wire, around.now_ns);
            self.lines[Port::Market as usize].news += 1;
        }
        self.account_ns = 0;
    }

    /// Sends a tick to whoever listens.
    pub(in crate::sim::world) fn tell_tick(&mut self, tick: &body::Tick, now_ns: i64, delivery: Delivery) {
        if !self.is_subscribed() {
            return;
        }
        let length = self.lines[Port::Market as usize].out.len();
        let seq = self.say(Port::Market, tick, now_ns);
        if delivery == Delivery::NumberedOnly {
            self.lines[Port::Market as usize].out.truncate(length);
        }
        if self.tape.len() == TAPE_MAX {
            self.tape.pop_front();
        }
        self.tape.push_back((seq, *tick));
    }

    /// The trade server goes, or is back: the account's flags say so at once.
    pub(in crate::sim::world) fn server_turns(&mut self, is_up: bool) {
        self.is_server_up = is_up;
        self.account_ns = 0;
    }

    /// The account and heartbeats, when it is time for them.
    pub(in crate::sim::world) fn timers(&mut self, now_ns: i64) {
        if self.lines[Port::Trade as usize].is_welcome && now_ns - self.account_ns >= ACCOUNT_EVERY_NS {
            self.account_ns = now_ns;
            self.tell_account(now_ns);
        }
        for port in Port::BOTH {
            let at = port as usize;
            if self.lines[at].is_welcome && now_ns - self.beat_ns[at] >= BEAT_EVERY_NS {
                self.beat_ns[at] = now_ns;
                self.say(port, &body::Heartbeat { count: 1, echo_us: 0 }, now_ns);
            }
        }
    }

    fn tell_account(&mut self, now_ns: i64) {
        let mut state = self.broker.account_state(self.server_msc, self.server_offset_s);
        state.flags = if self.is_server_up { 15 } else { 14 };
        self.say(Port::Trade, &state, now_ns);
    }

    pub(super) fn snapshot(&mut self, request: &body::RequestSnapshot, around: &mut Surroundings<'_>) {
        let (id, since, now_ns) = (request.request, request.since_msc, around.now_ns);
        let server_msc = self.server_msc;
        self.tell_account(now_ns);
        self.say(
            Port::Trade,
            &body::SnapshotBegin { request: id, since_msc: since, time_msc: server_msc },
            now_ns,
        );
        let account = self.broker.account.clone();
        let mut end = body::SnapshotEnd::read(&[0; body::SnapshotEnd::BYTES]);
        (end.request, end.order_count) = (id, account.orders.len() as u32);
        let history = account.history.iter().filter(|order| order.done_msc >= since);
        end.history_count = history.clone().count() as u32;
        for order in account.orders.iter().chain(history) {
            let wire = report::order_state(id, order, &self.broker.symbols[order.symbol]);
            self.say(Port::Trade, &wire, now_ns);
        }
        for position in &account.positions {
            let wire = report::position_state(id, position, &self.broker.symbols[position.symbol]);
            self.say(Port::Trade, &wire, now_ns);
            end.position_count += 1;
        }
        for deal in account.deals.iter().filter(|deal| deal.time_msc >= since) {
            let wire = report::deal_state(id, deal, &self.broker.symbols[deal.symbol]);
            self.say(Port::Trade, &wire, now_ns);
            end.deal_count += 1;
        }
        end.complete = u8::from(self.is_server_up);
        self.say(Port::Trade, &end, now_ns);
        let lost = around.truth.lost[self.at()];
        let line = &mut self.lines[Port::Trade as usize];
        line.news += 1;
        // History from a time that is still to come, by a server clock that was set back, makes nothing good.
        if self.is_server_up && since <= server_msc - 60_000 {
            line.heals = Some(lost);
        }
    }

    pub(super) fn refill(&mut self, refill: &body::Refill, now_ns: i64) {
        if refill.stream != Stream::Market as u16 {
            return;
        }
        let mut message = [0; MESSAGE_BYTES_MAX];
        let line = &mut self.lines[Port::Market as usize];
        let mut next = refill.from_seq;
        for (seq, tick) in self.tape.iter().filter(|(seq, _)| (refill.from_seq..=refill.to_seq).contains(seq))
        {
            let header = Header {
                protocol: PROTOCOL,
                kind: MessageKind::HistoryTick as u8,
                stream: Stream::Market as u16,
                body_bytes: body::Tick::BYTES as u32,
                seq: *seq,
                ts_sender_us: now_ns / NS_PER_US,
            };
            header.write(&mut message);
            tick.write(&mut message[HEADER_BYTES..]);
            let length = HEADER_BYTES + body::Tick::BYTES;
            line.out.extend_from_slice(&(length as u16).to_le_bytes());
            line.out.extend_from_slice(&message[..length]);
            next = seq + 1;
        }
        if next <= refill.to_seq {
            let (stream, to_seq) = (refill.stream, refill.to_seq);
            let notice = body::GapNotice { stream, reserved: [0; 6], from_seq: next, to_seq };
            self.say(Port::Market, &notice, now_ns);
        }
    }
}
