//! One open tick file as a stream: text, zipped text, Dukascopy, or our own.
//!
//! What it is not: detection or folders (`open`).
//!
//! Invariant: a source yields each line or record once, as a tick or as an error; after an error that cannot be
//! skipped it yields nothing more.

use super::bi5;
use super::error::{Broken, TickFileError, Unit};
use super::line_format::LineFormat;
use super::lines::{LINE_BYTES_MAX, Lines};
use super::tbt::TbtReader;
use super::tick::FileTick;
use crate::types::TimeNs;
use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes that one zipped day may unpack to: 100 million quotes and more.
const MEMBER_BYTES_MAX: u64 = 8 << 30;

/// A file that counts what was read from it.
pub(super) struct CountedFile {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl CountedFile {
    pub(super) fn open(path: &Path, bytes: &Arc<AtomicU64>) -> Result<Self, TickFileError> {
        let file = File::open(path).map_err(|e| TickFileError::io(path, e))?;
        Ok(CountedFile { file, bytes: bytes.clone() })
    }
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read(buffer)?;
        self.bytes.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// One open file.
pub(super) enum Source {
    Text(Box<TextSource>),
    Records(bi5::Bi5Source),
    Own(Box<TbtReader<BufReader<CountedFile>>>),
}

impl Source {
    pub(super) fn next_tick(&mut self) -> Result<Option<FileTick>, TickFileError> {
        match self {
            Source::Text(source) => source.next_tick(),
            Source::Records(source) => source.next_tick(),
            Source::Own(reader) => reader.next_tick(),
        }
    }
}

/// Lines of a text, read by a format.
pub(super) struct TextSource {
    lines: Lines,
    format: LineFormat,
    digits: u8,
    utc_offset_ns: i64,
    file: PathBuf,
    header_pending: bool,
    ended: bool,
}

impl TextSource {
    pub(super) fn new(
        input: Box<dyn BufRead + Send>,
        format: LineFormat,
        digits: u8,
        utc_offset_ns: i64,
        file: &Path,
    ) -> Self {
        let header_pending = format.has_header();
        TextSource {
            lines: Lines::new(input),
            format,
            digits,
            utc_offset_ns,
            file: file.to_path_buf(),
            header_pending,
            ended: false,
        }
    }

    fn next_tick(&mut self) -> Result<Option<FileTick>, TickFileError> {
        if self.ended {
            return Ok(None);
        }
        if self.header_pending {
            self.header_pending = false;
            self.read_header()?;
        }
        let parsed = match self.lines.next_line() {
            Ok(Some(line)) => self.format.parse(line, self.digits),
            Ok(None) => {
                self.ended = true;
                return Ok(None);
            }
            Err(e) => {
                self.ended = true;
                return Err(TickFileError::io(&self.file, e));
            }
        };
        let refusal = match parsed {
            _ if self.lines.is_overlong() => {
                (format!("a line of at most {LINE_BYTES_MAX} bytes"), "a longer one".to_owned())
            }
            Ok(mut tick) => {
                tick.ts_venue = TimeNs(tick.ts_venue.0.saturating_sub(self.utc_offset_ns));
                return Ok(Some(tick));
            }
            Err(refusal) => refusal,
        };
        Err(self.broken(refusal))
    }

    fn read_header(&mut self) -> Result<(), TickFileError> {
        let line = self.lines.next_line().map_err(|e| TickFileError::io(&self.file, e))?.unwrap_or(b"");
        self.format.check_header(line).map_err(|(expected, got)| {
            self.ended = true;
            TickFileError::format(&self.file, expected, got)
        })
    }

    fn broken(&self, (expected, got): (String, String)) -> TickFileError {
        let number = self.lines.number();
        TickFileError::Broken(Box::new(Broken {
            file: self.file.clone(),
            unit: Unit::Line,
            number,
            expected,
            got,
        }))
    }

    /// The most decimals in the first `lines_max` lines.
    pub(super) fn probe_decimals(mut self, lines_max: usize) -> Result<u8, TickFileError> {
        if self.header_pending {
            self.read_header()?;
        }
        let mut most = 0;
        for _ in 0..lines_max {
            let line = self.lines.next_line().map_err(|e| TickFileError::io(&self.file, e))?;
            let Some(line) = line else { break };
            most = most.max(self.format.decimals(line));
        }
        Ok(most)
    }
}

/// The text inside a zip of exactly one file, as a stream; also the name of that file.
pub(super) fn zip_member(
    path: &Path,
    bytes: &Arc<AtomicU64>,
) -> Result<(Box<dyn BufRead + Send>, String), TickFileError> {
    let refuse = |expected: &str, got: String| Err(TickFileError::format(path, expected, got));
    let file = File::open(path).map_err(|e| TickFileError::io(path, e))?;
    let mut archive = match zip::ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(e) => return refuse("a zip archive", e.to_string()),
    };
    if archive.len() != 1 {
        return refuse("one file in the archive", archive.len().to_string());
    }
    let member = match archive.by_index_raw(0) {
        Ok(member) => member,
        Err(e) => return refuse("a readable archive member", e.to_string()),
    };
    let (Some(start), packed_bytes, text_bytes) =
        (member.data_start(), member.compressed_size(), member.size())
    else {
        return refuse("an archive member with data", "one without".to_owned());
    };
    if member.encrypted() || text_bytes > MEMBER_BYTES_MAX {
        return refuse("an archive member without password, at most 8 GiB", format!("{text_bytes} bytes"));
    }
    let (method, crc, name) =
        (member.compression(), member.crc32(), String::from_utf8_lossy(member.name_raw()).into_owned());
    let mut file = CountedFile::open(path, bytes)?;
    file.seek(SeekFrom::Start(start)).map_err(|e| TickFileError::io(path, e))?;
    let packed = BufReader::with_capacity(1 << 16, file).take(packed_bytes);
    let text: Box<dyn Read + Send> = match method {
        zip::CompressionMethod::Stored => Box::new(packed),
        zip::CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
        other => return refuse("a stored or deflated archive member", other.to_string()),
    };
    let checked = CheckedText { text: CrcReader::new(text), text_bytes, crc };
    Ok((Box::new(BufReader::with_capacity(1 << 16, checked)), name))
}

/// A text whose length and CRC-32 are known: the end is an error when they do not agree.
struct CheckedText {
    text: CrcReader<Box<dyn Read + Send>>,
    text_bytes: u64,
    crc: u32,
}

impl Read for CheckedText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.text.read(buffer)?;
        let (sum, bytes_max) = (self.text.crc().sum(), self.text_bytes);
        let bytes = u64::from(self.text.crc().amount());
        let ended = got == 0 && !buffer.is_empty();
        let same_bytes = bytes == bytes_max & u64::from(u32::MAX);
        if ended && (!same_bytes || sum != self.crc) {
            let message = format!(
                "expected {bytes_max} bytes of text with CRC {:#010x}, got {bytes} with {sum:#010x}",
                self.crc
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(got)
    }
}
