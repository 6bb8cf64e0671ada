//! What is watched over all instruments, as words.
//!
//! What it is not: the room that is left, which is worked out anew; or the message budget, which a start begins anew.
//!
//! Invariant: what was saved and loaded keeps back what was kept back.

use super::{ExposureWatch, Opening};
use crate::types::{INSTRUMENTS_MAX, Side, StateError, StateSink, StateSource};

impl ExposureWatch {
    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        self.returns.save(sink);
        sink.time(self.sample_due);
        sink.word(self.newest.0 as u64);
        sink.time(self.newest.1);
        sink.time(self.newest_other);
        sink.word(self.changed.len() as u64);
        for (changed, opening) in self.changed.iter().zip(&self.openings) {
            sink.time(*changed);
            sink.word(opening.map_or(0, |opening| 1 + opening.side.index() as u64));
            sink.signed(opening.map_or(0, |opening| opening.qty));
            sink.signed(opening.map_or(0, |opening| opening.ts.0));
        }
        self.canary.save(sink);
    }

    /// Takes the words of [`ExposureWatch::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.returns.load(source)?;
        self.sample_due = source.time("a sample's time")?;
        self.newest.0 = source.small("an instrument", INSTRUMENTS_MAX as u64)?;
        self.newest.1 = source.time("a price's time")?;
        self.newest_other = source.time("a price's time")?;
        for at in 0..source.count("prices that changed", INSTRUMENTS_MAX, 4)? {
            let changed = source.time("a price's time")?;
            let side: usize = source.small("an opening's side", 2)?;
            let (qty, ts) = (source.signed("an opening's volume")?, source.time("an opening's time")?);
            if let (Some(own), Some(opening)) = (self.changed.get_mut(at), self.openings.get_mut(at)) {
                *own = changed;
                *opening = side.checked_sub(1).map(|side| Opening { side: Side::BOTH[side], qty, ts });
            }
        }
        self.canary.load(source)?;
        self.is_dirty = true;
        Ok(())
    }
}
