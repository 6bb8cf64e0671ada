//! Breakers and clocks in the engine: each tripped, shown to let reductions pass, and found again after a restart.
//!
//! What it is not: the table of a breaker's states, which stands beside it.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::risk::{BreakerPlan, BreakerState, Component};

fn setup_of(component: Component, failures: u32) -> Setup {
    let mut setup = setup();
    setup.guards.breakers[component as usize] =
        BreakerPlan { failures, window_ns: 60 * NS_PER_S, cool_down_ns: 10 * NS_PER_S };
    setup.limits.rejects_in_row_max = 10;
    setup
}

fn bench(component: Component, failures: u32) -> Bench {
    ready(setup_of(component, failures))
}

fn ready(setup: Setup) -> Bench {
    let mut bench = Bench::with(setup);
    bench.account(10_000.0);
    bench.session(SessionState::Up, ROLE_MARKET);
    let queries = bench.session(SessionState::Up, ROLE_TRADE);
    bench.spec();
    bench.answer(&queries, &[], 0);
    bench.tick(100_000);
    bench
}

fn incident(bench: &mut Bench, kind: IncidentKind, amount: i64) -> Vec<Record> {
    bench.give(&Incident { amount, kind: kind as u8, reserved: [0; 7] })
}

fn state(bench: &Bench, component: Component) -> BreakerState {
    bench.engine.breakers()[component as usize]
}

#[test]
fn refusals_open_a_breaker_that_one_order_may_try_after_its_cool_down() {
    let component = Component::Requotes;
    let mut bench = bench(component, 2);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let refuse = |bench: &mut Bench, bid| {
        let order = command(&bench.tick(bid)).expect("an order");
        bench.dispatched(&order);
        bench.result(&order, 10004)
    };
    refuse(&mut bench, 100_000);
    assert_eq!(state(&bench, component), BreakerState::Closed, "one is not two");
    let outputs = refuse(&mut bench, 99_995);
    assert_eq!(alert(&outputs), Some(AlertCode::BreakerOpened as u32));
    assert!(
        outputs.iter().any(|record| record.payload::<BreakerChange>().is_some_and(|change| change.to == 2))
    );
    let exit = command(&bench.tick(99_990)).expect("a reduction passes");
    bench.fill(&exit);
    assert_eq!(denied(&bench.tick(99_995)), Some(Reason::BreakerRequotes));

    // What was refused is in the journal: a new engine knows it.
    let mut again = Engine::new(setup_of(component, 2));
    let mut spare = Outputs::default();
    bench.journal.iter().for_each(|record| again.recover(record, &mut spare));
    assert_eq!(again.breakers(), bench.engine.breakers());

    bench.wait_ms(10_100);
    assert_eq!(state(&bench, component), BreakerState::HalfOpen);
    refuse(&mut bench, 100_000);
    assert_eq!(state(&bench, component), BreakerState::Open, "the one that tried failed as well");
    bench.wait_ms(10_100);
    let probe = command(&bench.tick(100_005)).expect("another one");
    assert_eq!(state(&bench, component), BreakerState::Probing);
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::BreakerRequotes));
    bench.fill(&probe);
    assert_eq!(state(&bench, component), BreakerState::Closed);
    assert_eq!(bench.engine.closed(), None);
}

#[test]
fn each_component_has_its_own_failures() {
    let down = |bench: &mut Bench| drop(bench.session(SessionState::Down, ROLE_MARKET));
    let fault = |bench: &mut Bench| {
        drop(bench.give(&Fault { detail: 0, kind: FaultKind::JournalDisk as u8, reserved: [0; 7] }));
    };
    let doubt = |bench: &mut Bench| {
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.dispatched(&entry);
        bench.wait_ms(1_100);
    };
    let refuse = |bench: &mut Bench, retcode| {
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.dispatched(&entry);
        bench.result(&entry, retcode);
    };
    type Trip<'a> = (Component, &'a dyn Fn(&mut Bench));
    let hello = |bench: &mut Bench| drop(incident(bench, IncidentKind::HandshakeRefused, 1));
    let trips: [Trip<'_>; 6] = [
        (Component::Link, &down),
        (Component::Disk, &fault),
        (Component::TimeOuts, &doubt),
        (Component::Rejects, &|bench| refuse(bench, 10019)),
        (Component::Requotes, &|bench| refuse(bench, 10004)),
        (Component::Handshake, &hello),
    ];
    for (component, trip) in trips {
        for (other, _) in trips {
            let mut bench = bench(other, 1);
            trip(&mut bench);
            let expected = if other == component { BreakerState::Open } else { BreakerState::Closed };
            assert_eq!(state(&bench, other), expected, "{component:?} seen by {other:?}");
        }
    }
}

#[test]
fn the_operator_closes_every_breaker() {
    let mut bench = bench(Component::Handshake, 1);
    incident(&mut bench, IncidentKind::HandshakeRefused, 1);
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::BreakerHandshake));
    bench.activate();
    assert_eq!(bench.engine.closed(), None);
}

#[test]
fn a_clock_that_stepped_closes_openings_until_it_is_right_again() {
    let mut setup = setup();
    setup.guards.clock.step_ns_max = NS_PER_S;
    setup.guards.breakers[Component::Clock as usize] =
        BreakerPlan { failures: 3, window_ns: NS_PER_S, cool_down_ns: NS_PER_S };
    let mut bench = ready(setup);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    assert_eq!(
        alert(&incident(&mut bench, IncidentKind::ClockError, -2 * NS_PER_S)),
        Some(AlertCode::ClockStepped as u32)
    );
    let exit = command(&bench.tick(100_000)).expect("a reduction passes");
    bench.fill(&exit);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::ClockStep));
    incident(&mut bench, IncidentKind::ClockError, 1_000);
    assert!(command(&bench.tick(100_000)).is_some());
}

#[test]
fn a_venue_whose_stamps_are_too_far_off_closes_openings() {
    let mut setup = setup();
    setup.guards.clock.offset_ns_max = 2 * NS_PER_S;
    for ahead_ns in [3 * NS_PER_S, -3 * NS_PER_S] {
        let mut bench = ready(setup.clone());
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.fill(&entry);
        let exit = command(&bench.tick_stamped(100_000, ahead_ns)).expect("a reduction passes");
        bench.fill(&exit);
        assert_eq!(denied(&bench.tick_stamped(100_005, ahead_ns)), Some(Reason::ClockOffset), "{ahead_ns}");
        assert!(command(&bench.tick(100_000)).is_some());
    }
}

#[test]
fn a_lane_that_stood_still_is_a_failure_and_a_start_is_none() {
    let mut setup = setup();
    setup.guards.clock.stall_ns_max = 2 * NS_PER_S;
    setup.guards.breakers[Component::Stalls as usize] =
        BreakerPlan { failures: 1, window_ns: NS_PER_S, cool_down_ns: NS_PER_S };
    let mut bench = ready(setup);
    bench.leap_ms(1_900);
    assert_eq!(state(&bench, Component::Stalls), BreakerState::Closed);
    bench.now = bench.now.plus_ns(60 * NS_PER_S);
    bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] });
    assert_eq!(state(&bench, Component::Stalls), BreakerState::Closed);
    bench.leap_ms(2_100);
    assert_eq!(state(&bench, Component::Stalls), BreakerState::Open);
}
