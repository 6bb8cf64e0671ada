//! Values to messages.
//!
//! What it is not: sending; `link` owns the socket and its buffer.
//!
//! Invariant: a command's prices and volumes are converted by the same spec that admitted them, so what leaves is on the grid that is
//! counted here: the venue's, unless it changed its units since (`units.rs`).

use super::body::{Command, Heartbeat, RequestBars, RequestTicks};
use super::header::{Body, HEADER_BYTES, Header, MessageKind, PROTOCOL};
use crate::record::{self, Layout};
use crate::types::{FixedText, InstrumentSpec, NS_PER_MS, NS_PER_S, Price, Qty, TimeNs};

/// Writes header and body to the front of `to`, and returns the length. `seq` is ignored in the session stream.
///
/// # Panics
/// When `to` is shorter than the message; `MESSAGE_BYTES_MAX` always suffices.
#[inline]
pub fn encode_message<B: Body>(body: &B, seq: u64, ts_sender_us: i64, to: &mut [u8]) -> usize {
    let numbered = !matches!(B::STREAM, super::Stream::Session);
    let header = Header {
        protocol: PROTOCOL,
        kind: B::KIND as u8,
        stream: B::STREAM as u16,
        body_bytes: B::BYTES as u32,
        seq: if numbered { seq } else { 0 },
        ts_sender_us,
    };
    header.write(to);
    body.write(&mut to[HEADER_BYTES..]);
    HEADER_BYTES + B::BYTES
}

/// As [`encode_message`], for the appliance's own heartbeat, which shares the terminal's body.
pub fn encode_heartbeat(body: &Heartbeat, ts_sender_us: i64, to: &mut [u8]) -> usize {
    let len = encode_message(body, 0, ts_sender_us, to);
    to[1] = MessageKind::ApplianceHeartbeat as u8;
    len
}

/// A command of ours in the terminal's units.
///
/// `server_offset_s` is server time minus UTC; `now` decides how long the command stays valid on arrival. The revision of a request
/// is not in the payload: who sends sets it.
pub fn encode_command(
    command: &record::Command,
    spec: &InstrumentSpec,
    epoch: u64,
    server_offset_s: i32,
    now: TimeNs,
) -> Command {
    let left_ms = command.ts_deadline.saturating_sub(now.0) / NS_PER_MS;
    let expiration_s = if command.expiration_s == 0 {
        0
    } else {
        i64::from(command.expiration_s) + i64::from(server_offset_s)
    };
    Command {
        order_id: command.order_id,
        epoch,
        action: command.action,
        order_type: command.order_kind,
        filling: command.filling,
        time_type: command.time_in_force,
        deviation_points: command.deviation_points,
        valid_for_ms: left_ms.clamp(1, i64::from(u32::MAX)) as u32,
        revision: 0,
        order: command.ticket,
        position: command.position,
        position_by: command.position_by,
        volume: spec.qty_to_lots(Qty(command.qty)),
        price: spec.price_to_f64(Price(command.price)),
        stop_limit: spec.price_to_f64(Price(command.stop_limit)),
        price_sl: spec.price_to_f64(Price(command.stop_loss)),
        price_tp: spec.price_to_f64(Price(command.take_profit)),
        expiration_s,
        symbol: *spec.symbol.bytes(),
        comment: [0; 32],
    }
}

/// A request for the past in the terminal's words.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HistoryQuestion {
    /// For ticks.
    Ticks(RequestTicks),
    /// For bars.
    Bars(RequestBars),
}

/// A request of ours in the terminal's units. `server_offset_s` is server time minus UTC.
pub fn encode_history_request(
    request: &record::HistoryRequest,
    symbol: &FixedText<32>,
    server_offset_s: i32,
) -> HistoryQuestion {
    let msc = |ts: i64| {
        let server_ns = ts.saturating_add(i64::from(server_offset_s) * NS_PER_S);
        if ts == 0 { 0 } else { TimeNs(server_ns).ms().max(1) }
    };
    let (from_msc, to_msc) = (msc(request.ts_from), msc(request.ts_to));
    if request.period_s == 0 {
        return HistoryQuestion::Ticks(RequestTicks {
            request: request.request,
            from_msc,
            to_msc,
            count_max: u64::from(request.count_max),
            symbol: *symbol.bytes(),
        });
    }
    HistoryQuestion::Bars(RequestBars {
        request: request.request,
        period_s: request.period_s,
        count_max: request.count_max,
        from_msc,
        to_msc,
        symbol: *symbol.bytes(),
    })
}
