//! `tickbridge ticks`: converts tick files.
//!
//! What it is not: an analysis; it counts what is odd and leaves it as it is.
//!
//! Invariant: the output appears under its name only when it is whole: it is written beside it and renamed.

use super::tick_options::TickOptions;
use crate::store::ticks::tbt::{BLOCK_TICKS_DEFAULT, TbtWriter, TbtWriterOptions};
use crate::store::ticks::{OpenOptions, TickCounts, TickFileError, TickReader, civil_text, open_ticks};
use crate::types::FixedText;
use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

/// Work with tick files.
#[derive(clap::Args, Debug)]
pub struct TicksArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TicksCommand,
}

/// What to do with tick files.
#[derive(clap::Subcommand, Debug)]
pub enum TicksCommand {
    /// Convert a tick file, or a folder of them, to one compact .tbt file that replays fast
    #[command(after_long_help = CONVERT_HELP)]
    Convert(Box<ConvertArgs>),
}

const CONVERT_HELP: &str = "\
Input formats (found from names and content, or forced with --format):
  mt5       MetaTrader 5's tick export: tab separated, with the header
            <DATE> <TIME> <BID> <ASK> <LAST> <VOLUME> <FLAGS>;
            UTF-8 or UTF-16; an empty price means unchanged.
            Times stay in server time unless --utc-offset is given
  bi5       Dukascopy hours: .../YYYY-MM-DD/HHh_ticks.bi5,
            or upstream's .../YYYY/MM/DD/ with months from 00
  quotezip  YYYYMMDD_quote.zip with lines time_ms,bid,ask (milliseconds since midnight)
  csv       any CSV, with --columns and --time-format
  tbt       this program's own file
A folder is read in name order and must hold one format.

Crossed, locked, repeated and disordered quotes are kept as they are, and counted.

Examples:
  tickbridge ticks convert EURUSD_202401.csv eurusd.tbt
  tickbridge ticks convert data/2019-02-04 eurusd.tbt --json
  tickbridge ticks convert fxcm/tick eurusd.tbt --utc-offset=-05:00
  tickbridge ticks convert quotes.csv q.tbt --columns time=0,bid=1,ask=2 --header
  tickbridge ticks convert quotes.csv q.tbt --columns date=0,time=1,bid=2,ask=3 \\
      --time-format '%d/%m/%Y %H:%M:%S.%f'

Exit codes:
  0  converted
  1  converted, but broken lines were skipped (--skip-broken)
  2  wrong arguments
  3  input refused: missing, broken, or of no known format
  4  output could not be written";

/// Options of `ticks convert`.
#[derive(clap::Args, Debug)]
pub struct ConvertArgs {
    /// Tick file, or folder of tick files of one format
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// File to write (.tbt); replaced when it exists
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Instrument, e.g. EURUSD; guessed from names when left out
    #[arg(long)]
    pub symbol: Option<String>,
    /// How the input is read
    #[command(flatten)]
    pub reading: TickOptions,
    /// zstd level, 1 (fast) to 22 (small)
    #[arg(long, default_value_t = 9)]
    pub level: i32,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Why a command on tick files failed, sorted by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum TicksError {
    /// The options are wrong.
    #[error("{option}: expected {expected}, got {got:?}")]
    Usage {
        /// The option.
        option: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was got.
        got: String,
    },
    /// The input was refused.
    #[error(transparent)]
    Input(#[from] TickFileError),
    /// The output could not be written.
    #[error("{}: {source}", file.display())]
    Output {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl TicksError {
    /// The exit code for it, as `--help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            TicksError::Usage { .. } | TicksError::Input(TickFileError::Option { .. }) => 2,
            TicksError::Input(_) => 3,
            TicksError::Output { .. } => 4,
        }
    }
}

/// What a conversion did.
#[derive(Debug, serde::Serialize)]
pub struct ConvertSummary {
    format: &'static str,
    symbol: Option<String>,
    digits: u8,
    time_base: &'static str,
    files: usize,
    ignored_files: Vec<PathBuf>,
    ticks_read: u64,
    ticks_written: u64,
    broken_lines_skipped: u64,
    broken_lines: Vec<String>,
    ts_first_ns: Option<i64>,
    ts_last_ns: Option<i64>,
    crossed: u64,
    locked: u64,
    repeated: u64,
    disordered: u64,
    bytes_in: u64,
    bytes_out: u64,
    ratio: f64,
}

/// Runs the command and prints its summary; the exit code is 0, or 1 when broken lines were skipped.
pub fn run(args: &TicksArgs) -> Result<u8, TicksError> {
    let TicksCommand::Convert(args) = &args.command;
    let summary = convert(args)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&summary).unwrap_or_default()),
        false => print_summary(&summary),
    }
    Ok(u8::from(summary.broken_lines_skipped > 0))
}

/// Converts and says what was seen.
pub fn convert(args: &ConvertArgs) -> Result<ConvertSummary, TicksError> {
    let mut reader = open_ticks(
        &args.input,
        &OpenOptions { symbol: args.symbol.clone(), ..args.reading.open_options()? },
    )?;
    let info = reader.info().clone();
    let symbol = info.symbol.clone().unwrap_or_default();
    let symbol_text = FixedText::new(&symbol)
        .map_err(|_| usage("--symbol", "up to 32 printable ASCII characters", &symbol))?;
    if !(1..=22).contains(&args.level) {
        return Err(usage("--level", "1 to 22", &args.level.to_string()));
    }
    let options = TbtWriterOptions {
        symbol: symbol_text,
        digits: info.digits,
        tick_size: info.tick_size,
        time_base: info.time_base,
        block_ticks: BLOCK_TICKS_DEFAULT,
        level: args.level,
    };
    let partial = partial_path(&args.output);
    let written = write(&mut reader, &partial, options);
    let (counts, bytes_out) = written.inspect_err(|_| {
        let _ = std::fs::remove_file(&partial);
    })?;
    let source = std::fs::rename(&partial, &args.output);
    source.map_err(|source| TicksError::Output { file: args.output.clone(), source })?;
    let broken_lines =
        reader.broken().iter().map(|broken| TickFileError::Broken(Box::new(broken.clone())).to_string());
    Ok(ConvertSummary {
        format: info.format.name(),
        symbol: info.symbol,
        digits: info.digits,
        time_base: info.time_base.name(),
        files: info.files.len(),
        ignored_files: info.ignored,
        ticks_read: counts.tick_count,
        ticks_written: counts.tick_count,
        broken_lines_skipped: reader.broken_count(),
        broken_lines: broken_lines.collect(),
        ts_first_ns: counts.ts_first.map(|ts| ts.0),
        ts_last_ns: counts.ts_last.map(|ts| ts.0),
        crossed: counts.crossed_count,
        locked: counts.locked_count,
        repeated: counts.repeated_count,
        disordered: counts.disordered_count,
        bytes_in: info.file_bytes,
        bytes_out,
        ratio: info.file_bytes as f64 / bytes_out as f64,
    })
}

fn partial_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

fn write(
    reader: &mut TickReader,
    file: &Path,
    options: TbtWriterOptions,
) -> Result<(TickCounts, u64), TicksError> {
    const PROGRESS_TICKS: u64 = 65_536;
    let output = |source| TicksError::Output { file: file.to_path_buf(), source };
    let out = BufWriter::with_capacity(1 << 20, File::create(file).map_err(output)?);
    let mut writer = TbtWriter::new(out, options).map_err(output)?;
    let bar = match std::io::stderr().is_terminal() {
        true => indicatif::ProgressBar::new(reader.info().file_bytes),
        false => indicatif::ProgressBar::hidden(),
    };
    let mut ticks = 0;
    while let Some(tick) = reader.next() {
        writer.push(&tick?).map_err(output)?;
        ticks += 1;
        if ticks % PROGRESS_TICKS == 0 {
            bar.set_position(reader.bytes_read());
        }
    }
    let (written, out) = writer.finish().map_err(output)?;
    let out = out.into_inner().map_err(|e| output(e.into_error()))?;
    out.sync_all().map_err(output)?;
    bar.finish_and_clear();
    Ok((written.counts, written.header.file_bytes))
}

pub(super) fn usage(option: &'static str, expected: &'static str, got: &str) -> TicksError {
    TicksError::Usage { option, expected, got: got.to_owned() }
}

fn print_summary(summary: &ConvertSummary) {
    let time = |ns: Option<i64>| ns.map_or("-".to_owned(), |ns| civil_text(crate::types::TimeNs(ns)));
    let symbol = summary.symbol.as_deref().unwrap_or("unknown symbol");
    println!("{symbol}, {} digits, {} files of format {}", summary.digits, summary.files, summary.format);
    println!("ticks       {} read, {} written", summary.ticks_read, summary.ticks_written);
    println!(
        "span        {} to {} ({} time)",
        time(summary.ts_first_ns),
        time(summary.ts_last_ns),
        summary.time_base
    );
    for (name, count) in [
        ("crossed", summary.crossed),
        ("locked", summary.locked),
        ("repeated", summary.repeated),
        ("disordered", summary.disordered),
    ] {
        println!(
            "{name:<11} {count} ({:.3} %), kept",
            100.0 * count as f64 / summary.ticks_read.max(1) as f64
        );
    }
    println!("bytes       {} in, {} out, ratio {:.2}", summary.bytes_in, summary.bytes_out, summary.ratio);
    for file in &summary.ignored_files {
        println!("not read    {}", file.display());
    }
    if summary.broken_lines_skipped > 0 {
        println!("broken      {} skipped; the first:", summary.broken_lines_skipped);
        summary.broken_lines.iter().for_each(|line| println!("  {line}"));
    }
}
