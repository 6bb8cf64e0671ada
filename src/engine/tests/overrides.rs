//! The operator's leave for one order: used once, within its bound, until its time, and never beyond another control.
//!
//! What it is not: who may give one, and how; the control floor asks for that.
//!
//! Invariant: time moves only when a test says so. The strategy wants ten steps, and one order may have five.

use super::*;

fn setup_of() -> Setup {
    let mut setup = setup();
    setup.limits.order_lots_max = 0.05;
    setup
}

fn bench() -> Bench {
    Bench::ready_of(setup_of())
}

fn give(bench: &mut Bench, reason: Reason, bound: f64, lasts_s: u32) -> Vec<Record> {
    let mut word = Override::read(&[0; 96]);
    (word.bound, word.lasts_s, word.reason) = (bound, lasts_s, reason as u16);
    word.who[..4].copy_from_slice(b"anna");
    let record = Record::new(Origin::Operator, bench.now, VenueId(0), InstrumentId(0), &word);
    bench.give_record(record)
}

fn used(outputs: &[Record]) -> Option<OverrideUse> {
    outputs.iter().find_map(|record| record.payload())
}

/// The bid that moved up by 5 ticks after a quiet one.
fn rise(bench: &mut Bench) -> Vec<Record> {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
    bench.tick(bid);
    bench.tick(bid + 5)
}

fn leave(bench: &mut Bench) {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
    let exit = command(&bench.tick(bid - 5)).expect("a reduction passes");
    bench.fill(&exit);
}

fn same_after_recovery(bench: &Bench) {
    let (mut read, mut spare) = (Engine::new(setup_of()), Outputs::default());
    bench.journal.iter().for_each(|record| read.recover(record, &mut spare));
    assert_eq!(read.overrides_open(), bench.engine.overrides_open());
    let words = |engine: &Engine| {
        let mut words = StateHasher::default();
        engine.overrides.save(&mut words);
        words.finish()
    };
    assert_eq!(words(&read), words(&bench.engine));
}

#[test]
fn one_order_passes_within_the_bound_and_the_next_is_refused_again() {
    let mut bench = bench();
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder));
    let given = give(&mut bench, Reason::SizeOrder, 0.1, 300);
    assert_eq!(alert(&given), Some(AlertCode::OverrideGiven as u32));
    assert_eq!(bench.engine.overrides_open(), 1);
    same_after_recovery(&bench);
    let outputs = rise(&mut bench);
    let entry = command(&outputs).expect("the one order");
    let note = used(&outputs).expect("its note");
    assert_eq!((entry.qty, note.order_id, note.limit, note.got), (10, entry.order_id, 5, 10));
    let place = |wanted: Kind| outputs.iter().position(|record| record.kind() == Some(wanted));
    assert!(place(Kind::OverrideUse) < place(Kind::Command), "named before it leaves");
    assert_eq!((bench.engine.overrides_open(), bench.engine.counts().overridden), (0, 1));
    same_after_recovery(&bench);
    bench.fill(&entry);
    leave(&mut bench);
    bench.wait_ms(1_100);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder), "used once");
}

#[test]
fn the_bound_the_time_and_a_start_end_it() {
    let mut bench = bench();
    give(&mut bench, Reason::SizeOrder, 0.09, 300);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder), "nine steps are not ten");
    assert_eq!(bench.engine.overrides_open(), 1, "what did not pass used nothing");
    give(&mut bench, Reason::SizeOrder, 0.1, 2);
    bench.wait_ms(2_000);
    assert_eq!(bench.engine.overrides_open(), 0);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder), "too late");
    give(&mut bench, Reason::SizeOrder, 0.1, 300);
    bench.restart(|limits| limits.order_lots_max = 0.05);
    bench.account(10_000.0);
    assert_eq!(bench.engine.overrides_open(), 0, "a start asks anew");
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder));
}

#[test]
fn nothing_else_is_lifted_with_it_and_another_reason_not_at_all() {
    let mut bench = bench();
    for reason in [Reason::TradingHalted, Reason::SizePosition, Reason::LossDaily, Reason::KillScope] {
        give(&mut bench, reason, 100.0, 300);
        assert_eq!(bench.engine.overrides_open(), 0, "{reason:?}");
    }
    give(&mut bench, Reason::PriceDistance, 500.0, 300);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SizeOrder), "of another limit");
    give(&mut bench, Reason::SizeOrder, 0.1, 300);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Halt as u8;
    bench.give(&control);
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::TradingHalted));
    bench.activate();
    bench.account(9_900.0);
    bench.activate();
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::LossDaily));
    assert_eq!(bench.engine.overrides_open(), 1, "never used");
}

#[test]
fn an_order_that_rests_far_away_passes_the_collar_once() {
    let mut bench = Bench::ready();
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
    (spec.order_modes, spec.expiration_modes) = (127, 15);
    bench.give(&spec);
    let place = |bench: &mut Bench, price: i64| {
        let terms = crate::order::Terms { price: Price(price), ..crate::order::Terms::NONE };
        let wish = PendingWish { kind: OrderKind::BuyLimit, qty: Qty(10), terms, expires_ns: 0 };
        bench.ask(|engine, out| engine.place_pending(0, &wish, out)).1
    };
    assert_eq!(denied(&place(&mut bench, 99_900)), Some(Reason::PriceDistance));
    give(&mut bench, Reason::PriceDistance, 110.0, 60);
    bench.wait_ms(500);
    assert_eq!(command(&place(&mut bench, 99_880)), None, "beyond the bound");
    let outputs = place(&mut bench, 99_900);
    let order = command(&outputs).expect("the one order");
    assert_eq!(used(&outputs).map(|used| used.order_id), Some(order.order_id));
    assert_eq!(command(&place(&mut bench, 99_900)), None, "used once");
}
