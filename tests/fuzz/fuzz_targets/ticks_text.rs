//! Any bytes as a text or archive of ticks: each format reads to the end or to an error, never a panic.
//!
//! What it is not: a check of values; the real files of the tests are.
//!
//! Invariant: reading ends, with the file or with an error.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tickbridge::store::ticks::{
    CivilDate, CsvMap, OnBroken, OpenOptions, TickFormat, TimeFormat, open_ticks,
};

fuzz_target!(|data: &[u8]| {
    let Some((&kind, text)) = data.split_first() else { return };
    let format = [TickFormat::Mt5, TickFormat::QuoteZip, TickFormat::Csv][usize::from(kind % 3)];
    let path = std::env::temp_dir().join(format!("ticks_text_{}", std::process::id()));
    std::fs::write(&path, text).expect("the temporary folder is writable");
    let time_format = TimeFormat::parse("%Y-%m-%d %H:%M:%S.%f").expect("a pattern");
    let options = OpenOptions {
        format: Some(format),
        date: CivilDate::parse("2024-01-02"),
        csv: CsvMap::new("time=0,bid=1,ask=2,last=3,volume=4,flags=5", time_format, b',').ok(),
        on_broken: OnBroken::Skip,
        ..OpenOptions::default()
    };
    if let Ok(reader) = open_ticks(&path, &options) {
        reader.for_each(drop);
    }
});
