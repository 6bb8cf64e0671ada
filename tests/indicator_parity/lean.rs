//! The reference files of an open-source engine's own tests (QuantConnect Lean): daily bars and what others' programs
//! (mostly charting software) made of them.
//!
//! What it is not: a claim beyond the files' digits. Each tolerance is said with its reason: about half a unit of the last
//! printed digit of the result, or what the printed digits of the input do to it.
//!
//! Invariant: every file of the folder is compared, or is in the list of those left out, with its reason.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tickbridge::features::*;
use tickbridge::types::{InstrumentId, NS_PER_MS, Price, TimeNs};

const SPY: InstrumentId = InstrumentId(3);

/// What a comparison needs.
struct Reference {
    file: &'static str,
    column: &'static str,
    kind: Kind,
    /// Price of one tick in the file's digits.
    tick: f64,
    /// Turns our number into the file's.
    scale: fn(ours: f64, tick: f64) -> f64,
    /// Rows before which the two start otherwise.
    settle: usize,
    /// Largest difference allowed.
    tolerance: f64,
}

/// Columns of compared files that are not, and why.
const COLUMNS_LEFT_OUT: &[(&str, &str)] = &[
    ("spy_with_indicators.txt: RSI 14", "Cutler's, of simple averages; MT5 and TA-Lib have Wilder's"),
    ("spy_with_indicators.txt: OBV", "the file does not have its volumes"),
    ("spy_bollinger_bands.txt: BandWidth", "the difference of two compared columns over a third"),
    (
        "spy_with_adx.txt: TR, DM, DX, ADXR",
        "steps on the way, and an average of two ADX that is no kind of ours",
    ),
    ("spy_with_rma.csv: SMA5, SMA15, RMA5", "not those of the file's own closes"),
];

/// Files without a comparison, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("eurusd60_dem.txt", "DeMarker is no kind of ours"),
    ("spy_ad.txt", "accumulation/distribution is no kind of ours"),
    ("spy_ao.txt", "the awesome oscillator is no kind of ours (two averages of medians)"),
    ("spy_heikin_ashi.txt", "Heikin-Ashi bars are no kind of ours"),
    ("spy_kama.txt", "Kaufman's adaptive average is no kind of ours"),
    ("spy_mfi.txt", "the money flow index is no kind of ours"),
    ("spy_with_ForceIndex.csv", "the force index is no kind of ours"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/indicators_lean")
}

/// A file's header and rows, as text.
fn read(file: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let path = folder().join(file);
    let text = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("test data: expected {}, got {error}", path.display()));
    let text = String::from_utf8_lossy(&text).into_owned();
    let fields = |line: &str| line.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>();
    let mut lines = text.lines();
    let header = fields(lines.next().unwrap());
    (header, lines.map(fields).collect())
}

/// Runs a kind over a file's bars and holds it against a column: the count of values compared, or the first that differs.
fn compare(reference: &Reference) -> Result<usize, String> {
    let Reference { file, column, kind, tick, scale, settle, tolerance } = *reference;
    let (header, rows) = read(file);
    let place = |name: &str| header.iter().position(|have| have.eq_ignore_ascii_case(name));
    let wanted =
        place(column).unwrap_or_else(|| panic!("{file}: expected a column {column}, got {header:?}"));
    let close = place("close").unwrap();
    // A file of closes alone has no bars; then each price stands for all four.
    let prices = ["open", "high", "low"].map(|name| place(name).unwrap_or(close));
    // Bars are four ticks: open, high, low, close, and the volume with the first. An average of all four prices weighted with
    // volume is one over ticks, each with the whole volume.
    let on_ticks = matches!(kind, Kind::Vwap { .. });
    let clock = if on_ticks { Clock::Tick } else { Clock::TickBar { ticks: 4 } };
    let spec = FeatureSpec::new("x", SPY, kind, Input::Last, clock);
    let mut graph = FeatureGraph::build(&[spec]).unwrap();
    let (mut count, mut worst, mut fault) = (0, 0.0f64, None);
    for (at, row) in rows.iter().enumerate() {
        let number = |at: usize| row.get(at).and_then(|text| text.parse::<f64>().ok());
        let Some(last) = number(close) else { continue };
        let ticks = |price: f64| Price((price / tick).round() as i64);
        let volume = place("volume").and_then(number).unwrap_or(1.0);
        let [open, high, low] = prices.map(|at| ticks(number(at).unwrap_or(last)));
        let ts = TimeNs((at as i64 + 1) * NS_PER_MS);
        graph.on_tick(SPY, ts, &FeatureTick::last(open).with_trade(open, volume));
        for price in [high, low, ticks(last)] {
            let tick = FeatureTick::last(price);
            let tick = if on_ticks { tick.with_trade(price, volume) } else { tick };
            graph.on_tick(SPY, ts, &tick);
        }
        let Some(expected) = number(wanted).filter(|expected| expected.is_finite()) else { continue };
        if at < settle || !graph.all_ready() {
            continue;
        }
        let got = scale(graph.exact_values()[0], tick);
        worst = worst.max((got - expected).abs());
        if (got - expected).abs() > tolerance && fault.is_none() {
            fault = Some(format!("row {at}: expected {expected}, got {got}"));
        }
        count += 1;
    }
    println!("{file} {column}: {count} values, worst difference {worst:.2e}, allowed {tolerance:.1e}");
    if count <= 100 {
        fault = Some(format!("only {count} rows compared"));
    }
    fault.map_or(Ok(count), |fault| Err(format!("{file} {column}: {fault}, worst difference {worst:e}")))
}

impl Reference {
    /// A column of plain numbers beside prices in cents.
    fn of(file: &'static str, column: &'static str, kind: Kind, tolerance: f64) -> Self {
        Reference { file, column, kind, tick: 0.01, scale: |ours, _| ours, settle: 0, tolerance }
    }

    /// A column of prices.
    fn priced(file: &'static str, column: &'static str, kind: Kind, tolerance: f64) -> Self {
        Reference { scale: |ours, tick| ours * tick, ..Self::of(file, column, kind, tolerance) }
    }

    fn tick(self, tick: f64) -> Self {
        Reference { tick, ..self }
    }

    fn settle(self, settle: usize) -> Self {
        Reference { settle, ..self }
    }

    fn scale(self, scale: fn(f64, f64) -> f64) -> Self {
        Reference { scale, ..self }
    }
}

fn references() -> Vec<Reference> {
    [averages(), ranges(), oscillators(), volumes()].into_iter().flatten().collect()
}

fn averages() -> Vec<Reference> {
    let (of, priced) = (Reference::of, Reference::priced);
    let macd = |output, average| {
        let (fast, slow, signal, seed) = (12, 26, 9, Seed::Average);
        Kind::Macd { fast, slow, signal, seed, average, output }
    };
    let (simple, exponential) = (SignalAverage::Simple, SignalAverage::Exponential);
    let ema = Kind::Ema { period: 14, seed: Seed::Average };
    let band = |output| Kind::Bollinger { period: 20, deviations: 2.0, output };
    let (mixed, bands) = ("spy_with_indicators.txt", "spy_bollinger_bands.txt");
    vec![
        // Printed with 2 decimals, and so are the closes.
        priced(mixed, "SMA14", Kind::Sma { period: 14 }, 6e-3),
        priced(mixed, "EMA14", ema, 6e-3),
        priced(mixed, "MACD 12 26", macd(MacdOutput::Main, simple), 6e-4),
        of(mixed, "RSI 14 Wilder", Kind::Rsi { period: 14 }, 6e-6),
        // Every digit of a double.
        priced("spy_ema.csv", "EMA14", ema, 1e-9).tick(0.00001),
        priced("spy_with_rma.csv", "SMA10", Kind::Sma { period: 10 }, 1e-9).tick(0.0001),
        // 5 decimals.
        priced("spy_with_macd.txt", "MACD", macd(MacdOutput::Main, simple), 6e-6),
        priced("spy_with_macd.txt", "Signal", macd(MacdOutput::Signal, exponential), 6e-6),
        priced("spy_with_macd.txt", "Histogram", macd(MacdOutput::Histogram, exponential), 6e-6),
        // 4 decimals, cut off and not rounded.
        priced(bands, "Moving Average 20", band(BandOutput::Middle), 1e-4),
        priced(bands, "Bollinger Bands® 20 2 Top", band(BandOutput::Upper), 1e-4),
        priced(bands, "Bollinger Bands® 20 2 Bottom", band(BandOutput::Lower), 1e-4),
        of(bands, "%B", band(BandOutput::PercentB), 1e-4),
    ]
}

fn ranges() -> Vec<Reference> {
    let (of, priced) = (Reference::of, Reference::priced);
    let atr = |convention| Kind::Atr { period: 14, convention };
    let adx = |output| Kind::Adx { period: 14, convention: Convention::TaLib, output };
    let donchian = |output| Kind::Donchian { period: 50, output };
    let (range, directions, channel) = ("Average True Range 14", "spy_with_adx.txt", "spy_with_don50.txt");
    vec![
        // 6 decimals, 5 in the second. That one begins with a first bar that has no close before it, which TA-Lib leaves out:
        // the share of that in Wilder's average is (13/14)^n, below the digits after 140 bars.
        priced("spy_atr.txt", range, atr(Convention::Terminal), 6e-6),
        priced("spy_atr_wilder.txt", range, atr(Convention::TaLib), 6e-6).settle(14 + 140),
        // 4 decimals; the same first bar, and an average of averages.
        of(directions, "+DI14", adx(AdxOutput::PlusDi), 6e-5).tick(0.0001).settle(300),
        of(directions, "-DI14", adx(AdxOutput::MinusDi), 6e-5).tick(0.0001).settle(300),
        of(directions, "ADX 14", adx(AdxOutput::Adx), 6e-5).tick(0.0001).settle(300),
        // Prices themselves, and the middle of two.
        priced(channel, "Donchian Channels 50 Top", donchian(BandOutput::Upper), 1e-9),
        priced(channel, "Donchian Channels 50 Bottom", donchian(BandOutput::Lower), 1e-9),
        priced(channel, "Donchian Channels 50 Mean", donchian(BandOutput::Middle), 1e-9),
        // Population variance with every digit; its maker took squares from squares, which leaves ten.
        of("spy_var.txt", "Var", Kind::Deviation { period: 10 }, 1e-9).scale(|sd, tick| (sd * tick).powi(2)),
    ]
}

fn oscillators() -> Vec<Reference> {
    let of = Reference::of;
    let stochastic = |period, slowing, output| Kind::Stochastic {
        period,
        slowing,
        signal: 5,
        price: PriceField::LowHigh,
        convention: Convention::TaLib,
        output,
    };
    let slow = "spy_with_stoch12k3.txt";
    vec![
        // 5 to 7 digits, made in single precision: a price of 150 is kept to 8e-6, which the division by 0.015 times a
        // deviation of about 0.5 makes 1e-3.
        of("spy_with_cci.txt", "Commodity Channel Index (CCI) 14", Kind::Cci { period: 14 }, 3e-3),
        // Single precision again: 1e-5 of a range of about 4, in percent.
        of(slow, "Stochastics 12 %K 3", stochastic(12, 3, StochasticOutput::K), 5e-4),
        of(slow, "%D 5", stochastic(12, 3, StochasticOutput::D), 5e-4),
        // Williams' %R is the fast %K minus 100.
        of("spy_with_williamsR14.txt", "Williams %R 14", stochastic(14, 1, StochasticOutput::K), 5e-4)
            .scale(|k, _| k - 100.0),
    ]
}

fn volumes() -> Vec<Reference> {
    let rolling = Anchor::Rolling { period: 4 * 50 };
    vec![
        // 4 decimals. Its price is the mean of open, high, low and close: 200 ticks, four a bar.
        Reference::priced(
            "spy_with_vwap.txt",
            "Moving VWAP 50",
            Kind::Vwap { anchor: rolling, weight: Weight::Volume },
            6e-5,
        ),
        // 7 digits of at most 2e9, that is 500; the volumes have 7 digits too and add up.
        Reference::of("spy_with_obv.txt", "OBV", Kind::Obv { weight: Weight::Volume }, 2e3),
    ]
}

/// Compares every file; says how much was compared and what was left out.
pub(crate) fn compare_all() {
    let references = references();
    let (mut values, mut faults) = (0, Vec::new());
    for reference in &references {
        match compare(reference) {
            Ok(count) => values += count,
            Err(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "{} columns differ:\n{}", faults.len(), faults.join("\n"));
    let compared: BTreeSet<&str> = references.iter().map(|reference| reference.file).collect();
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(file, _)| *file).collect();
    let names = std::fs::read_dir(folder()).unwrap();
    let there: BTreeSet<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let known: BTreeSet<String> = compared.union(&left_out).map(|name| name.to_string()).collect();
    assert_eq!(there, known, "files of the folder, and those compared or left out with a reason");
    let left_out_all = LEFT_OUT.iter().chain(COLUMNS_LEFT_OUT);
    left_out_all.for_each(|(what, reason)| println!("{what}: left out: {reason}"));
    println!(
        "reference files: {} compared in {} columns, {values} values; {} left out",
        compared.len(),
        references.len(),
        LEFT_OUT.len()
    );
}
