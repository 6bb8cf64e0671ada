//! Microstructure: rates, signs, order flow and the book's balance.
//!
//! What it is not: the spread's statistics, which are ordinary kinds on the spread as input.
//!
//! Invariant: sizes are whole multiples of 1e-8 lots and ratios whole multiples of 2^-40 before they are summed.

use super::window::Window;
use super::{Compute, Output, Sample, to_f64};
use crate::features::graph::size_e8;
use crate::types::{NS_PER_MS, TimeNs};

/// Fraction bits of the book's imbalance: 2^-40.
const SHARE_SCALE: f64 = 1_099_511_627_776.0;

/// Samples a second. Stamps are milliseconds, so a window within one counts as one.
#[derive(Clone, Debug)]
pub(in crate::features) struct TickRate {
    period: u32,
    times: Window<i64>,
    since_ns: i64,
}

impl TickRate {
    pub(super) fn new(period: u32) -> Self {
        TickRate { period, times: Window::new(period), since_ns: 0 }
    }
}

impl Compute for TickRate {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let now_ns = s.time_ns();
        if let Some(old_ns) = self.times.push(now_ns) {
            self.since_ns = now_ns.saturating_sub(old_ns).max(NS_PER_MS);
        }
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        f64::from(self.period) * 1e9 / self.since_ns as f64
    }

    fn reset(&mut self) {
        self.times.reset();
    }
}

/// Mean sign of change by the tick rule.
#[derive(Clone, Debug)]
pub(in crate::features) struct TickImbalance {
    signs: Window<i8>,
    sign: i8,
    sum: i64,
}

impl TickImbalance {
    pub(super) fn new(period: u32) -> Self {
        TickImbalance { signs: Window::new(period), sign: 0, sum: 0 }
    }
}

impl Compute for TickImbalance {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        if s.seen < 2 {
            return;
        }
        if s.raw != s.previous {
            self.sign = if s.raw > s.previous { 1 } else { -1 };
        }
        self.sum += i64::from(self.sign) - i64::from(self.signs.push(self.sign).unwrap_or(0));
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.sum as f64 / self.signs.len() as f64
    }

    fn reset(&mut self) {
        self.signs.reset();
        (self.sign, self.sum) = (0, 0);
    }
}

/// The best prices and sizes of a tick that has them; the stream lets no other through.
fn book(s: &Sample<'_>) -> [i64; 4] {
    let tick = s.at.tick;
    let size = |size| size_e8(size).unwrap_or(0);
    [tick.bid.0, tick.ask.0, size(tick.bid_size), size(tick.ask_size)]
}

/// Order-flow imbalance: the sum of Cont, Kukanov and Stoikov's e_n.
#[derive(Clone, Debug)]
pub(in crate::features) struct OrderFlow {
    previous: [i64; 4],
    window: Window<i64>,
    sum: i128,
}

impl OrderFlow {
    pub(super) fn new(period: u32) -> Self {
        OrderFlow { previous: [0; 4], window: Window::new(period), sum: 0 }
    }

    /// e_n = I{P^B_n >= P^B_n-1} q^B_n - I{P^B_n <= P^B_n-1} q^B_n-1 - I{P^A_n <= P^A_n-1} q^A_n + I{P^A_n >= P^A_n-1} q^A_n-1.
    fn event(&self, now: [i64; 4]) -> i64 {
        let [bid, ask, bid_size, ask_size] = now;
        let [old_bid, old_ask, old_bid_size, old_ask_size] = self.previous;
        let when = |condition: bool, size: i64| if condition { size } else { 0 };
        when(bid >= old_bid, bid_size) - when(bid <= old_bid, old_bid_size) - when(ask <= old_ask, ask_size)
            + when(ask >= old_ask, old_ask_size)
    }
}

impl Compute for OrderFlow {
    fn push(&mut self, s: &Sample<'_>) {
        let now = book(s);
        if s.seen > 1 {
            let event = self.event(now);
            self.sum += i128::from(event) - i128::from(self.window.push(event).unwrap_or(0));
        }
        self.previous = now;
    }

    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        to_f64(self.sum) / 1e8
    }

    fn reset(&mut self) {
        self.window.reset();
        self.sum = 0;
    }
}

/// Mean of (bid size - ask size) / (bid size + ask size); an empty book is balanced.
#[derive(Clone, Debug)]
pub(in crate::features) struct BookImbalance {
    window: Window<i64>,
    sum: i64,
}

impl BookImbalance {
    pub(super) fn new(period: u32) -> Self {
        BookImbalance { window: Window::new(period), sum: 0 }
    }
}

impl Compute for BookImbalance {
    fn push(&mut self, s: &Sample<'_>) {
        let [_, _, bid, ask] = book(s);
        let share = if bid + ask == 0 { 0.0 } else { (bid - ask) as f64 / (bid + ask) as f64 };
        let fixed = (share * SHARE_SCALE) as i64;
        self.sum += fixed - self.window.push(fixed).unwrap_or(0);
    }

    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.sum as f64 / (self.window.len() as f64 * SHARE_SCALE)
    }

    fn reset(&mut self) {
        self.window.reset();
        self.sum = 0;
    }
}

/// Milliseconds since the tick before; negative when the venue's stamps go back.
#[derive(Clone, Debug, Default)]
pub(in crate::features) struct TickGap {
    ts: TimeNs,
    gap_ns: i64,
}

impl Compute for TickGap {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        self.gap_ns = s.at.ts.since(self.ts);
        self.ts = s.at.ts;
    }

    #[inline]
    fn output(&self, _: Output, _: &Sample<'_>) -> f64 {
        self.gap_ns as f64 / NS_PER_MS as f64
    }

    fn reset(&mut self) {
        *self = TickGap::default();
    }
}
