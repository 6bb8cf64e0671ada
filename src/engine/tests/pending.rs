//! Entries that rest, and orders that are tried again.
//!
//! What it is not: requests by themselves (`requests.rs`).
//!
//! Invariant: what the venue does not take never leaves; what rests counts whole until it is gone.

use super::requests::{TICKET, order_event};
use super::*;

fn entry(kind: EntryKind) -> EntryPlan {
    EntryPlan { kind, offset_points: 4, stop_limit_offset_points: 3, ..EntryPlan::MARKET }
}

/// What a pending order needs of a venue, and may lack.
fn rules(order_modes: u8, expiration_modes: u8) -> Spec {
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
    (spec.order_modes, spec.expiration_modes) = (order_modes, expiration_modes);
    spec
}

fn ready(entry: EntryPlan, spec: &Spec) -> Bench {
    let mut setup = setup();
    setup.strategies[0].plan.entry = entry;
    let mut bench = Bench::with(setup);
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.give(spec);
    bench.answer(&queries, &[], 0);
    bench.tick(100_000);
    bench
}

fn rest(bench: &mut Bench, pending: &Command) {
    bench.told_dispatch(pending, DispatchOutcome::Sent);
    bench.told_result(pending, 10008);
    bench.give(&order_event(pending, 1, TransactionKind::OrderAdd));
    assert_eq!(bench.state_of(pending), OrderState::Working);
}

#[test]
fn each_kind_of_entry_rests_on_its_side_of_the_market() {
    // Bid 100,005, ask 100,007.
    for (kind, order_kind, price, stop_limit, stop_loss) in [
        (EntryKind::Limit, OrderKind::BuyLimit, 100_003, Price::NONE.0, 99_903),
        (EntryKind::Stop, OrderKind::BuyStop, 100_011, Price::NONE.0, 99_911),
        (EntryKind::StopLimit, OrderKind::BuyStopLimit, 100_011, 100_008, 99_908),
    ] {
        let mut bench = ready(entry(kind), &rules(127, 15));
        let pending = command(&bench.tick(100_005)).expect("an entry");
        assert_eq!((pending.action, pending.order_kind), (OrderAction::Pending.code(), order_kind.code()));
        assert_eq!((pending.price, pending.stop_limit, pending.stop_loss), (price, stop_limit, stop_loss));
        assert_eq!((pending.filling, pending.time_in_force, pending.expiration_s), (2, 0, 0));
        rest(&mut bench, &pending);
        assert_eq!(bench.engine.orders().reserved(InstrumentId(0), Side::Buy), 10);
        assert_eq!(command(&bench.tick(100_010)), None, "a second entry while one rests");
        let mut part = bench.deal_of(&pending, 4);
        (part.deal_type, part.ticket) = (0, TICKET);
        bench.give(&part);
        assert_eq!((bench.state_of(&pending), bench.position()), (OrderState::Partial, 4));
        assert_eq!(bench.engine.orders().reserved(InstrumentId(0), Side::Buy), 6);
    }
}

#[test]
fn what_the_venue_does_not_take_is_refused_with_the_reason() {
    let expiring = EntryPlan { expires_ns: 2 * NS_PER_S, ..entry(EntryKind::Limit) };
    for (plan, spec, reason) in [
        (entry(EntryKind::Limit), rules(1 | 4 | 8 | 48, 15), Reason::InstrumentOrderKind),
        (entry(EntryKind::Stop), rules(1 | 2 | 8 | 48, 15), Reason::InstrumentOrderKind),
        (entry(EntryKind::StopLimit), rules(1 | 2 | 4 | 48, 15), Reason::InstrumentOrderKind),
        (entry(EntryKind::Limit), rules(127 - 16, 15), Reason::InstrumentOrderKind),
        (EntryPlan::MARKET, rules(126, 15), Reason::InstrumentOrderKind),
        (entry(EntryKind::Limit), rules(127, 12), Reason::InstrumentExpiration),
        (expiring, rules(127, 3), Reason::InstrumentExpiration),
    ] {
        let mut bench = ready(plan, &spec);
        let outputs = bench.tick(100_005);
        assert_eq!((command(&outputs), denied(&outputs)), (None, Some(reason)), "{plan:?} {spec:?}");
    }
    let mut bench = ready(entry(EntryKind::Limit), &rules(127, 2));
    assert_eq!(command(&bench.tick(100_005)).map(|pending| pending.time_in_force), Some(1), "the day's end");
}

#[test]
fn a_resting_entry_goes_with_its_signal_its_time_and_trading() {
    let expiring = EntryPlan { expires_ns: 2 * NS_PER_S, ..entry(EntryKind::Limit) };
    for cause in ["signal", "time", "trading"] {
        let mut bench = ready(expiring, &rules(127, 15));
        let pending = command(&bench.tick(100_005)).expect("an entry");
        assert_eq!(pending.time_in_force, TimeInForce::Specified.code());
        assert!(i64::from(pending.expiration_s) * NS_PER_S >= bench.now.0 + 2 * NS_PER_S);
        rest(&mut bench, &pending);
        assert_eq!(command(&bench.wait_ms(1_000)), None);
        let outputs = match cause {
            "signal" => bench.tick(100_004),
            "time" => bench.wait_ms(1_100),
            _ => {
                let mut control = Control::read(&[0; 96]);
                control.action = ControlAction::Reduce as u8;
                bench.give(&control)
            }
        };
        let remove = command(&outputs).unwrap_or_else(|| panic!("no cancel for {cause}"));
        assert_eq!((remove.action, remove.ticket), (OrderAction::Remove.code(), TICKET), "{cause}");
        // It fills before the cancel is there: the fill counts, and the cancel had nothing to take back.
        bench.told_dispatch(&remove, DispatchOutcome::Sent);
        let mut deal = bench.deal_of(&pending, 10);
        (deal.deal_type, deal.ticket) = (0, TICKET);
        bench.give(&deal);
        assert_eq!((bench.state_of(&pending), bench.position()), (OrderState::Filled, 10));
        assert_eq!(bench.stage_of(&remove), crate::order::RequestStage::Moot);
    }
}

#[test]
fn a_resting_entry_follows_the_market() {
    let plan = EntryPlan { follow_points: 3, ..entry(EntryKind::Limit) };
    let mut bench = ready(plan, &rules(127, 15));
    let pending = command(&bench.tick(100_005)).expect("an entry");
    rest(&mut bench, &pending);
    assert_eq!(command(&bench.tick(100_007)), None, "two points are too near");
    let modify = command(&bench.tick(100_008)).expect("a change");
    assert_eq!(
        (modify.action, modify.price, modify.stop_loss),
        (OrderAction::Modify.code(), 100_006, 99_906)
    );
    assert_eq!((modify.ticket, modify.time_in_force), (TICKET, pending.time_in_force));
    assert_eq!(command(&bench.tick(100_012)), None, "one is under way");
}

fn retrying() -> Bench {
    ready(EntryPlan { retries_max: 1, ..EntryPlan::MARKET }, &rules(127, 15))
}

fn retry_of(outputs: &[Record]) -> Option<Retry> {
    outputs.iter().find_map(|record| record.payload())
}

#[test]
fn a_refused_price_is_tried_again_once_as_a_new_order_at_a_fresh_price() {
    let mut bench = retrying();
    let first = command(&bench.tick(100_005)).expect("an entry");
    bench.told_dispatch(&first, DispatchOutcome::Sent);
    bench.tick(100_006);
    let outputs = bench.told_result(&first, 10004);
    let (second, retry) = (command(&outputs).expect("a retry"), retry_of(&outputs).expect("its name"));
    assert_ne!(second.order_id, first.order_id);
    assert_eq!((second.price, second.stop_loss, second.qty), (100_008, 99_908, first.qty));
    assert_eq!((retry.first_id, retry.refused_id, retry.attempt), (first.order_id, first.order_id, 1));
    assert_eq!(second.ts_deadline, first.ts_deadline, "the decision's own deadline");
    assert_eq!(bench.state_of(&first), OrderState::Rejected);
    assert_eq!(command(&bench.told_result(&first, 10004)), None, "the same refusal, told again");
    bench.told_dispatch(&second, DispatchOutcome::Sent);
    bench.tick(100_007);
    assert_eq!(command(&bench.told_result(&second, 10004)), None, "only once");
    // The journal knows which order tries which decision.
    let mut setup = setup();
    setup.strategies[0].plan.entry = EntryPlan { retries_max: 1, ..EntryPlan::MARKET };
    let (mut recovered, mut spare) = (Engine::new(setup), Outputs::default());
    bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
    for order in [first, second] {
        let id = order.order_id;
        assert_eq!(recovered.orders().order(id), bench.engine.orders().order(id));
    }
}

#[test]
fn nothing_is_tried_again_without_a_fresh_price_or_time_or_leave() {
    let refused = |bench: &mut Bench, retcode| {
        let first = command(&bench.tick(100_005)).expect("an entry");
        bench.told_dispatch(&first, DispatchOutcome::Sent);
        (first, retcode)
    };
    // No newer quote.
    let mut bench = retrying();
    let (first, retcode) = refused(&mut bench, 10020);
    assert_eq!(command(&bench.told_result(&first, retcode)), None);
    // A code that allows nothing, or proves nothing.
    for retcode in [10006, 10013, 10019, 10012, 10031] {
        let mut bench = retrying();
        let (first, _) = refused(&mut bench, retcode);
        bench.tick(100_006);
        assert_eq!(command(&bench.told_result(&first, retcode)), None, "{retcode}");
    }
    // Too late, or by default.
    let mut bench = retrying();
    let (first, retcode) = refused(&mut bench, 10004);
    bench.wait_ms(100);
    bench.tick(100_006);
    assert_eq!(command(&bench.told_result(&first, retcode)), None);
    let mut bench = Bench::ready();
    let (first, retcode) = refused(&mut bench, 10004);
    bench.tick(100_006);
    assert_eq!(command(&bench.told_result(&first, retcode)), None);
    // The gate says no.
    let mut bench = retrying();
    let (first, retcode) = refused(&mut bench, 10004);
    bench.tick(100_006);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Halt as u8;
    bench.give(&control);
    let outputs = bench.told_result(&first, retcode);
    assert_eq!((command(&outputs), retry_of(&outputs)), (None, None));
}

#[test]
fn a_refused_reduction_is_tried_again_though_trading_is_halted() {
    let mut bench = retrying();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let exit = command(&bench.tick(100_000)).expect("an exit");
    bench.told_dispatch(&exit, DispatchOutcome::Sent);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Halt as u8;
    bench.give(&control);
    bench.now = bench.now.plus_ns(NS_PER_MS);
    let mut result = CommandResult::read(&[0; 96]);
    (result.order_id, result.action, result.retcode) = (exit.order_id, exit.action, 10004);
    (result.bid, result.ask) = (99_998, 100_000);
    let outputs = bench.give(&result);
    let again = command(&outputs).expect("a retry at the requote's price");
    assert_eq!((again.qty, again.order_kind), (10, 1));
    assert_eq!(retry_of(&outputs).map(|retry| retry.first_id), Some(exit.order_id));
}
