//! `tickbridge run`: the appliance, until it is told to stop or a lane fails.
//!
//! What it is not: the demo, which adds a terminal.
//!
//! Invariant: the service manager hears READY after every lane runs, and WATCHDOG only while the engine's lane publishes.

use super::alerts::Alerts;
use super::check::{EXIT_CONFIG, EXIT_IO};
use super::report::budget_targets;
use super::signals::{Asked, Signals};
use super::succeed::succeed;
use crate::app::{Appliance, Arm, Outcome, StartError, StartOptions};
use crate::config::Config;
use crate::metrics::{IntervalWriter, Status, json, prometheus, replace};
use crate::operator::{Console, Token};
use crate::report::Stage;
use crate::types::NS_PER_S;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A broken invariant ended the run; the next start comes up halted.
pub const EXIT_INVARIANT: u8 = 70;
/// The appliance could not start: an address, the journal or a file is not available.
pub const EXIT_START: u8 = 69;

/// Run the appliance.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit codes:\n   0  ended by a signal or by --seconds\n   2  wrong arguments, or the configuration or its model cannot be used\n  \
    69  could not start: an address or the journal is in use, or the journal is damaged\n  \
    70  a lane failed; the next start comes up halted\n  74  a report cannot be written, or the journal's end is not on the disk yet\n\n\
    A start that finds the file `halted` in appliance.state_dir shows and reconciles, but opens nothing until --arm."
)]
pub struct Args {
    /// The main configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Trade again after a halt that outlived its run: who says so (32 characters), and why (48)
    #[arg(long, value_name = "WHO: WHY")]
    pub arm: Option<Arm>,
    /// Stop after so many seconds; without it runs until SIGINT or SIGTERM
    #[arg(long, value_name = "N", value_parser = super::seconds)]
    pub seconds: Option<f64>,
    /// Write the final report as JSON; "-" is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the final report as an HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How many processes gave their place to this one
    #[arg(long, hide = true, default_value_t = 0)]
    pub hangs: u32,
}

/// How the watching ended.
pub(super) enum Watched {
    /// The lanes ended.
    Ended(Box<Outcome>),
    /// One does not, and nobody waited for it: why.
    Hangs(String, Duration),
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    // What would keep the operator out is better known before anything trades.
    if let Some(Err(error)) = config.operator.token_file.as_deref().map(Token::read) {
        eprintln!("tickbridge: operator.token_file: {error}");
        return ExitCode::from(EXIT_CONFIG);
    }
    let floor = match ControlFloor::new() {
        Ok(floor) => floor,
        Err(error) => return floor_failed(&error),
    };
    let options = StartOptions { arm: args.arm, hangs: args.hangs };
    let appliance = match Appliance::start(&config, &options) {
        Ok(appliance) => appliance,
        Err(error) => return start_failed(&args.config, &error),
    };
    if args.hangs > 0 {
        // What took another's place is called as that one was: signals are sent by name.
        let _ = std::fs::write("/proc/self/comm", "tickbridge");
    }
    announce(&appliance);
    let seconds = args.seconds.map(Duration::from_secs_f64);
    match floor.watch(appliance, &config, seconds, std::future::pending()) {
        Watched::Ended(outcome) => finish(*outcome, &config, BTreeMap::new(), &args.json, &args.html),
        Watched::Hangs(words, ran) => succeed(args, &words, ran),
    }
}

/// Says why the appliance did not start; the exit code tells whose fault it was.
pub(super) fn start_failed(config: &Path, error: &StartError) -> ExitCode {
    if matches!(error, StartError::Setup(error) if error.is_of_configuration()) {
        eprintln!("tickbridge: {}: {error}", config.display());
        return ExitCode::from(EXIT_CONFIG);
    }
    eprintln!("tickbridge: {error}");
    ExitCode::from(EXIT_START)
}

/// Says what was chosen and where it listens.
pub(super) fn announce(appliance: &Appliance) {
    for note in &appliance.notes {
        eprintln!("{note}");
    }
    eprintln!(
        "listening: market {}, trade {}; journal {}",
        appliance.market_address,
        appliance.trade_address,
        appliance.journal_dir.display()
    );
}

/// The runtime beside the lanes, with the signals that end the appliance. Made before it starts, so that a signal that comes
/// early ends it as well as any other.
pub(super) struct ControlFloor {
    runtime: tokio::runtime::Runtime,
    signals: Signals,
}

impl ControlFloor {
    /// A runtime on this thread, which takes the signals from now on.
    pub(super) fn new() -> std::io::Result<ControlFloor> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(ControlFloor { signals: Signals::of(&runtime)?, runtime })
    }

    /// Watches a running appliance until a signal, the time, the `ended` future or a failed lane, and ends it.
    pub(super) fn watch(
        self,
        appliance: Appliance,
        config: &Config,
        seconds: Option<Duration>,
        ended: impl Future<Output = ()>,
    ) -> Watched {
        self.runtime.block_on(watching(appliance, config, seconds, ended, self.signals))
    }
}

/// Says why there is no control floor.
pub(super) fn floor_failed(error: &std::io::Error) -> ExitCode {
    eprintln!("tickbridge: the control floor does not start: {error}");
    ExitCode::from(EXIT_START)
}

async fn watching(
    mut appliance: Appliance,
    config: &Config,
    seconds: Option<Duration>,
    ended: impl Future<Output = ()>,
    mut signals: Signals,
) -> Watched {
    let began = appliance.now();
    let mut look = tokio::time::interval(Duration::from_millis(config.status.interval_ms.max(50)));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // Oftener than the engine's lane fills the ring of its statuses, so that what is shown is never an old one.
    let mut take = tokio::time::interval(Duration::from_millis(100));
    take.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut interval = Intervals::new(&appliance, config);
    let mut console = console(config);
    let (mut seen, mut told) = (0, String::new());
    let alerts = alerts(&mut appliance, config);
    let currency = config.venues.first().map_or("", |venue| venue.currency.as_str());
    // Not being run by a service manager is no error.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let deadline = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(seconds).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline, ended);
    loop {
        tokio::select! {
            _ = look.tick() => {
                appliance.collect();
                show(&appliance, currency);
                tell_trading(&appliance, &mut told);
                interval.write_if_due(&appliance);
                let alive = appliance.status().map_or(0, |status| status.journal_seq);
                if alive != seen || alive == 0 {
                    seen = alive;
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                }
                if let Some(failure) = appliance.failure() {
                    eprintln!("\ntickbridge: {failure}");
                    break;
                }
            }
            _ = take.tick() => {
                appliance.collect();
                appliance.look_for_kill(config).iter().for_each(|words| say_aside(words));
                if let Some(words) = appliance.hangs_while_killed() {
                    let ran_ns = appliance.now().since(began).max(0);
                    // Its end would wait for the lane.
                    std::mem::forget(appliance);
                    return Watched::Hangs(words, Duration::from_nanos(ran_ns as u64));
                }
                appliance.watch_clock().iter().for_each(|words| say_aside(words));
                appliance.report_day(config).iter().for_each(|words| say_aside(words));
                appliance.refused_peers().iter().for_each(|words| say_aside(words));
            }
            call = async { match &mut console {
                Some(console) => console.next().await,
                None => std::future::pending().await,
            } } => {
                appliance.collect();
                let reply = appliance.answer(&call.request, config);
                call.reply(reply);
            }
            asked = signals.came() => match asked {
                Asked::End => break,
                Asked::Kill => say_aside(&appliance.kill_by_signal(config)),
            },
            () = &mut deadline => break,
            () = &mut ended => break,
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    let ended_ns = appliance.now().0;
    let clock = appliance.clock();
    let outcome = appliance.finish();
    alerts.and_then(|alerts| alerts.finish(&clock)).iter().for_each(|words| say_aside(words));
    interval.write(ended_ns, &outcome.stages, &outcome.counters);
    Watched::Ended(Box::new(outcome))
}

/// The operator's console, if it is configured; without one, the appliance runs on and says so.
fn console(config: &Config) -> Option<Console> {
    let token_file = config.operator.token_file.as_deref()?;
    match Console::open(&config.appliance.state_dir, token_file) {
        Ok(console) => {
            eprintln!("operator: {}", console.path().display());
            Some(console)
        }
        Err(error) => {
            eprintln!("tickbridge: no console: {error}");
            None
        }
    }
}

/// Interval histograms and counters, written every `report.interval_s` and at the end.
struct Intervals {
    writer: Option<IntervalWriter>,
    folder: PathBuf,
    every_ns: i64,
    due_ns: i64,
    written: Vec<Stage>,
}

impl Intervals {
    fn new(appliance: &Appliance, config: &Config) -> Self {
        let now_ns = appliance.now().0;
        let writer = IntervalWriter::create(&config.report.dir, appliance.epoch, now_ns as u64);
        let writer = writer.map_err(|error| eprintln!("{}: {error}", config.report.dir.display())).ok();
        let every_ns = config.report.interval_s as i64 * NS_PER_S;
        let folder = config.report.dir.clone();
        Intervals { writer, folder, every_ns, due_ns: now_ns + every_ns, written: Vec::new() }
    }

    fn write_if_due(&mut self, appliance: &Appliance) {
        let now_ns = appliance.now().0;
        if now_ns >= self.due_ns {
            self.due_ns = now_ns + self.every_ns;
            self.write(now_ns, &appliance.totals(), &appliance.counters());
        }
    }

    /// Writes what `totals` have and the last write had not.
    fn write(&mut self, now_ns: i64, totals: &[Stage], counters: &[(String, u64)]) {
        let Some(writer) = &mut self.writer else { return };
        let mut news = totals.to_vec();
        for stage in &mut news {
            if let Some(old) = self.written.iter().find(|old| old.name == stage.name) {
                stage
                    .histogram
                    .subtract(&old.histogram)
                    .expect("a total never shrinks, and has the same bounds");
            }
        }
        self.written = totals.to_vec();
        let named: Vec<(&str, u64)> = counters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let written = writer
            .write(now_ns as u64, &news)
            .and_then(|()| replace(&self.folder.join("metrics.prom"), &prometheus(&named)))
            .and_then(|()| replace(&self.folder.join("metrics.json"), &json(&named)));
        if let Err(error) = written {
            eprintln!("\n{}: {error}", self.folder.display());
        }
    }
}

fn show(appliance: &Appliance, currency: &str) {
    let Some(status) = appliance.status() else { return };
    let stages = appliance.totals();
    let stage = stages.iter().find(|stage| stage.name == "tick_to_order");
    let at = |quantile: f64| {
        stage
            .filter(|stage| !stage.histogram.is_empty())
            .map(|stage| stage.histogram.value_at_quantile(quantile))
    };
    let line = Status {
        ticks: status.counts.ticks,
        decisions: status.counts.decisions,
        orders: status.counts.orders,
        fills: status.counts.fills,
        position_lots: status.position_lots,
        profit: status.realised.plus(status.floating).as_f64(),
        currency: currency.into(),
        tick_to_order_p50_ns: at(0.5),
        tick_to_order_p99_ns: at(0.99),
        in_doubt: status.orders_unknown,
        overrides_open: status.overrides_open,
        why_not: status.why_not(),
    };
    let stderr = std::io::stderr();
    let text = if stderr.is_terminal() { line.redrawn() } else { format!("{line}\n") };
    // Nobody reads the status any more: no reason to stop.
    let _ = stderr.lock().write_all(text.as_bytes());
}

/// Says when trading halts, or goes on, and why.
fn tell_trading(appliance: &Appliance, told: &mut String) {
    let Some(status) = appliance.status() else { return };
    let Some(reason) = status.trading_reason else { return };
    let now = format!("trading: {} ({})", status.trading.name(), reason.name());
    if now != *told {
        say_aside(&now);
        *told = now;
    }
}

/// Who passes alerts on, if anybody is asked to; without it, the appliance runs on and says so.
fn alerts(appliance: &mut Appliance, config: &Config) -> Option<Alerts> {
    let from = appliance.take_alerts()?;
    let started = Alerts::start(&config.alerts, from, appliance.clock(), appliance.quiet_core());
    started.map_err(|error| eprintln!("tickbridge: no alerts: {error}")).ok()
}

/// A line of its own beside the status line.
pub(super) fn say_aside(words: &str) {
    let line_end = if std::io::stderr().is_terminal() { "\n" } else { "" };
    eprintln!("{line_end}{words}");
}

/// Prints and writes the report of a run, and gives its exit code.
pub(super) fn finish(
    outcome: Outcome,
    config: &Config,
    extra: BTreeMap<String, serde_json::Value>,
    json: &Option<PathBuf>,
    html: &Option<PathBuf>,
) -> ExitCode {
    let targets = budget_targets(config.budgets.decision_ms, config.budgets.execution_ms);
    let report = outcome.report(&config.appliance.name, extra, &targets);
    let to_stdout = json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if !to_stdout {
        print!("{}", report.text());
    }
    let mut code = 0;
    let mut put = |path: &Option<PathBuf>, text: String| match path.as_deref() {
        Some(path) if path.as_os_str() == "-" => print!("{text}"),
        Some(path) => {
            if let Err(error) = std::fs::write(path, text) {
                eprintln!("{}: {error}", path.display());
                code = EXIT_IO;
            }
        }
        None => {}
    };
    put(json, format!("{:#}\n", report.json()));
    put(html, report.html());
    let written_seq = outcome.status.map_or(0, |status| status.journal_seq);
    if outcome.durable_seq < written_seq {
        eprintln!(
            "tickbridge: journal: expected all {written_seq} records on the disk, got {}; the rest is in \
             journal.memory_dir, and the next start takes it from there",
            outcome.durable_seq
        );
        code = EXIT_IO;
    }
    warn_of_what_is_left(&outcome);
    for failure in &outcome.failures {
        eprintln!("tickbridge: {failure}");
        code = EXIT_INVARIANT;
    }
    ExitCode::from(code)
}

/// What the end leaves at the venue is said, since nobody watches it from here on.
fn warn_of_what_is_left(outcome: &Outcome) {
    let Some(status) = &outcome.status else { return };
    if status.position != 0 {
        eprintln!(
            "tickbridge: a position is left open: {:+.2} lots of the first instrument; it stands at the venue with its own stops",
            status.position_lots
        );
    }
    for doubt in status.doubts.iter().flatten() {
        eprintln!(
            "tickbridge: order {} is in doubt: {:?} of instrument {}, {} steps open; the next start asks the venue",
            doubt.order_id, doubt.side, doubt.instrument.0, doubt.qty_open
        );
    }
}
