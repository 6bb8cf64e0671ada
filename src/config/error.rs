//! What is wrong with a configuration: every fault at once, each with its place.
//!
//! What it is not: a decision what to do about it; `cli` maps it to an exit code.
//!
//! Invariant: a fault names file, line, key, what was expected and what was got; the fault is always the operator's.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Faults listed at most; a file with more is not a configuration.
pub const FAULTS_MAX: usize = 1_000;

/// What sort of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A file cannot be read.
    File,
    /// Not TOML.
    Syntax,
    /// No such key or section.
    Unknown,
    /// A required key or section is absent.
    Missing,
    /// A value of the wrong type.
    Type,
    /// A value outside its range.
    Range,
    /// A name used twice.
    Duplicate,
    /// A name nobody has.
    Reference,
    /// Values that contradict each other.
    Conflict,
    /// Off-loopback binding.
    Exposed,
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConfigError {
    /// In which file.
    pub file: PathBuf,
    /// In which line, from 1; 0 when the file itself is the fault.
    pub line: usize,
    /// Which key, with its section; empty for syntax faults.
    pub key: String,
    /// What sort of fault.
    pub fault: Fault,
    /// What would be accepted.
    pub expected: String,
    /// What was there.
    pub got: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": expected {}, got {}", self.expected, self.got)
    }
}

/// All faults of a configuration, in file and line order; never empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}")?;
        }
        write!(f, "{} error{}", self.0.len(), if self.0.len() == 1 { "" } else { "s" })
    }
}
