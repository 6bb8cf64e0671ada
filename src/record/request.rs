//! Payloads of the records about requests: what became of one, and which order is tried again by which.
//!
//! What it is not: the request itself; that is a [`super::Command`] with an id and a revision of its own.
//!
//! Invariant: every field follows from the inputs alone, so that a replay makes the same bytes.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(RequestStateChange, Retry);

/// Bit of a [`super::Command`]'s `aux`: it reduces a position.
pub const AUX_REDUCES: u32 = 1;
/// The upper bits of a [`super::Command`]'s `aux`: the revision of a request, zero of an order.
pub const AUX_REVISION_SHIFT: u32 = 8;

layout! {
    /// A request came into doubt or to its end.
    pub struct RequestStateChange {
        /// The request's own id.
        request_id: u64,
        /// The order that it is about, or zero.
        order_id: u64,
        /// The position that it is about, or zero.
        position: u64,
        /// Which request about that order or position, from 1.
        revision: u32,
        /// Return code that decided it, or zero.
        retcode: u32,
        /// `OrderAction`.
        action: u8,
        /// `order::RequestStage` before.
        from: u8,
        /// `order::RequestStage` after.
        to: u8,
        /// `order::Verdict`: who decided.
        verdict: u8,
        /// `order::RequestState` after.
        request: u8,
        /// Zero.
        reserved: [u8; 3],
    }
}

layout! {
    /// The next command tries again what the venue refused: under a new id, at a fresh price.
    pub struct Retry {
        /// The order's id.
        order_id: u64,
        /// The order of the decision.
        first_id: u64,
        /// The order that was refused.
        refused_id: u64,
        /// Why.
        retcode: u32,
        /// Which retry, from 1.
        attempt: u32,
    }
}
