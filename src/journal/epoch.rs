//! The small file that says how often the appliance was started on this journal, and what the journal must contain.
//!
//! What it is not: the count of records; that is what the segments say.
//!
//! Invariant: it is replaced whole (written aside, synced, renamed, folder synced) and its epoch only grows, so that
//! no order id is ever made twice.

use std::io;
use std::path::Path;

use super::error::{JournalError, io_error};
use super::small_file::{read, replace, seal, unseal};

/// The largest epoch: 19 bits, as in an order id.
pub const EPOCH_MAX: u32 = (1 << 19) - 1;
const NAME: &str = "epoch";
const MAGIC: &[u8; 8] = b"TBEPOCH\x02";
/// Without the newest segment.
const MAGIC_1: &[u8; 8] = b"TBEPOCH\x01";

/// The contents of `epoch`: `magic [u8; 8] · epoch u64 · journal_id u64 · first_seq u64 · last_seq u64 · last_segment u64 ·
/// is_closed u32 · crc32c u32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochFile {
    /// Which start this is; 1 to [`EPOCH_MAX`].
    pub epoch: u32,
    /// Which journal this is: made once.
    pub journal_id: u64,
    /// The oldest record that must be there.
    pub first_seq: u64,
    /// The newest record there was at the last start, before the last new segment, or at a tidy end; zero for none.
    pub last_seq: u64,
    /// The first record of the newest segment that was made: it must be there, even without a record in it; zero for none.
    pub last_segment: u64,
    /// The last start came to a tidy end: everything is on the disk, and the memory was given back.
    pub is_closed: bool,
}

impl EpochFile {
    fn encode(&self) -> Vec<u8> {
        let words =
            [u64::from(self.epoch), self.journal_id, self.first_seq, self.last_seq, self.last_segment];
        seal(MAGIC, words, u32::from(self.is_closed))
    }

    fn decode(bytes: &[u8]) -> Result<EpochFile, &'static str> {
        let first = unseal::<4>(bytes, MAGIC_1).map(|([epoch, journal_id, first_seq, last_seq], last)| {
            ([epoch, journal_id, first_seq, last_seq, 0], last)
        });
        let ([epoch, journal_id, first_seq, last_seq, last_segment], is_closed) =
            unseal::<5>(bytes, MAGIC).or(first).ok_or(
                "expected a whole epoch file of 56 bytes (48 of the first version), got another length, magic or checksum",
            )?;
        let epoch =
            u32::try_from(epoch).ok().filter(|&epoch| epoch <= EPOCH_MAX).ok_or("epoch above 524287")?;
        let is_closed = match is_closed {
            0 => false,
            1 => true,
            _ => return Err("expected 0 or 1 for a closed journal, got another number"),
        };
        Ok(EpochFile { epoch, journal_id, first_seq, last_seq, last_segment, is_closed })
    }

    /// Reads it; `None` when there is none.
    pub fn read(dir: &Path) -> Result<Option<EpochFile>, JournalError> {
        let Some(bytes) = read(dir, NAME)? else { return Ok(None) };
        let path = dir.join(NAME);
        Self::decode(&bytes).map(Some).map_err(|reason| JournalError::Epoch { path, reason })
    }

    /// Replaces it, durably.
    pub fn write(&self, dir: &Path) -> Result<(), JournalError> {
        self.replace(dir).map_err(io_error("write", &dir.join(NAME)))
    }

    /// As [`EpochFile::write`], with the system's own error.
    pub(super) fn replace(&self, dir: &Path) -> io::Result<()> {
        replace(dir, NAME, &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_the_disk_and_every_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(EpochFile::read(dir.path()).unwrap(), None);
        let file = EpochFile {
            epoch: 7,
            journal_id: 8,
            first_seq: 1,
            last_seq: 99,
            last_segment: 81,
            is_closed: true,
        };
        for file in [EpochFile { is_closed: false, ..file }, file] {
            file.write(dir.path()).unwrap();
            assert_eq!(EpochFile::read(dir.path()).unwrap(), Some(file));
        }
        let good = std::fs::read(dir.path().join("epoch")).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(EpochFile::decode(&bytes).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_first_versions_file_is_read() {
        let mut bytes = b"TBEPOCH\x01".to_vec();
        [7u64, 8, 1, 99].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes.extend_from_slice(&1u32.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let read = EpochFile::decode(&bytes).unwrap();
        assert_eq!((read.epoch, read.last_seq, read.last_segment, read.is_closed), (7, 99, 0, true));
    }
}
