//! Codecs: what travels on a connection, without the connection.
//!
//! What it is not: no sockets, no clock, no threads; bytes go in and values come out, and the time is handed in.
//!
//! Invariant: every length is compared with its limit before memory is taken for it.

pub mod zmtp;
