//! Every kind of feature against its definition, and against drift.
//!
//! What it is not: parity with a foreign library; `indicator_parity.rs` is. Here the same formula is worked out again in
//! the plainest way, from the definitions written beside the kinds.
//!
//! Invariant: at every sample the graph's number is the definition's, and after ten million ticks it is what a fresh graph
//! gets from the last of them: to the last bit where a window forgets, to 1e-9 where an average fades.

#[path = "feature_oracle/kinds.rs"]
mod kinds;
#[path = "feature_oracle/market.rs"]
mod market;
#[path = "feature_oracle/naive.rs"]
mod naive;

use kinds::{CLOCKS, WITH, everything};
use market::{FIRST, Market, Tick, samples};
use tickbridge::features::{Anchor, Clock, FeatureGraph, FeatureSpec, Input, Kind, Weight};

fn push(graph: &mut FeatureGraph, tick: &Tick) {
    graph.on_tick(tick.instrument, tick.ts, &tick.tick);
}

/// Compares every feature with its definition at the end of each of these stretches of ticks.
fn compare(specs: &[FeatureSpec], ticks: &[Tick], ends: &[usize], tolerance: f64) -> usize {
    let mut graph = FeatureGraph::build(specs).unwrap();
    let (mut pushed, mut compared) = (0, 0);
    for end in ends {
        ticks[pushed..*end].iter().for_each(|tick| push(&mut graph, tick));
        pushed = *end;
        let by_clock: Vec<_> =
            CLOCKS.iter().map(|clock| samples(&ticks[..*end], specs[0].input, *clock, WITH)).collect();
        for (at, spec) in specs.iter().enumerate() {
            let clock = CLOCKS.iter().position(|clock| *clock == spec.clock).unwrap();
            let seen = &by_clock[clock];
            let got = graph.exact_values()[at];
            if seen.len() < spec.kind.samples_needed() as usize + 1 {
                continue;
            }
            let expected = naive::value(spec.kind, seen, spec.offset_ns);
            let scale = expected.abs().max(got.abs()).max(1.0);
            let same = (got - expected).abs() <= tolerance * scale || (got.is_nan() && !expected.is_finite());
            assert!(
                same,
                "after {end} ticks, {:?} of {:?} on {:?} at sample {}: expected {expected}, got {got}",
                spec.kind,
                spec.input,
                spec.clock,
                seen.len()
            );
            compared += 1;
        }
    }
    compared
}

#[test]
fn every_kind_is_its_definition_on_every_clock() {
    let mut market = Market::new(20_261_121);
    let ticks: Vec<Tick> = (0..6_000).map(|_| market.next()).collect();
    let ends: Vec<usize> =
        (1..120).chain((120..1_500).step_by(61)).chain((1_500..=6_000).step_by(900)).collect();
    for input in [Input::Bid, Input::Mid, Input::Microprice] {
        let specs = everything(input, &CLOCKS);
        let compared = compare(&specs, &ticks, &ends, 1e-7);
        println!("{input:?}: {} features, {compared} values compared with their definitions", specs.len());
        assert!(compared > 20_000, "only {compared}");
    }
}

#[test]
fn spread_volume_and_tick_count_are_inputs_too() {
    let mut market = Market::new(7);
    let ticks: Vec<Tick> = (0..4_000).map(|_| market.next()).collect();
    let ends: Vec<usize> = (1..200).chain((200..=4_000).step_by(190)).collect();
    let kinds = [
        Kind::Value,
        Kind::Sma { period: 9 },
        Kind::ZScore { period: 10 },
        Kind::Deviation { period: 10 },
        Kind::Maximum { period: 13 },
        Kind::Change { lag: 2 },
        Kind::Quantile { period: 15, quantile: 0.5 },
        Kind::Wma { period: 4 },
    ];
    for input in [Input::Ask, Input::Spread, Input::Volume, Input::Ticks] {
        let specs: Vec<FeatureSpec> = CLOCKS
            .iter()
            .flat_map(|clock| kinds.map(|kind| (kind, *clock)))
            .enumerate()
            .map(|(at, (kind, clock))| FeatureSpec::new(format!("f{at}"), FIRST, kind, input, clock))
            .collect();
        let compared = compare(&specs, &ticks, &ends, 1e-9);
        println!("{input:?}: {compared} values compared");
        assert!(compared > 3_000, "only {compared}");
    }
}

#[test]
fn nothing_drifts_in_ten_million_ticks() {
    // Bars of ticks and of volume would begin elsewhere in the fresh graph; their nodes are those of the time bars.
    let mut specs = everything(Input::Mid, &CLOCKS[..2]);
    // What never forgets is compared by its change.
    let obv = |spec: &FeatureSpec| matches!(spec.kind, Kind::Obv { .. });
    let cumulative: Vec<usize> = (0..specs.len()).filter(|at| obv(&specs[*at])).collect();
    for of in cumulative {
        let kind = Kind::ChangeOf { of: of as u32, lag: 20 };
        specs.push(FeatureSpec::new(format!("f{}", specs.len()), FIRST, kind, Input::Mid, Clock::Tick));
    }
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let mut fresh = FeatureGraph::build(&specs).unwrap();
    let mut market = Market::new(3);
    const TICKS: usize = 10_000_000;
    const TAIL: usize = 60_000;
    for at in 0..TICKS {
        let tick = market.next();
        push(&mut graph, &tick);
        if at >= TICKS - TAIL {
            push(&mut fresh, &tick);
        }
    }
    let (mut equal, mut worst) = (0, 0.0f64);
    for (at, spec) in specs.iter().enumerate() {
        let (long, short) = (graph.exact_values()[at], fresh.exact_values()[at]);
        if obv(spec) || matches!(spec.kind, Kind::Vwap { .. }) && long.to_bits() != short.to_bits() {
            assert!(obv(spec) || is_anchored(spec), "{:?}", spec.kind);
            continue;
        }
        equal += usize::from(long.to_bits() == short.to_bits());
        let relative = (long - short).abs() / long.abs().max(1e-3);
        worst = worst.max(relative);
        assert!(
            relative < 1e-9,
            "{:?} {:?}: {long} after {TICKS} ticks, {short} anew",
            spec.kind,
            spec.clock
        );
        let fades = matches!(
            spec.kind,
            Kind::Ema { .. } | Kind::Smma { .. } | Kind::Rsi { .. } | Kind::Macd { .. } | Kind::Adx { .. }
        );
        // The change of a long sum in a double is exact only as far as the sum is.
        let fades =
            fades || matches!(spec.kind, Kind::Atr { .. } | Kind::Keltner { .. } | Kind::ChangeOf { .. });
        assert!(fades || long.to_bits() == short.to_bits(), "{:?}: a window did not forget", spec.kind);
    }
    println!("{} features: {equal} bit-equal, worst relative difference {worst:.1e}", specs.len());
    assert!(graph.all_ready() && equal > specs.len() / 2);
}

#[test]
fn history_is_neither_too_short_nor_too_long() {
    let specs = everything(Input::Mid, &CLOCKS);
    let mut market = Market::new(5);
    let ticks: Vec<Tick> = (0..60_000).map(|_| market.next()).collect();
    let mut all = FeatureGraph::build(&specs).unwrap();
    ticks.iter().for_each(|tick| push(&mut all, tick));
    let mut checked = 0;
    for (at, spec) in specs.iter().enumerate() {
        let mut own = FeatureSpec { name: "own".into(), ..spec.clone() };
        own.stale_after_ns = 1;
        let counter =
            FeatureSpec::new("counter", FIRST, Kind::Obv { weight: Weight::Ticks }, Input::Ticks, spec.clock);
        let mut graph = FeatureGraph::build(&[own, counter]).unwrap();
        let (need, settled) = (spec.kind.samples_needed(), spec.kind.history_needed());
        // Until the value is there, every sample is one too few.
        let mut count = 0;
        for tick in &ticks {
            let before = graph.updated(1);
            push(&mut graph, tick);
            count += u32::from(
                tick.instrument == FIRST && (graph.updated(1) != before || spec.clock == Clock::Tick),
            );
            if graph.ready(0) || count > need + 100 {
                break;
            }
        }
        assert!(count >= need, "{:?} on {:?}: ready after {count}, needs {need}", spec.kind, spec.clock);
        assert!(count <= need + 25, "{:?} on {:?}: {count} samples and no value", spec.kind, spec.clock);
        // A history of what is called settled ends in the same row as the whole history.
        let forgets =
            !matches!(spec.kind, Kind::Obv { .. } | Kind::TickImbalance { .. }) && !is_anchored(spec);
        let aligned = matches!(spec.clock, Clock::Tick | Clock::Bar { .. });
        if forgets && aligned {
            let per_sample = if spec.clock == Clock::Tick { 3 } else { 25 };
            let start = ticks.len() - (per_sample * (settled as usize + 8) + 200).min(ticks.len());
            let mut late = FeatureGraph::build(std::slice::from_ref(spec)).unwrap();
            ticks[start..].iter().for_each(|tick| push(&mut late, tick));
            let (long, short) = (all.values()[at], late.values()[0]);
            let close = (long - short).abs() <= 4e-7 * long.abs().max(short.abs()).max(1e-3);
            assert!(close, "{:?} on {:?}: {long} of all, {short} of {settled}", spec.kind, spec.clock);
            checked += 1;
        }
    }
    println!("{} features need what they say; {checked} are settled when they say so", specs.len());
}

/// A session's VWAP is older than the tail.
fn is_anchored(spec: &FeatureSpec) -> bool {
    matches!(spec.kind, Kind::Vwap { anchor: Anchor::Session { .. }, .. })
}
