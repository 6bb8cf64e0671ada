//! What the terminal does with each message of the appliance.
//!
//! What it is not: the waiting for messages (`session.rs`), or the past (`past.rs`).
//!
//! Invariant: nothing is answered before the welcome; a command gets exactly one result, whatever happens to it.

use super::connection::Port;
use super::orders::text;
use super::report;
use super::retcode::{self, ERROR_NO_CREDIT, ERROR_OLD_EPOCH, ERROR_TOO_LATE};
use super::session::{Session, SessionError};
use crate::record::Layout;
use crate::wire::terminal::body::{
    Command, CommandResult, CreditGrant, GapNotice, Refill, Reject, RequestBars, RequestInstrument,
    RequestSnapshot, RequestTicks, SnapshotBegin, SnapshotEnd, Subscribe, TradingSession, Welcome,
};
use crate::wire::terminal::{Header, MessageKind, RejectReason, Stream};

impl Session {
    pub(super) fn message(&mut self, port: Port, bytes: &[u8]) -> Result<(), SessionError> {
        let now_us = self.now_us();
        let (header, kind, body) = match Header::parse(bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.truth.messages_malformed += 1;
                self.truth.last_trouble = format!("{port:?}: {error}");
                return Ok(());
            }
        };
        if !self.channel(port).is_up() {
            return Ok(());
        }
        let late_us = self.channel(port).hear(&header, now_us);
        match kind {
            MessageKind::Welcome => self.welcome(port, Welcome::read(body)),
            MessageKind::Reject => return self.rejected(&Reject::read(body)),
            _ if !self.channel(port).is_welcome() => self.truth.messages_malformed += 1,
            MessageKind::Subscribe => self.subscribe(port, &Subscribe::read(body)),
            MessageKind::RequestInstrument => self.announce(port, &RequestInstrument::read(body).symbol),
            MessageKind::Command if port == Port::Trade => {
                self.command(&header, &Command::read(body), late_us)?;
            }
            MessageKind::RequestSnapshot if port == Port::Trade => {
                self.snapshot(&RequestSnapshot::read(body));
            }
            MessageKind::RequestTicks => self.ticks(port, &RequestTicks::read(body)),
            MessageKind::RequestBars => self.bars(port, &RequestBars::read(body)),
            MessageKind::Refill if port == Port::Market => self.refill(&Refill::read(body)),
            MessageKind::ApplianceHeartbeat => (),
            _ => self.truth.messages_malformed += 1,
        }
        Ok(())
    }

    /// The appliance does not want us: the end, unless it is for a message that a fault told twice.
    fn rejected(&mut self, reject: &Reject) -> Result<(), SessionError> {
        let error = rejected(reject);
        if RejectReason::from_code(reject.reason) != Some(RejectReason::Malformed) || !self.has_repeated() {
            return Err(error);
        }
        self.truth.last_trouble = error.to_string();
        self.restart()
    }

    fn welcome(&mut self, port: Port, welcome: Welcome) {
        self.channel(port).welcome = Some(welcome);
        self.truth.welcomes += 1;
        if port == Port::Trade {
            self.arm_dead_man();
        }
    }

    fn subscribe(&mut self, port: Port, subscribe: &Subscribe) {
        self.announce(port, &subscribe.symbol);
        if self.symbol(&subscribe.symbol).is_some() {
            self.channel(port).subscribed = true;
        }
    }

    pub(super) fn symbol(&self, name: &[u8; 32]) -> Option<usize> {
        self.broker.symbols.iter().position(|symbol| symbol.spec.symbol.bytes() == name)
    }

    fn announce(&mut self, port: Port, name: &[u8; 32]) {
        let now_us = self.now_us();
        let Some(index) = self.symbol(name) else { return };
        let wire = self.broker.symbols[index].announce(index as u16);
        let channel = self.channel(port);
        channel.send(&wire, now_us);
        for day in 0..7 {
            let whole_day = TradingSession {
                symbol_id: index as u16,
                what: 1,
                day,
                index: 0,
                reserved: [0; 3],
                from_s: 0,
                to_s: 86_400,
            };
            channel.send(&whole_day, now_us);
        }
    }

    fn command(&mut self, header: &Header, command: &Command, late_us: i64) -> Result<(), SessionError> {
        self.command_us = self.now_us();
        self.truth.commands += 1;
        self.trade.commands += 1;
        let mut result = self.execute(command, late_us)?;
        if self.dies_before_answer()? {
            return Ok(());
        }
        result.command_seq = header.seq;
        let now_us = self.now_us();
        self.trade.send(&result, now_us);
        self.trade.answered += 1;
        let granted_total = u64::from(self.identity.credit) + self.trade.answered;
        self.trade.send(&CreditGrant { granted_total }, now_us);
        Ok(())
    }

    fn execute(&mut self, command: &Command, late_us: i64) -> Result<CommandResult, SessionError> {
        if let Some(first) = self.memory.first_result(command) {
            self.truth.repeated += 1;
            return Ok(first);
        }
        if command.epoch < self.memory.epoch_seen() {
            return Ok(self.refuse(
                command,
                ERROR_OLD_EPOCH,
                retcode::REJECT,
                "epoch is older than one seen",
            ));
        }
        if command.valid_for_ms != 0 && late_us > i64::from(command.valid_for_ms) * 1_000 {
            return Ok(self.refuse(command, ERROR_TOO_LATE, retcode::REJECT, "came later than it was valid"));
        }
        if self.trade.commands > u64::from(self.identity.credit) + self.trade.answered {
            let code = retcode::TOO_MANY_REQUESTS;
            return Ok(self.refuse(command, ERROR_NO_CREDIT, code, "more commands than granted"));
        }
        let result = self.hand_over(command);
        // The request is not executed before `advance`: what cannot be remembered never is.
        self.memory.remember(command, &result).map_err(SessionError::Memory)?;
        self.truth.executed += 1;
        Ok(result)
    }

    fn refuse(&mut self, command: &Command, error: u32, retcode: u32, words: &str) -> CommandResult {
        self.truth.refused += 1;
        let mut result = CommandResult::read(&[0; CommandResult::BYTES]);
        (result.order_id, result.action) = (command.order_id, command.action);
        (result.retcode, result.runtime_error, result.comment) = (retcode, error, text(words));
        result
    }

    fn snapshot(&mut self, request: &RequestSnapshot) {
        let now_us = self.now_us();
        let (id, since) = (request.request, request.since_msc);
        self.truth.snapshots += 1;
        let (figures, is_server_up) = (self.account_state(), self.mishaps.is_server_up());
        let Session { broker, trade, server_msc, .. } = self;
        let (account, symbols) = (&broker.account, &broker.symbols);
        trade.send(&figures, now_us);
        trade.send(&SnapshotBegin { request: id, since_msc: since, time_msc: *server_msc }, now_us);
        for order in &account.orders {
            trade.send(&report::order_state(id, order, &symbols[order.symbol]), now_us);
        }
        let mut history_count = 0;
        for order in account.history.iter().filter(|order| order.done_msc >= since) {
            trade.send(&report::order_state(id, order, &symbols[order.symbol]), now_us);
            history_count += 1;
        }
        for position in &account.positions {
            trade.send(&report::position_state(id, position, &symbols[position.symbol]), now_us);
        }
        let mut deal_count = 0;
        for deal in account.deals.iter().filter(|deal| deal.time_msc >= since) {
            trade.send(&report::deal_state(id, deal, &symbols[deal.symbol]), now_us);
            deal_count += 1;
        }
        let end = SnapshotEnd {
            request: id,
            order_count: account.orders.len() as u32,
            position_count: account.positions.len() as u32,
            deal_count,
            history_count,
            complete: u8::from(is_server_up),
            reserved: [0; 7],
        };
        trade.send(&end, now_us);
    }

    fn refill(&mut self, refill: &Refill) {
        let now_us = self.now_us();
        let Session { tape, market, truth, .. } = self;
        let mut next = refill.from_seq;
        let missing = |from_seq: u64, to_seq: u64, market: &mut super::channel::Channel| {
            if from_seq <= to_seq {
                let notice = GapNotice { stream: refill.stream, reserved: [0; 6], from_seq, to_seq };
                market.send(&notice, now_us);
            }
        };
        if refill.stream == Stream::Market as u16 {
            for (seq, tick) in tape.numbered(market.connections, refill.from_seq, refill.to_seq) {
                missing(next, seq - 1, market);
                market.send_history(&tick, Stream::Market, seq, now_us);
                truth.ticks_refilled += 1;
                next = seq + 1;
            }
        }
        missing(next, refill.to_seq, market);
    }
}

fn rejected(reject: &Reject) -> SessionError {
    let reason = RejectReason::from_code(reject.reason)
        .map_or_else(|| format!("reason {}", reject.reason), |reason| reason.name().to_owned());
    let text = String::from_utf8_lossy(&reject.text).trim_end_matches('\0').to_owned();
    SessionError::Rejected { reason, text }
}
