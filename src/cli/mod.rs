//! cli
pub mod check;
pub mod report;
pub mod sim;
pub mod ticks;
