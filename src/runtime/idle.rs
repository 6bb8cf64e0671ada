//! What a lane does when a cycle found nothing to do: strategies as values.
//!
//! What it is not: it knows no agent and waits for no event; after its pause the lane simply looks again.
//!
//! Invariant: `Spin` and `Yield` make no promise of being cheap, `Park` none of being quick; none of them waits
//! longer than it says.
#![allow(clippy::disallowed_methods)] // This file is the door to waiting.

use std::time::Duration;

/// How to spend an idle cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idle {
    /// Burns the core; answers within nanoseconds. For isolated cores.
    Spin,
    /// Offers the core to others after every cycle; for a core that is not alone.
    Yield,
    /// Spins, then yields, then sleeps for ever longer up to a limit.
    Backoff {
        /// Idle cycles that spin.
        spins: u32,
        /// Idle cycles after those that yield.
        yields: u32,
        /// The longest sleep, µs; 1 to 1,000,000.
        park_us_max: u32,
    },
    /// Sleeps every idle cycle, and may be woken by `Lane::wake`; for laptops and CI.
    Park {
        /// The longest sleep, µs; 1 to 1,000,000.
        park_us: u32,
    },
}

impl Idle {
    /// A backoff that stays quick for a burst and costs next to nothing in a quiet market.
    pub const BACKOFF: Idle = Idle::Backoff { spins: 1_000, yields: 100, park_us_max: 500 };
    /// A park that keeps the worst wait below a millisecond or so.
    pub const PARK: Idle = Idle::Park { park_us: 500 };

    /// The strategy a configuration names: `spin`, `yield`, `backoff` or `park`.
    pub fn from_name(name: &str) -> Option<Idle> {
        match name {
            "spin" => Some(Idle::Spin),
            "yield" => Some(Idle::Yield),
            "backoff" => Some(Idle::BACKOFF),
            "park" => Some(Idle::PARK),
            _ => None,
        }
    }

    /// The name a configuration would use.
    pub fn name(self) -> &'static str {
        match self {
            Idle::Spin => "spin",
            Idle::Yield => "yield",
            Idle::Backoff { .. } => "backoff",
            Idle::Park { .. } => "park",
        }
    }

    /// What the `idle_count`-th idle cycle in a row (from 1) should do.
    pub fn pause(self, idle_count: u32) -> Pause {
        match self {
            Idle::Spin => Pause::Spin,
            Idle::Yield => Pause::Yield,
            Idle::Park { park_us } => Pause::Park { us: park_us },
            Idle::Backoff { spins, .. } if idle_count <= spins => Pause::Spin,
            Idle::Backoff { spins, yields, .. } if idle_count - spins <= yields => Pause::Yield,
            Idle::Backoff { spins, yields, park_us_max } => {
                let doublings = (idle_count - spins - yields - 1).min(20);
                Pause::Park { us: (1u32 << doublings).min(park_us_max) }
            }
        }
    }
}

/// One idle cycle's rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// A pause instruction.
    Spin,
    /// A turn for other threads.
    Yield,
    /// A sleep that an unpark ends early.
    Park {
        /// How long at most.
        us: u32,
    },
}

impl Pause {
    /// Rests, on the calling thread.
    #[inline]
    pub fn rest(self) {
        match self {
            Pause::Spin => std::hint::spin_loop(),
            Pause::Yield => std::thread::yield_now(),
            Pause::Park { us } => std::thread::park_timeout(Duration::from_micros(u64::from(us))),
        }
    }
}

/// Blocks an ordinary thread (never a lane): tools, simulators and tests that play at a real pace.
pub fn sleep_ns(ns: u64) {
    std::thread::sleep(Duration::from_nanos(ns));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_spins_then_yields_then_parks_longer_and_longer() {
        let idle = Idle::Backoff { spins: 2, yields: 1, park_us_max: 5 };
        let pauses: Vec<Pause> = (1..=8).map(|count| idle.pause(count)).collect();
        let park = |us| Pause::Park { us };
        assert_eq!(
            pauses,
            [Pause::Spin, Pause::Spin, Pause::Yield, park(1), park(2), park(4), park(5), park(5)]
        );
        assert_eq!(idle.pause(u32::MAX), park(5));
    }

    #[test]
    fn names_round_trip() {
        for name in ["spin", "yield", "backoff", "park"] {
            assert_eq!(Idle::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Idle::from_name("Spin"), None);
    }
}
