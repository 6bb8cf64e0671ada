//! The kill switch's files, read and written: none of them can hold the control floor up, and none is ever half.
//!
//! What it is not: what they mean; `door` has that.
//!
//! Invariant: a file that is there and cannot be read whole counts as empty, which kills everything, and never as none. A file is
//! replaced as a whole and on the disk before the call returns.

use crate::registry::replace_file;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Words of a latch that are kept beside new ones.
const WORDS_BYTES_MAX: u64 = 65_536;

/// What a file says; none if there is none. What is no file, cannot be read or has more bytes than this is empty.
pub(super) fn text_of(path: &Path, bytes_max: u64) -> Option<String> {
    // A pipe that nobody writes must not be waited for.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    match opened.and_then(|file| read(file, bytes_max)) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()),
        // A link that leads nowhere was put there by somebody.
        Err(error) if error.kind() == ErrorKind::NotFound => path.is_symlink().then(String::new),
        Err(_) => Some(String::new()),
    }
}

fn read(file: File, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Whether there is anything of this name, readable or not.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Replaces a file by these lines.
pub(super) fn save<'a>(path: &Path, lines: impl Iterator<Item = &'a str>) -> Result<()> {
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    replace_file(path, &[text.as_bytes()])
}

/// Adds what it does not say yet to a file of words.
pub(in crate::app) fn add_words(path: &Path, words: &str) -> Result<()> {
    let old = text_of(path, WORDS_BYTES_MAX).unwrap_or_default();
    let new = words.lines().filter(|line| !old.lines().any(|said| said == *line));
    save(path, old.lines().chain(new))
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_and_cannot_be_read_is_empty_and_never_none_and_nothing_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kill");
        assert_eq!((text_of(&path, 8), is_there(&path)), (None, false));
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!((text_of(&path, 8).as_deref(), is_there(&path)), (Some(""), true));
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!((text_of(&path, 8).as_deref(), is_there(&path)), (Some(""), true));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(text_of(&path, 8).as_deref(), Some(""));
        std::fs::remove_dir(&path).unwrap();
        for (text, expected) in [("", ""), ("12345678", "12345678"), ("123456789", "")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(text_of(&path, 8).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn words_are_added_once_and_what_was_said_before_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("halted");
        for words in
            ["killed by anna: a test", "lane send: ended\nlane send: ended\n", "killed by anna: a test"]
        {
            add_words(&path, words).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("killed by anna: a test\nlane send: ended\n"), "{text}");
        assert_eq!(text.matches("anna").count(), 1, "{text}");
    }

    #[test]
    fn a_file_is_replaced_and_not_cut_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("killed");
        save(&path, ["all anna: a test"].into_iter()).unwrap();
        // Whoever has the old file open goes on reading the whole of it.
        let mut old = File::open(&path).unwrap();
        save(&path, ["all anna: a test", "venue=a anna: b"].into_iter()).unwrap();
        let (mut before, after) = (String::new(), std::fs::read_to_string(&path).unwrap());
        old.read_to_string(&mut before).unwrap();
        assert_eq!(before, "all anna: a test\n");
        assert_eq!(after, "all anna: a test\nvenue=a anna: b\n");
    }
}
