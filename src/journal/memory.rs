//! The ring of records in shared memory, between the engine's lane and the disk: what a killed process leaves behind.
//!
//! What it is not: durable against power loss, and not a queue for more than one writer.
//!
//! Invariant: words of a record are stored before the head that announces it (release); a place is used again only
//! after the record in it is on the disk; so everything between the disk's end and the head can always be read back.
//!
//! Words: 0 magic · 1 record places (a power of two) · 2 journal id · 3 epoch · 4 first sequence · 16 head (the next
//! sequence) · from 32 the places of 16 words, record `seq` in place `seq mod places`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{JournalError, RecordFault, io_error};
use super::scan::check_record;
use crate::record::{RECORD_BYTES, Record};
use crate::runtime::shared_memory::SharedMemory;

const MAGIC: u64 = u64::from_le_bytes(*b"TBRING\x00\x01");
const RECORD_WORDS: usize = RECORD_BYTES / 8;
const HEAD: usize = 16;
const PLACES: usize = 32;

/// Where the ring of a journal folder lives: named by a hash (FNV-1a) of the folder's absolute path.
pub fn memory_path(memory_dir: &Path, journal_dir: &Path) -> PathBuf {
    let bytes = journal_dir.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    memory_dir.join(format!("tickbridge-{hash:016x}.ring"))
}

/// One journal's ring.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    words: SharedMemory,
    mask: u64,
}

impl Memory {
    /// Makes a new, empty ring whose first record will be `first_seq`.
    pub(super) fn create(
        path: &Path,
        places: usize,
        journal_id: u64,
        epoch: u32,
        first_seq: u64,
    ) -> Result<Memory, JournalError> {
        assert!(places.is_power_of_two(), "checked by the options");
        let words =
            SharedMemory::create(path, PLACES + places * RECORD_WORDS).map_err(io_error("create", path))?;
        let memory = Memory { words, mask: places as u64 - 1 };
        let header = [places as u64, journal_id, u64::from(epoch), first_seq];
        for (index, value) in header.into_iter().enumerate() {
            memory.words.words()[1 + index].store(value, Ordering::Relaxed);
        }
        memory.head().store(first_seq, Ordering::Relaxed);
        // Last, so that a ring with a magic is a whole one.
        memory.words.words()[0].store(MAGIC, Ordering::Release);
        Ok(memory)
    }

    /// Opens the ring that an earlier process left; `None` when there is none, or one that was never finished, or one
    /// of another journal.
    pub(super) fn open(path: &Path, journal_id: u64) -> Result<Option<Memory>, JournalError> {
        if !path.try_exists().map_err(io_error("look for", path))? {
            return Ok(None);
        }
        let foreign = || JournalError::MemoryForeign { path: path.to_owned() };
        if std::fs::metadata(path).map_err(io_error("look at", path))?.len() == 0 {
            return Ok(None);
        }
        let words = SharedMemory::open(path).map_err(io_error("open", path))?;
        let word = |index: usize| words.words().get(index).map_or(0, |word| word.load(Ordering::Acquire));
        match word(0) {
            0 => return Ok(None),
            MAGIC => {}
            _ => return Err(foreign()),
        }
        let places = word(1);
        let expected =
            places.checked_mul(RECORD_WORDS as u64).and_then(|count| count.checked_add(PLACES as u64));
        if !places.is_power_of_two() || expected != Some(words.words().len() as u64) {
            return Err(foreign());
        }
        let ours = word(2) == journal_id;
        Ok(ours.then_some(Memory { mask: places - 1, words }))
    }

    fn head(&self) -> &AtomicU64 {
        &self.words.words()[HEAD]
    }

    /// How many records it holds at most.
    pub(super) fn places(&self) -> u64 {
        self.mask + 1
    }

    /// The next sequence: everything below is complete.
    #[inline]
    pub(super) fn next_seq(&self) -> u64 {
        self.head().load(Ordering::Acquire)
    }

    /// The first sequence this ring was made for.
    pub(super) fn first_seq(&self) -> u64 {
        self.words.words()[4].load(Ordering::Relaxed)
    }

    #[inline]
    fn place(&self, seq: u64) -> &[AtomicU64] {
        let start = PLACES + (seq & self.mask) as usize * RECORD_WORDS;
        &self.words.words()[start..start + RECORD_WORDS]
    }

    /// Stores a record and announces it. Only the one writer calls it, and only for a free place.
    #[inline]
    pub(super) fn publish(&self, seq: u64, record: &Record) {
        for (place, word) in self.place(seq).iter().zip(record.to_words()) {
            place.store(word, Ordering::Relaxed);
        }
        self.head().store(seq + 1, Ordering::Release);
    }

    /// Copies a record out; the caller has seen a head above `seq`.
    #[inline]
    pub(super) fn load(&self, seq: u64) -> Record {
        let place = self.place(seq);
        Record::from_words(&std::array::from_fn(|index| place[index].load(Ordering::Relaxed)))
    }

    /// As [`Memory::load`], for a ring that somebody else left: checked.
    pub(super) fn load_checked(&self, seq: u64) -> Result<Record, RecordFault> {
        let record = self.load(seq);
        check_record(&record, seq).map(|()| record)
    }
}
