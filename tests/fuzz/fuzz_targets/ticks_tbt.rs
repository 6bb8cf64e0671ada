//! Any bytes as a `.tbt` file: refused or read, never a panic or a large allocation.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use std::path::Path;
use tickbridge::store::ticks::tbt::TbtReader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = TbtReader::new(Cursor::new(data), Path::new("fuzz")) else { return };
    while let Ok(Some(_)) = reader.next_tick() {}
});
