//! What an MT5 account consists of: orders, deals, positions, and the codes that describe them.
//!
//! What it is not: behaviour; `account.rs` keeps them consistent, `broker.rs` makes them happen.
//!
//! Invariant: prices are ticks and volumes steps of the symbol, so that sums are exact; a position's average price is the
//! one figure that may lie between two ticks.

use crate::types::{DealEntry, Filling, Money, OrderKind, Price, Side, TimeInForce};

/// `ENUM_ORDER_STATE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OrderState {
    /// Checked, not yet accepted.
    Started = 0,
    /// Accepted.
    Placed = 1,
    /// Cancelled.
    Canceled = 2,
    /// Filled in part.
    Partial = 3,
    /// Filled.
    Filled = 4,
    /// Refused.
    Rejected = 5,
    /// Its time is over.
    Expired = 6,
}

/// `ENUM_ORDER_REASON` and `ENUM_DEAL_REASON`, as far as both have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// A program asked for it.
    Expert = 3,
    /// Stop loss.
    StopLoss = 4,
    /// Take profit.
    TakeProfit = 5,
    /// Stop out.
    StopOut = 6,
}

/// An order, open or past.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// Its ticket.
    pub ticket: u64,
    /// `ORDER_MAGIC`.
    pub magic: u64,
    /// Index of the symbol.
    pub symbol: usize,
    /// `ORDER_TYPE`.
    pub kind: OrderKind,
    /// `ORDER_STATE`.
    pub state: OrderState,
    /// `ORDER_TYPE_FILLING`.
    pub filling: Filling,
    /// `ORDER_TYPE_TIME`.
    pub time_type: TimeInForce,
    /// `ORDER_REASON`.
    pub reason: Reason,
    /// Ticks; the trigger of a stop-limit.
    pub price: Price,
    /// Limit price of a stop-limit.
    pub stop_limit: Price,
    /// Stop loss.
    pub stop_loss: Price,
    /// Take profit.
    pub take_profit: Price,
    /// Volume when placed, steps.
    pub volume_initial: i64,
    /// Volume not filled, steps.
    pub volume_open: i64,
    /// Ticket of the position to close, or zero.
    pub position: u64,
    /// Opposite position, or zero.
    pub position_by: u64,
    /// Server seconds, or zero.
    pub expiration_s: i64,
    /// Server milliseconds.
    pub setup_msc: i64,
    /// Server milliseconds, zero while open.
    pub done_msc: i64,
    /// Text.
    pub comment: [u8; 32],
}

impl Order {
    /// The side of a kind that has one.
    pub fn side(&self) -> Side {
        self.kind.side().unwrap_or(Side::Buy)
    }
}

/// A deal.
#[derive(Clone, PartialEq, Debug)]
pub struct Deal {
    /// Its ticket.
    pub ticket: u64,
    /// Ticket of its order.
    pub order: u64,
    /// `DEAL_MAGIC`.
    pub magic: u64,
    /// Index of the symbol.
    pub symbol: usize,
    /// Bought or sold.
    pub side: Side,
    /// In, out, both, or closed by an opposite position.
    pub entry: DealEntry,
    /// `DEAL_REASON`.
    pub reason: Reason,
    /// Identifier of its position.
    pub position_id: u64,
    /// Ticket of its position when it happened.
    pub position: u64,
    /// Opposite position of a close-by.
    pub position_by: u64,
    /// Steps.
    pub volume: i64,
    /// Ticks.
    pub price: Price,
    /// Realised profit, whole cents.
    pub profit: Money,
    /// Commission, whole cents, negative.
    pub commission: Money,
    /// Swap.
    pub swap: Money,
    /// Stop loss of the position.
    pub stop_loss: Price,
    /// Take profit of the position.
    pub take_profit: Price,
    /// Server milliseconds.
    pub time_msc: i64,
    /// Text.
    pub comment: [u8; 32],
}

/// An open position.
#[derive(Clone, PartialEq, Debug)]
pub struct Position {
    /// Changes on reversal.
    pub ticket: u64,
    /// Never changes.
    pub identifier: u64,
    /// Magic of its opening order.
    pub magic: u64,
    /// Index of the symbol.
    pub symbol: usize,
    /// Long or short.
    pub side: Side,
    /// Steps, above zero.
    pub volume: i64,
    /// Average price in ticks.
    pub price_open: f64,
    /// Stop loss.
    pub stop_loss: Price,
    /// Take profit.
    pub take_profit: Price,
    /// Swap so far.
    pub swap: Money,
    /// Opened, server milliseconds.
    pub time_msc: i64,
    /// Text.
    pub comment: [u8; 32],
}

/// Text cut to a field.
pub(super) fn text<const N: usize>(words: &str) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(words.bytes().filter(|byte| (0x20..0x7f).contains(byte))) {
        *to = from;
    }
    field
}
