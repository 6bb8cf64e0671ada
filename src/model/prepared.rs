//! A row that is made ready for one model as its values are written, so that asking finds only the walk left to do.
//!
//! What it is not: a row to read from, or one for another model than the one that made it.
//!
//! Invariant: it always holds one whole row, at first of NaN; its scores are the row's scores in every bit.

use super::kernel::{Lines, Part};
use super::{Body, Model};

/// Once more than one in so many values of a row changed, the whole row is written.
const WHOLE_ROW_ABOVE: usize = 4;

/// How many bits are set.
#[inline]
pub fn set_count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// The bits that are set, ascending: bit `f % 64` of word `f / 64` is `f`.
#[inline]
pub fn set_bits(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(word, bits)| {
        let mut bits = *bits;
        std::iter::from_fn(move || {
            if bits == 0 {
                return None;
            }
            let bit = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            Some(64 * word + bit)
        })
    })
}

/// A row that is made ready for one model; see [`Model::prepare`].
#[derive(Clone, Debug)]
pub struct Prepared {
    row: Box<[f32]>,
    lines: Lines,
}

impl Prepared {
    /// What was written, one value for each feature.
    pub fn values(&self) -> &[f32] {
        &self.row
    }
}

impl Model {
    /// Memory for one row that is made ready value by value; every value is NaN at first.
    pub fn prepare(&self) -> Prepared {
        let lines = match &self.body {
            Body::Trees(trees) => trees.lines(),
            Body::Linear(_) => Lines::NONE,
        };
        Prepared { row: vec![f32::NAN; self.features.len()].into(), lines }
    }

    /// Writes one value of a prepared row; `feature` is its place in the row.
    ///
    /// Panics when there is no such feature. `prepared` must come from this model or a clone of it.
    #[inline]
    pub fn write(&self, prepared: &mut Prepared, feature: usize, value: f32) {
        prepared.row[feature] = value;
        if let Body::Trees(trees) = &self.body {
            trees.write(&mut prepared.lines, feature, value);
        }
    }

    /// Writes all values of a prepared row at once, one for each feature in its order.
    ///
    /// Panics when there is not one value for each feature. `prepared` must come from this model or a clone of it.
    #[inline]
    pub fn write_row(&self, prepared: &mut Prepared, values: impl ExactSizeIterator<Item = f32>) {
        assert_eq!(values.len(), self.features.len(), "a row has one value for each feature");
        prepared.row.iter_mut().zip(values).for_each(|(place, value)| *place = value);
        if let Body::Trees(trees) = &self.body {
            trees.write_row(&mut prepared.lines, &prepared.row);
        }
    }

    /// Whether so many changed values are better written with their whole row, by [`Model::write_row`], than one by one.
    #[inline]
    pub fn is_row_faster(&self, changed_count: usize) -> bool {
        changed_count * WHOLE_ROW_ABOVE > self.features.len()
    }

    /// Writes those values of a row whose bits are set, of a row whose others were written before: bit `f % 64` of word
    /// `f / 64` stands for feature `f`. Bits past the row must be zero.
    ///
    /// Panics when `row` has not one value for each feature.
    #[inline]
    pub fn write_changed(&self, prepared: &mut Prepared, row: &[f32], changed_bits: &[u64]) {
        assert_eq!(row.len(), self.features.len(), "a row has one value for each feature");
        if self.is_row_faster(set_count(changed_bits)) {
            self.write_row(prepared, row.iter().copied());
        } else {
            set_bits(changed_bits).for_each(|feature| self.write(prepared, feature, row[feature]));
        }
    }

    /// As [`Model::scores`], of a row that was written before.
    ///
    /// Panics when `out` has not the model's length.
    #[inline]
    pub fn scores_prepared(&self, prepared: &Prepared, out: &mut [f64]) {
        assert_eq!(out.len(), self.output_count, "there is one score for each output");
        match &self.body {
            Body::Trees(trees) => trees.sums_prepared(&prepared.lines, &prepared.row, out),
            Body::Linear(linear) => linear.sums(&prepared.row, out),
        }
        self.link.apply(out);
    }

    /// Reads the model's cache lines that asking it reads, so that the next row finds them in the cache; not those that only
    /// writing single values reads.
    pub fn touch(&self) {
        self.touch_part(Part::WHOLE);
    }

    /// Reads a part of the model's cache lines: for a lane with nothing to do, which must not be away for long.
    pub fn touch_part(&self, part: Part) {
        if let Body::Trees(trees) = &self.body {
            trees.touch(part);
        }
    }
}
