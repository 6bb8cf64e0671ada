//! The shortest trace of a failing seed that can be found: fewer kinds of fault, fewer strikes, fewer events.
//!
//! What it is not: a proof that nothing shorter exists.
//!
//! Invariant: what it returns fails by the same rule.

use super::faults::{Fault, FaultRates};
use super::{Episode, Outcome, Simulator, Tracing, Violation};
use std::fmt::Write;

/// Episodes that a search may run.
const RUNS_MAX: u32 = 400;

/// What was found.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// The shortened episode.
    pub episode: Episode,
    /// How it ends, with its trace.
    pub outcome: Outcome,
    /// How many strikes are left.
    pub strikes: usize,
}

/// Shortens a failing episode; `None` when it does not fail.
pub fn shrink(simulator: &mut Simulator, episode: &Episode) -> Option<Shortest> {
    let first = simulator.run(episode, Tracing::Off).violation?;
    let mut search = Search { simulator, rule: first.rule, runs: 0 };
    let mut best = Episode { events: episode.events.min(first.event + 1), ..episode.clone() };
    if search.fails(&best).is_none() {
        best = episode.clone();
    }
    search.drop_kinds(&mut best);
    search.drop_strikes(&mut best);
    search.cut(&mut best);
    let outcome = simulator.run(&best, Tracing::On);
    let left = outcome.strikes.len();
    Some(Shortest { episode: best, outcome, strikes: left })
}

struct Search<'a> {
    simulator: &'a mut Simulator,
    rule: &'static str,
    runs: u32,
}

impl Search<'_> {
    fn fails(&mut self, episode: &Episode) -> Option<Violation> {
        if self.runs >= RUNS_MAX {
            return None;
        }
        self.runs += 1;
        self.simulator.run(episode, Tracing::Off).violation.filter(|violation| violation.rule == self.rule)
    }

    /// Leaves out whole kinds of fault.
    fn drop_kinds(&mut self, best: &mut Episode) {
        for fault in Fault::ALL {
            let mut rates: FaultRates = best.rates;
            if rates.every(*fault) == 0 {
                continue;
            }
            rates.set(*fault, 0);
            let shorter = Episode { rates, skipped: Vec::new(), ..best.clone() };
            if let Some(violation) = self.fails(&shorter) {
                *best = Episode { events: shorter.events.min(violation.event + 1), ..shorter };
            }
        }
    }

    /// Leaves out single strikes: halves first, then quarters, then one by one.
    fn drop_strikes(&mut self, best: &mut Episode) {
        let numbers = |simulator: &mut Simulator, episode: &Episode| -> Vec<u32> {
            simulator.run(episode, Tracing::Off).strikes.iter().map(|(number, _)| *number).collect()
        };
        let mut left = numbers(self.simulator, best);
        let mut size = left.len().div_ceil(2);
        while size > 0 && self.runs < RUNS_MAX {
            let mut at = 0;
            while at < left.len() {
                let part = &left[at..(at + size).min(left.len())];
                let mut skipped = best.skipped.clone();
                skipped.extend_from_slice(part);
                skipped.sort_unstable();
                let shorter = Episode { skipped, ..best.clone() };
                if self.fails(&shorter).is_some() {
                    *best = shorter;
                    left = numbers(self.simulator, best);
                } else {
                    at += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Lets the faults end sooner.
    fn cut(&mut self, best: &mut Episode) {
        let (mut low, mut high) = (0, best.events);
        while low + 1 < high && self.runs < RUNS_MAX + 20 {
            let middle = low.midpoint(high);
            let shorter = Episode { events: middle, ..best.clone() };
            self.runs = self.runs.min(RUNS_MAX - 1);
            match self.fails(&shorter) {
                Some(_) => {
                    high = middle;
                    *best = shorter;
                }
                None => low = middle,
            }
        }
    }
}

impl Episode {
    /// The command that runs it again.
    pub fn command(&self) -> String {
        let mut words = format!(
            "tickbridge simulate --seeds {}..{} --events {} --faults {}",
            self.seed,
            self.seed + 1,
            self.events,
            self.rates
        );
        if !self.skipped.is_empty() {
            let numbers: Vec<String> = self.skipped.iter().map(u32::to_string).collect();
            let _ = write!(words, " --skip {}", numbers.join(","));
        }
        if let Some(planted) = self.planted {
            let _ = write!(words, " --planted {}", planted.name());
        }
        words
    }
}
