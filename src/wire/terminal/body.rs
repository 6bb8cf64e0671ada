//! The bodies of all messages, field by field.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: enumerations travel as MT5's own numbers, prices and volumes as MT5's doubles, times as MT5's server times
//! unless a name says otherwise; nothing is converted here.

use super::header::{Body, MessageKind, Stream};
use crate::layout;
use crate::record::Layout;

macro_rules! bodies {
    ($($stream:ident: $($name:ident),+;)+) => {
        $($(impl Body for $name {
            const KIND: MessageKind = MessageKind::$name;
            const STREAM: Stream = Stream::$stream;
        })+)+

        /// The size that a kind demands of its body.
        #[inline]
        pub fn body_bytes(kind: MessageKind) -> usize {
            match kind {
                $($(MessageKind::$name => $name::BYTES,)+)+
                MessageKind::HistoryTick => Tick::BYTES,
                MessageKind::ApplianceHeartbeat => Heartbeat::BYTES,
            }
        }

        /// Name, kind, stream and fields of every body, for the document's test.
        #[cfg(test)]
        pub fn catalogue() -> Vec<(&'static str, MessageKind, Stream, &'static [crate::record::FieldLayout])> {
            vec![$($((stringify!($name), $name::KIND, $name::STREAM, $name::FIELDS)),+),+]
        }
    };
}
bodies! {
    Session: Hello, InstrumentSpec, AccountState, CreditGrant, Heartbeat, GapNotice, Bye, HistoryEnd, Bar, Welcome, Reject,
        Subscribe, RequestSnapshot, RequestTicks, RequestBars, Refill, RequestInstrument;
    Market: Tick, Book;
    Trade: Transaction;
    Results: CommandResult, SnapshotBegin, OrderState, PositionState, DealState, SnapshotEnd;
    Commands: Command;
}

layout! {
    /// First message of a connection: who the terminal is.
    pub struct Hello {
        /// 1 pushes market data and trade events, 2 executes commands, 3 both.
        roles: u8,
        /// `ACCOUNT_MARGIN_MODE`: 0 netting, 1 exchange, 2 hedging.
        margin_mode: u8,
        /// `ACCOUNT_TRADE_MODE`: 0 demo, 1 contest, 2 real.
        account_mode: u8,
        /// 1 when the program is the simulated terminal.
        simulated: u8,
        /// Terminal build.
        build: u32,
        /// `ACCOUNT_LOGIN`.
        login: u64,
        /// Server time minus UTC, seconds.
        server_offset_s: i32,
        /// Commands the terminal takes before the first answer.
        credit: u32,
        /// Last epoch of the appliance that the terminal executed for; zero for none.
        epoch_seen: u64,
        /// Number that changes whenever the terminal program starts.
        session: u64,
        /// `ACCOUNT_CURRENCY`.
        currency: [u8; 8],
        /// `ACCOUNT_SERVER`.
        server: [u8; 64],
        /// Version of the program, text.
        program: [u8; 32],
    }
}

layout! {
    /// A symbol's properties (facts: what has to be checked before a send).
    pub struct InstrumentSpec {
        /// Number that stands for the symbol in this connection; the terminal's choice.
        symbol_id: u16,
        /// `SYMBOL_DIGITS`.
        digits: u8,
        /// `SYMBOL_TRADE_MODE`.
        trade_mode: u8,
        /// `SYMBOL_TRADE_EXEMODE`.
        execution: u8,
        /// `SYMBOL_FILLING_MODE` bits.
        filling_modes: u8,
        /// `SYMBOL_ORDER_MODE` bits.
        order_modes: u8,
        /// `SYMBOL_EXPIRATION_MODE` bits.
        expiration_modes: u8,
        /// `SYMBOL_ORDER_GTC_MODE`.
        gtc_mode: u8,
        /// `SYMBOL_TRADE_CALC_MODE`.
        calc_mode: u8,
        /// 1 when `SYMBOL_SUBSCRIPTION_DELAY`.
        delayed: u8,
        /// 1 when `SYMBOL_SELECT`.
        selected: u8,
        /// `SYMBOL_TRADE_STOPS_LEVEL`, points.
        stops_level_points: u32,
        /// `SYMBOL_TRADE_FREEZE_LEVEL`, points.
        freeze_level_points: u32,
        /// `SYMBOL_TICKS_BOOKDEPTH`; zero for no depth.
        book_depth: u32,
        /// `SYMBOL_POINT`.
        point: f64,
        /// `SYMBOL_TRADE_TICK_SIZE`.
        tick_size: f64,
        /// `SYMBOL_TRADE_TICK_VALUE`.
        tick_value: f64,
        /// `SYMBOL_TRADE_TICK_VALUE_PROFIT`.
        tick_value_profit: f64,
        /// `SYMBOL_TRADE_TICK_VALUE_LOSS`.
        tick_value_loss: f64,
        /// `SYMBOL_TRADE_CONTRACT_SIZE`.
        contract_size: f64,
        /// `SYMBOL_VOLUME_MIN`.
        volume_min: f64,
        /// `SYMBOL_VOLUME_MAX`.
        volume_max: f64,
        /// `SYMBOL_VOLUME_STEP`.
        volume_step: f64,
        /// `SYMBOL_VOLUME_LIMIT`; zero for none.
        volume_limit: f64,
        /// `SYMBOL_SESSION_PRICE_LIMIT_MIN`; zero for none.
        price_limit_min: f64,
        /// `SYMBOL_SESSION_PRICE_LIMIT_MAX`; zero for none.
        price_limit_max: f64,
        /// `SYMBOL_MARGIN_INITIAL`.
        margin_initial: f64,
        /// `SYMBOL_MARGIN_HEDGED`.
        margin_hedged: f64,
        /// `SYMBOL_START_TIME`, server seconds; zero for none.
        start_time_s: i64,
        /// `SYMBOL_EXPIRATION_TIME`, server seconds; zero for none.
        expiration_time_s: i64,
        /// `SYMBOL_CURRENCY_PROFIT`.
        currency_profit: [u8; 8],
        /// `SYMBOL_CURRENCY_MARGIN`.
        currency_margin: [u8; 8],
        /// `SYMBOL_CURRENCY_BASE`.
        currency_base: [u8; 8],
        /// Trade sessions of the week: for each day from Sunday, first session's from and to, minutes of the day.
        sessions_minutes: [u8; 64],
        /// The symbol's name.
        symbol: [u8; 32],
    }
}

layout! {
    /// A tick: the symbol, then `MqlTick` field by field.
    pub struct Tick {
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Zero.
        reserved: u16,
        /// Server seconds.
        time_s: i64,
        /// Bid, zero for none.
        bid: f64,
        /// Ask, zero for none.
        ask: f64,
        /// Last, zero for none.
        last: f64,
        /// Volume of the last trade, whole.
        volume: u64,
        /// Server milliseconds.
        time_msc: i64,
        /// `TICK_FLAG_*`.
        flags: u32,
        /// Volume of the last trade, with fractions.
        volume_real: f64,
    }
}

layout! {
    /// Part of a depth-of-market image: up to four levels of one side.
    pub struct Book {
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// `BOOK_TYPE`: 1 sell, 2 buy, 3 sell market, 4 buy market.
        book_type: u8,
        /// Levels used, 0 to 4.
        level_count: u8,
        /// Index of the first level here, counted from the best.
        level_first: u16,
        /// 1 on the last part of the image.
        last: u8,
        /// Zero.
        reserved: u8,
        /// Number of the image.
        image: u64,
        /// Server milliseconds.
        time_msc: i64,
        /// Price of the first level.
        price_0: f64,
        /// Volume of the first level.
        volume_0: f64,
        /// Price of the second level.
        price_1: f64,
        /// Volume of the second level.
        volume_1: f64,
        /// Price of the third level.
        price_2: f64,
        /// Volume of the third level.
        volume_2: f64,
        /// Price of the fourth level.
        price_3: f64,
        /// Volume of the fourth level.
        volume_3: f64,
    }
}

layout! {
    /// `MqlRates` of one closed bar.
    pub struct Bar {
        /// The request it answers.
        request: u64,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Zero.
        reserved: u16,
        /// Period in seconds.
        period_s: u32,
        /// Opening time, server seconds.
        time_s: i64,
        /// Open.
        open: f64,
        /// High.
        high: f64,
        /// Low.
        low: f64,
        /// Close.
        close: f64,
        /// Ticks in it.
        tick_volume: u64,
        /// Spread, points.
        spread_points: u32,
        /// Traded volume.
        real_volume: u64,
    }
}

layout! {
    /// A history reply is complete.
    pub struct HistoryEnd {
        /// The request it answers.
        request: u64,
        /// Ticks or bars sent for it.
        count: u64,
        /// MQL5 runtime error, or zero.
        error: u32,
        /// Zero.
        reserved: u32,
    }
}

layout! {
    /// `MqlTradeResult`: the immediate answer to a command.
    pub struct CommandResult {
        /// The command's order id.
        order_id: u64,
        /// The command's number in the commands stream.
        command_seq: u64,
        /// Trade server return code.
        retcode: u32,
        /// The venue's own code.
        retcode_external: i32,
        /// Deal ticket, or zero.
        deal: u64,
        /// Order ticket, or zero.
        order: u64,
        /// Confirmed volume.
        volume: f64,
        /// Confirmed price.
        price: f64,
        /// Bid of a requote.
        bid: f64,
        /// Ask of a requote.
        ask: f64,
        /// The terminal's request number.
        request_id: u32,
        /// MQL5 runtime error of the call, or zero.
        runtime_error: u32,
        /// `TRADE_ACTION_*` that it answers.
        action: u8,
        /// 1 when the id was executed before and this repeats its first result.
        repeated: u8,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Microseconds inside `OrderSendAsync`.
        call_us: u32,
        /// The server's comment.
        comment: [u8; 32],
    }
}

layout! {
    /// `MqlTradeTransaction`, with what the terminal looked up by ticket.
    pub struct Transaction {
        /// `TRADE_TRANSACTION_TYPE`.
        transaction: u8,
        /// `ORDER_TYPE`.
        order_type: u8,
        /// `ORDER_STATE`.
        order_state: u8,
        /// `DEAL_TYPE`, or the position's side.
        deal_type: u8,
        /// `ORDER_TYPE_TIME`.
        time_type: u8,
        /// `DEAL_ENTRY`.
        entry: u8,
        /// `DEAL_REASON` or `ORDER_REASON`.
        reason: u8,
        /// 1 when the look-up by ticket succeeded, so that `magic` and what follows are true.
        looked_up: u8,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Zero.
        reserved: u16,
        /// For `REQUEST`: the return code.
        retcode: u32,
        /// For `REQUEST`: the request's number.
        request_id: u32,
        /// Deal ticket.
        deal: u64,
        /// Order ticket.
        order: u64,
        /// Position ticket.
        position: u64,
        /// Opposite position.
        position_by: u64,
        /// Price.
        price: f64,
        /// Limit price of a stop-limit.
        price_trigger: f64,
        /// Stop loss.
        price_sl: f64,
        /// Take profit.
        price_tp: f64,
        /// Volume: the unfilled part for orders.
        volume: f64,
        /// Volume when placed, for orders.
        volume_initial: f64,
        /// Expiration, server seconds.
        time_expiration_s: i64,
        /// `ORDER_MAGIC` or `DEAL_MAGIC`.
        magic: u64,
        /// Stable identifier of the position.
        position_id: u64,
        /// `DEAL_PROFIT`.
        profit: f64,
        /// `DEAL_COMMISSION`.
        commission: f64,
        /// `DEAL_SWAP`.
        swap: f64,
        /// `DEAL_FEE`.
        fee: f64,
        /// Server milliseconds of the deal or order.
        time_msc: i64,
    }
}

layout! {
    /// A snapshot begins.
    pub struct SnapshotBegin {
        /// The request it answers.
        request: u64,
        /// Deals and history orders in it are from this server time on, milliseconds.
        since_msc: i64,
        /// Server time of the snapshot, milliseconds.
        time_msc: i64,
    }
}

layout! {
    /// An order in a snapshot, open or from history.
    pub struct OrderState {
        /// The request it answers.
        request: u64,
        /// Order ticket.
        ticket: u64,
        /// Its magic.
        magic: u64,
        /// Position it belongs to, or zero.
        position: u64,
        /// Opposite position, or zero.
        position_by: u64,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// `ORDER_TYPE`.
        order_type: u8,
        /// `ORDER_STATE`.
        order_state: u8,
        /// `ORDER_TYPE_TIME`.
        time_type: u8,
        /// `ORDER_TYPE_FILLING`.
        filling: u8,
        /// `ORDER_REASON`.
        reason: u8,
        /// 1 when it comes from history.
        history: u8,
        /// Price.
        price: f64,
        /// Limit price of a stop-limit.
        price_trigger: f64,
        /// Stop loss.
        price_sl: f64,
        /// Take profit.
        price_tp: f64,
        /// Volume when placed.
        volume_initial: f64,
        /// Volume not filled.
        volume_current: f64,
        /// Expiration, server seconds.
        time_expiration_s: i64,
        /// Set up, server milliseconds.
        time_setup_msc: i64,
        /// Its comment.
        comment: [u8; 32],
    }
}

layout! {
    /// A position in a snapshot.
    pub struct PositionState {
        /// The request it answers.
        request: u64,
        /// Position ticket.
        ticket: u64,
        /// Stable identifier.
        identifier: u64,
        /// Magic of its opening order.
        magic: u64,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// 0 buy, 1 sell.
        position_type: u8,
        /// `POSITION_REASON`.
        reason: u8,
        /// Zero.
        reserved: u32,
        /// Volume.
        volume: f64,
        /// Average open price.
        price_open: f64,
        /// Stop loss.
        price_sl: f64,
        /// Take profit.
        price_tp: f64,
        /// Floating profit.
        profit: f64,
        /// Swap.
        swap: f64,
        /// Opened, server milliseconds.
        time_msc: i64,
        /// Its comment.
        comment: [u8; 32],
    }
}

layout! {
    /// A deal in a snapshot.
    pub struct DealState {
        /// The request it answers.
        request: u64,
        /// Deal ticket.
        ticket: u64,
        /// Its order.
        order: u64,
        /// Its magic.
        magic: u64,
        /// Stable identifier of its position.
        position_id: u64,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// `DEAL_TYPE`.
        deal_type: u8,
        /// `DEAL_ENTRY`.
        entry: u8,
        /// `DEAL_REASON`.
        reason: u8,
        /// Zero.
        reserved: [u8; 3],
        /// Volume.
        volume: f64,
        /// Price.
        price: f64,
        /// Profit.
        profit: f64,
        /// Commission.
        commission: f64,
        /// Swap.
        swap: f64,
        /// Fee.
        fee: f64,
        /// Server milliseconds.
        time_msc: i64,
        /// Its comment.
        comment: [u8; 32],
    }
}

layout! {
    /// The account.
    pub struct AccountState {
        /// Balance.
        balance: f64,
        /// Credit.
        credit: f64,
        /// Floating profit.
        profit: f64,
        /// Equity.
        equity: f64,
        /// Margin in use.
        margin: f64,
        /// Free margin.
        margin_free: f64,
        /// Margin level, per cent.
        margin_level: f64,
        /// Margin call level.
        margin_call: f64,
        /// Stop out level.
        margin_stop_out: f64,
        /// Leverage, 1:n.
        leverage: u32,
        /// Most pending orders; zero for none.
        limit_orders: u32,
        /// Server time minus UTC, seconds.
        server_offset_s: i32,
        /// `TERMINAL_PING_LAST`, microseconds.
        ping_us: u32,
        /// 1 connected, 2 terminal and program may trade, 4 account may trade, 8 programs may trade on it.
        flags: u8,
        /// `ACCOUNT_STOPOUT_MODE`.
        stop_out_mode: u8,
        /// 1 when `ACCOUNT_FIFO_CLOSE`.
        fifo_close: u8,
        /// 1 when `ACCOUNT_HEDGE_ALLOWED`.
        hedge_allowed: u8,
        /// Zero.
        reserved: u32,
    }
}

layout! {
    /// A snapshot ends.
    pub struct SnapshotEnd {
        /// The request it answers.
        request: u64,
        /// Orders sent, open ones.
        order_count: u32,
        /// Positions sent.
        position_count: u32,
        /// Deals sent.
        deal_count: u32,
        /// Orders sent, from history.
        history_count: u32,
        /// 1 when history could be read whole.
        complete: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

layout! {
    /// How many commands the terminal takes.
    pub struct CreditGrant {
        /// Commands in total since the hello of this connection.
        granted_total: u64,
    }
}

layout! {
    /// Alive. The appliance sends the same body with its own kind.
    pub struct Heartbeat {
        /// Number of this heartbeat.
        count: u64,
        /// Microseconds of the other side's clock as last heard, so that it can compute the round trip.
        echo_us: i64,
    }
}

layout! {
    /// A part of a stream that cannot be sent again.
    pub struct GapNotice {
        /// The stream.
        stream: u16,
        /// Zero.
        reserved: [u8; 6],
        /// First number.
        from_seq: u64,
        /// Last number.
        to_seq: u64,
    }
}

layout! {
    /// The terminal leaves on purpose.
    pub struct Bye {
        /// `REASON_*` of `OnDeinit`.
        reason: u32,
        /// Zero.
        reserved: u32,
    }
}

layout! {
    /// The hello is accepted.
    pub struct Welcome {
        /// This start of the appliance; commands of an older one must not be executed.
        epoch: u64,
        /// Send a heartbeat this often, milliseconds.
        heartbeat_ms: u32,
        /// Without a message for so long the other side is gone, milliseconds.
        silent_after_ms: u32,
        /// What the terminal does then: 0 nothing, 1 cancels our pending orders, 2 and closes our positions.
        dead_man: u8,
        /// Zero.
        reserved: [u8; 7],
        /// Name of the appliance.
        name: [u8; 32],
    }
}

layout! {
    /// The hello, or a later message, is refused; the connection closes.
    pub struct Reject {
        /// `RejectReason`.
        reason: u32,
        /// Zero.
        reserved: u32,
        /// In words: what was expected, what was got.
        text: [u8; 64],
    }
}

layout! {
    /// Push this symbol: its properties, then its ticks.
    pub struct Subscribe {
        /// 1 ticks, 2 depth as well.
        what: u8,
        /// Zero.
        reserved: [u8; 7],
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// `MqlTradeRequest`.
    pub struct Command {
        /// The order's id: goes into `magic`; a repeated id and action is answered with the first result.
        order_id: u64,
        /// Epoch of the appliance.
        epoch: u64,
        /// `TRADE_ACTION_*`.
        action: u8,
        /// `ORDER_TYPE`.
        order_type: u8,
        /// `ORDER_TYPE_FILLING`.
        filling: u8,
        /// `ORDER_TYPE_TIME`.
        time_type: u8,
        /// Deviation, points.
        deviation_points: u32,
        /// Not to be executed when it is older than this on arrival, milliseconds; zero for no limit.
        valid_for_ms: u32,
        /// Zero.
        reserved: u32,
        /// Order ticket to change, or zero.
        order: u64,
        /// Position ticket to close or change, or zero.
        position: u64,
        /// Opposite position, or zero.
        position_by: u64,
        /// Volume.
        volume: f64,
        /// Price.
        price: f64,
        /// Limit price of a stop-limit.
        stop_limit: f64,
        /// Stop loss, zero for none.
        price_sl: f64,
        /// Take profit, zero for none.
        price_tp: f64,
        /// Expiration, server seconds, or zero.
        expiration_s: i64,
        /// The symbol.
        symbol: [u8; 32],
        /// Second key, text.
        comment: [u8; 32],
    }
}

layout! {
    /// Send a snapshot: account, open orders, positions, and deals and history orders since a time.
    pub struct RequestSnapshot {
        /// Comes back in the answer.
        request: u64,
        /// Server milliseconds.
        since_msc: i64,
    }
}

layout! {
    /// Send ticks of the past.
    pub struct RequestTicks {
        /// Comes back in the answer.
        request: u64,
        /// From, server milliseconds.
        from_msc: i64,
        /// To, server milliseconds; zero for now.
        to_msc: i64,
        /// At most so many, the newest.
        count_max: u64,
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// Send bars of the past.
    pub struct RequestBars {
        /// Comes back in the answer.
        request: u64,
        /// Period in seconds.
        period_s: u32,
        /// At most so many, the newest.
        count_max: u32,
        /// From, server milliseconds.
        from_msc: i64,
        /// To, server milliseconds; zero for now.
        to_msc: i64,
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// Send numbers of a stream again; ticks come as `HistoryTick` with their first numbers.
    pub struct Refill {
        /// The stream.
        stream: u16,
        /// Zero.
        reserved: [u8; 6],
        /// First number.
        from_seq: u64,
        /// Last number.
        to_seq: u64,
    }
}

layout! {
    /// Send a symbol's properties.
    pub struct RequestInstrument {
        /// The symbol.
        symbol: [u8; 32],
    }
}
