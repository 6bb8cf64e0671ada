//! The market generator against the real quotes it was calibrated on.
//!
//! What it is not: a proof that the market behaves so; it compares stated figures within stated bands.
//!
//! Invariant: the committed constants are those of the data; without the data the test fails, naming the path.

use std::collections::BTreeMap;
use std::path::Path;
use tickbridge::sim::market::{Calibration, MarketGenerator};
use tickbridge::store::ticks::{FileTick, NS_PER_DAY, OpenOptions, open_ticks};
use tickbridge::types::{NS_PER_S, TimeNs};

const SEED: u64 = 20_190_204;

struct Figures {
    ticks_per_hour: [f64; 24],
    variance_per_s: [f64; 24],
    spread_share: [f64; 8],
    named: Vec<(&'static str, f64)>,
}

fn figures(ticks: &[FileTick]) -> Figures {
    let mut counts = [0.0; 24];
    let mut spread_share = [0.0; 8];
    let mut mids: BTreeMap<i64, f64> = BTreeMap::new();
    let mut minutes: BTreeMap<i64, f64> = BTreeMap::new();
    for tick in ticks {
        counts[(tick.ts_venue.0 % NS_PER_DAY / (3600 * NS_PER_S)) as usize] += 1.0;
        spread_share[((tick.ask - tick.bid).clamp(1, 8) - 1) as usize] += 1.0 / ticks.len() as f64;
        mids.insert(tick.ts_venue.0 / NS_PER_S, (tick.bid + tick.ask) as f64 / 2.0);
        *minutes.entry(tick.ts_venue.0 / (60 * NS_PER_S)).or_default() += 1.0;
    }
    let (first, last) = (*mids.keys().next().unwrap(), *mids.keys().last().unwrap());
    let days = (last - first + 1) as f64 / 86_400.0;
    let (mut squares, mut seconds, mut unchanged) = ([0.0; 24], [0.0; 24], 0.0);
    let mut variance_by_minute: BTreeMap<i64, f64> = BTreeMap::new();
    let mut mid = mids[&first];
    for second in first + 1..=last {
        let next = mids.get(&second).copied().unwrap_or(mid);
        let square = (next - mid) * (next - mid);
        let hour = (second % 86_400 / 3600) as usize;
        squares[hour] += square;
        seconds[hour] += 1.0;
        unchanged += f64::from(u8::from(square == 0.0));
        *variance_by_minute.entry(second / 60).or_default() += square;
        mid = next;
    }
    let mut gaps: Vec<i64> =
        ticks.windows(2).map(|pair| pair[1].ts_venue.ms() - pair[0].ts_venue.ms()).collect();
    gaps.sort_unstable();
    let mean_gap = gaps.iter().sum::<i64>() as f64 / gaps.len() as f64;
    let gap_variance =
        gaps.iter().map(|&gap| (gap as f64 - mean_gap).powi(2)).sum::<f64>() / gaps.len() as f64;
    let spread_mean = ticks.iter().map(|tick| (tick.ask - tick.bid) as f64).sum::<f64>() / ticks.len() as f64;
    let same_mid =
        ticks.windows(2).filter(|pair| pair[0].bid + pair[0].ask == pair[1].bid + pair[1].ask).count();
    let total_seconds: f64 = seconds.iter().sum();
    let named = vec![
        ("ticks a day", ticks.len() as f64 / days),
        ("mean spread, points", spread_mean),
        ("variance a second, points^2", squares.iter().sum::<f64>() / total_seconds),
        ("seconds without a change", unchanged / total_seconds),
        ("ticks with the mid unchanged", same_mid as f64 / ticks.len() as f64),
        ("gap median, ms", gaps[gaps.len() / 2] as f64),
        ("gap 95 %, ms", gaps[gaps.len() * 95 / 100] as f64),
        ("gap deviation over mean", gap_variance.sqrt() / mean_gap),
        ("minute count correlation, lag 1", correlation(minutes.values())),
        ("minute variance correlation, lag 1", correlation(variance_by_minute.values())),
    ];
    let mut ticks_per_hour = counts;
    ticks_per_hour.iter_mut().for_each(|count| *count /= days);
    let mut variance_per_s = squares;
    (0..24).for_each(|hour| variance_per_s[hour] /= seconds[hour]);
    Figures { ticks_per_hour, variance_per_s, spread_share, named }
}

/// Autocorrelation at lag 1 of the logarithms.
fn correlation<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let logs: Vec<f64> = values.map(|value| (value + 1.0).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let variance: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    logs.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>() / variance
}

fn real(path: &str) -> Vec<FileTick> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    assert!(path.exists(), "test data is missing: {}", path.display());
    open_ticks(&path, &OpenOptions::default()).unwrap().map(|tick| tick.unwrap()).collect()
}

#[test]
fn constants_are_those_of_the_data_and_the_stream_agrees() {
    let calibration = Calibration::eurusd();
    let real = figures(&real("fx_dukascopy_eurusd/2019-02-04"));
    let start = TimeNs(1_549_238_400 * NS_PER_S);
    let generated: Vec<FileTick> = MarketGenerator::new(SEED, calibration.clone(), start)
        .take_while(|tick| tick.ts_venue.0 < start.0 + 40 * NS_PER_DAY)
        .collect();
    let generated = figures(&generated);
    println!("seed {SEED}; figure, real, generated over 40 days");
    for ((name, real), (_, generated)) in real.named.iter().zip(&generated.named) {
        println!("| {name} | {real:.3} | {generated:.3} |");
    }
    for hour in 0..24 {
        let (ticks, variance) = (calibration.ticks_per_hour[hour], calibration.variance_per_s[hour]);
        assert!(
            (real.ticks_per_hour[hour] / ticks - 1.0).abs() < 0.01,
            "hour {hour}: {}",
            real.ticks_per_hour[hour]
        );
        assert!(
            (real.variance_per_s[hour] - variance).abs() < 0.011,
            "hour {hour}: {}",
            real.variance_per_s[hour]
        );
        assert!(
            (generated.ticks_per_hour[hour] / ticks - 1.0).abs() < 0.35,
            "hour {hour}: {}",
            generated.ticks_per_hour[hour]
        );
    }
    for (index, probability) in calibration.spread_probability.iter().enumerate() {
        println!(
            "| spread {} | {:.4} | {:.4} |",
            index + 1,
            real.spread_share[index],
            generated.spread_share[index]
        );
        assert!((real.spread_share[index] - probability).abs() < 0.002, "spread {}", index + 1);
        assert!((generated.spread_share[index] - probability).abs() < 0.003, "spread {}", index + 1);
    }
    let bands = [0.15, 0.10, 0.20, 0.25, 0.35, 0.35, 0.30, 0.35, 0.30, 0.30];
    for (((name, real), (_, generated)), band) in real.named.iter().zip(&generated.named).zip(bands) {
        assert!(
            (generated / real - 1.0).abs() < band,
            "{name}: real {real}, generated {generated}, band {band}"
        );
    }
}

#[test]
fn the_share_of_repeated_milliseconds_is_oandas() {
    let calibration = Calibration::eurusd();
    let same = |ticks: &[FileTick]| {
        let repeated = ticks.windows(2).filter(|pair| pair[0].ts_venue == pair[1].ts_venue).count();
        repeated as f64 / ticks.len() as f64
    };
    let real = same(&real("fx_oanda_eurusd/tick"));
    let generated: Vec<FileTick> =
        MarketGenerator::new(SEED, calibration.clone(), TimeNs(0)).take(300_000).collect();
    let generated = same(&generated);
    println!("same millisecond: real {real:.4}, generated {generated:.4}");
    assert!((real - calibration.same_ms_share).abs() < 0.001, "{real}");
    assert!((generated - calibration.same_ms_share).abs() < 0.002, "{generated}");
}
