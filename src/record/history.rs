//! Payloads about the past: what is asked of a venue, and what it answers.
//!
//! What it is not: news. Nothing here is a quote; the engine warms its features with it. Ticks of the past are
//! [`super::Tick`]s with [`super::FLAG_HISTORY`].
//!
//! Invariant: prices are whole ticks and times UTC nanoseconds; a bar that could not be converted exactly never became a
//! record, and the end of its answer says so.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(HistoryBar, HistoryEnd, HistoryRequest);

layout! {
    /// One closed bar of the past, as the terminal built it: from bids, or from last prices where the venue is an exchange.
    pub struct HistoryBar {
        /// The request it answers.
        request: u64,
        /// Opening time, UTC nanoseconds.
        ts_open: i64,
        /// First price, ticks.
        open: i64,
        /// Highest price, ticks.
        high: i64,
        /// Lowest price, ticks.
        low: i64,
        /// Last price, ticks.
        close: i64,
        /// Ticks in it.
        tick_volume: u64,
        /// Traded volume, lots or contracts; zero where the venue does not say.
        real_volume: u64,
        /// Length, seconds.
        period_s: u32,
        /// Spread, points.
        spread_points: u32,
    }
}

/// [`HistoryEnd`] error: our own lane had no market connection that knows the symbol, or could not write.
pub const HISTORY_NOT_SENT: u32 = 65_792;
/// [`HistoryEnd`] error: live ticks came between the first and the last message of an answer in ticks, so that nobody can
/// say where the past ends.
pub const HISTORY_INTERLEAVED: u32 = 65_793;
/// [`HistoryEnd`] error: a part of the answer was refused by the decoder.
pub const HISTORY_REFUSED: u32 = 65_794;

layout! {
    /// An answer of history is complete.
    pub struct HistoryEnd {
        /// The request it answers.
        request: u64,
        /// Ticks or bars that the terminal sent for it.
        count: u64,
        /// Number of the last live tick that came before it on its connection; zero for none.
        stream_seq: u64,
        /// That connection, as in [`super::Tick`].
        connection: u32,
        /// MQL5 runtime error, a `HISTORY_*` code of ours, or zero.
        error: u32,
    }
}

layout! {
    /// A question to a venue about the past of the header's instrument: bars, or ticks.
    pub struct HistoryRequest {
        /// Comes back in the answer.
        request: u64,
        /// Not older than this, UTC nanoseconds; zero for any age.
        ts_from: i64,
        /// Not younger than this, UTC nanoseconds; zero for "up to now".
        ts_to: i64,
        /// The newest so many at most.
        count_max: u32,
        /// Length of the bars, seconds; zero asks for ticks.
        period_s: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::types::{InstrumentId, TimeNs, VenueId};

    #[test]
    fn golden_bytes_of_a_bar_and_of_a_request_for_bars() {
        let bar = HistoryBar {
            request: 5,
            ts_open: 60,
            open: 1,
            high: 4,
            low: -1,
            close: 2,
            tick_volume: 7,
            real_volume: 8,
            period_s: 60,
            spread_points: 9,
        };
        let record = Record::new(Origin::Market, TimeNs(1), VenueId(0), InstrumentId(2), &bar);
        let mut golden = [0u8; RECORD_BYTES];
        golden[4..8].copy_from_slice(&[20, 1, 0, 1]);
        (golden[16], golden[24]) = (1, 2);
        for (at, value) in
            [(32, 5), (40, 60), (48, 1), (56, 4), (72, 2), (80, 7), (88, 8), (96, 60), (100, 9)]
        {
            golden[at] = value;
        }
        golden[64..72].fill(0xff);
        assert_eq!(record.bytes(), &golden);
        let request = HistoryRequest { request: 5, ts_from: 0, ts_to: 60, count_max: 200, period_s: 60 };
        let record = Record::new(Origin::Engine, TimeNs(1), VenueId(0), InstrumentId(2), &request);
        let mut golden = [0u8; RECORD_BYTES];
        golden[4..8].copy_from_slice(&[72, 1, 0, 0]);
        (golden[16], golden[24], golden[32]) = (1, 2, 5);
        (golden[48], golden[56], golden[60]) = (60, 200, 60);
        assert_eq!(record.bytes(), &golden);
    }
}
