//! Live ticks kept while a question about the past is out.
//!
//! What it is not: a queue that anybody waits for; it keeps the newest and says which of those it lost was the newest.
//!
//! Invariant: its memory is taken once.

use crate::record;

/// Live ticks kept while a question is out.
const HELD_MAX: usize = 64;
/// Where the past ends: connection and number of the last live tick that is not news.
pub(super) type Cut = (u32, u64);

/// The ticks kept while a question is out.
#[derive(Clone, Debug)]
pub(super) struct Held {
    ticks: Box<[record::Tick]>,
    pushed: usize,
    /// The newest that had to give way.
    pub(super) lost: Cut,
}

impl Held {
    pub(super) fn new() -> Self {
        let nothing = <record::Tick as record::Layout>::read(&[0; record::PAYLOAD_BYTES]);
        Held { ticks: vec![nothing; HELD_MAX].into(), pushed: 0, lost: (0, 0) }
    }

    pub(super) fn clear(&mut self) {
        (self.pushed, self.lost) = (0, (0, 0));
    }

    pub(super) fn push(&mut self, tick: &record::Tick) {
        let place = &mut self.ticks[self.pushed % HELD_MAX];
        if self.pushed >= HELD_MAX {
            self.lost = self.lost.max(cut_of(place));
        }
        *place = *tick;
        self.pushed += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &record::Tick> {
        let first = self.pushed.saturating_sub(HELD_MAX);
        (first..self.pushed).map(|at| &self.ticks[at % HELD_MAX])
    }
}

pub(super) fn cut_of(tick: &record::Tick) -> Cut {
    (tick.connection, tick.stream_seq)
}
