//! The small file that says which segments were removed by policy, so that one that is missing is told from one that expired.
//!
//! What it is not: the policy; whoever expires decides that, and only behind a snapshot that can be read.
//!
//! Invariant: it is replaced whole, durably, before the first segment that it gives up is removed; its first record only grows.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::error::{JournalError, io_error};
use crate::types::TimeNs;

const NAME: &str = "expired";
const MAGIC: &[u8; 8] = b"TBEXPRD\x01";
const BYTES: usize = 56;

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
    fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        let words =
            [self.journal_id, self.first_seq, self.snapshot_seq, self.segment_count, self.ts.0 as u64];
        for (chunk, word) in bytes[8..48].chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[..BYTES - 4]);
        bytes[BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<ExpiredFile, &'static str> {
        let bytes: &[u8; BYTES] =
            bytes.try_into().map_err(|_| "expected a file of expiries of 56 bytes, got another length")?;
        let crc = u32::from_le_bytes(std::array::from_fn(|at| bytes[BYTES - 4 + at]));
        if &bytes[..8] != MAGIC || crc != crc32c::crc32c(&bytes[..BYTES - 4]) {
            return Err("expected a whole file of expiries, got a wrong magic or checksum");
        }
        let word = |index: usize| u64::from_le_bytes(std::array::from_fn(|at| bytes[8 + index * 8 + at]));
        Ok(ExpiredFile {
            journal_id: word(0),
            first_seq: word(1),
            snapshot_seq: word(2),
            segment_count: word(3),
            ts: TimeNs(word(4) as i64),
        })
    }

    /// Reads it; `None` when nothing ever expired.
    pub fn read(dir: &Path) -> Result<Option<ExpiredFile>, JournalError> {
        let path = dir.join(NAME);
        match std::fs::read(&path) {
            Ok(bytes) => {
                Self::decode(&bytes).map(Some).map_err(|reason| JournalError::Epoch { path, reason })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    /// Replaces it, durably.
    pub fn write(&self, dir: &Path) -> Result<(), JournalError> {
        let put = || {
            let aside = dir.join("expired.new");
            let mut file = File::create(&aside)?;
            file.write_all(&self.encode())?;
            file.sync_all()?;
            std::fs::rename(&aside, dir.join(NAME))?;
            File::open(dir)?.sync_all()
        };
        put().map_err(io_error("write", &dir.join(NAME)))
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
            let mut bytes = good;
            bytes[at] ^= 1;
            assert!(ExpiredFile::decode(&bytes).is_err(), "byte {at}");
        }
    }
}
