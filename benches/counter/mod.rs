//! The processor's time stamp counter, fenced on both sides: what the benches time single calls with.
//!
//! What it is not: a clock of the product; `runtime::clock` is. This file has `unsafe` for the counter's instruction.
//!
//! Invariant: nothing of what stands before a stamp is still under way, and nothing of what stands after it has begun.

#![allow(unsafe_code)] // the counter

use tickbridge::runtime::clock::Clock;
use tickbridge::types::NS_PER_MS;

/// The counter, with everything before it done and nothing after it begun.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn stamp() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_lfence() };
    // SAFETY: reading the counter is allowed on every Linux that runs here.
    let now = unsafe { _rdtsc() };
    // SAFETY: as the first fence.
    unsafe { _mm_lfence() };
    now
}

/// The counter, with everything before it done and nothing after it begun.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn stamp() -> u64 {
    let now: u64;
    // SAFETY: reads the virtual counter after a barrier; nothing else changes.
    unsafe { std::arch::asm!("isb", "mrs {}, cntvct_el0", "isb", out(reg) now) };
    now
}

/// The counter's steps in a nanosecond.
pub(crate) fn steps_per_ns() -> f64 {
    let clock = Clock::system();
    let (began, first) = (clock.now(), stamp());
    while clock.now().since(began) < 200 * NS_PER_MS {
        std::hint::spin_loop();
    }
    (stamp() - first) as f64 / clock.now().since(began) as f64
}

/// One of the sorted samples.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)] as f64
}
