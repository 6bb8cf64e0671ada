//! `tickbridge journal show`: records on standard output, one a line.
//!
//! What it is not: a report; it sums nothing up.
//!
//! Invariant: a line is a record and holds all of it.

use super::selection::Selection;
use super::{JournalCommandError, words};
use crate::record::Record;
use crate::store::ticks::civil_text;
use crate::types::TimeNs;
use serde_json::Value as Json;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Times are UTC nanoseconds, prices ticks, volumes steps, money millionths: see the Spec records for
the sizes. A signed number that is not there is `-` (JSON: null).

Examples:
  tickbridge journal show journal/ --kind Command --kind OrderStateChange --last 20
  tickbridge journal show journal/ --order 576460752303423490
  tickbridge journal show journal/ --kind Tick --json | jq .payload.bid

Exit codes:
   0  done
   2  wrong arguments
  65  there is no journal, or it is damaged: what stands before is printed, standard error says where
  74  it cannot be read";

/// Options of `journal show`.
#[derive(clap::Args, Debug)]
pub struct ShowArgs {
    /// The journal's folder
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ShowArgs) -> Result<(), JournalCommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let shown = args.selection.each(&args.journal, &mut |record| {
        let line = if args.json { words::json_of(record).to_string() } else { line(record) };
        writeln!(out, "{line}").map_err(JournalCommandError::Print)
    });
    out.flush().map_err(JournalCommandError::Print)?;
    shown
}

/// `seq time kind origin venue/instrument name=value ..`
fn line(record: &Record) -> String {
    let mut text = format!(
        "{} {} {} {} {}/{}",
        record.seq(),
        time(record.ts()),
        words::kind(record),
        words::origin(record),
        record.venue().0,
        words::instrument(record).map_or_else(|| "-".into(), |instrument| instrument.to_string()),
    );
    for flag in words::flags(record) {
        text.push_str(" +");
        text.push_str(flag);
    }
    if record.aux() != 0 {
        text.push_str(&format!(" aux={}", record.aux()));
    }
    let payload = words::payload(record);
    let in_order = record.fields().map(|(field, _)| field.name);
    for name in in_order {
        // The name of a code, or the double of its bits, says it better than the number.
        let better = payload.get(&format!("{name}_name"));
        let bits =
            name.strip_suffix("_bits").and_then(|short| payload.get(short).map(|value| (short, value)));
        let (name, value) = match (better, bits) {
            (Some(value), _) => (name, value),
            (None, Some((short, value))) => (short, value),
            (None, None) => (name, &payload[name]),
        };
        text.push_str(&format!(" {name}={}", plain(value)));
    }
    if record.kind().is_none() {
        text.push_str(&format!(" version={} bytes={}", record.version(), words::hexadecimal(record.bytes())));
    }
    text
}

/// UTC to the nanosecond.
fn time(ts: TimeNs) -> String {
    format!("{}{:06}Z", civil_text(ts).replace(' ', "T"), ts.0.rem_euclid(1_000_000))
}

fn plain(value: &Json) -> String {
    match value {
        Json::Null => "-".into(),
        Json::String(text) if text.is_empty() => "\"\"".into(),
        Json::String(text) if !text.contains([' ', '"', '=', '\\']) && !text.contains(char::is_control) => {
            text.clone()
        }
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
