//! The openings that are counted, as words.
//!
//! What it is not: the limit; the setup has it, and a start may bring another.
//!
//! Invariant: what is loaded into a ring of another length are the newest openings, and what was disabled stays so.

use super::{Executions, Openings};
use crate::risk::EXECUTIONS_MAX;
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource, TimeNs};

impl Openings {
    /// Oldest first; `TimeNs::NEVER` where there was none.
    fn oldest_first(&self) -> impl Iterator<Item = TimeNs> {
        let (late, early) = self.times.split_at(self.next);
        early.iter().chain(late).copied()
    }
}

impl Executions {
    /// Tells the words of every instrument that is traded.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        let Executions { openings, window_ns: _ } = self;
        sink.word(openings.iter().flatten().count() as u64);
        for (index, openings) in openings.iter().enumerate() {
            let Some(openings) = openings else { continue };
            sink.word(index as u64);
            sink.word(u64::from(openings.is_disabled));
            let known = || openings.oldest_first().filter(|time| *time != TimeNs::NEVER);
            sink.word(known().count() as u64);
            known().for_each(|time| sink.time(time));
        }
    }

    /// Takes the words of [`Executions::save`]; what is not traded any more is left out.
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.rearm();
        for _ in 0..source.count("traded instruments", INSTRUMENTS_MAX, 3)? {
            let index: usize = source.small("a traded instrument", INSTRUMENTS_MAX as u64 - 1)?;
            let is_disabled = source.flag("a disabled instrument")?;
            let count = source.count("openings", EXECUTIONS_MAX as usize, 1)?;
            let mut own = self.openings[index].as_mut();
            if let Some(openings) = &mut own {
                (openings.is_disabled, openings.next) = (is_disabled, 0);
            }
            for _ in 0..count {
                let time = source.time("an opening")?;
                if let Some(openings) = &mut own {
                    openings.times[openings.next] = time;
                    openings.next = (openings.next + 1) % openings.times.len();
                }
            }
        }
        Ok(())
    }
}
