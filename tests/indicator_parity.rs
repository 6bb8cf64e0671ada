//! Indicators against TA-Lib, against MT5's published formulas, against reference files, and against recomputation.
//!
//! What it is not: a claim of third-party parity for MT5's conventions; no library has them, so they are held against a second
//! implementation in `scripts/golden-indicators`. TA-Lib and the reference files are others' work.
//!
//! Invariant: every committed golden case and every reference file is compared or named with the reason why not; windows equal
//! a recomputation from scratch exactly after ten million ticks.

#[path = "indicator_parity/golden.rs"]
mod golden;
#[path = "indicator_parity/lean.rs"]
mod lean;

use std::collections::BTreeSet;

use tickbridge::features::{
    BandOutput, Clock, FeatureGraph, FeatureSpec, FeatureTick, Input, Kind, MacdOutput, Seed, SignalAverage,
};
use tickbridge::model::synthetic::Dice;
use tickbridge::types::{InstrumentId, Price, TimeNs};

const SPY: InstrumentId = InstrumentId(3);

fn spec(name: &str, kind: Kind, input: Input) -> FeatureSpec {
    FeatureSpec::new(name, SPY, kind, input, Clock::Tick)
}

fn macd(output: MacdOutput, average: SignalAverage, seed: Seed) -> Kind {
    Kind::Macd { fast: 12, slow: 26, signal: 9, seed, average, output }
}

/// Compares all cases of one source.
fn golden_parity(source: &str) {
    let bars = golden::bars();
    let rows = bars.iter().filter(|bar| bar.compared).count();
    let cases = golden::cases(source, rows);
    let ours = golden::ours(&cases, &bars);
    let compared_bars: Vec<usize> = (0..bars.len()).filter(|at| bars[*at].compared).collect();
    let (mut families, mut values, mut worst_of_all) = (BTreeSet::new(), 0, 0.0f64);
    let mut faults = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let kind = golden::kind_of(&case.name);
        let settle = golden::settle(source, &case.name, kind);
        let mut sizes: Vec<f64> = case.values.iter().filter(|x| x.is_finite()).map(|x| x.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let scale = sizes[sizes.len() / 2];
        let (mut count, mut worst, mut fault) = (0, 0.0f64, None);
        for (row, expected) in compared_bars.iter().zip(&case.values) {
            let (ready, got) = ours[*row][at];
            if !ready || expected.is_nan() || *row < settle {
                continue;
            }
            count += 1;
            let relative = (got - expected).abs() / expected.abs().max(scale).max(1e-300);
            worst = worst.max(relative);
            if relative.is_nan() || relative > golden::TOLERANCE {
                fault = Some(format!("{source} {}: bar {row}: expected {expected}, got {got}", case.name));
            }
        }
        if count < 60 {
            fault = Some(format!("{source} {}: only {count} values compared", case.name));
        }
        faults.extend(fault);
        println!("{source} {}: {count} values, worst {worst:.1e}, from bar {settle}", case.name);
        families.insert(case.name.split('/').next().unwrap_or("").to_owned());
        values += count;
        worst_of_all = worst_of_all.max(worst);
    }
    assert!(faults.is_empty(), "{} of {} series differ:\n{}", faults.len(), cases.len(), faults.join("\n"));
    println!(
        "{source}: {} families, {} series, {values} values, worst relative difference {worst_of_all:.1e}",
        families.len(),
        cases.len()
    );
}

#[test]
fn talib_agrees_to_a_part_in_a_thousand_million() {
    golden_parity("talib");
}

/// Not a third party: a second implementation of the formulas that MetaQuotes publishes.
#[test]
fn mt5s_published_formulas_agree_to_a_part_in_a_thousand_million() {
    golden_parity("mt5");
}

#[test]
fn the_reference_files_agree() {
    lean::compare_all();
}

#[test]
fn nothing_drifts_in_ten_million_ticks() {
    let average = SignalAverage::Simple;
    let band = |output| Kind::Bollinger { period: 100, deviations: 2.0, output };
    let kinds = [
        Kind::Sma { period: 200 },
        band(BandOutput::Middle),
        band(BandOutput::Width),
        Kind::Ema { period: 26, seed: Seed::First },
        Kind::Rsi { period: 14 },
        macd(MacdOutput::Signal, average, Seed::First),
        Kind::Change { lag: 77 },
    ];
    let specs: Vec<FeatureSpec> =
        kinds.iter().enumerate().map(|(at, kind)| spec(&format!("f{at}"), *kind, Input::Mid)).collect();
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let mut fresh = FeatureGraph::build(&specs).unwrap();
    let (mut dice, mut bid) = (Dice(20_261_121), 1_000_000i64);
    let mut tail: Vec<i64> = Vec::new();
    const TICKS: i64 = 10_000_000;
    for at in 1..=TICKS {
        bid += dice.below(2_001) as i64 - 1_000;
        let ask = bid + dice.below(30) as i64 - 2;
        let tick = FeatureTick::quote(Price(bid), Price(ask));
        graph.on_tick(SPY, TimeNs(at), &tick);
        if at > TICKS - 2_000 {
            fresh.on_tick(SPY, TimeNs(at), &tick);
            tail.push(bid + ask);
        }
    }
    let (long, short) = (graph.exact_values(), fresh.exact_values());
    let naive: i64 = tail[tail.len() - 200..].iter().sum();
    assert_eq!(long[0], naive as f64 / 200.0 * 0.5);
    let window = &tail[tail.len() - 100..];
    let mean: i128 = window.iter().map(|x| i128::from(*x)).sum();
    let squares: i128 = window.iter().map(|x| i128::from(*x) * i128::from(*x)).sum();
    assert_eq!(long[1], mean as f64 / 100.0 * 0.5);
    assert_eq!(long[2], 4.0 * (((100 * squares - mean * mean) as f64).sqrt() / 100.0 * 0.5));
    assert_eq!(long[6], (tail[tail.len() - 1] - tail[tail.len() - 78]) as f64 * 0.5);
    for (at, (long, short)) in long.iter().zip(short).enumerate() {
        let relative = (long - short).abs() / long.abs().max(1e-3);
        assert!(relative < 1e-9, "{:?}: {long} after 10,000,000 ticks, {short} from scratch", kinds[at]);
        println!("{:?}: relative difference from scratch {relative:.1e}", kinds[at]);
    }
}

#[test]
fn a_feature_without_history_is_nan_and_says_so() {
    let ema = Kind::Ema { period: 3, seed: Seed::First };
    let mut bars = spec("bar", Kind::Change { lag: 1 }, Input::Bid);
    bars.clock = Clock::Bar { period_ns: 1_000_000 };
    let specs = [spec("now", Kind::Value, Input::Spread), spec("ema", ema, Input::Mid), bars];
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let tick = |bid: i64| FeatureTick::quote(Price(bid), Price(bid + 2));
    assert!(graph.values().iter().all(|value| value.is_nan()));
    graph.on_tick(SPY, TimeNs(1), &tick(10));
    assert_eq!((graph.ready(0), graph.ready(1), graph.ready(2)), (true, false, false));
    assert_eq!(graph.values()[0], 2.0);
    graph.on_tick(SPY, TimeNs(2), &FeatureTick { bid: Price::NONE, ..tick(99) });
    assert_eq!(
        (graph.refused_count(), graph.ready(1)),
        (3, false),
        "spread, mid and the bar's bid had no price"
    );
    graph.on_tick(InstrumentId(4), TimeNs(2), &tick(99));
    graph.on_tick(SPY, TimeNs(3), &tick(12));
    graph.on_tick(SPY, TimeNs(4), &tick(14));
    assert!(graph.ready(1) && graph.values()[1] == 13.5, "(11, 13, 15) smoothed by a half");
    graph.on_tick(SPY, TimeNs(1_000_000), &tick(20));
    graph.on_tick(SPY, TimeNs(1_999_999), &tick(19));
    assert!(!graph.ready(2) && !graph.all_ready());
    graph.on_tick(SPY, TimeNs(5_000_000), &tick(50));
    assert!(graph.all_ready() && graph.values()[2] == 5.0, "closes 14 and 19; empty bars do not exist");
}
