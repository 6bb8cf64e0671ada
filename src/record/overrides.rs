//! Payloads about the operator's leave for one order beyond one limit.
//!
//! What it is not: a change of the limit (`limits.rs`).
//!
//! Invariant: the leave says who and why, the header's `ts` when; what used it names the order whose command follows.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(Override, OverrideUse);

layout! {
    /// The operator lets one order of the header's instrument pass one limit.
    pub struct Override {
        /// Up to this, as the configuration measures the limit.
        bound: f64,
        /// For so long, seconds.
        lasts_s: u32,
        /// `risk::Reason` that is lifted.
        reason: u16,
        /// Zero.
        reserved: [u8; 2],
        /// Who, ASCII.
        who: [u8; 32],
        /// Why, ASCII.
        why: [u8; 48],
    }
}

layout! {
    /// An order passed by such a leave, which is gone with it: an output, before the order's command.
    pub struct OverrideUse {
        /// The order.
        order_id: u64,
        /// The limit that it exceeds, in the reason's unit.
        limit: i64,
        /// By how much it would have been refused, in the reason's unit.
        got: i64,
        /// The leave's bound, as the configuration measures the limit.
        bound: f64,
        /// `risk::Reason` that was lifted.
        reason: u32,
        /// Zero.
        reserved: [u8; 4],
    }
}
