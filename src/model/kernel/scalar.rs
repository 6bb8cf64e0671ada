//! The portable kernel: node after node, tree after tree.
//!
//! What it is not: fast on large forests; but it takes every shape, and the others are held against it.
//!
//! Invariant: `x < threshold` decides, NaN goes the default way, sums are in the trees' order.

use super::super::forest::{Forest, Node};

/// Marks a leaf in `feature`.
const LEAF: u32 = u32::MAX;
/// Bit of `feature` that sends NaN left.
const NAN_LEFT: u32 = 1 << 31;

/// A node in 16 bytes; children are indices into the whole forest.
#[derive(Clone, Copy, Debug)]
struct Packed {
    feature: u32,
    value: f32,
    left: u32,
    right: u32,
}

/// A forest in one array.
#[derive(Clone, Debug)]
pub(in crate::model) struct Scalar {
    base_margin: f32,
    roots: Box<[u32]>,
    nodes: Box<[Packed]>,
}

impl Scalar {
    pub(super) fn new(forest: &Forest) -> Self {
        let (mut roots, mut nodes) = (Vec::with_capacity(forest.trees.len()), Vec::new());
        for tree in &forest.trees {
            let base = nodes.len() as u32;
            roots.push(base);
            nodes.extend(tree.nodes.iter().map(|node| match *node {
                Node::Leaf(value) => Packed { feature: LEAF, value, left: 0, right: 0 },
                Node::Split { feature, threshold, default_left, left, right } => Packed {
                    feature: feature | if default_left { NAN_LEFT } else { 0 },
                    value: threshold,
                    left: base.wrapping_add(left),
                    right: base.wrapping_add(right),
                },
            }));
        }
        Scalar { base_margin: forest.base_margin, roots: roots.into(), nodes: nodes.into() }
    }

    pub(super) fn tree_count(&self) -> usize {
        self.roots.len()
    }

    pub(super) fn margin(&self, row: &[f32]) -> f32 {
        let mut sum = self.base_margin;
        for root in &self.roots {
            let mut node = &self.nodes[*root as usize];
            while node.feature != LEAF {
                let x = row[(node.feature & !NAN_LEFT) as usize];
                let left = x < node.value || (x.is_nan() && node.feature & NAN_LEFT != 0);
                node = &self.nodes[if left { node.left } else { node.right } as usize];
            }
            sum += node.value;
        }
        sum
    }
}
