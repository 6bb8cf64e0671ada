//! Fills that are told after the venue closed what they filled: nothing of ours is left, and nothing of others'.
//!
//! What it is not: a missing fill that is never told; a snapshot differs then.
//!
//! Invariant: whichever of fill and close is told first, both ends are the same.

use super::tickets::{foreign, hedging, hedging_setup};
use super::*;
use crate::order::Owner;

const EUR: InstrumentId = InstrumentId(0);

/// The stop of ten steps that the server executed, from which the venue earned nothing for us.
fn stop_of(bench: &mut Bench, entry: &Command, qty: i64) -> DealEvent {
    let mut stop = bench.deal_of(entry, qty);
    (stop.deal_type, stop.entry, stop.reason) = (1, DealEntry::Out.code(), 4);
    (stop.ticket, stop.profit, stop.ts_venue) = (999, -100 * qty, bench.now.0 + 1);
    stop
}

fn sums(bench: &Bench) -> (i64, i64, usize, usize) {
    let engine = &bench.engine;
    (bench.position(), engine.external(EUR), engine.holdings().len(), engine.positions().tickets(EUR).count())
}

#[test]
fn a_fill_that_is_told_after_its_stop_leaves_no_ghost() {
    // Of ten steps so many are told before the stop; on both kinds of accounts.
    for is_hedging in [false, true] {
        for told in [0, 4] {
            let mut bench = if is_hedging { hedging(|_| ()) } else { Bench::ready() };
            let entry = command(&bench.tick(100_005)).expect("an entry");
            bench.dispatched(&entry);
            let first = (told > 0).then(|| bench.deal_of(&entry, told));
            let late = bench.deal_of(&entry, 10 - told);
            if let Some(first) = first {
                bench.give(&first);
            }
            let stop = stop_of(&mut bench, &entry, 10);
            bench.give(&stop);
            assert_eq!((bench.position(), bench.engine.external(EUR)), (0, told - 10), "not explained yet");
            let outputs = bench.give(&late);
            assert_eq!(alert(&outputs), Some(AlertCode::LateFillSettled as u32));
            assert_eq!(sums(&bench), (0, 0, 0, 0), "hedging {is_hedging}, {told} told");
            assert!(bench.engine.stops().iter().next().is_none());
            let total = |owner| bench.engine.ledger(EUR, owner).amounts.total();
            assert_eq!((total(Owner::Us), total(Owner::Others)), (Money(-1_000), Money(0)));
            assert_eq!(bench.engine.positions().realised(), Money(-1_000));
            // The same is told again, and a journal makes the same of it.
            bench.give(&late);
            bench.give(&stop);
            assert_eq!(sums(&bench), (0, 0, 0, 0));
            let setup = if is_hedging { hedging_setup(|_| ()) } else { setup() };
            let (mut recovered, mut spare) = (Engine::new(setup), Outputs::default());
            bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
            assert_eq!(recovered.state_hash(), bench.engine.state_hash());
        }
    }
}

#[test]
fn a_fill_that_the_venue_made_after_the_close_is_a_position() {
    let mut bench = hedging(|_| ());
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let late = bench.deal_of(&entry, 4);
    let stop = stop_of(&mut bench, &entry, 4);
    bench.give(&stop);
    // What was left of the order filled after the stop: it opened the position anew.
    let mut rest = bench.deal_of(&entry, 6);
    rest.ts_venue = bench.now.0 + 2;
    bench.give(&rest);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (6, -4));
    bench.give(&late);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (6, 0));
}

#[test]
fn one_late_fill_explains_every_close_that_it_was_there_for() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let late = bench.deal_of(&entry, 10);
    // A hand closed one step, and the stop the others.
    let mut hand = foreign(&mut bench, Side::Sell, 1, 55);
    hand.entry = DealEntry::Out.code();
    bench.give(&hand);
    let stop = stop_of(&mut bench, &entry, 9);
    bench.give(&stop);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (0, -10));
    bench.give(&late);
    assert_eq!(sums(&bench), (0, 0, 0, 0));
}

#[test]
fn what_others_held_explains_a_close_of_a_netting_account_first() {
    let mut bench = Bench::ready();
    let theirs = foreign(&mut bench, Side::Buy, 5, 55);
    bench.give(&theirs);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let (first, late) = (bench.deal_of(&entry, 4), bench.deal_of(&entry, 6));
    bench.give(&first);
    let stop = stop_of(&mut bench, &entry, 15);
    bench.give(&stop);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (0, -6));
    bench.give(&late);
    assert_eq!(sums(&bench), (0, 0, 0, 0));
}

#[test]
fn what_the_operator_accepted_is_settled_by_no_late_fill() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let late = bench.deal_of(&entry, 10);
    let stop = stop_of(&mut bench, &entry, 10);
    bench.give(&stop);
    for _ in 0..2 {
        let mut queries = bench.wait_ms(1_100);
        while !queries.iter().any(|record| record.payload::<Query>().is_some()) {
            queries = bench.wait_ms(1_000);
        }
        bench.answer(&queries, &[], 0);
    }
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::AcceptPosition as u8;
    bench.give(&control);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (0, 0));
    bench.give(&late);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (10, 0), "the next snapshot differs");
}

#[test]
fn a_close_of_what_was_never_adopted_is_no_position_that_is() {
    let adopt = |setup: &mut Setup| setup.external = ExternalPolicy::Adopt;
    for (position, entry) in [(90, DealEntry::Out), (91, DealEntry::OutBy)] {
        let mut bench = hedging(adopt);
        let open = foreign(&mut bench, Side::Buy, 7, position);
        let mut close = foreign(&mut bench, Side::Sell, 7, position);
        (close.entry, close.ts_venue) = (entry.code(), close.ts_venue + 1);
        // The close is told first.
        bench.give(&close);
        assert_eq!((bench.position(), bench.engine.external(EUR)), (0, -7));
        bench.give(&open);
        assert_eq!(sums(&bench), (0, 0, 0, 0), "neither ours nor a ghost");
        // The next one is adopted as ever, and closed as ours.
        let open = foreign(&mut bench, Side::Buy, 3, position + 100);
        bench.give(&open);
        assert_eq!((bench.position(), bench.engine.external(EUR)), (3, 0));
        let mut close = foreign(&mut bench, Side::Sell, 3, position + 100);
        close.entry = entry.code();
        bench.give(&close);
        assert_eq!(sums(&bench), (0, 0, 0, 0));
    }
}
