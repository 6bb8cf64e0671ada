//! ZMTP 3.1 (ZeroMQ RFC 37), sans-I/O: greeting, security handshake, frames, commands, for the DEALER and ROUTER sockets.
//!
//! What it is not: it owns no socket and reads no clock (`link` does the first, the lane the second), and it does not
//! know what the messages mean. PUB/SUB is not spoken: SUBSCRIBE and CANCEL are ignored as any other unknown command.
//!
//! Invariant: what a peer sends can end its own connection and nothing else; no length that a peer announces takes
//! memory before it was compared with [`Limits`], and then memory grows with the bytes that really came.
//!
//! Reading order: [`Connection`] is the whole; `greeting`, `mechanism`, `metadata`, `command` and `frame` are the
//! pieces of the specification one by one; `byte_queue` is the memory. Both roles use the same files: the only
//! difference between them is the [`SocketType`] in [`Settings`].

mod byte_queue;
mod command;
mod connection;
mod error;
mod frame;
mod greeting;
mod limits;
mod mechanism;
mod metadata;
#[cfg(test)]
mod tests;

pub use connection::{Connection, ControlCounts, Event};
pub use error::{Fault, ProtocolError, QueueError};
pub use frame::{LONG_HEADER_BYTES, More, SHORT_BODY_BYTES_MAX, SHORT_HEADER_BYTES};
pub use greeting::{GREETING_BYTES, Version};
pub use limits::{Heartbeat, Limits, LimitsError};
pub use mechanism::Mechanism;
pub use metadata::{IDENTITY_BYTES_MAX, Identity, IdentityError, SocketType};

/// What one end of a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The socket that we play: ROUTER for the appliance, DEALER for a terminal.
    pub socket: SocketType,
    /// The name that we give in READY; may be empty, and is empty for a ROUTER.
    pub identity: Identity,
    /// How the connection is secured.
    pub mechanism: Mechanism,
    /// What a peer may take.
    pub limits: Limits,
}
