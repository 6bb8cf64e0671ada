//! cli
pub mod check;
pub mod ticks;
