//! The terminal's half of the protocol as exact bytes: what the benches play against the appliance.
//!
//! What it is not: the simulated terminal of `sim`; it executes nothing, it answers every command with the same script. It
//! uses no codec of `link` or `zmtp`, so that the appliance is measured against somebody else's bytes.
//!
//! Invariant: the same commands get the same bytes, but for the sender's clock in headers.

#![allow(dead_code, reason = "each bench uses its part")]
#![allow(unreachable_pub, reason = "a module of two benches, no library")]

use tickbridge::model::synthetic::Dice;
use tickbridge::record::Layout;
use tickbridge::types::{FixedText, InstrumentId, InstrumentSpec, Side, VenueId};
use tickbridge::wire::terminal::{Body, HEADER_BYTES, Header, MessageKind, Stream, body, encode_message};

/// The account that the benches' configuration expects.
pub const LOGIN: u64 = 5_000_001;
/// Its server.
pub const SERVER: &str = "Tickbridge-Demo";
/// Server time of the first tick, milliseconds; a Monday.
pub const START_MSC: i64 = 1_767_571_200_000;
/// Venue time between two ticks, milliseconds: a bar of one second closes on every tenth.
pub const TICK_MS: i64 = 100;

/// One connection's outgoing bytes, with its streams numbered.
#[derive(Default)]
pub struct Outgoing {
    /// ZMTP frames that wait.
    pub bytes: Vec<u8>,
    seq: [u64; Stream::ALL.len()],
}

impl Outgoing {
    /// Greeting and READY of a ZMTP 3.1 DEALER with mechanism NULL (RFC 37), both at once.
    pub fn greet(&mut self, identity: &str) {
        let mut greeting = [0u8; 64];
        (greeting[0], greeting[9], greeting[10], greeting[11]) = (0xff, 0x7f, 3, 1);
        greeting[12..16].copy_from_slice(b"NULL");
        self.bytes.extend_from_slice(&greeting);
        let mut ready = vec![5];
        ready.extend_from_slice(b"READY");
        for (name, value) in [("Socket-Type", "DEALER"), ("Identity", identity)] {
            ready.push(name.len() as u8);
            ready.extend_from_slice(name.as_bytes());
            ready.extend_from_slice(&(value.len() as u32).to_be_bytes());
            ready.extend_from_slice(value.as_bytes());
        }
        self.bytes.extend_from_slice(&[4, ready.len() as u8]);
        self.bytes.extend_from_slice(&ready);
    }

    /// Adds a message in a frame of its own.
    #[inline]
    pub fn push<B: Body>(&mut self, body: &B) {
        let message_bytes = HEADER_BYTES + B::BYTES;
        if message_bytes < 256 {
            self.bytes.extend_from_slice(&[0, message_bytes as u8]);
        } else {
            self.bytes.push(2);
            self.bytes.extend_from_slice(&(message_bytes as u64).to_be_bytes());
        }
        let seq = &mut self.seq[B::STREAM as usize];
        *seq += 1;
        let start = self.bytes.len();
        self.bytes.resize(start + message_bytes, 0);
        encode_message(body, *seq, 1, &mut self.bytes[start..]);
    }
}

/// Bytes that were received, cut into frames.
pub struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    greeting_left: usize,
}

impl Default for Incoming {
    fn default() -> Self {
        Incoming { buffer: vec![0; 1 << 20], start: 0, end: 0, greeting_left: 64 }
    }
}

impl Incoming {
    /// Where to receive to.
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.buffer[self.end..]
    }

    /// Begins after a handshake.
    pub fn skip_greeting(&mut self) {
        self.greeting_left = 0;
    }

    /// So many bytes came.
    #[inline]
    pub fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// The next whole message; handshake commands are skipped.
    #[inline]
    pub fn next_message(&mut self) -> Option<&[u8]> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            if self.greeting_left > 0 {
                if unread.len() < self.greeting_left {
                    return None;
                }
                self.start += self.greeting_left;
                self.greeting_left = 0;
                continue;
            }
            let flags = *unread.first()?;
            let (header_bytes, body_bytes) = if flags & 2 == 0 {
                (2, usize::from(*unread.get(1)?))
            } else {
                let long: [u8; 8] = unread.get(1..9)?.try_into().ok()?;
                (9, u64::from_be_bytes(long) as usize)
            };
            if unread.len() < header_bytes + body_bytes {
                return None;
            }
            let start = self.start + header_bytes;
            self.start = start + body_bytes;
            if flags & 4 == 0 {
                return Some(&self.buffer[start..start + body_bytes]);
            }
        }
    }
}

fn text<const N: usize>(words: &str) -> [u8; N] {
    *FixedText::<N>::new(words).expect("a short text").bytes()
}

/// The name of an instrument of a bench.
pub fn symbol_name(index: u16) -> String {
    if index == 0 { "EURUSD".into() } else { format!("PAIR{index:03}") }
}

/// The hello of one role; credit without end.
pub fn hello(roles: u8) -> body::Hello {
    body::Hello {
        roles,
        margin_mode: 0,
        account_mode: 0,
        simulated: 1,
        build: 5_000,
        login: LOGIN,
        server_offset_s: 0,
        credit: u32::MAX,
        epoch_seen: 0,
        session: 1,
        currency: text("USD"),
        server: text(SERVER),
        program: text("tickbridge bench"),
    }
}

/// A five-digit pair under this number.
pub fn spec(symbol_id: u16) -> body::InstrumentSpec {
    let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
    let mut wire = body::InstrumentSpec::read(&[0; body::InstrumentSpec::BYTES]);
    (wire.symbol_id, wire.digits, wire.selected) = (symbol_id, spec.digits, 1);
    (wire.trade_mode, wire.execution) = (spec.trade_mode.code(), spec.execution.code());
    (wire.filling_modes, wire.order_modes, wire.expiration_modes) =
        (spec.filling_modes, spec.order_modes, spec.expiration_modes);
    (wire.point, wire.tick_size, wire.tick_value) = (spec.point, spec.tick_size, spec.tick_value);
    wire.contract_size = spec.contract_size;
    (wire.volume_min, wire.volume_max, wire.volume_step) = (0.01, 100.0, 0.01);
    wire.symbol = text(&symbol_name(symbol_id));
    wire
}

/// A healthy account.
pub fn account() -> body::AccountState {
    let mut account = body::AccountState::read(&[0; body::AccountState::BYTES]);
    (account.balance, account.equity, account.margin_free) = (1e6, 1e6, 1e6);
    (account.leverage, account.flags, account.time_msc) = (100, 15, START_MSC);
    account
}

/// A seeded walk of quotes on one instrument.
#[derive(Clone)]
pub struct Quotes {
    dice: Dice,
    bid: i64,
    count: i64,
    symbol_id: u16,
}

impl Quotes {
    /// The walk of an instrument.
    pub fn new(symbol_id: u16) -> Self {
        Quotes { dice: Dice(1_000 + u64::from(symbol_id)), bid: 110_000, count: 0, symbol_id }
    }

    /// The next tick: the bid moves by -3 to 3 ticks, the spread is 1 to 4.
    #[inline]
    pub fn next_tick(&mut self) -> body::Tick {
        let dice = self.dice.next_u64();
        self.bid = (self.bid + (dice % 7) as i64 - 3).clamp(100_000, 120_000);
        let ask = self.bid + 1 + (dice >> 32) as i64 % 4;
        self.count += 1;
        let time_msc = START_MSC + self.count * TICK_MS;
        body::Tick {
            symbol_id: self.symbol_id,
            reserved: 0,
            time_s: time_msc / 1_000,
            bid: price(self.bid),
            ask: price(ask),
            last: 0.0,
            volume: 0,
            time_msc,
            flags: 6,
            volume_real: 0.0,
        }
    }
}

fn price(ticks: i64) -> f64 {
    ticks as f64 / 100_000.0
}

/// What the venue remembers: enough to answer, no more.
#[derive(Default)]
pub struct Venue {
    /// Net volume of each instrument in hundredths of lots.
    pub net: Vec<i64>,
    /// Identifier of each instrument's last position.
    position: Vec<u64>,
    ticket: u64,
}

/// How a filled order's position goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays open.
    Stays,
    /// The venue closes it at once by its take profit, in a deal of its own.
    TakesProfit,
}

impl Venue {
    /// For so many instruments, all flat.
    pub fn new(instruments: usize) -> Self {
        Venue { net: vec![0; instruments], position: vec![0; instruments], ticket: 0 }
    }

    /// The immediate result: placed.
    #[inline]
    pub fn result(&self, command: &body::Command, command_seq: u64, symbol_id: u16) -> body::CommandResult {
        body::CommandResult {
            order_id: command.order_id,
            command_seq,
            retcode: 10_008,
            retcode_external: 0,
            deal: 0,
            order: 0,
            volume: command.volume,
            price: 0.0,
            bid: 0.0,
            ask: 0.0,
            request_id: command_seq as u32,
            runtime_error: 0,
            action: command.action,
            repeated: 0,
            symbol_id,
            call_us: 20,
            comment: [0; 32],
        }
    }

    /// The fill of a command, whole, at its price; and the deal that closes it again, if it does.
    #[inline]
    pub fn deals(
        &mut self,
        command: &body::Command,
        symbol_id: u16,
        afterwards: Afterwards,
        each: &mut impl FnMut(&body::Transaction),
    ) {
        const EXPERT: u8 = 3;
        const TAKE_PROFIT: u8 = 5;
        self.ticket += 1;
        let side = if command.order_type == 0 { Side::Buy } else { Side::Sell };
        let steps = (command.volume * 100.0).round() as i64;
        let net = &mut self.net[usize::from(symbol_id)];
        let closes = *net != 0;
        *net += side.sign() * steps;
        let mut deal = blank(symbol_id);
        (deal.deal_type, deal.entry, deal.reason) = (command.order_type, u8::from(closes), EXPERT);
        (deal.deal, deal.order) = (self.ticket, self.ticket);
        let position = &mut self.position[usize::from(symbol_id)];
        if !closes {
            *position = self.ticket;
        }
        deal.position_id = *position;
        (deal.price, deal.volume, deal.magic) = (command.price, command.volume, command.order_id);
        each(&deal);
        if afterwards == Afterwards::TakesProfit {
            self.ticket += 1;
            self.net[usize::from(symbol_id)] = 0;
            (deal.deal_type, deal.entry, deal.reason) = (1 - command.order_type, 1, TAKE_PROFIT);
            (deal.deal, deal.order) = (self.ticket, self.ticket);
            each(&deal);
        }
    }

    /// The answer to a snapshot request.
    pub fn snapshot(&self, request: &body::RequestSnapshot, out: &mut Outgoing) {
        let id = request.request;
        out.push(&body::SnapshotBegin { request: id, since_msc: request.since_msc, time_msc: START_MSC });
        let mut position_count = 0;
        for (symbol_id, net) in self.net.iter().enumerate().filter(|(_, net)| **net != 0) {
            position_count += 1;
            let mut position = body::PositionState::read(&[0; body::PositionState::BYTES]);
            (position.request, position.symbol_id) = (id, symbol_id as u16);
            position.position_type = u8::from(*net < 0);
            position.volume = net.abs() as f64 / 100.0;
            out.push(&position);
        }
        let end = body::SnapshotEnd {
            request: id,
            order_count: 0,
            position_count,
            deal_count: 0,
            history_count: 0,
            complete: 1,
            reserved: [0; 7],
        };
        out.push(&end);
    }
}

fn blank(symbol_id: u16) -> body::Transaction {
    const DEAL_ADD: u8 = 6;
    let mut wire = body::Transaction::read(&[0; body::Transaction::BYTES]);
    (wire.transaction, wire.looked_up) = (DEAL_ADD, 1);
    (wire.symbol_id, wire.time_msc) = (symbol_id, START_MSC);
    wire
}

/// A message of the appliance that needs an answer.
#[allow(clippy::large_enum_variant, reason = "lives for a moment on the stack")]
pub enum Ask {
    /// Trade.
    Command(Header, body::Command),
    /// Tell what you have.
    Snapshot(body::RequestSnapshot),
    /// Nothing to answer.
    Other,
}

/// Reads a message of the appliance.
///
/// # Panics
/// When it is no message of the protocol, or a reject: a bench has no use for either.
#[inline]
pub fn read(message: &[u8]) -> Ask {
    let (header, kind, bytes) = Header::parse(message).expect("a message of the protocol");
    match kind {
        MessageKind::Command => Ask::Command(header, body::Command::read(bytes)),
        MessageKind::RequestSnapshot => Ask::Snapshot(body::RequestSnapshot::read(bytes)),
        MessageKind::Reject => panic!("rejected: {:?}", body::Reject::read(bytes)),
        _ => Ask::Other,
    }
}

/// The digest of a command: everything but what depends on the clock.
#[inline]
pub fn digest(digest: u32, command: &body::Command) -> u32 {
    let mut bytes = [0; body::Command::BYTES];
    body::Command { valid_for_ms: 0, ..*command }.write(&mut bytes);
    crc32c::crc32c_append(digest, &bytes)
}

/// The sixteen features of the bundled model as sections of a configuration.
pub fn features_toml() -> String {
    let macd = "kind = \"macd\"\nfast = 12\nslow = 26\nsignal = 9";
    let band = |period, output| {
        format!("kind = \"bollinger\"\nperiod = {period}\ndeviations = 2.0\noutput = \"{output}\"")
    };
    let bar = "clock = \"bar\"\nbar_ms = 1000";
    let list = [
        ("spread", "kind = \"value\"\ninput = \"spread\"".into()),
        ("spread_sma_50", "kind = \"sma\"\nperiod = 50\ninput = \"spread\"".into()),
        ("change_1", "kind = \"change\"\nlag = 1".into()),
        ("change_5", "kind = \"change\"\nlag = 5".into()),
        ("change_20", "kind = \"change\"\nlag = 20".into()),
        ("bid_change_1", "kind = \"change\"\nlag = 1\ninput = \"bid\"".into()),
        ("ask_change_1", "kind = \"change\"\nlag = 1\ninput = \"ask\"".into()),
        ("rsi_14", "kind = \"rsi\"\nperiod = 14".into()),
        ("macd", format!("{macd}\noutput = \"main\"")),
        ("macd_signal", format!("{macd}\noutput = \"signal\"")),
        ("percent_b_20", band(20, "percent_b")),
        ("band_width_20", band(20, "width")),
        ("percent_b_50", band(50, "percent_b")),
        ("return_50", "kind = \"return\"\nlag = 50".into()),
        ("change_5_s1", format!("kind = \"change\"\nlag = 5\n{bar}")),
        ("rsi_5_s1", format!("kind = \"rsi\"\nperiod = 5\n{bar}")),
    ];
    let section = |(name, rest): (&str, String)| {
        format!("[[features]]\nname = \"{name}\"\ninstrument = \"EURUSD\"\n{rest}\n\n")
    };
    list.map(section).concat()
}

/// The benches' configuration: the bundled model, every feature it has, and limits that let every tick trade.
pub fn config_toml() -> String {
    format!(
        r#"[appliance]
name = "bench"
strategy_id = 1

[lanes]
layout = "fused"
idle = "spin"

[rings]
# In the fused layout each cycle empties them; small ones stay in the cache.
market_slots = 1024
orders_slots = 256
reports_slots = 1024

[[venues]]
name = "demo"
login = {LOGIN}
server = "{SERVER}"
currency = "USD"

[[instruments]]
name = "EURUSD"
venue = "demo"
symbol = "EURUSD"

{}[model]
file = "models/demo.json"
format = "xgboost_json"
instrument = "EURUSD"

[signal]
# One float apart: every score is a wish.
enter_long_above = 0.5
exit_long_below = 0.0
enter_short_below = 0.49999997
exit_short_above = 1.0
volume_lots = 0.1
cooldown_ms = 0
spread_max_ticks = 1000

[risk]
order_lots_max = 0.5
position_lots_max = 1.0
open_orders_max = 4096
price_distance_max_points = 100
orders_per_s_max = 1000000.0
orders_burst_max = 100000
stale_after_ms = 60000
daily_loss_max = 1000000000.0
day_starts_at = "00:00"
rejects_in_row_max = 5
trailing_loss_max = 1000000000.0
losses_in_row_max = 10000
executions_max = 1000
executions_window_ms = 1
order_value_max = 1000000000.0
jump_max_points = 10000000
jump_window_ms = 1000
margin_level_min_percent = 1
account_age_max_ms = 86400000
unknown_after_ms = 5000
page_after_ms = 30000
"#,
        features_toml()
    )
}
