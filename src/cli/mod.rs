//! The command line: one file a command.
//!
//! What it is not: the work; commands parse their arguments and call the floor that does it.
//!
//! Invariant: every command prints what went wrong to standard error, and returns an exit code that says so.

mod alerts;
pub mod check;
mod controls;
pub mod demo;
pub mod features;
pub mod journal;
pub mod market;
pub mod model;
pub mod models;
pub mod operator;
pub mod replay;
pub mod report;
pub mod run;
mod signals;
pub mod sim;
pub mod simulate;
mod succeed;
pub mod tick_options;
pub mod ticks;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A low-latency bridge between MetaTrader 5 terminals, exchanges and a trading model.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "To begin:\n  tickbridge demo --seconds 20\n  tickbridge check --print-template > my.toml    (then edit it)\n  \
                  tickbridge check --config my.toml\n  tickbridge run --config my.toml"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance
    Run(run::Args),
    /// Run the appliance with a simulated MT5 terminal beside it, and report what happened
    Demo(demo::Args),
    /// Validate a configuration and print it resolved, or print every error in it
    Check(check::Args),
    /// Print percentiles of every stage from a journal or from histogram files, budgets held or broken
    Report(report::Args),
    /// Run a journal's inputs again and compare the outputs bit for bit
    Replay(replay::Args),
    /// Journals: check one, show its records, or export them
    Journal(journal::JournalArgs),
    /// The registry: take models in, promote, shadow, roll back
    Models(models::Args),
    /// Speak to a running appliance: halt, reduce, activate, kill, resolve, status
    Operator(operator::Args),
    /// Simulated counterparts: an MT5 terminal, a market
    Sim(sim::SimArgs),
    /// Run the whole system in virtual time, with faults, and check that every order's truth is known
    Simulate(simulate::Args),
    /// Model files: what they hold, whether their scores are the library's, how long an answer takes
    Model(model::ModelArgs),
    /// Tick files: convert them to one compact format
    Ticks(ticks::TicksArgs),
    /// Features: list them, or export the table that a model is trained on
    Features(features::FeaturesArgs),
}

/// A number of seconds: above 0, at most ten million.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e7 => Ok(number),
        _ => Err(format!("expected seconds, above 0 and at most 10000000, got `{text}`")),
    }
}

/// A rate in one second: above 0, at most a hundred million.
fn per_second(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e8 => Ok(number),
        _ => Err(format!("expected a number above 0 and at most 100000000, got `{text}`")),
    }
}

/// A share: 0 to 1.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(format!("expected a number from 0 to 1, got `{text}`")),
    }
}

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Operator(args) => operator::run(&args),
        Command::Sim(args) => sim::run(args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Model(args) => model::run(&args),
        Command::Ticks(args) => match ticks::run(&args) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("tickbridge ticks: {error}");
                ExitCode::from(error.exit_code())
            }
        },
        Command::Features(args) => match features::run(&args) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("tickbridge features: {error}");
                ExitCode::from(error.exit_code())
            }
        },
    }
}
