//! Levels before the loss limits, and money that comes and goes: each tripped, and shown to let reductions and cancels pass.
//!
//! What it is not: the limits themselves, which `guards.rs` trips, or the reckoning of flows (`loss/flows.rs`).
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::risk::{BoundsPlan, FlowPolicy, LossPlan, StreakPlan};

fn planned(loss: LossPlan) -> Setup {
    let mut setup = setup();
    setup.guards.bounds = BoundsPlan { loss, ..BoundsPlan::default() };
    setup
}

fn by_deals() -> LossPlan {
    LossPlan { flows: FlowPolicy::Deals, ..LossPlan::default() }
}

/// Told that the account changed by a deposit, or a withdrawal.
fn moves(bench: &mut Bench, amount: f64, flags: u8) -> Vec<Record> {
    bench.deal += 1;
    let mut deal = DealEvent::read(&[0; 96]);
    (deal.deal, deal.deal_type, deal.price) = (bench.deal, 2, Price::NONE.0);
    (deal.profit, deal.ts_venue) = (Money::from_f64(amount).unwrap().0, bench.now.0);
    deal.transaction = TransactionKind::DealAdd.code();
    bench.give_of(InstrumentId::NONE, &deal, flags)
}

fn trading(outputs: &[Record]) -> Option<(u8, u32)> {
    let change = outputs.iter().find_map(|record| record.payload::<TradingChange>());
    change.map(|change| (change.to, change.reason))
}

fn alerts(outputs: &[Record]) -> Vec<u32> {
    outputs.iter().filter_map(Record::payload::<Alert>).map(|alert| alert.code).collect()
}

/// Killed, and read back by a new engine of the same plan.
fn restart(bench: &mut Bench, loss: LossPlan) {
    let mut engine = Engine::new(planned(loss));
    let mut spare = Outputs::default();
    bench.journal.iter().for_each(|record| engine.recover(record, &mut spare));
    assert_eq!(engine.state_hash(), bench.engine.state_hash(), "recovered as it was");
    bench.engine = engine;
    bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] });
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    let position = bench.position();
    bench.answer(&queries, &[], position);
}

/// The bid moves up by 5 ticks after a quiet one.
fn rise(bench: &mut Bench) -> Vec<Record> {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
    bench.tick(bid);
    bench.tick(bid + 5)
}

fn enter(bench: &mut Bench) -> Command {
    let entry = command(&rise(bench)).expect("an entry");
    bench.fill(&entry);
    entry
}

/// The long position is left: whatever keeps openings back, this passes.
fn leave(bench: &mut Bench) {
    let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
    bench.tick(bid);
    let exit = command(&bench.tick(bid - 5)).expect("a reduction passes");
    bench.dispatched(&exit);
    bench.result(&exit, 10008);
    let mut deal = bench.deal_of(&exit, exit.qty);
    deal.entry = DealEntry::Out.code();
    bench.give(&deal);
}

/// An entry that rests, and a word that it can be taken back: whatever closes openings, a cancel passes.
fn cancel_passes(bench: &mut Bench, resting: &Command) {
    bench.out.clear();
    let asked = bench.engine.cancel(resting.order_id, &mut bench.out);
    assert!(asked.is_sent(), "{asked:?}");
}

#[test]
fn a_withdrawal_trips_no_loss_limit_and_a_deposit_hides_no_loss_over_restarts() {
    let mut bench = Bench::ready_of(planned(by_deals()));
    bench.account(10_000.0);
    let told = moves(&mut bench, -4_000.0, 0);
    assert_eq!(alerts(&told), [AlertCode::MoneyMoved as u32]);
    assert_eq!(trading(&bench.account(6_000.0)), None);
    assert_eq!((bench.engine.trading(), bench.engine.closed()), (Trading::Active, None));
    // Told again, as every snapshot does.
    restart(&mut bench, by_deals());
    bench.account(6_000.0);
    bench.account(11_000.0);
    moves(&mut bench, 5_000.0, 0);
    bench.account(11_000.0);
    restart(&mut bench, by_deals());
    assert_eq!(trading(&bench.account(10_951.0)), None, "a loss of 49 of 50");
    bench.deal += 1;
    let mut loss = DealEvent::read(&[0; 96]);
    (loss.deal, loss.deal_type, loss.profit) = (bench.deal, 4, Money::from_f64(-50.0).unwrap().0);
    (loss.ts_venue, loss.transaction) = (bench.now.0, TransactionKind::DealAdd.code());
    bench.give_of(InstrumentId::NONE, &loss, 0);
    let halt = trading(&bench.account(10_950.0));
    assert_eq!(halt, Some((Trading::Halted as u8, Reason::LossDaily as u32)), "a charge is a cost");
    assert_eq!(bench.engine.counts().deals_repeated, 0);
}

#[test]
fn a_deal_that_is_told_twice_counts_once() {
    let mut bench = Bench::ready_of(planned(by_deals()));
    bench.account(10_000.0);
    moves(&mut bench, -40.0, 0);
    bench.deal -= 1;
    moves(&mut bench, -40.0, FLAG_SNAPSHOT);
    assert_eq!(bench.engine.counts().deals_repeated, 1);
    bench.account(9_960.0);
    bench.account(9_951.0);
    assert_eq!(
        bench.engine.closed().map(|refusal| refusal.got),
        Some(-9_000_000),
        "nothing is left to explain it"
    );
}

#[test]
fn a_fall_that_nothing_explains_closes_openings_and_is_a_loss_by_deals() {
    let balance = LossPlan { flows: FlowPolicy::Balance, ..LossPlan::default() };
    for (plan, halts) in [(by_deals(), true), (balance, false)] {
        let mut bench = Bench::ready_of(planned(plan));
        bench.account(10_000.0);
        enter(&mut bench);
        assert_eq!(trading(&bench.account(9_900.0)), None);
        leave(&mut bench);
        assert_eq!(denied(&rise(&mut bench)), Some(Reason::LossFlow));
        let mut halted = None;
        for _ in 0..6 {
            let queries = bench.wait_ms(1_000);
            if queries.iter().any(|record| record.payload::<Query>().is_some()) {
                bench.answer(&queries, &[], 0);
            }
            halted = halted.or(trading(&bench.account(9_900.0)));
        }
        assert_eq!(halted.is_some(), halts, "{plan:?}");
        assert_eq!(command(&rise(&mut bench)).is_some(), !halts, "{plan:?}");
    }
}

#[test]
fn a_soft_level_leaves_only_reductions_until_the_operator_rearms() {
    let soft = |daily: i64, trailing: i64| LossPlan {
        daily_soft: Money(daily * 1_000_000),
        trailing_soft: Money(trailing * 1_000_000),
        ..LossPlan::default()
    };
    for (plan, reason) in [(soft(20, 0), Reason::LossDailySoft), (soft(0, 20), Reason::LossTrailingSoft)] {
        let mut bench = Bench::ready_of(planned(plan));
        enter(&mut bench);
        assert_eq!(trading(&bench.account(9_981.0)), None);
        let reduced = trading(&bench.account(9_980.0));
        assert_eq!(reduced, Some((Trading::Reducing as u8, reason as u32)));
        restart(&mut bench, plan);
        bench.account(9_980.0);
        assert_eq!(bench.engine.trading(), Trading::Reducing);
        leave(&mut bench);
        assert_eq!(denied(&rise(&mut bench)), Some(Reason::TradingReducing));
        bench.activate();
        assert_eq!(trading(&bench.account(9_979.0)), None, "the operator's word outranks the level");
        enter(&mut bench);
        bench.account(9_990.0);
        assert_eq!(trading(&bench.account(9_975.0)).map(|change| change.1), Some(reason as u32), "and again");
    }
}

#[test]
fn a_cancel_passes_the_soft_level() {
    let plan = LossPlan { daily_soft: Money(20_000_000), ..LossPlan::default() };
    let mut bench = Bench::ready_of(planned(plan));
    bench.tick(100_000);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let mut order = OrderEvent::read(&[0; 96]);
    (order.ticket, order.magic, order.price) = (entry.order_id, entry.order_id, entry.price);
    (order.qty_initial, order.qty_open, order.order_state) = (10, 6, 3);
    (order.price_trigger, order.stop_loss, order.take_profit) = (Price::NONE.0, Price::NONE.0, Price::NONE.0);
    bench.give(&order);
    let outputs = bench.account(9_980.0);
    assert_eq!(bench.engine.trading(), Trading::Reducing);
    // What waits to open is swept by the level itself, or may be taken back by hand.
    let swept = outputs.iter().filter_map(Record::payload::<Command>);
    if swept.filter(|command| command.action == OrderAction::Remove.code()).count() == 0 {
        cancel_passes(&mut bench, &entry);
    }
}

#[test]
fn a_loss_near_its_limit_is_told_once_a_day() {
    let plan = LossPlan { warn_percent: 80, ..LossPlan::default() };
    let mut bench = Bench::ready_of(planned(plan));
    assert!(alerts(&bench.account(9_961.0)).is_empty());
    assert_eq!(alerts(&bench.account(9_960.0)), [AlertCode::LossNear as u32]);
    restart(&mut bench, plan);
    assert!(alerts(&bench.account(9_955.0)).is_empty(), "told already");
    bench.leap_ms(24 * 3_600_000);
    bench.account(9_955.0);
    assert_eq!(alerts(&bench.account(9_915.0)), [AlertCode::LossNear as u32]);
    assert_eq!(bench.engine.trading(), Trading::Active);
}

#[test]
fn a_loss_limit_closes_what_is_held_where_that_is_asked_for() {
    for flattens in [false, true] {
        let plan = LossPlan { flattens, ..LossPlan::default() };
        let mut bench = Bench::ready_of(planned(plan));
        enter(&mut bench);
        let outputs = bench.account(9_950.0);
        assert_eq!(trading(&outputs).map(|change| change.1), Some(Reason::LossDaily as u32));
        let close = command(&outputs).filter(|command| command.order_kind == 1);
        assert_eq!(alerts(&outputs).contains(&(AlertCode::LossFlattened as u32)), flattens);
        assert_eq!(close.is_some(), flattens);
        if let Some(close) = close {
            restart(&mut bench, plan);
            assert_eq!(bench.engine.killed_count(), 1);
            let deal = bench.deal_of(&close, close.qty);
            bench.give(&deal);
            assert_eq!(bench.position(), 0);
            bench.account(10_000.0);
            bench.activate();
            assert_eq!(bench.engine.killed_count(), 0);
        }
    }
}

/// As [`planned`], with limits on losing deals and refusals within 10 s.
fn streaks() -> Setup {
    let mut setup = setup();
    setup.guards.bounds.streaks = StreakPlan { losses_max: 2, rejects_max: 2, window_ns: 10 * NS_PER_S };
    setup
}

#[test]
fn losses_and_rejects_within_a_time_leave_only_reductions() {
    let lose = |bench: &mut Bench, profit: f64| {
        enter(bench);
        let bid = bench.engine.market().quote(InstrumentId(0)).bid.0;
        bench.tick(bid);
        let exit = command(&bench.tick(bid - 5)).expect("a reduction passes");
        bench.dispatched(&exit);
        bench.result(&exit, 10008);
        let mut deal = bench.deal_of(&exit, exit.qty);
        (deal.entry, deal.profit) = (DealEntry::Out.code(), Money::from_f64(profit).unwrap().0);
        trading(&bench.give(&deal)).map(|change| change.1)
    };
    let mut bench = Bench::ready_of(streaks());
    assert_eq!(lose(&mut bench, -1.0), None);
    bench.wait_ms(10_100);
    bench.account(10_000.0);
    assert_eq!([lose(&mut bench, -1.0), lose(&mut bench, 1.0)], [None; 2]);
    assert_eq!(lose(&mut bench, -1.0), Some(Reason::LossWindow as u32), "a win between them is no matter");
    let mut bytes = StateBytes::default();
    bench.engine.save_state(&mut bytes);
    let mut loaded = Engine::new(streaks());
    loaded.load_state(&mut StateSource::new(&bytes.into_bytes())).unwrap();
    assert_eq!(loaded.state_hash(), bench.engine.state_hash());
    assert_eq!(denied(&rise(&mut bench)), Some(Reason::TradingReducing));
    bench.activate();
    assert_eq!(lose(&mut bench, -1.0), None, "counted from nothing");

    let mut bench = Bench::ready_of(streaks());
    let refuse = |bench: &mut Bench| {
        let entry = command(&rise(bench)).expect("an entry");
        bench.dispatched(&entry);
        trading(&bench.result(&entry, 10006)).map(|change| change.1)
    };
    assert_eq!(refuse(&mut bench), None);
    assert_eq!(lose(&mut bench, 1.0), None, "a fill ends a row, and not this");
    assert_eq!(refuse(&mut bench), Some(Reason::RejectWindow as u32));
}

#[test]
fn one_soft_level_that_the_operator_outranked_does_not_silence_the_other() {
    let money = |amount| Money::from_f64(amount).unwrap();
    let plan = LossPlan { daily_soft: money(10.0), trailing_soft: money(20.0), ..LossPlan::default() };
    let mut bench = Bench::ready_of(planned(plan));
    bench.account(10_000.0);
    let reduced = |reason: Reason| Some((Trading::Reducing as u8, reason as u32));
    assert_eq!(trading(&bench.account(9_989.0)), reduced(Reason::LossDailySoft));
    let mut activate = Control::read(&[0; 96]);
    activate.action = ControlAction::Activate as u8;
    bench.give(&activate);
    assert_eq!(trading(&bench.account(9_988.0)), None, "it was outranked");
    assert_eq!(trading(&bench.account(9_979.0)), reduced(Reason::LossTrailingSoft));
}
