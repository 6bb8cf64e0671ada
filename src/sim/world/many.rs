//! Many seeds, on one core or several.
//!
//! What it is not: part of an episode; threads share nothing but what they are told at the start.
//!
//! Invariant: which thread runs a seed changes nothing but the time it takes.

use super::{Episode, Fault, Outcome, Simulator, Tracing, Violation};
use crate::runtime::Clock;
use crate::runtime::lane::spawn_thread;
use crate::runtime::layout::usable_cores;
use std::ops::Range;

/// Violations after which a thread gives up.
const VIOLATIONS_MAX: usize = 5;

/// What all seeds together did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds without a violation.
    pub clean: u64,
    /// Seeds run.
    pub seeds: u64,
    /// Sums of the outcomes.
    pub events: u64,
    /// Fewest events of a seed.
    pub events_min: u64,
    /// Commands written.
    pub orders: u64,
    /// Requests written: cancels and changes.
    pub requests: u64,
    /// Of them, changes of what rests.
    pub changes: u64,
    /// Requests that came into doubt.
    pub requests_unknown: u64,
    /// Deals at the broker.
    pub deals: u64,
    /// Seeds that traded at several venues.
    pub with_venues: u64,
    /// Orders that were declared absent and came back.
    pub returned: u64,
    /// Starts of the appliance.
    pub starts: u64,
    /// Comparisons with the broker.
    pub comparisons: u64,
    /// How often each fault struck.
    pub strikes: Vec<u64>,
    /// Seconds that the threads worked, together.
    pub busy_s: f64,
    /// Digest of all digests, whatever the threads.
    pub digest: u64,
    /// Seeds that failed, the lowest first.
    pub failures: Vec<(u64, Violation)>,
}

impl Summary {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.seeds += 1;
        self.clean += u64::from(outcome.violation.is_none());
        self.events += outcome.events;
        self.events_min = if self.seeds == 1 { outcome.events } else { self.events_min.min(outcome.events) };
        self.orders += outcome.orders;
        self.requests += outcome.requests;
        self.changes += outcome.changes;
        self.requests_unknown += outcome.requests_unknown;
        self.deals += outcome.deals;
        self.with_venues += u64::from(outcome.venues > 1);
        self.returned += outcome.returned;
        self.starts += outcome.starts;
        self.comparisons += outcome.comparisons;
        self.strikes.resize(Fault::ALL.len(), 0);
        for (_, fault) in &outcome.strikes {
            self.strikes[*fault as usize] += 1;
        }
        // A sum, so that the order of the threads does not matter.
        self.digest = self.digest.wrapping_add(outcome.digest.wrapping_mul(2 * seed + 1));
        self.failures.extend(outcome.violation.map(|violation| (seed, violation)));
    }

    fn merge(&mut self, other: Summary) {
        self.events_min = match (self.seeds, other.seeds) {
            (0, _) => other.events_min,
            (_, 0) => self.events_min,
            _ => self.events_min.min(other.events_min),
        };
        self.seeds += other.seeds;
        self.clean += other.clean;
        self.events += other.events;
        self.orders += other.orders;
        self.requests += other.requests;
        self.changes += other.changes;
        self.requests_unknown += other.requests_unknown;
        self.deals += other.deals;
        self.with_venues += other.with_venues;
        self.returned += other.returned;
        self.starts += other.starts;
        self.comparisons += other.comparisons;
        self.busy_s += other.busy_s;
        self.strikes.resize(Fault::ALL.len(), 0);
        for (sum, strikes) in self.strikes.iter_mut().zip(&other.strikes) {
            *sum += strikes;
        }
        self.digest = self.digest.wrapping_add(other.digest);
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|(seed, _)| *seed);
    }
}

/// Runs the seeds; `like` says all but the seed. Zero threads are as many as there are cores.
///
/// # Errors
/// When a thread cannot be started, or broke.
pub fn run_many(seeds: Range<u64>, like: &Episode, threads: usize) -> Result<Summary, String> {
    let threads = if threads == 0 { usable_cores().len().max(1) } else { threads };
    let running: Result<Vec<_>, _> = (0..threads as u64)
        .map(|first| {
            let (seeds, like) = (seeds.clone(), like.clone());
            spawn_thread("simulate", move || stripe(seeds, first, threads, &like))
        })
        .collect();
    let mut summary = Summary::default();
    for thread in running.map_err(|error| format!("thread: {error}"))? {
        summary.merge(thread.join().map_err(|_| "a thread of the simulator broke".to_owned())?);
    }
    Ok(summary)
}

fn stripe(seeds: Range<u64>, first: u64, threads: usize, like: &Episode) -> Summary {
    let clock = Clock::system();
    let mut simulator = Simulator::default();
    let mut summary = Summary::default();
    let begun = clock.now();
    for seed in seeds.skip(first as usize).step_by(threads) {
        let outcome = simulator.run(&Episode { seed, ..like.clone() }, Tracing::Off);
        summary.add(seed, outcome);
        if summary.failures.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    summary.busy_s = clock.now().since(begun) as f64 / 1e9;
    summary
}
