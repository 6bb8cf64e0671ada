//! What the terminal remembers of executed commands, in a file: an id that comes again gets its first result.
//!
//! What it is not: the account. Losing the account is the broker's affair; executing twice would be ours.
//!
//! Invariant: a command is in the file before it is handed to the broker. A torn last entry is cut off on opening.

use crate::layout;
use crate::record::Layout;
use crate::types::OrderAction;
use crate::wire::terminal::body::{Command, CommandResult};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

layout! {
    /// What stands before each remembered result.
    pub struct Entry {
        /// CRC-32C of the rest of the entry.
        crc32c: u32,
        /// The command's revision.
        revision: u32,
        /// The command's epoch.
        epoch: u64,
    }
}

const ENTRY_BYTES: usize = Entry::BYTES + CommandResult::BYTES;

/// What makes two commands the same one.
type Key = (u64, u8, u32);

/// See the module.
#[derive(Debug, Default)]
pub struct ExecutedIds {
    results: HashMap<Key, CommandResult>,
    epoch_seen: u64,
    file: Option<File>,
    path: PathBuf,
}

impl ExecutedIds {
    /// Forgets everything when the program ends.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Reads what the file holds, and appends to it from now on.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut memory = Self::default();
        let mut good = 0;
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let head = Entry::read(entry);
            if crc32c::crc32c(&entry[4..]) != head.crc32c {
                break;
            }
            let result = CommandResult::read(&entry[Entry::BYTES..]);
            memory.epoch_seen = memory.epoch_seen.max(head.epoch);
            memory.results.insert((result.order_id, result.action, head.revision), result);
            good += ENTRY_BYTES;
        }
        file.set_len(good as u64)?;
        file.seek(io::SeekFrom::Start(good as u64))?;
        (memory.file, memory.path) = (Some(file), path.to_owned());
        Ok(memory)
    }

    /// As a program that was started again: reads the file anew. Without a file, what was in memory stays.
    pub fn reopen(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            *self = Self::open(&self.path)?;
        }
        Ok(())
    }

    /// The newest epoch of the appliance that commands came from.
    pub fn epoch_seen(&self) -> u64 {
        self.epoch_seen
    }

    /// Remembered commands.
    pub fn count(&self) -> usize {
        self.results.len()
    }

    /// The first result of this command, if it is not new.
    pub fn first_result(&self, command: &Command) -> Option<CommandResult> {
        let first = self.results.get(&key(command)?)?;
        Some(CommandResult { repeated: 1, command_seq: 0, ..*first })
    }

    /// Remembers a command's first result; on an error nothing may be executed.
    pub fn remember(&mut self, command: &Command, result: &CommandResult) -> io::Result<()> {
        self.epoch_seen = self.epoch_seen.max(command.epoch);
        let Some(key) = key(command) else { return Ok(()) };
        if let Some(file) = &mut self.file {
            let mut entry = [0; ENTRY_BYTES];
            Entry { crc32c: 0, revision: key.2, epoch: command.epoch }.write(&mut entry);
            result.write(&mut entry[Entry::BYTES..]);
            let crc32c = crc32c::crc32c(&entry[4..]);
            entry[..4].copy_from_slice(&crc32c.to_le_bytes());
            file.write_all(&entry)?;
        }
        self.results.insert(key, *result);
        Ok(())
    }
}

/// Entries are remembered by id and action alone. A change sets a state, so that doing it again does no harm: it is
/// remembered only when it carries a revision.
fn key(command: &Command) -> Option<Key> {
    let changes = [OrderAction::StopLevels, OrderAction::Modify, OrderAction::Remove];
    let is_change = changes.iter().any(|action| action.code() == command.action);
    match (is_change, command.revision) {
        (false, _) => Some((command.order_id, command.action, 0)),
        (true, 0) => None,
        (true, revision) => Some((command.order_id, command.action, revision)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(order_id: u64, action: OrderAction, revision: u32) -> Command {
        let mut command = Command::read(&[0; Command::BYTES]);
        (command.order_id, command.action, command.revision, command.epoch) =
            (order_id, action.code(), revision, 4);
        command
    }

    fn result(command: &Command, request_id: u32) -> CommandResult {
        let mut result = CommandResult::read(&[0; CommandResult::BYTES]);
        (result.order_id, result.action, result.request_id) = (command.order_id, command.action, request_id);
        result
    }

    #[test]
    fn a_repeated_id_gets_its_first_result_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids");
        let (deal, place) = (command(7, OrderAction::Deal, 0), command(7, OrderAction::Pending, 0));
        let mut memory = ExecutedIds::open(&path).unwrap();
        assert_eq!(memory.first_result(&deal), None);
        memory.remember(&deal, &result(&deal, 31)).unwrap();
        memory.remember(&place, &result(&place, 32)).unwrap();
        memory.reopen().unwrap();
        assert_eq!((memory.count(), memory.epoch_seen()), (2, 4));
        drop(memory);
        // A process that died while writing leaves a torn entry behind.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([9; 40]);
        std::fs::write(&path, bytes).unwrap();
        for _ in 0..2 {
            let memory = ExecutedIds::open(&path).unwrap();
            assert_eq!((memory.count(), memory.epoch_seen()), (2, 4));
            let first = memory.first_result(&deal).unwrap();
            assert_eq!((first.request_id, first.repeated), (31, 1));
            assert_eq!(memory.first_result(&place).unwrap().request_id, 32);
        }
    }

    #[test]
    fn a_change_is_remembered_by_its_revision_only() {
        let mut memory = ExecutedIds::in_memory();
        for revision in 0..3 {
            let change = command(7, OrderAction::Modify, revision);
            assert_eq!(memory.first_result(&change), None);
            memory.remember(&change, &result(&change, revision)).unwrap();
            assert_eq!(memory.first_result(&change).is_some(), revision != 0);
        }
        let mut other = command(7, OrderAction::Deal, 1);
        memory.remember(&other, &result(&other, 9)).unwrap();
        other.revision = 2;
        assert!(
            memory.first_result(&other).is_some(),
            "an entry is never executed twice, whatever its revision"
        );
    }
}
