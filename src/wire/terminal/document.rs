//! `bridge/PROTOCOL.md` against the code: every table, every code, every golden byte.
//!
//! What it is not: a test of the codec's behaviour (`tests.rs`).
//!
//! Invariant: a body, kind, stream or reason that is only in one of the two places is a failure.

use super::body::{self, catalogue};
use super::encode_message;
use super::header::{
    Body, HEADER_BYTES, Header, MESSAGE_BYTES_MAX, MessageKind, PROTOCOL, RejectReason, Stream,
};
use crate::record::{FieldLayout, Layout};

const DOCUMENT: &str = include_str!("../../../bridge/PROTOCOL.md");

/// The rows of the first table after a heading that begins so; cells without back quotes.
fn table(heading: &str) -> Vec<Vec<String>> {
    let at = DOCUMENT.find(&format!("\n### {heading}")).unwrap_or_else(|| panic!("no heading {heading}"));
    let rows = DOCUMENT[at + 1..].lines().skip(1).skip_while(|line| !line.starts_with('|'));
    let cells =
        |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
    rows.take_while(|line| line.starts_with('|')).skip(2).map(cells).collect()
}

fn heading(begin: &str) -> &'static str {
    let line = DOCUMENT.lines().find(|line| line.starts_with(&format!("### {begin}:")));
    line.unwrap_or_else(|| panic!("no heading {begin}"))
}

fn assert_fields(name: &str, fields: &[FieldLayout]) {
    let written: Vec<[String; 3]> =
        table(name).iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone()]).collect();
    let true_ones: Vec<[String; 3]> = fields
        .iter()
        .map(|field| [field.offset.to_string(), field.kind.to_owned(), field.name.to_owned()])
        .collect();
    assert_eq!(written, true_ones, "{name}");
    assert!(table(name).iter().all(|row| row.len() == 4 && !row[3].is_empty()), "{name}: meanings");
}

#[test]
fn every_layout_stands_in_the_document() {
    assert_fields("Header:", Header::FIELDS);
    assert_eq!(heading("Header"), format!("### Header: {HEADER_BYTES} bytes"));
    for (name, kind, stream, fields) in catalogue() {
        assert_fields(&format!("{name}:"), fields);
        let bytes: usize = fields.iter().map(|field| field.bytes).sum();
        let expected = format!("### {name}: kind {}, stream {}, {bytes} bytes", kind as u8, stream.name());
        assert_eq!(heading(name), expected);
        assert!(HEADER_BYTES + bytes <= MESSAGE_BYTES_MAX, "{name}");
    }
    // The three headings that are tables of codes, and the header.
    let headings = DOCUMENT.lines().filter(|line| line.starts_with("### ")).count();
    assert_eq!(headings, catalogue().len() + 4, "a layout that the code does not have");
}

#[test]
fn every_code_stands_in_the_document() {
    let written = |heading: &str| -> Vec<(String, String)> {
        table(heading).iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    };
    let kinds = MessageKind::ALL.iter().map(|kind| ((*kind as u8).to_string(), kind.name().to_owned()));
    assert_eq!(written("Kinds"), kinds.collect::<Vec<_>>());
    for row in table("Kinds") {
        let from = if row[0].parse::<u8>().unwrap() < 64 { "terminal" } else { "appliance" };
        assert_eq!(row[2], from, "{row:?}");
    }
    let streams = Stream::ALL.iter().map(|stream| ((*stream as u16).to_string(), stream.name().to_owned()));
    assert_eq!(written("Streams"), streams.collect::<Vec<_>>());
    let reasons =
        RejectReason::ALL.iter().map(|reason| ((*reason as u32).to_string(), reason.name().to_owned()));
    assert_eq!(written("Reasons of a reject"), reasons.collect::<Vec<_>>());
    assert!(DOCUMENT.contains(&format!("# The terminal protocol, version {PROTOCOL}\n")));
}

fn text<const N: usize>(words: &str) -> [u8; N] {
    let mut field = [0; N];
    field[..words.len()].copy_from_slice(words.as_bytes());
    field
}

fn golden_hello() -> body::Hello {
    body::Hello {
        roles: 1,
        margin_mode: 2,
        account_mode: 0,
        simulated: 0,
        build: 5_000,
        login: 5_012_345_678,
        server_offset_s: 7_200,
        credit: 64,
        epoch_seen: 3,
        session: 0x0102_0304_0506_0708,
        currency: text("USD"),
        server: text("Broker-Demo"),
        program: text("TickbridgeEA 1.0"),
    }
}

fn golden_tick() -> body::Tick {
    body::Tick {
        symbol_id: 3,
        reserved: 0,
        time_s: 1_700_000_000,
        bid: 1.10432,
        ask: 1.1044,
        last: 0.0,
        volume: 0,
        time_msc: 1_700_000_000_123,
        flags: 6,
        volume_real: 0.0,
    }
}

fn golden_command() -> body::Command {
    body::Command {
        order_id: 0x0001_0000_0002_0003,
        epoch: 4,
        action: 5,
        order_type: 6,
        filling: 2,
        time_type: 2,
        deviation_points: 20,
        valid_for_ms: 500,
        revision: 1,
        order: 11,
        position: 12,
        position_by: 13,
        volume: 0.07,
        price: 1.105,
        stop_limit: 1.1045,
        price_sl: 1.1,
        price_tp: 1.12,
        expiration_s: 1_700_003_600,
        symbol: text("EURUSD"),
        comment: text("tb"),
    }
}

fn golden_request_ticks() -> body::RequestTicks {
    let (from_msc, to_msc) = (1_700_000_000_000, 0);
    body::RequestTicks {
        request: 0x0000_0004_0000_0001,
        from_msc,
        to_msc,
        count_max: 65_536,
        symbol: text("EURUSD"),
    }
}

fn golden_request_bars() -> body::RequestBars {
    body::RequestBars {
        request: 0x0000_0004_0000_0002,
        period_s: 60,
        count_max: 200,
        from_msc: 0,
        to_msc: 1_699_999_999_999,
        symbol: text("EURUSD"),
    }
}

fn golden_bar() -> body::Bar {
    body::Bar {
        request: 0x0000_0004_0000_0002,
        symbol_id: 3,
        reserved: 0,
        period_s: 60,
        time_s: 1_699_999_920,
        open: 1.1043,
        high: 1.1045,
        low: 1.10425,
        close: 1.10432,
        tick_volume: 97,
        spread_points: 8,
        real_volume: 0,
    }
}

fn golden_history_end() -> body::HistoryEnd {
    body::HistoryEnd { request: 0x0000_0004_0000_0002, count: 1, error: 0, reserved: 0 }
}

/// The hexadecimal block after a line.
fn golden(name: &str) -> Vec<u8> {
    let mark = format!("\n{name}\n\n```hex\n");
    let at = DOCUMENT.find(&mark).unwrap_or_else(|| panic!("no golden {name}")) + mark.len();
    let block = &DOCUMENT[at..at + DOCUMENT[at..].find("```").unwrap()];
    let byte = |pair: &str| u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{name}: {pair}"));
    block.split_whitespace().map(byte).collect()
}

fn assert_golden<B: Body + PartialEq + std::fmt::Debug>(name: &str, body: &B, seq: u64) {
    let mut message = [0; MESSAGE_BYTES_MAX];
    let len = encode_message(body, seq, 55, &mut message);
    let written = golden(name);
    let as_hex = |bytes: &[u8]| {
        let lines = bytes
            .chunks(24)
            .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(as_hex(&written), as_hex(&message[..len]), "{name}");
    let (header, kind, rest) = Header::parse(&written).unwrap();
    assert_eq!((kind, header.seq, header.ts_sender_us), (B::KIND, seq, 55));
    assert_eq!(&B::read(rest), body);
}

#[test]
fn the_golden_bytes_are_what_the_code_writes_and_reads() {
    assert_golden("Hello:", &golden_hello(), 0);
    assert_golden("Tick, number 9 of its stream:", &golden_tick(), 9);
    assert_golden("Command, number 2 of its stream:", &golden_command(), 2);
    assert_golden("RequestTicks:", &golden_request_ticks(), 0);
    assert_golden("RequestBars:", &golden_request_bars(), 0);
    assert_golden("Bar:", &golden_bar(), 0);
    assert_golden("HistoryEnd:", &golden_history_end(), 0);
}
