//! Features: the numbers a model sees, computed from quotes one tick at a time.
//!
//! What it is not: a market data store, a charting library, or a reader of configuration; `config` turns text into
//! [`FeatureSpec`]s. It knows no model, no order and no clock: time comes in with the tick.
//!
//! Invariant: a row depends on nothing but the declarations and the ticks and bars pushed so far, to the bit. After
//! [`FeatureGraph::build`] nothing allocates; each tick costs O(1) amortised whatever the periods are, but for
//! [`Kind::Quantile`] and [`Kind::Cci`], which cost O(log period) a sample; and a window's sum is exact integer
//! arithmetic, so it cannot drift.

mod bars;
mod graph;
mod nodes;
mod spec;
mod tick;

pub use graph::{Counts, FeatureGraph, HistoryNeed};
pub use spec::{
    AdxOutput, Anchor, BAR_PERIOD_NS_MIN, BandOutput, Basis, Clock, Convention, Estimator, FEATURES_MAX,
    FeatureError, FeatureSpec, Input, Kind, Leg, MacdOutput, NAME_BYTES_MAX, PERIOD_MAX, PriceField, Seed,
    SignalAverage, StochasticOutput, Weight,
};
pub use tick::{Bar, FLAG_LAST, FLAG_VOLUME, FeatureTick};
