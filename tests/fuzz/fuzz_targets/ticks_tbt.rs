//! Any bytes as a `.tbt` file: refused or read, never a panic or a large allocation.
//!
//! What it is not: a check of values; the golden bytes are.
//!
//! Invariant: reading ends, with the file or with an error.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use std::path::Path;
use tickbridge::store::ticks::tbt::TbtReader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = TbtReader::new(Cursor::new(data), Path::new("fuzz")) else { return };
    while let Ok(Some(_)) = reader.next_tick() {}
});
