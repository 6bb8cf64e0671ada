//! Models: a row of features in, one score out, equal to the training library's to the last bit.
//!
//! What it is not: a trainer, or a judge of scores: `signal` decides what a score means. It reads no file: bytes come in.
//!
//! Invariant: a model that loads gives the library's own answer; what cannot be reproduced exactly is refused by name.
//! Asking allocates nothing, takes no lock and depends on the row alone. Every kernel gives the same bits.

mod error;
mod forest;
mod json;
pub mod kernel;
mod linear;
mod link;
mod prepared;
mod summary;
pub mod synthetic;
mod xgboost;

pub use error::ModelError;
pub use kernel::{KernelChoice, KernelKind};
pub use link::Link;
pub use prepared::Prepared;
pub use summary::{FeatureSummary, Summary};

use forest::Forest;
use kernel::Trees;

/// Largest model file that is read.
pub const MODEL_BYTES_MAX: usize = 64 << 20;
/// Most features a model may have.
pub const FEATURES_MAX: usize = 1_024;

/// A loaded model.
#[derive(Clone, Debug)]
pub struct Model {
    features: Vec<String>,
    link: Link,
    output_count: usize,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// Shared by clones, so that strategies with one model share its cache lines.
    Trees(std::sync::Arc<Trees>),
    Linear(linear::Linear),
}

impl Model {
    /// Loads an XGBoost JSON file (versions 1 to 3) for a row of `features`, in that order.
    ///
    /// The file's own `feature_names` must be the same names in the same order. The fastest kernel that this processor
    /// has and that the shape admits is chosen.
    pub fn from_xgboost_json(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Self, ModelError> {
        let forest = xgboost::load(bytes, features)?;
        let kind = kernel::choice(&forest).chosen;
        Ok(Self::with_forest(&forest, kind))
    }

    /// As [`Model::from_xgboost_json`], once for every kernel that can run it here: for parity tests and benches.
    pub fn every_kernel(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Vec<Self>, ModelError> {
        let forest = xgboost::load(bytes, features)?;
        Ok(kernel::available(&forest).into_iter().map(|kind| Self::with_forest(&forest, kind)).collect())
    }

    fn with_forest(forest: &Forest, kind: KernelKind) -> Self {
        Model {
            features: forest.features.clone(),
            link: forest.link,
            output_count: forest.sum.output_count(),
            body: Body::Trees(std::sync::Arc::new(Trees::new(forest, kind))),
        }
    }

    /// Loads the linear format that `scripts/` export, for a row of `features`, in that order:
    /// `{"format":"tickbridge-linear","version":1,"link":"identity"|"logistic","features":[..],"weights":[..],
    /// "intercept":x}`.
    pub fn from_linear_json(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Self, ModelError> {
        let (linear, link, names) = linear::load(bytes, features)?;
        Ok(Model { features: names, link, output_count: 1, body: Body::Linear(linear) })
    }

    /// Loads either format, told apart by the file's `format` key.
    pub fn from_json(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Self, ModelError> {
        if linear::claims(bytes) {
            Self::from_linear_json(bytes, features)
        } else {
            Self::from_xgboost_json(bytes, features)
        }
    }

    /// The score of one row, of a model with one output: a probability for logistic links, the raw score for others; NaN
    /// only if the model's own arithmetic says so. Scores of XGBoost are `f32` values.
    ///
    /// Panics when the row has not one value for each feature, or the model several outputs: both were known at load, so
    /// that is our own fault.
    #[inline]
    pub fn predict(&self, row: &[f32]) -> f64 {
        let mut score = [0.0];
        self.scores(row, &mut score);
        score[0]
    }

    /// The scores of one row, one for each output: classes of a multiclass model, in its order.
    ///
    /// Panics when `row` or `out` has not the model's length.
    #[inline]
    pub fn scores(&self, row: &[f32], out: &mut [f64]) {
        assert_eq!(row.len(), self.features.len(), "a row has one value for each feature");
        assert_eq!(out.len(), self.output_count, "there is one score for each output");
        match &self.body {
            Body::Trees(trees) => trees.sums(row, out),
            Body::Linear(linear) => out[0] = linear.sum(row),
        }
        self.link.apply(out);
    }

    /// How many scores a row has.
    pub fn output_count(&self) -> usize {
        self.output_count
    }

    /// Feature names in the row's order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// What its sums become.
    pub fn link(&self) -> Link {
        self.link
    }

    /// How many trees; zero for a linear model.
    pub fn tree_count(&self) -> usize {
        match &self.body {
            Body::Trees(trees) => trees.tree_count(),
            Body::Linear(_) => 0,
        }
    }

    /// Which kernels were weighed for its trees; none for a linear model.
    pub fn kernel_choice(&self) -> Option<&KernelChoice> {
        match &self.body {
            Body::Trees(trees) => Some(trees.choice()),
            Body::Linear(_) => None,
        }
    }

    /// Which code computes it here.
    pub fn kernel_name(&self) -> &'static str {
        match &self.body {
            Body::Trees(trees) => trees.kind().name(),
            Body::Linear(_) => "linear",
        }
    }
}

/// Refuses unless the file's names are the row's names, in order.
fn match_features(file: &[String], row: &[impl AsRef<str>]) -> Result<(), ModelError> {
    if row.is_empty() {
        return Err(ModelError::Undeclared(file.to_vec()));
    }
    if row.len() > FEATURES_MAX {
        return Err(ModelError::Limit { what: "features", max: FEATURES_MAX, got: row.len() });
    }
    if let Some(name) = file.iter().find(|name| !row.iter().any(|have| have.as_ref() == name.as_str())) {
        return Err(ModelError::FeatureUnknown(name.clone()));
    }
    if let Some(name) = row.iter().find(|name| !file.iter().any(|have| have == name.as_ref())) {
        return Err(ModelError::FeatureExtra(name.as_ref().into()));
    }
    for (index, (expected, got)) in file.iter().zip(row).enumerate() {
        if expected != got.as_ref() {
            return Err(ModelError::FeatureOrder {
                index,
                expected: expected.clone(),
                got: got.as_ref().into(),
            });
        }
    }
    if file.len() == row.len() { Ok(()) } else { Err(ModelError::FeatureRepeated(file.len(), row.len())) }
}
