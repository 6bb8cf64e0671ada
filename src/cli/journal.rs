//! `tickbridge journal`: a journal checked, shown, and handed to other programs.
//!
//! What it is not: a replay (`tickbridge replay` runs the inputs again and compares); and it repairs nothing.
//!
//! Invariant: it only reads, so it may be used beside a running appliance; what is damaged is never passed over in silence.

mod export;
mod selection;
mod show;
mod verify;
mod words;

pub(super) use words::json_of;

use super::check::{EXIT_DATA, EXIT_IO};
use crate::journal::JournalError;
use crate::store::table::TableError;
use selection::SelectionError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Journals: check one, show its records, or export them.
#[derive(clap::Args, Debug)]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: JournalCommand,
}

/// What to do with a journal.
#[derive(clap::Subcommand, Debug)]
pub enum JournalCommand {
    /// Check every record's checksum and number, and say what the journal holds
    #[command(after_help = verify::HELP)]
    Verify(verify::VerifyArgs),
    /// Print records, one a line, for people or as JSON
    #[command(after_help = show::HELP)]
    Show(show::ShowArgs),
    /// Write records as JSON lines, or as one Parquet or CSV table for each kind
    #[command(after_help = export::HELP)]
    Export(export::ExportArgs),
}

/// Why a command on a journal failed.
#[derive(Debug, thiserror::Error)]
enum JournalCommandError {
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Selection(#[from] SelectionError),
    #[error("{0}")]
    Table(#[from] TableError),
    #[error("{path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("expected a folder without tables of another export, got {path}", path = path.display())]
    Occupied { path: PathBuf },
    #[error("standard output: {0}")]
    Print(io::Error),
}

impl JournalCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Journal(JournalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                EXIT_DATA
            }
            Self::Journal(JournalError::Io { .. })
            | Self::Table(_)
            | Self::Write { .. }
            | Self::Occupied { .. }
            | Self::Print(_) => EXIT_IO,
            Self::Journal(_) => EXIT_DATA,
            Self::Selection(_) => super::check::EXIT_CONFIG,
        }
    }
}

/// Runs the command.
pub fn run(args: &JournalArgs) -> ExitCode {
    let outcome = match &args.command {
        JournalCommand::Verify(args) => verify::run(args),
        JournalCommand::Show(args) => show::run(args),
        JournalCommand::Export(args) => export::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the other end of a pipe has seen enough.
        Err(JournalCommandError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tickbridge journal: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
