//! Judges the bytes of one segment: which records are good, and how it ends.
//!
//! What it is not: it reads no file and repairs nothing; `recovery` and `reader` act on the verdict.
//!
//! Invariant: a record counts as good only if its checksum holds, its sequence is the next one, and every record before it
//! is good. A bad place with a whole record after it is never called a torn end.

use super::error::{HeaderFault, RecordFault};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::record::{RECORD_BYTES, Record};

/// How a segment ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentEnd {
    /// With its last good record.
    Exact,
    /// With zeros: preallocated, never written.
    Preallocated,
    /// With something that is no record, and nothing good after it.
    Torn {
        /// What is wrong with the first bad place.
        fault: RecordFault,
    },
    /// A bad place with whole records after it, or a whole record that is not the next one.
    Corrupt {
        /// What is wrong with the first bad place.
        fault: RecordFault,
    },
}

/// The verdict on a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentScan {
    /// Its header.
    pub header: SegmentHeader,
    /// Good records, from the beginning.
    pub record_count: u64,
    /// What comes after them.
    pub end: SegmentEnd,
}

impl SegmentScan {
    /// Where the good records end, in bytes from the file's beginning.
    pub fn good_bytes(&self) -> u64 {
        super::segment::record_offset(self.record_count)
    }

    /// The sequence after the last good record.
    pub fn next_seq(&self) -> u64 {
        self.header.first_seq.saturating_add(self.record_count)
    }
}

/// Whether a record's checksum holds.
pub(super) fn check_sum(record: &Record) -> Result<(), RecordFault> {
    let (expected, got) = (crc32c::crc32c(record.checksummed()), record.checksum());
    if expected == got { Ok(()) } else { Err(RecordFault::Checksum { expected, got }) }
}

/// Whether a record is whole and the one that belongs here.
pub(super) fn check_record(record: &Record, expected: u64) -> Result<(), RecordFault> {
    check_sum(record)?;
    if record.seq() == expected { Ok(()) } else { Err(RecordFault::Sequence { expected, got: record.seq() }) }
}

/// The slots after the header; the last may be short.
fn slots(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.get(SEGMENT_HEADER_BYTES..).unwrap_or_default().chunks(RECORD_BYTES)
}

fn check_slot(slot: &[u8], expected: u64) -> Result<(), RecordFault> {
    match <[u8; RECORD_BYTES]>::try_from(slot) {
        Ok(bytes) => check_record(&Record::from_bytes(bytes), expected),
        Err(_) => Err(RecordFault::Short { got: slot.len() }),
    }
}

fn is_whole(slot: &[u8]) -> bool {
    <[u8; RECORD_BYTES]>::try_from(slot).is_ok_and(|bytes| check_sum(&Record::from_bytes(bytes)).is_ok())
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// Whether any whole record stands anywhere in a file, header or not.
pub(super) fn has_records(file: &[u8]) -> bool {
    slots(file).any(is_whole)
}

/// Judges a whole segment file. Linear in its length; allocates nothing.
pub fn scan_segment(file: &[u8]) -> Result<SegmentScan, HeaderFault> {
    let header = SegmentHeader::decode(file)?;
    let mut record_count = 0u64;
    let mut end = SegmentEnd::Exact;
    for (index, slot) in slots(file).enumerate() {
        let Err(fault) = check_slot(slot, header.first_seq.saturating_add(record_count)) else {
            record_count += 1;
            continue;
        };
        let rest = &file[SEGMENT_HEADER_BYTES + index * RECORD_BYTES..];
        end = judge_rest(rest, slot, fault);
        break;
    }
    Ok(SegmentScan { header, record_count, end })
}

/// The verdict on everything from the first place that is not the next good record.
fn judge_rest(rest: &[u8], slot: &[u8], fault: RecordFault) -> SegmentEnd {
    let fault = if is_zero(slot) { RecordFault::Hole } else { fault };
    if matches!(fault, RecordFault::Sequence { .. }) || rest.chunks(RECORD_BYTES).skip(1).any(is_whole) {
        SegmentEnd::Corrupt { fault }
    } else if is_zero(rest) {
        SegmentEnd::Preallocated
    } else {
        SegmentEnd::Torn { fault }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::types::TimeNs;
    use proptest::prelude::*;

    /// A segment of `count` records from `first_seq`, followed by `zeros` empty slots.
    pub(in crate::journal) fn segment(first_seq: u64, count: u64, zeros: usize) -> Vec<u8> {
        let header =
            SegmentHeader { first_seq, epoch: 1, journal_id: 1, config_digest: 0, created: TimeNs(1) };
        let mut file = header.encode().to_vec();
        for seq in first_seq..first_seq + count {
            let mut record = Record::EMPTY.with_aux(seq as u32 ^ 0x5555);
            record.set_seq(seq);
            record.set_checksum(crc32c::crc32c(record.checksummed()));
            file.extend_from_slice(record.bytes());
        }
        file.resize(file.len() + zeros * RECORD_BYTES, 0);
        file
    }

    #[test]
    fn good_segments() {
        for (count, zeros, end) in
            [(0, 0, SegmentEnd::Exact), (5, 0, SegmentEnd::Exact), (5, 3, SegmentEnd::Preallocated)]
        {
            let scan = scan_segment(&segment(10, count, zeros)).unwrap();
            assert_eq!((scan.record_count, scan.end, scan.next_seq()), (count, end, 10 + count));
        }
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_records_before_it() {
        let file = segment(1, 6, 0);
        for cut in SEGMENT_HEADER_BYTES..file.len() {
            let scan = scan_segment(&file[..cut]).unwrap();
            let (whole, part) =
                ((cut - SEGMENT_HEADER_BYTES) / RECORD_BYTES, (cut - SEGMENT_HEADER_BYTES) % RECORD_BYTES);
            assert_eq!(scan.record_count, whole as u64, "cut at {cut}");
            // Record bytes are never all zero at the start (the checksum stands there), so a part is always noticed.
            assert_eq!(scan.end == SegmentEnd::Exact, part == 0, "cut at {cut}: {:?}", scan.end);
        }
    }

    #[test]
    fn a_flip_in_any_byte_is_torn_in_the_last_record_and_corrupt_before_it() {
        let good = segment(1, 4, 2);
        for at in SEGMENT_HEADER_BYTES..good.len() {
            let mut file = good.clone();
            file[at] ^= 0x40;
            let scan = scan_segment(&file).unwrap();
            let index = ((at - SEGMENT_HEADER_BYTES) / RECORD_BYTES) as u64;
            assert_eq!(scan.record_count, index.min(4), "flip at {at}");
            match index {
                0..=2 => {
                    assert!(matches!(scan.end, SegmentEnd::Corrupt { .. }), "flip at {at}: {:?}", scan.end)
                }
                _ => assert!(matches!(scan.end, SegmentEnd::Torn { .. }), "flip at {at}: {:?}", scan.end),
            }
        }
    }

    #[test]
    fn a_hole_and_a_repeated_record_are_corrupt() {
        let mut hole = segment(1, 4, 0);
        hole[SEGMENT_HEADER_BYTES..][..RECORD_BYTES].fill(0);
        assert_eq!(scan_segment(&hole).unwrap().end, SegmentEnd::Corrupt { fault: RecordFault::Hole });
        let mut repeat = segment(1, 4, 0);
        repeat.copy_within(
            SEGMENT_HEADER_BYTES..SEGMENT_HEADER_BYTES + RECORD_BYTES,
            SEGMENT_HEADER_BYTES + 3 * RECORD_BYTES,
        );
        let fault = RecordFault::Sequence { expected: 4, got: 1 };
        assert_eq!(scan_segment(&repeat).unwrap().end, SegmentEnd::Corrupt { fault });
    }

    proptest! {
        #[test]
        fn noise_never_becomes_a_record(count in 0u64..5, noise in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut file = segment(3, count, 0);
            file.extend_from_slice(&noise);
            let scan = scan_segment(&file).unwrap();
            prop_assert_eq!(scan.record_count, count);
            let _ = scan_segment(&noise);
        }
    }
}
