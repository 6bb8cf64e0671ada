//! The disk's end of the journal: copies new records to segment files, syncs them, rolls the files.
//!
//! What it is not: an agent or a thread; an agent calls `do_work`. It compresses and expires nothing.
//!
//! Invariant: a record's place in the ring is freed only after a sync that covered it succeeded. After any failure the same
//! records are written again to the same place, so a full disk loses nothing and a failed sync (after which the
//! kernel may forget what it had not written) loses nothing either.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Disk, FileSystem, SegmentFile};
use super::epoch::EpochFile;
use super::memory::Memory;
use super::progress::{FailureKind, PersistState, Progress};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, record_offset, segment_name};
use crate::record::RECORD_BYTES;
use crate::types::{NS_PER_MS, TimeNs};

/// Records copied in one write at most: 64 KiB.
const BATCH_RECORDS_MAX: u64 = 512;
/// How long to leave a failing disk alone.
const RETRY_AFTER_NS: i64 = 50 * NS_PER_MS;

/// What the persister must know of its journal.
#[derive(Clone, Debug)]
pub(super) struct PersistPlan {
    pub(super) dir: PathBuf,
    pub(super) records_per_segment: u64,
    pub(super) sync_every_ns: i64,
    pub(super) sync_after_records: u64,
    pub(super) epoch: u32,
    pub(super) journal_id: u64,
    /// The journal's oldest record.
    pub(super) first_seq: u64,
    /// The newest segment's first record; zero before there is one.
    pub(super) last_segment: u64,
    /// Where the memory is, to be given back at a tidy end.
    pub(super) ring_path: PathBuf,
    pub(super) config_digest: u64,
}

#[derive(Debug)]
struct Segment<F> {
    file: F,
    first_seq: u64,
}

/// One a journal, on the lane that may wait for the disk.
#[derive(Debug)]
pub struct Persister<D: Disk = FileSystem> {
    disk: D,
    plan: PersistPlan,
    memory: Memory,
    progress: Progress,
    segment: Option<Segment<D::File>>,
    copied_seq: u64,
    durable_seq: u64,
    synced_at: TimeNs,
    retry_at: TimeNs,
    batch: Vec<u8>,
    /// The folder stays locked for as long as somebody may write to it.
    lock: Arc<File>,
}

impl<D: Disk> Persister<D> {
    pub(super) fn new(
        disk: D,
        plan: PersistPlan,
        memory: Memory,
        progress: Progress,
        lock: Arc<File>,
    ) -> Persister<D> {
        let last_seq = memory.next_seq() - 1;
        Persister {
            disk,
            plan,
            memory,
            progress,
            segment: None,
            copied_seq: last_seq,
            durable_seq: last_seq,
            synced_at: TimeNs::NEVER,
            retry_at: TimeNs::NEVER,
            batch: Vec::with_capacity(BATCH_RECORDS_MAX as usize * RECORD_BYTES),
            lock,
        }
    }

    /// One turn: copies at most one batch and syncs when it is due; returns how many records it copied or made durable.
    pub fn do_work(&mut self, now: TimeNs) -> usize {
        if now < self.retry_at {
            return 0;
        }
        match self.advance(now) {
            Ok(count) => {
                if count > 0 && self.progress.state() != PersistState::Healthy {
                    self.progress.set_healthy();
                }
                count
            }
            Err(error) => {
                self.progress.set_failed(FailureKind::of(&error));
                self.retry_at = now.plus_ns(RETRY_AFTER_NS);
                0
            }
        }
    }

    /// Copies and syncs everything appended so far, however long it takes; `Err` when the disk refuses.
    pub fn flush(&mut self, now: TimeNs) -> io::Result<()> {
        while self.durable_seq < self.memory.next_seq() - 1 {
            let tried = if self.copied_seq < self.memory.next_seq() - 1 {
                self.copy_batch(now).map(|_| ())
            } else {
                self.sync(now)
            };
            tried.inspect_err(|error| self.progress.set_failed(FailureKind::of(error)))?;
        }
        self.progress.set_healthy();
        Ok(())
    }

    /// Flushes, cuts the last segment to its length, and notes where the journal ends, so that an end that goes missing is
    /// noticed: a tidy end, not needed for safety. The memory is given back when the writer is gone.
    pub fn close(&mut self, now: TimeNs) -> io::Result<()> {
        // Asked before the flush: when nobody else holds the journal, nothing is appended behind it.
        let is_alone = Arc::get_mut(&mut self.lock).is_some();
        self.flush(now)?;
        if let Some(mut segment) = self.segment.take() {
            segment.file.truncate(record_offset(self.durable_seq + 1 - segment.first_seq))?;
            segment.file.sync()?;
        }
        let end = EpochFile { is_closed: is_alone, ..self.known(self.durable_seq) };
        end.replace(&self.plan.dir)?;
        if is_alone { std::fs::remove_file(&self.plan.ring_path) } else { Ok(()) }
    }

    /// How far the disk is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What the folder must hold from now on.
    fn known(&self, last_seq: u64) -> EpochFile {
        let PersistPlan { epoch, journal_id, first_seq, last_segment, .. } = self.plan;
        EpochFile { epoch, journal_id, first_seq, last_seq, last_segment, is_closed: false }
    }

    fn advance(&mut self, now: TimeNs) -> io::Result<usize> {
        let durable_before = self.durable_seq;
        let copied_count =
            if self.copied_seq < self.memory.next_seq() - 1 { self.copy_batch(now)? } else { 0 };
        let unsynced_count = self.copied_seq - self.durable_seq;
        let due = now.since(self.synced_at) >= self.plan.sync_every_ns
            || unsynced_count >= self.plan.sync_after_records;
        if unsynced_count > 0 && due {
            self.sync(now)?;
        }
        Ok(copied_count.max((self.durable_seq - durable_before) as usize))
    }

    fn copy_batch(&mut self, now: TimeNs) -> io::Result<usize> {
        let first = self.copied_seq + 1;
        self.make_room(now, first)?;
        let Some(segment) = &mut self.segment else { return Ok(0) };
        let segment_end = segment.first_seq + self.plan.records_per_segment;
        let end = self.memory.next_seq().min(segment_end).min(first + BATCH_RECORDS_MAX);
        self.batch.clear();
        for seq in first..end {
            let record = self.memory.load(seq);
            assert_eq!(
                record.seq(),
                seq,
                "journal memory: a place was overwritten before it was on the disk"
            );
            self.batch.extend_from_slice(record.bytes());
        }
        segment.file.write_all_at(&self.batch, record_offset(first - segment.first_seq))?;
        self.copied_seq = end - 1;
        self.progress.set_copied(self.copied_seq);
        Ok((end - first) as usize)
    }

    /// Sees to it that there is a segment with room for record `seq`; syncs the full one before the next is made.
    fn make_room(&mut self, now: TimeNs, seq: u64) -> io::Result<()> {
        if let Some(segment) = &self.segment {
            if seq < segment.first_seq + self.plan.records_per_segment {
                return Ok(());
            }
            if self.durable_seq < self.copied_seq {
                self.sync(now)?;
            }
        }
        let path = self.plan.dir.join(segment_name(seq));
        let mut file = self.disk.create(&path, record_offset(self.plan.records_per_segment))?;
        let header = SegmentHeader {
            first_seq: seq,
            epoch: self.plan.epoch,
            journal_id: self.plan.journal_id,
            config_digest: self.plan.config_digest,
            created: now,
        };
        file.write_all_at(&header.encode()[..SEGMENT_HEADER_BYTES], 0)?;
        file.sync()?;
        self.disk.sync_dir(&self.plan.dir)?;
        // Before the first record of it: a segment that goes missing is missed, whatever it held.
        self.plan.last_segment = seq;
        self.known(seq - 1).replace(&self.plan.dir)?;
        self.segment = Some(Segment { file, first_seq: seq });
        Ok(())
    }

    fn sync(&mut self, now: TimeNs) -> io::Result<()> {
        if let Some(segment) = &mut self.segment
            && let Err(error) = segment.file.sync()
        {
            // What was copied since the last good sync may be gone; the ring still has it.
            self.copied_seq = self.durable_seq;
            self.progress.set_copied(self.copied_seq);
            return Err(error);
        }
        self.durable_seq = self.copied_seq;
        self.progress.set_durable(self.durable_seq);
        self.synced_at = now;
        Ok(())
    }
}
