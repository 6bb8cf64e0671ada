//! The few file operations the persister needs, as a trait, so that tests can fill the disk and tear its writes.
//!
//! What it is not: a file system. Recovery and reading use plain files.
//!
//! Invariant: `write_all_at` of the same bytes at the same place may be repeated after any failure.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A segment being written.
pub trait SegmentFile: Send + Debug {
    /// Writes all bytes at an offset.
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns once everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

/// Where segments are made.
pub trait Disk: Send + Debug {
    /// What it makes.
    type File: SegmentFile;
    /// Makes an empty file with `bytes` reserved, replacing what a failed try left there.
    fn create(&mut self, path: &Path, bytes: u64) -> io::Result<Self::File>;
    /// Returns once the folder's entries are on the disk.
    fn sync_dir(&mut self, dir: &Path) -> io::Result<()>;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl Disk for FileSystem {
    type File = File;

    fn create(&mut self, path: &Path, bytes: u64) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            // Some file systems cannot reserve; the file then grows as it is written.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(file),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl SegmentFile for File {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}
