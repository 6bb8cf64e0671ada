//! What `veb`, `dbl` and `obl` share: a row becomes columns, their walk finds the leaves, and these are added up.
//!
//! What it is not: a kernel. Each of the three brings its own layout and walk.
//!
//! Invariant: vector instructions only run when a kernel's `refusal` has seen the processor's flags: a kernel is only made for
//! a forest that its `refusal` accepted.

#![allow(unsafe_code)] // vector instructions

use std::arch::x86_64::__m512i;

use super::Kernel;
use super::columns::Columns;
use super::lines::{Lines, Part};
use super::totals::{Adder, Leaf, Totals};

/// A kernel whose trees ask nothing of a row but its columns.
pub(super) trait OnColumns: std::fmt::Debug + Send + Sync {
    /// What its leaves are added in.
    type Leaf: Leaf;

    /// How they are added up.
    fn totals(&self) -> &Totals;

    /// How a row becomes columns.
    fn columns(&self) -> &Columns;

    /// Hands the leaf of each tree to `adder`, in the trees' order.
    ///
    /// # Safety
    /// The processor has the instructions of `cpu::avx512_vbmi`.
    unsafe fn walk(&self, columns: __m512i, adder: &mut impl Adder<Self::Leaf>);

    /// Reads a part of the lines of the trees' layout.
    fn touch_trees(&self, part: Part);
}

/// One function for the whole way, so that the columns never leave their register.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn sums_of_row<K: OnColumns>(kernel: &K, row: &[f32], out: &mut [f64]) {
    sums(kernel, kernel.columns().of_row(row), out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn sums_of_lines<K: OnColumns>(kernel: &K, lines: &Lines, out: &mut [f64]) {
    sums(kernel, Columns::of_lines(lines), out);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn sums<K: OnColumns>(kernel: &K, columns: __m512i, out: &mut [f64]) {
    let totals = kernel.totals();
    if let [sum] = out {
        let mut one = totals.one::<K::Leaf>();
        // SAFETY: this function has the same instructions as the walk.
        unsafe { kernel.walk(columns, &mut one) };
        *sum = totals.finish_one(one);
    } else {
        // SAFETY: as above.
        unsafe { kernel.walk(columns, &mut totals.each(out)) };
        totals.finish_each(out);
    }
}

impl<K: OnColumns> Kernel for K {
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        // SAFETY: a kernel is only made for a forest that its `refusal` accepted, which saw the processor's flags.
        unsafe { sums_of_row(self, row, out) };
    }

    fn write(&self, prepared: &mut Lines, feature: usize, value: f32) {
        // SAFETY: as above.
        unsafe { self.columns().write(prepared, feature, value) };
    }

    fn write_row(&self, prepared: &mut Lines, row: &[f32]) {
        // SAFETY: as above.
        unsafe { self.columns().write_row(prepared, row) };
    }

    fn lines(&self) -> Lines {
        self.columns().lines()
    }

    fn sums_prepared(&self, prepared: &Lines, _row: &[f32], out: &mut [f64]) {
        // SAFETY: as above.
        unsafe { sums_of_lines(self, prepared, out) };
    }

    fn touch(&self, part: Part) {
        self.columns().touch(part);
        self.touch_trees(part);
    }
}
