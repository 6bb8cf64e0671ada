//! The kill switch in the engine: what it closes, what still passes, and that only the operator takes it back.
//!
//! What it is not: the flag on the sending lane, which has tests beside the agents.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::types::Scope;

fn kill(bench: &mut Bench, scope: Scope, flatten: bool) -> Vec<Record> {
    let mut kill = KillSwitch::read(&[0; 96]);
    (kill.scope, kill.scope_id) = scope.parts();
    (kill.flatten, kill.trigger) = (u8::from(flatten), KillTrigger::Command as u8);
    kill.who[..4].copy_from_slice(b"anna");
    bench.give(&kill)
}

/// The operator ends the kills with this very scope.
fn end(bench: &mut Bench, scope: Scope) -> Vec<Record> {
    let mut control = Control::read(&[0; 96]);
    (control.scope, control.scope_id) = scope.parts();
    control.action = ControlAction::ActivateScope as u8;
    bench.give(&control)
}

/// Read back from its state's words by a new engine, with so many instruments more; it is the same state where there are none.
fn loaded(bench: &Bench, more: usize) -> Engine {
    use crate::types::{StateBytes, StateSource};
    let mut state = StateBytes::default();
    bench.engine.save_state(&mut state);
    let mut setup = setup();
    (0..more).for_each(|_| setup.instruments.push(setup.instruments[0]));
    let mut engine = Engine::new(setup);
    engine.load_state(&mut StateSource::new(&state.into_bytes())).expect("the state of fewer instruments");
    assert_eq!(engine.state_hash() == bench.engine.state_hash(), more == 0);
    engine
}

/// Orders at the market, with their `aux`.
fn commands(outputs: &[Record]) -> Vec<(Command, u32)> {
    let all = outputs.iter().filter_map(|record| Some((record.payload::<Command>()?, record.aux())));
    all.filter(|(command, _)| command.action == OrderAction::Deal.code()).collect()
}

#[test]
fn a_kill_closes_its_scope_over_restarts_until_the_operator_rearms_and_reductions_pass() {
    for scope in [
        Scope::Venue(VenueId(0)),
        Scope::Strategy(StrategyId(7)),
        Scope::Instrument(InstrumentId(0)),
        Scope::All,
    ] {
        let refused = if scope == Scope::All { Reason::TradingHalted } else { Reason::KillScope };
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.fill(&entry);
        assert_eq!(alert(&kill(&mut bench, scope, false)), Some(AlertCode::Killed as u32));
        let exit = command(&bench.tick(100_000)).expect("a reduction passes");
        bench.fill(&exit);
        assert_eq!(denied(&bench.tick(100_005)), Some(refused), "{scope:?}");
        bench.restart(|_| ());
        bench.account(10_000.0);
        bench.tick(100_000);
        assert_eq!(denied(&bench.tick(100_005)), Some(refused), "{scope:?} after a restart");
        assert_eq!(bench.engine.killed_count(), 1);
        bench.activate();
        assert_eq!(bench.engine.killed_count(), 0);
        assert!(command(&bench.tick(100_010)).is_some(), "{scope:?}");
    }
}

#[test]
fn what_is_outside_of_the_scope_goes_on() {
    for scope in
        [Scope::Venue(VenueId(1)), Scope::Strategy(StrategyId(8)), Scope::Instrument(InstrumentId(1))]
    {
        let mut bench = Bench::ready();
        kill(&mut bench, scope, true);
        assert!(command(&bench.tick(100_005)).is_some(), "{scope:?}");
        assert_eq!(bench.engine.killed_count(), 0);
    }
}

#[test]
fn what_is_held_is_closed_at_once_and_again_until_nothing_is_left() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let deal = bench.deal_of(&entry, 4);
    bench.give(&deal);
    let outputs = kill(&mut bench, Scope::Instrument(InstrumentId(0)), true);
    let cancels = outputs.iter().filter_map(Record::payload::<Command>);
    let cancels = cancels.filter(|command| command.action == OrderAction::Remove.code());
    assert_eq!(cancels.count(), 1, "what is left of the entry is taken back");
    let closes = commands(&outputs);
    assert_eq!(closes.len(), 1);
    assert_eq!(
        (closes[0].0.qty, closes[0].0.order_kind, closes[0].1),
        (4, 1, 1),
        "the filled part, as a reduction"
    );
    // Refused, and tried again a second later, not before.
    bench.dispatched(&closes[0].0);
    bench.result(&closes[0].0, 10006);
    assert!(commands(&bench.wait_ms(900)).is_empty());
    let again = commands(&bench.wait_ms(200));
    assert_eq!(again.iter().map(|(close, _)| close.qty).collect::<Vec<_>>(), [4]);
    bench.fill(&again[0].0);
    // The rest of the entry fills after all: it is closed as well.
    let deal = bench.deal_of(&entry, 6);
    bench.give(&deal);
    let rest = commands(&bench.wait_ms(1_100));
    assert_eq!(rest.iter().map(|(close, _)| close.qty).collect::<Vec<_>>(), [6]);
    bench.fill(&rest[0].0);
    assert_eq!(bench.position(), 0);
    assert!(commands(&bench.wait_ms(3_000)).is_empty());
}

#[test]
fn a_recovered_engine_goes_on_closing_and_repeats_nothing() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let close = commands(&kill(&mut bench, Scope::All, true))[0].0;
    bench.dispatched(&close);
    bench.restart(|_| ());
    bench.account(10_000.0);
    // The first close is in doubt: what it may still take is not closed twice.
    assert_eq!(bench.state_of(&close), OrderState::Unknown);
    assert!(commands(&bench.wait_ms(900)).is_empty());
    let deal = bench.deal_of(&close, close.qty);
    bench.give(&deal);
    assert_eq!(bench.position(), 0);
    assert!(commands(&bench.wait_ms(3_000)).is_empty());
}

/// Every scope that covers what the bench trades.
const SCOPES: [Scope; 4] = [
    Scope::All,
    Scope::Venue(VenueId(0)),
    Scope::Strategy(StrategyId(7)),
    Scope::Instrument(InstrumentId(0)),
];

#[test]
fn of_two_kills_one_ends_and_the_other_still_closes_over_restarts() {
    for stays in SCOPES {
        for ends in SCOPES.into_iter().filter(|scope| *scope != Scope::All && *scope != stays) {
            let at = format!("{ends:?} ends, {stays:?} stays");
            let mut bench = Bench::ready();
            for scope in [stays, ends] {
                kill(&mut bench, scope, scope == ends);
            }
            // What was not killed, and what covers other things, ends nothing.
            let others = [
                Scope::Venue(VenueId(1)),
                Scope::Instrument(InstrumentId(1)),
                Scope::Strategy(StrategyId(8)),
            ];
            others.into_iter().for_each(|other| drop(end(&mut bench, other)));
            assert!(SCOPES.iter().all(|scope| {
                let is_killed = [stays, ends].contains(scope);
                loaded(&bench, 0).latched(InstrumentId(0)).is_killed_with(*scope) == is_killed
            }));
            end(&mut bench, ends);
            let refused = if stays == Scope::All { Reason::TradingHalted } else { Reason::KillScope };
            assert_eq!(denied(&bench.tick(100_005)), Some(refused), "{at}");
            bench.restart(|_| ());
            bench.account(10_000.0);
            bench.tick(100_000);
            assert_eq!(denied(&bench.tick(100_005)), Some(refused), "{at}, after a restart");
            assert_eq!((bench.engine.killed_count(), loaded(&bench, 0).killed_count()), (1, 1), "{at}");
            assert!(!bench.engine.latched(InstrumentId(0)).is_killed_with(ends), "{at}");
            end(&mut bench, stays);
            let is_open = stays != Scope::All;
            assert_eq!(bench.engine.killed_count(), u32::from(!is_open), "everything is activate's alone");
            assert_eq!(command(&bench.tick(100_010)).is_some(), is_open, "{at}");
        }
    }
}

#[test]
fn with_its_scope_the_flattening_of_a_kill_ends_and_not_that_of_another() {
    for flattens in [Scope::Venue(VenueId(0)), Scope::Instrument(InstrumentId(0))] {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.fill(&entry);
        kill(&mut bench, Scope::Strategy(StrategyId(7)), false);
        let close = commands(&kill(&mut bench, flattens, true))[0].0;
        bench.dispatched(&close);
        bench.result(&close, 10006);
        end(&mut bench, Scope::Strategy(StrategyId(7)));
        let again = commands(&bench.wait_ms(1_100));
        assert_eq!(again.len(), 1, "{flattens:?} still flattens");
        bench.dispatched(&again[0].0);
        bench.result(&again[0].0, 10006);
        kill(&mut bench, Scope::Strategy(StrategyId(7)), false);
        end(&mut bench, flattens);
        assert!(
            commands(&bench.wait_ms(3_000)).is_empty(),
            "{flattens:?} ended, the other closes openings alone"
        );
        assert_eq!(bench.engine.killed_count(), 1);
    }
}

#[test]
fn a_scope_that_nobody_knows_ends_nothing() {
    let mut bench = Bench::ready();
    SCOPES.into_iter().for_each(|scope| drop(kill(&mut bench, scope, false)));
    let before = loaded(&bench, 0).latched(InstrumentId(0));
    for kind in [0, 1, 5, u8::MAX] {
        let mut control = Control::read(&[0; 96]);
        (control.action, control.scope) = (ControlAction::ActivateScope as u8, kind);
        bench.give(&control);
    }
    assert_eq!(bench.engine.latched(InstrumentId(0)), before);
    assert_eq!(bench.engine.trading(), Trading::Halted);
}

#[test]
fn what_was_killed_as_a_whole_covers_an_instrument_that_a_later_configuration_adds() {
    let cases = [
        (Scope::All, 2),
        (Scope::Venue(VenueId(0)), 2),
        (Scope::Strategy(StrategyId(7)), 2),
        (Scope::Instrument(InstrumentId(0)), 1),
        (Scope::Venue(VenueId(1)), 0),
    ];
    for (scope, killed) in cases {
        let mut bench = Bench::ready();
        kill(&mut bench, scope, false);
        // A later kill of one symbol does not make the first one smaller.
        if killed == 2 {
            kill(&mut bench, Scope::Instrument(InstrumentId(0)), false);
        }
        let engine = loaded(&bench, 1);
        assert_eq!(engine.killed_count(), killed, "{scope:?}");
        assert_eq!(engine.latched(InstrumentId(1)).is_killed_with(scope), killed == 2, "{scope:?}");
        assert!(!engine.latched(InstrumentId(1)).is_killed_with(Scope::Instrument(InstrumentId(1))));
    }
}

#[test]
fn a_command_that_the_sending_lane_held_back_is_no_order_and_no_refusal_of_the_venue() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    // The engine hung; the flag was set, the lane answered, and only then did the engine hear of all that.
    let mut dispatch = Dispatch::read(&[0; 96]);
    (dispatch.order_id, dispatch.outcome) = (entry.order_id, DispatchOutcome::Killed as u8);
    let outputs = bench.give(&dispatch);
    assert_eq!(bench.state_of(&entry), OrderState::Rejected);
    let change: OrderStateChange =
        outputs.iter().find_map(|record| record.payload()).expect("it is journalled");
    assert_eq!((change.to, change.verdict), (OrderState::Rejected as u8, Verdict::Gate as u8));
    assert_eq!(bench.engine.counts().refused().count(), 0);
    kill(&mut bench, Scope::All, false);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::TradingHalted));
}
