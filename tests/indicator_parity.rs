//! Indicators against third-party reference files and against recomputation from scratch.
//!
//! What it is not: a claim beyond the files' digits. The references are printed with 4 to 16 digits, and each test's
//! tolerance is about one unit of the last printed digit of result or input (some files cut digits off instead of
//! rounding, and some round their closes); 1e-9 where the file has full precision. `spy_with_rma.csv` is left out: its
//! averages are not those of its own closes.
//!
//! Invariant: windows equal a recomputation from scratch exactly after ten million ticks; nothing drifts.

use std::path::Path;

use tickbridge::features::{
    BandOutput, Clock, FeatureGraph, FeatureSpec, FeatureTick, Input, Kind, MacdOutput, Seed, SignalAverage,
};
use tickbridge::model::synthetic::Dice;
use tickbridge::types::{InstrumentId, Price, TimeNs};

const SPY: InstrumentId = InstrumentId(3);

/// The columns of a reference file by header name, as text.
fn columns(file: &str, wanted: &[&str]) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/indicators_lean").join(file);
    let text = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("test data: expected {}, got {error}", path.display()));
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let places: Vec<usize> = wanted
        .iter()
        .map(|name| {
            header.iter().position(|have| have.trim() == *name).unwrap_or_else(|| panic!("{file}: {name}"))
        })
        .collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    places
        .iter()
        .map(|at| rows.iter().map(|row| row.get(*at).unwrap_or(&"").trim().to_string()).collect())
        .collect()
}

fn spec(name: &str, kind: Kind, input: Input) -> FeatureSpec {
    FeatureSpec::new(name, SPY, kind, input, Clock::Tick)
}

/// Runs `kind` over closes in steps of `tick` and holds it against the reference, after `settle` samples.
fn against(file: &str, close: &str, column: &str, tick: f64, kind: Kind, settle: usize, tolerance: f64) {
    let table = columns(file, &[close, column]);
    let mut graph = FeatureGraph::build(&[spec("x", kind, Input::Last)]).unwrap();
    let (mut compared, mut worst) = (0, 0.0f64);
    for (index, (close, expected)) in table[0].iter().zip(&table[1]).enumerate() {
        let ticks = close.parse::<f64>().unwrap() / tick;
        let last = Price(ticks.round() as i64);
        graph.on_tick(SPY, TimeNs(index as i64 + 1), &FeatureTick::last(last));
        let Ok(expected) = expected.parse::<f64>() else { continue };
        if expected.is_nan() || index < settle || !graph.all_ready() {
            continue;
        }
        let scaled = matches!(kind, Kind::Rsi { .. })
            || matches!(kind, Kind::Bollinger { output: BandOutput::PercentB, .. });
        let got = graph.exact_values()[0] * if scaled { 1.0 } else { tick };
        worst = worst.max((got - expected).abs());
        assert!(
            (got - expected).abs() <= tolerance,
            "{file} {column} row {index}: expected {expected}, got {got}"
        );
        compared += 1;
    }
    assert!(compared > 100, "{file} {column}: only {compared} rows compared");
    println!("{file} {column}: {compared} values, worst difference {worst:.2e}, allowed {tolerance:.1e}");
}

fn macd(output: MacdOutput, average: SignalAverage, seed: Seed) -> Kind {
    Kind::Macd { fast: 12, slow: 26, signal: 9, seed, average, output }
}

#[test]
fn the_reference_files_agree() {
    let (main, signal) = (MacdOutput::Main, MacdOutput::Signal);
    let average = Seed::Average;
    let mixed = "spy_with_indicators.txt";
    against(mixed, "Close", "SMA14", 0.01, Kind::Sma { period: 14 }, 0, 0.006);
    against(mixed, "Close", "EMA14", 0.01, Kind::Ema { period: 14, seed: average }, 0, 0.006);
    against(mixed, "Close", "MACD 12 26", 0.01, macd(main, SignalAverage::Simple, average), 0, 6e-3);
    against(mixed, "Close", "RSI 14 Wilder", 0.01, Kind::Rsi { period: 14 }, 0, 6e-5);
    let ema = Kind::Ema { period: 14, seed: average };
    against("spy_ema.csv", "close", "EMA14", 0.00001, ema, 0, 1e-9);
    let file = "spy_with_macd.txt";
    against(file, "Close", "MACD", 0.01, macd(main, SignalAverage::Simple, average), 0, 6e-5);
    against(file, "Close", "Signal", 0.01, macd(signal, SignalAverage::Exponential, average), 0, 6e-5);
    let file = "spy_bollinger_bands.txt";
    let band = |output| Kind::Bollinger { period: 20, deviations: 2.0, output };
    against(file, "Close", "Moving Average 20", 0.01, band(BandOutput::Middle), 0, 1e-4);
    against(file, "Close", "Bollinger Bands® 20 2 Top", 0.01, band(BandOutput::Upper), 0, 1e-4);
    against(file, "Close", "Bollinger Bands® 20 2 Bottom", 0.01, band(BandOutput::Lower), 0, 1e-4);
    against(file, "Close", "%B", 0.01, band(BandOutput::PercentB), 0, 1e-4);
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
