//! The table that one trains on: tick files run through the very feature graph that trades.
//!
//! What it is not: a second implementation of a feature, a backtest, or a cleaner of data. It computes nothing but labels.
//!
//! Invariant: a row's features are the bits that the engine's own graph has after the same ticks; labels, which look into
//! the future, are columns of their own.

mod declared;
mod export;
mod grid;
mod label;
mod source;

pub use declared::{ClockNeeds, Declared, FeatureNeeds, declared};
pub use export::{ExportOptions, ExportSummary, Rows, export};
pub use grid::Grid;
pub use label::Horizon;
pub use source::{InstrumentFiles, SourceTick, TickSource};

use crate::setup::SetupError;
use crate::store::table::TableError;
use crate::store::ticks::TickFileError;
use std::path::PathBuf;

/// Why there is no table, sorted by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The configuration makes no features.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A tick file was refused.
    #[error(transparent)]
    Ticks(#[from] TickFileError),
    /// A file or folder without a tick.
    #[error("{}: expected at least one tick, got none", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// Times that nobody can compare with UTC.
    #[error("{}: expected --utc-offset for a file in the broker's server time, got none", path.display())]
    ServerTime {
        /// Which.
        path: PathBuf,
    },
    /// Time runs backwards.
    #[error(
        "{}: tick {tick} of the instrument: expected a time not before {before}, got {got}",
        path.display()
    )]
    Disorder {
        /// Which file or folder.
        path: PathBuf,
        /// Which tick of the instrument, from 1.
        tick: u64,
        /// The time of the tick before.
        before: String,
        /// Its own.
        got: String,
    },
    /// A price between two ticks.
    #[error(
        "{}: tick {tick} of the instrument: expected a multiple of the tick size {tick_size}, got {got}",
        path.display()
    )]
    OffGrid {
        /// Which file or folder.
        path: PathBuf,
        /// Which tick of the instrument, from 1.
        tick: u64,
        /// The tick size.
        tick_size: f64,
        /// The price as mantissa and exponent.
        got: String,
    },
    /// A tick size that is no decimal.
    #[error("instruments.{name}.tick_size: expected a decimal of at most 15 places, got {got:?}")]
    TickSize {
        /// The instrument.
        name: String,
        /// What is configured.
        got: Option<f64>,
    },
    /// A feature reads an instrument without ticks.
    #[error("feature {feature}: expected ticks of {instrument} (--ticks {instrument}=PATH), got none")]
    NoTicks {
        /// The feature.
        feature: String,
        /// The instrument's name.
        instrument: String,
    },
    /// The instrument whose ticks should make rows has none.
    #[error(
        "expected ticks of {instrument}, whose ticks make the rows (--rows-of chooses another), got none"
    )]
    NoRows {
        /// The instrument's name.
        instrument: String,
    },
    /// Not one row came of the ticks.
    #[error(
        "expected at least one row, got none of {tick_count} ticks from {first} to {last}: {outside_count} outside --from and --to, \
        {unready_count} whose features were not ready, {unlabelled_count} without a label"
    )]
    NoRow {
        /// Ticks that were read.
        tick_count: u64,
        /// Time of the first.
        first: String,
        /// Time of the last.
        last: String,
        /// Ticks of the rows' instrument outside the asked time.
        outside_count: u64,
        /// Rows with an unready feature.
        unready_count: u64,
        /// Rows without a label.
        unlabelled_count: u64,
    },
    /// Too many ticks would have to wait for their labels.
    #[error("--labels: expected a horizon within {ticks_max} ticks, got one beyond")]
    Horizon {
        /// How many may wait.
        ticks_max: usize,
    },
    /// The table could not be written.
    #[error(transparent)]
    Table(#[from] TableError),
}
