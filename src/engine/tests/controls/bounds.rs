//! Limits that need not be set: levels of losses, times, margins, budgets, and what a model was not trained on.
//!
//! What it is not: the limits that must be there; those stand by what they limit.
//!
//! Invariant: as that of the suite. A step of EURUSD is worth about 1,000, and takes a margin of 10 where one is told.

use super::account::{lose, refuse};
use super::quotes::moves;
use super::rig::ticked;
use super::*;
use crate::engine::bounds::Bounds;
use crate::engine::tests::strategy::thresholds;
use crate::risk::{BoundsPlan, FlowPolicy, LossPlan, NewsWindow, StreakPlan, VenueBudget};
use crate::signal::{Band, Filters};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = losses();
    all.extend(times());
    all.extend(sizes());
    all.extend(margins());
    all.extend(venue());
    all.extend(trained());
    all
}

fn losing(setup: &mut Setup, loss: LossPlan) {
    setup.guards.bounds.loss = loss;
}

fn losses() -> Vec<Scenario> {
    const STREAKS: StreakPlan = StreakPlan { losses_max: 2, rejects_max: 2, window_ns: 10 * NS_PER_S };
    vec![
        Scenario {
            code: "LOSS_DAILY_SOFT",
            seen: Seen::Changed,
            setup: |setup| losing(setup, LossPlan { daily_soft: Money(20_000_000), ..LossPlan::default() }),
            trip: |rig| drop(rig.bench.account(9_980.0)),
            ..PLAIN
        },
        Scenario {
            code: "LOSS_TRAILING_SOFT",
            seen: Seen::Changed,
            setup: |setup| {
                losing(setup, LossPlan { trailing_soft: Money(20_000_000), ..LossPlan::default() })
            },
            trip: |rig| drop(rig.bench.account(9_980.0)),
            ..PLAIN
        },
        Scenario {
            code: "LOSS_FLOW",
            setup: |setup| losing(setup, LossPlan { flows: FlowPolicy::Deals, ..LossPlan::default() }),
            // No deal says why.
            trip: |rig| drop(rig.bench.account(9_900.0)),
            ..PLAIN
        },
        Scenario {
            code: "LOSS_WINDOW",
            seen: Seen::Changed,
            setup: |setup| setup.guards.bounds.streaks = STREAKS,
            trip: |rig| (0..2).for_each(|_| lose(rig, 1)),
            ..PLAIN
        },
        Scenario {
            code: "REJECT_WINDOW",
            seen: Seen::Changed,
            setup: |setup| setup.guards.bounds.streaks = STREAKS,
            trip: |rig| (0..2).for_each(|_| refuse(rig, 10006)),
            ..PLAIN
        },
    ]
}

/// Trading sessions of the symbol: of the Tuesday that the tests begin in.
fn hours(bench: &mut Bench, to_s: u32) {
    bench.give(&TradingHours { from_s: 0, to_s, day: 2, reserved: [0; 7] });
}

fn times() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "INSTRUMENT_HOURS",
            setup: |setup| setup.guards.bounds.keeps_venue_hours = true,
            warm: |bench| hours(bench, 86_400),
            trip: |rig| {
                rig.rules(|_| ());
                hours(&mut rig.bench, 10);
            },
            ..PLAIN
        },
        Scenario {
            code: "NEWS_WINDOW",
            setup: |setup| {
                let at = |ms| TimeNs(START_NS + ms * NS_PER_MS);
                let window = NewsWindow { from: at(500), to: at(60_000), instrument: Some(InstrumentId(0)) };
                setup.guards.bounds.news = vec![window];
            },
            trip: |rig| drop(rig.bench.wait_ms(600)),
            ..PLAIN
        },
        Scenario {
            code: "INSTRUMENT_RESTRICTED",
            trip: |rig| {
                // Only a start changes the list, so it is put there by hand.
                let restricted = vec![InstrumentId(0)];
                let plan = BoundsPlan { restricted, ..BoundsPlan::default() };
                rig.bench.engine.bounds = Bounds::new(plan, 1);
            },
            ..PLAIN
        },
        Scenario {
            code: "VALUE_STALE",
            setup: |setup| setup.guards.bounds.tick_value_age_max_ns = NS_PER_S / 2,
            trip: |rig| drop(rig.bench.wait_ms(600)),
            ..PLAIN
        },
    ]
}

fn sizes() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "SIZE_GROSS",
            // Ten steps are held, ten rest, and ten are wanted.
            setup: |setup| setup.guards.bounds.gross_lots_max = 0.4,
            trip: |rig| rig.others_trade(11),
            ..PLAIN
        },
        Scenario {
            code: "PRICE_STOP",
            // The stop lies a hundred ticks below the ask, and so 98 below the bid.
            setup: |setup| setup.guards.bounds.stop_distance_max_points = 98,
            trip: |rig| drop(moves(rig, 100_006, 100_007)),
            ..PLAIN
        },
    ]
}

/// What an order takes, by a formula of this number.
fn margin_told(bench: &mut Bench, calc_mode: u8) {
    let mut margin = SymbolMargin::read(&[0; 96]);
    (margin.rate_buy, margin.rate_sell, margin.calc_mode) = (1.0, 1.0, calc_mode);
    bench.give(&margin);
}

/// The account's word: so much margin is used, and so much free.
fn account(bench: &mut Bench, used: f64, free: f64) {
    let money = |amount: f64| Money::from_f64(amount).unwrap().0;
    let mut account = Account::read(&[0; 96]);
    (account.balance, account.equity, account.flags) = (money(10_000.0), money(10_000.0), 15);
    (account.margin, account.margin_free, account.leverage) = (money(used), money(free), 100);
    bench.give(&account);
}

/// The position, what rests and what is wanted take a hundred each.
fn with_margin(bench: &mut Bench) {
    account(bench, 0.0, 5_400.0);
    margin_told(bench, 0);
}

fn margins() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "MARGIN_FREE",
            setup: |setup| setup.guards.bounds.margin_free_min_percent = 50.0,
            warm: with_margin,
            trip: |rig| account(&mut rig.bench, 0.0, 5_300.0),
            ..PLAIN
        },
        Scenario {
            code: "MARGIN_UNKNOWN",
            setup: |setup| setup.guards.bounds.margin_free_min_percent = 50.0,
            warm: with_margin,
            // A formula that nobody knows.
            trip: |rig| margin_told(&mut rig.bench, 37),
            ..PLAIN
        },
        Scenario {
            code: "EXPOSURE_ACCOUNT",
            setup: |setup| setup.guards.bounds.account_gross_max = Money::from_f64(60_000.0).unwrap(),
            warm: with_margin,
            // A margin of 400 at a leverage of 100 is 40,000 of something.
            trip: |rig| account(&mut rig.bench, 400.0, 5_400.0),
            ..PLAIN
        },
    ]
}

fn venue() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "RATE_VENUE",
            setup: |setup| setup.guards.bounds.venue = VenueBudget { per_s: 1, burst: 3, warn_percent: 0 },
            trip: |rig| {
                rig.place();
            },
            ..PLAIN
        },
        Scenario {
            code: "VENUE_BUSY",
            trip: |rig| {
                refuse(rig, 10024);
                // A reduction waits for a moment, openings for long.
                rig.bench.wait_ms(150);
            },
            ..PLAIN
        },
    ]
}

/// A model that was trained on changes of up to ten ticks either way.
fn watched(setup: &mut Setup, filters: Filters) {
    let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
        "features":["change"],"weights":[1.0],"intercept":0.0}"#;
    let strategy = &mut setup.strategies[0];
    strategy.models = ModelSet::single(unit(1, model).with_ranges(vec![[-10.0, 10.0]]));
    strategy.rule = Rule::with_filters(thresholds(), filters).unwrap();
}

/// A rise as it never was in training.
fn leapt(rig: &mut Rig) -> Vec<Record> {
    let bid = rig.bench.engine.market().quote(InstrumentId(0)).bid.0 + 21;
    moves(rig, bid, bid + 2)
}

fn trained() -> Vec<Scenario> {
    const LEAPS: Scenario =
        Scenario { seen: Seen::Counted, healthy: ticked, attempt: leapt, is_flat: true, ..PLAIN };
    vec![
        Scenario {
            code: "SIGNAL_FEATURE_RANGE",
            setup: |setup| watched(setup, Filters { range_tolerance: Some(0.5), ..Filters::default() }),
            ..LEAPS
        },
        Scenario {
            code: "SCORE_SATURATED",
            setup: |setup| {
                let scores = Some(Band { min: -20.0, max: 20.0 });
                watched(setup, Filters { scores, ..Filters::default() });
            },
            ..LEAPS
        },
    ]
}
