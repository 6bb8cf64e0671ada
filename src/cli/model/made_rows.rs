//! Rows for a measurement: read from a file, or made up from the model's own thresholds.
//!
//! What it is not: market data. Made-up rows spread over every threshold, so their paths are those of no real day.
//!
//! Invariant: no two rows are equal, so that no branch predictor can learn them; the same seed gives the same rows.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::opened::Opened;
use super::rows::{RowsError, Wanted, each_row};
use crate::model::FeatureSummary;
use crate::runtime::Prng;

/// Rows that are measured at most; a cache cannot hold more of them anyway, nor a predictor.
pub(super) const ROWS_MAX: usize = 20_000;
/// Of so many made-up values one is NaN.
const NAN_EVERY: u64 = 50;
/// Attempts at one more distinct row: a model of few thresholds has few rows.
const ATTEMPTS_MAX: usize = 4 * ROWS_MAX;

/// Distinct rows, one after the other.
#[derive(Debug)]
pub(super) struct DistinctRows {
    width: usize,
    values: Vec<f32>,
    seen: HashSet<Vec<u32>>,
}

impl DistinctRows {
    fn new(width: usize) -> Self {
        DistinctRows { width, values: Vec::new(), seen: HashSet::new() }
    }

    fn add(&mut self, row: &[f32]) {
        if self.seen.insert(row.iter().map(|value| value.to_bits()).collect()) {
            self.values.extend_from_slice(row);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// The share of values that are NaN.
    pub(super) fn nan_share(&self) -> f64 {
        self.values.iter().filter(|value| value.is_nan()).count() as f64 / self.values.len().max(1) as f64
    }

    /// The first distinct rows of a file.
    pub(super) fn read(opened: &Opened, path: &Path) -> Result<Self, RowsError> {
        let names: Vec<String> = opened.summary.features.iter().map(|feature| feature.name.clone()).collect();
        let mut rows = DistinctRows::new(names.len());
        let wanted = Wanted { features: &names, scores: &[], width: opened.width() };
        each_row(path, wanted, &mut |row| {
            rows.add(row.features);
            if rows.count() == ROWS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(rows)
    }

    /// Rows around the model's thresholds.
    pub(super) fn make(opened: &Opened, seed: u64) -> Self {
        let features = &opened.summary.features;
        let mut rows = DistinctRows::new(features.len());
        let mut dice = Prng::new(seed);
        let may_be_nan = opened.summary.tree_count > 0;
        let mut row = vec![0.0; features.len()];
        for _ in 0..ATTEMPTS_MAX {
            for (value, feature) in row.iter_mut().zip(features) {
                *value = match dice.below(NAN_EVERY) {
                    0 if may_be_nan => f32::NAN,
                    _ => made_up(feature, &mut dice),
                };
            }
            rows.add(&row);
            if rows.count() == ROWS_MAX {
                break;
            }
        }
        rows
    }
}

/// A value between two neighbouring thresholds, or beyond the outer ones; a category where only those are asked.
fn made_up(feature: &FeatureSummary, dice: &mut Prng) -> f32 {
    let unit = dice.uniform() as f32;
    let thresholds = &feature.thresholds;
    let (Some(first), Some(last)) = (thresholds.first(), thresholds.last()) else {
        return if feature.category_split_count > 0 { dice.below(64) as f32 } else { 2.0 * unit - 1.0 };
    };
    let beyond = ((last - first) / thresholds.len() as f32).abs().max(1e-3);
    let at = dice.below(thresholds.len() as u64 + 1) as usize;
    let low = if at == 0 { first - beyond } else { thresholds[at - 1] };
    let high = thresholds.get(at).copied().unwrap_or(last + beyond);
    let value = low + (high - low) * unit;
    if value.is_finite() { value } else { low }
}
