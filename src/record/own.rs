//! Payloads of what our own side tells the engine: the sending lane, the operator, and what of ours failed.
//!
//! What it is not: a venue's word (`input.rs`).
//!
//! Invariant: a code that is not known is no action and no outcome; whoever reads one says so or passes it over.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(Dispatch, Control, Fault);

/// What became of a command on our side of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum DispatchOutcome {
    /// Handed to the socket: from here on only evidence counts.
    Sent = 1,
    /// Not one byte left: no session with the trade role.
    NoSession = 2,
    /// Not one byte left: older than its budget.
    Late = 3,
    /// Not one byte left: the connection's queue is full.
    QueueFull = 4,
    /// Not one byte left: the terminal has no credit.
    NoCredit = 5,
    /// Not one byte left: the kill switch was thrown before it could leave.
    Killed = 6,
}

impl DispatchOutcome {
    /// The outcome with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        use DispatchOutcome::*;
        [Sent, NoSession, Late, QueueFull, NoCredit, Killed].into_iter().find(|own| *own as u8 == code)
    }
}

layout! {
    /// The sending lane's word on a command.
    pub struct Dispatch {
        /// The order's id.
        order_id: u64,
        /// Journal sequence of the command.
        command_seq: u64,
        /// When the write returned, UTC nanoseconds.
        ts_send: i64,
        /// `OrderAction` of the command.
        action: u8,
        /// [`DispatchOutcome`].
        outcome: u8,
        /// Zero.
        reserved: [u8; 6],
    }
}

/// What the operator may order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ControlAction {
    /// Trade.
    Activate = 1,
    /// Only reductions and cancels.
    Reduce = 2,
    /// Nothing but cancels and reductions by hand.
    Halt = 3,
    /// Halt, and stay halted across restarts until an operator arms or activates.
    Kill = 4,
    /// Declare an unknown order dead: `order_id` names it.
    ResolveNotExecuted = 5,
    /// Take the venue's position in the header's instrument as the baseline, where the two differ and stay so.
    AcceptPosition = 6,
    /// End the kills that were thrown with this very scope, and the throttles within it; all else stays as it is.
    ActivateScope = 7,
}

impl ControlAction {
    /// The action with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        use ControlAction::*;
        [Activate, Reduce, Halt, Kill, ResolveNotExecuted, AcceptPosition, ActivateScope]
            .into_iter()
            .find(|action| *action as u8 == code)
    }
}

layout! {
    /// The operator spoke; the header has the instrument it is about, if any.
    pub struct Control {
        /// The order it is about, or zero.
        order_id: u64,
        /// [`ControlAction`].
        action: u8,
        /// With [`ControlAction::ActivateScope`] the kind of `types::Scope`: 2 a venue, 3 a strategy, 4 an instrument; else zero.
        scope: u8,
        /// Which venue, strategy or instrument; else zero.
        scope_id: u16,
        /// Zero.
        reserved: [u8; 4],
        /// Who, ASCII.
        who: [u8; 32],
        /// Why, ASCII.
        why: [u8; 48],
    }
}

/// What of ours failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FaultKind {
    /// The journal cannot be written to disk.
    JournalDisk = 1,
    /// The journal's memory is nearly full: the disk does not keep up.
    JournalBehind = 2,
    /// The journal writes again.
    JournalRecovered = 3,
    /// A lane stopped.
    LaneStopped = 4,
}

impl FaultKind {
    /// The fault with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::JournalDisk, Self::JournalBehind, Self::JournalRecovered, Self::LaneStopped]
            .into_iter()
            .find(|kind| *kind as u8 == code)
    }
}

layout! {
    /// Something of ours failed.
    pub struct Fault {
        /// Detail: an error number of the system, or a lane index.
        detail: u64,
        /// [`FaultKind`].
        kind: u8,
        /// Zero.
        reserved: [u8; 7],
    }
}
