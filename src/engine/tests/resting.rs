//! No opening trades with what rests of the same account: ours, or what the venue told of others.
//!
//! What it is not: the suite of controls, which trips it as it trips every other.
//!
//! Invariant: time moves only when a test says so. The ask is two above the bid, and the deviation five points.

use super::requests::{TICKET, order_event};
use super::*;
use crate::order::Terms;

fn ready(policy: ExternalPolicy) -> Bench {
    let mut bench = Bench::ready_of(Setup { external: policy, ..setup() });
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
    (spec.order_modes, spec.expiration_modes) = (127, 15);
    bench.give(&spec);
    bench
}

/// An order of somebody else.
fn others(kind: OrderKind, price: i64) -> OrderEvent {
    let mut event = OrderEvent::read(&[0; 96]);
    (event.ticket, event.price, event.qty_open) = (77, price, 3);
    (event.order_kind, event.order_state, event.transaction) =
        (kind.code(), 1, TransactionKind::OrderAdd.code());
    event
}

fn rise(bench: &mut Bench) -> Vec<Record> {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
    bench.tick(bid);
    bench.tick(bid + 5)
}

fn place(bench: &mut Bench, kind: OrderKind, price: i64) -> Vec<Record> {
    let terms = Terms { price: Price(price), ..Terms::NONE };
    let wish = PendingWish { kind, qty: Qty(10), terms, expires_ns: 0 };
    bench.ask(|engine, out| engine.place_pending(0, &wish, out)).1
}

#[test]
fn an_opening_that_would_reach_an_order_of_others_waits_until_it_is_gone() {
    // Bought at 100,007, and at 100,012 at the worst.
    for (kind, price, is_refused) in [
        (OrderKind::SellLimit, 100_012, true),
        (OrderKind::SellLimit, 100_013, false),
        (OrderKind::BuyLimit, 99_990, false),
        (OrderKind::SellStop, 99_990, false),
    ] {
        let mut bench = ready(ExternalPolicy::Count);
        bench.give(&others(kind, price));
        let outputs = rise(&mut bench);
        assert_eq!(command(&outputs).is_none(), is_refused, "{kind:?} at {price}");
        assert_eq!(denied(&outputs), is_refused.then_some(Reason::SelfTrade), "{kind:?} at {price}");
    }
    let mut bench = ready(ExternalPolicy::Count);
    bench.give(&others(OrderKind::SellLimit, 100_010));
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::SelfTrade));
    let (mut read, mut spare) = (Engine::new(setup()), Outputs::default());
    bench.journal.iter().for_each(|record| read.recover(record, &mut spare));
    assert_eq!(read.state_hash(), bench.engine.state_hash());
    let over =
        OrderEvent { transaction: TransactionKind::HistoryAdd.code(), ..others(OrderKind::SellLimit, 0) };
    bench.give(&OrderEvent { order_state: 2, ..over });
    assert!(command(&rise(&mut bench)).is_some(), "it is gone");
}

#[test]
fn what_a_snapshot_does_not_list_rests_no_more_and_what_is_ignored_hinders_nothing() {
    let mut bench = ready(ExternalPolicy::Count);
    bench.give(&others(OrderKind::SellLimit, 100_010));
    bench.session(SessionState::Down, ROLE_TRADE);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.answer(&queries, &[], 0);
    assert!(command(&rise(&mut bench)).is_some());
    let mut bench = ready(ExternalPolicy::Ignore);
    bench.give(&others(OrderKind::SellLimit, 100_010));
    assert!(command(&rise(&mut bench)).is_some());
}

#[test]
fn an_exit_leaves_whatever_rests() {
    let mut bench = ready(ExternalPolicy::Count);
    let entry = command(&rise(&mut bench)).expect("an entry");
    bench.fill(&entry);
    bench.give(&others(OrderKind::BuyLimit, 100_000));
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!(exit.order_kind, OrderKind::Sell.code());
}

#[test]
fn our_own_orders_do_not_meet_each_other_when_placed_or_moved() {
    let mut bench = ready(ExternalPolicy::Count);
    bench.tick(100_000);
    let resting = command(&place(&mut bench, OrderKind::BuyLimit, 99_990)).expect("it rests");
    bench.told_dispatch(&resting, DispatchOutcome::Sent);
    bench.told_result(&resting, 10008);
    bench.give(&order_event(&resting, 1, TransactionKind::OrderAdd));
    assert_eq!(order_event(&resting, 1, TransactionKind::OrderAdd).ticket, TICKET);
    // A stop that sells at 99,990 would meet it; one at 99,991 would not.
    assert_eq!(denied(&place(&mut bench, OrderKind::SellStop, 99_990)), Some(Reason::SelfTrade));
    assert!(command(&place(&mut bench, OrderKind::SellStop, 99_991)).is_some());
    // Somebody sells at 99,995: our order does not go there.
    bench.give(&others(OrderKind::SellLimit, 99_995));
    let to = |price: i64| Terms { price: Price(price), ..terms_of(&resting) };
    let id = resting.order_id;
    let (asked, _) = bench.ask(|engine, out| engine.modify_pending(id, to(99_995), out));
    assert!(matches!(asked, Asked::Refused(refusal) if refusal.reason == Reason::SelfTrade), "{asked:?}");
    let (asked, _) = bench.ask(|engine, out| engine.modify_pending(id, to(99_994), out));
    assert!(asked.is_sent(), "{asked:?}");
}

fn terms_of(command: &Command) -> Terms {
    Terms {
        price: Price(command.price),
        stop_limit: Price(command.stop_limit),
        stop_loss: Price(command.stop_loss),
        take_profit: Price(command.take_profit),
    }
}
