//! Reads a journal folder from its first record to its last: for replay, reports and repair by hand.
//!
//! What it is not: it repairs nothing, takes no lock, and may be used beside a running appliance.
//!
//! Invariant: it yields the good records in order, then at most one error with the exact place, then nothing; a journal with a
//! flipped byte anywhere in a record or header never reads to its end without an error.

use std::io;
use std::path::{Path, PathBuf};

use super::epoch::EpochFile;
use super::error::{JournalError, io_error};
use super::scan::{SegmentEnd, SegmentScan, scan_segment};
use super::segment::{SegmentHeader, first_seq_of, record_offset};
use crate::record::{RECORD_BYTES, Record};

/// The segments of a folder, by first sequence.
pub(super) fn list_segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let list = || -> io::Result<Vec<(u64, PathBuf)>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if let Some(first_seq) = entry.file_name().to_str().and_then(first_seq_of) {
                segments.push((first_seq, entry.path()));
            }
        }
        segments.sort_unstable();
        Ok(segments)
    };
    list().map_err(io_error("list", dir))
}

/// Scans a segment and checks what its header says against its name and its journal; a corrupt middle is an error.
pub(super) fn judge_segment(
    path: &Path,
    bytes: &[u8],
    name_seq: u64,
    journal_id: &mut Option<u64>,
) -> Result<SegmentScan, JournalError> {
    let scan =
        scan_segment(bytes).map_err(|fault| JournalError::Header { segment: path.to_owned(), fault })?;
    let mismatch =
        |field, expected, got| Err(JournalError::Mismatch { segment: path.to_owned(), field, expected, got });
    if scan.header.first_seq != name_seq {
        return mismatch("first_seq", name_seq, scan.header.first_seq);
    }
    let expected = *journal_id.get_or_insert(scan.header.journal_id);
    if scan.header.journal_id != expected {
        return mismatch("journal_id", expected, scan.header.journal_id);
    }
    if let SegmentEnd::Corrupt { fault } = scan.end {
        let (segment, offset, seq) = (path.to_owned(), scan.good_bytes(), scan.next_seq());
        return Err(JournalError::Quarantined { segment, offset, seq, fault });
    }
    Ok(scan)
}

#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    bytes: Vec<u8>,
    header: SegmentHeader,
    record_count: u64,
    read_count: u64,
    /// What to report after the good records.
    end: Option<JournalError>,
}

/// An iterator over the records of a folder. Holds one segment in memory at a time.
#[derive(Debug)]
pub struct JournalReader {
    segments: std::vec::IntoIter<(u64, PathBuf)>,
    loaded: Option<Loaded>,
    expected_seq: u64,
    journal_id: Option<u64>,
    /// The last record the folder is known to have had.
    last_seq_known: u64,
    dir: PathBuf,
    finished: bool,
}

impl JournalReader {
    /// Looks at the folder; errors inside segments come with the records.
    pub fn open(dir: &Path) -> Result<JournalReader, JournalError> {
        let segments = list_segments(dir)?;
        let epoch = EpochFile::read(dir)?;
        if segments.is_empty() && epoch.is_none() {
            let source = io::Error::new(io::ErrorKind::NotFound, "no segment and no epoch file in it");
            return Err(io_error("find a journal in", dir)(source));
        }
        let first_seq = segments.first().map_or(1, |(first_seq, _)| *first_seq);
        Ok(JournalReader {
            segments: segments.into_iter(),
            loaded: None,
            expected_seq: epoch.map_or(first_seq, |file| file.first_seq),
            journal_id: epoch.map(|file| file.journal_id),
            last_seq_known: epoch.map_or(0, |file| file.last_seq),
            dir: dir.to_owned(),
            finished: false,
        })
    }

    /// The header of the segment that the last record came from.
    pub fn header(&self) -> Option<&SegmentHeader> {
        self.loaded.as_ref().map(|loaded| &loaded.header)
    }

    /// Where the last record stands: file and byte offset.
    pub fn position(&self) -> Option<(&Path, u64)> {
        let loaded = self.loaded.as_ref()?;
        Some((&loaded.path, record_offset(loaded.read_count.saturating_sub(1))))
    }

    fn load(&mut self, name_seq: u64, path: PathBuf) -> Result<Loaded, JournalError> {
        if name_seq != self.expected_seq {
            return Err(JournalError::Missing { path, expected_seq: self.expected_seq, got_seq: name_seq });
        }
        let bytes = std::fs::read(&path).map_err(io_error("read", &path))?;
        // The good records before a bad place are still worth having: the error comes after them.
        let scan =
            scan_segment(&bytes).map_err(|fault| JournalError::Header { segment: path.clone(), fault })?;
        let judged = judge_segment(&path, &bytes, name_seq, &mut self.journal_id);
        let end = match judged {
            Err(error @ JournalError::Quarantined { .. }) => Some(error),
            Err(error) => return Err(error),
            Ok(_) => self.torn(&path, &scan),
        };
        self.expected_seq = scan.next_seq();
        Ok(Loaded { path, bytes, header: scan.header, record_count: scan.record_count, read_count: 0, end })
    }

    fn torn(&self, path: &Path, scan: &SegmentScan) -> Option<JournalError> {
        let SegmentEnd::Torn { fault } = scan.end else { return None };
        let (segment, offset, seq) = (path.to_owned(), scan.good_bytes(), scan.next_seq());
        // Torn is what the journal's end may be; anywhere else it is damage.
        Some(if self.segments.as_slice().is_empty() {
            JournalError::Torn { segment, offset, seq, fault }
        } else {
            JournalError::Quarantined { segment, offset, seq, fault }
        })
    }

    fn fail(&mut self, error: JournalError) -> Option<Result<Record, JournalError>> {
        self.finished = true;
        Some(Err(error))
    }

    fn finish(&mut self) -> Option<Result<Record, JournalError>> {
        self.finished = true;
        if self.expected_seq > self.last_seq_known {
            return None;
        }
        let (path, expected_seq) = (self.dir.clone(), self.last_seq_known);
        Some(Err(JournalError::EndMissing { path, expected_seq, got_seq: self.expected_seq - 1 }))
    }
}

impl Iterator for JournalReader {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.finished {
            if let Some(loaded) = &mut self.loaded {
                if loaded.read_count < loaded.record_count {
                    let start = record_offset(loaded.read_count) as usize;
                    loaded.read_count += 1;
                    let bytes = std::array::from_fn(|index| loaded.bytes[start + index]);
                    const { assert!(RECORD_BYTES == 128) };
                    return Some(Ok(Record::from_bytes(bytes)));
                }
                if let Some(error) = loaded.end.take() {
                    return self.fail(error);
                }
            }
            let Some((name_seq, path)) = self.segments.next() else { return self.finish() };
            match self.load(name_seq, path) {
                Ok(loaded) => self.loaded = Some(loaded),
                Err(error) => return self.fail(error),
            }
        }
        None
    }
}
