//! Limits beside the gate: each tripped, and shown to let reductions and cancels pass.
//!
//! What it is not: levels of losses (`losses.rs`), or the gate's own checks.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::risk::{BoundsPlan, NewsWindow, VenueBudget};

/// A Tuesday.
const DAY: u8 = 2;

fn planned(bounds: BoundsPlan) -> Setup {
    let mut setup = setup();
    setup.guards.bounds = bounds;
    setup
}

/// Trading sessions of the symbol: of the day that the test begins in.
fn hours(bench: &mut Bench, from_s: u32, to_s: u32) {
    bench.give(&TradingHours { from_s, to_s, day: DAY, reserved: [0; 7] });
}

fn ready(bounds: BoundsPlan) -> Bench {
    let mut bench = Bench::ready_of(planned(bounds));
    hours(&mut bench, 0, 86_400);
    bench
}

/// The bid as it stands, or where a test begins.
fn quiet(bench: &mut Bench) -> i64 {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid;
    let bid = if bid.is_some() { bid.0 } else { 100_000 };
    bench.tick(bid);
    bid
}

fn rise(bench: &mut Bench) -> Vec<Record> {
    let bid = quiet(bench);
    bench.tick(bid + 5)
}

fn enter(bench: &mut Bench) -> Command {
    let entry = command(&rise(bench)).expect("an entry");
    bench.fill(&entry);
    entry
}

/// The long position is left: whatever keeps openings back, this passes.
fn leave(bench: &mut Bench) {
    let bid = quiet(bench);
    let exit = command(&bench.tick(bid - 5)).expect("a reduction passes");
    assert_eq!(exit.order_kind, 1);
    bench.dispatched(&exit);
    bench.result(&exit, 10008);
    let mut deal = bench.deal_of(&exit, exit.qty);
    deal.entry = DealEntry::Out.code();
    bench.give(&deal);
}

/// Read back from the journal by a new engine of the same plan.
fn restart(bench: &mut Bench, bounds: &BoundsPlan) {
    let mut engine = Engine::new(planned(bounds.clone()));
    let mut spare = Outputs::default();
    bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
    assert_eq!(engine.state_hash(), bench.engine.state_hash(), "recovered as it was");
    let mut words = StateBytes::default();
    bench.engine.save_state(&mut words);
    let words = words.into_bytes();
    let mut loaded = Engine::new(planned(bounds.clone()));
    loaded.load_state(&mut StateSource::new(&words)).expect("its own words");
    assert_eq!(loaded.state_hash(), bench.engine.state_hash(), "loaded as it was");
    bench.engine = engine;
    bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] });
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    let position = bench.position();
    bench.answer(&queries, &[], position);
    bench.account(10_000.0);
}

fn window(from_ms: i64, to_ms: i64, instrument: Option<InstrumentId>) -> NewsWindow {
    let at = |ms: i64| TimeNs(START_NS).plus_ns(ms * NS_PER_MS);
    NewsWindow { from: at(from_ms), to: at(to_ms), instrument }
}

#[test]
fn each_bound_refuses_openings_and_lets_reductions_pass() {
    let off = BoundsPlan::default;
    type Trip = fn(&mut Bench);
    let wait: Trip = |bench| drop(bench.wait_ms(1_100));
    let closes: Trip = |bench| {
        bench.spec();
        hours(bench, 0, 10);
    };
    let nothing: Trip = |_| ();
    let only = |instrument| vec![window(1_000, 3_600_000, instrument)];
    let cases: [(BoundsPlan, Trip, Reason); 6] = [
        (BoundsPlan { tick_value_age_max_ns: NS_PER_S, ..off() }, wait, Reason::ValueStale),
        (BoundsPlan { keeps_venue_hours: true, ..off() }, closes, Reason::InstrumentHours),
        (BoundsPlan { news: only(None), ..off() }, wait, Reason::NewsWindow),
        (BoundsPlan { news: only(Some(InstrumentId(0))), ..off() }, wait, Reason::NewsWindow),
        (BoundsPlan { gross_lots_max: 0.15, ..off() }, nothing, Reason::SizeGross),
        (BoundsPlan { stop_distance_max_points: 98, ..off() }, nothing, Reason::PriceStop),
    ];
    for (plan, trip, reason) in cases {
        let mut bench = ready(plan.clone());
        enter(&mut bench);
        trip(&mut bench);
        restart(&mut bench, &plan);
        leave(&mut bench);
        let tight = match reason {
            // The position is gone; what others hold stays.
            Reason::SizeGross => {
                others_buy(&mut bench, 6);
                plan.clone()
            }
            Reason::PriceStop => BoundsPlan { stop_distance_max_points: 97, ..plan.clone() },
            _ => plan.clone(),
        };
        if tight != plan {
            bench.engine = {
                let mut engine = Engine::new(planned(tight));
                let mut spare = Outputs::default();
                bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
                engine
            };
        }
        assert_eq!(denied(&rise(&mut bench)), Some(reason));
        assert!(bench.engine.counts().denied().any(|(counted, _)| counted == reason));
    }
}

/// Somebody else buys so many steps.
fn others_buy(bench: &mut Bench, qty: i64) {
    bench.deal += 1;
    let mut deal = DealEvent::read(&[0; 96]);
    (deal.deal, deal.ticket, deal.position, deal.price, deal.qty) = (bench.deal, 7, 7, 100_000, qty);
    (deal.ts_venue, deal.transaction) = (bench.now.0, TransactionKind::DealAdd.code());
    bench.give(&deal);
}

#[test]
fn what_was_told_again_or_is_over_opens() {
    let mut bench = ready(BoundsPlan { tick_value_age_max_ns: NS_PER_S, ..BoundsPlan::default() });
    bench.wait_ms(1_100);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::ValueStale));
    bench.spec();
    assert!(command(&rise(&mut bench)).is_some());
    let mut bench = ready(BoundsPlan { keeps_venue_hours: true, ..BoundsPlan::default() });
    bench.spec();
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::InstrumentHours), "no hours were told");
    hours(&mut bench, 0, 86_400);
    assert!(command(&rise(&mut bench)).is_some());
    let other = vec![window(0, 3_600_000, Some(InstrumentId(1))), window(0, 1_000, None)];
    let mut bench = ready(BoundsPlan { news: other, ..BoundsPlan::default() });
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::NewsWindow));
    bench.wait_ms(1_000);
    assert!(command(&rise(&mut bench)).is_some(), "the second window is another's");
    let restricted = vec![InstrumentId(0)];
    let mut bench = ready(BoundsPlan { restricted, ..BoundsPlan::default() });
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::InstrumentRestricted));
}

#[test]
fn a_venues_budget_holds_entries_back_and_neither_reductions_nor_cancels() {
    let venue = VenueBudget { per_s: 1, burst: 2, warn_percent: 50 };
    let mut bench = ready(BoundsPlan { venue, ..BoundsPlan::default() });
    let outputs = rise(&mut bench);
    assert_eq!(alert(&outputs), Some(AlertCode::VenueBudgetLow as u32), "one of two is left");
    bench.fill(&command(&outputs).expect("an entry"));
    leave(&mut bench);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::RateVenue));
    bench.wait_ms(1_000);
    let entry = command(&rise(&mut bench)).expect("a second later");
    bench.dispatched(&entry);
    rests(&mut bench, &entry);
    bench.out.clear();
    let asked = bench.engine.cancel(entry.order_id, &mut bench.out);
    assert!(asked.is_sent(), "a cancel passes: {asked:?}");
    let mut gone = OrderEvent::read(&[0; 96]);
    (gone.ticket, gone.magic, gone.order_state) = (entry.order_id, entry.order_id, 2);
    gone.transaction = TransactionKind::HistoryAdd.code();
    bench.give(&gone);
    assert!(bench.engine.orders().order(entry.order_id).unwrap().state.is_final());
    // What was sent beyond the budget is waited for.
    bench.wait_ms(1_000);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::RateVenue));
    bench.wait_ms(1_000);
    assert!(command(&rise(&mut bench)).is_some());
}

/// The venue says that a part of an order is open.
fn rests(bench: &mut Bench, entry: &Command) -> Vec<Record> {
    let mut order = OrderEvent::read(&[0; 96]);
    (order.ticket, order.magic, order.price) = (entry.order_id, entry.order_id, entry.price);
    (order.qty_initial, order.qty_open, order.order_state) = (entry.qty, entry.qty - 1, 3);
    (order.price_trigger, order.stop_loss, order.take_profit) = (Price::NONE.0, Price::NONE.0, Price::NONE.0);
    bench.give(&order)
}

#[test]
fn what_rests_is_taken_back_when_a_time_of_news_begins() {
    let news = vec![window(500, 60_000, None)];
    let mut bench = ready(BoundsPlan { news, ..BoundsPlan::default() });
    let entry = command(&rise(&mut bench)).expect("an entry");
    bench.dispatched(&entry);
    rests(&mut bench, &entry);
    let removed = |outputs: &[Record]| {
        let commands = outputs.iter().filter_map(Record::payload::<Command>);
        commands.filter(|command| command.action == OrderAction::Remove.code()).count()
    };
    assert_eq!(removed(&bench.wait_ms(400)), 0);
    assert_eq!(removed(&bench.wait_ms(150)), 1);
}

#[test]
fn both_directions_count_on_a_hedging_account_others_included() {
    let mut setup = planned(BoundsPlan { gross_lots_max: 0.3, ..BoundsPlan::default() });
    setup.venues[0].margin_mode = MarginMode::Hedging;
    let mut bench = Bench::with(setup);
    let mut session = Session::read(&[0; 96]);
    (session.state, session.margin_mode) = (SessionState::Up as u8, MarginMode::Hedging.code());
    bench.account(10_000.0);
    session.roles = ROLE_MARKET;
    bench.give(&session);
    session.roles = ROLE_TRADE;
    let queries = bench.give(&session);
    bench.spec();
    let query = queries.iter().find_map(|record| record.payload::<Query>()).expect("a query");
    let mut snapshot = Snapshot::read(&[0; 96]);
    snapshot.query_id = query.query_id;
    bench.give(&snapshot);
    // A pair that nets to nothing.
    for (identifier, qty) in [(1, 11), (2, -11)] {
        let mut position = PositionEvent::read(&[0; 96]);
        (position.identifier, position.ticket, position.qty) = (identifier, identifier, qty);
        bench.give_flagged(&position, FLAG_SNAPSHOT);
    }
    snapshot.phase = 1;
    bench.give(&snapshot);
    assert_eq!(bench.engine.external(InstrumentId(0)), 0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeGross), "22 held and 10 wanted of 30");
    let refused = bench.journal.iter().rev().find_map(|record| record.payload::<Denied>());
    assert_eq!(refused.map(|denied| (denied.limit, denied.got)), Some((30, 32)));
}

#[test]
fn a_venue_without_a_filling_that_fits_is_sent_nothing() {
    let mut bench = ready(BoundsPlan::default());
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 0);
    bench.give(&spec);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::InstrumentFilling));
}

/// A margin of 10 for each step at a leverage of 100, where a step is worth 1,000.
fn margin_told(bench: &mut Bench, calc_mode: u8) {
    let mut margin = SymbolMargin::read(&[0; 96]);
    (margin.rate_buy, margin.rate_sell, margin.calc_mode) = (1.0, 1.0, calc_mode);
    bench.give(&margin);
}

fn account(bench: &mut Bench, free: f64) {
    let money = |amount: f64| Money::from_f64(amount).unwrap().0;
    let mut account = Account::read(&[0; 96]);
    (account.balance, account.equity, account.flags) = (money(10_000.0), money(10_000.0), 15);
    (account.margin_free, account.leverage) = (money(free), 100);
    bench.give(&account);
}

#[test]
fn an_order_leaves_enough_free_margin_after_all_that_was_sent() {
    let plan = BoundsPlan { margin_free_min_percent: 50.0, ..BoundsPlan::default() };
    let mut bench = ready(plan.clone());
    account(&mut bench, 5_101.0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::MarginUnknown), "nothing is told of its margin");
    margin_told(&mut bench, 0);
    // 100.007 are taken of 101.
    let entry = enter(&mut bench);
    leave(&mut bench);
    for words in 0..2 {
        let refused = denied(&rise(&mut bench));
        assert_eq!(refused, Some(Reason::MarginFree), "told {words} times: the fill may not be in it");
        account(&mut bench, 5_101.0);
        bench.wait_ms(1_000);
    }
    restart(&mut bench, &plan);
    account(&mut bench, 5_101.0);
    assert_eq!(command(&rise(&mut bench)).map(|again| again.qty), Some(entry.qty));
    let mut bench = ready(plan.clone());
    margin_told(&mut bench, 0);
    account(&mut bench, 5_100.0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::MarginFree), "7 thousandths too little");
    let mut bench = ready(plan);
    margin_told(&mut bench, 37);
    account(&mut bench, 10_000.0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::MarginUnknown), "a formula that is not known");
}

#[test]
fn what_the_account_holds_of_unknown_instruments_counts_by_its_margin() {
    // A margin of 200 at a leverage of 100 is 20,000 of something; an entry is 10,000 more.
    let plan = BoundsPlan { account_gross_max: Money::from_f64(30_000.0).unwrap(), ..BoundsPlan::default() };
    let mut bench = ready(plan);
    let told = |bench: &mut Bench, margin: f64| {
        let mut account = Account::read(&[0; 96]);
        (account.balance, account.equity, account.flags) = (10_000_000_000, 10_000_000_000, 15);
        (account.margin, account.leverage) = (Money::from_f64(margin).unwrap().0, 100);
        bench.give(&account)
    };
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::MarginUnknown), "no leverage was told");
    told(&mut bench, 199.0);
    enter(&mut bench);
    leave(&mut bench);
    (0..2).for_each(|_| drop(told(&mut bench, 200.0)));
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::ExposureAccount));
}

#[test]
fn what_a_model_was_not_trained_on_opens_nothing_and_exits_pass() {
    use crate::signal::{Band, Filters, Veto};
    let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
        "features":["change"],"weights":[1.0],"intercept":0.0}"#;
    let known = || strategy::unit(1, model).with_ranges(vec![[-10.0, 10.0]]);
    let ranged = Filters { range_tolerance: Some(0.5), ..Filters::default() };
    let scores = Some(Band { min: -20.0, max: 20.0 });
    let saturated = Filters { scores, ..Filters::default() };
    for (unit, filters, veto) in [
        (known(), ranged, Veto::FeatureRange),
        (known(), saturated, Veto::ScoreSaturated),
        (strategy::unit(1, model), ranged, Veto::FeatureRange),
    ] {
        let is_unknown = unit.is_outside(&[0.0], 0.0);
        let mut setup = setup();
        let strategy = &mut setup.strategies[0];
        strategy.models = ModelSet::single(unit);
        let thresholds = Thresholds {
            enter_long_above: 1.0,
            enter_short_below: -1.0,
            exit_long_below: -0.5,
            exit_short_above: 0.5,
            cooldown_ns: 0,
            spread_max_ticks: 10,
            quote_age_max_ns: NS_PER_S,
        };
        strategy.rule = Rule::with_filters(thresholds, filters).unwrap();
        let mut bench = Bench::ready_of(setup);
        let vetoed = |bench: &Bench| bench.engine.strategies[0].setup.rule.veto_counts()[veto as usize];
        // A rise of 21 is beyond 20 of the range and its half, and beyond the score's end.
        assert_eq!(command(&bench.tick(100_021)), None, "{veto:?}");
        assert_eq!(vetoed(&bench), 1);
        let entry = command(&bench.tick(100_030));
        assert_eq!(entry.is_none(), is_unknown, "a range that is not known is none");
        if let Some(entry) = entry {
            bench.fill(&entry);
            let exit = command(&bench.tick(100_000)).expect("exits pass");
            assert_eq!(exit.order_kind, 1);
        }
    }
}
