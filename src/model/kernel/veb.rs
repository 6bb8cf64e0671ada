//! The whole-tree kernel: all splits of a tree are decided by one byte look-up and one byte comparison, and the path is
//! read from the resulting 63 bits. No branch depends on the row.
//!
//! What it is not: general. It takes trees of depth up to 6, at most 255 distinct thresholds a feature and at most 64
//! (feature, way of NaN) columns; `scalar` takes the rest.
//!
//! Invariant: the comparison is exact, not quantised: with `bin(x)` the number of thresholds not above `x`,
//! `x < thresholds[j]` is `bin(x) <= j`. Vector instructions only run when `admits` has seen the processor's flags.
//!
//! A tree is padded to a perfect one of depth 6. Its bits stand in van Emde Boas order: eight bottom subtrees of depth 3
//! at bits 0, 7, .. 49, the top one at bit 56, so that two look-ups of 7 bits each find the leaf. In a subtree of depth 3
//! bit 0 is the root, 1 and 2 its children, 3 to 6 theirs; a set bit goes right.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;

use super::super::forest::{Forest, Node, Sum, Tree};

const DEPTH: usize = 6;
const SPLITS: usize = 63;
const COLUMNS_MAX: usize = 64;
const THRESHOLDS_MAX: usize = 255;
/// No bin is above this one, so a node with it goes left for every row.
const NEVER_RIGHT: u8 = 255;

/// A cache line of bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bytes([u8; 64]);

/// A cache line of numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Floats([f32; 16]);

/// The splits of one tree: which column each bit reads, and the bin it must exceed to go right.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Splits {
    columns: Bytes,
    bins: Bytes,
}

/// One feature's thresholds in two levels: `coarse` holds every sixteenth, which selects a block of sixteen.
#[derive(Clone, Copy, Debug)]
struct Axis {
    feature: u32,
    /// Index of the first block in `blocks`; the coarse line is right before it.
    first_block: u32,
}

/// A forest in the layout of this kernel.
#[derive(Clone, Debug)]
pub(in crate::model) struct Veb {
    base_margin: f32,
    axes: Box<[Axis]>,
    /// Per axis one coarse line, then its blocks; unused places are NaN, which no number reaches.
    blocks: Box<[Floats]>,
    /// Which axis each column shows.
    column_axis: Bytes,
    /// 255 for columns whose NaN goes right, 0 for the others.
    column_nan: Bytes,
    splits: Box<[Splits]>,
    leaves: Box<[[f32; 64]]>,
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

/// Distinct thresholds of each used feature, ascending.
fn thresholds(forest: &Forest) -> Vec<(u32, Vec<f32>)> {
    let mut of = vec![Vec::new(); forest.features.len()];
    for (feature, threshold, _) in forest.trees.iter().flat_map(Tree::reachable_splits) {
        of[feature as usize].push(threshold);
    }
    let mut used = Vec::new();
    for (feature, mut list) in of.into_iter().enumerate().filter(|(_, list)| !list.is_empty()) {
        list.sort_by(f32::total_cmp);
        list.dedup(); // by ==, so that 0 and -0 are one threshold, as they are one comparison
        used.push((feature as u32, list));
    }
    used
}

/// The (feature, NaN goes left) pairs that occur.
fn columns(forest: &Forest) -> Vec<(u32, bool)> {
    let mut all: Vec<(u32, bool)> = forest
        .trees
        .iter()
        .flat_map(Tree::reachable_splits)
        .map(|(feature, _, left)| (feature, left))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether this processor and this forest fit.
pub(super) fn admits(forest: &Forest) -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("popcnt")
        && matches!(&forest.sum, Sum::Single { base } if base.len() == 1)
        && forest.trees.iter().all(|tree| tree.depth <= DEPTH && tree.tests.is_empty())
        && thresholds(forest).iter().all(|(_, list)| list.len() <= THRESHOLDS_MAX)
        && columns(forest).len() <= COLUMNS_MAX
}

impl Veb {
    /// Lays a forest out that [`admits`] has accepted.
    pub(super) fn new(forest: &Forest) -> Self {
        let (thresholds, columns) = (thresholds(forest), columns(forest));
        let mut veb = Veb {
            base_margin: match &forest.sum {
                Sum::Single { base } => base[0],
                Sum::Double { .. } => f32::NAN,
            },
            axes: Box::default(),
            blocks: Box::default(),
            column_axis: Bytes([0; 64]),
            column_nan: Bytes([0; 64]),
            splits: Box::default(),
            leaves: Box::default(),
        };
        let (mut axes, mut blocks) = (Vec::new(), Vec::new());
        for (feature, list) in &thresholds {
            blocks.push(coarse(list));
            axes.push(Axis { feature: *feature, first_block: blocks.len() as u32 });
            blocks.extend(list.chunks(16).map(floats));
            blocks.resize(
                axes.last().map_or(0, |axis| axis.first_block as usize) + list.len() / 16 + 1,
                floats(&[]),
            );
        }
        (veb.axes, veb.blocks) = (axes.into(), blocks.into());
        for (at, (feature, nan_left)) in columns.iter().enumerate() {
            veb.column_axis.0[at] = thresholds.iter().position(|(f, _)| f == feature).unwrap_or(0) as u8;
            veb.column_nan.0[at] = if *nan_left { 0 } else { 255 };
        }
        let place = Place { thresholds: &thresholds, columns: &columns };
        let laid: Vec<(Splits, [f32; 64])> = forest.trees.iter().map(|tree| place.tree(tree)).collect();
        veb.splits = laid.iter().map(|(splits, _)| *splits).collect();
        veb.leaves = laid.iter().map(|(_, leaves)| *leaves).collect();
        veb
    }

    pub(super) fn tree_count(&self) -> usize {
        self.splits.len()
    }

    #[inline]
    pub(super) fn margin(&self, row: &[f32]) -> f32 {
        // SAFETY: a `Veb` is only made for a forest that `admits` accepted, which saw the four processor flags.
        unsafe { self.margin_avx512(row) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
    fn margin_avx512(&self, row: &[f32]) -> f32 {
        let columns = self.columns_avx512(row);
        let mut sum = self.base_margin;
        for (splits, leaves) in self.splits.iter().zip(&self.leaves) {
            let shown = _mm512_permutexvar_epi8(line(&splits.columns), columns);
            let right = _mm512_cmpgt_epu8_mask(shown, line(&splits.bins));
            // Bit 63 is no split and its bin is 255, so 7 bits are left after the shift.
            let top = EXITS[(right >> 56) as usize & 127];
            let bottom = EXITS[(right >> top.shift) as usize & 127];
            sum += leaves[(usize::from(top.first_leaf) | usize::from(bottom.way)) & 63];
        }
        sum
    }

    /// The row as 64 bytes: for each column the bin of its feature, or its answer to NaN.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
    fn columns_avx512(&self, row: &[f32]) -> __m512i {
        let mut bins = Bytes([0; 64]);
        let mut nan = 0u64;
        for ((at, axis), bin) in self.axes.iter().enumerate().zip(&mut bins.0) {
            let x = row[axis.feature as usize];
            let wide = _mm512_set1_ps(x);
            let first = axis.first_block as usize;
            let block = count(&self.blocks[first - 1], wide);
            *bin = (16 * block + count(&self.blocks[first + block as usize], wide)) as u8;
            nan |= u64::from(x.is_nan()) << at;
        }
        let axis = line(&self.column_axis);
        let bins = _mm512_permutexvar_epi8(axis, line(&bins));
        let nan = _mm512_permutexvar_epi8(axis, _mm512_movm_epi8(nan));
        _mm512_or_si512(bins, _mm512_and_si512(nan, line(&self.column_nan)))
    }
}

/// How many of sixteen ascending thresholds are not above `x`.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn count(thresholds: &Floats, x: __m512) -> u32 {
    // SAFETY: `Floats` is 64 bytes of `f32`, aligned to 64.
    let thresholds = unsafe { _mm512_load_ps(thresholds.0.as_ptr()) };
    u32::from(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(thresholds, x)).count_ones()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn line(bytes: &Bytes) -> __m512i {
    // SAFETY: `Bytes` is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(bytes.0.as_ptr().cast()) }
}

/// Up to sixteen numbers, filled up with NaN.
fn floats(numbers: &[f32]) -> Floats {
    let mut line = [f32::NAN; 16];
    line[..numbers.len()].copy_from_slice(numbers);
    Floats(line)
}

/// The last number of each full block.
fn coarse(list: &[f32]) -> Floats {
    floats(&list.chunks_exact(16).map(|block| block[15]).collect::<Vec<f32>>())
}

/// What placing a tree needs to know.
struct Place<'a> {
    thresholds: &'a [(u32, Vec<f32>)],
    columns: &'a [(u32, bool)],
}

impl Place<'_> {
    fn tree(&self, tree: &Tree) -> (Splits, [f32; 64]) {
        let mut splits = Splits { columns: Bytes([0; 64]), bins: Bytes([NEVER_RIGHT; 64]) };
        let mut leaves = [0.0; 64];
        let mut open = vec![(0u32, 0usize, 0usize)];
        while let Some((at, level, place)) = open.pop() {
            match tree.nodes[at as usize] {
                Node::Leaf(value) => {
                    let below = DEPTH - level;
                    leaves[place << below..(place + 1) << below].fill(value as f32);
                }
                Node::Special { .. } => unreachable!("admits refuses forests with tests"),
                Node::Split { feature, threshold, nan_left, left, right } => {
                    let bit = bit_of(level, place);
                    debug_assert!(bit < SPLITS);
                    splits.columns.0[bit] = self.column(feature, nan_left);
                    splits.bins.0[bit] = self.bin(feature, threshold);
                    open.extend([(left, level + 1, 2 * place), (right, level + 1, 2 * place + 1)]);
                }
            }
        }
        (splits, leaves)
    }

    fn column(&self, feature: u32, nan_left: bool) -> u8 {
        self.columns.iter().position(|column| *column == (feature, nan_left)).unwrap_or(0) as u8
    }

    fn bin(&self, feature: u32, threshold: f32) -> u8 {
        let list = self.thresholds.iter().find(|(known, _)| *known == feature);
        list.and_then(|(_, list)| list.iter().position(|t| *t == threshold)).unwrap_or(0) as u8
    }
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
