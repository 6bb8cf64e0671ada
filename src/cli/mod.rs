//! cli
pub mod check;
pub mod report;
