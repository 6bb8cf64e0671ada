//! Feature drift: how far what a model sees has moved from what it was trained on.
//!
//! What it is not: a veto. It is looked at after the decision left, and an operator is told.
//!
//! Invariant: memory is taken when it is made; a window is judged once, when it is full; a value that is not a number is counted
//! in no bin.
//!
//! The measure is the population stability index, `sum((seen - trained) * ln(seen / trained))` over the bins of the training
//! window. By custom: below 0.1 nothing moved, above 0.25 much did.

/// Most bins of one feature.
pub const BINS_MAX: usize = 64;
/// Shares below this count as this, so that an empty bin has a logarithm.
const SHARE_MIN: f64 = 1e-4;

/// How one feature was distributed in the training window.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureBins {
    edges: Box<[f64]>,
    shares: Box<[f64]>,
}

/// Why numbers make no bins.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum BinsError {
    /// Not one share more than edges.
    #[error(
        "bins: expected one share more than edges, 2 to {BINS_MAX}, got {edges} edges and {shares} shares"
    )]
    Length {
        /// Edges.
        edges: usize,
        /// Shares.
        shares: usize,
    },
    /// Edges that do not rise.
    #[error("bins: expected rising edges, got a smaller one or none at {0}")]
    Edge(usize),
    /// Shares that are none.
    #[error("bins: expected shares of 0 to 1 that sum to 1, got a sum of {0}")]
    Shares(f64),
}

impl FeatureBins {
    /// Bins below, between and above the edges; a value on an edge belongs above it.
    pub fn new(edges: &[f64], shares: &[f64]) -> Result<Self, BinsError> {
        if shares.len() != edges.len() + 1 || !(2..=BINS_MAX).contains(&shares.len()) {
            return Err(BinsError::Length { edges: edges.len(), shares: shares.len() });
        }
        // A NaN is no rise.
        let falls = |at: &usize| edges[at - 1].partial_cmp(&edges[*at]) != Some(std::cmp::Ordering::Less);
        if let Some(at) = (1..edges.len()).find(falls) {
            return Err(BinsError::Edge(at));
        }
        if !edges.iter().all(|edge| edge.is_finite()) {
            return Err(BinsError::Edge(0));
        }
        let sum: f64 = shares.iter().sum();
        if !sum.is_finite()
            || (sum - 1.0).abs() > 1e-3
            || !shares.iter().all(|share| (0.0..=1.0).contains(share))
        {
            return Err(BinsError::Shares(sum));
        }
        Ok(FeatureBins { edges: edges.into(), shares: shares.into() })
    }

    fn index_of(&self, value: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= value)
    }
}

/// The watch over all features of one model.
#[derive(Clone, PartialEq, Debug)]
pub struct Drift {
    features: Box<[FeatureBins]>,
    counts: Box<[[u32; BINS_MAX]]>,
    window: u32,
    taken: u32,
    window_count: u64,
    /// Of the last full window.
    index: Box<[f64]>,
}

impl Drift {
    /// One entry for each feature of the model, in its order; a window is so many rows, at least one.
    pub fn new(features: Vec<FeatureBins>, window: u32) -> Self {
        let count = features.len();
        Drift {
            features: features.into(),
            counts: vec![[0; BINS_MAX]; count].into(),
            window: window.max(1),
            taken: 0,
            window_count: 0,
            index: vec![f64::NAN; count].into(),
        }
    }

    /// Takes one row; when it fills the window, the index of every feature is worked out anew and `true` is returned.
    pub fn on_row(&mut self, values: impl Iterator<Item = f32>) -> bool {
        for ((bins, counts), value) in self.features.iter().zip(&mut self.counts).zip(values) {
            if !value.is_nan() {
                counts[bins.index_of(f64::from(value))] += 1;
            }
        }
        self.taken += 1;
        if self.taken < self.window {
            return false;
        }
        for ((bins, counts), index) in self.features.iter().zip(&mut self.counts).zip(&mut self.index) {
            *index = stability(&bins.shares, &counts[..bins.shares.len()]);
            *counts = [0; BINS_MAX];
        }
        self.taken = 0;
        self.window_count += 1;
        true
    }

    /// The index of each feature in the last full window; not a number before the first, or where nothing was seen.
    pub fn indices(&self) -> &[f64] {
        &self.index
    }

    /// The feature that moved most, and its index.
    pub fn worst(&self) -> Option<(usize, f64)> {
        let known = self.index.iter().copied().enumerate().filter(|(_, index)| !index.is_nan());
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Full windows so far.
    pub fn window_count(&self) -> u64 {
        self.window_count
    }
}

fn stability(shares: &[f64], counts: &[u32]) -> f64 {
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    if total == 0 {
        return f64::NAN;
    }
    let one = |(trained, count): (&f64, &u32)| {
        let seen = (f64::from(*count) / total as f64).max(SHARE_MIN);
        let trained = trained.max(SHARE_MIN);
        (seen - trained) * (seen / trained).ln()
    };
    shares.iter().zip(counts).map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_did_not_move_has_no_index_and_what_moved_has_one() {
        let bins = FeatureBins::new(&[0.0, 1.0], &[0.25, 0.5, 0.25]).unwrap();
        let mut drift = Drift::new(vec![bins.clone(), bins], 4);
        assert_eq!(drift.worst(), None);
        let rows = [[-1.0, 2.0], [0.0, 2.0], [0.5, 2.0], [1.0, f32::NAN]];
        let full: Vec<bool> = rows.iter().map(|row| drift.on_row(row.iter().copied())).collect();
        assert_eq!(full, [false, false, false, true]);
        assert_eq!(drift.indices()[0], 0.0);
        let (feature, index) = drift.worst().unwrap();
        // By hand: two empty bins at the least share, and all in the last.
        let expected = (1e-4 - 0.25) * (1e-4f64 / 0.25).ln()
            + (1e-4 - 0.5) * (1e-4f64 / 0.5).ln()
            + 0.75 * (1.0f64 / 0.25).ln();
        assert_eq!(feature, 1);
        assert!((index - expected).abs() < 1e-12, "{index} {expected}");
        assert_eq!(drift.window_count(), 1);
        assert!(!drift.on_row([0.5, 0.5].into_iter()), "the next window begins empty");
    }

    #[test]
    fn bins_without_sense_are_named() {
        assert!(matches!(FeatureBins::new(&[0.0], &[1.0]), Err(BinsError::Length { edges: 1, shares: 1 })));
        assert_eq!(FeatureBins::new(&[0.0, 0.0], &[0.2, 0.3, 0.5]), Err(BinsError::Edge(1)));
        assert_eq!(FeatureBins::new(&[0.0, f64::NAN], &[0.2, 0.3, 0.5]), Err(BinsError::Edge(1)));
        assert!(matches!(FeatureBins::new(&[0.0], &[0.2, 0.3]), Err(BinsError::Shares(_))));
        assert!(matches!(FeatureBins::new(&[0.0], &[f64::NAN, 0.3]), Err(BinsError::Shares(_))));
    }

    proptest! {
        #[test]
        fn the_index_is_never_below_zero(counts in prop::collection::vec(0u32..1000, 4), raw in prop::collection::vec(0.01f64..1.0, 4)) {
            let sum: f64 = raw.iter().sum();
            let shares: Vec<f64> = raw.iter().map(|share| share / sum).collect();
            let index = stability(&shares, &counts);
            prop_assert!(index.is_nan() || index >= -1e-3, "{}", index);
        }
    }
}
