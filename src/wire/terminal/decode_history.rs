//! Bars of the past and the end of an answer; history ticks are decoded as ticks in `decode.rs`.
//!
//! What it is not: a judge of whether the answer was asked for; the engine knows its own requests.
//!
//! Invariant: an answer of which a part was refused, or between whose ticks live ones came, never ends without an error.

use super::body;
use super::decode::{DecodeError, Decoded, Decoder};
use crate::record::{self, Record};
use crate::types::{InstrumentId, TimeNs};

/// What happened since the answer that is coming in began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HistoryWatch {
    /// The request, and the next live number when its first tick came.
    begun: Option<(u64, u64)>,
    /// A tick or a bar of it was refused.
    pub(super) refused: bool,
}

impl HistoryWatch {
    /// A history tick of this request came while this live number was next.
    #[inline]
    pub(super) fn begin(&mut self, request: u64, next_seq: u64) {
        if self.begun.is_none_or(|(begun, _)| begun != request) {
            self.begun = Some((request, next_seq));
        }
    }

    /// The code of ours for what went wrong, or zero; the next answer starts over.
    fn end(&mut self, request: u64, next_seq: u64) -> u32 {
        let watch = std::mem::take(self);
        let interleaved = watch.begun.is_some_and(|(begun, seq)| begun == request && seq != next_seq);
        match (watch.refused, interleaved) {
            (true, _) => record::HISTORY_REFUSED,
            (_, true) => record::HISTORY_INTERLEAVED,
            _ => 0,
        }
    }
}

impl Decoder {
    pub(super) fn bar(
        &self,
        bar: &body::Bar,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let Some(spec) = self.symbols.by_number(bar.symbol_id) else {
            return self.unknown(bar.symbol_id);
        };
        let price = |field, value: f64| {
            self.symbols
                .price(spec, value)
                .map(|price| price.0)
                .map_err(|error| DecodeError::Value { field, error })
        };
        let [open, high, low, close] = [
            price("open", bar.open)?,
            price("high", bar.high)?,
            price("low", bar.low)?,
            price("close", bar.close)?,
        ];
        if low > open.min(close) || high < open.max(close) || bar.period_s == 0 {
            return Err(DecodeError::Bar { time_s: bar.time_s });
        }
        let payload = record::HistoryBar {
            request: bar.request,
            ts_open: self.utc_ns(bar.time_s.saturating_mul(1_000)),
            open,
            high,
            low,
            close,
            tick_volume: bar.tick_volume,
            real_volume: bar.real_volume,
            period_s: bar.period_s,
            spread_points: bar.spread_points,
        };
        out(self.record(ts, spec.instrument, &payload));
        Ok(Decoded::Records)
    }

    /// `(connection, last_seq)` is where the live stream stands.
    pub(super) fn history_end(
        &mut self,
        end: &body::HistoryEnd,
        (connection, last_seq): (u32, u64),
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let own = self.history.end(end.request, last_seq.saturating_add(1));
        let payload = record::HistoryEnd {
            request: end.request,
            count: end.count,
            stream_seq: last_seq,
            connection,
            error: if end.error == 0 { own } else { end.error },
        };
        out(self.record(ts, InstrumentId::NONE, &payload));
        Ok(Decoded::Records)
    }
}
