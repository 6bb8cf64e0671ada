//! Payloads of the records that the engine consumes: starts, time, and what venues say.
//!
//! What it is not: MT5's structures, or what our own side says (`own.rs`). Prices are ticks, quantities steps, money millionths,
//! times UTC nanoseconds; what could not be converted exactly never became a record.
//!
//! Invariant: a field that the source did not give holds its named nothing (`Price::NONE`, zero tickets), never garbage.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(
    Start,
    ClockTick,
    Session,
    Spec,
    Tick,
    Account,
    CommandResult,
    OrderEvent,
    DealEvent,
    PositionEvent,
    Snapshot,
    Credit,
    Gap
);

layout! {
    /// First record of every start.
    pub struct Start {
        /// Which start of the appliance: part of every order id.
        epoch: u64,
        /// Digest of the configuration, models included.
        config_digest: u64,
        /// Wall-clock nanoseconds of the start.
        ts_wall: i64,
        /// 1 when a latch of an earlier run says: come up halted.
        halted: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

layout! {
    /// Time passed and nothing else happened: lets time-outs run without input.
    pub struct ClockTick {
        /// Zero.
        reserved: u64,
    }
}

/// Role bit of a connection: pushes ticks and trade events.
pub const ROLE_MARKET: u8 = 1;
/// Role bit of a connection: executes commands.
pub const ROLE_TRADE: u8 = 2;

/// What a [`Session`] record says of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SessionState {
    /// Connected, identified and accepted.
    Up = 1,
    /// Gone; commands without an answer are in doubt.
    Down = 2,
}

layout! {
    /// A terminal's connection came up or went down. `aux` in the header is its number, as in [`Tick`].
    pub struct Session {
        /// [`SessionState`] as a code.
        state: u8,
        /// `ROLE_*` bits: what came up, or what nobody does any more. None, of a connection that went down: others still do all that
        /// it did.
        roles: u8,
        /// `MarginMode` as a code.
        margin_mode: u8,
        /// 0 demo, 1 contest, 2 real.
        account_mode: u8,
        /// Terminal build.
        build: u32,
        /// Account number.
        login: u64,
        /// Server time minus UTC, seconds.
        server_offset_s: i32,
        /// Why it went down: a `wire::terminal::RejectReason` or link reason code; zero when up.
        reason: u32,
        /// Account currency, ASCII, zero padded.
        currency: [u8; 8],
        /// Trade server, ASCII, zero padded.
        server: [u8; 64],
    }
}

layout! {
    /// A symbol's trading rules: see `types::InstrumentSpec`.
    pub struct Spec {
        /// Price step.
        tick_size: f64,
        /// MT5 point.
        point: f64,
        /// Volume step in lots.
        volume_step: f64,
        /// Smallest order, steps.
        volume_min: i64,
        /// Largest order, steps.
        volume_max: i64,
        /// Largest exposure of one side, steps; zero is none.
        volume_limit: i64,
        /// Units in a lot.
        contract_size: f64,
        /// Account currency per tick per lot.
        tick_value: f64,
        /// Nearest stop, points.
        stops_level_points: u32,
        /// Freeze distance, points.
        freeze_level_points: u32,
        /// Decimal digits.
        digits: u8,
        /// `TradeMode` as a code.
        trade_mode: u8,
        /// `Execution` as a code.
        execution: u8,
        /// `SYMBOL_FILLING_MODE` bits.
        filling_modes: u8,
        /// `SYMBOL_ORDER_MODE` bits.
        order_modes: u8,
        /// `SYMBOL_EXPIRATION_MODE` bits.
        expiration_modes: u8,
        /// 1 when the venue counts in other units than these, which it had before.
        other_units: u8,
        /// Zero.
        reserved: u8,
    }
}

layout! {
    /// A quote. `aux` in the header counts the ticks coalesced into this one by a full ring.
    pub struct Tick {
        /// Bid in ticks, or `Price::NONE`.
        bid: i64,
        /// Ask in ticks, or `Price::NONE`.
        ask: i64,
        /// Last trade in ticks, or `Price::NONE`.
        last: i64,
        /// Volume of the last trade, in lots or contracts.
        volume: f64,
        /// The venue's stamp, converted to UTC nanoseconds.
        ts_venue: i64,
        /// The terminal's stamp when it sent the message: its own monotonic clock, nanoseconds.
        ts_terminal: i64,
        /// Number in the terminal's tick stream; of a history tick the number of the request that it answers.
        stream_seq: u64,
        /// MT5's `TICK_FLAG_*`, masked to the documented bits.
        tick_flags: u32,
        /// Which connection brought it: counted by the endpoint from 1 in the order of the accepted hellos.
        connection: u32,
    }
}

/// [`Account`] flag: the terminal is connected to its trade server.
pub const TERMINAL_CONNECTED: u8 = 1;
/// [`Account`] flag: trading is allowed in the terminal and for the program.
pub const TERMINAL_TRADE_ALLOWED: u8 = 2;
/// [`Account`] flag: trading is allowed for the account.
pub const ACCOUNT_TRADE_ALLOWED: u8 = 4;
/// [`Account`] flag: programs may trade on the account.
pub const ACCOUNT_EXPERT_ALLOWED: u8 = 8;

layout! {
    /// The account as the terminal sees it, in millionths of account currency.
    pub struct Account {
        /// Balance.
        balance: i64,
        /// Equity.
        equity: i64,
        /// Floating profit.
        profit: i64,
        /// Credit.
        credit: i64,
        /// Margin in use.
        margin: i64,
        /// Free margin.
        margin_free: i64,
        /// Leverage, 1:n.
        leverage: u32,
        /// Most pending orders; zero is none.
        limit_orders: u32,
        /// `TERMINAL_*` and `ACCOUNT_*` bits.
        flags: u8,
        /// 1 when `server_offset_s` is told.
        tells_offset: u8,
        /// Zero.
        reserved: [u8; 2],
        /// Server time minus UTC, seconds: it changes with daylight saving.
        server_offset_s: i32,
    }
}

layout! {
    /// The terminal's immediate answer to a command.
    pub struct CommandResult {
        /// The order's id.
        order_id: u64,
        /// MT5 deal ticket, zero when not known.
        deal: u64,
        /// MT5 order ticket, zero when not known.
        ticket: u64,
        /// Confirmed volume, steps.
        qty: i64,
        /// Confirmed price, ticks, or `Price::NONE`.
        price: i64,
        /// Bid that a requote names, or `Price::NONE`.
        bid: i64,
        /// Ask that a requote names, or `Price::NONE`.
        ask: i64,
        /// The terminal's stamp, nanoseconds of its monotonic clock.
        ts_terminal: i64,
        /// Trade server return code.
        retcode: u32,
        /// The venue's own code.
        retcode_external: i32,
        /// The terminal's request number.
        request_id: u32,
        /// The `OrderAction` that it answers.
        action: u8,
        /// 1 when the terminal repeats an earlier answer to the same id.
        repeated: u8,
        /// Zero.
        reserved: [u8; 2],
    }
}

layout! {
    /// An order at the venue: as an event, or in a snapshot (`FLAG_SNAPSHOT`).
    pub struct OrderEvent {
        /// MT5 order ticket.
        ticket: u64,
        /// Position it belongs to, or zero.
        position: u64,
        /// Opposite position of a close-by, or zero.
        position_by: u64,
        /// Our order id as it came back in `magic`, or whatever another program put there.
        magic: u64,
        /// Order price, ticks, or `Price::NONE`.
        price: i64,
        /// Limit price of a stop-limit, or `Price::NONE`.
        price_trigger: i64,
        /// Stop loss, or `Price::NONE`.
        stop_loss: i64,
        /// Take profit, or `Price::NONE`.
        take_profit: i64,
        /// Volume when placed, steps.
        qty_initial: i64,
        /// Volume not yet filled, steps.
        qty_open: i64,
        /// `TransactionKind`; `OrderAdd` or `HistoryAdd` in a snapshot.
        transaction: u8,
        /// `OrderKind`.
        order_kind: u8,
        /// MT5 order state code.
        order_state: u8,
        /// `TimeInForce`.
        time_in_force: u8,
        /// MT5 order reason code.
        reason: u8,
        /// Zero.
        reserved: [u8; 3],
    }
}

layout! {
    /// A deal at the venue: the only thing that changes a position.
    pub struct DealEvent {
        /// MT5 deal ticket: duplicates are dropped by it.
        deal: u64,
        /// The order that made it.
        ticket: u64,
        /// The position's stable identifier.
        position: u64,
        /// Our order id as it came back in `magic`.
        magic: u64,
        /// Price in ticks.
        price: i64,
        /// Volume, steps, positive.
        qty: i64,
        /// Realised profit, millionths.
        profit: i64,
        /// Commission, millionths, negative when paid.
        commission: i64,
        /// Swap, millionths.
        swap: i64,
        /// Fee, millionths.
        fee: i64,
        /// The venue's stamp, UTC nanoseconds.
        ts_venue: i64,
        /// `TransactionKind`: `DealAdd`, `DealUpdate` or `DealDelete`.
        transaction: u8,
        /// MT5 deal type code: 0 buy, 1 sell, others are not trades.
        deal_type: u8,
        /// `DealEntry`.
        entry: u8,
        /// MT5 deal reason code.
        reason: u8,
        /// Zero.
        reserved: [u8; 4],
    }
}

layout! {
    /// A position at the venue, in a snapshot or changed without a deal.
    pub struct PositionEvent {
        /// Ticket that requests carry.
        ticket: u64,
        /// Identifier that never changes.
        identifier: u64,
        /// Magic of the order that opened it.
        magic: u64,
        /// Average open price as the terminal has it: bits of an `f64`.
        price_open_bits: u64,
        /// Stop loss, ticks, or `Price::NONE`.
        stop_loss: i64,
        /// Take profit, ticks, or `Price::NONE`.
        take_profit: i64,
        /// Volume, steps; negative is short.
        qty: i64,
        /// Floating profit, millionths.
        profit: i64,
        /// Swap, millionths.
        swap: i64,
        /// When it was opened, UTC nanoseconds.
        ts_venue: i64,
    }
}

layout! {
    /// A snapshot of the venue begins or ends.
    pub struct Snapshot {
        /// The query it answers.
        query_id: u64,
        /// Deals in it were made at or after this time, UTC nanoseconds.
        since: i64,
        /// Open orders in it.
        order_count: u32,
        /// Positions in it.
        position_count: u32,
        /// Deals in it.
        deal_count: u32,
        /// History orders in it.
        history_count: u32,
        /// 0 begins, 1 ends complete, 2 ends incomplete.
        phase: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

layout! {
    /// How many more commands the terminal can take.
    pub struct Credit {
        /// Commands it takes in total since the session began.
        granted_total: u64,
    }
}

/// `aux` of a [`Gap`] whose numbers will never come: the terminal says so.
pub const GAP_IS_FINAL: u32 = u32::MAX;

layout! {
    /// Numbers missing from a stream.
    pub struct Gap {
        /// Which stream: `wire::terminal::Stream` as a code.
        stream: u64,
        /// First missing number.
        from_seq: u64,
        /// Last missing number.
        to_seq: u64,
    }
}
