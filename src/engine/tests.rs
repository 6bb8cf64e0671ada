//! The engine through its one door: records in, records out.
//!
//! What it is not: the parts' own tests; those stand beside each part.
//!
//! Invariant: time moves only when a test says so.

mod amended;
mod arrival;
mod asked;
mod bounds;
mod breakers;
mod connections;
mod continuity;
mod controls;
mod doubts;
mod exits;
mod exposure;
mod external;
mod guards;
mod history;
mod kill;
mod late_fills;
mod limits;
mod losses;
mod models;
mod other_numbers;
mod overrides;
mod pending;
mod reductions;
mod requests;
mod resting;
mod sizing;
mod stops;
mod strategy;
mod teller;
mod tickets;
mod units;

use super::*;
use crate::features::{Clock, FeatureGraph, FeatureSpec, Input, Kind as FeatureKind};
use crate::model::{LoadOptions, Model};
use crate::order::Verdict;
use crate::order::exits::ExitPlan;
use crate::record::*;
use crate::risk::Limits;
use crate::signal::{Rule, Thresholds};
use crate::types::*;

pub(super) use strategy::setup;
use strategy::unit;

const START_NS: i64 = 1_700_000_000 * NS_PER_S;

/// The engine with its time, and every input it was given.
#[derive(Clone)]
struct Bench {
    engine: Engine,
    out: Outputs,
    now: TimeNs,
    journal: Vec<Record>,
    deal: u64,
}

impl Bench {
    fn new() -> Self {
        Bench::with(setup())
    }

    fn with(setup: Setup) -> Self {
        let mut bench = Bench {
            engine: Engine::new(setup),
            out: Outputs::default(),
            now: TimeNs(START_NS),
            journal: Vec::new(),
            deal: 100,
        };
        bench.give(&Start { epoch: 1, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] });
        bench
    }

    /// Connected, with rules, account and an agreed empty snapshot.
    fn ready() -> Self {
        Bench::ready_with(|_| ())
    }

    /// The same with other limits.
    fn ready_with(change: fn(&mut Limits)) -> Self {
        let mut setup = setup();
        change(&mut setup.limits);
        Bench::ready_of(setup)
    }

    /// The same with another setup.
    fn ready_of(setup: Setup) -> Self {
        let mut bench = Bench::with(setup);
        bench.account(10_000.0);
        bench.session(SessionState::Up, ROLE_MARKET);
        let queries = bench.session(SessionState::Up, ROLE_TRADE);
        bench.spec();
        bench.answer(&queries, &[], 0);
        bench.tick(100_000);
        bench
    }

    fn give<P: Payload>(&mut self, payload: &P) -> Vec<Record> {
        self.give_flagged(payload, 0)
    }

    fn give_flagged<P: Payload>(&mut self, payload: &P, flags: u8) -> Vec<Record> {
        self.give_of(InstrumentId(0), payload, flags)
    }

    fn give_with_aux<P: Payload>(&mut self, payload: &P, aux: u32) -> Vec<Record> {
        let record = Record::new(Origin::Operator, self.now, VenueId(0), InstrumentId::NONE, payload);
        self.give_record(record.with_aux(aux))
    }

    fn give_of<P: Payload>(&mut self, instrument: InstrumentId, payload: &P, flags: u8) -> Vec<Record> {
        self.give_record(
            Record::new(Origin::Trade, self.now, VenueId(0), instrument, payload).with_flags(flags),
        )
    }

    fn give_record(&mut self, record: Record) -> Vec<Record> {
        self.out.clear();
        self.engine.step(&record, &mut self.out);
        self.journal.push(record);
        self.journal.extend_from_slice(self.out.records());
        self.out.records().to_vec()
    }

    /// Time passes, and the engine is told as the lane does while it waits.
    fn wait_ms(&mut self, ms: i64) -> Vec<Record> {
        let end = self.now.plus_ns(ms * NS_PER_MS);
        let mut outputs = Vec::new();
        while self.now < end {
            self.now = self.now.plus_ns(10 * NS_PER_MS).min(end);
            outputs.extend(self.give(&ClockTick { reserved: 0 }));
        }
        outputs
    }

    /// The clock leaps.
    fn leap_ms(&mut self, ms: i64) -> Vec<Record> {
        self.now = self.now.plus_ns(ms * NS_PER_MS);
        self.give(&ClockTick { reserved: 0 })
    }

    fn session(&mut self, state: SessionState, roles: u8) -> Vec<Record> {
        let mut session = Session::read(&[0; 96]);
        (session.state, session.roles) = (state as u8, roles);
        self.give(&session)
    }

    fn account(&mut self, equity: f64) -> Vec<Record> {
        let mut account = Account::read(&[0; 96]);
        account.balance = Money::from_f64(equity).unwrap().0;
        (account.equity, account.flags) = (account.balance, 15);
        self.give(&account)
    }

    fn spec(&mut self) {
        let mut spec = Spec::read(&[0; 96]);
        (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
        (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
        (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
        self.give(&spec);
    }

    /// Answers the query among `outputs` with these deals and this position.
    fn answer(&mut self, outputs: &[Record], deals: &[DealEvent], position: i64) -> Vec<Record> {
        let query = outputs.iter().find_map(|record| record.payload::<Query>()).expect("a query");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        let mut all = self.give(&snapshot);
        for deal in deals {
            all.extend(self.give_flagged(deal, FLAG_SNAPSHOT));
        }
        if position != 0 {
            let mut event = PositionEvent::read(&[0; 96]);
            event.qty = position;
            all.extend(self.give_flagged(&event, FLAG_SNAPSHOT));
        }
        snapshot.phase = 1;
        all.extend(self.give(&snapshot));
        all
    }

    fn tick(&mut self, bid: i64) -> Vec<Record> {
        self.tick_stamped(bid, 0)
    }

    /// A tick whose stamp is ahead of our clock.
    fn tick_stamped(&mut self, bid: i64, ahead_ns: i64) -> Vec<Record> {
        self.now = self.now.plus_ns(NS_PER_MS);
        let mut tick = Tick::read(&[0; 96]);
        (tick.bid, tick.ask, tick.last, tick.ts_venue) = (bid, bid + 2, Price::NONE.0, self.now.0 + ahead_ns);
        self.give(&tick)
    }

    fn dispatched(&mut self, command: &Command) -> Vec<Record> {
        let mut dispatch = Dispatch::read(&[0; 96]);
        (dispatch.order_id, dispatch.outcome) = (command.order_id, DispatchOutcome::Sent as u8);
        self.give(&dispatch)
    }

    fn result(&mut self, command: &Command, retcode: u32) -> Vec<Record> {
        let mut result = CommandResult::read(&[0; 96]);
        (result.order_id, result.retcode) = (command.order_id, retcode);
        self.give(&result)
    }

    fn deal_of(&mut self, command: &Command, qty: i64) -> DealEvent {
        self.deal += 1;
        let mut deal = DealEvent::read(&[0; 96]);
        (deal.deal, deal.magic, deal.ticket, deal.position) =
            (self.deal, command.order_id, command.order_id, 55);
        (deal.price, deal.qty, deal.ts_venue) = (command.price, qty, self.now.0);
        // Every kind of order is even when it buys.
        (deal.transaction, deal.deal_type) = (TransactionKind::DealAdd.code(), command.order_kind % 2);
        deal
    }

    /// Sends, acknowledges and fills.
    fn fill(&mut self, command: &Command) -> Vec<Record> {
        self.dispatched(command);
        self.result(command, 10008);
        let deal = self.deal_of(command, command.qty);
        self.give(&deal)
    }

    fn position(&self) -> i64 {
        self.engine.positions().net(InstrumentId(0)).qty
    }

    fn state_of(&self, command: &Command) -> OrderState {
        self.engine.orders().order(command.order_id).unwrap().state
    }
}

fn command(outputs: &[Record]) -> Option<Command> {
    outputs.iter().find_map(|record| record.payload::<Command>())
}

fn denied(outputs: &[Record]) -> Option<Reason> {
    outputs
        .iter()
        .find_map(|record| record.payload::<Denied>())
        .and_then(|denied| Reason::from_code(denied.reason))
}

fn alert(outputs: &[Record]) -> Option<u32> {
    outputs.iter().find_map(|record| record.payload::<Alert>()).map(|alert| alert.code)
}

#[test]
fn a_tick_becomes_an_order_a_fill_a_position_and_an_exit() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    assert_eq!((entry.qty, entry.price, entry.stop_loss), (10, 100_007, 99_907));
    assert_eq!((entry.action, entry.order_kind, entry.filling), (1, 0, 0));
    assert_eq!(OrderId::from_raw(entry.order_id).unwrap().to_string(), "7.1.1");
    assert_eq!(command(&bench.tick(100_010)), None, "a second entry while the first is open");
    let changes = bench.fill(&entry);
    assert!(
        changes
            .iter()
            .any(|record| record.payload::<OrderStateChange>().is_some_and(|change| change.to == 7))
    );
    assert_eq!((bench.position(), bench.state_of(&entry)), (10, OrderState::Filled));
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!((exit.order_kind, exit.qty, exit.stop_loss), (1, 10, Price::NONE.0));
    bench.fill(&exit);
    assert_eq!(bench.position(), 0);
    assert_eq!((bench.engine.counts().orders, bench.engine.counts().fills), (2, 2));
}

#[test]
fn nothing_opens_before_everything_is_known_and_reconciled() {
    let mut bench = Bench::new();
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::InstrumentUnknown));
    bench.spec();
    assert_eq!(denied(&bench.tick(100_015)), Some(Reason::SessionDown));
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    assert_eq!(denied(&bench.tick(100_025)), Some(Reason::AccountDisabled));
    bench.account(10_000.0);
    assert_eq!(denied(&bench.tick(100_035)), Some(Reason::SessionUnreconciled));
    bench.answer(&queries, &[], 0);
    assert!(command(&bench.tick(100_045)).is_some());
}

#[test]
fn a_real_account_is_refused_by_default() {
    let mut bench = Bench::ready();
    let mut session = Session::read(&[0; 96]);
    (session.state, session.roles, session.account_mode) = (SessionState::Up as u8, ROLE_TRADE, 2);
    let queries = bench.give(&session);
    bench.answer(&queries, &[], 0);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::AccountReal));
}

#[test]
fn an_order_without_an_answer_is_unknown_and_its_side_closed_until_evidence() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    let outputs = bench.wait_ms(1_100);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    assert!(
        outputs
            .iter()
            .any(|record| record.payload::<OrderStateChange>().is_some_and(|change| change.to == 6))
    );
    bench.tick(100_000);
    assert_eq!(command(&bench.tick(100_005)), None, "an entry while one is in doubt");
    // Two snapshots that know nothing of it, a second apart.
    for read in 1..=2 {
        assert_eq!(bench.state_of(&entry), OrderState::Unknown, "before read {read}");
        let queries = bench.wait_ms(1_100);
        bench.answer(&queries, &[], 0);
    }
    assert_eq!(bench.state_of(&entry), OrderState::Rejected);
    assert_eq!(bench.engine.orders().order(entry.order_id).unwrap().verdict, Verdict::Snapshot);
    assert!(command(&bench.tick(100_010)).is_some());
}

#[test]
fn a_fill_found_in_a_snapshot_ends_the_doubt_and_counts_once() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.dispatched(&entry);
    bench.session(SessionState::Down, ROLE_TRADE);
    assert_eq!(bench.state_of(&entry), OrderState::Unknown);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    let deal = bench.deal_of(&entry, 10);
    bench.answer(&queries, &[deal], 10);
    assert_eq!((bench.state_of(&entry), bench.position()), (OrderState::Filled, 10));
    bench.give(&deal);
    assert_eq!((bench.position(), bench.engine.counts().deals_repeated), (10, 1));
}

#[test]
fn an_ambiguous_code_is_doubt_and_a_refusal_is_not() {
    for (retcode, state) in
        [(10012, OrderState::Unknown), (10031, OrderState::Unknown), (10019, OrderState::Rejected)]
    {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).unwrap();
        bench.dispatched(&entry);
        bench.result(&entry, retcode);
        assert_eq!(bench.state_of(&entry), state, "{retcode}");
    }
}

#[test]
fn a_position_difference_that_stays_closes_the_gate_and_alerts_once() {
    let mut bench = Bench::ready();
    let mut alerts = 0;
    for _ in 0..4 {
        let mut queries = bench.wait_ms(1_100);
        while !queries.iter().any(|record| record.payload::<Query>().is_some()) {
            queries = bench.wait_ms(5_000);
        }
        let outputs = bench.answer(&queries, &[], 3);
        alerts += outputs
            .iter()
            .filter(|record| alert(&[**record]) == Some(AlertCode::PositionMismatch as u32))
            .count();
    }
    assert_eq!(alerts, 1);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::PositionMismatch));
}

#[test]
fn what_the_venue_held_before_us_is_exposure_not_ours() {
    let mut bench = Bench::new();
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.spec();
    let outputs = bench.answer(&queries, &[], 95);
    assert_eq!(alert(&outputs), Some(AlertCode::ExternalPosition as u32));
    bench.tick(100_000);
    assert_eq!(bench.position(), 0);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::SizePosition), "95 held and 10 wanted of 100");
    let sell = command(&bench.tick(99_990)).expect("the other side has room");
    assert_eq!(sell.order_kind, 1);
}

#[test]
fn the_daily_loss_halts_until_the_operator_says_otherwise() {
    let mut bench = Bench::ready();
    let outputs = bench.account(9_949.0);
    let change: TradingChange = outputs.iter().find_map(|record| record.payload()).expect("a halt");
    assert_eq!((change.to, change.reason), (Trading::Halted as u8, Reason::LossDaily as u32));
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::TradingHalted));
    bench.account(10_000.0);
    assert_eq!(bench.engine.trading(), Trading::Halted);
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Activate as u8;
    bench.give(&control);
    assert!(command(&bench.tick(100_010)).is_some());
}

#[test]
fn the_daily_loss_counts_what_floats_between_two_accounts() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    // 10 steps of 0.01 lots at 1.0 a tick and lot: 500 ticks down is 50 in account currency.
    bench.tick(99_508);
    assert_eq!(bench.engine.trading(), Trading::Active);
    let outputs = bench.tick(99_507);
    assert!(
        outputs.iter().any(|record| record.payload::<TradingChange>().is_some()),
        "{:?}",
        bench.engine.floating()
    );
    assert_eq!(bench.engine.trading(), Trading::Halted);
}

#[test]
fn refusals_in_a_row_reduce_trading() {
    let mut bench = Bench::ready();
    let mut bid = 100_000;
    for _ in 0..3 {
        bid += 5;
        let entry = command(&bench.tick(bid)).unwrap();
        bench.dispatched(&entry);
        bench.result(&entry, 10006);
    }
    assert_eq!(bench.engine.trading(), Trading::Reducing);
    assert_eq!(denied(&bench.tick(bid + 5)), Some(Reason::TradingReducing));
    assert_eq!(bench.engine.counts().refused().collect::<Vec<_>>(), [(10006, 3)]);
}

#[test]
fn a_stop_that_the_venue_executed_closes_our_position_and_overfills_nothing() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    let mut stop = bench.deal_of(&entry, 10);
    (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, 1, 4, 999);
    let outputs = bench.give(&stop);
    assert_eq!((bench.position(), alert(&outputs)), (0, None));
}
