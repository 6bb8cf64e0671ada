//! Exposure over all instruments, symbols' own limits, and what else keeps an opening back: each tripped, and shown to let
//! reductions pass.
//!
//! What it is not: the arithmetic of room; `risk/exposure/tests.rs` has that.
//!
//! Invariant: time moves only when a test says so. A step of EURUSD is worth about 1,000 of an account of 10,000.

use super::*;
use crate::risk::{ExposureLimits, ExposurePlan, PortfolioLimit, Sizing, SymbolPlan};

fn money(amount: f64) -> Option<Money> {
    Money::from_f64(amount)
}

fn planned(exposure: ExposurePlan) -> Bench {
    Bench::ready_of(Setup { exposure, ..setup() })
}

fn limited(limits: ExposureLimits) -> ExposurePlan {
    let symbol = SymbolPlan { currencies: [Some(0), None], ..SymbolPlan::default() };
    ExposurePlan { limits, symbols: vec![symbol], sample_ns: NS_PER_MS, ..ExposurePlan::default() }
}

/// The bid that moved up by 5 ticks after a quiet one.
fn rise(bench: &mut Bench) -> Vec<Record> {
    bench.tick(100_000);
    bench.tick(100_005)
}

fn enter(bench: &mut Bench) -> Command {
    let entry = command(&rise(bench)).expect("an entry");
    bench.fill(&entry);
    entry
}

/// The long position is left: whatever keeps openings back, this passes.
fn leave(bench: &mut Bench) {
    let exit = command(&bench.tick(100_000)).expect("an exit passes");
    closed(bench, &exit);
}

fn closed(bench: &mut Bench, exit: &Command) {
    assert_eq!(exit.order_kind, 1);
    bench.dispatched(exit);
    bench.result(exit, 10008);
    let mut deal = bench.deal_of(exit, exit.qty);
    deal.entry = DealEntry::Out.code();
    bench.give(&deal);
    assert_eq!(bench.position(), 0);
}

/// Somebody else buys so many steps.
fn other_buys(bench: &mut Bench, qty: i64) {
    bench.deal += 1;
    let mut deal = DealEvent::read(&[0; 96]);
    (deal.deal, deal.ticket, deal.position, deal.price, deal.qty) = (bench.deal, 7, 7, 100_000, qty);
    (deal.ts_venue, deal.transaction) = (bench.now.0, TransactionKind::DealAdd.code());
    bench.give(&deal);
    assert_eq!(bench.engine.external(InstrumentId(0)), qty);
}

fn recovered(bench: &Bench, exposure: ExposurePlan) -> Engine {
    let mut engine = Engine::new(Setup { exposure, ..setup() });
    let mut spare = Outputs::default();
    bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
    engine
}

#[test]
fn exposure_over_a_limit_refuses_openings_and_lets_reductions_pass() {
    let off = ExposureLimits::default();
    for (limits, reason) in [
        (ExposureLimits { currency_max: money(15_000.0), ..off }, Reason::ExposureCurrency),
        (ExposureLimits { gross_max: money(15_000.0), ..off }, Reason::ExposureGross),
        (ExposureLimits { leverage_max: Some(1.5), ..off }, Reason::ExposureLeverage),
    ] {
        let mut bench = planned(limited(limits));
        enter(&mut bench);
        other_buys(&mut bench, 10);
        leave(&mut bench);
        let outputs = bench.tick(100_005);
        assert_eq!(denied(&outputs), Some(reason));
        let denied: Denied = outputs.iter().find_map(|record| record.payload()).expect("a refusal");
        let [limit, got] = [denied.limit, denied.got].map(|micros| micros / 1_000_000);
        // 10 steps of others and 10 wanted, at a mid of 100,001 when they were worked out.
        assert!(limit == 15_000 && (20_000..20_003).contains(&got), "{reason:?}: {limit}, {got}");
        assert!(bench.engine.counts().denied().any(|(counted, _)| counted == reason));
    }
}

#[test]
fn what_is_ordered_and_not_executed_has_a_limit_of_its_own() {
    let limits = ExposureLimits { unexecuted_max: money(10_050.0), ..ExposureLimits::default() };
    let mut bench = planned(limited(limits));
    enter(&mut bench);
    leave(&mut bench);
    // Ten steps are worth 10,100 now.
    assert_eq!(denied(&bench.tick(101_000)), Some(Reason::ValueUnexecuted));
}

#[test]
fn portfolio_risk_waits_for_its_samples_and_is_bounded() {
    let plan = |risk: f64| {
        let portfolio = Some(PortfolioLimit { risk_max: money(risk).unwrap(), horizon_samples: 1.0 });
        let limits = ExposureLimits { portfolio, ..ExposureLimits::default() };
        ExposurePlan { samples: 4, ..limited(limits) }
    };
    let mut bench = planned(plan(1.0));
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::ExposureUnknown));
    bench.tick(100_005);
    bench.tick(100_005);
    bench.tick(100_005);
    // One of four returns was 5 of 100,000: 0.00003 a sample, and ten steps of 1,000 risk 0.25.
    let entry = command(&bench.tick(100_010)).expect("within the risk");
    bench.fill(&entry);
    leave(&mut bench);
    let mut bench = planned(plan(0.1));
    enter_refused(&mut bench);
    bench.tick(100_005);
    bench.tick(100_005);
    bench.tick(100_005);
    assert_eq!(denied(&bench.tick(100_010)), Some(Reason::ExposurePortfolio));
}

fn enter_refused(bench: &mut Bench) {
    assert_eq!(command(&rise(bench)), None);
}

#[test]
fn a_symbols_own_limits_lower_the_global_ones() {
    for (symbol, reason) in [
        (SymbolPlan { order_lots_max: Some(0.05), ..SymbolPlan::default() }, Reason::SizeOrder),
        (SymbolPlan { position_lots_max: Some(0.05), ..SymbolPlan::default() }, Reason::SizePosition),
        (SymbolPlan { order_value_max: money(5_000.0), ..SymbolPlan::default() }, Reason::SizeValue),
    ] {
        let mut bench = planned(ExposurePlan { symbols: vec![symbol], ..ExposurePlan::default() });
        assert_eq!(denied(&rise(&mut bench)), Some(reason));
    }
    let higher =
        SymbolPlan { order_lots_max: Some(9.0), position_lots_max: Some(9.0), ..SymbolPlan::default() };
    let mut bench = planned(ExposurePlan { symbols: vec![higher], ..ExposurePlan::default() });
    enter(&mut bench);
    leave(&mut bench);
}

/// A strategy on EURUSD that looks at GBPUSD, so that it wants something while its own price stands still.
fn two_symbols(exposure: ExposurePlan) -> Bench {
    let mut setup = Setup { exposure, ..setup() };
    setup.instruments.push(InstrumentSetup { venue: VenueId(0), symbol: FixedText::new("GBPUSD").unwrap() });
    let change = FeatureKind::Change { lag: 1 };
    let other = [FeatureSpec::new("change", InstrumentId(1), change, Input::Mid, Clock::Tick)];
    setup.strategies[0].features = FeatureGraph::build(&other).unwrap();
    Bench::ready_of(setup)
}

fn tick_other(bench: &mut Bench, bid: i64) {
    bench.now = bench.now.plus_ns(NS_PER_MS);
    let mut tick = Tick::read(&[0; 96]);
    (tick.bid, tick.ask, tick.last, tick.ts_venue) = (bid, bid + 2, Price::NONE.0, bench.now.0);
    bench.give_of(InstrumentId(1), &tick, 0);
}

#[test]
fn a_price_that_stands_still_while_another_moves_closes_its_instrument() {
    let mut bench = two_symbols(ExposurePlan { frozen_after_ns: 100 * NS_PER_MS, ..ExposurePlan::default() });
    tick_other(&mut bench, 150_000);
    tick_other(&mut bench, 150_005);
    let entry = command(&bench.tick(100_001)).expect("it moves");
    bench.fill(&entry);
    bench.now = bench.now.plus_ns(200 * NS_PER_MS);
    tick_other(&mut bench, 150_000);
    let exit = command(&bench.tick(100_001)).expect("an exit passes");
    closed(&mut bench, &exit);
    tick_other(&mut bench, 150_009);
    assert_eq!(denied(&bench.tick(100_001)), Some(Reason::QuoteFrozen));
    assert!(command(&bench.tick(100_002)).is_some(), "it moves again");
}

#[test]
fn the_same_opening_is_refused_for_a_while() {
    let plan = ExposurePlan { duplicate_window_ns: 500 * NS_PER_MS, ..ExposurePlan::default() };
    let mut bench = planned(plan.clone());
    enter(&mut bench);
    leave(&mut bench);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::OrderDuplicate));
    bench.wait_ms(600);
    assert!(command(&bench.tick(100_010)).is_some(), "the time is over");
    let mut bench = planned(plan);
    enter(&mut bench);
    leave(&mut bench);
    assert!(command(&bench.tick(99_990)).is_some(), "the other side is another order");
}

#[test]
fn a_new_model_opens_little_and_seldom_and_a_restart_knows_it() {
    let plan = ExposurePlan {
        canary_ns: 3_600 * NS_PER_S,
        canary_orders_max: 2,
        canary_lots_max: 0.03,
        ..ExposurePlan::default()
    };
    let mut bench = planned(plan.clone());
    for _ in 0..2 {
        assert_eq!(enter(&mut bench).qty, 3, "cut down from 10");
        leave(&mut bench);
    }
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::CanaryOrders));
    let read = recovered(&bench, plan.clone());
    assert_eq!(read.exposure.canary, bench.engine.exposure.canary);
    // An hour after its first opening it is new no more.
    bench.now = bench.now.plus_ns(3_600 * NS_PER_S);
    bench.account(10_000.0);
    assert_eq!(command(&bench.tick(100_010)).map(|command| command.qty), Some(10));
    let mut bench = planned(ExposurePlan { canary_lots_max: 0.001, ..plan });
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::CanaryLots));
}

#[test]
fn a_message_budget_that_runs_low_is_told_once() {
    let mut setup =
        Setup { exposure: ExposurePlan { budget_warn_left: 0.5, ..Default::default() }, ..setup() };
    (setup.limits.orders_per_s_max, setup.limits.orders_burst_max) = (1, 4);
    let mut bench = Bench::ready_of(setup);
    let mut told = Vec::new();
    for _ in 0..4 {
        let outputs = rise(&mut bench);
        told.push(alert(&outputs));
        bench.fill(&command(&outputs).expect("an entry"));
        leave(&mut bench);
    }
    assert_eq!(told, [None, Some(AlertCode::BudgetLow as u32), None, None]);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::RateOrders));
}

#[test]
fn a_size_shrinks_with_its_correlation_with_what_is_held() {
    let mut setup =
        Setup { exposure: ExposurePlan { samples: 3, ..limited(ExposureLimits::default()) }, ..setup() };
    setup.strategies[0].plan.sizing = Sizing { correlation_cut: 0.5, ..Sizing::FIXED };
    let mut bench = Bench::ready_of(setup);
    // Nothing is held: nothing has to be known.
    enter(&mut bench);
    leave(&mut bench);
    other_buys(&mut bench, 10);
    // The same instrument moves as it does itself: 10 less a half.
    assert_eq!(command(&bench.tick(100_005)).map(|command| command.qty), Some(5));
}
