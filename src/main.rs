//! The `tickbridge` program: parses arguments and returns an exit code.
//!
//! What it is not: anything else; `cli` has a file for each command.
//!
//! Invariant: whatever goes wrong is said on standard error, and the exit code is not zero.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    tickbridge::cli::run(tickbridge::cli::Cli::parse())
}
