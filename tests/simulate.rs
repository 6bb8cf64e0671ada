//! The whole system in virtual time: clean over many seeds with every fault, and every planted bug found.
//!
//! What it is not: the long run; `scripts/test` runs `tickbridge simulate` over far more seeds in a release build.
//!
//! Invariant: nothing here depends on time or luck; a failure names its seed and the command that repeats it.

use tickbridge::sim::world::{Episode, Fault, FaultRates, Planted, Simulator, Tracing, run_many, shrink};

const EVENTS: u64 = 2_000;

fn like(planted: Option<Planted>) -> Episode {
    Episode { seed: 0, events: EVENTS, rates: FaultRates::usual(), skipped: Vec::new(), planted }
}

#[test]
fn many_seeds_with_every_fault_break_no_rule() {
    let seeds = 0..1_500;
    let summary = run_many(seeds.clone(), &like(None), 0).unwrap();
    if let Some((seed, violation)) = summary.failures.first() {
        let again = Episode { seed: *seed, ..like(None) }.command();
        panic!("{}: {}\nagain: {again}", violation.rule, violation.words);
    }
    assert_eq!(summary.seeds, seeds.end);
    // It did what it is for: every fault struck, orders filled, the appliance died and came back.
    for (fault, strikes) in Fault::ALL.iter().zip(&summary.strikes) {
        let is_conduct = matches!(fault, Fault::Shuffled | Fault::Rejected | Fault::Partial);
        assert!(*strikes > 0 || is_conduct || fault.usual_every() == 0, "{} never struck", fault.name());
    }
    assert!(summary.deals > 10_000 && summary.starts > summary.seeds + 200, "{summary:?}");
    println!(
        "{} requests, {} changes, {} in doubt",
        summary.requests, summary.changes, summary.requests_unknown
    );
    assert!(summary.requests > 1_500 && summary.changes > 50 && summary.requests_unknown > 50, "{summary:?}");
    assert!(summary.with_venues > summary.seeds / 10, "{summary:?}");
    assert!(summary.comparisons > 20 * summary.seeds && summary.events_min >= EVENTS, "{summary:?}");
}

/// Forward steps of the clock once made two looks at the venue, a moment apart, seem seconds apart.
#[test]
fn a_clock_that_leaps_again_and_again_proves_nothing() {
    let mut simulator = Simulator::default();
    for seed in [32_626, 54_771, 63_662] {
        let episode = Episode { seed, ..like(None) };
        let outcome = simulator.run(&episode, Tracing::Off);
        assert_eq!(outcome.violation, None, "again: {}", episode.command());
    }
}

#[test]
fn an_order_that_is_executed_after_its_absence_was_proven_comes_back() {
    let rates = FaultRates::parse("all,very-late=1").unwrap();
    let summary = run_many(0..400, &Episode { rates, ..like(None) }, 0).unwrap();
    if let Some((seed, violation)) = summary.failures.first() {
        let again = Episode { seed: *seed, rates, ..like(None) }.command();
        panic!("{}: {}\nagain: {again}", violation.rule, violation.words);
    }
    assert!(summary.returned >= 20, "{summary:?}");
}

#[test]
fn every_planted_bug_is_found() {
    let mut found = 0;
    for planted in Planted::ALL {
        let mut simulator = Simulator::default();
        let hit = (0..2_000).find_map(|seed| {
            let episode = Episode { seed, ..like(Some(*planted)) };
            simulator.run(&episode, Tracing::Off).violation.map(|violation| (seed, violation))
        });
        match hit {
            Some((seed, violation)) => {
                found += 1;
                println!("{}: seed {seed}: {}: {}", planted.name(), violation.rule, violation.words);
            }
            None => println!("{}: NOT FOUND ({})", planted.name(), planted.source()),
        }
    }
    println!("figure planted_bugs_found {found} bugs");
    println!("figure planted_bugs_total {} bugs", Planted::ALL.len());
    assert_eq!(found, Planted::ALL.len(), "a planted bug was not found: see above");
}

#[test]
fn a_failing_seed_is_shortened_and_still_fails() {
    let mut simulator = Simulator::default();
    let planted = Some(Planted::TimeoutIsReject);
    let episode = (0..50)
        .map(|seed| Episode { seed, ..like(planted) })
        .find(|episode| simulator.run(episode, Tracing::Off).violation.is_some())
        .unwrap();
    let whole = simulator.run(&episode, Tracing::Off);
    let shortest = shrink(&mut simulator, &episode).unwrap();
    let again = simulator.run(&shortest.episode, Tracing::Off);
    assert_eq!(again.violation.as_ref().map(|found| found.rule), whole.violation.map(|found| found.rule));
    assert_eq!(again.violation, shortest.outcome.violation);
    assert!(shortest.strikes < whole.strikes.len(), "{} of {}", shortest.strikes, whole.strikes.len());
    assert!(!shortest.outcome.trace.is_empty());
    let command = shortest.episode.command();
    assert!(command.contains("--planted timeout-is-reject") && command.contains("--seeds"), "{command}");
}
