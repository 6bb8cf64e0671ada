//! The models of one strategy: its live ensemble, its shadows, and how one of them is exchanged.
//!
//! What it is not: a loader, or a judge of scores; units come in ready, and `signal` decides what a score means.
//!
//! Invariant: a decision is made by the units that stood in their slots when its tick was stepped; an exchange is one pointer and
//! raises the revision. Nothing here allocates or frees: what goes out of a slot is handed back.

use super::unit::ModelUnit;
use crate::signal::{Agreement, Calibration, Combine, Paper, Rule, combine};

/// Most members of an ensemble.
pub const MEMBERS_MAX: usize = 7;
/// Most shadows of a strategy.
pub const SHADOWS_MAX: usize = 4;
/// Digests that a decision names: the members' and the stacking model's.
pub(super) const DIGESTS_MAX: usize = MEMBERS_MAX + 1;

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
    #[error("ensemble: expected {}, got {}", stacking("a stacking model", "no stacking model", Some(*expected)), stacking("one", "none", *got))]
    Stack {
        /// Members.
        expected: usize,
        /// Features of the stacking model.
        got: Option<usize>,
    },
}

fn stacking(some: &str, none: &str, features: Option<usize>) -> String {
    let with = |count| format!("{some} with {count} features");
    features.filter(|count| *count > 0).map_or(none.into(), with)
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

impl Verdict {
    /// No model was asked.
    pub(super) const NONE: Verdict =
        Verdict { score: f64::NAN, agreement: Agreement { long_count: 0, short_count: 0, member_count: 0 } };
}

/// See the module.
#[derive(Clone, Debug)]
pub struct ModelSet {
    #[allow(
        clippy::vec_box,
        reason = "a member arrives in its box and leaves in it: the lane frees nothing"
    )]
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

    /// Whether every live model may be asked about this row.
    #[inline]
    pub fn is_ready(&self, row: &[f32]) -> bool {
        self.members.iter().all(|unit| unit.can_read(row))
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

    /// Whether a feature of a member lies beyond its training's range by more than `tolerance` of it, or that range is not known.
    pub fn is_outside(&self, row: &[f32], tolerance: f64) -> bool {
        self.members.iter().any(|unit| unit.is_outside(row, tolerance))
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
        let worst = |unit: &ModelUnit| {
            let (feature, index) = unit.drift()?.worst()?;
            Some((unit.identity.digest, feature, index))
        };
        self.members.iter().map(Box::as_ref).filter_map(worst).max_by(|a, b| a.2.total_cmp(&b.2))
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

    /// How often a unit was exchanged, or the appliance was started again, in this journal: no two sets of models have the same.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
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
        mut unit: Box<ModelUnit>,
        rule: &Rule,
    ) -> Result<Option<Box<ModelUnit>>, Box<ModelUnit>> {
        // Whoever made it may have asked it something to warm it.
        unit.forget_row();
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
