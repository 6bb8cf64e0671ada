//! What a model file holds, in numbers: for people who inspect it, and for rows made up to measure it.
//!
//! What it is not: a way to ask the model; nothing here is on a hot path.
//!
//! Invariant: only what some row can reach is counted; nodes that no path leads to are not in any number here.

use super::forest::{Forest, Node, Sum, Test, Tree};
use super::link::Link;
use super::{Body, Format, LoadOptions, Loaded, Model, ModelError, json, lightgbm, ubjson, xgboost};

/// One feature of a model.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureSummary {
    /// Its name in the file.
    pub name: String,
    /// Splits that ask it, categorical ones included.
    pub split_count: usize,
    /// Distinct thresholds, ascending; empty when it is never asked, or only for categories.
    pub thresholds: Vec<f32>,
    /// Splits that send NaN left.
    pub nan_left_count: usize,
    /// Splits that send NaN right.
    pub nan_right_count: usize,
    /// Splits that take zero for missing too.
    pub zero_is_missing_count: usize,
    /// Splits by category.
    pub category_split_count: usize,
    /// The weight, of a linear model.
    pub weight: Option<f64>,
}

impl FeatureSummary {
    fn new(name: &str) -> Self {
        FeatureSummary {
            name: name.into(),
            split_count: 0,
            thresholds: Vec::new(),
            nan_left_count: 0,
            nan_right_count: 0,
            zero_is_missing_count: 0,
            category_split_count: 0,
            weight: None,
        }
    }
}

/// A whole model.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Whose file it is.
    pub format: Format,
    /// The file's version, where its format has one.
    pub version: Option<String>,
    /// The objective it was trained with, where the file says so.
    pub objective: Option<String>,
    /// Features in the row's order.
    pub features: Vec<FeatureSummary>,
    /// Scores of a row.
    pub output_count: usize,
    /// What the sums become.
    pub link: Link,
    /// Whether the library's scores are `f32`; else they are `f64`.
    pub scores_are_single: bool,
    /// Trees; 0 of a linear model.
    pub tree_count: usize,
    /// Splits of all trees; 0 where the leaves are linear, whose trees are not taken apart.
    pub split_count: usize,
    /// Leaves of all trees.
    pub leaf_count: usize,
    /// At `n`, how many trees have `n` splits on their longest path.
    pub trees_of_depth: Vec<usize>,
}

impl Model {
    /// The feature names that the file itself carries, in its order: for tools that have no configuration at hand.
    pub fn names_in(
        bytes: &[u8],
        format: Option<Format>,
        options: &LoadOptions,
    ) -> Result<Vec<String>, ModelError> {
        const NONE: [&str; 0] = [];
        match Self::load(bytes, format, &NONE, options) {
            Err(ModelError::Undeclared(names)) => Ok(names),
            Err(error) => Err(error),
            Ok(_) => Ok(Vec::new()),
        }
    }

    /// What the file holds, for a row of `features`.
    pub fn summary(
        bytes: &[u8],
        format: Option<Format>,
        features: &[impl AsRef<str>],
        options: &LoadOptions,
    ) -> Result<Summary, ModelError> {
        let format = match format {
            Some(format) => format,
            None => Format::detect(bytes)?,
        };
        let told = told(bytes, format)?;
        Ok(match Loaded::read(bytes, Some(format), features, options)? {
            Loaded::Linear(model) => Summary::of_linear(&model, told),
            Loaded::Forest(forest) => Summary::of_forest(&forest, told),
        })
    }
}

/// What a file says of itself beside its trees.
struct Told {
    format: Format,
    version: Option<String>,
    objective: Option<String>,
}

fn told(bytes: &[u8], format: Format) -> Result<Told, ModelError> {
    let of_xgboost = |file: xgboost::File| {
        let release: Vec<String> = file.release.iter().map(i32::to_string).collect();
        (Some(release.join(".")), file.objective)
    };
    let (version, objective) = match format {
        Format::XgboostJson => of_xgboost(xgboost::read(json::Reader::new(bytes))?),
        Format::XgboostUbjson => of_xgboost(xgboost::read(ubjson::Reader::new(bytes))?),
        Format::LightgbmText => {
            let file = lightgbm::read(bytes)?;
            (file.version, file.objective)
        }
        Format::CatboostJson | Format::LinearJson | Format::ForestJson => (None, None),
    };
    Ok(Told { format, version, objective })
}

impl Summary {
    fn new(told: Told, names: &[String], output_count: usize, link: Link) -> Self {
        Summary {
            format: told.format,
            version: told.version,
            objective: told.objective,
            features: names.iter().map(|name| FeatureSummary::new(name)).collect(),
            output_count,
            link,
            scores_are_single: false,
            tree_count: 0,
            split_count: 0,
            leaf_count: 0,
            trees_of_depth: Vec::new(),
        }
    }

    fn of_linear(model: &Model, told: Told) -> Self {
        let mut summary = Summary::new(told, &model.features, model.output_count, model.link);
        // LightGBM's trees with linear leaves are not taken apart here.
        summary.tree_count = model.tree_count();
        if let Body::Linear(linear) = &model.body {
            for (feature, weight) in summary.features.iter_mut().zip(linear.weights()) {
                feature.weight = Some(*weight);
            }
        }
        summary
    }

    fn of_forest(forest: &Forest, told: Told) -> Self {
        let mut summary = Summary::new(told, &forest.features, forest.sum.output_count(), forest.link);
        summary.scores_are_single = matches!(forest.sum, Sum::Single { .. });
        summary.tree_count = forest.trees.len();
        for tree in &forest.trees {
            if summary.trees_of_depth.len() <= tree.depth {
                summary.trees_of_depth.resize(tree.depth + 1, 0);
            }
            summary.trees_of_depth[tree.depth] += 1;
            summary.add(tree);
        }
        for feature in &mut summary.features {
            feature.thresholds.sort_by(f32::total_cmp);
            feature.thresholds.dedup(); // by ==: 0 and -0 are one comparison
        }
        summary
    }

    fn add(&mut self, tree: &Tree) {
        let mut open = vec![0u32];
        while let Some(at) = open.pop() {
            let (left, right) = match tree.nodes[at as usize] {
                Node::Leaf(_) => {
                    self.leaf_count += 1;
                    continue;
                }
                Node::Split { feature, threshold, nan_left, left, right } => {
                    let feature = &mut self.features[feature as usize];
                    feature.thresholds.push(threshold);
                    count(feature, nan_left);
                    (left, right)
                }
                Node::Special { test, left, right } => {
                    self.add_test(&tree.tests[test as usize]);
                    (left, right)
                }
            };
            self.split_count += 1;
            open.extend([left, right]);
        }
    }

    fn add_test(&mut self, test: &Test) {
        let feature = &mut self.features[test.feature() as usize];
        match test {
            Test::Category { nan_left, .. } => {
                feature.category_split_count += 1;
                count(feature, *nan_left);
            }
            Test::ZeroIsMissing { threshold, missing_left, .. } => {
                feature.zero_is_missing_count += 1;
                feature.thresholds.push(*threshold);
                count(feature, *missing_left);
            }
        }
    }
}

fn count(feature: &mut FeatureSummary, nan_left: bool) {
    feature.split_count += 1;
    *if nan_left { &mut feature.nan_left_count } else { &mut feature.nan_right_count } += 1;
}
