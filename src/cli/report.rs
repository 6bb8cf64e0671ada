//! `tickbridge report`: percentiles from a journal's stamps or from a folder of interval histograms.
//!
//! What it is not: a measurement; it reads what was measured.
//!
//! Invariant: a damaged file is an error, never a smaller report.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::check::{EXIT_CONFIG, EXIT_DATA, EXIT_IO};
use crate::replay::measure;
use crate::report::{BudgetTarget, Fingerprint, HlogError, Report, Stage, merge_folder, write};
use crate::runtime::stage::Stage as Name;

/// Percentiles of every stage, with budgets held or broken.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A journal holds the stamps of orders, so it gives the stages tick_to_order, order_to_ack and order_to_fill;\n\
    the histogram folder (report.dir) has every stage of every start.\n\n\
    `report controls JOURNAL` lists every control with its limits, as configured and as they hold, how often it tripped and when last, and how\n    orders, fills and positions stand; with --json - as JSON.\n\n    Exit codes:\n   0  done, whether budgets are held or broken\n   1  controls: our positions and the venue's differ\n   2  wrong arguments\n  65  the data is damaged, or there is none\n  \
    74  a file or folder cannot be read or written"
)]
pub struct Args {
    /// A journal folder, or a folder with *.hlog histogram files; `controls` for what the controls of a journal did.
    #[arg(value_name = "JOURNAL-OR-HISTOGRAM-DIR")]
    pub folder: PathBuf,
    /// With `controls`: the journal
    #[arg(value_name = "JOURNAL")]
    pub journal: Option<PathBuf>,
    /// Write an HTML page with a percentile plot.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write an HdrHistogram interval log that other tools open.
    #[arg(long, value_name = "FILE")]
    pub hlog: Option<PathBuf>,
    /// Write JSON; "-" is standard output, instead of the table.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Budget of the stage tick_to_decision at p99, in ms.
    #[arg(long, value_name = "MS", default_value_t = 100.0)]
    pub decision_ms: f64,
    /// Budget of the stage decision_to_send at p99, in ms.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub execution_ms: f64,
}

/// The two budgets of the user, on the stages they are about.
pub fn budget_targets(decision_ms: f64, execution_ms: f64) -> [BudgetTarget; 2] {
    let target = |name: &str, stage: &str, ms: f64| BudgetTarget {
        name: name.into(),
        stage: stage.into(),
        target_ns: (ms * 1e6) as u64,
    };
    [
        target("decision", "tick_to_decision", decision_ms),
        target("execution", "decision_to_send", execution_ms),
    ]
}

/// Runs the command: on a journal if the folder holds one, else on histogram files.
pub fn run(args: &Args) -> ExitCode {
    match (&args.journal, args.folder.as_path() == Path::new("controls")) {
        (Some(journal), true) => return super::controls::run(journal, args.json.is_some()),
        (None, false) => {}
        _ => {
            eprintln!("tickbridge report: expected one folder, or controls JOURNAL");
            return ExitCode::from(EXIT_CONFIG);
        }
    }
    if is_journal(&args.folder) {
        return of_journal(args);
    }
    let log = match merge_folder(&args.folder) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(if matches!(error, HlogError::Io { .. }) { EXIT_IO } else { EXIT_DATA });
        }
    };
    if log.torn_count > 0 {
        eprintln!("{}: {} unfinished last line(s) left out", args.folder.display(), log.torn_count);
    }
    let stage = |(name, histogram): (String, _)| {
        let boundary = Name::from_name(&name).map_or("", Name::boundary).into();
        Stage { name, boundary, histogram }
    };
    let mut stages: Vec<Stage> = log.stages.into_iter().map(stage).collect();
    // As a tick meets them; what another version wrote comes last.
    stages.sort_by_key(|stage| Name::from_name(&stage.name).map_or(usize::MAX, Name::index));
    let targets = budget_targets(args.decision_ms, args.execution_ms);
    let title = args.folder.display().to_string();
    emit(&Report::from_stages(&title, stages, BTreeMap::new(), &targets, Fingerprint::read()), args)
}

fn is_journal(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "tbj"))
}

fn of_journal(args: &Args) -> ExitCode {
    let measured = match measure(&args.folder) {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("tickbridge report: {error}");
            return ExitCode::from(EXIT_DATA);
        }
    };
    let counts = measured.counts.into_iter().map(|(name, count)| (name, serde_json::json!(count))).collect();
    let targets = budget_targets(args.decision_ms, args.execution_ms);
    let title = args.folder.display().to_string();
    let mut report = Report::from_stages(&title, measured.stages, counts, &targets, Fingerprint::read());
    report.journal = Some(args.folder.clone());
    emit(&report, args)
}

/// Prints a report and writes the files asked for.
pub fn emit(report: &Report, args: &Args) -> ExitCode {
    let json = || format!("{:#}\n", report.json());
    let to_stdout = args.json.as_deref() == Some(Path::new("-"));
    let shown = if to_stdout { json() } else { report.text() };
    let mut faults = Vec::new();
    if let Err(error) = io::stdout().write_all(shown.as_bytes()) {
        faults.push(format!("standard output: {error}"));
    }
    let mut put = |path: &Option<PathBuf>, bytes: &dyn Fn() -> io::Result<Vec<u8>>| {
        let Some(path) = path else { return };
        if let Err(error) = bytes().and_then(|bytes| fs::write(path, bytes)) {
            faults.push(format!("{}: {error}", path.display()));
        }
    };
    put(&args.html, &|| Ok(report.html().into_bytes()));
    put(&args.hlog, &|| {
        let mut bytes = Vec::new();
        write(&mut bytes, 0, Duration::ZERO, &report.stages).map(|()| bytes)
    });
    if !to_stdout {
        put(&args.json, &|| Ok(json().into_bytes()));
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_IO) }
}
