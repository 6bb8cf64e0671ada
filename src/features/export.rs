//! Feature tables: the rows that one trains on, by the same code that trades.
//!
//! What it is not: a reader of tick files. Whoever calls it hands over ticks and takes text.
//!
//! Invariant: a number is written so that reading it back as `f32` gives the same bits; a row that is not ready is not
//! written.

use std::fmt::Write;

use super::{FeatureGraph, FeatureTick};
use crate::types::{InstrumentId, TimeNs};

/// Appends the header line: `ts_venue_ns,bid,ask` and the feature names.
pub fn write_header(graph: &FeatureGraph, out: &mut String) {
    out.push_str("ts_venue_ns,bid,ask");
    for name in graph.names() {
        out.push(',');
        out.push_str(name);
    }
    out.push('\n');
}

/// Pushes one tick and, once every feature is ready, appends its line: time, prices in ticks, the row.
pub fn push_and_write(
    graph: &mut FeatureGraph,
    instrument: InstrumentId,
    ts_venue: TimeNs,
    tick: &FeatureTick,
    out: &mut String,
) {
    graph.on_tick(instrument, ts_venue, tick);
    if !graph.all_ready() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "{},{},{}", ts_venue.0, tick.bid.0, tick.ask.0);
    for value in graph.values() {
        let _ = write!(out, ",{value}");
    }
    out.push('\n');
}
