//! A pull reader for JSON model files: one pass over the bytes, no tree of values, numbers straight to their type.
//!
//! What it is not: a general JSON library. It exists because a model's numbers must be parsed from text straight to
//! `f32`: going through `f64` rounds twice, and then a threshold can differ from the library's in its last bit.
//!
//! Invariant: it takes no memory that the bytes read so far do not pay for, nests at most [`DEPTH_MAX`] deep without
//! recursion, and accepts nothing that is not JSON but the bare words `NaN`, `Infinity` and `-Infinity`, which XGBoost
//! writes.

use super::ModelError;
use super::document::{DEPTH_MAX, Document, TEXT_BYTES_MAX};

/// A position in a JSON text.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, byte: u8, expected: &'static str) -> Result<(), ModelError> {
        if self.take(byte) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), ModelError> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        text.push(match byte {
            Some(b @ (b'"' | b'\\' | b'/')) => b,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'u') => {
                let letter = self.unicode()?;
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.expected("an escape")),
        });
        Ok(())
    }

    /// Steps over a comma, if one is there.
    pub(super) fn comma(&mut self) -> bool {
        self.take(b',')
    }

    /// What follows `\u`: one unit of UTF-16, or two (RFC 8259, section 7).
    fn unicode(&mut self) -> Result<char, ModelError> {
        let first = self.unit()?;
        let mut units = [first, 0];
        let paired = (0xD800..0xDC00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u");
        if paired {
            self.at += 2;
            units[1] = self.unit()?;
        }
        let decoded = char::decode_utf16(units[..1 + usize::from(paired)].iter().copied()).next();
        decoded.and_then(Result::ok).ok_or_else(|| self.expected("a whole surrogate pair before this"))
    }

    fn unit(&mut self) -> Result<u16, ModelError> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let unit = digits.and_then(|hex| std::str::from_utf8(hex).ok());
        let unit = unit.and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let unit = unit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    /// A string's letters, up to its closing quote; without `text` they are checked and dropped, however many.
    fn letters(&mut self, mut text: Option<&mut Vec<u8>>) -> Result<(), ModelError> {
        self.need(b'"', "a string")?;
        let mut dropped = Vec::new();
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.expected("the end of a string"));
            };
            self.at += 1;
            let out = match &mut text {
                Some(text) => &mut **text,
                None => {
                    dropped.clear();
                    &mut dropped
                }
            };
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.escape(out)?,
                0..0x20 => return Err(self.expected("no control character in a string")),
                _ => out.push(byte),
            }
            if out.len() > TEXT_BYTES_MAX {
                return Err(self.expected("a shorter string"));
            }
        }
    }

    fn skip_key(&mut self, kind: u8) -> Result<(), ModelError> {
        if kind == b'{' {
            self.letters(None)?;
            self.need(b':', "a colon")?;
        }
        Ok(())
    }

    /// The text of a number, or of one of the three bare words.
    fn number(&mut self) -> Result<&'a str, ModelError> {
        self.peek();
        let start = self.at;
        let tail = &self.bytes[start.min(self.bytes.len())..];
        for word in ["NaN", "Infinity", "-Infinity"] {
            if tail.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(word);
            }
        }
        let length = number_bytes(tail).ok_or_else(|| self.expected("a number"))?;
        if length > TEXT_BYTES_MAX {
            return Err(self.expected("a shorter number"));
        }
        self.at += length;
        std::str::from_utf8(&tail[..length]).map_err(|_| self.expected("a number"))
    }
}

impl Document for Reader<'_> {
    fn expected(&self, expected: &'static str) -> ModelError {
        let tail = &self.bytes[self.at.min(self.bytes.len())..];
        let got = String::from_utf8_lossy(&tail[..tail.len().min(24)]).into_owned();
        ModelError::Syntax { byte: self.at, expected, got }
    }

    fn object(&mut self) -> Result<(), ModelError> {
        self.need(b'{', "an object")
    }

    fn key(&mut self, first: bool) -> Result<Option<String>, ModelError> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !first {
            self.need(b',', "a comma or }")?;
        }
        let key = self.string()?;
        self.need(b':', "a colon")?;
        Ok(Some(key))
    }

    fn array(
        &mut self,
        count_max: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.need(b'[', "an array")?;
        if self.take(b']') {
            return Ok(());
        }
        for _ in 0..count_max {
            item(self)?;
            if self.take(b']') {
                return Ok(());
            }
            self.need(b',', "a comma or ]")?;
        }
        Err(self.expected("fewer elements in this array"))
    }

    fn string(&mut self) -> Result<String, ModelError> {
        let mut text = Vec::new();
        self.letters(Some(&mut text))?;
        String::from_utf8(text).map_err(|_| self.expected("UTF-8 in a string"))
    }

    fn f32(&mut self) -> Result<f32, ModelError> {
        let text = self.number()?;
        text.parse().map_err(|_| self.expected("a number"))
    }

    fn f64(&mut self) -> Result<f64, ModelError> {
        let text = self.number()?;
        text.parse().map_err(|_| self.expected("a number"))
    }

    fn i32(&mut self) -> Result<i32, ModelError> {
        let at = self.at;
        let text = self.number()?;
        text.parse().map_err(|_| Reader { bytes: self.bytes, at }.expected("a whole number of 32 bits"))
    }

    fn truth(&mut self) -> Result<bool, ModelError> {
        self.peek();
        for (word, value) in [("true", true), ("false", false)] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.i32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.expected("0, 1, true or false before this")),
        }
    }

    fn skip(&mut self) -> Result<(), ModelError> {
        let mut open = [0u8; DEPTH_MAX];
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(kind @ (b'{' | b'[')) => {
                    if depth == DEPTH_MAX {
                        return Err(self.expected("less nesting"));
                    }
                    self.at += 1;
                    open[depth] = kind + 2;
                    if !self.take(kind + 2) {
                        depth += 1;
                        self.skip_key(kind)?;
                        continue;
                    }
                }
                Some(b'"') => self.letters(None)?,
                Some(b't' | b'f') => drop(self.truth()?),
                Some(b'n') if self.bytes[self.at..].starts_with(b"null") => self.at += 4,
                _ => drop(self.number()?),
            }
            // A value has ended: close what ends with it, then go to the next one.
            while depth > 0 && self.take(open[depth - 1]) {
                depth -= 1;
            }
            if depth == 0 {
                return Ok(());
            }
            self.need(b',', "a comma or the end")?;
            self.skip_key(open[depth - 1] - 2)?;
        }
    }

    fn end(&mut self) -> Result<(), ModelError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("end of file")) }
    }
}

/// Bytes of the JSON number that `text` starts with (RFC 8259, section 6).
fn number_bytes(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_once() {
        // Just above the midpoint of two f32, by less than an f64 can hold: through f64 it would round to even, down.
        let text = "1.00000005960464477540";
        assert_eq!(Reader::new(text.as_bytes()).f32().unwrap(), 1.000_000_1);
        assert_eq!(text.parse::<f64>().unwrap() as f32, 1.0, "the trap is real");
    }

    #[test]
    fn every_f32_survives_its_shortest_text() {
        for step in 0..200_000u32 {
            let value = f32::from_bits(step.wrapping_mul(21_474_841));
            if value.is_finite() {
                let text = format!("{value:E}");
                assert_eq!(Reader::new(text.as_bytes()).f32().unwrap().to_bits(), value.to_bits(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", "-", "01", "1.", ".5", "1e", "+1", "inf", "nan", "0x1", "\"1\""] {
            let mut reader = Reader::new(text.as_bytes());
            assert!(reader.number().map(drop).and_then(|()| reader.end()).is_err(), "{text}");
        }
        assert!(Reader::new(b"NaN").f32().unwrap().is_nan());
        assert_eq!(Reader::new(b"-Infinity").f32().unwrap(), f32::NEG_INFINITY);
    }

    #[test]
    fn skipping_steps_over_one_value_and_bounds_depth() {
        for text in [
            "{}",
            "[]",
            "[[],{}]",
            r#"{"a":[1,{"b":"]}"}],"c":null}"#,
            "true",
            r#""\u0041\n\ud83d\udd22""#,
            "-1.5E-3",
        ] {
            let mut reader = Reader::new(text.as_bytes());
            reader.skip().and_then(|()| reader.end()).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        for text in [
            "{",
            "[1",
            "[1,]",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            "[}",
            "nul",
            r#""\ud800""#,
            r#""\ud83d\u0041""#,
            "\"\n\"",
        ] {
            let mut reader = Reader::new(text.as_bytes());
            assert!(reader.skip().and_then(|()| reader.end()).is_err(), "{text}");
        }
        let deep = vec![b'['; 1_000_000];
        assert!(Reader::new(&deep).skip().unwrap_err().to_string().contains("less nesting"));
    }
}
