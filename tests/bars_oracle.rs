//! Bars: what the feature graph closes, against the bars that brokers published of the same ticks.
//!
//! What it is not: a test of indicators. High, low and close are asked of the graph as features (Donchian of one bar, and the
//! input at the bar's close); the open, which no indicator reads, is the tick with which the graph closed the bar before.
//!
//! Invariant: every bar of every included day, bid and ask, is equal in every price, and there is none too many or too few.

use std::io::Read;
use std::path::{Path, PathBuf};

use tickbridge::features::{BandOutput, Clock, FeatureGraph, FeatureSpec, FeatureTick, Input, Kind};
use tickbridge::store::ticks::{OpenOptions, open_ticks};
use tickbridge::types::{InstrumentId, NS_PER_MS, NS_PER_S, Price, TimeNs};

const ONE: InstrumentId = InstrumentId(0);
const DAY_NS: i64 = 86_400 * NS_PER_S;

/// A bar: its first nanosecond within the day, and open, high, low, close in ticks.
type Bar = (i64, [i64; 4]);

fn data(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    assert!(path.exists(), "test data: expected {}, got nothing", path.display());
    path
}

fn days(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(data(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with("_quote.zip"))
        .collect();
    names.sort();
    names
}

/// Bars of a day, as the graph closes them: bid and ask.
fn rebuilt(ticks: &Path, period_ns: i64, digits: u8) -> [Vec<Bar>; 2] {
    let clock = Clock::Bar { period_ns };
    let mut specs = Vec::new();
    for input in [Input::Bid, Input::Ask] {
        for (name, kind) in [
            ("high", Kind::Donchian { period: 1, output: BandOutput::Upper }),
            ("low", Kind::Donchian { period: 1, output: BandOutput::Lower }),
            ("close", Kind::Value),
        ] {
            specs.push(FeatureSpec::new(format!("{input:?}_{name}"), ONE, kind, input, clock));
        }
        // A feature that counts bars: every one is a sample of one tick or more.
        let of_ticks = Kind::Value;
        specs.push(FeatureSpec::new(format!("{input:?}_ticks"), ONE, of_ticks, Input::Ticks, clock));
    }
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let options = OpenOptions { digits: Some(digits), ..OpenOptions::default() };
    let reader = open_ticks(ticks, &options).unwrap();
    let mut bars = [Vec::new(), Vec::new()];
    // Of the open bar: its start, and the first bid and ask.
    let mut open: Option<(i64, [i64; 2])> = None;
    let (mut ticks_in_bars, mut tick_count, mut in_bar) = (0.0, 0.0, 0.0);
    let mut take = |ts: TimeNs, bid: i64, ask: i64| {
        let before = graph.counts().recomputations;
        graph.on_tick(ONE, ts, &FeatureTick::quote(Price(bid), Price(ask)));
        let closed = graph.counts().recomputations != before;
        if open.is_none() || closed {
            if let Some((start, first)) = open {
                let row = graph.exact_values();
                for side in 0..2 {
                    let value = |at: usize| row[4 * side + at] as i64;
                    bars[side].push((start, [first[side], value(0), value(1), value(2)]));
                }
                assert_eq!(row[3], in_bar, "ticks of the bar at {start}");
                (ticks_in_bars, in_bar) = (ticks_in_bars + row[3], 0.0);
            }
            open = Some((ts.0.rem_euclid(DAY_NS) / period_ns * period_ns, [bid, ask]));
        }
        in_bar += 1.0;
    };
    let mut last = TimeNs(0);
    for tick in reader {
        let tick = tick.unwrap();
        last = tick.ts_venue;
        tick_count += 1.0;
        take(tick.ts_venue, tick.bid, tick.ask);
    }
    // A tick of another day closes the last bar.
    take(last.plus_ns(DAY_NS), 1, 1);
    assert_eq!(ticks_in_bars, tick_count, "every tick is in one bar");
    bars
}

/// `time_ms,bidO,bidH,bidL,bidC,bidSize,askO,askH,askL,askC,askSize` of a zipped day.
fn published(file: &Path, digits: u8) -> [Vec<Bar>; 2] {
    let mut text = String::new();
    let archive = std::fs::File::open(file).unwrap();
    zip::ZipArchive::new(archive).unwrap().by_index(0).unwrap().read_to_string(&mut text).unwrap();
    let price = |text: &str| (text.parse::<f64>().unwrap() * 10f64.powi(i32::from(digits))).round() as i64;
    let mut bars = [Vec::new(), Vec::new()];
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let start = fields[0].parse::<i64>().unwrap() * NS_PER_MS;
        for (side, bars) in bars.iter_mut().enumerate() {
            bars.push((start, [1, 2, 3, 4].map(|at| price(fields[5 * side + at]))));
        }
    }
    bars
}

fn compare(what: &str, ours: &[Bar], theirs: &[Bar]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs, "{what}: start in the day, and open, high, low, close");
    }
    assert_eq!(ours.len(), theirs.len(), "{what}: bars of the day");
}

#[test]
fn minutes_and_seconds_of_every_day_equal_the_brokers() {
    let (mut all_days, mut all_bars) = (0, 0);
    for (folder, digits) in [("fx_oanda_eurusd", 5), ("fx_fxcm_eurusd", 5), ("fx_oanda_xauusd", 3)] {
        for (period, period_ns) in [("minute", 60 * NS_PER_S), ("second", NS_PER_S)] {
            if period == "second" && folder != "fx_oanda_eurusd" {
                continue;
            }
            let (mut day_count, mut bar_count) = (0, 0);
            for day in days(&format!("{folder}/{period}")) {
                let ours = rebuilt(&data(&format!("{folder}/tick/{day}")), period_ns, digits);
                let theirs = published(&data(&format!("{folder}/{period}/{day}")), digits);
                for (side, (ours, theirs)) in ["bid", "ask"].iter().zip(ours.iter().zip(&theirs)) {
                    compare(&format!("{folder} {period} {day} {side}"), ours, theirs);
                    bar_count += theirs.len();
                }
                day_count += 1;
            }
            println!("{folder} {period}: {day_count} days, {bar_count} bars of bid and ask, all equal");
            (all_days, all_bars) = (all_days + day_count, all_bars + bar_count);
        }
    }
    println!("all: {all_days} days, {all_bars} bars");
    assert!(all_days == 19 && all_bars > 100_000, "{all_days} days, {all_bars} bars");
}

#[test]
fn a_days_minutes_equal_dukascopys_candles() {
    let folder = data("fx_dukascopy_eurusd/2019-02-04");
    let ours = rebuilt(&folder, 60 * NS_PER_S, 5);
    let packed = std::fs::read(folder.join("BID_candles_min_1.bi5")).unwrap();
    let mut bytes = Vec::new();
    lzma_rs::lzma_decompress(&mut packed.as_slice(), &mut bytes).unwrap();
    let theirs: Vec<Bar> = bytes
        .chunks_exact(24)
        .map(|candle| {
            let number = |at: usize| i64::from(u32::from_be_bytes(candle[4 * at..][..4].try_into().unwrap()));
            // Theirs stand as open, close, low, high.
            (number(0) * NS_PER_S, [number(1), number(4), number(3), number(2)])
        })
        .collect();
    compare("dukascopy minutes, bid", &ours[0], &theirs);
    println!("fx_dukascopy_eurusd: {} bid candles, all equal", theirs.len());
    assert_eq!(theirs.len(), 1_440);
}
