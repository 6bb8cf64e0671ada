//! Calendar dates to time stamps and back.
//!
//! What it is not: a time-zone library; offsets come from the caller.
//!
//! Invariant: a date that the Gregorian calendar does not have is refused.

use crate::types::{NS_PER_S, TimeNs};

/// Nanoseconds in a day.
pub const NS_PER_DAY: i64 = 86_400 * NS_PER_S;

/// A day of the proleptic Gregorian calendar, in the years 1970 to 2200.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CivilDate {
    days: i64,
}

impl CivilDate {
    /// The day, or `None` when there is no such day or it is outside 1970 to 2200.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1970..=2200).contains(&year)
            || !(1..=12).contains(&month)
            || day < 1
            || day > month_days(year, month)
        {
            return None;
        }
        // Days from civil, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": March-based years.
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year - era * 400;
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(CivilDate { days: era * 146_097 + day_of_era - 719_468 })
    }

    /// From `YYYYMMDD`, or `YYYY?MM?DD` with the same separator (`-`, `.` or `/`) twice.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (year, month, day) = match bytes.len() {
            8 => (&bytes[..4], &bytes[4..6], &bytes[6..]),
            10 if bytes[4] == bytes[7] && b"-./".contains(&bytes[4]) => {
                (&bytes[..4], &bytes[5..7], &bytes[8..])
            }
            _ => return None,
        };
        CivilDate::new(number(year)?, number(month)?, number(day)?)
    }

    /// Its midnight.
    pub fn midnight(self) -> TimeNs {
        TimeNs(self.days * NS_PER_DAY)
    }
}

/// Digits only, at most 9 of them.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter()
        .try_fold(0_i64, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `YYYY-MM-DD HH:MM:SS.mmm` of a time stamp, for summaries.
pub fn civil_text(time: TimeNs) -> String {
    let (days, ns) = (time.0.div_euclid(NS_PER_DAY), time.0.rem_euclid(NS_PER_DAY));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, ms) = (ns / NS_PER_S, ns % NS_PER_S / 1_000_000);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{ms:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_and_back() {
        assert_eq!(CivilDate::parse("1970-01-01").unwrap().midnight(), TimeNs(0));
        assert_eq!(CivilDate::parse("20140506").unwrap().midnight(), TimeNs(1_399_334_400 * NS_PER_S));
        assert_eq!(CivilDate::parse("2019.02.04").unwrap().midnight(), TimeNs(1_549_238_400 * NS_PER_S));
        assert_eq!(civil_text(TimeNs(1_709_164_800 * NS_PER_S + 5_000_000)), "2024-02-29 00:00:00.005");
        for bad in ["20230229", "2024-13-01", "2024-00-01", "2024.01-01", "1899-12-31", "x", "20240132"] {
            assert_eq!(CivilDate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut days = -1;
        for year in 1970..=2200 {
            for month in 1..=12 {
                for day in 1..=month_days(year, month) {
                    let date = CivilDate::new(year, month, day).unwrap();
                    assert_eq!(date.days, days + 1);
                    days = date.days;
                    let text = civil_text(date.midnight());
                    assert_eq!(text, format!("{year:04}-{month:02}-{day:02} 00:00:00.000"));
                }
            }
        }
    }
}
