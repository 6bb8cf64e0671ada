//! The small file that says which segments were removed by policy, so that one that is missing is told from one that expired.
//!
//! What it is not: the policy; whoever expires decides that, and only behind a snapshot that can be read.
//!
//! Invariant: it is replaced whole, durably, before the first segment that it gives up is removed; its first record only grows.

use std::path::Path;

use super::error::{JournalError, io_error};
use super::small_file::{read, replace, seal, unseal};
use crate::types::TimeNs;

pub(super) const NAME: &str = "expired";
const MAGIC: &[u8; 8] = b"TBEXPRD\x01";

/// The contents of `expired`: `magic [u8; 8] · journal_id u64 · first_seq u64 · snapshot_seq u64 · segment_count u64 · ts i64 ·
/// reserved u32 · crc32c u32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpiredFile {
    /// Which journal.
    pub journal_id: u64,
    /// The oldest record that must still be there.
    pub first_seq: u64,
    /// The snapshot that stood for everything before it when it expired.
    pub snapshot_seq: u64,
    /// Segments that expired since the journal began.
    pub segment_count: u64,
    /// When the last of them did.
    pub ts: TimeNs,
}

impl ExpiredFile {
    fn encode(&self) -> Vec<u8> {
        let words =
            [self.journal_id, self.first_seq, self.snapshot_seq, self.segment_count, self.ts.0 as u64];
        seal(MAGIC, words, 0)
    }

    fn decode(bytes: &[u8]) -> Result<ExpiredFile, &'static str> {
        let ([journal_id, first_seq, snapshot_seq, segment_count, ts], _) = unseal::<5>(bytes, MAGIC)
            .ok_or("expected a whole file of expiries of 56 bytes, got another length, magic or checksum")?;
        Ok(ExpiredFile { journal_id, first_seq, snapshot_seq, segment_count, ts: TimeNs(ts as i64) })
    }

    /// Reads it; `None` when nothing ever expired.
    pub fn read(dir: &Path) -> Result<Option<ExpiredFile>, JournalError> {
        let Some(bytes) = read(dir, NAME)? else { return Ok(None) };
        let path = dir.join(NAME);
        Self::decode(&bytes).map(Some).map_err(|reason| JournalError::Epoch { path, reason })
    }

    /// Replaces it, durably.
    pub fn write(&self, dir: &Path) -> Result<(), JournalError> {
        replace(dir, NAME, &self.encode()).map_err(io_error("write", &dir.join(NAME)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_the_disk_and_every_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(ExpiredFile::read(dir.path()).unwrap(), None);
        let file =
            ExpiredFile { journal_id: 8, first_seq: 501, snapshot_seq: 900, segment_count: 2, ts: TimeNs(7) };
        file.write(dir.path()).unwrap();
        assert_eq!(ExpiredFile::read(dir.path()).unwrap(), Some(file));
        let good = file.encode();
        assert_eq!(&good[..24], b"TBEXPRD\x01\x08\0\0\0\0\0\0\0\xf5\x01\0\0\0\0\0\0");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(ExpiredFile::decode(&bytes).is_err(), "byte {at}");
        }
    }
}
