//! A terminal in a few lines: two DEALER connections that quote, lose a quote now and then, fill every command and answer every
//! question, about the past as well.
//!
//! What it is not: a broker (`sim` is); it has no account rules and believes every command.
//!
//! Invariant: its net position is the sum of the deals it told, so a snapshot always agrees with the fills.

use super::line::{LOGIN, Line};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tickbridge::link::Event;
use tickbridge::record::Layout;
use tickbridge::types::{NS_PER_MS, TimeNs, TransactionKind};
use tickbridge::wire::terminal::{Body, Header, MESSAGE_BYTES_MAX, MessageKind, body};

pub(super) const SYMBOLS: [&str; 2] = ["EURUSD", "GBPUSD"];
pub(super) const SERVER: &str = "Tickbridge-Demo";
/// Every so many commands one is refused.
const REFUSE_EVERY: u64 = 97;
/// Every so many commands one is filled in two parts.
const PARTIAL_EVERY: u64 = 5;

/// Every so many quotes one is lost on the way.
const LOSE_EVERY: u64 = 5_003;
/// Quotes of each symbol that are remembered.
const PAST_MAX: usize = 2_000;

/// Deal type and result code as MT5 numbers them.
const DONE: u32 = 10_009;
const NO_MONEY: u32 = 10_019;

/// Both connections, the quotes, and what was executed.
pub(super) struct Terminal {
    market: Line,
    trade: Line,
    net_lots: [i64; 2],
    pub(super) command_count: u64,
    pub(super) deal_count: u64,
    pub(super) snapshot_count: u64,
    pub(super) refused_count: u64,
    /// Quotes told of the past.
    pub(super) told_count: u64,
    past: [VecDeque<body::Tick>; 2],
    ticks: u64,
}

fn text<const N: usize>(words: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..words.len()].copy_from_slice(words.as_bytes());
    bytes
}

fn zero<L: Layout>() -> L {
    L::read(&[0; MESSAGE_BYTES_MAX])
}

impl Terminal {
    pub(super) fn new(market: SocketAddr, trade: SocketAddr) -> Terminal {
        Terminal {
            market: Line::new(market, 1),
            trade: Line::new(trade, 2),
            net_lots: [0; 2],
            command_count: 0,
            deal_count: 0,
            snapshot_count: 0,
            refused_count: 0,
            told_count: 0,
            past: [VecDeque::new(), VecDeque::new()],
            ticks: 0,
        }
    }

    pub(super) fn is_welcome(&self) -> bool {
        self.market.is_welcome && self.trade.is_welcome
    }

    /// One turn of both connections.
    pub(super) fn poll(&mut self, now: TimeNs) {
        let mut heard: Vec<(bool, Vec<u8>)> = Vec::new();
        for (is_trade, line) in [(false, &mut self.market), (true, &mut self.trade)] {
            let mut is_up = false;
            line.client.poll(now, &mut |event| match event {
                Event::Connected { .. } => is_up = true,
                Event::Message { body, .. } => heard.push((is_trade, body.to_vec())),
                Event::Disconnected { reason } => panic!("the appliance hung up: {reason}"),
                Event::Refused { reason } => panic!("no connection: {reason}"),
            });
            if is_up {
                let hello = body::Hello {
                    roles: line.roles,
                    simulated: 1,
                    build: 4_000,
                    login: LOGIN,
                    credit: 1_000_000,
                    session: 1,
                    currency: text("USD"),
                    server: text(SERVER),
                    ..zero()
                };
                line.say(&hello, now);
            }
        }
        for (is_trade, message) in heard {
            self.answer(is_trade, &message, now);
        }
    }

    fn answer(&mut self, is_trade: bool, message: &[u8], now: TimeNs) {
        let (_, kind, bytes) = Header::parse(message).expect("the appliance speaks the protocol");
        match kind {
            MessageKind::Welcome if is_trade => {
                self.trade.is_welcome = true;
                self.account(now);
            }
            MessageKind::Welcome => self.market.is_welcome = true,
            MessageKind::Subscribe => {
                let symbol = body::Subscribe::read(bytes).symbol;
                let index =
                    SYMBOLS.iter().position(|name| text::<32>(name) == symbol).expect("a known symbol");
                let line = if is_trade { &mut self.trade } else { &mut self.market };
                line.say(&spec(index), now);
            }
            MessageKind::RequestSnapshot => self.snapshot(&body::RequestSnapshot::read(bytes), now),
            MessageKind::Command => {
                let (header, ..) = Header::parse(message).expect("parsed before");
                self.execute(&body::Command::read(bytes), header.seq, now);
            }
            MessageKind::RequestTicks => self.tell(&body::RequestTicks::read(bytes), now),
            MessageKind::Refill => {
                let refill = body::Refill::read(bytes);
                let (from_seq, to_seq) = (refill.from_seq, refill.to_seq);
                let notice = body::GapNotice { stream: refill.stream, reserved: [0; 6], from_seq, to_seq };
                self.market.say(&notice, now);
            }
            MessageKind::ApplianceHeartbeat => {}
            other => panic!("expected nothing like {}", other.name()),
        }
    }

    /// Account figures, and a sign of life on both connections.
    pub(super) fn account(&mut self, now: TimeNs) {
        let (balance, equity, margin_free) = (100_000.0, 100_000.0, 90_000.0);
        let account = body::AccountState { balance, equity, margin_free, leverage: 100, flags: 15, ..zero() };
        self.trade.say(&account, now);
        let beat = body::Heartbeat { count: self.ticks, echo_us: 0 };
        self.market.say(&beat, now);
        self.trade.say(&beat, now);
    }

    /// A price that swings, so that a model of its change trades both ways.
    pub(super) fn tick(&mut self, now: TimeNs) {
        self.ticks += 1;
        let symbol = (self.ticks % 2) as usize;
        let swing = if (self.ticks / 2).is_multiple_of(2) { 0.00010 } else { 0.0 };
        let drift = (self.ticks / 64 % 100) as f64 * 0.00001;
        let bid = ((1.1 + swing + drift) * 1e5).round() / 1e5;
        let ask = ((bid + 0.00002) * 1e5).round() / 1e5;
        let tick = body::Tick {
            symbol_id: symbol as u16,
            time_s: now.0 / 1_000_000_000,
            bid,
            ask,
            time_msc: now.0 / NS_PER_MS,
            flags: 6,
            ..zero()
        };
        let past = &mut self.past[symbol];
        if past.len() == PAST_MAX {
            past.pop_front();
        }
        past.push_back(tick);
        if self.ticks.is_multiple_of(LOSE_EVERY) {
            self.market.seq[body::Tick::STREAM as usize] += 1;
        } else {
            self.market.say(&tick, now);
        }
    }

    fn tell(&mut self, request: &body::RequestTicks, now: TimeNs) {
        let symbol =
            SYMBOLS.iter().position(|name| text::<32>(name) == request.symbol).expect("a known symbol");
        let within = |tick: &&body::Tick| tick.time_msc >= request.from_msc;
        let newest = self.past[symbol].iter().rev().filter(within).take(request.count_max as usize);
        let found: Vec<body::Tick> = newest.copied().collect();
        self.told_count += found.len() as u64;
        for tick in found.iter().rev() {
            self.market.tell(tick, request.request, now);
        }
        let (request, count) = (request.request, found.len() as u64);
        self.market.say(&body::HistoryEnd { request, count, error: 0, reserved: 0 }, now);
    }

    fn execute(&mut self, command: &body::Command, command_seq: u64, now: TimeNs) {
        self.command_count += 1;
        let symbol =
            SYMBOLS.iter().position(|name| text::<32>(name) == command.symbol).expect("a known symbol");
        let refused = self.command_count.is_multiple_of(REFUSE_EVERY);
        self.refused_count += u64::from(refused);
        let order = 10_000 + self.command_count;
        let result = body::CommandResult {
            order_id: command.order_id,
            command_seq,
            retcode: if refused { NO_MONEY } else { DONE },
            order: if refused { 0 } else { order },
            volume: command.volume,
            price: command.price,
            action: command.action,
            symbol_id: symbol as u16,
            ..zero()
        };
        self.trade.say(&result, now);
        if refused {
            return;
        }
        let whole = (command.volume * 100.0).round() as i64;
        let first = if self.command_count.is_multiple_of(PARTIAL_EVERY) { whole / 2 } else { whole };
        for lots in [first, whole - first].into_iter().filter(|lots| *lots > 0) {
            self.deal(command, symbol, order, lots, now);
        }
    }

    fn deal(&mut self, command: &body::Command, symbol: usize, order: u64, lots: i64, now: TimeNs) {
        self.deal_count += 1;
        let sign = if command.order_type == 0 { 1 } else { -1 };
        let closes = self.net_lots[symbol] * sign < 0;
        self.net_lots[symbol] += sign * lots;
        let deal = body::Transaction {
            transaction: TransactionKind::DealAdd.code(),
            order_type: command.order_type,
            deal_type: command.order_type,
            entry: u8::from(closes),
            looked_up: 1,
            symbol_id: symbol as u16,
            deal: 50_000 + self.deal_count,
            order,
            position: 700 + symbol as u64,
            position_id: 700 + symbol as u64,
            price: command.price,
            volume: lots as f64 / 100.0,
            magic: command.order_id,
            commission: -0.01,
            time_msc: now.0 / NS_PER_MS,
            ..zero()
        };
        self.market.say(&deal, now);
    }

    fn snapshot(&mut self, request: &body::RequestSnapshot, now: TimeNs) {
        self.snapshot_count += 1;
        let request = request.request;
        self.trade.say(&body::SnapshotBegin { request, ..zero() }, now);
        let mut position_count = 0;
        for (symbol, &lots) in self.net_lots.iter().enumerate().filter(|(_, lots)| **lots != 0) {
            position_count += 1;
            let identifier = 700 + symbol as u64;
            let position = body::PositionState {
                request,
                ticket: identifier,
                identifier,
                symbol_id: symbol as u16,
                position_type: u8::from(lots < 0),
                volume: lots.abs() as f64 / 100.0,
                price_open: 1.1,
                ..zero()
            };
            self.trade.say(&position, now);
        }
        self.trade.say(&body::SnapshotEnd { request, position_count, complete: 1, ..zero() }, now);
    }
}

fn spec(symbol: usize) -> body::InstrumentSpec {
    body::InstrumentSpec {
        symbol_id: symbol as u16,
        digits: 5,
        trade_mode: 4,
        execution: 2,
        filling_modes: 3,
        order_modes: 127,
        expiration_modes: 15,
        selected: 1,
        point: 0.00001,
        tick_size: 0.00001,
        tick_value: 1.0,
        contract_size: 100_000.0,
        volume_min: 0.01,
        volume_max: 100.0,
        volume_step: 0.01,
        symbol: text(SYMBOLS[symbol]),
        ..zero()
    }
}
