//! The terminal protocol, version 1: what an MT5 terminal and the appliance say to each other inside ZMTP messages.
//!
//! What it is not: ZMTP (`wire::zmtp`), or the engine's records (`record`); `decode` and `encode` translate to those.
//!
//! Invariant: one ZMTP message is one header and one fixed-size body of the kind the header names, little-endian, without
//! padding (MQL5's `pack(1)`). `bridge/PROTOCOL.md` says the same in words; a test holds the two together.

pub mod body;
mod decode;
mod decode_history;
mod decode_trade;
#[cfg(test)]
mod document;
mod encode;
mod header;
mod symbols;
#[cfg(test)]
mod tests;
mod units;

pub use decode::{DecodeError, Decoded, Decoder};
pub use encode::{HistoryQuestion, encode_command, encode_heartbeat, encode_history_request, encode_message};
pub use header::{
    Body, HEADER_BYTES, Header, HeaderError, MESSAGE_BYTES_MAX, MessageKind, PROTOCOL, RejectReason, Stream,
};
pub use symbols::{SymbolError, SymbolTable};
