//! `tickbridge journal export`: records as other programs read them.
//!
//! What it is not: a copy that a journal could be made of again; checksums stay behind.
//!
//! Invariant: every chosen record is written once; a file appears under its name only when it is whole.

use super::selection::Selection;
use super::{JournalCommandError, words};
use crate::record::{FieldValue, Kind, Record};
use crate::store::table::{Column, ColumnKind, TableWriter};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "\
JSON lines go to one file, all kinds in order. Parquet and CSV go to a folder, one table for each
kind that occurs: Tick.parquet, Command.parquet, ... Columns are seq, ts (UTC nanoseconds), origin,
venue, instrument, flags, aux and then the payload's fields; a code has a column with its name
beside it, bits of a double a column with the double.

Examples:
  tickbridge journal export journal/ --out journal.jsonl
  tickbridge journal export journal/ --out tables/ --format parquet
  tickbridge journal export journal/ --out orders/ --format csv --kind Command --kind OrderStateChange

Exit codes:
   0  written
   2  wrong arguments
  65  there is no journal, or it is damaged: nothing is written, standard error says where
  74  it cannot be read, a file cannot be written, or the folder holds tables of another export";

/// Options of `journal export`.
#[derive(clap::Args, Debug)]
pub struct ExportArgs {
    /// The journal's folder
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// The file for JSON lines, or the folder for tables
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// How
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
}

/// A format of exports.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// Parquet, a file for each kind
    Parquet,
    /// CSV, a file for each kind
    Csv,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), JournalCommandError> {
    match args.format {
        Format::Jsonl => lines(args),
        Format::Parquet => tables(args, "parquet"),
        Format::Csv => tables(args, "csv"),
    }
}

fn refuse(path: &Path) -> impl Fn(io::Error) -> JournalCommandError + use<> {
    let path = path.to_path_buf();
    move |source| JournalCommandError::Write { path: path.clone(), source }
}

fn say(words: std::fmt::Arguments<'_>) -> Result<(), JournalCommandError> {
    writeln!(io::stdout().lock(), "{words}").map_err(JournalCommandError::Print)
}

fn lines(args: &ExportArgs) -> Result<(), JournalCommandError> {
    let mut partial = args.out.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let refuse = refuse(&args.out);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(&refuse)?);
    let mut count = 0u64;
    let written = args.selection.each(&args.journal, &mut |record| {
        count += 1;
        writeln!(out, "{}", words::json_of(record)).map_err(&refuse)
    });
    let settled = written.and_then(|()| {
        let file = out.into_inner().map_err(|error| refuse(error.into_error()))?;
        file.sync_all().and_then(|()| std::fs::rename(&partial, &args.out)).map_err(&refuse)
    });
    if settled.is_err() {
        // Only a leftover, if it cannot be removed.
        let _ = std::fs::remove_file(&partial);
    }
    settled?;
    say(format_args!("{}: {count} records", args.out.display()))
}

fn tables(args: &ExportArgs, suffix: &str) -> Result<(), JournalCommandError> {
    std::fs::create_dir_all(&args.out).map_err(refuse(&args.out))?;
    // Of another export: beside this one it would seem to belong to it.
    let mut old = Kind::ALL.iter().map(|kind| args.out.join(format!("{}.{suffix}", kind.name())));
    if let Some(path) = old.find(|path| path.exists()) {
        return Err(JournalCommandError::Occupied { path });
    }
    let mut tables: BTreeMap<&'static str, Table> = BTreeMap::new();
    let mut strange = 0u64;
    args.selection.each(&args.journal, &mut |record| {
        let Some(kind) = record.kind() else {
            strange += 1;
            return Ok(());
        };
        if !tables.contains_key(kind.name()) {
            let file = args.out.join(format!("{}.{suffix}", kind.name()));
            tables.insert(kind.name(), Table::create(kind, file)?);
        }
        match tables.get_mut(kind.name()) {
            Some(table) => table.push(record),
            None => unreachable!("made just now"),
        }
    })?;
    for table in tables.into_values() {
        let file = table.file.clone();
        let summary = table.writer.finish()?;
        say(format_args!("{}: {} records, {} bytes", file.display(), summary.row_count, summary.file_bytes))?;
    }
    if strange > 0 {
        eprintln!(
            "tickbridge journal: {strange} records are of kinds that this version does not know; JSON lines have them"
        );
    }
    Ok(())
}

/// The columns before the payload.
const HEAD: [(&str, ColumnKind); 7] = [
    ("seq", ColumnKind::Unsigned),
    ("ts", ColumnKind::TimeNs),
    ("origin", ColumnKind::Text),
    ("venue", ColumnKind::Unsigned),
    ("instrument", ColumnKind::Integer),
    ("flags", ColumnKind::Text),
    ("aux", ColumnKind::Unsigned),
];

/// One kind's table.
struct Table {
    file: PathBuf,
    writer: TableWriter,
    kind: Kind,
    /// Whether each payload field has its name beside it.
    is_named: Vec<bool>,
}

impl Table {
    fn create(kind: Kind, file: PathBuf) -> Result<Table, JournalCommandError> {
        let mut columns: Vec<Column> =
            HEAD.iter().map(|(name, kind)| Column { name: (*name).into(), kind: *kind }).collect();
        for field in kind.named_fields() {
            let mut add = |name: &str, kind| {
                // A payload's own field of a header's name keeps its place behind the header.
                let taken = HEAD.iter().any(|(head, _)| *head == name);
                let name = if taken { format!("payload_{name}") } else { name.to_owned() };
                columns.push(Column { name, kind });
            };
            match field.kind {
                "u8" | "u16" | "u32" | "u64" if words::is_digest(field.name) => {
                    add(field.name, ColumnKind::Text);
                }
                "u8" | "u16" | "u32" | "u64" => {
                    add(field.name, ColumnKind::Unsigned);
                    if words::is_code(kind, field.name) {
                        add(&format!("{}_name", field.name), ColumnKind::Text);
                    }
                    if let Some((name, _)) = words::double_of(field.name, 0) {
                        add(name, ColumnKind::Double);
                    }
                }
                "i32" | "i64" => add(field.name, ColumnKind::Integer),
                "f64" => add(field.name, ColumnKind::Double),
                _ => add(field.name, ColumnKind::Text),
            }
        }
        let is_named = kind.named_fields().map(|field| words::is_code(kind, field.name)).collect();
        let metadata = [("tickbridge.kind", kind.name().to_owned())];
        Ok(Table { writer: TableWriter::create(&file, &columns, &metadata)?, file, kind, is_named })
    }

    fn push(&mut self, record: &Record) -> Result<(), JournalCommandError> {
        let Table { writer, kind, is_named, .. } = self;
        writer.unsigned(0, record.seq());
        writer.time(1, record.ts().0);
        writer.text(2, words::origin(record));
        writer.unsigned(3, u64::from(record.venue().0));
        writer.integer(4, words::instrument(record).map(i64::from));
        writer.text(5, &words::flags(record).join("+"));
        writer.unsigned(6, u64::from(record.aux()));
        let mut at = HEAD.len();
        let mut next = || {
            at += 1;
            at - 1
        };
        for ((field, value), is_named) in record.fields().zip(is_named) {
            match value {
                FieldValue::Unsigned(number) if words::is_digest(field.name) => {
                    writer.text(next(), &format!("{number:016x}"));
                }
                FieldValue::Unsigned(number) => {
                    writer.unsigned(next(), number);
                    if *is_named {
                        let name = words::name_of(*kind, field.name, number);
                        writer.text(next(), name.as_deref().unwrap_or(""));
                    }
                    if let Some((_, real)) = words::double_of(field.name, number) {
                        writer.double(next(), Some(real));
                    }
                }
                FieldValue::Signed(number) => writer.integer(next(), words::signed(number)),
                FieldValue::Real(number) => writer.double(next(), Some(number)),
                FieldValue::Bytes(bytes) if words::is_digest(field.name) => {
                    writer.text(next(), &words::digests(bytes).join(" "));
                }
                FieldValue::Bytes(bytes) => match value.text() {
                    Some(text) => writer.text(next(), text),
                    None => writer.text(next(), &words::hexadecimal(bytes)),
                },
            }
        }
        writer.end_row().map_err(JournalCommandError::from)
    }
}
