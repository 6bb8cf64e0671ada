//! What a link counts.
//!
//! What it is not: shared. Its owner reads the fields between polls and publishes them as it likes.
//!
//! Invariant: a counter only grows; every refusal is in exactly one of the `*_refused_*` and `*_ended_*` counters.

use super::event::LinkEnd;
use crate::wire::zmtp::{ControlCounts, Fault};

/// Counters of one link, since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkCounters {
    /// TCP connections accepted.
    pub accepted_count: u64,
    /// TCP connections closed at once because every slot was taken by a connected peer.
    pub refused_full_count: u64,
    /// `accept` failed, for want of file descriptors as an example.
    pub accept_failed_count: u64,
    /// Handshakes that ended well.
    pub connected_count: u64,
    /// Ends because the peer closed.
    pub ended_peer_closed_count: u64,
    /// Ends because the socket failed.
    pub ended_socket_count: u64,
    /// Ends because the bytes were not ZMTP or broke a limit.
    pub ended_bytes_count: u64,
    /// Ends because of a deadline or a message at the wrong time.
    pub ended_conduct_count: u64,
    /// Ends because version, mechanism or socket type do not fit.
    pub ended_incompatible_count: u64,
    /// Ends because the peer sent ERROR.
    pub ended_peer_error_count: u64,
    /// Ends because the same identity connected again.
    pub ended_taken_over_count: u64,
    /// Handshakes that gave way to newer connections.
    pub ended_evicted_count: u64,
    /// Ends by our own call.
    pub ended_here_count: u64,
    /// Message parts received.
    pub parts_received_count: u64,
    /// Bytes received, everything included.
    pub bytes_received_count: u64,
    /// Message parts taken for sending.
    pub parts_sent_count: u64,
    /// Bytes handed to the kernel, everything included.
    pub bytes_sent_count: u64,
    /// Writes that the kernel took only a part of, or nothing.
    pub write_blocked_count: u64,
    /// Messages refused because the peer's queue is full or the message too large.
    pub send_refused_count: u64,
    /// Messages refused because there is no such connection.
    pub send_not_connected_count: u64,
    /// Cycles in which a connection had more than its share and had to wait for the next one.
    pub share_exhausted_count: u64,
    /// PINGs received and answered.
    pub ping_received_count: u64,
    /// PINGs sent.
    pub ping_sent_count: u64,
    /// PONGs received.
    pub pong_received_count: u64,
    /// Unknown commands, ignored.
    pub command_ignored_count: u64,
}

impl LinkCounters {
    pub(super) fn count_end(&mut self, reason: LinkEnd) {
        let counter = match reason {
            LinkEnd::PeerClosed => &mut self.ended_peer_closed_count,
            LinkEnd::Socket(_) => &mut self.ended_socket_count,
            LinkEnd::TakenOver => &mut self.ended_taken_over_count,
            LinkEnd::Evicted => &mut self.ended_evicted_count,
            LinkEnd::ClosedHere => &mut self.ended_here_count,
            LinkEnd::Protocol(error) => match error.fault() {
                Fault::Bytes => &mut self.ended_bytes_count,
                Fault::Conduct => &mut self.ended_conduct_count,
                Fault::Incompatible => &mut self.ended_incompatible_count,
                Fault::Refused => &mut self.ended_peer_error_count,
            },
        };
        *counter += 1;
    }

    pub(super) fn add_control(&mut self, counts: ControlCounts) {
        self.ping_received_count += counts.ping_received_count;
        self.ping_sent_count += counts.ping_sent_count;
        self.pong_received_count += counts.pong_received_count;
        self.command_ignored_count += counts.command_ignored_count;
    }
}
