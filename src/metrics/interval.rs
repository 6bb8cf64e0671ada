//! The interval histogram file of one start of the appliance.
//!
//! What it is not: it takes no histograms from lanes; the control lane collects them and hands them in.
//!
//! Invariant: an interval is handed to the file system before `write` returns; a crash loses at most the one being made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::report::{Stage, hlog_append, hlog_begin};

/// Writes `report.dir/latency-EPOCH-START.hlog`.
#[derive(Debug)]
pub struct IntervalWriter {
    file: File,
    path: PathBuf,
    start_unix_ns: u64,
    last_unix_ns: u64,
}

impl IntervalWriter {
    /// Creates the folder and a new file; an existing file of that name is an error.
    pub fn create(folder: &Path, epoch: u32, start_unix_ns: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("latency-{epoch:06}-{start_unix_ns}.hlog"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut head = Vec::new();
        hlog_begin(&mut head, start_unix_ns)?;
        file.write_all(&head)?;
        Ok(IntervalWriter { file, path, start_unix_ns, last_unix_ns: start_unix_ns })
    }

    /// Where it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what was measured since the last call. A clock that stepped back gives an interval of no length.
    pub fn write(&mut self, now_unix_ns: u64, stages: &[Stage]) -> io::Result<()> {
        let offset = Duration::from_nanos(self.last_unix_ns - self.start_unix_ns);
        let length = Duration::from_nanos(now_unix_ns.saturating_sub(self.last_unix_ns));
        let mut lines = Vec::new();
        hlog_append(&mut lines, offset, length, stages)?;
        self.last_unix_ns = self.last_unix_ns.max(now_unix_ns);
        self.file.write_all(&lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{merge_folder, stage_histogram};

    #[test]
    fn intervals_of_a_start_are_merged_by_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let start_ns = 1_700_000_000_000_000_000;
        let mut writer = IntervalWriter::create(folder.path(), 7, start_ns).unwrap();
        assert!(IntervalWriter::create(folder.path(), 7, start_ns).is_err());
        for second in 1..=3u64 {
            let mut histogram = stage_histogram();
            histogram.record_n(second * 1_000, 5).unwrap();
            let stage = Stage { name: "decide".into(), boundary: String::new(), histogram };
            writer.write(start_ns + second * 1_000_000_000, &[stage]).unwrap();
        }
        writer.write(start_ns, &[]).unwrap();
        let merged = merge_folder(folder.path()).unwrap();
        assert_eq!((merged.stages["decide"].len(), merged.torn_count), (15, 0));
    }
}
