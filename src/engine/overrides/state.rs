//! The operator's leaves, as words.
//!
//! What it is not: what they lift.
//!
//! Invariant: as that of every part: what was saved and loaded judges the next order alike.

use super::{Leave, Overrides};
use crate::risk::{Reason, liftable};
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource};

impl Overrides {
    /// Tells the words of every leave.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        sink.word(u64::from(self.count));
        let given = self.leaves.iter().enumerate().filter_map(|(index, leave)| Some((index, (*leave)?)));
        for (index, leave) in given {
            sink.word((index as u64) << 32 | leave.reason as u64);
            sink.word(leave.bound.to_bits());
            sink.time(leave.until);
        }
    }

    /// Takes the words of [`Overrides::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.clear();
        for _ in 0..source.count("leaves of the operator", INSTRUMENTS_MAX, 3)? {
            let word =
                source.at_most("a leave's instrument", (INSTRUMENTS_MAX as u64) << 32 | 0xffff_ffff)?;
            let bound = f64::from_bits(source.word("a leave's bound")?);
            let until = source.time("a leave's end")?;
            let reason = Reason::from_code(word as u32).filter(|reason| liftable(*reason).is_some());
            if let Some(reason) = reason {
                self.set((word >> 32) as usize, Some(Leave { reason, bound, until }));
            }
        }
        Ok(())
    }
}
