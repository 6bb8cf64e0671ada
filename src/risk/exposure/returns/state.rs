//! Returns as words.
//!
//! What it is not: the sums of products; those follow from the returns and are worked out anew.
//!
//! Invariant: moments that were saved and loaded are those that were saved, and go on alike.

use super::{CORRELATED_MAX, Returns};
use crate::types::{StateError, StateSink, StateSource};

impl Returns {
    /// Tells its words: the shape, then sample by sample, oldest first.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.instruments as u64);
        sink.word(self.samples as u64);
        for at in 0..self.instruments {
            sink.signed(self.mids[at]);
            sink.word(self.valid[at] as u64);
        }
        let (late, early) = self.ring.split_at(self.next * self.instruments);
        early.iter().chain(late).for_each(|change| sink.signed(*change));
    }

    /// Takes the words of [`Returns::save`]; what has another shape begins anew.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Returns::new(self.instruments, self.samples);
        let instruments = source.count("instruments with returns", CORRELATED_MAX, 2)?;
        let samples: usize = source.small("samples of returns", u64::from(u32::MAX))?;
        let fits = (instruments, samples) == (self.instruments, self.samples);
        for at in 0..instruments {
            let (mid, valid) = (source.signed("a mid")?, source.small("a count of samples", samples as u64)?);
            if fits {
                (self.mids[at], self.valid[at]) = (mid, valid);
            }
        }
        for _ in 0..samples {
            let mut row = [0; CORRELATED_MAX];
            for change in row.iter_mut().take(instruments) {
                *change = source.signed("a return")?;
            }
            if fits {
                self.replace_oldest(&row);
            }
        }
        Ok(())
    }
}
