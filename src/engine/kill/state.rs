//! What is killed, as words.
//!
//! What it is not: the latch, which is a file and outlives any journal.
//!
//! Invariant: what was killed when it was saved is killed when it is loaded; when it is next enforced is at once.

use super::Kills;
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource};

impl Kills {
    /// Tells the words of every instrument that is killed.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        sink.word(u64::from(self.count));
        for (index, bits) in self.killed.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            sink.word((index as u64) << 8 | u64::from(*bits));
        }
    }

    /// Takes the words of [`Kills::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Kills::default();
        let count = source.count("killed instruments", INSTRUMENTS_MAX, 1)?;
        for _ in 0..count {
            let word = source.at_most("a killed instrument", (INSTRUMENTS_MAX as u64 - 1) << 8 | 0xff)?;
            if let Some(bits) = self.killed.get_mut((word >> 8) as usize) {
                *bits = word as u8;
            }
        }
        self.recount();
        Ok(())
    }
}
