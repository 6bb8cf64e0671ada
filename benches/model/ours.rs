//! This program's own ways to a score, and its first decision after a quiet second.
//!
//! What it is not: a shortcut; each calls the public interface that the engine calls.
//!
//! Invariant: what is on the clock is said at each contestant.

use std::hint::black_box;

use tickbridge::model::{Model, Prepared};
use tickbridge::runtime::clock::Clock;
use tickbridge::runtime::idle::sleep_ns;
use tickbridge::types::{NS_PER_MS, NS_PER_S};

use super::COLUMNS;
use super::contestant::{Contestant, steps_of_call};

/// On the clock: a row of `f32` to its score.
pub(crate) struct Whole {
    model: Model,
    label: String,
    row: [f32; COLUMNS],
}

impl Whole {
    pub(crate) fn new(model: Model, label: &str) -> Self {
        Whole { model, label: label.into(), row: [0.0; COLUMNS] }
    }
}

impl Contestant for Whole {
    fn name(&self) -> String {
        self.label.clone()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.copy_from_slice(row);
    }

    fn ask(&mut self) -> f64 {
        self.model.predict(&self.row)
    }
}

/// On the clock: the writing of every value that differs from the row before, and the walk.
pub(crate) struct PreparedAll {
    model: Model,
    prepared: Prepared,
    row: [f32; COLUMNS],
    changed: [u64; 1],
}

impl PreparedAll {
    pub(crate) fn new(model: Model) -> Self {
        let prepared = model.prepare();
        PreparedAll { model, prepared, row: [f32::NAN; COLUMNS], changed: [0] }
    }
}

impl Contestant for PreparedAll {
    fn name(&self) -> String {
        "ours prepared, all changed values".into()
    }

    fn place(&mut self, row: &[f32]) {
        let differs = |at: usize| row[at].to_bits() != self.row[at].to_bits();
        self.changed = [(0..COLUMNS).filter(|at| differs(*at)).fold(0, |bits, at| bits | 1 << at)];
        self.row.copy_from_slice(row);
    }

    fn ask(&mut self) -> f64 {
        let mut score = [0.0];
        self.model.write_changed(&mut self.prepared, &self.row, &self.changed);
        self.model.scores_prepared(&self.prepared, &mut score);
        score[0]
    }
}

/// On the clock: the writing of the last feature, and the walk.
pub(crate) struct PreparedLast {
    model: Model,
    prepared: Prepared,
    last: f32,
}

impl PreparedLast {
    pub(crate) fn new(model: Model) -> Self {
        let prepared = model.prepare();
        PreparedLast { model, prepared, last: f32::NAN }
    }
}

impl Contestant for PreparedLast {
    fn name(&self) -> String {
        "ours prepared, last value".into()
    }

    fn place(&mut self, row: &[f32]) {
        for (feature, value) in row.iter().enumerate().take(COLUMNS - 1) {
            self.model.write(&mut self.prepared, feature, *value);
        }
        self.last = row[COLUMNS - 1];
    }

    fn ask(&mut self) -> f64 {
        let mut score = [0.0];
        self.model.write(&mut self.prepared, COLUMNS - 1, self.last);
        self.model.scores_prepared(&self.prepared, &mut score);
        score[0]
    }
}

/// What a lane does in the quiet second.
#[derive(Clone, Copy)]
enum Idle {
    Sleeps,
    KeepsWarm,
}

/// The first score after a second without any, when the lane only sleeps, and when it reads the model once a millisecond.
pub(crate) fn after_a_quiet_second(name: &str, model: &Model, rows: &[f32], seconds: usize, steps: f64) {
    println!("\n{name}: first score after a quiet second, {seconds} of them");
    for (idle, label) in [(Idle::Sleeps, "cold"), (Idle::KeepsWarm, "kept_warm")] {
        let mut whole = Whole::new(model.clone(), label);
        let mut samples = Vec::new();
        for row in rows.chunks_exact(COLUMNS).take(seconds) {
            rest(idle, model);
            whole.place(row);
            samples.push(steps_of_call(&mut whole));
        }
        samples.sort_unstable();
        println!(
            "figure first_after_quiet_p50_ns_{label}_{name} {:.0} ns",
            samples[samples.len() / 2] as f64 / steps
        );
    }
}

fn rest(idle: Idle, model: &Model) {
    let clock = Clock::system();
    let began = clock.now();
    match idle {
        Idle::Sleeps => sleep_ns(NS_PER_S as u64),
        Idle::KeepsWarm => {
            while clock.now().since(began) < NS_PER_S {
                sleep_ns(NS_PER_MS as u64);
                black_box(model).touch();
            }
        }
    }
}
