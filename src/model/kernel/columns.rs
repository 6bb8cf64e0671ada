//! Columns: a row of `f32` as one byte for each (feature, way of NaN), which is all that a tree asks of it.
//!
//! What it is not: an approximation. With `bin(x)` the number of thresholds not above `x`, `x < thresholds[j]` is
//! `bin(x) <= j`.
//!
//! Invariant: NaN is bin 0, so it goes left everywhere; the columns of splits that send NaN right hold 255 for it, which
//! no split's bin exceeds. Places past the columns in use may hold anything: no split reads them.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::*;

use super::super::forest::{Forest, Tree};
use super::lines::{Bytes, Lines, Part, touch};

/// Most columns: one register of bytes.
pub(super) const COLUMNS_MAX: usize = 64;
/// Most distinct thresholds of one feature: what a byte counts.
pub(super) const THRESHOLDS_MAX: usize = 255;
/// No bin is above this one, so a split with it goes left for every row.
pub(super) const NEVER_RIGHT: u8 = 255;
/// Slots whose bins make one word.
const WORD: usize = 8;
/// Thresholds of one block.
const BLOCK: usize = 16;
/// Where the values of features that no split reads go.
const NOWHERE: u8 = COLUMNS_MAX as u8;

impl Bytes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn load(&self) -> __m512i {
        // SAFETY: `Bytes` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(self.0.as_ptr().cast()) }
    }

    /// In two halves: a byte that is read back from the upper half of one whole store takes five times as long.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn store_new(place: &mut std::mem::MaybeUninit<Bytes>, bytes: __m512i) -> &Bytes {
        let (first, low) = (place.as_mut_ptr(), _mm512_castsi512_si256(bytes));
        // In assembly because the compiler would join the two stores again.
        // SAFETY: `Bytes` is 64 bytes, aligned to 64; nothing else is written.
        unsafe {
            std::arch::asm!(
                "vmovdqa ymmword ptr [{first}], {low}",
                "vextracti64x4 ymmword ptr [{first} + 32], {all}, 1",
                first = in(reg) first,
                low = in(ymm_reg) low,
                all = in(zmm_reg) bytes,
                options(nostack, preserves_flags),
            );
        };
        // SAFETY: all 64 bytes were written just now.
        unsafe { place.assume_init_ref() }
    }
}

/// A cache line of numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Floats([f32; 16]);

/// One feature's thresholds: a coarse line with every sixteenth, which selects one of the blocks of sixteen behind it.
#[derive(Clone, Copy, Debug)]
struct Axis {
    feature: u32,
    /// Index of the first block in `blocks`; the coarse line is right before it.
    first_block: u32,
}

/// Where one value of the row is written.
#[derive(Clone, Copy, Debug)]
struct Place {
    first_block: u32,
    /// The column whose NaN goes left, and the one whose NaN goes right.
    left: u8,
    right: u8,
}

/// How the rows of one forest become columns.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// One for each slot, those with most thresholds first; filled up with empty ones to whole words.
    axes: Box<[[Axis; WORD]]>,
    /// Words before this one have an axis whose thresholds fill more than one block.
    coarse_words: usize,
    /// Whether there are more values than one register has bits for.
    compact: bool,
    /// Per axis one coarse line, then its blocks; unused places are NaN, which no number reaches.
    blocks: Box<[Floats]>,
    /// Which slot each column shows.
    column_slot: Bytes,
    /// Which value of the row decides on NaN in each column; its slot, of `compact` ones.
    column_value: Bytes,
    /// 255 for columns whose NaN goes right, 0 for the others.
    column_nan: Bytes,
    places: Box<[Place]>,
    /// (feature, NaN goes left) of each column, ascending.
    names: Box<[(u32, bool)]>,
    /// The distinct thresholds of each used feature, ascending.
    thresholds: Box<[(u32, Box<[f32]>)]>,
}

/// Distinct thresholds of each used feature, ascending.
fn thresholds(forest: &Forest) -> Box<[(u32, Box<[f32]>)]> {
    let mut of = vec![Vec::new(); forest.features.len()];
    for (feature, threshold, _) in forest.trees.iter().flat_map(Tree::reachable_splits) {
        of[feature as usize].push(threshold);
    }
    let mut used = Vec::new();
    for (feature, mut list) in of.into_iter().enumerate().filter(|(_, list)| !list.is_empty()) {
        list.sort_by(f32::total_cmp);
        list.dedup(); // by ==, so that 0 and -0 are one threshold, as they are one comparison
        used.push((feature as u32, list.into()));
    }
    used.into()
}

/// The (feature, NaN goes left) pairs that occur.
fn names(forest: &Forest) -> Box<[(u32, bool)]> {
    let splits = forest.trees.iter().flat_map(Tree::reachable_splits);
    let mut all: Vec<(u32, bool)> = splits.map(|(feature, _, left)| (feature, left)).collect();
    all.sort_unstable();
    all.dedup();
    all.into()
}

/// Why a forest does not fit into columns, if so.
pub(super) fn refusal(forest: &Forest) -> Option<String> {
    if forest.trees.iter().any(|tree| !tree.tests.is_empty()) {
        return Some("it has splits that are no threshold (categories, or zero as missing)".into());
    }
    let most = thresholds(forest).iter().map(|(_, list)| list.len()).max().unwrap_or(0);
    if most > THRESHOLDS_MAX {
        return Some(format!("a feature has {most} thresholds, more than {THRESHOLDS_MAX}"));
    }
    let count = names(forest).len();
    (count > COLUMNS_MAX).then(|| format!("{count} pairs of feature and way of NaN, more than {COLUMNS_MAX}"))
}

impl Columns {
    /// For a forest that [`refusal`] has nothing against.
    pub(super) fn new(forest: &Forest) -> Self {
        let (thresholds, names) = (thresholds(forest), names(forest));
        let compact = forest.features.len() > COLUMNS_MAX;
        let mut blocks = vec![floats(&[]); 2];
        let column =
            |feature, left| names.binary_search(&(feature, left)).map_or(NOWHERE, |column| column as u8);
        let unread = Place { first_block: 1, left: NOWHERE, right: NOWHERE };
        let mut places = vec![unread; forest.features.len()];
        let mut by_length: Vec<&(u32, Box<[f32]>)> = thresholds.iter().collect();
        by_length.sort_by_key(|(_, list)| std::cmp::Reverse(list.len()));
        let coarse_axes = by_length.iter().filter(|(_, list)| list.len() > BLOCK).count();
        let mut axes = Vec::new();
        for (feature, list) in &by_length {
            blocks.push(coarse(list));
            let first_block = blocks.len() as u32;
            axes.push(Axis { feature: *feature, first_block });
            places[*feature as usize] =
                Place { first_block, left: column(*feature, true), right: column(*feature, false) };
            blocks.extend(list.chunks(BLOCK).map(floats));
            blocks.resize(first_block as usize + list.len() / BLOCK + 1, floats(&[]));
        }
        let slot_of = |feature| by_length.iter().position(|(known, _)| *known == feature).unwrap_or(0);
        axes.resize(axes.len().next_multiple_of(WORD), Axis { feature: 0, first_block: 1 });
        let [mut column_slot, mut column_value, mut column_nan] = [Bytes([0; 64]); 3];
        for (column, (feature, nan_left)) in names.iter().enumerate() {
            let slot = slot_of(*feature) as u8;
            column_slot.0[column] = slot;
            column_value.0[column] = if compact { slot } else { *feature as u8 };
            column_nan.0[column] = if *nan_left { 0 } else { 255 };
        }
        Columns {
            coarse_words: coarse_axes.div_ceil(WORD),
            axes: axes.as_chunks().0.into(),
            compact,
            blocks: blocks.into(),
            column_slot,
            column_value,
            column_nan,
            places: places.into(),
            names,
            thresholds,
        }
    }

    /// Which column a split reads.
    pub(super) fn column(&self, feature: u32, nan_left: bool) -> u8 {
        self.names.binary_search(&(feature, nan_left)).unwrap_or(0) as u8
    }

    /// The bin that a value must exceed to go right.
    pub(super) fn bin(&self, feature: u32, threshold: f32) -> u8 {
        let list = self.thresholds.iter().find(|(known, _)| *known == feature);
        list.and_then(|(_, list)| list.iter().position(|t| *t == threshold)).unwrap_or(0) as u8
    }

    /// Lines of a row that holds nothing but NaN.
    pub(super) fn lines(&self) -> Lines {
        let mut lines = Lines([Bytes([0; 64]); 2]);
        lines.0[0] = self.column_nan;
        lines
    }

    /// The columns of a whole row.
    ///
    /// Panics when the row is too short.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn of_row(&self, row: &[f32]) -> __m512i {
        assert!(row.len() >= self.places.len(), "a row has one value for each feature");
        let bins = self.bins(row);
        let nan = _mm512_movm_epi8(self.nan_mask(row));
        let nan = _mm512_permutexvar_epi8(self.column_value.load(), nan);
        let shown = _mm512_permutexvar_epi8(self.column_slot.load(), bins);
        _mm512_or_si512(shown, _mm512_and_si512(nan, self.column_nan.load()))
    }

    /// The bin of each slot. They are put together in words, because bytes that were written one by one are only read back as
    /// a register after a wait; where every axis takes two blocks, the plain loop is faster all the same.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn bins(&self, row: &[f32]) -> __m512i {
        if self.coarse_words == self.axes.len() {
            let mut bins = Bytes([0; 64]);
            for (axis, bin) in self.axes.as_flattened().iter().zip(&mut bins.0) {
                // SAFETY: an axis names a feature of the model, and the row has them all.
                let x = unsafe { *row.get_unchecked(axis.feature as usize) };
                *bin = self.bin_of(axis.first_block, x);
            }
            return bins.load();
        }
        let (coarse, fine) = self.axes.split_at(self.coarse_words);
        let (mut bins, mut place) = (_mm512_setzero_si512(), 1);
        for axes in coarse {
            let word = word(axes, row, |axis, x| self.bin_of(axis.first_block, x).into());
            bins = _mm512_mask_set1_epi64(bins, place, word as i64);
            place <<= 1;
        }
        for axes in fine {
            let word = word(axes, row, |axis, x| self.in_block(axis.first_block as usize, _mm512_set1_ps(x)));
            bins = _mm512_mask_set1_epi64(bins, place, word as i64);
            place <<= 1;
        }
        bins
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn nan_mask(&self, row: &[f32]) -> u64 {
        if !self.compact {
            return nan_mask(row);
        }
        let mut mask = 0;
        for (slot, axis) in self.axes.as_flattened().iter().enumerate() {
            mask |= u64::from(row[axis.feature as usize].is_nan()) << slot;
        }
        mask
    }

    /// Reads a part of its lines.
    pub(super) fn touch(&self, part: Part) {
        touch(&self.axes, part);
        touch(&self.blocks, part);
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn bin_of(&self, first_block: u32, x: f32) -> u8 {
        let x = _mm512_set1_ps(x);
        let first = first_block as usize;
        // Before the first block of an axis is its coarse line, and there is a block behind each number of that.
        let block = self.in_block(first - 1, x);
        (BLOCK as u32 * block + self.in_block(first + block as usize, x)) as u8
    }

    /// How many thresholds of a block are not above `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    fn in_block(&self, block: usize, x: __m512) -> u32 {
        debug_assert!(block < self.blocks.len());
        // SAFETY: only blocks of an axis are asked for, and `new` has made them all.
        let thresholds = unsafe { self.blocks.get_unchecked(block) };
        count(thresholds, x)
    }

    /// Writes one value into the lines.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn write(&self, lines: &mut Lines, feature: usize, x: f32) {
        let place = self.places[feature];
        let bin = self.bin_of(place.first_block, x);
        let bytes: &mut [u8; 64] = &mut lines.0[(place.left >> 6) as usize & 1].0;
        bytes[place.left as usize & 63] = bin;
        let bytes: &mut [u8; 64] = &mut lines.0[(place.right >> 6) as usize & 1].0;
        bytes[place.right as usize & 63] = bin | 0u8.wrapping_sub(x.is_nan() as u8);
    }

    /// Writes a whole row into the lines.
    ///
    /// Panics when the row is too short.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn write_row(&self, lines: &mut Lines, row: &[f32]) {
        let columns = self.of_row(row);
        // SAFETY: `Bytes` is 64 bytes, aligned to 64.
        unsafe { _mm512_store_si512(lines.0[0].0.as_mut_ptr().cast(), columns) };
    }

    /// The columns of lines that were written before.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    pub(super) fn of_lines(lines: &Lines) -> __m512i {
        lines.0[0].load()
    }
}

/// The bins of eight slots, the first in the lowest byte.
#[inline(always)]
fn word(axes: &[Axis; WORD], row: &[f32], bin: impl Fn(&Axis, f32) -> u32) -> u64 {
    let mut word = 0;
    // The last first, in one chain: the compiler would count the bits of several masks in a slow vector otherwise.
    for axis in axes.iter().rev() {
        // SAFETY: an axis names a feature of the model, and the row has them all.
        let x = unsafe { *row.get_unchecked(axis.feature as usize) };
        word = word << 8 | u64::from(bin(axis, x));
    }
    word
}

/// One bit for each of up to 64 numbers that is NaN.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn nan_mask(row: &[f32]) -> u64 {
    let mut mask = 0;
    for (at, part) in row.chunks(16).enumerate().take(4) {
        let here = ((1u32 << part.len()) - 1) as u16;
        // SAFETY: only the numbers of `part` are read.
        let numbers = unsafe { _mm512_maskz_loadu_ps(here, part.as_ptr()) };
        mask |= u64::from(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(numbers, numbers)) << (16 * at);
    }
    mask
}

/// How many of sixteen ascending thresholds are not above `x`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn count(thresholds: &Floats, x: __m512) -> u32 {
    // SAFETY: `Floats` is 64 bytes of `f32`, aligned to 64.
    let thresholds = unsafe { _mm512_load_ps(thresholds.0.as_ptr()) };
    u32::from(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(thresholds, x)).count_ones()
}

/// Up to sixteen numbers, filled up with NaN.
fn floats(numbers: &[f32]) -> Floats {
    let mut line = [f32::NAN; 16];
    line[..numbers.len()].copy_from_slice(numbers);
    Floats(line)
}

/// The last number of each full block.
fn coarse(list: &[f32]) -> Floats {
    floats(&list.chunks_exact(BLOCK).map(|block| block[BLOCK - 1]).collect::<Vec<f32>>())
}
