//! What the graph does around the numbers: history, gaps, change, age, sharing.
//!
//! What it is not: a test of formulas; `tests/feature_oracle.rs` is.
//!
//! Invariant: ticks and the terminal's bars of the same time end in the same bits.

use super::*;
use crate::features::spec::*;
use crate::types::{NS_PER_MS, NS_PER_S, Price};

const A: InstrumentId = InstrumentId(2);
const B: InstrumentId = InstrumentId(9);
const SECOND: Clock = Clock::Bar { period_ns: NS_PER_S };

fn graph(features: &[(Kind, Input, Clock)]) -> FeatureGraph {
    let spec = |(at, (kind, input, clock)): (usize, &(Kind, Input, Clock))| {
        FeatureSpec::new(format!("f{at}"), A, *kind, *input, *clock)
    };
    FeatureGraph::build(&features.iter().enumerate().map(spec).collect::<Vec<_>>()).unwrap()
}

/// A walk of bids with a tick each 100 ms from second 1,000 on.
fn ticks(count: i64) -> Vec<(TimeNs, FeatureTick)> {
    let mut bid = 10_000;
    let one = |at: i64| {
        bid += (at * at * 7 + at) % 11 - 5;
        let ts = TimeNs(1_000 * NS_PER_S + at * 100 * NS_PER_MS);
        let tick = FeatureTick::quote(Price(bid), Price(bid + 2 + at % 3));
        (ts, if at % 4 == 0 { tick.with_trade(Price(bid), 0.5) } else { tick })
    };
    (0..count).map(one).collect()
}

fn push(graph: &mut FeatureGraph, ticks: &[(TimeNs, FeatureTick)]) {
    ticks.iter().for_each(|(ts, tick)| graph.on_tick(A, *ts, tick));
}

/// The terminal's bars of these ticks, ten ticks each.
fn bars(ticks: &[(TimeNs, FeatureTick)]) -> Vec<Bar> {
    let bar = |ticks: &[(TimeNs, FeatureTick)]| {
        let bids: Vec<i64> = ticks.iter().map(|(_, tick)| tick.bid.0).collect();
        let volume = ticks.iter().filter(|(_, tick)| tick.flags != 0).map(|(_, tick)| tick.volume).sum();
        Bar {
            input: Input::Bid,
            ts_open: ticks[0].0,
            open: Price(bids[0]),
            high: Price(*bids.iter().max().unwrap()),
            low: Price(*bids.iter().min().unwrap()),
            close: Price(bids[bids.len() - 1]),
            volume,
            ticks: ticks.len() as u64,
        }
    };
    ticks.chunks_exact(10).map(bar).collect()
}

fn bar_features() -> Vec<(Kind, Input, Clock)> {
    let atr = Kind::Atr { period: 5, convention: Convention::Terminal };
    let adx = Kind::Adx { period: 4, convention: Convention::Terminal, output: AdxOutput::Adx };
    let vwap = Kind::Vwap { anchor: Anchor::Rolling { period: 3 }, weight: Weight::Volume };
    let of_bid = [Kind::Sma { period: 4 }, Kind::Rsi { period: 5 }, atr, adx, vwap, Kind::Cci { period: 6 }];
    let mut features: Vec<_> = of_bid.iter().map(|kind| (*kind, Input::Bid, SECOND)).collect();
    features.push((Kind::Value, Input::Ticks, SECOND));
    features.push((Kind::Sma { period: 3 }, Input::Volume, SECOND));
    features
}

fn bits(graph: &FeatureGraph) -> Vec<u64> {
    graph.exact_values().iter().map(|value| value.to_bits()).collect()
}

#[test]
fn bars_of_the_terminal_warm_up_as_ticks_do() {
    let ticks = ticks(305);
    let (mut live, mut warm) = (graph(&bar_features()), graph(&bar_features()));
    push(&mut live, &ticks);
    bars(&ticks).iter().for_each(|bar| assert!(warm.on_bar(A, NS_PER_S, bar)));
    assert!(warm.all_ready() && live.all_ready());
    assert_eq!(bits(&warm), bits(&live), "thirty closed bars");
    // Ticks of times that the bars cover change nothing, and the open bar goes on with the rest.
    push(&mut warm, &ticks);
    assert_eq!(bits(&warm), bits(&live));
    let more = super::tests::ticks(412);
    push(&mut warm, &more[305..]);
    push(&mut live, &more[305..]);
    assert_eq!(bits(&warm), bits(&live), "forty-one closed bars");
}

#[test]
fn bars_are_for_features_of_the_price_that_they_are_built_of() {
    let bar = bars(&ticks(10))[0];
    let mut mid = graph(&[(Kind::Value, Input::Mid, SECOND), (Kind::Value, Input::Bid, Clock::Tick)]);
    assert!(!mid.on_bar(A, NS_PER_S, &bar));
    let mut bid = graph(&[(Kind::Value, Input::Bid, SECOND)]);
    assert!(!bid.on_bar(A, 60 * NS_PER_S, &bar), "another length");
    assert!(!bid.on_bar(B, NS_PER_S, &bar), "another instrument");
    assert!(!bid.on_bar(A, NS_PER_S, &Bar { ts_open: bar.ts_open.plus_ns(1), ..bar }), "not aligned");
    assert!(!bid.on_bar(A, NS_PER_S, &Bar { high: bar.low, low: bar.high, ..bar }), "turned over");
    assert!(!bid.on_bar(A, NS_PER_S, &Bar { close: Price::NONE, ..bar }), "no price");
    assert!(bid.on_bar(A, NS_PER_S, &bar) && !bid.on_bar(A, NS_PER_S, &bar), "once");
    assert_eq!(bid.counts().bars_refused, 6);
    assert_eq!(bid.values(), [bar.close.0 as f32]);
    let need = |graph: &FeatureGraph| graph.history_needed()[0].terminal_bars;
    assert!(need(&bid) && !need(&mid));
    assert!(graph(&bar_features()).history_needed().iter().all(|need| need.terminal_bars));
}

#[test]
fn after_a_gap_everything_that_the_instrument_feeds_waits_and_then_is_as_new() {
    let with = Leg { instrument: B, input: Input::Mid };
    let mut features = bar_features();
    features.extend([
        (Kind::PairSpread { with, weight: 1.0 }, Input::Mid, Clock::Tick),
        (Kind::Correlation { period: 5, with, basis: Basis::Change }, Input::Mid, Clock::Tick),
        (Kind::LagOf { of: 0, lag: 2 }, Input::Bid, Clock::Tick),
        (Kind::TickGap, Input::Bid, Clock::Tick),
        (Kind::Quantile { period: 9, quantile: 0.5 }, Input::Ask, Clock::TickBar { ticks: 3 }),
    ]);
    let ticks = ticks(400);
    let both = |graph: &mut FeatureGraph, ticks: &[(TimeNs, FeatureTick)]| {
        for (ts, tick) in ticks {
            graph.on_tick(B, *ts, &FeatureTick::quote(Price(tick.ask.0 * 3), Price(tick.bid.0 * 4)));
            graph.on_tick(A, *ts, tick);
        }
    };
    let mut used = graph(&features);
    both(&mut used, &ticks[..203]);
    assert!(used.all_ready());
    used.reset(B);
    let pairs = used.unready_count();
    assert_eq!((pairs, used.ready(8), used.ready(9)), (2, false, false), "only what reads B");
    used.reset(A);
    assert_eq!(used.unready_count(), features.len());
    assert_eq!(used.oldest_update(), TimeNs::NEVER);
    let mut new = graph(&features);
    both(&mut used, &ticks[200..]);
    both(&mut new, &ticks[200..]);
    assert!(new.all_ready());
    assert_eq!(bits(&used), bits(&new));
}

#[test]
fn changed_places_are_exactly_those_whose_bits_changed() {
    let mut features = bar_features();
    features.extend((0..70).map(|at| (Kind::Change { lag: 1 + at }, Input::Spread, Clock::Tick)));
    let mut graph = graph(&features);
    let all: u32 = graph.changed().iter().map(|word| word.count_ones()).sum();
    assert_eq!(all as usize, features.len());
    let mut seen = 0;
    for (ts, tick) in ticks(300) {
        graph.clear_changed();
        let before: Vec<u32> = graph.values().iter().map(|value| value.to_bits()).collect();
        graph.on_tick(A, ts, &tick);
        for (at, (old, new)) in before.iter().zip(graph.values()).enumerate() {
            let marked = graph.changed()[at / 64] >> (at % 64) & 1 == 1;
            assert_eq!(marked, *old != new.to_bits(), "place {at} at {ts:?}");
            seen += usize::from(marked);
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn a_node_is_computed_once_however_many_read_it() {
    let band = |output| (Kind::Bollinger { period: 5, deviations: 2.0, output }, Input::Mid, Clock::Tick);
    let mut features = vec![band(BandOutput::Upper), band(BandOutput::Lower), band(BandOutput::PercentB)];
    features.push((Kind::ZScore { period: 5 }, Input::Mid, Clock::Tick));
    features.push((Kind::LagOf { of: 3, lag: 2 }, Input::Mid, Clock::Tick));
    features.push((Kind::Change { lag: 2 }, Input::Mid, SECOND));
    features.push((Kind::Return { lag: 2 }, Input::Mid, SECOND));
    let mut graph = graph(&features);
    push(&mut graph, &ticks(40));
    // Forty ticks: one computation each, and one more at each of three closed bars; the rest of seven features is kept.
    let counts = graph.counts();
    assert_eq!((counts.recomputations, counts.hits, counts.refused), (43, 40 * 7 - 43, 0));
}

#[test]
fn a_feature_is_stale_when_its_last_sample_is_too_old() {
    let with = Leg { instrument: B, input: Input::Mid };
    let mut specs = vec![
        FeatureSpec::new("tick", A, Kind::Value, Input::Mid, Clock::Tick),
        FeatureSpec::new("bar", A, Kind::Value, Input::Mid, SECOND),
        FeatureSpec::new("pair", A, Kind::PairRatio { with }, Input::Mid, Clock::Tick),
    ];
    specs[1].stale_after_ns = 3 * NS_PER_S;
    specs[2].stale_after_ns = 5 * NS_PER_S;
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let tick = FeatureTick::quote(Price(10), Price(12));
    let at = |seconds: i64| TimeNs(seconds * NS_PER_S);
    assert_eq!(graph.first_stale(at(100)), Some(1), "never had a sample");
    graph.on_tick(B, at(99), &tick);
    graph.on_tick(A, at(99), &tick);
    graph.on_tick(A, at(100), &tick);
    assert_eq!((graph.first_stale(at(103)), graph.first_stale(at(104))), (None, Some(1)));
    graph.on_tick(A, at(103), &tick);
    assert_eq!((graph.first_stale(at(104)), graph.first_stale(at(105))), (None, Some(2)), "B is old");
    assert_eq!((graph.updated(0), graph.updated(1), graph.updated(2)), (at(103), at(103), at(99)));
    assert_eq!(graph.oldest_update(), at(99));
    assert!(graph.reads(A) && graph.reads(B) && !graph.reads(InstrumentId(0)));
}

#[test]
fn a_number_that_does_not_exist_is_not_ready_and_comes_back() {
    let with = Leg { instrument: A, input: Input::Ask };
    let correlation = Kind::Correlation { period: 3, with, basis: Basis::Level };
    let mut graph = graph(&[(correlation, Input::Bid, Clock::Tick)]);
    let mut at = 0;
    let mut tick = |graph: &mut FeatureGraph, bid: i64| {
        at += 1;
        graph.on_tick(A, TimeNs(at), &FeatureTick::quote(Price(bid), Price(2 * bid)));
        graph.all_ready()
    };
    let ready = [5, 5, 5, 6, 7, 7, 7, 7, 8].map(|bid| tick(&mut graph, bid));
    assert_eq!(ready, [false, false, false, true, true, true, false, false, true]);
    assert!((graph.values()[0] - 1.0).abs() < 1e-6);
}

#[test]
fn history_is_what_the_longest_feature_of_a_clock_needs_with_all_it_looks_back() {
    let with = Leg { instrument: B, input: Input::Bid };
    let graph = graph(&[
        (Kind::Sma { period: 20 }, Input::Mid, Clock::Tick),
        (Kind::Ema { period: 10, seed: Seed::First }, Input::Bid, SECOND),
        (Kind::Atr { period: 14, convention: Convention::Terminal }, Input::Bid, SECOND),
        (Kind::ChangeOf { of: 2, lag: 7 }, Input::Mid, Clock::Tick),
        (Kind::LagOf { of: 3, lag: 100 }, Input::Mid, Clock::Tick),
        (Kind::Beta { period: 30, with, basis: Basis::Change }, Input::Bid, SECOND),
    ]);
    let need = |instrument, clock, min, settled, terminal_bars| HistoryNeed {
        instrument,
        clock,
        offset_ns: 0,
        samples_min: min,
        samples_settled: settled,
        terminal_bars,
    };
    let expected =
        [need(A, Clock::Tick, 20, 20, false), need(A, SECOND, 122, 122, true), need(B, SECOND, 31, 31, true)];
    assert_eq!(graph.history_needed(), expected);
}
