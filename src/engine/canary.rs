//! Which models have opened anything, since when, and how often.
//!
//! What it is not: a registry; it knows digests from decisions alone, so what the journal no longer has is new again.
//!
//! Invariant: live and read back from the journal it is the same: decisions and commands come in one order.

use crate::types::{StateError, StateSink, StateSource, TimeNs};

/// Models remembered; the one that began earliest gives way.
const KNOWN_MAX: usize = 64;
/// Models of one decision.
const DIGESTS_MAX: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    digest: u64,
    first: TimeNs,
    openings: u32,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Canary {
    known: Vec<Known>,
    /// The models of the last decision, whose command follows.
    decided: [u64; DIGESTS_MAX],
}

impl Default for Canary {
    fn default() -> Self {
        Canary { known: Vec::with_capacity(KNOWN_MAX), decided: [0; DIGESTS_MAX] }
    }
}

impl Canary {
    /// A decision names its models; zeros are none.
    pub(super) fn decided(&mut self, digests: &[u8; 64]) {
        for (own, bytes) in self.decided.iter_mut().zip(digests.chunks_exact(8)) {
            *own = bytes.try_into().map_or(0, u64::from_le_bytes);
        }
    }

    /// Its command opened something.
    pub(super) fn opened(&mut self, ts: TimeNs) {
        let decided = std::mem::take(&mut self.decided);
        for digest in decided.into_iter().filter(|digest| *digest != 0) {
            match self.known.iter_mut().find(|known| known.digest == digest) {
                Some(known) => known.openings = known.openings.saturating_add(1),
                None => self.meet(digest, ts),
            }
        }
    }

    fn meet(&mut self, digest: u64, first: TimeNs) {
        if self.known.len() == KNOWN_MAX
            && let Some((at, _)) = self.known.iter().enumerate().min_by_key(|(_, known)| known.first)
        {
            self.known.swap_remove(at);
        }
        self.known.push(Known { digest, first, openings: 1 });
    }

    /// Tells the words of the models that opened something, and of those that a decision named whose command is still to come.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        self.decided.iter().for_each(|digest| sink.word(*digest));
        sink.word(self.known.len() as u64);
        for known in &self.known {
            sink.word(known.digest);
            sink.time(known.first);
            sink.word(u64::from(known.openings));
        }
    }

    /// Takes the words of [`Canary::save`].
    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.known.clear();
        for digest in &mut self.decided {
            *digest = source.word("a model that decided")?;
        }
        for _ in 0..source.count("models that opened", KNOWN_MAX, 3)? {
            let (digest, first) = (source.word("a model")?, source.time("a model's first opening")?);
            self.known.push(Known {
                digest,
                first,
                openings: source.small("openings", u64::from(u32::MAX))?,
            });
        }
        Ok(())
    }

    /// The most openings that a new one of these models has made; `None` when none of them is new.
    pub(super) fn openings(&self, digests: &[u64], new_for_ns: i64, now: TimeNs) -> Option<u32> {
        let of = |digest: &u64| match self.known.iter().find(|known| known.digest == *digest) {
            None => Some(0),
            Some(known) if now.since(known.first) < new_for_ns => Some(known.openings),
            Some(_) => None,
        };
        digests.iter().filter(|digest| **digest != 0).filter_map(of).max()
    }
}
