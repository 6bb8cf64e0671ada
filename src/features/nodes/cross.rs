//! Features over two instruments: spread, ratio, correlation, beta.
//!
//! What it is not: a clock of its own. The feature's own instrument decides when there is a sample; the second instrument
//! gives what it last had.
//!
//! Invariant: a time bar of the first is paired with the last value that the second had before the end of that bar, or,
//! when the second is several bars ahead, with its newest closed bar; sums over windows are exact integers.

use super::window::Window;
use super::{Compute, Output, Sample, to_f64};
use crate::features::bars::bar_end;
use crate::features::spec::{Basis, Clock, Leg};
use crate::types::TimeNs;

/// The second instrument's input, as features of the first read it.
#[derive(Clone, Debug)]
pub(in crate::features) struct LegState {
    leg: Leg,
    clock: Clock,
    offset_ns: i64,
    unit: f64,
    /// End and last raw value of the newest bar, which may still be open. Without time bars: the newest value.
    newest: Option<(i64, i64)>,
    /// Of the bar before.
    closed: Option<(i64, i64)>,
    ts: TimeNs,
}

impl LegState {
    pub(in crate::features) fn new(leg: Leg, clock: Clock, offset_ns: i64, unit: f64) -> Self {
        LegState { leg, clock, offset_ns, unit, newest: None, closed: None, ts: TimeNs::NEVER }
    }

    pub(in crate::features) fn is(&self, leg: Leg, clock: Clock, offset_ns: i64) -> bool {
        (self.leg, self.clock, self.offset_ns) == (leg, clock, offset_ns)
    }

    pub(in crate::features) fn leg(&self) -> Leg {
        self.leg
    }

    pub(in crate::features) fn clock(&self) -> Clock {
        self.clock
    }

    /// Venue time of its newest value.
    pub(in crate::features) fn ts(&self) -> TimeNs {
        self.ts
    }

    /// Takes a tick's value, or the close of a bar by any time within it.
    pub(in crate::features) fn take(&mut self, ts: TimeNs, raw: i64) {
        let end_ns = match self.clock {
            Clock::Bar { period_ns } => bar_end(ts, period_ns, self.offset_ns),
            _ => i64::MIN,
        };
        match self.newest {
            Some((newest_ns, _)) if end_ns > newest_ns => {
                self.closed = self.newest;
                self.newest = Some((end_ns, raw));
            }
            // A late tick counts for the newest bar, as everywhere.
            Some((newest_ns, _)) => self.newest = Some((newest_ns, raw)),
            None => self.newest = Some((end_ns, raw)),
        }
        self.ts = ts;
    }

    pub(in crate::features) fn reset(&mut self) {
        (self.newest, self.closed, self.ts) = (None, None, TimeNs::NEVER);
    }

    /// The last raw value before the end of the first one's bar; when the second is further ahead, its newest closed bar's.
    fn raw(&self, end_ns: i64) -> Option<i64> {
        let at_end = |(bar_ns, _): &(i64, i64)| *bar_ns <= end_ns;
        self.newest.filter(at_end).or(self.closed).map(|(_, raw)| raw)
    }
}

/// The two newest values.
#[derive(Clone, Debug)]
pub(in crate::features) struct Pair {
    leg: usize,
    other: Option<i64>,
    unit: f64,
}

impl Pair {
    pub(super) fn new(leg: usize) -> Self {
        Pair { leg, other: None, unit: 1.0 }
    }
}

impl Compute for Pair {
    #[inline]
    fn push(&mut self, s: &Sample<'_>) {
        let leg = &s.at.legs[self.leg];
        (self.other, self.unit) = (leg.raw(s.at.end_ns), leg.unit);
    }

    #[inline]
    fn output(&self, output: Output, s: &Sample<'_>) -> f64 {
        let Some(other) = self.other else { return f64::NAN };
        let other = other as f64 * self.unit;
        match output {
            Output::PairSpread { weight } => s.value() - weight * other,
            _ => s.value() / other,
        }
    }

    fn reset(&mut self) {
        self.other = None;
    }
}

/// Moments of pairs: correlation and beta.
#[derive(Clone, Debug)]
pub(in crate::features) struct PairMoments {
    leg: usize,
    period: u32,
    basis: Basis,
    previous: Option<(i64, i64)>,
    window: Window<(i64, i64)>,
    sums: [i128; 2],
    /// Σa², Σb², Σab.
    products: [i128; 3],
    /// Ticks of the first per raw unit over the second's.
    units: f64,
}

impl PairMoments {
    pub(super) fn new(period: u32, basis: Basis, leg: usize) -> Self {
        PairMoments {
            leg,
            period,
            basis,
            previous: None,
            window: Window::new(period),
            sums: [0; 2],
            products: [0; 3],
            units: 1.0,
        }
    }

    fn count(&mut self, (a, b): (i64, i64), sign: i128) {
        let (a, b) = (i128::from(a), i128::from(b));
        self.sums = [self.sums[0] + sign * a, self.sums[1] + sign * b];
        for (product, new) in self.products.iter_mut().zip([a * a, b * b, a * b]) {
            *product += sign * new;
        }
    }

    /// period² times variance of a, variance of b, covariance; exact. Below 2^126, as changes are below 2^47.
    fn moments(&self) -> [f64; 3] {
        let n = i128::from(self.period);
        let [a, b] = self.sums;
        let [aa, bb, ab] = self.products;
        [n * aa - a * a, n * bb - b * b, n * ab - a * b].map(to_f64)
    }
}

impl Compute for PairMoments {
    fn push(&mut self, s: &Sample<'_>) {
        let leg = &s.at.legs[self.leg];
        let Some(other) = leg.raw(s.at.end_ns) else { return };
        self.units = s.unit / leg.unit;
        let now = (s.raw, other);
        let pair = match (self.basis, self.previous.replace(now)) {
            (Basis::Level, _) => now,
            (Basis::Change, Some(old)) => (now.0 - old.0, now.1 - old.1),
            (Basis::Change, None) => return,
        };
        self.count(pair, 1);
        if let Some(old) = self.window.push(pair) {
            self.count(old, -1);
        }
    }

    fn output(&self, output: Output, _: &Sample<'_>) -> f64 {
        if !self.window.is_full() {
            return f64::NAN;
        }
        let [a, b, ab] = self.moments();
        match output {
            Output::Beta if b > 0.0 => ab / b * self.units,
            Output::Correlation if a > 0.0 && b > 0.0 => (ab / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0),
            _ => f64::NAN,
        }
    }

    fn reset(&mut self) {
        self.previous = None;
        self.window.reset();
        (self.sums, self.products) = ([0; 2], [0; 3]);
    }
}
