//! Snapshots beside the segments: the engine's state behind one record, so that a start need not read what came before.
//!
//! What it is not: the state's own layout; that is the engine's. Here it is bytes with a name, a place and a checksum.
//!
//! Invariant: a file that decodes is whole. It is written aside and renamed, so it is there whole or not at all; one that does not
//! decode, or is another journal's, is set aside and never removed.
//!
//! Header, 64 bytes: `magic u64 · version u32 · state_version u32 · seq u64 · state_hash u64 · journal_id u64 ·
//! setup_digest u64 · state_bytes u64 · word_count u32 · crc32c u32 of everything else`; then the state; then so many records of
//! the journal as they stand there, which a start needs beside the state. Version 1 has none, and zero for their count.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::{JournalError, io_error};
use crate::record::{RECORD_BYTES, Record};

/// Bytes before the state.
pub const SNAPSHOT_HEADER_BYTES: usize = 64;
/// The largest state: twice what all tables of an engine hold.
const STATE_BYTES_MAX: u64 = 64 << 20;
/// `TBSNAP` and a line end that text-mode copies would break.
const MAGIC: u64 = u64::from_le_bytes(*b"TBSNAP\r\n");
const VERSION: u32 = 2;
/// Without records behind the state.
const VERSION_1: u32 = 1;
/// Records that are kept beside a state: one a slot of models, and their start.
const WORDS_MAX: u64 = 512;
const CRC_OFFSET: usize = SNAPSHOT_HEADER_BYTES - 4;
/// Snapshots that are kept: the newest, and one in case it cannot be read.
const KEPT: usize = 2;

/// What a snapshot says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHeader {
    /// The last record that the state knows.
    pub seq: u64,
    /// The engine's own number for its state.
    pub state_hash: u64,
    /// Of the layout of the state.
    pub state_version: u32,
    /// Which journal it belongs to.
    pub journal_id: u64,
    /// The setup of the engine that had the state.
    pub setup_digest: u64,
}

/// A state and where it belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// What it says of itself.
    pub header: SnapshotHeader,
    /// The engine's words.
    pub state: Vec<u8>,
    /// Records from before it that a start needs beside the state; `None` in one of the first version, which does not know them.
    pub words: Option<Vec<Record>>,
}

/// Why bytes are not a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotFault {
    /// Too short, too long, or of a length that its header contradicts.
    #[error("expected {expected} bytes, got {got}")]
    Length {
        /// By its header.
        expected: u64,
        /// There.
        got: u64,
    },
    /// Something else's file.
    #[error("expected magic {MAGIC:#018x}, got {0:#018x}")]
    Magic(u64),
    /// A layout that this build does not read.
    #[error("expected layout version {VERSION_1} or {VERSION}, got {0}")]
    Version(u32),
    /// Damaged.
    #[error("expected checksum {expected:#010x}, got {got:#010x}")]
    Checksum {
        /// Computed over the bytes.
        expected: u32,
        /// Stored.
        got: u32,
    },
    /// Another journal's.
    #[error("expected a snapshot of journal {expected:#018x}, got one of {got:#018x}")]
    Foreign {
        /// This journal.
        expected: u64,
        /// The file's.
        got: u64,
    },
    /// Not what its name says.
    #[error("expected the state behind record {expected}, as its name says, got {got}")]
    Name {
        /// By its name.
        expected: u64,
        /// By its header.
        got: u64,
    },
}

/// The file name of the snapshot behind record `seq`.
pub fn snapshot_name(seq: u64) -> String {
    format!("snapshot-{seq:016}.tbs")
}

fn seq_of(name: &str) -> Option<u64> {
    let seq = name.strip_prefix("snapshot-")?.strip_suffix(".tbs")?.parse().ok()?;
    (snapshot_name(seq) == name).then_some(seq)
}

impl Snapshot {
    /// As it stands in a file.
    pub fn encode(&self) -> Vec<u8> {
        let header = &self.header;
        let records = self.words.as_deref().unwrap_or_default();
        let length = SNAPSHOT_HEADER_BYTES + self.state.len() + records.len() * RECORD_BYTES;
        let mut bytes = Vec::with_capacity(length);
        let version = if self.words.is_some() { VERSION } else { VERSION_1 };
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&header.state_version.to_le_bytes());
        let words =
            [header.seq, header.state_hash, header.journal_id, header.setup_digest, self.state.len() as u64];
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes.extend_from_slice(&(records.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.state);
        records.iter().for_each(|record| bytes.extend_from_slice(record.bytes()));
        let crc = checksum(&bytes);
        bytes[CRC_OFFSET..SNAPSHOT_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// From a file's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Snapshot, SnapshotFault> {
        let got = bytes.len() as u64;
        let Some(header) = bytes.first_chunk::<SNAPSHOT_HEADER_BYTES>() else {
            return Err(SnapshotFault::Length { expected: SNAPSHOT_HEADER_BYTES as u64, got });
        };
        let word = |offset: usize| u64::from_le_bytes(std::array::from_fn(|index| header[offset + index]));
        let half = |offset: usize| u32::from_le_bytes(std::array::from_fn(|index| header[offset + index]));
        if word(0) != MAGIC {
            return Err(SnapshotFault::Magic(word(0)));
        }
        let version = half(8);
        if ![VERSION_1, VERSION].contains(&version) {
            return Err(SnapshotFault::Version(version));
        }
        let state_bytes = word(48).min(STATE_BYTES_MAX);
        let word_count = if version == VERSION { u64::from(half(56)).min(WORDS_MAX) } else { 0 };
        let word_bytes = word_count * RECORD_BYTES as u64;
        let expected = SNAPSHOT_HEADER_BYTES as u64 + state_bytes + word_bytes;
        if expected != got {
            return Err(SnapshotFault::Length { expected, got });
        }
        let (expected, got) = (checksum(bytes), half(CRC_OFFSET));
        if expected != got {
            return Err(SnapshotFault::Checksum { expected, got });
        }
        let header = SnapshotHeader {
            state_version: half(12),
            seq: word(16),
            state_hash: word(24),
            journal_id: word(32),
            setup_digest: word(40),
        };
        let (state, records) = bytes[SNAPSHOT_HEADER_BYTES..].split_at(state_bytes as usize);
        let record = |bytes: &[u8]| Record::from_bytes(std::array::from_fn(|index| bytes[index]));
        let words = (version == VERSION).then(|| records.chunks_exact(RECORD_BYTES).map(record).collect());
        Ok(Snapshot { header, state: state.to_vec(), words })
    }

    /// Writes it into a journal's folder, durably, and removes all but the newest.
    pub fn write(&self, dir: &Path) -> Result<(), JournalError> {
        let path = dir.join(snapshot_name(self.header.seq));
        let put = || {
            let aside = path.with_extension("new");
            let mut file = File::create(&aside)?;
            file.write_all(&self.encode())?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)?;
            File::open(dir)?.sync_all()
        };
        put().map_err(io_error("write", &path))?;
        for (_, old) in snapshots(dir)?.into_iter().skip(KEPT) {
            std::fs::remove_file(&old).map_err(io_error("remove", &old))?;
        }
        Ok(())
    }

    /// Reads one back and holds it against its name and its journal.
    pub fn read(
        path: &Path,
        seq: u64,
        journal_id: u64,
    ) -> Result<Result<Snapshot, SnapshotFault>, JournalError> {
        let longest = SNAPSHOT_HEADER_BYTES as u64 + STATE_BYTES_MAX + WORDS_MAX * RECORD_BYTES as u64;
        let got = std::fs::metadata(path).map_err(io_error("look at", path))?.len();
        if got > longest {
            return Ok(Err(SnapshotFault::Length { expected: longest, got }));
        }
        let bytes = std::fs::read(path).map_err(io_error("read", path))?;
        Ok(Snapshot::decode(&bytes).and_then(|snapshot| {
            let header = &snapshot.header;
            if header.journal_id != journal_id {
                return Err(SnapshotFault::Foreign { expected: journal_id, got: header.journal_id });
            }
            if header.seq != seq {
                return Err(SnapshotFault::Name { expected: seq, got: header.seq });
            }
            Ok(snapshot)
        }))
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_OFFSET]), &bytes[SNAPSHOT_HEADER_BYTES..])
}

/// The snapshots of a folder by the record they stand behind, newest first.
pub fn snapshots(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let list = || -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if let Some(seq) = entry.file_name().to_str().and_then(seq_of) {
                found.push((seq, entry.path()));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    };
    list().map_err(io_error("list", dir))
}

/// Moves a snapshot that is not used out of the way; it stays for whoever wants to know why.
pub fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let bad = path.with_extension("bad");
    std::fs::rename(path, &bad).map_err(io_error("set aside", path))?;
    Ok(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let header = SnapshotHeader {
            seq: 77,
            state_hash: 0x0102,
            state_version: 3,
            journal_id: 9,
            setup_digest: 0xabcd,
        };
        Snapshot { header, state: vec![5, 6, 7], words: Some(vec![Record::EMPTY.with_aux(9)]) }
    }

    #[test]
    fn golden_bytes() {
        let bytes = snapshot().encode();
        assert_eq!(&bytes[..16], b"TBSNAP\r\n\x02\0\0\0\x03\0\0\0");
        let words: Vec<u64> =
            bytes[16..56].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(words, [77, 0x0102, 9, 0xabcd, 3]);
        assert_eq!((&bytes[56..60], &bytes[64..67]), (&[1, 0, 0, 0][..], &[5, 6, 7][..]));
        assert_eq!(&bytes[67..], Record::EMPTY.with_aux(9).bytes());
        assert_eq!(Snapshot::decode(&bytes), Ok(snapshot()));
    }

    #[test]
    fn one_of_the_first_version_is_read_and_knows_no_words() {
        let old = Snapshot { words: None, ..snapshot() };
        let bytes = old.encode();
        assert_eq!(&bytes[..16], b"TBSNAP\r\n\x01\0\0\0\x03\0\0\0");
        assert_eq!((&bytes[56..60], &bytes[64..]), (&[0; 4][..], &[5, 6, 7][..]));
        assert_eq!(Snapshot::decode(&bytes), Ok(old));
        let none = Snapshot { words: Some(Vec::new()), ..snapshot() };
        assert_eq!(Snapshot::decode(&none.encode()), Ok(none), "none is not unknown");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let good = snapshot().encode();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Snapshot::decode(&bytes).is_err(), "bit {bit}");
        }
        for cut in 0..good.len() {
            assert!(Snapshot::decode(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Snapshot::decode(&[&good[..], &[0]].concat()).is_err());
    }

    #[test]
    fn the_newest_two_are_kept_and_what_is_another_journals_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for seq in [5, 77, 20] {
            let mut one = snapshot();
            one.header.seq = seq;
            one.write(dir.path()).unwrap();
        }
        let found = snapshots(dir.path()).unwrap();
        assert_eq!(found.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [77, 20]);
        let path = &found[0].1;
        assert_eq!(Snapshot::read(path, 77, 9).unwrap(), Ok(snapshot()));
        assert_eq!(Snapshot::read(path, 77, 8).unwrap(), Err(SnapshotFault::Foreign { expected: 8, got: 9 }));
        assert_eq!(Snapshot::read(path, 78, 9).unwrap(), Err(SnapshotFault::Name { expected: 78, got: 77 }));
        let bad = set_aside(path).unwrap();
        assert!(bad.exists() && snapshots(dir.path()).unwrap().len() == 1);
    }
}
