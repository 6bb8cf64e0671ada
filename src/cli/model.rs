//! `tickbridge model`: what a model file is, whether its scores are the library's, and how long an answer takes here.
//!
//! What it is not: a trainer. It opens no configuration unless it is asked to hold the model against one.
//!
//! Invariant: exit code 0 of `verify` means that every score of every row, by every kernel that runs here, was as expected.

mod bench;
mod csv;
mod distribution;
mod inspect;
mod made_rows;
mod opened;
mod parquet;
mod rows;
mod verify;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::check::{EXIT_CONFIG, EXIT_DATA, EXIT_IO};
use crate::model::ModelError;
pub(super) use distribution::histograms;
use rows::RowsError;

/// Work with model files.
#[derive(clap::Args, Debug)]
pub struct ModelArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// What to do with a model file.
#[derive(clap::Subcommand, Debug)]
pub enum ModelCommand {
    /// Say what a model file holds, and which kernel runs it here
    Inspect(inspect::InspectArgs),
    /// Hold the model's scores against a file of rows with the scores that its library gave them
    Verify(verify::VerifyArgs),
    /// Measure how long one answer takes on this host, for every kernel that runs here
    Bench(bench::BenchArgs),
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum ModelFault {
    #[error("{}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}", path.display())]
    Model { path: PathBuf, error: ModelError },
    #[error("{0}")]
    Config(String),
    #[error("{0}")]
    Rows(#[from] RowsError),
    #[error("--expected: expected one column for each of the model's {outputs} scores, got {got}")]
    Expected { outputs: usize, got: usize },
    #[error("--kernel: expected one of {have}, got {got}")]
    Kernel { have: String, got: String },
    #[error("--core {0}: the system refused to run there")]
    Core(usize),
    #[error("standard output: {0}")]
    Output(std::io::Error),
}

impl ModelFault {
    fn exit_code(&self) -> u8 {
        match self {
            ModelFault::Config(_) | ModelFault::Expected { .. } | ModelFault::Kernel { .. } => EXIT_CONFIG,
            ModelFault::Rows(RowsError::Suffix(_)) => EXIT_CONFIG,
            ModelFault::Model { .. } => EXIT_DATA,
            ModelFault::Rows(RowsError::Read { error, .. })
                if error.kind() != std::io::ErrorKind::InvalidData =>
            {
                EXIT_IO
            }
            ModelFault::Rows(_) => EXIT_DATA,
            ModelFault::Read { .. } | ModelFault::Core(_) | ModelFault::Output(_) => EXIT_IO,
        }
    }
}

/// Runs the command.
pub fn run(args: &ModelArgs) -> ExitCode {
    let (name, answer) = match &args.command {
        ModelCommand::Inspect(args) => ("inspect", inspect::run(args)),
        ModelCommand::Verify(args) => ("verify", verify::run(args)),
        ModelCommand::Bench(args) => ("bench", bench::run(args)),
    };
    let told = answer.and_then(|answer| {
        std::io::stdout().write_all(answer.text.as_bytes()).map_err(ModelFault::Output)?;
        Ok(answer.code)
    });
    match told {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("tickbridge model {name}: {fault}");
            ExitCode::from(fault.exit_code())
        }
    }
}

/// What a command prints, and its exit code.
struct Answer {
    text: String,
    code: ExitCode,
}

impl Answer {
    fn done(text: String) -> Self {
        Answer { text, code: ExitCode::SUCCESS }
    }
}
