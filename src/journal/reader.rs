//! Reads a journal folder from its first record to its last: for replay, reports and repair by hand.
//!
//! What it is not: it repairs nothing, takes no lock, and may be used beside a running appliance.
//!
//! Invariant: it yields the good records in order, then at most one error with the exact place, then nothing; a journal with a
//! flipped byte anywhere in a record or header never reads to its end without an error.

use std::io;
use std::path::{Path, PathBuf};

use super::compressed::read_segment;
use super::epoch::EpochFile;
use super::error::{JournalError, io_error};
use super::folder::{Segment, first_seq, segments};
use super::scan::{SegmentEnd, SegmentScan, scan_segment};
use super::segment::{SegmentHeader, record_offset};
use crate::record::{RECORD_BYTES, Record};

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
    segments: std::vec::IntoIter<Segment>,
    loaded: Option<Loaded>,
    expected_seq: u64,
    journal_id: Option<u64>,
    /// The last record the folder is known to have had.
    last_seq_known: u64,
    /// Records before it are passed over.
    from_seq: u64,
    dir: PathBuf,
    finished: bool,
}

impl JournalReader {
    /// Looks at the folder; errors inside segments come with the records. What expired is passed over.
    pub fn open(dir: &Path) -> Result<JournalReader, JournalError> {
        JournalReader::open_from(dir, first_seq(dir)?)
    }

    /// As [`JournalReader::open`], from a record on; what is in segments before it is not looked at.
    pub fn open_from(dir: &Path, from_seq: u64) -> Result<JournalReader, JournalError> {
        // In this order: a segment is made before the epoch file speaks of it, and expires after its file does.
        let epoch = EpochFile::read(dir)?;
        let oldest = first_seq(dir)?;
        let mut segments = segments(dir)?;
        if segments.is_empty() && epoch.is_none() {
            let source = io::Error::new(io::ErrorKind::NotFound, "no segment and no epoch file in it");
            return Err(io_error("find a journal in", dir)(source));
        }
        let first_seq = segments.first().map_or(1, |segment| segment.first_seq);
        let mut expected_seq = epoch.map_or(first_seq, |file| file.first_seq.max(oldest));
        if from_seq < expected_seq {
            let path = dir.to_owned();
            return Err(JournalError::Missing { path, expected_seq: from_seq, got_seq: expected_seq });
        }
        let newest = segments.last().map_or(0, |segment| segment.first_seq);
        let passed = segments.iter().skip(1).take_while(|next| next.first_seq <= from_seq).count();
        if passed > 0 {
            expected_seq = segments[passed].first_seq;
            segments.drain(..passed);
        }
        let last_segment = epoch.map_or(0, |file| file.last_segment);
        // The newest segment may have no record yet; if it is not there at all, its first record is missing.
        let segment_known = if newest < last_segment { last_segment } else { 0 };
        Ok(JournalReader {
            segments: segments.into_iter(),
            loaded: None,
            expected_seq,
            journal_id: epoch.map(|file| file.journal_id),
            last_seq_known: epoch.map_or(0, |file| file.last_seq).max(segment_known),
            from_seq,
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
        let bytes = read_segment(&path).map_err(|error| self.why_gone(&path, name_seq, error))?;
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
        let read_count = self.from_seq.saturating_sub(name_seq).min(scan.record_count);
        Ok(Loaded { path, bytes, header: scan.header, record_count: scan.record_count, read_count, end })
    }

    /// A segment that is not there although it was listed may have expired since.
    fn why_gone(&self, path: &Path, seq: u64, error: JournalError) -> JournalError {
        let is_gone = |error: &JournalError| matches!(error, JournalError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        match first_seq(&self.dir) {
            Ok(first_seq) if is_gone(&error) && first_seq > seq => {
                JournalError::Expired { path: path.to_owned(), seq, first_seq }
            }
            _ => error,
        }
    }

    fn torn(&self, path: &Path, scan: &SegmentScan) -> Option<JournalError> {
        let SegmentEnd::Torn { fault } = scan.end else { return None };
        let (segment, offset, seq) = (path.to_owned(), scan.good_bytes(), scan.next_seq());
        // Torn is what the journal's end may be; anywhere else it is damage, and so it is where whole records are known to have been.
        Some(if self.segments.as_slice().is_empty() && seq <= self.last_seq_known {
            JournalError::EndDamaged { segment, offset, seq, fault, expected_seq: self.last_seq_known }
        } else if self.segments.as_slice().is_empty() {
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
            let Some(Segment { first_seq, path }) = self.segments.next() else { return self.finish() };
            match self.load(first_seq, path) {
                Ok(loaded) => self.loaded = Some(loaded),
                Err(error) => return self.fail(error),
            }
        }
        None
    }
}
