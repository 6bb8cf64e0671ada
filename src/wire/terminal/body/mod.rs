//! The bodies of all messages, field by field.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: enumerations travel as MT5's own numbers, prices and volumes as MT5's doubles, times as MT5's server times
//! unless a name says otherwise; nothing is converted here.

mod history;
mod market;
mod orders;
mod session;
mod snapshot;

pub use history::{Bar, HistoryEnd, RequestBars, RequestTicks};
pub use market::{Book, InstrumentSpec, RequestInstrument, Tick, TradingSession};
pub use orders::{Command, CommandResult, Transaction};
pub use session::{Bye, CreditGrant, GapNotice, Heartbeat, Hello, Refill, Reject, Subscribe, Welcome};
pub use snapshot::{
    AccountState, DealState, OrderState, PositionState, RequestSnapshot, SnapshotBegin, SnapshotEnd,
};

use super::header::{Body, MessageKind, Stream};
use crate::record::Layout;

macro_rules! bodies {
    ($($stream:ident: $($name:ident),+;)+) => {
        $($(impl Body for $name {
            const KIND: MessageKind = MessageKind::$name;
            const STREAM: Stream = Stream::$stream;
        })+)+

        /// The size that a kind demands of its body.
        #[inline]
        pub fn body_bytes(kind: MessageKind) -> usize {
            match kind {
                $($(MessageKind::$name => $name::BYTES,)+)+
                MessageKind::HistoryTick => Tick::BYTES,
                MessageKind::ApplianceHeartbeat => Heartbeat::BYTES,
            }
        }

        /// Name, kind, stream and fields of every body, for the document's test.
        #[cfg(test)]
        pub fn catalogue() -> Vec<(&'static str, MessageKind, Stream, &'static [crate::record::FieldLayout])> {
            vec![$($((stringify!($name), $name::KIND, $name::STREAM, $name::FIELDS)),+),+]
        }
    };
}
bodies! {
    Session: Hello, InstrumentSpec, AccountState, CreditGrant, Heartbeat, GapNotice, Bye, HistoryEnd, Bar, Welcome, Reject,
        Subscribe, RequestSnapshot, RequestTicks, RequestBars, Refill, RequestInstrument, TradingSession;
    Market: Tick, Book;
    Trade: Transaction;
    Results: CommandResult, SnapshotBegin, OrderState, PositionState, DealState, SnapshotEnd;
    Commands: Command;
}
