//! Totals: leaves, in the trees' order, become one finished sum for each output.
//!
//! What it is not: a walk. Kernels find the leaves and hand them over one by one.
//!
//! Invariant: each addition is rounded as the library rounds it (`f32` for XGBoost, `f64` for the others), one after the
//! other, from the library's start. Nothing is re-associated, so the last bit is the library's.

use super::super::forest::{Forest, Sum};

/// The number that leaves are added in.
pub(super) trait Leaf: Copy + Default + std::fmt::Debug + Send + Sync + 'static {
    /// A leaf of the forest in this width; exact for forests of this width.
    fn from_wide(value: f64) -> Self;
    /// Back again, exactly.
    fn wide(self) -> f64;
    /// One rounded addition.
    fn plus(self, other: Self) -> Self;
}

impl Leaf for f32 {
    #[inline(always)]
    fn from_wide(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl Leaf for f64 {
    #[inline(always)]
    fn from_wide(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

/// Takes leaves in the trees' order.
pub(super) trait Adder<L> {
    /// Adds the leaf that the row reached in `tree`.
    fn add(&mut self, tree: usize, leaf: L);
}

/// The running sum of a model with one output.
pub(super) struct One<L>(L);

impl<L: Leaf> Adder<L> for One<L> {
    #[inline(always)]
    fn add(&mut self, _tree: usize, leaf: L) {
        self.0 = self.0.plus(leaf);
    }
}

/// The running sums of a model with several outputs.
pub(super) struct Each<'a> {
    sums: &'a mut [f64],
    outputs: &'a [u32],
}

impl<L: Leaf> Adder<L> for Each<'_> {
    #[inline(always)]
    fn add(&mut self, tree: usize, leaf: L) {
        let sum = &mut self.sums[self.outputs[tree] as usize];
        *sum = L::from_wide(*sum).plus(leaf).wide();
    }
}

/// How a forest's leaves are added up.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    sum: Sum,
    tree_count: usize,
    /// Which output each tree adds to; filled up with the first for kernels that add nothing (-0) past the last tree.
    outputs: Box<[u32]>,
}

/// Trees past the last that a kernel may add.
pub(super) const PAST_LAST_MAX: usize = 3;

impl Totals {
    pub(super) fn new(forest: &Forest) -> Self {
        let outputs = forest.trees.iter().map(|tree| tree.output);
        let outputs = outputs.chain([0; PAST_LAST_MAX]).collect();
        Totals { sum: forest.sum.clone(), tree_count: forest.trees.len(), outputs }
    }

    /// How many trees.
    pub(super) fn tree_count(&self) -> usize {
        self.tree_count
    }

    fn start(&self, output: usize) -> f64 {
        match &self.sum {
            Sum::Single { base } => f64::from(base[output]),
            Sum::Double { start, .. } => start[output],
        }
    }

    /// Begins the sum of a model with one output.
    #[inline(always)]
    pub(super) fn one<L: Leaf>(&self) -> One<L> {
        One(L::from_wide(self.start(0)))
    }

    /// What follows the last leaf of [`Totals::one`].
    #[inline(always)]
    pub(super) fn finish_one<L: Leaf>(&self, one: One<L>) -> f64 {
        self.sum.finish(0, one.0.wide())
    }

    /// Begins the sums of a model with several outputs.
    #[inline]
    pub(super) fn each<'a>(&'a self, sums: &'a mut [f64]) -> Each<'a> {
        for (output, sum) in sums.iter_mut().enumerate() {
            *sum = self.start(output);
        }
        Each { sums, outputs: &self.outputs }
    }

    /// What follows the last leaf of [`Totals::each`].
    #[inline]
    pub(super) fn finish_each(&self, sums: &mut [f64]) {
        for (output, sum) in sums.iter_mut().enumerate() {
            *sum = self.sum.finish(output, *sum);
        }
    }
}
