//! Reductions by ticket: what bounds each, what does not, and by which name the venue is told.
//!
//! What it is not: fills that are told late (`late_fills.rs`).
//!
//! Invariant: while a position of ours is open and the venue is well, its close passes, whatever else is on the account.

use super::requests::{TICKET, order_event, resting};
use super::*;
use crate::order::exits::{ExitPlan, ExitReason};
use crate::types::Scope;

const EUR: InstrumentId = InstrumentId(0);

pub(super) fn hedging_setup(change: impl FnOnce(&mut Setup)) -> Setup {
    let mut setup = setup();
    setup.venues[0].margin_mode = MarginMode::Hedging;
    change(&mut setup);
    setup
}

/// Connected to a hedging account that holds nothing.
pub(super) fn hedging(change: impl FnOnce(&mut Setup)) -> Bench {
    let mut bench = Bench::with(hedging_setup(change));
    bench.account(10_000.0);
    let queries = up(&mut bench);
    bench.spec();
    bench.answer(&queries, &[], 0);
    bench.tick(100_000);
    bench
}

fn up(bench: &mut Bench) -> Vec<Record> {
    let mut up = Session::read(&[0; 96]);
    (up.state, up.roles, up.margin_mode) =
        (SessionState::Up as u8, ROLE_MARKET | ROLE_TRADE, MarginMode::Hedging.code());
    bench.give(&up)
}

/// Somebody else's deal.
pub(super) fn foreign(bench: &mut Bench, side: Side, qty: i64, position: u64) -> DealEvent {
    bench.deal += 1;
    let mut deal = DealEvent::read(&[0; 96]);
    (deal.deal, deal.ticket, deal.position, deal.magic) = (bench.deal, 4_000 + bench.deal, position, 5);
    (deal.price, deal.qty, deal.ts_venue) = (100_020, qty, bench.now.0);
    (deal.transaction, deal.deal_type) = (TransactionKind::DealAdd.code(), side as u8);
    deal
}

fn commands(outputs: &[Record]) -> Vec<Command> {
    outputs.iter().filter_map(Record::payload).collect()
}

fn long_ten(bench: &mut Bench) -> Command {
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    assert_eq!(bench.position(), 10);
    entry
}

/// The venue shows a position of ours.
fn shown(bench: &mut Bench, [identifier, ticket]: [u64; 2], qty: i64) -> Vec<Record> {
    let mut event = PositionEvent::read(&[0; 96]);
    (event.identifier, event.ticket, event.qty) = (identifier, ticket, qty);
    (event.stop_loss, event.take_profit) = (99_907, Price::NONE.0);
    bench.give(&event)
}

#[test]
fn what_others_hold_on_a_hedging_account_bounds_no_close_of_ours() {
    let mut bench = hedging(|_| ());
    let theirs = foreign(&mut bench, Side::Sell, 12, 88);
    bench.give(&theirs);
    assert_eq!(bench.engine.external(EUR), -12);
    long_ten(&mut bench);
    bench.tick(100_010);
    let close = command(&bench.tick(100_000)).expect("a close of all that is ours");
    assert_eq!((close.qty, close.position, close.order_kind), (10, 55, OrderKind::Sell.code()));
    assert_eq!(command(&bench.tick(99_990)), None, "all there is is under way");
    bench.fill(&close);
    assert_eq!((bench.position(), bench.engine.external(EUR)), (0, -12));
}

#[test]
fn on_a_netting_account_the_venues_net_bounds_a_reduction() {
    let mut bench = Bench::ready();
    long_ten(&mut bench);
    let mut theirs = foreign(&mut bench, Side::Sell, 6, 88);
    theirs.position = 0;
    bench.give(&theirs);
    assert_eq!(bench.engine.external(EUR), -6);
    bench.tick(100_010);
    let close = command(&bench.tick(100_000)).expect("a reduction");
    assert_eq!((close.qty, close.position), (4, 0), "more would open a short position at the venue");
}

#[test]
fn adopted_positions_of_both_sides_are_each_left_by_their_own_ticket() {
    let adopt = |setup: &mut Setup| {
        setup.external = ExternalPolicy::Adopt;
        setup.strategies[0].plan.exits = ExitPlan { hold_ns_max: 500 * NS_PER_MS, ..ExitPlan::OFF };
    };
    let mut bench = hedging(adopt);
    for (side, qty, position) in [(Side::Buy, 10, 70), (Side::Sell, 12, 71)] {
        let theirs = foreign(&mut bench, side, qty, position);
        bench.give(&theirs);
    }
    assert_eq!((bench.position(), bench.engine.external(EUR)), (-2, 0));
    let outputs = bench.wait_ms(500);
    let closes: Vec<_> =
        commands(&outputs).iter().map(|close| (close.position, close.order_kind, close.qty)).collect();
    assert_eq!(closes, [(70, 1, 10), (71, 0, 12)]);
    let reasons = outputs.iter().filter_map(Record::payload::<Exit>).map(|exit| exit.reason);
    assert!(reasons.eq([ExitReason::HoldTime as u32; 2]));
    for close in commands(&outputs) {
        bench.dispatched(&close);
        let mut deal = bench.deal_of(&close, close.qty);
        (deal.position, deal.entry) = (close.position, DealEntry::Out.code());
        bench.give(&deal);
    }
    assert_eq!((bench.position(), bench.engine.holdings().len()), (0, 0));
    assert_eq!(bench.engine.positions().tickets(EUR).count(), 0);
}

/// What opens: at the market, sent and not answered.
fn in_doubt(bench: &mut Bench) -> Command {
    let id = OrderId::new(StrategyId(7), 1, bench.engine.sequence + 1).unwrap();
    let mut entry = Command::read(&[0; 96]);
    (entry.order_id, entry.qty, entry.price) = (id.raw(), 10, 100_000);
    (entry.stop_limit, entry.stop_loss, entry.take_profit) = (Price::NONE.0, 99_890, Price::NONE.0);
    entry.action = OrderAction::Deal.code();
    let record = Record::new(Origin::Engine, bench.now, VenueId(0), EUR, &entry);
    bench.engine.remember_command(&record, &entry);
    bench.journal.push(record);
    bench.dispatched(&entry);
    bench.result(&entry, 10012);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    entry
}

fn short_ten(bench: &mut Bench) {
    let entry = command(&bench.tick(99_990)).expect("an entry");
    bench.fill(&entry);
    assert_eq!(bench.position(), -10);
}

#[test]
fn an_entry_on_its_side_hinders_no_reduction_and_is_taken_back_where_it_would_turn_the_sum_over() {
    let mut bench = Bench::ready();
    short_ten(&mut bench);
    let entry = resting(&mut bench);
    bench.tick(99_985);
    let outputs = bench.tick(99_995);
    let [close, remove] = commands(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!((close.action, close.order_kind, close.qty), (OrderAction::Deal.code(), 0, 10));
    assert_eq!((remove.action, remove.ticket), (OrderAction::Remove.code(), TICKET));
    assert_eq!(commands(&bench.tick(100_005)), [], "all there is is under way");
    bench.fill(&close);
    bench.give(&order_event(&entry, 2, TransactionKind::HistoryAdd));
    assert_eq!((bench.position(), bench.engine.orders().open_count()), (0, 0));
    bench.check_recovery();
}

#[test]
fn an_entry_in_doubt_hinders_no_reduction_of_any_kind() {
    let hold = |setup: &mut Setup| {
        setup.strategies[0].plan.exits = ExitPlan { hold_ns_max: 500 * NS_PER_MS, ..ExitPlan::OFF };
    };
    let mut held = setup();
    hold(&mut held);
    for mut bench in [Bench::ready_of(held), hedging(hold)] {
        short_ten(&mut bench);
        in_doubt(&mut bench);
        assert_eq!(bench.engine.orders().reducing(EUR, Side::Buy), 0);
        let close = command(&bench.wait_ms(500)).expect("an exit");
        assert_eq!((close.qty, close.order_kind), (10, OrderKind::Buy.code()));
        assert_eq!(bench.engine.orders().reducing(EUR, Side::Buy), 10);
        assert_eq!(command(&bench.wait_ms(200)), None, "all there is is under way");
        bench.fill(&close);
        assert_eq!(bench.position(), 0);
    }
}

#[test]
fn side_by_side_an_entry_turns_nothing_over_and_stays() {
    let mut bench = hedging(|_| ());
    short_ten(&mut bench);
    resting(&mut bench);
    bench.tick(99_985);
    let outputs = bench.tick(99_995);
    let actions: Vec<_> = commands(&outputs).iter().map(|command| (command.action, command.qty)).collect();
    assert_eq!(actions, [(OrderAction::Deal.code(), 10)]);
}

#[test]
fn a_close_names_the_ticket_of_now_and_is_counted_by_the_name_that_stays() {
    let mut bench = hedging(|_| ());
    long_ten(&mut bench);
    // Its swap opened the position again.
    shown(&mut bench, [55, 777], 10);
    let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 4, 777, out));
    let first = command(&outputs).expect("a close");
    assert_eq!((first.position, first.qty), (777, 4));
    assert_eq!(bench.engine.orders().order(first.order_id).unwrap().new.position, 55);
    // And once more, while the close is under way.
    shown(&mut bench, [55, 778], 10);
    let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 100, 55, out));
    let second = command(&outputs).expect("a close of the rest");
    assert_eq!((second.position, second.qty), (778, 6));
    assert_eq!(bench.ask(|engine, out| engine.reduce(0, 100, 778, out)).0, Asked::Waits);
    bench.fill(&first);
    bench.fill(&second);
    assert_eq!(bench.position(), 0);
    let (mut recovered, mut spare) = (Engine::new(hedging_setup(|_| ())), Outputs::default());
    bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
    for close in [first, second] {
        assert_eq!(recovered.orders().order(close.order_id), bench.engine.orders().order(close.order_id));
    }
    assert_eq!(recovered.state_hash(), bench.engine.state_hash());
}

#[test]
fn a_request_that_is_under_way_is_about_the_position_whatever_its_ticket_becomes() {
    let mut bench = hedging(|_| ());
    long_ten(&mut bench);
    shown(&mut bench, [55, 777], 10);
    let stops = |bench: &mut Bench, stop: i64| {
        bench.ask(|engine, out| engine.request_stops(EUR, 55, Price(stop), Price::NONE, out))
    };
    let moved = command(&stops(&mut bench, 99_950).1).expect("a move");
    assert_eq!(moved.position, 777);
    shown(&mut bench, [55, 778], 10);
    assert_eq!(stops(&mut bench, 99_960).0, Asked::Waits, "one is under way");
    assert_eq!(bench.engine.requests().request(moved.order_id).unwrap().new.position, 778);
}

#[test]
fn where_a_hedging_venue_lists_less_of_a_position_its_close_takes_no_more_and_the_others_pass() {
    let mut bench = hedging(|_| ());
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    for (qty, position) in [(4, 50), (6, 60)] {
        let mut deal = bench.deal_of(&entry, qty);
        deal.position = position;
        bench.give(&deal);
    }
    let mut queries = Vec::new();
    for _ in 0..2 {
        for _ in 0..100 {
            queries = bench.wait_ms(1_000);
            if queries.iter().any(|record| record.payload::<Query>().is_some()) {
                break;
            }
        }
        let query = queries.iter().find_map(|record| record.payload::<Query>()).expect("a query");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        bench.give(&snapshot);
        for (identifier, qty) in [(50, 1), (60, 6)] {
            let mut event = PositionEvent::read(&[0; 96]);
            (event.identifier, event.ticket, event.qty) = (identifier, identifier, qty);
            bench.give_flagged(&event, FLAG_SNAPSHOT);
        }
        snapshot.phase = 1;
        bench.give(&snapshot);
    }
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::PositionMismatch));
    for (position, qty) in [(50, 1), (60, 6)] {
        let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 100, position, out));
        assert_eq!(command(&outputs).map(|close| (close.position, close.qty)), Some((position, qty)));
    }
}

#[test]
fn a_kill_closes_what_is_ours_where_no_strategy_trades() {
    let mut bench = Bench::ready();
    long_ten(&mut bench);
    // The strategy is gone from the configuration; its position is not.
    let mut setup = setup();
    setup.strategies.clear();
    let (mut engine, mut spare) = (Engine::new(setup), Outputs::default());
    bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
    bench.engine = engine;
    bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] });
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.answer(&queries, &[], 10);
    let mut kill = KillSwitch::read(&[0; 96]);
    (kill.scope, kill.scope_id) = Scope::All.parts();
    (kill.flatten, kill.trigger) = (1, KillTrigger::Command as u8);
    let outputs = bench.give(&kill);
    let close = command(&outputs).expect("a close");
    assert_eq!((close.qty, close.order_kind), (10, OrderKind::Sell.code()));
    bench.fill(&close);
    assert_eq!(bench.position(), 0);
}

#[test]
fn a_venue_that_closes_nothing_by_its_opposite_is_not_asked_to() {
    let mut bench = hedging(|setup| setup.external = ExternalPolicy::Adopt);
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
    spec.order_modes = 63;
    bench.give(&spec);
    for (side, position) in [(Side::Buy, 70), (Side::Sell, 71)] {
        let theirs = foreign(&mut bench, side, 10, position);
        bench.give(&theirs);
    }
    let (asked, outputs) = bench.ask(|engine, out| engine.close_by(EUR, [70, 71], out));
    assert!(matches!(asked, Asked::Refused(refusal) if refusal.reason == Reason::InstrumentOrderKind));
    assert_eq!(denied(&outputs), Some(Reason::InstrumentOrderKind));
    let (_, outputs) = bench.ask(|engine, out| {
        engine.flatten_where(|_| true, out);
        Asked::Stands
    });
    let closes: Vec<_> = commands(&outputs).iter().map(|close| (close.action, close.position)).collect();
    assert_eq!(closes, [(1, 70), (1, 71)], "each by itself");
}

#[test]
fn a_venue_that_is_asked_too_often_is_asked_less() {
    let mut setup = setup();
    setup.strategies[0].plan.entry = EntryPlan { retries_max: 3, ..EntryPlan::MARKET };
    let mut bench = Bench::ready_of(setup);
    let order = resting(&mut bench);
    bench.give(&order_event(&order, 2, TransactionKind::HistoryAdd));
    let first = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&first);
    bench.tick(100_006);
    assert_eq!(command(&bench.result(&first, 10024)), None, "no retry at once");
    assert_eq!(denied(&bench.tick(100_011)), Some(Reason::VenueBusy));
    bench.wait_ms(1_000);
    let second = command(&bench.tick(100_016)).expect("an entry, a second later");
    bench.fill(&second);
    bench.tick(100_020);
    let close = command(&bench.tick(100_010)).expect("a reduction");
    bench.dispatched(&close);
    bench.result(&close, 10024);
    assert_eq!(command(&bench.tick(99_990)), None, "a reduction waits for a moment");
    let resting = resting(&mut bench);
    let (asked, _) = bench.ask(|engine, out| engine.cancel(resting.order_id, out));
    assert!(asked.is_sent(), "a cancel passes: {asked:?}");
    bench.wait_ms(100);
    assert_eq!(command(&bench.tick(99_980)).map(|close| close.qty), Some(10), "and passes before any entry");
}

#[test]
fn an_entry_that_an_earlier_plan_left_resting_is_taken_back() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    assert_eq!(command(&bench.wait_ms(1_000)), None, "this run's own are tended");
    bench.restart(|_| ());
    bench.account(10_000.0);
    let remove = command(&bench.wait_ms(20)).expect("a cancel");
    assert_eq!((remove.action, remove.ticket), (OrderAction::Remove.code(), TICKET));
    bench.told_dispatch(&remove, DispatchOutcome::Sent);
    bench.give(&order_event(&order, 2, TransactionKind::HistoryAdd));
    assert_eq!(bench.engine.orders().open_count(), 0);
}
