//! One model ready to be asked: laid out, its columns matched to the row by name, its row prepared as values change.
//!
//! What it is not: a loader, or an ensemble; `registry` reads files, and `models.rs` puts units together.
//!
//! Invariant: a unit's score depends on its model, its calibration and the row alone, whichever way the row's values came: one
//! after the other as they changed, or all at once. Nothing here allocates after it was made.

use crate::model::{Model, Prepared, set_bits, set_count};
use crate::signal::{Calibration, Drift};
use crate::types::FixedText;

/// Most outputs of one model.
const OUTPUTS_PER_MODEL_MAX: usize = 64;
/// Of a place in the row that a model does not read.
const NO_FEATURE: u16 = u16::MAX;

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
    /// A feature that comes twice: only one of the two would follow the row.
    #[error("expected features that each come once, got {0:?} twice")]
    FeatureRepeated(String),
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
    pub(super) identity: ModelIdentity,
    model: Model,
    /// For each of the model's features, its place in the row.
    pub(super) columns: Box<[u16]>,
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
    pub(super) drift: Option<Box<Drift>>,
    /// Lowest and highest value of each feature in training.
    ranges: Option<Box<[[f64; 2]]>>,
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
            if std::mem::replace(&mut features[usize::from(column)], feature as u16) != NO_FEATURE {
                return Err(UnitError::FeatureRepeated(model.features()[feature].clone()));
            }
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
            ranges: None,
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

    /// With the lowest and highest value of each feature in training, in the model's order; nothing for another number of them.
    pub fn with_ranges(mut self, ranges: Vec<[f64; 2]>) -> Self {
        self.ranges = (ranges.len() == self.columns.len()).then(|| ranges.into());
        self
    }

    /// Whether a feature lies beyond its training's range by more than `tolerance` of it, or that range is not known. What has no
    /// value lies nowhere: a model that must not miss it is not asked.
    pub fn is_outside(&self, row: &[f32], tolerance: f64) -> bool {
        let Some(ranges) = &self.ranges else { return true };
        self.columns.iter().zip(ranges).any(|(&column, [min, max])| {
            let (value, beyond) = (f64::from(row[usize::from(column)]), (max - min) * tolerance);
            value < min - beyond || value > max + beyond
        })
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

    /// Takes those values of the row whose bits are set, of a unit that has seen all others: bit `f % 64` of word `f / 64`
    /// stands for place `f` of the row. A unit that has seen nothing takes them all.
    #[inline]
    pub fn update(&mut self, row: &[f32], changed: &[u64]) {
        if self.is_blank || self.model.is_row_faster(set_count(changed)) {
            self.fill(row);
            return;
        }
        let ModelUnit { model, row: prepared, features, missing, .. } = self;
        for column in set_bits(changed) {
            let feature = usize::from(features[column]);
            if feature == usize::from(NO_FEATURE) {
                continue;
            }
            let (value, bit) = (row[column], 1 << (feature % 64));
            if value.is_nan() {
                missing[feature / 64] |= bit;
            } else {
                missing[feature / 64] &= !bit;
            }
            model.write(prepared, feature, value);
        }
    }

    /// Forgets what it was asked before: the next update takes the whole row.
    pub(super) fn forget_row(&mut self) {
        self.is_blank = true;
    }

    fn fill(&mut self, row: &[f32]) {
        self.is_blank = false;
        let ModelUnit { model, row: prepared, columns, missing, .. } = self;
        model.write_row(prepared, columns.iter().map(|&column| row[usize::from(column)]));
        for (word, values) in missing.iter_mut().zip(prepared.values().chunks(64)) {
            *word = (0..).zip(values).fold(0, |word, (bit, value)| word | u64::from(value.is_nan()) << bit);
        }
    }

    /// Whether it may be asked about a row: each of its features has a number there, or it takes missing ones.
    #[inline]
    pub fn can_read(&self, row: &[f32]) -> bool {
        self.takes_missing || self.columns.iter().all(|&column| !row[usize::from(column)].is_nan())
    }

    /// Whether it may be asked about what it took: it took a row, and each of its features has a number, or it takes missing ones.
    #[inline]
    pub fn is_ready(&self) -> bool {
        !self.is_blank && (self.takes_missing || self.missing.iter().all(|word| *word == 0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LoadOptions;
    use proptest::prelude::*;

    const ROW: [&str; 70] = {
        let mut names = ["unused"; 70];
        (names[0], names[3], names[69]) = ("c", "a", "b");
        names
    };

    fn unit() -> ModelUnit {
        let model = br#"{"format":"tickbridge-linear","version":1,"link":"logistic",
            "features":["a","b","c"],"weights":[0.5,-1.25,3.0],"intercept":0.125}"#;
        let model = Model::load(model, None, &["a", "b", "c"], &LoadOptions::default()).unwrap();
        let identity = ModelIdentity { digest: 1, version: 1, name: FixedText::EMPTY };
        ModelUnit::new(identity, model, &ROW, Classes::default()).unwrap()
    }

    #[test]
    fn a_value_beyond_the_range_and_its_tolerance_is_outside() {
        let mut row = [f32::NAN; 70];
        assert!(unit().is_outside(&row, 1.0), "no range is known");
        assert!(unit().with_ranges(vec![[0.0, 1.0]]).is_outside(&row, 1.0), "of one feature of three");
        let unit = unit().with_ranges(vec![[0.0, 1.0], [-2.0, 2.0], [5.0, 5.0]]);
        assert!(!unit.is_outside(&row, 0.0), "what has no value lies nowhere");
        (row[3], row[69], row[0]) = (1.0, -2.0, 5.0);
        assert!(!unit.is_outside(&row, 0.0));
        for (place, value, tolerance, is_outside) in
            [(3, 1.5, 0.5, false), (3, 1.6, 0.5, true), (69, -2.1, 0.0, true), (0, 5.1, 100.0, true)]
        {
            let mut row = row;
            row[place] = value;
            assert_eq!(unit.is_outside(&row, tolerance), is_outside, "{place} {value} {tolerance}");
        }
    }

    proptest! {
        #[test]
        fn values_written_as_they_change_give_the_bits_of_the_whole_row(
            changes in prop::collection::vec((0usize..70, prop::num::f32::NORMAL | prop::num::f32::ZERO), 1..60),
            asked_every in 1usize..5,
        ) {
            let mut row = vec![f32::NAN; 70];
            let (mut stepwise, mut whole) = (unit(), unit());
            let mut bits = [u64::MAX, (1 << 6) - 1];
            for (index, (place, value)) in changes.into_iter().enumerate() {
                row[place] = value;
                bits[place / 64] |= 1 << (place % 64);
                if index % asked_every == 0 {
                    stepwise.update(&row, &bits);
                    bits = [0; 2];
                    prop_assert_eq!(stepwise.score_taken().to_bits(), whole.score(&row).to_bits());
                    let known = [0, 3, 69].iter().all(|place| !row[*place].is_nan());
                    prop_assert_eq!(stepwise.is_ready(), known);
                }
            }
        }
    }

    #[test]
    fn a_unit_that_saw_no_row_is_not_ready_and_a_feature_comes_once() {
        let mut fresh = unit();
        assert!(!fresh.is_ready() && fresh.score_taken().is_nan());
        fresh.score(&[1.0; 70]);
        assert!(fresh.is_ready());
        fresh.forget_row();
        assert!(!fresh.is_ready() && fresh.score_taken().is_nan());
        let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
            "features":["a","a"],"weights":[0.5,1.0],"intercept":0.125}"#;
        let model = Model::load(model, None, &["a", "a"], &LoadOptions::default()).unwrap();
        let identity = ModelIdentity { digest: 1, version: 1, name: FixedText::EMPTY };
        let refused = ModelUnit::new(identity, model, &["b", "a"], Classes::default());
        assert_eq!(refused.err(), Some(UnitError::FeatureRepeated("a".into())));
    }

    #[test]
    fn classes_are_two_different_ones_of_those_that_there_are() {
        let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
            "features":["a"],"weights":[0.5],"intercept":0.125}"#;
        let model = Model::load(model, None, &["a"], &LoadOptions::default()).unwrap();
        let identity = ModelIdentity { digest: 1, version: 1, name: FixedText::EMPTY };
        let refused = ModelUnit::new(identity, model, &["b"], Classes::default());
        assert_eq!(refused.err(), Some(UnitError::Feature("a".into())));
    }
}
