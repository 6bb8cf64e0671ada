//! `tickbridge model bench`: how long one answer takes on this host, one row at a time, for every kernel that runs here.
//!
//! What it is not: a comparison with other libraries (`cargo bench --bench model` is), or the latency of a decision.
//!
//! Invariant: every asked row is another one, in another order each pass; the cost of the two readings of the counter is taken
//! off and stated; kernels take turns, so that what disturbs the host disturbs them alike.

use std::fmt::Write;
use std::hint::black_box;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::made_rows::DistinctRows;
use super::opened::{Opened, Reading};
use super::{Answer, ModelFault};
use crate::model::{Model, Prepared};
use crate::report::{Fingerprint, Percentiles, duration, stage_histogram};
use crate::runtime::idle::sleep_ns;
use crate::runtime::lane::pin_current_thread;
use crate::runtime::layout::usable_cores;
use crate::runtime::stopwatch::Stopwatch;
use crate::runtime::{Clock, Prng};
use crate::types::NS_PER_S;

/// Options of `model bench`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "\"full\" is a row in, scores out. \"prepared\" is a row whose values were written before, as features are when they change: \
    only\nasking is timed. \"after quiet\" is one answer after a second of sleep, of the kernel that the appliance takes;\n\"kept warm\" had its memory read again just before.\n\n\
    Exit codes:\n   0  done\n   2  wrong arguments\n  65  the model or the rows are refused\n  74  a file cannot be read, or the core not be had"
)]
pub struct BenchArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Rows to ask, .csv or .parquet: the first 20,000 distinct ones; made up around the model's thresholds if not given
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<PathBuf>,
    /// How long to measure, all kernels together
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = super::super::seconds)]
    pub seconds: f64,
    /// Only this kernel
    #[arg(long, value_name = "NAME")]
    pub kernel: Option<String>,
    /// The core to run on; the highest usable one if not given
    #[arg(long, value_name = "N")]
    pub core: Option<usize>,
    /// How many answers after a quiet second to measure, each of four ways
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub quiet: u32,
    /// Seed of made-up rows and of their order
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    reading: Reading,
}

/// How a row reaches the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Full,
    Prepared,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Full => "full",
            Way::Prepared => "prepared",
        }
    }
}

/// What the model's memory went through before it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Warm {
    /// Nothing since the last answer.
    Cold,
    /// Every line was read again, as an idle lane does it.
    Touched,
}

impl Warm {
    fn name(self) -> &'static str {
        match self {
            Warm::Cold => "left cold",
            Warm::Touched => "kept warm",
        }
    }
}

/// One kernel asked one way.
struct Case<'a> {
    model: &'a Model,
    way: Way,
    prepared: Prepared,
    /// The row to ask, in the same place every time, as the appliance's is.
    row: Vec<f32>,
    scores: Vec<f64>,
    histogram: hdrhistogram::Histogram<u64>,
    /// Of every score's bits, whatever the order: equal for every case, or a kernel is wrong.
    digest: u64,
}

impl<'a> Case<'a> {
    fn new(model: &'a Model, way: Way) -> Self {
        Case {
            model,
            way,
            prepared: model.prepare(),
            row: vec![0.0; model.features().len()],
            scores: vec![0.0; model.output_count()],
            histogram: stage_histogram(),
            digest: 0,
        }
    }

    /// Asks once and returns the time, ns.
    fn ask(&mut self, row: &[f32], watch: &Stopwatch) -> f64 {
        self.row.copy_from_slice(row);
        let ns = match self.way {
            Way::Full => {
                let ((), ns) = watch.time(|| self.model.scores(black_box(&self.row), &mut self.scores));
                ns
            }
            Way::Prepared => {
                for (feature, value) in self.row.iter().enumerate() {
                    self.model.write(&mut self.prepared, feature, *value);
                }
                let prepared = black_box(&self.prepared);
                let ((), ns) = watch.time(|| self.model.scores_prepared(prepared, &mut self.scores));
                ns
            }
        };
        black_box(&mut self.scores);
        ns
    }

    fn pass(&mut self, rows: &DistinctRows, order: &[u32], watch: &Stopwatch) {
        self.digest = 0;
        for index in order {
            let ns = self.ask(rows.row(*index as usize), watch);
            self.histogram.saturating_record((ns.round() as u64).max(1));
            self.digest ^= self.scores.iter().fold(u64::from(*index), |hash, score| {
                (hash ^ score.to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
            });
        }
    }
}

/// What was measured.
struct Measured<'a> {
    args: &'a BenchArgs,
    opened: &'a Opened,
    host: Fingerprint,
    core: Option<usize>,
    watch: Stopwatch,
    rows: DistinctRows,
    cases: Vec<Case<'a>>,
    passes: u64,
    /// The kernel asked after a quiet second, how, and each time, ns, ascending.
    quiet: Vec<(&'static str, String, Vec<u64>)>,
}

pub(super) fn run(args: &BenchArgs) -> Result<Answer, ModelFault> {
    let opened = Opened::open(&args.file, &args.reading)?;
    let models = opened.kernels_named(args.kernel.as_deref())?;
    let rows = match &args.rows {
        Some(path) => DistinctRows::read(&opened, path)?,
        None => DistinctRows::make(&opened, args.seed),
    };
    // Before the thread is pinned, or it would be a host of one core.
    let host = Fingerprint::read();
    let core = args.core.or_else(|| usable_cores().last().copied());
    if let Some(core) = core
        && !pin_current_thread(core)
        && args.core.is_some()
    {
        return Err(ModelFault::Core(core));
    }
    let watch = Stopwatch::calibrate();
    let cases: Vec<Case<'_>> =
        models.iter().flat_map(|model| [Way::Full, Way::Prepared].map(|way| Case::new(model, way))).collect();
    let mut measured =
        Measured { args, opened: &opened, host, core, watch, rows, cases, passes: 0, quiet: Vec::new() };
    measured.hot();
    measured.after_quiet();
    Ok(Answer::done(if args.json { format!("{:#}\n", measured.json()) } else { measured.text() }))
}

impl Measured<'_> {
    fn hot(&mut self) {
        let mut dice = Prng::new(self.args.seed);
        let mut order: Vec<u32> = (0..self.rows.count() as u32).collect();
        let clock = Clock::system();
        let begun = clock.now();
        // The first pass only warms up.
        loop {
            for at in (1..order.len()).rev() {
                order.swap(at, dice.below(at as u64 + 1) as usize);
            }
            for case in &mut self.cases {
                case.pass(&self.rows, &order, &self.watch);
                if self.passes == 0 {
                    case.histogram.reset();
                }
            }
            self.passes += 1;
            if self.passes > 1 && clock.now().since(begun) as f64 >= self.args.seconds * NS_PER_S as f64 {
                break;
            }
        }
        self.passes -= 1;
        let first = self.cases[0].digest;
        assert!(
            self.cases.iter().all(|case| case.digest == first),
            "every kernel gives the same bits: {:?}",
            self.cases.iter().map(|case| (case.model.kernel_name(), case.digest)).collect::<Vec<_>>()
        );
    }

    fn after_quiet(&mut self) {
        if self.args.quiet == 0 {
            return;
        }
        let mut dice = Prng::new(self.args.seed ^ 1);
        // The kernel that the appliance takes, both ways, with its lines left cold and read again just before.
        for case in self.cases.iter_mut().take(2) {
            for warm in [Warm::Cold, Warm::Touched] {
                let mut times: Vec<u64> = (0..self.args.quiet)
                    .map(|_| {
                        let index = dice.below(self.rows.count() as u64) as usize;
                        sleep_ns(NS_PER_S as u64);
                        if warm == Warm::Touched {
                            case.model.touch();
                        }
                        case.ask(self.rows.row(index), &self.watch).round() as u64
                    })
                    .collect();
                times.sort_unstable();
                let how = format!("{}, {}", case.way.name(), warm.name());
                self.quiet.push((case.model.kernel_name(), how, times));
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "host     {}", self.host);
        let core = self.core.map_or("not pinned".into(), |core| format!("core {core}"));
        let _ = writeln!(
            text,
            "timer    {core}; the counter's own cost, {:.1} ns, is taken off every time",
            self.watch.overhead_ns()
        );
        let _ = writeln!(
            text,
            "model    {}, {} trees",
            self.opened.path.display(),
            self.opened.summary.tree_count
        );
        let from = self.args.rows.as_ref().map_or_else(
            || format!("made up around the thresholds, seed {}", self.args.seed),
            |path| format!("from {}", path.display()),
        );
        let _ = writeln!(
            text,
            "rows     {} distinct, {from}; NaN {:.1} % of values; {} passes, each in another order",
            self.rows.count(),
            100.0 * self.rows.nan_share(),
            self.passes
        );
        let _ = writeln!(
            text,
            "{:<14} {:<9} {:>9} {:>8} {:>8} {:>8} {:>9}",
            "kernel", "way", "answers", "p50", "p99", "p99.9", "max"
        );
        for case in &self.cases {
            let p = Percentiles::of(&case.histogram);
            let _ = writeln!(
                text,
                "{:<14} {:<9} {:>9} {:>8} {:>8} {:>8} {:>9}",
                case.model.kernel_name(),
                case.way.name(),
                p.count,
                duration(p.p50),
                duration(p.p99),
                duration(p.p999),
                duration(p.max)
            );
        }
        for (kernel, how, times) in &self.quiet {
            let _ = writeln!(
                text,
                "after quiet: {kernel} {how}: {} answers, each after 1 s of sleep: median {}, largest {}",
                times.len(),
                duration(times[times.len() / 2]),
                duration(times[times.len() - 1])
            );
        }
        let _ = writeln!(text, "digest   {:016x}, the same for every kernel", self.cases[0].digest);
        text
    }

    fn json(&self) -> Json {
        let case = |case: &Case<'_>| {
            json!({
                "kernel": case.model.kernel_name(),
                "way": case.way.name(),
                "ns": Percentiles::of(&case.histogram),
            })
        };
        let quiet = |(kernel, how, times): &(&str, String, Vec<u64>)| {
            json!({
                "kernel": kernel,
                "how": how,
                "count": times.len(),
                "median": times[times.len() / 2],
                "max": times[times.len() - 1],
            })
        };
        json!({
            "model": self.opened.path,
            "trees": self.opened.summary.tree_count,
            "rows": self.rows.count(),
            "nan_share": self.rows.nan_share(),
            "passes": self.passes,
            "core": self.core,
            "timer_overhead_ns": self.watch.overhead_ns(),
            "kernels": self.cases.iter().map(case).collect::<Vec<Json>>(),
            "after_quiet_second_ns": self.quiet.iter().map(quiet).collect::<Vec<Json>>(),
            "digest": format!("{:016x}", self.cases[0].digest),
            "fingerprint": self.host,
        })
    }
}
