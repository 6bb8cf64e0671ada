//! The reference kernel: node after node, tree after tree.
//!
//! What it is not: fast on large forests; but it takes every shape, and the others are held against it.
//!
//! Invariant: `x < threshold` decides, NaN goes the default way, sums are in the trees' order.

use super::super::forest::{Forest, Node, Sum, Test, Tree};
use super::lines::{Part, touch};

/// Marks a leaf in `feature`.
const LEAF: u32 = u32::MAX;
/// Marks a split that a [`Test`] decides; `value` holds its number.
const SPECIAL: u32 = u32::MAX - 1;
/// Bit of `feature` that sends NaN left.
const NAN_LEFT: u32 = 1 << 31;

/// A node in 16 bytes; children are indices into the whole forest. A leaf has its value in the forest's leaves, at `left`.
#[derive(Clone, Copy, Debug)]
struct Packed {
    feature: u32,
    value: f32,
    left: u32,
    right: u32,
}

/// A forest in one array.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    sum: Sum,
    /// Root and output of each tree.
    roots: Box<[(u32, u32)]>,
    nodes: Box<[Packed]>,
    leaves: Box<[f64]>,
    tests: Box<[Test]>,
}

impl Scalar {
    pub(super) fn new(forest: &Forest) -> Self {
        let (mut roots, mut nodes) = (Vec::with_capacity(forest.trees.len()), Vec::new());
        let (mut leaves, mut tests) = (Vec::new(), Vec::new());
        for tree in &forest.trees {
            roots.push((nodes.len() as u32, tree.output));
            pack(tree, &mut nodes, &mut leaves, &mut tests);
        }
        Scalar {
            sum: forest.sum.clone(),
            roots: roots.into(),
            nodes: nodes.into(),
            leaves: leaves.into(),
            tests: tests.into(),
        }
    }

    fn leaf(&self, root: u32, row: &[f32]) -> f64 {
        let mut node = &self.nodes[root as usize];
        while node.feature != LEAF {
            let left = if node.feature == SPECIAL {
                let test = &self.tests[node.value.to_bits() as usize];
                test.left(row[test.feature() as usize])
            } else {
                let x = row[(node.feature & !NAN_LEFT) as usize];
                x < node.value || (x.is_nan() && node.feature & NAN_LEFT != 0)
            };
            node = &self.nodes[if left { node.left } else { node.right } as usize];
        }
        self.leaves[node.left as usize]
    }
}

impl super::Kernel for Scalar {
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        match &self.sum {
            Sum::Single { base } => {
                for (sum, base) in out.iter_mut().zip(base) {
                    *sum = f64::from(*base);
                }
                for (root, output) in &self.roots {
                    let sum = &mut out[*output as usize];
                    *sum = f64::from(*sum as f32 + self.leaf(*root, row) as f32);
                }
            }
            Sum::Double { start, .. } => {
                out.copy_from_slice(start);
                for (root, output) in &self.roots {
                    out[*output as usize] += self.leaf(*root, row);
                }
            }
        }
        for (output, sum) in out.iter_mut().enumerate() {
            *sum = self.sum.finish(output, *sum);
        }
    }

    fn touch(&self, part: Part) {
        touch(&self.nodes, part);
        touch(&self.leaves, part);
    }
}

fn pack(tree: &Tree, nodes: &mut Vec<Packed>, leaves: &mut Vec<f64>, tests: &mut Vec<Test>) {
    let (base, first_test) = (nodes.len() as u32, tests.len() as u32);
    nodes.extend(tree.nodes.iter().map(|node| match *node {
        Node::Leaf(value) => {
            leaves.push(value);
            Packed { feature: LEAF, value: 0.0, left: leaves.len() as u32 - 1, right: 0 }
        }
        Node::Split { feature, threshold, nan_left, left, right } => Packed {
            feature: feature | if nan_left { NAN_LEFT } else { 0 },
            value: threshold,
            left: base.wrapping_add(left),
            right: base.wrapping_add(right),
        },
        Node::Special { test, left, right } => Packed {
            feature: SPECIAL,
            value: f32::from_bits(first_test + test),
            left: base.wrapping_add(left),
            right: base.wrapping_add(right),
        },
    }));
    tests.extend(tree.tests.iter().cloned());
}
