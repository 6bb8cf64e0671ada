//! The report of controls at the end of a trading day, made by itself.
//!
//! What it is not: on a hot lane, or asked by one; a thread of its own reads the journal's folder as `report controls` does.
//!
//! Invariant: one report a day, under the day's date; a day that this run did not see beginning has none. What goes wrong is said, and
//! stops nothing.

use super::Appliance;
use crate::config::Config;
use crate::replay::control_report;
use crate::runtime::lane::{pin_current_thread, spawn_thread};
use crate::store::ticks::civil_text;
use crate::types::{NS_PER_S, TimeNs};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

const DAY_NS: i64 = 86_400 * NS_PER_S;
/// The least claim on a core.
const NICE: i32 = 19;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DayReports {
    /// The trading day that the account was last told in.
    day: Option<i64>,
    writer: Option<JoinHandle<String>>,
}

impl DayReports {
    /// The day that ended, if one did since the last look.
    fn ended(&mut self, today: Option<i64>) -> Option<i64> {
        let today = today?;
        let before = self.day.replace(today)?;
        (before < today).then_some(before)
    }
}

/// The name of a day's report.
fn file_name(day: i64) -> String {
    let text = civil_text(TimeNs(day.saturating_mul(DAY_NS)));
    format!("controls-{}.json", text.split(' ').next().unwrap_or("day"))
}

/// Writes the report of a journal under a day's date; its path.
pub fn write_day_report(journal: &Path, dir: &Path, day: i64) -> Result<PathBuf, String> {
    let report = control_report(journal).map_err(|error| error.to_string())?;
    let path = dir.join(file_name(day));
    let write = || {
        std::fs::create_dir_all(dir)?;
        crate::metrics::replace(&path, &format!("{report:#}\n"))
    };
    write().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

impl Appliance {
    /// Has a report made when the trading day ended, where the configuration asks for it; what there is to say of one.
    pub fn report_day(&mut self, config: &Config) -> Option<String> {
        if !config.appliance.day_report {
            return None;
        }
        let today = self.status().and_then(|status| status.trading_day);
        let said = match self.day_reports.writer.take() {
            Some(writer) if writer.is_finished() => {
                Some(writer.join().unwrap_or_else(|_| "the report of the day failed".into()))
            }
            Some(writer) => {
                // One after the other: the day is looked at again when this one is written.
                self.day_reports.writer = Some(writer);
                return None;
            }
            None => None,
        };
        if let Some(day) = self.day_reports.ended(today) {
            let (journal, dir) = (self.journal_dir.clone(), config.appliance.state_dir.join("reports"));
            let core = self.quiet_core;
            let writer = spawn_thread("tb-report", move || {
                if let Some(core) = core {
                    pin_current_thread(core);
                }
                // Of this thread alone; refused, it is as busy as any other.
                let _ = rustix::process::setpriority_process(None, NICE);
                match write_day_report(&journal, &dir, day) {
                    Ok(path) => format!("the report of the day: {}", path.display()),
                    Err(error) => format!("no report of the day: {error}"),
                }
            });
            match writer {
                Ok(writer) => self.day_reports.writer = Some(writer),
                Err(error) => return Some(format!("no report of the day: {error}")),
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_once_and_none_that_was_not_seen_beginning() {
        let mut reports = DayReports::default();
        assert_eq!(reports.ended(None), None);
        assert_eq!(reports.ended(Some(20_000)), None, "the first day there is");
        assert_eq!(reports.ended(Some(20_000)), None);
        assert_eq!(reports.ended(None), None);
        assert_eq!(reports.ended(Some(20_001)), Some(20_000));
        assert_eq!(reports.ended(Some(20_001)), None);
        // Over a weekend the day that ended is the last one that was traded.
        assert_eq!(reports.ended(Some(20_004)), Some(20_001));
        assert_eq!(file_name(20_000), "controls-2024-10-04.json");
    }
}
