//! What the generator was calibrated to: constants measured on real EURUSD quotes.
//!
//! What it is not: fitted at run time; a test recomputes the constants from the data and fails when they differ.
//!
//! Invariant: every number here says which file it was measured on and how.

/// Constants of one instrument. Prices in points (the last digit), hours in UTC.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    /// Decimals of the prices.
    pub digits: u8,
    /// Where the mid starts, points.
    pub mid_start: i64,
    /// Probability of a spread of 1, 2, 3, ... points. The last entry is for 8 points and more.
    pub spread_probability: [f64; 8],
    /// Mean of the spreads of 8 points and more.
    pub wide_spread_mean: f64,
    /// Ticks in each hour of the day.
    pub ticks_per_hour: [f64; 24],
    /// Variance of the change of the mid from one second to the next, in each hour of the day, points squared.
    pub variance_per_s: [f64; 24],
    /// Share of ticks that leave the mid where it was.
    pub mid_unchanged_share: f64,
    /// Share of ticks stamped in the same millisecond as the one before.
    pub same_ms_share: f64,
    /// Share of ticks that follow within 51 to 167 ms: the short side of the gaps.
    pub burst_share: f64,
    /// Variance of the slow part of the logarithm of activity, and how much of it is left after a minute.
    pub slow_activity: (f64, f64),
    /// The same for the fast part.
    pub fast_activity: (f64, f64),
}

impl Calibration {
    /// EURUSD as Dukascopy quoted it on 2019-02-04 (136,741 ticks): spreads, ticks and variance by hour, unchanged
    /// mids, gaps. Dukascopy spaces its ticks by 51 ms, so the share in one millisecond is OANDA's of 2014-05-01 to 09
    /// (0.9 %). Activity was chosen so that minute counts are as correlated as the real ones.
    pub fn eurusd() -> Self {
        Calibration {
            digits: 5,
            mid_start: 114_500,
            spread_probability: [0.0655, 0.2358, 0.3586, 0.2497, 0.0604, 0.0074, 0.0023, 0.0203],
            wide_spread_mean: 13.3,
            ticks_per_hour: [
                3733.0, 2825.0, 2474.0, 2968.0, 3356.0, 2580.0, 3235.0, 6914.0, 10546.0, 9276.0, 8438.0,
                6983.0, 7263.0, 7763.0, 9986.0, 11063.0, 8972.0, 6443.0, 5650.0, 4385.0, 4787.0, 2114.0,
                2354.0, 2633.0,
            ],
            variance_per_s: [
                0.99, 0.55, 0.58, 0.57, 0.67, 0.35, 0.58, 1.51, 2.71, 1.83, 1.55, 1.38, 1.66, 1.53, 2.56,
                3.55, 2.07, 1.30, 1.23, 0.67, 0.59, 0.48, 0.82, 0.43,
            ],
            mid_unchanged_share: 0.2167,
            same_ms_share: 0.0088,
            burst_share: 0.49,
            slow_activity: (0.06, 0.95),
            fast_activity: (0.10, 0.3),
        }
    }
}
