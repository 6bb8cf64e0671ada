//! Features and their past: emptied when ticks may be missing, fed from the terminal's history, joined to the live stream.
//!
//! What it is not: the plan (`history.rs`), or a decision (`decide.rs`).
//!
//! Invariant: every tick and bar that enters a feature comes through this file, so that a feature never takes a live tick
//! while its past is being told. Nothing allocates after the engine was made.

use super::held::Cut;
use super::history::{Admit, Complaint, Outcome, Track};
use super::needs::{BarsNeeded, Needs, Volume};
use super::setup::{HistoryPlan, InstrumentSetup, StrategySetup};
use super::{AlertCode, Engine, Hold, Outputs, Strategy};
use crate::features::{Bar, Clock, FeatureTick, Input};
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
        let mut history = History { plan, tracks: tracks.into(), tracked, readers, request_count: 0 };
        history.leave_out_circles();
        history
    }

    /// Instruments that wait for each other are never told their past.
    fn leave_out_circles(&mut self) {
        let mut told = vec![false; INSTRUMENTS_MAX];
        let is_told = |told: &[bool], other: &InstrumentId| other.index().is_some_and(|at| told[at]);
        for _ in 0..self.tracked.len() {
            for track in self.tracks.iter().flatten() {
                told[usize::from(track.instrument.0)] |=
                    track.after().iter().all(|other| is_told(&told, other));
            }
        }
        let left = self.tracks.iter_mut().flatten().filter(|track| !told[usize::from(track.instrument.0)]);
        left.for_each(|track| track.stay_cold());
    }

    fn track(&mut self, instrument: InstrumentId) -> Option<&mut Track> {
        self.tracks[instrument.index()?].as_deref_mut()
    }

    fn of_venue(&mut self, venue: VenueId) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().flatten().map(|track| &mut **track).filter(move |track| track.venue == venue)
    }

    /// Whose plan may begin: announced, due, and those whose features look at it are told.
    fn next(&self, venue: VenueId, now: TimeNs) -> Option<InstrumentId> {
        let is_told = |other: &InstrumentId| {
            let other = other.index().and_then(|index| self.tracks[index].as_ref());
            other.is_none_or(|track| !track.is_waiting())
        };
        let may_begin = |track: &&Track| {
            track.venue == venue && track.may_begin(now) && track.after().iter().all(is_told)
        };
        self.tracks.iter().flatten().map(AsRef::as_ref).find(may_begin).map(|track| track.instrument)
    }

    /// Whether an answer, or the time to ask, is waited for.
    pub(super) fn waits(&self) -> bool {
        let waits = |instrument: &InstrumentId| {
            self.tracks[usize::from(instrument.0)].as_ref().is_some_and(|track| track.is_waiting())
        };
        self.tracked.iter().any(waits)
    }

    /// As before the first session: after a start nothing is open. Questions are counted anew; a start's epoch is in their numbers.
    pub(super) fn forget(&mut self) {
        self.request_count = 0;
        self.tracks.iter_mut().flatten().for_each(|track| track.forget());
    }
}

/// Adds what a strategy's features need of an instrument; whether they read it.
fn needs_of(strategy: &Strategy, instrument: InstrumentId, needs: &mut Needs) -> bool {
    let features = &strategy.setup.features;
    for need in features.history_needed().iter().filter(|need| need.instrument == instrument) {
        let samples = need.samples_settled;
        match need.clock {
            Clock::Tick => needs.ticks = needs.ticks.max(samples),
            Clock::TickBar { ticks } => needs.ticks = needs.ticks.max(samples.saturating_mul(ticks)),
            Clock::VolumeBar { .. } => needs.volume = Some(Volume),
            Clock::Bar { period_ns } => needs.add_bars(BarsNeeded {
                period_ns,
                offset_ns: need.offset_ns,
                samples,
                from_terminal: need.terminal_bars,
            }),
        }
    }
    for (own, second) in features.pairs() {
        if second == instrument && own != instrument && !needs.after.contains(&own) {
            needs.after.push(own);
        }
    }
    features.reads(instrument)
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
        let prices = feature_tick(tick);
        for &reader in &self.history.readers[index] {
            let features = &mut self.strategies[usize::from(reader)].setup.features;
            features.on_tick(instrument, TimeNs(tick.ts_venue), &prices);
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
        if !self.history.waits() {
            self.tell_cold(out);
        }
    }

    /// All that could be told was told: what still waits for live ticks is named.
    fn tell_cold(&mut self, out: &mut Outputs) {
        for at in 0..self.strategies.len() {
            let StrategySetup { features, instrument, .. } = &self.strategies[at].setup;
            let (cold, all, instrument) = (features.unready_count(), features.names().len(), *instrument);
            if cold > 0 {
                let at_what = (self.venue_of(instrument), instrument);
                self.alert(AlertCode::FeaturesCold, at_what, at as u64, cold as i64, all as i64, out);
            }
        }
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
            let strategy = &mut self.strategies[usize::from(reader)];
            strategy.setup.features.reset(instrument);
            strategy.was_ready = false;
        }
    }

    /// Begins the next plan of a venue, one at a time.
    fn begin_history(&mut self, venue: VenueId, out: &mut Outputs) {
        if self.history.of_venue(venue).any(|track| track.is_asking()) {
            return;
        }
        let Some(instrument) = self.history.next(venue, self.now) else { return };
        let offset_s = self.venues.get(usize::from(venue.0)).map_or(0, |venue| venue.server_offset_s);
        let execution = self.spec(instrument).map(|spec| spec.execution);
        let now = self.now;
        let Some(track) = self.history.track(instrument) else { return };
        track.begin(offset_s, execution, now);
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

    /// A market connection came up; which symbols' ticks it pushes is told by its announcements. What nobody has announced yet
    /// waits for one.
    pub(super) fn past_of_connection(&mut self, venue: VenueId, connection: u32) {
        self.history.of_venue(venue).for_each(Track::connect);
        self.break_past(venue, |track| (!track.is_announced()).then_some(before(connection)));
    }

    /// The last market connection went down: nothing that was asked is answered any more.
    pub(super) fn past_without_connections(&mut self, venue: VenueId) {
        let now = self.now;
        self.history.of_venue(venue).for_each(|track| track.hang_up(now));
    }

    /// A market connection went down and others did not: the symbols that it pushed are taken from another one that does.
    pub(super) fn past_without_connection(&mut self, venue: VenueId, connection: u32, out: &mut Outputs) {
        let (plan, now) = (self.history.plan, self.now);
        for at in 0..self.history.tracked.len() {
            let instrument = self.history.tracked[at];
            let Some(track) = self.history.track(instrument) else { continue };
            if track.venue == venue
                && let Some(heir) = track.leave(connection, now)
            {
                track.break_at(before(heir), &plan, now);
                self.empty_features(instrument);
            }
        }
        self.begin_history(venue, out);
    }

    /// Live ticks are missing up to this number of a connection: the symbols that it pushes have a hole.
    pub(super) fn past_with_gap(&mut self, venue: VenueId, cut: Cut, out: &mut Outputs) {
        self.break_past(venue, |track| (track.source() == Some(cut.0)).then_some(Some(cut)));
        self.begin_history(venue, out);
    }

    /// Breaks the past of a venue's instruments at the cut that `broken` tells; where it tells none, nothing happens.
    fn break_past(&mut self, venue: VenueId, broken: impl Fn(&Track) -> Option<Option<Cut>>) {
        let (plan, now) = (self.history.plan, self.now);
        for at in 0..self.history.tracked.len() {
            let instrument = self.history.tracked[at];
            let Some(track) = self.history.track(instrument) else { continue };
            if track.venue == venue
                && let Some(cut) = broken(track)
            {
                track.break_at(cut, &plan, now);
                self.empty_features(instrument);
            }
        }
    }

    /// A connection told a symbol's properties. If it is a new one, what was pushed before is the past, and something is missing
    /// in between. With another tick size its prices mean something else, and so do the features that look at it together with
    /// others.
    pub(super) fn past_of_symbol(
        &mut self,
        instrument: InstrumentId,
        connection: u32,
        is_rescaled: bool,
        out: &mut Outputs,
    ) {
        let Some(track) = self.history.track(instrument) else { return };
        let (is_new, venue) = (track.announce(connection), track.venue);
        if is_rescaled {
            self.break_past(venue, |track| Some(track.source().and_then(before)));
        } else if is_new {
            self.break_past(venue, |track| (track.instrument == instrument).then_some(before(connection)));
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
                let (outcome, complaint) = track.expire(now);
                self.settle(instrument, request, outcome, complaint, out);
            } else if track.may_begin(now) {
                self.begin_history(venue, out);
            }
        }
    }

    /// Why a strategy's model may not be asked, if so.
    #[inline]
    pub(super) fn hold(&self, at: usize) -> Option<Hold> {
        let strategy = &self.strategies[at];
        let StrategySetup { features, models, instrument, .. } = &strategy.setup;
        // Models that read only a part of the row, or were trained for missing values, need not wait for all of it.
        if !features.all_ready() && !models.is_ready(features.values()) {
            // A row that was whole once and has a hole now has a division by zero in it.
            return Some(if strategy.was_ready { Hold::Missing } else { Hold::Unready });
        }
        let is_stale = features.first_stale(self.market.quote(*instrument).ts_venue).is_some();
        is_stale.then_some(Hold::Stale)
    }
}

/// The cut before a connection's first tick; `None` for a source that does not number its connections.
fn before(connection: u32) -> Option<(u32, u64)> {
    connection.checked_sub(1).map(|before| (before, u64::MAX))
}

/// A terminal's tick has no sizes at the best prices.
fn feature_tick(tick: &record::Tick) -> FeatureTick {
    FeatureTick {
        bid: Price(tick.bid),
        ask: Price(tick.ask),
        last: Price(tick.last),
        volume: tick.volume,
        flags: tick.tick_flags,
        ..FeatureTick::NONE
    }
}

fn feature_bar(bar: &record::HistoryBar) -> Bar {
    Bar {
        input: Input::Bid,
        ts_open: TimeNs(bar.ts_open),
        open: Price(bar.open),
        high: Price(bar.high),
        low: Price(bar.low),
        close: Price(bar.close),
        volume: bar.real_volume as f64,
        ticks: bar.tick_volume,
    }
}
