//! What LightGBM's fields mean: missing values, categories, averages and objectives, as one forest.
//!
//! What it is not: a reader of bytes; `lightgbm` is.
//!
//! Invariant: rows of `f32` get what `LGBM_BoosterPredictForMat` gives the same rows: that call drops values of at most
//! 1e-35 to zero before any tree sees them, and every threshold here allows for it.

use super::forest::{
    CATEGORY_WORDS_MAX, Forest, Node, Sum, Test, Tree, TreeLimits, Whole, ZERO_MAX, below_for_at_most,
};
use super::lightgbm::{File, RawTree};
use super::linear_trees::LinearLeaf;
use super::link::Link;
use super::{LoadOptions, ModelError, names};

/// Bits of `decision_type` (include/LightGBM/tree.h).
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;
const MISSING_SHIFT: u8 = 2;
const MISSING_ZERO: u8 = 1;
const MISSING_NAN: u8 = 2;

fn unsupported(field: &'static str, expected: &'static str, got: impl Into<String>) -> ModelError {
    ModelError::Unsupported { field, expected, got: got.into() }
}

/// Puts a file together for a row of `features`.
pub(super) fn assemble(
    file: File,
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<(Forest, Option<Vec<Vec<LinearLeaf>>>), ModelError> {
    match file.version.as_deref().ok_or(ModelError::Missing("version"))? {
        "v3" | "v4" => {}
        other => return Err(unsupported("version", "v3 or v4", other)),
    }
    let output_count = file.num_tree_per_iteration.ok_or(ModelError::Missing("num_tree_per_iteration"))?;
    let num_class = file.num_class.ok_or(ModelError::Missing("num_class"))?;
    if output_count == 0 || num_class != output_count {
        let got = format!("{num_class} and {output_count}");
        let expected = "num_tree_per_iteration, at least 1";
        return Err(ModelError::Field { field: "num_class", expected, got });
    }
    let link = file.objective.as_deref().map_or(Ok(Link::Identity), |text| objective(text, num_class))?;
    let feature_names = feature_names(&file, features, options)?;
    if file.tree_sizes.is_some_and(|count| count != file.trees.len()) {
        let got = file.trees.len().to_string();
        return Err(ModelError::Field { field: "tree_sizes", expected: "one size for each tree", got });
    }
    let categorical =
        file.trees.iter().flat_map(|tree| &tree.decision_type).any(|bits| bits & CATEGORICAL != 0);
    if categorical && !file.categories_are_codes {
        let expected = "categories that are their own codes 0, 1, 2, ..";
        return Err(unsupported("pandas_categorical", expected, "a dictionary of categories"));
    }
    let kept = trees_kept(file.trees.len(), output_count, options)?;
    let limits = TreeLimits { feature_count: feature_names.len(), output_count };
    let mut trees = Vec::new();
    let mut words_left = CATEGORY_WORDS_MAX;
    for (index, raw) in file.trees.iter().enumerate() {
        let (nodes, tests) = nodes(index, raw, &mut words_left)?;
        trees.push(Tree::new(index, (index % output_count) as u32, nodes, tests, limits)?);
    }
    trees.truncate(kept);
    // A forest of no trees is divided by nothing.
    let rounds = kept / output_count;
    let divide = if file.average_output && rounds > 0 { rounds as f64 } else { 1.0 };
    let zeros: Box<[f64]> = vec![0.0; output_count].into();
    let sum = Sum::Double { start: zeros.clone(), divide, scale: 1.0, bias: zeros };
    let linear = file.trees.iter().any(|tree| tree.is_linear);
    let leaves = file.trees[..kept].iter().enumerate();
    let leaves = leaves.map(|(index, raw)| linear_leaves(index, raw, feature_names.len()));
    let leaves = if linear { Some(leaves.collect::<Result<_, _>>()?) } else { None };
    Ok((Forest { features: feature_names, sum, link, trees }, leaves))
}

/// The leaves of a linear tree, none of another.
fn linear_leaves(tree: usize, raw: &RawTree, feature_count: usize) -> Result<Vec<LinearLeaf>, ModelError> {
    let mut terms = raw.leaf_features.iter().copied().zip(raw.leaf_coeff.iter().copied());
    let mut leaves = Vec::new();
    for (constant, count) in raw.leaf_const.iter().zip(&raw.num_features).filter(|_| raw.is_linear) {
        let terms: Box<[(u32, f64)]> = terms.by_ref().take(*count).collect();
        let known =
            terms.iter().all(|(feature, factor)| (*feature as usize) < feature_count && factor.is_finite());
        if !known || !constant.is_finite() {
            let (node, got) = (leaves.len(), format!("{constant} and {terms:?}"));
            return Err(ModelError::Tree {
                tree,
                node,
                expected: "finite terms of the model's features",
                got,
            });
        }
        leaves.push(LinearLeaf { constant: *constant, terms });
    }
    Ok(leaves)
}

/// The row's names, which must be the file's; `Column_0` and so on is LightGBM's way of having none.
fn feature_names(
    file: &File,
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Vec<String>, ModelError> {
    let count = file.max_feature_idx.ok_or(ModelError::Missing("max_feature_idx"))? + 1;
    if file.names.len() != count {
        let got = format!("{} for {count}", file.names.len());
        return Err(ModelError::Field { field: "feature_names", expected: "max_feature_idx + 1 names", got });
    }
    let unnamed = file.names.iter().enumerate().all(|(index, name)| *name == format!("Column_{index}"));
    let named_so = features.iter().zip(&file.names).all(|(have, name)| have.as_ref() == name);
    if unnamed && !named_so {
        let remedy = "train with Dataset(..., feature_name=[...])";
        let row = names::by_position("feature_names", remedy, features, options)?;
        if row.len() != count {
            let expected = "as many features as are declared";
            let got = format!("{count} for {}", row.len());
            return Err(ModelError::Field { field: "max_feature_idx", expected, got });
        }
        return Ok(row);
    }
    names::matched(&file.names, features)?;
    Ok(file.names.clone())
}

fn trees_kept(tree_count: usize, output_count: usize, options: &LoadOptions) -> Result<usize, ModelError> {
    if tree_count % output_count != 0 {
        let expected = "a whole number of rounds";
        return Err(ModelError::Field { field: "tree_sizes", expected, got: tree_count.to_string() });
    }
    let Some(rounds) = options.rounds else { return Ok(tree_count) };
    let kept = (rounds as usize).checked_mul(output_count).filter(|kept| *kept > 0 && *kept <= tree_count);
    kept.ok_or_else(|| ModelError::Field {
        field: "rounds",
        expected: "at least 1, and no more than the model has",
        got: rounds.to_string(),
    })
}

/// What an objective makes of sums (src/objective/, `ConvertOutput`); parameters that it does not use there are passed
/// over, others are refused.
fn objective(text: &str, num_class: usize) -> Result<Link, ModelError> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let (mut slope, mut classes, mut root) = (1.0, 1, false);
    for word in words {
        let value = |prefix| word.strip_prefix(prefix).and_then(|value: &str| value.parse::<f64>().ok());
        if let Some(value) = value("sigmoid:").filter(|value| value.is_finite() && *value > 0.0) {
            slope = value;
        } else if let Some(value) = value("num_class:") {
            classes = value as usize;
        } else if word == "sqrt" {
            root = true;
        } else if value("tweedie_variance_power:").or_else(|| value("alpha:")).is_none() {
            return Err(unsupported("objective", "known parameters of an objective", text));
        }
    }
    let link = match name {
        "binary" => Link::Logistic { slope },
        "multiclass" => Link::Softmax,
        "multiclassova" => Link::Logistic { slope },
        "cross_entropy" => Link::Logistic { slope: 1.0 },
        "cross_entropy_lambda" => Link::Log1pExp,
        "poisson" | "gamma" | "tweedie" => Link::Exp,
        "regression" | "regression_l1" | "fair" | "quantile" | "mape" if root => Link::SignedSquare,
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank"
        | "rank_xendcg" => Link::Identity,
        _ => {
            let expected = "binary, multiclass, multiclassova, cross_entropy, cross_entropy_lambda, poisson, gamma, \
                tweedie, regression, regression_l1, huber, fair, quantile, mape, lambdarank or rank_xendcg";
            return Err(unsupported("objective", expected, text));
        }
    };
    if root && link != Link::SignedSquare {
        return Err(unsupported("objective", "sqrt of a regression alone", text));
    }
    let expected = if matches!(name, "multiclass" | "multiclassova") { classes } else { 1 };
    if expected != num_class || (link == Link::Softmax && num_class < 2) {
        let got = format!("{num_class} for {text}");
        return Err(ModelError::Field { field: "num_class", expected: "the objective's classes", got });
    }
    Ok(link)
}

/// Splits first, then leaves.
fn nodes(tree: usize, raw: &RawTree, words_left: &mut usize) -> Result<(Vec<Node>, Vec<Test>), ModelError> {
    let refuse = |node, expected, got: String| ModelError::Tree { tree, node, expected, got };
    let splits = raw.num_leaves - 1;
    let (mut nodes, mut tests) = (Vec::with_capacity(splits + raw.num_leaves), Vec::new());
    for at in 0..splits {
        let child = |child: i32| match usize::try_from(child) {
            Ok(split) if split < splits => Ok(split as u32),
            Err(_) if (!child as usize) < raw.num_leaves => Ok(splits as u32 + !child as u32),
            _ => Err(refuse(at, "a child within the tree", child.to_string())),
        };
        let (left, right) = (child(raw.left_child[at])?, child(raw.right_child[at])?);
        let (feature, bits) = (raw.split_feature[at], raw.decision_type[at]);
        let missing = bits >> MISSING_SHIFT;
        if missing > MISSING_NAN {
            return Err(refuse(at, "a decision_type from 0 to 11", bits.to_string()));
        }
        if bits & CATEGORICAL != 0 {
            nodes.push(Node::Special { test: tests.len() as u32, left, right });
            tests.push(category(tree, raw, at, words_left)?);
            continue;
        }
        let threshold = raw.threshold[at];
        let default_left = bits & DEFAULT_LEFT != 0;
        let zero_left = 0.0 <= threshold;
        let nan_left = if missing == 0 { zero_left } else { default_left };
        let threshold = zeros_together(threshold);
        if missing != MISSING_ZERO || zero_left == default_left {
            nodes.push(Node::at_most(feature, threshold, nan_left, left, right));
            continue;
        }
        nodes.push(Node::Special { test: tests.len() as u32, left, right });
        tests.push(match below_for_at_most(threshold) {
            Some(threshold) => Test::ZeroIsMissing { feature, threshold, missing_left: default_left },
            None => {
                // Every number but zero goes left.
                nodes.pop();
                nodes.push(Node::Special { test: tests.len() as u32, left: right, right: left });
                Test::ZeroIsMissing { feature, threshold: f32::NEG_INFINITY, missing_left: !default_left }
            }
        });
    }
    nodes.extend(raw.leaf_value.iter().map(|value| Node::Leaf(*value)));
    Ok((nodes, tests))
}

/// The threshold that treats every value of at most 1e-35 as it treats zero.
fn zeros_together(threshold: f64) -> f64 {
    let zero_max = f64::from(ZERO_MAX);
    if (0.0..zero_max).contains(&threshold) {
        zero_max
    } else if (-zero_max..0.0).contains(&threshold) {
        f64::from((-ZERO_MAX).next_down())
    } else {
        threshold
    }
}

/// A bit set among the tree's; what is in it goes left, what is not, and NaN, right.
fn category(tree: usize, raw: &RawTree, at: usize, words_left: &mut usize) -> Result<Test, ModelError> {
    let index = raw.threshold[at];
    let set = (0.0..raw.num_cat as f64).contains(&index).then_some(index as usize);
    let Some(set) = set.filter(|set| *set as f64 == index) else {
        let (expected, got) = ("one of num_cat sets of categories", index.to_string());
        return Err(ModelError::Tree { tree, node: at, expected, got });
    };
    let words = &raw.cat_threshold[raw.cat_boundaries[set]..raw.cat_boundaries[set + 1]];
    // Many splits may name one set, so each takes from what all may have.
    let Some(left) = words_left.checked_sub(words.len().div_ceil(2)) else {
        return Err(ModelError::Limit {
            what: "words of categories",
            max: CATEGORY_WORDS_MAX,
            got: words.len(),
        });
    };
    *words_left = left;
    let pairs = words.chunks(2);
    let members = pairs.map(|pair| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32);
    Ok(Test::Category {
        feature: raw.split_feature[at],
        members: members.collect(),
        whole: Whole::TowardZero,
        member_left: true,
        nan_left: false,
        outside_left: false,
    })
}
