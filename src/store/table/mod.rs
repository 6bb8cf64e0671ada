//! Tables of rows for training: one writer, two formats (Parquet and CSV).
//!
//! What it is not: a data frame or a reader. It knows nothing of features; whoever calls it names the columns.
//!
//! Invariant: the table appears under its name only when it is whole (it is written beside it and renamed); every number is
//! written so that reading it back gives the same bits; memory is bounded by one row group, however long the table is.

mod csv;
mod parquet;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Rows of one row group at most.
const GROUP_ROWS_MAX: usize = 65_536;
/// Rows of one row group at least, however wide they are.
const GROUP_ROWS_MIN: usize = 1_024;
/// Bytes that a row group's values may take, as long as it has more than its fewest rows.
const GROUP_BYTES_MAX: usize = 32 << 20;

/// What a text is taken to need, for the size of a row group.
const TEXT_BYTES: usize = 64;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnKind {
    /// Nanoseconds since 1970 UTC; never absent.
    TimeNs,
    /// A double; may be absent.
    Double,
    /// A single-precision number; may be absent.
    Float,
    /// A whole number; may be absent.
    Integer,
    /// A whole number that is not negative; never absent.
    Unsigned,
    /// Text; empty where there is none.
    Text,
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// The values of one column in the current row group.
#[derive(Clone, Debug)]
enum Values {
    Time(Vec<i64>),
    Double(Vec<Option<f64>>),
    Float(Vec<Option<f32>>),
    Integer(Vec<Option<i64>>),
    Unsigned(Vec<u64>),
    Text(Vec<String>),
}

/// Which format a table has: by the end of its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableFormat {
    /// Apache Parquet, Snappy pages.
    Parquet,
    /// Text with a header line, commas, an empty field where there is no value.
    Csv,
}

impl TableFormat {
    /// The format that a file's name asks for.
    pub fn of(file: &Path) -> Result<Self, TableError> {
        match file.extension().and_then(|end| end.to_str()) {
            Some("parquet") => Ok(TableFormat::Parquet),
            Some("csv") => Ok(TableFormat::Csv),
            _ => Err(TableError::Suffix { file: file.to_path_buf() }),
        }
    }
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A name that asks for no known format.
    #[error("{}: expected a name that ends in .parquet or .csv", file.display())]
    Suffix {
        /// The file.
        file: PathBuf,
    },
    /// Two columns of one name.
    #[error("{}: expected unique column names, got {name:?} twice", file.display())]
    Column {
        /// The file.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The Parquet library refused.
    #[error("{}: {source}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<::parquet::errors::ParquetError>,
    },
}

/// What stands behind a writer.
enum Sink {
    Parquet(Box<parquet::ParquetSink>),
    Csv(csv::CsvSink),
}

/// A table while it is written. Dropped before [`TableWriter::finish`], it leaves nothing behind.
pub struct TableWriter {
    file: PathBuf,
    partial: PathBuf,
    sink: Option<Sink>,
    group: Vec<Values>,
    group_rows_max: usize,
    group_rows: usize,
    row_count: u64,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableSummary {
    /// Rows.
    pub row_count: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

impl TableWriter {
    /// Begins a table. `metadata` (key and value) is kept by Parquet; a CSV has no place for it.
    pub fn create(
        file: &Path,
        columns: &[Column],
        metadata: &[(&str, String)],
    ) -> Result<TableWriter, TableError> {
        let format = TableFormat::of(file)?;
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].iter().any(|before| before.name == column.name) {
                return Err(TableError::Column { file: file.to_path_buf(), name: column.name.clone() });
            }
        }
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let refuse = |source| TableError::Io { file: partial.clone(), source };
        let out = File::create(&partial).map_err(refuse)?;
        let row_bytes: usize = columns.iter().map(|column| column.kind.bytes()).sum();
        let mut writer = TableWriter {
            file: file.to_path_buf(),
            partial: partial.clone(),
            sink: None,
            group: columns.iter().map(|column| Values::new(column.kind)).collect(),
            group_rows_max: (GROUP_BYTES_MAX / row_bytes.max(1)).clamp(GROUP_ROWS_MIN, GROUP_ROWS_MAX),
            group_rows: 0,
            row_count: 0,
        };
        let sink = match format {
            TableFormat::Parquet => parquet::ParquetSink::begin(out, columns, metadata)
                .map(|sink| Sink::Parquet(Box::new(sink)))
                .map_err(|source| writer.parquet_error(source)),
            TableFormat::Csv => {
                csv::CsvSink::begin(out, columns).map(Sink::Csv).map_err(|source| writer.io_error(source))
            }
        };
        writer.sink = Some(sink?);
        Ok(writer)
    }

    /// Appends the time of a new row; its other values follow by [`TableWriter::double`] and [`TableWriter::float`].
    ///
    /// # Panics
    /// When the column is of another kind: the caller made the columns.
    pub fn time(&mut self, column: usize, ns: i64) {
        match &mut self.group[column] {
            Values::Time(values) => values.push(ns),
            other => panic!("column {column}: expected a time, got {other:?}"),
        }
    }

    /// Appends a double of the new row; see [`TableWriter::time`].
    pub fn double(&mut self, column: usize, value: Option<f64>) {
        match &mut self.group[column] {
            Values::Double(values) => values.push(value),
            other => panic!("column {column}: expected a double, got {other:?}"),
        }
    }

    /// Appends a single-precision number of the new row; see [`TableWriter::time`].
    pub fn float(&mut self, column: usize, value: Option<f32>) {
        match &mut self.group[column] {
            Values::Float(values) => values.push(value),
            other => panic!("column {column}: expected a float, got {other:?}"),
        }
    }

    /// Appends a whole number of the new row; see [`TableWriter::time`].
    pub fn integer(&mut self, column: usize, value: Option<i64>) {
        match &mut self.group[column] {
            Values::Integer(values) => values.push(value),
            other => panic!("column {column}: expected an integer, got {other:?}"),
        }
    }

    /// Appends a whole number of the new row that is not negative; see [`TableWriter::time`].
    pub fn unsigned(&mut self, column: usize, value: u64) {
        match &mut self.group[column] {
            Values::Unsigned(values) => values.push(value),
            other => panic!("column {column}: expected an unsigned number, got {other:?}"),
        }
    }

    /// Appends a text of the new row; see [`TableWriter::time`].
    pub fn text(&mut self, column: usize, value: &str) {
        match &mut self.group[column] {
            Values::Text(values) => values.push(value.to_owned()),
            other => panic!("column {column}: expected a text, got {other:?}"),
        }
    }

    /// Ends a row; each column must have got its value.
    pub fn end_row(&mut self) -> Result<(), TableError> {
        self.group_rows += 1;
        self.row_count += 1;
        debug_assert!(self.group.iter().all(|values| values.len() == self.group_rows), "a row with holes");
        if self.group_rows >= self.group_rows_max { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.group_rows > 0 {
            let group = std::mem::take(&mut self.group);
            let written = match &mut self.sink {
                Some(Sink::Parquet(sink)) => {
                    sink.write(&group).map_err(|source| parquet_error(&self.partial, source))
                }
                Some(Sink::Csv(sink)) => sink
                    .write(&group, self.group_rows)
                    .map_err(|source| TableError::Io { file: self.partial.clone(), source }),
                None => Ok(()),
            };
            self.group = group;
            written?;
        }
        self.group.iter_mut().for_each(Values::clear);
        self.group_rows = 0;
        Ok(())
    }

    /// Writes what is left, makes it durable and gives the table its name.
    pub fn finish(mut self) -> Result<TableSummary, TableError> {
        self.flush()?;
        let out = match self.sink.take() {
            Some(Sink::Parquet(sink)) => sink.end().map_err(|source| self.parquet_error(source))?,
            Some(Sink::Csv(sink)) => sink.end().map_err(|source| self.io_error(source))?,
            None => unreachable!("a writer has a sink until it is finished"),
        };
        let settle = || -> io::Result<u64> {
            out.sync_all()?;
            std::fs::rename(&self.partial, &self.file)?;
            out.metadata().map(|known| known.len())
        };
        let file_bytes = settle().map_err(|source| self.io_error(source))?;
        Ok(TableSummary { row_count: self.row_count, file_bytes })
    }

    /// Rows so far.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    fn io_error(&self, source: io::Error) -> TableError {
        TableError::Io { file: self.partial.clone(), source }
    }

    fn parquet_error(&self, source: ::parquet::errors::ParquetError) -> TableError {
        parquet_error(&self.partial, source)
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        // After a rename there is nothing under this name; what cannot be removed is only a leftover.
        let _ = std::fs::remove_file(&self.partial);
    }
}

fn parquet_error(file: &Path, source: ::parquet::errors::ParquetError) -> TableError {
    TableError::Parquet { file: file.to_path_buf(), source: Box::new(source) }
}

impl ColumnKind {
    fn bytes(self) -> usize {
        match self {
            ColumnKind::TimeNs => 8,
            ColumnKind::Double => size_of::<Option<f64>>(),
            ColumnKind::Float => size_of::<Option<f32>>(),
            ColumnKind::Integer => size_of::<Option<i64>>(),
            ColumnKind::Unsigned => size_of::<u64>(),
            ColumnKind::Text => TEXT_BYTES,
        }
    }
}

impl Values {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::TimeNs => Values::Time(Vec::new()),
            ColumnKind::Double => Values::Double(Vec::new()),
            ColumnKind::Float => Values::Float(Vec::new()),
            ColumnKind::Integer => Values::Integer(Vec::new()),
            ColumnKind::Unsigned => Values::Unsigned(Vec::new()),
            ColumnKind::Text => Values::Text(Vec::new()),
        }
    }

    fn clear(&mut self) {
        match self {
            Values::Time(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Float(values) => values.clear(),
            Values::Integer(values) => values.clear(),
            Values::Unsigned(values) => values.clear(),
            Values::Text(values) => values.clear(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Values::Time(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Unsigned(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }
}

#[cfg(test)]
mod tests;
