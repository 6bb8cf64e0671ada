//! `tickbridge replay`: a journal's inputs run again.
//!
//! What it is not: a backtest; the configuration and model are the journal's own.
//!
//! Invariant: exit code 0 with `--verify` means that every output was equal, bit for bit.

use super::check::EXIT_DATA;
use crate::replay::{Summary, verify};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run a journal's inputs again and compare the outputs bit for bit.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit codes:\n   0  every output was equal; a half-written end, as a power cut leaves it, is said and is no error\n   2  wrong arguments\n  65  there is no journal, it is damaged, or an output differed: standard error says where"
)]
pub struct Args {
    /// The journal's folder
    #[arg(value_name = "JOURNAL")]
    pub journal: PathBuf,
    /// Compare every output (the default, and the only thing it does; kept so that scripts can say what they mean)
    #[arg(long)]
    pub verify: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

fn tell_what_was_left_out(summary: &Summary) {
    if summary.passed > 0 {
        println!(
            "{} record(s) were not run again: what came before them expired, and no snapshot stands before a start among them",
            summary.passed
        );
    }
    if let Some(torn) = &summary.torn {
        println!("{torn}");
    }
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match verify(&args.journal) {
        Ok(summary) => {
            if args.json {
                println!(
                    "{}",
                    serde_json::json!({
                        "verified": true,
                        "starts": summary.starts,
                        "inputs": summary.inputs,
                        "outputs": summary.outputs,
                        "states": summary.states,
                        "cut_short": summary.cut_short,
                        "passed": summary.passed,
                        "torn": summary.torn,
                        "last_seq": summary.last_seq,
                    })
                );
            } else {
                println!(
                    "verified: {} inputs of {} start(s) made {} outputs and {} states again, bit for bit; last record {}{}",
                    summary.inputs,
                    summary.starts,
                    summary.outputs,
                    summary.states,
                    summary.last_seq,
                    if summary.cut_short > 0 {
                        format!("; {} output(s) of a killed process were never written", summary.cut_short)
                    } else {
                        String::new()
                    }
                );
            }
            if !args.json {
                tell_what_was_left_out(&summary);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            if args.json {
                println!("{}", serde_json::json!({ "verified": false, "error": error.to_string() }));
            }
            eprintln!("tickbridge replay: {error}");
            ExitCode::from(EXIT_DATA)
        }
    }
}
