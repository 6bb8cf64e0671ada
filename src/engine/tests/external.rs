//! What others trade: ignored, counted or adopted; and the ledgers of both.
//!
//! What it is not: the baseline itself (`tests.rs`, `continuity.rs`).
//!
//! Invariant: the journal makes the same of it.

use super::*;
use crate::order::Owner;
use crate::order::exits::{ExitPlan, ExitReason};

const EUR: InstrumentId = InstrumentId(0);

fn setup_of(policy: ExternalPolicy) -> Setup {
    let mut setup = setup();
    setup.external = policy;
    setup.strategies[0].plan.exits = ExitPlan { hold_ns_max: 500 * NS_PER_MS, ..ExitPlan::OFF };
    setup
}

/// Connected, where the venue holds so much that is not ours.
fn bench_of(policy: ExternalPolicy, held: i64) -> Bench {
    let mut bench = Bench::with(setup_of(policy));
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.spec();
    let query = queries.iter().find_map(|record| record.payload::<Query>()).expect("a query");
    let mut snapshot = Snapshot::read(&[0; 96]);
    snapshot.query_id = query.query_id;
    bench.give(&snapshot);
    let mut event = PositionEvent::read(&[0; 96]);
    (event.identifier, event.ticket, event.qty) = (77, 77, held);
    (event.price_open_bits, event.stop_loss) = (1.000_10f64.to_bits(), 99_000);
    event.take_profit = Price::NONE.0;
    if held != 0 {
        bench.give_flagged(&event, FLAG_SNAPSHOT);
    }
    snapshot.phase = 1;
    bench.give(&snapshot);
    bench.tick(100_000);
    bench
}

/// Somebody else's deal.
fn foreign(bench: &mut Bench, side: Side, qty: i64) -> Vec<Record> {
    bench.deal += 1;
    let mut deal = DealEvent::read(&[0; 96]);
    (deal.deal, deal.ticket, deal.position, deal.magic) = (bench.deal, 4_000 + bench.deal, 77, 5);
    (deal.price, deal.qty, deal.ts_venue) = (100_020, qty, bench.now.0);
    (deal.transaction, deal.deal_type) = (TransactionKind::DealAdd.code(), side as u8);
    (deal.commission, deal.swap) = (-700, -30);
    bench.give(&deal)
}

fn check_recovery(bench: &Bench, policy: ExternalPolicy) {
    let (mut rebuilt, mut spare) = (Engine::new(setup_of(policy)), Outputs::default());
    bench.journal.iter().for_each(|record| rebuilt.recover(record, &mut spare));
    let state = |engine: &Engine| {
        let ledgers = [Owner::Us, Owner::Others].map(|owner| engine.ledger(EUR, owner));
        (*engine.positions().net(EUR), engine.external(EUR), ledgers, engine.holdings().to_vec())
    };
    assert_eq!(state(&rebuilt), state(&bench.engine));
}

#[test]
fn others_volume_is_ignored_or_counted_in_limits_and_shown_in_both() {
    for (policy, passes) in [(ExternalPolicy::Ignore, true), (ExternalPolicy::Count, false)] {
        let mut bench = bench_of(policy, 90);
        let outputs = foreign(&mut bench, Side::Buy, 5);
        assert_eq!(alert(&outputs), Some(AlertCode::ExternalDeal as u32));
        assert_eq!((bench.position(), bench.engine.external(EUR)), (0, 95));
        let others = bench.engine.ledger(EUR, Owner::Others);
        assert_eq!((others.amounts.total(), others.deal_count, others.qty), (Money(-730), 1, 5));
        let outputs = bench.tick(100_005);
        assert_eq!(command(&outputs).is_some(), passes, "{policy:?}: 95 held and 10 wanted of 100");
        assert_eq!(denied(&outputs), (!passes).then_some(Reason::SizePosition));
        check_recovery(&bench, policy);
    }
}

#[test]
fn what_is_adopted_is_ours_and_our_exits_close_it() {
    let policy = ExternalPolicy::Adopt;
    let mut bench = bench_of(policy, 20);
    let position = *bench.engine.positions().net(EUR);
    assert_eq!((position.qty, position.average_price(), bench.engine.external(EUR)), (20, 100_010.0, 0));
    assert_eq!(bench.engine.holdings()[0].stops.map(|stops| stops.stop), Some(Price(99_000)));
    let outputs = foreign(&mut bench, Side::Buy, 10);
    assert_eq!(alert(&outputs), Some(AlertCode::Adopted as u32));
    assert_eq!((bench.position(), bench.engine.external(EUR)), (30, 0));
    assert_eq!(bench.engine.ledger(EUR, Owner::Us).amounts.total(), Money(-730));
    check_recovery(&bench, policy);
    let outputs = bench.wait_ms(500);
    let close = command(&outputs).expect("a close");
    let exit: Exit = outputs.iter().find_map(|record| record.payload()).expect("a reason");
    assert_eq!((close.qty, close.order_kind, exit.reason), (30, 1, ExitReason::HoldTime as u32));
    bench.fill(&close);
    assert_eq!((bench.position(), bench.engine.holdings().len()), (0, 0));
    check_recovery(&bench, policy);
}

#[test]
fn somebody_elses_pending_order_is_told() {
    let mut bench = bench_of(ExternalPolicy::Count, 0);
    let mut event = OrderEvent::read(&[0; 96]);
    (event.ticket, event.magic, event.qty_open) = (9, 5, 7);
    event.order_kind = OrderKind::SellLimit.code();
    let told: Alert = bench.give(&event).iter().find_map(|record| record.payload()).expect("an alert");
    assert_eq!((told.code, told.subject, told.theirs), (AlertCode::ExternalOrder as u32, 9, -7));
    let market = OrderEvent { order_kind: 0, ..event };
    assert_eq!(alert(&bench.give(&market)), None, "its deal tells");
    assert_eq!(bench.engine.counts().orders_foreign, 1);
}

#[test]
fn a_stop_of_both_is_split_by_volume() {
    let mut bench = bench_of(ExternalPolicy::Count, 5);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let mut stop = bench.deal_of(&entry, 15);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket, stop.profit) = (1, 1, 4, 999, -1_500);
    bench.give(&stop);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (0, 0));
    let total = |owner| bench.engine.ledger(EUR, owner).amounts.total();
    assert_eq!((total(Owner::Us), total(Owner::Others)), (Money(-1_000), Money(-500)));
}
