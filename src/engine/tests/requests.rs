//! Requests: what leaves, what waits, what is refused, and what becomes of each.
//!
//! What it is not: the table of moves (`order/request.rs`) or the gate's own tests.
//!
//! Invariant: a request leaves once; a doubt is left on evidence; the journal makes the same of it.

use super::*;
use crate::order::{RequestStage, Terms};

pub(super) const TICKET: u64 = 900;

/// A buy limit of ten steps below the market, as an engine that was told to place it holds it; with its ticket, resting.
pub(super) fn resting(bench: &mut Bench) -> Command {
    let pending = placed(bench);
    bench.dispatched(&pending);
    bench.result(&pending, 10008);
    let event = order_event(&pending, 1, TransactionKind::OrderAdd);
    bench.give(&event);
    assert_eq!(bench.state_of(&pending), OrderState::Working);
    pending
}

/// The command of a pending order, journalled as it would be.
fn placed(bench: &mut Bench) -> Command {
    let id = OrderId::new(StrategyId(7), 1, bench.engine.sequence + 1).unwrap();
    let mut pending = Command::read(&[0; 96]);
    (pending.order_id, pending.qty, pending.price) = (id.raw(), 10, 99_990);
    (pending.stop_limit, pending.stop_loss, pending.take_profit) = (Price::NONE.0, 99_890, Price::NONE.0);
    (pending.action, pending.order_kind, pending.filling) =
        (OrderAction::Pending.code(), OrderKind::BuyLimit.code(), 2);
    let record = Record::new(Origin::Engine, bench.now, VenueId(0), InstrumentId(0), &pending);
    bench.engine.remember_command(&record, &pending);
    bench.journal.push(record);
    pending
}

pub(super) fn order_event(pending: &Command, order_state: u8, transaction: TransactionKind) -> OrderEvent {
    let mut event = OrderEvent::read(&[0; 96]);
    (event.magic, event.ticket) = (pending.order_id, TICKET);
    (event.price, event.price_trigger) = (pending.price, pending.stop_limit);
    (event.stop_loss, event.take_profit) = (pending.stop_loss, pending.take_profit);
    (event.order_kind, event.order_state, event.transaction) =
        (pending.order_kind, order_state, transaction.code());
    event
}

impl Bench {
    /// Asks the engine for something, and journals what follows.
    pub(super) fn ask(
        &mut self,
        ask: impl FnOnce(&mut Engine, &mut Outputs) -> Asked,
    ) -> (Asked, Vec<Record>) {
        self.out.clear();
        self.engine.asking.left = 32;
        let asked = ask(&mut self.engine, &mut self.out);
        self.journal.extend_from_slice(self.out.records());
        (asked, self.out.records().to_vec())
    }

    pub(super) fn told_dispatch(&mut self, command: &Command, outcome: DispatchOutcome) -> Vec<Record> {
        let mut dispatch = Dispatch::read(&[0; 96]);
        (dispatch.order_id, dispatch.action, dispatch.outcome) =
            (command.order_id, command.action, outcome as u8);
        self.give(&dispatch)
    }

    pub(super) fn told_result(&mut self, command: &Command, retcode: u32) -> Vec<Record> {
        let mut result = CommandResult::read(&[0; 96]);
        (result.order_id, result.action, result.retcode) = (command.order_id, command.action, retcode);
        self.give(&result)
    }

    pub(super) fn stage_of(&self, request: &Command) -> RequestStage {
        self.engine.requests().request(request.order_id).expect("a request").stage
    }

    /// What the journal makes is what the process has.
    pub(super) fn check_recovery(&self) {
        let (mut recovered, mut spare) = (Engine::new(setup()), Outputs::default());
        self.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
        let list = |engine: &Engine| {
            (engine.requests().open().to_vec(), engine.requests().finals().copied().collect::<Vec<_>>())
        };
        assert_eq!(list(&recovered), list(&self.engine));
        let stops = |engine: &Engine| engine.stops().iter().copied().collect::<Vec<_>>();
        assert_eq!(stops(&recovered), stops(&self.engine));
        let orders = |engine: &Engine| {
            let mut orders: Vec<_> = engine.orders().open().copied().collect();
            orders.sort_unstable_by_key(|order| order.new.id);
            orders
        };
        assert_eq!(orders(&recovered), orders(&self.engine));
        assert_eq!(recovered.sequence, self.engine.sequence);
    }
}

pub(super) fn cancel(bench: &mut Bench, order: &Command) -> Command {
    let (asked, outputs) = bench.ask(|engine, out| engine.cancel(order.order_id, out));
    assert!(asked.is_sent(), "{asked:?}");
    command(&outputs).expect("a command")
}

fn change(outputs: &[Record]) -> Option<RequestStateChange> {
    outputs.iter().find_map(|record| record.payload())
}

/// A complete snapshot with these orders.
fn snapshot_with(bench: &mut Bench, outputs: &[Record], orders: &[OrderEvent]) -> Vec<Record> {
    let query = outputs.iter().find_map(|record| record.payload::<Query>()).expect("a query");
    let mut snapshot = Snapshot::read(&[0; 96]);
    snapshot.query_id = query.query_id;
    let mut all = bench.give(&snapshot);
    for order in orders {
        all.extend(bench.give_flagged(order, FLAG_SNAPSHOT));
    }
    snapshot.phase = 1;
    all.extend(bench.give(&snapshot));
    all
}

fn asked_again(bench: &mut Bench) -> Vec<Record> {
    for _ in 0..100 {
        let outputs = bench.wait_ms(500);
        if outputs.iter().any(|record| record.payload::<Query>().is_some()) {
            return outputs;
        }
    }
    panic!("no question in 50 s");
}

#[test]
fn a_cancel_has_its_own_id_and_the_order_ends_by_the_venues_word_alone() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    let remove = cancel(&mut bench, &order);
    assert_eq!((remove.action, remove.ticket), (OrderAction::Remove.code(), TICKET));
    assert_ne!(remove.order_id, order.order_id);
    assert_eq!(bench.ask(|engine, out| engine.cancel(order.order_id, out)).0, Asked::Waits);
    bench.told_dispatch(&remove, DispatchOutcome::Sent);
    bench.told_result(&remove, 10008);
    assert_eq!(bench.stage_of(&remove), RequestStage::Pending);
    let outputs = bench.told_result(&remove, 10009);
    assert_eq!(change(&outputs).map(|change| change.to), Some(RequestStage::Done as u8));
    // Done, and still open and reserved: a part may have filled before.
    assert_eq!(bench.state_of(&order), OrderState::Working);
    let part = bench.deal_of(&order, 4);
    bench.give(&DealEvent { ticket: TICKET, deal_type: 0, ..part });
    bench.give(&order_event(&order, 2, TransactionKind::HistoryAdd));
    assert_eq!((bench.state_of(&order), bench.position()), (OrderState::Cancelled, 4));
    assert_eq!(bench.engine.orders().reserved(InstrumentId(0), Side::Buy), 0);
    assert_eq!(bench.ask(|engine, out| engine.cancel(order.order_id, out)).0, Asked::Stands);
    bench.check_recovery();
}

#[test]
fn a_cancel_without_an_answer_is_in_doubt_and_proves_nothing() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    let remove = cancel(&mut bench, &order);
    bench.told_dispatch(&remove, DispatchOutcome::Sent);
    bench.wait_ms(1_100);
    assert_eq!(bench.stage_of(&remove), RequestStage::Unknown);
    assert_eq!(
        (bench.state_of(&order), bench.engine.orders().reserved(InstrumentId(0), Side::Buy)),
        (OrderState::Working, 10)
    );
    assert_eq!(bench.ask(|engine, out| engine.cancel(order.order_id, out)).0, Asked::Waits);
    // Two snapshots that show it resting: it was not done, and may be asked for anew.
    let listed = order_event(&order, 1, TransactionKind::OrderAdd);
    for read in 1..=2 {
        assert_eq!(bench.stage_of(&remove), RequestStage::Unknown, "before read {read}");
        let queries = asked_again(&mut bench);
        snapshot_with(&mut bench, &queries, &[listed]);
    }
    assert_eq!(bench.stage_of(&remove), RequestStage::NotDone);
    bench.wait_ms(300);
    let again = cancel(&mut bench, &order);
    assert_ne!(again.order_id, remove.order_id);
    // The first one was late, and is executed after all.
    bench.told_dispatch(&again, DispatchOutcome::Sent);
    bench.give(&order_event(&order, 2, TransactionKind::HistoryAdd));
    assert_eq!((bench.state_of(&order), bench.stage_of(&again)), (OrderState::Cancelled, RequestStage::Done));
    let outputs = bench.told_result(&remove, 10009);
    assert_eq!(alert(&outputs), Some(AlertCode::RequestReturned as u32));
    bench.check_recovery();
}

#[test]
fn what_never_left_is_asked_for_again_and_what_was_refused_too_but_not_at_once() {
    for (outcome, retcode, stage) in [
        (DispatchOutcome::NoCredit, 0, RequestStage::NotSent),
        (DispatchOutcome::Sent, 10029, RequestStage::Refused),
    ] {
        let mut bench = Bench::ready();
        let order = resting(&mut bench);
        let remove = cancel(&mut bench, &order);
        bench.told_dispatch(&remove, outcome);
        if retcode != 0 {
            bench.told_result(&remove, retcode);
        }
        assert_eq!(bench.stage_of(&remove), stage);
        assert_eq!(bench.ask(|engine, out| engine.cancel(order.order_id, out)).0, Asked::Waits);
        bench.wait_ms(300);
        cancel(&mut bench, &order);
        bench.check_recovery();
    }
}

#[test]
fn a_kill_cancels_what_rests_and_goes_on_until_it_is_gone() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Kill as u8;
    let remove = command(&bench.give(&control)).expect("a cancel at once");
    assert_eq!((remove.action, remove.ticket), (OrderAction::Remove.code(), TICKET));
    bench.told_dispatch(&remove, DispatchOutcome::NoSession);
    let again = command(&bench.wait_ms(300)).expect("another, after the first never left");
    bench.told_dispatch(&again, DispatchOutcome::Sent);
    assert_eq!(command(&bench.wait_ms(300)), None, "one is under way");
    bench.give(&order_event(&order, 2, TransactionKind::HistoryAdd));
    assert_eq!(bench.engine.orders().open_count(), 0);
    bench.check_recovery();
}

#[test]
fn a_change_is_seen_in_the_order_itself_and_moves_no_order_before() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    let terms = Terms {
        price: Price(99_980),
        stop_limit: Price::NONE,
        stop_loss: Price(99_885),
        take_profit: Price::NONE,
    };
    let (asked, outputs) = bench.ask(|engine, out| engine.modify_pending(order.order_id, terms, out));
    assert!(asked.is_sent(), "{asked:?}");
    let modify = command(&outputs).unwrap();
    assert_eq!((modify.action, modify.price, modify.stop_loss), (OrderAction::Modify.code(), 99_980, 99_885));
    assert_eq!(outputs.last().unwrap().aux() >> AUX_REVISION_SHIFT, 1);
    bench.told_dispatch(&modify, DispatchOutcome::Sent);
    bench.session(SessionState::Down, ROLE_TRADE);
    assert_eq!(bench.stage_of(&modify), RequestStage::Unknown);
    assert_eq!(bench.engine.orders().order(order.order_id).unwrap().terms.price, Price(99_990));
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    assert_eq!(command(&queries), None, "sent again after the reconnect");
    let moved = Command { price: 99_980, stop_loss: 99_885, ..order };
    let listed = order_event(&moved, 1, TransactionKind::OrderAdd);
    snapshot_with(&mut bench, &queries, &[listed]);
    assert_eq!(bench.stage_of(&modify), RequestStage::Done);
    assert_eq!(bench.engine.orders().order(order.order_id).unwrap().terms, terms);
    assert_eq!(bench.ask(|engine, out| engine.modify_pending(order.order_id, terms, out)).0, Asked::Stands);
    // A cancel waits for no change that is under way.
    let nearer = Terms { price: Price(99_985), ..terms };
    let (asked, outputs) = bench.ask(|engine, out| engine.modify_pending(order.order_id, nearer, out));
    assert!(asked.is_sent(), "{asked:?}");
    assert_eq!(outputs.last().unwrap().aux() >> AUX_REVISION_SHIFT, 2);
    cancel(&mut bench, &order);
    let (asked, _) = bench.ask(|engine, out| engine.modify_pending(order.order_id, nearer, out));
    assert!(asked.waits(), "{asked:?}");
    bench.check_recovery();
}

fn entered(bench: &mut Bench) -> Command {
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    entry
}

fn stop_at(bench: &mut Bench, stop_loss: i64) -> (Asked, Vec<Record>) {
    let stop_loss = if stop_loss == 0 { Price::NONE } else { Price(stop_loss) };
    bench.ask(|engine, out| engine.request_stops(InstrumentId(0), 0, stop_loss, Price::NONE, out))
}

#[test]
fn a_tighter_stop_passes_whatever_closes_openings_and_a_looser_one_does_not() {
    let mut bench = Bench::ready();
    entered(&mut bench);
    assert_eq!(bench.engine.stops().of(InstrumentId(0), 0).unwrap().stop_loss, Price(99_907));
    assert_eq!(stop_at(&mut bench, 99_907).0, Asked::Stands);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Halt as u8;
    bench.give(&control);
    let refused = |asked: Asked| match asked {
        Asked::Refused(refusal) => Some(refusal.reason),
        _ => None,
    };
    for looser in [99_900, 0] {
        assert_eq!(refused(stop_at(&mut bench, looser).0), Some(Reason::TradingHalted), "{looser}");
    }
    assert_eq!(refused(stop_at(&mut bench, 100_006).0), Some(Reason::PriceLevel), "beyond the market");
    let (asked, outputs) = stop_at(&mut bench, 99_950);
    assert!(asked.is_sent(), "{asked:?}");
    let sltp = command(&outputs).unwrap();
    assert_eq!((sltp.action, sltp.position, sltp.stop_loss), (OrderAction::StopLevels.code(), 55, 99_950));
    assert_eq!(stop_at(&mut bench, 99_960).0, Asked::Waits);
    bench.told_dispatch(&sltp, DispatchOutcome::Sent);
    bench.told_result(&sltp, 10009);
    // The stop stands where the venue says, and it has not said yet.
    assert_eq!(bench.engine.stops().of(InstrumentId(0), 55).unwrap().stop_loss, Price(99_907));
    let mut position = PositionEvent::read(&[0; 96]);
    (position.ticket, position.identifier, position.qty) = (55, 55, 10);
    (position.stop_loss, position.take_profit) = (99_950, Price::NONE.0);
    bench.give(&position);
    assert_eq!(bench.engine.stops().of(InstrumentId(0), 55).unwrap().stop_loss, Price(99_950));
    bench.check_recovery();
}

#[test]
fn a_request_about_a_position_that_is_gone_is_moot() {
    let mut bench = Bench::ready();
    let entry = entered(&mut bench);
    let sltp = command(&stop_at(&mut bench, 99_950).1).unwrap();
    bench.told_dispatch(&sltp, DispatchOutcome::Sent);
    let mut stop = bench.deal_of(&entry, 10);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, 1, 4, 999);
    bench.give(&stop);
    assert_eq!((bench.position(), bench.stage_of(&sltp)), (0, RequestStage::Moot));
    assert!(bench.engine.stops().of(InstrumentId(0), 0).is_none());
    assert!(matches!(stop_at(&mut bench, 99_960).0, Asked::Refused(_)));
    bench.check_recovery();
}

#[test]
fn a_part_of_a_position_is_closed_and_never_more_than_there_is() {
    let mut bench = Bench::ready();
    entered(&mut bench);
    let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 4, 0, out));
    let first = command(&outputs).unwrap();
    assert_eq!((first.qty, first.action, first.order_kind), (4, OrderAction::Deal.code(), 1));
    let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 100, 0, out));
    assert_eq!(command(&outputs).unwrap().qty, 6);
    assert_eq!(bench.ask(|engine, out| engine.reduce(0, 1, 0, out)).0, Asked::Waits);
    bench.check_recovery();
}

/// A hedging account with a long position of ten and a short one of four.
fn hedged() -> Bench {
    let mut bench = Bench::ready();
    let mut up = Session::read(&[0; 96]);
    (up.state, up.roles, up.margin_mode) =
        (SessionState::Up as u8, ROLE_MARKET | ROLE_TRADE, MarginMode::Hedging.code());
    let queries = bench.give(&up);
    bench.answer(&queries, &[], 0);
    let long = entered(&mut bench);
    let mut short = bench.deal_of(&long, 4);
    (short.deal_type, short.position, short.ticket, short.magic) = (1, 66, 901, 0);
    let id = OrderId::new(StrategyId(7), 1, bench.engine.sequence + 1).unwrap();
    let mut sell = Command { order_id: id.raw(), order_kind: 1, qty: 4, ..long };
    sell.stop_loss = Price::NONE.0;
    let record = Record::new(Origin::Engine, bench.now, VenueId(0), InstrumentId(0), &sell);
    bench.engine.remember_command(&record, &sell);
    bench.journal.push(record);
    short.magic = sell.order_id;
    bench.give(&short);
    assert_eq!(bench.position(), 6);
    bench
}

#[test]
fn two_positions_close_each_other_once_and_nothing_else_closes_them_meanwhile() {
    let mut bench = hedged();
    let (asked, outputs) = bench.ask(|engine, out| engine.close_by(InstrumentId(0), [55, 66], out));
    assert!(asked.is_sent(), "{asked:?}");
    let close = command(&outputs).unwrap();
    assert_eq!((close.action, close.position, close.position_by, close.qty), (10, 55, 66, 4));
    for pair in [[55, 66], [66, 55]] {
        assert_eq!(bench.ask(|engine, out| engine.close_by(InstrumentId(0), pair, out)).0, Asked::Waits);
    }
    // What the close-by may still take of the ticket is left to it.
    let (_, outputs) = bench.ask(|engine, out| engine.reduce(0, 100, 55, out));
    assert_eq!(command(&outputs).map(|command| (command.position, command.qty)), Some((55, 6)));
    bench.told_dispatch(&close, DispatchOutcome::Sent);
    bench.told_result(&close, 10008);
    bench.wait_ms(1_100);
    assert_eq!(bench.stage_of(&close), RequestStage::Unknown);
    // Handed on and not listed: it may still come, so no snapshot ends the doubt.
    for _ in 0..3 {
        let queries = asked_again(&mut bench);
        snapshot_with(&mut bench, &queries, &[]);
    }
    assert_eq!(bench.stage_of(&close), RequestStage::Unknown);
    for (at, side, position) in [(1, 1, 55), (2, 0, 66)] {
        let mut deal = DealEvent::read(&[0; 96]);
        (deal.deal, deal.magic, deal.ticket, deal.position) = (7_000 + at, close.order_id, 950, position);
        (deal.qty, deal.price, deal.entry, deal.deal_type) = (4, 100_000, DealEntry::OutBy.code(), side);
        (deal.transaction, deal.reason) = (TransactionKind::DealAdd.code(), 3);
        bench.give(&deal);
    }
    assert_eq!((bench.stage_of(&close), bench.position()), (RequestStage::Done, 6));
    let tickets: Vec<_> = bench.engine.positions().tickets(InstrumentId(0)).collect();
    assert_eq!((tickets, bench.engine.external(InstrumentId(0))), (vec![(55, 6)], 0));
    bench.check_recovery();
}

#[test]
fn netting_accounts_close_nothing_by_its_opposite() {
    let mut bench = Bench::ready();
    entered(&mut bench);
    let (asked, outputs) = bench.ask(|engine, out| engine.close_by(InstrumentId(0), [55, 66], out));
    assert!(matches!(asked, Asked::Refused(refusal) if refusal.reason == Reason::AccountNetting));
    assert_eq!((command(&outputs), denied(&outputs)), (None, Some(Reason::AccountNetting)));
}

#[test]
fn the_operator_ends_a_request_in_doubt() {
    let mut bench = hedged();
    let (_, outputs) = bench.ask(|engine, out| engine.close_by(InstrumentId(0), [55, 66], out));
    let close = command(&outputs).unwrap();
    bench.told_dispatch(&close, DispatchOutcome::Sent);
    bench.told_result(&close, 10012);
    assert_eq!(bench.stage_of(&close), RequestStage::Unknown);
    let mut overdue = bench.wait_ms(5_100);
    overdue.retain(|record| alert(&[*record]) == Some(AlertCode::RequestOverdue as u32));
    assert_eq!(overdue.len(), 1);
    let mut control = Control::read(&[0; 96]);
    (control.order_id, control.action) = (close.order_id, ControlAction::ResolveNotExecuted as u8);
    bench.give(&control);
    assert_eq!(bench.stage_of(&close), RequestStage::NotDone);
    bench.check_recovery();
}

#[test]
fn a_start_doubts_what_was_under_way() {
    let mut bench = Bench::ready();
    let order = resting(&mut bench);
    let remove = cancel(&mut bench, &order);
    bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] });
    assert_eq!(bench.stage_of(&remove), RequestStage::Unknown);
    bench.check_recovery();
}

#[test]
fn flattening_closes_opposite_positions_by_each_other_and_reduces_the_rest() {
    let mut bench = hedged();
    let mut sent = 0;
    let (_, outputs) = bench.ask(|engine, out| {
        sent = engine.flatten_where(|_| true, out);
        Asked::Stands
    });
    let commands: Vec<Command> = outputs.iter().filter_map(|record| record.payload()).collect();
    let actions: Vec<_> =
        commands.iter().map(|command| (command.action, command.position, command.qty)).collect();
    assert_eq!((sent, actions), (2, vec![(10, 55, 4), (1, 55, 6)]));
    let mut again = 0;
    bench.ask(|engine, out| {
        again = engine.flatten_where(|_| true, out);
        Asked::Stands
    });
    assert_eq!(again, 0, "all there is is under way");
    bench.check_recovery();
}

#[test]
fn a_sweep_asks_for_no_more_than_a_step_has_room_for_and_goes_on_later() {
    let mut setup = setup();
    setup.limits.open_orders_max = 100;
    let mut bench = Bench::with(setup);
    bench.session(SessionState::Up, ROLE_MARKET | ROLE_TRADE);
    bench.spec();
    for at in 0..50 {
        let pending = placed(&mut bench);
        bench.dispatched(&pending);
        let event = OrderEvent { ticket: TICKET + at, ..order_event(&pending, 1, TransactionKind::OrderAdd) };
        bench.give(&event);
    }
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Halt as u8;
    let count =
        |outputs: &[Record]| outputs.iter().filter(|record| record.payload::<Command>().is_some()).count();
    let first = bench.give(&control);
    assert_eq!(count(&first), 32);
    assert_eq!(count(&bench.wait_ms(20)), 18);
    assert_eq!(count(&bench.wait_ms(300)), 0);
    bench.check_recovery();
}
