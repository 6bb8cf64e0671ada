//! What the account is and has: the answer to `RequestSnapshot`, and the account's figures.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: the fields stand in the order of `bridge/PROTOCOL.md`; a test holds the two together.

use crate::layout;

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
        /// Done, server milliseconds; zero while it is open.
        time_done_msc: i64,
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
        /// 1 when history could be read whole and the trade server was there all the while.
        complete: u8,
        /// Zero.
        reserved: [u8; 7],
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
        /// Server time of these figures, milliseconds.
        time_msc: i64,
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
