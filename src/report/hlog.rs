//! HdrHistogram interval logs (`.hlog`), one tag per stage: the format other tools open.
//!
//! What it is not: it opens no clock; times are handed in.
//!
//! Invariant: a log that cannot be read whole is an error with its line, never a partial result; only the unfinished
//! last line of a file still being written is left out, and counted.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::{LATENCY_NS_MAX, Stage, stage_histogram};

/// Largest file read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Most stages one log may name.
pub const STAGES_MAX: usize = 1_024;
const STAGE_NAME_BYTES_MAX: usize = 64;

/// Why a log was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum HlogError {
    /// The file system said no.
    #[error("{file}: {error}")]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The content is not an interval log of ours.
    #[error("{file}:{line}: expected {expected}, got {got}")]
    Content {
        /// Which file.
        file: PathBuf,
        /// Line from 1.
        line: usize,
        /// What would be accepted.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// A folder without any log.
    #[error("{0}: expected a journal (*.tbj) or histogram files (*.hlog), got neither")]
    Empty(PathBuf),
}

/// What a file held.
#[derive(Clone, Debug, Default)]
pub struct IntervalLog {
    /// All intervals of a tag, merged.
    pub stages: BTreeMap<String, Histogram<u64>>,
    /// Lines left out because the file ends in the middle of them: 0 or 1.
    pub torn_count: usize,
}

/// The name as a tag may carry it: a log's tag ends at a comma, white space or line end.
fn tag_of(name: &str) -> String {
    let safe = name.chars().map(|c| if c == ',' || c.is_whitespace() { '_' } else { c });
    safe.take(STAGE_NAME_BYTES_MAX).collect()
}

/// Starts a log: its comment lines and start time. Follow with [`append`].
pub(crate) fn begin(out: &mut impl Write, start_unix_ns: u64) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let start = UNIX_EPOCH + Duration::from_nanos(start_unix_ns);
    IntervalLogWriterBuilder::new()
        .add_comment("[Tickbridge latencies in ns, one tag per stage]")
        .with_base_time(start)
        .with_start_time(start)
        .with_max_value_divisor(1.0)
        .begin_log_with(out, &mut serializer)
        .map(drop)
}

/// Adds one interval: its offset from the log's start, its length, and the stages that have samples.
pub(crate) fn append(
    out: &mut impl Write,
    offset: Duration,
    length: Duration,
    stages: &[Stage],
) -> io::Result<()> {
    // The writer prints its header only when asked to, so each interval goes through a fresh one, header skipped.
    let mut serializer = V2DeflateSerializer::new();
    let mut lines = Vec::new();
    let mut writer = IntervalLogWriterBuilder::new().begin_log_with(&mut lines, &mut serializer)?;
    for stage in stages.iter().filter(|stage| !stage.histogram.is_empty()) {
        let tag = tag_of(&stage.name);
        let written = writer.write_histogram(&stage.histogram, offset, length, Tag::new(&tag));
        written.map_err(|error| io::Error::other(format!("{error:?}")))?;
    }
    let body = lines.split_inclusive(|byte| *byte == b'\n').filter(|line| line.starts_with(b"Tag="));
    for line in body {
        out.write_all(line)?;
    }
    Ok(())
}

/// Writes a whole report's stages as one interval.
pub fn write(out: &mut impl Write, start_unix_ns: u64, length: Duration, stages: &[Stage]) -> io::Result<()> {
    begin(out, start_unix_ns)?;
    append(out, Duration::ZERO, length, stages)?;
    out.flush()
}

/// Reads one file and merges its intervals by tag.
pub fn read(file: &Path) -> Result<IntervalLog, HlogError> {
    let io_error = |error| HlogError::Io { file: file.to_path_buf(), error };
    let bytes_count = fs::metadata(file).map_err(io_error)?.len();
    if bytes_count > FILE_BYTES_MAX {
        let error = io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("expected at most {FILE_BYTES_MAX} bytes, got {bytes_count}"),
        );
        return Err(io_error(error));
    }
    let bytes = fs::read(file).map_err(io_error)?;
    let mut log = IntervalLog::default();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            log.torn_count = 1;
            break;
        }
        if line.starts_with(b"\"") || line == b"\n" {
            continue;
        }
        let merged = merge_line(&mut log.stages, line);
        merged.map_err(|(expected, got)| HlogError::Content {
            file: file.to_path_buf(),
            line: index + 1,
            expected,
            got,
        })?;
    }
    Ok(log)
}

type Refusal = (&'static str, String);

fn merge_line(stages: &mut BTreeMap<String, Histogram<u64>>, line: &[u8]) -> Result<(), Refusal> {
    for entry in IntervalLogIterator::new(line) {
        let entry = entry.map_err(|error| ("an interval log line", format!("{error:?}")))?;
        let LogEntry::Interval(interval) = entry else { continue };
        let name = interval.tag().map_or("untagged".to_string(), |tag| tag.as_str().to_string());
        let packed =
            from_base64(interval.encoded_histogram()).ok_or(("base64", "something else".to_string()))?;
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut packed.as_slice())
            .map_err(|error| ("a V2 histogram", format!("{error:?}")))?;
        if histogram.high() > 2 * LATENCY_NS_MAX {
            return Err(("a histogram of at most one hour", format!("{} ns", histogram.high())));
        }
        if !stages.contains_key(&name) && stages.len() >= STAGES_MAX {
            return Err(("at most 1024 tags", "one more".into()));
        }
        let total = stages.entry(name).or_insert_with(stage_histogram);
        total.add(&histogram).map_err(|error| ("latencies of at most one hour", format!("{error:?}")))?;
    }
    Ok(())
}

/// Reads every `*.hlog` of a folder and merges them by tag.
pub fn merge_folder(folder: &Path) -> Result<IntervalLog, HlogError> {
    let io_error = |error| HlogError::Io { file: folder.to_path_buf(), error };
    let mut all = IntervalLog::default();
    let mut file_count = 0;
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        if path.extension().is_none_or(|extension| extension != "hlog") {
            continue;
        }
        file_count += 1;
        let one = read(&path)?;
        all.torn_count += one.torn_count;
        for (name, histogram) in one.stages {
            let total = all.stages.entry(name).or_insert_with(stage_histogram);
            total.add(&histogram).map_err(|error| HlogError::Content {
                file: path.clone(),
                line: 0,
                expected: "latencies of at most one hour",
                got: format!("{error:?}"),
            })?;
        }
    }
    if file_count == 0 { Err(HlogError::Empty(folder.to_path_buf())) } else { Ok(all) }
}

/// Standard base64 with padding (RFC 4648 section 4).
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let text = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for byte in group {
            bits = bits << 6 | u32::from(digit(*byte)?);
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Percentiles;

    fn stages() -> Vec<Stage> {
        let mut histogram = stage_histogram();
        (1..=1_000u64).for_each(|ns| histogram.record(ns * 777).unwrap());
        let mut wide = stage_histogram();
        wide.record_n(LATENCY_NS_MAX, 3).unwrap();
        let stage = |name: &str, histogram| Stage { name: name.into(), boundary: String::new(), histogram };
        vec![stage("tick_to_order", histogram), stage("wide, open", wide), stage("empty", stage_histogram())]
    }

    #[test]
    fn what_is_written_is_read_back_and_folders_merge() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.hlog", "b.hlog"] {
            let mut file = fs::File::create(folder.path().join(name)).unwrap();
            write(&mut file, 1_700_000_000_000_000_000, Duration::from_secs(5), &stages()).unwrap();
            append(&mut file, Duration::from_secs(5), Duration::from_secs(5), &stages()).unwrap();
        }
        let merged = merge_folder(folder.path()).unwrap();
        assert_eq!(merged.stages.keys().collect::<Vec<_>>(), ["tick_to_order", "wide__open"]);
        let (own, read) =
            (Percentiles::of(&stages()[0].histogram), Percentiles::of(&merged.stages["tick_to_order"]));
        assert_eq!(read, Percentiles { count: 4 * own.count, ..own });
        assert_eq!(merged.stages["wide__open"].len(), 12);
    }

    #[test]
    fn a_torn_tail_is_counted_and_damage_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.hlog");
        let mut bytes = Vec::new();
        write(&mut bytes, 0, Duration::from_secs(1), &stages()).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        let torn = read(&path).unwrap();
        assert_eq!((torn.torn_count, torn.stages.len()), (1, 1));
        let at = bytes.windows(6).position(|window| window == b"HISTFA").unwrap();
        bytes[at] = b'!';
        fs::write(&path, &bytes).unwrap();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        assert!(read(&path).unwrap_err().to_string().contains(&format!("x.hlog:{line}: expected base64")));
        fs::remove_file(&path).unwrap();
        assert!(matches!(merge_folder(folder.path()), Err(HlogError::Empty(_))));
    }

    #[test]
    fn base64_of_the_rfc() {
        let cases = [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")];
        for (text, plain) in cases {
            assert_eq!(from_base64(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        assert_eq!((from_base64("Zm9"), from_base64("Zm 9"), from_base64("====")), (None, None, None));
    }
}
