//! The built program under test: a folder with a configuration, processes that are ended with the test, and waiting for
//! conditions.
//!
//! What it is not: a test; and it measures no time.
//!
//! Invariant: nothing here waits for a duration to pass: [`until`] waits for a condition, and its bound is reached by a failure only.
#![allow(dead_code, unreachable_pub, reason = "a part of several test programs; each uses its own share")]

pub mod console;

use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use tickbridge::journal::JournalReader;
use tickbridge::record::{Kind, Record};
use tickbridge::runtime::idle::sleep_ns;

/// Turns of [`until`], 20 ms each: two minutes, which only a failure reaches.
const TURNS_MAX: u32 = 6_000;

/// Waits until `look` finds something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..TURNS_MAX {
        if let Some(found) = look() {
            return found;
        }
        sleep_ns(20_000_000);
    }
    panic!("never happened: {what}");
}

/// Two ports that nobody listens on, below those that the system hands out by itself.
pub fn free_ports() -> [u16; 2] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let mut found = Vec::new();
    while found.len() < 2 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + ((std::process::id() * 61) as u16).wrapping_add(step * 7) % 20_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            found.push(port);
        }
    }
    [found[0], found[1]]
}

/// A process that does not outlive the test.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(command: &mut Command, log: PathBuf) -> Process {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Process { child: command.spawn().unwrap(), log }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Any signal, by its name with a dash.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        until("the process ends", || self.child.try_wait().unwrap())
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Everything that it wrote so far.
    pub fn words(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its last status line's number after a word.
    pub fn status(&self, word: &str) -> Option<f64> {
        let words = self.words();
        let line =
            words.lines().rev().find(|line| line.starts_with("ticks ") && line.contains("decisions"))?;
        let mut parts = line.split_whitespace();
        parts.find(|part| *part == word)?;
        parts.next()?.parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let words = self.words();
            let from = words.len().saturating_sub(3_000);
            let from = (from..words.len()).find(|&at| words.is_char_boundary(at)).unwrap_or(0);
            eprintln!("--- the end of {}:\n{}", self.log.display(), &words[from..]);
        }
    }
}

/// The program, run to its end.
pub fn tickbridge(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickbridge")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Standard error of a finished program.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file as JSON, if it is there.
pub fn json(path: &Path) -> Option<Json> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// A folder with the demo's configuration, its journal, and both ends' files.
pub struct Place {
    root: tempfile::TempDir,
    /// Market and trade.
    pub ports: [u16; 2],
    starts: std::cell::Cell<u32>,
}

impl Place {
    /// The bundled configuration on ports of its own.
    pub fn new() -> Place {
        let place = Place { root: tempfile::tempdir().unwrap(), ports: free_ports(), starts: 0.into() };
        for folder in ["models", "memory", "report"] {
            std::fs::create_dir_all(place.path(folder)).unwrap();
        }
        for (from, to) in [
            ("instruments.toml", "instruments.toml"),
            ("limits.toml", "limits.toml"),
            ("models/demo.json", "models/demo.json"),
        ] {
            std::fs::copy(bundled(from), place.path(to)).unwrap();
        }
        place.configure(&[]);
        place
    }

    /// Writes the configuration with some text replaced; each piece must be there.
    pub fn configure(&self, changes: &[(&str, &str)]) {
        let [market, trade] = self.ports;
        let journal =
            "dir = \"journal\"\nmemory_dir = \"memory\"\nmemory_mib = 8\nsegment_mib = 8\nsync_every_ms = 5";
        let link =
            format!("interval_s = 1\n[link]\nmarket = \"127.0.0.1:{market}\"\ntrade = \"127.0.0.1:{trade}\"");
        let own = [
            ("\"../target/demo/state\"", "\"state\""),
            ("dir = \"../target/demo/journal\"", journal),
            ("\"../target/demo/report\"", "\"report\""),
            ("interval_s = 5", link.as_str()),
        ];
        let mut text = std::fs::read_to_string(bundled("demo.toml")).unwrap();
        for (from, to) in own.iter().chain(changes) {
            assert!(text.contains(from), "the bundled configuration has no {from}");
            text = text.replace(from, to);
        }
        text.push_str("[status]\ninterval_ms = 50\n");
        std::fs::write(self.config(), text).unwrap();
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The main configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("tickbridge.toml")
    }

    /// The final report of the last appliance.
    pub fn report(&self) -> PathBuf {
        self.path("out.json")
    }

    /// Starts the appliance and waits until it listens.
    pub fn appliance(&self, args: &[&str]) -> Process {
        let mut process = self.appliance_unwaited(args);
        until("the appliance listens", || {
            assert!(process.runs(), "the appliance ended at its start:\n{}", process.words());
            process.words().contains("listening: ").then_some(())
        });
        process
    }

    /// Starts the appliance.
    pub fn appliance_unwaited(&self, args: &[&str]) -> Process {
        self.starts.set(self.starts.get() + 1);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickbridge"));
        command.arg("run").arg("--config").arg(self.config()).arg("--json").arg(self.report()).args(args);
        Process::start(&mut command, self.path(&format!("appliance-{}.log", self.starts.get())))
    }

    /// Starts a simulated terminal whose truth goes to `terminal.json`.
    pub fn terminal(&self, args: &[&str]) -> Process {
        self.terminal_of("5000001", args)
    }

    /// The same for another account.
    pub fn terminal_of(&self, login: &str, args: &[&str]) -> Process {
        let [market, trade] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickbridge"));
        command
            .args(["sim", "terminal", "--login", login, "--server", "Tickbridge-Demo"])
            .args(["--connect", &market, "--connect-trade", &trade, "--json"])
            .arg(self.path("terminal.json"))
            .arg("--executed-ids")
            .arg(self.path("executed-ids"))
            .args(args);
        if !args.contains(&"--ticks-per-second") {
            command.args(["--ticks-per-second", "500"]);
        }
        Process::start(&mut command, self.path("terminal.log"))
    }

    /// What the terminal knows of itself.
    pub fn truth(&self) -> Json {
        until("the terminal writes its truth", || json(&self.path("terminal.json")))
    }

    /// Net position at the terminal, steps.
    pub fn terminal_position(&self) -> i64 {
        position_of(&self.truth())
    }

    /// The journal's good records so far.
    pub fn records(&self) -> Vec<Record> {
        records(&self.path("journal"))
    }

    /// `replay --verify`.
    pub fn verify(&self) -> Output {
        tickbridge(&["replay", self.path("journal").to_str().unwrap(), "--verify", "--json"])
    }

    /// A counter that the appliance publishes once a second.
    pub fn counter(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(self.path("report/metrics.json")).unwrap_or_default();
        let metrics: Json = serde_json::from_str(&text).unwrap_or_default();
        find_number(&metrics, name).unwrap_or(0)
    }
}

fn find_number(metrics: &Json, name: &str) -> Option<u64> {
    match metrics {
        Json::Object(fields) => fields
            .iter()
            .find_map(|(key, value)| if key == name { value.as_u64() } else { find_number(value, name) }),
        _ => None,
    }
}

/// Net position in a terminal's truth, steps.
pub fn position_of(truth: &Json) -> i64 {
    truth["positions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|position| position["volume_steps"].as_i64().unwrap())
        .sum()
}

/// A journal's good records; a half-written end is no matter.
pub fn records(journal: &Path) -> Vec<Record> {
    JournalReader::open(journal).map(|reader| reader.map_while(Result::ok).collect()).unwrap_or_default()
}

/// How many records are of a kind.
pub fn count(records: &[Record], kind: Kind) -> usize {
    records.iter().filter(|record| record.kind() == Some(kind)).count()
}

/// Ticket numbers of all deals in a journal: each once, however often it was told.
pub fn deals(records: &[Record]) -> BTreeSet<u64> {
    let deal = |record: &Record| record.payload::<tickbridge::record::DealEvent>();
    records.iter().filter_map(deal).filter(|deal| deal.deal_type <= 1).map(|deal| deal.deal).collect()
}

/// A file of the bundled configuration.
pub fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// Real ticks; they are not part of the repository.
pub fn data(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    assert!(path.exists(), "expected test data at {}", path.display());
    path
}
