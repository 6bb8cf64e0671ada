//! When a venue trades each symbol, as it told it.
//!
//! What it is not: a calendar; session lists know no holidays, and a fresh quote is asked for beside them.
//!
//! Invariant: a symbol without a list is closed where hours are kept; a list that is told by two connections counts once.

use crate::record::TradingHours;
use crate::risk::{Reason, Refusal};
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource};

/// Sessions of one symbol's week; more are not kept, and closed.
const SESSIONS_MAX: usize = 32;
const SECONDS_A_DAY: i64 = 86_400;

/// One session: day of the week, begin and end in seconds of it.
type Session = (u8, u32, u32);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    /// Empty where hours are not kept.
    lists: Box<[[Session; SESSIONS_MAX]]>,
    counts: Box<[u8]>,
}

impl Hours {
    pub(super) fn new(is_kept: bool) -> Self {
        let symbols = if is_kept { INSTRUMENTS_MAX } else { 0 };
        Hours { lists: vec![[(0, 0, 0); SESSIONS_MAX]; symbols].into(), counts: vec![0; symbols].into() }
    }

    fn of(&self, index: usize) -> Option<&[Session]> {
        Some(&self.lists.get(index)?[..usize::from(self.counts[index])])
    }

    /// A symbol's list begins anew.
    pub(super) fn begin(&mut self, index: usize) {
        if let Some(count) = self.counts.get_mut(index) {
            *count = 0;
        }
    }

    /// One session of a list.
    pub(super) fn add(&mut self, index: usize, told: &TradingHours) {
        self.push(index, (told.day, told.from_s, told.to_s));
    }

    fn push(&mut self, index: usize, session: Session) {
        if self.of(index).is_none_or(|list| list.len() == SESSIONS_MAX || list.contains(&session)) {
            return;
        }
        self.lists[index][usize::from(self.counts[index])] = session;
        self.counts[index] += 1;
    }

    /// What closes a symbol at a second of the server's calendar, which may not be known.
    pub(super) fn closed(&self, index: usize, server_s: Option<i64>) -> Option<Refusal> {
        let list = self.of(index)?;
        let limit = list.len() as i64;
        let Some(server_s) = server_s else {
            return Some(Refusal { reason: Reason::InstrumentHours, limit, got: -1 });
        };
        // The first of January 1970 was a Thursday.
        let day = (server_s.div_euclid(SECONDS_A_DAY) + 4).rem_euclid(7) as u8;
        let second = server_s.rem_euclid(SECONDS_A_DAY);
        let is_open = list
            .iter()
            .any(|&(of, from, to)| of == day && i64::from(from) <= second && second < i64::from(to));
        (!is_open).then_some(Refusal { reason: Reason::InstrumentHours, limit, got: second })
    }

    /// Tells its words, of the first `instruments`.
    pub(super) fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        sink.word(instruments as u64);
        for index in 0..instruments {
            let list = self.of(index).unwrap_or_default();
            sink.word(list.len() as u64);
            for &(day, from, to) in list {
                sink.word(u64::from(day) << 40 | u64::from(from) << 20 | u64::from(to));
            }
        }
    }

    /// Takes the words of [`Hours::save`].
    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        const PART: u64 = (1 << 20) - 1;
        for index in 0..source.count("symbols' hours", INSTRUMENTS_MAX, 1)? {
            self.begin(index);
            for _ in 0..source.count("sessions", SESSIONS_MAX, 1)? {
                let word = source.word("a session")?;
                self.push(index, ((word >> 40) as u8, (word >> 20 & PART) as u32, (word & PART) as u32));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a weekday (0 Sunday) in the first full week of 1970.
    fn at(weekday: i64, second: i64) -> Option<i64> {
        Some((3 + weekday) * SECONDS_A_DAY + second)
    }

    fn told(day: u8, from_s: u32, to_s: u32) -> TradingHours {
        TradingHours { from_s, to_s, day, reserved: [0; 7] }
    }

    #[test]
    fn a_symbol_is_open_within_its_sessions_alone() {
        let mut hours = Hours::new(true);
        assert!(hours.closed(0, at(1, 0)).is_some(), "nothing was told");
        for _ in 0..2 {
            hours.add(0, &told(1, 3_600, 7_200));
            hours.add(0, &told(1, 10_000, 86_400));
        }
        assert_eq!(hours.of(0).map(<[Session]>::len), Some(2), "two connections tell one list");
        for (weekday, second, is_open) in [
            (1, 3_599, false),
            (1, 3_600, true),
            (1, 7_199, true),
            (1, 7_200, false),
            (1, 86_399, true),
            (2, 0, false),
            (0, 5_000, false),
        ] {
            assert_eq!(hours.closed(0, at(weekday, second)).is_none(), is_open, "{weekday} {second}");
        }
        assert!(hours.closed(0, None).is_some(), "the server's time is not known");
        hours.begin(0);
        assert!(hours.closed(0, at(1, 3_600)).is_some(), "told anew");
        assert_eq!(Hours::new(false).closed(0, None), None, "not kept");
    }
}
