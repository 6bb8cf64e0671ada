//! Features and their past: told at the start and after a gap, joined to the live stream, and never shown unready.
//!
//! What it is not: the wire, or the lanes (`tests/history.rs` has both).
//!
//! Invariant: what an engine was told in pieces equals, to the bit, what a graph knows that saw every tick.

use super::teller::{EURUSD, MINUTE_NS, PLAN, Teller, features, setup_of, spec};
use super::*;

#[test]
fn at_the_start_features_have_their_past_at_once_and_it_is_the_very_one() {
    for seed in 1..=6 {
        let mut teller = Teller::new(&features(), PLAN, 300, seed);
        teller.connect();
        assert!(!teller.engine.features_ready(0) && teller.engine.waits());
        let questions = teller.engine.counts().history_requests;
        teller.tell_all();
        assert_eq!((questions, teller.engine.counts().history_requests), (1, 4), "probe, two periods, ticks");
        assert_eq!(teller.alerts(), [0; 0]);
        teller.assert_same_for(3_000, "after the start");
        assert_eq!(teller.engine.counts().history_failures, 0);
        assert!(teller.engine.counts().decisions >= 3_000);
    }
}

#[test]
fn after_a_gap_the_row_equals_the_one_of_an_uninterrupted_run() {
    for seed in 11..=16 {
        let mut teller = Teller::new(&features(), PLAN, 260, seed);
        teller.connect();
        teller.tell_all();
        for gap in 0..10 {
            let ticks = teller.dice.below(400) as usize;
            teller.assert_same_for(ticks, "between gaps");
            let lost = 1 + teller.dice.below(if gap % 2 == 0 { 3 } else { 600 });
            let gap = teller.lose(lost);
            teller.give(&gap, 0, teller.connection);
            let held = teller.engine.counts().held[Hold::Unready as usize];
            teller.live();
            assert_eq!(teller.engine.counts().held[Hold::Unready as usize], held + 1, "no decision in a gap");
            teller.wait_for_question();
            teller.tell_all();
        }
        teller.assert_same_for(500, "after all gaps");
        assert_eq!(teller.alerts(), [0; 0]);
    }
}

#[test]
fn a_reconnection_is_a_gap_and_ticks_of_the_old_connection_that_come_late_are_in_the_answer() {
    let mut teller = Teller::new(&features(), PLAN, 260, 21);
    teller.connect();
    teller.tell_all();
    let late = [teller.push(), teller.push()];
    teller.hang_up();
    for _ in 0..500 {
        teller.quote();
    }
    teller.connect();
    teller.give(&late[0], 0, 0);
    teller.tell_all();
    teller.give(&late[1], 0, 0);
    teller.assert_same("with late ticks");
    teller.assert_same_for(500, "on the new connection");
    assert_eq!(teller.alerts(), [0; 0]);
}

#[test]
fn a_live_tick_enters_once_in_whatever_order_the_rings_hand_it_over() {
    let mut teller = Teller::new(&features(), PLAN, 260, 31);
    teller.connect();
    for _ in 0..3 {
        let question = teller.open.pop().unwrap();
        let end = teller.tell(&question);
        teller.give(&end, 0, 0);
    }
    let question = teller.open.pop().unwrap();
    let before = [teller.push(), teller.push(), teller.push()];
    teller.give(&before[0], 0, 0);
    let end = teller.tell(&question);
    let after = [teller.push(), teller.push()];
    // One from after the end overtakes it; one from before it comes late.
    teller.give(&before[1], 0, 0);
    teller.give(&after[0], 0, 0);
    teller.give(&end, 0, 0);
    teller.give(&before[2], 0, 0);
    teller.give(&after[1], 0, 0);
    teller.assert_same("two rings");
    teller.assert_same_for(200, "two rings");
}

#[test]
fn more_ticks_than_are_kept_begin_the_plan_again() {
    let ticks = [spec("sma", FeatureKind::Sma { period: 50 }, Input::Mid, Clock::Tick)];
    let patient = HistoryPlan { patience_ns: 1_000 * NS_PER_S, ..PLAN };
    let mut teller = Teller::new(&ticks, patient, 5, 41);
    teller.connect();
    let question = teller.open.pop().unwrap();
    let end = teller.tell(&question);
    (0..65).for_each(|_| drop(teller.live()));
    teller.give(&end, 0, 0);
    assert!(!teller.engine.features_ready(0), "a tick from after the end was pushed out");
    teller.now = teller.now.plus_ns(2 * NS_PER_S);
    teller.give(&ClockTick { reserved: 0 }, 0, 0);
    teller.tell_all();
    teller.assert_same_for(100, "the second time");
    assert_eq!(teller.alerts(), [0; 0]);
}

/// The first question answered by this error, then time passes until the next question or none.
fn answered_by(error: u32) -> (Teller, Vec<u32>) {
    let mut teller = Teller::new(&features(), PLAN, 260, 51);
    teller.connect();
    for _ in 0..20 {
        if let Some(question) = teller.open.pop() {
            let end = HistoryEnd { request: question.request, count: 0, stream_seq: 0, connection: 1, error };
            teller.give(&end, 0, 0);
        }
        teller.now = teller.now.plus_ns(NS_PER_S);
        teller.give(&ClockTick { reserved: 0 }, 0, 0);
    }
    let alerts = teller.alerts();
    (teller, alerts)
}

#[test]
fn an_error_is_told_and_features_then_warm_live() {
    let (refused, cold) = (AlertCode::HistoryRefused as u32, AlertCode::FeaturesCold as u32);
    for (error, requests) in [(4_301, 1), (4_401, 1), (4_403, 4), (HISTORY_NOT_SENT, 4)] {
        let (mut teller, alerts) = answered_by(error);
        assert_eq!(alerts, [refused, cold], "{error}");
        assert_eq!(teller.engine.counts().history_requests, requests, "{error}");
        assert_eq!(teller.engine.counts().history_failures, 1, "{error}");
        let decisions = teller.engine.counts().decisions;
        while !teller.engine.features_ready(0) {
            teller.live();
            assert!(teller.ticks.len() < 200_000, "never warm");
        }
        assert!(teller.engine.counts().held[Hold::Unready as usize] > 1_000);
        assert_eq!(decisions, 0);
        teller.assert_same_for(10, "warmed live");
    }
}

#[test]
fn bars_that_are_missing_are_told_and_the_rest_of_the_plan_goes_on() {
    let mut teller = Teller::new(&features(), PLAN, 260, 61);
    teller.connect();
    let mut said = Vec::new();
    while let Some(question) = teller.open.pop() {
        let mut end =
            HistoryEnd { request: question.request, count: 0, stream_seq: 0, connection: 1, error: 4_401 };
        if question.period_s != 60 {
            end = teller.tell(&question);
        }
        said.extend(teller.give(&end, 0, 0));
    }
    assert_eq!(teller.alerts(), [AlertCode::HistoryRefused as u32, AlertCode::FeaturesCold as u32]);
    teller.live();
    let cold: Vec<&String> = (0..7)
        .filter(|at| teller.engine.features(0)[*at].is_nan())
        .map(|at| &teller.whole.names()[at])
        .collect();
    assert_eq!(cold, ["minutes"], "only what needed them is cold");
}

#[test]
fn nobody_answering_is_told_after_the_patience() {
    let mut teller = Teller::new(&features(), PLAN, 5, 71);
    teller.connect();
    for at in 0..12 {
        teller.now = teller.now.plus_ns(NS_PER_S);
        teller.give(&ClockTick { reserved: 0 }, 0, 0);
        assert_eq!(teller.engine.waits(), at < 10, "{at}");
    }
    assert_eq!(teller.alerts(), [AlertCode::HistoryUnanswered as u32, AlertCode::FeaturesCold as u32]);
    // An answer that comes after all is no news.
    let question = teller.open.pop().unwrap();
    let end = teller.tell(&question);
    teller.give(&end, 0, 0);
    assert_eq!(teller.engine.counts().history_requests, 1);
}

#[test]
fn an_answer_that_lacks_a_part_is_asked_for_again() {
    let mut teller = Teller::new(&features(), PLAN, 260, 81);
    teller.connect();
    let question = teller.open.pop().unwrap();
    let mut end = teller.tell(&question);
    end.count += 1;
    teller.give(&end, 0, 0);
    assert!(teller.open.is_empty(), "not at once");
    teller.now = teller.now.plus_ns(NS_PER_S);
    teller.give(&ClockTick { reserved: 0 }, 0, 0);
    teller.tell_all();
    teller.assert_same_for(100, "told again");
    assert_eq!((teller.alerts(), teller.engine.counts().history_requests), (vec![], 5));
}

#[test]
fn an_open_bar_whose_ticks_do_not_fit_is_never_told_by_half() {
    let hour = Clock::Bar { period_ns: 60 * MINUTE_NS };
    let specs = [spec("hours", FeatureKind::Maximum { period: 2 }, Input::Bid, hour)];
    let plan = HistoryPlan { ticks_max: 100, ..PLAN };
    let mut teller = Teller::new(&specs, plan, 230, 91);
    teller.connect();
    teller.tell_all();
    assert_eq!(teller.alerts(), [AlertCode::HistoryShort as u32, AlertCode::FeaturesCold as u32]);
    assert!(teller.engine.features(0)[0].is_nan());
}

#[test]
fn too_little_past_is_told_and_what_there_is_serves() {
    let mut teller = Teller::new(&features(), PLAN, 100, 101);
    teller.connect();
    teller.tell_all();
    let alerts = teller.journal.iter().filter_map(|record| record.payload::<Alert>());
    let alerts: Vec<(u32, bool)> = alerts.map(|alert| (alert.code, alert.ours < alert.theirs)).collect();
    assert_eq!(alerts, [(AlertCode::HistoryShort as u32, true), (AlertCode::FeaturesCold as u32, true)]);
    while !teller.engine.features_ready(0) {
        teller.live();
        assert!(teller.ticks.len() < 200_000, "never warm");
    }
    teller.assert_same_for(100, "a hundred minutes told, a hundred lived");
}

#[test]
fn a_replay_says_the_same_and_a_restart_asks_again() {
    let mut teller = Teller::new(&features(), PLAN, 260, 111);
    teller.connect();
    teller.tell_all();
    teller.assert_same_for(50, "the first run");
    let gap = teller.lose(20);
    teller.give(&gap, 0, teller.connection);
    teller.tell_all();
    teller.assert_same_for(50, "the first run, after a gap");
    let mut again = Engine::new(setup_of(&features(), PLAN));
    let mut recovered = Engine::new(setup_of(&features(), PLAN));
    let (mut out, mut spare) = (Outputs::default(), Outputs::default());
    let (mut made, mut expected) = (Vec::new(), Vec::new());
    for record in &teller.journal {
        if record.kind().unwrap().is_input() {
            out.clear();
            again.step(record, &mut out);
            made.extend_from_slice(out.records());
        } else {
            expected.push(*record);
        }
        recovered.recover(record, &mut spare);
    }
    assert!(made == expected, "{} and {} outputs", made.len(), expected.len());
    assert_eq!(again.counts(), teller.engine.counts());
    let bits = |engine: &Engine| engine.features(0).iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&again), bits(&teller.engine));

    // Killed and started again: features are empty, whatever the journal holds.
    assert!(recovered.features(0).iter().all(|value| value.is_nan()));
    teller.engine = recovered;
    teller.open.clear();
    teller.give(&Start { epoch: 2, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] }, 0, 0);
    assert!(!teller.engine.waits() && teller.open.is_empty());
    teller.connection = 0;
    teller.connect();
    assert_eq!(teller.open.len(), 1);
    assert_eq!(teller.open[0].request, 2 << 32 | 1, "the first of the new epoch");
    teller.tell_all();
    teller.assert_same_for(50, "the second run");
}

#[test]
fn a_row_with_a_hole_or_an_old_feature_is_not_shown_and_each_is_counted() {
    let mut old = spec("old", FeatureKind::Value, Input::Mid, Clock::Bar { period_ns: NS_PER_S });
    old.stale_after_ns = 10 * NS_PER_S;
    let hole = spec("hole", FeatureKind::Value, Input::Ask, Clock::Tick);
    let ratio = spec("ratio", FeatureKind::Return { lag: 1 }, Input::Bid, Clock::Tick);
    let mut teller = Teller::new(&[hole, ratio, old], HistoryPlan::NEVER, 1, 121);
    teller.connect();
    (0..20).for_each(|_| drop(teller.live()));
    let count = |teller: &Teller, hold: Hold| teller.engine.counts().held[hold as usize];
    let decisions = teller.engine.counts().decisions;
    assert!(decisions > 0 && count(&teller, Hold::Unready) > 0);
    let zero = Tick { bid: 0, ..teller.push() };
    teller.give(&zero, 0, 0);
    let after = teller.push();
    teller.give(&after, 0, 0);
    assert_eq!((count(&teller, Hold::Missing), teller.engine.counts().decisions), (1, decisions + 1));
    let late = teller.push();
    let late = Tick { ts_venue: late.ts_venue + 100 * NS_PER_S, ..late };
    teller.give(&late, 0, 0);
    let _ = late;
    assert_eq!(count(&teller, Hold::Stale), 0, "a new bar closed the old one");
}

#[test]
fn a_position_is_left_in_time_even_while_features_are_told_their_past() {
    let mut bench = Bench::ready();
    bench.engine.strategies[0].setup.plan.exits.hold_ns_max = 100 * NS_PER_MS;
    let entry = command(&bench.tick(100_005)).unwrap();
    bench.fill(&entry);
    bench.engine.strategies[0].setup.features.reset(EURUSD);
    bench.now = bench.now.plus_ns(200 * NS_PER_MS);
    let outputs = bench.tick(100_005);
    let exit = command(&outputs).expect("an exit that needs no feature");
    assert_eq!((exit.order_kind, exit.qty), (1, 10));
    let decision = outputs.iter().find_map(Record::payload::<Decision>).expect("a decision before it");
    assert!(f64::from_bits(decision.score_bits).is_nan(), "no model was asked");
    assert_eq!((decision.member_count, decision.digests), (0, [0; 64]), "none is named");
}

/// The spread of the first instrument to the second.
fn pair(name: &str, own: u16, second: u16) -> FeatureSpec {
    let with = crate::features::Leg { instrument: InstrumentId(second), input: Input::Mid };
    let kind = FeatureKind::PairSpread { with, weight: 1.0 };
    FeatureSpec::new(name, InstrumentId(own), kind, Input::Mid, Clock::Tick)
}

/// Instruments whose past is asked for, in order, when every question is answered by nothing.
fn told_in_order(specs: &[FeatureSpec]) -> Vec<u16> {
    let mut setup = setup_of(specs, PLAN);
    setup.instruments.push(setup.instruments[0]);
    let mut engine = Engine::new(setup);
    let mut out = Outputs::default();
    let mut asked = Vec::new();
    let mut session = Session::read(&[0; 96]);
    (session.state, session.roles) = (SessionState::Up as u8, ROLE_MARKET);
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.trade_mode, spec.execution) = (0.00001, 4, 2);
    let at = TimeNs(START_NS);
    let mut inputs = std::collections::VecDeque::from([
        Record::new(Origin::Market, at, VenueId(0), EURUSD, &session),
        Record::new(Origin::Market, at, VenueId(0), EURUSD, &spec),
        Record::new(Origin::Market, at, VenueId(0), InstrumentId(1), &spec),
    ]);
    while let Some(input) = inputs.pop_front() {
        out.clear();
        engine.step(&input, &mut out);
        for record in out.records() {
            let Some(question) = record.payload::<HistoryRequest>() else { continue };
            asked.push(record.instrument().0);
            let end = HistoryEnd {
                request: question.request,
                count: 0,
                stream_seq: 0,
                connection: 0,
                error: 4_401,
            };
            inputs.push_back(Record::new(Origin::Market, at, VenueId(0), EURUSD, &end));
        }
    }
    assert!(!engine.waits());
    asked
}

#[test]
fn of_two_instruments_the_one_that_is_looked_at_is_told_last() {
    assert_eq!(told_in_order(&[pair("a", 0, 1)]), [0, 1]);
    assert_eq!(told_in_order(&[pair("a", 1, 0)]), [1, 0]);
    assert_eq!(told_in_order(&[pair("a", 1, 0), pair("b", 0, 1)]), [0; 0], "each looks at the other");
}

#[test]
fn the_terminals_bars_serve_only_where_a_bar_begins_for_both() {
    let asked = |offset_s: i32, period_ns: i64, offset_ns: i64, execution: u8| -> bool {
        let bars = FeatureSpec {
            offset_ns,
            ..spec("bars", FeatureKind::Sma { period: 3 }, Input::Bid, Clock::Bar { period_ns })
        };
        let mut teller = Teller::new(&[bars], PLAN, 5, 131);
        let mut session = Session::read(&[0; 96]);
        (session.state, session.roles, session.server_offset_s) =
            (SessionState::Up as u8, ROLE_MARKET, offset_s);
        teller.give(&session, 0, 1);
        let mut spec = Spec::read(&[0; 96]);
        (spec.tick_size, spec.trade_mode, spec.execution) = (0.00001, 4, execution);
        teller.give(&spec, 0, 0);
        teller.tell_all();
        let asked = teller.journal.iter().filter_map(|record| record.payload::<HistoryRequest>());
        asked.into_iter().any(|question| question.period_s != 0)
    };
    let hour = 60 * MINUTE_NS;
    assert!(asked(7_200, MINUTE_NS, 0, 2) && asked(7_200, hour, 0, 2));
    assert!(!asked(7_200, 4 * hour, 0, 2), "four hours begin two hours apart");
    assert!(asked(7_200, 4 * hour, 2 * hour, 2), "unless the feature counts in the server's time");
    assert!(!asked(0, 90 * NS_PER_S, 0, 2), "MT5 has no such period");
    assert!(!asked(0, MINUTE_NS, 0, 3), "an exchange's bars may be of last prices");
}
