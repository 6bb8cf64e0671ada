//! Ticks and bars of the past.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: the fields stand in the order of `bridge/PROTOCOL.md`; a test holds the two together.

use crate::layout;

layout! {
    /// Send ticks of the past.
    pub struct RequestTicks {
        /// Comes back in the answer.
        request: u64,
        /// From, server milliseconds.
        from_msc: i64,
        /// To, server milliseconds; zero for now.
        to_msc: i64,
        /// At most so many, the newest.
        count_max: u64,
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// Send bars of the past.
    pub struct RequestBars {
        /// Comes back in the answer.
        request: u64,
        /// Period in seconds.
        period_s: u32,
        /// At most so many, the newest.
        count_max: u32,
        /// From, server milliseconds.
        from_msc: i64,
        /// To, server milliseconds; zero for now.
        to_msc: i64,
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// `MqlRates` of one closed bar.
    pub struct Bar {
        /// The request it answers.
        request: u64,
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Zero.
        reserved: u16,
        /// Period in seconds.
        period_s: u32,
        /// Opening time, server seconds.
        time_s: i64,
        /// Open.
        open: f64,
        /// High.
        high: f64,
        /// Low.
        low: f64,
        /// Close.
        close: f64,
        /// Ticks in it.
        tick_volume: u64,
        /// Spread, points.
        spread_points: u32,
        /// Traded volume.
        real_volume: u64,
    }
}

layout! {
    /// A history reply is complete.
    pub struct HistoryEnd {
        /// The request it answers.
        request: u64,
        /// Ticks or bars sent for it.
        count: u64,
        /// MQL5 runtime error, or zero.
        error: u32,
        /// Zero.
        reserved: u32,
    }
}
