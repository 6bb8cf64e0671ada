//! Rows of a CSV file: a line of column names, then a line a row, separated by commas.
//!
//! What it is not: a reader of every dialect. A cell may stand in double quotes; a line break inside one is not read.
//!
//! Invariant: every line has the columns of the first; an empty cell is a missing value; no line is longer than
//! [`LINE_BYTES_MAX`].

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use super::rows::{Cell, Place, Row, RowBuffer, RowsError, Wanted};

/// Longest line.
const LINE_BYTES_MAX: usize = 1 << 20;

/// An open file behind its first line.
pub(super) struct CsvRows<'a> {
    path: &'a Path,
    wanted: Wanted<'a>,
    lines: Lines<'a>,
    /// Columns of a line.
    width: usize,
    /// Where the wanted ones stand.
    columns: Vec<usize>,
}

impl<'a> CsvRows<'a> {
    pub(super) fn open(path: &'a Path, wanted: Wanted<'a>) -> Result<Self, RowsError> {
        let file = File::open(path).map_err(|error| RowsError::Read { path: path.to_path_buf(), error })?;
        let mut lines =
            Lines { path, reader: BufReader::with_capacity(1 << 18, file), bytes: Vec::new(), number: 0 };
        let Some(header) = lines.next()? else { return Err(RowsError::Empty(path.to_path_buf())) };
        let names: Vec<String> = cells(header.trim_start_matches('\u{feff}')).map(str::to_owned).collect();
        let columns = wanted.find(path, &names)?;
        Ok(CsvRows { path, wanted, lines, width: names.len(), columns })
    }

    pub(super) fn each(
        mut self,
        on_row: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<u64, RowsError> {
        let mut buffer = RowBuffer::new(self.path, self.wanted);
        let mut spans: Vec<(usize, usize)> = Vec::with_capacity(self.width);
        let mut row_count = 0;
        while self.lines.next()?.is_some() {
            let line = self.lines.text();
            let number = self.lines.number;
            spans.clear();
            let start = line.as_ptr() as usize;
            spans.extend(cells(line).map(|cell| (cell.as_ptr() as usize - start, cell.len())));
            if spans.len() != self.width {
                let (path, expected, got) = (self.path.to_path_buf(), self.width, spans.len());
                return Err(RowsError::Cells { path, line: number, expected, got });
            }
            for (index, column) in self.columns.iter().enumerate() {
                let (at, bytes) = spans[*column];
                let text = line[at..at + bytes].trim();
                let cell = if text.is_empty() { Cell::Missing } else { Cell::Text(text) };
                buffer.put(Place::Line(number), index, &cell)?;
            }
            row_count += 1;
            if on_row(&buffer.row(Place::Line(number))).is_break() {
                break;
            }
        }
        Ok(row_count)
    }
}

/// The lines of a file, one at a time in one piece of memory.
struct Lines<'a> {
    path: &'a Path,
    reader: BufReader<File>,
    bytes: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    /// The next line that is not empty, or `None` at the end.
    fn next(&mut self) -> Result<Option<&str>, RowsError> {
        loop {
            self.bytes.clear();
            let mut limited = self.reader.by_ref().take(LINE_BYTES_MAX as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.bytes);
            let path = || self.path.to_path_buf();
            match read {
                Err(error) => return Err(RowsError::Read { path: path(), error }),
                Ok(0) => return Ok(None),
                Ok(_) => self.number += 1,
            }
            if self.bytes.len() > LINE_BYTES_MAX {
                return Err(RowsError::Long { path: path(), line: self.number, max: LINE_BYTES_MAX });
            }
            if std::str::from_utf8(&self.bytes).is_err() {
                let error = std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    format!("line {}: expected UTF-8 text, got other bytes", self.number),
                );
                return Err(RowsError::Read { path: path(), error });
            }
            if !self.bytes.trim_ascii().is_empty() {
                return Ok(Some(self.text()));
            }
        }
    }

    /// The line read last, without its end.
    fn text(&self) -> &str {
        // It was looked at in `next`.
        std::str::from_utf8(&self.bytes).unwrap_or_default().trim_end_matches(['\r', '\n'])
    }
}

/// The cells of a line; quotes around one are taken off.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let quoted = text
            .strip_prefix('"')
            .and_then(|inner| inner.find('"').map(|end| (&inner[..end], &inner[end + 1..])));
        if let Some((cell, after)) = quoted
            && (after.is_empty() || after.starts_with(','))
        {
            rest = after.strip_prefix(',');
            return Some(cell);
        }
        let (cell, after) = text.split_once(',').map_or((text, None), |(cell, after)| (cell, Some(after)));
        rest = after;
        Some(cell)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_cut_at_commas_outside_quotes() {
        let cut = |line| cells(line).collect::<Vec<&str>>();
        assert_eq!(cut("a,b,,c"), ["a", "b", "", "c"]);
        assert_eq!(cut("\"a,b\",c"), ["a,b", "c"]);
        assert_eq!(cut("1.5,\"x\"y,"), ["1.5", "\"x\"y", ""]);
        assert_eq!(cut(""), [""]);
    }
}
