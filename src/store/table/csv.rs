//! Tables as text.
//!
//! What it is not: the mapped CSV of tick files (`ticks::csv_map`), which is other people's.
//!
//! Invariant: a number is the shortest text that reads back to the same bits, so the text is the same on every machine;
//! an absent value is an empty field, NaN is `NaN`.

use super::{Column, Values};
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// A CSV while it is written.
pub(super) struct CsvSink {
    out: BufWriter<File>,
}

impl CsvSink {
    /// Writes the header line.
    pub(super) fn begin(out: File, columns: &[Column]) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, out);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(CsvSink { out })
    }

    /// Appends so many rows.
    pub(super) fn write(&mut self, group: &[Values], rows: usize) -> io::Result<()> {
        for row in 0..rows {
            for (at, values) in group.iter().enumerate() {
                if at > 0 {
                    self.out.write_all(b",")?;
                }
                match values {
                    Values::Time(values) => write!(self.out, "{}", values[row])?,
                    Values::Double(values) => field(&mut self.out, values[row])?,
                    Values::Float(values) => field(&mut self.out, values[row])?,
                    Values::Integer(values) => field(&mut self.out, values[row])?,
                    Values::Unsigned(values) => write!(self.out, "{}", values[row])?,
                    Values::Text(values) => text(&mut self.out, &values[row])?,
                }
            }
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes what is buffered.
    pub(super) fn end(self) -> io::Result<File> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Quoted where a reader would take it apart (RFC 4180).
fn text(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.contains([',', '"', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

fn field(out: &mut impl Write, value: Option<impl std::fmt::Display>) -> io::Result<()> {
    match value {
        Some(value) => write!(out, "{value}"),
        None => Ok(()),
    }
}
