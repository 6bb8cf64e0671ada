//! Alerts on their way out of the appliance: a line of JSON each in a file, and a command that gets the line.
//!
//! What it is not: on a hot lane, or on the control floor's thread; these are copies, and the journal has the originals.
//!
//! Invariant: nothing but this thread waits for the file or the command, which is ended when it takes too long: behind a disk that
//! hangs or a pipe that nobody reads, alerts wait in a bounded ring, and what finds no room there is counted. How late an alert was
//! written is measured from its record's stamp, and one beyond its budget is counted and said.

use super::journal::json_of;
use crate::config;
use crate::record::Record;
use crate::runtime::clock::Clock;
use crate::runtime::idle::sleep_ns;
use crate::runtime::lane::{pin_current_thread, spawn_thread};
use crate::runtime::ring::Consumer;
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Commands at one time.
const COMMANDS_MAX: usize = 8;
/// A command that runs for longer is ended.
const COMMAND_NS_MAX: i64 = 30 * NS_PER_S;
/// The ring is looked at so often.
const LOOK: Duration = Duration::from_millis(20);
/// An end waits for the last ones for so long.
const LAST_NS_MAX: i64 = 2 * NS_PER_S;

/// The thread that passes alerts on.
pub(super) struct Alerts {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Option<String>>,
}

impl Alerts {
    /// Starts it, as `[alerts]` says; on a core that no hot lane has, if one is named.
    pub(super) fn start(
        config: &config::Alerts,
        mut from: Consumer<Record>,
        clock: Clock,
        core: Option<usize>,
    ) -> std::io::Result<Alerts> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, mut passing) = (stop.clone(), Passing::new(config));
        let thread = spawn_thread("tb-alerts", move || {
            core.map(pin_current_thread);
            loop {
                // Looked at first: what came before the end was asked for is passed on.
                let ends = stopped.load(Ordering::Acquire);
                while let Some(record) = from.pop() {
                    passing
                        .pass(&record, || clock.now())
                        .iter()
                        .for_each(|words| super::run::say_aside(words));
                }
                passing.reap(clock.now());
                if ends {
                    return passing.summary();
                }
                std::thread::park_timeout(LOOK);
            }
        })?;
        Ok(Alerts { stop, thread })
    }

    /// Ends it, once the last ones are passed on; what there is to say. One that hangs is not waited for.
    pub(super) fn finish(self, clock: &Clock) -> Option<String> {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let until = clock.now().plus_ns(LAST_NS_MAX);
        while !self.thread.is_finished() {
            if clock.now() > until {
                return Some(
                    "alerts: the file or the command hangs; what was not passed on is in the journal".into(),
                );
            }
            sleep_ns(5 * NS_PER_MS as u64);
        }
        self.thread.join().unwrap_or_else(|_| Some("alerts: the thread failed; the journal has them".into()))
    }
}

/// What that thread does with each.
struct Passing {
    path: Option<PathBuf>,
    file: Option<File>,
    command: Vec<String>,
    budget_ns: i64,
    seen: u64,
    late_count: u64,
    latest_ns: i64,
    children: Vec<(Child, TimeNs)>,
}

impl Passing {
    fn new(config: &config::Alerts) -> Self {
        let command = config.command.as_deref().unwrap_or_default();
        Passing {
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

    /// Passes one on; what there is to say about it.
    fn pass(&mut self, record: &Record, now: impl Fn() -> TimeNs) -> Vec<String> {
        self.reap(now());
        let mut words = Vec::new();
        let line = json_of(record).to_string();
        words.extend(self.write(&line));
        words.extend(self.run(&line, now()));
        let took_ns = now().since(record.ts());
        self.seen += 1;
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
        words
    }

    /// What the end of a run says: how many, how late at most, how many beyond the budget.
    fn summary(&self) -> Option<String> {
        (self.seen > 0).then(|| {
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
    use crate::record::{Alert, Origin};
    use crate::runtime::ring::ring;
    use crate::types::{InstrumentId, VenueId};

    fn alert(subject: u64, ts: i64) -> Record {
        let alert = Alert { code: 60, reserved: 0, subject, ours: 0, theirs: 0 };
        Record::new(Origin::Engine, TimeNs(ts), VenueId(0), InstrumentId::NONE, &alert)
    }

    #[test]
    fn each_alert_is_a_line_and_a_late_one_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let (file, copy) = (dir.path().join("alerts.jsonl"), dir.path().join("copy"));
        let command = Some(format!("tee -a {}", copy.display()));
        let mut passing =
            Passing::new(&config::Alerts { file: Some(file.clone()), command, budget_ms: 5_000 });
        let now = || TimeNs(10 * NS_PER_S);
        for ts in [5 * NS_PER_S, 10 * NS_PER_S] {
            let words = passing.pass(&alert(1, ts), now);
            assert!(words.is_empty(), "{words:?}");
        }
        let words = passing.pass(&alert(2, 4 * NS_PER_S), now);
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
        for (child, _) in &mut passing.children {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(std::fs::read_to_string(&copy).unwrap().lines().count(), 3);
        assert!(
            passing.summary().unwrap().contains("alerts: 3, the latest passed on after 6000 ms, 1 beyond")
        );
    }

    #[test]
    fn what_cannot_be_written_or_started_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let command = Some(dir.path().join("nothing").display().to_string());
        let mut passing =
            Passing::new(&config::Alerts { file: Some(dir.path().into()), command, budget_ms: 5_000 });
        let words = passing.pass(&alert(0, 1), || TimeNs(2));
        assert!(
            words[0].contains("in the journal alone") && words[1].contains("alerts.command: "),
            "{words:?}"
        );
    }

    #[test]
    fn many_at_once_are_all_passed_on_and_a_pipe_that_nobody_reads_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let (file, pipe) = (dir.path().join("alerts.jsonl"), dir.path().join("pipe"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let clock = Clock::system();
        for (path, words) in
            [(file.clone(), "alerts: 200, "), (pipe, "alerts: the file or the command hangs")]
        {
            let (mut to, from) = ring(256);
            let config = config::Alerts { file: Some(path), command: None, budget_ms: 5_000 };
            let alerts = Alerts::start(&config, from, clock.clone(), None).unwrap();
            for subject in 0..200 {
                to.try_push(alert(subject, clock.now().0)).unwrap();
            }
            let said = alerts.finish(&clock).unwrap();
            assert!(said.starts_with(words), "{said}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 200);
    }
}
