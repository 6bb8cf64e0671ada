//! How tick files are read: the options that every command with tick files has.
//!
//! What it is not: the readers (`store::ticks`), or the choice of an instrument.
//!
//! Invariant: an option that cannot be understood is refused by its name, before any file is opened.

use super::ticks::{TicksError, usage};
use crate::store::ticks::{CivilDate, CsvMap, OnBroken, OpenOptions, TickFormat, TimeFormat};
use crate::types::NS_PER_S;

/// Options for reading tick files.
#[derive(clap::Args, Clone, Debug)]
pub struct TickOptions {
    /// Format of the input, instead of finding it out
    #[arg(long, value_enum)]
    pub format: Option<TickFormat>,
    /// Decimals of the prices, 0 to 12; learnt from the files when left out (bi5: 5; give 3 for JPY pairs)
    #[arg(long)]
    pub digits: Option<u8>,
    /// How far the input's clock is ahead of UTC, [+-]HH:MM; times become UTC
    #[arg(long, value_name = "+HH:MM", allow_hyphen_values = true)]
    pub utc_offset: Option<String>,
    /// Date of a bi5 hour or quote zip whose path does not tell, YYYY-MM-DD
    #[arg(long)]
    pub date: Option<String>,
    /// Hour (UTC, 0 to 23) of a bi5 file whose name does not tell
    #[arg(long)]
    pub hour: Option<u8>,
    /// CSV: which column is what, from 0: date, time, bid, ask, last, volume, bid_volume, ask_volume, flags
    #[arg(long, value_name = "NAME=INDEX,...")]
    pub columns: Option<String>,
    /// CSV: unix_s, unix_ms, unix_us, unix_ns, or a pattern of %Y %m %d %H %M %S %f
    #[arg(long, value_name = "FORMAT", default_value = "unix_ms")]
    pub time_format: String,
    /// CSV: the character between columns; "tab" for a tabulator
    #[arg(long, value_name = "CHARACTER", default_value = ",")]
    pub separator: String,
    /// CSV: the first line is a header
    #[arg(long)]
    pub header: bool,
    /// Count and report broken lines instead of stopping at the first
    #[arg(long)]
    pub skip_broken: bool,
}

impl TickOptions {
    /// What the readers want; the symbol is left to be guessed.
    pub fn open_options(&self) -> Result<OpenOptions, TicksError> {
        let date = |text: &String| CivilDate::parse(text).ok_or_else(|| usage("--date", "YYYY-MM-DD", text));
        Ok(OpenOptions {
            format: self.format,
            digits: self.digits,
            symbol: None,
            utc_offset_ns: self.utc_offset.as_deref().map(utc_offset_ns).transpose()?,
            date: self.date.as_ref().map(date).transpose()?,
            hour: self.hour,
            csv: self.csv_map()?,
            on_broken: if self.skip_broken { OnBroken::Skip } else { OnBroken::Stop },
        })
    }

    fn csv_map(&self) -> Result<Option<CsvMap>, TicksError> {
        let Some(columns) = &self.columns else { return Ok(None) };
        let separator = match self.separator.as_bytes() {
            b"tab" => b'\t',
            [byte] => *byte,
            _ => return Err(usage("--separator", "one ASCII character or tab", &self.separator)),
        };
        let map = CsvMap::new(columns, TimeFormat::parse(&self.time_format)?, separator)?;
        Ok(Some(if self.header { map.with_header() } else { map }))
    }
}

fn utc_offset_ns(text: &str) -> Result<i64, TicksError> {
    let refusal = || usage("--utc-offset", "[+-]HH:MM up to 14:00", text);
    let (sign, clock) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = clock.split_once(':').ok_or_else(refusal)?;
    let number = |text: &str| text.parse::<u8>().map(i64::from).map_err(|_| refusal());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    match minutes < 60 && hours * 60 + minutes <= 14 * 60 {
        true => Ok(sign * (hours * 60 + minutes) * 60 * NS_PER_S),
        false => Err(refusal()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_signs_and_limits() {
        assert_eq!(utc_offset_ns("-05:00").unwrap(), -18_000 * NS_PER_S);
        assert_eq!(utc_offset_ns("+05:30").unwrap(), 19_800 * NS_PER_S);
        for bad in ["5", "15:00", "05:60", "a:b", "--5:00"] {
            assert_eq!(utc_offset_ns(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
