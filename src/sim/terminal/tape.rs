//! The last ticks: what a refill or a history request is answered from, as MT5 answers from its tick cache.
//!
//! What it is not: a history on disk; what has left the tape is reported as a gap.
//!
//! Invariant: ticks stand in the order of the market; a number belongs to the connection it was sent on.

use crate::wire::terminal::body::Tick;
use std::collections::VecDeque;

/// Ticks that are kept: MT5's own cache with an open depth of market.
pub(super) const TAPE_TICKS_MAX: usize = 65_536;

/// A tick with the connection and number it was sent under; zero for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    connection: u64,
    seq: u64,
    pub(super) tick: Tick,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tape {
    kept: VecDeque<Kept>,
}

impl Tape {
    pub(super) fn push(&mut self, connection: u64, seq: u64, tick: Tick) {
        if self.kept.len() == TAPE_TICKS_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept { connection, seq, tick });
    }

    /// The ticks of a connection with these numbers, in order.
    pub(super) fn numbered(
        &self,
        connection: u64,
        from_seq: u64,
        to_seq: u64,
    ) -> impl Iterator<Item = (u64, Tick)> + '_ {
        let within = move |kept: &&Kept| {
            kept.connection == connection && kept.seq != 0 && (from_seq..=to_seq).contains(&kept.seq)
        };
        self.kept.iter().filter(within).map(|kept| (kept.seq, kept.tick))
    }

    /// Server time of the oldest tick that is kept.
    pub(super) fn oldest_msc(&self) -> Option<i64> {
        self.kept.front().map(|kept| kept.tick.time_msc)
    }

    /// The ticks of a time, at most so many, the newest; in order.
    pub(super) fn between(&self, from_msc: i64, to_msc: i64, count_max: u64) -> Vec<Tick> {
        let to_msc = if to_msc == 0 { i64::MAX } else { to_msc };
        let within = |kept: &&Kept| (from_msc..=to_msc).contains(&kept.tick.time_msc);
        let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
        let mut found: Vec<Tick> =
            self.kept.iter().rev().filter(within).take(count_max).map(|kept| kept.tick).collect();
        found.reverse();
        found
    }
}
