//! Tables as Apache Parquet, by the `parquet` crate's column writer.
//!
//! What it is not: Arrow; no schema but Parquet's own is written, which every reader understands.
//!
//! Invariant: absent is null, NaN is NaN; what a row group holds is forgotten once it is written.

use super::{Column, ColumnKind, Values};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use std::fs::File;
use std::sync::Arc;

/// A Parquet file while it is written.
pub(super) struct ParquetSink {
    writer: SerializedFileWriter<File>,
    /// Levels of one column: 1 where there is a value.
    levels: Vec<i16>,
    floats: Vec<f32>,
    doubles: Vec<f64>,
    integers: Vec<i64>,
}

impl ParquetSink {
    /// Writes the opening; the metadata follows at the end.
    pub(super) fn begin(out: File, columns: &[Column], metadata: &[(&str, String)]) -> Result<Self> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<Result<Vec<_>>>()?;
        let schema = Type::group_type_builder("table").with_fields(fields).build()?;
        let pairs = metadata.iter().map(|(key, value)| KeyValue::new(key.to_string(), value.clone()));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("tickbridge ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(pairs.collect()));
        for column in columns.iter().filter(|column| column.kind == ColumnKind::TimeNs) {
            let path = ColumnPath::new(vec![column.name.clone()]);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()))?;
        Ok(ParquetSink {
            writer,
            levels: Vec::new(),
            floats: Vec::new(),
            doubles: Vec::new(),
            integers: Vec::new(),
        })
    }

    /// Writes one row group.
    pub(super) fn write(&mut self, group: &[Values]) -> Result<()> {
        let ParquetSink { writer, levels, floats, doubles, integers } = self;
        let mut rows = writer.next_row_group()?;
        for values in group {
            let column = rows.next_column()?;
            let mut column = column.ok_or_else(|| ParquetError::General("a column too many".into()))?;
            match values {
                Values::Time(values) => {
                    column.typed::<Int64Type>().write_batch(values, None, None)?;
                }
                Values::Double(values) => {
                    optional(column.typed::<DoubleType>(), values, doubles, levels)?;
                }
                Values::Float(values) => optional(column.typed::<FloatType>(), values, floats, levels)?,
                Values::Integer(values) => optional(column.typed::<Int64Type>(), values, integers, levels)?,
                Values::Unsigned(values) => {
                    integers.clear();
                    // Parquet keeps unsigned numbers in the same 64 bits.
                    integers.extend(values.iter().map(|value| value.cast_signed()));
                    column.typed::<Int64Type>().write_batch(integers, None, None)?;
                }
                Values::Text(values) => {
                    let texts: Vec<ByteArray> = values.iter().map(|text| text.as_str().into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
                }
            }
            column.close()?;
        }
        rows.close().map(|_| ())
    }

    /// Writes the footer.
    pub(super) fn end(self) -> Result<File> {
        self.writer.into_inner()
    }
}

fn field(column: &Column) -> Result<Type> {
    let (physical, repetition) = match column.kind {
        ColumnKind::TimeNs => (Physical::INT64, Repetition::REQUIRED),
        ColumnKind::Double => (Physical::DOUBLE, Repetition::OPTIONAL),
        ColumnKind::Float => (Physical::FLOAT, Repetition::OPTIONAL),
        ColumnKind::Integer => (Physical::INT64, Repetition::OPTIONAL),
        ColumnKind::Unsigned => (Physical::INT64, Repetition::REQUIRED),
        ColumnKind::Text => (Physical::BYTE_ARRAY, Repetition::REQUIRED),
    };
    let logical = match column.kind {
        ColumnKind::TimeNs => Some(LogicalType::timestamp(true, TimeUnit::NANOS)),
        ColumnKind::Unsigned => Some(LogicalType::integer(64, false)),
        ColumnKind::Text => Some(LogicalType::String),
        ColumnKind::Double | ColumnKind::Float | ColumnKind::Integer => None,
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}

/// Writes one column with holes: Parquet wants the present values alone, and a level for each row.
fn optional<D: DataType>(
    column: &mut ColumnWriterImpl<'_, D>,
    values: &[Option<D::T>],
    present: &mut Vec<D::T>,
    levels: &mut Vec<i16>,
) -> Result<()>
where
    D::T: Copy,
{
    present.clear();
    present.extend(values.iter().flatten());
    levels.clear();
    levels.extend(values.iter().map(|value| i16::from(value.is_some())));
    column.write_batch(present, Some(levels), None).map(|_| ())
}
