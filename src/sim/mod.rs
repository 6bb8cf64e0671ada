//! Simulated counterparts: an MT5 terminal that speaks the real protocol over real sockets, and a whole world in virtual
//! time, without sockets, in which everything fails that can.
//!
//! What it is not: part of the appliance; nothing on the trading path imports it.
//!
//! Invariant: every random choice comes from a seed that is printed.

pub mod market;
pub mod terminal;
pub mod world;
