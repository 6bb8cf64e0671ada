//! Features: nanoseconds a tick for the five essential indicators and for a set of 32, against TA-Lib and the `ta` crate.
//!
//! What it is not: a measurement of the engine (`engine` has that), or of loading history.
//!
//! Invariant: before anything is timed, every contestant's numbers are those of ours to a part in 10^8, so nobody is faster by
//! computing something else; the digest of our rows is the same on every run.
//!
//! Everybody gets the same ticks, one at a time, and must have every value after every tick. Ours: the feature graph, `f32`
//! row included. TA-Lib (the C library inside its pinned Python wheel, called without Python) in two ways: *recomputed*, as one
//! uses it on live data, from the fewest samples that settle each indicator to a part in 10^10; and as *streams*, the
//! state that TA-Lib keeps itself since 0.8. The `ta` crate keeps state. All take the same windows of the same ticks. What the
//! peers do not do, and ours does in its time: tell absent and impossible prices, know whether a number has its history (the
//! crate answers from its first sample) and how old it is, round it into a model's row and mark what changed, share a
//! computation between features, and sum windows in whole numbers, which cannot drift. One batch is 1,024 ticks; percentiles
//! are over batches, of the mean of a batch, in turns, so that a slow minute of the machine meets all of them.

#[path = "features/ta_crate.rs"]
mod ta_crate;
#[path = "features/talib.rs"]
mod talib;

use hdrhistogram::Histogram;
use ta_crate::TaIndicator;
use talib::{Ask, Function};
use tickbridge::features::{
    BandOutput, Clock, FeatureGraph, FeatureSpec, FeatureTick, Input, Kind, MacdOutput, Seed, SignalAverage,
};
use tickbridge::model::synthetic::Dice;
use tickbridge::report::Fingerprint;
use tickbridge::runtime::clock::Clock as HostClock;
use tickbridge::runtime::histogram::new_histogram;
use tickbridge::runtime::lane::pin_current_thread;
use tickbridge::runtime::layout::usable_cores;
use tickbridge::types::{InstrumentId, Price, TimeNs};

const ONE: InstrumentId = InstrumentId(0);
/// Ticks of one timed batch.
const BATCH: usize = 1_024;
/// Ticks before the first timed one: what the slowest average needs, and what opens TA-Lib's streams.
const WARM_UP: usize = 8_192;
/// Relative difference that is no other number: TA-Lib takes squares from squares.
const SAME: f64 = 1e-8;

/// What is compared: five essential indicators, or 32 numbers.
fn five() -> Vec<Ask> {
    vec![
        Ask::One("SMA", 20),
        Ask::One("EMA", 20),
        Ask::One("RSI", 14),
        Ask::Macd(12, 26, 9),
        Ask::Bands(20, 2.0),
    ]
}

/// Thirty-two numbers from 24 calls: what all three libraries have.
fn thirty_two() -> Vec<Ask> {
    let mut asks = Vec::new();
    asks.extend([5, 10, 20, 50, 100, 200].map(|period| Ask::One("SMA", period)));
    asks.extend([5, 10, 20, 50, 100].map(|period| Ask::One("EMA", period)));
    asks.extend([7, 14, 21].map(|period| Ask::One("RSI", period)));
    asks.extend([Ask::Macd(12, 26, 9), Ask::Macd(5, 35, 5)]);
    asks.extend([Ask::Bands(20, 2.0), Ask::Bands(50, 2.5)]);
    asks.extend([20, 50, 100].map(Ask::Stddev));
    asks.extend([Ask::One("MIN", 20), Ask::One("MAX", 20), Ask::One("ROC", 10)]);
    asks
}

/// Ours, for what is asked of the others; outputs in their order.
fn kinds(ask: Ask) -> Vec<Kind> {
    let period = |period: usize| period as u32;
    let seed = Seed::Average;
    match ask {
        Ask::One("SMA", n) => vec![Kind::Sma { period: period(n) }],
        Ask::One("EMA", n) => vec![Kind::Ema { period: period(n), seed }],
        Ask::One("RSI", n) => vec![Kind::Rsi { period: period(n) }],
        Ask::One("MIN", n) => vec![Kind::Minimum { period: period(n) }],
        Ask::One("MAX", n) => vec![Kind::Maximum { period: period(n) }],
        Ask::One("ROC", n) => vec![Kind::Roc { lag: period(n) }],
        Ask::One(name, _) => panic!("no kind for {name}"),
        Ask::Stddev(n) => vec![Kind::Deviation { period: period(n) }],
        Ask::Macd(fast, slow, signal) => [MacdOutput::Main, MacdOutput::Signal, MacdOutput::Histogram]
            .map(|output| Kind::Macd {
                fast: period(fast),
                slow: period(slow),
                signal: period(signal),
                seed,
                average: SignalAverage::Exponential,
                output,
            })
            .into(),
        Ask::Bands(n, deviations) => [BandOutput::Upper, BandOutput::Middle, BandOutput::Lower]
            .map(|output| Kind::Bollinger { period: period(n), deviations, output })
            .into(),
    }
}

/// Prices as a currency pair has them: around 138,000 ticks, mostly small steps, repeats, a jump now and then.
fn prices(count: usize) -> Vec<i64> {
    let (mut dice, mut price) = (Dice(20_140_506), 138_700i64);
    (0..count)
        .map(|_| {
            price += match dice.below(100) {
                0..30 => 0,
                30..98 => dice.below(9) as i64 - 4,
                _ => dice.below(61) as i64 - 30,
            };
            price
        })
        .collect()
}

fn graph(asks: &[Ask]) -> FeatureGraph {
    let kinds = asks.iter().flat_map(|ask| kinds(*ask));
    let spec = |(at, kind)| FeatureSpec::new(format!("f{at}"), ONE, kind, Input::Last, Clock::Tick);
    let specs: Vec<FeatureSpec> = kinds.enumerate().map(spec).collect();
    FeatureGraph::build(&specs).expect("the bench's features")
}

/// Everybody, warmed with the same ticks.
struct Contest<'a> {
    asks: Vec<Ask>,
    prices: &'a [i64],
    doubles: &'a [f64],
    graph: FeatureGraph,
    functions: Vec<Function<'a>>,
    indicators: Vec<TaIndicator>,
    clock: HostClock,
}

/// Contestants, in the order of their turns.
const NAMES: [&str; 4] = ["ours", "TA-Lib recomputed", "TA-Lib streams", "ta crate"];

impl<'a> Contest<'a> {
    fn new(
        asks: Vec<Ask>,
        prices: &'a [i64],
        doubles: &'a [f64],
        library: Option<&'a libloading::Library>,
    ) -> Self {
        let warm = &doubles[..WARM_UP];
        let open = |library| asks.iter().map(|ask| Function::open(library, *ask, warm)).collect();
        let mut contest = Contest {
            graph: graph(&asks),
            functions: library.map_or(Vec::new(), open),
            indicators: asks.iter().map(|ask| TaIndicator::new(*ask)).collect(),
            asks,
            prices,
            doubles,
            clock: HostClock::system(),
        };
        for (at, price) in prices[..WARM_UP].iter().enumerate() {
            contest.push(at, *price);
            contest.indicators.iter_mut().for_each(|indicator| {
                indicator.next(*price as f64, &mut [0.0; 3]);
            });
        }
        assert!(contest.graph.all_ready(), "warm-up fills every history");
        contest
    }

    #[inline]
    fn push(&mut self, at: usize, price: i64) {
        self.graph.on_tick(ONE, TimeNs(at as i64 + 1), &FeatureTick::last(Price(price)));
    }

    /// One batch, checked: the largest relative difference of each peer from ours.
    fn check(&mut self, from: usize) -> [f64; 4] {
        let mut worst = [0.0f64; 4];
        for at in from..from + BATCH {
            self.push(at, self.prices[at]);
            let (mut place, mut out) = (0, [0.0; 3]);
            for index in 0..self.asks.len() {
                let outputs = self.asks[index].outputs();
                let ours = &self.graph.exact_values()[place..place + outputs];
                let mut differ = |peer: usize, theirs: &[f64]| {
                    for (ours, theirs) in ours.iter().zip(theirs) {
                        // Differences of prices are held to the digits of a price's thousandth.
                        let relative = (ours - theirs).abs() / ours.abs().max(100.0);
                        worst[peer] =
                            worst[peer].max(if relative.is_nan() { f64::INFINITY } else { relative });
                    }
                };
                if let Some(function) = self.functions.get_mut(index) {
                    function.recompute(&self.doubles[..=at], &mut out[..outputs]);
                    differ(1, &out);
                    function.update(self.doubles[at], &mut out[..outputs]);
                    differ(2, &out);
                }
                self.indicators[index].next(self.doubles[at], &mut out);
                differ(3, &out);
                place += outputs;
            }
        }
        worst
    }

    /// One batch of one contestant; its nanoseconds.
    fn time(&mut self, who: usize, from: usize, sink: &mut f64) -> i64 {
        let mut out = [0.0; 3];
        let started = self.clock.now();
        for at in from..from + BATCH {
            match who {
                0 => {
                    self.graph.on_tick(
                        ONE,
                        TimeNs(at as i64 + 1),
                        &FeatureTick::last(Price(self.prices[at])),
                    );
                    *sink += f64::from(self.graph.values()[0]);
                }
                1 => {
                    for (function, ask) in self.functions.iter_mut().zip(&self.asks) {
                        function.recompute(&self.doubles[..=at], &mut out[..ask.outputs()]);
                        *sink += out[0];
                    }
                }
                2 => {
                    for (function, ask) in self.functions.iter_mut().zip(&self.asks) {
                        function.update(self.doubles[at], &mut out[..ask.outputs()]);
                        *sink += out[0];
                    }
                }
                _ => {
                    for indicator in &mut self.indicators {
                        indicator.next(self.doubles[at], &mut out);
                        *sink += out[0];
                    }
                }
            }
        }
        self.clock.now().since(started)
    }
}

fn run(name: &str, asks: Vec<Ask>, batches: usize, library: Option<&libloading::Library>) {
    let prices = prices(WARM_UP + (batches + 8) * BATCH);
    let doubles: Vec<f64> = prices.iter().map(|price| *price as f64).collect();
    let mut contest = Contest::new(asks, &prices, &doubles, library);
    let outputs: usize = contest.asks.iter().map(|ask| ask.outputs()).sum();
    println!(
        "\nfeatures_{name}: {} calls, {outputs} numbers a tick, {} ticks",
        contest.asks.len(),
        batches * BATCH
    );
    let mut worst = [0.0f64; 4];
    for batch in 0..8 {
        let differences = contest.check(WARM_UP + batch * BATCH);
        (0..4).for_each(|who| worst[who] = worst[who].max(differences[who]));
    }
    for (who, name) in NAMES.iter().enumerate().skip(1) {
        assert!(worst[who] <= SAME, "{name}: expected our numbers to {SAME:.0e}, got {:.1e} off", worst[who]);
        println!("  {name:<18} same numbers: worst relative difference {:.1e}", worst[who]);
    }
    let mut times: [Histogram<u64>; 4] = std::array::from_fn(|_| new_histogram());
    let (mut sink, mut digest) = (0.0, 0u32);
    for batch in 0..batches {
        for (who, times) in times.iter_mut().enumerate() {
            if library.is_none() && (who == 1 || who == 2) {
                continue;
            }
            let ns = contest.time(who, WARM_UP + (batch + 8) * BATCH, &mut sink);
            // Picoseconds a tick: the histogram takes whole numbers.
            times.saturating_record(ns as u64 * 1_000 / BATCH as u64);
        }
        for value in contest.graph.values() {
            digest = crc32c::crc32c_append(digest, &value.to_bits().to_le_bytes());
        }
    }
    assert!(sink.is_finite());
    let ns = |times: &Histogram<u64>, percentile| times.value_at_percentile(percentile) as f64 / 1_000.0;
    for (name, times) in NAMES.iter().zip(&times).filter(|(_, times)| !times.is_empty()) {
        println!(
            "  {name:<18} ns/tick p50 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1} ({} batches)",
            ns(times, 50.0),
            ns(times, 99.0),
            ns(times, 99.9),
            times.max() as f64 / 1_000.0,
            times.len()
        );
    }
    println!("digest features_{name} {digest:08x}");
    println!("figure features_{name}_ns_per_tick {:.1} ns", ns(&times[0], 50.0));
    println!("figure features_{name}_p99_ns_per_tick {:.1} ns", ns(&times[0], 99.0));
    for (who, peer) in [(1, "talib"), (2, "talib_stream"), (3, "ta_crate")] {
        if !times[who].is_empty() {
            let ratio = ns(&times[who], 50.0) / ns(&times[0], 50.0);
            println!("figure {peer}_over_ours_{name} {ratio:.2} ratio");
        }
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!("features: {}", Fingerprint::read());
    let core = usable_cores().first().copied();
    if let Some(core) = core {
        pin_current_thread(core);
    }
    println!("  one thread, core {core:?}");
    let library = talib::find().map(|path| (talib::load(&path), path));
    match &library {
        Some((_, path)) => println!("  TA-Lib: {}", path.file_name().unwrap_or_default().display()),
        None => println!("  TA-Lib is not below target/venv: run scripts/golden-indicators first; left out"),
    }
    let library = library.as_ref().map(|(library, _)| library);
    let batches = if quick { 40 } else { 1_000 };
    run("5", five(), batches, library);
    run("32", thirty_two(), batches, library);
}
