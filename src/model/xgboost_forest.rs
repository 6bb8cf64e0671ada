//! What XGBoost's fields mean: its objectives, margins, weights of trees and categories, as one forest.
//!
//! What it is not: a reader of bytes; `xgboost` is.
//!
//! Invariant: sums start at the base margin and run in `f32` in the trees' order, each leaf already times its weight in
//! `f32`; a category among the members goes right. What is written down nowhere is refused by its field.

use super::forest::{CATEGORY_WORDS_MAX, Forest, Node, OUTPUTS_MAX, Sum, Test, Tree, TreeLimits, Whole};
use super::link::Link;
use super::xgboost::{File, RawTree, base_scores, unsupported};
use super::{LoadOptions, ModelError, names};

/// Versions of the file's major number that are read.
const MAJOR_VERSIONS: std::ops::RangeInclusive<i32> = 1..=3;
/// What XGBoost takes for no category (src/common/categorical.h, `OutOfRangeCat`).
const CATEGORY_END: i32 = 16_777_216;

/// The space that `base_score` is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    Margin,
    Probability,
    Positive,
}

/// What an objective does to margins, and what `base_score` is for it (src/objective/).
fn objective(name: &str) -> Result<(Link, Base), ModelError> {
    Ok(match name {
        "binary:logistic" | "reg:logistic" => (Link::LogisticSingle, Base::Probability),
        "binary:logitraw" => (Link::Identity, Base::Margin),
        "binary:hinge" => (Link::Hinge, Base::Margin),
        "reg:squarederror" | "reg:squaredlogerror" | "reg:absoluteerror" | "reg:pseudohubererror" => {
            (Link::Identity, Base::Margin)
        }
        // The name of squarederror before 0.90, still an alias in files that were converted.
        "reg:linear" => (Link::Identity, Base::Margin),
        "reg:quantileerror" => (Link::Identity, Base::Margin),
        "rank:pairwise" | "rank:ndcg" | "rank:map" => (Link::Identity, Base::Margin),
        "count:poisson" | "reg:gamma" | "reg:tweedie" => (Link::ExpSingle, Base::Positive),
        "multi:softprob" | "multi:softmax" => (Link::SoftmaxSingle, Base::Margin),
        _ => {
            let expected = "binary:logistic, logitraw or hinge, reg:logistic, squarederror, squaredlogerror, \
                absoluteerror, pseudohubererror, quantileerror, gamma or tweedie, count:poisson, rank:pairwise, ndcg \
                or map, multi:softprob or softmax";
            return Err(unsupported("learner.objective.name", expected, name));
        }
    })
}

impl Base {
    /// The margin that the sums start from.
    fn margin(self, score: f32) -> f32 {
        match self {
            Base::Margin => score,
            // `f32::ln` is the C library's logf, as in XGBoost. The f64 logarithm rounded is another number now and then:
            // of 1.1470126, for one.
            Base::Probability => {
                let score = score.clamp(1e-6, 1.0 - 1e-6);
                -(1.0 / score - 1.0).ln()
            }
            Base::Positive => score.ln(),
        }
    }
}

/// Puts a file together for a row of `features`.
pub(super) fn assemble(
    file: File,
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Forest, ModelError> {
    let major = file.version.ok_or(ModelError::Missing("version"))?;
    if !MAJOR_VERSIONS.contains(&major) {
        return Err(unsupported("version", "1 to 3", &major.to_string()));
    }
    let name = file.objective.as_deref().ok_or(ModelError::Missing("learner.objective.name"))?;
    let (link, base) = objective(name)?;
    let output_count = output_count(&file, link)?;
    let names = feature_names(&file, features, options)?;
    counted("num_trees", file.num_trees.as_deref(), file.trees.len())?;
    let weights = weights(&file)?;
    let kept = trees_kept(&file, output_count, options)?;
    let base = margins(file.base_score.as_deref(), base, output_count)?;
    let limits = TreeLimits { feature_count: names.len(), output_count };
    let mut trees = trees(file, weights.as_deref(), limits)?;
    trees.truncate(kept);
    Ok(Forest { features: names, sum: Sum::Single { base }, link, trees })
}

/// The row's names, which must be the file's.
fn feature_names(
    file: &File,
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Vec<String>, ModelError> {
    if file.names.is_empty() {
        counted("num_feature", file.num_feature.as_deref(), features.len())?;
        let remedy = "train or save with DMatrix(..., feature_names=[...]) or set booster.feature_names";
        return names::by_position("learner.feature_names", remedy, features, options);
    }
    counted("num_feature", file.num_feature.as_deref(), file.names.len())?;
    names::matched(&file.names, features)?;
    Ok(file.names.clone())
}

/// A count in the file must be what is really there.
fn counted(field: &'static str, text: Option<&str>, got: usize) -> Result<(), ModelError> {
    let stated = text.ok_or(ModelError::Missing(field))?;
    if stated.parse() == Ok(got) {
        return Ok(());
    }
    let expected = "the number of elements that are there";
    Err(ModelError::Field { field, expected, got: format!("{stated:?} for {got}") })
}

/// A small count that may be missing, and is then 0.
fn small(field: &'static str, text: Option<&str>, max: usize) -> Result<usize, ModelError> {
    let parsed = text.map_or(Ok(0), str::parse::<usize>);
    parsed.ok().filter(|count| *count <= max).ok_or_else(|| ModelError::Field {
        field,
        expected: "a small count",
        got: text.unwrap_or_default().into(),
    })
}

fn output_count(file: &File, link: Link) -> Result<usize, ModelError> {
    let classes = small("num_class", file.num_class.as_deref(), OUTPUTS_MAX)?;
    let targets = small("num_target", file.num_target.as_deref(), OUTPUTS_MAX)?;
    if classes > 1 && targets > 1 {
        return Err(unsupported("num_target", "1 where num_class is above 1", &targets.to_string()));
    }
    if (link == Link::SoftmaxSingle) != (classes > 1) {
        let got = format!("{classes} for {}", file.objective.as_deref().unwrap_or_default());
        return Err(ModelError::Field { field: "num_class", expected: "2 or more for multi: alone", got });
    }
    Ok(classes.max(targets).max(1))
}

fn margins(text: Option<&str>, base: Base, output_count: usize) -> Result<Box<[f32]>, ModelError> {
    let mut scores = base_scores(text.ok_or(ModelError::Missing("base_score"))?)?;
    if scores.len() == 1 {
        scores.resize(output_count, scores[0]);
    }
    let margins: Box<[f32]> = scores.into_iter().map(|score| base.margin(score)).collect();
    if margins.len() != output_count || margins.iter().any(|margin| !margin.is_finite()) {
        let expected = "one number, or one for each output, that has a finite margin";
        return Err(ModelError::Field {
            field: "base_score",
            expected,
            got: text.unwrap_or_default().into(),
        });
    }
    Ok(margins)
}

/// The weight of each tree, where the model is DART.
fn weights(file: &File) -> Result<Option<Vec<f32>>, ModelError> {
    let weights = file.weight_drop.as_ref();
    let dart = match file.booster.as_deref().ok_or(ModelError::Missing("learner.gradient_booster.name"))? {
        "dart" => true,
        "gbtree" => weights.is_some_and(|weights| !weights.is_empty()),
        other => return Err(unsupported("learner.gradient_booster.name", "gbtree or dart", other)),
    };
    if !dart {
        return Ok(None);
    }
    let weights = weights.ok_or(ModelError::Missing("weight_drop"))?;
    if weights.len() != file.trees.len() || weights.iter().any(|weight| !weight.is_finite()) {
        let got = format!("{} for {} trees", weights.len(), file.trees.len());
        return Err(ModelError::Field {
            field: "weight_drop",
            expected: "a finite weight for each tree",
            got,
        });
    }
    Ok(Some(weights.clone()))
}

/// How many trees take part: all, or those of the rounds that were asked for.
fn trees_kept(file: &File, output_count: usize, options: &LoadOptions) -> Result<usize, ModelError> {
    let tree_count = file.trees.len();
    let Some(rounds) = options.rounds else { return Ok(tree_count) };
    let parallel = small("num_parallel_tree", file.num_parallel_tree.as_deref(), tree_count.max(1))?.max(1);
    let kept = if file.iteration_indptr.is_empty() {
        // Before 2.0 each round had one tree, or `num_parallel_tree`, for each output.
        (rounds as usize).checked_mul(output_count * parallel)
    } else {
        file.iteration_indptr.get(rounds as usize).and_then(|end| usize::try_from(*end).ok())
    };
    kept.filter(|kept| rounds > 0 && *kept <= tree_count).ok_or_else(|| ModelError::Field {
        field: "rounds",
        expected: "at least 1, and no more than the model has",
        got: rounds.to_string(),
    })
}

/// Puts the trees in the order of their ids and checks each.
fn trees(file: File, weights: Option<&[f32]>, limits: TreeLimits) -> Result<Vec<Tree>, ModelError> {
    let tree_count = file.trees.len();
    if file.tree_info.len() != tree_count {
        let got = format!("{} for {tree_count} trees", file.tree_info.len());
        return Err(ModelError::Field { field: "tree_info", expected: "one output for each tree", got });
    }
    let mut placed: Vec<Option<Tree>> = (0..tree_count).map(|_| None).collect();
    let mut words_left = CATEGORY_WORDS_MAX;
    for (index, raw) in file.trees.into_iter().enumerate() {
        let id = raw.id.map_or(Some(index), |id| usize::try_from(id).ok());
        let Some(id) = id.filter(|id| *id < tree_count && placed[*id].is_none()) else {
            let expected = "each of 0 to num_trees-1 once";
            return Err(ModelError::Field { field: "trees.id", expected, got: format!("{:?}", raw.id) });
        };
        let (nodes, tests) = nodes(id, &raw, weights.map(|weights| weights[id]), &mut words_left)?;
        placed[id] = Some(Tree::new(id, file.tree_info[id] as u32, nodes, tests, limits)?);
    }
    Ok(placed.into_iter().flatten().collect())
}

fn nodes(
    tree: usize,
    raw: &RawTree,
    weight: Option<f32>,
    words_left: &mut usize,
) -> Result<(Vec<Node>, Vec<Test>), ModelError> {
    let node_count = raw.left.len();
    counted("tree_param.num_nodes", raw.num_nodes.as_deref(), node_count)?;
    let refuse = |node, expected, got| Err(ModelError::Tree { tree, node, expected, got });
    let types = if raw.split_type.is_empty() { node_count } else { raw.split_type.len() };
    let others = [raw.right.len(), raw.features.len(), raw.conditions.len(), raw.default_left.len(), types];
    if let Some(other) = others.into_iter().find(|other| *other != node_count) {
        return refuse(0, "arrays of one length", format!("arrays of {node_count} and {other}"));
    }
    let mut tests = Vec::new();
    let mut test_of = vec![None; node_count];
    for (at, node) in raw.categories_nodes.iter().enumerate() {
        let slot = usize::try_from(*node).ok().and_then(|node| test_of.get_mut(node));
        let Some(slot) = slot.filter(|slot| slot.is_none()) else {
            return refuse(0, "each of categories_nodes once, and a node", node.to_string());
        };
        *slot = Some(tests.len() as u32);
        tests.push(category(tree, raw, at, words_left)?);
    }
    let mut nodes = Vec::with_capacity(node_count);
    for at in 0..node_count {
        // A negative child or feature becomes an index out of range, which `Tree::new` refuses if it can be reached.
        let (left, right) = (raw.left[at] as u32, raw.right[at] as u32);
        nodes.push(match (raw.left[at], raw.split_type.get(at).copied().unwrap_or(0)) {
            (-1, _) => {
                let leaf = raw.conditions[at];
                // As in the library: one product, rounded, and then the sum.
                Node::Leaf(f64::from(weight.map_or(leaf, |weight| leaf * weight)))
            }
            (_, 0) => Node::Split {
                feature: raw.features[at] as u32,
                threshold: raw.conditions[at],
                nan_left: raw.default_left[at],
                left,
                right,
            },
            (_, 1) => match test_of[at] {
                Some(test) => Node::Special { test, left, right },
                None => return refuse(at, "its categories", "none".into()),
            },
            (_, other) => return refuse(at, "split_type 0 or 1", other.to_string()),
        });
    }
    Ok((nodes, tests))
}

/// The test of the categorical split that stands at place `at` of the tree's category arrays.
fn category(tree: usize, raw: &RawTree, at: usize, words_left: &mut usize) -> Result<Test, ModelError> {
    let node = raw.categories_nodes[at] as usize;
    let range = |list: &[i32]| list.get(at).and_then(|value| usize::try_from(*value).ok());
    let members = range(&raw.categories_segments).zip(range(&raw.categories_sizes));
    let members = members.and_then(|(first, size)| raw.categories.get(first..first.checked_add(size)?));
    let Some(members) = members else {
        let got = "a segment that is not".into();
        return Err(ModelError::Tree { tree, node, expected: "a segment of categories", got });
    };
    let last = members.iter().copied().max().unwrap_or(0);
    let least = members.iter().copied().min().unwrap_or(0);
    if least < 0 || last >= CATEGORY_END {
        let got = format!("{least} to {last}");
        return Err(ModelError::Tree { tree, node, expected: "categories from 0 to 16777215", got });
    }
    let words = last as usize / 64 + 1;
    let Some(left) = words_left.checked_sub(words) else {
        return Err(ModelError::Limit { what: "words of categories", max: CATEGORY_WORDS_MAX, got: words });
    };
    *words_left = left;
    let mut bits = vec![0u64; words];
    for member in members {
        bits[*member as usize / 64] |= 1 << (member % 64);
    }
    Ok(Test::Category {
        feature: raw.features[node] as u32,
        members: bits.into(),
        whole: Whole::Down,
        member_left: false,
        nan_left: raw.default_left[node],
        outside_left: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_no_margin() {
        assert_eq!(Base::Probability.margin(0.5).to_bits(), (-0.0f32).to_bits());
        assert!(Base::Probability.margin(0.0).is_finite() && Base::Probability.margin(1.0).is_finite());
        assert_eq!(Base::Positive.margin(1.0), 0.0);
        assert!(!Base::Positive.margin(0.0).is_finite());
    }
}
