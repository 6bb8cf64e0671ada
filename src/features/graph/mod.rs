//! The feature graph: declarations in, one row of numbers out, one tick at a time.
//!
//! What it is not: it decides nothing from the row, and it does not judge a quote.
//!
//! Invariant: all memory is taken in [`FeatureGraph::build`]; a value that is not ready is NaN in the row; a tick with an
//! impossible price changes nothing but a counter.

mod build;
mod input;
mod row;
mod stream;

pub(super) use input::size_e8;
pub(super) use row::{Row, Slot};

use super::bars::{BarClock, OpenBar, Step};
use super::nodes::{LegState, Moment};
use super::spec::{Clock, FeatureError, FeatureSpec, Input};
use super::tick::{Bar, FeatureTick};
use crate::types::{InstrumentId, TimeNs};
use input::{raw_input, sane, traded_e8};
use stream::Stream;

/// How much history one instrument must deliver on one clock before every feature is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryNeed {
    /// Whose.
    pub instrument: InstrumentId,
    /// Ticks, or bars of which kind.
    pub clock: Clock,
    /// The venue's own time minus UTC for time bars, as declared; 0 on other clocks.
    pub offset_ns: i64,
    /// Samples until every feature has a value.
    pub samples_min: u32,
    /// Samples until an earlier start would change no value by what an `f32` can show.
    pub samples_settled: u32,
    /// The terminal's own closed bars, which are built of the bid, are enough ([`FeatureGraph::on_bar`]). Otherwise some
    /// feature here reads another price, and only ticks can warm it.
    pub terminal_bars: bool,
}

/// What the graph has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Computations done: one a node and sample, however many features read it.
    pub recomputations: u64,
    /// Features of a tick's instrument that were served without a computation of their own: shared, or of a closed bar.
    pub hits: u64,
    /// How often an input had no usable price.
    pub refused: u64,
    /// Bars of history that no stream could take.
    pub bars_refused: u64,
}

/// What hears of one instrument.
#[derive(Clone, Debug, Default)]
struct Place {
    clocks: Vec<(BarClock, Step)>,
    streams: Vec<Stream>,
    legs: Vec<LegPlace>,
    feature_count: u64,
    /// Groups of the row that streams on ticks write, and those that any stream writes.
    tick_groups: Box<[u16]>,
    groups: Box<[u16]>,
}

/// A leg of this instrument, and the nodes (instrument, stream, cell) that read it.
#[derive(Clone, Debug)]
struct LegPlace {
    at: usize,
    readers: Vec<(InstrumentId, usize, usize)>,
}

/// A feature with a limit on its age.
#[derive(Clone, Copy, Debug)]
struct Stale {
    feature: usize,
    after_ns: i64,
}

/// All declared features, ready to take ticks.
#[derive(Clone, Debug)]
pub struct FeatureGraph {
    names: Vec<String>,
    instruments: Vec<Place>,
    legs: Vec<LegState>,
    history: Vec<HistoryNeed>,
    /// Of each place in the row: instrument, stream, leg.
    sources: Vec<(InstrumentId, usize, Option<usize>)>,
    stale: Vec<Stale>,
    row: Row,
    counts: Counts,
}

impl FeatureGraph {
    /// Checks the declarations and takes all memory; the row has their order.
    pub fn build(specs: &[FeatureSpec]) -> Result<Self, FeatureError> {
        build::build(specs)
    }

    /// Takes one tick; live ticks and history ticks are the same.
    ///
    /// An instrument that no feature reads is ignored. A missing or impossible price leaves its features as they are.
    #[inline]
    pub fn on_tick(&mut self, instrument: InstrumentId, ts_venue: TimeNs, tick: &FeatureTick) {
        let Some(place) = self.instruments.get_mut(usize::from(instrument.0)) else { return };
        let volume_e8 = traded_e8(tick);
        for (clock, step) in &mut place.clocks {
            *step = clock.step(ts_venue, volume_e8);
        }
        for leg in &place.legs {
            let state = &mut self.legs[leg.at];
            if let Some(raw) = raw_input(state.leg().input, tick, volume_e8) {
                state.take(ts_venue, raw);
            }
        }
        let mut at = Moment { ts: ts_venue, end_ns: i64::MAX, tick, legs: &self.legs };
        let (mut computed, mut bar_closed) = (0, false);
        for stream in &mut place.streams {
            let raw = stream.source.raw(tick, volume_e8);
            self.counts.refused += u64::from(raw.is_none());
            let Some(clock) = stream.clock else {
                if let Some(raw) = raw {
                    at.end_ns = i64::MAX;
                    stream.push_tick(raw, volume_e8, &at, &mut self.row);
                    computed += stream.node_count();
                }
                continue;
            };
            let step = place.clocks[clock].1;
            at.end_ns = step.end_ns;
            let mut sampled = step.closes_before && {
                let bar = stream.bar.take();
                stream.push_bar(bar, &at, &mut self.row)
            };
            if step.counts {
                stream.bar.add(raw, volume_e8);
            }
            if step.closes_after {
                let bar = stream.bar.take();
                sampled = stream.push_bar(bar, &at, &mut self.row);
            }
            computed += if sampled { stream.node_count() } else { 0 };
            bar_closed |= sampled;
        }
        self.row.settle(if bar_closed { &place.groups } else { &place.tick_groups });
        self.counts.recomputations += computed;
        self.counts.hits += place.feature_count.saturating_sub(computed);
    }

    /// Takes one closed bar of the terminal's history, oldest first; returns whether a stream took it.
    ///
    /// It reaches the features of this instrument on time bars of this length, aligned as it is, whose input is the one that
    /// the bar was built of, and those of volume and tick counts. Features of another price cannot be warmed by it. Bars of
    /// two instruments that one feature reads come merged by time, the second (`with`) instrument first. A bar that is not
    /// newer than the last closed one is refused; ticks of its time that come later count for no bar.
    pub fn on_bar(&mut self, instrument: InstrumentId, period_ns: i64, bar: &Bar) -> bool {
        let Some(place) = self.instruments.get_mut(usize::from(instrument.0)) else { return false };
        let prices = [bar.open, bar.high, bar.low, bar.close].map(sane);
        let [Some(open), Some(high), Some(low), Some(close)] = prices else {
            self.counts.bars_refused += 1;
            return false;
        };
        let ordered = low <= open.min(close) && open.max(close) <= high && bar.ticks > 0;
        let volume_e8 = size_e8(bar.volume).unwrap_or(0);
        let last_ns = bar.ts_open.0.saturating_add(period_ns - 1);
        let ts = TimeNs(last_ns.saturating_add(1));
        let mut taken = false;
        for leg in place.legs.iter().filter(|_| ordered) {
            let state = &mut self.legs[leg.at];
            if state.leg().input == bar.input && state.clock() == (Clock::Bar { period_ns }) {
                state.take(TimeNs(last_ns), close);
                taken = true;
            }
        }
        let at = Moment { ts, end_ns: ts.0, tick: &FeatureTick::NONE, legs: &self.legs };
        for clock in 0..place.clocks.len() {
            if !ordered || !place.clocks[clock].0.take(bar.ts_open, period_ns) {
                continue;
            }
            for stream in place.streams.iter_mut().filter(|stream| stream.clock == Some(clock)) {
                let price = stream.source == input::Source::Input(bar.input);
                let counted = [Input::Volume, Input::Ticks].map(input::Source::Input);
                stream.bar = OpenBar::EMPTY;
                if price || counted.contains(&stream.source) {
                    let closed =
                        OpenBar { high, low, close: price.then_some(close), volume_e8, ticks: bar.ticks };
                    stream.push_bar(closed, &at, &mut self.row);
                    self.counts.recomputations += stream.node_count();
                    taken = true;
                }
            }
        }
        self.row.settle(&place.groups);
        self.counts.bars_refused += u64::from(!taken);
        taken
    }

    /// Forgets everything that came from an instrument, after a gap: whatever it feeds is unready until it has its
    /// history again.
    pub fn reset(&mut self, instrument: InstrumentId) {
        let Some(place) = self.instruments.get_mut(usize::from(instrument.0)) else { return };
        for (clock, _) in &mut place.clocks {
            clock.reset();
        }
        for stream in &mut place.streams {
            stream.reset(&mut self.row);
        }
        // Taken out for the loop: the readers may be of any instrument.
        let legs = std::mem::take(&mut place.legs);
        for leg in &legs {
            self.legs[leg.at].reset();
            for (reader, stream, cell) in &leg.readers {
                self.instruments[usize::from(reader.0)].streams[*stream].cells[*cell].reset(&mut self.row);
            }
        }
        self.instruments[usize::from(instrument.0)].legs = legs;
        self.row.settle_all();
    }

    /// The model's row, in the order of the declarations; NaN where not ready.
    #[inline]
    pub fn values(&self) -> &[f32] {
        self.row.values()
    }

    /// The same row before rounding to `f32`.
    pub fn exact_values(&self) -> &[f64] {
        self.row.exact()
    }

    /// Names in the order of the row.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Places of the row whose bits changed since [`FeatureGraph::clear_changed`]: place i is bit i mod 64 of word i / 64.
    /// All of them before the first clearing.
    #[inline]
    pub fn changed(&self) -> &[u64] {
        self.row.changed()
    }

    /// Forgets what changed.
    #[inline]
    pub fn clear_changed(&mut self) {
        self.row.clear_changed();
    }

    /// Whether this feature has a number; false for an index outside the row.
    ///
    /// It has none before its history is complete, after a reset, and where its formula has none (a division by zero).
    pub fn ready(&self, feature_index: usize) -> bool {
        self.values().get(feature_index).is_some_and(|value| !value.is_nan())
    }

    /// Whether every feature has a number.
    #[inline]
    pub fn all_ready(&self) -> bool {
        self.row.unready_count() == 0
    }

    /// Features without a number.
    #[inline]
    pub fn unready_count(&self) -> usize {
        self.row.unready_count()
    }

    /// What to ask the terminal for at the start and after a gap.
    pub fn history_needed(&self) -> &[HistoryNeed] {
        &self.history
    }

    /// Whether some feature reads this instrument, as its own or as the second.
    #[inline]
    pub fn reads(&self, instrument: InstrumentId) -> bool {
        let place = self.instruments.get(usize::from(instrument.0));
        place.is_some_and(|place| !place.streams.is_empty() || !place.legs.is_empty())
    }

    /// Pairs of instruments that one feature reads together: its own, and the second.
    pub fn pairs(&self) -> impl Iterator<Item = (InstrumentId, InstrumentId)> + '_ {
        let legs = self.instruments.iter().flat_map(|place| &place.legs);
        legs.flat_map(|leg| {
            let second = self.legs[leg.at].leg().instrument;
            leg.readers.iter().map(move |(own, _, _)| (*own, second))
        })
    }

    /// Venue time of the last sample of a feature, the older one of two instruments; `NEVER` before the first.
    pub fn updated(&self, feature_index: usize) -> TimeNs {
        let Some((instrument, stream, leg)) = self.sources.get(feature_index) else { return TimeNs::NEVER };
        let own = self.instruments[usize::from(instrument.0)].streams[*stream].ts;
        leg.map_or(own, |leg| own.min(self.legs[leg].ts()))
    }

    /// Venue time of the last sample of the feature that has waited longest; `NEVER` while one has none.
    pub fn oldest_update(&self) -> TimeNs {
        (0..self.names.len()).map(|at| self.updated(at)).min().unwrap_or(TimeNs::NEVER)
    }

    /// The first feature that is older than its `stale_after_ns` allows; `now` is venue time, as the ticks' is.
    #[inline]
    pub fn first_stale(&self, now: TimeNs) -> Option<usize> {
        self.stale
            .iter()
            .find(|stale| now.since(self.updated(stale.feature)) > stale.after_ns)
            .map(|stale| stale.feature)
    }

    /// What was computed, kept and refused.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How often an input had no usable price.
    pub fn refused_count(&self) -> u64 {
        self.counts.refused
    }

    fn legs_of(&mut self, leg: usize) -> &mut LegPlace {
        let instrument = self.legs[leg].leg().instrument;
        let legs = &mut self.instruments[usize::from(instrument.0)].legs;
        let at = legs.iter().position(|place| place.at == leg).unwrap_or(0);
        &mut legs[at]
    }
}

#[cfg(test)]
mod tests;
