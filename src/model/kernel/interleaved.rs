//! The portable kernel: eight trees at a time, one step of each in turn, without a branch on the row.
//!
//! What it is not: for forests with splits that are no threshold; `scalar` takes those.
//!
//! Invariant: a walk that has reached its leaf stays there, so the number of steps depends on the forest alone.

use super::super::FEATURES_MAX;
use super::super::forest::{Forest, NODES_MAX, Node, Tree};
use super::lines::{Part, touch};
use super::totals::{Adder, Leaf, Totals};

/// Trees that are walked in turn.
const WAYS: usize = 8;
/// Trees whose leaves are found before they are added; trees of like depth are walked together.
const TILE: usize = 64;

/// Deepest tree: each walk takes as many steps as the deepest path of eight trees, so chains go to `scalar`.
const DEPTH_MAX: usize = 64;

const FEATURE_BITS: u32 = 10;
const NAN_LEFT: u32 = 1 << FEATURE_BITS;
const CHILD_SHIFT: u32 = FEATURE_BITS + 1;
const _: () = assert!(FEATURES_MAX <= 1 << FEATURE_BITS && NODES_MAX < 1 << (32 - CHILD_SHIFT));

/// A node in eight bytes. A leaf has the threshold NaN, which no value is below, and itself as its right child.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
struct Packed {
    threshold: f32,
    /// Feature, way of NaN, and the left child's index in its tree; the right child is the next.
    way: u32,
}

/// A tree's place in the arrays.
#[derive(Clone, Copy, Debug)]
struct Root {
    first_node: u32,
    /// Where in its tile its leaf is put.
    place: u32,
}

/// A forest in the layout of this kernel.
#[derive(Clone, Debug)]
pub(super) struct Interleaved<L> {
    totals: Totals,
    /// `TILE` to a tile, deepest first within it; the last tile is filled up with a tree of one leaf.
    roots: Box<[Root]>,
    /// Steps of each `WAYS` roots.
    depths: Box<[u32]>,
    nodes: Box<[Packed]>,
    /// Of each node; only leaves' are read.
    values: Box<[L]>,
}

/// Why this kernel cannot take a forest, if so.
pub(super) fn refusal(forest: &Forest) -> Option<String> {
    let special = forest.trees.iter().any(|tree| !tree.tests.is_empty());
    if special {
        return Some("it has splits that are no threshold (categories, or zero as missing)".into());
    }
    let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    (depth > DEPTH_MAX).then(|| format!("a tree is {depth} splits deep, more than {DEPTH_MAX}"))
}

impl<L: Leaf> Interleaved<L> {
    /// Lays a forest out that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest) -> Self {
        let (mut nodes, mut values) = (Vec::new(), Vec::new());
        let (mut roots, mut depths) = (Vec::new(), Vec::new());
        let nothing = Root { first_node: 0, place: TILE as u32 - 1 };
        lay(
            &Tree { output: 0, nodes: vec![Node::Leaf(0.0)], tests: Vec::new(), depth: 0 },
            &mut nodes,
            &mut values,
        );
        for tile in forest.trees.chunks(TILE) {
            let mut order: Vec<usize> = (0..tile.len()).collect();
            order.sort_by_key(|place| std::cmp::Reverse(tile[*place].depth));
            for ways in order.chunks(WAYS) {
                depths.push(tile[ways[0]].depth as u32);
            }
            for place in order {
                roots.push(Root { first_node: nodes.len() as u32, place: place as u32 });
                lay(&tile[place], &mut nodes, &mut values);
            }
        }
        roots.resize(roots.len().next_multiple_of(WAYS), nothing);
        Interleaved {
            totals: Totals::new(forest),
            roots: roots.into(),
            depths: depths.into(),
            nodes: nodes.into(),
            values: values.into(),
        }
    }

    #[inline]
    fn walk(&self, row: &[f32], adder: &mut impl Adder<L>) {
        let tree_count = self.totals.tree_count();
        let mut leaves = [L::default(); TILE];
        let tiles = self.roots.chunks(TILE).zip(self.depths.chunks(TILE / WAYS));
        for (tile, (roots, depths)) in tiles.enumerate() {
            for (roots, depth) in roots.as_chunks::<WAYS>().0.iter().zip(depths) {
                let mut at = roots.map(|root| root.first_node as usize + 1);
                for _ in 0..*depth {
                    for (at, root) in at.iter_mut().zip(roots) {
                        let node = self.nodes[*at];
                        let x = row[(node.way & (NAN_LEFT - 1)) as usize];
                        let left = (x < node.threshold) | (x.is_nan() & (node.way & NAN_LEFT != 0));
                        *at = root.first_node as usize
                            + (node.way >> CHILD_SHIFT) as usize
                            + usize::from(!left);
                    }
                }
                for (at, root) in at.iter().zip(roots) {
                    leaves[root.place as usize] = self.values[*at];
                }
            }
            let first = tile * TILE;
            for (at, leaf) in leaves.iter().take(TILE.min(tree_count - first)).enumerate() {
                adder.add(first + at, *leaf);
            }
        }
    }
}

impl<L: Leaf> super::Kernel for Interleaved<L> {
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        if let [sum] = out {
            let mut one = self.totals.one::<L>();
            self.walk(row, &mut one);
            *sum = self.totals.finish_one(one);
        } else {
            self.walk(row, &mut self.totals.each(out));
            self.totals.finish_each(out);
        }
    }

    fn touch(&self, part: Part) {
        touch(&self.nodes, part);
        touch(&self.values, part);
    }
}

/// Appends a tree: an unused node, so that a leaf's right child can be named by the one before it, then breadth first.
fn lay<L: Leaf>(tree: &Tree, nodes: &mut Vec<Packed>, values: &mut Vec<L>) {
    let first = nodes.len();
    let unused = Packed { threshold: f32::NAN, way: 0 };
    nodes.extend([unused; 2]);
    let mut open = std::collections::VecDeque::from([(0u32, first + 1)]);
    while let Some((node, at)) = open.pop_front() {
        match tree.nodes[node as usize] {
            Node::Split { feature, threshold, nan_left, left, right } => {
                let child = nodes.len();
                nodes.extend([unused; 2]);
                let way = feature | if nan_left { NAN_LEFT } else { 0 };
                nodes[at] = Packed { threshold, way: way | (((child - first) as u32) << CHILD_SHIFT) };
                open.extend([(left, child), (right, child + 1)]);
            }
            Node::Leaf(value) => {
                nodes[at].way = ((at - first - 1) as u32) << CHILD_SHIFT;
                values.resize(values.len().max(at + 1), L::default());
                values[at] = L::from_wide(value);
            }
            Node::Special { .. } => unreachable!("forests with tests are refused"),
        }
    }
    values.resize(nodes.len(), L::default());
}
