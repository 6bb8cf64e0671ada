//! Trees whose leaves are linear in the features: LightGBM's `linear_tree`.
//!
//! What it is not: fast. It walks one node after the other; the kernels take trees with constant leaves alone.
//!
//! Invariant: a leaf is its constant plus each coefficient times its feature in `f64`, in the file's order; if one of
//! these features is NaN, it is the leaf's plain value (src/io/tree.cpp, `Tree::Predict`).

use super::forest::{Forest, Node, Sum, Tree, ZERO_MAX};

/// One leaf.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct LinearLeaf {
    pub(super) constant: f64,
    /// Feature and coefficient.
    pub(super) terms: Box<[(u32, f64)]>,
}

/// A forest whose splits come first in each tree, then its leaves, of which `leaves` has one each.
#[derive(Clone, Debug)]
pub(super) struct LinearTrees {
    sum: Sum,
    trees: Box<[(Tree, Box<[LinearLeaf]>)]>,
}

impl LinearTrees {
    /// `leaves` has one list for each tree; where a list is empty, the tree's leaves are constant.
    pub(super) fn new(forest: Forest, leaves: Vec<Vec<LinearLeaf>>) -> Self {
        let leaves = leaves.into_iter().map(Vec::into_boxed_slice);
        LinearTrees { sum: forest.sum, trees: forest.trees.into_iter().zip(leaves).collect() }
    }

    pub(super) fn output_count(&self) -> usize {
        self.sum.output_count()
    }

    pub(super) fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// The finished sum of each output.
    pub(super) fn sums(&self, row: &[f32], out: &mut [f64]) {
        for (output, sum) in out.iter_mut().enumerate() {
            *sum = self.sum.start(output);
        }
        for (tree, leaves) in &self.trees {
            out[tree.output as usize] += value(tree, leaves, row);
        }
        for (output, sum) in out.iter_mut().enumerate() {
            *sum = self.sum.finish(output, *sum);
        }
    }
}

fn value(tree: &Tree, leaves: &[LinearLeaf], row: &[f32]) -> f64 {
    let mut at = 0;
    loop {
        at = match &tree.nodes[at] {
            Node::Split { feature, threshold, nan_left, left, right } => {
                let x = row[*feature as usize];
                let goes_left = x < *threshold || (x.is_nan() && *nan_left);
                if goes_left { *left } else { *right }
            }
            Node::Special { test, left, right } => {
                let test = &tree.tests[*test as usize];
                if test.left(row[test.feature() as usize]) { *left } else { *right }
            }
            Node::Leaf(plain) => {
                let splits = tree.nodes.len() / 2;
                return leaves.get(at - splits).map_or(*plain, |leaf| leaf.value(row).unwrap_or(*plain));
            }
        } as usize;
    }
}

impl LinearLeaf {
    /// `None` if a feature of it is NaN. What is as small as LightGBM's zero is zero, as in its splits.
    fn value(&self, row: &[f32]) -> Option<f64> {
        let mut sum = self.constant;
        for (feature, coefficient) in &self.terms {
            let x = row[*feature as usize];
            if x.is_nan() {
                return None;
            }
            let x = if x.abs() <= ZERO_MAX { 0.0 } else { x };
            sum += coefficient * f64::from(x);
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_linear_unless_one_of_its_features_is_missing() {
        let leaf = LinearLeaf { constant: 1.0, terms: Box::new([(0, 2.0), (1, -1.0)]) };
        assert_eq!(leaf.value(&[3.0, 0.5]), Some(6.5));
        assert_eq!(leaf.value(&[0.0, f32::NAN]), None);
        let steep = LinearLeaf { constant: 0.0, terms: Box::new([(0, 1e40)]) };
        assert_eq!((steep.value(&[1e-35]), steep.value(&[-1e-45])), (Some(0.0), Some(0.0)));
        assert!(steep.value(&[1.1e-35]).unwrap() > 1e4);
    }
}
