//! What a terminal says, byte by byte, and what the decoder makes of it.
//!
//! What it is not: the sizes and offsets of bodies, which the layouts test themselves.
//!
//! Invariant: the bytes are written out here, not made by the code under test.

use super::*;
use crate::record::{self, Layout, Origin, Record};
use crate::types::{FixedText, InstrumentId, InstrumentSpec, Price, TimeNs, VenueId};

/// A decoder that knows EURUSD as number 3.
fn decoder() -> Decoder {
    let symbol = FixedText::new("EURUSD").unwrap();
    let mut decoder =
        Decoder::new(SymbolTable::new(VenueId(1), vec![(symbol, InstrumentId(0))]), Origin::Market);
    let mut message = [0; MESSAGE_BYTES_MAX];
    let len = encode_message(&eurusd_wire(), 0, 0, &mut message);
    let decoded = decoder.decode(&message[..len], TimeNs(1), &mut |_| ()).unwrap();
    assert!(matches!(decoded, Decoded::Spec(InstrumentSpec { digits: 5, .. })));
    decoder
}

fn eurusd_wire() -> body::InstrumentSpec {
    let mut wire = body::InstrumentSpec::read(&[0; 1024]);
    wire.symbol_id = 3;
    wire.digits = 5;
    wire.trade_mode = 4;
    wire.execution = 2;
    wire.filling_modes = 3;
    wire.order_modes = 127;
    wire.expiration_modes = 15;
    wire.selected = 1;
    (wire.point, wire.tick_size, wire.tick_value) = (0.00001, 0.00001, 1.0);
    (wire.contract_size, wire.volume_min, wire.volume_max, wire.volume_step) = (100_000.0, 0.01, 100.0, 0.01);
    wire.symbol[..6].copy_from_slice(b"EURUSD");
    wire
}

fn tick(bid: f64, ask: f64) -> body::Tick {
    body::Tick {
        symbol_id: 3,
        reserved: 0,
        time_s: 1_700_000_000,
        bid,
        ask,
        last: 0.0,
        volume: 0,
        time_msc: 1_700_000_000_123,
        flags: 0x486,
        volume_real: 0.0,
    }
}

fn decode_all(decoder: &mut Decoder, message: &[u8]) -> (Result<Decoded, DecodeError>, Vec<Record>) {
    let mut records = Vec::new();
    let result = decoder.decode(message, TimeNs(7), &mut |record| records.push(record));
    (result, records)
}

fn encoded<B: Body>(body: &B, seq: u64) -> Vec<u8> {
    let mut message = [0; MESSAGE_BYTES_MAX];
    let len = encode_message(body, seq, 55, &mut message);
    message[..len].to_vec()
}

#[test]
fn golden_bytes_of_a_tick() {
    let message = encoded(&tick(1.5, 2.0), 9);
    let mut golden = vec![1, 3, 1, 0, 64, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 55, 0, 0, 0, 0, 0, 0, 0];
    golden.extend([3, 0, 0, 0]);
    golden.extend([0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0]);
    golden.extend([0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40]);
    golden.extend([0; 16]);
    golden.extend([0x7b, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0]);
    golden.extend([0x86, 4, 0, 0]);
    golden.extend([0; 8]);
    assert_eq!(message, golden);
}

#[test]
fn a_tick_becomes_exact_integers_or_is_refused() {
    let mut decoder = decoder();
    let (result, records) = decode_all(&mut decoder, &encoded(&tick(1.10432, 1.1044), 1));
    assert_eq!(result, Ok(Decoded::Records));
    let payload: record::Tick = records[0].payload().unwrap();
    assert_eq!((payload.bid, payload.ask, payload.last), (110_432, 110_440, Price::NONE.0));
    assert_eq!(payload.ts_venue, 1_700_000_000_123_000_000);
    assert_eq!((payload.tick_flags, payload.ts_terminal, payload.stream_seq), (6, 55_000, 1));
    let (result, records) = decode_all(&mut decoder, &encoded(&tick(1.104325, 1.1044), 2));
    assert!(matches!(result, Err(DecodeError::Value { field: "bid", .. })), "{result:?}");
    assert!(records.is_empty());
    let (result, _) = decode_all(&mut decoder, &encoded(&tick(1.1, f64::NAN), 3));
    assert!(matches!(result, Err(DecodeError::Value { field: "ask", .. })), "{result:?}");
}

#[test]
fn a_venue_that_counts_in_other_units_is_converted_to_the_first_ones_on_every_connection() {
    let connection = || {
        let symbols = vec![(FixedText::new("EURUSD").unwrap(), InstrumentId(0))];
        Decoder::new(SymbolTable::new(VenueId(1), symbols), Origin::Trade)
    };
    let told = |decoder: &mut Decoder, wire: &body::InstrumentSpec| {
        let (result, records) = decode_all(decoder, &encoded(wire, 0));
        assert!(matches!(result, Ok(Decoded::Spec(_))), "{result:?}");
        records[0].payload::<record::Spec>().unwrap()
    };
    let mut deal = body::DealState::read(&[0; 1024]);
    (deal.symbol_id, deal.ticket, deal.price, deal.volume) = (3, 77, 1.10432, 0.3);
    let counted = |decoder: &mut Decoder, seq: u64| {
        let (result, records) = decode_all(decoder, &encoded(&deal, seq));
        assert_eq!(result, Ok(Decoded::Records));
        let deal = records[0].payload::<record::DealEvent>().unwrap();
        (deal.price, deal.qty)
    };
    let (mut first, mut second) = (connection(), connection());
    assert_eq!((told(&mut first, &eurusd_wire()).other_units, counted(&mut first, 1)), (0, (110_432, 30)));
    // As whoever owns both does.
    let kept = *first.symbols().by_instrument(InstrumentId(0)).unwrap();
    second.keep_units(&kept);
    for (tick_size, volume_step) in [(0.000_001, 0.1), (0.0001, 0.001)] {
        let mut other = eurusd_wire();
        (other.tick_size, other.point, other.volume_step) = (tick_size, tick_size, volume_step);
        (other.volume_min, other.tick_value) = (volume_step, 100_000.0 * tick_size);
        let seq = if tick_size == 0.000_001 { 1 } else { 2 };
        for (decoder, heard) in [(&mut first, 1), (&mut second, 0)] {
            let spec = told(decoder, &other);
            assert_eq!((spec.other_units, spec.trade_mode), (1, 3), "closing alone is allowed");
            assert_eq!(
                (spec.tick_size, spec.volume_step, counted(decoder, heard + seq)),
                (0.00001, 0.01, (110_432, 30))
            );
            let points = decoder.symbols().venue_points(InstrumentId(0), 50);
            assert_eq!(points, if seq == 1 { 500 } else { 5 }, "the same distance");
            // A tick between two of ours counts as the nearer one.
            let (_, records) = decode_all(decoder, &encoded(&tick(1.104324, 1.104408), seq));
            let tick = records.last().and_then(|record| record.payload::<record::Tick>()).unwrap();
            assert_eq!((tick.bid, tick.ask), (110_432, 110_441));
        }
    }
    assert_eq!(told(&mut second, &eurusd_wire()).other_units, 0, "they are back");
}

#[test]
fn a_missing_number_is_reported_first_and_a_repeated_one_refused() {
    let mut decoder = decoder();
    decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 1)).0.unwrap();
    let (result, records) = decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 5));
    assert_eq!(result, Ok(Decoded::Records));
    assert_eq!(records[0].payload(), Some(record::Gap { stream: 1, from_seq: 2, to_seq: 4 }));
    assert!(records[1].payload::<record::Tick>().is_some());
    let (result, _) = decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 5));
    assert_eq!(result, Err(DecodeError::Repeated { stream: Stream::Market, expected: 6, got: 5 }));
}

#[test]
fn what_is_not_a_message_is_refused_with_expected_and_got() {
    let mut decoder = decoder();
    let good = encoded(&tick(1.1, 1.1), 1);
    for cut in 0..good.len() {
        assert!(decode_all(&mut decoder, &good[..cut]).0.is_err(), "{cut} bytes");
    }
    let mut version = good.clone();
    version[0] = 2;
    assert_eq!(decode_all(&mut decoder, &version).0, Err(HeaderError::Protocol { got: 2 }.into()));
    let mut kind = good.clone();
    kind[1] = 63;
    assert_eq!(decode_all(&mut decoder, &kind).0, Err(HeaderError::Kind { got: 63 }.into()));
    let command = body::Command::read(&[0; 1024]);
    let (result, _) = decode_all(&mut decoder, &encoded(&command, 1));
    assert_eq!(result, Err(HeaderError::Direction { got: MessageKind::Command }.into()));
    let mut unknown = tick(1.1, 1.1);
    unknown.symbol_id = 4;
    assert_eq!(decode_all(&mut decoder, &encoded(&unknown, 1)).0, Err(DecodeError::UnknownSymbol(4)));
}

#[test]
fn a_deal_off_the_grid_is_kept_at_the_nearest_tick() {
    let mut decoder = decoder();
    let mut wire = body::Transaction::read(&[0; 1024]);
    (wire.transaction, wire.looked_up, wire.symbol_id) = (6, 1, 3);
    (wire.deal, wire.magic, wire.price, wire.volume) = (77, 42, 1.100_004_9, 0.1);
    let (result, records) = decode_all(&mut decoder, &encoded(&wire, 1));
    assert_eq!(result, Ok(Decoded::Records));
    let deal: record::DealEvent = records[0].payload().unwrap();
    assert_eq!((deal.deal, deal.magic, deal.price, deal.qty), (77, 42, 110_000, 10));
    // Annulled it trades nothing, and is the same deal by what it carries.
    (wire.transaction, wire.deal_type) = (7, 13);
    let (_, records) = decode_all(&mut decoder, &encoded(&wire, 2));
    let deal: record::DealEvent = records[0].payload().unwrap();
    assert_eq!((deal.deal, deal.magic, deal.qty, deal.deal_type), (77, 42, 0, 13));
    assert_eq!(records[0].instrument(), InstrumentId::NONE);
}

#[test]
fn a_command_goes_out_on_the_venues_grid() {
    let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").unwrap());
    let mut command = record::Command::read(&[0; 128]);
    (command.order_id, command.action, command.order_kind) = (99, 1, 0);
    (command.qty, command.price, command.stop_loss, command.take_profit) =
        (7, Price::NONE.0, 110_001, Price::NONE.0);
    command.stop_limit = Price::NONE.0;
    command.ts_deadline = 90_000_000;
    let wire = encode_command(&command, &spec, 5, 7_200, TimeNs(40_000_000));
    assert_eq!((wire.volume, wire.price, wire.price_sl, wire.price_tp), (0.07, 0.0, 1.10001, 0.0));
    assert_eq!((wire.valid_for_ms, wire.epoch, wire.order_id), (50, 5, 99));
    assert_eq!(&wire.symbol[..7], b"EURUSD\0");
}

#[test]
fn an_absurd_volume_is_kept_within_what_can_be_counted() {
    let mut wire = body::PositionState::read(&[0; 1024]);
    (wire.symbol_id, wire.position_type) = (3, 1);
    for (volume, expected) in [(-1e300, 1 << 53), (1e300, -(1 << 53)), (f64::NAN, 0), (0.07, -7)] {
        wire.volume = volume;
        let (result, records) = decode_all(&mut decoder(), &encoded(&wire, 1));
        assert_eq!(result, Ok(Decoded::Records), "{volume}");
        assert_eq!(records[0].payload::<record::PositionEvent>().unwrap().qty, expected, "{volume}");
    }
}

#[test]
fn a_snapshot_of_which_a_part_was_refused_or_is_missing_is_not_complete() {
    // The deal's symbol, its number and that of the end, and how many deals the end says.
    let whole = (3, [2, 3], 1);
    let cases = [
        (whole, 1),
        ((9, [2, 3], 1), 2),
        ((3, [3, 4], 1), 2),
        ((3, [2, 5], 1), 2),
        ((3, [2, 3], 2), 2),
        ((3, [2, 3], 0), 2),
    ];
    let mut decoder = decoder();
    for (round, ((symbol_id, numbers, deal_count), phase)) in
        cases.into_iter().chain([(whole, 1)]).enumerate()
    {
        let first = 10 * round as u64;
        let at = |number: u64| if round == 0 { number } else { first + number };
        let begin = body::SnapshotBegin { request: 5, since_msc: 0, time_msc: 0 };
        decode_all(&mut decoder, &encoded(&begin, at(1))).0.unwrap();
        let mut deal = body::DealState::read(&[0; 1024]);
        deal.symbol_id = symbol_id;
        let told = decode_all(&mut decoder, &encoded(&deal, at(numbers[0]))).0;
        assert_eq!(told.is_err(), symbol_id == 9);
        let mut end = body::SnapshotEnd::read(&[0; 1024]);
        (end.request, end.complete, end.deal_count) = (5, 1, deal_count);
        let (_, records) = decode_all(&mut decoder, &encoded(&end, at(numbers[1])));
        let told = records.iter().find_map(|record| record.payload::<record::Snapshot>()).unwrap();
        assert_eq!(told.phase, phase, "{symbol_id} {numbers:?} {deal_count}");
    }
}

#[test]
fn every_part_of_a_snapshot_is_counted_with_its_kind() {
    let mut decoder = decoder();
    let mut number = 0;
    let say = |decoder: &mut Decoder, message: &[u8]| {
        let (result, records) = decode_all(decoder, message);
        assert_eq!(result, Ok(Decoded::Records));
        records.iter().find_map(|record| record.payload::<record::Snapshot>()).map(|told| told.phase)
    };
    let mut next = || {
        number += 1;
        number
    };
    let begin = body::SnapshotBegin { request: 5, since_msc: 0, time_msc: 0 };
    say(&mut decoder, &encoded(&begin, next()));
    let mut order = body::OrderState::read(&[0; 1024]);
    order.symbol_id = 3;
    say(&mut decoder, &encoded(&order, next()));
    order.history = 1;
    (0..2).for_each(|_| assert_eq!(say(&mut decoder, &encoded(&order, next())), None));
    let mut position = body::PositionState::read(&[0; 1024]);
    position.symbol_id = 3;
    (0..3).for_each(|_| assert_eq!(say(&mut decoder, &encoded(&position, next())), None));
    let mut deal = body::DealState::read(&[0; 1024]);
    deal.symbol_id = 3;
    (0..4).for_each(|_| assert_eq!(say(&mut decoder, &encoded(&deal, next())), None));
    let mut end = body::SnapshotEnd::read(&[0; 1024]);
    (end.request, end.complete) = (5, 1);
    (end.order_count, end.history_count, end.position_count, end.deal_count) = (1, 2, 3, 4);
    assert_eq!(say(&mut decoder, &encoded(&end, next())), Some(1));
}

fn bar() -> body::Bar {
    body::Bar {
        request: 5,
        symbol_id: 3,
        reserved: 0,
        period_s: 60,
        time_s: 1_700_000_000,
        open: 1.1043,
        high: 1.1045,
        low: 1.10425,
        close: 1.10432,
        tick_volume: 97,
        spread_points: 8,
        real_volume: 2,
    }
}

/// As a history tick that answers this request.
fn past_tick(request: u64, bid: f64) -> Vec<u8> {
    let mut message = encoded(&tick(bid, bid), request);
    (message[1], message[2]) = (MessageKind::HistoryTick as u8, Stream::Session as u8);
    message
}

/// The end of an answer, decoded.
fn end_of(decoder: &mut Decoder, request: u64, count: u64, error: u32) -> record::HistoryEnd {
    let end = body::HistoryEnd { request, count, error, reserved: 0 };
    let (result, records) = decode_all(decoder, &encoded(&end, 0));
    assert_eq!(result, Ok(Decoded::Records));
    records[0].payload().unwrap()
}

#[test]
fn a_bar_becomes_exact_integers_in_utc_or_is_refused_and_the_end_says_so() {
    let mut decoder = decoder();
    decoder.set_server_offset_s(7_200);
    let (result, records) = decode_all(&mut decoder, &encoded(&bar(), 0));
    assert_eq!(result, Ok(Decoded::Records));
    let payload: record::HistoryBar = records[0].payload().unwrap();
    let prices = [payload.open, payload.high, payload.low, payload.close];
    assert_eq!((prices, payload.request), ([110_430, 110_450, 110_425, 110_432], 5));
    assert_eq!(payload.ts_open, (1_700_000_000 - 7_200) * 1_000_000_000);
    assert_eq!((payload.tick_volume, payload.real_volume, payload.spread_points), (97, 2, 8));
    assert_eq!(end_of(&mut decoder, 5, 1, 0).error, 0);
    type Change = fn(&mut body::Bar);
    let changes: [Change; 5] = [
        |bar| bar.low = 1.10431,
        |bar| bar.high = 1.10431,
        |bar| bar.period_s = 0,
        |bar| bar.open = 1.104305,
        |bar| bar.close = f64::NAN,
    ];
    for change in changes {
        let mut bad = bar();
        change(&mut bad);
        let (result, records) = decode_all(&mut decoder, &encoded(&bad, 0));
        assert!(!result.unwrap_err().is_fatal() && records.is_empty(), "{bad:?}");
        assert_eq!(end_of(&mut decoder, 5, 1, 0).error, record::HISTORY_REFUSED, "{bad:?}");
    }
    assert_eq!(end_of(&mut decoder, 5, 0, 4_401).error, 4_401, "the terminal's own error comes first");
    let mut foreign = bar();
    foreign.symbol_id = 4;
    assert_eq!(decode_all(&mut decoder, &encoded(&foreign, 0)).0, Err(DecodeError::UnknownSymbol(4)));
}

#[test]
fn the_end_of_an_answer_says_where_the_live_stream_stood() {
    let mut decoder = decoder();
    assert_eq!(end_of(&mut decoder, 9, 0, 0).stream_seq, 0);
    decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 1)).0.unwrap();
    decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 2)).0.unwrap();
    let (_, records) = decode_all(&mut decoder, &past_tick(9, 1.2));
    assert_eq!(records[0].flags(), record::FLAG_HISTORY);
    assert_eq!(records[0].payload::<record::Tick>().unwrap().stream_seq, 9, "the request's number");
    let end = end_of(&mut decoder, 9, 1, 0);
    assert_eq!((end.stream_seq, end.error, end.count), (2, 0, 1));
    // A live tick in the middle of an answer, and one between two answers.
    decode_all(&mut decoder, &past_tick(10, 1.2)).0.unwrap();
    decode_all(&mut decoder, &encoded(&tick(1.1, 1.1), 3)).0.unwrap();
    decode_all(&mut decoder, &past_tick(10, 1.2)).0.unwrap();
    assert_eq!(end_of(&mut decoder, 10, 2, 0).error, record::HISTORY_INTERLEAVED);
    decode_all(&mut decoder, &past_tick(11, 1.2)).0.unwrap();
    assert_eq!((end_of(&mut decoder, 11, 1, 0).error, end_of(&mut decoder, 12, 0, 0).error), (0, 0));
    let (result, _) = decode_all(&mut decoder, &past_tick(13, 1.104325));
    assert!(matches!(result, Err(DecodeError::Value { field: "bid", .. })));
    assert_eq!(end_of(&mut decoder, 13, 1, 0).error, record::HISTORY_REFUSED);
}

#[test]
fn a_question_goes_out_in_server_time() {
    let symbol = FixedText::new("EURUSD").unwrap();
    let mut request = record::HistoryRequest {
        request: 5,
        ts_from: 0,
        ts_to: 60_000_999_999,
        count_max: 200,
        period_s: 60,
    };
    let HistoryQuestion::Bars(bars) = encode_history_request(&request, &symbol, 7_200) else {
        panic!("bars")
    };
    assert_eq!((bars.from_msc, bars.to_msc, bars.count_max, bars.period_s), (0, 7_260_000, 200, 60));
    (request.period_s, request.ts_from, request.ts_to) = (0, 60_000_000_000, 0);
    let HistoryQuestion::Ticks(ticks) = encode_history_request(&request, &symbol, -3_600) else {
        panic!("ticks")
    };
    assert_eq!((ticks.from_msc, ticks.to_msc, ticks.count_max), (1, 0, 200), "never zero, which means any");
    assert_eq!(&ticks.symbol[..7], b"EURUSD\0");
}
