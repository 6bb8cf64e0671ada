//! What one line of a text format means: MT5's export, quote lines, mapped CSV.
//!
//! What it is not: reading of files; a format gets one line at a time and gives one tick or says what is wrong.
//!
//! Invariant: a line gives a tick only when every field in it was understood; carried-over values come from the last
//! line that was understood.

use super::civil::{CivilDate, number};
use super::csv_map::CsvMap;
use super::decimal::{self, DecimalError};
use super::error::shown;
use super::tick::{FileTick, NO_PRICE};
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};

/// What was expected and what was got, in one line.
pub(super) type LineRefusal = (String, String);

/// The header of MT5's tick export.
pub(super) const MT5_HEADER: &[u8] = b"<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>";

/// A text format and what it must remember from line to line.
#[derive(Clone)]
pub(super) enum LineFormat {
    /// MT5's tick export: tab separated, with a header; empty cells mean "unchanged" and are filled from the tick before.
    Mt5 { previous: FileTick },
    /// `time_ms,bid,ask`, milliseconds since the midnight given.
    Quote { midnight: TimeNs },
    /// Columns as the user mapped them.
    Csv(CsvMap),
}

impl LineFormat {
    pub(super) fn has_header(&self) -> bool {
        match self {
            LineFormat::Mt5 { .. } => true,
            LineFormat::Quote { .. } => false,
            LineFormat::Csv(map) => map.has_header,
        }
    }

    /// Refuses a header that is not this format's.
    pub(super) fn check_header(&self, line: &[u8]) -> Result<(), LineRefusal> {
        match self {
            LineFormat::Mt5 { .. } if line != MT5_HEADER => {
                Err((format!("the header {}", shown(MT5_HEADER)), shown(line)))
            }
            _ => Ok(()),
        }
    }

    /// The tick of one line.
    pub(super) fn parse(&mut self, line: &[u8], digits: u8) -> Result<FileTick, LineRefusal> {
        match self {
            LineFormat::Mt5 { previous } => {
                let tick = mt5_tick(line, digits, previous)?;
                *previous = tick;
                Ok(tick)
            }
            LineFormat::Quote { midnight } => quote_tick(line, digits, *midnight),
            LineFormat::Csv(map) => map.tick(line, digits),
        }
    }

    /// The most decimals among the prices of a line; 0 when it has none that can be read.
    pub(super) fn decimals(&self, line: &[u8]) -> u8 {
        let most =
            |cells: &[&[u8]]| cells.iter().filter_map(|cell| decimal::decimals(cell)).max().unwrap_or(0);
        match self {
            LineFormat::Mt5 { .. } => {
                let cells: Vec<&[u8]> = line.split(|&byte| byte == b'\t').skip(2).take(3).collect();
                most(&cells)
            }
            LineFormat::Quote { .. } => {
                let cells: Vec<&[u8]> = line.split(|&byte| byte == b',').skip(1).take(2).collect();
                most(&cells)
            }
            LineFormat::Csv(map) => most(&map.price_cells(line)),
        }
    }
}

/// A price cell; empty is `empty`.
pub(super) fn price(cell: &[u8], digits: u8, empty: i64, name: &str) -> Result<i64, LineRefusal> {
    if cell.is_empty() {
        return Ok(empty);
    }
    decimal::scaled(cell, digits).map_err(|error| {
        let expected = match error {
            DecimalError::Syntax => format!("{name} as a decimal number"),
            DecimalError::Decimals => {
                format!("{name} with at most {digits} decimals (say --digits to read more)")
            }
            DecimalError::Range => format!("{name} below 2^63 units of the last digit"),
        };
        (expected, shown(cell))
    })
}

/// A volume cell; empty is `empty`.
pub(super) fn volume(cell: &[u8], empty: f64, name: &str) -> Result<f64, LineRefusal> {
    if cell.is_empty() {
        return Ok(empty);
    }
    decimal::volume(cell).ok_or_else(|| (format!("{name} as a decimal number, 0 or more"), shown(cell)))
}

/// A flags cell; empty is `empty`.
pub(super) fn flags(cell: &[u8], empty: u32) -> Result<u32, LineRefusal> {
    if cell.is_empty() {
        return Ok(empty);
    }
    let text = std::str::from_utf8(cell).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| ("flags as a whole number below 2^32".to_owned(), shown(cell)))
}

fn mt5_tick(line: &[u8], digits: u8, previous: &FileTick) -> Result<FileTick, LineRefusal> {
    let mut cells = line.split(|&byte| byte == b'\t');
    let seven = [(); 7].map(|()| cells.next());
    let [Some(date), Some(time), Some(bid), Some(ask), Some(last), Some(size), Some(bits)] = seven else {
        let got = line.split(|&byte| byte == b'\t').count();
        return Err(("7 tab-separated cells".to_owned(), format!("{got} in {}", shown(line))));
    };
    if cells.next().is_some() {
        return Err(("7 tab-separated cells".to_owned(), format!("more in {}", shown(line))));
    }
    let midnight =
        std::str::from_utf8(date).ok().filter(|text| text.contains('.')).and_then(CivilDate::parse);
    let midnight = midnight.ok_or_else(|| ("a date YYYY.MM.DD".to_owned(), shown(date)))?.midnight();
    let of_day = time_of_day_ns(time).ok_or_else(|| ("a time HH:MM:SS[.mmm]".to_owned(), shown(time)))?;
    Ok(FileTick {
        ts_venue: midnight.plus_ns(of_day),
        bid: price(bid, digits, previous.bid, "BID")?,
        ask: price(ask, digits, previous.ask, "ASK")?,
        last: price(last, digits, previous.last, "LAST")?,
        volume: volume(size, previous.volume, "VOLUME")?,
        flags: flags(bits, 0)?,
        ..FileTick::EMPTY
    })
}

/// `HH:MM:SS` with up to 9 decimals.
pub(super) fn time_of_day_ns(text: &[u8]) -> Option<i64> {
    let (clock, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b"0"[..]),
    };
    if clock.len() != 8 || clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?);
    let sound = hour < 24 && minute < 60 && second < 60;
    sound.then_some(((hour * 60 + minute) * 60 + second) * NS_PER_S + fraction_ns(fraction)?)
}

/// 1 to 9 decimals of a second as nanoseconds.
pub(super) fn fraction_ns(decimals: &[u8]) -> Option<i64> {
    let missing = 9_usize.checked_sub(decimals.len())?;
    Some(number(decimals)? * 10_i64.pow(missing as u32))
}

fn quote_tick(line: &[u8], digits: u8, midnight: TimeNs) -> Result<FileTick, LineRefusal> {
    let mut cells = line.split(|&byte| byte == b',');
    let (Some(time), Some(bid), Some(ask), None) = (cells.next(), cells.next(), cells.next(), cells.next())
    else {
        let got = line.split(|&byte| byte == b',').count();
        return Err(("3 cells: time_ms,bid,ask".to_owned(), format!("{got} in {}", shown(line))));
    };
    let of_day = decimal::scaled(time, 6).ok().filter(|ns| (0..super::NS_PER_DAY).contains(ns));
    let of_day = of_day.ok_or_else(|| {
        let expected = format!(
            "milliseconds of a day, 0 to {} with at most 6 decimals",
            super::NS_PER_DAY / NS_PER_MS - 1
        );
        (expected, shown(time))
    })?;
    let (bid, ask) = (price(bid, digits, NO_PRICE, "bid")?, price(ask, digits, NO_PRICE, "ask")?);
    if bid == NO_PRICE || ask == NO_PRICE {
        return Err(("a bid and an ask".to_owned(), shown(line)));
    }
    Ok(FileTick::quote(midnight.plus_ns(of_day), bid, ask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mt5_carries_empty_cells_over() {
        let mut format = LineFormat::Mt5 { previous: FileTick::EMPTY };
        let first = format.parse(b"2024.01.02\t00:00:00.123\t1.10432\t1.10440\t\t\t6", 5).unwrap();
        assert_eq!((first.bid, first.ask, first.last, first.flags), (110_432, 110_440, NO_PRICE, 6));
        assert_eq!(first.ts_venue.ms(), 1_704_153_600_123);
        let second = format.parse(b"2024.01.02\t00:00:01.000\t\t1.10441\t\t\t4", 5).unwrap();
        assert_eq!((second.bid, second.ask), (110_432, 110_441));
    }

    #[test]
    fn every_cell_is_checked() {
        let good = ["2024.01.02", "00:00:00.123", "1.1", "1.2", "1.1", "3", "6"];
        for (index, bad) in [
            (0, "2024-13-02"),
            (0, "20240102"),
            (1, "24:00:00"),
            (1, "1"),
            (2, "x"),
            (3, "1.123456"),
            (4, "1e5"),
            (5, "-1"),
            (6, "-1"),
            (6, "4294967296"),
        ] {
            let mut cells = good;
            cells[index] = bad;
            let mut format = LineFormat::Mt5 { previous: FileTick::EMPTY };
            assert!(format.parse(cells.join("\t").as_bytes(), 5).is_err(), "{bad} in cell {index}");
        }
    }

    #[test]
    fn quotes_have_fractional_milliseconds() {
        let mut format = LineFormat::Quote { midnight: TimeNs(0) };
        let tick = format.parse(b"40.1868,1300.335,1300.8", 3).unwrap();
        assert_eq!((tick.ts_venue.0, tick.bid, tick.ask), (40_186_800, 1_300_335, 1_300_800));
        for bad in ["1,2", "1,2,3,4", "86400000,1,1", "-1,1,1", "x,1,1", "1,,1", "1,1,"] {
            assert!(format.parse(bad.as_bytes(), 3).is_err(), "{bad}");
        }
    }
}
