//! What a doubt is ended by, how often the operator hears of one, and that what a terminal without its server says proves nothing.
//!
//! What it is not: the arrival of true reports in any order; `arrival.rs` and `asked.rs` have that.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::record::Gap;
use crate::types::DealEntry;

/// Terminal and programs may trade; the terminal has no server.
const OFFLINE: u8 = 14;

fn flagged(bench: &mut Bench, flags: u8) -> Vec<Record> {
    let mut account = Account::read(&[0; 96]);
    account.balance = Money::from_f64(10_000.0).unwrap().0;
    (account.equity, account.flags) = (account.balance, flags);
    bench.give(&account)
}

fn asks(outputs: &[Record]) -> bool {
    outputs.iter().any(|record| record.payload::<Query>().is_some())
}

/// Time passes, and whatever is asked is answered with this position, until the doubt ends; how long that took, milliseconds.
fn doubt_lasts_ms(bench: &mut Bench, order: &Command, position: i64) -> i64 {
    for waited in 0..100 {
        if bench.state_of(order) == OrderState::Rejected {
            return waited * 200;
        }
        let outputs = bench.wait_ms(200);
        if asks(&outputs) {
            bench.answer(&outputs, &[], position);
        }
    }
    i64::MAX
}

#[test]
fn an_order_that_was_handed_over_is_absent_only_long_after() {
    // No answer at all; handed over, and then silence, or a time-out.
    let codes: [(&[u32], i64); 4] =
        [(&[], 4_000), (&[10_008], 8_000), (&[10_008, 10_012], 8_000), (&[10_012], 8_000)];
    for (codes, most_ms) in codes {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).unwrap();
        bench.dispatched(&entry);
        codes.iter().for_each(|code| drop(bench.result(&entry, *code)));
        if bench.state_of(&entry) != OrderState::Unknown {
            bench.wait_ms(1_010);
        }
        assert_eq!(bench.state_of(&entry), OrderState::Unknown, "{codes:?}");
        let lasted_ms = doubt_lasts_ms(&mut bench, &entry, 0);
        let least_ms = if codes.is_empty() { 2_000 } else { 5_000 };
        assert!((least_ms..=most_ms).contains(&lasted_ms), "{codes:?}: {lasted_ms} ms");
    }
}

#[test]
fn an_exit_whose_refusal_was_lost_holds_up_no_other_for_ever() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    let exit = command(&bench.tick(100_000)).expect("an exit");
    bench.dispatched(&exit);
    bench.result(&exit, 10_008);
    bench.wait_ms(1_010);
    assert_eq!(bench.state_of(&exit), OrderState::Unknown);
    bench.tick(100_010);
    assert_eq!(command(&bench.tick(100_000)), None, "an exit beside one in doubt");
    assert!(doubt_lasts_ms(&mut bench, &exit, 10) < 10_000);
    bench.tick(100_010);
    let again = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!((again.qty, again.order_id == exit.order_id), (10, false));
}

#[test]
fn what_is_due_once_a_period_is_told_once_however_far_apart_the_timers_run() {
    for step_ms in [10, 18, 700, 4_999, 5_000] {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).unwrap();
        bench.dispatched(&entry);
        bench.result(&entry, 10_009);
        bench.wait_ms(1_010);
        let begun = bench.now;
        let mut told = 0;
        while bench.now.since(begun) < 20_400 * NS_PER_MS {
            let outputs = bench.leap_ms(step_ms);
            told += outputs
                .iter()
                .filter(|record| alert(&[**record]) == Some(AlertCode::UnknownOverdue as u32))
                .count();
        }
        assert_eq!(told as i64, bench.now.since(begun) / (5_000 * NS_PER_MS), "every {step_ms} ms");
    }
}

#[test]
fn a_terminal_that_had_no_server_is_compared_anew_before_anything_leaves() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    flagged(&mut bench, OFFLINE);
    // The stop fills at the server, and nobody hears of it.
    let mut stop = bench.deal_of(&entry, 10);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, DealEntry::Out.code(), 4, 999);
    assert_eq!(command(&bench.tick(100_000)), None, "an exit without a server");
    assert!(!asks(&bench.wait_ms(40_000)), "what was is not asked for");
    let queries = flagged(&mut bench, 15);
    let queries = if asks(&queries) { queries } else { bench.wait_ms(10) };
    bench.tick(100_010);
    assert_eq!(command(&bench.tick(100_000)), None, "an exit before anything was compared");
    assert_eq!(denied(&bench.tick(100_005)), None, "nor an entry: a position stands");
    bench.answer(&queries, &[stop], 0);
    assert_eq!(bench.position(), 0);
    assert!(command(&bench.tick(100_015)).is_some(), "an entry, once the two agree");
}

#[test]
fn what_a_terminal_says_without_its_server_proves_no_absence() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    bench.wait_ms(1_010);
    let queries = bench.wait_ms(1_100);
    flagged(&mut bench, OFFLINE);
    bench.answer(&queries, &[], 0);
    for _ in 0..10 {
        assert!(!asks(&bench.wait_ms(1_000)));
        assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    }
    flagged(&mut bench, 15);
    let first = bench.wait_ms(10);
    bench.answer(&first, &[], 0);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown, "asked for too soon after the server was back");
    assert!(doubt_lasts_ms(&mut bench, &entry, 0) <= 4_000);
}

#[test]
fn a_look_that_was_asked_for_while_another_was_under_way_is_taken() {
    let mut bench = Bench::ready();
    let queries = bench.wait_ms(30_010);
    assert!(asks(&queries));
    bench.give(&Gap { stream: 4, from_seq: 5, to_seq: 5 });
    bench.answer(&queries, &[], 0);
    assert!(asks(&bench.wait_ms(20)), "what the gap swallowed may be younger than the answer");
}

#[test]
fn what_a_deal_realised_stops_trading_before_the_account_tells_it() {
    for is_ours in [true, false] {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).unwrap();
        bench.fill(&entry);
        let mut close = bench.deal_of(&entry, 10);
        (close.deal_type, close.entry, close.profit) = (1, DealEntry::Out.code(), -50_000_000);
        if is_ours {
            let exit = command(&bench.tick(100_000)).expect("an exit");
            bench.dispatched(&exit);
            (close.magic, close.ticket) = (exit.order_id, exit.order_id);
        } else {
            (close.reason, close.ticket) = (4, 999);
        }
        bench.give(&close);
        assert_eq!(bench.position(), 0);
        assert_eq!(bench.engine.gate.trading(), Trading::Halted, "ours: {is_ours}");
        bench.tick(100_010);
        assert_eq!(command(&bench.tick(100_020)), None);
    }
}

#[test]
fn an_entrys_stops_keep_the_venues_distance_from_what_it_is_worth_at_once() {
    let distances = [(0, [99_907, 100_057]), (99, [99_906, 100_104]), (300, [99_705, 100_305])];
    for (stops_level_points, [stop_loss, take_profit]) in distances {
        let mut setup = setup();
        setup.strategies[0].plan.take_profit_points = 50;
        let mut bench = Bench::ready_of(setup);
        let mut spec = bench.engine.specs[0].unwrap();
        spec.stops_level_points = stops_level_points;
        bench.engine.specs[0] = Some(spec);
        // Bid 100 005, ask 100 007.
        let entry = command(&bench.tick(100_005)).expect("an entry");
        assert_eq!((entry.price, entry.stop_loss, entry.take_profit), (100_007, stop_loss, take_profit));
    }
}

#[test]
fn a_stop_whose_deal_is_not_told_is_looked_for_at_once() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    let mut stop = OrderEvent::read(&[0; 96]);
    (stop.magic, stop.ticket, stop.position, stop.reason) = (entry.order_id, 999, 55, 4);
    (stop.order_kind, stop.qty_initial, stop.order_state) = (1, 10, 4);
    for (transaction, position, looks) in [(0, 55, false), (3, 56, false), (3, 55, true)] {
        (stop.transaction, stop.position) = (transaction, position);
        bench.give(&stop);
        assert_eq!(asks(&bench.wait_ms(20)), looks, "{transaction} {position}");
    }
}

#[test]
fn a_positions_stops_that_are_told_before_its_deal_stand_with_it() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    let mut position = PositionEvent::read(&[0; 96]);
    (position.ticket, position.identifier, position.qty) = (55, 55, 10);
    (position.stop_loss, position.take_profit, position.magic) = (99_950, Price::NONE.0, entry.order_id);
    bench.give(&position);
    let deal = bench.deal_of(&entry, 10);
    bench.give(&deal);
    let told = bench.engine.holdings()[0].stops.map(|stops| stops.stop);
    assert_eq!(told, Some(Price(99_950)));
}
