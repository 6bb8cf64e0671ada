//! Any bytes as a snapshot: its file, and the state in it, read without a panic and without taking more memory than there are bytes.
//!
//! What it is not: a proof that a state comes back; every episode of the simulator is.
//!
//! Invariant: what decodes encodes to the same bytes, and a state that loads is saved as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::journal::Snapshot;
use tickbridge::market::Market;
use tickbridge::order::{OrderBook, PositionBook};
use tickbridge::types::{StateBytes, StateSource};

fuzz_target!(|data: &[u8]| {
    if let Ok(snapshot) = Snapshot::decode(data) {
        assert_eq!(snapshot.encode(), data);
    }
    let _ = Market::default().load(&mut StateSource::new(data));
    let _ = PositionBook::default().load(&mut StateSource::new(data));
    let (mut book, mut source) = (OrderBook::default(), StateSource::new(data));
    if book.load(&mut source).is_ok() {
        let mut bytes = StateBytes::default();
        book.save(&mut bytes);
        let mut again = OrderBook::default();
        again.load(&mut StateSource::new(&bytes.into_bytes())).expect("what was saved loads");
    }
});
