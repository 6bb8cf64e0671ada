//! Protocols without sockets: bytes in, values out, and back.
//!
//! What it is not: I/O (`link`), or anything that knows what a value is for.
//!
//! Invariant: every length is checked before it is believed; a codec never panics on input.

pub mod terminal;
pub mod zmtp;
