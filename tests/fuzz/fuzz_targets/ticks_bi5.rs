//! Any bytes as an LZMA-alone hour: refused or unpacked, within the limit.
//!
//! What it is not: a check of prices.
//!
//! Invariant: what is unpacked is never longer than an hour may be.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tickbridge::store::ticks::bi5::{HOUR_BYTES_MAX, unpack};

fuzz_target!(|data: &[u8]| {
    if let Ok(records) = unpack(data) {
        assert!(records.len() <= HOUR_BYTES_MAX);
    }
});
