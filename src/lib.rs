//! Tickbridge: a low-latency bridge between MetaTrader 5 terminals, exchanges and a trading model.
//!
//! This page is for whoever carries on the work. `README.md` is for the user, `bridge/PROTOCOL.md` for whoever writes the
//! terminal's side.
//!
//! What it is not: a framework. The binary and this library are one product; nothing here promises a stable interface.
//!
//! Invariant: a folder imports only from floors below it, and the table of allowed edges is `tests/architecture.rs`.
//!
//! # Where to start reading
//!
//! 1. [`app`]: the wiring, from a configuration to running lanes. One file knows every part.
//! 2. [`engine`]: `Engine::step`, one record in, records out. `decide.rs` for ticks, `facts.rs` for what a venue says,
//!    `reconcile.rs` for snapshots, `timers.rs` for what happens because nothing did.
//! 3. `risk/gate.rs`: what every order passes.
//! 4. `agents/decide.rs`: how the engine is fed, journalled and timed. Then [`journal`] and [`wire`].
//!
//! # Floors
//!
//! | floor | folders | rule |
//! |---|---|---|
//! | 0 values | [`types`], [`record`] | no I/O, no clock |
//! | 1 machine | [`runtime`]: lanes, rings, clock, counters, histograms | the only clock, the only dice, the only threads |
//! | 2 pure | [`wire`], [`market`], [`features`], [`model`], [`signal`], [`risk`], [`order`]; [`engine`] glues them | bytes or records in, values out, time passed in |
//! | 3 shells | [`link`] (sockets), [`journal`] (files), [`agents`] (what runs on lanes) | non-blocking; no tokio |
//! | 4 control | [`config`], [`setup`] (a configuration made into the engine's parts, and kept for replays), [`registry`] (models as files), [`operator`] (the console), [`metrics`], [`store`], [`dataset`] (tick files made into training tables), [`report`], [`sim`], [`replay`], [`cli`] | may wait, allocate, format; never on a pinned core |
//! | 5 wiring | [`app`] | the only one that knows every floor |
//!
//! # Invariants, as absences
//!
//! - Floor 2 has no socket, no file, no clock, no randomness. The same code serves live trading, replay, simulation, fuzzing.
//! - [`market`] does not know who told it. [`features`] and [`model`] do not know orders. [`risk`] does not know why a trade is
//!   wanted. [`order`] does not know the model.
//! - There is no command without `risk::Approved`, and nothing but the gate builds one.
//! - There is no first byte of an order before its record is in the journal.
//! - There is no second sending of an order. One whose fate is not proven is `Unknown`, holds its worst case in every limit,
//!   and leaves that state on evidence only.
//! - There is no hot lane that allocates, locks, formats, logs or awaits after its start: `tests/no_alloc.rs` counts.
//! - There is no ring between lanes that loses an order or a report. Market data may coalesce, and is counted.
//! - There is no limit with a default, and no trading without limits.
//! - There is no length from a peer that is believed before it is checked.
//! - There is no `unsafe` but in `runtime/shared_memory.rs` and `model/kernel/`.
//! - There is no clock but `runtime::clock`, no waiting but `runtime::idle`: clippy's disallowed methods hold it.
//! - There is no price or volume as a float in a record, a book or the gate: ticks and steps are integers, converted once in
//!   [`wire`], or refused.
//!
//! # Recipes
//!
//! **An indicator.** `features/spec/kind.rs`: a variant of `Kind` with formula, unit and source; its warm-up in `history.rs`, what
//! is refused in `check.rs`. `features/nodes/`: the arithmetic in the file of its family, O(1) a tick, and its place in
//! `Node` and `base`. `config/keys.rs` and `config/typed.rs` (its name, new parameters), `config/features.rs` (which keys it
//! takes), `setup/features.rs` (`kind`). Its definition in `tests/feature_oracle/naive.rs`, its place in `kinds.rs`; parity with
//! a foreign library in `tests/indicator_parity.rs`. Then renew the template, as below.
//!
//! **A risk control.** `risk/reason.rs`: a reason with the next free code. `risk/gate.rs`: the check, worked out beforehand where
//! it can be, and its test. Its limit: `risk/limits.rs` (field and range), then a configuration key, `setup/mod.rs` (`limits`),
//! `config/limits.toml`. One that need not be set: `risk/bounds.rs`, `config/bounds.rs`, `setup/bounds.rs`, `engine/bounds.rs`, and
//! its tests beside them. A condition that events change is set in `engine/conditions.rs`, `renew_conditions`. Its line in
//! `config/control_list.rs`, then `cargo run -- check --print-controls > config/controls.md`; a test compares the two and looks up
//! every key, reason and test. A scenario in `engine/tests/controls/` that trips it: the suite fails while a reason of the table has none.
//!
//! **A venue.** One more account behind a terminal is configuration alone. An exchange: its codec in a folder of `wire/`, its
//! connection in `link/`, an endpoint in `agents/` that makes the same records as `agents/endpoint.rs`, a `kind` in
//! `config/keys.rs` and `config/typed.rs`, `setup/mod.rs` (`admission`), `app.rs`, a simulated counterpart in `sim/`. The engine
//! must not notice.
//!
//! **A configuration key.** `config/keys.rs` (type, unit, range, default, meaning), `config/typed.rs` (the field; a test holds the two
//! equal), `config/cross.rs` if it depends on another key, and whoever uses it: `setup/mod.rs` or `app.rs`. Then
//! `cargo run -- check --print-template > config/tickbridge.toml`; a test compares the two byte for byte.
//!
//! **A record.** `record/header.rs`: a `Kind`, below 64 if the engine takes it in. `record/input.rs` (venues),
//! `record/own.rs` (our own side) or `record/output.rs`: its layout, and `record/mod.rs`. An input is taken in `engine/facts.rs` and made in `wire/terminal/decode.rs` or by an agent; an
//! output is made with `Engine::emit` and described in `replay/verify.rs`. Changing an existing layout raises `RECORD_VERSION`,
//! unless reserved bytes get a meaning and their zero says what was so before.
//!
//! **A field that the engine keeps.** If it follows from records and decides about orders, it is part of the state: tell it in `save`
//! and take it in `load`, at the same place, in the `state.rs` beside its part (`order/book/state.rs`, `engine/venue/state.rs`, ...;
//! `engine/state_hash.rs` for the engine's own and for a new part), and raise `STATE_VERSION` in `types/state.rs`. `tests/simulate.rs` fails
//! when what is told differs after recovery, or after a snapshot; what is not told at all, nobody misses but the replay.
//!
//! **A terminal message.** `bridge/PROTOCOL.md` first. `wire/terminal/header.rs` (`MessageKind`, who may send it),
//! `wire/terminal/body/` (its layout), `wire/terminal/decode.rs` or `decode_trade.rs`, `wire/terminal/encode.rs`. The test
//! `wire/terminal/document.rs` fails until document, code and golden bytes agree. The far end: `sim/terminal/session.rs`.
//!
//! **A stage or a counter.** `runtime/stage.rs` (name and boundary) or `runtime/counters.rs`. A stage goes into the list of its agent's
//! recorder in `app.rs`, or it is ignored, and is recorded in the agent. A counter is set where the agent publishes. Stages
//! are explained in `README.md`.
//!
//! **A decoder of anything from outside.** A fuzz target of the same name in `tests/fuzz/fuzz_targets/`.
//!
//! **A command.** `cli/NAME.rs` and `cli/mod.rs`, with its exit codes in `--help` and in `README.md`.

pub mod agents;
pub mod app;
pub mod cli;
pub mod config;
pub mod dataset;
pub mod engine;
pub mod features;
pub mod journal;
pub mod link;
pub mod market;
pub mod metrics;
pub mod model;
pub mod operator;
pub mod order;
pub mod record;
pub mod registry;
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
