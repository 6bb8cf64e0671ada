//! Tables read back: the same bits, the same holes, nothing half-written.
//!
//! What it is not: a foreign reader; `scripts/golden-indicators` has one.
//!
//! Invariant: every test compares bits, not numbers.

use super::*;
use ::parquet::data_type::{DoubleType, FloatType, Int64Type};
use ::parquet::file::reader::{FileReader, SerializedFileReader};

fn columns() -> Vec<Column> {
    [("ts", ColumnKind::TimeNs), ("bid", ColumnKind::Double), ("a.b%", ColumnKind::Float)]
        .map(|(name, kind)| Column { name: name.into(), kind })
        .into()
}

/// Hard numbers, and many of them.
fn rows(count: usize) -> Vec<(i64, Option<f64>, Option<f32>)> {
    let hard =
        [f32::NAN, 0.0, -0.0, f32::MIN_POSITIVE / 8.0, f32::MAX, f32::NEG_INFINITY, 0.1, -16_777_217.0];
    (0..count)
        .map(|at| {
            let float = hard[at % hard.len()];
            let double = f64::from(float) / 3.0 + at as f64;
            (at as i64 * 1_000_003 - 7, (at % 5 != 1).then_some(double), (at % 3 != 2).then_some(float))
        })
        .collect()
}

fn write(file: &Path, rows: &[(i64, Option<f64>, Option<f32>)]) -> TableSummary {
    let metadata = [("tickbridge.config_digest", "00ff".to_owned())];
    let mut writer = TableWriter::create(file, &columns(), &metadata).unwrap();
    for (ts, double, float) in rows {
        writer.time(0, *ts);
        writer.double(1, *double);
        writer.float(2, *float);
        writer.end_row().unwrap();
    }
    assert!(!file.exists(), "not under its name before it is whole");
    writer.finish().unwrap()
}

#[test]
fn parquet_gives_back_every_bit_over_several_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    let rows = rows(2 * GROUP_ROWS_MAX + 77);
    let summary = write(&file, &rows);
    assert_eq!(summary.row_count, rows.len() as u64);
    assert_eq!(summary.file_bytes, std::fs::metadata(&file).unwrap().len());
    let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 3);
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(
        (pairs[0].key.as_str(), pairs[0].value.as_deref()),
        ("tickbridge.config_digest", Some("00ff"))
    );
    let (mut times, mut doubles, mut floats) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..3 {
        let group = reader.get_row_group(group).unwrap();
        let count = group.metadata().num_rows() as usize;
        let mut time = Vec::new();
        let mut column = ::parquet::column::reader::get_typed_column_reader::<Int64Type>(
            group.get_column_reader(0).unwrap(),
        );
        column.read_records(count, None, None, &mut time).unwrap();
        times.extend(time);
        let (mut present, mut levels) = (Vec::new(), Vec::new());
        let mut column = ::parquet::column::reader::get_typed_column_reader::<DoubleType>(
            group.get_column_reader(1).unwrap(),
        );
        column.read_records(count, Some(&mut levels), None, &mut present).unwrap();
        let mut values = present.into_iter();
        doubles.extend(levels.iter().map(|level| (*level == 1).then(|| values.next().unwrap())));
        let (mut present, mut levels) = (Vec::new(), Vec::new());
        let mut column = ::parquet::column::reader::get_typed_column_reader::<FloatType>(
            group.get_column_reader(2).unwrap(),
        );
        column.read_records(count, Some(&mut levels), None, &mut present).unwrap();
        let mut values = present.into_iter();
        floats.extend(levels.iter().map(|level| (*level == 1).then(|| values.next().unwrap())));
    }
    for (at, (time, double, float)) in rows.iter().enumerate() {
        assert_eq!(times[at], *time);
        assert_eq!(doubles[at].map(f64::to_bits), double.map(f64::to_bits), "row {at}");
        assert_eq!(floats[at].map(f32::to_bits), float.map(f32::to_bits), "row {at}");
    }
    assert_eq!(times.len(), rows.len());
}

#[test]
fn csv_gives_back_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    let rows = rows(1_000);
    write(&file, &rows);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("ts,bid,a.b%"));
    for ((time, double, float), line) in rows.iter().zip(lines.by_ref()) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[0], time.to_string());
        assert_eq!(fields[1].parse::<f64>().ok().map(f64::to_bits), double.map(f64::to_bits), "{line}");
        assert_eq!(fields[2].parse::<f32>().ok().map(f32::to_bits), float.map(f32::to_bits), "{line}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn what_is_not_finished_leaves_nothing_and_the_old_table_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    std::fs::write(&file, "old").unwrap();
    let mut writer = TableWriter::create(&file, &columns(), &[]).unwrap();
    writer.time(0, 1);
    writer.double(1, None);
    writer.float(2, None);
    writer.end_row().unwrap();
    drop(writer);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn names_are_checked_before_anything_is_written() {
    let words = |file: &str, columns: &[Column]| match TableWriter::create(Path::new(file), columns, &[]) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{file} was accepted"),
    };
    assert_eq!(words("a.xlsx", &columns()), "a.xlsx: expected a name that ends in .parquet or .csv");
    let twice = [columns(), columns()].concat();
    assert!(words("a.csv", &twice).contains("expected unique column names, got \"ts\" twice"));
    assert!(words("/nowhere/at/all/a.csv", &columns()).contains("/nowhere/at/all/a.csv.partial: "));
}
