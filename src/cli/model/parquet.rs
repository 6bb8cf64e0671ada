//! Rows of a Parquet file with flat columns of numbers.
//!
//! What it is not: a reader of nested, text or decimal columns; those may be in the file, but not among the wanted ones.
//!
//! Invariant: only the wanted columns are read; null is a missing value; a damaged file is an error in the library's words.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::rows::{Cell, Place, Row, RowBuffer, RowsError, Wanted};

/// An open file.
pub(super) struct ParquetRows<'a> {
    path: &'a Path,
    wanted: Wanted<'a>,
    reader: SerializedFileReader<File>,
    projection: Type,
    /// For each column that is read, which wanted ones it is: features first, then scores.
    wanted_of: Vec<Vec<usize>>,
}

impl<'a> ParquetRows<'a> {
    pub(super) fn open(path: &'a Path, wanted: Wanted<'a>) -> Result<Self, RowsError> {
        let file = File::open(path).map_err(|error| RowsError::Read { path: path.to_path_buf(), error })?;
        let reader = SerializedFileReader::new(file).map_err(|error| refusal(path, &error))?;
        let schema = reader.metadata().file_metadata().schema();
        let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
        let columns = wanted.find(path, &names)?;
        let mut read = columns.clone();
        read.sort_unstable();
        read.dedup();
        let fields: Vec<Arc<Type>> = read.iter().map(|column| schema.get_fields()[*column].clone()).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
        let projection = projection.map_err(|error| refusal(path, &error))?;
        let wanted_of = read
            .iter()
            .map(|column| (0..columns.len()).filter(|index| columns[*index] == *column).collect())
            .collect();
        Ok(ParquetRows { path, wanted, reader, projection, wanted_of })
    }

    pub(super) fn each(self, on_row: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>) -> Result<u64, RowsError> {
        let refuse = |error| refusal(self.path, &error);
        let mut buffer = RowBuffer::new(self.path, self.wanted);
        let mut row_count = 0;
        for row in self.reader.get_row_iter(Some(self.projection.clone())).map_err(refuse)? {
            let row = row.map_err(refuse)?;
            row_count += 1;
            let place = Place::Row(row_count);
            for ((name, field), wanted) in row.get_column_iter().zip(&self.wanted_of) {
                let Some(cell) = cell(field) else {
                    let (path, column) = (self.path.to_path_buf(), name.clone());
                    let (expected, got) = ("a number", field.to_string());
                    return Err(RowsError::Cell { path, place, column, expected, got });
                };
                for index in wanted {
                    buffer.put(place, *index, &cell)?;
                }
            }
            if on_row(&buffer.row(place)).is_break() {
                break;
            }
        }
        Ok(row_count)
    }
}

fn refusal(path: &Path, error: &ParquetError) -> RowsError {
    RowsError::Parquet { path: path.to_path_buf(), words: error.to_string() }
}

fn cell(field: &Field) -> Option<Cell<'static>> {
    Some(match *field {
        Field::Null => Cell::Missing,
        Field::Float(number) => Cell::Single(number),
        Field::Float16(number) => Cell::Single(number.to_f32()),
        Field::Double(number) => Cell::Double(number),
        Field::Bool(truth) => Cell::Single(f32::from(u8::from(truth))),
        Field::Byte(number) => Cell::Single(f32::from(number)),
        Field::UByte(number) => Cell::Single(f32::from(number)),
        Field::Short(number) => Cell::Single(f32::from(number)),
        Field::UShort(number) => Cell::Single(f32::from(number)),
        Field::Int(number) => Cell::Double(f64::from(number)),
        Field::UInt(number) => Cell::Double(f64::from(number)),
        Field::Long(number) => Cell::Double(number as f64),
        Field::ULong(number) => Cell::Double(number as f64),
        _ => return None,
    })
}
