//! Rows of the table that refuse nothing: what they say happens.
//!
//! What it is not: the suite of reasons.
//!
//! Invariant: time moves only when a test says so.

use super::*;

#[test]
fn an_order_in_doubt_pages_the_operator_each_period_and_stays_in_doubt() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let mut outputs = bench.wait_ms(4_900);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    let overdue = |outputs: &[Record]| {
        let alerts = outputs.iter().filter_map(|record| record.payload::<Alert>());
        alerts
            .filter(|alert| alert.code == AlertCode::UnknownOverdue as u32)
            .map(|alert| alert.subject)
            .collect()
    };
    let paged: Vec<u64> = overdue(&outputs);
    assert_eq!(paged, [0; 0], "before its time");
    outputs = bench.wait_ms(10_000);
    let paged: Vec<u64> = overdue(&outputs);
    assert_eq!(paged, [entry.order_id; 2], "at five seconds and at ten");
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
}

#[test]
fn an_orders_id_names_strategy_start_and_number_and_its_decision_comes_before_it() {
    let mut bench = Bench::ready();
    let outputs = bench.tick(100_005);
    let entry = command(&outputs).expect("an entry");
    let id = OrderId::from_raw(entry.order_id).expect("an id");
    assert_eq!((id.strategy(), id.epoch(), id.sequence()), (StrategyId(7), 1, 1));
    let decision = outputs.iter().find_map(|record| record.payload::<Decision>()).expect("a decision");
    assert_eq!((decision.order_id, decision.digests[0]), (entry.order_id, 1));
    let place = |kind: Kind| outputs.iter().position(|record| record.kind() == Some(kind));
    assert!(place(Kind::Decision) < place(Kind::Command));
}

#[test]
fn a_limit_counts_an_order_from_its_sending_and_releases_it_on_evidence_alone() {
    let mut bench = Bench::ready_with(|limits| limits.position_lots_max = 0.15);
    let entry = command(&bench.tick(100_005)).expect("ten of fifteen steps");
    let open = |bench: &mut Bench| {
        let quote = *bench.engine.market().quote(InstrumentId(0));
        let asked = bench.ask(|engine, out| {
            engine.open(0, Side::Buy, &quote, out);
            Asked::Stands
        });
        bench.engine.strategies[0].last_denied = None;
        denied(&asked.1)
    };
    assert_eq!(open(&mut bench), Some(Reason::SizePosition), "before its first byte left");
    bench.dispatched(&entry);
    bench.wait_ms(1_100);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    assert_eq!(open(&mut bench), Some(Reason::OrderUnknown), "in doubt");
    bench.result(&entry, 10019);
    assert_eq!(bench.state_of(&entry), OrderState::Rejected);
    bench.tick(100_005);
    assert_eq!(open(&mut bench), None, "the venue said that it is not there");
}
