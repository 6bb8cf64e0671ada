//! A breaker as words.
//!
//! What it is not: how it is set; a start may bring another setting.
//!
//! Invariant: what was open when it was saved is open when it is loaded, unless it was switched off meanwhile.

use super::{BREAKER_FAILURES_MAX, Breaker, BreakerState};
use crate::types::{StateError, StateSink, StateSource, TimeNs};

impl Breaker {
    /// Tells its words: the failures oldest first.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.state as u64);
        sink.time(self.opened);
        let (late, early) = self.times.split_at(self.next);
        let known = || early.iter().chain(late).copied().filter(|time| *time != TimeNs::NEVER);
        sink.word(known().count() as u64);
        known().for_each(|time| sink.time(time));
    }

    /// Takes the words of [`Breaker::save`].
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Breaker::new(self.plan);
        let state = source.coded("a breaker's state", BreakerState::from_code)?;
        let opened = source.time("a breaker's opening")?;
        let is_on = !self.times.is_empty();
        if is_on {
            (self.state, self.opened) = (state, opened);
        }
        for _ in 0..source.count("failures", BREAKER_FAILURES_MAX as usize, 1)? {
            let time = source.time("a failure's time")?;
            if is_on {
                self.times[self.next] = time;
                self.next = (self.next + 1) % self.times.len();
            }
        }
        Ok(())
    }
}
