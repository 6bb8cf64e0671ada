//! The simulator itself: it repeats, it finds, it shortens.
//!
//! What it is not: the long run, which `tests/simulate.rs` and the command do.
//!
//! Invariant: every seed is printed when it fails.

use super::*;

fn episode(seed: u64, rates: &str) -> Episode {
    let rates = FaultRates::parse(rates).unwrap();
    Episode { seed, events: 3_000, rates, skipped: Vec::new(), planted: None }
}

#[test]
fn a_quiet_world_trades_and_agrees() {
    let mut simulator = Simulator::default();
    let outcome = simulator.run(&episode(1, "none"), Tracing::Off);
    assert_eq!(outcome.violation, None);
    assert!(outcome.orders > 5 && outcome.comparisons > 5, "{outcome:?}");
}

#[test]
fn the_same_seed_is_the_same_bit_for_bit() {
    let mut simulator = Simulator::default();
    let first = simulator.run(&episode(7, "all"), Tracing::Off);
    simulator.run(&episode(8, "all"), Tracing::Off);
    let again = simulator.run(&episode(7, "all"), Tracing::Off);
    let elsewhere = Simulator::default().run(&episode(7, "all"), Tracing::Off);
    assert_eq!(first, again);
    assert_eq!(first, elsewhere);
}
