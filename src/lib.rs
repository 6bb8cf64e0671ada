//! Tickbridge: a low-latency bridge between MetaTrader 5 terminals, exchanges and a trading model.

pub mod agents;
pub mod app;
pub mod cli;
pub mod config;
pub mod engine;
pub mod features;
pub mod journal;
pub mod link;
pub mod market;
pub mod metrics;
pub mod model;
pub mod order;
pub mod record;
pub mod replay;
pub mod report;
pub mod risk;
pub mod runtime;
pub mod setup;
pub mod signal;
pub mod sim;
pub mod store;
pub mod types;
pub mod wire;
