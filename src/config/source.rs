//! One configuration file as text: reading it, parsing it, and turning byte offsets into line numbers.
//!
//! What it is not: it knows no keys.
//!
//! Invariant: a file longer than [`FILE_BYTES_MAX`] is refused before it is read into memory.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::Document;

use super::error::{ConfigError, Fault};

/// Longest configuration file in bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// A parsed file and where it came from.
pub(super) struct Source {
    /// As the operator wrote it, for messages.
    pub(super) file: PathBuf,
    /// With spans.
    pub(super) document: Document<String>,
}

impl Source {
    /// Reads and parses a file.
    pub(super) fn read(file: &Path) -> Result<Self, ConfigError> {
        let fault = |expected: String, got: String| ConfigError {
            file: file.to_path_buf(),
            line: 0,
            key: String::new(),
            fault: Fault::File,
            expected,
            got,
        };
        let mut text = String::new();
        let opened = File::open(file).map_err(|error| fault("a readable file".into(), error.to_string()))?;
        let bytes = opened
            .take(FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|error| fault("a readable UTF-8 text".into(), error.to_string()))?;
        if bytes as u64 > FILE_BYTES_MAX {
            return Err(fault(format!("at most {FILE_BYTES_MAX} bytes"), "more".into()));
        }
        Source::parse(file, text)
    }

    /// Parses text as if it had been read from `file`.
    pub(super) fn parse(file: &Path, text: String) -> Result<Self, ConfigError> {
        match Document::parse(text.clone()) {
            Ok(document) => Ok(Source { file: file.to_path_buf(), document }),
            Err(error) => Err(ConfigError {
                file: file.to_path_buf(),
                line: line_at(&text, error.span().map_or(0, |span| span.start)),
                key: String::new(),
                fault: Fault::Syntax,
                expected: "TOML".into(),
                got: error.message().trim().replace('\n', ", "),
            }),
        }
    }

    /// The line, from 1, of a span's start.
    pub(super) fn line(&self, span: Option<Range<usize>>) -> usize {
        span.map_or(1, |span| line_at(self.document.raw(), span.start))
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
