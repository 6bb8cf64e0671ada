//! Connections that come, go, break and stand beside each other: whose ticks count, and how often the past is asked for.
//!
//! What it is not: the wire, or the lanes.
//!
//! Invariant: what an engine was told in pieces equals, to the bit, what a graph knows that saw every tick.

use super::teller::{PLAN, Teller, features};
use super::*;

#[test]
fn another_chart_of_the_account_takes_nothing_from_this_one() {
    let mut teller = Teller::new(&features(), PLAN, 300, 7);
    teller.connect();
    teller.tell_all();
    teller.assert_same_for(100, "alone");
    // An EA on the chart of another symbol: the same account, a younger connection, and a gap of its own.
    let mut session = Session::read(&[0; 96]);
    (session.state, session.roles) = (SessionState::Up as u8, ROLE_MARKET);
    let other = teller.connection + 1;
    teller.give(&session, 0, other);
    teller.give(&Gap { stream: 1, from_seq: 1, to_seq: 1_000_000 }, 0, other);
    teller.assert_same_for(100, "beside the other");
    assert_eq!((teller.alerts().len(), teller.open.len()), (0, 0));
}

#[test]
fn of_two_charts_that_push_one_symbol_the_older_is_heard_when_the_younger_ends() {
    for plan in [PLAN, HistoryPlan::NEVER] {
        let mut teller = Teller::new(&features(), plan, 300, 8);
        teller.connect();
        teller.tell_all();
        teller.connect();
        teller.tell_all();
        (0..50).for_each(|_| drop(teller.live()));
        let refused = Tick { connection: 1, stream_seq: 40, ..*teller.ticks.last().unwrap() };
        teller.give(&refused, 0, 0);
        if plan.asks() {
            teller.assert_same("the younger counts");
        }
        // A tick of the younger that is still in the ring when its end is told.
        let late = teller.push();
        teller.end_one();
        (teller.connection, teller.seq) = (1, 50);
        assert_eq!(teller.open.len(), usize::from(plan.asks()), "the past of the older is asked for");
        teller.give(&late, 0, 0);
        teller.tell_all();
        let before = teller.engine.features(0)[0].to_bits();
        (0..2).for_each(|_| drop(teller.live()));
        assert_ne!(teller.engine.features(0)[0].to_bits(), before, "its ticks enter");
        if plan.asks() {
            teller.assert_same_for(100, "the older counts");
        }
        assert_eq!(teller.engine.counts().history_failures, 0);
        // And a younger one again.
        teller.connection = 2;
        teller.connect();
        teller.tell_all();
        if plan.asks() {
            teller.assert_same_for(100, "a third one");
        }
    }
}

#[test]
fn a_chart_that_ends_while_it_is_asked_leaves_the_question_to_the_other() {
    let mut teller = Teller::new(&features(), PLAN, 300, 9);
    teller.connect();
    teller.tell_all();
    teller.connect();
    let unanswered = teller.open.pop().unwrap();
    teller.end_one();
    (teller.connection, teller.seq) = (1, 50);
    teller.wait_for_question();
    assert_ne!(teller.open.last().unwrap().request, unanswered.request, "asked anew");
    teller.tell_all();
    teller.assert_same_for(100, "the older answered");
    assert_eq!(teller.alerts(), [0; 0]);
}

#[test]
fn a_terminal_that_flaps_is_asked_less_and_less_often_and_again_at_once_after_a_calm() {
    let mut teller = Teller::new(&features(), PLAN, 300, 10);
    teller.connect();
    teller.tell_all();
    let mut waited_s = Vec::new();
    for _ in 0..12 {
        // Gaps while a pause lasts neither ask nor make it longer.
        for _ in 0..if waited_s.is_empty() { 1 } else { 3 } {
            teller.seq += 1;
            let gap = Gap { stream: 1, from_seq: teller.seq, to_seq: teller.seq };
            teller.give(&gap, 0, teller.connection);
        }
        let from = teller.now;
        while teller.open.is_empty() {
            teller.now = teller.now.plus_ns(100 * NS_PER_MS);
            teller.give(&ClockTick { reserved: 0 }, 0, 0);
            assert!(teller.now.since(from) < 100 * NS_PER_S, "never asked");
        }
        waited_s.push(teller.now.since(from) / NS_PER_S);
        while let Some(question) = teller.open.pop() {
            let end = teller.tell(&question);
            teller.give(&end, 0, 0);
        }
        teller.assert_same("told again");
    }
    assert_eq!(waited_s, [0, 1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 32]);
    // Three seconds of live ticks make the pause an eighth of the longest, and they count towards it.
    for (calm_s, wait_s) in [(3, 1), (10, 0)] {
        teller.now = teller.now.plus_ns(calm_s * NS_PER_S);
        let gap = Gap { stream: 1, from_seq: teller.seq, to_seq: teller.seq };
        teller.give(&gap, 0, teller.connection);
        let from = teller.now;
        teller.wait_for_question();
        assert_eq!(teller.now.since(from) / NS_PER_S, wait_s, "after {calm_s} s");
        while let Some(question) = teller.open.pop() {
            let end = teller.tell(&question);
            teller.give(&end, 0, 0);
        }
    }
}

#[test]
fn a_failed_plan_is_tried_again_after_one_two_and_four_seconds() {
    let mut teller = Teller::new(&features(), PLAN, 260, 52);
    teller.connect();
    let mut asked_s = Vec::new();
    let from = teller.now;
    for _ in 0..200 {
        if let Some(question) = teller.open.pop() {
            asked_s.push(teller.now.since(from) / NS_PER_S);
            let end = HistoryEnd {
                request: question.request,
                count: 0,
                stream_seq: 0,
                connection: 1,
                error: 4_403,
            };
            teller.give(&end, 0, 0);
        }
        teller.now = teller.now.plus_ns(100 * NS_PER_MS);
        teller.give(&ClockTick { reserved: 0 }, 0, 0);
    }
    assert_eq!(asked_s, [0, 1, 3, 7]);
}
