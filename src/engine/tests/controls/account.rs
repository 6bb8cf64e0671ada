//! Controls of everything at once: sessions, the account, what may leave, losses, streaks, the kill switch, breakers and clocks.
//!
//! What it is not: a judge of one order.
//!
//! Invariant: as that of the suite.

use super::*;
use crate::engine::loss::LossWatch;
use crate::risk::{BreakerPlan, Component};
use crate::types::Scope;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = sessions();
    all.extend(trading());
    all.extend(losses());
    all.extend(guards());
    all
}

/// The account's word with these flags and this margin.
fn account(rig: &mut Rig, flags: u8, margin: f64) {
    let mut account = Account::read(&[0; 96]);
    account.balance = Money::from_f64(10_000.0).unwrap().0;
    (account.equity, account.flags) = (account.balance, flags);
    account.margin = Money::from_f64(margin).unwrap().0;
    rig.bench.give(&account);
}

fn sessions() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "SESSION_DOWN",
            trip: |rig| drop(rig.bench.session(SessionState::Down, ROLE_MARKET)),
            ..PLAIN
        },
        Scenario {
            code: "SESSION_UNRECONCILED",
            trip: |rig| {
                rig.bench.session(SessionState::Down, ROLE_TRADE);
                rig.bench.session(SessionState::Up, ROLE_TRADE);
            },
            // What was executed while it was down is not known: nothing is closed twice.
            reduces: Reduces::Waits,
            ..PLAIN
        },
        Scenario {
            code: "POSITION_MISMATCH",
            trip: |rig| {
                for _ in 0..3 {
                    let mut outputs = rig.bench.wait_ms(500);
                    while !outputs.iter().any(|record| record.payload::<Query>().is_some()) {
                        outputs = rig.bench.wait_ms(500);
                    }
                    rig.reconcile(&outputs, 13);
                }
            },
            ..PLAIN
        },
        Scenario { code: "ACCOUNT_REAL", trip: |rig| rig.reconnects(2), ..PLAIN },
        Scenario { code: "ACCOUNT_DISABLED", trip: |rig| account(rig, 7, 0.0), ..PLAIN },
        Scenario {
            code: "ACCOUNT_STALE",
            setup: |setup| setup.limits.account_age_max_ns = 2 * NS_PER_S,
            trip: |rig| drop(rig.bench.wait_ms(2_100)),
            ..PLAIN
        },
        Scenario {
            code: "MARGIN_LEVEL",
            setup: |setup| setup.limits.margin_level_min_percent = 200,
            trip: |rig| account(rig, 15, 5_026.0),
            ..PLAIN
        },
    ]
}

fn trading() -> Vec<Scenario> {
    vec![
        Scenario { code: "TRADING_HALTED", trip: |rig| rig.control(ControlAction::Halt), ..PLAIN },
        Scenario { code: "TRADING_REDUCING", trip: |rig| rig.control(ControlAction::Reduce), ..PLAIN },
        Scenario {
            code: "OPERATOR_ORDER",
            seen: Seen::Changed,
            trip: |rig| rig.control(ControlAction::Reduce),
            ..PLAIN
        },
        Scenario {
            code: "OPERATOR_KILL",
            seen: Seen::Changed,
            trip: |rig| rig.control(ControlAction::Kill),
            ..PLAIN
        },
        Scenario {
            code: "KILL_SCOPE",
            trip: |rig| {
                let mut kill = KillSwitch::read(&[0; 96]);
                (kill.scope, kill.scope_id) = Scope::Instrument(InstrumentId(0)).parts();
                kill.trigger = KillTrigger::Command as u8;
                rig.bench.give(&kill);
            },
            ..PLAIN
        },
        Scenario {
            code: "LATCH_SET",
            seen: Seen::Changed,
            trip: |rig| {
                let start = Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 1, reserved: [0; 7] };
                rig.bench.give(&start);
                rig.reconnects(0);
            },
            ..PLAIN
        },
        Scenario {
            code: "JOURNAL_FAULT",
            trip: |rig| {
                fault(rig, FaultKind::JournalDisk);
                rig.control(ControlAction::Activate);
            },
            ..PLAIN
        },
        Scenario {
            code: "DEALS_NUMBERS_BEGAN_AGAIN",
            seen: Seen::Changed,
            trip: |rig| {
                let order = rig.place();
                rig.bench.dispatched(&order);
                rig.bench.deal = 100;
                let deal = rig.bench.deal_of(&order, 1);
                rig.bench.give(&deal);
            },
            ..PLAIN
        },
        Scenario {
            code: "REJECT_STREAK",
            seen: Seen::Changed,
            trip: |rig| (0..3).for_each(|_| refuse(rig, 10006)),
            ..PLAIN
        },
        Scenario {
            code: "LOSS_STREAK",
            seen: Seen::Changed,
            setup: |setup| setup.limits.losses_in_row_max = 2,
            trip: |rig| (0..2).for_each(|_| lose(rig, 1)),
            ..PLAIN
        },
    ]
}

fn fault(rig: &mut Rig, kind: FaultKind) {
    rig.bench.give(&Fault { detail: 28, kind: kind as u8, reserved: [0; 7] });
}

/// An order that the venue refuses.
pub(super) fn refuse(rig: &mut Rig, retcode: u32) {
    let order = rig.place();
    rig.bench.dispatched(&order);
    rig.bench.result(&order, retcode);
}

/// So much of the position is closed, and one unit lost.
pub(super) fn lose(rig: &mut Rig, qty: i64) {
    let (_, outputs) = rig.bench.ask(|engine, out| engine.reduce(0, qty, 0, out));
    let exit = command(&outputs).expect("a reduction");
    rig.bench.dispatched(&exit);
    let mut deal = rig.bench.deal_of(&exit, qty);
    (deal.entry, deal.profit) = (DealEntry::Out.code(), -1_000_000);
    rig.bench.give(&deal);
}

fn losses() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "LOSS_DAILY",
            trip: |rig| {
                rig.bench.account(9_949.0);
                assert_eq!(rig.bench.engine.trading(), Trading::Halted);
                rig.control(ControlAction::Activate);
            },
            ..PLAIN
        },
        Scenario {
            code: "LOSS_TRAILING",
            seen: Seen::Changed,
            setup: |setup| setup.limits.trailing_loss_max = Money(40_000_000),
            trip: |rig| drop(rig.bench.account(9_959.0)),
            ..PLAIN
        },
        Scenario {
            code: "LOSS_UNKNOWN",
            trip: |rig| {
                // Every word of an account tells its equity, so it is taken out by hand.
                rig.bench.engine.loss = LossWatch::default();
                rig.bench.engine.renew_conditions();
            },
            ..PLAIN
        },
    ]
}

fn breaker(setup: &mut Setup, component: Component) {
    setup.guards.breakers[component as usize] =
        BreakerPlan { failures: 1, window_ns: 60 * NS_PER_S, cool_down_ns: 10 * NS_PER_S };
}

fn incident(rig: &mut Rig, kind: IncidentKind, amount: i64) {
    rig.bench.give(&Incident { amount, kind: kind as u8, reserved: [0; 7] });
}

fn guards() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "BREAKER_LINK",
            setup: |setup| breaker(setup, Component::Link),
            trip: |rig| {
                rig.bench.session(SessionState::Down, ROLE_MARKET);
                rig.reconnects(0);
            },
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_HANDSHAKE",
            setup: |setup| breaker(setup, Component::Handshake),
            trip: |rig| incident(rig, IncidentKind::HandshakeRefused, 1),
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_REJECTS",
            setup: |setup| breaker(setup, Component::Rejects),
            trip: |rig| refuse(rig, 10019),
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_REQUOTES",
            setup: |setup| breaker(setup, Component::Requotes),
            trip: |rig| refuse(rig, 10004),
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_TIME_OUTS",
            setup: |setup| breaker(setup, Component::TimeOuts),
            trip: |rig| {
                let order = rig.place();
                rig.bench.dispatched(&order);
                rig.bench.wait_ms(1_100);
            },
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_DISK",
            // A journal that fell behind halts everything; the operator's word closes the breaker with it.
            seen: Seen::Behind(Reason::TradingHalted),
            setup: |setup| breaker(setup, Component::Disk),
            trip: |rig| fault(rig, FaultKind::JournalBehind),
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_CLOCK",
            setup: |setup| {
                breaker(setup, Component::Clock);
                setup.guards.clock.step_ns_max = NS_PER_S;
            },
            trip: |rig| {
                incident(rig, IncidentKind::ClockError, -2 * NS_PER_S);
                incident(rig, IncidentKind::ClockError, 1_000);
            },
            ..PLAIN
        },
        Scenario {
            code: "BREAKER_STALLS",
            setup: |setup| {
                breaker(setup, Component::Stalls);
                setup.guards.clock.stall_ns_max = 2 * NS_PER_S;
            },
            trip: |rig| drop(rig.bench.leap_ms(2_100)),
            ..PLAIN
        },
        Scenario {
            code: "CLOCK_STEP",
            setup: |setup| setup.guards.clock.step_ns_max = NS_PER_S,
            trip: |rig| incident(rig, IncidentKind::ClockError, -2 * NS_PER_S),
            ..PLAIN
        },
        Scenario {
            code: "CLOCK_OFFSET",
            setup: |setup| setup.guards.clock.offset_ns_max = 2 * NS_PER_S,
            trip: |rig| drop(rig.bench.tick_stamped(100_006, 3 * NS_PER_S)),
            ..PLAIN
        },
    ]
}
