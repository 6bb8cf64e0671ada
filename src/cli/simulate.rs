//! `tickbridge simulate`: the whole system in virtual time, seed after seed, with everything going wrong.
//!
//! What it is not: a backtest; the market is noise and the strategy trades on it.
//!
//! Invariant: exit code 0 means that no rule was broken by any seed, or that every planted bug was found.

use crate::sim::world::{Episode, FaultRates, Planted, Simulator, run_many, shrink};
use std::ops::Range;
use std::process::ExitCode;

/// A rule was broken, or a planted bug was not found.
const EXIT_BROKEN: u8 = 1;
/// Lines of a trace that are printed.
const TRACE_LINES: usize = 60;

/// Run the whole system in virtual time, with faults, and check that every order's truth is known.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A failing seed prints the rule it broke, the shortest trace that was found, and the command that repeats it.\n\n\
                  Exit codes:\n   0  no rule was broken (with --planted: every planted bug was found)\n   1  a rule was broken (with --planted: a bug was not found)\n   2  wrong arguments"
)]
pub struct Args {
    /// Seeds, the last one not included
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0..1000")]
    pub seeds: Range<u64>,
    /// Faults stop after so many events of a seed; then everything must come to rest
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub events: u64,
    /// Faults: all, none, or names with NAME=N for once in N opportunities; -NAME leaves one out of all
    #[arg(long, value_name = "LIST", default_value = "all", allow_hyphen_values = true, value_parser = FaultRates::parse)]
    pub faults: FaultRates,
    /// Numbers of strikes to leave out
    #[arg(long, value_name = "N,N,..", value_delimiter = ',')]
    pub skip: Vec<u32>,
    /// Plant a bug that others had, and find it: a name, `all`, or `list`
    #[arg(long, value_name = "NAME")]
    pub planted: Option<String>,
    /// Threads; zero for one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("expected A..B with A below B, got `{text}`");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let from: u64 = from.parse().map_err(|_| wrong())?;
    let to: u64 = to.parse().map_err(|_| wrong())?;
    if from < to { Ok(from..to) } else { Err(wrong()) }
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let mut skipped = args.skip.clone();
    skipped.sort_unstable();
    let like =
        Episode { seed: args.seeds.start, events: args.events, rates: args.faults, skipped, planted: None };
    let result = match args.planted.as_deref() {
        None => clean(args, &like),
        Some("list") => {
            for planted in Planted::ALL {
                println!("{:<24} {}", planted.name(), planted.source());
            }
            Ok(true)
        }
        Some(name) => planted(args, &like, name),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_BROKEN),
        Err(error) => {
            eprintln!("tickbridge simulate: {error}");
            ExitCode::from(2)
        }
    }
}

fn clean(args: &Args, like: &Episode) -> Result<bool, String> {
    let summary = run_many(args.seeds.clone(), like, args.threads)?;
    println!(
        "seeds {} to {}: {} events, at least {} a seed; {} orders, {} requests ({} in doubt), {} deals, {} starts, {} comparisons with the broker; {} seeds at several venues",
        args.seeds.start,
        args.seeds.end,
        summary.events,
        summary.events_min,
        summary.orders,
        summary.requests,
        summary.requests_unknown,
        summary.deals,
        summary.starts,
        summary.comparisons,
        summary.with_venues
    );
    let struck: Vec<String> = crate::sim::world::Fault::ALL
        .iter()
        .zip(&summary.strikes)
        .filter(|(_, count)| **count > 0)
        .map(|(fault, count)| format!("{} {count}", fault.name()))
        .collect();
    println!("faults that struck: {}", struck.join(", "));
    println!("digest {:016x}", summary.digest);
    println!("figure simulated_events_per_s {:.0} events/s", summary.events as f64 / summary.busy_s);
    println!("figure seeds_clean {} seeds", summary.clean);
    for (seed, violation) in &summary.failures {
        println!("seed {seed}: {}: {}", violation.rule, violation.words);
    }
    if let Some((seed, _)) = summary.failures.first() {
        show(&Episode { seed: *seed, ..like.clone() });
    }
    Ok(summary.failures.is_empty())
}

/// Prints the shortest trace of a failing seed.
fn show(episode: &Episode) {
    let Some(shortest) = shrink(&mut Simulator::default(), episode) else { return };
    println!(
        "\nseed {}, shortened to {} events and {} strikes:",
        episode.seed, shortest.outcome.events, shortest.strikes
    );
    let trace = &shortest.outcome.trace;
    for line in &trace[trace.len().saturating_sub(TRACE_LINES)..] {
        println!("  {line}");
    }
    if let Some(violation) = &shortest.outcome.violation {
        println!("{}: {}", violation.rule, violation.words);
    }
    println!("again: {}", shortest.episode.command());
    println!("whole: {}", episode.command());
}

fn planted(args: &Args, like: &Episode, name: &str) -> Result<bool, String> {
    let wanted: Vec<Planted> =
        Planted::ALL.iter().copied().filter(|planted| name == "all" || planted.name() == name).collect();
    if wanted.is_empty() {
        return Err(format!("--planted: expected `all`, `list` or a name from the list, got `{name}`"));
    }
    let mut found = 0;
    for planted in &wanted {
        let like = Episode { planted: Some(*planted), ..like.clone() };
        let summary = run_many(args.seeds.clone(), &like, args.threads)?;
        match summary.failures.first() {
            Some((seed, violation)) => {
                found += 1;
                println!(
                    "found     {:<24} seed {seed}: {}: {}",
                    planted.name(),
                    violation.rule,
                    violation.words
                );
                if wanted.len() == 1 {
                    show(&Episode { seed: *seed, ..like });
                }
            }
            None => println!("NOT FOUND {:<24} in {} seeds", planted.name(), summary.seeds),
        }
    }
    println!("figure planted_bugs_found {found} bugs");
    println!("figure planted_bugs_total {} bugs", wanted.len());
    Ok(found == wanted.len())
}
