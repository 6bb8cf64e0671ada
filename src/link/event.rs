//! What a link tells its owner: connections, messages, ends, and refusals to send.
//!
//! What it is not: a record. The caller turns messages into records.
//!
//! Invariant: a `Disconnected` comes exactly once for every `Connected`; a connection that never got so far is
//! told of once, as `Refused`.

use std::io;

use crate::wire::zmtp::{Identity, More, ProtocolError, QueueError, Version};

/// One connection in the life of the process: an id is never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConnectionId {
    /// The slot, below `connections_max`.
    pub slot: u16,
    /// Which of the slot's connections.
    pub generation: u32,
}

/// Why a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LinkEnd {
    /// The peer closed its side.
    #[error("the peer closed the connection")]
    PeerClosed,
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Socket(io::ErrorKind),
    /// The peer broke the protocol, a limit, or a deadline.
    #[error("{0}")]
    Protocol(ProtocolError),
    /// The same identity connected again.
    #[error("another connection with the same identity took over")]
    TakenOver,
    /// It was still in its handshake when its slot was needed for a newer connection.
    #[error("the slot was needed while the handshake was not over")]
    Evicted,
    /// We ended it.
    #[error("closed on this side")]
    ClosedHere,
}

/// What happened on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// The handshake is over.
    Connected {
        /// The name that the peer gave; may be empty.
        identity: &'a Identity,
        /// What it speaks.
        version: Version,
    },
    /// One part of a message.
    Message {
        /// The bytes, valid during the call.
        body: &'a [u8],
        /// Whether other parts follow.
        more: More,
    },
    /// A connection that was `Connected` ended; an unfinished message of it is void.
    Disconnected {
        /// Why.
        reason: LinkEnd,
    },
    /// A connection ended before it was `Connected`.
    Refused {
        /// Why.
        reason: LinkEnd,
    },
}

/// Why a message was not taken. Nothing of it is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// No such connection, or it ended, or its handshake is not over.
    #[error("send: expected a connected peer")]
    NotConnected,
    /// The queue or the message limit.
    #[error("{0}")]
    Refused(QueueError),
    /// The socket failed now or before; `Disconnected` follows in one of the next polls, after what the peer sent
    /// before. What had been queued is lost with it.
    #[error("send: the connection failed")]
    Broken,
}
