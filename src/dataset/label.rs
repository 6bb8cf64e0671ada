//! Forward returns: what the middle price did after a tick.
//!
//! What it is not: a feature. It looks into the future, and nothing that trades may see it.
//!
//! Invariant: a label is made of the tick itself and later ticks only; where the file ends before the horizon it is absent.
//! Ticks wait here until their labels are known, and no more of them than the farthest horizon needs.

use super::DatasetError;
use super::source::SourceTick;
use crate::types::{InstrumentId, NS_PER_MS, NS_PER_S, Price, TimeNs};
use std::collections::VecDeque;

/// Ticks that may wait for labels.
const WAITING_MAX: usize = 1 << 23;
/// Farthest horizon in ticks.
const TICKS_MAX: u64 = 1_000_000;
/// Farthest horizon in time: a week.
const TIME_NS_MAX: i64 = 7 * 86_400 * NS_PER_S;

/// How far ahead a label looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Horizon {
    /// The n-th later tick of the instrument.
    Ticks(u64),
    /// The quote that stands so many nanoseconds later: the last tick until then, itself if there was none.
    Time(i64),
}

impl Horizon {
    /// Reads `20t`, `500ms`, `5s`, `3m` or `2h`.
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = text.split_at(at);
        let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
        let unit_ns = match unit {
            "t" => {
                return u64::try_from(number).ok().filter(|ticks| *ticks <= TICKS_MAX).map(Horizon::Ticks);
            }
            "ms" => NS_PER_MS,
            "s" => NS_PER_S,
            "m" => 60 * NS_PER_S,
            "h" => 3_600 * NS_PER_S,
            _ => return None,
        };
        number.checked_mul(unit_ns).filter(|ns| *ns <= TIME_NS_MAX).map(Horizon::Time)
    }
}

/// One tick of the labelled instrument: when, and bid plus ask in ticks.
#[derive(Clone, Copy, Debug)]
struct Mark {
    ts: TimeNs,
    mid_doubled: Option<i64>,
}

/// Ticks read ahead, and what the labels need of them.
pub(super) struct LookAhead {
    labelled: InstrumentId,
    /// The horizon, and the number of the mark at which it stood last.
    horizons: Vec<(Horizon, u64)>,
    waiting: VecDeque<SourceTick>,
    marks: VecDeque<Mark>,
    /// Number of the first of `marks`.
    mark_first: u64,
    ended: bool,
}

impl LookAhead {
    /// Labels of one instrument's ticks.
    pub(super) fn new(labelled: InstrumentId, horizons: &[Horizon]) -> Self {
        LookAhead {
            labelled,
            horizons: horizons.iter().map(|horizon| (*horizon, 0)).collect(),
            waiting: VecDeque::new(),
            marks: VecDeque::new(),
            mark_first: 0,
            ended: false,
        }
    }

    /// The next tick; if it is the labelled instrument's, `labels` are its returns, one a horizon.
    pub(super) fn next(
        &mut self,
        read: &mut impl FnMut() -> Result<Option<SourceTick>, DatasetError>,
        labels: &mut Vec<Option<f64>>,
    ) -> Result<Option<SourceTick>, DatasetError> {
        labels.clear();
        if self.waiting.is_empty() {
            self.read_on(read)?;
        }
        let Some(tick) = self.waiting.front().copied() else { return Ok(None) };
        if tick.instrument == self.labelled {
            for at in 0..self.horizons.len() {
                labels.push(self.label(at, read)?);
            }
            self.marks.pop_front();
            self.mark_first += 1;
        }
        self.waiting.pop_front();
        Ok(Some(tick))
    }

    /// The return of the first mark over one horizon.
    fn label(
        &mut self,
        at: usize,
        read: &mut impl FnMut() -> Result<Option<SourceTick>, DatasetError>,
    ) -> Result<Option<f64>, DatasetError> {
        let Some(now) = self.marks.front().copied() else { return Ok(None) };
        let (horizon, stood_at) = self.horizons[at];
        let later = match horizon {
            Horizon::Ticks(ticks) => {
                while self.marks.len() as u64 <= ticks && self.read_on(read)? {}
                self.marks.get(ticks as usize).copied()
            }
            Horizon::Time(ns) => {
                let until = now.ts.plus_ns(ns);
                let beyond = |marks: &VecDeque<Mark>| marks.back().is_some_and(|mark| mark.ts > until);
                while !beyond(&self.marks) && self.read_on(read)? {}
                if !beyond(&self.marks) {
                    return Ok(None);
                }
                let mut place = stood_at.max(self.mark_first) - self.mark_first;
                while self.marks.get(place as usize + 1).is_some_and(|mark| mark.ts <= until) {
                    place += 1;
                }
                self.horizons[at].1 = self.mark_first + place;
                self.marks.get(place as usize).copied()
            }
        };
        let mids = now.mid_doubled.zip(later.and_then(|mark| mark.mid_doubled));
        Ok(mids.map(|(now, later)| (later - now) as f64 / now as f64))
    }

    /// Reads one more tick; false at the end.
    fn read_on(
        &mut self,
        read: &mut impl FnMut() -> Result<Option<SourceTick>, DatasetError>,
    ) -> Result<bool, DatasetError> {
        if self.ended {
            return Ok(false);
        }
        let Some(tick) = read()? else {
            self.ended = true;
            return Ok(false);
        };
        if self.waiting.len() == WAITING_MAX {
            return Err(DatasetError::Horizon { ticks_max: WAITING_MAX });
        }
        self.waiting.push_back(tick);
        if tick.instrument == self.labelled {
            self.marks.push_back(Mark { ts: tick.ts_venue, mid_doubled: mid_doubled(&tick) });
        }
        Ok(true)
    }
}

/// Bid plus ask; `None` where one is absent or the sum is no price to divide by.
fn mid_doubled(tick: &SourceTick) -> Option<i64> {
    let present = |price: Price| price.is_some().then_some(price.0);
    present(tick.bid)?.checked_add(present(tick.ask)?).filter(|sum| *sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: InstrumentId = InstrumentId(0);
    const B: InstrumentId = InstrumentId(1);

    fn tick(instrument: InstrumentId, ms: i64, bid: i64, ask: i64) -> SourceTick {
        let (bid, ask) = (Price(bid), Price(ask));
        let ts_venue = TimeNs::from_ms(ms);
        SourceTick { instrument, ts_venue, bid, ask, last: Price::NONE, volume: 0.0, flags: 6 }
    }

    fn labels(ticks: &[SourceTick], horizons: &[&str]) -> Vec<Vec<Option<f64>>> {
        let horizons: Vec<Horizon> = horizons.iter().map(|text| Horizon::parse(text).unwrap()).collect();
        let mut ahead = LookAhead::new(A, &horizons);
        let mut rest = ticks.iter().copied();
        let (mut row, mut rows) = (Vec::new(), Vec::new());
        let mut order = Vec::new();
        while let Some(tick) = ahead.next(&mut || Ok(rest.next()), &mut row).unwrap() {
            order.push(tick);
            if tick.instrument == A {
                rows.push(row.clone());
            }
        }
        assert_eq!(order, ticks, "every tick once, in order");
        rows
    }

    #[test]
    fn a_label_is_the_move_to_the_later_quote_and_absent_at_the_end() {
        let ticks = [
            tick(A, 0, 99, 101),
            tick(B, 1, 5, 7),
            tick(A, 10, 109, 111),
            tick(A, 10, 119, 121),
            tick(B, 11, 5, 7),
            tick(A, 40, 99, 101),
            tick(A, 41, 49, 51),
        ];
        let got = labels(&ticks, &["2t", "10ms", "9ms"]);
        let tenth = |hundredths: i64| Some(hundredths as f64 / 100.0);
        assert_eq!(got[0], [tenth(20), tenth(20), Some(0.0)], "both ticks of 10 ms are there at 10 ms");
        assert_eq!(got[1][0], Some(-20.0 / 220.0));
        assert_eq!(got[1][1], Some(20.0 / 220.0), "the quote that stands at 20 ms came at 10 ms");
        assert_eq!(got[2], [Some(-140.0 / 240.0), Some(0.0), Some(0.0)]);
        assert_eq!(got[3], [None, None, None], "the file ends before the horizon");
        assert_eq!(got[4], [None, None, None]);
    }

    #[test]
    fn a_missing_price_is_no_label() {
        let none = SourceTick { ask: Price::NONE, ..tick(A, 1, 10, 12) };
        let got = labels(&[tick(A, 0, 10, 12), none, tick(A, 2, 10, 14)], &["1t"]);
        assert_eq!(got, [[None], [None], [None]]);
    }

    #[test]
    fn horizons_are_read_or_refused() {
        assert_eq!(Horizon::parse("20t"), Some(Horizon::Ticks(20)));
        assert_eq!(Horizon::parse("5s"), Some(Horizon::Time(5 * NS_PER_S)));
        assert_eq!(Horizon::parse("500ms"), Some(Horizon::Time(500 * NS_PER_MS)));
        assert_eq!(Horizon::parse("2h"), Some(Horizon::Time(7_200 * NS_PER_S)));
        for bad in ["", "5", "t", "0t", "-5s", "1000001t", "169h", "5 s", "99999999999999999999s"] {
            assert_eq!(Horizon::parse(bad), None, "{bad}");
        }
    }
}
