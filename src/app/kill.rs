//! The kill switch outside of the engine: its triggers, its latch on the disk, and the flag that the sending lane reads.
//!
//! What it is not: what the engine makes of it, which is journalled when the engine takes the record, however late.
//!
//! Invariant: the flag is set before anything else is tried, and nothing that fails afterwards takes it back. What a trigger says
//! and nobody understands kills everything. The file `kill` and the latches go when an operator arms or activates, and not before.

use super::console::AnswerError;
use super::{Appliance, Arm, ControlError, LATCH};
use crate::config::Config;
use crate::record::{KillSwitch, KillTrigger, Origin, Record};
use crate::runtime::KillFlag;
use crate::types::{FixedText, InstrumentId, Scope, StrategyId, VenueId};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Present in the state folder: kill what it names.
const FILE: &str = "kill";
/// In the state folder: what was killed and not armed again, a line each.
const KILLED: &str = "killed";
/// More of the file than this is not read.
const FILE_BYTES_MAX: usize = 4_096;

/// A kill that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kill {
    /// Of what.
    pub scope: Scope,
    /// Close what is held, too.
    pub flatten: bool,
    /// How it was triggered.
    pub trigger: KillTrigger,
    /// Who.
    pub who: FixedText<32>,
    /// Why.
    pub why: FixedText<48>,
}

/// A scope that the configuration does not have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "scope: expected all, venue=NAME, strategy={strategy} or instrument=NAME with a name of the configuration ({known}), got {got:?}"
)]
pub struct ScopeError {
    strategy: u16,
    known: String,
    got: String,
}

/// The scope that an operator names.
pub fn scope_named(text: &str, config: &Config) -> Result<Scope, ScopeError> {
    let unknown = || {
        let venues = config.venues.iter().map(|venue| format!("venue={}", venue.name));
        let instruments = config.instruments.iter().map(|known| format!("instrument={}", known.name));
        let known = venues.chain(instruments).collect::<Vec<_>>().join(", ");
        ScopeError { strategy: config.appliance.strategy_id, known, got: text.into() }
    };
    let index = |found: Option<usize>| found.map(|index| index as u16).ok_or_else(unknown);
    match text.split_once('=') {
        None if text == "all" => Ok(Scope::All),
        Some(("venue", name)) => {
            Ok(Scope::Venue(VenueId(index(config.venues.iter().position(|venue| venue.name == name))?)))
        }
        Some(("instrument", name)) => {
            let found = config.instruments.iter().position(|instrument| instrument.name == name);
            Ok(Scope::Instrument(InstrumentId(index(found)?)))
        }
        Some(("strategy", number)) if number == config.appliance.strategy_id.to_string() => {
            Ok(Scope::Strategy(StrategyId(config.appliance.strategy_id)))
        }
        _ => Err(unknown()),
    }
}

/// A scope as an operator names it.
fn name_of(scope: Scope, config: &Config) -> String {
    let name = |name: Option<&str>| name.unwrap_or("?").to_owned();
    match scope {
        Scope::All => "all".into(),
        Scope::Strategy(strategy) => format!("strategy={}", strategy.0),
        Scope::Venue(venue) => {
            let found = config.venues.get(usize::from(venue.0));
            format!("venue={}", name(found.map(|venue| venue.name.as_str())))
        }
        Scope::Instrument(instrument) => {
            let found = config.instruments.get(usize::from(instrument.0));
            format!("instrument={}", name(found.map(|instrument| instrument.name.as_str())))
        }
    }
}

/// What a file says: scopes and `flatten`, one after the other; nothing, or anything else, is everything.
fn kills_of(text: &str, trigger: KillTrigger, config: &Config) -> Vec<Kill> {
    let (mut scopes, mut flatten) = (Vec::new(), false);
    let (mut who, mut why) = (None, None);
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("who:") {
            who = FixedText::new(words.trim()).ok();
        } else if let Some(words) = line.strip_prefix("why:") {
            why = FixedText::new(words.trim()).ok();
        } else {
            for word in line.split_whitespace() {
                match word {
                    "flatten" => flatten = true,
                    scope => scopes.push(scope_named(scope, config).unwrap_or(Scope::All)),
                }
            }
        }
    }
    if scopes.is_empty() {
        scopes.push(Scope::All);
    }
    let who = who.or_else(|| FixedText::new("file").ok()).unwrap_or(FixedText::EMPTY);
    let why = why.or_else(|| FixedText::new("the file kill is there").ok()).unwrap_or(FixedText::EMPTY);
    scopes.into_iter().map(|scope| Kill { scope, flatten, trigger, who, why }).collect()
}

/// Files and flag of the switch.
#[derive(Debug)]
pub(super) struct KillDoor {
    pub(super) flag: KillFlag,
    dir: PathBuf,
    /// A line each, as in the file.
    killed: Vec<String>,
    /// The file `kill` as it was at the last look.
    seen: Option<String>,
    /// As it was when it was obeyed.
    obeyed: Option<String>,
}

impl KillDoor {
    /// At a start: with everything killed that an earlier run left killed or that the file names, unless an operator arms it.
    pub(super) fn start(config: &Config, arm: Option<Arm>) -> (KillDoor, Vec<Kill>) {
        let mut door = KillDoor::open(&config.appliance.state_dir);
        let kills = if arm.is_none() { door.at_start(config) } else { Vec::new() };
        (door, kills)
    }

    /// What the start has to say of it.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.killed.iter().map(|line| format!("killed: {line}; start with --arm \"who: why\" to trade"))
    }

    fn open(dir: &Path) -> KillDoor {
        let dir = dir.to_owned();
        KillDoor { flag: KillFlag::default(), dir, killed: Vec::new(), seen: None, obeyed: None }
    }

    /// What is to be killed at the start.
    fn at_start(&mut self, config: &Config) -> Vec<Kill> {
        let mut kills = Vec::new();
        for line in text_of(&self.dir.join(KILLED)).unwrap_or_default().lines() {
            kills.extend(kill_of_line(line, config));
            self.killed.push(line.to_owned());
        }
        if let Some(text) = text_of(&self.dir.join(FILE)) {
            kills.extend(kills_of(&text, KillTrigger::File, config));
            (self.seen, self.obeyed) = (Some(text.clone()), Some(text));
        }
        kills.iter().for_each(|kill| self.flag.kill(kill.scope));
        kills
    }

    /// What the file `kill` asks for, once it stood so at two looks: whoever writes it may be in the middle of it.
    fn look(&mut self, config: &Config) -> Vec<Kill> {
        let text = text_of(&self.dir.join(FILE));
        let is_settled = text.is_some() && text == self.seen && text != self.obeyed;
        self.seen = text;
        if !is_settled {
            return Vec::new();
        }
        self.obeyed = self.seen.clone();
        kills_of(self.seen.as_deref().unwrap_or_default(), KillTrigger::File, config)
    }

    /// Writes a kill down, on the disk.
    fn latch(&mut self, kill: &Kill, config: &Config) -> Result<(), AnswerError> {
        let flatten = if kill.flatten { " flatten" } else { "" };
        let line = format!("{}{flatten} {}: {}", name_of(kill.scope, config), kill.who, kill.why);
        if !self.killed.contains(&line) {
            self.killed.push(line);
            save(&self.dir.join(KILLED), &self.killed.join("\n"))?;
        }
        if kill.scope == Scope::All {
            save(&self.dir.join(LATCH), &format!("killed by {}: {}", kill.who, kill.why))?;
        }
        Ok(())
    }

    /// Takes everything back: the flag, then what is on the disk.
    pub(super) fn rearm(&mut self) -> Result<(), AnswerError> {
        self.flag.rearm();
        for name in [FILE, KILLED, LATCH] {
            remove(&self.dir.join(name))?;
        }
        self.killed.clear();
        (self.seen, self.obeyed) = (None, None);
        Ok(())
    }

    /// Whether there is anything on the disk to arm.
    pub(super) fn has_files(&self) -> bool {
        [FILE, KILLED, LATCH].iter().any(|name| self.dir.join(name).exists())
    }

    /// What is killed, a line each.
    pub(super) fn killed(&self) -> &[String] {
        &self.killed
    }
}

impl Appliance {
    /// Kills: the flag first, then the latch and the engine's record. An error says which of these two is missing.
    pub fn kill(&mut self, kill: &Kill, config: &Config) -> Result<(), AnswerError> {
        self.killed.flag.kill(kill.scope);
        let latched = self.killed.latch(kill, config);
        self.tell_kill(kill)?;
        latched
    }

    /// Tells the engine of what was killed before it was there. The flag holds whether or not its queue has room for all.
    pub(super) fn tell_kills(&self, kills: &[Kill]) {
        for kill in kills {
            let _ = self.tell_kill(kill);
        }
    }

    fn tell_kill(&self, kill: &Kill) -> Result<(), ControlError> {
        let (scope, scope_id) = kill.scope.parts();
        let payload = KillSwitch {
            scope,
            flatten: u8::from(kill.flatten),
            scope_id,
            trigger: kill.trigger as u8,
            reserved: [0; 3],
            who: *kill.who.bytes(),
            why: *kill.why.bytes(),
        };
        let record = Record::new(Origin::Operator, self.now(), VenueId(0), InstrumentId::NONE, &payload);
        self.control.try_push(record).map_err(|_| ControlError::QueueFull)
    }

    /// Looks whether the file `kill` asks for something; says what was done.
    pub fn look_for_kill(&mut self, config: &Config) -> Vec<String> {
        let kills = self.killed.look(config);
        kills.iter().map(|kill| self.kill_aloud(kill, config)).collect()
    }

    /// SIGUSR1 kills everything.
    pub fn kill_by_signal(&mut self, config: &Config) -> String {
        let kill = Kill {
            scope: Scope::All,
            flatten: false,
            trigger: KillTrigger::Signal,
            who: FixedText::new("signal").unwrap_or(FixedText::EMPTY),
            why: FixedText::new("SIGUSR1").unwrap_or(FixedText::EMPTY),
        };
        self.kill_aloud(&kill, config)
    }

    fn kill_aloud(&mut self, kill: &Kill, config: &Config) -> String {
        let words = format!("killed {} by {}: {}", name_of(kill.scope, config), kill.who, kill.why);
        match self.kill(kill, config) {
            Ok(()) => words,
            Err(error) => format!("{words}; nothing opens, but {error}"),
        }
    }
}

/// A line of the latch; one that names what the configuration does not have any more kills everything.
fn kill_of_line(line: &str, config: &Config) -> Option<Kill> {
    let (scope, rest) = line.split_once(' ').unwrap_or((line, ""));
    if scope.is_empty() {
        return None;
    }
    let (flatten, said) = rest.strip_prefix("flatten ").map_or((false, rest), |said| (true, said));
    let (who, why) = said.split_once(": ").unwrap_or((said, ""));
    Some(Kill {
        scope: scope_named(scope, config).unwrap_or(Scope::All),
        flatten,
        trigger: KillTrigger::Latch,
        who: FixedText::new(who).unwrap_or(FixedText::EMPTY),
        why: FixedText::new(why).unwrap_or(FixedText::EMPTY),
    })
}

/// The beginning of a file; what is there and cannot be read counts as empty, and an empty one kills everything.
fn text_of(path: &Path) -> Option<String> {
    match std::fs::read(path) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes[..bytes.len().min(FILE_BYTES_MAX)]).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => Some(String::new()),
    }
}

/// Writes a latch, on the disk before it returns.
fn save(path: &Path, words: &str) -> Result<(), AnswerError> {
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(path)?;
        file.write_all(format!("{words}\n").as_bytes())?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |dir| std::fs::File::open(dir)?.sync_all())
    };
    write().map_err(|error| AnswerError::Latch { path: path.to_owned(), error })
}

fn remove(path: &Path) -> Result<(), AnswerError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(AnswerError::Latch { path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        Config::load(&path).expect("the demo's configuration")
    }

    #[test]
    fn what_a_file_says_is_done_and_what_nobody_understands_kills_everything() {
        let config = config();
        let name = &config.instruments[0].name;
        let scopes = |text: &str| -> Vec<(Scope, bool)> {
            let kills = kills_of(text, KillTrigger::File, &config);
            kills.iter().map(|kill| (kill.scope, kill.flatten)).collect()
        };
        let one = Scope::Instrument(InstrumentId(0));
        assert_eq!(scopes(""), [(Scope::All, false)]);
        assert_eq!(scopes("flatten\n"), [(Scope::All, true)]);
        assert_eq!(scopes(&format!("instrument={name} flatten")), [(one, true)]);
        let venue = format!("venue={}\ninstrument={name}\nwho: anna\nwhy: a test\n", config.venues[0].name);
        assert_eq!(scopes(&venue), [(Scope::Venue(VenueId(0)), false), (one, false)]);
        let kill = kills_of(&venue, KillTrigger::File, &config)[0];
        assert_eq!((kill.who.as_str(), kill.why.as_str()), ("anna", "a test"));
        for unclear in ["instrument=XYZ", "strategy=4095", "please", "instrument="] {
            assert_eq!(scopes(unclear), [(Scope::All, false)], "{unclear:?}");
        }
    }

    #[test]
    fn the_file_is_obeyed_once_it_stands_and_the_latch_outlives_the_door() {
        let (config, dir) = (config(), tempfile::tempdir().unwrap());
        let mut door = KillDoor::open(dir.path());
        assert!(door.at_start(&config).is_empty() && door.look(&config).is_empty());
        let file = dir.path().join(FILE);
        std::fs::write(&file, "").unwrap();
        assert!(door.look(&config).is_empty(), "somebody may still be writing");
        std::fs::write(&file, format!("instrument={} flatten", config.instruments[0].name)).unwrap();
        assert!(door.look(&config).is_empty());
        let kills = door.look(&config);
        assert_eq!(kills.len(), 1);
        assert!(door.look(&config).is_empty(), "once");
        door.latch(&kills[0], &config).unwrap();
        std::fs::remove_file(&file).unwrap();

        let mut door = KillDoor::open(dir.path());
        let again = door.at_start(&config);
        assert_eq!(again, [Kill { trigger: KillTrigger::Latch, ..kills[0] }]);
        assert!(door.flag.is_killed(StrategyId(1), VenueId(0), InstrumentId(0)));
        door.rearm().unwrap();
        assert!(!door.flag.is_killed(StrategyId(1), VenueId(0), InstrumentId(0)) && !door.has_files());
        assert!(KillDoor::open(dir.path()).at_start(&config).is_empty());
    }

    #[test]
    fn a_kill_of_everything_leaves_the_latch_of_a_halt_as_well() {
        let (config, dir) = (config(), tempfile::tempdir().unwrap());
        let mut door = KillDoor::open(dir.path());
        let kill = kills_of("", KillTrigger::File, &config)[0];
        door.latch(&kill, &config).unwrap();
        assert!(std::fs::read_to_string(dir.path().join(LATCH)).unwrap().contains("killed by file: "));
    }
}
