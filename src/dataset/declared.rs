//! What a configuration's features are and need, before any tick.
//!
//! What it is not: a second reading of the configuration; `setup` maps it, the graph says what it needs.
//!
//! Invariant: what passes here builds a graph, and what needs data that no venue has is refused here.

use super::DatasetError;
use crate::config::Config;
use crate::features::{Clock, FeatureGraph, FeatureSpec};
use crate::setup::{SetupError, feature_specs};
use crate::types::{InstrumentId, NS_PER_MS};

/// The history of one feature, in samples of its clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeatureNeeds {
    /// Until the first value.
    pub samples_needed: u32,
    /// Until an earlier start would change nothing that an `f32` can show.
    pub samples_settled: u32,
}

/// The history of an instrument on one clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockNeeds {
    /// The instrument's name.
    pub instrument: String,
    /// The clock in words.
    pub clock: String,
    /// Until every feature has a value.
    pub samples_min: u32,
    /// Until all are settled.
    pub samples_settled: u32,
    /// Whether the terminal's own bars can give it.
    pub terminal_bars: bool,
}

/// All features of a configuration.
pub struct Declared {
    /// One a feature, in the order of the row.
    pub features: Vec<FeatureNeeds>,
    /// What would be asked for at the start.
    pub history: Vec<ClockNeeds>,
}

/// The declarations as the graph wants them.
pub(super) fn specs(config: &Config) -> Result<Vec<FeatureSpec>, DatasetError> {
    let specs = feature_specs(config)?;
    // A terminal's tick has no sizes at the best prices, so a table would have none either.
    match specs.iter().find(|spec| spec.needs_sizes()) {
        Some(spec) => Err(SetupError::Sizes { name: spec.name.clone() }.into()),
        None => Ok(specs),
    }
}

/// An instrument's name.
pub(super) fn name_of(config: &Config, instrument: InstrumentId) -> String {
    let known = config.instruments.get(usize::from(instrument.0));
    known.map_or(String::new(), |known| known.name.clone())
}

/// What the features of a configuration need.
pub fn declared(config: &Config) -> Result<Declared, DatasetError> {
    let specs = specs(config)?;
    let graph = FeatureGraph::build(&specs).map_err(SetupError::from)?;
    let history = graph.history_needed().iter().map(|need| ClockNeeds {
        instrument: name_of(config, need.instrument),
        clock: clock_text(need.clock),
        samples_min: need.samples_min,
        samples_settled: need.samples_settled,
        terminal_bars: need.terminal_bars,
    });
    let history = history.collect();
    let features = (0..specs.len()).map(|at| needs(&specs, at)).collect();
    Ok(Declared { features, history })
}

/// Its own samples, and those of the features that it looks back at.
fn needs(specs: &[FeatureSpec], mut at: usize) -> FeatureNeeds {
    let mut needs = FeatureNeeds { samples_needed: 0, samples_settled: 0 };
    loop {
        let kind = specs[at].kind;
        needs.samples_needed += kind.samples_needed();
        needs.samples_settled = needs.samples_settled.saturating_add(kind.history_needed());
        match kind.of() {
            Some(of) => at = of as usize,
            None => return needs,
        }
    }
}

fn clock_text(clock: Clock) -> String {
    match clock {
        Clock::Tick => "ticks".to_owned(),
        Clock::Bar { period_ns } => format!("bars of {} ms", period_ns / NS_PER_MS),
        Clock::TickBar { ticks } => format!("bars of {ticks} ticks"),
        Clock::VolumeBar { lots_e8 } => format!("bars of {} lots", lots_e8 as f64 / 1e8),
    }
}
