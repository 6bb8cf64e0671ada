//! Opens a journal for writing: locks the folder, judges every segment, repairs the end, takes back what a killed
//! process left in shared memory, and counts the epoch up.
//!
//! What it is not: it interprets no record; state is rebuilt from them elsewhere.
//!
//! Invariant: everything is judged before anything is changed; nothing is cut but a torn end that no good record
//! follows; what shared memory holds is on the disk before the memory is used anew.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compressed::read_segment;
use super::disk::{Disk, FileSystem};
use super::epoch::{EPOCH_MAX, EpochFile};
use super::error::{JournalError, RecordFault, io_error};
use super::folder::{Segment, first_seq, segments};
use super::leftovers::{Leftovers, clear};
use super::memory::{Memory, memory_path};
use super::persister::{PersistPlan, Persister};
use super::progress::Progress;
use super::reader::judge_segment;
use super::scan::{SegmentEnd, has_records};
use super::segment::{SegmentHeader, record_offset, segment_name};
use super::snapshot::{Snapshot, snapshots};
use super::writer::Writer;
use crate::record::{RECORD_BYTES, Record};
use crate::types::TimeNs;

/// Where a journal is and how it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// The folder of segments; made if missing.
    pub dir: PathBuf,
    /// A folder in memory, where a killed process's records survive: `/dev/shm`. Neither this nor `dir` may move
    /// between a kill and the next start, or what was not yet synced is not found.
    pub memory_dir: PathBuf,
    /// Records the ring holds (128 bytes each): a power of two, 2 to 2^24.
    pub memory_records: usize,
    /// Bytes of a segment file, header included: 256 to 2^32.
    pub segment_bytes: u64,
    /// Longest time between syncs while there is something to sync, ns; 0 syncs after every batch.
    pub sync_every_ns: i64,
    /// Unsynced bytes that make a sync due earlier.
    pub sync_after_bytes: u64,
    /// Digest of the configuration, for the segment headers.
    pub config_digest: u64,
}

impl JournalOptions {
    /// The defaults: 65,536 records (8 MiB) in `/dev/shm`, segments of 16 MiB, synced every 10 ms or 1 MiB.
    pub fn new(dir: impl Into<PathBuf>) -> JournalOptions {
        JournalOptions {
            dir: dir.into(),
            memory_dir: PathBuf::from("/dev/shm"),
            memory_records: 65_536,
            segment_bytes: 16 << 20,
            sync_every_ns: 10_000_000,
            sync_after_bytes: 1 << 20,
            config_digest: 0,
        }
    }

    fn validate(&self) -> Result<(), JournalError> {
        let wrong = |option, expected, got| Err(JournalError::Option { option, expected, got });
        if !self.memory_records.is_power_of_two() || !(2..=1 << 24).contains(&self.memory_records) {
            return wrong("memory_records", "a power of two, 2 to 16777216", self.memory_records as u64);
        }
        if !(256..=1 << 32).contains(&self.segment_bytes) {
            return wrong("segment_bytes", "256 to 4294967296", self.segment_bytes);
        }
        if self.sync_every_ns < 0 {
            return wrong("sync_every_ns", "0 or more", self.sync_every_ns.unsigned_abs());
        }
        Ok(())
    }
}

/// What was cut off the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TornTail {
    /// The file.
    pub segment: PathBuf,
    /// Where the good records end.
    pub offset: u64,
    /// What stood there; `None` when the file's header itself was never finished and the file was removed.
    pub fault: Option<RecordFault>,
}

/// What was found and done at the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// This start's number, from 1.
    pub epoch: u32,
    /// The last record of the journal now; zero when it is empty.
    pub last_seq: u64,
    /// Records found on the disk.
    pub disk_count: u64,
    /// Records taken back from the memory of a killed process.
    pub memory_count: u64,
    /// Whether an earlier process's memory was not there (a reboot, or a folder that moved): then the journal ends with its
    /// last sync, and orders sent after it must be learned from the venue. After a tidy end there is none, and nothing is missed.
    pub memory_gone: bool,
    /// What was cut, if anything.
    pub torn: Option<TornTail>,
    /// What else lay in the folder.
    pub leftovers: Leftovers,
}

impl std::fmt::Display for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "journal: epoch {}, {} records on disk, last {}",
            self.epoch, self.disk_count, self.last_seq
        )?;
        if self.memory_count > 0 {
            write!(f, "; {} taken back from the memory of a killed process", self.memory_count)?;
        }
        if self.memory_gone {
            f.write_str("; the previous process's memory is gone (reboot or moved folder), so the end is its last sync")?;
        }
        match &self.torn {
            Some(TornTail { segment, offset, fault: Some(fault) }) => {
                write!(f, "; torn end cut: {} at byte {offset}: {fault}", segment.display())?;
            }
            Some(TornTail { segment, fault: None, .. }) => {
                write!(f, "; unfinished segment without records removed: {}", segment.display())?;
            }
            None => {}
        }
        write!(f, "{}", self.leftovers)
    }
}

/// An open journal: the parts go to their lanes.
#[derive(Debug)]
pub struct Journal<D: Disk = FileSystem> {
    /// For the engine's lane.
    pub writer: Writer,
    /// For the persist agent.
    pub persister: Persister<D>,
    /// For everybody.
    pub progress: Progress,
    /// For the start's report.
    pub recovery: Recovery,
    /// Holds the folder's lock as long as it lives: for whoever still writes there when the others are gone.
    pub folder: File,
}

/// Opens (or makes) the journal for writing.
pub fn open(options: &JournalOptions, now: TimeNs) -> Result<Journal, JournalError> {
    open_on(FileSystem, options, now)
}

/// As [`open`], with segments made by `disk`.
pub fn open_on<D: Disk>(disk: D, options: &JournalOptions, now: TimeNs) -> Result<Journal<D>, JournalError> {
    options.validate()?;
    std::fs::create_dir_all(&options.dir).map_err(io_error("create", &options.dir))?;
    let dir = options.dir.canonicalize().map_err(io_error("resolve", &options.dir))?;
    let lock = Arc::new(lock_folder(&dir)?);
    let covered_seq = covered_by_snapshot(&dir)?;
    let found = judge(&dir, covered_seq)?;
    let old = epoch_before(&dir, &found, now)?;
    let ring_path = memory_path(&options.memory_dir, &dir);
    let left = left_in_memory(&ring_path, &old, found.next_seq)?;
    let memory_gone = left.is_none() && old.epoch > 0 && !old.is_closed;
    let left = left.unwrap_or_default();
    check_nothing_missing(&dir, &old, &found, (left.len() as u64, covered_seq))?;
    // Judged: from here on things are changed.
    let leftovers = clear(&dir)?;
    let mut old = old;
    if found.removes_last() {
        // A segment without records goes: nobody is to miss it, whenever this process dies.
        old.last_segment = found.last_segment_kept;
        old.write(&dir)?;
    }
    repair(&dir, &found)?;
    write_left(&dir, &old, &left, found.next_seq, now)?;
    let last_seq = found.next_seq - 1 + left.len() as u64;
    let epoch = old.epoch + 1;
    let last_segment =
        if left.is_empty() { old.last_segment.max(found.last_segment_kept) } else { found.next_seq };
    EpochFile { epoch, last_seq, last_segment, is_closed: false, ..old }.write(&dir)?;
    let memory = Memory::create(&ring_path, options.memory_records, old.journal_id, epoch, last_seq + 1)?;
    let progress = Progress::new(last_seq);
    let plan = PersistPlan {
        dir,
        records_per_segment: (options.segment_bytes - record_offset(0)) / RECORD_BYTES as u64,
        sync_every_ns: options.sync_every_ns,
        sync_after_records: (options.sync_after_bytes / RECORD_BYTES as u64).max(1),
        epoch,
        journal_id: old.journal_id,
        first_seq: old.first_seq,
        last_segment,
        ring_path,
        config_digest: options.config_digest,
    };
    let recovery = Recovery {
        epoch,
        last_seq,
        disk_count: found.next_seq - old.first_seq.max(found.first_seq),
        memory_count: left.len() as u64,
        memory_gone,
        torn: found.torn,
        leftovers,
    };
    let folder = lock.try_clone().map_err(io_error("lock", &options.dir))?;
    Ok(Journal {
        folder,
        writer: Writer::new(memory.clone(), progress.clone(), lock.clone()),
        persister: Persister::new(disk, plan, memory, progress.clone(), lock),
        progress,
        recovery,
    })
}

fn lock_folder(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(error) => Err(io_error("lock", &path)(error.into())),
    }
}

/// The verdict on a folder.
#[derive(Debug)]
struct Found {
    segment_count: usize,
    first_seq: u64,
    next_seq: u64,
    journal_id: Option<u64>,
    torn: Option<TornTail>,
    /// The last segment, and how many bytes of it to keep; zero removes it.
    keep: Option<(PathBuf, u64)>,
    /// The newest segment that stays.
    last_segment_kept: u64,
    /// The newest segment there is, good or not.
    newest_segment: u64,
}

impl Found {
    /// Whether the last segment has nothing that could be kept.
    fn removes_last(&self) -> bool {
        matches!(self.keep, Some((_, 0)))
    }
}

/// The record that the newest snapshot that can be read stands behind: what came before it need not be read again.
fn covered_by_snapshot(dir: &Path) -> Result<u64, JournalError> {
    let journal_id = EpochFile::read(dir)?.map_or(0, |file| file.journal_id);
    for (seq, path) in snapshots(dir)? {
        if Snapshot::read(&path, seq, journal_id)?.is_ok() {
            return Ok(seq);
        }
    }
    Ok(0)
}

fn judge(dir: &Path, covered_seq: u64) -> Result<Found, JournalError> {
    let segments = segments(dir)?;
    let oldest = first_seq(dir)?;
    let first_seq = segments.first().map_or(oldest, |segment| segment.first_seq);
    let mut found = Found {
        segment_count: segments.len(),
        first_seq,
        next_seq: first_seq,
        journal_id: None,
        torn: None,
        keep: None,
        last_segment_kept: 0,
        newest_segment: segments.last().map_or(0, |segment| segment.first_seq),
    };
    for (index, segment) in segments.iter().enumerate() {
        let Segment { first_seq: name_seq, path } = segment;
        let is_last = index + 1 == segments.len();
        if *name_seq != found.next_seq {
            return Err(JournalError::Missing {
                path: path.clone(),
                expected_seq: found.next_seq,
                got_seq: *name_seq,
            });
        }
        if let Some(next) = segments.get(index + 1).filter(|next| next.first_seq <= covered_seq + 1) {
            // A snapshot stands for it. `journal verify` reads it; a start only sees that it is there.
            check_covered(segment, next.first_seq, &mut found.journal_id)?;
            (found.next_seq, found.last_segment_kept) = (next.first_seq, *name_seq);
            continue;
        }
        let bytes = read_segment(path)?;
        let unfinished = is_last && !has_records(&bytes) && SegmentHeader::decode(&bytes).is_err();
        if unfinished {
            found.torn = Some(TornTail { segment: path.clone(), offset: 0, fault: None });
            found.keep = Some((path.clone(), 0));
            break;
        }
        let scan = judge_segment(path, &bytes, *name_seq, &mut found.journal_id)?;
        found.next_seq = scan.next_seq();
        if is_last {
            if let SegmentEnd::Torn { fault } = scan.end {
                found.torn =
                    Some(TornTail { segment: path.clone(), offset: scan.good_bytes(), fault: Some(fault) });
            }
            // A compressed one was closed and read back when it was made: there is nothing to cut.
            if !segment.is_compressed() {
                let keep_bytes = if scan.record_count == 0 { 0 } else { scan.good_bytes() };
                found.keep = Some((path.clone(), keep_bytes));
            }
            found.last_segment_kept =
                if scan.record_count == 0 { found.last_segment_kept } else { *name_seq };
            break;
        }
        found.last_segment_kept = *name_seq;
        if let SegmentEnd::Torn { fault } = scan.end {
            // A torn end may only be the journal's end.
            let (segment, offset, seq) = (path.clone(), scan.good_bytes(), scan.next_seq());
            return Err(JournalError::Quarantined { segment, offset, seq, fault });
        }
    }
    Ok(found)
}

/// A segment that a snapshot stands for: its header, and that it is as long as the next one's name says.
fn check_covered(segment: &Segment, next_seq: u64, journal_id: &mut Option<u64>) -> Result<(), JournalError> {
    let header = segment.read_header()?;
    let expected = *journal_id.get_or_insert(header.journal_id);
    segment.check_header(&header, expected)?;
    let expected = next_seq - segment.first_seq;
    match segment.record_count()? {
        Some(got) if got == expected => Ok(()),
        Some(got) if got < expected => Err(JournalError::Missing {
            path: segment.path.clone(),
            expected_seq: segment.first_seq + got,
            got_seq: next_seq,
        }),
        got => Err(JournalError::Mismatch {
            segment: segment.path.clone(),
            field: "length in records",
            expected,
            got: got.unwrap_or(0),
        }),
    }
}

fn epoch_before(dir: &Path, found: &Found, now: TimeNs) -> Result<EpochFile, JournalError> {
    let path = dir.join("epoch");
    match EpochFile::read(dir)? {
        Some(file) if file.epoch >= EPOCH_MAX => Err(JournalError::Epoch {
            path,
            reason: "all 524287 epochs are used up: start a new journal folder",
        }),
        Some(file) => match found.journal_id {
            Some(got) if got != file.journal_id => Err(JournalError::Mismatch {
                segment: dir.to_owned(),
                field: "journal_id",
                expected: file.journal_id,
                got,
            }),
            _ => Ok(file),
        },
        None if found.segment_count > 0 => {
            Err(JournalError::Epoch { path, reason: "expected an epoch file beside the segments, got none" })
        }
        None => {
            let journal_id = now.0 as u64;
            Ok(EpochFile {
                epoch: 0,
                journal_id,
                first_seq: 1,
                last_seq: 0,
                last_segment: 0,
                is_closed: false,
            })
        }
    }
}

/// What a killed process appended and the disk does not have: consecutive from `next_seq`, every checksum good; `None`
/// when there is no memory of this journal.
fn left_in_memory(path: &Path, old: &EpochFile, next_seq: u64) -> Result<Option<Vec<Record>>, JournalError> {
    let Some(memory) = Memory::open(path, old.journal_id)? else { return Ok(None) };
    let load = |seq| {
        memory.load_checked(seq).map_err(|fault| JournalError::Memory { path: path.to_owned(), seq, fault })
    };
    // Never earlier than the ring's own beginning: what came before was on the disk when it was made.
    let head = memory.next_seq();
    if next_seq < memory.first_seq() {
        return Ok(Some(Vec::new()));
    }
    (next_seq..head).map(load).collect::<Result<_, _>>().map(Some)
}

fn check_nothing_missing(
    dir: &Path,
    old: &EpochFile,
    found: &Found,
    (left_count, covered_seq): (u64, u64),
) -> Result<(), JournalError> {
    let path = || dir.to_owned();
    let got_seq = found.next_seq + left_count - 1;
    let oldest = old.first_seq.max(first_seq(dir)?);
    if found.segment_count > 0 && found.first_seq != oldest {
        let (expected_seq, got_seq) = (oldest, found.first_seq);
        return Err(JournalError::Missing { path: path(), expected_seq, got_seq });
    }
    // The newest segment may have no record yet; if it is not there at all, its first record is missing.
    let newest = found.newest_segment;
    let segment_seq = if newest < old.last_segment { old.last_segment } else { 0 };
    let expected_seq = old.last_seq.max(segment_seq).max(covered_seq);
    if got_seq < expected_seq {
        return Err(JournalError::EndMissing { path: path(), expected_seq, got_seq });
    }
    Ok(())
}

fn repair(dir: &Path, found: &Found) -> Result<(), JournalError> {
    let Some((path, keep_bytes)) = &found.keep else { return Ok(()) };
    let cut = || {
        if *keep_bytes == 0 {
            std::fs::remove_file(path)?;
        } else {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(*keep_bytes)?;
            // Also makes durable what a killed process had copied but not synced.
            file.sync_all()?;
        }
        File::open(dir)?.sync_all()
    };
    cut().map_err(io_error("repair", path))
}

/// Writes the records taken back as a segment of their own, durably.
fn write_left(
    dir: &Path,
    old: &EpochFile,
    left: &[Record],
    first_seq: u64,
    now: TimeNs,
) -> Result<(), JournalError> {
    if left.is_empty() {
        return Ok(());
    }
    let path = dir.join(segment_name(first_seq));
    let header = SegmentHeader {
        first_seq,
        epoch: old.epoch,
        journal_id: old.journal_id,
        config_digest: 0,
        created: now,
    };
    let mut bytes = header.encode().to_vec();
    left.iter().for_each(|record| bytes.extend_from_slice(record.bytes()));
    let write = || {
        use std::io::Write;
        let mut file = File::create(&path)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        File::open(dir)?.sync_all()
    };
    write().map_err(io_error("write", &path))
}
