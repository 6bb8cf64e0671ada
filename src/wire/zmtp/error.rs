//! Why a connection ends, sorted by whose fault it is, and why a message is not taken for sending.
//!
//! What it is not: socket errors, which are `link`'s.
//!
//! Invariant: an error is a plain value without heap memory, so a hostile peer cannot make the hot lane allocate.

use super::metadata::SocketType;
use crate::types::FixedText;

/// Whose fault the end of a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The bytes are not ZMTP, or break a limit.
    Bytes,
    /// Legal bytes at the wrong time, or none at all.
    Conduct,
    /// Another version, mechanism or socket type.
    Incompatible,
    /// The peer told us with ERROR that it does not want us.
    Refused,
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The first ten bytes are not a ZMTP signature.
    #[error("greeting: expected {expected:#04x} at byte {index}, got {got:#04x}")]
    Signature {
        /// Where in the greeting.
        index: usize,
        /// What the signature has there.
        expected: u8,
        /// What came.
        got: u8,
    },
    /// The mechanism's name is not text padded with zeros.
    #[error("greeting: expected a mechanism name padded with zeros")]
    MechanismName,
    /// A flag bit that the specification reserves, or MORE on a command.
    #[error("frame: expected flags without reserved bits and no MORE on a command, got {flags:#04x}")]
    Flags {
        /// The flags octet.
        flags: u8,
    },
    /// A message grows beyond its limit.
    #[error("frame: expected at most {max} more bytes in this message, the header announces {got}")]
    MessageTooLarge {
        /// What was left for this message.
        max: usize,
        /// What the header announced.
        got: u64,
    },
    /// A message of too many parts.
    #[error("message: expected at most {max} parts")]
    TooManyParts {
        /// The limit.
        max: u32,
    },
    /// A command beyond its limit.
    #[error("command: expected at most {max} bytes, the header announces {got}")]
    CommandTooLarge {
        /// The limit.
        max: usize,
        /// What the header announced.
        got: u64,
    },
    /// A command whose inside does not add up.
    #[error("command: {what}")]
    Malformed {
        /// What was expected.
        what: &'static str,
    },
    /// A message before the handshake was over.
    #[error("handshake: expected READY, got a message")]
    MessageBeforeReady,
    /// A command at the wrong time.
    #[error("expected {expected}, got another command")]
    UnexpectedCommand {
        /// What would have been right.
        expected: &'static str,
    },
    /// The handshake took too long.
    #[error("handshake: expected its end within {max_ms} ms")]
    HandshakeTimeout {
        /// The limit.
        max_ms: u32,
    },
    /// Nothing came for longer than our heartbeat allows.
    #[error("heartbeat: expected any traffic within {max_ms} ms")]
    Silent {
        /// The limit.
        max_ms: u32,
    },
    /// Nothing came within the time to live of the peer's own last PING.
    #[error("heartbeat: the peer's own time to live of {ttl_ms} ms passed without traffic")]
    TtlExpired {
        /// What its PING said.
        ttl_ms: u32,
    },
    /// The peer asks for answers and does not read them.
    #[error("the peer does not read: {max} bytes wait for it")]
    NotReading {
        /// The limit of the queue.
        max: usize,
    },
    /// A protocol before 3.0.
    #[error("greeting: expected ZMTP 3.0 or later, got major version {major}")]
    Version {
        /// What came.
        major: u8,
    },
    /// Another security mechanism.
    #[error("greeting: expected mechanism {expected}, got {got}")]
    Mechanism {
        /// Ours.
        expected: FixedText<20>,
        /// The peer's.
        got: FixedText<20>,
    },
    /// A socket type that ours does not talk to.
    #[error("READY: expected a socket type that {ours} talks to, got {got}")]
    SocketType {
        /// Ours.
        ours: SocketType,
        /// The peer's, or "none".
        got: FixedText<16>,
    },
    /// The peer sent ERROR.
    #[error("the peer refused: {reason}")]
    PeerError {
        /// The first 64 characters of its reason; what is not printable shows as '?'.
        reason: FixedText<64>,
    },
}

impl ProtocolError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        use ProtocolError::*;
        match self {
            Signature { .. }
            | MechanismName
            | Flags { .. }
            | MessageTooLarge { .. }
            | TooManyParts { .. }
            | CommandTooLarge { .. }
            | Malformed { .. } => Fault::Bytes,
            MessageBeforeReady
            | UnexpectedCommand { .. }
            | HandshakeTimeout { .. }
            | Silent { .. }
            | TtlExpired { .. }
            | NotReading { .. } => Fault::Conduct,
            Version { .. } | Mechanism { .. } | SocketType { .. } => Fault::Incompatible,
            PeerError { .. } => Fault::Refused,
        }
    }

    /// The reason that the peer is told in ERROR, if the error is one it should hear about.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            ProtocolError::Mechanism { .. } => "Mechanism mismatch",
            ProtocolError::SocketType { .. } => "Invalid socket type",
            ProtocolError::MessageBeforeReady | ProtocolError::UnexpectedCommand { .. } => "Expected READY",
            ProtocolError::HandshakeTimeout { .. } => "Handshake timeout",
            _ => "Malformed handshake",
        }
    }
}

/// What stands for text that is not: printable ASCII stays, the rest is '?', and what is too long is cut.
pub(super) fn printable<const N: usize>(bytes: &[u8]) -> FixedText<N> {
    let mut field = [0; N];
    for (to, &from) in field.iter_mut().zip(bytes) {
        *to = if (0x20..0x7f).contains(&from) { from } else { b'?' };
    }
    FixedText::from_bytes(field).unwrap_or_default()
}

/// Why a message was not taken for sending; nothing of it was queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueueError {
    /// The handshake is not over, or the connection is closed.
    #[error("send: expected an open connection")]
    NotOpen,
    /// More than a message may have.
    #[error("send: expected at most {max} bytes, got {got}")]
    TooLarge {
        /// The limit.
        max: usize,
        /// What was to be sent.
        got: usize,
    },
    /// The peer reads too slowly.
    #[error("send: expected at most {max} bytes queued, {queued} wait and {got} came")]
    Full {
        /// The limit.
        max: usize,
        /// What waits.
        queued: usize,
        /// What was to be sent, with its header.
        got: usize,
    },
}
