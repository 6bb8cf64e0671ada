//! What is done with models beside deciding: exchanging one, and watching them after the decision left.
//!
//! What it is not: on the way of an order. `observe` is called when a step's outputs are gone, and adds outputs of its own.
//!
//! Invariant: it changes no order, no position and no live score; like `step`, it reads nothing but state.

use super::models::Slot;
use super::unit::ModelUnit;
use super::{AlertCode, Engine, ModelSet, Outputs};
use crate::model::Part;
use crate::record::{self, ModelAction, Record};
use crate::signal::{Context, PaperCounts, QualityCounts, VETO_COUNT, VetoCounts};
use crate::types::{InstrumentId, NS_PER_S, TimeNs};

/// What the control floor may see of a strategy.
#[derive(Clone, Copy, Debug)]
pub struct StrategyView<'a> {
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its models.
    pub models: &'a ModelSet,
    /// How its scores did, where that is watched.
    pub quality: Option<&'a QualityCounts>,
}

impl Engine {
    /// Lays a ready model where the next `ModelChange` finds it; hands back one that was never used.
    pub fn stage(&mut self, unit: Box<ModelUnit>) -> Option<Box<ModelUnit>> {
        self.staged.replace(unit)
    }

    /// Names of the row that a model in this slot reads; `None` for the stacking model, which reads the members.
    pub fn row_names(&self, instrument: InstrumentId, slot: Option<Slot>) -> Option<&[String]> {
        let at = usize::from(instrument.index().and_then(|index| self.strategy_of[index])?);
        (slot != Some(Slot::Stack)).then(|| self.strategies[at].setup.features.names())
    }

    /// The model that the last change took out of its slot, or did not find a place for.
    pub fn take_retired(&mut self) -> Option<Box<ModelUnit>> {
        self.retired.take()
    }

    pub(super) fn note_model_change(&mut self, instrument: InstrumentId) -> Option<usize> {
        let at = usize::from(instrument.index().and_then(|index| self.strategy_of[index])?);
        self.strategies[at].setup.models.raise_revision();
        Some(at)
    }

    pub(super) fn on_model_change(&mut self, input: &Record, out: &mut Outputs) {
        let Some(change) = input.payload::<record::ModelChange>() else { return };
        assert!(self.retired.is_none(), "the lane takes a retired model before it brings the next change");
        let at = self.note_model_change(input.instrument());
        let slot = Slot::from_code(change.slot);
        let done = match (at, slot, ModelAction::from_code(change.action)) {
            (Some(at), Some(slot), Some(ModelAction::Install)) => self.install(at, slot, change.digest),
            (Some(at), Some(slot), Some(ModelAction::Remove)) => {
                self.retired = self.strategies[at].setup.models.remove(slot);
                self.retired.is_some()
            }
            _ => false,
        };
        if !done {
            let place = (input.venue(), input.instrument());
            self.alert(AlertCode::ModelMissing, place, change.digest, i64::from(change.slot), 0, out);
        }
    }

    fn install(&mut self, at: usize, slot: Slot, digest: u64) -> bool {
        let Some(unit) = self.staged.take() else { return false };
        let setup = &mut self.strategies[at].setup;
        if unit.identity().digest != digest {
            self.retired = Some(unit);
            return false;
        }
        match setup.models.install(slot, unit, &setup.rule) {
            Ok(old) => {
                self.retired = old;
                true
            }
            Err(unit) => {
                self.retired = Some(unit);
                false
            }
        }
    }

    /// What the filters look at.
    pub(super) fn context(&self, at: usize) -> Context {
        let strategy = &self.strategies[at];
        let features = &strategy.setup.features;
        let regime =
            strategy.setup.regime_feature.map_or(f64::NAN, |at| features.exact_values()[usize::from(at)]);
        let venue = self.venue_of(strategy.setup.instrument);
        let offset_s = self
            .venues
            .get(usize::from(venue.0))
            .filter(|venue| venue.roles_up != 0)
            .map(|venue| i64::from(venue.server_offset_s));
        let oldest = |age: i64, need: &crate::features::HistoryNeed| {
            age.max(self.market.quote(need.instrument).age_ns(self.now))
        };
        Context {
            regime,
            server_s: offset_s.map(|offset_s| self.now.0.div_euclid(NS_PER_S) + offset_s),
            agreement: strategy.verdict.agreement,
            feature_age_ns: features.history_needed().iter().fold(0, oldest),
            is_outside: strategy
                .setup
                .rule
                .range_tolerance()
                .is_some_and(|tolerance| strategy.setup.models.is_outside(features.values(), tolerance)),
        }
    }

    /// Looks at what the last step decided: asks the shadows, holds scores against the price, counts drift.
    ///
    /// To be called after every step, when its outputs are on their way.
    #[inline]
    pub fn observe(&mut self, out: &mut Outputs) {
        if let Some(at) = self.decided.take() {
            self.observe_decision(usize::from(at), out);
        }
    }

    fn observe_decision(&mut self, at: usize, out: &mut Outputs) {
        let now = self.now;
        let strategy = &mut self.strategies[at];
        let (instrument, watch) = (strategy.setup.instrument, strategy.setup.watch);
        let quote = *self.market.quote(instrument);
        let score = strategy.verdict.score;
        let is_judged = strategy.quality.as_mut().is_some_and(|quality| {
            let is_full = quality.on_quote(&quote, now);
            quality.on_score(score, &quote, now);
            is_full
        });
        let drifted = strategy.setup.models.note_row(strategy.setup.features.values(), watch.drift_max);
        strategy.decisions_since_shadow += 1;
        if strategy.decisions_since_shadow >= watch.shadow_every && strategy.setup.models.has_shadows() {
            strategy.decisions_since_shadow = 0;
            let context = self.context(at);
            self.ask_shadows(at, &quote, now, &context, out);
        }
        if is_judged {
            self.judge(at, watch.hit_rate_min, out);
        }
        if let Some((digest, index)) = drifted {
            self.tell_drift(instrument, digest, index, watch.drift_max, out);
        }
    }

    /// Apart, and cold: the compiler would multiply an index that is not there, and a processor takes its time over what the
    /// stack happens to hold.
    #[cold]
    #[inline(never)]
    fn tell_drift(&self, instrument: InstrumentId, digest: u64, index: f64, max: f64, out: &mut Outputs) {
        let (ours, theirs) = (thousandths(index), thousandths(max));
        let place = (self.venue_of(instrument), instrument);
        self.alert(AlertCode::ModelDrift, place, digest, ours, theirs, out);
    }

    fn ask_shadows(
        &mut self,
        at: usize,
        quote: &crate::types::Quote,
        now: TimeNs,
        context: &Context,
        out: &mut Outputs,
    ) {
        let strategy = &mut self.strategies[at];
        let live = strategy.verdict.score;
        let instrument = strategy.setup.instrument;
        let models = &mut strategy.setup.models;
        let (middle, revision) = (models.middle(), models.revision());
        strategy.shadows_since_record += 1;
        let is_recorded = strategy.shadows_since_record >= strategy.setup.watch.shadow_record_every;
        if is_recorded {
            strategy.shadows_since_record = 0;
        }
        let mut told = [const { None }; super::SHADOWS_MAX];
        let row = strategy.setup.features.values();
        for (index, shadow) in models.shadows.iter_mut().enumerate() {
            let Some(shadow) = shadow else { continue };
            let score = shadow.unit.score(row);
            shadow.paper.on_score(score, live, middle, quote, now, context);
            let counts = shadow.paper.counts();
            told[index] = is_recorded.then(|| record::ShadowScore {
                digest: shadow.unit.identity().digest,
                score_bits: score.to_bits(),
                live_bits: live.to_bits(),
                revision,
                asked: counts.scores,
                entries: counts.entries,
                closed_ticks: counts.closed_ticks,
                open_ticks: counts.open_ticks,
                slot: Slot::Shadow(index as u8).code(),
                position: (shadow.paper.position() + 1) as u8,
                reserved: [0; 6],
            });
        }
        for payload in told.iter().flatten() {
            self.emit(self.venue_of(instrument), instrument, payload, out);
        }
    }

    fn judge(&self, at: usize, hit_rate_min: f64, out: &mut Outputs) {
        let strategy = &self.strategies[at];
        let Some(quality) = &strategy.quality else { return };
        let rate = quality.counts().window_hit_rate;
        if rate < hit_rate_min {
            let instrument = strategy.setup.instrument;
            let digest = strategy.setup.models.digests()[0];
            let place = (self.venue_of(instrument), instrument);
            let (ours, theirs) = (thousandths(rate), thousandths(hit_rate_min));
            self.alert(AlertCode::ModelQuality, place, digest, ours, theirs, out);
        }
    }

    /// Wishes held back since the start, by reason.
    pub fn vetoes(&self) -> VetoCounts {
        let mut sums = [0; VETO_COUNT];
        for strategy in &self.strategies {
            for (sum, count) in sums.iter_mut().zip(strategy.setup.rule.veto_counts()) {
                *sum += count;
            }
        }
        sums
    }

    /// Every strategy.
    pub fn strategies(&self) -> impl Iterator<Item = StrategyView<'_>> {
        self.strategies.iter().map(|strategy| StrategyView {
            instrument: strategy.setup.instrument,
            models: &strategy.setup.models,
            quality: strategy.quality.as_ref().map(|quality| quality.counts()),
        })
    }
}

impl ModelSet {
    /// Reads a part of the live models' memory, so that the next decision finds it in the cache.
    pub fn touch_part(&self, part: Part) {
        self.live_slots().for_each(|(_, unit)| unit.model().touch_part(part));
    }

    /// Whether a shadow stands beside the live models.
    pub fn has_shadows(&self) -> bool {
        self.shadows.iter().any(Option::is_some)
    }

    /// The shadows: slot, model, and what it would have done.
    pub fn shadows(&self) -> impl Iterator<Item = (Slot, &ModelUnit, &PaperCounts)> {
        self.shadows.iter().enumerate().filter_map(|(at, shadow)| {
            let shadow = shadow.as_ref()?;
            Some((Slot::Shadow(at as u8), shadow.unit.as_ref(), shadow.paper.counts()))
        })
    }
}

fn thousandths(value: f64) -> i64 {
    (value * 1_000.0) as i64
}
