//! Messages of a terminal to records: numbering, ticks, properties; trade messages are in `decode_trade.rs`, the past in
//! `decode_history.rs`.
//!
//! What it is not: a judge of accounts; who may connect is decided by whoever reads the hello that this hands out.
//!
//! Invariant: a tick is converted exactly or refused, but where a venue counts in other units than we do (`units.rs`). What happened
//! to our money (deals, orders, results) is never refused for its price: a venue that quotes off its own grid gets the nearest
//! tick. A missing number is reported before the message that revealed it.

use super::body::{self, body_bytes};
use super::decode_history::HistoryWatch;
use super::header::{Header, HeaderError, MessageKind, Stream};
use super::symbols::{SymbolError, SymbolTable};
use crate::record::{self, FLAG_HISTORY, FLAG_REFILL, Layout, Origin, Record};
use crate::types::{ConvertError, InstrumentId, InstrumentSpec, NS_PER_S, NS_PER_US, Price, TimeNs};

/// Why a message was refused.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not a message of this protocol.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A symbol's properties make no sense.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// A number that no properties were sent for.
    #[error("symbol number {0}: expected its properties first")]
    UnknownSymbol(u16),
    /// A price or volume off its grid, or not finite.
    #[error("{field}: {error}")]
    Value {
        /// Which field.
        field: &'static str,
        /// Why.
        error: ConvertError,
    },
    /// An amount that is no number.
    #[error("{field}: expected a finite amount, got {got}")]
    Amount {
        /// Which field.
        field: &'static str,
        /// What came.
        got: f64,
    },
    /// A bar whose four prices contradict each other, or whose length is zero.
    #[error("bar of {time_s}: expected low <= open and close <= high and a length above zero")]
    Bar {
        /// Its opening time, server seconds.
        time_s: i64,
    },
    /// A code that MT5 does not have.
    #[error("{field}: expected one of MT5's codes, got {got}")]
    Code {
        /// Which field.
        field: &'static str,
        /// What came.
        got: u8,
    },
    /// A stream number that repeats or goes back.
    #[error("stream {}: expected number {expected} or later, got {got}", stream.name())]
    Repeated {
        /// The stream.
        stream: Stream,
        /// The next number.
        expected: u64,
        /// What came.
        got: u64,
    },
}

impl DecodeError {
    /// Whether the sender does not speak the protocol; a value that is refused by itself is no reason to part.
    pub fn is_fatal(&self) -> bool {
        matches!(self, DecodeError::Header(_) | DecodeError::Repeated { .. } | DecodeError::Code { .. })
    }

    /// In a few words of fixed text, for the reject; the whole error is for whoever may format.
    pub fn summary(&self) -> &'static str {
        match self {
            DecodeError::Header(HeaderError::Protocol { .. }) => "protocol version: expected 1",
            DecodeError::Header(HeaderError::Kind { .. } | HeaderError::Direction { .. }) => {
                "message kind: expected one that terminals send"
            }
            DecodeError::Header(_) => "message: header and length disagree",
            DecodeError::Repeated { .. } => "stream number: expected a later one",
            DecodeError::Code { .. } => "code: expected one of MT5's",
            _ => "value: off its grid or not finite",
        }
    }
}

/// What a message turned out to be, beyond the records it made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Decoded {
    /// Records only.
    Records,
    /// The terminal introduces itself.
    Hello(body::Hello),
    /// Properties of a configured symbol; the record was made too.
    Spec(InstrumentSpec),
    /// The terminal lives; its clock in microseconds.
    Heartbeat(i64),
    /// The terminal leaves on purpose.
    Bye(u32),
    /// Ours to ignore: a symbol that is not configured, a reply nobody waits for.
    Ignored,
}

/// Decodes one connection's messages.
#[derive(Clone, Debug)]
pub struct Decoder {
    pub(super) symbols: SymbolTable,
    origin: Origin,
    pub(super) server_offset_s: i32,
    next_seq: [u64; Stream::ALL.len()],
    /// Something was refused, or is missing, since the last snapshot began.
    snapshot_refused: bool,
    /// Parts told since then: open orders, positions, deals, orders of the past.
    snapshot_parts: [u32; 4],
    /// Which connection this is, in every tick.
    connection: u32,
    pub(super) history: HistoryWatch,
}

impl Decoder {
    /// For a connection of this venue; `origin` marks its records.
    pub fn new(symbols: SymbolTable, origin: Origin) -> Self {
        Decoder {
            symbols,
            origin,
            server_offset_s: 0,
            next_seq: [1; Stream::ALL.len()],
            snapshot_refused: false,
            snapshot_parts: [0; 4],
            connection: 0,
            history: HistoryWatch::default(),
        }
    }

    /// Starts over for a new connection.
    pub fn reset(&mut self) {
        self.symbols.clear();
        self.server_offset_s = 0;
        self.next_seq = [1; Stream::ALL.len()];
        (self.snapshot_refused, self.snapshot_parts) = (false, [0; 4]);
        self.connection = 0;
        self.history = HistoryWatch::default();
    }

    /// Starts over for a connection of another venue; `connection` tells it from all others of this start.
    pub fn assign(
        &mut self,
        venue: crate::types::VenueId,
        symbols: &[(crate::types::FixedText<32>, InstrumentId)],
        connection: u32,
    ) {
        self.reset();
        self.connection = connection;
        self.symbols.assign(venue, symbols);
    }

    /// Server time minus UTC, as the accepted hello says.
    pub fn set_server_offset_s(&mut self, server_offset_s: i32) {
        self.server_offset_s = server_offset_s;
    }

    /// As [`SymbolTable::keep_units`].
    pub fn keep_units(&mut self, spec: &InstrumentSpec) {
        self.symbols.keep_units(spec);
    }

    /// The symbols as announced.
    pub fn symbols(&self) -> &SymbolTable {
        &self.symbols
    }

    /// Server time minus UTC, as last told, seconds.
    pub fn server_offset_s(&self) -> i32 {
        self.server_offset_s
    }

    /// Decodes one message; hands every record to `out`, in order.
    #[inline]
    pub fn decode(
        &mut self,
        message: &[u8],
        ts_recv: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let (header, kind, body) = Header::parse(message)?;
        if kind == MessageKind::Tick {
            self.check_number(&header, ts_recv, out)?;
            return self.tick(&header, body, ts_recv, 0, out);
        }
        if kind as u8 >= MessageKind::Welcome as u8 {
            return Err(HeaderError::Direction { got: kind }.into());
        }
        if kind != MessageKind::HistoryTick {
            self.check_number(&header, ts_recv, out)?;
        }
        let result = self.rest(&header, kind, body, ts_recv, out);
        // A snapshot of which a part was refused proves nothing by what it does not list.
        self.snapshot_refused |= result.is_err();
        self.history.refused |=
            result.is_err() && matches!(kind, MessageKind::HistoryTick | MessageKind::Bar);
        result
    }

    fn check_number(
        &mut self,
        header: &Header,
        ts_recv: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<(), DecodeError> {
        let Some(stream) = Stream::from_code(header.stream) else { return Ok(()) };
        if stream == Stream::Session {
            return Ok(());
        }
        let next = self.next_seq[stream as usize];
        if header.seq < next {
            return Err(DecodeError::Repeated { stream, expected: next, got: header.seq });
        }
        if header.seq > next {
            let gap = record::Gap { stream: stream as u64, from_seq: next, to_seq: header.seq - 1 };
            out(self.record(ts_recv, InstrumentId::NONE, &gap).with_aux(self.connection));
            self.snapshot_refused |= stream == Stream::Results;
        }
        self.next_seq[stream as usize] = header.seq.saturating_add(1);
        Ok(())
    }

    fn count_part(&mut self, part: usize) {
        self.snapshot_parts[part] = self.snapshot_parts[part].saturating_add(1);
    }

    #[inline]
    fn tick(
        &self,
        header: &Header,
        body: &[u8],
        ts_recv: TimeNs,
        flags: u8,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let tick = body::Tick::read(body);
        let Some(spec) = self.symbols.by_number(tick.symbol_id) else {
            return self.unknown(tick.symbol_id);
        };
        let price = |field, value: f64| {
            if value == 0.0 {
                Ok(Price::NONE.0)
            } else {
                let price = self.symbols.price(spec, value);
                price.map(|price| price.0).map_err(|error| DecodeError::Value { field, error })
            }
        };
        let payload = record::Tick {
            bid: price("bid", tick.bid)?,
            ask: price("ask", tick.ask)?,
            last: price("last", tick.last)?,
            volume: tick.volume_real,
            ts_venue: self.utc_ns(tick.time_msc),
            ts_terminal: header.ts_sender_us.saturating_mul(NS_PER_US),
            stream_seq: header.seq,
            tick_flags: tick.flags & 0x7e,
            connection: self.connection,
        };
        out(self.record(ts_recv, spec.instrument, &payload).with_flags(flags));
        Ok(Decoded::Records)
    }

    pub(super) fn unknown(&self, symbol_id: u16) -> Result<Decoded, DecodeError> {
        if self.symbols.is_announced(symbol_id) {
            Ok(Decoded::Ignored)
        } else {
            Err(DecodeError::UnknownSymbol(symbol_id))
        }
    }

    fn rest(
        &mut self,
        header: &Header,
        kind: MessageKind,
        bytes: &[u8],
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        debug_assert_eq!(bytes.len(), body_bytes(kind));
        let ts_terminal = header.ts_sender_us.saturating_mul(NS_PER_US);
        match kind {
            MessageKind::HistoryTick => {
                // A refilled tick keeps its stream; an answer to `RequestTicks` travels in the session stream.
                if header.stream == Stream::Market as u16 {
                    return self.tick(header, bytes, ts, FLAG_REFILL, out);
                }
                self.history.begin(header.seq, self.next_seq[Stream::Market as usize]);
                self.tick(header, bytes, ts, FLAG_HISTORY, out)
            }
            MessageKind::Bar => self.bar(&body::Bar::read(bytes), ts, out),
            MessageKind::HistoryEnd => {
                let last_seq = self.next_seq[Stream::Market as usize] - 1;
                self.history_end(&body::HistoryEnd::read(bytes), (self.connection, last_seq), ts, out)
            }
            MessageKind::Hello => {
                let hello = body::Hello::read(bytes);
                self.server_offset_s = hello.server_offset_s;
                Ok(Decoded::Hello(hello))
            }
            MessageKind::InstrumentSpec => self.spec(&body::InstrumentSpec::read(bytes), ts, out),
            MessageKind::TradingSession => self.hours(&body::TradingSession::read(bytes), ts, out),
            MessageKind::CommandResult => {
                self.result(&body::CommandResult::read(bytes), ts_terminal, ts, out)
            }
            MessageKind::Transaction => {
                self.transaction(&body::Transaction::read(bytes), ts_terminal, ts, out)
            }
            MessageKind::OrderState => {
                let order = body::OrderState::read(bytes);
                self.count_part(if order.history == 0 { 0 } else { 3 });
                self.order(&order, ts, out)
            }
            MessageKind::PositionState => {
                self.count_part(1);
                self.position(&body::PositionState::read(bytes), ts, out)
            }
            MessageKind::DealState => {
                self.count_part(2);
                self.deal(&body::DealState::read(bytes), ts, out)
            }
            MessageKind::AccountState => self.account(&body::AccountState::read(bytes), ts, out),
            MessageKind::SnapshotBegin => {
                (self.snapshot_refused, self.snapshot_parts) = (false, [0; 4]);
                let begin = body::SnapshotBegin::read(bytes);
                let since = self.utc_ns(begin.since_msc);
                out(self.record(ts, InstrumentId::NONE, &snapshot(begin.request, since, [0; 4], 0)));
                Ok(Decoded::Records)
            }
            MessageKind::SnapshotEnd => {
                let end = body::SnapshotEnd::read(bytes);
                let counts = [end.order_count, end.position_count, end.deal_count, end.history_count];
                let is_whole = counts == self.snapshot_parts && !self.snapshot_refused;
                let phase = if end.complete == 1 && is_whole { 1 } else { 2 };
                out(self.record(ts, InstrumentId::NONE, &snapshot(end.request, 0, counts, phase)));
                Ok(Decoded::Records)
            }
            MessageKind::CreditGrant => {
                let grant = body::CreditGrant::read(bytes);
                let credit = record::Credit { granted_total: grant.granted_total };
                out(self.record(ts, InstrumentId::NONE, &credit));
                Ok(Decoded::Records)
            }
            MessageKind::GapNotice => {
                let notice = body::GapNotice::read(bytes);
                let gap = record::Gap {
                    stream: u64::from(notice.stream),
                    from_seq: notice.from_seq,
                    to_seq: notice.to_seq,
                };
                out(self.record(ts, InstrumentId::NONE, &gap).with_aux(record::GAP_IS_FINAL));
                Ok(Decoded::Records)
            }
            MessageKind::Heartbeat => Ok(Decoded::Heartbeat(header.ts_sender_us)),
            MessageKind::Bye => Ok(Decoded::Bye(body::Bye::read(bytes).reason)),
            _ => Ok(Decoded::Ignored),
        }
    }

    fn spec(
        &mut self,
        wire: &body::InstrumentSpec,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let Some((spec, is_other)) = self.symbols.announce(wire)? else { return Ok(Decoded::Ignored) };
        let delayed_or_hidden = wire.delayed != 0 || wire.selected == 0;
        let payload = record::Spec {
            tick_size: spec.tick_size,
            point: spec.point,
            volume_step: spec.volume_step,
            volume_min: spec.volume_min.0,
            volume_max: spec.volume_max.0,
            volume_limit: spec.volume_limit.0,
            contract_size: spec.contract_size,
            tick_value: spec.tick_value,
            stops_level_points: spec.stops_level_points,
            freeze_level_points: spec.freeze_level_points,
            digits: spec.digits,
            trade_mode: if delayed_or_hidden { 0 } else { spec.trade_mode.code() },
            execution: spec.execution.code(),
            filling_modes: spec.filling_modes,
            order_modes: spec.order_modes,
            expiration_modes: spec.expiration_modes,
            other_units: u8::from(is_other),
            reserved: 0,
        };
        let margin = record::SymbolMargin {
            initial: wire.margin_initial,
            rate_buy: wire.margin_rate_buy,
            rate_sell: wire.margin_rate_sell,
            currency: wire.currency_margin,
            calc_mode: wire.calc_mode,
            reserved: [0; 7],
        };
        // Which connection tells the symbol, and so pushes its ticks.
        out(self.record(ts, spec.instrument, &payload).with_aux(self.connection));
        out(self.record(ts, spec.instrument, &margin));
        Ok(Decoded::Spec(spec))
    }

    /// When a symbol is traded; when it is quoted is of no use here.
    fn hours(
        &self,
        wire: &body::TradingSession,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        const TRADE: u8 = 1;
        let Some(spec) = self.symbols.by_number(wire.symbol_id).filter(|_| wire.what == TRADE) else {
            return Ok(Decoded::Ignored);
        };
        let payload =
            record::TradingHours { from_s: wire.from_s, to_s: wire.to_s, day: wire.day, reserved: [0; 7] };
        out(self.record(ts, spec.instrument, &payload));
        Ok(Decoded::Records)
    }

    #[inline]
    pub(super) fn record<P: record::Payload>(
        &self,
        ts: TimeNs,
        instrument: InstrumentId,
        payload: &P,
    ) -> Record {
        Record::new(self.origin, ts, self.symbols.venue(), instrument, payload)
    }

    /// Server milliseconds as UTC nanoseconds.
    #[inline]
    pub(super) fn utc_ns(&self, server_msc: i64) -> i64 {
        TimeNs::from_ms(server_msc).0.saturating_sub(i64::from(self.server_offset_s) * NS_PER_S)
    }
}

fn snapshot(query_id: u64, since: i64, counts: [u32; 4], phase: u8) -> record::Snapshot {
    let [order_count, position_count, deal_count, history_count] = counts;
    record::Snapshot {
        query_id,
        since,
        order_count,
        position_count,
        deal_count,
        history_count,
        phase,
        reserved: [0; 7],
    }
}
