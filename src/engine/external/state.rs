//! The snapshot that is being told, as words.
//!
//! What it is not: what it proves once it is complete; venues and positions keep that.
//!
//! Invariant: a listing that was saved and loaded goes on where it was.

use super::Listing;
use crate::order::POSITIONS_MAX;
use crate::record::{Layout, PositionEvent};
use crate::types::{InstrumentId, StateError, StateSink, StateSource};

/// Words of one position.
const WORDS: usize = PositionEvent::BYTES / 8;

impl Listing {
    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.positions.len() as u64);
        for (instrument, position) in &self.positions {
            sink.word(u64::from(instrument.0));
            let mut bytes = [[0; 8]; WORDS];
            position.write(bytes.as_flattened_mut());
            bytes.into_iter().for_each(|word| sink.word(u64::from_le_bytes(word)));
        }
    }

    /// Takes the words of [`Listing::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.clear();
        for _ in 0..source.count("listed positions", POSITIONS_MAX, 1 + WORDS)? {
            let instrument = InstrumentId(source.small("a listed instrument", u64::from(u16::MAX))?);
            let mut bytes = [[0; 8]; WORDS];
            for word in &mut bytes {
                *word = source.word("a listed position")?.to_le_bytes();
            }
            self.push(instrument, &PositionEvent::read(bytes.as_flattened()));
        }
        Ok(())
    }
}
