//! Who was refused at an address, and why, on the way to the log.
//!
//! What it is not: the refusal; the peer was told and its connection closed, whether or not anybody reads this.
//!
//! Invariant: a ring that is full loses the newest of these and nothing else; a hostile crowd cannot stop a lane with it, and strangers
//! leave room in it for those that showed a configured account.

use crate::runtime::ring::Producer;
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

    /// Whether it showed a configured account: everything that is asked after that is a reason of its own. Of all others nobody knows
    /// who they are.
    pub fn is_of_account(&self) -> bool {
        use RejectReason::{Currency, Epoch, MarginMode, RealMoney, Role};
        matches!(self.reason, MarginMode | Currency | RealMoney | Role | Epoch)
    }

    /// Tells it, unless only those of an account still find room.
    pub(super) fn tell(self, to: &mut Producer<RefusedPeer>) {
        if self.is_of_account() || to.free() > to.capacity() / 2 {
            // The log is not what a lane waits for.
            let _ = to.try_push(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;
    use crate::runtime::ring::ring;

    #[test]
    fn a_crowd_of_strangers_leaves_room_for_our_own_terminal() {
        let (mut to, mut from) = ring(8);
        let peer = |reason| {
            let hello = body::Hello::read(&[0; body::Hello::BYTES]);
            RefusedPeer::new(TimeNs(1), &hello, reason, FixedText::EMPTY)
        };
        (0..100).for_each(|_| peer(RejectReason::Account).tell(&mut to));
        peer(RejectReason::Currency).tell(&mut to);
        let told: Vec<bool> = std::iter::from_fn(|| from.pop()).map(|peer| peer.is_of_account()).collect();
        assert_eq!(told, [false, false, false, false, true]);
    }
}
