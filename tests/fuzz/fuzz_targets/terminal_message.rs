//! Any bytes as messages of a terminal: refused or decoded, and never a panic.
//!
//! What it is not: a check of what the messages mean.
//!
//! Invariant: what a header accepts is written back bit for bit; a stream's number never goes back; a bar of the past has its
//! open and close between its low and high.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::record::{HistoryBar, Layout, Origin};
use tickbridge::types::{FixedText, InstrumentId, TimeNs, VenueId};
use tickbridge::wire::terminal::{
    Decoder, HEADER_BYTES, Header, MESSAGE_BYTES_MAX, MessageKind, SymbolTable, body,
};

/// A message of this kind with these bytes as its body, so that the bodies are reached.
fn with_header(kind: MessageKind, seq: u64, bytes: &[u8]) -> Vec<u8> {
    let body_bytes = body::body_bytes(kind);
    let header = Header {
        protocol: 1,
        kind: kind as u8,
        stream: u16::from(bytes.first().is_some_and(|byte| byte & 1 == 1)),
        body_bytes: body_bytes as u32,
        seq,
        ts_sender_us: 0,
    };
    let mut message = vec![0; HEADER_BYTES + body_bytes];
    header.write(&mut message);
    let given = bytes.len().min(body_bytes);
    message[HEADER_BYTES..HEADER_BYTES + given].copy_from_slice(&bytes[..given]);
    message
}

/// EURUSD as number 0.
fn spec() -> Vec<u8> {
    let mut wire = body::InstrumentSpec::read(&[0; MESSAGE_BYTES_MAX]);
    (wire.digits, wire.trade_mode, wire.execution, wire.selected) = (5, 4, 2, 1);
    (wire.point, wire.tick_size, wire.tick_value) = (0.00001, 0.00001, 1.0);
    (wire.contract_size, wire.volume_min, wire.volume_max, wire.volume_step) = (100_000.0, 0.01, 100.0, 0.01);
    wire.symbol[..6].copy_from_slice(b"EURUSD");
    let mut bytes = vec![0; body::InstrumentSpec::BYTES];
    wire.write(&mut bytes);
    with_header(MessageKind::InstrumentSpec, 0, &bytes)
}

fuzz_target!(|data: &[u8]| {
    let symbol = FixedText::new("EURUSD").expect("text");
    let symbols = SymbolTable::new(VenueId(0), vec![(symbol, InstrumentId(0))]);
    let mut decoder = Decoder::new(symbols, Origin::Market);
    decoder.decode(&spec(), TimeNs(1), &mut |_| ()).expect("a good symbol");

    if let Ok((header, _, body)) = Header::parse(data) {
        let mut again = [0; HEADER_BYTES];
        header.write(&mut again);
        assert_eq!(again, data[..HEADER_BYTES]);
        assert_eq!(HEADER_BYTES + body.len(), data.len());
        assert!(data.len() <= MESSAGE_BYTES_MAX);
    }
    let _ = decoder.decode(data, TimeNs(2), &mut |_| ());

    // Every kind, with these bytes as its body, one after the other.
    let Some((&pick, bytes)) = data.split_first() else { return };
    let kind = MessageKind::ALL[usize::from(pick) % MessageKind::ALL.len()];
    for seq in 1..4 {
        let mut count = 0;
        let _ = decoder.decode(&with_header(kind, seq, bytes), TimeNs(3), &mut |record| {
            count += 1;
            if let Some(bar) = record.payload::<HistoryBar>() {
                assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high);
                assert!(bar.period_s > 0);
            }
        });
        assert!(count <= 2, "a gap and the message");
    }
});
