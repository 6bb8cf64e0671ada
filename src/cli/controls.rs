//! `tickbridge report controls JOURNAL`: each control with its limit and its last trip, and the day's reconciliation.
//!
//! What it is not: the report of latencies.
//!
//! Invariant: exit code 0 means that the report was made, whatever it says; a position that differs from the venue's is 1.

use super::check::EXIT_DATA;
use crate::replay::control_report;
use serde_json::Value as Json;
use std::path::Path;
use std::process::ExitCode;

/// Our positions and the venue's differ at the journal's end.
const EXIT_DIFFERENT: u8 = 1;

/// Prints it, as JSON or as text.
pub(super) fn run(journal: &Path, is_json: bool) -> ExitCode {
    let report = match control_report(journal) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("tickbridge report controls: {error}");
            return ExitCode::from(EXIT_DATA);
        }
    };
    if is_json {
        println!("{report:#}");
    } else {
        print!("{}", text(&report));
    }
    match report["reconciliation"]["differences"].as_u64() {
        Some(0) => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_DIFFERENT),
    }
}

fn text(report: &Json) -> String {
    let mut text = format!("journal {}: {} records\n\n", shown(&report["journal"]), report["records"]);
    for control in report["controls"].as_array().into_iter().flatten() {
        text += &format!("{:>3}  {}\n", control["number"], shown(&control["control"]));
        for (key, limit) in control["limits"].as_object().into_iter().flatten() {
            let (configured, effective) = (&limit["configured"], &limit["effective"]);
            let by_word = if configured == effective || configured.as_f64() == effective.as_f64() {
                String::new()
            } else {
                format!(" (configured {configured})")
            };
            text += &format!("     {key} = {effective}{by_word}\n");
        }
        let last = match &control["last_trip"] {
            Json::Null => String::new(),
            last => format!(", last {} at record {}", shown(&last["reason"]), last["record"]),
        };
        text += &format!("     trips {}{last}\n", control["trips"]);
    }
    let day = &report["reconciliation"];
    text += &format!(
        "\norders {} ({} reductions), open {}, in doubt {}\ndeals {}, ours {}, of others {}\nrealised {}\n",
        day["orders"],
        day["reductions"],
        day["orders_open"],
        day["orders_in_doubt"],
        day["deals"],
        day["deals_ours"],
        day["deals_of_others"],
        day["profit_realised"]
    );
    for row in day["positions"].as_array().into_iter().flatten() {
        let venue = match &row["venue_steps"] {
            Json::Null => "not told".into(),
            steps => format!("{steps}, difference {}", row["difference_steps"]),
        };
        text += &format!(
            "{}: ours {} steps, others {}, venue {venue}\n",
            shown(&row["instrument"]),
            row["ours_steps"],
            row["others_steps"]
        );
    }
    text
}

fn shown(value: &Json) -> &str {
    value.as_str().unwrap_or("-")
}
