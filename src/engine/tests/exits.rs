//! Exits in the engine: what leaves, that nothing which holds entries back holds them back, and that a restart goes on.
//!
//! What it is not: the rules one by one (`order/exits/tests.rs`).
//!
//! Invariant: after every step of a scenario the journal makes the same positions, and the same next exit.

use super::*;
use crate::order::exits::{BreakEven, ExitReason, Ladder, Rung, Stops, Trailing};

const EUR: InstrumentId = InstrumentId(0);
/// The identifier that `Bench::deal_of` gives.
const POSITION: u64 = 55;

/// A strategy that enters and leaves the leaving to its exits.
fn setup_with(change: &dyn Fn(&mut OrderPlan)) -> Setup {
    let mut setup = setup();
    let thresholds = Thresholds {
        enter_long_above: 1.0,
        enter_short_below: -1e6,
        exit_long_below: -1e6,
        exit_short_above: 1e6,
        cooldown_ns: 0,
        spread_max_ticks: 10,
        quote_age_max_ns: NS_PER_S,
    };
    let strategy = &mut setup.strategies[0];
    strategy.rule = Rule::new(thresholds).unwrap();
    (strategy.plan.exits.stop_loss_points, strategy.plan.take_profit_points) = (100, 0);
    change(&mut strategy.plan);
    setup
}

struct Scene<'a> {
    bench: Bench,
    change: &'a dyn Fn(&mut OrderPlan),
}

impl<'a> Scene<'a> {
    fn new(change: &'a dyn Fn(&mut OrderPlan)) -> Self {
        let mut bench = Bench::with(setup_with(change));
        bench.account(10_000.0);
        bench.session(SessionState::Up, ROLE_MARKET);
        let queries = bench.session(SessionState::Up, ROLE_TRADE);
        bench.spec();
        bench.answer(&queries, &[], 0);
        bench.tick(100_000);
        Scene { bench, change }
    }

    /// Long 10 steps at 100,007; nobody told what stops stand.
    fn long(&mut self) -> Command {
        let entry = command(&self.bench.tick(100_005)).expect("an entry");
        self.bench.fill(&entry);
        assert_eq!(self.bench.position(), 10);
        entry
    }

    /// The venue shows the position with these stops.
    fn shown(&mut self, stop: Price, take: Price) {
        let mut event = PositionEvent::read(&[0; 96]);
        (event.identifier, event.ticket, event.qty) = (POSITION, POSITION, self.bench.position());
        (event.stop_loss, event.take_profit) = (stop.0, take.0);
        self.bench.give(&event);
    }

    /// A tick, on the engine and on one that the journal made: both want the same.
    fn tick(&mut self, bid: i64) -> Vec<Record> {
        let (mut rebuilt, mut spare) = (Engine::new(setup_with(self.change)), Outputs::default());
        self.bench.journal.iter().for_each(|record| rebuilt.recover(record, &mut spare));
        assert_eq!(rebuilt.holdings(), self.bench.engine.holdings());
        let outputs = self.bench.tick(bid);
        let tick = self.bench.journal[self.bench.journal.len() - outputs.len() - 1];
        spare.clear();
        rebuilt.step(&tick, &mut spare);
        let wants = |records: &[Record]| records.iter().filter_map(exit_of).collect::<Vec<_>>();
        assert_eq!(wants(spare.records()), wants(&outputs));
        outputs
    }

    fn wait_ms(&mut self, ms: i64) -> Vec<Record> {
        self.bench.wait_ms(ms)
    }
}

fn exit_of(record: &Record) -> Option<Exit> {
    record.payload::<Exit>()
}

/// The exit that was asked for: its reason, and the command that went with it.
fn asked(outputs: &[Record]) -> Option<(ExitReason, Command)> {
    let exit = outputs.iter().find_map(exit_of)?;
    let command = command(outputs).expect("a command with it");
    assert_eq!(command.order_id, exit.order_id);
    Some((ExitReason::from_code(exit.reason).expect("a reason"), command))
}

#[test]
fn a_stop_follows_one_request_at_a_time_and_never_back() {
    let mut scene = Scene::new(&|plan| plan.exits.trailing = Trailing::Distance(30));
    scene.long();
    assert_eq!(asked(&scene.tick(100_010)), None, "nobody told what stands");
    scene.shown(Price(99_907), Price(100_400));
    let (reason, first) = asked(&scene.tick(100_012)).expect("a move");
    assert_eq!((reason, first.action), (ExitReason::Trailing, OrderAction::StopLevels.code()));
    assert_eq!(
        (first.stop_loss, first.take_profit),
        (99_982, 100_400),
        "the target is named, or it is deleted"
    );
    assert_eq!(asked(&scene.tick(100_030)), None, "the first is under way");
    scene.bench.told_dispatch(&first, DispatchOutcome::Sent);
    scene.bench.told_result(&first, 10009);
    scene.shown(Price(99_982), Price(100_400));
    let (_, second) = asked(&scene.tick(100_020)).expect("from the best price there was");
    assert_eq!(second.stop_loss, 100_000);
    scene.bench.told_dispatch(&second, DispatchOutcome::Sent);
    scene.bench.told_result(&second, 10009);
    assert_eq!(asked(&scene.tick(100_010)), None, "it never moves back");
    // A late word of what stood before changes nothing but what is asked for: the stop that stood.
    scene.shown(Price(99_982), Price(100_400));
    scene.bench.now = scene.bench.now.plus_ns(2 * NS_PER_S);
    let (reason, third) = asked(&scene.tick(100_010)).expect("put back");
    assert_eq!((reason, third.stop_loss), (ExitReason::Restore, 100_000));
}

#[test]
fn exits_pass_while_trading_is_halted_and_features_are_gone() {
    let even = BreakEven { after_points: 20, offset_points: 1 };
    let change = |plan: &mut OrderPlan| {
        (plan.exits.break_even, plan.exits.hold_ns_max) = (Some(even), 500 * NS_PER_MS);
    };
    let mut scene = Scene::new(&change);
    scene.long();
    scene.shown(Price(99_907), Price::NONE);
    let mut halt = Control::read(&[0; 96]);
    halt.action = ControlAction::Halt as u8;
    scene.bench.give(&halt);
    scene.bench.engine.strategies[0].setup.features.reset(EUR);
    let (reason, moved) = asked(&scene.tick(100_027)).expect("a move");
    assert_eq!((reason, moved.stop_loss), (ExitReason::BreakEven, 100_008));
    // No tick need come for it.
    let (reason, close) = asked(&scene.wait_ms(500)).expect("a close");
    assert_eq!((reason, close.order_kind, close.qty), (ExitReason::HoldTime, 1, 10));
    scene.bench.fill(&close);
    assert!(scene.bench.position() == 0 && scene.bench.engine.holdings().is_empty());
}

#[test]
fn a_ladder_sells_parts_of_what_was_filled() {
    let rungs = [Rung { points: 10, share_e4: 5_000 }, Rung { points: 20, share_e4: 2_500 }];
    let ladder = Ladder::new(&rungs).unwrap();
    let change = |plan: &mut OrderPlan| plan.exits.ladder = ladder;
    let mut scene = Scene::new(&change);
    let entry = command(&scene.bench.tick(100_005)).unwrap();
    scene.bench.dispatched(&entry);
    scene.bench.result(&entry, 10008);
    let part = scene.bench.deal_of(&entry, 6);
    scene.bench.give(&part);
    let (reason, first) = asked(&scene.tick(100_017)).expect("the first rung");
    assert_eq!(
        (reason, first.qty, first.order_kind),
        (ExitReason::Ladder, 3, 1),
        "half of the six that filled"
    );
    assert_eq!(asked(&scene.tick(100_018)), None, "it is under way");
    scene.bench.fill(&first);
    assert_eq!(asked(&scene.tick(100_018)), None, "once");
    let rest = scene.bench.deal_of(&entry, 4);
    scene.bench.give(&rest);
    let (_, more) = asked(&scene.tick(100_018)).expect("half of what filled late");
    assert_eq!(more.qty, 2);
    scene.bench.fill(&more);
    let (_, second) = asked(&scene.tick(100_027)).expect("the second rung");
    assert_eq!(second.qty, 2, "7.5 of 10 are 7, and 5 are gone");
    scene.bench.fill(&second);
    assert_eq!((asked(&scene.tick(100_300)), scene.bench.position()), (None, 3));
}

#[test]
fn a_position_without_its_stop_is_protected_or_closed() {
    let demand = |plan: &mut OrderPlan| plan.exits.unprotected_ns_max = 800 * NS_PER_MS;
    // The order shows its stop: all is well.
    let mut well = Scene::new(&demand);
    let entry = well.long();
    let mut event = OrderEvent::read(&[0; 96]);
    (event.magic, event.ticket, event.stop_loss) = (entry.order_id, entry.order_id, entry.stop_loss);
    (event.take_profit, event.order_state, event.transaction) =
        (Price::NONE.0, 4, TransactionKind::HistoryAdd.code());
    well.bench.give(&event);
    well.wait_ms(900);
    assert_eq!(asked(&well.tick(100_006)), None);

    // Nobody says anything: the venue is asked, and in the end the position is closed.
    let mut mute = Scene::new(&demand);
    mute.long();
    mute.wait_ms(700);
    assert_eq!(asked(&mute.tick(100_006)), None);
    let outputs = mute.wait_ms(200);
    let (reason, close) = asked(&outputs).expect("a close");
    assert_eq!((reason, close.qty), (ExitReason::Unprotected, 10));
    assert_eq!(alert(&outputs), Some(AlertCode::Unprotected as u32));

    // The venue shows none: it is placed, and when that is refused the position is closed at once.
    let mut bare = Scene::new(&demand);
    bare.long();
    bare.shown(Price::NONE, Price::NONE);
    let (reason, place) = asked(&bare.tick(100_006)).expect("a stop");
    assert_eq!((reason, place.stop_loss), (ExitReason::Protect, 99_907));
    bare.bench.told_dispatch(&place, DispatchOutcome::Sent);
    bare.bench.told_result(&place, 10016);
    let (reason, close) = asked(&bare.tick(100_006)).expect("a close");
    assert_eq!((reason, close.order_kind), (ExitReason::Unprotected, 1));
}

#[test]
fn what_nobody_told_of_stops_is_asked_for() {
    let mut scene = Scene::new(&|plan| plan.exits.trailing = Trailing::Distance(30));
    scene.long();
    let queries = scene.wait_ms(1_100);
    assert!(queries.iter().any(|record| record.payload::<Query>().is_some()));
    scene.shown(Price(99_907), Price::NONE);
    assert_eq!(
        scene.bench.engine.holdings()[0].stops,
        Some(Stops { stop: Price(99_907), take: Price::NONE })
    );
}

#[test]
fn a_position_is_closed_before_its_session_ends() {
    let mut scene = Scene::new(&|plan| plan.exits.session_end_ns = 60 * NS_PER_S);
    // 1,700,000,000 s is 22:13:20 of a day.
    let from = (22 * 60, 22 * 60 + 15);
    let sessions = crate::signal::Sessions::new(&[from], crate::signal::EVERY_DAY).unwrap();
    let filters = crate::signal::Filters { sessions: Some(sessions), ..Default::default() };
    let thresholds = Thresholds {
        enter_long_above: 1.0,
        enter_short_below: -1e6,
        exit_long_below: -1e6,
        exit_short_above: 1e6,
        cooldown_ns: 0,
        spread_max_ticks: 10,
        quote_age_max_ns: NS_PER_S,
    };
    scene.bench.engine.strategies[0].setup.rule = Rule::with_filters(thresholds, filters).unwrap();
    scene.long();
    scene.bench.leap_ms(39_000);
    assert_eq!(asked(&scene.bench.tick(100_006)), None);
    let (reason, close) = asked(&scene.bench.leap_ms(1_000)).expect("a close");
    assert_eq!((reason, close.qty), (ExitReason::SessionEnd, 10));
}

#[test]
fn when_one_entry_fills_the_other_is_cancelled() {
    for one_cancels_other in [false, true] {
        let change = move |plan: &mut OrderPlan| plan.one_cancels_other = one_cancels_other;
        let mut scene = Scene::new(&change);
        scene.long();
        requests::resting(&mut scene.bench);
        let cancel = command(&scene.wait_ms(50));
        assert_eq!(cancel.is_some(), one_cancels_other);
        if let Some(cancel) = cancel {
            assert_eq!((cancel.action, cancel.ticket), (OrderAction::Remove.code(), requests::TICKET));
        }
    }
}

#[test]
fn what_is_left_of_an_entry_goes_with_its_position() {
    let mut scene = Scene::new(&|plan| plan.one_cancels_other = true);
    let pending = requests::resting(&mut scene.bench);
    let part = scene.bench.deal_of(&pending, 4);
    scene.bench.give(&DealEvent { ticket: requests::TICKET, deal_type: 0, ..part });
    assert_eq!(
        (command(&scene.wait_ms(50)), scene.bench.position()),
        (None, 4),
        "its own position leaves it alone"
    );
    let mut stop = scene.bench.deal_of(&pending, 4);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, 1, 4, 999);
    scene.bench.give(&stop);
    assert_eq!(scene.bench.position(), 0);
    let cancel = command(&scene.wait_ms(50)).expect("a cancel");
    assert_eq!((cancel.action, cancel.ticket), (OrderAction::Remove.code(), requests::TICKET));
}
