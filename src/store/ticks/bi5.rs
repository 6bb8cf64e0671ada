//! Dukascopy's hour files: LZMA-alone, 20-byte big-endian records.
//!
//! What it is not: the candle files (24-byte records), which are refused by their size or read by tests only.
//!
//! Invariant: an hour is unpacked only up to [`HOUR_BYTES_MAX`]; what remains after whole records is an error.
//!
//! Record: u32 milliseconds since the hour, u32 ask points, u32 bid points, f32 ask volume, f32 bid volume; a point is
//! the last digit; volumes are millions of the base currency; hours are UTC.

use super::civil::{CivilDate, number};
use super::error::{Broken, TickFileError, Unit};
use super::tick::FileTick;
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of an hour's records: 12.8 million ticks.
pub const HOUR_BYTES_MAX: usize = 256 << 20;
const RECORD_BYTES: usize = 20;
const MS_PER_HOUR: u32 = 3_600_000;

/// The ticks of one hour.
pub(super) struct Bi5Source {
    records: Vec<u8>,
    next: usize,
    hour: TimeNs,
    file: PathBuf,
}

impl Bi5Source {
    /// Reads an hour from `input`; an empty file is an hour without ticks.
    pub(super) fn new(mut input: impl Read, hour: TimeNs, file: &Path) -> Result<Self, TickFileError> {
        let mut packed = Vec::new();
        let limit = HOUR_BYTES_MAX as u64;
        input.by_ref().take(limit).read_to_end(&mut packed).map_err(|e| TickFileError::io(file, e))?;
        let records = match packed.is_empty() {
            true => Vec::new(),
            false => unpack(&packed).map_err(|got| TickFileError::format(file, "LZMA-alone data", got))?,
        };
        Ok(Bi5Source { records, next: 0, hour, file: file.to_path_buf() })
    }

    pub(super) fn next_tick(&mut self) -> Result<Option<FileTick>, TickFileError> {
        let start = self.next * RECORD_BYTES;
        let Some(rest) = self.records.get(start..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
        self.next += 1;
        if rest.len() < RECORD_BYTES {
            return Err(self.broken("20 bytes".to_owned(), format!("{} bytes", rest.len())));
        }
        let word = |index: usize| {
            let at = index * 4;
            u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]])
        };
        let (ms, ask, bid) = (word(0), word(1), word(2));
        let (ask_volume, bid_volume) = (f32::from_bits(word(3)), f32::from_bits(word(4)));
        if ms >= MS_PER_HOUR {
            return Err(self.broken(format!("milliseconds of an hour, below {MS_PER_HOUR}"), ms.to_string()));
        }
        for (name, volume) in [("ask volume", ask_volume), ("bid volume", bid_volume)] {
            if !volume.is_finite() || volume < 0.0 {
                return Err(self.broken(format!("{name} of 0 or more"), volume.to_string()));
            }
        }
        let ts = self.hour.plus_ns(i64::from(ms) * NS_PER_MS);
        let quote = FileTick::quote(ts, i64::from(bid), i64::from(ask));
        Ok(Some(FileTick { bid_volume: f64::from(bid_volume), ask_volume: f64::from(ask_volume), ..quote }))
    }

    fn broken(&self, expected: String, got: String) -> TickFileError {
        let (file, number) = (self.file.clone(), self.next as u64);
        TickFileError::Broken(Box::new(Broken { file, unit: Unit::Record, number, expected, got }))
    }
}

/// Unpacks LZMA-alone data of at most [`HOUR_BYTES_MAX`] bytes.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let options = lzma_rs::decompress::Options { memlimit: Some(HOUR_BYTES_MAX), ..Default::default() };
    let mut out = Capped(Vec::new());
    let mut input = packed;
    lzma_rs::lzma_decompress_with_options(&mut input, &mut out, &options).map_err(|e| format!("{e:?}"))?;
    match input.is_empty() {
        true => Ok(out.0),
        false => Err(format!("{} bytes after the end of the data", input.len())),
    }
}

struct Capped(Vec<u8>);

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > HOUR_BYTES_MAX {
            return Err(io::Error::other(format!("more than {HOUR_BYTES_MAX} bytes unpacked")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The hour of a file: from its path where the caller does not say. Paths are `.../YYYY-MM-DD/HHh_ticks.bi5`, or
/// Dukascopy's own `.../YYYY/MM/DD/HHh_ticks.bi5` whose month counts from 00.
pub(super) fn hour_of(
    path: &Path,
    date: Option<CivilDate>,
    hour: Option<u8>,
) -> Result<TimeNs, TickFileError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let named_hour = name.split_once("h_ticks").and_then(|(hour, _)| number(hour.as_bytes()));
    let hour = hour.map(i64::from).or(named_hour).filter(|hour| (0..24).contains(hour));
    let refuse = |option, expected: &str| {
        let got = path.display().to_string();
        TickFileError::Option { option, expected: expected.to_owned(), got }
    };
    let hour = hour.ok_or_else(|| refuse("--hour", "an hour 0 to 23, or a file named HHh_ticks.bi5"))?;
    let date = date.or_else(|| date_of(path));
    let date = date.ok_or_else(|| {
        refuse("--date", "a date, or a folder YYYY-MM-DD or YYYY/MM/DD with months from 00")
    })?;
    Ok(date.midnight().plus_ns(hour * 3600 * NS_PER_S))
}

fn date_of(path: &Path) -> Option<CivilDate> {
    let absolute = std::path::absolute(path).ok()?;
    let mut folders = absolute.parent()?.components().rev().filter_map(|part| part.as_os_str().to_str());
    let day = folders.next()?;
    if let Some(date) = CivilDate::parse(day) {
        return Some(date);
    }
    let (month, year) = (folders.next()?, folders.next()?);
    if day.len() != 2 || month.len() != 2 || year.len() != 4 {
        return None;
    }
    CivilDate::new(number(year.as_bytes())?, number(month.as_bytes())? + 1, number(day.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_months_count_from_zero() {
        let ns = |path: &str| hour_of(Path::new(path), None, None).map(|hour| hour.0).ok();
        let expected = Some((1_549_238_400 + 7 * 3600) * NS_PER_S);
        assert_eq!(ns("/x/2019-02-04/07h_ticks.bi5"), expected);
        assert_eq!(ns("/x/2019/01/04/07h_ticks.bi5"), expected);
        assert_eq!(ns("/x/2019/12/04/07h_ticks.bi5"), None);
        assert_eq!(ns("/x/2019-02-04/candles.bi5"), None);
    }

    #[test]
    fn records_are_checked_and_a_short_one_is_an_error() {
        let record = |ms: u32, volume: f32| {
            [
                ms.to_be_bytes(),
                114_500_u32.to_be_bytes(),
                114_498_u32.to_be_bytes(),
                volume.to_be_bytes(),
                0.5_f32.to_be_bytes(),
            ]
            .concat()
        };
        let raw =
            [record(5, 1.5), record(MS_PER_HOUR, 1.0), record(6, f32::NAN), record(7, 2.0)[..19].to_vec()]
                .concat();
        let mut packed = Vec::new();
        lzma_rs::lzma_compress(&mut &raw[..], &mut packed).unwrap();
        let mut source = Bi5Source::new(&packed[..], TimeNs(0), Path::new("x")).unwrap();
        let tick = source.next_tick().unwrap().unwrap();
        assert_eq!(
            (tick.ts_venue.ms(), tick.bid, tick.ask, tick.ask_volume, tick.bid_volume),
            (5, 114_498, 114_500, 1.5, 0.5)
        );
        for number in 2..=4 {
            let error = source.next_tick().unwrap_err();
            assert!(
                error.is_skippable() && error.to_string().contains(&format!("record {number}:")),
                "{error}"
            );
        }
        assert!(source.next_tick().unwrap().is_none());
        assert!(Bi5Source::new(&b"garbage that is not LZMA"[..], TimeNs(0), Path::new("x")).is_err());
    }
}
