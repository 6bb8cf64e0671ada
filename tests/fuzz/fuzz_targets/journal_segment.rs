//! Any bytes as a journal segment: judged without a panic, and what is called good is good.
//!
//! What it is not: a recovery; that is a property test with a disk that fails.
//!
//! Invariant: what a scan calls good is good again when scanned alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::journal::{SEGMENT_HEADER_BYTES, SegmentEnd, SegmentHeader, scan_segment};
use tickbridge::types::TimeNs;

fuzz_target!(|data: &[u8]| {
    let _ = scan_segment(data);
    // The same bytes behind a good header, so that the record scanner is reached.
    let header =
        SegmentHeader { first_seq: 1, epoch: 1, journal_id: 1, config_digest: 0, created: TimeNs(1) };
    let mut file = header.encode().to_vec();
    file.extend_from_slice(data);
    let scan = scan_segment(&file).expect("the header is good");
    let good_bytes = scan.good_bytes() as usize;
    assert!(good_bytes <= file.len());
    let again = scan_segment(&file[..good_bytes]).expect("the header is good");
    assert_eq!((again.record_count, again.end), (scan.record_count, SegmentEnd::Exact));
    assert!(scan.end != SegmentEnd::Exact || good_bytes == file.len().max(SEGMENT_HEADER_BYTES));
});
