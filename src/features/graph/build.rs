//! From declarations to streams and nodes: everything that allocates.
//!
//! What it is not: a judge of declarations; `spec::validate` was.
//!
//! Invariant: two features that compute the same thing from the same samples share a node, whatever they read from it.

use super::input::{Source, unit};
use super::row::{Row, group_of};
use super::stream::{Cell, Stream};
use super::{Counts, FeatureGraph, HistoryNeed, Place, Stale};
use crate::features::bars::{BarClock, Rule};
use crate::features::nodes::{self, Delay, LegState, Node, Readers, Wanted};
use crate::features::spec::{self, Clock, FeatureError, FeatureSpec, Input, Kind, Leg};
use crate::types::{INSTRUMENTS_MAX, InstrumentId};
use std::collections::BTreeSet;

/// Names a node while the graph is built.
#[derive(PartialEq)]
struct NodeKey {
    instrument: InstrumentId,
    stream: usize,
    kind: Kind,
    /// Zero where time of day does not matter.
    offset_ns: i64,
}

/// The graph under construction.
struct Builder {
    graph: FeatureGraph,
    /// Each node's name and its place in its stream.
    nodes: Vec<(NodeKey, usize)>,
}

/// Builds the graph; see [`FeatureGraph::build`].
pub(super) fn build(specs: &[FeatureSpec]) -> Result<FeatureGraph, FeatureError> {
    spec::validate(specs)?;
    let graph = FeatureGraph {
        names: specs.iter().map(|spec| spec.name.clone()).collect(),
        instruments: vec![Place::default(); INSTRUMENTS_MAX],
        legs: Vec::new(),
        history: Vec::new(),
        sources: Vec::new(),
        stale: Vec::new(),
        row: Row::new(specs.len()),
        counts: Counts::default(),
    };
    let mut builder = Builder { graph, nodes: Vec::new() };
    for row in 0..specs.len() {
        builder.add(row, specs);
    }
    builder.graph.instruments.iter_mut().for_each(Place::finish);
    Ok(builder.graph)
}

impl Builder {
    fn add(&mut self, row: usize, specs: &[FeatureSpec]) {
        let (spec, delays, delayed) = resolve(row, specs);
        let leg = spec.kind.with().map(|leg| self.leg(leg, spec));
        let place = &mut self.graph.instruments[usize::from(spec.instrument.0)];
        place.feature_count += 1;
        let source = Source::of(spec.kind, spec.input);
        let at = place.stream(source, spec.clock, spec.offset_ns);
        let stream = &mut place.streams[at];
        stream.keep(spec.kind.window());
        let (kind, output) = nodes::base(spec.kind);
        let offset_ns = if has_time_of_day(kind) { spec.offset_ns } else { 0 };
        let key = NodeKey { instrument: spec.instrument, stream: at, kind, offset_ns };
        let wanted = Wanted { row: row as u32, needed: spec.kind.samples_needed(), output, delays };
        // A pair's node counts its own samples: the second instrument may come later.
        let wanted = if leg.is_some() { Wanted { needed: 1, ..wanted } } else { wanted };
        let cell = match self.nodes.iter().find(|(known, _)| *known == key) {
            Some((_, cell)) => *cell,
            None => {
                let node = Node::new(kind, offset_ns, leg.unwrap_or(0));
                stream.cells.push(Cell { node, readers: Readers::new() });
                self.nodes.push((key, stream.cells.len() - 1));
                stream.cells.len() - 1
            }
        };
        stream.cells[cell].readers.add(wanted);
        if let Some(leg) = leg {
            let reader = (spec.instrument, at, cell);
            let readers = &mut self.graph.legs_of(leg).readers;
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        self.graph.sources.push((spec.instrument, at, leg));
        self.note_history(spec, delayed);
        let stale_after_ns = specs[row].stale_after_ns;
        if stale_after_ns > 0 {
            self.graph.stale.push(Stale { feature: row, after_ns: stale_after_ns });
        }
    }

    fn leg(&mut self, leg: Leg, spec: &FeatureSpec) -> usize {
        let offset_ns = if matches!(spec.clock, Clock::Bar { .. }) { spec.offset_ns } else { 0 };
        let known = self.graph.legs.iter().position(|state| state.is(leg, spec.clock, offset_ns));
        known.unwrap_or_else(|| {
            self.graph.legs.push(LegState::new(leg, spec.clock, offset_ns, unit(leg.input)));
            let at = self.graph.legs.len() - 1;
            self.graph.instruments[usize::from(leg.instrument.0)]
                .legs
                .push(super::LegPlace { at, readers: Vec::new() });
            at
        })
    }

    fn note_history(&mut self, spec: &FeatureSpec, delayed: u32) {
        let needs =
            (spec.kind.samples_needed() + delayed, spec.kind.history_needed().saturating_add(delayed));
        let from_bars = |input| matches!(input, Input::Bid | Input::Volume | Input::Ticks);
        let time_bars = matches!(spec.clock, Clock::Bar { .. });
        self.need(spec.instrument, spec, needs, time_bars && from_bars(spec.input));
        if let Some(with) = spec.kind.with() {
            self.need(with.instrument, spec, needs, time_bars && from_bars(with.input));
        }
    }

    fn need(
        &mut self,
        instrument: InstrumentId,
        spec: &FeatureSpec,
        (min, settled): (u32, u32),
        terminal_bars: bool,
    ) {
        let offset_ns = if matches!(spec.clock, Clock::Bar { .. }) { spec.offset_ns } else { 0 };
        let name = |need: &HistoryNeed| (need.instrument, need.clock, need.offset_ns);
        let known = &mut self.graph.history;
        match known.iter_mut().find(|need| name(need) == (instrument, spec.clock, offset_ns)) {
            Some(need) => {
                need.samples_min = need.samples_min.max(min);
                need.samples_settled = need.samples_settled.max(settled);
                need.terminal_bars &= terminal_bars;
            }
            None => known.push(HistoryNeed {
                instrument,
                clock: spec.clock,
                offset_ns,
                samples_min: min,
                samples_settled: settled,
                terminal_bars,
            }),
        }
    }
}

/// The feature that stands on its own, what is looked back at in turn, and how many samples that takes.
fn resolve(row: usize, specs: &[FeatureSpec]) -> (&FeatureSpec, Box<[Delay]>, u32) {
    let (mut spec, mut delays, mut samples) = (&specs[row], Vec::new(), 0);
    while let Some(of) = spec.kind.of() {
        match spec.kind {
            Kind::ChangeOf { lag, .. } => delays.push(Delay::change(lag)),
            Kind::LagOf { lag, .. } => delays.push(Delay::lag(lag)),
            _ => {}
        }
        samples += spec.kind.samples_needed();
        spec = &specs[of as usize];
    }
    delays.reverse();
    (spec, delays.into(), samples)
}

fn has_time_of_day(kind: Kind) -> bool {
    kind.is_calendar() || matches!(kind, Kind::Vwap { anchor: spec::Anchor::Session { .. }, .. })
}

impl Place {
    /// The last step: nodes go where they run fast, and the groups of the row that ticks write, and that ticks and bars write,
    /// are noted.
    fn finish(&mut self) {
        let (mut ticks, mut all) = (BTreeSet::new(), BTreeSet::new());
        for stream in &mut self.streams {
            let groups = stream.finish().into_iter().map(group_of);
            all.extend(groups.clone());
            if stream.clock.is_none() {
                ticks.extend(groups);
            }
        }
        (self.tick_groups, self.groups) = (ticks.into_iter().collect(), all.into_iter().collect());
    }

    /// The index of the stream for this source and clock, made if it is new.
    fn stream(&mut self, source: Source, clock: Clock, offset_ns: i64) -> usize {
        let clock = self.clock(clock, offset_ns);
        let same = |stream: &Stream| stream.source == source && stream.clock == clock;
        self.streams.iter().position(same).unwrap_or_else(|| {
            self.streams.push(Stream::new(source, clock));
            self.streams.len() - 1
        })
    }

    fn clock(&mut self, clock: Clock, offset_ns: i64) -> Option<usize> {
        let rule = match clock {
            Clock::Tick => return None,
            Clock::Bar { period_ns } => Rule::Time { period_ns, offset_ns: offset_ns.rem_euclid(period_ns) },
            Clock::TickBar { ticks } => Rule::Ticks { count: ticks },
            Clock::VolumeBar { lots_e8 } => Rule::Volume { lots_e8 },
        };
        let known = self.clocks.iter().position(|(clock, _)| clock.rule() == rule);
        Some(known.unwrap_or_else(|| {
            self.clocks.push((BarClock::new(rule), Default::default()));
            self.clocks.len() - 1
        }))
    }
}
