//! Models while the appliance runs: loaded here, handed to the engine's lane with the record that names them, dropped here.
//!
//! What it is not: a choice of models; the operator's console makes it, and `registry` keeps it.
//!
//! Invariant: a model is checked, laid out, touched and on the disk before the lane hears of it; whatever fails before that
//! leaves everything as it was. No lane loads, waits for, or frees a model.

use super::{Appliance, StartError};
use crate::agents::StagedModel;
use crate::config::Config;
use crate::engine::{ModelUnit, SHADOWS_MAX, Setup, Slot};
use crate::record::{ModelAction, ModelChange, Origin, Record};
use crate::registry::{ModelSource, SourceError};
use crate::runtime::ring::{Consumer, Producer, ring};
use crate::setup::{self, LastRun, ModelWords, Models, SavedSetup};
use crate::types::{FixedText, InstrumentId, VenueId};

/// Models between the control floor and the engine's lane.
const MODELS_UNDER_WAY_MAX: usize = 8;

/// What the control floor needs to exchange models.
#[derive(Debug)]
pub(super) struct ModelDoor {
    pub staged: Producer<StagedModel>,
    pub retired: Consumer<Box<ModelUnit>>,
    /// Names of the row that the live models read.
    pub row_names: Vec<String>,
    pub members: usize,
    pub has_stack: bool,
    pub drift_window: u32,
    pub instrument: InstrumentId,
    /// Digests of the shadows, those on their way into the engine included.
    pub shadows: [Option<u64>; SHADOWS_MAX],
    pub retired_count: u64,
}

/// Why a model did not come in.
#[derive(Debug, thiserror::Error)]
pub enum ModelChangeError {
    /// It cannot be used; the live one stays.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no such place.
    #[error("expected a slot of the configuration ({members} member(s), {stack}), got {got:?}")]
    Slot {
        /// Members.
        members: usize,
        /// Whether there is a stacking model, in words.
        stack: &'static str,
        /// What came.
        got: Slot,
    },
    /// A stacking model of another size.
    #[error("expected a stacking model with {members} features, one for each member, got {got}")]
    StackSize {
        /// Members.
        members: usize,
        /// Its features.
        got: usize,
    },
    /// The lane has not taken the last ones yet.
    #[error("the engine has not taken the last changes of models yet: try again")]
    Busy,
}

/// Who changes a model, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// Who.
    pub who: FixedText<32>,
    /// Why.
    pub why: FixedText<48>,
}

impl Appliance {
    /// A model takes a slot, from the next tick on.
    pub fn install_model(
        &mut self,
        slot: Slot,
        source: &ModelSource,
        word: Word,
    ) -> Result<(), ModelChangeError> {
        self.drop_retired();
        let unit = self.loaded(slot, source)?;
        source.write(&self.journal_dir)?;
        let change = self.change(slot, ModelAction::Install, source, word);
        self.hand_over(StagedModel { unit: Some(Box::new(unit)), change })?;
        self.note_shadow(slot, Some(source.digest()));
        Ok(())
    }

    /// What was handed over counts, whether or not the engine has published it yet.
    fn note_shadow(&mut self, slot: Slot, digest: Option<u64>) {
        if let Slot::Shadow(at) = slot
            && let Some(place) = self.models.shadows.get_mut(usize::from(at))
        {
            *place = digest;
        }
    }

    /// Digest of the shadow in a slot.
    pub(super) fn shadow_digest(&self, slot: Slot) -> Option<u64> {
        let Slot::Shadow(at) = slot else { return None };
        *self.models.shadows.get(usize::from(at))?
    }

    /// Whether a model could take a slot now; the reason if not.
    pub fn check_model(&self, slot: Slot, source: &ModelSource) -> Result<(), ModelChangeError> {
        self.loaded(slot, source).map(|_| ())
    }

    /// A shadow leaves its slot.
    pub fn remove_model(
        &mut self,
        slot: Slot,
        source: &ModelSource,
        word: Word,
    ) -> Result<(), ModelChangeError> {
        self.drop_retired();
        if !matches!(slot, Slot::Shadow(_)) {
            return Err(self.no_slot(slot));
        }
        let change = self.change(slot, ModelAction::Remove, source, word);
        self.hand_over(StagedModel { unit: None, change })?;
        self.note_shadow(slot, None);
        Ok(())
    }

    /// Checks, lays out and touches.
    fn loaded(&self, slot: Slot, source: &ModelSource) -> Result<ModelUnit, ModelChangeError> {
        let door = &self.models;
        let fits = match slot {
            Slot::Member(at) => usize::from(at) < door.members,
            Slot::Stack => door.has_stack,
            Slot::Shadow(at) => usize::from(at) < SHADOWS_MAX,
        };
        if !fits {
            return Err(self.no_slot(slot));
        }
        let features = &source.header().features;
        let names = if slot == Slot::Stack { features } else { &door.row_names };
        if slot == Slot::Stack && features.len() != door.members {
            return Err(ModelChangeError::StackSize { members: door.members, got: features.len() });
        }
        let mut unit = source.load(names, door.drift_window)?;
        // Every page and table of it is touched once here, not by the first decision.
        for value in [0.0, 1.0, -1.0] {
            std::hint::black_box(unit.score(&vec![value; names.len()]));
        }
        Ok(unit)
    }

    fn no_slot(&self, got: Slot) -> ModelChangeError {
        let stack = if self.models.has_stack { "a stacking model" } else { "no stacking model" };
        ModelChangeError::Slot { members: self.models.members, stack, got }
    }

    fn change(&self, slot: Slot, action: ModelAction, source: &ModelSource, word: Word) -> Record {
        let payload = ModelChange {
            digest: source.digest(),
            version: source.header().version,
            slot: slot.code(),
            action: action as u8,
            reserved: [0; 2],
            who: *word.who.bytes(),
            why: *word.why.bytes(),
        };
        let name = crc32c::crc32c(source.header().name.as_bytes());
        Record::new(Origin::Operator, self.now(), VenueId(0), self.models.instrument, &payload).with_aux(name)
    }

    fn hand_over(&mut self, staged: StagedModel) -> Result<(), ModelChangeError> {
        self.models.staged.try_push(staged).map_err(|_| ModelChangeError::Busy)
    }

    /// Frees the models that left their slots.
    pub(super) fn drop_retired(&mut self) {
        while let Some(unit) = self.models.retired.pop() {
            drop(unit);
            self.models.retired_count += 1;
        }
    }

    /// How many models left their slots and were freed.
    pub fn retired_model_count(&self) -> u64 {
        self.models.retired_count
    }
}

/// The configuration's models, or what the last start was brought to.
pub(super) fn effective_models(
    config: &Config,
    configured: &Models,
    (epoch, words): (u32, &ModelWords),
    notes: &mut Vec<String>,
) -> Result<Models, StartError> {
    let dir = &config.journal.dir;
    let Some((_, last)) = SavedSetup::last_before(dir, epoch)? else { return Ok(configured.clone()) };
    let last = LastRun::of(words, last.configured, last.models);
    let state = setup::registry_state(config)?;
    let models = setup::effective(dir, configured, &state, &last)?;
    if models.saved() != configured.saved() {
        notes.push(
            "models: those that the last run was brought to, not the configuration's first ones".into(),
        );
    }
    Ok(models)
}

/// The ways of models into the engine's lane and back.
pub(super) fn model_door(
    config: &Config,
    setup: &Setup,
    models: &Models,
) -> (ModelDoor, Consumer<StagedModel>, Producer<Box<ModelUnit>>) {
    let (staged, staged_end) = ring(MODELS_UNDER_WAY_MAX);
    let (retired_end, retired) = ring(2 * MODELS_UNDER_WAY_MAX);
    let door = ModelDoor {
        staged,
        retired,
        row_names: setup.strategies[0].features.names().to_vec(),
        members: models.placed.iter().filter(|placed| matches!(placed.slot, Slot::Member(_))).count(),
        has_stack: models.at(Slot::Stack).is_some(),
        drift_window: config.watch.drift_window,
        instrument: setup.strategies[0].instrument,
        shadows: std::array::from_fn(|at| models.at(Slot::Shadow(at as u8)).map(|source| source.digest())),
        retired_count: 0,
    };
    (door, staged_end, retired_end)
}
