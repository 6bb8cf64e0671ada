//! A row that is made ready for one model as its values are written, so that asking finds only the walk left to do.
//!
//! What it is not: a row to read from, or one for another model than the one that made it.
//!
//! Invariant: it always holds one whole row, at first of NaN; its scores are the row's scores in every bit.

use super::kernel::{Lines, Part};
use super::{Body, Model};

/// A row that is made ready for one model; see [`Model::prepare`].
#[derive(Clone, Debug)]
pub struct Prepared {
    row: Box<[f32]>,
    lines: Lines,
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

    /// Writes those values of a row whose bits are set: bit `f % 64` of word `f / 64` stands for feature `f`. Bits past
    /// the row must be zero.
    ///
    /// Panics when `row` has not one value for each feature.
    #[inline]
    pub fn write_changed(&self, prepared: &mut Prepared, row: &[f32], changed_bits: &[u64]) {
        assert_eq!(row.len(), self.features.len(), "a row has one value for each feature");
        for (word, bits) in changed_bits.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let feature = 64 * word + bits.trailing_zeros() as usize;
                self.write(prepared, feature, row[feature]);
                bits &= bits - 1;
            }
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

    /// Reads every cache line of the model, so that the next row finds them in the cache.
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
