//! What can be wrong with a journal, with the place: segment, byte offset, sequence, expected and got.
//!
//! What it is not: a full disk while running. That is [`super::PersistState`], which is retried and not returned.
//!
//! Invariant: every error that speaks of bytes names the file and the offset.

use std::io;
use std::path::{Path, PathBuf};

/// Why a segment's first 128 bytes are not a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderFault {
    /// The file ends inside it.
    #[error("expected a header of 128 bytes, got {got}")]
    Short {
        /// Bytes there.
        got: usize,
    },
    /// Something else's file.
    #[error("expected magic {expected:#018x}, got {got:#018x}")]
    Magic {
        /// The journal's magic.
        expected: u64,
        /// What stands there.
        got: u64,
    },
    /// A layout this build does not read.
    #[error("expected layout version {expected}, got {got}")]
    Version {
        /// This build's.
        expected: u32,
        /// The file's.
        got: u32,
    },
    /// Damaged.
    #[error("expected header checksum {expected:#010x}, got {got:#010x}")]
    Checksum {
        /// Computed over the bytes.
        expected: u32,
        /// Stored.
        got: u32,
    },
}

/// Why 128 bytes are not the record that belongs there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordFault {
    /// Damaged or half-written.
    #[error("expected checksum {expected:#010x}, got {got:#010x}")]
    Checksum {
        /// Computed over the bytes.
        expected: u32,
        /// Stored.
        got: u32,
    },
    /// Whole, but not the next one.
    #[error("expected sequence {expected}, got {got}")]
    Sequence {
        /// The next one.
        expected: u64,
        /// What it says.
        got: u64,
    },
    /// The file ends inside it.
    #[error("expected a record of 128 bytes, got {got}")]
    Short {
        /// Bytes there.
        got: usize,
    },
    /// Zeros where a record belongs.
    #[error("expected a record, got zeros")]
    Hole,
}

/// Why a journal cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("journal: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("journal {}: in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// An option outside its range: our misuse.
    #[error("journal option {option}: expected {expected}, got {got}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The range.
        expected: &'static str,
        /// What came.
        got: u64,
    },
    /// A segment's header is broken.
    #[error("journal segment {} at byte 0: {fault}", segment.display())]
    Header {
        /// The file.
        segment: PathBuf,
        /// What is wrong.
        fault: HeaderFault,
    },
    /// A header that contradicts its file's name or its folder.
    #[error("journal segment {}: {field}: expected {expected}, got {got}", segment.display())]
    Mismatch {
        /// The file.
        segment: PathBuf,
        /// Which header field.
        field: &'static str,
        /// From the name or folder.
        expected: u64,
        /// From the header.
        got: u64,
    },
    /// Broken in the middle: good records follow. Never to be traded on; restore the file, or move the folder away.
    #[error("journal QUARANTINED: segment {} at byte {offset}, record {seq}: {fault}; good records follow it", segment.display())]
    Quarantined {
        /// The file.
        segment: PathBuf,
        /// Where the bad record starts.
        offset: u64,
        /// Which record belongs there.
        seq: u64,
        /// What is wrong.
        fault: RecordFault,
    },
    /// A half-written end, met by a reader. Opening for writing repairs it.
    #[error("journal torn: segment {} at byte {offset}, record {seq}: {fault}; nothing good follows it", segment.display())]
    Torn {
        /// The file.
        segment: PathBuf,
        /// Where the bad record starts.
        offset: u64,
        /// Which record belongs there.
        seq: u64,
        /// What is wrong.
        fault: RecordFault,
    },
    /// A bad end of a journal that is known to have been longer. Opening for writing refuses it.
    #[error(
        "journal: its end is damaged, torn in segment {} at byte {offset}, record {seq}: {fault}; expected it to reach record \
         {expected_seq}, as noted when it was opened, closed or continued in a new segment",
        segment.display()
    )]
    EndDamaged {
        /// The file.
        segment: PathBuf,
        /// Where the bad record starts.
        offset: u64,
        /// Which record belongs there.
        seq: u64,
        /// What is wrong.
        fault: RecordFault,
        /// The last record that the epoch file knows of.
        expected_seq: u64,
    },
    /// A segment is gone.
    #[error("journal {}: records are missing: expected {expected_seq} next, got {got_seq}", path.display())]
    Missing {
        /// The segment (or folder) after the gap.
        path: PathBuf,
        /// The record that should come.
        expected_seq: u64,
        /// The record that comes instead.
        got_seq: u64,
    },
    /// A segment expired while the journal was read.
    #[error(
        "journal {}: record {seq} expired while the journal was read, which begins at record {first_seq} now: read it again",
        path.display()
    )]
    Expired {
        /// The segment.
        path: PathBuf,
        /// Its first record.
        seq: u64,
        /// The oldest record there is.
        first_seq: u64,
    },
    /// The end is gone: the journal was longer at its last start or tidy end.
    #[error("journal {}: its end is missing: expected it to reach record {expected_seq}, as noted when it was opened, closed or continued in a new segment, got record {got_seq} as its last", path.display())]
    EndMissing {
        /// The folder.
        path: PathBuf,
        /// The last record that the epoch file knows of.
        expected_seq: u64,
        /// The last record there is.
        got_seq: u64,
    },
    /// Records expired, and no snapshot stands for them.
    #[error(
        "journal {}: records before {first_seq} expired: expected a snapshot that stands for them, got none that can be used \
         ({why}); put a snapshot back, or begin a new folder (journal.dir) and learn orders and positions from the terminal",
        path.display()
    )]
    SnapshotMissing {
        /// The folder.
        path: PathBuf,
        /// The oldest record there is.
        first_seq: u64,
        /// Why the newest snapshot is not used.
        why: String,
    },
    /// The state that the records rebuild is not the one that was journalled: no snapshot is made of it.
    #[error(
        "journal {}: record {seq} tells another state than its records rebuild: no snapshot is written, and nothing expires",
        path.display()
    )]
    StateContradicted {
        /// The folder.
        path: PathBuf,
        /// The record.
        seq: u64,
    },
    /// The epoch file is gone or damaged while segments exist: starting could repeat order ids.
    #[error("journal {}: {reason}", path.display())]
    Epoch {
        /// The epoch file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The shared memory of a killed process has records that cannot be read back.
    #[error("journal memory {}: record {seq}: {fault}", path.display())]
    Memory {
        /// The memory's file.
        path: PathBuf,
        /// Which record.
        seq: u64,
        /// What is wrong.
        fault: RecordFault,
    },
    /// The shared memory's file is something else's.
    #[error("journal memory {}: expected a journal ring, got something else", path.display())]
    MemoryForeign {
        /// The memory's file.
        path: PathBuf,
    },
}

/// Names the action and the path of an I/O error.
pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { action, path, source }
}
