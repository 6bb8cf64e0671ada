//! What the kill switch keeps: the flag that the sending lane reads, the latch on the disk, the file that an operator writes, and
//! the kills that the engine was not told of yet.
//!
//! What it is not: what a trigger says, nor the engine's record; `kill` makes these.
//!
//! Invariant: the file `kill` and the latches go when an operator arms or activates, and not before; a file that was not obeyed
//! is never removed. Where one scope ends its line goes from the latch, and the file `kill` goes if it named that scope: what
//! else it named stands in the latch, on the disk, by then. A latch that is there and says nothing kills everything.

use super::disk::{add_words, is_there, remove, save, text_of};
use super::{Kill, aloud, kill_of_line, kills_of, line_of};
use crate::app::{AnswerError, Arm, ControlError, LATCH};
use crate::config::Config;
use crate::record::KillTrigger;
use crate::runtime::KillFlag;
use crate::types::Scope;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Present in the state folder: kill what it names.
const FILE: &str = "kill";
/// In the state folder: what was killed and not armed again, a line for each scope.
const KILLED: &str = "killed";
/// A `kill` with more than this is not understood.
const FILE_BYTES_MAX: u64 = 4_096;
/// More than a line for every scope that a configuration can have.
const KILLED_BYTES_MAX: u64 = 1 << 20;
/// A file that is rewritten all the time is obeyed at this look.
const LOOKS_MAX: u32 = 3;
/// What a latch that says nothing says.
const UNREADABLE: &str = "all latch: the file killed is empty or unreadable";

/// Files and flag of the switch.
#[derive(Debug)]
pub(in crate::app) struct KillDoor {
    pub(in crate::app) flag: KillFlag,
    dir: PathBuf,
    /// A line for each scope, as in the file.
    killed: Vec<String>,
    /// The file `killed` has these lines.
    is_saved: bool,
    /// Kills that wait for room in the engine's queue.
    untold: VecDeque<Kill>,
    /// What the start did because of the file `kill`.
    said: Vec<String>,
    /// The file `kill` as it was at the last look.
    seen: Option<String>,
    /// Looks that found it not obeyed.
    looks: u32,
    /// As it was when it was obeyed.
    obeyed: Option<String>,
}

impl KillDoor {
    /// At a start: with everything killed that an earlier run left killed or that the file names, unless an operator arms it.
    pub(in crate::app) fn start(config: &Config, arm: Option<Arm>) -> KillDoor {
        let mut door = KillDoor::open(&config.appliance.state_dir);
        match arm {
            // The operator's word is about the file as it stands now.
            Some(_) => door.obeyed = door.file(),
            None => door.take_up(config),
        }
        door
    }

    /// What the start has to say of it.
    pub(in crate::app) fn notes(&self) -> impl Iterator<Item = String> {
        let killed = self.killed.iter();
        let killed = killed.map(|line| format!("killed: {line}; start with --arm \"who: why\" to trade"));
        self.said.iter().cloned().chain(killed)
    }

    fn open(dir: &Path) -> KillDoor {
        KillDoor {
            flag: KillFlag::default(),
            dir: dir.to_owned(),
            killed: Vec::new(),
            is_saved: true,
            untold: VecDeque::new(),
            said: Vec::new(),
            seen: None,
            looks: 0,
            obeyed: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn file(&self) -> Option<String> {
        text_of(&self.path(FILE), FILE_BYTES_MAX)
    }

    /// Kills what the latch and the file say at a start.
    fn take_up(&mut self, config: &Config) {
        if let Some(text) = text_of(&self.path(KILLED), KILLED_BYTES_MAX) {
            let says = text.lines().any(|line| kill_of_line(line, config).is_some());
            let lines = if says { text.as_str() } else { UNREADABLE };
            for line in lines.lines() {
                let Some(kill) = kill_of_line(line, config) else { continue };
                self.hold(&kill);
                self.keep(line.trim().to_owned());
            }
        }
        if let Some(text) = self.file() {
            for kill in kills_of(&text, KillTrigger::File, config) {
                self.hold(&kill);
                let latched = self.latch(&kill, config);
                self.said.push(aloud(&kill, config, latched));
            }
            (self.seen, self.obeyed) = (Some(text.clone()), Some(text));
        }
    }

    /// Sets the flag, and remembers that the engine is to be told.
    pub(super) fn hold(&mut self, kill: &Kill) {
        self.flag.kill(kill.scope);
        // The same once more, while the engine takes nothing, needs no second record.
        let key = |kill: &Kill| (kill.scope, kill.flatten, kill.trigger);
        if !self.untold.iter().any(|untold| key(untold) == key(kill)) {
            self.untold.push_back(*kill);
        }
    }

    /// Tells what was not told yet, in order, as far as it can be told.
    pub(super) fn tell(
        &mut self,
        mut push: impl FnMut(&Kill) -> Result<(), ControlError>,
    ) -> Result<(), ControlError> {
        while let Some(kill) = self.untold.front() {
            push(kill)?;
            self.untold.pop_front();
        }
        Ok(())
    }

    /// Whether there is a kill that the engine was not told of.
    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What the file `kill` asks for, once it stood so at two looks, since whoever writes it may be in the middle of it; but at
    /// the third look whatever it says.
    pub(super) fn look(&mut self, config: &Config) -> Vec<Kill> {
        let text = self.file();
        let is_new = text.is_some() && text != self.obeyed;
        self.looks = if is_new { self.looks + 1 } else { 0 };
        let is_settled = is_new && (text == self.seen || self.looks >= LOOKS_MAX);
        self.seen = text;
        if !is_settled {
            return Vec::new();
        }
        (self.obeyed, self.looks) = (self.seen.clone(), 0);
        kills_of(self.seen.as_deref().unwrap_or_default(), KillTrigger::File, config)
    }

    /// Writes a kill down, on the disk.
    pub(super) fn latch(&mut self, kill: &Kill, config: &Config) -> Result<(), AnswerError> {
        self.keep(line_of(kill, config));
        let failed = |path: PathBuf| move |error| AnswerError::Latch { path, error };
        if !self.is_saved {
            let (path, lines) = (self.path(KILLED), self.killed.iter().map(String::as_str));
            save(&path, lines).map_err(failed(path))?;
            self.is_saved = true;
        }
        if kill.scope == Scope::All {
            let (path, words) = (self.path(LATCH), format!("killed by {}: {}", kill.who, kill.why));
            add_words(&path, &words).map_err(failed(path))?;
        }
        Ok(())
    }

    /// Keeps a line for each scope: its first, or the first that flattens.
    fn keep(&mut self, line: String) {
        let scope = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let flattens = |line: &str| line.split(' ').nth(1) == Some("flatten");
        match self.killed.iter_mut().find(|old| scope(old) == scope(&line)) {
            Some(old) if flattens(old) || !flattens(&line) => return,
            Some(old) => *old = line,
            None => self.killed.push(line),
        }
        self.is_saved = false;
    }

    /// Whether the file `kill`, if there is one, says what was done.
    pub(super) fn check_obeyed(&self) -> Result<(), AnswerError> {
        let text = self.file();
        if text.is_some() && text != self.obeyed {
            return Err(AnswerError::NotObeyed(self.path(FILE)));
        }
        Ok(())
    }

    /// Takes everything back: the flag, then what is on the disk; nothing if the file asks for what was not done.
    pub(in crate::app) fn rearm(&mut self) -> Result<(), AnswerError> {
        self.check_obeyed()?;
        self.flag.rearm();
        for path in [FILE, KILLED, LATCH].map(|name| self.path(name)) {
            remove(&path).map_err(|error| AnswerError::Latch { path, error })?;
        }
        self.killed.clear();
        self.is_saved = true;
        (self.seen, self.looks, self.obeyed) = (None, 0, None);
        Ok(())
    }

    /// Takes one scope's kill back: from the disk, then the flag, which stays set where the disk fails; nothing if the file asks for
    /// what was not done. Everything is [`KillDoor::rearm`]'s.
    pub(super) fn end(&mut self, scope: Scope, config: &Config) -> Result<(), AnswerError> {
        self.check_obeyed()?;
        let failed = |path: PathBuf| move |error| AnswerError::Latch { path, error };
        let is_ended = |line: &str| kill_of_line(line, config).is_some_and(|kill| kill.scope == scope);
        let left: Vec<String> = self.killed.iter().filter(|line| !is_ended(line)).cloned().collect();
        // Until all is done the line stays here, so that it can be asked for again.
        self.is_saved = false;
        let path = self.path(KILLED);
        // An empty latch would kill everything.
        let is_written = match left.is_empty() {
            true => remove(&path),
            false => save(&path, left.iter().map(String::as_str)),
        };
        is_written.map_err(failed(path))?;
        let named = self.obeyed.as_deref().map(|text| kills_of(text, KillTrigger::File, config));
        if named.is_some_and(|kills| kills.iter().any(|kill| kill.scope == scope)) {
            let path = self.path(FILE);
            remove(&path).map_err(failed(path))?;
            (self.seen, self.looks, self.obeyed) = (None, 0, None);
        }
        (self.killed, self.is_saved) = (left, true);
        self.flag.end(scope);
        Ok(())
    }

    /// Whether there is anything on the disk to arm.
    pub(in crate::app) fn has_files(&self) -> bool {
        [FILE, KILLED, LATCH].iter().any(|name| is_there(&self.path(name)))
    }

    /// Whether something is killed, and the next start would find it so.
    pub(in crate::app) fn is_latched(&self) -> bool {
        self.is_saved && !self.killed.is_empty()
    }

    /// The scope of each line of what is killed; a scope that the configuration does not have any more is everything.
    pub(super) fn scopes(&self, config: &Config) -> impl Iterator<Item = (Scope, &str)> {
        self.killed.iter().filter_map(move |line| Some((kill_of_line(line, config)?.scope, line.as_str())))
    }

    /// What is killed, a line each.
    pub(in crate::app) fn killed(&self) -> &[String] {
        &self.killed
    }
}

#[cfg(test)]
mod tests;
