//! What this processor can do, in the bundles that kernels need.
//!
//! What it is not: a choice; `available` weighs kernels.
//!
//! Invariant: a bundle is every flag that its kernels' `target_feature` names.

/// Byte permutations and comparisons over 64 places: `veb`, `dbl` and `obl`.
pub(super) fn avx512_vbmi() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
}

/// Gathers of sixteen.
pub(super) fn avx512f() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Gathers of eight.
pub(super) fn avx2() -> bool {
    is_x86_feature_detected!("avx2")
}
