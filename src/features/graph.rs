//! The feature graph: declarations in, one row of numbers out, one tick at a time.
//!
//! What it is not: it decides nothing from the row, and it does not know whether a quote is old.
//!
//! Invariant: all memory is taken in [`FeatureGraph::build`]; a value that is not ready is NaN in the row and its bit is
//! clear; a tick with an impossible price changes nothing but a counter.

use super::bars::BarClock;
use super::node::{Node, Sample, Wanted};
use super::spec::{self, Clock, FeatureError, FeatureSpec, Input};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Price, TimeNs};

/// Prices further from zero are taken as absent, so that no sum below can overflow: 2^45 ticks, in half ticks 2^46,
/// over 2^16 samples 2^62; squares times samples twice 2^124.
const PRICE_TICKS_MAX: i64 = 1 << 45;

/// The prices of one tick; [`Price::NONE`] where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TickPrices {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Last trade.
    pub last: Price,
}

/// How much history one instrument must deliver on one clock before every feature is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryNeed {
    /// Whose.
    pub instrument: InstrumentId,
    /// Ticks, or bars of which period.
    pub clock: Clock,
    /// Samples until every feature has a value.
    pub samples_min: u32,
    /// Samples until an earlier start would change no value by what an `f32` can show.
    pub samples_settled: u32,
    pub from_terminal: bool,
}

/// One instrument's input on one clock, its history and the nodes that read it.
#[derive(Clone, Debug)]
struct Stream {
    input: Input,
    unit: f64,
    /// Index into `bars`; `None` samples every tick.
    bar: Option<usize>,
    /// Last raw value of the open bar.
    close: Option<i64>,
    previous: i64,
    seen: u64,
    history: Box<[i64]>,
    nodes: Vec<(Node, Vec<Wanted>)>,
}

#[derive(Clone, Debug, Default)]
struct InstrumentStreams {
    bars: Vec<BarClock>,
    /// Of each bar clock: whether this tick closed a bar.
    closed: Vec<bool>,
    streams: Vec<Stream>,
}

/// The row and what is ready in it.
#[derive(Clone, Debug)]
struct Row {
    values: Box<[f32]>,
    exact: Box<[f64]>,
    ready: Box<[u64]>,
    unready_count: usize,
}

impl Row {
    #[inline]
    fn write(&mut self, wanted: &Wanted, seen: u64, value: f64) {
        let needed = u64::from(wanted.needed);
        if seen < needed {
            return;
        }
        let at = wanted.row as usize;
        if seen == needed {
            self.ready[at / 64] |= 1 << (at % 64);
            self.unready_count -= 1;
        }
        self.exact[at] = value;
        self.values[at] = value as f32;
    }
}

/// All declared features, ready to take ticks.
#[derive(Clone, Debug)]
pub struct FeatureGraph {
    names: Vec<String>,
    instruments: Vec<InstrumentStreams>,
    history: Vec<HistoryNeed>,
    row: Row,
    refused_count: u64,
    pristine: Vec<InstrumentStreams>,
}
pub struct Bar {
    pub ts_open: TimeNs,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
}

impl FeatureGraph {
    pub fn reset(&mut self, instrument: InstrumentId) {
        let i = usize::from(instrument.0);
        for st in &self.instruments[i].streams {
            for (_, w) in &st.nodes {
                for w in w {
                    let at = w.row as usize;
                    if self.row.ready[at / 64] >> (at % 64) & 1 == 1 {
                        self.row.ready[at / 64] &= !(1 << (at % 64));
                        self.row.unready_count += 1;
                    }
                    self.row.values[at] = f32::NAN;
                    self.row.exact[at] = f64::NAN;
                }
            }
        }
        self.instruments[i] = self.pristine[i].clone();
    }
    pub fn on_bar(&mut self, instrument: InstrumentId, period_ns: i64, bar: &Bar) {
        let place = &mut self.instruments[usize::from(instrument.0)];
        let Some(at) = place.bars.iter().position(|b| b.period_ns() == period_ns) else { return };
        place.bars[at] = BarClock::ended(period_ns, bar.ts_open.0 + period_ns);
        for s in &mut place.streams {
            if s.bar == Some(at) && s.input == Input::Bid {
                s.push(bar.close.0, &mut self.row);
                s.close = None;
            }
        }
    }

    /// Checks the declarations and takes all memory; the row has their order.
    pub fn build(specs: &[FeatureSpec]) -> Result<Self, FeatureError> {
        spec::validate(specs)?;
        let mut graph = FeatureGraph {
            names: specs.iter().map(|spec| spec.name.clone()).collect(),
            instruments: vec![InstrumentStreams::default(); INSTRUMENTS_MAX],
            history: Vec::new(),
            row: Row {
                values: vec![f32::NAN; specs.len()].into(),
                exact: vec![f64::NAN; specs.len()].into(),
                ready: vec![0; specs.len().div_ceil(64)].into(),
                unready_count: specs.len(),
            },
            refused_count: 0,
            pristine: Vec::new(),
        };
        let mut kinds = Vec::new();
        for (row, spec) in specs.iter().enumerate() {
            graph.add(row as u32, spec, &mut kinds);
        }
        graph.pristine = graph.instruments.clone();
        Ok(graph)
    }

    fn add(&mut self, row: u32, spec: &FeatureSpec, kinds: &mut Vec<NodeKey>) {
        self.note_history(spec);
        let place = &mut self.instruments[usize::from(spec.instrument.0)];
        let stream = place.stream(spec.input, spec.clock);
        let (node, output) = Node::new(spec.kind);
        let wanted = Wanted { row, output, needed: spec.kind.samples_needed() };
        let window = (spec.kind.window() as usize).next_power_of_two();
        let target = &mut place.streams[stream];
        if target.history.len() < window {
            target.history = vec![0; window].into();
        }
        let key = NodeKey { instrument: spec.instrument, stream, node: target.nodes.len(), kind: spec.kind };
        let same = kinds.iter().find(|known| known.shares(&key)).map(|known| known.node);
        match same {
            Some(at) => target.nodes[at].1.push(wanted),
            None => {
                target.nodes.push((node, vec![wanted]));
                kinds.push(key);
            }
        }
    }

    fn note_history(&mut self, spec: &FeatureSpec) {
        let (min, settled) = (spec.kind.samples_needed(), spec.kind.history_needed());
        let same = |need: &&mut HistoryNeed| need.instrument == spec.instrument && need.clock == spec.clock;
        match self.history.iter_mut().find(same) {
            Some(need) => {
                need.from_terminal &= matches!(spec.input, Input::Bid);
                need.samples_min = need.samples_min.max(min);
                need.samples_settled = need.samples_settled.max(settled);
            }
            None => self.history.push(HistoryNeed {
                instrument: spec.instrument,
                clock: spec.clock,
                samples_min: min,
                samples_settled: settled,
                from_terminal: matches!(spec.input, Input::Bid),
            }),
        }
    }

    /// Takes one tick; live ticks and history ticks are the same.
    ///
    /// An instrument that no feature reads is ignored. A missing or impossible price leaves its features as they are.
    #[inline]
    pub fn on_tick(&mut self, instrument: InstrumentId, ts_venue: TimeNs, prices: TickPrices) {
        let Some(place) = self.instruments.get_mut(usize::from(instrument.0)) else { return };
        for (clock, closed) in place.bars.iter_mut().zip(&mut place.closed) {
            *closed = clock.closes(ts_venue);
        }
        for stream in &mut place.streams {
            let raw = raw_input(stream.input, prices);
            let sample = match stream.bar {
                None => raw,
                Some(bar) => {
                    let sample = if place.closed[bar] { stream.close.take() } else { None };
                    stream.close = raw.or(stream.close);
                    sample
                }
            };
            self.refused_count += u64::from(raw.is_none());
            if let Some(raw) = sample {
                stream.push(raw, &mut self.row);
            }
        }
    }

    /// The model's row, in the order of the declarations; NaN where not ready.
    #[inline]
    pub fn values(&self) -> &[f32] {
        &self.row.values
    }

    /// The same row before rounding to `f32`.
    pub fn exact_values(&self) -> &[f64] {
        &self.row.exact
    }

    /// Names in the order of the row.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether this feature has its history; false for an index outside the row.
    pub fn ready(&self, feature_index: usize) -> bool {
        self.row.ready.get(feature_index / 64).is_some_and(|word| word >> (feature_index % 64) & 1 == 1)
    }

    /// Whether every feature has its history.
    #[inline]
    pub fn all_ready(&self) -> bool {
        self.row.unready_count == 0
    }

    /// Features that still wait for history.
    pub fn unready_count(&self) -> usize {
        self.row.unready_count
    }

    /// What to ask the terminal for at the start and after a gap.
    pub fn history_needed(&self) -> &[HistoryNeed] {
        &self.history
    }

    /// How often an input had no usable price.
    pub fn refused_count(&self) -> u64 {
        self.refused_count
    }
}

/// Names a node while the graph is built.
struct NodeKey {
    instrument: InstrumentId,
    stream: usize,
    node: usize,
    kind: spec::Kind,
}

impl NodeKey {
    fn shares(&self, other: &NodeKey) -> bool {
        (self.instrument, self.stream) == (other.instrument, other.stream)
            && Node::shares(self.kind, other.kind)
    }
}

impl InstrumentStreams {
    /// The index of the stream for this input and clock, made if it is new.
    fn stream(&mut self, input: Input, clock: Clock) -> usize {
        let bar = match clock {
            Clock::Tick => None,
            Clock::Bar { period_ns } => Some(self.bar(period_ns)),
        };
        let same = |stream: &Stream| stream.input == input && stream.bar == bar;
        self.streams.iter().position(same).unwrap_or_else(|| {
            let unit = if input == Input::Mid { 0.5 } else { 1.0 };
            self.streams.push(Stream {
                input,
                unit,
                bar,
                close: None,
                previous: 0,
                seen: 0,
                history: Box::default(),
                nodes: Vec::new(),
            });
            self.streams.len() - 1
        })
    }

    fn bar(&mut self, period_ns: i64) -> usize {
        self.bars.iter().position(|bar| bar.period_ns() == period_ns).unwrap_or_else(|| {
            self.bars.push(BarClock::new(period_ns));
            self.closed.push(false);
            self.bars.len() - 1
        })
    }
}

impl Stream {
    #[inline]
    fn push(&mut self, raw: i64, row: &mut Row) {
        if self.seen == 0 {
            self.previous = raw;
        }
        self.seen += 1;
        let mask = self.history.len() - 1;
        let at = (self.seen - 1) as usize & mask;
        let (unit, seen, previous) = (self.unit, self.seen, self.previous);
        self.history[at] = raw;
        for (node, wanted) in &mut self.nodes {
            let sample = Sample { raw, previous, unit, seen, history: &self.history };
            node.push(sample, wanted, |w, value| row.write(w, seen, value));
        }
        self.previous = raw;
    }
}

/// The raw input in the stream's unit; `None` when a price it needs is absent or impossible.
#[inline]
fn raw_input(input: Input, prices: TickPrices) -> Option<i64> {
    let sane = |price: Price| (price.0.unsigned_abs() <= PRICE_TICKS_MAX as u64).then_some(price.0);
    match input {
        Input::Bid => sane(prices.bid),
        Input::Ask => sane(prices.ask),
        Input::Last => sane(prices.last),
        Input::Mid => Some(sane(prices.bid)? + sane(prices.ask)?),
        Input::Spread => Some(sane(prices.ask)? - sane(prices.bid)?),
    }
}
