//! A market that never ends: MT5-like quotes from a seed, calibrated on real EURUSD.
//!
//! What it is not: a model to trade against for profit; it has no predictable drift, no news and no weekend.
//!
//! Invariant: the same seed, calibration and start give the same ticks for ever; times never go back; ask > bid > 0.
//!
//! How a tick is made. Gaps are a mixture: a repeated millisecond, a burst (uniform from 51 to 167 ms), or an
//! exponential whose mean makes the hour's tick count come out; all are divided by an activity, the exponential of two
//! AR(1) processes stepped every minute, which clusters ticks and with them volatility. Each tick moves the mid by
//! a two-sided geometric number of half points, or not at all, with the variance that the hour's per-second variance
//! asks for. Spreads are drawn from the real distribution. The mid is reflected at half and at double its start.
//!
//! Real (Dukascopy, 2019-02-04) against generated (seed 20190204, 40 days), as `tests/market_calibration.rs` measures
//! and prints; it also checks every hour and every spread, within the bands written there:
//!
//! | figure | real | generated |
//! |---|---|---|
//! | ticks a day | 136744 | 136447 |
//! | mean spread, points | 3.242 | 3.245 |
//! | variance a second, points^2 | 1.258 | 1.325 |
//! | seconds without a change | 0.599 | 0.537 |
//! | ticks with the mid unchanged | 0.217 | 0.225 |
//! | gap median, ms | 167 | 155 |
//! | gap 95 %, ms | 2649 | 2761 |
//! | gap deviation over mean | 2.319 | 2.111 |
//! | minute count correlation, lag 1 | 0.781 | 0.779 |
//! | minute variance correlation, lag 1 | 0.585 | 0.689 |
//! | same millisecond (OANDA 2014) | 0.0089 | 0.0089 |

mod calibration;

pub use calibration::Calibration;

use crate::runtime::Prng;
use crate::store::ticks::FileTick;
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};

const NS_PER_HOUR: i64 = 3600 * NS_PER_S;
const NS_PER_MINUTE: i64 = 60 * NS_PER_S;
const BURST_MS: (f64, f64) = (51.0, 167.0);
/// Most activity, as a multiple of the mean: a bound on bursts.
const ACTIVITY_MAX: f64 = 8.0;

/// An endless iterator of quotes.
#[derive(Clone, Debug)]
pub struct MarketGenerator {
    prng: Prng,
    calibration: Calibration,
    /// Twice the mid, points.
    mid_twice: i64,
    now: TimeNs,
    minute: i64,
    slow: f64,
    fast: f64,
    activity: f64,
    previous: Option<FileTick>,
}

impl MarketGenerator {
    /// Starts at `start`, whose hour of the day (UTC) sets the pace.
    pub fn new(seed: u64, calibration: Calibration, start: TimeNs) -> Self {
        MarketGenerator {
            prng: Prng::new(seed),
            mid_twice: calibration.mid_start * 2,
            calibration,
            now: TimeNs::from_ms(start.ms()),
            minute: start.0.div_euclid(NS_PER_MINUTE),
            slow: 0.0,
            fast: 0.0,
            activity: 1.0,
            previous: None,
        }
    }

    /// Decimals of the prices.
    pub fn digits(&self) -> u8 {
        self.calibration.digits
    }

    fn hour(&self) -> usize {
        (self.now.0.rem_euclid(24 * NS_PER_HOUR) / NS_PER_HOUR) as usize
    }

    fn advance(&mut self) {
        if self.prng.uniform() < self.calibration.same_ms_share && self.previous.is_some() {
            return;
        }
        let mean_ms = 3_600_000.0 / self.calibration.ticks_per_hour[self.hour()];
        let burst = self.calibration.burst_share;
        let burst_mean_ms = (BURST_MS.0 + BURST_MS.1) / 2.0;
        let calm_share = 1.0 - burst - self.calibration.same_ms_share;
        let calm_mean_ms = (mean_ms - burst * burst_mean_ms).max(1.0) / calm_share;
        let gap_ms = match self.prng.uniform() < burst / (1.0 - self.calibration.same_ms_share) {
            true => BURST_MS.0 + (BURST_MS.1 - BURST_MS.0) * self.prng.uniform(),
            false => self.prng.exponential() * calm_mean_ms,
        };
        let gap_ms = (gap_ms / self.activity).round().max(1.0) as i64;
        self.now = self.now.plus_ns(gap_ms * NS_PER_MS);
        self.step_activity();
    }

    /// One AR(1) step for every minute that passed; long gaps count as an hour.
    fn step_activity(&mut self) {
        let minute = self.now.0.div_euclid(NS_PER_MINUTE);
        let steps = (minute - self.minute).min(60);
        self.minute = minute;
        for _ in 0..steps {
            for ((variance, left), state) in [
                (self.calibration.slow_activity, &mut self.slow),
                (self.calibration.fast_activity, &mut self.fast),
            ] {
                *state = left * *state + (variance * (1.0 - left * left)).sqrt() * self.prng.normal();
            }
            // Time spent at an activity falls with it, so the mean count a minute is that of exp(x - variance/2).
            let variance = self.calibration.slow_activity.0 + self.calibration.fast_activity.0;
            self.activity = (self.slow + self.fast - variance / 2.0).exp().min(ACTIVITY_MAX);
        }
    }

    fn move_mid(&mut self) {
        let unchanged = self.calibration.mid_unchanged_share;
        if self.prng.uniform() < unchanged {
            return;
        }
        let hour = self.hour();
        let per_tick = self.calibration.variance_per_s[hour] * 3600.0 / self.calibration.ticks_per_hour[hour];
        // Number of half points k = 1, 2, ... geometric with success g: E[k^2] = (2 - g) / g^2, in quarter points squared.
        let square = (4.0 * per_tick / (1.0 - unchanged)).max(1.0);
        let success = ((1.0 + 8.0 * square).sqrt() - 1.0) / (2.0 * square);
        let beyond_first = match success < 1.0 {
            true => (self.prng.exponential() / -(1.0 - success).ln()) as i64,
            false => 0,
        };
        let up = self.prng.next_u64() >> 63 == 1;
        let step = (1 + beyond_first) * if up { 1 } else { -1 };
        let next = self.mid_twice + step;
        let (least, most) = (self.calibration.mid_start, self.calibration.mid_start * 4);
        self.mid_twice = if (least..=most).contains(&next) { next } else { self.mid_twice - step };
    }

    fn spread(&mut self) -> i64 {
        let mut rest = self.prng.uniform();
        let mut spread = 1;
        for probability in &self.calibration.spread_probability[..7] {
            if rest < *probability {
                return spread;
            }
            rest -= probability;
            spread += 1;
        }
        let beyond = (self.calibration.wide_spread_mean - spread as f64).max(0.0);
        spread + (self.prng.exponential() * beyond).round() as i64
    }
}

impl Iterator for MarketGenerator {
    type Item = FileTick;

    /// The next tick; never `None`.
    fn next(&mut self) -> Option<FileTick> {
        self.advance();
        self.move_mid();
        let spread = self.spread();
        let bid = (self.mid_twice - spread).div_euclid(2);
        let mut tick = FileTick::quote(self.now, bid, bid + spread);
        if let Some(previous) = self.previous {
            let changed = 2 * u32::from(previous.bid != tick.bid) + 4 * u32::from(previous.ask != tick.ask);
            tick.flags = if changed == 0 { tick.flags } else { changed };
        }
        self.previous = Some(tick);
        Some(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ticks_and_another_does_not() {
        let ticks = |seed| -> Vec<FileTick> {
            MarketGenerator::new(seed, Calibration::eurusd(), TimeNs(0)).take(10_000).collect()
        };
        assert_eq!(ticks(7), ticks(7));
        assert_ne!(ticks(7), ticks(8));
        assert!(ticks(7).windows(2).all(|pair| pair[0].ts_venue <= pair[1].ts_venue));
        assert!(ticks(7).iter().all(|tick| tick.bid > 0 && tick.ask > tick.bid));
    }
}
