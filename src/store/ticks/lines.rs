//! Lines of a text, UTF-8 or UTF-16, with a limit on their length.
//!
//! What it is not: a CSV reader; it knows no fields.
//!
//! Invariant: a line is counted whether or not it can be read; memory is bounded by [`LINE_BYTES_MAX`].

use std::io::{self, BufRead};

/// Longest line that is kept; what is longer is cut here and marked.
pub(super) const LINE_BYTES_MAX: usize = 4096;

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Unknown,
    Utf8,
    Utf16Le,
}

/// Reads line by line into one buffer.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    encoding: Encoding,
    number: u64,
    line: Vec<u8>,
    overlong: bool,
}

impl Lines {
    pub(super) fn new(input: Box<dyn BufRead + Send>) -> Self {
        Lines { input, encoding: Encoding::Unknown, number: 0, line: Vec::new(), overlong: false }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the line that was read last was cut.
    pub(super) fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// The next line without its end (`\n`, `\r\n`); `None` at the end of the text. An empty last line is none.
    pub(super) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        if self.encoding == Encoding::Unknown {
            self.encoding = self.detect()?;
        }
        self.line.clear();
        self.overlong = false;
        let ended = match self.encoding {
            Encoding::Utf16Le => self.read_utf16()?,
            _ => self.read_utf8()?,
        };
        if !ended && self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(Some(&self.line))
    }

    fn detect(&mut self) -> io::Result<Encoding> {
        let start = self.input.fill_buf()?;
        let (encoding, mark_bytes) = match start {
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            [first, 0, ..] if *first != 0 => (Encoding::Utf16Le, 0),
            _ => (Encoding::Utf8, 0),
        };
        self.input.consume(mark_bytes);
        Ok(encoding)
    }

    /// Whether a line end was met.
    fn read_utf8(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(false);
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let text = &chunk[..end.unwrap_or(chunk.len())];
            let kept = text.len().min(LINE_BYTES_MAX - self.line.len());
            self.line.extend_from_slice(&text[..kept]);
            self.overlong |= kept < text.len();
            let used = text.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// As `read_utf8`. What is not ASCII becomes `?`, which no number contains. A last odd byte becomes `?` as well.
    fn read_utf16(&mut self) -> io::Result<bool> {
        loop {
            let (Some(low), high) = (self.byte()?, self.byte()?) else { return Ok(false) };
            let character = if high == Some(0) && low < 0x80 { low } else { b'?' };
            if character == b'\n' {
                return Ok(true);
            }
            match self.line.len() < LINE_BYTES_MAX {
                true => self.line.push(character),
                false => self.overlong = true,
            }
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: Vec<u8>) -> Vec<String> {
        let mut lines = Lines::new(Box::new(io::BufReader::with_capacity(3, io::Cursor::new(bytes))));
        let mut out = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            out.push(String::from_utf8_lossy(line).into_owned());
        }
        out
    }

    #[test]
    fn both_encodings_and_line_ends() {
        assert_eq!(all(b"a\r\nb\n\nc".to_vec()), ["a", "b", "", "c"]);
        assert_eq!(all(b"\xef\xbb\xbfa\n".to_vec()), ["a"]);
        let wide: Vec<u8> = "\u{feff}a\u{e9}\r\nb".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(all(wide), ["a?", "b"]);
    }

    #[test]
    fn a_long_line_is_cut_and_marked() {
        let text = [vec![b'x'; LINE_BYTES_MAX + 1], b"\ny".to_vec()].concat();
        let mut lines = Lines::new(Box::new(io::Cursor::new(text)));
        assert_eq!(lines.next_line().unwrap().map(<[u8]>::len), Some(LINE_BYTES_MAX));
        assert!(lines.is_overlong());
        assert_eq!(lines.next_line().unwrap(), Some(&b"y"[..]));
        assert!(!lines.is_overlong());
    }
}
