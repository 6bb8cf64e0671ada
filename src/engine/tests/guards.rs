//! What stops trading by itself: each guard tripped, shown to let reductions pass, and found again after a restart.
//!
//! What it is not: the gate's own checks, which have tests beside the gate.
//!
//! Invariant: time moves only when a test says so.

use super::*;

impl Bench {
    /// Killed, and read back from its journal by a new engine, connected and reconciled again.
    pub(super) fn restart(&mut self, change: fn(&mut Limits)) {
        let mut setup = setup();
        change(&mut setup.limits);
        let mut engine = Engine::new(setup);
        let mut spare = Outputs::default();
        for record in &self.journal {
            engine.recover(record, &mut spare);
        }
        self.engine = engine;
        let starts = self.journal.iter().filter(|record| record.kind() == Some(Kind::Start)).count();
        self.give(&Start {
            epoch: starts as u64 + 1,
            config_digest: 0,
            ts_wall: 0,
            halted: 0,
            reserved: [0; 7],
        });
        self.session(SessionState::Up, ROLE_MARKET);
        let queries = self.session(SessionState::Up, ROLE_TRADE);
        let position = self.position();
        self.answer(&queries, &[], position);
    }

    pub(super) fn activate(&mut self) -> Vec<Record> {
        let mut control = Control::read(&[0; 96]);
        control.action = ControlAction::Activate as u8;
        self.give(&control)
    }

    /// A long position of one entry, the last quote at 100,005.
    fn enter(&mut self) {
        self.tick(100_000);
        let entry = command(&self.tick(100_005)).expect("an entry");
        self.fill(&entry);
    }

    /// The long position is left, with this profit.
    fn leave(&mut self, profit: f64) -> Vec<Record> {
        self.tick(100_005);
        let exit = command(&self.tick(100_000)).expect("a reduction passes");
        self.dispatched(&exit);
        self.result(&exit, 10008);
        let mut deal = self.deal_of(&exit, exit.qty);
        (deal.entry, deal.profit) = (DealEntry::Out.code(), Money::from_f64(profit).unwrap().0);
        self.give(&deal)
    }
}

fn change(outputs: &[Record]) -> Option<(u8, u32)> {
    let change = outputs.iter().find_map(|record| record.payload::<TradingChange>());
    change.map(|change| (change.to, change.reason))
}

#[test]
fn the_trailing_loss_counts_from_the_highest_equity_over_days_and_restarts() {
    const LIMITS: fn(&mut Limits) = |limits| limits.trailing_loss_max = Money(60_000_000);
    const HALT: Option<(u8, u32)> = Some((Trading::Halted as u8, Reason::LossTrailing as u32));
    let mut bench = Bench::ready_with(LIMITS);
    bench.account(10_030.0);
    bench.enter();
    bench.wait_ms(24 * 3_600_000);
    bench.account(10_010.0);
    bench.restart(LIMITS);
    assert_eq!(change(&bench.account(9_970.01)), None);
    assert_eq!(change(&bench.account(9_970.0)), HALT, "60 below the highest of two days ago");
    bench.leave(0.0);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::TradingHalted));
    // A restart forgets neither the halt nor the highest equity.
    bench.restart(LIMITS);
    assert_eq!(
        (bench.engine.trading(), bench.engine.trading_reason()),
        (Trading::Halted, Some(Reason::LossTrailing))
    );
    bench.account(9_970.0);
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::LossTrailing));
    bench.activate();
    assert_eq!(
        (bench.engine.trading(), bench.engine.closed()),
        (Trading::Active, None),
        "counted anew from 9,970"
    );
    bench.account(9_965.0);
    assert_eq!(bench.engine.trading(), Trading::Active);
    bench.restart(LIMITS);
    bench.account(9_965.0);
    bench.enter();
}

#[test]
fn the_trailing_loss_counts_what_floats() {
    let mut bench = Bench::ready_with(|limits| limits.trailing_loss_max = Money(40_000_000));
    bench.enter();
    bench.tick(99_608);
    assert_eq!(bench.engine.trading(), Trading::Active);
    let halt = change(&bench.tick(99_607));
    assert_eq!(halt, Some((Trading::Halted as u8, Reason::LossTrailing as u32)));
}

#[test]
fn losses_in_a_row_leave_only_reductions_until_the_operator_rearms() {
    const LIMITS: fn(&mut Limits) = |limits| limits.losses_in_row_max = 2;
    let mut bench = Bench::ready_with(LIMITS);
    for profit in [-1.0, 1.0, -1.0] {
        bench.enter();
        assert_eq!(change(&bench.leave(profit)), None);
    }
    // The count goes on after a restart.
    bench.restart(LIMITS);
    bench.account(10_000.0);
    bench.enter();
    let reduced = change(&bench.leave(-1.0));
    assert_eq!(reduced, Some((Trading::Reducing as u8, Reason::LossStreak as u32)));
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::TradingReducing));
    bench.restart(LIMITS);
    bench.account(10_000.0);
    assert_eq!(bench.engine.trading(), Trading::Reducing);
    bench.activate();
    bench.enter();
    bench.leave(-1.0);
    assert_eq!(bench.engine.trading(), Trading::Active, "counted from nothing");
}

#[test]
fn repeated_execution_disables_an_instrument_until_the_operator_rearms() {
    const LIMITS: fn(&mut Limits) =
        |limits| (limits.executions_max, limits.executions_window_ns) = (3, 60 * NS_PER_S);
    let mut bench = Bench::ready_with(LIMITS);
    bench.enter();
    bench.leave(1.0);
    // The first one leaves the window: the next two are the second and third of none.
    bench.wait_ms(60_000);
    for _ in 0..2 {
        bench.enter();
        bench.leave(1.0);
    }
    bench.restart(LIMITS);
    bench.account(10_000.0);
    bench.tick(100_000);
    let outputs = bench.tick(100_005);
    let entry = command(&outputs).expect("the third within a minute");
    assert_eq!(alert(&outputs), Some(AlertCode::ExecutionsRepeated as u32));
    bench.fill(&entry);
    assert_eq!(bench.engine.trading(), Trading::Active, "the instrument alone is disabled");
    bench.leave(1.0);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::ExecutionsRepeated));
    // Neither time nor a restart re-arms it.
    bench.wait_ms(120_000);
    bench.restart(LIMITS);
    bench.account(10_000.0);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::ExecutionsRepeated));
    assert_eq!(bench.engine.counts().denied().collect::<Vec<_>>(), [(Reason::ExecutionsRepeated, 1)]);
    bench.activate();
    assert!(command(&bench.tick(100_000)).is_some());
}

#[test]
fn a_scope_rearms_what_was_opened_too_often_within_it_and_neither_halts_nor_losses() {
    const LIMITS: fn(&mut Limits) = |limits| {
        (limits.executions_max, limits.executions_window_ns) = (2, 60 * NS_PER_S);
        limits.losses_in_row_max = 3;
    };
    let end = |bench: &mut Bench, scope: Scope| {
        let mut control = Control::read(&[0; 96]);
        (control.scope, control.scope_id) = scope.parts();
        control.action = ControlAction::ActivateScope as u8;
        bench.give(&control)
    };
    let own = Scope::Instrument(InstrumentId(0));
    let mut bench = Bench::ready_with(LIMITS);
    bench.enter();
    bench.leave(-1.0);
    end(&mut bench, own);
    bench.enter();
    bench.leave(-1.0);
    let is_throttled = |bench: &Bench| bench.engine.latched(InstrumentId(0)).is_throttled;
    assert!(is_throttled(&bench), "what had not tripped goes on counting");
    for other in [Scope::Instrument(InstrumentId(1)), Scope::Venue(VenueId(1))] {
        assert!(end(&mut bench, other).is_empty());
        assert_eq!(denied(&bench.tick(100_005)), Some(Reason::ExecutionsRepeated), "{other:?}");
        bench.wait_ms(2_000);
        bench.tick(100_000);
    }
    assert!(end(&mut bench, own).is_empty(), "trading stays as it is");
    bench.restart(LIMITS);
    bench.account(10_000.0);
    assert!(!is_throttled(&bench));
    bench.enter();
    // The third loss in a row: nobody began that count anew, and the scope does not end what came of it.
    let outputs = bench.leave(-1.0);
    assert_eq!(change(&outputs), Some((Trading::Reducing as u8, Reason::LossStreak as u32)));
    end(&mut bench, Scope::Venue(VenueId(0)));
    assert_eq!(bench.engine.trading(), Trading::Reducing);
}

#[test]
fn too_little_margin_closes_openings_until_the_account_has_enough() {
    let mut bench = Bench::ready_with(|limits| limits.margin_level_min_percent = 200);
    let margin = |bench: &mut Bench, margin: f64| {
        let mut account = Account::read(&[0; 96]);
        account.balance = Money::from_f64(10_000.0).unwrap().0;
        (account.equity, account.flags) = (account.balance, 15);
        account.margin = Money::from_f64(margin).unwrap().0;
        bench.give(&account)
    };
    margin(&mut bench, 5_000.0);
    bench.enter();
    margin(&mut bench, 5_026.0);
    bench.leave(0.0);
    assert_eq!(denied(&bench.tick(99_990)), Some(Reason::MarginLevel), "198 per cent");
    margin(&mut bench, 0.0);
    assert!(command(&bench.tick(100_000)).is_some());
}

#[test]
fn the_servers_clock_is_the_accounts_own_word() {
    let mut bench = Bench::ready();
    let day = bench.engine.trading_day().expect("an account was told");
    // 1,700,000,000 s is 22:13:20 of a day: with summer time the server's next one has begun.
    for (offset_s, begun) in [(3_600, 0), (7_200, 1)] {
        let mut account = Account::read(&[0; 96]);
        (account.equity, account.flags) = (Money::from_f64(10_000.0).unwrap().0, 15);
        (account.balance, account.tells_offset, account.server_offset_s) = (account.equity, 1, offset_s);
        bench.give(&account);
        assert_eq!(bench.engine.trading_day(), Some(day + begun));
    }
    // A journal of before that word says nothing of the clock.
    bench.account(10_000.0);
    assert_eq!(bench.engine.trading_day(), Some(day + 1));
}

#[test]
fn an_account_that_says_nothing_any_more_closes_openings() {
    let mut bench = Bench::ready_with(|limits| limits.account_age_max_ns = 2 * NS_PER_S);
    bench.enter();
    bench.wait_ms(2_100);
    bench.leave(0.0);
    bench.wait_ms(20);
    assert_eq!(denied(&bench.tick(99_990)), Some(Reason::AccountStale));
    bench.account(10_000.0);
    assert!(command(&bench.tick(100_000)).is_some());
}

#[test]
fn a_jump_of_the_price_closes_openings_until_it_is_calm_and_reductions_pass() {
    const LIMITS: fn(&mut Limits) = |limits| (limits.jump_max_points, limits.jump_window_ns) = (30, NS_PER_S);
    let mut bench = Bench::ready_with(LIMITS);
    bench.enter();
    let exit = command(&bench.tick(99_970)).expect("a reduction passes");
    bench.fill(&exit);
    assert_eq!(denied(&bench.tick(100_006)), Some(Reason::PriceJump));
    // What was seen is in the journal: a restart within the window knows it.
    bench.restart(LIMITS);
    bench.account(10_000.0);
    bench.tick(100_006);
    assert_eq!(denied(&bench.tick(100_012)), Some(Reason::PriceJump));
    for _ in 0..2 {
        bench.wait_ms(1_000);
        bench.tick(100_012);
    }
    assert!(command(&bench.tick(100_020)).is_some());
}

#[test]
fn an_order_of_too_much_value_is_refused() {
    // 0.1 lots at 1.00007, by the venue's tick value of 1 a lot.
    let mut bench = Bench::ready_with(|limits| limits.order_value_max = Money(10_000_000_000));
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::SizeValue));
    let mut bench = Bench::ready_with(|limits| limits.order_value_max = Money(10_001_000_000));
    bench.enter();
    bench.leave(0.0);
}
