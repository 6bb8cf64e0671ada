//! Controls of prices and of what a model is shown: quotes, collars, jumps, spreads, sessions, features, scores.
//!
//! What it is not: the judge of an order's size.
//!
//! Invariant: as that of the suite.

use super::super::strategy::thresholds;
use super::rig::{give_tick, placed, ticked};
use super::*;
use crate::features::FeatureSpec;
use crate::signal::{Filters, Sessions};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = quotes();
    all.extend(signals());
    all.extend(features());
    all
}

/// The quote moves to these prices a millisecond later.
pub(super) fn moves(rig: &mut Rig, bid: i64, ask: i64) -> Vec<Record> {
    rig.bench.now = rig.bench.now.plus_ns(NS_PER_MS);
    give_tick(&mut rig.bench, InstrumentId(0), bid, ask)
}

fn quotes() -> Vec<Scenario> {
    vec![
        Scenario { code: "QUOTE_MISSING", trip: |rig| drop(moves(rig, 100_006, Price::NONE.0)), ..PLAIN },
        Scenario { code: "QUOTE_CROSSED", trip: |rig| drop(moves(rig, 100_010, 100_008)), ..PLAIN },
        Scenario { code: "QUOTE_STALE", trip: |rig| drop(rig.bench.wait_ms(1_100)), ..PLAIN },
        Scenario {
            code: "QUOTE_FROZEN",
            setup: |setup| {
                setup.exposure.frozen_after_ns = 100 * NS_PER_MS;
                second(setup);
            },
            trip: |rig| {
                rig.bench.now = rig.bench.now.plus_ns(200 * NS_PER_MS);
                give_tick(&mut rig.bench, InstrumentId(1), 150_000, 150_002);
            },
            ..PLAIN
        },
        Scenario {
            code: "PRICE_DISTANCE",
            healthy: placed,
            attempt: placed,
            trip: |rig| drop(moves(rig, 100_200, 100_202)),
            ..PLAIN
        },
        Scenario {
            code: "PRICE_JUMP",
            setup: |setup| {
                (setup.limits.jump_max_points, setup.limits.jump_window_ns) = (30, NS_PER_S);
            },
            trip: |rig| drop(moves(rig, 100_060, 100_062)),
            ..PLAIN
        },
    ]
}

/// A second symbol of the venue.
fn second(setup: &mut Setup) {
    setup.instruments.push(InstrumentSetup { venue: VenueId(0), symbol: FixedText::new("GBPUSD").unwrap() });
}

fn signals() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "SIGNAL_SPREAD",
            seen: Seen::Counted,
            healthy: ticked,
            attempt: ticked,
            is_flat: true,
            trip: |rig| drop(moves(rig, 100_006, 100_026)),
            ..PLAIN
        },
        Scenario {
            code: "SIGNAL_SESSION",
            seen: Seen::Counted,
            setup: |setup| {
                // The tests begin at 22:13:20.
                let minutes = (22 * 60, 22 * 60 + 20);
                let sessions = Sessions::new(&[minutes], crate::signal::EVERY_DAY).ok();
                let filters = Filters { sessions, ..Filters::default() };
                setup.strategies[0].rule = Rule::with_filters(thresholds(), filters).unwrap();
            },
            healthy: ticked,
            attempt: ticked,
            is_flat: true,
            trip: |rig| drop(rig.bench.leap_ms(10 * 60_000)),
            ..PLAIN
        },
        Scenario {
            code: "SCORE_MISSING",
            seen: Seen::Counted,
            healthy: opened,
            attempt: ticked,
            trip: |rig| {
                // An infinity of each sign.
                let specs = [change("change"), change("again")];
                watch(&mut rig.bench.engine.strategies[0].setup, &specs, [1e308, -1e308]);
                rig.bench.tick(100_010);
                rig.bench.engine.strategies[0].was_ready = true;
            },
            ..PLAIN
        },
    ]
}

fn change(name: &str) -> FeatureSpec {
    FeatureSpec::new(name, InstrumentId(0), FeatureKind::Change { lag: 1 }, Input::Mid, Clock::Tick)
}

/// Other features, and a model that weighs them so.
fn watch(setup: &mut StrategySetup, specs: &[FeatureSpec; 2], weights: [f64; 2]) {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let model = format!(
        r#"{{"format":"tickbridge-linear","version":1,"link":"identity",
        "features":["{}","{}"],"weights":[{:e},{:e}],"intercept":0.0}}"#,
        names[0], names[1], weights[0], weights[1]
    );
    let model = Model::load(model.as_bytes(), None, &names, &LoadOptions::default()).unwrap();
    let identity = ModelIdentity { digest: 2, version: 1, name: FixedText::new("two").unwrap() };
    let unit = ModelUnit::new(identity, model, &names, Classes::default()).unwrap();
    setup.features = FeatureGraph::build(specs).unwrap();
    setup.models = ModelSet::single(unit);
}

fn features() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "FEATURES_NOT_READY",
            seen: Seen::Counted,
            attempt: ticked,
            trip: |rig| {
                // As a gap in the ticks leaves them.
                rig.bench.engine.strategies[0].setup.features.reset(InstrumentId(0));
                rig.bench.engine.strategies[0].was_ready = false;
            },
            ..PLAIN
        },
        Scenario {
            code: "FEATURES_NAN",
            seen: Seen::Counted,
            setup: |setup| {
                let kind = FeatureKind::Return { lag: 1 };
                let ratio = FeatureSpec::new("ratio", InstrumentId(0), kind, Input::Bid, Clock::Tick);
                let change = FeatureSpec { input: Input::Ask, ..change("change") };
                watch(&mut setup.strategies[0], &[change, ratio], [1.0, 1e-9]);
                setup.limits.daily_loss_max = Money(1_000_000_000_000);
            },
            // The next tick divides by nothing.
            trip: |rig| drop(moves(rig, 0, 100_007)),
            attempt: |rig| moves(rig, 100_010, 100_012),
            ..PLAIN
        },
        Scenario {
            code: "FEATURES_STALE",
            seen: Seen::Counted,
            setup: |setup| {
                second(setup);
                let mut other =
                    FeatureSpec::new("other", InstrumentId(1), FeatureKind::Value, Input::Mid, Clock::Tick);
                other.stale_after_ns = NS_PER_S;
                watch(&mut setup.strategies[0], &[change("change"), other], [1.0, 1e-9]);
            },
            warm: |bench| {
                give_tick(bench, InstrumentId(1), 150_000, 150_002);
                bench.tick(100_000);
            },
            trip: |rig| rig.bench.now = rig.bench.now.plus_ns(2 * NS_PER_S),
            attempt: ticked,
            ..PLAIN
        },
    ]
}
