//! Short text of a fixed size, for records and wires: symbols, servers, comments.
//!
//! What it is not: a string type for people; it neither grows nor formats on a hot floor.
//!
//! Invariant: printable ASCII, then zeros to the end; what does not fit is refused, never cut.

use std::fmt;

/// Why some bytes are not a [`FixedText`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TextError {
    /// More bytes than the field holds.
    #[error("text: expected at most {max} bytes, got {got}")]
    TooLong {
        /// What the field holds.
        max: usize,
        /// What came.
        got: usize,
    },
    /// A byte outside printable ASCII, or after the closing zero.
    #[error("text: expected printable ASCII, got byte {byte:#04x} at {index}")]
    Byte {
        /// The byte.
        byte: u8,
        /// Where it stands.
        index: usize,
    },
}

/// Up to `N` printable ASCII characters, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedText<const N: usize>([u8; N]);

impl<const N: usize> FixedText<N> {
    /// The empty text.
    pub const EMPTY: Self = FixedText([0; N]);

    /// From a string.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let bytes = text.as_bytes();
        if bytes.len() > N {
            return Err(TextError::TooLong { max: N, got: bytes.len() });
        }
        let mut field = [0; N];
        field[..bytes.len()].copy_from_slice(bytes);
        Self::from_bytes(field)
    }

    /// From a field as it stands on a wire.
    pub fn from_bytes(field: [u8; N]) -> Result<Self, TextError> {
        let mut ended = false;
        for (index, &byte) in field.iter().enumerate() {
            if byte == 0 {
                ended = true;
            } else if ended || !(0x20..0x7f).contains(&byte) {
                return Err(TextError::Byte { byte, index });
            }
        }
        Ok(FixedText(field))
    }

    /// The whole field, zeros included.
    pub fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// The text without its padding.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(N);
        std::str::from_utf8(&self.0[..end]).unwrap_or("")
    }
}

impl<const N: usize> Default for FixedText<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Debug for FixedText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl<const N: usize> fmt::Display for FixedText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        assert_eq!(FixedText::<6>::new("EURUSD").unwrap().as_str(), "EURUSD");
        assert_eq!(FixedText::<5>::new("EURUSD"), Err(TextError::TooLong { max: 5, got: 6 }));
        assert_eq!(FixedText::<4>::from_bytes(*b"a\0b\0"), Err(TextError::Byte { byte: b'b', index: 2 }));
        assert_eq!(FixedText::<4>::new("é"), Err(TextError::Byte { byte: 0xc3, index: 0 }));
    }
}
