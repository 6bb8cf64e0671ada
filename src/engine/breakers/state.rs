//! Breakers and clocks as words.
//!
//! What it is not: one breaker; `risk/breaker/state.rs` tells that.
//!
//! Invariant: what closed openings when it was saved closes them when it is loaded.

use super::Breakers;
use crate::types::{StateError, StateSink, StateSource};

impl Breakers {
    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        self.list.iter().for_each(|breaker| breaker.save(sink));
        sink.word(self.probe);
        sink.signed(self.clock_error_ns);
        sink.signed(self.offset_ns);
        sink.word(u64::from(self.is_offset));
        sink.time(self.ts_timer);
    }

    /// Takes the words of [`Breakers::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        for breaker in &mut self.list {
            breaker.load(source)?;
        }
        self.probe = source.word("the order that tries")?;
        self.clock_error_ns = source.signed("a clock's error")?;
        self.offset_ns = source.signed("a venue's offset")?;
        self.is_offset = source.flag("a clock that is off")? && self.clock.offset_ns_max > 0;
        self.ts_timer = source.time("a timer's time")?;
        Ok(())
    }
}
