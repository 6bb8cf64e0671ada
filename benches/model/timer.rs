//! Times one call: the time stamp counter, fenced on both sides, in cycles of that counter.
//!
//! What it is not: a clock of the product; `runtime::clock` is. This file has `unsafe` for the counter's instruction.
//!
//! Invariant: every contestant is called through the same door, so that the empty one's time is the overhead of all.

#![allow(unsafe_code)] // the counter

use std::hint::black_box;

use tickbridge::runtime::clock::Clock;
use tickbridge::types::NS_PER_MS;

/// Whoever gives a score for a row.
pub(crate) trait Contestant {
    /// Its name in the report.
    fn name(&self) -> String;

    /// Takes a row into its own hot buffer, in its own form: off the clock.
    fn place(&mut self, row: &[f32]);

    /// The final score of the placed row: on the clock.
    fn ask(&mut self) -> f64;
}

/// Does nothing, which takes as long as the measurement itself.
pub(crate) struct Empty(pub f64);

impl Contestant for Empty {
    fn name(&self) -> String {
        "empty call".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.0 = f64::from(row[0]);
    }

    #[inline(never)]
    fn ask(&mut self) -> f64 {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
fn stamp() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_lfence() };
    // SAFETY: reading the counter is allowed on every Linux that runs here.
    let now = unsafe { _rdtsc() };
    // SAFETY: as the first fence.
    unsafe { _mm_lfence() };
    now
}

#[cfg(target_arch = "aarch64")]
fn stamp() -> u64 {
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

/// The steps of one call, overhead included.
#[inline(never)]
pub(crate) fn steps_of_call(contestant: &mut dyn Contestant) -> u64 {
    let contestant = black_box(contestant);
    let began = stamp();
    let score = contestant.ask();
    let ended = stamp();
    black_box(score);
    ended - began
}
