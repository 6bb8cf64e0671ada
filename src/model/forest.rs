//! A checked forest of binary trees, as every kernel takes it.
//!
//! What it is not: a file format, or a layout for speed: kernels make their own.
//!
//! Invariant: from the root of each tree every path ends at a leaf, no node is met twice, features and outputs are within
//! their counts, thresholds are not NaN and leaves are finite. What a library compares in `f64`, with `<=` or after a
//! conversion of NaN, the loaders have turned into the one comparison below, exactly, because every row is `f32`.

use super::ModelError;
use super::link::Link;

/// Most trees of one model.
pub(super) const TREES_MAX: usize = 65_536;
/// Most nodes of one tree.
pub(super) const NODES_MAX: usize = 1 << 20;
/// Deepest tree, in splits: a leaf-wise chain of LightGBM's largest common trees.
pub(super) const TREE_DEPTH_MAX: usize = 4_096;
/// Most outputs of one model.
pub(super) const OUTPUTS_MAX: usize = 1_024;
/// Most 64-bit words that the members of all categorical splits take: 8 MiB, whatever a small file asks for.
pub(super) const CATEGORY_WORDS_MAX: usize = 1 << 20;

/// One node: a split, or a leaf.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Node {
    /// Goes left when the feature is below the threshold; NaN goes left where `nan_left` says.
    Split { feature: u32, threshold: f32, nan_left: bool, left: u32, right: u32 },
    /// Goes left when the tree's test of this number says so; only `scalar` takes forests with these.
    Special { test: u32, left: u32, right: u32 },
    /// Adds this to its output.
    Leaf(f64),
}

/// How a value becomes a category; the two differ between -1 and 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whole {
    /// Cut as C does it: -0.5 is category 0 (LightGBM).
    TowardZero,
    /// Negative is no category, whatever it would be cut to (XGBoost).
    Down,
}

/// A split that no single threshold decides.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Test {
    /// The value as a whole number is a category: left when it is one of the members or, with `member_left` false,
    /// when it is none. NaN, what is negative and what is too large for a category go left where the last two say.
    Category {
        feature: u32,
        members: Box<[u64]>,
        whole: Whole,
        member_left: bool,
        nan_left: bool,
        outside_left: bool,
    },
    /// As a split, but zero (at most 1e-35 away) counts as missing too.
    ZeroIsMissing { feature: u32, threshold: f32, missing_left: bool },
}

impl Test {
    /// Which feature it reads.
    pub(super) fn feature(&self) -> u32 {
        match self {
            Test::Category { feature, .. } | Test::ZeroIsMissing { feature, .. } => *feature,
        }
    }

    /// Whether a value goes left.
    pub(super) fn left(&self, x: f32) -> bool {
        match self {
            Test::Category { members, whole, member_left, nan_left, outside_left, .. } => {
                if x.is_nan() {
                    return *nan_left;
                }
                let category = match whole {
                    Whole::TowardZero => x.trunc(),
                    Whole::Down => x.floor(),
                };
                if category < 0.0 || category >= (members.len() * 64) as f32 {
                    return *outside_left;
                }
                let category = category as usize;
                (members[category / 64] >> (category % 64) & 1 == 1) == *member_left
            }
            Test::ZeroIsMissing { threshold, missing_left, .. } => {
                if x.is_nan() || x.abs() <= ZERO_MAX {
                    *missing_left
                } else {
                    x < *threshold
                }
            }
        }
    }
}

impl Node {
    /// The split that sends `x <= threshold`, compared in `f64`, to the left: exactly, because `x` is an `f32`.
    pub(super) fn at_most(feature: u32, threshold: f64, nan_left: bool, left: u32, right: u32) -> Self {
        match below_for_at_most(threshold) {
            Some(threshold) => Node::Split { feature, threshold, nan_left, left, right },
            // Every number is at most infinity, and none is below its negative: the same split, seen in a mirror.
            None => {
                let threshold = f32::NEG_INFINITY;
                Node::Split { feature, threshold, nan_left: !nan_left, left: right, right: left }
            }
        }
    }
}

/// The `t` for which `x < t` is `x <= threshold` of every `f32`; none does it for infinity. NaN stays NaN.
pub(super) fn below_for_at_most(threshold: f64) -> Option<f32> {
    let nearest = threshold as f32;
    let floor = if f64::from(nearest) > threshold { nearest.next_down() } else { nearest };
    if threshold == f64::INFINITY { None } else { Some(floor.next_up()) }
}

/// LightGBM's `kZeroThreshold` as the largest `f32` that it takes for zero.
pub(super) const ZERO_MAX: f32 = 1e-35;

/// One tree; node 0 is its root. Nodes that no path reaches may hold anything.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Which output its leaves add to.
    pub(super) output: u32,
    pub(super) nodes: Vec<Node>,
    pub(super) tests: Vec<Test>,
    /// Splits on the longest path.
    pub(super) depth: usize,
}

/// What a tree must fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeLimits {
    pub(super) feature_count: usize,
    pub(super) output_count: usize,
}

impl Tree {
    /// Checks the shape; `index` is for the message.
    pub(super) fn new(
        index: usize,
        output: u32,
        nodes: Vec<Node>,
        tests: Vec<Test>,
        limits: TreeLimits,
    ) -> Result<Self, ModelError> {
        let refuse = |node, expected, got: String| Err(ModelError::Tree { tree: index, node, expected, got });
        if output as usize >= limits.output_count {
            return refuse(0, "an output of the model", format!("{output} of {}", limits.output_count));
        }
        let mut met = vec![false; nodes.len()];
        let mut open = vec![(0u32, 0usize)];
        let mut depth_max = 0;
        while let Some((at, depth)) = open.pop() {
            let node = at as usize;
            if node >= nodes.len() {
                return refuse(node, "a child within the tree", format!("{} nodes", nodes.len()));
            }
            if std::mem::replace(&mut met[node], true) {
                return refuse(node, "one parent for each node", "a second one, or a cycle".into());
            }
            let (feature, left, right) = match nodes[node] {
                Node::Leaf(value) if !value.is_finite() => {
                    return refuse(node, "a finite leaf", value.to_string());
                }
                Node::Leaf(_) => {
                    depth_max = depth_max.max(depth);
                    continue;
                }
                Node::Split { threshold, .. } if threshold.is_nan() => {
                    return refuse(node, "a threshold that is a number", "NaN".into());
                }
                Node::Split { feature, left, right, .. } => (feature, left, right),
                Node::Special { test, left, right } => match tests.get(test as usize) {
                    None => return refuse(node, "a test of the tree", format!("{test} of {}", tests.len())),
                    Some(Test::ZeroIsMissing { threshold, .. }) if threshold.is_nan() => {
                        return refuse(node, "a threshold that is a number", "NaN".into());
                    }
                    Some(test) => (test.feature(), left, right),
                },
            };
            if feature as usize >= limits.feature_count {
                let got = format!("index {feature} of {}", limits.feature_count);
                return refuse(node, "a feature of the model", got);
            }
            if depth == TREE_DEPTH_MAX {
                return refuse(node, "at most 4096 splits to a leaf", "more".into());
            }
            open.extend([(left, depth + 1), (right, depth + 1)]);
        }
        Ok(Tree { output, nodes, tests, depth: depth_max })
    }

    /// The splits that some row can reach: feature, threshold, whether NaN goes left. Special ones are left out.
    pub(super) fn reachable_splits(&self) -> impl Iterator<Item = (u32, f32, bool)> + '_ {
        let mut open = vec![0u32];
        std::iter::from_fn(move || {
            while let Some(at) = open.pop() {
                match self.nodes[at as usize] {
                    Node::Split { feature, threshold, nan_left, left, right } => {
                        open.extend([left, right]);
                        return Some((feature, threshold, nan_left));
                    }
                    Node::Special { left, right, .. } => open.extend([left, right]),
                    Node::Leaf(_) => {}
                }
            }
            None
        })
    }
}

/// How the leaves of one output are added up, in the order of the trees.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Sum {
    /// In `f32` from each output's base margin: XGBoost. Every leaf is an `f32`.
    Single { base: Box<[f32]> },
    /// In `f64` from each output's start, then divided by `divide`, times `scale`, plus each output's bias; each of the
    /// three is skipped when it changes nothing (1, 1, 0).
    Double { start: Box<[f64]>, divide: f64, scale: f64, bias: Box<[f64]> },
}

impl Sum {
    /// How many outputs.
    pub(super) fn output_count(&self) -> usize {
        match self {
            Sum::Single { base } => base.len(),
            Sum::Double { start, .. } => start.len(),
        }
    }

    /// What an output's sum starts from.
    pub(super) fn start(&self, output: usize) -> f64 {
        match self {
            Sum::Single { base } => f64::from(base[output]),
            Sum::Double { start, .. } => start[output],
        }
    }

    /// What follows the sum of leaves.
    #[inline]
    pub(super) fn finish(&self, output: usize, sum: f64) -> f64 {
        match self {
            Sum::Single { .. } => sum,
            Sum::Double { divide, scale, bias, .. } => {
                let mut value = sum;
                if *divide != 1.0 {
                    value /= divide;
                }
                if *scale != 1.0 {
                    value *= scale;
                }
                if bias[output] != 0.0 {
                    value += bias[output];
                }
                value
            }
        }
    }
}

/// A whole model of trees.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    pub(super) features: Vec<String>,
    pub(super) sum: Sum,
    pub(super) link: Link,
    /// In the order of the sum.
    pub(super) trees: Vec<Tree>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_left(node: Node, x: f32) -> bool {
        let Node::Split { threshold, nan_left, left, .. } = node else { panic!("{node:?}") };
        let below = x < threshold || (x.is_nan() && nan_left);
        below == (left == 1)
    }

    #[test]
    fn at_most_in_f64_is_below_in_f32() {
        let odd = [
            0.0,
            1e-45,
            1.1754944e-38,
            1e-35,
            0.1,
            1.0,
            16_777_217.0,
            3.4028235e38,
            3.5e38,
            1e300,
            f64::INFINITY,
        ];
        let nudge = [0.0, 1e-20, -1e-20, 3e-8, -3e-8];
        let mut compared = 0;
        for t in odd.iter().flat_map(|t| nudge.map(|by| t * (1.0 + by))).flat_map(|t| [t, -t]) {
            let node = Node::at_most(0, t, true, 1, 2);
            let near = t as f32;
            for x in [
                near,
                near.next_up(),
                near.next_down(),
                0.0,
                -0.0,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::MAX,
                f32::MIN,
            ] {
                assert_eq!(goes_left(node, x), f64::from(x) <= t, "{x:e} <= {t:e}");
                compared += 1;
            }
            assert!(goes_left(node, f32::NAN) && !goes_left(Node::at_most(0, t, false, 1, 2), f32::NAN));
        }
        assert_eq!(compared, 11 * 5 * 2 * 9);
        assert!(below_for_at_most(f64::NAN).is_some_and(f32::is_nan), "so that it is refused");
    }

    #[test]
    fn a_fraction_below_zero_is_a_category_for_one_library_alone() {
        let category = |whole, member_left| Test::Category {
            feature: 0,
            members: Box::new([0b1001]),
            whole,
            member_left,
            nan_left: false,
            outside_left: !member_left,
        };
        let lightgbm = category(Whole::TowardZero, true);
        assert!([0.0, -0.5, 3.9, 0.99].into_iter().all(|x| lightgbm.left(x)));
        assert!([-1.0, 1.0, 64.0, 1e30, f32::NAN].into_iter().all(|x| !lightgbm.left(x)));
        let xgboost = category(Whole::Down, false);
        assert!(
            [-0.5, -1.0, 1.0, 64.0, f32::INFINITY, f32::NEG_INFINITY].into_iter().all(|x| xgboost.left(x))
        );
        assert!([0.0, -0.0, 0.5, 3.0].into_iter().all(|x| !xgboost.left(x)));
    }
}
