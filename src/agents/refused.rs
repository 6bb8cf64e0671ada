//! Who was refused at an address, and why, on the way to the log.
//!
//! What it is not: the refusal; the peer was told and its connection closed, whether or not anybody reads this.
//!
//! Invariant: a ring that is full loses the newest of these and nothing else; a hostile crowd cannot stop a lane with it.

use crate::types::{FixedText, TimeNs};
use crate::wire::terminal::{RejectReason, body};

/// A peer that was refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusedPeer {
    /// When.
    pub ts: TimeNs,
    /// Account number of its hello; zero when it said none.
    pub login: u64,
    /// Trade server of its hello.
    pub server: [u8; 64],
    /// As it was told.
    pub reason: RejectReason,
    /// What was expected.
    pub words: FixedText<64>,
}

impl RefusedPeer {
    pub(super) fn new(ts: TimeNs, hello: &body::Hello, reason: RejectReason, words: FixedText<64>) -> Self {
        RefusedPeer { ts, login: hello.login, server: hello.server, reason, words }
    }
}
