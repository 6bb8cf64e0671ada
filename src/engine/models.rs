//! The models of one strategy: its live ensemble, its shadows, and how one of them is exchanged.
//!
//! What it is not: a loader, or a judge of scores; units come in ready, and `signal` decides what a score means.
//!
//! Invariant: a decision is made by the units that stood in their slots when its tick was stepped; an exchange is one pointer and
//! raises the revision. Nothing here allocates or frees: what goes out of a slot is handed back.

use crate::model::{Model, Prepared};
use crate::signal::{Agreement, Calibration, Combine, Drift, Paper, Rule, combine};
use crate::types::FixedText;

/// Most members of an ensemble.
pub const MEMBERS_MAX: usize = 7;
/// Most shadows of a strategy.
pub const SHADOWS_MAX: usize = 4;
/// Digests that a decision names: the members' and the stacking model's.
pub(super) const DIGESTS_MAX: usize = MEMBERS_MAX + 1;
/// Most outputs of one model.
const OUTPUTS_PER_MODEL_MAX: usize = 64;

/// Of a place in the row that a model does not read.
const NO_FEATURE: u16 = u16::MAX;

/// A model's place in a strategy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// A live member, from 0.
    Member(u8),
    /// The model that makes one score of the members'.
    Stack,
    /// Beside the live ones, from 0.
    Shadow(u8),
}

impl Slot {
    /// The code that records carry: members from 0, the stacking model 7, shadows from 16.
    pub fn code(self) -> u8 {
        match self {
            Slot::Member(at) => at,
            Slot::Stack => MEMBERS_MAX as u8,
            Slot::Shadow(at) => 16 + at,
        }
    }

    /// The slot with this code.
    pub fn from_code(code: u8) -> Option<Slot> {
        match code {
            0..7 => Some(Slot::Member(code)),
            7 => Some(Slot::Stack),
            16..20 => Some(Slot::Shadow(code - 16)),
            _ => None,
        }
    }
}

const _: () = assert!(MEMBERS_MAX == 7 && SHADOWS_MAX == 4, "the codes of slots");

/// Which model it is, whatever slot it stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModelIdentity {
    /// Digest of everything that makes its score: file, calibration, features.
    pub digest: u64,
    /// Its maker's number.
    pub version: u32,
    /// Its name.
    pub name: FixedText<32>,
}

/// Why a model does not fit its place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnitError {
    /// A feature that nothing computes.
    #[error("expected features that are configured, got {0:?}, which is not")]
    Feature(String),
    /// More outputs than are read.
    #[error("expected at most {OUTPUTS_PER_MODEL_MAX} outputs, got {0}")]
    Outputs(usize),
    /// Several outputs, and no word on what they mean.
    #[error(
        "expected two different classes below {outputs}, one for long and one for short, got {long:?} and {short:?}"
    )]
    Sides {
        /// Outputs of the model.
        outputs: usize,
        /// The class for long.
        long: Option<usize>,
        /// The class for short.
        short: Option<usize>,
    },
}

/// What a model's classes mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Classes {
    /// The class of a rise.
    pub long: Option<usize>,
    /// The class of a fall.
    pub short: Option<usize>,
}

/// One model, ready to be asked: laid out, its columns matched, its row prepared.
#[derive(Clone, Debug)]
pub struct ModelUnit {
    identity: ModelIdentity,
    model: Model,
    /// For each of the model's features, its place in the row.
    columns: Box<[u16]>,
    /// For each place in the row, the model's feature, or [`NO_FEATURE`].
    features: Box<[u16]>,
    /// Bits of the model's features without a number.
    missing: Box<[u64]>,
    /// Nothing of the row was written yet.
    is_blank: bool,
    calibration: Calibration,
    /// Outputs for long and short, of a model with several.
    sides: Option<(usize, usize)>,
    /// Trained for missing values.
    takes_missing: bool,
    drift: Option<Box<Drift>>,
    row: Prepared,
    out: Box<[f64]>,
}

impl ModelUnit {
    /// Matches the model's features to the row's by name; the model may use some of them only.
    pub fn new(
        identity: ModelIdentity,
        model: Model,
        row_names: &[impl AsRef<str>],
        classes: Classes,
    ) -> Result<Self, UnitError> {
        let column = |name: &String| {
            let found = row_names.iter().position(|have| have.as_ref() == name);
            found.map(|at| at as u16).ok_or_else(|| UnitError::Feature(name.clone()))
        };
        let columns: Box<[u16]> = model.features().iter().map(column).collect::<Result<_, _>>()?;
        let mut features = vec![NO_FEATURE; row_names.len()];
        for (feature, &column) in columns.iter().enumerate() {
            features[usize::from(column)] = feature as u16;
        }
        let outputs = model.output_count();
        if outputs > OUTPUTS_PER_MODEL_MAX {
            return Err(UnitError::Outputs(outputs));
        }
        let sides = match (outputs, classes.long, classes.short) {
            (1, _, _) => None,
            (_, Some(long), Some(short)) if long != short && long.max(short) < outputs => Some((long, short)),
            (_, long, short) => return Err(UnitError::Sides { outputs, long, short }),
        };
        let row = model.prepare();
        Ok(ModelUnit {
            identity,
            missing: vec![0; columns.len().div_ceil(64)].into(),
            columns,
            features: features.into(),
            is_blank: true,
            calibration: Calibration::None,
            sides,
            takes_missing: false,
            drift: None,
            row,
            out: vec![0.0; outputs].into(),
            model,
        })
    }

    /// With a calibration of its scores.
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = calibration;
        self
    }

    /// Asked with missing values too: it was trained for them.
    pub fn taking_missing(mut self) -> Self {
        self.takes_missing = true;
        self
    }

    /// With a watch over its features: how they were distributed when it was trained.
    pub fn with_drift(mut self, drift: Drift) -> Self {
        self.drift = Some(Box::new(drift));
        self
    }

    /// Which it is.
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// The model itself.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// For each of the model's features, its place in the row.
    pub fn columns(&self) -> &[u16] {
        &self.columns
    }

    /// The watch over its features.
    pub fn drift(&self) -> Option<&Drift> {
        self.drift.as_deref()
    }

    #[inline]
    fn write(&mut self, feature: usize, value: f32) {
        self.model.write(&mut self.row, feature, value);
        let bit = 1 << (feature % 64);
        if value.is_nan() {
            self.missing[feature / 64] |= bit;
        } else {
            self.missing[feature / 64] &= !bit;
        }
    }

    /// Takes those values of the row whose bits are set, of a unit that has seen all others: bit `f % 64` of word `f / 64`
    /// stands for place `f` of the row. A unit that has seen nothing takes them all.
    #[inline]
    pub fn update(&mut self, row: &[f32], changed: &[u64]) {
        if self.is_blank {
            self.fill(row);
            return;
        }
        for (word, bits) in changed.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let column = 64 * word + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let feature = self.features[column];
                if feature != NO_FEATURE {
                    self.write(usize::from(feature), row[column]);
                }
            }
        }
    }

    fn fill(&mut self, row: &[f32]) {
        self.is_blank = false;
        for feature in 0..self.columns.len() {
            self.write(feature, row[usize::from(self.columns[feature])]);
        }
    }

    /// Whether it may be asked: each of its features has a number, or it takes missing ones.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.takes_missing || self.missing.iter().all(|word| *word == 0)
    }

    /// The calibrated score of the row that was taken; not a number where a value is missing that it was not trained to miss.
    #[inline]
    pub fn score_taken(&mut self) -> f64 {
        if !self.is_ready() {
            return f64::NAN;
        }
        self.model.scores_prepared(&self.row, &mut self.out);
        let score = match self.sides {
            None => self.out[0],
            // From -1, surely short, to 1, surely long.
            Some((long, short)) => self.out[long] - self.out[short],
        };
        self.calibration.apply(score)
    }

    /// The calibrated score of a whole row.
    #[inline]
    pub fn score(&mut self, row: &[f32]) -> f64 {
        self.fill(row);
        self.score_taken()
    }
}

/// How members become one score.
#[derive(Clone, PartialEq, Debug)]
pub struct Ensemble {
    /// How.
    pub combine: Combine,
    /// One for each member, finite and positive.
    pub weights: Vec<f64>,
    /// Of the whole.
    pub calibration: Calibration,
    /// The score that leans to neither side.
    pub middle: f64,
}

/// Why members make no ensemble.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum EnsembleError {
    /// None, or too many.
    #[error("ensemble: expected 1 to {MEMBERS_MAX} members, got {0}")]
    Members(usize),
    /// Weights that do not fit.
    #[error(
        "ensemble: expected one finite weight above 0 for each of {members} members, got {weights} and {first_bad:?}"
    )]
    Weights {
        /// Members.
        members: usize,
        /// Weights.
        weights: usize,
        /// The first that is no weight.
        first_bad: Option<f64>,
    },
    /// A stacking model without need, or none where one is needed.
    #[error("ensemble: expected a stacking model with {expected} features, got {got:?}")]
    Stack {
        /// Members.
        expected: usize,
        /// Features of the stacking model.
        got: Option<usize>,
    },
}

/// A model beside the live ones, and what it would have done.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    pub unit: Box<ModelUnit>,
    pub paper: Paper,
}

/// What an ensemble said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Verdict {
    /// The final score.
    pub score: f64,
    /// How the members lean.
    pub agreement: Agreement,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct ModelSet {
    members: Vec<Box<ModelUnit>>,
    stack: Option<Box<ModelUnit>>,
    ensemble: Ensemble,
    pub(super) shadows: [Option<Shadow>; SHADOWS_MAX],
    scores: Box<[f64]>,
    stack_row: Box<[f32]>,
    revision: u64,
}

impl ModelSet {
    /// One model alone.
    pub fn single(unit: ModelUnit) -> Self {
        let calibration = Calibration::None;
        let ensemble = Ensemble { combine: Combine::Mean, weights: vec![1.0], calibration, middle: 0.5 };
        Self::new(vec![unit], None, ensemble).expect("one member with one weight")
    }

    /// Members, and the stacking model if there is one: its features are the members' scores, in their order.
    pub fn new(
        members: Vec<ModelUnit>,
        stack: Option<ModelUnit>,
        ensemble: Ensemble,
    ) -> Result<Self, EnsembleError> {
        if members.is_empty() || members.len() > MEMBERS_MAX {
            return Err(EnsembleError::Members(members.len()));
        }
        let first_bad = ensemble.weights.iter().copied().find(|weight| !weight.is_finite() || *weight <= 0.0);
        if ensemble.weights.len() != members.len() || first_bad.is_some() {
            let (members, weights) = (members.len(), ensemble.weights.len());
            return Err(EnsembleError::Weights { members, weights, first_bad });
        }
        let expected = if ensemble.combine == Combine::Stack { members.len() } else { 0 };
        let got = stack.as_ref().map(|unit| unit.columns.len());
        if got.unwrap_or(0) != expected {
            return Err(EnsembleError::Stack { expected, got });
        }
        let count = members.len();
        Ok(ModelSet {
            members: members.into_iter().map(Box::new).collect(),
            stack: stack.map(Box::new),
            ensemble,
            shadows: [const { None }; SHADOWS_MAX],
            scores: vec![0.0; count].into(),
            stack_row: vec![0.0; count].into(),
            revision: 0,
        })
    }

    /// Whether every live model may be asked.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.members.iter().all(|unit| unit.is_ready())
    }

    /// The members take what changed in the row; see [`ModelUnit::update`].
    #[inline]
    pub fn update(&mut self, row: &[f32], changed: &[u64]) {
        for unit in &mut self.members {
            unit.update(row, changed);
        }
    }

    /// Asks the live models.
    #[inline]
    pub fn evaluate(&mut self) -> Verdict {
        for (unit, score) in self.members.iter_mut().zip(&mut self.scores) {
            *score = unit.score_taken();
        }
        let agreement = Agreement::of(&self.scores, self.ensemble.middle);
        let score =
            match (combine(self.ensemble.combine, &self.ensemble.weights, &self.scores), &mut self.stack) {
                (Some(score), _) => score,
                (None, Some(stack)) => {
                    for (value, score) in self.stack_row.iter_mut().zip(&self.scores) {
                        *value = *score as f32;
                    }
                    stack.score(&self.stack_row)
                }
                (None, None) => f64::NAN,
            };
        Verdict { score: self.ensemble.calibration.apply(score), agreement }
    }

    /// The unit in a slot.
    pub fn unit(&self, slot: Slot) -> Option<&ModelUnit> {
        match slot {
            Slot::Member(at) => self.members.get(usize::from(at)).map(Box::as_ref),
            Slot::Stack => self.stack.as_deref(),
            Slot::Shadow(at) => {
                self.shadows.get(usize::from(at))?.as_ref().map(|shadow| shadow.unit.as_ref())
            }
        }
    }

    /// The live units: members, then the stacking model.
    pub fn live(&self) -> impl Iterator<Item = &ModelUnit> {
        self.members.iter().map(Box::as_ref).chain(self.stack.as_deref())
    }

    /// The same with their slots.
    pub fn live_slots(&self) -> impl Iterator<Item = (Slot, &ModelUnit)> {
        let members = self.members.iter().enumerate();
        let members = members.map(|(at, unit)| (Slot::Member(at as u8), unit.as_ref()));
        members.chain(self.stack.as_deref().map(|unit| (Slot::Stack, unit)))
    }

    /// Of the live member whose features moved most: its digest, the feature's place in it, the index.
    pub fn worst_drift(&self) -> Option<(u64, usize, f64)> {
        let worst = |unit: &Box<ModelUnit>| {
            let (feature, index) = unit.drift()?.worst()?;
            Some((unit.identity.digest, feature, index))
        };
        self.members.iter().filter_map(worst).max_by(|a, b| a.2.total_cmp(&b.2))
    }

    /// Which units a decision is made of, in the order of [`ModelSet::live`]; zeros behind them.
    pub(super) fn digests(&self) -> [u64; DIGESTS_MAX] {
        let mut digests = [0; DIGESTS_MAX];
        for (digest, unit) in digests.iter_mut().zip(self.live()) {
            *digest = unit.identity.digest;
        }
        digests
    }

    /// Counts a row for the drift of the live members; the digest of one that drifted beyond `max` in a window that just became
    /// full, and its index.
    pub(super) fn note_row(&mut self, row: &[f32], max: f64) -> Option<(u64, f64)> {
        let mut drifted = None;
        for unit in &mut self.members {
            let ModelUnit { identity, columns, drift, .. } = unit.as_mut();
            let Some(drift) = drift else { continue };
            if drift.on_row(columns.iter().map(|&column| row[usize::from(column)]))
                && let Some((_, index)) = drift.worst()
                && index > max
            {
                drifted = Some((identity.digest, index));
            }
        }
        drifted
    }

    /// How often a unit was exchanged.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn raise_revision(&mut self) {
        self.revision += 1;
    }

    /// The score that leans to neither side.
    pub fn middle(&self) -> f64 {
        self.ensemble.middle
    }

    /// Puts a unit into its slot and hands back what stood there; a unit that does not fit the slot comes back as the error.
    ///
    /// `rule` is what a shadow trades by, on paper.
    pub(super) fn install(
        &mut self,
        slot: Slot,
        unit: Box<ModelUnit>,
        rule: &Rule,
    ) -> Result<Option<Box<ModelUnit>>, Box<ModelUnit>> {
        let place = match slot {
            Slot::Member(at) => self.members.get_mut(usize::from(at)),
            Slot::Stack if unit.columns.len() == self.scores.len() => self.stack.as_mut(),
            Slot::Stack => None,
            Slot::Shadow(at) => {
                let Some(place) = self.shadows.get_mut(usize::from(at)) else { return Err(unit) };
                let paper = Paper::new(rule.fresh());
                return Ok(place.replace(Shadow { unit, paper }).map(|shadow| shadow.unit));
            }
        };
        match place {
            Some(place) => Ok(Some(std::mem::replace(place, unit))),
            None => Err(unit),
        }
    }

    /// Puts a shadow beside the live models before anything runs; a slot that is no shadow's is left alone.
    pub fn add_shadow(&mut self, slot: Slot, unit: ModelUnit, rule: &Rule) {
        if matches!(slot, Slot::Shadow(_)) {
            let _ = self.install(slot, Box::new(unit), rule);
        }
    }

    /// Empties a shadow's slot.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Box<ModelUnit>> {
        match slot {
            Slot::Shadow(at) => Some(self.shadows.get_mut(usize::from(at))?.take()?.unit),
            _ => None,
        }
    }
}
