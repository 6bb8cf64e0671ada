//! The committed golden vectors: bars in, what TA-Lib 0.8.2 and MT5's published formulas make of them.
//!
//! What it is not: their maker (`scripts/golden-indicators` is, and says how far each is a third party).
//!
//! Invariant: every committed case is computed and compared, and a case that this file does not know is a failure.

use std::path::{Path, PathBuf};

use tickbridge::features::*;
use tickbridge::types::{InstrumentId, NS_PER_MS, Price, TimeNs};

const ONE: InstrumentId = InstrumentId(0);
const OTHER: InstrumentId = InstrumentId(1);
/// Relative to the value, or to the series' own median where the value is nearer to zero.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// One bar, in ticks.
pub(crate) struct Bar {
    /// Open, high, low, close.
    pub(crate) prices: [i64; 4],
    /// Traded volume.
    pub(crate) volume: f64,
    /// Close of the other instrument.
    pub(crate) other: i64,
    /// Whether the golden files have this row.
    pub(crate) compared: bool,
}

/// One series.
pub(crate) struct Case {
    /// `FUNCTION/parameters/output`.
    pub(crate) name: String,
    /// Its values in the compared rows; NaN where there is none.
    pub(crate) values: Vec<f64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/indicators")
}

fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("golden file: expected {}, got {error}", path.display()))
}

/// The bars.
pub(crate) fn bars() -> Vec<Bar> {
    let text = String::from_utf8(read("bars.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("open,high,low,close,volume,other_close,compared"));
    lines
        .map(|line| {
            let n: Vec<i64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            let prices = [n[0], n[1], n[2], n[3]];
            Bar { prices, volume: n[4] as f64, other: n[5], compared: n[6] == 1 }
        })
        .collect()
}

/// The cases of one source.
pub(crate) fn cases(source: &str, rows: usize) -> Vec<Case> {
    let names = String::from_utf8(read(&format!("{source}.names"))).unwrap();
    let bytes = read(&format!("{source}.f64"));
    let doubles: Vec<f64> =
        bytes.chunks_exact(8).map(|eight| f64::from_le_bytes(eight.try_into().unwrap())).collect();
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(doubles.len(), names.len() * rows, "{source}: cases times rows");
    let series = doubles.chunks_exact(rows).map(<[f64]>::to_vec);
    names.iter().zip(series).map(|(name, values)| Case { name: name.to_string(), values }).collect()
}

/// What a case is called here, and its numbers' unit in ours.
pub(crate) fn kind_of(name: &str) -> Kind {
    let mut parts = name.split('/');
    let mut part = || parts.next().unwrap_or("");
    let (function, parameters, output) = (part(), part(), part());
    let numbers: Vec<f64> = parameters.split(',').filter_map(|text| text.parse().ok()).collect();
    let n = |at: usize| numbers[at] as u32;
    let (average, terminal, talib) = (Seed::Average, Convention::Terminal, Convention::TaLib);
    let band = match output {
        "upper" => BandOutput::Upper,
        "lower" => BandOutput::Lower,
        "width" => BandOutput::Width,
        _ => BandOutput::Middle,
    };
    let macd = |seed, average| Kind::Macd {
        fast: n(0),
        slow: n(1),
        signal: n(2),
        seed,
        average,
        output: match output {
            "signal" => MacdOutput::Signal,
            "histogram" => MacdOutput::Histogram,
            _ => MacdOutput::Main,
        },
    };
    let stochastic = |convention| Kind::Stochastic {
        period: n(0),
        slowing: n(1),
        signal: n(2),
        price: if parameters.ends_with("close") { PriceField::Close } else { PriceField::LowHigh },
        convention,
        output: if output == "d" { StochasticOutput::D } else { StochasticOutput::K },
    };
    let adx = |convention| Kind::Adx {
        period: n(0),
        convention,
        output: match output {
            "plus" => AdxOutput::PlusDi,
            "minus" => AdxOutput::MinusDi,
            _ => AdxOutput::Adx,
        },
    };
    let keltner = || Kind::Keltner {
        period: n(0),
        atr_period: n(1),
        multiplier: numbers[2],
        convention: talib,
        output: band,
    };
    match (function, parameters.split(',').next().unwrap_or("")) {
        ("SMA", _) | ("iMA", "sma") => Kind::Sma { period: n(0) },
        ("EMA", _) => Kind::Ema { period: n(0), seed: average },
        ("iMA", "ema") => Kind::Ema { period: n(0), seed: Seed::First },
        ("WMA", _) | ("iMA", "lwma") => Kind::Wma { period: n(0) },
        ("RMA", _) | ("iMA", "smma") => Kind::Smma { period: n(0) },
        ("RSI" | "iRSI", _) => Kind::Rsi { period: n(0) },
        ("MACD", _) => macd(average, SignalAverage::Exponential),
        ("iMACD", _) => macd(Seed::First, SignalAverage::Simple),
        ("BBANDS" | "iBands", _) => Kind::Bollinger { period: n(0), deviations: numbers[1], output: band },
        ("STDDEV" | "iStdDev", _) => Kind::Deviation { period: n(0) },
        ("ATR", _) => Kind::Atr { period: n(0), convention: talib },
        ("iATR", _) => Kind::Atr { period: n(0), convention: terminal },
        ("ADX", _) => adx(talib),
        ("iADX", _) => adx(terminal),
        ("STOCH", _) => stochastic(talib),
        ("iStochastic", _) => stochastic(terminal),
        ("CCI" | "iCCI", _) => Kind::Cci { period: n(0) },
        ("MOM", _) => Kind::Change { lag: n(0) },
        ("ROC", _) => Kind::Roc { lag: n(0) },
        ("ROCP", _) => Kind::Return { lag: n(0) },
        ("ROCR100" | "iMomentum", _) => Kind::Momentum { lag: n(0) },
        ("DONCHIAN", _) => Kind::Donchian { period: n(0), output: band },
        ("MIN", _) => Kind::Minimum { period: n(0) },
        ("MAX", _) => Kind::Maximum { period: n(0) },
        ("PERCENTILE", _) => Kind::Quantile { period: n(0), quantile: numbers[1] / 100.0 },
        ("KC" | "EMA+ATR", _) => keltner(),
        ("CORREL", _) => Kind::Correlation {
            period: n(0),
            with: Leg { instrument: OTHER, input: Input::Last },
            basis: Basis::Level,
        },
        ("OBV" | "iOBV", _) => Kind::Obv { weight: Weight::Volume },
        ("VWAP", _) => Kind::Vwap { anchor: Anchor::Session { start_minute: 0 }, weight: Weight::Volume },
        other => panic!("golden case {name}: expected a known function, got {other:?}"),
    }
}

/// Compared rows after which a part in 10^10 of a start is forgotten, for averages that start otherwise than ours; 0 where
/// the definitions are the same from the first value on.
pub(crate) fn settle(source: &str, name: &str, kind: Kind) -> usize {
    let forget = |samples_per_e: f64| (samples_per_e * 1e10f64.ln()).ceil() as usize;
    match (source, kind) {
        // TA-Lib starts the fast average with the slow one, ours with its own first samples.
        ("talib", Kind::Macd { slow, signal, .. }) => {
            (slow + signal) as usize + forget(f64::from(slow + signal) / 2.0)
        }
        // The parts are TA-Lib's; an average that starts with the mean of the first samples, where ours starts with the first,
        // and in KC a true range that is averaged from the sample on where the slower of the two begins.
        ("talib", Kind::Keltner { atr_period, .. }) if name.ends_with("width") => {
            atr_period as usize + forget(f64::from(atr_period))
        }
        ("talib", Kind::Keltner { period, .. }) => period as usize + forget(f64::from(period + 1) / 2.0),
        _ => 0,
    }
}

/// Every case's value at every bar, from one graph: (ready, value).
pub(crate) fn ours(cases: &[Case], bars: &[Bar]) -> Vec<Vec<(bool, f64)>> {
    let clock = Clock::TickBar { ticks: 4 };
    let specs: Vec<FeatureSpec> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| FeatureSpec::new(format!("f{at}"), ONE, kind_of(&case.name), Input::Last, clock))
        .collect();
    let mut graph = FeatureGraph::build(&specs).unwrap();
    let mut rows = Vec::with_capacity(bars.len());
    for (at, bar) in bars.iter().enumerate() {
        let ts = TimeNs((at as i64 + 1) * NS_PER_MS);
        for _ in 0..4 {
            graph.on_tick(OTHER, ts, &FeatureTick::last(Price(bar.other)));
        }
        let [open, high, low, close] = bar.prices.map(Price);
        graph.on_tick(ONE, ts, &FeatureTick::last(open).with_trade(open, bar.volume));
        for price in [high, low, close] {
            graph.on_tick(ONE, ts, &FeatureTick::last(price));
        }
        let row = graph.exact_values().iter().enumerate();
        rows.push(row.map(|(feature, value)| (graph.ready(feature), *value)).collect());
    }
    rows
}
