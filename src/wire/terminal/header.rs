//! The header of every message, and the lists of kinds, streams and reasons.
//!
//! What it is not: the bodies (`body.rs`).
//!
//! Invariant: a header that parses has a known version, a known kind, and exactly the length that the kind demands.

use crate::layout;
use crate::record::Layout;

/// Version of the protocol in this folder.
pub const PROTOCOL: u8 = 1;
/// Size of the header.
pub const HEADER_BYTES: usize = 24;
/// No message of this protocol is longer.
pub const MESSAGE_BYTES_MAX: usize = 1_024;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident: $raw:ty { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr($raw)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The value with this code.
            pub fn from_code(code: $raw) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }

            /// For documents and reports.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }
        }
    };
}

codes!(
    /// What a message says. Below 64: from the terminal; from 64: from the appliance.
    MessageKind: u8 {
        /// First message of a connection.
        Hello = 1,
        /// A symbol's properties.
        InstrumentSpec = 2,
        /// One tick.
        Tick = 3,
        /// One side of a depth-of-market image.
        Book = 4,
        /// One historical bar.
        Bar = 5,
        /// A history reply is complete.
        HistoryEnd = 6,
        /// Immediate answer to a command.
        CommandResult = 7,
        /// A trade transaction.
        Transaction = 8,
        /// A snapshot begins.
        SnapshotBegin = 9,
        /// An order in a snapshot.
        OrderState = 10,
        /// A position in a snapshot.
        PositionState = 11,
        /// A deal in a snapshot.
        DealState = 12,
        /// The account.
        AccountState = 13,
        /// A snapshot ends.
        SnapshotEnd = 14,
        /// How many commands the terminal takes.
        CreditGrant = 15,
        /// Alive.
        Heartbeat = 16,
        /// The terminal cannot refill a part of a stream.
        GapNotice = 17,
        /// The terminal leaves on purpose.
        Bye = 18,
        /// A historical or refilled tick.
        HistoryTick = 19,
        /// One session of a symbol's week.
        TradingSession = 20,
        /// The hello is accepted.
        Welcome = 64,
        /// The hello, or a later message, is refused.
        Reject = 65,
        /// Push this symbol.
        Subscribe = 66,
        /// Trade.
        Command = 67,
        /// Send a snapshot.
        RequestSnapshot = 68,
        /// Send ticks of the past.
        RequestTicks = 69,
        /// Send bars of the past.
        RequestBars = 70,
        /// Send a missing part of a stream again.
        Refill = 71,
        /// Alive.
        ApplianceHeartbeat = 72,
        /// Send a symbol's properties.
        RequestInstrument = 73,
    }
);
codes!(
    /// A numbered stream. Each connection numbers each of its streams from 1; zero means "not numbered".
    Stream: u16 {
        /// Hello, welcome, heartbeats, requests.
        Session = 0,
        /// Ticks and books.
        Market = 1,
        /// Trade transactions.
        Trade = 2,
        /// Results of commands and snapshots.
        Results = 3,
        /// Commands to the terminal.
        Commands = 4,
    }
);
codes!(
    /// Why the appliance refuses.
    RejectReason: u32 {
        /// Not version 1.
        Protocol = 1,
        /// Login or server is not the configured one.
        Account = 2,
        /// Margin mode is not the configured one.
        MarginMode = 3,
        /// A real-money account, and the configuration does not allow it.
        RealMoney = 4,
        /// The role is not served at this address.
        Role = 5,
        /// Account currency is not the configured one.
        Currency = 6,
        /// A message before the hello was accepted.
        NoHello = 7,
        /// A message that does not parse.
        Malformed = 8,
        /// The epoch of a command is older than the one the terminal last saw.
        Epoch = 9,
    }
);

layout! {
    /// Every message begins with it.
    pub struct Header {
        /// [`PROTOCOL`].
        protocol: u8,
        /// [`MessageKind`].
        kind: u8,
        /// [`Stream`].
        stream: u16,
        /// Length of the body in bytes.
        body_bytes: u32,
        /// Number in the stream, from 1; zero in the session stream.
        seq: u64,
        /// When the sender wrote it: microseconds of its own monotonic clock.
        ts_sender_us: i64,
    }
}

const _: () = assert!(Header::BYTES == HEADER_BYTES);

/// Why bytes are not a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// Shorter than a header.
    #[error("message: expected at least {HEADER_BYTES} bytes, got {got}")]
    Short {
        /// What came.
        got: usize,
    },
    /// Another version.
    #[error("protocol: expected version {PROTOCOL}, got {got}")]
    Protocol {
        /// What came.
        got: u8,
    },
    /// A kind this version does not know.
    #[error("message kind: expected one of protocol {PROTOCOL}, got {got}")]
    Kind {
        /// What came.
        got: u8,
    },
    /// A kind that only the other side sends.
    #[error("message kind {}: expected one that this side receives", got.name())]
    Direction {
        /// What came.
        got: MessageKind,
    },
    /// A body of the wrong size.
    #[error("body of {}: expected {expected} bytes, got {got}", kind.name())]
    Length {
        /// Of which message.
        kind: MessageKind,
        /// What the kind demands.
        expected: usize,
        /// What came.
        got: usize,
    },
}

impl Header {
    /// Reads and checks a header; the body is what follows it.
    #[inline]
    pub fn parse(message: &[u8]) -> Result<(Header, MessageKind, &[u8]), HeaderError> {
        if message.len() < HEADER_BYTES {
            return Err(HeaderError::Short { got: message.len() });
        }
        let header = Header::read(message);
        if header.protocol != PROTOCOL {
            return Err(HeaderError::Protocol { got: header.protocol });
        }
        let kind = MessageKind::from_code(header.kind).ok_or(HeaderError::Kind { got: header.kind })?;
        let body = &message[HEADER_BYTES..];
        let expected = super::body::body_bytes(kind);
        if body.len() != expected || header.body_bytes as usize != expected {
            let got = if body.len() != expected { body.len() } else { header.body_bytes as usize };
            return Err(HeaderError::Length { kind, expected, got });
        }
        Ok((header, kind, body))
    }
}

/// A body that knows its kind and the stream it travels in.
pub trait Body: Layout {
    /// The kind that announces it.
    const KIND: MessageKind;
    /// The stream it is numbered in.
    const STREAM: Stream;
}
