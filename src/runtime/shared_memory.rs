//! A file of 64-bit words that several processes see, and that outlives a killed one.
//!
//! What it is not: a ring or a format; `journal` lays its ring out in these words.
//!
//! Invariant: everything is reached through atomics, so no data race is possible whatever another process does; the
//! file's length is checked when it is opened and its file is held under a lock by the journal, so that nobody
//! truncates it underneath.
#![allow(unsafe_code)] // The one file of this floor that maps memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;

const WORD_BYTES: usize = size_of::<u64>();

#[derive(Debug)]
struct Mapping {
    map: MmapRaw,
    word_count: usize,
}

/// A mapped file of atomic words. Clones share the mapping.
#[derive(Clone, Debug)]
pub struct SharedMemory(Arc<Mapping>);

impl SharedMemory {
    /// Makes (or empties) the file with `word_count` zero words, readable and writable by its owner only, and touches
    /// every page so that the first use of none takes a fault.
    pub fn create(path: &Path, word_count: usize) -> io::Result<SharedMemory> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let bytes = word_count as u64 * WORD_BYTES as u64;
        // Takes the memory now: a full memory file system is an error here, and not a SIGBUS later.
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
        let memory = Self::map(&file, word_count)?;
        for word in memory.words().iter().step_by(4096 / WORD_BYTES) {
            word.store(0, Ordering::Relaxed);
        }
        Ok(memory)
    }

    /// Opens a file that [`SharedMemory::create`] made, perhaps in a process that is no more.
    pub fn open(path: &Path) -> io::Result<SharedMemory> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let bytes = file.metadata()?.len();
        if bytes == 0 || !bytes.is_multiple_of(WORD_BYTES as u64) {
            let text =
                format!("shared memory {}: expected a multiple of 8 bytes, got {bytes}", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Self::map(&file, bytes as usize / WORD_BYTES)
    }

    fn map(file: &File, word_count: usize) -> io::Result<SharedMemory> {
        let map = MmapRaw::map_raw(file)?;
        if map.len() < word_count * WORD_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "shared memory: the file shrank while it was opened",
            ));
        }
        Ok(SharedMemory(Arc::new(Mapping { map, word_count })))
    }

    /// The words. A store is seen by every process that has the file open.
    #[inline]
    pub fn words(&self) -> &[AtomicU64] {
        let start = self.0.map.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: `start` is page-aligned and the mapping is at least `word_count` words long (checked in `map`),
        // readable, writable and alive as long as `self`; `AtomicU64` has the layout of `u64`, every bit pattern is
        // one, and all access in this program goes through these atomics.
        unsafe { std::slice::from_raw_parts(start, self.0.word_count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_second_opening_sees_the_words_and_so_does_a_later_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        let memory = SharedMemory::create(&path, 1_000).unwrap();
        memory.words()[999].store(7, Ordering::Release);
        let other = SharedMemory::open(&path).unwrap();
        assert_eq!((other.words().len(), other.words()[999].load(Ordering::Acquire)), (1_000, 7));
        drop((memory, other));
        assert_eq!(SharedMemory::open(&path).unwrap().words()[999].load(Ordering::Acquire), 7);
        assert_eq!(SharedMemory::create(&path, 1_000).unwrap().words()[999].load(Ordering::Acquire), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_file_of_another_shape_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        std::fs::write(&path, b"seven b").unwrap();
        assert!(SharedMemory::open(&path).unwrap_err().to_string().contains("got 7"));
        std::fs::write(&path, b"").unwrap();
        assert!(SharedMemory::open(&path).is_err());
    }
}
