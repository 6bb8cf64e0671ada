//! What a model file holds, in numbers: for people who inspect it, and for rows made up to measure it.
//!
//! What it is not: a way to ask the model; nothing here is on a hot path.
//!
//! Invariant: only what some row can reach is counted; nodes that no path leads to are not in any number here.

use super::forest::{Forest, Node, Sum, Test, Tree};
use super::linear::{self, Linear};
use super::link::Link;
use super::{Model, ModelError, xgboost};

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
    /// Splits of all trees.
    pub split_count: usize,
    /// Leaves of all trees.
    pub leaf_count: usize,
    /// At `n`, how many trees have `n` splits on their longest path.
    pub trees_of_depth: Vec<usize>,
}

impl Model {
    /// The feature names that the file itself carries, in its order: for tools that have no configuration at hand.
    pub fn names_in(bytes: &[u8]) -> Result<Vec<String>, ModelError> {
        const NONE: [&str; 0] = [];
        match Self::from_json(bytes, &NONE) {
            Err(ModelError::Undeclared(names)) => Ok(names),
            Err(error) => Err(error),
            Ok(_) => Ok(Vec::new()),
        }
    }

    /// What the file holds, for a row of `features`.
    pub fn summary(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Summary, ModelError> {
        if linear::claims(bytes) {
            let (linear, link, names) = linear::load(bytes, features)?;
            return Ok(Summary::of_linear(&linear, link, &names));
        }
        Ok(Summary::of_forest(&xgboost::load(bytes, features)?))
    }
}

impl Summary {
    fn of_linear(linear: &Linear, link: Link, names: &[String]) -> Self {
        let feature = |(name, weight): (&String, &f64)| FeatureSummary {
            weight: Some(*weight),
            ..FeatureSummary::new(name)
        };
        Summary {
            features: names.iter().zip(linear.weights()).map(feature).collect(),
            output_count: 1,
            link,
            scores_are_single: false,
            tree_count: 0,
            split_count: 0,
            leaf_count: 0,
            trees_of_depth: Vec::new(),
        }
    }

    fn of_forest(forest: &Forest) -> Self {
        let mut summary = Summary {
            features: forest.features.iter().map(|name| FeatureSummary::new(name)).collect(),
            output_count: forest.sum.output_count(),
            link: forest.link,
            scores_are_single: matches!(forest.sum, Sum::Single { .. }),
            tree_count: forest.trees.len(),
            split_count: 0,
            leaf_count: 0,
            trees_of_depth: Vec::new(),
        };
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
