//! The operator's words on limits, as words.
//!
//! What it is not: the limits that hold; those follow from these and the configuration.
//!
//! Invariant: what was said when it was saved is said when it is loaded.

use super::{LIMIT_KEYS, LimitWords};
use crate::types::{StateError, StateSink, StateSource};

impl LimitWords {
    /// Tells its words.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.values.iter().flatten().count() as u64);
        for (key, value) in self.values.iter().enumerate() {
            if let Some(value) = value {
                sink.word(key as u64);
                sink.word(value.to_bits());
            }
        }
    }

    /// Takes the words of [`LimitWords::save`].
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = LimitWords::default();
        for _ in 0..source.count("words on limits", LIMIT_KEYS, 2)? {
            let key: usize = source.small("a limit", LIMIT_KEYS as u64 - 1)?;
            self.values[key] = Some(f64::from_bits(source.word("a limit's value")?));
        }
        Ok(())
    }
}
