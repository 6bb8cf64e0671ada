//! What the control lane publishes: a counter snapshot, interval histogram files, and the status line.
//!
//! What it is not: it owns no task, clock or socket; the control lane calls it and hands in the time.
//!
//! Invariant: a snapshot file is replaced as a whole, so a reader never sees half of one.

mod interval;
mod status;

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

pub use interval::IntervalWriter;
pub use status::Status;

/// How the names of numbers end that are a state, and may fall.
const GAUGE_ENDS: [&str; 4] = ["_high_water", "_seq", ".revision", "_index_e3"];

/// Counters and gauges in Prometheus text exposition format 0.0.4. Names outside `[a-zA-Z0-9_]` get `_`.
pub fn prometheus(counters: &[(&str, u64)]) -> String {
    let mut text = String::new();
    for (name, value) in counters {
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let (end, kind) = match GAUGE_ENDS.iter().any(|end| name.ends_with(end)) {
            true => ("", "gauge"),
            false => ("_total", "counter"),
        };
        let _ = writeln!(text, "# TYPE tickbridge_{safe}{end} {kind}\ntickbridge_{safe}{end} {value}");
    }
    text
}

/// The same counters as a JSON object.
pub fn json(counters: &[(&str, u64)]) -> String {
    let object = counters.iter().map(|(name, value)| (name.to_string(), serde_json::Value::from(*value)));
    serde_json::Value::Object(object.collect()).to_string()
}

/// Replaces a snapshot file: written beside it, then renamed.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut beside = file.as_os_str().to_os_string();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_exposed_and_files_replaced() {
        let text = prometheus(&[("journal.journal_seq", 7)]);
        assert_eq!(text, "# TYPE tickbridge_journal_journal_seq gauge\ntickbridge_journal_journal_seq 7\n");
        let counters = [("ticks", 3), ("rejects.stale", 1)];
        let text = prometheus(&counters);
        assert!(
            text.ends_with(
                "# TYPE tickbridge_rejects_stale_total counter\ntickbridge_rejects_stale_total 1\n"
            )
        );
        assert_eq!(json(&counters), "{\"rejects.stale\":1,\"ticks\":3}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metrics.prom");
        replace(&file, "old").unwrap();
        replace(&file, &text).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
