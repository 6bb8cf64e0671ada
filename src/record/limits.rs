//! Payloads about the operator's limits and what enforces them: the kill switch, and changes of limits while the appliance runs.
//!
//! What it is not: the limits themselves; a start's configuration has them, and what these records say changes them.
//!
//! Invariant: each says who and why; the header's `ts` says when, and its origin that nobody of the engine's own made it.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(KillSwitch, LimitChange, Incident, BreakerChange, TradingHours, SymbolMargin);

/// How a kill was triggered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KillTrigger {
    /// By the operator's command.
    Command = 1,
    /// By the file `kill` in the state folder.
    File = 2,
    /// By SIGUSR1.
    Signal = 3,
    /// By the latch that an earlier run left.
    Latch = 4,
}

impl KillTrigger {
    /// The trigger with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Command, Self::File, Self::Signal, Self::Latch]
            .into_iter()
            .find(|trigger| *trigger as u8 == code)
    }
}

layout! {
    /// The kill switch was thrown: nothing opens or changes within its scope until an operator arms or activates.
    pub struct KillSwitch {
        /// `types::Scope` as its kind: 1 all, 2 a venue, 3 a strategy, 4 an instrument.
        scope: u8,
        /// 1 when what is held within the scope is closed as well.
        flatten: u8,
        /// Which venue, strategy or instrument.
        scope_id: u16,
        /// [`KillTrigger`].
        trigger: u8,
        /// Zero.
        reserved: [u8; 3],
        /// Who, ASCII.
        who: [u8; 32],
        /// Why, ASCII.
        why: [u8; 48],
    }
}

/// Bit of a [`LimitChange`]'s `aux`: the word before is taken back, and the configuration's value holds again.
pub const LIMIT_TAKEN_BACK: u32 = 1 << 16;

layout! {
    /// The operator changes a limit. `aux` in the header is its `risk::LimitKey`, with [`LIMIT_TAKEN_BACK`].
    pub struct LimitChange {
        /// What held before, as the configuration measures it.
        value_old: f64,
        /// What is to hold.
        value_new: f64,
        /// Who, ASCII.
        who: [u8; 32],
        /// Why, ASCII.
        why: [u8; 48],
    }
}

layout! {
    /// One session of a symbol's week in which its venue trades it. A [`super::Spec`] of the symbol begins the list anew.
    pub struct TradingHours {
        /// Begin, seconds of the server's day.
        from_s: u32,
        /// End, seconds of the server's day; 86400 for midnight.
        to_s: u32,
        /// Day of the week, 0 for Sunday.
        day: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

layout! {
    /// What the margin of a symbol's orders follows from. Behind each [`super::Spec`].
    pub struct SymbolMargin {
        /// `SYMBOL_MARGIN_INITIAL` of a lot, in the margin's currency.
        initial: f64,
        /// `SymbolInfoMarginRate` of a buy: initial.
        rate_buy: f64,
        /// The same of a sell.
        rate_sell: f64,
        /// The margin's currency, ASCII, zero padded.
        currency: [u8; 8],
        /// `SYMBOL_TRADE_CALC_MODE`.
        calc_mode: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

/// What the control floor saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum IncidentKind {
    /// A terminal was refused; the amount is the reason's code.
    HandshakeRefused = 1,
    /// System time minus ours crossed its limit; the amount is nanoseconds.
    ClockError = 2,
    /// A process took the place of one whose lane hung while something was killed; the amount is how many did so far.
    LaneHung = 3,
}

impl IncidentKind {
    /// The kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::HandshakeRefused, Self::ClockError, Self::LaneHung]
            .into_iter()
            .find(|kind| *kind as u8 == code)
    }
}

layout! {
    /// Something that the engine cannot see by itself.
    pub struct Incident {
        /// In the kind's unit.
        amount: i64,
        /// [`IncidentKind`].
        kind: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}

layout! {
    /// A breaker changed its state: an output.
    pub struct BreakerChange {
        /// `risk::Component`.
        component: u8,
        /// `risk::BreakerState` before.
        from: u8,
        /// `risk::BreakerState` after.
        to: u8,
        /// Zero.
        reserved: u8,
        /// Its limit of failures.
        failures: u32,
        /// The order that tries, or zero.
        order_id: u64,
    }
}
