//! A disk that is full, or whose syncs fail, when a test says so.
//!
//! What it is not: slow; time is not its matter.
//!
//! Invariant: a failed sync leaves what the last good one had, as kernels do.
#![allow(unreachable_pub, reason = "a part of a test program")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tickbridge::journal::{Disk, FileSystem, SegmentFile};

/// A disk that fails on demand; a failed sync forgets what was written since the last good one, as kernels do.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    /// Whether every write fails.
    pub full: Arc<AtomicBool>,
    /// So many syncs fail from now on.
    pub sync_failures: Arc<AtomicU32>,
}

/// A file on it.
#[derive(Debug)]
pub struct FaultyFile {
    inner: std::fs::File,
    path: PathBuf,
    disk: FaultyDisk,
    synced: Vec<u8>,
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create(&mut self, path: &Path, bytes: u64) -> io::Result<FaultyFile> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(28));
        }
        let inner = FileSystem.create(path, bytes)?;
        Ok(FaultyFile { inner, path: path.to_owned(), disk: self.clone(), synced: vec![0; bytes as usize] })
    }

    fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        FileSystem.sync_dir(dir)
    }
}

impl SegmentFile for FaultyFile {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.disk.full.load(Ordering::SeqCst) {
            // Torn: the first half arrives.
            self.inner.write_all_at(&bytes[..bytes.len() / 2 + 1], offset)?;
            return Err(io::Error::from_raw_os_error(28));
        }
        self.inner.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        let left = self.disk.sync_failures.load(Ordering::SeqCst);
        if left > 0 {
            self.disk.sync_failures.store(left - 1, Ordering::SeqCst);
            std::fs::write(&self.path, &self.synced)?;
            return Err(io::Error::from_raw_os_error(5));
        }
        self.inner.sync()?;
        self.synced = std::fs::read(&self.path)?;
        Ok(())
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.inner.truncate(bytes)
    }
}
