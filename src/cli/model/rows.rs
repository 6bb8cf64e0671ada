//! Rows of features, with or without expected scores, from a CSV or a Parquet file.
//!
//! What it is not: a table in memory; one row at a time is handed on, so a file may be larger than memory.
//!
//! Invariant: a number is read straight to the width in which it is used: `f32` for features, `f32` or `f64` for scores as
//! the model gives them. A row that is not whole is an error with its place, never a row left out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::csv::CsvRows;
use super::parquet::ParquetRows;

/// Why rows are refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowsError {
    #[error("{}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{}: expected a name that ends in .csv or .parquet", .0.display())]
    Suffix(PathBuf),
    #[error("{}: expected a line of column names, got an empty file", .0.display())]
    Empty(PathBuf),
    #[error("{}: expected rows, got none", .0.display())]
    NoRows(PathBuf),
    #[error("{}: expected a column {name:?}, got {}", path.display(), listed(got))]
    Column { path: PathBuf, name: String, got: Vec<String> },
    #[error("{}: expected the column {name:?} once, got it again", path.display())]
    Repeated { path: PathBuf, name: String },
    #[error("{} line {line}: expected {expected} columns as in its first line, got {got}", path.display())]
    Cells { path: PathBuf, line: u64, expected: usize, got: usize },
    #[error("{} line {line}: expected at most {max} bytes, got more", path.display())]
    Long { path: PathBuf, line: u64, max: usize },
    #[error("{} {place}, column {column:?}: expected {expected}, got {got}", path.display())]
    Cell { path: PathBuf, place: Place, column: String, expected: &'static str, got: String },
    #[error("{}: {words}", path.display())]
    Parquet { path: PathBuf, words: String },
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

/// Where a row stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A line of a text, from 1; the first is the header.
    Line(u64),
    /// A row of a table, from 1.
    Row(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// In which width scores are read and compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    /// `f32`: the library's scores are that.
    Single,
    /// `f64`.
    Double,
}

/// Which columns are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Features in the model's order.
    pub features: &'a [String],
    /// Expected scores, one for each output, or none.
    pub scores: &'a [String],
    pub width: Width,
}

impl Wanted<'_> {
    /// Where each wanted column stands among those that there are: features, then scores.
    pub(super) fn find(&self, path: &Path, have: &[String]) -> Result<Vec<usize>, RowsError> {
        let place = |name: &String| {
            let mut found = have.iter().enumerate().filter(|(_, column)| *column == name);
            let (path, name) = (path.to_path_buf(), name.clone());
            match (found.next(), found.next()) {
                (Some((index, _)), None) => Ok(index),
                (None, _) => Err(RowsError::Column { path, name, got: have.to_vec() }),
                (Some(_), Some(_)) => Err(RowsError::Repeated { path, name }),
            }
        };
        self.features.iter().chain(self.scores).map(place).collect()
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub place: Place,
    pub features: &'a [f32],
    pub scores: &'a [f64],
}

/// What a cell holds, as far as its file has types.
pub(super) enum Cell<'a> {
    Text(&'a str),
    Single(f32),
    Double(f64),
    Missing,
}

/// A row under construction.
pub(super) struct RowBuffer<'a> {
    path: &'a Path,
    wanted: Wanted<'a>,
    features: Vec<f32>,
    scores: Vec<f64>,
}

impl<'a> RowBuffer<'a> {
    pub(super) fn new(path: &'a Path, wanted: Wanted<'a>) -> Self {
        let (features, scores) = (vec![f32::NAN; wanted.features.len()], vec![0.0; wanted.scores.len()]);
        RowBuffer { path, wanted, features, scores }
    }

    /// Takes the cell of wanted column `index`: features first, then scores.
    pub(super) fn put(&mut self, place: Place, index: usize, cell: &Cell<'_>) -> Result<(), RowsError> {
        let refuse = |column: &String, expected, got: String| {
            Err(RowsError::Cell {
                path: self.path.to_path_buf(),
                place,
                column: column.clone(),
                expected,
                got,
            })
        };
        if let Some(name) = self.wanted.features.get(index) {
            self.features[index] = match cell {
                Cell::Missing => f32::NAN,
                Cell::Single(number) => *number,
                Cell::Double(number) => *number as f32,
                Cell::Text(text) => match text.parse() {
                    Ok(number) => number,
                    Err(_) => return refuse(name, "a number, or nothing", format!("{text:?}")),
                },
            };
            return Ok(());
        }
        let index = index - self.wanted.features.len();
        let name = &self.wanted.scores[index];
        let score = match (cell, self.wanted.width) {
            (Cell::Single(number), _) => Some(f64::from(*number)),
            (Cell::Double(number), Width::Single) => Some(f64::from(*number as f32)),
            (Cell::Double(number), Width::Double) => Some(*number),
            (Cell::Text(text), Width::Single) => text.parse::<f32>().ok().map(f64::from),
            (Cell::Text(text), Width::Double) => text.parse().ok(),
            (Cell::Missing, _) => return refuse(name, "a score", "nothing".into()),
        };
        match (score, cell) {
            (Some(score), _) if !score.is_nan() => self.scores[index] = score,
            (Some(_), _) => return refuse(name, "a score", "NaN".into()),
            (None, Cell::Text(text)) => return refuse(name, "a score", format!("{text:?}")),
            (None, _) => return refuse(name, "a score", "nothing".into()),
        }
        Ok(())
    }

    pub(super) fn row(&self, place: Place) -> Row<'_> {
        Row { place, features: &self.features, scores: &self.scores }
    }
}

/// Hands on every row, in the file's order, until told to stop; returns how many were handed on.
pub(super) fn each_row(
    path: &Path,
    wanted: Wanted<'_>,
    on_row: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<u64, RowsError> {
    let count = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("csv") => CsvRows::open(path, wanted)?.each(on_row)?,
        Some("parquet") => ParquetRows::open(path, wanted)?.each(on_row)?,
        _ => return Err(RowsError::Suffix(path.to_path_buf())),
    };
    if count == 0 { Err(RowsError::NoRows(path.to_path_buf())) } else { Ok(count) }
}
