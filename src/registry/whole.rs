//! Files that appear whole: written beside their place, synced, and renamed into it.
//!
//! What it is not: a lock; two writers of one file must not meet.
//!
//! Invariant: whenever the process or the host dies, a file is there as it was before or as it should be, and never half.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file is written before it takes its place.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Writes a file's parts beside its place, durably.
pub(super) fn write_beside(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::create(beside(path))?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

/// Puts into its place what was written beside it, durably.
pub(super) fn put_in_place(path: &Path) -> io::Result<()> {
    std::fs::rename(beside(path), path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Replaces a file as a whole, durably, by these parts one after the other.
pub fn replace_file(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    write_beside(path, parts)?;
    put_in_place(path)
}
