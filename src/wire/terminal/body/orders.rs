//! Commands, their results, and trade transactions.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: the fields stand in the order of `bridge/PROTOCOL.md`; a test holds the two together.

use crate::layout;

layout! {
    /// `MqlTradeRequest`.
    pub struct Command {
        /// The order's id: goes into `magic`; a repeated id, action and revision is answered with the first result.
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
        /// Counts the changes of one order, from 1; zero for a change that may be executed again.
        revision: u32,
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
        /// For `REQUEST`: `TRADE_ACTION_*`.
        action: u8,
        /// `ORDER_TYPE_FILLING`, for orders.
        filling: u8,
        /// For `REQUEST`: the return code.
        retcode: u32,
        /// For `REQUEST`: the request's number.
        request_id: u32,
        /// For `REQUEST`: the venue's own code.
        retcode_external: i32,
        /// Zero.
        reserved: u32,
        /// For `REQUEST`: bid of a requote.
        bid: f64,
        /// For `REQUEST`: ask of a requote.
        ask: f64,
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
        /// `ORDER_MAGIC` or `DEAL_MAGIC`; for `REQUEST` the request's, which is the order id.
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
        /// `ORDER_COMMENT`, `DEAL_COMMENT`, or for `REQUEST` the server's comment.
        comment: [u8; 32],
    }
}
