//! The kill switch outside of the engine: its triggers, what they say, and how the engine hears of them.
//!
//! What it is not: its files and its flag, which `door` keeps; nor what the engine makes of it, which is journalled when the
//! engine takes the record, however late.
//!
//! Invariant: the flag is set before anything else is tried, and nothing that fails afterwards takes it back. What a trigger says
//! and nobody understands kills everything. A record that the engine's queue has no room for waits and is tried again, until it
//! is told; no operator's word goes before it.

mod disk;
mod door;
mod rearm;

pub(super) use disk::add_words;
pub(super) use door::KillDoor;

use super::console::AnswerError;
use super::{Appliance, ControlError};
use crate::config::Config;
use crate::record::{KillSwitch, KillTrigger, Origin, Record};
use crate::types::{FixedText, InstrumentId, Scope, StrategyId, TimeNs, VenueId};

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

/// A line of the latch; one that names what the configuration does not have any more kills everything.
fn kill_of_line(line: &str, config: &Config) -> Option<Kill> {
    let line = line.trim();
    let (scope, rest) = line.split_once(' ').unwrap_or((line, ""));
    if scope.is_empty() {
        return None;
    }
    let (flatten, said) = match rest.strip_prefix("flatten") {
        Some(said) if said.is_empty() || said.starts_with(' ') => (true, said.trim_start()),
        _ => (false, rest),
    };
    let (who, why) = said.split_once(": ").unwrap_or((said, ""));
    Some(Kill {
        scope: scope_named(scope, config).unwrap_or(Scope::All),
        flatten,
        trigger: KillTrigger::Latch,
        who: FixedText::new(who).unwrap_or(FixedText::EMPTY),
        why: FixedText::new(why).unwrap_or(FixedText::EMPTY),
    })
}

/// A kill as a line of the latch.
fn line_of(kill: &Kill, config: &Config) -> String {
    let flatten = if kill.flatten { " flatten" } else { "" };
    format!("{}{flatten} {}: {}", name_of(kill.scope, config), kill.who, kill.why)
}

/// What is said of a kill.
fn aloud(kill: &Kill, config: &Config, done: Result<(), AnswerError>) -> String {
    let words = format!("killed {} by {}: {}", name_of(kill.scope, config), kill.who, kill.why);
    match done {
        Ok(()) => words,
        Err(error) => format!("{words}; nothing opens, but {error}"),
    }
}

fn record_of(kill: &Kill, now: TimeNs) -> Record {
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
    Record::new(Origin::Operator, now, VenueId(0), InstrumentId::NONE, &payload)
}

impl Appliance {
    /// Kills: the flag first, then the latch and the engine's record. An error says which of these two is missing; the record is
    /// tried again at each look.
    pub fn kill(&mut self, kill: &Kill, config: &Config) -> Result<(), AnswerError> {
        self.killed.hold(kill);
        let latched = self.killed.latch(kill, config);
        self.tell_kills().map_err(|_| AnswerError::KillWaits)?;
        latched
    }

    /// Tells the engine of what it was not told yet. The flag holds whether or not its queue has room for all.
    pub(super) fn tell_kills(&mut self) -> Result<(), ControlError> {
        let (control, clock) = (&self.control, &self.clock);
        self.killed
            .tell(|kill| control.try_push(record_of(kill, clock.now())).map_err(|_| ControlError::QueueFull))
    }

    /// Whether an operator may arm: what was killed is journalled before, and no file asks for what was not done.
    pub(super) fn check_kills_done(&mut self) -> Result<(), AnswerError> {
        self.tell_kills()?;
        self.killed.check_obeyed()
    }

    /// Tells the engine what it could not be told before, then looks whether the file `kill` asks for something; says what was
    /// done.
    pub fn look_for_kill(&mut self, config: &Config) -> Vec<String> {
        let mut words = Vec::new();
        if self.killed.has_untold() && self.tell_kills().is_ok() {
            words.push("the engine has been told of every kill that waited for room in its queue".into());
        }
        let kills = self.killed.look(config);
        words.extend(kills.iter().map(|kill| self.kill_aloud(kill, config)));
        words
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
        let done = self.kill(kill, config);
        aloud(kill, config, done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

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
}
