//! The shape of the folder's small files: eight letters, so many words of 64 bits, one of 32, and a checksum of everything before it.
//!
//! What it is not: what the words mean; `epoch` and `expired` have that.
//!
//! Invariant: such a file is replaced whole (written aside, synced, renamed, folder synced), and one with any other bit does not open.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::error::{JournalError, io_error};

/// Bytes of a file with so many words.
pub(super) const fn file_bytes(words: usize) -> usize {
    8 + words * 8 + 4 + 4
}

/// A file's bytes.
pub(super) fn seal<const WORDS: usize>(magic: &[u8; 8], words: [u64; WORDS], last: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(file_bytes(WORDS));
    bytes.extend_from_slice(magic);
    words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    bytes.extend_from_slice(&last.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The words of a file; `None` when it is of another length, kind or content than was written.
pub(super) fn unseal<const WORDS: usize>(bytes: &[u8], magic: &[u8; 8]) -> Option<([u64; WORDS], u32)> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let is_whole = bytes.len() == file_bytes(WORDS)
        && content.starts_with(magic)
        && crc32c::crc32c(content) == u32::from_le_bytes(*crc);
    let (content, last) = content.split_last_chunk::<4>()?;
    let word = |index: usize| u64::from_le_bytes(std::array::from_fn(|at| content[8 + index * 8 + at]));
    is_whole.then(|| (std::array::from_fn(word), u32::from_le_bytes(*last)))
}

/// The bytes of a file; `None` when there is none.
pub(super) fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

/// Replaces a file, durably.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = dir.join(name);
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let good = seal(b"TBTEST\0\x01", [1, u64::MAX, 3], 7);
        assert_eq!(good.len(), file_bytes(3));
        assert_eq!(unseal::<3>(&good, b"TBTEST\0\x01"), Some(([1, u64::MAX, 3], 7)));
        assert_eq!(unseal::<3>(&good, b"TBTEST\0\x02"), None);
        assert_eq!(unseal::<2>(&good, b"TBTEST\0\x01"), None);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal::<3>(&bytes, b"TBTEST\0\x01"), None, "bit {bit}");
        }
        for cut in 0..good.len() {
            assert_eq!(unseal::<3>(&good[..cut], b"TBTEST\0\x01"), None, "cut at {cut}");
        }
    }

    #[test]
    fn it_is_replaced_whole_and_none_is_told_from_one_that_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), "small").unwrap(), None);
        for bytes in [&b"one"[..], b"two"] {
            replace(dir.path(), "small", bytes).unwrap();
            assert_eq!(read(dir.path(), "small").unwrap().as_deref(), Some(bytes));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        assert!(read(dir.path(), "folder").is_err());
    }
}
