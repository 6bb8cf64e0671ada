//! Golden rows of a model: what it was asked, and what the library answered.
//!
//! What it is not: a judge of answers; the tests that read it are.
//!
//! Invariant: a file of another length than its head says is refused.

#![allow(dead_code, unreachable_pub, reason = "a part of several test programs; each uses its own share")]

use std::path::Path;
use tickbridge::model::{LoadOptions, Unnamed};

/// Rows and the library's scores, as `scripts/golden/rows.py` writes them.
pub struct Table {
    pub columns: usize,
    pub outputs: usize,
    pub is_bounded: bool,
    pub options: LoadOptions,
    /// For each row its columns, then two words for each score, then for each bound.
    words: Vec<u32>,
}

/// One row: its columns, the library's scores, and how far from them is allowed (zero for every bit).
pub struct Row {
    pub columns: Vec<f32>,
    pub scores: Vec<f64>,
    pub bounds: Vec<f64>,
}

impl Table {
    /// Panics where it is not whole.
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let words: Vec<u32> =
            bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
        let (head, words) = words.split_at(6);
        let unnamed = if head[5] == 1 { Unnamed::ByPosition } else { Unnamed::Refused };
        let options = LoadOptions { rounds: (head[4] > 0).then_some(head[4]), unnamed };
        let (columns, outputs, is_bounded) = (head[1] as usize, head[2] as usize, head[3] == 1);
        let table = Table { columns, outputs, is_bounded, options, words: words.into() };
        assert_eq!(words.len(), head[0] as usize * table.row_words(), "{}", path.display());
        table
    }

    fn row_words(&self) -> usize {
        self.columns + 2 * self.outputs * (1 + usize::from(self.is_bounded))
    }

    /// Every row, in the file's order.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.words.chunks_exact(self.row_words()).map(|row| {
            let (columns, doubles) = row.split_at(self.columns);
            let double = |pair: &[u32]| f64::from_bits(u64::from(pair[0]) | u64::from(pair[1]) << 32);
            let mut scores: Vec<f64> = doubles.chunks_exact(2).map(double).collect();
            let bounds = scores.split_off(self.outputs);
            Row { columns: columns.iter().map(|word| f32::from_bits(*word)).collect(), scores, bounds }
        })
    }
}
