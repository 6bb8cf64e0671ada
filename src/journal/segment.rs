//! The layout of a segment file: a header of 128 bytes, then records of 128 bytes, then zeros where it is preallocated.
//!
//! What it is not: it opens no file.
//!
//! Invariant: a header that decodes is whole (its checksum held) and of this layout version; all numbers little-endian.
//!
//! Header: `magic u64 · version u32 · record_bytes u32 · first_seq u64 · epoch u32 · reserved u32 · journal_id u64 ·
//! config_digest u64 · created_ns i64 · zeros · crc32c u32 of the first 124 bytes`.

use super::error::HeaderFault;
use crate::record::RECORD_BYTES;
use crate::types::TimeNs;

/// Bytes before the first record.
pub const SEGMENT_HEADER_BYTES: usize = 128;
/// `TBJRNL` and a line end that text-mode copies would break.
const MAGIC: u64 = u64::from_le_bytes(*b"TBJRNL\r\n");
const VERSION: u32 = 1;
const CRC_OFFSET: usize = SEGMENT_HEADER_BYTES - 4;

/// What a segment says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    /// Sequence of its first record; also its name. From 1.
    pub first_seq: u64,
    /// Which start of the appliance wrote it; 1 to 524,287.
    pub epoch: u32,
    /// Which journal it belongs to.
    pub journal_id: u64,
    /// Digest of the configuration it was written under.
    pub config_digest: u64,
    /// When it was made.
    pub created: TimeNs,
}

/// The file name of the segment that starts with `first_seq`.
pub fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:016}.tbj")
}

/// The first sequence a file name stands for.
pub(super) fn first_seq_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".tbj")?;
    let first_seq = digits.parse().ok()?;
    (segment_name(first_seq) == name && first_seq > 0).then_some(first_seq)
}

/// Where the `index`-th record of a segment starts.
pub(super) fn record_offset(index: u64) -> u64 {
    SEGMENT_HEADER_BYTES as u64 + index * RECORD_BYTES as u64
}

fn u64_at(bytes: &[u8; SEGMENT_HEADER_BYTES], offset: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[offset + index]))
}

fn u32_at(bytes: &[u8; SEGMENT_HEADER_BYTES], offset: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[offset + index]))
}

impl SegmentHeader {
    /// As it stands at the beginning of the file.
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(RECORD_BYTES as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.journal_id.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.config_digest.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.created.0.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_OFFSET]);
        bytes[CRC_OFFSET..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// From the beginning of a file.
    pub fn decode(file: &[u8]) -> Result<SegmentHeader, HeaderFault> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] =
            file.first_chunk().ok_or(HeaderFault::Short { got: file.len() })?;
        if u64_at(bytes, 0) != MAGIC {
            return Err(HeaderFault::Magic { expected: MAGIC, got: u64_at(bytes, 0) });
        }
        let (expected, got) = (crc32c::crc32c(&bytes[..CRC_OFFSET]), u32_at(bytes, CRC_OFFSET));
        if expected != got {
            return Err(HeaderFault::Checksum { expected, got });
        }
        if u32_at(bytes, 8) != VERSION {
            return Err(HeaderFault::Version { expected: VERSION, got: u32_at(bytes, 8) });
        }
        Ok(SegmentHeader {
            first_seq: u64_at(bytes, 16),
            epoch: u32_at(bytes, 24),
            journal_id: u64_at(bytes, 32),
            config_digest: u64_at(bytes, 40),
            created: TimeNs(u64_at(bytes, 48) as i64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader =
        SegmentHeader { first_seq: 77, epoch: 3, journal_id: 9, config_digest: 0xabcd, created: TimeNs(5) };

    #[test]
    fn golden_bytes() {
        let bytes = HEADER.encode();
        assert_eq!(&bytes[..16], b"TBJRNL\r\n\x01\0\0\0\x80\0\0\0");
        assert_eq!(
            &bytes[16..56],
            &[
                77, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0xcd, 0xab, 0, 0, 0,
                0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0
            ]
        );
        assert_eq!(SegmentHeader::decode(&bytes), Ok(HEADER));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = HEADER.encode();
        for bit in 0..SEGMENT_HEADER_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&bytes).is_err(), "bit {bit}");
        }
        assert_eq!(SegmentHeader::decode(&good[..127]), Err(HeaderFault::Short { got: 127 }));
    }

    #[test]
    fn names() {
        assert_eq!(segment_name(1), "0000000000000001.tbj");
        assert_eq!(first_seq_of("0000000000000001.tbj"), Some(1));
        for bad in ["1.tbj", "0000000000000000.tbj", "000000000000000x.tbj", "0000000000000001.tb"] {
            assert_eq!(first_seq_of(bad), None, "{bad}");
        }
    }
}
