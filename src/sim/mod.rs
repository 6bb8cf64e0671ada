//! sim
pub mod market;
pub mod terminal;
