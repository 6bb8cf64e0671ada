//! The whole-tree kernel for trees of any shape up to 63 splits: all splits are decided by one byte look-up and one byte
//! comparison, then every split's step is taken at once, doubled in registers, and the last few hops read from memory.
//!
//! What it is not: general. Deeper or larger trees go to `gather` or `scalar`.
//!
//! Invariant: the number of steps is fixed by the forest, not the row: no branch depends on data. A walk that has reached
//! its last split stays there. Vector instructions only run when `refusal` has seen the processor's flags.
//!
//! A group of trees fills one register of 64 places: four trees of at most 15 splits, two of at most 31, or one. A tree's
//! splits are numbered in their order from left to right, turned so that the root is the first of its places; the leaf
//! left of split `i` is then `i` and the leaf right of it `i + 1`, and no table of leaf numbers is needed. A step is the
//! place of the next split, or, at the last one, this very place with a flag: set when the row goes right there.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;

use super::super::forest::{Forest, Node, Tree};
use super::columns::{self, COLUMNS_MAX, Columns, NEVER_RIGHT};
use super::lines::{Bytes, Lines, touch};
use super::totals::{Adder, Leaf, Totals};

/// Deepest tree, in splits.
const DEPTH_MAX: usize = 33;
/// Groups whose steps are worked out before their leaves are added.
const TILE: usize = 16;

/// What is known of each place of a group.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Group {
    columns: Bytes,
    bins: Bytes,
    left: Bytes,
    right: Bytes,
}

/// How many places a tree has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Sixteen,
    ThirtyTwo,
    SixtyFour,
}

impl Width {
    fn places(self) -> usize {
        match self {
            Width::Sixteen => 16,
            Width::ThirtyTwo => 32,
            Width::SixtyFour => 64,
        }
    }
}

/// A forest in the layout of this kernel.
#[derive(Clone, Debug)]
pub(super) struct Dbl<L> {
    totals: Totals,
    columns: Columns,
    width: Width,
    /// Hops of four steps that reach every leaf.
    hop_count: usize,
    groups: Box<[Group]>,
    /// `width` of each tree.
    leaves: Box<[L]>,
}

/// Why this kernel cannot take a forest here, if so.
pub(super) fn refusal(forest: &Forest) -> Option<String> {
    if !super::cpu::avx512_vbmi() {
        return Some("the processor has no AVX-512 VBMI".into());
    }
    let most = forest.trees.iter().map(|tree| tree.reachable_splits().count()).max().unwrap_or(0);
    if most > 63 {
        return Some(format!("a tree has {most} splits, more than 63"));
    }
    let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    if depth > DEPTH_MAX {
        return Some(format!("a tree is {depth} splits deep, more than {DEPTH_MAX}"));
    }
    columns::refusal(forest)
}

impl<L: Leaf> Dbl<L> {
    /// Lays a forest out that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest) -> Self {
        let columns = Columns::new(forest);
        let most = forest.trees.iter().map(|tree| tree.reachable_splits().count()).max().unwrap_or(0);
        let width = match most {
            0..=15 => Width::Sixteen,
            16..=31 => Width::ThirtyTwo,
            _ => Width::SixtyFour,
        };
        let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let places = width.places();
        let per_group = 64 / places;
        let still: [u8; 64] = match width {
            Width::Sixteen => std::array::from_fn(|place| place as u8 & 15),
            _ => std::array::from_fn(|place| place as u8),
        };
        let empty = Group {
            columns: Bytes([0; 64]),
            bins: Bytes([NEVER_RIGHT; 64]),
            left: Bytes(still),
            right: Bytes(still),
        };
        let mut groups = vec![empty; forest.trees.len().div_ceil(per_group)];
        let mut leaves = vec![L::default(); groups.len() * 64];
        for (at, tree) in forest.trees.iter().enumerate() {
            let target = Target {
                group: &mut groups[at / per_group],
                leaves: &mut leaves[at * places..(at + 1) * places],
                first: at % per_group * places,
                width,
                columns: &columns,
            };
            target.lay(tree);
        }
        Dbl {
            totals: Totals::new(forest),
            columns,
            width,
            hop_count: depth.div_ceil(4).max(1),
            groups: groups.into(),
            leaves: leaves.into(),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn sums_avx512(&self, columns: __m512i, out: &mut [f64]) {
        if let [sum] = out {
            let mut one = self.totals.one::<L>();
            self.walk(columns, &mut one);
            *sum = self.totals.finish_one(one);
        } else {
            self.walk(columns, &mut self.totals.each(out));
            self.totals.finish_each(out);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn walk(&self, columns: __m512i, adder: &mut impl Adder<L>) {
        match (self.width, self.hop_count) {
            (Width::Sixteen, 1) => self.walk_in_lanes::<2>(columns, adder),
            (Width::Sixteen, _) => self.walk_in_lanes::<4>(columns, adder),
            (Width::ThirtyTwo, 1) => self.walk_across::<32, 1>(columns, adder),
            (Width::ThirtyTwo, 2) => self.walk_across::<32, 2>(columns, adder),
            (Width::ThirtyTwo, 3) => self.walk_across::<32, 3>(columns, adder),
            (Width::ThirtyTwo, 4) => self.walk_across::<32, 4>(columns, adder),
            (Width::ThirtyTwo, _) => self.walk_across::<32, 9>(columns, adder),
            (Width::SixtyFour, 1 | 2) => self.walk_across::<64, 2>(columns, adder),
            (Width::SixtyFour, 3) => self.walk_across::<64, 3>(columns, adder),
            (Width::SixtyFour, 4) => self.walk_across::<64, 4>(columns, adder),
            (Width::SixtyFour, 5) => self.walk_across::<64, 5>(columns, adder),
            (Width::SixtyFour, 6) => self.walk_across::<64, 6>(columns, adder),
            (Width::SixtyFour, _) => self.walk_across::<64, 9>(columns, adder),
        }
    }

    /// Four trees in a register, each in a lane of its own, where a step costs one cycle.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn walk_in_lanes<const DOUBLINGS: usize>(&self, columns: __m512i, adder: &mut impl Adder<L>) {
        let mut ends = [const { std::mem::MaybeUninit::<Bytes>::uninit() }; TILE];
        let mut tree = 0;
        for (groups, leaves) in self.groups.chunks(TILE).zip(self.leaves.chunks(TILE * 64)) {
            for (group, end) in groups.iter().zip(&mut ends) {
                let mut next = step(group, columns);
                for _ in 0..DOUBLINGS {
                    next = _mm512_shuffle_epi8(next, next);
                }
                Bytes::store_new(end, next);
            }
            let tree_count = (groups.len() * 4).min(self.totals.tree_count() - tree);
            for (at, leaves) in leaves.chunks_exact(16).take(tree_count).enumerate() {
                let end = unsafe { ends[at / 4].assume_init_ref() }.0[at % 4 * 16];
                adder.add(tree + at, leaves[usize::from((end & 15) + (end >> 4)) & 15]);
            }
            tree += tree_count;
        }
    }

    /// One or two trees in a register: four steps at once in the register, then hops of four.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn walk_across<const WIDTH: usize, const HOPS: usize>(
        &self,
        columns: __m512i,
        adder: &mut impl Adder<L>,
    ) {
        let mut ends = [const { std::mem::MaybeUninit::<Bytes>::uninit() }; TILE];
        let mut tree = 0;
        let tree_count = self.totals.tree_count();
        for (groups, leaves) in self.groups.chunks(TILE).zip(self.leaves.chunks(TILE * 64)) {
            for ((group, end), leaves) in groups.iter().zip(&mut ends).zip(leaves.chunks_exact(64)) {
                let next = step(group, columns);
                let next = _mm512_permutexvar_epi8(next, next);
                let next = _mm512_permutexvar_epi8(next, next);
                let end = Bytes::store_new(end, next);
                for (lane, leaves) in leaves.chunks_exact(WIDTH).enumerate() {
                    let mut at = lane * WIDTH;
                    let mut flagged = 0;
                    for _ in 0..HOPS {
                        flagged = usize::from(end.0[at]);
                        at = flagged & 63;
                    }
                    if tree < tree_count {
                        adder.add(tree, leaves[(at + (flagged >> 6)) & (WIDTH - 1)]);
                    }
                    tree += 1;
                }
            }
        }
    }
}

/// The step of each place of a group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn step(group: &Group, columns: __m512i) -> __m512i {
    let shown = _mm512_permutexvar_epi8(group.columns.load(), columns);
    let right = _mm512_cmpgt_epu8_mask(shown, group.bins.load());
    _mm512_mask_blend_epi8(right, group.left.load(), group.right.load())
}

impl<L: Leaf> super::Kernel for Dbl<L> {
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        // SAFETY: a `Dbl` is only made for a forest that `refusal` accepted, which saw the processor's flags.
        let columns = unsafe { self.columns.of_row(row) };
        // SAFETY: as above.
        unsafe { self.sums_avx512(columns, out) };
    }

    fn write(&self, prepared: &mut Lines, feature: usize, value: f32) {
        // SAFETY: as above.
        unsafe { self.columns.write(prepared, feature, value) };
    }

    fn lines(&self) -> Lines {
        self.columns.lines()
    }

    fn sums_prepared(&self, prepared: &Lines, _row: &[f32], out: &mut [f64]) {
        // SAFETY: as above.
        let columns = unsafe { Columns::of_lines(prepared) };
        // SAFETY: as above.
        unsafe { self.sums_avx512(columns, out) };
    }

    fn touch(&self) {
        self.columns.touch();
        touch(&self.groups);
        touch(&self.leaves);
    }
}

/// Where one tree is laid.
struct Target<'a, L> {
    group: &'a mut Group,
    leaves: &'a mut [L],
    first: usize,
    width: Width,
    columns: &'a Columns,
}

impl<L: Leaf> Target<'_, L> {
    fn lay(self, tree: &Tree) {
        let order = left_to_right(tree);
        let Some(root) = order.splits.iter().position(|node| *node == 0) else {
            self.leaves[0] = L::from_wide(order.leaves[0]);
            return;
        };
        let places = self.width.places();
        let turned = |at: usize| (at + places - root) % places;
        for (at, value) in order.leaves.iter().enumerate() {
            self.leaves[turned(at)] = L::from_wide(*value);
        }
        let mut place_of = vec![0; tree.nodes.len()];
        for (at, node) in order.splits.iter().enumerate() {
            place_of[*node as usize] = turned(at);
        }
        for node in &order.splits {
            let Node::Split { feature, threshold, nan_left, left, right } = tree.nodes[*node as usize] else {
                unreachable!("only splits are in the order, and forests with tests are refused")
            };
            let here = place_of[*node as usize];
            let at = self.first + here;
            self.group.columns.0[at] = self.columns.column(feature, nan_left);
            self.group.bins.0[at] = self.columns.bin(feature, threshold);
            let step = |child: u32, flag: u8| match tree.nodes[child as usize] {
                Node::Leaf(_) => self.byte(here) | flag,
                _ => self.byte(place_of[child as usize]),
            };
            let flag = if self.width == Width::Sixteen { 16 } else { 64 };
            (self.group.left.0[at], self.group.right.0[at]) = (step(left, 0), step(right, flag));
        }
    }

    /// A place as a step says it: within its lane, or within the register.
    fn byte(&self, place: usize) -> u8 {
        if self.width == Width::Sixteen { place as u8 } else { (self.first + place) as u8 }
    }
}

/// Splits and leaves of a tree from left to right.
#[derive(Default)]
struct Order {
    splits: Vec<u32>,
    leaves: Vec<f64>,
}

fn left_to_right(tree: &Tree) -> Order {
    let mut order = Order::default();
    let (mut open, mut at) = (Vec::new(), Some(0u32));
    while at.is_some() || !open.is_empty() {
        match at.map(|at| (at, tree.nodes[at as usize])) {
            Some((_, Node::Leaf(value))) => {
                order.leaves.push(value);
                at = None;
            }
            Some((node, Node::Split { left, .. } | Node::Special { left, .. })) => {
                open.push(node);
                at = Some(left);
            }
            None => {
                let node = open.pop().unwrap_or(0);
                order.splits.push(node);
                at = match tree.nodes[node as usize] {
                    Node::Split { right, .. } | Node::Special { right, .. } => Some(right),
                    Node::Leaf(_) => None,
                };
            }
        }
    }
    order
}

const _: () = assert!(COLUMNS_MAX == 64);
