//! cli
pub mod ticks;
