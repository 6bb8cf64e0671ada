//! The sending lane while the engine hangs: nobody takes its reports, and nobody told it of the kill but the flag.
//!
//! What it is not: a test of what the engine makes of the answers; `engine/tests/kill.rs` is.
//!
//! Invariant: nothing here waits; the lane is called by hand, on a clock that stands.

use crate::agents::{
    Admission, Endpoint, EndpointSettings, KnownUnits, Outbound, RingSizes, Send, SendParts, rings,
};
use crate::link::ServerSettings;
use crate::record::{Command, Dispatch, DispatchOutcome, Layout, Origin, ROLE_MARKET, ROLE_TRADE, Record};
use crate::runtime::KillFlag;
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::counters;
use crate::runtime::histogram::stage_histograms;
use crate::runtime::ring::{Consumer, Producer};
use crate::types::{FixedText, InstrumentId, OrderAction, OrderId, Scope, StrategyId, TimeNs, VenueId};

const NOW: TimeNs = TimeNs(1_700_000_000_000_000_000);

struct Hung {
    send: Send,
    orders: Producer<Outbound>,
    reports: Consumer<Record>,
    flag: KillFlag,
    sequence: u32,
}

impl Hung {
    fn new() -> Hung {
        let parts = rings(RingSizes { market: 64, reports: 1_024, orders: 64 });
        let admission = Admission {
            venues: Vec::new(),
            allow_live: false,
            units: KnownUnits::default(),
            epoch: 1,
            name: FixedText::EMPTY,
            heartbeat_ms: 500,
            silent_after_ms: 2_000,
            rules_every_ms: 0,
        };
        let settings = EndpointSettings {
            address: ([127, 0, 0, 1], 0).into(),
            roles: ROLE_MARKET | ROLE_TRADE,
            origin: Origin::Trade,
            server: ServerSettings::default(),
            admission,
        };
        let flag = KillFlag::default();
        let send = Send::new(SendParts {
            endpoint: Endpoint::bind(settings).expect("a free port"),
            orders_slots: 64,
            orders: parts.orders.1,
            reports: parts.send_reports.0,
            wait_for_disk: None,
            killed: flag.clone(),
            epoch: 1,
            clock: Clock::manual(NOW).0,
            recorder: stage_histograms(&[]).0,
            counters: counters().0,
            messages_per_cycle_max: 64,
        });
        Hung { send, orders: parts.orders.0, reports: parts.send_reports.1, flag, sequence: 0 }
    }

    /// What became of a command that the engine had ready before it hung.
    fn outcome(&mut self, instrument: u16, action: OrderAction, reduces: bool) -> DispatchOutcome {
        self.sequence += 1;
        let mut command = Command::read(&[0; 96]);
        command.order_id = OrderId::new(StrategyId(7), 1, self.sequence).unwrap().raw();
        (command.action, command.ts_deadline) = (action.code(), i64::MAX);
        let record = Record::new(Origin::Engine, NOW, VenueId(0), InstrumentId(instrument), &command)
            .with_aux(u32::from(reduces));
        assert!(self.orders.try_push(Outbound { record, ts_decide: NOW }).is_ok());
        self.send.do_work(NOW);
        let dispatch = self.reports.pop().and_then(|record| record.payload::<Dispatch>()).expect("an answer");
        assert_eq!(dispatch.order_id, command.order_id);
        DispatchOutcome::from_code(dispatch.outcome).expect("a known outcome")
    }
}

/// Nobody is connected: what passes the switch finds no session, and that it got so far shows that it passed.
const PASSED: DispatchOutcome = DispatchOutcome::NoSession;

#[test]
fn what_opens_does_not_leave_though_the_engine_hangs_and_reductions_and_cancels_do() {
    let mut hung = Hung::new();
    assert_eq!(hung.outcome(0, OrderAction::Deal, false), PASSED);
    for scope in [
        Scope::All,
        Scope::Venue(VenueId(0)),
        Scope::Strategy(StrategyId(7)),
        Scope::Instrument(InstrumentId(0)),
    ] {
        hung.flag.kill(scope);
        for opening in [OrderAction::Deal, OrderAction::Pending, OrderAction::Modify] {
            assert_eq!(hung.outcome(0, opening, false), DispatchOutcome::Killed, "{scope:?} {opening:?}");
        }
        assert_eq!(hung.outcome(0, OrderAction::Deal, true), PASSED, "a reduction");
        for passing in [OrderAction::Remove, OrderAction::CloseBy, OrderAction::StopLevels] {
            assert_eq!(hung.outcome(0, passing, false), PASSED, "{scope:?} {passing:?}");
        }
        let elsewhere = hung.outcome(1, OrderAction::Deal, false);
        assert_eq!(elsewhere == PASSED, scope == Scope::Instrument(InstrumentId(0)), "{scope:?}");
        hung.flag.rearm();
        assert_eq!(hung.outcome(0, OrderAction::Deal, false), PASSED, "armed again");
    }
}

#[test]
fn an_order_of_no_known_strategy_or_symbol_is_held_while_anything_is_killed() {
    let mut hung = Hung::new();
    hung.flag.kill(Scope::Instrument(InstrumentId(9)));
    assert_eq!(hung.outcome(0, OrderAction::Deal, false), PASSED);
    assert_eq!(hung.outcome(u16::MAX, OrderAction::Deal, false), DispatchOutcome::Killed);
}
