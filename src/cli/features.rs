//! `tickbridge features`: what is declared, and the table that one trains on.
//!
//! What it is not: the pass over the ticks; `dataset` makes it.
//!
//! Invariant: which instrument a file belongs to is said or found without doubt, never assumed.

mod list;

use super::tick_options::TickOptions;
use super::ticks::TicksError;
use crate::config::{Config, ConfigErrors, Resolved};
use crate::dataset::{
    DatasetError, ExportOptions, ExportSummary, Horizon, InstrumentFiles, Rows, TickSource, export,
};
use crate::store::table::{TableError, TableFormat};
use crate::store::ticks::{CivilDate, OpenOptions, TickFileError, civil_text, open_ticks};
use crate::types::{InstrumentId, NS_PER_S, TimeNs};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Features: list them, or export the table to train on.
#[derive(clap::Args, Debug)]
pub struct FeaturesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: FeaturesCommand,
}

/// What to do with features.
#[derive(clap::Subcommand, Debug)]
pub enum FeaturesCommand {
    /// Run tick files through the features of a configuration and write the rows to a table
    #[command(after_long_help = EXPORT_HELP)]
    Export(Box<ExportArgs>),
    /// List the features of a configuration: kind, input, clock, and how much history each needs
    List(list::ListArgs),
}

const EXPORT_HELP: &str = "\
The rows are those that a model would see live: the same code, the same bits. One row for each
tick of one instrument, once every feature has its history.

Columns: ts_venue_ns (UTC, whole milliseconds, as a terminal stamps), bid, ask (prices),
the features (32-bit floats), then one label for each horizon: return_20t, return_5s, ...
A label is mid later / mid now - 1: 20t is the 20th later tick, 5s the quote that stands
5 seconds later. Parquet keeps the configuration's digest and the features' declarations as metadata.

Examples:
  tickbridge features export --config my.toml --ticks eurusd.tbt --out train.parquet --labels 20t,5s
  tickbridge features export --config my.toml --ticks data/mon data/tue --out week.csv
  tickbridge features export --config my.toml --ticks EURUSD=eu.tbt XAUUSD=gold.tbt --out pair.parquet

Exit codes:
  0  written
  1  written, but broken lines were skipped (--skip-broken)
  2  wrong arguments, or an invalid configuration
  3  input refused: missing, broken, empty, out of order, of no configured instrument, or without a row to write
  4  the table could not be written";

/// Options of `features export`.
#[derive(clap::Args, Debug)]
pub struct ExportArgs {
    /// The configuration; its model need not exist yet
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Tick files or folders, as `tickbridge ticks` reads them; NAME=PATH says the instrument
    #[arg(long, value_name = "[NAME=]PATH", required = true, num_args = 1..)]
    pub ticks: Vec<String>,
    /// Table to write, .parquet or .csv; replaced when it exists
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Forward returns to add, comma separated: ticks (20t) or time (500ms, 5s, 3m, 2h)
    #[arg(long, value_name = "HORIZON,...", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Instrument whose ticks make rows; left out: the model's
    #[arg(long, value_name = "NAME")]
    pub rows_of: Option<String>,
    /// First time of a row, UTC: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS; earlier ticks only warm the features
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// End of the rows, UTC, itself not included
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Keep rows whose labels are not known (the end of the files), with nulls
    #[arg(long)]
    pub tail: bool,
    /// Keep rows with features that have not their history yet, with nulls
    #[arg(long)]
    pub unready: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// How the tick files are read
    #[command(flatten)]
    pub reading: TickOptions,
}

/// Why a command on features failed, sorted by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The options of the command, or of reading ticks, are wrong.
    #[error(transparent)]
    Ticks(#[from] TicksError),
    /// The configuration is.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// A tick file whose instrument nobody can tell.
    #[error("{path}: expected ticks of a configured instrument ({known}), got {got}; say NAME=PATH")]
    Instrument {
        /// The path.
        path: String,
        /// The configured names.
        known: String,
        /// What it seems to be.
        got: String,
    },
    /// There is no table.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl FeaturesError {
    /// The exit code for it, as `--help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            FeaturesError::Ticks(error) => error.exit_code(),
            FeaturesError::Config(_) | FeaturesError::Dataset(DatasetError::Setup(_)) => 2,
            FeaturesError::Dataset(DatasetError::Ticks(TickFileError::Option { .. })) => 2,
            FeaturesError::Dataset(
                DatasetError::Horizon { .. }
                | DatasetError::TickSize { .. }
                | DatasetError::Table(TableError::Suffix { .. } | TableError::Column { .. }),
            ) => 2,
            FeaturesError::Dataset(DatasetError::Table(_)) => 4,
            FeaturesError::Dataset(_) | FeaturesError::Instrument { .. } => 3,
        }
    }
}

/// Runs the command and prints its answer; the exit code is 0, or 1 when broken lines were skipped.
pub fn run(args: &FeaturesArgs) -> Result<u8, FeaturesError> {
    match &args.command {
        FeaturesCommand::List(args) => list::run(args).map(|()| 0),
        FeaturesCommand::Export(args) => {
            let summary = export_table(args)?;
            match args.json {
                true => say(&format!("{}\n", serde_json::to_string_pretty(&summary).unwrap_or_default())),
                false => say(&summary_text(args, &summary)),
            }
            Ok(u8::from(summary.broken_count > 0))
        }
    }
}

/// Makes the table.
pub fn export_table(args: &ExportArgs) -> Result<ExportSummary, FeaturesError> {
    // Everything that can be refused without reading a tick comes first.
    TableFormat::of(&args.out).map_err(DatasetError::from)?;
    let mut labels = Vec::with_capacity(args.labels.len());
    for text in &args.labels {
        let horizon = Horizon::parse(text);
        let expected = "1 to 1000000 ticks (20t) or a time up to a week (500ms, 5s, 3m, 2h)";
        labels.push((text.clone(), horizon.ok_or_else(|| usage("--labels", expected, text))?));
    }
    let at = |option, text: &Option<String>, otherwise| {
        text.as_ref().map_or(Ok(TimeNs(otherwise)), |text| time(option, text))
    };
    let (from, to) = (at("--from", &args.from, i64::MIN)?, at("--to", &args.to, i64::MAX)?);
    if from >= to {
        return Err(usage("--to", "a time after --from", args.to.as_deref().unwrap_or("")).into());
    }
    let reading = args.reading.open_options()?;
    let config = Resolved::load_before_model(&args.config)?.config;
    let rows_of = args.rows_of.as_ref().unwrap_or(&config.model.instrument);
    let named = config.instruments.iter().position(|known| known.name == *rows_of);
    let rows_of = named.ok_or_else(|| usage("--rows-of", "the name of a configured instrument", rows_of))?;
    let files = assign(&config, &args.ticks, &reading)?;
    let keep = |flag: bool| if flag { Rows::Keep } else { Rows::LeaveOut };
    let options = ExportOptions {
        rows_of: InstrumentId(rows_of as u16),
        labels,
        from,
        to,
        unready: keep(args.unready),
        unlabelled: keep(args.tail),
        sources: args.ticks.clone(),
    };
    let source = TickSource::open(&files, &reading)?;
    let bar = match std::io::stderr().is_terminal() {
        true => indicatif::ProgressBar::new(source.file_bytes()),
        false => indicatif::ProgressBar::hidden(),
    };
    let summary = export(&config, source, &options, &args.out, &mut |bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    Ok(summary)
}

/// Which instrument each path belongs to, in the order of the configuration.
fn assign(
    config: &Config,
    ticks: &[String],
    reading: &OpenOptions,
) -> Result<Vec<InstrumentFiles>, FeaturesError> {
    let mut paths: Vec<Vec<PathBuf>> = vec![Vec::new(); config.instruments.len()];
    for text in ticks {
        let known = |name: &str| config.instruments.iter().position(|known| known.name == name);
        let refuse = |got: String| {
            let names: Vec<&str> = config.instruments.iter().map(|known| known.name.as_str()).collect();
            FeaturesError::Instrument { path: text.clone(), known: names.join(", "), got }
        };
        let said = text.split_once('=').filter(|(name, _)| !name.contains('/') && !Path::new(text).exists());
        let (at, path) = match said {
            Some((name, path)) => (known(name).ok_or_else(|| refuse(name.to_owned()))?, PathBuf::from(path)),
            None => {
                let path = PathBuf::from(text);
                let guess = open_ticks(&path, reading).map_err(DatasetError::from)?.info().symbol.clone();
                (guessed(config, guess).map_err(refuse)?, path)
            }
        };
        paths[at].push(path);
    }
    let of = |(at, paths): (usize, Vec<PathBuf>)| {
        let known = &config.instruments[at];
        let tick_size = known.tick_size.or(known.digits.map(|digits| 10f64.powi(-i32::from(digits))));
        (!paths.is_empty()).then(|| InstrumentFiles {
            instrument: InstrumentId(at as u16),
            name: known.name.clone(),
            paths,
            tick_size,
        })
    };
    Ok(paths.into_iter().enumerate().filter_map(of).collect())
}

/// The one instrument that a file's symbol can mean; else what it seems to be.
fn guessed(config: &Config, symbol: Option<String>) -> Result<usize, String> {
    let Some(symbol) = symbol else {
        return match config.instruments.len() {
            1 => Ok(0),
            _ => Err("a file that does not tell".to_owned()),
        };
    };
    // Brokers put letters behind a symbol: EURUSD.m is EURUSD.
    let means = |text: &str| text.to_ascii_uppercase().starts_with(&symbol.to_ascii_uppercase());
    let mut found = (0..config.instruments.len()).filter(|at| {
        let known = &config.instruments[*at];
        means(&known.name) || means(&known.symbol)
    });
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(format!("{symbol}, which several may be")),
        _ => Err(symbol),
    }
}

/// `YYYY-MM-DD`, or with `THH:MM:SS` (a space will do).
fn time(option: &'static str, text: &str) -> Result<TimeNs, TicksError> {
    let refusal = || usage(option, "YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, UTC", text);
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let midnight = CivilDate::parse(date).ok_or_else(refusal)?.midnight();
    let parts: Option<Vec<i64>> =
        clock.split(':').map(|part| part.parse::<u8>().ok().map(i64::from)).collect();
    match parts.as_deref() {
        Some(&[hour @ 0..24, minute @ 0..60, second @ 0..60]) => {
            Ok(midnight.plus_ns((hour * 3_600 + minute * 60 + second) * NS_PER_S))
        }
        _ => Err(refusal()),
    }
}

fn usage(option: &'static str, expected: &'static str, got: &str) -> TicksError {
    super::ticks::usage(option, expected, got)
}

/// Prints an answer. Nobody need read it: the table is there, and a closed pipe is no failure.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn summary_text(args: &ExportArgs, summary: &ExportSummary) -> String {
    let kept = |keep: bool| if keep { "kept, null" } else { "left out" };
    let time = |ns: Option<i64>| ns.map_or("-".to_owned(), |ns| civil_text(TimeNs(ns)));
    let mut lines = vec![
        format!("{}: {} rows of {} features", args.out.display(), summary.row_count, summary.feature_count),
        format!("span        {} to {}", time(summary.ts_first_ns), time(summary.ts_last_ns)),
        format!("ticks       {} read, {} inputs without a price", summary.tick_count, summary.refused_count),
        format!("not ready   {} rows, {}", summary.unready_count, kept(args.unready)),
    ];
    if !args.labels.is_empty() {
        lines.push(format!("no label    {} rows, {}", summary.unlabelled_count, kept(args.tail)));
    }
    lines.push(format!("bytes       {}", summary.file_bytes));
    if summary.broken_count > 0 {
        lines.push(format!("broken      {} lines or records skipped", summary.broken_count));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        assert_eq!(time("--from", "2014-05-02").unwrap(), TimeNs(1_398_988_800 * NS_PER_S));
        assert_eq!(time("--from", "2014-05-02T10:00:01").unwrap(), TimeNs(1_399_024_801 * NS_PER_S));
        for bad in ["2014-13-02", "2014-05-02T24:00:00", "2014-05-02T10:00", "yesterday", ""] {
            assert_eq!(time("--to", bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
