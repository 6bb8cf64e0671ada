//! The kernel for oblivious trees, which ask one question a level: 64 trees a level in one byte look-up and one byte
//! comparison; the answers of all levels are the leaf's number.
//!
//! What it is not: for trees of other shapes; those go to `veb` and `dbl`.
//!
//! Invariant: the instructions are the same for every row. They only run when `refusal` has seen the processor's flags.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::super::forest::{Forest, Node, Tree};
use super::columns::{self, Columns, NEVER_RIGHT};
use super::lines::{Bytes, Part, touch};
use super::on_columns::OnColumns;
use super::totals::{Adder, Leaf, Totals};

/// Most levels: a leaf's number is a byte.
const DEPTH_MAX: usize = 8;
/// Trees whose levels are decided together.
const TILE_TREES: usize = 64;
/// Tiles whose leaves are found before the first is added: adding is twice as fast with no wide instruction in flight.
const TILES: usize = 8;

/// One level of 64 trees.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Level {
    columns: Bytes,
    bins: Bytes,
}

/// A forest in the layout of this kernel.
#[derive(Clone, Debug)]
pub(super) struct Obl<L> {
    totals: Totals,
    columns: Columns,
    depth: usize,
    /// `depth` to a tile, the roots' level first. Levels that a tree has not go left.
    levels: Box<[Level]>,
    /// `1 << depth` of each tree.
    leaves: Box<[L]>,
}

/// The question of each level, if every split of a level asks the same and every path is as long.
fn questions(tree: &Tree) -> Option<Vec<(u32, f32, bool)>> {
    let mut level = vec![0u32];
    let mut questions = Vec::new();
    while questions.len() < tree.depth {
        let mut next = Vec::with_capacity(2 * level.len());
        let mut asked = None;
        for node in &level {
            let Node::Split { feature, threshold, nan_left, left, right } = tree.nodes[*node as usize] else {
                return None;
            };
            let question = (feature, threshold, nan_left);
            if *asked.get_or_insert(question) != question {
                return None;
            }
            next.extend([left, right]);
        }
        questions.extend(asked);
        level = next;
    }
    Some(questions)
}

/// Why this kernel cannot take a forest here, if so.
pub(super) fn refusal(forest: &Forest) -> Option<String> {
    if !super::cpu::avx512_vbmi() {
        return Some("the processor has no AVX-512 VBMI".into());
    }
    let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    if depth > DEPTH_MAX {
        return Some(format!("a tree is {depth} splits deep, more than {DEPTH_MAX}"));
    }
    if let Some(tree) = forest.trees.iter().position(|tree| questions(tree).is_none()) {
        return Some(format!("tree {tree} asks more than one question on a level"));
    }
    columns::refusal(forest)
}

impl<L: Leaf> Obl<L> {
    /// Lays a forest out that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest) -> Self {
        let columns = Columns::new(forest);
        let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let left = Level { columns: Bytes([0; 64]), bins: Bytes([NEVER_RIGHT; 64]) };
        let mut levels = vec![left; forest.trees.len().div_ceil(TILE_TREES) * depth];
        let mut leaves = vec![L::default(); forest.trees.len() << depth];
        for (at, tree) in forest.trees.iter().enumerate() {
            let (tile, place) = (at / TILE_TREES * depth, at % TILE_TREES);
            let asked = questions(tree).unwrap_or_default();
            // A shallower tree has its levels last, so that its leaves' numbers are small.
            let first = tile + depth - asked.len();
            for (level, (feature, threshold, nan_left)) in levels[first..].iter_mut().zip(&asked) {
                level.columns.0[place] = columns.column(*feature, *nan_left);
                level.bins.0[place] = columns.bin(*feature, *threshold);
            }
            let mut open = vec![(0u32, 0usize)];
            while let Some((node, number)) = open.pop() {
                match tree.nodes[node as usize] {
                    Node::Split { left, right, .. } | Node::Special { left, right, .. } => {
                        open.extend([(left, 2 * number), (right, 2 * number + 1)]);
                    }
                    Node::Leaf(value) => leaves[(at << depth) + number] = L::from_wide(value),
                }
            }
        }
        Obl { totals: Totals::new(forest), columns, depth, levels: levels.into(), leaves: leaves.into() }
    }
}

impl<L: Leaf> OnColumns for Obl<L> {
    type Leaf = L;

    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn columns(&self) -> &Columns {
        &self.columns
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    unsafe fn walk(&self, columns: __m512i, adder: &mut impl Adder<L>) {
        let mut numbers = [const { MaybeUninit::<Bytes>::uninit() }; TILES];
        let one = _mm512_set1_epi8(1);
        let batches = self.leaves.chunks((TILES * TILE_TREES) << self.depth);
        for (batch, leaves) in batches.enumerate() {
            let first = batch * TILES * self.depth;
            let tile_count = (leaves.len() >> self.depth).div_ceil(TILE_TREES);
            for (tile, place) in numbers.iter_mut().enumerate().take(tile_count) {
                let levels = first + tile * self.depth;
                let mut number = _mm512_setzero_si512();
                for level in &self.levels[levels..levels + self.depth] {
                    let shown = _mm512_permutexvar_epi8(level.columns.load(), columns);
                    let right = _mm512_cmpgt_epu8_mask(shown, level.bins.load());
                    number = _mm512_add_epi8(number, number);
                    number = _mm512_mask_add_epi8(number, right, number, one);
                }
                Bytes::store_new(place, number);
            }
            for tile in 0..tile_count {
                // SAFETY: the loop above has written the first `tile_count` of them.
                let numbers = unsafe { numbers[tile].assume_init_ref() };
                let tree = tile * TILE_TREES;
                let leaves = &leaves[tree << self.depth..];
                for (at, (leaves, number)) in leaves.chunks_exact(1 << self.depth).zip(&numbers.0).enumerate()
                {
                    let number = usize::from(*number) & (leaves.len() - 1);
                    adder.add(batch * TILES * TILE_TREES + tree + at, leaves[number]);
                }
            }
        }
    }

    fn touch_trees(&self, part: Part) {
        touch(&self.levels, part);
        touch(&self.leaves, part);
    }
}
