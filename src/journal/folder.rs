//! A journal's folder: which segments stand there, in which form, and what of it expired.
//!
//! What it is not: a judge of records; `scan`, `recovery` and `reader` are.
//!
//! Invariant: of a segment that stands there twice, plain and compressed, the plain one counts; what expired does not count, whether
//! or not its file is gone already.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::compressed::{self, open_segment};
use super::epoch::EpochFile;
use super::error::{JournalError, RecordFault, io_error};
use super::expired::ExpiredFile;
use super::scan::check_record;
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, first_seq_of, record_offset};
use crate::record::{RECORD_BYTES, Record};
use crate::types::TimeNs;

/// A segment's file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Segment {
    /// Its first record.
    pub first_seq: u64,
    /// Where it stands, plain or compressed.
    pub path: PathBuf,
}

impl Segment {
    /// Bytes that it takes; zero when it is gone.
    pub fn file_bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |data| data.len())
    }

    /// When it was made, by its header.
    pub fn created(&self) -> Result<TimeNs, JournalError> {
        self.read_header().map(|header| header.created)
    }

    /// Its header and what follows.
    fn open(&self) -> Result<(SegmentHeader, Box<dyn Read>), JournalError> {
        let path = &self.path;
        let mut reader = open_segment(path).map_err(io_error("open", path))?;
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        reader.read_exact(&mut bytes).map_err(io_error("read", path))?;
        let header = SegmentHeader::decode(&bytes)
            .map_err(|fault| JournalError::Header { segment: path.clone(), fault })?;
        Ok((header, reader))
    }

    /// Its header, as it stands there.
    pub(super) fn read_header(&self) -> Result<SegmentHeader, JournalError> {
        self.open().map(|(header, _)| header)
    }

    /// Holds a header against the file's name and journal.
    pub(super) fn check_header(&self, header: &SegmentHeader, journal_id: u64) -> Result<(), JournalError> {
        let mismatch = |field, expected, got| {
            Err(JournalError::Mismatch { segment: self.path.clone(), field, expected, got })
        };
        if header.first_seq != self.first_seq {
            return mismatch("first_seq", self.first_seq, header.first_seq);
        }
        if header.journal_id != journal_id {
            return mismatch("journal_id", journal_id, header.journal_id);
        }
        Ok(())
    }

    /// Records that it has room for, by its length; `None` when it does not end with a whole one.
    pub(super) fn record_count(&self) -> Result<Option<u64>, JournalError> {
        let bytes = compressed::plain_bytes(&self.path).map_err(io_error("look at", &self.path))?;
        let records = bytes.checked_sub(record_offset(0));
        Ok(records.filter(|bytes| bytes % RECORD_BYTES as u64 == 0).map(|bytes| bytes / RECORD_BYTES as u64))
    }

    /// Whether it stands there compressed.
    pub(super) fn is_compressed(&self) -> bool {
        compressed::is_compressed(&self.path)
    }
}

/// The segments of a folder that count, by first record.
pub fn segments(dir: &Path) -> Result<Vec<Segment>, JournalError> {
    let oldest = expired(dir)?.map_or(0, |file| file.first_seq);
    let list = || -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let plain = name.to_str().map(|name| name.strip_suffix(compressed::SUFFIX).unwrap_or(name));
            if let Some(first_seq) = plain.and_then(first_seq_of).filter(|seq| *seq >= oldest) {
                segments.push(Segment { first_seq, path: entry.path() });
            }
        }
        // The plain name is the shorter one, and comes first.
        segments.sort_unstable();
        segments.dedup_by_key(|segment| segment.first_seq);
        Ok(segments)
    };
    list().map_err(io_error("list", dir))
}

/// The oldest record that has not expired.
pub fn first_seq(dir: &Path) -> Result<u64, JournalError> {
    Ok(expired(dir)?.map_or(1, |file| file.first_seq))
}

/// What the folder says of expiries; one of another journal would hide records of this one.
fn expired(dir: &Path) -> Result<Option<ExpiredFile>, JournalError> {
    let (file, epoch) = (ExpiredFile::read(dir)?, EpochFile::read(dir)?);
    match (file, epoch) {
        (Some(file), Some(epoch)) if file.journal_id != epoch.journal_id => Err(JournalError::Mismatch {
            segment: dir.join(super::expired::NAME),
            field: "journal_id",
            expected: epoch.journal_id,
            got: file.journal_id,
        }),
        (file, _) => Ok(file),
    }
}

/// Gives each record of a closed segment to `take`, in order; the first that is not whole ends it with an error.
pub fn each_record(
    segment: &Segment,
    journal_id: u64,
    take: &mut dyn FnMut(&Record),
) -> Result<(), JournalError> {
    let (header, reader) = segment.open()?;
    segment.check_header(&header, journal_id)?;
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut bytes = [0; RECORD_BYTES];
    for index in 0.. {
        match fill(&mut reader, &mut bytes).map_err(io_error("read", &segment.path))? {
            0 => break,
            RECORD_BYTES => {}
            got => return Err(quarantined(segment, index, RecordFault::Short { got })),
        }
        let record = Record::from_bytes(bytes);
        check_record(&record, segment.first_seq + index)
            .map_err(|fault| quarantined(segment, index, fault))?;
        take(&record);
    }
    Ok(())
}

fn quarantined(segment: &Segment, index: u64, fault: RecordFault) -> JournalError {
    let seq = segment.first_seq + index;
    JournalError::Quarantined { segment: segment.path.clone(), offset: record_offset(index), seq, fault }
}

/// Reads a whole record, or what there is of it.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Notes what expires, then removes it; what an earlier kill left is removed too.
pub fn expire(dir: &Path, file: &ExpiredFile) -> Result<(), JournalError> {
    file.write(dir)?;
    let remove = || -> io::Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let plain = name.to_str().map(|name| name.strip_suffix(compressed::SUFFIX).unwrap_or(name));
            if plain.and_then(first_seq_of).is_some_and(|first_seq| first_seq < file.first_seq) {
                std::fs::remove_file(entry.path())?;
            }
        }
        File::open(dir)?.sync_all()
    };
    remove().map_err(io_error("expire segments in", dir))
}
