//! Kernels: ways to walk a forest for one row. All give the same bits; they differ in the shapes they take and in speed.
//!
//! What it is not: a choice the user makes. The processor and the forest decide, once, at load.
//!
//! Invariant: leaves are added as the forest's `Sum` says, in the trees' order. `unsafe` is for vector
//! instructions, in the files that say so.

mod scalar;
#[cfg(target_arch = "x86_64")]
mod veb;

use super::forest::Forest;

/// A way to walk a forest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelKind {
    /// One node after the other; any forest, any processor.
    Scalar,
    /// Whole trees in one comparison: depth to 6, 255 thresholds a feature, 64 columns, AVX-512 VBMI.
    #[cfg(target_arch = "x86_64")]
    VebAvx512,
}

impl KernelKind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            KernelKind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            KernelKind::VebAvx512 => "veb-avx512",
        }
    }
}

/// The kernels that can run this forest on this processor, fastest first.
pub(super) fn available(forest: &Forest) -> Vec<KernelKind> {
    let mut kinds = Vec::new();
    #[cfg(target_arch = "x86_64")]
    if veb::admits(forest) {
        kinds.push(KernelKind::VebAvx512);
    }
    kinds.push(KernelKind::Scalar);
    kinds
}

/// A forest laid out for its kernel.
#[derive(Clone, Debug)]
pub(super) enum Trees {
    Scalar(scalar::Scalar),
    #[cfg(target_arch = "x86_64")]
    Veb(Box<veb::Veb>),
}

impl Trees {
    /// Lays a forest out; `kind` must be one of [`available`].
    pub(super) fn new(forest: &Forest, kind: KernelKind) -> Self {
        match kind {
            KernelKind::Scalar => Trees::Scalar(scalar::Scalar::new(forest)),
            #[cfg(target_arch = "x86_64")]
            KernelKind::VebAvx512 => Trees::Veb(Box::new(veb::Veb::new(forest))),
        }
    }

    /// The finished sum of each output, for a row.
    #[inline]
    pub(super) fn sums(&self, row: &[f32], out: &mut [f64]) {
        match self {
            Trees::Scalar(scalar) => scalar.sums(row, out),
            #[cfg(target_arch = "x86_64")]
            Trees::Veb(veb) => out[0] = f64::from(veb.margin(row)),
        }
    }

    /// Which kernel this is.
    pub(super) fn kind(&self) -> KernelKind {
        match self {
            Trees::Scalar(_) => KernelKind::Scalar,
            #[cfg(target_arch = "x86_64")]
            Trees::Veb(_) => KernelKind::VebAvx512,
        }
    }

    /// How many trees.
    pub(super) fn tree_count(&self) -> usize {
        match self {
            Trees::Scalar(scalar) => scalar.tree_count(),
            #[cfg(target_arch = "x86_64")]
            Trees::Veb(veb) => veb.tree_count(),
        }
    }
}
