//! Which format a file has, which files a folder holds, and which instrument names suggest.
//!
//! What it is not: proof; the readers check every line.
//!
//! Invariant: two formats in one folder are an error, not a choice.

use super::civil::CivilDate;
use super::error::TickFileError;
use super::lines::Lines;
use super::open::OpenOptions;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The formats that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum TickFormat {
    /// MT5's own tick export.
    Mt5,
    /// Dukascopy's hour files.
    Bi5,
    /// `YYYYMMDD_quote.zip` with lines `time_ms,bid,ask`.
    QuoteZip,
    /// CSV with a column map.
    Csv,
    /// Our own tick file.
    Tbt,
}

impl TickFormat {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TickFormat::Mt5 => "mt5",
            TickFormat::Bi5 => "bi5",
            TickFormat::QuoteZip => "quotezip",
            TickFormat::Csv => "csv",
            TickFormat::Tbt => "tbt",
        }
    }
}

/// What was found at a path.
pub(super) struct Listing {
    pub(super) files: Vec<PathBuf>,
    pub(super) ignored: Vec<PathBuf>,
    pub(super) format: TickFormat,
}

/// The files at `path` and their format.
pub(super) fn list(path: &Path, options: &OpenOptions) -> Result<Listing, TickFileError> {
    let io = |e| TickFileError::io(path, e);
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        let format = match options.format {
            Some(format) => format,
            None => format_of(path, options)?.ok_or_else(|| {
                let expected =
                    "an MT5 tick export, .bi5, quote zip or .tbt (or --format, or --columns for a CSV)";
                TickFileError::format(path, expected, "none of them")
            })?,
        };
        return Ok(Listing { files: vec![path.to_path_buf()], ignored: Vec::new(), format });
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        entries.push(entry.map_err(io)?.path());
    }
    entries.sort();
    let mut listing = Listing { files: Vec::new(), ignored: Vec::new(), format: TickFormat::Tbt };
    for file in entries {
        let found = if file.is_dir() { None } else { format_of(&file, options)? };
        match found {
            Some(format) if options.format.is_none_or(|forced| forced == format) => {
                if !listing.files.is_empty() && listing.format != format {
                    let expected =
                        format!("files of one format ({}) in the folder, or --format", listing.format.name());
                    return Err(TickFileError::format(&file, expected, format.name()));
                }
                listing.format = format;
                listing.files.push(file);
            }
            _ => listing.ignored.push(file),
        }
    }
    match listing.files.is_empty() {
        true => Err(TickFileError::format(path, "at least one tick file in the folder", "none")),
        false => Ok(listing),
    }
}

/// By name first, then by the first bytes.
fn format_of(file: &Path, options: &OpenOptions) -> Result<Option<TickFormat>, TickFileError> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("").to_ascii_lowercase();
    if name.ends_with(".bi5") {
        return Ok((!name.contains("candles")).then_some(TickFormat::Bi5));
    }
    if name.ends_with(".zip") {
        return Ok(Some(TickFormat::QuoteZip));
    }
    let open = || File::open(file).map_err(|e| TickFileError::io(file, e));
    let mut start = [0; 8];
    let mut magic = 0;
    let mut input = open()?;
    while magic < start.len() {
        match input.read(&mut start[magic..]).map_err(|e| TickFileError::io(file, e))? {
            0 => break,
            bytes => magic += bytes,
        }
    }
    if name.ends_with(".tbt") || &start == b"TBTICKS\x1a" {
        return Ok(Some(TickFormat::Tbt));
    }
    let mut lines = Lines::new(Box::new(BufReader::new(open()?)));
    let first = lines.next_line().map_err(|e| TickFileError::io(file, e))?.unwrap_or(b"");
    if first.starts_with(b"<DATE>\t<TIME>\t<BID>") {
        return Ok(Some(TickFormat::Mt5));
    }
    let text = [".csv", ".txt", ".tsv"].iter().any(|end| name.ends_with(end));
    Ok((options.csv.is_some() && text).then_some(TickFormat::Csv))
}

/// `YYYYMMDD` at the start of a file's name.
pub(super) fn date_in_name(file: &Path) -> Option<CivilDate> {
    file.file_name()?.to_str()?.get(..8).and_then(CivilDate::parse)
}

/// The currency pair or metal that a file's name, or that of one of the four folders above it, has as a word.
pub(super) fn symbol_of(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let mut parts = absolute.components().rev().take(5).filter_map(|part| part.as_os_str().to_str());
    parts.find_map(symbol_in)
}

/// The first word of `text` that is made of two currencies.
pub(super) fn symbol_in(text: &str) -> Option<String> {
    const CURRENCIES: &str = "EUR USD JPY GBP CHF AUD NZD CAD SEK NOK DKK PLN HUF CZK TRY ZAR MXN SGD HKD CNH XAU XAG XPT XPD BTC ETH";
    let known = |code: &str| CURRENCIES.split(' ').any(|currency| currency == code);
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.find_map(|word| {
        let word = word.to_ascii_uppercase();
        (word.len() == 6 && known(&word[..3]) && known(&word[3..])).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_guessed_from_words_only() {
        assert_eq!(symbol_in("20140502_eurusd_tick_quote.csv").as_deref(), Some("EURUSD"));
        assert_eq!(
            symbol_of(Path::new("/data/fx_oanda_xauusd/tick/20140505_quote.zip")).as_deref(),
            Some("XAUUSD")
        );
        assert_eq!(symbol_in("eurusdx_quotes"), None);
    }
}
