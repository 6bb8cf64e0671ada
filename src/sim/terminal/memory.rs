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
use std::path::Path;

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
        memory.file = Some(file);
        Ok(memory)
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
