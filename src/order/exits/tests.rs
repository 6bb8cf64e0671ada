//! The rules of exits, one by one and thrown together.
//!
//! What it is not: the engine's wiring; `engine/tests/exits.rs` has that.
//!
//! Invariant: every property runs over both sides of the market.

use super::*;
use crate::types::{FixedText, InstrumentId, Qty, VenueId};
use proptest::prelude::*;

const SYMBOL: InstrumentId = InstrumentId(1);

fn spec() -> InstrumentSpec {
    InstrumentSpec::fx(SYMBOL, VenueId(0), FixedText::new("EURUSD").unwrap())
}

fn work(side: Side, qty: i64, price: i64) -> Work {
    Work { instrument: SYMBOL, ticket: 0, side, qty, price, order_id: 7, position: 50 }
}

/// A quote whose bid and ask are one price, so that both sides are tested alike.
fn quote(price: i64) -> Quote {
    Quote { bid: Price(price), ask: Price(price), last: Price::NONE, ts_venue: TimeNs(1), ts_recv: TimeNs(1) }
}

fn moment(price: i64, now: i64) -> Moment {
    Moment { quote: quote(price), atr_ticks: f64::NAN, now: TimeNs(now), session_left_ns: None }
}

/// A position of 10 steps from 1,000 whose best price was `gain` ticks better, with a stop 100 ticks behind the entry.
fn held(side: Side, gain: i64) -> Watch {
    let mut watch = Watch::default();
    watch.fill(&work(side, 10, 1_000), TimeNs(5));
    watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, -100), take: Price::NONE }, TimeNs(5));
    watch.quote(SYMBOL, &quote(at(side, gain).0));
    watch
}

/// The price so many ticks better than 1,000.
fn at(side: Side, gain: i64) -> Price {
    Price(1_000 + gain * side.sign())
}

fn wish(plan: &ExitPlan, watch: &Watch, moment: &Moment) -> Wish {
    decide(plan, watch.of(SYMBOL).first().expect("a position"), &spec(), moment, 0)
}

fn stop_of(plan: &ExitPlan, watch: &Watch, moment: &Moment) -> Option<(Price, ExitReason)> {
    wish(plan, watch, moment).stops.map(|stops| (stops.stop, stops.reason))
}

#[test]
fn reasons_have_codes_and_names_of_their_own() {
    for reason in ExitReason::ALL {
        assert_eq!(ExitReason::from_code(*reason as u32), Some(*reason));
        assert!((50..60).contains(&(*reason as u32)) && reason.name().starts_with("EXIT_"));
    }
}

#[test]
fn what_is_off_wants_nothing_and_says_so() {
    let plan = ExitPlan { stop_loss_points: 20, take_profit_points: 5, move_points_min: 3, ..ExitPlan::OFF };
    assert!(!plan.is_on() && !plan.moves_stops());
    for side in Side::BOTH {
        let late = Moment { session_left_ns: Some(0), ..moment(at(side, 400).0, i64::MAX) };
        assert_eq!(wish(&plan, &held(side, 500), &late), Wish::default());
    }
    assert!(ExitPlan { hold_ns_max: 1, ..ExitPlan::OFF }.is_on());
}

#[test]
fn a_trailed_stop_follows_the_best_price_and_stays_when_the_price_comes_back() {
    let plan = ExitPlan { trailing: Trailing::Distance(30), trailing_after_points: 40, ..ExitPlan::OFF };
    for side in Side::BOTH {
        assert_eq!(stop_of(&plan, &held(side, 39), &moment(at(side, 39).0, 9)), None);
        let moved = stop_of(&plan, &held(side, 40), &moment(at(side, 40).0, 9));
        assert_eq!(moved, Some((at(side, 10), ExitReason::Trailing)));
        let back = stop_of(&plan, &held(side, 80), &moment(at(side, 60).0, 9));
        assert_eq!(back, Some((at(side, 50), ExitReason::Trailing)), "from the best price, not the last");
    }
}

#[test]
fn a_stop_is_trailed_by_true_ranges_only_when_they_are_known() {
    let plan = ExitPlan { trailing: Trailing::Atr(2.0), ..ExitPlan::OFF };
    for side in Side::BOTH {
        let with = |atr_ticks| Moment { atr_ticks, ..moment(at(side, 60).0, 9) };
        let stop = |atr| stop_of(&plan, &held(side, 60), &with(atr)).map(|(price, _)| price);
        assert_eq!(stop(12.3), Some(at(side, 35)), "24.6 ticks are 25");
        for unknown in [f64::NAN, f64::INFINITY, 0.0, -3.0] {
            assert_eq!(stop(unknown), None, "{unknown}");
        }
    }
}

#[test]
fn a_stepped_stop_moves_by_whole_steps() {
    let trailing = Trailing::Steps { step_points: 20, distance_points: 15 };
    let plan = ExitPlan { trailing, ..ExitPlan::OFF };
    for side in Side::BOTH {
        let stop =
            |gain| stop_of(&plan, &held(side, gain), &moment(at(side, gain).0, 9)).map(|(price, _)| price);
        assert_eq!(stop(19), None);
        assert_eq!((stop(20), stop(39)), (Some(at(side, 5)), Some(at(side, 5))));
        assert_eq!(stop(40), Some(at(side, 25)));
    }
}

#[test]
fn nothing_is_lost_any_more_after_break_even() {
    let break_even = Some(BreakEven { after_points: 30, offset_points: 2 });
    let plan = ExitPlan { break_even, ..ExitPlan::OFF };
    for side in Side::BOTH {
        assert_eq!(stop_of(&plan, &held(side, 29), &moment(at(side, 29).0, 9)), None);
        let stop = stop_of(&plan, &held(side, 30), &moment(at(side, 12).0, 9));
        assert_eq!(stop, Some((at(side, 2), ExitReason::BreakEven)), "it was 30 better once");
    }
}

#[test]
fn a_crossed_or_one_sided_quote_is_no_price() {
    let plan = ExitPlan { trailing: Trailing::Distance(5), hold_ns_max: 100, ..ExitPlan::OFF };
    for side in Side::BOTH {
        for (bid, ask) in [(Price(1_500), Price(500)), (Price(1_500), Price::NONE), (Price::NONE, Price(500))]
        {
            let mut watch = held(side, 1);
            let before = watch.all().to_vec();
            let broken = Quote { bid, ask, ..quote(0) };
            watch.quote(SYMBOL, &broken);
            assert_eq!(watch.all(), before);
            let moment = |now| Moment { quote: broken, ..moment(0, now) };
            assert_eq!(wish(&plan, &watch, &moment(9)), Wish::default());
            let close = Some(Leave::Close(ExitReason::HoldTime));
            assert_eq!(wish(&plan, &watch, &moment(105)).leave, close);
        }
    }
}

#[test]
fn an_average_between_two_ticks_is_rounded_against_the_position() {
    let break_even = Some(BreakEven { after_points: 10, offset_points: 0 });
    let plan = ExitPlan { break_even, ..ExitPlan::OFF };
    for (side, stop) in [(Side::Buy, 1_001), (Side::Sell, 1_000)] {
        let mut watch = Watch::default();
        for price in [1_000, 1_001] {
            watch.fill(&work(side, 1, price), TimeNs(5));
        }
        watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, -100), take: Price::NONE }, TimeNs(5));
        watch.quote(SYMBOL, &quote(at(side, 40).0));
        assert_eq!(
            stop_of(&plan, &watch, &moment(at(side, 40).0, 9)),
            Some((Price(stop), ExitReason::BreakEven))
        );
    }
}

#[test]
fn a_stop_too_near_is_clamped_and_waits_where_that_is_no_gain() {
    let plan = ExitPlan { trailing: Trailing::Distance(5), move_points_min: 4, ..ExitPlan::OFF };
    let spec = InstrumentSpec { stops_level_points: 20, ..spec() };
    for side in Side::BOTH {
        let mut watch = held(side, 50);
        let due = |watch: &Watch, gain: i64| {
            let holding = *watch.of(SYMBOL).first().unwrap();
            decide(&plan, &holding, &spec, &moment(at(side, gain).0, 9), 0).stops.map(|stops| stops.stop)
        };
        assert_eq!(due(&watch, 50), Some(at(side, 30)), "20 from the price, not 5 from the best");
        watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, 30), take: Price::NONE }, TimeNs(5));
        assert_eq!(due(&watch, 45), None, "the nearest that is taken is behind what stands");
        assert_eq!(due(&watch, 53), None, "three ticks are less than the smallest move");
        watch.quote(SYMBOL, &quote(at(side, 54).0));
        assert_eq!(due(&watch, 54), Some(at(side, 34)));
    }
}

#[test]
fn nothing_is_changed_within_the_freeze_level_nor_sooner_than_allowed() {
    let plan = ExitPlan { trailing: Trailing::Distance(10), move_ns_min: 100, ..ExitPlan::OFF };
    let spec = InstrumentSpec { freeze_level_points: 12, ..spec() };
    for side in Side::BOTH {
        let mut watch = held(side, 50);
        let due = |watch: &Watch, gain: i64, now: i64| {
            let holding = *watch.of(SYMBOL).first().unwrap();
            decide(&plan, &holding, &spec, &moment(at(side, gain).0, now), 0).stops.map(|stops| stops.stop)
        };
        let stands = |take: i64| Stops { stop: at(side, -100), take: at(side, take) };
        watch.stops_told(SYMBOL, (0, side), stands(62), TimeNs(6));
        assert_eq!(due(&watch, 50, 9), None, "the target is within 12");
        watch.stops_told(SYMBOL, (0, side), stands(63), TimeNs(6));
        assert_eq!(due(&watch, 50, 9), Some(at(side, 40)));
        watch.stop_asked(SYMBOL, 0, TimeNs(10));
        assert_eq!((due(&watch, 50, 109), due(&watch, 50, 110)), (None, Some(at(side, 40))));
    }
}

#[test]
fn a_stop_that_somebody_took_back_is_put_where_it_stood() {
    let plan = ExitPlan { trailing: Trailing::Distance(500), ..ExitPlan::OFF };
    for side in Side::BOTH {
        let mut watch = held(side, 20);
        watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, -50), take: at(side, 90) }, TimeNs(6));
        watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, -80), take: at(side, 90) }, TimeNs(7));
        let moved = wish(&plan, &watch, &moment(at(side, 20).0, 9)).stops.unwrap();
        assert_eq!((moved.stop, moved.reason), (at(side, -50), ExitReason::Restore));
        assert_eq!(moved.take, at(side, 90), "the level that stays is named, or the venue deletes it");
        let near = wish(&plan, &watch, &moment(at(side, -50).0, 9)).stops;
        assert_eq!(near, None, "clamped it would stand behind where it stood");
    }
}

#[test]
fn a_demanded_stop_that_is_missing_is_placed_and_then_the_position_is_closed() {
    let plan =
        ExitPlan { stop_loss_points: 60, take_profit_points: 40, unprotected_ns_max: 1_000, ..ExitPlan::OFF };
    for side in Side::BOTH {
        let mut watch = Watch::default();
        watch.fill(&work(side, 10, 1_000), TimeNs(5));
        watch.quote(SYMBOL, &quote(at(side, 1).0));
        assert_eq!(
            wish(&plan, &watch, &moment(at(side, 1).0, 9)),
            Wish::default(),
            "nobody told what stands"
        );
        watch.stops_told(SYMBOL, (0, side), Stops::NONE, TimeNs(9));
        let place = wish(&plan, &watch, &moment(at(side, 1).0, 9)).stops.unwrap();
        let expected = MoveStop { stop: at(side, -60), take: at(side, 40), reason: ExitReason::Protect };
        assert_eq!(place, expected);
        let leave = |watch: &Watch, now| wish(&plan, watch, &moment(at(side, 1).0, now)).leave;
        assert_eq!(leave(&watch, 1_004), None);
        assert_eq!(leave(&watch, 1_005), Some(Leave::Close(ExitReason::Unprotected)), "since the fill");
        let mut refused = watch.clone();
        refused.stop_refused(SYMBOL, 0);
        assert_eq!(leave(&refused, 9), Some(Leave::Close(ExitReason::Unprotected)), "at once");
        watch.stops_told(SYMBOL, (0, side), Stops { stop: at(side, -60), take: at(side, 40) }, TimeNs(900));
        watch.stop_refused(SYMBOL, 0);
        assert_eq!(leave(&watch, i64::MAX), None, "it stands; a refused move is no matter");
    }
}

#[test]
fn time_and_session_close_and_the_unknown_session_does_not() {
    let plan = ExitPlan { hold_ns_max: 100, session_end_ns: 50, ..ExitPlan::OFF };
    for side in Side::BOTH {
        let watch = held(side, 0);
        let leave = |now, session_left_ns| {
            wish(&plan, &watch, &Moment { session_left_ns, ..moment(at(side, 0).0, now) }).leave
        };
        assert_eq!((leave(104, None), leave(104, Some(51))), (None, None));
        assert_eq!(leave(105, None), Some(Leave::Close(ExitReason::HoldTime)));
        assert_eq!(leave(9, Some(50)), Some(Leave::Close(ExitReason::SessionEnd)));
        assert_eq!(leave(9, Some(0)), Some(Leave::Close(ExitReason::SessionEnd)), "outside of every window");
    }
}

#[test]
fn a_close_that_was_refused_waits_a_moment_and_a_stop_does_not() {
    let ladder = Ladder::new(&[Rung { points: 10, share_e4: 5_000 }]).unwrap();
    let plan = ExitPlan { ladder, trailing: Trailing::Distance(30), ..ExitPlan::OFF };
    for side in Side::BOTH {
        let mut watch = held(side, 40);
        watch.leave_refused(SYMBOL, 0, TimeNs(10));
        let wish = |now| wish(&plan, &watch, &moment(at(side, 40).0, now));
        assert!(wish(10 + LEAVE_AGAIN_NS - 1).leave.is_none() && wish(11).stops.is_some());
        assert!(wish(10 + LEAVE_AGAIN_NS).leave.is_some());
    }
}

#[test]
fn a_ladder_closes_each_part_once_of_what_was_filled() {
    let rungs = [Rung { points: 10, share_e4: 3_333 }, Rung { points: 20, share_e4: 3_333 }];
    let plan = ExitPlan { ladder: Ladder::new(&rungs).unwrap(), ..ExitPlan::OFF };
    for side in Side::BOTH {
        let mut watch = held(side, 9);
        let due = |watch: &Watch, under_way| {
            let holding = *watch.of(SYMBOL).first().unwrap();
            match decide(&plan, &holding, &spec(), &moment(at(side, 5).0, 9), under_way).leave {
                Some(Leave::Reduce { qty, reason: ExitReason::Ladder }) => qty,
                None => 0,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(due(&watch, 0), 0);
        watch.quote(SYMBOL, &quote(at(side, 10).0));
        assert_eq!((due(&watch, 0), due(&watch, 3)), (3, 0), "what is under way is not asked for again");
        watch.fill(&work(side.opposite(), 3, 1_010), TimeNs(6));
        assert_eq!(due(&watch, 0), 0, "once");
        watch.quote(SYMBOL, &quote(at(side, 25).0));
        assert_eq!(due(&watch, 0), 3, "6.67 of 10 are 6");
        // The rest of the entry comes late: shares are of what was filled.
        watch.fill(&work(side, 5, 1_000), TimeNs(7));
        assert_eq!(due(&watch, 0), 6, "9.99 of 15 are 9, and 3 are gone");
    }
}

#[test]
fn a_ladder_leaves_nothing_or_what_the_venue_takes() {
    let ladder = |share_e4| Ladder::new(&[Rung { points: 1, share_e4 }]).unwrap();
    let spec = InstrumentSpec { volume_min: Qty(4), ..spec() };
    let due = |share_e4, qty| {
        let mut watch = Watch::default();
        watch.fill(&work(Side::Buy, qty, 1_000), TimeNs(5));
        watch.quote(SYMBOL, &quote(1_050));
        ladder::due(&ladder(share_e4), watch.of(SYMBOL).first().unwrap(), &spec, 0)
    };
    assert_eq!((due(8_000, 10), due(10_000, 10)), (6, 10));
    assert_eq!((due(3_000, 10), due(8_000, 7), due(5_000, 4)), (0, 0, 0));
    let wrong = [&[(5, 0)][..], &[(0, 1)], &[(5, 1), (5, 1)], &[(5, 6_000), (6, 4_001)], &[(1, 1); 9]];
    for rungs in wrong {
        let rungs: Vec<Rung> = rungs.iter().map(|&(points, share_e4)| Rung { points, share_e4 }).collect();
        assert!(Ladder::new(&rungs).is_err(), "{rungs:?}");
    }
}

#[test]
fn a_reversal_is_another_position_and_what_is_written_off_was_never_filled() {
    let mut watch = held(Side::Buy, 30);
    watch.fill(&Work { order_id: 8, ..work(Side::Sell, 14, 1_020) }, TimeNs(8));
    let turned = *watch.of(SYMBOL).first().unwrap();
    assert_eq!((turned.side, turned.qty, turned.opened, turned.since), (Side::Sell, 4, 4, TimeNs(8)));
    assert_eq!((turned.best, turned.stops, turned.tightest), (Price::NONE, None, Price::NONE));
    watch.settle(SYMBOL, |_| -1);
    let rest = *watch.of(SYMBOL).first().unwrap();
    assert_eq!((rest.qty, rest.opened, rest.open_value), (1, 1, 1_020));
    watch.settle(SYMBOL, |_| 0);
    assert!(!watch.has(SYMBOL) && watch.all().is_empty());
}

#[test]
fn the_stops_of_an_order_stand_once_it_fills_and_never_replace_what_was_told_later() {
    for order_first in [true, false] {
        let mut watch = Watch::default();
        let stops = Stops { stop: Price(900), take: Price::NONE };
        if order_first {
            watch.order_told(7, stops, TimeNs(4));
        }
        watch.fill(&work(Side::Buy, 10, 1_000), TimeNs(5));
        if !order_first {
            watch.order_told(7, stops, TimeNs(6));
        }
        assert_eq!(watch.of(SYMBOL).first().unwrap().stops, Some(stops));
        let moved = Stops { stop: Price(950), ..stops };
        watch.stops_told(SYMBOL, (0, Side::Sell), Stops::NONE, TimeNs(7));
        assert_eq!(watch.of(SYMBOL).first().unwrap().stops, Some(stops), "another position's");
        watch.stops_told(SYMBOL, (0, Side::Buy), moved, TimeNs(7));
        watch.order_told(7, stops, TimeNs(8));
        assert_eq!(watch.of(SYMBOL).first().unwrap().stops, Some(moved));
    }
}

#[test]
fn an_addition_leaves_the_stops_open_until_they_are_told_again() {
    let mut watch = held(Side::Buy, 20);
    let stops = |watch: &Watch| watch.of(SYMBOL).first().unwrap().stops;
    watch.fill(&work(Side::Buy, 2, 1_010), TimeNs(6));
    assert!(stops(&watch).is_some(), "the same order");
    watch.fill(&Work { order_id: 8, ..work(Side::Buy, 2, 1_010) }, TimeNs(6));
    assert_eq!(stops(&watch), None);
    watch.order_told(8, Stops::NONE, TimeNs(7));
    assert_eq!(stops(&watch), None, "an order without a stop leaves the one that stands");
    watch.order_told(8, Stops { stop: Price(950), take: Price::NONE }, TimeNs(7));
    assert_eq!(stops(&watch).map(|stops| stops.stop), Some(Price(950)));
}

#[derive(Clone, Debug)]
enum Step {
    Quote(i64),
    Atr(f64),
    Answer(u8),
    Forget(i64),
    Fill(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        6 => (-80i64..120).prop_map(Step::Quote),
        1 => prop_oneof![Just(f64::NAN), 1.0f64..60.0].prop_map(Step::Atr),
        4 => (0u8..4).prop_map(Step::Answer),
        1 => (0i64..60).prop_map(Step::Forget),
        1 => (1i64..6).prop_map(Step::Fill),
    ];
    prop::collection::vec(one, 1..80)
}

fn plans() -> impl Strategy<Value = ExitPlan> {
    let trailing = prop_oneof![
        Just(Trailing::Off),
        (0u32..50).prop_map(Trailing::Distance),
        (0.1f64..4.0).prop_map(Trailing::Atr),
        (1u32..40, 0u32..50)
            .prop_map(|(step_points, distance_points)| Trailing::Steps { step_points, distance_points }),
    ];
    (trailing, 0u32..60, prop::option::of((1u32..40, 0u32..40)), 0u32..5, 0u32..2, 1u32..5_000, 1u32..5_000)
        .prop_map(|(trailing, trailing_after_points, even, move_points_min, demand, first, second)| {
            ExitPlan {
                trailing,
                trailing_after_points,
                break_even: even
                    .map(|(after_points, offset_points)| BreakEven { after_points, offset_points }),
                move_points_min,
                stop_loss_points: 60,
                unprotected_ns_max: i64::from(demand) * i64::MAX,
                ladder: Ladder::new(&[
                    Rung { points: 10, share_e4: first },
                    Rung { points: 30, share_e4: second },
                ])
                .unwrap(),
                ..ExitPlan::OFF
            }
        })
}

proptest! {
    /// Whatever the market, the venue and other hands do: no stop that we ask for is looser than one that stood, and the
    /// ladder takes no more than its shares of what was filled.
    #[test]
    fn a_stop_never_moves_against_the_position_and_a_ladder_never_takes_too_much(
        plan in plans(), steps in steps(), is_long in any::<bool>(), level in 0u32..15,
    ) {
        let side = if is_long { Side::Buy } else { Side::Sell };
        let spec = InstrumentSpec { stops_level_points: level, volume_min: Qty(2), ..spec() };
        let mut watch = Watch::default();
        let (mut now, mut last, mut atr_ticks) = (5, at(side, 0), f64::NAN);
        watch.fill(&work(side, 10, 1_000), TimeNs(now));
        watch.stops_told(SYMBOL, (0, side), Stops::NONE, TimeNs(now));
        let (mut tightest, mut opened, mut closed): (Option<i64>, i64, i64) = (None, 10, 0);
        let share: i64 = plan.ladder.rungs().map(|rung| i64::from(rung.share_e4)).sum();
        for step in steps {
            now += 1;
            match step {
                Step::Quote(gain) => last = at(side, gain),
                Step::Atr(atr) => atr_ticks = atr,
                Step::Fill(qty) => {
                    watch.fill(&work(side, qty, last.0), TimeNs(now));
                    opened += qty;
                }
                // Another hand takes the stop back, or deletes it.
                Step::Forget(behind) => {
                    let stop = if behind == 0 { Price::NONE } else { at(side, -100 - behind) };
                    watch.stops_told(SYMBOL, (0, side), Stops { stop, take: Price::NONE }, TimeNs(now));
                    if stop.is_some() {
                        tightest = tightest.max(Some(stop.0 * side.sign()));
                    }
                }
                Step::Answer(_) => {}
            }
            watch.quote(SYMBOL, &quote(last.0));
            let holding = *watch.of(SYMBOL).first().unwrap();
            let moment = Moment { atr_ticks, ..moment(last.0, now) };
            let wish = decide(&plan, &holding, &spec, &moment, 0);
            prop_assert_eq!(wish, decide(&plan, &holding, &spec, &moment, 0));
            if let Some(stops) = wish.stops {
                let favour = stops.stop.0 * side.sign();
                prop_assert!(tightest.is_none_or(|before| favour >= before), "{favour} after {tightest:?}");
                prop_assert!(last.0 * side.sign() - favour >= i64::from(level.max(1)));
                // Sometimes it is executed.
                if matches!(step, Step::Answer(0 | 1)) {
                    watch.stops_told(SYMBOL, (0, side), Stops { stop: stops.stop, take: stops.take }, TimeNs(now));
                    tightest = Some(favour);
                }
            }
            if let Some(Leave::Reduce { qty, .. }) = wish.leave {
                prop_assert!(qty >= 2 && (holding.qty - qty == 0 || holding.qty - qty >= 2));
                if matches!(step, Step::Answer(2)) {
                    watch.fill(&work(side.opposite(), qty, last.0), TimeNs(now));
                    closed += qty;
                }
            }
            prop_assert!(closed * 10_000 <= opened * share, "{closed} of {opened} at {share}");
            if !watch.has(SYMBOL) {
                break;
            }
        }
    }

    /// What a journal keeps rebuilds what the rules look at: cut anywhere, the next wish is the same.
    #[test]
    fn a_restart_in_the_middle_asks_for_the_same(plan in plans(), gains in prop::collection::vec(-60i64..90, 2..40), cut in 0usize..40) {
        let feed = |watch: &mut Watch, gain: &i64| watch.quote(SYMBOL, &quote(at(Side::Sell, *gain).0));
        let mut live = held(Side::Sell, 0);
        gains.iter().for_each(|gain| feed(&mut live, gain));
        let cut = cut.min(gains.len());
        let mut rebuilt = held(Side::Sell, 0);
        gains[..cut].iter().for_each(|gain| feed(&mut rebuilt, gain));
        let mut rebuilt = rebuilt.clone();
        gains[cut..].iter().for_each(|gain| feed(&mut rebuilt, gain));
        prop_assert_eq!(live.all(), rebuilt.all());
        let moment = moment(at(Side::Sell, *gains.last().unwrap()).0, 50);
        prop_assert_eq!(wish(&plan, &live, &moment), wish(&plan, &rebuilt, &moment));
    }
}
