//! Tickbridge: a low-latency bridge between MetaTrader 5 terminals, exchanges and a trading model.
//!
//! What it is not: a library to build on from outside; it is public so that the program, tests, benches and fuzz targets share it.
//! How to use the program is in `README.md`; this page is for whoever carries on the work.
//!
//! Invariant: a folder imports only from floors below it, and `tests/architecture.rs` holds the table. Everything up to the shells
//! neither allocates nor locks once it runs (`tests/no_alloc.rs`); everything pure reads no clock and does no I/O.
//!
//! | floor | folders |
//! |---|---|
//! | values | [`types`], [`record`] |
//! | machine | [`runtime`]: the only clock, threads, rings and shared memory |
//! | pure | [`wire`], [`market`], [`features`], [`model`], [`signal`], [`risk`], [`order`], and [`engine`], which glues them |
//! | shells | [`link`] (sockets), [`journal`] (files), [`agents`] (what runs on lanes) |
//! | control | [`config`], [`setup`], [`metrics`], [`store`], [`report`], [`sim`], [`replay`], [`cli`] |
//! | wiring | [`app`], which alone knows every floor |
//!
//! Start reading at `app.rs`, then `agents/decide.rs`, `engine/mod.rs` and `risk/gate.rs`.
//!
//! Where to add what:
//! - an indicator: `features/spec.rs` and `features/node.rs`, its key in `config/schema.rs` and `setup/mod.rs`;
//! - a risk control: `risk/limits.rs`, `risk/gate.rs`, its reason in `risk/reason.rs`, its key in `config/schema.rs`;
//! - a configuration key: `config/schema.rs`, what it must fit in `config/cross.rs`, its use in `setup/mod.rs` or `app.rs`;
//! - a record: `record/input.rs` or `record/output.rs`, then the engine that takes or makes it;
//! - a message of the terminal: `wire/terminal/body/`, `wire/terminal/decode.rs`, and `bridge/PROTOCOL.md`;
//! - a decoder of anything from outside: a target of the same name in `tests/fuzz/fuzz_targets/`.

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
