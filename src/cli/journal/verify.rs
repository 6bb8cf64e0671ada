//! `tickbridge journal verify`: every checksum and number of a journal, and what it holds.
//!
//! What it is not: `tickbridge replay --verify`, which runs the inputs again; a record may be whole and still be wrong.
//!
//! Invariant: exit code 0 means that every record from the first to the last is there and as it was written.

use super::{JournalCommandError, words};
use crate::journal::{JournalError, JournalReader};
use crate::record::{Record, Start};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "\
A half-written end, as a power cut leaves it, is said and is no error, here as in `replay --verify`: the next start cuts it
there. An end that is known to have been whole, because the journal was closed or went on behind it, is damage.
While an appliance runs, its newest records may still be in shared memory only.

Exit codes:
   0  every record is whole and in its place
   2  wrong arguments
  65  there is no journal, it is damaged, or records are missing: standard error says where
  74  it cannot be read";

/// Segments that expire while it reads make it begin again so often.
const TRIES_MAX: usize = 8;

/// Options of `journal verify`.
#[derive(clap::Args, Debug)]
pub struct VerifyArgs {
    /// The journal's folder
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default)]
struct Summary {
    records: u64,
    first_seq: u64,
    last_seq: u64,
    segments: BTreeSet<PathBuf>,
    starts: u64,
    kinds: BTreeMap<&'static str, u64>,
    torn: Option<String>,
}

pub(super) fn run(args: &VerifyArgs) -> Result<(), JournalCommandError> {
    let summary = read(&args.journal)?;
    let mut out = io::stdout().lock();
    let printed = if args.json { summary.write_json(&mut out) } else { summary.write_lines(&mut out) };
    printed.map_err(JournalCommandError::Print)
}

impl Summary {
    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let object = json!({
            "whole": true,
            "records": self.records,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "segments": self.segments.len(),
            "starts": self.starts,
            "kinds": self.kinds,
            "torn": self.torn,
        });
        writeln!(out, "{object}")
    }

    fn write_lines(&self, out: &mut impl Write) -> io::Result<()> {
        let Summary { records, first_seq, last_seq, segments, starts, kinds, torn } = self;
        let segments = segments.len();
        writeln!(
            out,
            "whole: {records} records, {first_seq} to {last_seq}, in {segments} segment(s), of {starts} start(s)"
        )?;
        for (kind, count) in kinds {
            writeln!(out, "  {kind:<18} {count:>12}")?;
        }
        torn.iter().try_for_each(|torn| writeln!(out, "{torn}"))
    }
}

/// Reads it; what expires while it is read is not waited for: it begins again with what is left.
fn read(journal: &Path) -> Result<Summary, JournalError> {
    let mut found = read_once(journal);
    for _ in 0..TRIES_MAX {
        if !matches!(found, Err(JournalError::Expired { .. })) {
            break;
        }
        found = read_once(journal);
    }
    found
}

fn read_once(journal: &Path) -> Result<Summary, JournalError> {
    let mut reader = JournalReader::open(journal)?;
    let mut summary = Summary::default();
    while let Some(next) = reader.next() {
        let record: Record = match next {
            Ok(record) => record,
            Err(torn @ JournalError::Torn { .. }) => {
                summary.torn = Some(torn.to_string());
                break;
            }
            Err(error) => return Err(error),
        };
        if summary.records == 0 {
            summary.first_seq = record.seq();
        }
        (summary.last_seq, summary.records) = (record.seq(), summary.records + 1);
        summary.starts += u64::from(record.payload::<Start>().is_some());
        *summary.kinds.entry(words::kind(&record)).or_default() += 1;
        if let Some((segment, _)) = reader.position()
            && !summary.segments.contains(segment)
        {
            summary.segments.insert(segment.to_path_buf());
        }
    }
    Ok(summary)
}
