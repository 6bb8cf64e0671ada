//! Models: a row of features in, one score out, equal to the training library's to the last bit.
//!
//! What it is not: a trainer, or a judge of scores: `signal` decides what a score means. It reads no file: bytes come in.
//!
//! Invariant: a model that loads gives the library's own answer; what cannot be reproduced exactly is refused by name.
//! Asking allocates nothing, takes no lock and depends on the row alone. Every kernel gives the same bits.

mod catboost;
mod document;
mod error;
mod forest;
mod format;
mod json;
pub mod kernel;
mod lightgbm;
mod lightgbm_forest;
mod linear;
mod linear_trees;
mod link;
mod names;
mod prepared;
mod sklearn;
mod summary;
pub mod synthetic;
mod ubjson;
mod xgboost;
mod xgboost_forest;

pub use error::ModelError;
pub use format::{Format, LoadOptions, Unnamed};
pub use kernel::{KernelChoice, KernelKind, Part};
pub use link::Link;
pub use prepared::{Prepared, set_bits, set_count};
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
    /// Loads a file for a row of `features`, in that order; without a `format` it is told by the file's beginning.
    ///
    /// The file's own feature names must be the same names in the same order. The fastest kernel that this processor has
    /// and that the shape admits is chosen.
    pub fn load(
        bytes: &[u8],
        format: Option<Format>,
        features: &[impl AsRef<str>],
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        Ok(match Loaded::read(bytes, format, features, options)? {
            Loaded::Linear(model) => model,
            Loaded::Forest(forest) => {
                let kind = kernel::choice(&forest).chosen;
                Self::with_forest(&forest, kind)
            }
        })
    }

    /// As [`Model::load`], once for every kernel that can run it here: for parity tests and benches.
    pub fn load_every_kernel(
        bytes: &[u8],
        format: Option<Format>,
        features: &[impl AsRef<str>],
        options: &LoadOptions,
    ) -> Result<Vec<Self>, ModelError> {
        Ok(match Loaded::read(bytes, format, features, options)? {
            Loaded::Linear(model) => vec![model],
            Loaded::Forest(forest) => {
                let kinds = kernel::available(&forest).into_iter();
                kinds.map(|kind| Self::with_forest(&forest, kind)).collect()
            }
        })
    }

    fn with_forest(forest: &Forest, kind: KernelKind) -> Self {
        Model {
            features: forest.features.clone(),
            link: forest.link,
            output_count: forest.sum.output_count(),
            body: Body::Trees(std::sync::Arc::new(Trees::new(forest, kind))),
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
            Body::Linear(linear) => linear.sums(row, out),
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

    /// How many trees; zero for a model that is linear everywhere.
    pub fn tree_count(&self) -> usize {
        match &self.body {
            Body::Trees(trees) => trees.tree_count(),
            Body::Linear(linear) => linear.tree_count(),
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

/// What a file holds.
enum Loaded {
    Forest(Forest),
    Linear(Model),
}

impl Loaded {
    fn read(
        bytes: &[u8],
        format: Option<Format>,
        features: &[impl AsRef<str>],
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        if bytes.len() > MODEL_BYTES_MAX {
            return Err(ModelError::Limit { what: "bytes", max: MODEL_BYTES_MAX, got: bytes.len() });
        }
        let format = match format {
            Some(format) => format,
            None => Format::detect(bytes)?,
        };
        let forest = match format {
            Format::XgboostJson => {
                xgboost_forest::assemble(xgboost::read(json::Reader::new(bytes))?, features, options)
            }
            Format::XgboostUbjson => {
                xgboost_forest::assemble(xgboost::read(ubjson::Reader::new(bytes))?, features, options)
            }
            Format::LightgbmText => {
                let (forest, leaves) = lightgbm_forest::assemble(lightgbm::read(bytes)?, features, options)?;
                let Some(leaves) = leaves else { return Ok(Loaded::Forest(forest)) };
                let (link, features) = (forest.link, forest.features.clone());
                let trees = linear_trees::LinearTrees::new(forest, leaves);
                return Ok(Loaded::linear(linear::Linear::Trees(trees.into()), link, features));
            }
            Format::CatboostJson => catboost::load(bytes, features, options),
            Format::ForestJson => sklearn::load(bytes, features, options),
            Format::LinearJson => {
                let (linear, link, features) = linear::load(bytes, features, options)?;
                return Ok(Loaded::linear(linear, link, features));
            }
        };
        forest.map(Loaded::Forest)
    }

    fn linear(linear: linear::Linear, link: Link, features: Vec<String>) -> Self {
        let output_count = linear.output_count();
        Loaded::Linear(Model { features, link, output_count, body: Body::Linear(linear) })
    }
}
