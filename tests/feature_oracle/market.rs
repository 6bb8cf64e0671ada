//! Two made-up instruments, and the samples that each clock must take of the first.
//!
//! What it is not: a model of a market; it has gaps, repeated stamps, flat stretches and trades now and then.
//!
//! Invariant: samples are grouped here from the ticks' times alone, without the code under test.

use tickbridge::features::{Clock, FeatureTick, Input};
use tickbridge::model::synthetic::Dice;
use tickbridge::types::{InstrumentId, Price, TimeNs};

use crate::naive::Sample;

pub(crate) const FIRST: InstrumentId = InstrumentId(7);
pub(crate) const SECOND: InstrumentId = InstrumentId(3);
const START_NS: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;

/// One tick of one of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) instrument: InstrumentId,
    pub(crate) ts: TimeNs,
    pub(crate) tick: FeatureTick,
}

/// An endless walk.
pub(crate) struct Market {
    dice: Dice,
    ts_ns: i64,
    bid: [i64; 2],
}

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        Market { dice: Dice(seed), ts_ns: START_NS, bid: [100_000, 50_000] }
    }

    pub(crate) fn next(&mut self) -> Tick {
        let dice = &mut self.dice;
        self.ts_ns += match dice.below(100) {
            0..10 => 0,
            99 => 5_000 * MS,
            _ => dice.below(150) as i64 * MS,
        };
        let which = usize::from(dice.below(3) == 0);
        let step = dice.below(9) as i64 - 4;
        self.bid[which] += step;
        // The second follows the first, so that there is something to correlate.
        self.bid[1] += if which == 0 && dice.below(2) == 0 { step } else { 0 };
        self.bid = self.bid.map(|bid| bid.clamp(40_000, 120_000));
        let bid = self.bid[which];
        let quote = FeatureTick::quote(Price(bid), Price(bid + 1 + dice.below(6) as i64));
        let size = |dice: &mut Dice| (1 + dice.below(500)) as f64 / 100.0;
        let tick = quote.with_sizes(size(dice), size(dice));
        let tick = if dice.below(3) == 0 { tick.with_trade(Price(bid), size(dice)) } else { tick };
        let instrument = if which == 0 { FIRST } else { SECOND };
        Tick { instrument, ts: TimeNs(self.ts_ns), tick }
    }
}

/// The input of one tick in input units; `None` when there is no sample.
pub(crate) fn input(input: Input, tick: &FeatureTick) -> Option<f64> {
    let (bid, ask) = (tick.bid.0 as f64, tick.ask.0 as f64);
    match input {
        Input::Bid => Some(bid),
        Input::Ask => Some(ask),
        Input::Mid => Some((bid + ask) / 2.0),
        Input::Spread => Some(ask - bid),
        Input::Microprice => {
            let exact = (bid * tick.ask_size + ask * tick.bid_size) / (tick.bid_size + tick.ask_size);
            Some((exact * 1_024.0).round() / 1_024.0)
        }
        Input::Last => (tick.last != Price::NONE).then_some(tick.last.0 as f64),
        Input::Volume => (tick.flags != 0).then_some(tick.volume),
        Input::Ticks => Some(1.0),
    }
}

/// The samples of the first instrument's input on a clock, each with the second's.
pub(crate) fn samples(ticks: &[Tick], of: Input, clock: Clock, with: Input) -> Vec<Sample> {
    let mut out: Vec<Sample> = Vec::new();
    let mut bar: Option<Bar> = None;
    let mut second: Vec<(i64, f64)> = Vec::new();
    for tick in ticks {
        if tick.instrument == SECOND {
            second.push((tick.ts.0, input(with, &tick.tick).unwrap_or(0.0)));
            continue;
        }
        let newest = second.last().map(|(_, value)| *value);
        match clock {
            Clock::Tick => {
                let Some(x) = input(of, &tick.tick) else { continue };
                let mut one = Bar::new(0);
                one.add(tick, Some(x));
                out.push(one.sample(of, tick.ts.0, newest));
            }
            Clock::Bar { period_ns } => {
                let number = tick.ts.0.div_euclid(period_ns);
                if let Some(done) = bar.take_if(|bar| bar.number < number) {
                    let end_ns = (done.number + 1) * period_ns;
                    let other = second.iter().rev().find(|(ts, _)| *ts < end_ns).map(|(_, value)| *value);
                    out.push(done.sample(of, end_ns - 1, other));
                }
                bar.get_or_insert_with(|| Bar::new(number)).add(tick, input(of, &tick.tick));
            }
            Clock::TickBar { .. } | Clock::VolumeBar { .. } => {
                let open = bar.get_or_insert_with(|| Bar::new(0));
                open.add(tick, input(of, &tick.tick));
                let full = match clock {
                    Clock::TickBar { ticks } => open.ticks >= f64::from(ticks),
                    Clock::VolumeBar { lots_e8 } => (open.lots * 1e8).round() as i64 >= lots_e8,
                    _ => false,
                };
                if full {
                    out.extend(bar.take().map(|done| done.sample(of, tick.ts.0, newest)));
                }
            }
        }
    }
    out
}

struct Bar {
    number: i64,
    high: f64,
    low: f64,
    close: f64,
    lots: f64,
    ticks: f64,
    book: [f64; 4],
}

impl Bar {
    fn new(number: i64) -> Self {
        let (high, low) = (f64::NEG_INFINITY, f64::INFINITY);
        Bar { number, high, low, close: f64::NAN, lots: 0.0, ticks: 0.0, book: [0.0; 4] }
    }

    fn add(&mut self, tick: &Tick, x: Option<f64>) {
        let tick = tick.tick;
        self.ticks += 1.0;
        self.lots += if tick.flags != 0 { tick.volume } else { 0.0 };
        self.book = [tick.bid.0 as f64, tick.ask.0 as f64, tick.bid_size, tick.ask_size];
        if let Some(x) = x {
            (self.high, self.low, self.close) = (self.high.max(x), self.low.min(x), x);
        }
    }

    fn sample(&self, of: Input, ts_ns: i64, other: Option<f64>) -> Sample {
        let (high, low, close) = match of {
            Input::Volume => (self.lots, self.lots, self.lots),
            Input::Ticks => (self.ticks, self.ticks, self.ticks),
            _ => (self.high, self.low, self.close),
        };
        Sample { high, low, close, lots: self.lots, ticks: self.ticks, ts_ns, book: self.book, other }
    }
}
