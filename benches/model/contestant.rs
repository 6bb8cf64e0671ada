//! Whoever gives a score for a row, and the time of one call to it.
//!
//! What it is not: the counter; `counter` reads it.
//!
//! Invariant: every contestant is called through the same door, so that the empty one's time is the overhead of all.

use std::hint::black_box;

use super::counter::stamp;

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
