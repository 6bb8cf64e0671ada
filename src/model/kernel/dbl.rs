//! The whole-tree kernel for trees of any shape up to 63 splits: all splits are decided by one byte look-up and one byte
//! comparison, then every split's step is taken at once, doubled in registers until every walk has arrived.
//!
//! What it is not: general. Deeper or larger trees go to `gather` or `scalar`.
//!
//! Invariant: the number of steps is fixed by the forest, not the row: no branch depends on data. A walk that has reached
//! its last split stays there. Vector instructions only run when `refusal` has seen the processor's flags.
//!
//! A group of trees fills one register of 64 places: four trees of at most 15 splits, two of at most 31, or one of at
//! most 63; the root is the first of its tree's places. A step is the place of the next split or, at the last one, this
//! very place with a flag: set when the row goes right there. So a walk that has arrived stays, and what it ends with
//! names the leaf.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::super::forest::{Forest, Node, Tree};
use super::columns::{self, Columns, NEVER_RIGHT};
use super::lines::{Bytes, Part, touch};
use super::on_columns::OnColumns;
use super::totals::{Adder, Leaf, Totals};

/// Deepest tree, in splits.
const DEPTH_MAX: usize = 32;
/// What is known of each place of a group.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Group {
    columns: Bytes,
    bins: Bytes,
    left: Bytes,
    right: Bytes,
}

/// The leaves of a group's trees, by what a walk ends with. Other places, and trees past the last, hold -0, which
/// changes no sum.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Leaves<L>([L; 128]);

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
    /// How often a step must be doubled to reach every leaf.
    doublings: u32,
    groups: Box<[Group]>,
    /// Of each group.
    leaves: Box<[Leaves<L>]>,
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
        let mut leaves = vec![Leaves([L::from_wide(-0.0); 128]); groups.len()];
        for (at, tree) in forest.trees.iter().enumerate() {
            let target = Target {
                group: &mut groups[at / per_group],
                leaves: &mut leaves[at / per_group].0,
                first: at % per_group * places,
                first_byte: if width == Width::Sixteen { 0 } else { at % per_group * places },
                first_leaf: if width == Width::Sixteen {
                    at % per_group * 32
                } else {
                    at % per_group * places
                },
                width,
                columns: &columns,
            };
            target.lay(tree);
        }
        Dbl {
            totals: Totals::new(forest),
            columns,
            width,
            doublings: depth.next_power_of_two().ilog2(),
            groups: groups.into(),
            leaves: leaves.into(),
        }
    }

    /// `PER` trees in each register, `TILE` registers at a time: all their steps, then all their leaves.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn walk_tiles<const PER: usize, const DOUBLINGS: usize, const TILE: usize>(
        &self,
        columns: __m512i,
        adder: &mut impl Adder<L>,
    ) {
        let mut ends = [const { MaybeUninit::<Bytes>::uninit() }; TILE];
        let mut tree = 0;
        for (groups, leaves) in self.groups.chunks(TILE).zip(self.leaves.chunks(TILE)) {
            for (group, end) in groups.iter().zip(&mut ends) {
                let mut next = step(group, columns);
                for _ in 0..DOUBLINGS {
                    // Within lanes a look-up takes one cycle instead of three.
                    next = if PER == 4 {
                        _mm512_shuffle_epi8(next, next)
                    } else {
                        _mm512_permutexvar_epi8(next, next)
                    };
                }
                Bytes::store_new(end, next);
            }
            for (end, leaves) in ends.iter().zip(leaves) {
                // SAFETY: the loop above has written one for each of the tile's groups.
                let end = unsafe { end.assume_init_ref() };
                for lane in 0..PER {
                    let place = usize::from(end.0[lane * (64 / PER)]) & 127;
                    let place = if PER == 4 { 32 * lane + (place & 31) } else { place };
                    adder.add(tree + lane, leaves.0[place]);
                }
                tree += PER;
            }
        }
    }
}

impl<L: Leaf> OnColumns for Dbl<L> {
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
        match (self.width, self.doublings) {
            (Width::Sixteen, 0..=2) => self.walk_tiles::<4, 2, 4>(columns, adder),
            (Width::Sixteen, _) => self.walk_tiles::<4, 4, 4>(columns, adder),
            (Width::ThirtyTwo, 0..=3) => self.walk_tiles::<2, 3, 8>(columns, adder),
            (Width::ThirtyTwo, 4) => self.walk_tiles::<2, 4, 8>(columns, adder),
            (Width::ThirtyTwo, _) => self.walk_tiles::<2, 5, 8>(columns, adder),
            (Width::SixtyFour, 0..=3) => self.walk_tiles::<1, 3, 16>(columns, adder),
            (Width::SixtyFour, 4) => self.walk_tiles::<1, 4, 16>(columns, adder),
            (Width::SixtyFour, _) => self.walk_tiles::<1, 5, 16>(columns, adder),
        }
    }

    fn touch_trees(&self, part: Part) {
        touch(&self.groups, part);
        touch(&self.leaves, part);
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

/// Where one tree is laid.
struct Target<'a, L> {
    group: &'a mut Group,
    leaves: &'a mut [L; 128],
    /// Its first place.
    first: usize,
    /// How a step says its first place: within its lane, or within the register.
    first_byte: usize,
    /// Where its first split's left leaf is.
    first_leaf: usize,
    width: Width,
    columns: &'a Columns,
}

impl<L: Leaf> Target<'_, L> {
    fn lay(self, tree: &Tree) {
        if let Node::Leaf(value) = tree.nodes[0] {
            self.leaves[self.first_leaf] = L::from_wide(value);
        }
        let splits = splits(tree);
        let mut place_of = vec![0; tree.nodes.len()];
        for (place, node) in splits.iter().enumerate() {
            place_of[*node as usize] = place;
        }
        for node in &splits {
            let Node::Split { feature, threshold, nan_left, left, right } = tree.nodes[*node as usize] else {
                unreachable!("only splits are in the order, and forests with tests are refused")
            };
            let here = place_of[*node as usize];
            let at = self.first + here;
            self.group.columns.0[at] = self.columns.column(feature, nan_left);
            self.group.bins.0[at] = self.columns.bin(feature, threshold);
            let flag = if self.width == Width::Sixteen { 16 } else { 64 };
            for (child, flag, steps) in
                [(left, 0, &mut self.group.left), (right, flag, &mut self.group.right)]
            {
                steps.0[at] = match tree.nodes[child as usize] {
                    Node::Leaf(value) => {
                        self.leaves[self.first_leaf + here + flag] = L::from_wide(value);
                        (self.first_byte + here + flag) as u8
                    }
                    _ => (self.first_byte + place_of[child as usize]) as u8,
                };
            }
        }
    }
}

/// The splits of a tree, each before those below it.
fn splits(tree: &Tree) -> Vec<u32> {
    let (mut open, mut splits) = (vec![0u32], Vec::new());
    while let Some(node) = open.pop() {
        if let Node::Split { left, right, .. } = tree.nodes[node as usize] {
            splits.push(node);
            open.extend([right, left]);
        }
    }
    splits
}
