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
        let killed = self.killed.iter().zip(&self.flattens).enumerate().filter(|(_, (kind, _))| **kind != 0);
        for (index, (kind, flattens)) in killed {
            sink.word((index as u64) << 16 | u64::from(*kind) << 8 | u64::from(*flattens));
        }
    }

    /// Takes the words of [`Kills::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Kills::default();
        let count = source.count("killed instruments", INSTRUMENTS_MAX, 1)?;
        for _ in 0..count {
            let word = source.at_most("a killed instrument", (INSTRUMENTS_MAX as u64) << 16 | 0xffff)?;
            let index = (word >> 16) as usize;
            if index < INSTRUMENTS_MAX {
                self.take(index, (word >> 8) as u8, word & 1 == 1);
            }
        }
        self.count = count as u32;
        Ok(())
    }
}
