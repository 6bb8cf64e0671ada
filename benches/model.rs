//! One row in, one probability out: this program's kernels against the libraries' own C interfaces, compiled code and a
//! Rust crate, on six models that the libraries themselves trained.
//!
//! What it is not: throughput of batches, or a claim about any absolute time; the ratios within one run are the result.
//!
//! Invariant: before anything is timed, every row's score is held against the library's own in every bit. Peers get
//! their row in their own form, and their buffers, off the clock.
//!
//! 20,000 distinct rows of 32 features, in a new random order each pass, so that no branch predictor learns them; a row is
//! copied to a hot buffer off the clock. Time is that of one call between two fenced readings of the time stamp counter,
//! less that of an empty call; one thread, pinned. Contestants take turns, pass by pass, for some rounds; "best" is the
//! quietest round, "median" the one in the middle. The figures are ratios of best rounds.
//!
//! `ours` is the whole way: a row of `f32` in, the probability out, each feature looked up in its thresholds. It is what
//! `peer_over_ours_*` uses. `prepared, all` is the way on which features are worked in as they are written: the clock holds
//! the writing of **every** value that differs from the row before (here nearly all 32) and the walk. `prepared, last`
//! holds the writing of the last feature and the walk: what is left to do when the others came earlier in the tick.
//! `peer_over_ours_prepared_*` uses `prepared, last`. scripts/bench-models trains the models and compiles the peers.

#[path = "model/contestant.rs"]
mod contestant;
mod counter;
#[path = "model/ours.rs"]
mod ours;
#[path = "model/peers.rs"]
mod peers;

use std::path::{Path, PathBuf};
use std::process::Command;

use contestant::{Contestant, Empty, steps_of_call};
use counter::{percentile, steps_per_ns};
use ours::{PreparedAll, PreparedLast, Whole};
use tickbridge::model::synthetic::Dice;
use tickbridge::model::{LoadOptions, Model};
use tickbridge::report::Fingerprint;
use tickbridge::runtime::lane::pin_current_thread;
use tickbridge::runtime::layout::usable_cores;

const COLUMNS: usize = 32;
const ROWS: usize = 20_000;
/// The five of the geometric mean, and CatBoost's.
const MODELS: [&str; 6] = ["xgb_50x4", "xgb_200x6", "lgb_50x16", "lgb_200x31", "lgb_500x63", "cat_200x6"];
/// How many of them the geometric mean is over.
const MEAN_OVER: usize = 5;

/// How long the bench runs.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    rows: usize,
    quiet_seconds: usize,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = std::env::args().skip(1).find(|argument| MODELS.contains(&argument.as_str()));
    let plan = if quick {
        Plan { rounds: 2, rows: 4_000, quiet_seconds: 2 }
    } else {
        Plan { rounds: 5, rows: ROWS, quiet_seconds: 30 }
    };
    println!("model: {}", Fingerprint::read());
    make(quick);
    let core = usable_cores().last().copied();
    core.map(pin_current_thread);
    let steps = steps_per_ns();
    println!(
        "  core {core:?}, {steps:.3} steps of the counter a ns, {} rounds of {} rows",
        plan.rounds, plan.rows
    );
    let rows = numbers(&folder().join("rows.f32"));
    assert_eq!(rows.len(), ROWS * COLUMNS, "rows.f32: expected {ROWS} rows of {COLUMNS}");
    let (mut not_equal, mut digest, mut ratios) = (0, 0, Vec::new());
    for name in MODELS.into_iter().filter(|name| only.as_deref().is_none_or(|only| only == *name)) {
        let bench = Bench { name, rows: &rows, plan, steps };
        let outcome = bench.run();
        not_equal += outcome.not_equal;
        digest = crc32c::crc32c_append(digest, &outcome.digest.to_le_bytes());
        ratios.push(outcome.ratios);
    }
    for name in ["xgb_200x6", "lgb_500x63"].into_iter().filter(|_| only.is_none()) {
        ours::after_a_quiet_second(name, &model(name), &rows, plan.quiet_seconds, steps);
    }
    if ratios.len() == MODELS.len() {
        let mean = |pick: fn(&Ratios) -> f64| {
            (ratios[..MEAN_OVER].iter().map(|ratios| pick(ratios).ln()).sum::<f64>() / MEAN_OVER as f64).exp()
        };
        println!("\ngeometric mean over the five XGBoost and LightGBM models, fastest peer over ours:");
        println!("figure peer_over_ours_p50_geomean {:.2} x", mean(|ratios| ratios.p50));
        println!("figure peer_over_ours_p99_geomean {:.2} x", mean(|ratios| ratios.p99));
        println!("figure peer_over_ours_prepared_p50_geomean {:.2} x", mean(|ratios| ratios.prepared_p50));
        println!("figure peer_over_ours_prepared_p99_geomean {:.2} x", mean(|ratios| ratios.prepared_p99));
    }
    println!("figure peers_missing {} peers", usize::from(folder().join("lleaves.missing").exists()));
    println!("figure rows_not_bit_equal {not_equal} rows");
    println!("digest model {digest:08x}");
    assert_eq!(not_equal, 0, "every row is the library's in every bit");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-models")
}

/// Trains and compiles what is not there yet.
fn make(quick: bool) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench-models");
    let status = Command::new(&script).args(quick.then_some("--quick")).status();
    let status = status.unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    assert!(status.success(), "{}: {status}", script.display());
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}; run scripts/bench-models", path.display()))
}

fn numbers(path: &Path) -> Vec<f32> {
    let bytes = bytes(path);
    bytes.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}

fn model_file(name: &str) -> PathBuf {
    folder().join(if name.starts_with("lgb") { format!("{name}.txt") } else { format!("{name}.json") })
}

fn column_names() -> Vec<String> {
    (0..COLUMNS).map(|index| format!("f{index}")).collect()
}

/// A model on its fastest kernel.
fn model(name: &str) -> Model {
    let path = model_file(name);
    let loaded = Model::load(&bytes(&path), None, &column_names(), &LoadOptions::default());
    loaded.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Everybody who is not us.
fn peers_of(name: &str) -> Vec<Box<dyn Contestant>> {
    let (folder, file) = (folder(), model_file(name));
    let text = String::from_utf8(bytes(&folder.join("libraries.json"))).expect("text");
    let library = |which: &str| {
        let (_, rest) =
            text.split_once(&format!("\"{which}\": \"")).unwrap_or_else(|| panic!("{which} in {text}"));
        PathBuf::from(rest.split('"').next().expect("a path"))
    };
    let compiled = |peer: &str| folder.join(format!("{name}.{peer}.so"));
    let mut peers: Vec<Box<dyn Contestant>> = Vec::new();
    if name.starts_with("cat") {
        peers.push(Box::new(peers::CatboostCpp::open(&compiled("catboost_cpp"), COLUMNS)));
        return peers;
    }
    let single = name.starts_with("xgb");
    if single {
        peers.push(Box::new(peers::XgboostC::open(&library("xgboost"), &file, COLUMNS)));
    } else {
        peers.push(Box::new(peers::LightgbmC::open(&library("lightgbm"), &file, COLUMNS)));
        peers.push(Box::new(peers::Nexus::open(&file, COLUMNS)));
        if folder.join("lleaves.missing").exists() {
            println!("  LLEAVES IS MISSING: it could not be installed here, see lleaves.missing");
        } else {
            peers.push(Box::new(peers::Lleaves::open(&compiled("lleaves"), COLUMNS)));
        }
    }
    for (file, label) in
        [("tl2cgen", "tl2cgen, gcc -O3"), ("tl2cgen_quantized", "tl2cgen quantize=1, gcc -O3")]
    {
        peers.push(peers::tl2cgen(&compiled(file), label, single, COLUMNS));
    }
    peers
}

/// One model's contest.
struct Bench<'a> {
    name: &'static str,
    rows: &'a [f32],
    plan: Plan,
    steps: f64,
}

/// Fastest peer over ours.
struct Ratios {
    p50: f64,
    p99: f64,
    prepared_p50: f64,
    prepared_p99: f64,
}

struct Outcome {
    not_equal: usize,
    digest: u32,
    ratios: Ratios,
}

/// Percentiles of each round, in nanoseconds.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// One number of a contestant's times.
type Pick = fn(&Times) -> f64;

fn best(rounds: &[f64]) -> f64 {
    rounds.iter().copied().fold(f64::INFINITY, f64::min)
}

fn middle(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl Bench<'_> {
    fn run(&self) -> Outcome {
        let chosen = model(self.name);
        println!("\n{}: {} trees, kernel {}", self.name, chosen.tree_count(), chosen.kernel_name());
        for (kernel, reason) in chosen.kernel_choice().map_or(&[][..], |choice| &choice.refused) {
            println!("  not {}: {reason}", kernel.name());
        }
        let file = bytes(&model_file(self.name));
        let every = Model::load_every_kernel(&file, None, &column_names(), &LoadOptions::default());
        let mut contestants: Vec<Box<dyn Contestant>> = vec![
            Box::new(Whole::new(chosen.clone(), "ours")),
            Box::new(PreparedAll::new(chosen.clone())),
            Box::new(PreparedLast::new(chosen.clone())),
        ];
        for other in every.expect("it loaded before") {
            if other.kernel_name() != chosen.kernel_name() {
                let label = format!("ours, forced: {}", other.kernel_name());
                contestants.push(Box::new(Whole::new(other, &label)));
            }
        }
        let ours_count = contestants.len();
        contestants.extend(peers_of(self.name));
        let expected = self.expected();
        let mut not_equal = 0;
        let mut verdicts = Vec::new();
        for (at, contestant) in contestants.iter_mut().enumerate() {
            let (differ, worst) = self.differing(contestant.as_mut(), &expected);
            not_equal += if at < ours_count { differ } else { 0 };
            verdicts.push(if differ == 0 {
                "yes".into()
            } else {
                format!("no: {differ} rows, max {worst:.1e}")
            });
        }
        let times = self.times(&mut contestants);
        println!("  {:<36} {:>20} {:>20}  bit-equal to the library", "ns, best / median round", "p50", "p99");
        for ((contestant, times), verdict) in contestants.iter().zip(&times).zip(&verdicts) {
            println!(
                "  {:<36} {:>9.0} / {:>8.0} {:>9.0} / {:>8.0}  {verdict}",
                contestant.name(),
                best(&times.p50),
                middle(&times.p50),
                best(&times.p99),
                middle(&times.p99)
            );
        }
        let peers = ours_count..contestants.len();
        let scores: Vec<u8> = expected.iter().flat_map(|score| score.to_le_bytes()).collect();
        Outcome { not_equal, digest: crc32c::crc32c(&scores), ratios: self.ratios(&times, peers) }
    }

    /// The library's own scores.
    fn expected(&self) -> Vec<f64> {
        let bytes = bytes(&folder().join(format!("{}.f64", self.name)));
        bytes.chunks_exact(8).map(|word| f64::from_le_bytes(word.try_into().expect("eight bytes"))).collect()
    }

    /// How many scores differ from the library's in any bit, and by how much at most.
    fn differing(&self, contestant: &mut dyn Contestant, expected: &[f64]) -> (usize, f64) {
        let (mut differ, mut worst) = (0, 0.0f64);
        assert_eq!(expected.len(), ROWS, "{}: one score for each row", self.name);
        for (row, expected) in self.rows.chunks_exact(COLUMNS).zip(expected) {
            contestant.place(row);
            let got = contestant.ask();
            if got.to_bits() != expected.to_bits() {
                differ += 1;
                worst = worst.max((got - expected).abs());
            }
        }
        (differ, worst)
    }

    fn times(&self, contestants: &mut [Box<dyn Contestant>]) -> Vec<Times> {
        let mut all: Vec<Times> = contestants.iter().map(|_| Times::default()).collect();
        let mut dice = Dice(20_261_121);
        for _ in 0..self.plan.rounds {
            let empty = self.pass(&mut Empty(0.0), &mut dice);
            let overhead = percentile(&empty, 50);
            for (contestant, times) in contestants.iter_mut().zip(&mut all) {
                let samples = self.pass(contestant.as_mut(), &mut dice);
                let ns = |percent| (percentile(&samples, percent) - overhead).max(0.0) / self.steps;
                times.p50.push(ns(50));
                times.p99.push(ns(99));
            }
        }
        all
    }

    /// The sorted times of every row, in a new order.
    fn pass(&self, contestant: &mut dyn Contestant, dice: &mut Dice) -> Vec<u64> {
        let mut order: Vec<usize> = (0..ROWS).collect();
        for at in (1..ROWS).rev() {
            order.swap(at, dice.below(at as u64 + 1) as usize);
        }
        let mut samples = Vec::with_capacity(self.plan.rows);
        for row in &order[..self.plan.rows] {
            contestant.place(&self.rows[row * COLUMNS..(row + 1) * COLUMNS]);
            samples.push(steps_of_call(contestant));
        }
        samples.sort_unstable();
        samples
    }

    /// Prints the figures: the fastest peer of each percentile over ours.
    fn ratios(&self, times: &[Times], peers: std::ops::Range<usize>) -> Ratios {
        let fastest =
            |pick: fn(&Times) -> f64| times[peers.clone()].iter().map(pick).fold(f64::INFINITY, f64::min);
        let p50: Pick = |times| best(&times.p50);
        let p99: Pick = |times| best(&times.p99);
        let ratios = Ratios {
            p50: fastest(p50) / p50(&times[0]),
            p99: fastest(p99) / p99(&times[0]),
            prepared_p50: fastest(p50) / p50(&times[2]),
            prepared_p99: fastest(p99) / p99(&times[2]),
        };
        let name = self.name;
        let median: (Pick, Pick) = (|times| middle(&times.p50), |times| middle(&times.p99));
        println!(
            "  ratio of medians over rounds: p50 {:.2}, p99 {:.2}",
            fastest(median.0) / median.0(&times[0]),
            fastest(median.1) / median.1(&times[0])
        );
        println!("figure ours_p50_ns_{name} {:.0} ns", p50(&times[0]));
        println!("figure peer_over_ours_p50_{name} {:.2} x", ratios.p50);
        println!("figure peer_over_ours_p99_{name} {:.2} x", ratios.p99);
        println!("figure peer_over_ours_prepared_p50_{name} {:.2} x", ratios.prepared_p50);
        println!("figure peer_over_ours_prepared_p99_{name} {:.2} x", ratios.prepared_p99);
        ratios
    }
}
