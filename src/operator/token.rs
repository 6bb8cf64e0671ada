//! The operator's secret, from a file that only its owner may read.
//!
//! What it is not: a password of a person; whoever can read the file may command.
//!
//! Invariant: it is never printed, and a comparison takes as long for a wrong one as for the right one.

use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 4_096;

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// Others may read it.
    #[error("{}: expected a file that only its owner may read (chmod 600), got mode {mode:03o}", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Too short to be a secret, or no secret at all.
    #[error("{}: expected a token of {BYTES_MIN} to {BYTES_MAX} bytes of text, got {got}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        got: usize,
    },
}

/// The secret.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads it; space around it does not count.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let io = |error| TokenError::Io { path: path.to_owned(), error };
        let metadata = std::fs::metadata(path).map_err(io)?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Mode { path: path.to_owned(), mode });
        }
        let length = |got| TokenError::Length { path: path.to_owned(), got };
        if metadata.len() > BYTES_MAX as u64 {
            return Err(length(metadata.len() as usize));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| length(bytes.len()))?.trim();
        if text.len() < BYTES_MIN {
            return Err(length(text.len()));
        }
        Ok(Token(text.into()))
    }

    /// Whether a peer showed the same; the time taken says nothing about where they differ.
    pub fn is(&self, shown: &str) -> bool {
        let (ours, theirs) = (Sha256::digest(self.0.as_bytes()), Sha256::digest(shown.as_bytes()));
        let difference = ours.iter().zip(theirs.iter()).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }

    /// For a request.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_private_long_enough_and_compared_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Token::read(&path)
        };
        let token = write(" 0123456789abcdef\n", 0o600).unwrap();
        assert!(token.is("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef "] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token");
        assert!(matches!(write("0123456789abcdef", 0o640), Err(TokenError::Mode { mode: 0o640, .. })));
        assert!(matches!(write("short", 0o600), Err(TokenError::Length { got: 5, .. })));
        assert!(matches!(Token::read(&dir.path().join("none")), Err(TokenError::Io { .. })));
    }
}
