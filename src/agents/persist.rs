//! The journal's memory to disk.
//!
//! What it is not: on the hot path; it is the only agent that may wait for a disk.
//!
//! Invariant: on a tidy end everything appended is on the disk before `on_close` returns, or the journal says that it is not.

use crate::journal::{Persister, Progress};
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::types::TimeNs;

/// See the module.
#[derive(Debug)]
pub struct Persist {
    persister: Persister,
    progress: Progress,
    clock: Clock,
    counters: CounterWriter,
}

impl Persist {
    /// Ready to be put on a lane.
    pub fn new(persister: Persister, clock: Clock, counters: CounterWriter) -> Self {
        let progress = persister.progress().clone();
        Persist { persister, progress, clock, counters }
    }

    fn publish(&mut self) {
        self.counters.set(CounterId::JournalCopiedSeq, self.progress.copied_seq());
        self.counters.set(CounterId::JournalDurableSeq, self.progress.durable_seq());
        self.counters.set(CounterId::JournalErrors, self.progress.error_count());
    }
}

impl Agent for Persist {
    fn name(&self) -> &str {
        "persist"
    }

    fn on_start(&mut self, _now: TimeNs) {}

    fn do_work(&mut self, now: TimeNs) -> usize {
        let count = self.persister.do_work(now);
        if count > 0 {
            self.publish();
        }
        count
    }

    fn on_close(&mut self) {
        // What the disk refuses now is still in memory; the next start takes it from there.
        let _ = self.persister.close(self.clock.now());
        self.publish();
    }
}
