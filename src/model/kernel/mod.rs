//! Kernels: ways to walk a forest for one row. All give the same bits; they differ in the shapes they take and in speed.
//!
//! What it is not: a choice the user makes. The processor and the forest decide, once, at load.
//!
//! Invariant: leaves are added as the forest's `Sum` says, in the trees' order. `unsafe` is for vector
//! instructions, in the files that say so.

#[cfg(target_arch = "x86_64")]
mod columns;
#[cfg(target_arch = "x86_64")]
mod cpu;
#[cfg(target_arch = "x86_64")]
mod dbl;
#[cfg(target_arch = "x86_64")]
mod gather;
mod interleaved;
mod lines;
#[cfg(target_arch = "x86_64")]
mod obl;
#[cfg(target_arch = "x86_64")]
mod on_columns;
mod scalar;
#[cfg(test)]
mod tests;
mod totals;
#[cfg(target_arch = "x86_64")]
mod veb;

pub(super) use lines::Lines;
pub use lines::Part;

use super::forest::{Forest, Sum};

/// A way to walk a forest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelKind {
    /// 64 oblivious trees a level: depth to 8. AVX-512 VBMI, 255 thresholds a feature, 64 columns.
    OblAvx512,
    /// Whole trees in one comparison: depth to 6. AVX-512 VBMI, 255 thresholds a feature, 64 columns.
    VebAvx512,
    /// Whole trees in one comparison: any shape to 63 splits. AVX-512 VBMI, 255 thresholds a feature, 64 columns.
    DblAvx512,
    /// Sixteen trees with gathers: every split a threshold. AVX-512F.
    GatherAvx512,
    /// Eight trees with gathers: every split a threshold. AVX2.
    GatherAvx2,
    /// Eight trees in turn without branches; any processor, every split a threshold.
    Interleaved,
    /// One node after the other; any forest, any processor.
    Scalar,
}

impl KernelKind {
    /// All of them, usually fastest first.
    pub const ALL: [KernelKind; 7] = [
        KernelKind::OblAvx512,
        KernelKind::VebAvx512,
        KernelKind::DblAvx512,
        KernelKind::GatherAvx512,
        KernelKind::GatherAvx2,
        KernelKind::Interleaved,
        KernelKind::Scalar,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            KernelKind::OblAvx512 => "obl-avx512",
            KernelKind::GatherAvx512 => "gather-avx512",
            KernelKind::GatherAvx2 => "gather-avx2",
            KernelKind::VebAvx512 => "veb-avx512",
            KernelKind::DblAvx512 => "dbl-avx512",
            KernelKind::Interleaved => "interleaved",
            KernelKind::Scalar => "scalar",
        }
    }

    /// Why it cannot run this forest on this processor, if so.
    #[cfg(target_arch = "x86_64")]
    fn refusal(self, forest: &Forest) -> Option<String> {
        match self {
            KernelKind::OblAvx512 => obl::refusal(forest),
            KernelKind::VebAvx512 => veb::refusal(forest),
            KernelKind::DblAvx512 => dbl::refusal(forest),
            KernelKind::GatherAvx512 => gather::refusal(forest, gather::Width::Sixteen),
            KernelKind::GatherAvx2 => gather::refusal(forest, gather::Width::Eight),
            KernelKind::Interleaved => interleaved::refusal(forest),
            KernelKind::Scalar => None,
        }
    }

    /// Why it cannot run this forest on this processor, if so.
    #[cfg(not(target_arch = "x86_64"))]
    fn refusal(self, forest: &Forest) -> Option<String> {
        match self {
            KernelKind::Interleaved => interleaved::refusal(forest),
            KernelKind::Scalar => None,
            _ => Some("the processor is no x86-64".into()),
        }
    }
}

/// All kernels, fastest first for a forest of this shape.
fn by_speed(forest: &Forest) -> [KernelKind; KernelKind::ALL.len()] {
    let mut kinds = KernelKind::ALL;
    // Four small trees to a register beat one padded tree.
    if forest.trees.iter().all(|tree| tree.reachable_splits().count() <= SMALL_TREE_SPLITS) {
        let veb = kinds.iter().position(|kind| *kind == KernelKind::VebAvx512);
        let dbl = kinds.iter().position(|kind| *kind == KernelKind::DblAvx512);
        if let (Some(veb), Some(dbl)) = (veb, dbl) {
            kinds.swap(veb, dbl);
        }
    }
    kinds
}

/// Most splits of a tree that shares a register of `dbl` with three others.
const SMALL_TREE_SPLITS: usize = 15;

/// The kernels that can run this forest on this processor, fastest first.
pub(super) fn available(forest: &Forest) -> Vec<KernelKind> {
    by_speed(forest).into_iter().filter(|kind| kind.refusal(forest).is_none()).collect()
}

/// Which kernel a model runs on, and why not on a faster one.
#[derive(Clone, PartialEq, Debug)]
pub struct KernelChoice {
    /// The fastest that this processor and this forest admit.
    pub chosen: KernelKind,
    /// Those that are usually faster, with the reason why each cannot run here.
    pub refused: Vec<(KernelKind, String)>,
}

/// Weighs all kernels.
pub(super) fn choice(forest: &Forest) -> KernelChoice {
    let mut refused = Vec::new();
    for kind in by_speed(forest) {
        match kind.refusal(forest) {
            None => return KernelChoice { chosen: kind, refused },
            Some(reason) => refused.push((kind, reason)),
        }
    }
    KernelChoice { chosen: KernelKind::Scalar, refused }
}

/// What a kernel does.
trait Kernel: std::fmt::Debug + Send + Sync {
    /// The finished sum of each output, for a row.
    fn sums(&self, row: &[f32], out: &mut [f64]);

    /// The lines of a row that holds nothing but NaN.
    fn lines(&self) -> Lines {
        Lines::NONE
    }

    /// Works one value of the row into its lines.
    fn write(&self, _lines: &mut Lines, _feature: usize, _value: f32) {}

    /// Works a whole row into its lines.
    fn write_row(&self, _lines: &mut Lines, _row: &[f32]) {}

    /// As [`Kernel::sums`], of lines that hold the very same row.
    fn sums_prepared(&self, _lines: &Lines, row: &[f32], out: &mut [f64]) {
        self.sums(row, out);
    }

    /// Reads a part of the lines of its layout, so that the next row finds them in the cache.
    fn touch(&self, part: Part);
}

/// A forest laid out for its kernel.
#[derive(Debug)]
pub(super) struct Trees {
    kernel: Box<dyn Kernel>,
    choice: KernelChoice,
    kind: KernelKind,
    tree_count: usize,
}

impl Trees {
    /// Lays a forest out; `kind` must be one of [`available`].
    pub(super) fn new(forest: &Forest, kind: KernelKind) -> Self {
        let kernel = match forest.sum {
            Sum::Single { .. } => lay::<f32>(forest, kind),
            Sum::Double { .. } => lay::<f64>(forest, kind),
        };
        Trees { kernel, choice: choice(forest), kind, tree_count: forest.trees.len() }
    }

    /// The finished sum of each output, for a row.
    #[inline]
    pub(super) fn sums(&self, row: &[f32], out: &mut [f64]) {
        self.kernel.sums(row, out);
    }

    /// The lines of a row that holds nothing but NaN.
    pub(super) fn lines(&self) -> Lines {
        self.kernel.lines()
    }

    /// Works one value of the row into its lines.
    #[inline]
    pub(super) fn write(&self, lines: &mut Lines, feature: usize, value: f32) {
        self.kernel.write(lines, feature, value);
    }

    /// Works a whole row into the lines.
    #[inline]
    pub(super) fn write_row(&self, lines: &mut Lines, row: &[f32]) {
        self.kernel.write_row(lines, row);
    }

    /// As [`Trees::sums`], of lines that hold the very same row.
    #[inline]
    pub(super) fn sums_prepared(&self, lines: &Lines, row: &[f32], out: &mut [f64]) {
        self.kernel.sums_prepared(lines, row, out);
    }

    /// Reads a part of the layout's lines.
    pub(super) fn touch(&self, part: Part) {
        self.kernel.touch(part);
    }

    /// Which kernel this is.
    pub(super) fn kind(&self) -> KernelKind {
        self.kind
    }

    /// What was weighed at load.
    pub(super) fn choice(&self) -> &KernelChoice {
        &self.choice
    }

    /// How many trees.
    pub(super) fn tree_count(&self) -> usize {
        self.tree_count
    }
}

#[cfg(target_arch = "x86_64")]
fn lay<L: totals::Leaf>(forest: &Forest, kind: KernelKind) -> Box<dyn Kernel> {
    match kind {
        KernelKind::OblAvx512 => Box::new(obl::Obl::<L>::new(forest)),
        KernelKind::GatherAvx512 => Box::new(gather::Gather::<L>::new(forest, gather::Width::Sixteen)),
        KernelKind::GatherAvx2 => Box::new(gather::Gather::<L>::new(forest, gather::Width::Eight)),
        KernelKind::VebAvx512 => Box::new(veb::Veb::<L>::new(forest)),
        KernelKind::DblAvx512 => Box::new(dbl::Dbl::<L>::new(forest)),
        KernelKind::Interleaved => Box::new(interleaved::Interleaved::<L>::new(forest)),
        KernelKind::Scalar => Box::new(scalar::Scalar::new(forest)),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn lay<L: totals::Leaf>(forest: &Forest, kind: KernelKind) -> Box<dyn Kernel> {
    match kind {
        KernelKind::Interleaved => Box::new(interleaved::Interleaved::<L>::new(forest)),
        _ => Box::new(scalar::Scalar::new(forest)),
    }
}
