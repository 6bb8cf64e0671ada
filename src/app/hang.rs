//! A hot lane that stands still while something is killed: what is to be cancelled and closed then, this process will not do.
//!
//! What it is not: a second sender. Whoever sends beside a lane that may wake at any moment sends twice: the sockets, the journal's
//! one writer and the orders' numbers are that lane's. So the process gives its place to a fresh one (`cli::succeed`), as after
//! `kill -9`: the journal's memory has every order, the kill is on the disk, and the new engine cancels and closes under its own
//! numbers, in its own journal.
//!
//! Invariant: nothing is given up while nothing is killed or because a lane failed (which ends in order), and not because the whole process stood still: the control floor must have
//! looked many times in between. What stands on the disk alone counts: a kill that could not be latched would not be found again.

use super::Appliance;
use crate::config::Config;
use crate::record::IncidentKind;
use crate::runtime::counters::CounterId;
use crate::types::{NS_PER_MS, TimeNs};

/// Looks that must have found the lane still; they are a tenth of a second apart.
const LOOKS_MIN: u32 = 5;
/// The hot lanes' names; the persist lane may wait for the disk as long as it likes.
const LANES: [&str; 4] = ["tb-hot", "tb-ingest", "tb-decide", "tb-send"];

#[derive(Clone, Copy, Debug)]
struct Seen {
    lane: &'static str,
    cycles: u64,
    since: TimeNs,
    looks: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct HangWatch {
    after_ns: i64,
    seen: Vec<Seen>,
}

impl HangWatch {
    pub(super) fn new(config: &Config) -> Self {
        HangWatch { after_ns: config.appliance.kill_hung_ms as i64 * NS_PER_MS, seen: Vec::new() }
    }

    /// A lane that did not cycle for so long, and for how long; `lanes` are all that run, with their cycles so far.
    fn look(
        &mut self,
        now: TimeNs,
        lanes: impl Iterator<Item = (&'static str, u64)>,
    ) -> Option<(&'static str, i64)> {
        let mut hung = None;
        for (lane, cycles) in lanes {
            match self.seen.iter_mut().find(|seen| seen.lane == lane) {
                Some(seen) if seen.cycles == cycles => {
                    seen.looks = seen.looks.saturating_add(1);
                    let still_ns = now.since(seen.since);
                    if self.after_ns > 0 && seen.looks >= LOOKS_MIN && still_ns >= self.after_ns {
                        hung = Some((lane, still_ns));
                    }
                }
                Some(seen) => *seen = Seen { lane, cycles, since: now, looks: 0 },
                None => self.seen.push(Seen { lane, cycles, since: now, looks: 0 }),
            }
        }
        hung
    }
}

impl Appliance {
    /// Whether something is killed and a hot lane stands still, in words. To be asked about ten times a second.
    pub fn hangs_while_killed(&mut self) -> Option<String> {
        // A lane that failed has an end of its own.
        if self.failure().is_some() {
            return None;
        }
        let now = self.now();
        let Appliance { hang, counters, killed, .. } = self;
        let hot = counters.iter().filter(|(name, _)| LANES.contains(name));
        let cycles = hot.map(|(name, counter)| {
            (*name, counter.value(CounterId::CyclesBusy) + counter.value(CounterId::CyclesIdle))
        });
        let (lane, still_ns) = hang.look(now, cycles)?;
        killed.is_latched().then(|| {
            format!("the lane {lane} stands still for {} ms, and something is killed", still_ns / NS_PER_MS)
        })
    }

    /// After a start that took a hung process's place: the journal is to have it, too.
    pub(super) fn tell_hangs(&self, hangs: u32) {
        if hangs > 0 {
            self.tell_incident(IncidentKind::LaneHung, i64::from(hangs));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_hangs_once_it_was_seen_still_often_enough_and_long_enough() {
        let mut watch = HangWatch { after_ns: 1_000, seen: Vec::new() };
        let mut look = |now: i64, cycles: [u64; 2]| {
            watch.look(TimeNs(now), ["tb-hot", "tb-send"].into_iter().zip(cycles))
        };
        assert_eq!(look(0, [1, 1]), None);
        // The whole process stood still: one look, however late.
        assert_eq!(look(1_000_000, [1, 1]), None);
        assert_eq!(look(1_000_100, [2, 2]), None, "it cycles again");
        for turn in 1..LOOKS_MIN {
            assert_eq!(look(1_000_100 + i64::from(turn) * 100, [2, 2 + u64::from(turn)]), None);
        }
        assert_eq!(look(1_001_000, [2, 9]), None, "often enough, and not yet long enough");
        assert_eq!(look(1_001_100, [2, 10]), Some(("tb-hot", 1_000)));
        assert_eq!(look(1_001_200, [3, 11]), None, "it woke");
    }

    #[test]
    fn zero_is_off() {
        let mut watch = HangWatch { after_ns: 0, seen: Vec::new() };
        for turn in 0..100 {
            assert_eq!(watch.look(TimeNs(turn * NS_PER_MS * 1_000), [("tb-hot", 7)].into_iter()), None);
        }
    }
}
