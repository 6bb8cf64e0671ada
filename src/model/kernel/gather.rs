//! Trees walked with gathers on the row itself: sixteen at a time with AVX-512, eight with AVX2. No thresholds are
//! binned, so any number of thresholds and of features will do.
//!
//! What it is not: the fastest where `veb`, `dbl` or `obl` fit.
//!
//! Invariant: a walk that has reached its leaf stays there, so the number of steps depends on the forest alone. A place in
//! the arrays is never out of them: children are this layout's own, and features were checked at load. Vector
//! instructions only run when a `refusal` has seen the processor's flags.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;

use super::super::FEATURES_MAX;
use super::super::forest::{Forest, Node, Tree};
use super::lines::{Part, touch};
use super::totals::{Adder, Leaf, Totals};

/// Trees that are walked together: four registers of sixteen, or eight of eight.
const TILE: usize = 64;
/// Registers that take their steps in turn.
const REGISTERS: usize = 4;
/// Deepest tree: chains go to `scalar`.
const DEPTH_MAX: usize = 64;
/// Most nodes of all trees: what a child's number has bits for.
const NODES_MAX: usize = 1 << 21;

const FEATURE_BITS: u32 = 10;
const FEATURE_MASK: i32 = (1 << FEATURE_BITS) - 1;
const NAN_LEFT: i32 = 1 << FEATURE_BITS;
const CHILD_SHIFT: u32 = FEATURE_BITS + 1;
const _: () = assert!(FEATURES_MAX <= 1 << FEATURE_BITS && NODES_MAX <= 1 << (32 - CHILD_SHIFT));

/// Which instructions walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    Sixteen,
    Eight,
}

/// A forest in the layout of this kernel. A leaf has the threshold NaN, which no value is below, and itself as its right
/// child, so walks stay there.
#[derive(Clone, Debug)]
pub(super) struct Gather<L> {
    totals: Totals,
    width: Width,
    feature_count: usize,
    /// The root of each tree, `TILE` to a tile, deepest first; the last tile is filled up with a tree of one leaf.
    roots: Box<[i32]>,
    /// Where in its tile each root's leaf belongs.
    places: Box<[u8]>,
    /// Steps of each sixteen roots.
    depths: Box<[u32]>,
    thresholds: Box<[f32]>,
    /// Feature, way of NaN, and the left child's place; the right child is the next.
    ways: Box<[i32]>,
    /// Of each node; only leaves' are read.
    values: Box<[L]>,
}

/// Why this kernel cannot take a forest here, if so.
pub(super) fn refusal(forest: &Forest, width: Width) -> Option<String> {
    match width {
        Width::Sixteen if !super::cpu::avx512f() => return Some("the processor has no AVX-512F".into()),
        Width::Eight if !super::cpu::avx2() => return Some("the processor has no AVX2".into()),
        _ => {}
    }
    if forest.trees.iter().any(|tree| !tree.tests.is_empty()) {
        return Some("it has splits that are no threshold (categories, or zero as missing)".into());
    }
    let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    if depth > DEPTH_MAX {
        return Some(format!("a tree is {depth} splits deep, more than {DEPTH_MAX}"));
    }
    let node_count: usize = forest.trees.iter().map(|tree| 2 * tree.reachable_splits().count() + 3).sum();
    (node_count + 3 > NODES_MAX).then(|| format!("it has {node_count} nodes, more than {NODES_MAX}"))
}

impl<L: Leaf> Gather<L> {
    /// Lays a forest out that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest, width: Width) -> Self {
        let mut nodes = Nodes::<L>::default();
        let nothing =
            nodes.lay(&Tree { output: 0, nodes: vec![Node::Leaf(0.0)], tests: Vec::new(), depth: 0 });
        let (mut roots, mut places, mut depths) = (Vec::new(), Vec::new(), Vec::new());
        for tile in forest.trees.chunks(TILE) {
            let mut order: Vec<usize> = (0..tile.len()).collect();
            order.sort_by_key(|place| std::cmp::Reverse(tile[*place].depth));
            depths.extend(order.chunks(16).map(|sixteen| tile[sixteen[0]].depth as u32));
            depths.resize(depths.len().next_multiple_of(TILE / 16), 0);
            for place in order {
                roots.push(nodes.lay(&tile[place]));
                places.push(place as u8);
            }
        }
        let full = roots.len().next_multiple_of(TILE);
        roots.resize(full, nothing);
        // The places past the last tree's are free.
        places.extend((places.len() % TILE..TILE).take(full - places.len()).map(|place| place as u8));
        Gather {
            totals: Totals::new(forest),
            width,
            feature_count: forest.features.len(),
            roots: roots.into(),
            places: places.into(),
            depths: depths.into(),
            thresholds: nodes.thresholds.into(),
            ways: nodes.ways.into(),
            values: nodes.values.into(),
        }
    }

    /// The finished sums, with registers of `LANES` walks.
    #[inline(always)]
    fn sums_by<V: Copy, const LANES: usize>(
        &self,
        out: &mut [f64],
        load: impl Fn(&[i32; LANES]) -> V,
        step: impl Fn(V) -> V,
        store: impl Fn(&mut [i32; LANES], V),
    ) {
        let walk = |roots: &[i32], depths: &[u32], ends: &mut [i32; TILE]| {
            let roots = roots.as_chunks::<LANES>().0.as_chunks::<REGISTERS>().0;
            let ends = ends.as_chunks_mut::<LANES>().0.as_chunks_mut::<REGISTERS>().0;
            let depths = depths.chunks_exact(REGISTERS * LANES / 16);
            for ((roots, ends), depths) in roots.iter().zip(ends).zip(depths) {
                let mut at = [load(&roots[0]), load(&roots[1]), load(&roots[2]), load(&roots[3])];
                for taken in 0..depths[0] {
                    for (register, at) in at.iter_mut().enumerate() {
                        if taken < depths[register * LANES / 16] {
                            *at = step(*at);
                        }
                    }
                }
                for (ends, at) in ends.iter_mut().zip(at) {
                    store(ends, at);
                }
            }
        };
        if let [sum] = out {
            let mut one = self.totals.one::<L>();
            self.add_tiles(&mut one, walk);
            *sum = self.totals.finish_one(one);
        } else {
            self.add_tiles(&mut self.totals.each(out), walk);
            self.totals.finish_each(out);
        }
    }

    /// Adds the leaves that `walk` finds, tile by tile.
    #[inline(always)]
    fn add_tiles(&self, adder: &mut impl Adder<L>, walk: impl Fn(&[i32], &[u32], &mut [i32; TILE])) {
        let mut ends = [0; TILE];
        let mut leaves = [L::default(); TILE];
        let tiles = self.roots.chunks_exact(TILE).zip(self.depths.chunks_exact(TILE / 16));
        for (tile, (roots, depths)) in tiles.enumerate() {
            walk(roots, depths, &mut ends);
            for (end, place) in ends.iter().zip(&self.places[tile * TILE..]) {
                leaves[usize::from(*place) & (TILE - 1)] = self.values[*end as usize];
            }
            let first = tile * TILE;
            for (at, leaf) in leaves.iter().take(self.totals.tree_count() - first).enumerate() {
                adder.add(first + at, *leaf);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn sums_avx512(&self, row: &[f32], out: &mut [f64]) {
        // SAFETY: sixteen numbers are read.
        let load = |roots: &[i32; 16]| unsafe { _mm512_loadu_si512(roots.as_ptr().cast()) };
        // SAFETY: sixteen numbers have room for sixteen.
        let store = |ends: &mut [i32; 16], at| unsafe { _mm512_storeu_si512(ends.as_mut_ptr().cast(), at) };
        self.sums_by(out, load, |at| self.step_avx512(row, at), store);
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn step_avx512(&self, row: &[f32], at: __m512i) -> __m512i {
        // SAFETY: `at` holds places of nodes.
        let ways = unsafe { _mm512_i32gather_epi32::<4>(at, self.ways.as_ptr()) };
        // SAFETY: as above; there is a threshold for each node.
        let thresholds = unsafe { _mm512_i32gather_ps::<4>(at, self.thresholds.as_ptr()) };
        let features = _mm512_and_si512(ways, _mm512_set1_epi32(FEATURE_MASK));
        // SAFETY: features are below the feature count, which is the row's length: the caller checked it.
        let x = unsafe { _mm512_i32gather_ps::<4>(features, row.as_ptr()) };
        let below = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, thresholds);
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        let nan_left = _mm512_mask_test_epi32_mask(nan, ways, _mm512_set1_epi32(NAN_LEFT));
        let left = _mm512_srli_epi32::<CHILD_SHIFT>(ways);
        _mm512_mask_add_epi32(left, !(below | nan_left), left, _mm512_set1_epi32(1))
    }

    #[target_feature(enable = "avx2")]
    fn sums_avx2(&self, row: &[f32], out: &mut [f64]) {
        // SAFETY: eight numbers are read.
        let load = |roots: &[i32; 8]| unsafe { _mm256_loadu_si256(roots.as_ptr().cast()) };
        // SAFETY: eight numbers have room for eight.
        let store = |ends: &mut [i32; 8], at| unsafe { _mm256_storeu_si256(ends.as_mut_ptr().cast(), at) };
        self.sums_by(out, load, |at| self.step_avx2(row, at), store);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn step_avx2(&self, row: &[f32], at: __m256i) -> __m256i {
        // SAFETY: `at` holds places of nodes.
        let ways = unsafe { _mm256_i32gather_epi32::<4>(self.ways.as_ptr(), at) };
        // SAFETY: as above; there is a threshold for each node.
        let thresholds = unsafe { _mm256_i32gather_ps::<4>(self.thresholds.as_ptr(), at) };
        let features = _mm256_and_si256(ways, _mm256_set1_epi32(FEATURE_MASK));
        // SAFETY: features are below the feature count, which is the row's length: the caller checked it.
        let x = unsafe { _mm256_i32gather_ps::<4>(row.as_ptr(), features) };
        let below = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(x, thresholds));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
        // The flag's bit becomes the sign, and the sign all bits.
        let flag = _mm256_srai_epi32::<31>(_mm256_slli_epi32::<{ 31 - FEATURE_BITS as i32 }>(ways));
        let goes_left = _mm256_or_si256(below, _mm256_and_si256(nan, flag));
        let right = _mm256_add_epi32(_mm256_srli_epi32::<{ CHILD_SHIFT as i32 }>(ways), _mm256_set1_epi32(1));
        // All bits set are -1: one back from the right child.
        _mm256_add_epi32(right, goes_left)
    }
}

impl<L: Leaf> super::Kernel for Gather<L> {
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        assert_eq!(row.len(), self.feature_count, "a row has one value for each feature");
        match self.width {
            // SAFETY: a `Gather` is only made for a forest that `refusal` accepted, which saw the processor's flags.
            Width::Sixteen => unsafe { self.sums_avx512(row, out) },
            // SAFETY: as above.
            Width::Eight => unsafe { self.sums_avx2(row, out) },
        }
    }

    fn touch(&self, part: Part) {
        touch(&self.thresholds, part);
        touch(&self.ways, part);
        touch(&self.values, part);
    }
}

/// All trees' nodes while they are laid out.
#[derive(Default)]
struct Nodes<L> {
    thresholds: Vec<f32>,
    ways: Vec<i32>,
    values: Vec<L>,
}

impl<L: Leaf> Nodes<L> {
    /// Appends two nodes that are leaves until they are said to be more.
    fn pair(&mut self) -> usize {
        let first = self.ways.len();
        self.thresholds.extend([f32::NAN; 2]);
        self.values.extend([L::default(); 2]);
        self.ways.extend([0, 1].map(|at| still(first + at)));
        first
    }

    /// Appends a tree breadth first; gives its root's place, which is never 0.
    fn lay(&mut self, tree: &Tree) -> i32 {
        let root = self.pair() + 1;
        let mut open = std::collections::VecDeque::from([(0u32, root)]);
        while let Some((node, at)) = open.pop_front() {
            match tree.nodes[node as usize] {
                Node::Split { feature, threshold, nan_left, left, right } => {
                    let child = self.pair();
                    self.thresholds[at] = threshold;
                    let flag = if nan_left { NAN_LEFT } else { 0 };
                    self.ways[at] = feature as i32 | flag | ((child as u32) << CHILD_SHIFT) as i32;
                    open.extend([(left, child), (right, child + 1)]);
                }
                Node::Leaf(value) => self.values[at] = L::from_wide(value),
                Node::Special { .. } => unreachable!("forests with tests are refused"),
            }
        }
        root as i32
    }
}

/// The way of a leaf: its right child is itself.
fn still(at: usize) -> i32 {
    ((at.saturating_sub(1) as u32) << CHILD_SHIFT) as i32
}
