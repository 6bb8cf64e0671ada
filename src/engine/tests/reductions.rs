//! Reductions pass: whatever differs elsewhere, and whatever else is under way.
//!
//! What it is not: the gate's own tests.
//!
//! Invariant: all reductions together never take more than there is.

use super::*;

const OTHER: InstrumentId = InstrumentId(1);

/// Two instruments of one venue; the strategy trades the first.
fn two() -> Bench {
    let mut setup = setup();
    setup.instruments.push(InstrumentSetup { venue: VenueId(0), symbol: FixedText::new("GBPUSD").unwrap() });
    let mut bench = Bench::with(setup);
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.spec();
    answer(&mut bench, &queries, [0, 0]);
    bench.tick(100_000);
    bench
}

/// A whole snapshot with these positions.
fn answer(bench: &mut Bench, outputs: &[Record], positions: [i64; 2]) -> Vec<Record> {
    let query = outputs.iter().find_map(|record| record.payload::<Query>()).expect("a query");
    let mut snapshot = Snapshot::read(&[0; 96]);
    snapshot.query_id = query.query_id;
    let mut all = bench.give(&snapshot);
    for (at, qty) in positions.into_iter().enumerate().filter(|(_, qty)| *qty != 0) {
        let mut event = PositionEvent::read(&[0; 96]);
        (event.qty, event.identifier) = (qty, 55 + at as u64);
        all.extend(bench.give_of(InstrumentId(at as u16), &event, FLAG_SNAPSHOT));
    }
    snapshot.phase = 1;
    all.extend(bench.give(&snapshot));
    all
}

/// Waits for the next question.
fn asked(bench: &mut Bench) -> Vec<Record> {
    for _ in 0..100 {
        let outputs = bench.wait_ms(1_000);
        if outputs.iter().any(|record| record.payload::<Query>().is_some()) {
            return outputs;
        }
    }
    panic!("no question in 100 s");
}

fn entered(bench: &mut Bench) -> Command {
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    assert_eq!(bench.position(), 10);
    entry
}

#[test]
fn a_difference_in_one_instrument_stops_no_reduction_in_another() {
    let mut bench = two();
    entered(&mut bench);
    // The session breaks; when it is back, the other instrument differs and stays so.
    bench.session(SessionState::Down, ROLE_TRADE);
    bench.tick(100_010);
    assert_eq!(command(&bench.tick(100_000)), None, "a reduction before the two were compared");
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    answer(&mut bench, &queries, [10, 7]);
    for _ in 0..2 {
        let queries = asked(&mut bench);
        answer(&mut bench, &queries, [10, 7]);
    }
    assert_eq!(bench.engine.counts().mismatches, 1);
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::PositionMismatch));
    bench.tick(100_010);
    let exit = command(&bench.tick(100_000)).expect("a reduction of what agrees");
    assert_eq!((exit.qty, exit.order_kind), (10, OrderKind::Sell.code()));
    bench.fill(&exit);
    assert_eq!(bench.position(), 0);
    // Openings wait for the whole venue.
    bench.wait_ms(1_100);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::PositionMismatch));
}

#[test]
fn where_the_venue_holds_less_a_reduction_takes_no_more_than_that() {
    let mut bench = two();
    entered(&mut bench);
    let mut queries = asked(&mut bench);
    for _ in 0..2 {
        answer(&mut bench, &queries, [4, 0]);
        queries = asked(&mut bench);
    }
    bench.tick(100_010);
    let exit = command(&bench.tick(100_000)).expect("a reduction of what the venue has");
    assert_eq!(exit.qty, 4);
    assert_eq!(command(&bench.tick(99_990)), None, "the venue's four are under way");
    bench.fill(&exit);
    assert_eq!((command(&bench.tick(99_980)), bench.position()), (None, 6), "the venue's four are gone");
}

fn accept(bench: &mut Bench, instrument: InstrumentId) -> Vec<Record> {
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::AcceptPosition as u8;
    bench.give_of(instrument, &control, 0)
}

fn baseline(bench: &Bench, instrument: InstrumentId) -> (i64, i64) {
    (bench.engine.positions().net(instrument).qty, bench.engine.external(instrument))
}

#[test]
fn the_operator_takes_the_venues_position_as_the_baseline() {
    // The venue's word, and what becomes of our ten: what stays ours, and what is another's.
    for (theirs, expected) in [(0, (0, 0)), (4, (4, 0)), (25, (10, 15)), (-3, (0, -3))] {
        let mut bench = two();
        entered(&mut bench);
        assert_eq!(alert(&accept(&mut bench, InstrumentId(0))), Some(AlertCode::NothingToAccept as u32));
        assert_eq!(baseline(&bench, InstrumentId(0)), (10, 0));
        for _ in 0..2 {
            let queries = asked(&mut bench);
            answer(&mut bench, &queries, [theirs, 0]);
        }
        assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::PositionMismatch));
        let accepted = accept(&mut bench, InstrumentId(0));
        assert_eq!(alert(&accepted), Some(AlertCode::PositionAccepted as u32), "{theirs}");
        assert_eq!(baseline(&bench, InstrumentId(0)), expected, "{theirs}");
        // Nothing opens before the venue was asked again, at once.
        assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::SessionUnreconciled));
        let queries = bench.wait_ms(20);
        answer(&mut bench, &queries, [theirs, 0]);
        assert_eq!(bench.engine.closed(), None);
        // It is in the journal, and the journal makes the same of it.
        let mut setup = setup();
        setup
            .instruments
            .push(InstrumentSetup { venue: VenueId(0), symbol: FixedText::new("GBPUSD").unwrap() });
        let (mut recovered, mut spare) = (Engine::new(setup), Outputs::default());
        bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
        assert_eq!(recovered.positions().net(InstrumentId(0)), bench.engine.positions().net(InstrumentId(0)));
        assert_eq!(recovered.external(InstrumentId(0)), bench.engine.external(InstrumentId(0)));
    }
}

#[test]
fn what_the_operator_saw_before_a_fill_is_not_accepted_after_it() {
    let mut bench = two();
    let entry = entered(&mut bench);
    for _ in 0..2 {
        let queries = asked(&mut bench);
        answer(&mut bench, &queries, [4, 0]);
    }
    let mut stop = bench.deal_of(&entry, 6);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, 1, 4, 999);
    bench.give(&stop);
    let outputs = accept(&mut bench, InstrumentId(0));
    assert_eq!(alert(&outputs), Some(AlertCode::NothingToAccept as u32));
    assert_eq!(baseline(&bench, InstrumentId(0)), (4, 0));
    for nothing in [OTHER, InstrumentId(9)] {
        assert_eq!(alert(&accept(&mut bench, nothing)), Some(AlertCode::NothingToAccept as u32));
    }
    assert_eq!(accept(&mut bench, InstrumentId::NONE), []);
}

#[test]
fn a_reduction_passes_an_opening_that_is_under_way_and_never_takes_twice() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    bench.result(&entry, 10008);
    let part = bench.deal_of(&entry, 4);
    bench.give(&part);
    assert_eq!((bench.state_of(&entry), bench.position()), (OrderState::Partial, 4));
    bench.tick(100_010);
    let exit = command(&bench.tick(100_000)).expect("a reduction of the part that is there");
    assert_eq!((exit.qty, exit.order_kind), (4, OrderKind::Sell.code()));
    assert_eq!(command(&bench.tick(99_990)), None, "all there is is under way");
    // The reduction falls in doubt: it stays reserved, and what fills meanwhile may be reduced.
    bench.dispatched(&exit);
    bench.result(&exit, 10012);
    let rest = bench.deal_of(&entry, 6);
    bench.give(&rest);
    assert_eq!((bench.state_of(&exit), bench.position()), (OrderState::Unknown, 10));
    bench.tick(100_010);
    let second = command(&bench.tick(100_000)).expect("a reduction of the rest");
    assert_eq!(second.qty, 6);
    assert_eq!(command(&bench.tick(99_990)), None);
    bench.fill(&exit);
    bench.fill(&second);
    assert_eq!(bench.position(), 0);
}

#[test]
fn on_a_hedging_account_each_close_takes_what_the_others_left_of_its_ticket() {
    let mut setup = setup();
    setup.venues[0].margin_mode = MarginMode::Hedging;
    let mut bench = Bench::with(setup);
    let mut up = Session::read(&[0; 96]);
    (up.state, up.roles, up.margin_mode) =
        (SessionState::Up as u8, ROLE_MARKET | ROLE_TRADE, MarginMode::Hedging.code());
    bench.account(10_000.0);
    let queries = bench.give(&up);
    bench.spec();
    bench.answer(&queries, &[], 0);
    bench.tick(100_000);
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    bench.result(&entry, 10008);
    for (qty, position) in [(4, 50), (6, 60)] {
        let mut deal = bench.deal_of(&entry, qty);
        deal.position = position;
        bench.give(&deal);
    }
    bench.tick(100_010);
    let first = command(&bench.tick(100_000)).expect("a close");
    assert_eq!((first.position, first.qty), (50, 4));
    let second = command(&bench.tick(99_990)).expect("the next ticket, while the first close is under way");
    assert_eq!((second.position, second.qty), (60, 6));
    assert_eq!(command(&bench.tick(99_980)), None);
}

#[test]
fn a_copy_with_our_number_on_another_symbol_fills_nothing_of_ours() {
    let mut bench = two();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    bench.result(&entry, 10008);
    let before = bench.state_of(&entry);
    let copy = bench.deal_of(&entry, entry.qty);
    bench.give_of(OTHER, &copy, 0);
    assert_eq!((bench.state_of(&entry), bench.engine.positions().net(OTHER).qty), (before, 0));
    assert_eq!(bench.engine.external(OTHER), entry.qty);
    let fill = bench.deal_of(&entry, entry.qty);
    bench.give(&fill);
    assert_eq!((bench.state_of(&entry), bench.position()), (OrderState::Filled, 10));
}
