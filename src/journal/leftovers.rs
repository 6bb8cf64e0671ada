//! What earlier processes left in a journal's folder beside its files: half-written ones, and those that were set aside.
//!
//! What it is not: anything that is read; a file counts once it was renamed into its place.
//!
//! Invariant: nothing is removed but what was never whole (`*.new`). What was set aside (`*.bad`) is somebody's to look at.

use std::io;
use std::path::Path;

use super::error::{JournalError, io_error};

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leftovers {
    /// Half-written files that were removed.
    pub removed_count: u64,
    /// Files that were set aside, and are there still.
    pub aside_count: u64,
}

/// Removes half-written files of a folder that nobody else writes to, and counts what was set aside.
pub(super) fn clear(dir: &Path) -> Result<Leftovers, JournalError> {
    let look = || -> io::Result<Leftovers> {
        let mut found = Leftovers::default();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("new") if path.is_file() => {
                    std::fs::remove_file(&path)?;
                    found.removed_count += 1;
                }
                Some("bad") => found.aside_count += 1,
                _ => {}
            }
        }
        Ok(found)
    };
    look().map_err(io_error("clear", dir))
}

impl std::fmt::Display for Leftovers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.removed_count > 0 {
            write!(f, "; {} half-written file(s) removed", self.removed_count)?;
        }
        if self.aside_count > 0 {
            write!(
                f,
                "; {} file(s) were set aside as *.bad: look at them, then remove them",
                self.aside_count
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_whole_goes_and_what_was_set_aside_stays() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["epoch", "epoch.new", "setup-000001.new", "snapshot-0000000000000007.bad", "lock"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.new")).unwrap();
        let found = clear(dir.path()).unwrap();
        assert_eq!(found, Leftovers { removed_count: 2, aside_count: 1 });
        assert!(found.to_string().contains("2 half-written") && found.to_string().contains("*.bad"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
        assert_eq!(clear(dir.path()).unwrap().removed_count, 0);
        assert_eq!(Leftovers::default().to_string(), "");
    }
}
