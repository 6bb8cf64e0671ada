//! `tickbridge demo`: the appliance in this process, a simulated MT5 terminal in another, real TCP and ZeroMQ between them.
//!
//! What it is not: a claim that the bundled model earns anything.
//!
//! Invariant: nothing has to be installed or configured (a configuration may be given); every file it writes is below one folder that it names.

use super::check::{EXIT_CONFIG, EXIT_IO};
use super::run::{ControlFloor, EXIT_INVARIANT, Watched, announce, finish, floor_failed, start_failed};
use crate::app::{Appliance, StartOptions};
use crate::config::{Config, ConfigErrors, Resolved};
use crate::sim::terminal::mishaps;
use crate::sim::world::FaultRates;
use crate::store::ticks::{OpenOptions, open_ticks};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

const DEMO: &str = include_str!("../../config/demo.toml");
const INSTRUMENTS: &str = include_str!("../../config/instruments.toml");
const LIMITS: &str = include_str!("../../config/limits.toml");
const MODEL: &str = include_str!("../../config/models/demo.json");

/// Run the appliance with a simulated MT5 terminal beside it, and report what happened.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tickbridge demo --seconds 20\n  tickbridge demo --ticks eurusd.tbt --ticks-per-second 2000 --json out.json\n\n\
    Exit codes:\n   0  done\n   1  the simulated terminal failed\n   2  wrong arguments, or an invalid configuration\n  69  the appliance could not start\n  \
    70  a lane failed\n  74  a file cannot be written"
)]
pub struct Args {
    /// How long to run; Ctrl-C ends it earlier
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = super::seconds)]
    pub seconds: f64,
    /// Play this tick file or folder instead of the seeded market
    #[arg(long, value_name = "PATH")]
    pub ticks: Option<PathBuf>,
    /// How fast ticks are played
    #[arg(long, value_name = "N", default_value_t = 500.0, value_parser = super::per_second)]
    pub ticks_per_second: f64,
    /// Seed of the market and of the terminal's behaviour
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Account type of the simulated terminal
    #[arg(long, value_name = "MODE", default_value = "netting", value_parser = ["netting", "hedging"])]
    pub margin_mode: String,
    /// Let things go wrong with the simulated terminal: `all`, or a list like `frozen=300,deal-zero` or `-frozen`
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_value = "none", default_missing_value = "all", value_parser = mishaps::rates)]
    pub faults: FaultRates,
    /// Run this configuration instead of the bundled one: its features, model, signal, limits and first account
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where journal, report and state go; a new folder below the system's temporary one if not given
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as an HTML page; without it, `report.html` in the folder
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let (folder, config) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(fault) => {
            eprintln!("tickbridge demo: {fault}");
            return ExitCode::from(fault.exit_code());
        }
    };
    let floor = match ControlFloor::new() {
        Ok(floor) => floor,
        Err(error) => return floor_failed(&error),
    };
    let appliance = match Appliance::start(&config, &StartOptions::default()) {
        Ok(appliance) => appliance,
        Err(error) => return start_failed(&folder, &error),
    };
    announce(&appliance);
    let truth_file = folder.join("terminal.json");
    let mut terminal = match terminal(args, &config, &appliance, &folder, &truth_file) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("tickbridge demo: the simulated terminal does not start: {error}");
            appliance.finish();
            return ExitCode::from(EXIT_IO);
        }
    };
    // The terminal ends by itself first, so that its last words arrive; the appliance follows.
    let ended = async {
        let mut poll = tokio::time::interval(Duration::from_millis(50));
        loop {
            poll.tick().await;
            if !matches!(terminal.try_wait(), Ok(None)) {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let longest = Duration::from_secs_f64(args.seconds + 15.0);
    let watched = floor.watch(appliance, &config, Some(longest), ended);
    let status = stop(&mut terminal);
    let outcome = match watched {
        Watched::Ended(outcome) => *outcome,
        Watched::Hangs(words, _) => {
            eprintln!("tickbridge demo: {words}");
            return ExitCode::from(EXIT_INVARIANT);
        }
    };
    let html = args.html.clone().unwrap_or_else(|| folder.join("report.html"));
    let extra = truth(&truth_file);
    let code = finish(outcome, &config, extra, &args.json, &Some(html.clone()));
    eprintln!("report: {}; everything else: {}", html.display(), folder.display());
    match status {
        Some(status) if !status.success() => {
            let log = folder.join("terminal.log");
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            eprintln!(
                "tickbridge demo: the simulated terminal ended with {status}; its words, in {}:",
                log.display()
            );
            words
                .lines()
                .rev()
                .take(3)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .for_each(|line| eprintln!("  {line}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Why the demo cannot be prepared.
#[derive(Debug, thiserror::Error)]
enum PrepareFault {
    #[error("{}: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("--ticks {}: {error}", path.display())]
    Ticks { path: PathBuf, error: String },
}

impl PrepareFault {
    fn exit_code(&self) -> u8 {
        match self {
            PrepareFault::Write { .. } => EXIT_IO,
            PrepareFault::Config(_) | PrepareFault::Ticks { .. } => EXIT_CONFIG,
        }
    }
}

/// Makes the folder, loads the given configuration or the bundled one, and turns everything that is written to the folder.
fn prepare(args: &Args) -> Result<(PathBuf, Config), PrepareFault> {
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("tickbridge-demo-{}", std::process::id())),
    };
    let file = match &args.config {
        Some(file) => file.clone(),
        None => bundled(&folder)?,
    };
    let mut config = Resolved::load(&file)?.config;
    if let Some(path) = &args.ticks {
        judge_ticks(path, &config).map_err(|error| PrepareFault::Ticks { path: path.clone(), error })?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| PrepareFault::Write { path: folder.clone(), error })?;
    config.appliance.state_dir = folder.join("state");
    config.journal.dir = folder.join("journal");
    config.report.dir = folder.join("report");
    config.link.market = ([127, 0, 0, 1], 0).into();
    config.link.trade = ([127, 0, 0, 1], 0).into();
    Ok((folder, config))
}

/// The symbol that the terminal quotes: that of the first account's first instrument.
fn symbol(config: &Config) -> Option<&str> {
    let venue = &config.venues.first()?.name;
    config.instruments.iter().find(|known| known.venue == *venue).map(|known| known.symbol.as_str())
}

/// Gold under the name of EURUSD would trade, and mean nothing.
fn judge_ticks(path: &Path, config: &Config) -> Result<(), String> {
    std::fs::metadata(path).map_err(|error| error.to_string())?;
    let ticks = open_ticks(path, &OpenOptions::default()).map_err(|error| error.to_string())?;
    let expected = symbol(config).unwrap_or_default();
    match &ticks.info().symbol {
        // Brokers put letters behind a symbol: EURUSD.m is EURUSD.
        Some(got) if !expected.to_ascii_uppercase().starts_with(&got.to_ascii_uppercase()) => Err(format!(
            "expected ticks of {expected}, the configuration's first instrument, got {got}; give --config FILE with an instrument of that name"
        )),
        _ => Ok(()),
    }
}

/// Puts the bundled configuration and model into the folder.
fn bundled(folder: &Path) -> Result<PathBuf, PrepareFault> {
    for (name, text) in [
        ("demo.toml", DEMO),
        ("instruments.toml", INSTRUMENTS),
        ("limits.toml", LIMITS),
        ("models/demo.json", MODEL),
    ] {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| PrepareFault::Write { path, error })?;
    }
    Ok(folder.join("demo.toml"))
}

fn terminal(
    args: &Args,
    config: &Config,
    appliance: &Appliance,
    folder: &Path,
    truth: &Path,
) -> std::io::Result<Child> {
    let log = std::fs::File::create(folder.join("terminal.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sim", "terminal"]);
    // The account that the configuration expects.
    if let Some(venue) = config.venues.first() {
        command.args(["--login", &venue.login.to_string(), "--server", &venue.server]);
        command.args(["--currency", &venue.currency]);
    }
    if let Some(symbol) = symbol(config) {
        command.args(["--symbol", symbol]);
    }
    command
        .args(["--connect", &appliance.market_address.to_string()])
        .args(["--connect-trade", &appliance.trade_address.to_string()])
        .args(["--margin-mode", &args.margin_mode])
        .args(["--seed", &args.seed.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .args(["--ticks-per-second", &args.ticks_per_second.to_string()])
        .arg(format!("--faults={}", args.faults))
        .arg("--executed-ids")
        .arg(folder.join("executed-ids"))
        .arg("--json")
        .arg(truth);
    if let Some(ticks) = &args.ticks {
        command.arg("--ticks").arg(ticks);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()
}

/// Ends the terminal if it still runs: politely first.
fn stop(terminal: &mut Child) -> Option<std::process::ExitStatus> {
    if let Ok(None) = terminal.try_wait() {
        let _ = terminal.kill();
    }
    terminal.wait().ok()
}

/// What the terminal says of itself, for the report.
fn truth(path: &Path) -> BTreeMap<String, Json> {
    let mut extra = BTreeMap::new();
    let Some(truth) = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok())
    else {
        return extra;
    };
    extra.insert("ticks_sent".into(), truth["ticks_sent"].clone());
    let fields = [
        "commands",
        "executed",
        "repeated",
        "rejected",
        "deals",
        "positions",
        "balance",
        "equity",
        "connections",
        "faults",
        "restarts",
        "executed_twice",
    ];
    let terminal: serde_json::Map<String, Json> =
        fields.iter().map(|field| (field.to_string(), truth[*field].clone())).collect();
    extra.insert("terminal".into(), json!(terminal));
    extra
}
