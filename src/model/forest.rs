//! A checked forest of binary trees, as every kernel takes it.
//!
//! What it is not: a file format, or a layout for speed: kernels make their own.
//!
//! Invariant: from the root of each tree every path ends at a leaf, no node is met twice, features are within the row,
//! thresholds are not NaN and leaves are finite.

use super::{ModelError, Objective};

/// Most trees of one model.
pub(super) const TREES_MAX: usize = 65_536;
/// Most nodes of one tree.
pub(super) const NODES_MAX: usize = 1 << 20;
/// Deepest tree, in splits.
pub(super) const TREE_DEPTH_MAX: usize = 64;

/// One node: a split, or a leaf.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Node {
    /// Goes left when the feature is below the threshold; NaN goes where `default_left` says.
    Split { feature: u32, threshold: f32, default_left: bool, left: u32, right: u32 },
    /// Adds this to the margin.
    Leaf(f32),
}

/// One tree; node 0 is its root. Nodes that no path reaches may hold anything.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Splits on the longest path.
    pub(super) depth: usize,
}

impl Tree {
    /// Checks the shape; `index` is for the message.
    pub(super) fn new(index: usize, nodes: Vec<Node>, feature_count: usize) -> Result<Self, ModelError> {
        let refuse = |node, expected, got: String| Err(ModelError::Tree { tree: index, node, expected, got });
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
            match nodes[node] {
                Node::Leaf(value) if !value.is_finite() => {
                    return refuse(node, "a finite leaf", value.to_string());
                }
                Node::Leaf(_) => depth_max = depth_max.max(depth),
                Node::Split { threshold, .. } if threshold.is_nan() => {
                    return refuse(node, "a threshold that is a number", "NaN".into());
                }
                Node::Split { feature, .. } if feature as usize >= feature_count => {
                    return refuse(
                        node,
                        "a feature of the model",
                        format!("index {feature} of {feature_count}"),
                    );
                }
                Node::Split { .. } if depth == TREE_DEPTH_MAX => {
                    return refuse(node, "at most 64 splits to a leaf", "more".into());
                }
                Node::Split { left, right, .. } => open.extend([(left, depth + 1), (right, depth + 1)]),
            }
        }
        Ok(Tree { nodes, depth: depth_max })
    }

    /// The splits that some row can reach.
    pub(super) fn reachable_splits(&self) -> impl Iterator<Item = (u32, f32, bool)> + '_ {
        let mut open = vec![0u32];
        std::iter::from_fn(move || {
            while let Some(at) = open.pop() {
                if let Node::Split { feature, threshold, default_left, left, right } = self.nodes[at as usize]
                {
                    open.extend([left, right]);
                    return Some((feature, threshold, default_left));
                }
            }
            None
        })
    }
}

/// A whole model of trees.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    pub(super) features: Vec<String>,
    pub(super) objective: Objective,
    /// What the sum of leaves starts from.
    pub(super) base_margin: f32,
    /// In the order of the sum.
    pub(super) trees: Vec<Tree>,
}
