//! What the limits beside the gate know, as words.
//!
//! What it is not: their plan, or message budgets, which a start begins anew.
//!
//! Invariant: what was saved and loaded keeps back what was kept back.

use super::Bounds;
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource};

impl Bounds {
    /// Tells its words, of the first `instruments`.
    pub(in crate::engine) fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        sink.word(instruments as u64);
        for index in 0..instruments {
            sink.time(self.ts_told[index]);
            sink.signed(self.others_gross[index]);
        }
        self.hours.save(instruments, sink);
        self.margin.save(instruments, sink);
        self.streaks.save(sink);
    }

    /// Takes the words of [`Bounds::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        for index in 0..source.count("symbols' bounds", INSTRUMENTS_MAX, 2)? {
            self.ts_told[index] = source.time("a symbol's time")?;
            self.others_gross[index] = source.signed("others' volume")?;
        }
        self.hours.load(source)?;
        self.margin.load(source)?;
        self.streaks.load(source)
    }
}
