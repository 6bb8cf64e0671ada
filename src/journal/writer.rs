//! The engine's end of the journal: number, checksum, store, announce.
//!
//! What it is not: it touches no file and waits for nothing.
//!
//! Invariant: when `append` has returned a number, the record survives this process; when it refuses, nothing was written and
//! the number is not used up.

use std::fs::File;
use std::sync::Arc;

use super::memory::Memory;
use super::progress::Progress;
use crate::record::Record;

/// The ring has no free place: the disk has not kept up. The caller halts trading; it never drops.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("journal full: {capacity} records wait for the disk, which has got to record {durable_seq}")]
pub struct JournalFull {
    /// Places in the ring.
    pub capacity: u64,
    /// How far the disk is.
    pub durable_seq: u64,
}

/// One a journal, on the lane that runs the engine.
#[derive(Debug)]
pub struct Writer {
    memory: Memory,
    progress: Progress,
    next_seq: u64,
    /// The first sequence there is no place for, as last seen; the truth may be further on.
    limit_seq: u64,
    capacity: u64,
    /// The folder stays locked for as long as somebody may write to it.
    _lock: Arc<File>,
}

impl Writer {
    pub(super) fn new(memory: Memory, progress: Progress, lock: Arc<File>) -> Writer {
        let (next_seq, capacity) = (memory.next_seq(), memory.places());
        let limit_seq = progress.durable_seq() + 1 + capacity;
        Writer { memory, progress, next_seq, limit_seq, capacity, _lock: lock }
    }

    /// Gives the record its sequence and checksum and stores it; returns the sequence.
    #[inline]
    pub fn append(&mut self, record: &mut Record) -> Result<u64, JournalFull> {
        let seq = self.next_seq;
        if seq >= self.limit_seq {
            self.look_for_room()?;
        }
        record.set_seq(seq);
        record.set_checksum(crc32c::crc32c(record.checksummed()));
        self.memory.publish(seq, record);
        self.next_seq = seq + 1;
        Ok(seq)
    }

    #[cold]
    fn look_for_room(&mut self) -> Result<(), JournalFull> {
        let durable_seq = self.progress.durable_seq();
        self.limit_seq = durable_seq + 1 + self.capacity;
        if self.next_seq < self.limit_seq {
            return Ok(());
        }
        Err(JournalFull { capacity: self.capacity, durable_seq })
    }

    /// The last sequence given; zero before the first.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Places of the ring.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Records that could be appended now for certain: look before a step that must not be refused half-way.
    pub fn free(&mut self) -> u64 {
        self.limit_seq = self.progress.durable_seq() + 1 + self.capacity;
        self.limit_seq - self.next_seq
    }

    /// How far the disk is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}
