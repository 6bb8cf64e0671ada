//! sim
pub mod market;
