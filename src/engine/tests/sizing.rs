//! Sizes of entries through the engine: what it knows of the account, the stop and its own trades.
//!
//! What it is not: the arithmetic; `risk/sizing/tests.rs` has that.
//!
//! Invariant: time moves only when a test says so; where no entry is possible, an exit is.

use super::*;
use crate::risk::{Drawdown, Kelly, Method, Sizing};

/// Ready to trade with these sizes; an account of 10,000, a stop of 100 ticks that costs 1.0 a step.
fn sized(sizing: Sizing) -> Bench {
    let mut setup = setup();
    setup.strategies[0].plan.sizing = sizing;
    Bench::ready_of(setup)
}

fn method(method: Method) -> Sizing {
    Sizing { method, ..Sizing::FIXED }
}

/// The bid that moved up by 5 ticks after a quiet one.
fn rise(bench: &mut Bench) -> Vec<Record> {
    bench.tick(100_000);
    bench.tick(100_005)
}

fn round_trip(bench: &mut Bench, profit: f64) {
    let entry = command(&rise(bench)).expect("an entry");
    bench.fill(&entry);
    leave(bench, profit);
}

fn leave(bench: &mut Bench, profit: f64) {
    bench.tick(100_005);
    let exit = command(&bench.tick(100_000)).expect("an exit passes");
    closed(bench, &exit, profit);
}

fn closed(bench: &mut Bench, exit: &Command, profit: f64) {
    assert_eq!(exit.order_kind, 1, "an exit");
    bench.dispatched(exit);
    bench.result(exit, 10008);
    let mut deal = bench.deal_of(exit, exit.qty);
    (deal.entry, deal.profit) = (DealEntry::Out.code(), Money::from_f64(profit).unwrap().0);
    bench.give(&deal);
}

/// A new engine that read the journal.
fn recovered(bench: &Bench, sizing: Sizing) -> Engine {
    let mut setup = setup();
    setup.strategies[0].plan.sizing = sizing;
    let mut engine = Engine::new(setup);
    let mut spare = Outputs::default();
    bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
    engine
}

#[test]
fn a_stop_that_costs_a_part_of_the_equity_sizes_the_entry() {
    let mut bench = sized(method(Method::StopRisk { percent: 0.2 }));
    // 0.2 % of 10,000 is 20; 100 ticks on 0.01 lots cost 1: 20 steps.
    assert_eq!(command(&rise(&mut bench)).map(|command| command.qty), Some(20));
    let mut bench = sized(method(Method::StopRisk { percent: 1.0 }));
    assert_eq!(
        command(&rise(&mut bench)).map(|command| command.qty),
        Some(50),
        "as large as an order may be"
    );
}

#[test]
fn an_account_that_is_not_known_gives_no_size_and_lets_exits_pass() {
    let sizing = method(Method::StopRisk { percent: 0.2 });
    let mut setup = setup();
    setup.strategies[0].plan.sizing = sizing;
    setup.limits.account_age_max_ns = NS_PER_S;
    let mut bench = Bench::ready_of(setup);
    let entry = command(&rise(&mut bench)).expect("an entry");
    bench.fill(&entry);
    bench.now = bench.now.plus_ns(2 * NS_PER_S);
    let exit = command(&bench.tick(100_000)).expect("an exit passes");
    closed(&mut bench, &exit, 0.0);
    assert_eq!((bench.position(), denied(&bench.tick(100_005))), (0, Some(Reason::AccountStale)));
    // What is too small is not rounded up.
    let mut bench = sized(method(Method::StopRisk { percent: 0.009 }));
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeTooSmall));
    assert_eq!(bench.engine.counts().denied().collect::<Vec<_>>(), [(Reason::SizeTooSmall, 1)]);
    // A feature that is not there.
    let mut bench = sized(method(Method::Volatility { percent: 1.0, feature: 7 }));
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeUnknown));
}

#[test]
fn volatility_is_read_from_the_row() {
    let mut bench = sized(method(Method::Volatility { percent: 0.01, feature: 0 }));
    // The change was 5 ticks, which cost 0.05 a step; 0.01 % of 10,000 is 1: 20 steps.
    assert_eq!(command(&rise(&mut bench)).map(|command| command.qty), Some(20));
}

#[test]
fn a_drawdown_from_the_highest_equity_makes_entries_smaller() {
    let scale = Drawdown { start_percent: 0.0, stop_percent: 0.4 };
    let mut bench = sized(Sizing { drawdown: Some(scale), ..Sizing::FIXED });
    bench.account(9_980.0);
    assert_eq!(command(&rise(&mut bench)).map(|command| command.qty), Some(5), "0.2 of 0.4 % below");
    let mut bench = sized(Sizing { drawdown: Some(scale), ..Sizing::FIXED });
    bench.account(9_960.0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeDrawdown));
    // What was lost counts before the account tells it: 10 steps, 407 ticks down, are 40.7 less.
    let mut bench = sized(Sizing { drawdown: Some(scale), ..Sizing::FIXED });
    let entry = command(&rise(&mut bench)).expect("an entry");
    bench.fill(&entry);
    let exit = command(&bench.tick(99_600)).expect("an exit passes");
    closed(&mut bench, &exit, -40.7);
    assert_eq!(denied(&bench.tick(99_605)), Some(Reason::SizeDrawdown));
}

#[test]
fn kelly_counts_the_closed_trades_over_a_restart_and_begins_anew_when_rearmed() {
    let kelly = Kelly { fraction: 1.0, trades_min: 2, shrink_trades: 0, percent_max: 0.3 };
    let sizing = method(Method::Kelly(kelly));
    let mut bench = sized(sizing);
    round_trip(&mut bench, 5.0);
    round_trip(&mut bench, -1.0);
    // A half of winners that win five times what losers lose: far above the cap of 0.3 %, which is 30 steps.
    let entry = command(&rise(&mut bench)).expect("an entry");
    assert_eq!(entry.qty, 30);
    bench.fill(&entry);
    leave(&mut bench, -300.0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeNoEdge), "10 a step lost");
    let read = recovered(&bench, sizing);
    assert_eq!(read.strategies[0].record, bench.engine.strategies[0].record);
    assert_eq!(read.strategies[0].record.trades(), 3);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Activate as u8;
    bench.give(&control);
    assert_eq!(bench.engine.strategies[0].record.trades(), 0);
    assert_eq!(command(&bench.tick(100_010)).map(|command| command.qty), Some(10));
}
