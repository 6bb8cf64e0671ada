//! Features: the numbers a model sees, computed from quotes one tick at a time.
//!
//! What it is not: a market data store, a charting library, or a reader of configuration; `config` turns text into
//! [`FeatureSpec`]s. It knows no model, no order and no clock: time comes in with the tick.
//!
//! Invariant: a row depends on nothing but the declarations and the ticks pushed so far, to the bit. After
//! [`FeatureGraph::build`] nothing allocates, each tick costs O(1) whatever the periods are, and a window's sum is exact
//! integer arithmetic on price ticks, so it cannot drift.

mod bars;
pub mod export;
mod graph;
mod node;
mod spec;

pub use graph::{Bar, FeatureGraph, HistoryNeed, TickPrices};
pub use spec::{
    BAR_PERIOD_NS_MIN, BandOutput, Clock, FEATURES_MAX, FeatureError, FeatureSpec, Input, Kind, MacdOutput,
    NAME_BYTES_MAX, PERIOD_MAX, Seed, SignalAverage,
};
