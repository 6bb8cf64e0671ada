//! The report as a table on a terminal.
//!
//! What it is not: a format to parse; `Report::json` is.
//!
//! Invariant: durations have three or more significant digits and a unit.

use std::fmt::Write;

use super::{Json, Percentiles, Report};

/// Nanoseconds for people: `850 ns`, `12.3 µs`, `1.25 ms`, `3.10 s`.
pub fn duration(ns: u64) -> String {
    let (unit_ns, unit) = match ns {
        0..=999 => return format!("{ns} ns"),
        1_000..=999_999 => (1e3, "µs"),
        1_000_000..=999_999_999 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = ns as f64 / unit_ns;
    let decimals = if value < 10.0 { 2 } else { 1 };
    format!("{value:.decimals$} {unit}")
}

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n{}\n\n", report.title, report.fingerprint);
    let width = report.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
    let _ = writeln!(
        text,
        "{:width$} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}  boundary",
        "stage", "count", "p50", "p99", "p99.9", "p99.99", "max"
    );
    for stage in &report.stages {
        let p = Percentiles::of(&stage.histogram);
        let [p50, p99, p999, p9999, max] = [p.p50, p.p99, p.p999, p.p9999, p.max].map(|ns| match p.count {
            0 => "-".to_string(),
            _ => duration(ns),
        });
        let _ = writeln!(
            text,
            "{:width$} {:>10} {p50:>9} {p99:>9} {p999:>9} {p9999:>9} {max:>9}  {}",
            stage.name, p.count, stage.boundary
        );
    }
    if !report.budgets.is_empty() {
        text.push('\n');
    }
    for budget in &report.budgets {
        let word = budget.held.word();
        let verdict = budget.p99_ns.map_or(word.into(), |ns| format!("p99 {}: {word}", duration(ns)));
        let _ = writeln!(
            text,
            "budget {} (p99 of {} < {}): {verdict}",
            budget.name,
            budget.stage,
            duration(budget.target_ns)
        );
    }
    if !report.counts.is_empty() {
        text.push('\n');
    }
    for (name, count) in &report.counts {
        let _ = writeln!(text, "{name} {}", plain(count));
    }
    if let Some(journal) = &report.journal {
        let _ = writeln!(text, "journal {}", journal.display());
    }
    text
}

/// A count for people: text without quotes, an object as `name=count` words, nothing as `-`.
pub(super) fn plain(count: &Json) -> String {
    match count {
        Json::String(text) => text.clone(),
        Json::Null => "-".into(),
        Json::Object(named) if named.is_empty() => "none".into(),
        Json::Object(named) => {
            let words: Vec<String> =
                named.iter().map(|(name, count)| format!("{name}={}", plain(count))).collect();
            words.join(" ")
        }
        Json::Array(list) if list.is_empty() => "none".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, plain};
    use serde_json::json;

    #[test]
    fn counts_read_as_words() {
        let shown = [json!(3), json!("active"), json!({}), json!({ "A": 1, "B": [] }), json!(null)]
            .map(|count| plain(&count));
        assert_eq!(shown, ["3", "active", "none", "A=1 B=none", "-"]);
    }

    #[test]
    fn durations_change_unit_at_a_thousand() {
        let shown = [0, 999, 1_000, 12_345, 1_250_000, 3_100_000_000].map(duration);
        assert_eq!(shown, ["0 ns", "999 ns", "1.00 µs", "12.3 µs", "1.25 ms", "3.10 s"]);
    }
}
