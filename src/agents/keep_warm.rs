//! When a lane without work reads its models, so that the decision after a quiet second finds them in the cache.
//!
//! What it is not: work. It is never begun while an input waits, and what it reads changes nothing.
//!
//! Invariant: one turn reads one part of sixteen, so an input that arrives meanwhile waits for no more than that.

use crate::engine::Part;
use crate::types::{NS_PER_MS, TimeNs};

/// A lane has nothing to do when no input came for so long.
const QUIET_NS: i64 = NS_PER_MS;
/// Every line is read once in this time.
const ROUND_NS: i64 = 2 * NS_PER_MS;
/// Parts of a round.
const PART_COUNT: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct KeepWarm {
    ts_last: TimeNs,
    index: usize,
}

impl KeepWarm {
    pub(super) fn new() -> Self {
        KeepWarm { ts_last: TimeNs::NEVER, index: 0 }
    }

    /// Which part to read now, in a turn that found nothing to do; `ts_input` is when the last input was taken.
    #[inline]
    pub(super) fn due(&mut self, now: TimeNs, ts_input: TimeNs) -> Option<Part> {
        if now.since(ts_input) < QUIET_NS || now.since(self.ts_last) < ROUND_NS / PART_COUNT as i64 {
            return None;
        }
        self.ts_last = now;
        self.index = (self.index + 1) % PART_COUNT;
        Some(Part::new(self.index, PART_COUNT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts that are due in `cycles` of a microsecond each, with an input every `input_us`.
    fn parts(cycles: i64, input_us: Option<i64>) -> Vec<Part> {
        let mut warm = KeepWarm::new();
        let mut ts_input = TimeNs(0);
        let due = (1..=cycles).filter_map(|us| {
            let now = TimeNs(us * 1_000);
            if input_us.is_some_and(|every| us % every == 0) {
                ts_input = now;
            }
            warm.due(now, ts_input)
        });
        due.collect()
    }

    #[test]
    fn a_quiet_lane_reads_every_part_once_a_round_and_a_busy_one_none() {
        let quiet = parts(QUIET_NS / 1_000 + 3 * ROUND_NS / 1_000, None);
        assert_eq!(quiet.len(), 3 * PART_COUNT + 1, "three rounds and the first part of the next");
        for part in 0..PART_COUNT {
            let times = quiet[..3 * PART_COUNT].iter().filter(|read| read.index() == part).count();
            assert_eq!(times, 3, "part {part}");
        }
        assert_eq!(parts(100_000, Some(QUIET_NS / 1_000)), [], "inputs as often as that leave nothing to do");
        assert_eq!(parts(100_000, Some(50)), []);
    }
}
