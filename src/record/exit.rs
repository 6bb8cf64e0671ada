//! Payloads of what exits ask for.
//!
//! What it is not: the command itself; that follows or precedes it under the same id.
//!
//! Invariant: every field follows from the inputs alone.

use super::header::{Kind, Payload};
use crate::layout;

impl Payload for Exit {
    const KIND: Kind = Kind::Exit;
}

layout! {
    /// A rule of exits asked for something: a reduction, or stops that stand elsewhere.
    pub struct Exit {
        /// The id of the order or request.
        order_id: u64,
        /// The position's identifier on a hedging account, zero on a netting one.
        position: u64,
        /// Steps wanted to be closed; zero where only stops move.
        qty: i64,
        /// Steps of the position that are left.
        left: i64,
        /// Steps that were filled into it.
        opened: i64,
        /// Wanted stop loss, ticks, or `Price::NONE`.
        stop_loss: i64,
        /// Wanted take profit, ticks, or `Price::NONE`.
        take_profit: i64,
        /// The best price at which it could have been left, ticks.
        best: i64,
        /// Average true range that was looked at, ticks: bits of an `f64`.
        atr_bits: u64,
        /// Its first fill, UTC nanoseconds.
        since: i64,
        /// `order::exits::ExitReason` as a code.
        reason: u32,
        /// Zero.
        reserved: u32,
    }
}
