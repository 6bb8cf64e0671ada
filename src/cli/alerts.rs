//! Alerts on their way out of the appliance: a line of JSON each in a file, and a command that gets the line.
//!
//! What it is not: on a hot lane; these are copies, and the journal has the originals.
//!
//! Invariant: nothing waits for the command, which is ended when it takes too long; how late an alert was written is measured
//! from its record's stamp, and one beyond its budget is counted and said.

use super::journal::json_of;
use crate::agents::AlertTail;
use crate::config;
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Commands at one time.
const COMMANDS_MAX: usize = 8;
/// A command that runs for longer is ended.
const COMMAND_NS_MAX: i64 = 30 * NS_PER_S;

/// See the module.
pub(super) struct Alerts {
    path: Option<PathBuf>,
    file: Option<File>,
    command: Vec<String>,
    budget_ns: i64,
    seen: u64,
    late_count: u64,
    latest_ns: i64,
    children: Vec<(Child, TimeNs)>,
}

impl Alerts {
    /// As `[alerts]` says.
    pub(super) fn new(config: &config::Alerts) -> Self {
        let command = config.command.as_deref().unwrap_or_default();
        Alerts {
            path: config.file.clone(),
            file: None,
            command: command.split_whitespace().map(str::to_owned).collect(),
            budget_ns: config.budget_ms as i64 * NS_PER_MS,
            seen: 0,
            late_count: 0,
            latest_ns: 0,
            children: Vec::new(),
        }
    }

    /// Passes on what is new; what there is to say about it.
    pub(super) fn tell(&mut self, tail: &AlertTail, now: impl Fn() -> TimeNs) -> Vec<String> {
        self.reap(now());
        let (missed, new) = tail.after(self.seen);
        let mut words = Vec::new();
        if missed > 0 {
            words.push(format!("alerts: {missed} came too fast to be passed on; the journal has them"));
        }
        for record in new {
            let line = json_of(record).to_string();
            words.extend(self.write(&line));
            words.extend(self.run(&line, now()));
            let took_ns = now().since(record.ts());
            self.latest_ns = self.latest_ns.max(took_ns);
            if took_ns > self.budget_ns {
                self.late_count += 1;
                words.push(format!(
                    "alerts: record {} was passed on after {} ms, budget {} ms",
                    record.seq(),
                    took_ns / NS_PER_MS,
                    self.budget_ns / NS_PER_MS
                ));
            }
        }
        self.seen = tail.count();
        words
    }

    /// What the end of a run says: how many, how late at most, how many beyond the budget.
    pub(super) fn summary(&self) -> Option<String> {
        let is_on = self.path.is_some() || !self.command.is_empty();
        (is_on && self.seen > 0).then(|| {
            let (seen, latest_ms) = (self.seen, self.latest_ns / NS_PER_MS);
            format!(
                "alerts: {seen}, the latest passed on after {latest_ms} ms, {} beyond the budget",
                self.late_count
            )
        })
    }

    fn write(&mut self, line: &str) -> Option<String> {
        let path = self.path.as_ref()?;
        let open = || File::options().create(true).append(true).open(path);
        let file = match self.file.take().map_or_else(open, Ok) {
            Ok(mut file) => {
                file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.flush()).map(|()| file)
            }
            Err(error) => Err(error),
        };
        match file {
            Ok(file) => {
                self.file = Some(file);
                None
            }
            Err(error) => Some(format!("{}: {error}: an alert is in the journal alone", path.display())),
        }
    }

    fn run(&mut self, line: &str, now: TimeNs) -> Option<String> {
        let (program, args) = self.command.split_first()?;
        if self.children.len() >= COMMANDS_MAX {
            return Some(format!("alerts.command: {COMMANDS_MAX} run already, this one is not started"));
        }
        let started = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        match started {
            Ok(mut child) => {
                if let Some(mut input) = child.stdin.take() {
                    // A command that does not listen is its own affair; a line fits into the pipe.
                    let _ = input.write_all(format!("{line}\n").as_bytes());
                }
                self.children.push((child, now));
                None
            }
            Err(error) => Some(format!("alerts.command: {program}: {error}")),
        }
    }

    /// Forgets commands that ended, and ends those that take too long.
    fn reap(&mut self, now: TimeNs) {
        self.children.retain_mut(|(child, since)| {
            if now.since(*since) > COMMAND_NS_MAX {
                // It may have ended in this moment.
                let _ = child.kill();
            }
            !matches!(child.try_wait(), Ok(Some(_)) | Err(_))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Alert, Origin, Record};
    use crate::types::{InstrumentId, VenueId};

    fn tail(stamps: &[i64]) -> AlertTail {
        let mut tail = AlertTail::default();
        for (subject, ts) in stamps.iter().enumerate() {
            let alert = Alert { code: 60, reserved: 0, subject: subject as u64, ours: 0, theirs: 0 };
            tail.note(&Record::new(Origin::Engine, TimeNs(*ts), VenueId(0), InstrumentId::NONE, &alert));
        }
        tail
    }

    #[test]
    fn each_alert_is_a_line_and_a_late_one_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let (file, copy) = (dir.path().join("alerts.jsonl"), dir.path().join("copy"));
        let command = Some(format!("tee -a {}", copy.display()));
        let mut alerts = Alerts::new(&config::Alerts { file: Some(file.clone()), command, budget_ms: 5_000 });
        let now = || TimeNs(10 * NS_PER_S);
        let words = alerts.tell(&tail(&[5 * NS_PER_S, 10 * NS_PER_S]), now);
        assert!(words.is_empty(), "{words:?}");
        let words = alerts.tell(&tail(&[5 * NS_PER_S, 10 * NS_PER_S, 4 * NS_PER_S]), now);
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(words[0].contains("after 6000 ms, budget 5000 ms"));
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            (&lines[0]["kind"], &lines[0]["payload"]["code_name"]),
            (&"Alert".into(), &"Killed".into())
        );
        for (child, _) in &mut alerts.children {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(std::fs::read_to_string(&copy).unwrap().lines().count(), 3);
        assert!(
            alerts.summary().unwrap().contains("alerts: 3, the latest passed on after 6000 ms, 1 beyond")
        );
    }

    #[test]
    fn what_cannot_be_written_or_started_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let command = Some(dir.path().join("nothing").display().to_string());
        let mut alerts =
            Alerts::new(&config::Alerts { file: Some(dir.path().into()), command, budget_ms: 5_000 });
        let words = alerts.tell(&tail(&[1]), || TimeNs(2));
        assert!(
            words[0].contains("in the journal alone") && words[1].contains("alerts.command: "),
            "{words:?}"
        );
    }
}
