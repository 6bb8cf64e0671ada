//! CSV files described by the user: which column is what, and how times are written.
//!
//! What it is not: a guesser; without a map a CSV is refused.
//!
//! Invariant: a map names a time and at least one price; columns not named are not read.

use super::civil::{CivilDate, number};
use super::decimal;
use super::error::{TickFileError, shown};
use super::line_format::{LineRefusal, flags, fraction_ns, price, volume};
use super::tick::{FLAGS_BID_ASK, FileTick, NO_PRICE};
use crate::types::{NS_PER_S, TimeNs};

/// Most columns that a line may have.
pub(super) const COLUMNS_MAX: usize = 256;

const NAMES: [&str; 9] =
    ["date", "time", "bid", "ask", "last", "volume", "bid_volume", "ask_volume", "flags"];

/// How the time column is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimeFormat {
    /// Decimal number of units since 1970; the unit as a power of ten of nanoseconds: 0, 3, 6 or 9.
    Unix {
        /// 9 for seconds, 6 for milliseconds, 3 for microseconds, 0 for nanoseconds.
        unit_exponent: u8,
    },
    /// `%Y %m %d %H %M %S`, `%f` (1 to 9 decimals of a second), `%%`; every other character stands for itself.
    Pattern(String),
}

impl TimeFormat {
    /// From `unix_s`, `unix_ms`, `unix_us`, `unix_ns` or a pattern with `%`.
    pub fn parse(text: &str) -> Result<Self, TickFileError> {
        let unit_exponent = match text {
            "unix_s" => 9,
            "unix_ms" => 6,
            "unix_us" => 3,
            "unix_ns" => 0,
            pattern if pattern.contains("%Y") && pattern.contains("%m") && pattern.contains("%d") => {
                return Ok(TimeFormat::Pattern(pattern.to_owned()));
            }
            other => {
                return Err(option(
                    "--time-format",
                    "unix_s, unix_ms, unix_us, unix_ns or a pattern with %Y, %m and %d",
                    other,
                ));
            }
        };
        Ok(TimeFormat::Unix { unit_exponent })
    }

    fn time_ns(&self, text: &[u8]) -> Option<TimeNs> {
        match self {
            TimeFormat::Unix { unit_exponent } => decimal::scaled(text, *unit_exponent).ok().map(TimeNs),
            TimeFormat::Pattern(pattern) => pattern_ns(pattern.as_bytes(), text),
        }
    }
}

/// Which column is what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CsvMap {
    columns: [Option<usize>; NAMES.len()],
    time_format: TimeFormat,
    separator: u8,
    pub(super) has_header: bool,
}

impl CsvMap {
    /// From `time=0,bid=1,ask=2` (columns from 0; names: date, time, bid, ask, last, volume, bid_volume, ask_volume,
    /// flags). With `date` and `time` both, the format applies to the two joined by one space.
    pub fn new(columns: &str, time_format: TimeFormat, separator: u8) -> Result<Self, TickFileError> {
        let mut map = CsvMap { columns: [None; NAMES.len()], time_format, separator, has_header: false };
        for entry in columns.split(',') {
            let (name, index) =
                entry.split_once('=').ok_or_else(|| option("--columns", "NAME=INDEX", entry))?;
            let slot = NAMES.iter().position(|&known| known == name.trim());
            let slot =
                slot.ok_or_else(|| option("--columns", &format!("one of {}", NAMES.join(", ")), name))?;
            let index: usize =
                index.trim().parse().ok().filter(|&index| index < COLUMNS_MAX).ok_or_else(|| {
                    option("--columns", &format!("a column number from 0 to {}", COLUMNS_MAX - 1), index)
                })?;
            if map.columns[slot].replace(index).is_some() {
                return Err(option("--columns", "each name once", entry));
            }
        }
        if map.columns[1].is_none() || map.columns[2..5].iter().all(Option::is_none) {
            return Err(option("--columns", "a time and at least one of bid, ask, last", columns));
        }
        Ok(map)
    }

    /// The same with the first line skipped as a header.
    pub fn with_header(mut self) -> Self {
        self.has_header = true;
        self
    }

    pub(super) fn price_cells<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        let cells: Vec<&[u8]> = self.cells(line);
        self.columns[2..5].iter().flatten().filter_map(|&index| cells.get(index).copied()).collect()
    }

    fn cells<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        line.split(|&byte| byte == self.separator).take(COLUMNS_MAX).map(unquoted).collect()
    }

    pub(super) fn tick(&self, line: &[u8], digits: u8) -> Result<FileTick, LineRefusal> {
        let cells = self.cells(line);
        let cell = |slot: usize| -> Result<&[u8], LineRefusal> {
            let Some(index) = self.columns[slot] else { return Ok(b"") };
            let found = cells.get(index).copied();
            found.ok_or_else(|| {
                (format!("{} in column {index}", NAMES[slot]), format!("{} columns", cells.len()))
            })
        };
        let mut time = Vec::with_capacity(32);
        if self.columns[0].is_some() {
            time.extend_from_slice(cell(0)?);
            time.push(b' ');
        }
        time.extend_from_slice(cell(1)?);
        let ts_venue = self.time_format.time_ns(&time);
        let ts_venue =
            ts_venue.ok_or_else(|| (format!("a time of the form {:?}", self.time_format), shown(&time)))?;
        let bid = price(cell(2)?, digits, NO_PRICE, "bid")?;
        let ask = price(cell(3)?, digits, NO_PRICE, "ask")?;
        let both = if bid != NO_PRICE && ask != NO_PRICE { FLAGS_BID_ASK } else { 0 };
        Ok(FileTick {
            ts_venue,
            bid,
            ask,
            last: price(cell(4)?, digits, NO_PRICE, "last")?,
            volume: volume(cell(5)?, 0.0, "volume")?,
            bid_volume: volume(cell(6)?, 0.0, "bid_volume")?,
            ask_volume: volume(cell(7)?, 0.0, "ask_volume")?,
            flags: flags(cell(8)?, both)?,
        })
    }
}

/// A cell without surrounding blanks and one pair of double quotes. Separators inside quotes are not supported.
fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(cell)
}

fn option(option: &'static str, expected: &str, got: &str) -> TickFileError {
    TickFileError::Option { option, expected: expected.to_owned(), got: format!("{got:?}") }
}

fn pattern_ns(pattern: &[u8], text: &[u8]) -> Option<TimeNs> {
    let [mut year, mut month, mut day, mut hour, mut minute, mut second, mut fraction] =
        [1970, 1, 1, 0, 0, 0, 0];
    let (mut pattern, mut rest) = (pattern, text);
    while let Some((&byte, after)) = pattern.split_first() {
        pattern = after;
        if byte != b'%' {
            rest = rest.strip_prefix(&[byte])?;
            continue;
        }
        let (&letter, after) = pattern.split_first()?;
        pattern = after;
        let width = match letter {
            b'Y' => 4,
            b'f' => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            b'%' => {
                rest = rest.strip_prefix(b"%")?;
                continue;
            }
            _ => 2,
        };
        let (value, after) = rest.split_at_checked(width)?;
        rest = after;
        match letter {
            b'Y' => year = number(value)?,
            b'm' => month = number(value)?,
            b'd' => day = number(value)?,
            b'H' => hour = number(value).filter(|&hour| hour < 24)?,
            b'M' => minute = number(value).filter(|&minute| minute < 60)?,
            b'S' => second = number(value).filter(|&second| second < 60)?,
            b'f' => fraction = fraction_ns(value)?,
            _ => return None,
        }
    }
    let midnight = CivilDate::new(year, month, day)?.midnight();
    rest.is_empty().then(|| midnight.plus_ns(((hour * 60 + minute) * 60 + second) * NS_PER_S + fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form() {
        let ns = |format: &str, text: &str| {
            TimeFormat::parse(format).unwrap().time_ns(text.as_bytes()).map(|t| t.0)
        };
        assert_eq!(ns("unix_s", "1.5"), Some(1_500_000_000));
        assert_eq!(ns("unix_ms", "1549238400123"), Some(1_549_238_400_123_000_000));
        assert_eq!(ns("unix_ns", "7"), Some(7));
        assert_eq!(ns("unix_ns", "7.5"), None);
        assert_eq!(ns("%d/%m/%Y %H:%M:%S.%f", "04/02/2019 00:00:01.25"), Some(1_549_238_401_250_000_000));
        assert_eq!(ns("%Y%m%d %H%M%S", "20190204 000001x"), None);
        assert!(TimeFormat::parse("iso").is_err());
    }

    #[test]
    fn a_map_reads_its_columns_and_refuses_nonsense() {
        let map =
            CsvMap::new("bid=1,ask=0,time=2,volume=3", TimeFormat::Unix { unit_exponent: 9 }, b';').unwrap();
        let tick = map.tick(b"1.2;\"1.1\"; 3;0.5", 2).unwrap();
        assert_eq!((tick.ts_venue.0, tick.bid, tick.ask, tick.volume), (3 * NS_PER_S, 110, 120, 0.5));
        assert!(map.tick(b"1.2;1.1", 2).is_err());
        for bad in ["bid=1", "time=0", "time=0,bid=x", "time=0,bid=1,bid=2", "tme=0", "time"] {
            assert!(CsvMap::new(bad, TimeFormat::Unix { unit_exponent: 9 }, b',').is_err(), "{bad}");
        }
    }
}
