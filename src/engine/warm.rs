//! Features and their past: emptied when ticks may be missing, fed from the terminal's history, joined to the live stream.
//!
//! What it is not: the plan (`history.rs`), or a decision (`decide.rs`).
//!
//! Invariant: every tick and bar that enters a feature comes through this file, so that a feature never takes a live tick
//! while its past is being told. Nothing allocates after the engine was made.

use super::history::{Admit, BarsNeeded, Complaint, Needs, Outcome, Track};
use super::setup::{HistoryPlan, InstrumentSetup};
use super::{Engine, Hold, Outputs, Strategy};
use crate::features::{Bar, Clock, TickPrices};
use crate::record::{self, FLAG_HISTORY, Record};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, NS_PER_S, Price, TimeNs, VenueId};

/// The plans of all instruments that features read.
#[derive(Clone, Debug)]
pub(super) struct History {
    plan: HistoryPlan,
    /// By instrument.
    tracks: Box<[Option<Box<Track>>]>,
    /// Instruments with a track, ascending.
    tracked: Box<[InstrumentId]>,
    /// By instrument: the strategies whose features read it.
    readers: Box<[Box<[u16]>]>,
    request_count: u64,
}

impl History {
    pub(super) fn new(plan: HistoryPlan, instruments: &[InstrumentSetup], strategies: &[Strategy]) -> Self {
        let mut tracks: Vec<Option<Box<Track>>> = vec![None; INSTRUMENTS_MAX];
        let mut readers = vec![Vec::new(); INSTRUMENTS_MAX];
        for (index, setup) in instruments.iter().enumerate() {
            let instrument = InstrumentId(index as u16);
            let mut needs = Needs::default();
            for (at, strategy) in strategies.iter().enumerate() {
                if needs_of(strategy, instrument, &mut needs) {
                    readers[index].push(at as u16);
                }
            }
            if !readers[index].is_empty() {
                tracks[index] = Some(Box::new(Track::new(instrument, setup.venue, needs)));
            }
        }
        let tracked = tracks.iter().flatten().map(|track| track.instrument).collect();
        let readers = readers.into_iter().map(Vec::into_boxed_slice).collect();
        History { plan, tracks: tracks.into(), tracked, readers, request_count: 0 }
    }

    fn track(&mut self, instrument: InstrumentId) -> Option<&mut Track> {
        self.tracks[instrument.index()?].as_deref_mut()
    }

    fn of_venue(&mut self, venue: VenueId) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().flatten().map(|track| &mut **track).filter(move |track| track.venue == venue)
    }

    /// Whether an answer, or the time to ask, is waited for.
    pub(super) fn waits(&self) -> bool {
        self.tracks.iter().flatten().any(|track| track.is_waiting())
    }

    /// As before the first session: after a start nothing is open.
    pub(super) fn forget(&mut self) {
        self.tracks.iter_mut().flatten().for_each(|track| track.forget());
    }
}

/// Adds what a strategy's features need of an instrument; whether they read it.
fn needs_of(strategy: &Strategy, instrument: InstrumentId, needs: &mut Needs) -> bool {
    let mut reads = false;
    for need in strategy.setup.features.history_needed().iter().filter(|need| need.instrument == instrument) {
        reads = true;
        let samples = need.samples_settled;
        match need.clock {
            Clock::Tick => needs.ticks = needs.ticks.max(samples),
            Clock::Bar { period_ns } => {
                let bars = BarsNeeded { period_ns, samples, from_terminal: need.from_terminal };
                match needs.bars.iter_mut().find(|known| known.period_ns == period_ns) {
                    Some(known) => {
                        known.samples = known.samples.max(samples);
                        known.from_terminal &= bars.from_terminal;
                    }
                    None => needs.bars.push(bars),
                }
            }
        }
    }
    reads
}

impl Engine {
    /// A live tick for the features; `false` when it is not to enter, or not yet.
    #[inline]
    pub(super) fn learn_tick(&mut self, instrument: InstrumentId, tick: &record::Tick) -> bool {
        let Some(track) = self.history.track(instrument) else { return true };
        match track.admit(tick) {
            Admit::Hold => false,
            Admit::Feed => {
                self.feed_tick(instrument, tick);
                true
            }
        }
    }

    #[inline]
    fn feed_tick(&mut self, instrument: InstrumentId, tick: &record::Tick) {
        let Some(index) = instrument.index() else { return };
        let prices = TickPrices { bid: Price(tick.bid), ask: Price(tick.ask), last: Price(tick.last) };
        for &reader in &self.history.readers[index] {
            let features = &mut self.strategies[usize::from(reader)].setup.features;
            features.on_tick(instrument, TimeNs(tick.ts_venue), prices);
        }
    }

    /// Late news: it is in the journal for whoever reads history, and is no quote. What answers a question warms features.
    pub(super) fn on_past_tick(&mut self, input: &Record, tick: &record::Tick) {
        if input.flags() & FLAG_HISTORY != FLAG_HISTORY {
            self.counts.refilled += 1;
            return;
        }
        self.counts.history_ticks += 1;
        let (instrument, now) = (input.instrument(), self.now);
        if self.history.track(instrument).is_some_and(|track| track.past_tick(tick, now)) {
            self.feed_tick(instrument, tick);
        }
    }

    pub(super) fn on_history_bar(&mut self, input: &Record) {
        let Some(bar) = input.payload::<record::HistoryBar>() else { return };
        self.counts.history_bars += 1;
        let (instrument, now) = (input.instrument(), self.now);
        let Some(index) = instrument.index() else { return };
        if !self.history.track(instrument).is_some_and(|track| track.past_bar(&bar, now)) {
            return;
        }
        let period_ns = i64::from(bar.period_s) * NS_PER_S;
        for &reader in &self.history.readers[index] {
            let features = &mut self.strategies[usize::from(reader)].setup.features;
            features.on_bar(instrument, period_ns, &feature_bar(&bar));
        }
    }

    pub(super) fn on_history_end(&mut self, input: &Record, out: &mut Outputs) {
        let Some(end) = input.payload::<record::HistoryEnd>() else { return };
        let now = self.now;
        for at in 0..self.history.tracked.len() {
            let instrument = self.history.tracked[at];
            let plan = self.history.plan;
            let Some(track) = self.history.track(instrument) else { continue };
            if track.venue == input.venue() {
                let (outcome, complaint) = track.end(&end, &plan, now);
                self.settle(instrument, end.request, outcome, complaint, out);
            }
        }
    }

    fn settle(
        &mut self,
        instrument: InstrumentId,
        request: u64,
        outcome: Outcome,
        complaint: Option<Complaint>,
        out: &mut Outputs,
    ) {
        if outcome == Outcome::Ignored {
            return;
        }
        let venue = self.venue_of(instrument);
        if let Some((code, got, wanted)) = complaint {
            self.counts.history_failures += 1;
            self.alert(code, (venue, instrument), request, got, wanted, out);
        }
        match outcome {
            Outcome::Next => return self.ask_history(instrument, out),
            Outcome::Live => self.feed_held(instrument),
            _ => self.empty_features(instrument),
        }
        self.begin_history(venue, out);
    }

    /// The ticks that came after the answer's end and were seen before it.
    fn feed_held(&mut self, instrument: InstrumentId) {
        let Some(index) = instrument.index() else { return };
        let Some(track) = self.history.tracks[index].take() else { return };
        for tick in track.held_news() {
            self.feed_tick(instrument, tick);
        }
        self.history.tracks[index] = Some(track);
    }

    fn empty_features(&mut self, instrument: InstrumentId) {
        let Some(index) = instrument.index() else { return };
        for &reader in &self.history.readers[index] {
            self.strategies[usize::from(reader)].setup.features.reset(instrument);
        }
    }

    /// Begins the next plan of a venue, one at a time.
    fn begin_history(&mut self, venue: VenueId, out: &mut Outputs) {
        if self.history.of_venue(venue).any(|track| track.is_asking()) {
            return;
        }
        let now = self.now;
        let offset_s = self.venues.get(usize::from(venue.0)).map_or(0, |venue| venue.server_offset_s);
        let Some(track) = self.history.of_venue(venue).find(|track| track.may_begin(now)) else { return };
        track.begin(offset_s);
        let instrument = track.instrument;
        self.ask_history(instrument, out);
    }

    fn ask_history(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        self.history.request_count += 1;
        let request = u64::from(self.epoch) << 32 | self.history.request_count;
        let (plan, now) = (self.history.plan, self.now);
        let Some(track) = self.history.track(instrument) else { return };
        let (question, venue) = (track.question(request, &plan, now), track.venue);
        self.counts.history_requests += 1;
        self.emit(venue, instrument, &question, out);
    }

    /// A market connection came up: what was pushed before it is the past, and something is missing in between.
    pub(super) fn past_until_connection(&mut self, venue: VenueId, connection: u32) {
        self.history.of_venue(venue).for_each(Track::connect);
        let before = connection.checked_sub(1).map(|before| (before, u64::MAX));
        self.break_past(venue, before);
    }

    /// The market connection went down: nothing that was asked is answered any more.
    pub(super) fn past_without_connection(&mut self, venue: VenueId) {
        self.history.of_venue(venue).for_each(Track::hang_up);
    }

    /// Live ticks are missing up to this number of the newest connection.
    pub(super) fn past_with_gap(&mut self, venue: VenueId, to_seq: u64, out: &mut Outputs) {
        let connection = self.venues.get(usize::from(venue.0)).map_or(0, |venue| venue.connection);
        self.break_past(venue, Some((connection, to_seq)));
        self.begin_history(venue, out);
    }

    fn break_past(&mut self, venue: VenueId, cut: Option<(u32, u64)>) {
        let (plan, now) = (self.history.plan, self.now);
        for at in 0..self.history.tracked.len() {
            let instrument = self.history.tracked[at];
            let Some(track) = self.history.track(instrument) else { continue };
            if track.venue == venue {
                track.break_at(cut, &plan, now);
                self.empty_features(instrument);
            }
        }
    }

    /// The terminal told a symbol's properties; with another tick size all prices mean something else.
    pub(super) fn past_of_symbol(&mut self, instrument: InstrumentId, is_rescaled: bool, out: &mut Outputs) {
        let (plan, now) = (self.history.plan, self.now);
        let Some(track) = self.history.track(instrument) else { return };
        track.announce();
        let venue = track.venue;
        if is_rescaled {
            track.rescale(&plan, now);
            self.empty_features(instrument);
        }
        self.begin_history(venue, out);
    }

    pub(super) fn history_timers(&mut self, out: &mut Outputs) {
        if !self.history.waits() {
            return;
        }
        let (plan, now) = (self.history.plan, self.now);
        for at in 0..self.history.tracked.len() {
            let instrument = self.history.tracked[at];
            let Some(track) = self.history.track(instrument) else { continue };
            let (venue, request) = (track.venue, track.request());
            if track.is_overdue(now, &plan) {
                let (outcome, complaint) = track.expire();
                self.settle(instrument, request, outcome, complaint, out);
            } else if track.may_begin(now) {
                self.begin_history(venue, out);
            }
        }
    }

    /// Why a strategy's model may not be asked, if so.
    #[inline]
    pub(super) fn hold(&self, at: usize) -> Option<Hold> {
        let features = &self.strategies[at].setup.features;
        if !features.all_ready() {
            return Some(Hold::Unready);
        }
        if features.values().iter().any(|value| value.is_nan()) {
            return Some(Hold::Missing);
        }
        None
    }
}

fn feature_bar(bar: &record::HistoryBar) -> Bar {
    Bar {
        ts_open: TimeNs(bar.ts_open),
        open: Price(bar.open),
        high: Price(bar.high),
        low: Price(bar.low),
        close: Price(bar.close),
    }
}
