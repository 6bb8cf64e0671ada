//! Why a tick file could not be read or written.
//!
//! What it is not: a log. Every error names the file and, where there is one, the line, record or block.
//!
//! Invariant: only a [`TickFileError::Broken`] may be skipped; every other error ends the file.

use std::io;
use std::path::PathBuf;

/// What the `number` of a [`Broken`] counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Lines of a text, from 1.
    Line,
    /// Records of a binary file, from 1.
    Record,
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unit::Line => "line",
            Unit::Record => "record",
        })
    }
}

/// One line or record that does not say what it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// What `number` counts.
    pub unit: Unit,
    /// Which one, from 1.
    pub number: u64,
    /// What was expected.
    pub expected: String,
    /// What was got.
    pub got: String,
}

/// Why a tick file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TickFileError {
    /// One broken line or record; reading may go on after it.
    #[error("{}: {} {}: expected {}, got {}", .0.file.display(), .0.unit, .0.number, .0.expected, .0.got)]
    Broken(Box<Broken>),
    /// The file as a whole is not what it should be: wrong header, wrong kind, cut short.
    #[error("{}: expected {expected}, got {got}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What was expected.
        expected: String,
        /// What was got.
        got: String,
    },
    /// A block of our own format is damaged.
    #[error("{}: block {block}: expected {expected}, got {got}", file.display())]
    Block {
        /// The file.
        file: PathBuf,
        /// Which block, from 0.
        block: u64,
        /// What was expected.
        expected: String,
        /// What was got.
        got: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An option is missing or contradicts another.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// The option's name on the command line.
        option: &'static str,
        /// What was expected.
        expected: String,
        /// What was got.
        got: String,
    },
}

impl TickFileError {
    /// Whether the reader may go on with the next line or record.
    pub fn is_skippable(&self) -> bool {
        matches!(self, TickFileError::Broken(_))
    }

    pub(super) fn io(file: &std::path::Path, source: io::Error) -> Self {
        TickFileError::Io { file: file.to_path_buf(), source }
    }

    pub(super) fn format(
        file: &std::path::Path,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        TickFileError::Format { file: file.to_path_buf(), expected: expected.into(), got: got.into() }
    }
}

/// Bytes for a message: readable, and short.
pub(super) fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 80;
    let cut = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let more = if cut.len() < bytes.len() { " ..." } else { "" };
    format!("\"{}\"{more}", cut.escape_ascii())
}
