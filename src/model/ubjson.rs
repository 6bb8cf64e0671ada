//! A pull reader for UBJSON (draft 12) as XGBoost writes it: the same document as its JSON, big-endian.
//!
//! What it is not: a general UBJSON library: objects with a stated count are refused, which XGBoost never writes
//! (src/common/json.cc, `UBJWriter`).
//!
//! Invariant: a stated length or count is believed only as far as bytes are left for it, before anything is allocated;
//! types without bytes cannot fill a typed array; nothing recurses.

use super::ModelError;
use super::document::{DEPTH_MAX, Document, TEXT_BYTES_MAX};

/// A position in a UBJSON text.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The marker that a typed array stated once for the values that follow.
    stated: Option<u8>,
}

/// What an opened array says of itself.
#[derive(Clone, Copy, Debug)]
struct Head {
    stated: Option<u8>,
    count: Option<usize>,
}

/// An opened container that is being stepped over.
#[derive(Clone, Copy, Debug)]
enum Open {
    Object,
    Array,
    Counted(usize),
}

impl<'a> Reader<'a> {
    /// At the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0, stated: None }
    }

    /// Steps over `N`, which stands for nothing, and shows the next byte.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at) == Some(&b'N') {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn marker(&mut self) -> Result<u8, ModelError> {
        if let Some(stated) = self.stated {
            return Ok(stated);
        }
        let marker = self.peek().ok_or_else(|| self.expected("a value"))?;
        self.at += 1;
        Ok(marker)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let bytes = self.bytes.get(self.at..).and_then(|tail| tail.first_chunk::<N>());
        let bytes = *bytes.ok_or_else(|| self.expected("the rest of a number"))?;
        self.at += N;
        Ok(bytes)
    }

    /// A whole number whose marker has been read.
    fn whole(&mut self, marker: u8) -> Result<Option<i64>, ModelError> {
        Ok(Some(match marker {
            b'i' => i64::from(i8::from_be_bytes(self.fixed()?)),
            b'U' => i64::from(u8::from_be_bytes(self.fixed()?)),
            b'I' => i64::from(i16::from_be_bytes(self.fixed()?)),
            b'l' => i64::from(i32::from_be_bytes(self.fixed()?)),
            b'L' => i64::from_be_bytes(self.fixed()?),
            _ => return Ok(None),
        }))
    }

    /// A count of things of at least `size_bytes` each, for which there are bytes left.
    fn count(&mut self, size_bytes: usize) -> Result<usize, ModelError> {
        let at = self.at;
        let marker = self.peek().unwrap_or_default();
        self.at += 1;
        let count = self.whole(marker)?.and_then(|count| usize::try_from(count).ok());
        let left = self.bytes.len().saturating_sub(self.at);
        let count = count.filter(|count| count.checked_mul(size_bytes).is_some_and(|need| need <= left));
        count.ok_or_else(|| Reader { at, ..self.clone() }.expected("a count that the bytes left can hold"))
    }

    /// A text whose marker has been read.
    fn text(&mut self) -> Result<&'a [u8], ModelError> {
        let length = self.count(1)?;
        if length > TEXT_BYTES_MAX {
            return Err(self.expected("a shorter string"));
        }
        let text = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(text)
    }

    /// What stands between `[` and the first element.
    fn head(&mut self) -> Result<Head, ModelError> {
        if self.take(b'$') {
            let stated = self.peek().unwrap_or_default();
            let Some(size_bytes) = number_bytes(stated) else {
                return Err(self.expected("a typed array of numbers"));
            };
            self.at += 1;
            if !self.take(b'#') {
                return Err(self.expected("the count of a typed array"));
            }
            return Ok(Head { stated: Some(stated), count: Some(self.count(size_bytes)?) });
        }
        let count = if self.take(b'#') { Some(self.count(1)?) } else { None };
        Ok(Head { stated: None, count })
    }

    /// Steps over one value that is no container.
    fn skip_scalar(&mut self, marker: u8) -> Result<(), ModelError> {
        match marker {
            b'Z' | b'T' | b'F' => Ok(()),
            b'S' | b'H' => {
                let length = self.count(1)?;
                self.at += length;
                Ok(())
            }
            b'C' => self.fixed::<1>().map(drop),
            b'd' => self.fixed::<4>().map(drop),
            b'D' => self.fixed::<8>().map(drop),
            _ => match self.whole(marker)? {
                Some(_) => Ok(()),
                None => Err(self.expected("a known type before this")),
            },
        }
    }

    fn skip_key(&mut self) -> Result<(), ModelError> {
        let length = self.count(1)?;
        self.at += length;
        Ok(())
    }
}

/// Bytes of a number with this marker; the only types that a typed array may have.
fn number_bytes(marker: u8) -> Option<usize> {
    Some(match marker {
        b'i' | b'U' => 1,
        b'I' => 2,
        b'l' | b'd' => 4,
        b'L' | b'D' => 8,
        _ => return None,
    })
}

impl Document for Reader<'_> {
    fn expected(&self, expected: &'static str) -> ModelError {
        let tail = &self.bytes[self.at.min(self.bytes.len())..];
        let got = tail[..tail.len().min(16)].escape_ascii().to_string();
        ModelError::Syntax { byte: self.at, expected, got }
    }

    fn object(&mut self) -> Result<(), ModelError> {
        if self.stated.is_none() && self.take(b'{') { Ok(()) } else { Err(self.expected("an object")) }
    }

    fn key(&mut self, _first: bool) -> Result<Option<String>, ModelError> {
        if self.take(b'}') {
            return Ok(None);
        }
        let key = self.text()?.to_vec();
        String::from_utf8(key).map(Some).map_err(|_| self.expected("UTF-8 in a key before this"))
    }

    fn array(
        &mut self,
        count_max: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        if self.stated.is_some() || !self.take(b'[') {
            return Err(self.expected("an array"));
        }
        let head = self.head()?;
        if head.count.is_some_and(|count| count > count_max) {
            return Err(self.expected("fewer elements in this array"));
        }
        let mut count = 0;
        loop {
            if head.count.map_or_else(|| self.take(b']'), |stated| count == stated) {
                return Ok(());
            }
            if count == count_max {
                return Err(self.expected("fewer elements in this array"));
            }
            self.stated = head.stated;
            let read = item(self);
            self.stated = None;
            read?;
            count += 1;
        }
    }

    fn string(&mut self) -> Result<String, ModelError> {
        let text = match self.marker()? {
            b'S' => self.text()?.to_vec(),
            b'C' => self.fixed::<1>()?.to_vec(),
            _ => return Err(self.expected("a string before this")),
        };
        String::from_utf8(text).map_err(|_| self.expected("UTF-8 in a string before this"))
    }

    fn f32(&mut self) -> Result<f32, ModelError> {
        match self.marker()? {
            b'd' => Ok(f32::from_be_bytes(self.fixed()?)),
            b'D' => Ok(f64::from_be_bytes(self.fixed()?) as f32),
            marker => match self.whole(marker)? {
                Some(whole) => Ok(whole as f32),
                None => Err(self.expected("a number before this")),
            },
        }
    }

    fn f64(&mut self) -> Result<f64, ModelError> {
        match self.marker()? {
            b'd' => Ok(f64::from(f32::from_be_bytes(self.fixed()?))),
            b'D' => Ok(f64::from_be_bytes(self.fixed()?)),
            marker => match self.whole(marker)? {
                Some(whole) => Ok(whole as f64),
                None => Err(self.expected("a number before this")),
            },
        }
    }

    fn i32(&mut self) -> Result<i32, ModelError> {
        let marker = self.marker()?;
        let whole = self.whole(marker)?.and_then(|whole| i32::try_from(whole).ok());
        whole.ok_or_else(|| self.expected("a whole number of 32 bits before this"))
    }

    fn truth(&mut self) -> Result<bool, ModelError> {
        let marker = self.marker()?;
        match marker {
            b'T' => return Ok(true),
            b'F' => return Ok(false),
            _ => {}
        }
        match self.whole(marker)? {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(self.expected("0, 1, true or false before this")),
        }
    }

    fn skip(&mut self) -> Result<(), ModelError> {
        if let Some(stated) = self.stated {
            return self.skip_scalar(stated);
        }
        let mut open = [Open::Array; DEPTH_MAX];
        let mut depth = 0;
        loop {
            let within = match self.marker()? {
                b'{' => Some(Open::Object),
                b'[' => {
                    let head = self.head()?;
                    match (head.stated.and_then(number_bytes), head.count) {
                        // `count` has seen that they are there.
                        (Some(size_bytes), Some(count)) => {
                            self.at += size_bytes * count;
                            None
                        }
                        (_, Some(count)) => Some(Open::Counted(count)),
                        _ => Some(Open::Array),
                    }
                }
                marker => {
                    self.skip_scalar(marker)?;
                    None
                }
            };
            if let Some(within) = within {
                if depth == DEPTH_MAX {
                    return Err(self.expected("less nesting"));
                }
                open[depth] = within;
                depth += 1;
            }
            // Close what ends here, then go to the next value.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let ended = match &mut open[depth - 1] {
                    Open::Object => self.take(b'}'),
                    Open::Array => self.take(b']'),
                    Open::Counted(0) => true,
                    Open::Counted(left) => {
                        *left -= 1;
                        false
                    }
                };
                if !ended {
                    break;
                }
                depth -= 1;
            }
            if let Open::Object = open[depth - 1] {
                self.skip_key()?;
            }
        }
    }

    fn end(&mut self) -> Result<(), ModelError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("end of file")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a":[$d#l 2 1.5 -2], "b":[1,"x",true], "c":{"d":[]}}`.
    const SAMPLE: &[u8] =
        b"{i\x01a[$d#l\x00\x00\x00\x02\x3f\xc0\x00\x00\xc0\x00\x00\x00L\x00\x00\x00\x00\x00\x00\x00\x01b\
        [#i\x03U\x01SU\x01xTi\x01c{i\x01d[]}}";

    #[test]
    fn values_are_read_big_endian_in_typed_and_untyped_arrays() {
        let mut reader = Reader::new(SAMPLE);
        let mut met = Vec::new();
        let read = reader.each_key(|r, key| {
            met.push(key.to_string());
            match key {
                "a" => {
                    let mut numbers = Vec::new();
                    r.list(2, &mut numbers, Document::f32)?;
                    assert_eq!(numbers, [1.5, -2.0]);
                    Ok(())
                }
                "b" => {
                    let mut place = 0;
                    r.array(3, |r| {
                        place += 1;
                        match place {
                            1 => r.i32().map(|one| assert_eq!(one, 1)),
                            2 => r.string().map(|text| assert_eq!(text, "x")),
                            _ => r.truth().map(|truth| assert!(truth)),
                        }
                    })
                }
                _ => r.skip(),
            }
        });
        read.and_then(|()| reader.end()).unwrap();
        assert_eq!(met, ["a", "b", "c"]);
    }

    #[test]
    fn every_cut_is_refused_and_the_whole_can_be_stepped_over() {
        let mut whole = Reader::new(SAMPLE);
        whole.skip().and_then(|()| whole.end()).unwrap();
        for end in 0..SAMPLE.len() {
            assert!(Reader::new(&SAMPLE[..end]).skip().is_err(), "cut at {end}");
        }
    }

    #[test]
    fn counts_that_no_byte_pays_for_are_refused() {
        let refusal = |bytes: &[u8]| Reader::new(bytes).skip().unwrap_err().to_string();
        let count = "a count that the bytes left can hold";
        assert!(refusal(b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff").contains(count));
        assert!(refusal(b"[$d#l\x00\x00\x00\x02\x00\x00\x00\x00").contains(count));
        assert!(refusal(b"[#L\x00\x00\x00\x7f\xff\xff\xff\xffZZ").contains(count));
        assert!(refusal(b"[#i\xff").contains(count), "a negative count");
        assert!(refusal(b"Sl\x00\x00\x00\x02x").contains(count));
        for empty in [b'Z', b'T', b'F', b'N', b'[', b'S'] {
            let typed = [b"[$".as_slice(), &[empty], b"#l\x7f\xff\xff\xff"].concat();
            assert!(refusal(&typed).contains("a typed array of numbers"), "{}", empty as char);
        }
        assert!(refusal(&vec![b'['; 1_000_000]).contains("less nesting"));
        assert!(refusal(b"{$i#i\x01").contains(count), "a counted object");
    }
}
