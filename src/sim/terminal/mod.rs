//! A simulated MT5 terminal: an account that trades, and the program that speaks the terminal protocol for it.
//!
//! What it is not: MT5. Delays are drawn, liquidity is unlimited unless told otherwise, and `bridge/MQL5` has its own tests.
//!
//! Invariant: everything but `session.rs`, `connection.rs` and `mishaps.rs` is a pure function of seed, quotes, commands and times.

pub mod account;
pub mod broker;
mod changes;
mod channel;
pub mod checks;
mod connection;
pub mod memory;
pub mod mishaps;
pub mod orders;
pub mod past;
pub mod playback;
pub mod quotes;
mod reopen;
mod replies;
pub(in crate::sim) mod report;
mod request;
pub mod retcode;
pub mod session;
pub mod symbol;
mod tape;
#[cfg(test)]
mod tests;
mod triggers;
pub mod truth;
