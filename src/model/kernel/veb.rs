//! The whole-tree kernel for trees of depth up to 6: all splits of a tree are decided by one byte look-up and one byte
//! comparison, and the path is read from the resulting 63 bits. No branch depends on the row.
//!
//! What it is not: general. `dbl` takes deeper trees.
//!
//! Invariant: vector instructions only run when `refusal` has seen the processor's flags.
//!
//! A tree is padded to a perfect one of depth 6. Its bits stand in van Emde Boas order: eight bottom subtrees of depth 3
//! at bits 0, 7, .. 49, the top one at bit 56, so that two look-ups of 7 bits each find the leaf. In a subtree of depth 3
//! bit 0 is the root, 1 and 2 its children, 3 to 6 theirs; a set bit goes right.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;

use super::super::forest::{Forest, Node, Tree};
use super::columns::{self, Columns, NEVER_RIGHT};
use super::lines::{Bytes, Part, touch};
use super::on_columns::OnColumns;
use super::totals::{Adder, Leaf, Totals};

const DEPTH: usize = 6;
const SPLITS: usize = 63;

/// The splits of one tree: which column each bit reads, and the bin it must exceed to go right.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Splits {
    columns: Bytes,
    bins: Bytes,
}

/// A forest in the layout of this kernel.
#[derive(Clone, Debug)]
pub(super) struct Veb<L> {
    totals: Totals,
    columns: Columns,
    splits: Box<[Splits]>,
    leaves: Box<[[L; 64]]>,
}

/// For 7 decided splits: which way out (0 to 7) is taken, and what follows from it.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(C, align(4))]
struct Exit {
    /// Below the top subtree: the first bit of the bottom one, 7 times the way.
    shift: u8,
    /// Below the top subtree: its first leaf, 8 times the way.
    first_leaf: u8,
    /// The way itself.
    way: u8,
}

static EXITS: [Exit; 128] = exits();

const fn exits() -> [Exit; 128] {
    let mut table = [Exit { shift: 0, first_leaf: 0, way: 0 }; 128];
    let mut mask = 0;
    while mask < 128 {
        let first = mask & 1;
        let second = (mask >> (1 + first)) & 1;
        let third = (mask >> (3 + 2 * first + second)) & 1;
        let way = (4 * first + 2 * second + third) as u8;
        table[mask] = Exit { shift: 7 * way, first_leaf: 8 * way, way };
        mask += 1;
    }
    table
}

/// The bit of the split at `level` (0 is the root) and `place` from the left.
fn bit_of(level: usize, place: usize) -> usize {
    let inside = |level: usize, place: usize| (1 << level) - 1 + place;
    if level < 3 {
        56 + inside(level, place)
    } else {
        let (subtree, below) = (place >> (level - 3), place & ((1 << (level - 3)) - 1));
        7 * subtree + inside(level - 3, below)
    }
}

/// Why this kernel cannot take a forest here, if so.
pub(super) fn refusal(forest: &Forest) -> Option<String> {
    if !super::cpu::avx512_vbmi() {
        return Some("the processor has no AVX-512 VBMI".into());
    }
    let depth = forest.trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    if depth > DEPTH {
        return Some(format!("a tree is {depth} splits deep, more than {DEPTH}"));
    }
    columns::refusal(forest)
}

impl<L: Leaf> Veb<L> {
    /// Lays a forest out that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest) -> Self {
        let columns = Columns::new(forest);
        let laid: Vec<(Splits, [L; 64])> = forest.trees.iter().map(|tree| lay(tree, &columns)).collect();
        Veb {
            totals: Totals::new(forest),
            splits: laid.iter().map(|(splits, _)| *splits).collect(),
            leaves: laid.iter().map(|(_, leaves)| *leaves).collect(),
            columns,
        }
    }
}

impl<L: Leaf> OnColumns for Veb<L> {
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
        for (tree, (splits, leaves)) in self.splits.iter().zip(&self.leaves).enumerate() {
            let shown = _mm512_permutexvar_epi8(splits.columns.load(), columns);
            let right = _mm512_cmpgt_epu8_mask(shown, splits.bins.load());
            // Bit 63 is no split and its bin is 255, so 7 bits are left after the shift.
            let top = EXITS[(right >> 56) as usize & 127];
            let bottom = EXITS[(right >> top.shift) as usize & 127];
            adder.add(tree, leaves[(usize::from(top.first_leaf) | usize::from(bottom.way)) & 63]);
        }
    }

    fn touch_trees(&self, part: Part) {
        touch(&self.splits, part);
        touch(&self.leaves, part);
    }
}

fn lay<L: Leaf>(tree: &Tree, columns: &Columns) -> (Splits, [L; 64]) {
    let mut splits = Splits { columns: Bytes([0; 64]), bins: Bytes([NEVER_RIGHT; 64]) };
    let mut leaves = [L::default(); 64];
    let mut open = vec![(0u32, 0usize, 0usize)];
    while let Some((at, level, place)) = open.pop() {
        match tree.nodes[at as usize] {
            Node::Leaf(value) => {
                let below = DEPTH - level;
                leaves[place << below..(place + 1) << below].fill(L::from_wide(value));
            }
            Node::Special { .. } => unreachable!("forests with tests are refused"),
            Node::Split { feature, threshold, nan_left, left, right } => {
                let bit = bit_of(level, place);
                debug_assert!(bit < SPLITS);
                splits.columns.0[bit] = columns.column(feature, nan_left);
                splits.bins.0[bit] = columns.bin(feature, threshold);
                open.extend([(left, level + 1, 2 * place), (right, level + 1, 2 * place + 1)]);
            }
        }
    }
    (splits, leaves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_split_has_its_own_bit() {
        let mut met = 0u64;
        for level in 0..DEPTH {
            for place in 0..1 << level {
                met |= 1 << bit_of(level, place);
            }
        }
        assert_eq!(met, u64::MAX >> 1);
    }

    #[test]
    fn exits_follow_the_bits() {
        for (mask, way) in [(0, 0), (0b111_1111, 7), (0b000_0001, 4), (0b001_0010, 3)] {
            assert_eq!(EXITS[mask], Exit { shift: 7 * way, first_leaf: 8 * way, way }, "{mask:07b}");
        }
    }
}
