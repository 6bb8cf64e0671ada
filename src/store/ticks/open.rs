//! Opening a tick file, or a folder of them, of any format.
//!
//! What it is not: a parser; `source` and the formats read.
//!
//! Invariant: a folder is read in name order and holds one format; files of a folder that are no tick files of that
//! format are listed in [`SourceInfo::ignored`], never dropped in silence.

use super::bi5::{self, Bi5Source};
use super::civil::CivilDate;
use super::csv_map::CsvMap;
use super::detect::{self, TickFormat};
use super::error::{Broken, TickFileError};
use super::line_format::LineFormat;
use super::source::{CountedFile, Source, TextSource, zip_member};
use super::tbt::TbtReader;
use super::tick::{DIGITS_MAX, FileTick, TimeBase};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lines of each file that are looked at to learn the digits.
const PROBE_LINES_MAX: usize = 20_000;
/// Broken lines that are kept with their text; later ones are only counted.
const BROKEN_KEPT_MAX: usize = 20;

/// What to do with a line or record that cannot be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnBroken {
    /// End with its error.
    #[default]
    Stop,
    /// Count it and go on.
    Skip,
}

/// What the files do not say themselves.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Force this format.
    pub format: Option<TickFormat>,
    /// Decimals of the prices; learnt from the files when `None` (Dukascopy: 5).
    pub digits: Option<u8>,
    /// The instrument; guessed from names when `None`.
    pub symbol: Option<String>,
    /// How far the files' clock is ahead of UTC, ns; times become UTC. `None`: MT5 exports stay in server time, all
    /// other formats are taken as UTC.
    pub utc_offset_ns: Option<i64>,
    /// Date of a quote zip or Dukascopy hour that its path does not tell.
    pub date: Option<CivilDate>,
    /// Hour of a Dukascopy file that its path does not tell.
    pub hour: Option<u8>,
    /// Columns of a CSV.
    pub csv: Option<CsvMap>,
    /// What to do with broken lines.
    pub on_broken: OnBroken,
}

/// What is known of the ticks before the first is read.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// The files, in the order in which they are read.
    pub files: Vec<PathBuf>,
    /// Files of the folder that are not read.
    pub ignored: Vec<PathBuf>,
    /// Their format.
    pub format: TickFormat,
    /// Decimals of all prices.
    pub digits: u8,
    /// Tick size as a mantissa at `digits`: what a `.tbt` says, else 1.
    pub tick_size: i64,
    /// The instrument, said or guessed.
    pub symbol: Option<String>,
    /// What the times count from.
    pub time_base: TimeBase,
    /// Bytes of all files.
    pub file_bytes: u64,
}

/// Ticks of a file or folder, in file order.
pub struct TickReader {
    info: SourceInfo,
    options: OpenOptions,
    next_file: usize,
    source: Option<Source>,
    bytes: Arc<AtomicU64>,
    broken_count: u64,
    broken: Vec<Broken>,
    ended: bool,
}

/// Opens a file or a folder of files.
pub fn open_ticks(path: &Path, options: &OpenOptions) -> Result<TickReader, TickFileError> {
    let listing = detect::list(path, options)?;
    let mut info = SourceInfo {
        files: listing.files,
        ignored: listing.ignored,
        format: listing.format,
        digits: options.digits.unwrap_or(0),
        tick_size: 1,
        symbol: options.symbol.clone().or_else(|| detect::symbol_of(path)),
        time_base: TimeBase::Utc,
        file_bytes: 0,
    };
    if info.format == TickFormat::Mt5 && options.utc_offset_ns.is_none() {
        info.time_base = TimeBase::Server;
    }
    for file in &info.files {
        info.file_bytes += std::fs::metadata(file).map_err(|e| TickFileError::io(file, e))?.len();
    }
    learn(&mut info, options)?;
    if info.digits > DIGITS_MAX {
        let expected = format!("0 to {DIGITS_MAX}");
        return Err(TickFileError::Option { option: "--digits", expected, got: info.digits.to_string() });
    }
    Ok(TickReader {
        info,
        options: options.clone(),
        next_file: 0,
        source: None,
        bytes: Arc::new(AtomicU64::new(0)),
        broken_count: 0,
        broken: Vec::new(),
        ended: false,
    })
}

/// Digits, and what a `.tbt` says of itself.
fn learn(info: &mut SourceInfo, options: &OpenOptions) -> Result<(), TickFileError> {
    let unread = Arc::new(AtomicU64::new(0));
    match info.format {
        TickFormat::Bi5 => info.digits = options.digits.unwrap_or(5),
        TickFormat::Tbt => {
            if options.utc_offset_ns.is_some() {
                let expected = "none for a .tbt, whose header says what its times count from".to_owned();
                return Err(TickFileError::Option {
                    option: "--utc-offset",
                    expected,
                    got: "one".to_owned(),
                });
            }
            for (number, file) in info.files.iter().enumerate() {
                let reader = TbtReader::new(BufReader::new(CountedFile::open(file, &unread)?), file)?;
                let header = *reader.header();
                let own = (header.digits, header.tick_size, header.time_base);
                if number > 0 && own != (info.digits, info.tick_size, info.time_base) {
                    let expected = "the digits, tick size and time base of the files before it";
                    return Err(TickFileError::format(file, expected, format!("{own:?}")));
                }
                (info.digits, info.tick_size, info.time_base) = own;
                let symbol = header.symbol.as_str();
                if options.symbol.is_none() && !symbol.is_empty() {
                    info.symbol = Some(symbol.to_owned());
                }
            }
            if options.digits.is_some_and(|digits| digits != info.digits) {
                let (expected, got) = (info.digits.to_string(), options.digits.unwrap_or(0).to_string());
                return Err(TickFileError::Option { option: "--digits", expected, got });
            }
        }
        TickFormat::Mt5 | TickFormat::QuoteZip | TickFormat::Csv => {
            for file in &info.files {
                let (text, member) = open_text(info.format, file, options, 0, &unread)?;
                info.symbol = info.symbol.take().or_else(|| detect::symbol_in(&member));
                if options.digits.is_none() {
                    info.digits = info.digits.max(text.probe_decimals(PROBE_LINES_MAX)?);
                }
            }
        }
    }
    Ok(())
}

fn open_text(
    format: TickFormat,
    file: &Path,
    options: &OpenOptions,
    digits: u8,
    bytes: &Arc<AtomicU64>,
) -> Result<(TextSource, String), TickFileError> {
    let utc_offset_ns = options.utc_offset_ns.unwrap_or(0);
    let missing = |option, expected: &str| TickFileError::Option {
        option,
        expected: expected.to_owned(),
        got: file.display().to_string(),
    };
    let (line_format, zipped) = match format {
        TickFormat::QuoteZip => {
            let date = options.date.or_else(|| detect::date_in_name(file));
            let date = date.ok_or_else(|| missing("--date", "a date, or a file named YYYYMMDD_quote.zip"))?;
            (LineFormat::Quote { midnight: date.midnight() }, true)
        }
        TickFormat::Csv => {
            let map = options.csv.clone();
            let map = map.ok_or_else(|| {
                missing("--columns", "a column map such as time=0,bid=1,ask=2 to read a CSV")
            })?;
            (LineFormat::Csv(map), false)
        }
        _ => (LineFormat::Mt5 { previous: FileTick::EMPTY }, false),
    };
    let (input, member) = match zipped {
        true => zip_member(file, bytes)?,
        false => {
            let counted = CountedFile::open(file, bytes)?;
            let input: Box<dyn std::io::BufRead + Send> =
                Box::new(BufReader::with_capacity(1 << 16, counted));
            (input, String::new())
        }
    };
    Ok((TextSource::new(input, line_format, digits, utc_offset_ns, file), member))
}

impl TickReader {
    /// What is known of the files.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Bytes read so far, of [`SourceInfo::file_bytes`].
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Broken lines and records that were skipped so far.
    pub fn broken_count(&self) -> u64 {
        self.broken_count
    }

    /// The first 20 of them.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    fn open_next(&mut self) -> Result<bool, TickFileError> {
        let Some(file) = self.info.files.get(self.next_file) else { return Ok(false) };
        self.next_file += 1;
        let source = match self.info.format {
            TickFormat::Bi5 => {
                let hour = bi5::hour_of(file, self.options.date, self.options.hour)?;
                let hour = hour.plus_ns(-self.options.utc_offset_ns.unwrap_or(0));
                Source::Records(Bi5Source::new(CountedFile::open(file, &self.bytes)?, hour, file)?)
            }
            TickFormat::Tbt => {
                let input = BufReader::with_capacity(1 << 16, CountedFile::open(file, &self.bytes)?);
                Source::Own(Box::new(TbtReader::new(input, file)?))
            }
            format => {
                let text = open_text(format, file, &self.options, self.info.digits, &self.bytes)?.0;
                Source::Text(Box::new(text))
            }
        };
        self.source = Some(source);
        Ok(true)
    }

    fn read(&mut self) -> Result<Option<FileTick>, TickFileError> {
        loop {
            if self.source.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(source) = &mut self.source else { return Ok(None) };
            match source.next_tick() {
                Ok(Some(tick)) => return Ok(Some(tick)),
                Ok(None) => self.source = None,
                Err(TickFileError::Broken(broken)) if self.options.on_broken == OnBroken::Skip => {
                    self.broken_count += 1;
                    if self.broken.len() < BROKEN_KEPT_MAX {
                        self.broken.push(*broken);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Iterator for TickReader {
    type Item = Result<FileTick, TickFileError>;

    /// The next tick. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}
