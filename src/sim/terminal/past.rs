//! What the terminal knows of the past and how it tells it: ticks from the tape, bars built from bids as MT5 builds them.
//!
//! What it is not: a history on disk, or of more than the one symbol whose ticks are played.
//!
//! Invariant: an answer is made at one moment and told in one go, so no live tick stands between its first message and its
//! end; bars that are told are closed, and each is the same however often it is asked for.

use super::connection::Port;
use super::session::Session;
use crate::wire::terminal::Stream;
use crate::wire::terminal::body::{Bar, HistoryEnd, RequestBars, RequestTicks, Tick};
use std::collections::VecDeque;

/// Minutes that are kept: MT5's default for a chart.
const MINUTES_MAX: usize = 100_000;
const MINUTE_S: i64 = 60;

const ERR_MARKET_UNKNOWN_SYMBOL: u32 = 4301;
const ERR_HISTORY_NOT_FOUND: u32 = 4401;
const ERR_HISTORY_TIMEOUT: u32 = 4403;

/// MT5's periods, seconds.
const PERIODS_S: [u32; 19] = [
    60, 120, 180, 240, 300, 360, 600, 720, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 28_800,
    43_200, 86_400,
];

/// What goes wrong with the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HistoryFault {
    /// Nothing.
    #[default]
    None,
    /// No request is answered.
    Silent,
    /// There is no history: 4401.
    Missing,
    /// The first so many requests end with 4403 and half of what they ask for.
    Loading(u32),
    /// Every answer says one more than it sends.
    Incomplete,
}

/// How the past is kept and told, and what of the live stream is lost.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PastConduct {
    /// So much of the source is past before the first live tick, nanoseconds.
    pub span_ns: i64,
    /// What goes wrong.
    pub fault: HistoryFault,
    /// Share of live ticks that are numbered and never arrive.
    pub lose_ticks: f64,
}

/// One minute of bids.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Minute {
    time_s: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    ticks: u64,
}

impl Minute {
    fn new(time_s: i64, bid: f64) -> Self {
        Minute { time_s, open: bid, high: bid, low: bid, close: bid, ticks: 1 }
    }

    fn add(&mut self, later: &Minute) {
        (self.high, self.low) = (self.high.max(later.high), self.low.min(later.low));
        self.close = later.close;
        self.ticks += later.ticks;
    }
}

/// All minutes, the open one last.
#[derive(Debug, Default)]
pub(super) struct Minutes {
    kept: VecDeque<Minute>,
}

impl Minutes {
    /// Takes a tick in server time.
    pub(super) fn push(&mut self, tick: &Tick) {
        if tick.bid == 0.0 {
            return;
        }
        let time_s = tick.time_msc.div_euclid(1_000).div_euclid(MINUTE_S) * MINUTE_S;
        let one = Minute::new(time_s, tick.bid);
        match self.kept.back_mut() {
            // A tick that is late belongs to the open minute.
            Some(open) if time_s <= open.time_s => open.add(&one),
            _ => {
                if self.kept.len() == MINUTES_MAX {
                    self.kept.pop_front();
                }
                self.kept.push_back(one);
            }
        }
    }

    /// Closed bars that open within these server milliseconds, at most so many, the newest; oldest first.
    fn bars(&self, period_s: i64, from_msc: i64, to_msc: i64, count_max: usize) -> Vec<Minute> {
        let to_msc = if to_msc == 0 { i64::MAX } else { to_msc };
        let opens = |minute: &Minute| minute.time_s.div_euclid(period_s) * period_s;
        let Some(newest) = self.kept.back().map(opens) else { return Vec::new() };
        let mut bars: Vec<Minute> = Vec::new();
        for minute in &self.kept {
            let time_s = opens(minute);
            if time_s == newest || !(from_msc..=to_msc).contains(&(time_s * 1_000)) {
                continue;
            }
            match bars.last_mut() {
                Some(bar) if bar.time_s == time_s => bar.add(minute),
                _ => bars.push(Minute { time_s, ..*minute }),
            }
        }
        let first = bars.len().saturating_sub(count_max);
        bars.split_off(first)
    }
}

impl Session {
    pub(super) fn ticks(&mut self, port: Port, request: &RequestTicks) {
        if self.symbol(&request.symbol).is_none() {
            return self.end_past(port, request.request, 0, ERR_MARKET_UNKNOWN_SYMBOL);
        }
        let mut found = self.tape.between(request.from_msc, request.to_msc, request.count_max);
        let begins_late = self.tape.oldest_msc().is_none_or(|oldest| oldest > request.from_msc);
        let is_cut = found.len() as u64 >= request.count_max;
        let lacks = found.is_empty() || request.from_msc != 0 && begins_late && !is_cut;
        let Some(error) = self.fault(if lacks { ERR_HISTORY_NOT_FOUND } else { 0 }, &mut found) else {
            return;
        };
        let now_us = self.now_us();
        for tick in &found {
            self.channel(port).send_history(tick, Stream::Session, request.request, now_us);
        }
        self.end_past(port, request.request, found.len(), error);
    }

    pub(super) fn bars(&mut self, port: Port, request: &RequestBars) {
        let Some(index) = self.symbol(&request.symbol) else {
            return self.end_past(port, request.request, 0, ERR_MARKET_UNKNOWN_SYMBOL);
        };
        let mut found = Vec::new();
        if PERIODS_S.contains(&request.period_s) {
            let period_s = i64::from(request.period_s);
            found = self.minutes.bars(period_s, request.from_msc, request.to_msc, request.count_max as usize);
        }
        let error = if found.is_empty() { ERR_HISTORY_NOT_FOUND } else { 0 };
        let Some(error) = self.fault(error, &mut found) else { return };
        let now_us = self.now_us();
        for bar in &found {
            let bar = Bar {
                request: request.request,
                symbol_id: index as u16,
                reserved: 0,
                period_s: request.period_s,
                time_s: bar.time_s,
                open: bar.open,
                high: bar.high,
                low: bar.low,
                close: bar.close,
                tick_volume: bar.ticks,
                spread_points: 0,
                real_volume: 0,
            };
            self.channel(port).send(&bar, now_us);
        }
        self.end_past(port, request.request, found.len(), error);
    }

    /// What goes wrong with this answer: its error, or `None` for no answer at all.
    fn fault<T>(&mut self, error: u32, found: &mut Vec<T>) -> Option<u32> {
        self.truth.history_requests += 1;
        match self.past.fault {
            HistoryFault::Silent => None,
            HistoryFault::Missing => {
                found.clear();
                Some(ERR_HISTORY_NOT_FOUND)
            }
            HistoryFault::Loading(times) if self.truth.history_requests <= u64::from(times) => {
                found.truncate(found.len() / 2);
                Some(ERR_HISTORY_TIMEOUT)
            }
            _ => Some(error),
        }
    }

    fn end_past(&mut self, port: Port, request: u64, sent: usize, error: u32) {
        let now_us = self.now_us();
        self.truth.history_sent += sent as u64;
        let count = sent as u64 + u64::from(self.past.fault == HistoryFault::Incomplete);
        self.channel(port).send(&HistoryEnd { request, count, error, reserved: 0 }, now_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    fn minutes(ticks: &[(i64, f64)]) -> Minutes {
        let mut minutes = Minutes::default();
        for &(time_s, bid) in ticks {
            let mut tick = Tick::read(&[0; Tick::BYTES]);
            (tick.time_msc, tick.bid) = (time_s * 1_000 + 999, bid);
            minutes.push(&tick);
        }
        minutes
    }

    #[test]
    fn bars_are_built_from_bids_and_the_open_one_is_not_told() {
        let minutes =
            minutes(&[(0, 1.0), (59, 3.0), (30, 0.5), (60, 2.0), (299, 9.0), (300, 4.0), (301, 0.0)]);
        let bars = |period_s, from, to, count_max| -> Vec<[f64; 6]> {
            let found = minutes.bars(period_s, from, to, count_max);
            let row =
                |bar: &Minute| [bar.time_s as f64, bar.open, bar.high, bar.low, bar.close, bar.ticks as f64];
            found.iter().map(row).collect()
        };
        let (first, second, fifth) = (
            [0.0, 1.0, 3.0, 0.5, 0.5, 3.0],
            [60.0, 2.0, 2.0, 2.0, 2.0, 1.0],
            [240.0, 9.0, 9.0, 9.0, 9.0, 1.0],
        );
        assert_eq!(bars(60, 0, 0, 10), [first, second, fifth]);
        assert_eq!(bars(60, 0, 0, 2), [second, fifth], "the newest");
        assert_eq!(bars(60, 1, 239_999, 10), [second], "both bounds, by opening time");
        assert_eq!(bars(300, 0, 0, 10), [[0.0, 1.0, 9.0, 0.5, 9.0, 5.0]]);
        assert!(bars(3_600, 0, 0, 10).is_empty());
    }
}
