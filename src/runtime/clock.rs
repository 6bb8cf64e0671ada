//! The only clock: UTC in nanoseconds, read from the processor's counter, kept near system time by slewing.
//!
//! What it is not: a calendar or a timer. It sleeps for nobody.
//!
//! Invariant: one handle never returns a smaller time than before; all clones follow the same line, so stamps of two
//! lanes may be subtracted; reading takes no system call (when the counter is usable), no lock and no allocation.
#![allow(clippy::disallowed_methods)] // This file is the door to system time.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering, fence};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::runtime::discipline::{Anchor, Discipline};
use crate::types::TimeNs;

/// An anchor that one thread replaces while others read it: a sequence lock of plain atomics.
#[derive(Debug, Default)]
struct SharedAnchor {
    /// Odd while a replacement is going on.
    version: AtomicU64,
    raw: AtomicU64,
    utc_ns: AtomicI64,
    rate_ppb: AtomicI64,
    drift_ppb: AtomicI64,
    writing: AtomicBool,
}

impl SharedAnchor {
    fn load(&self) -> Anchor {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let anchor = Anchor {
                raw: self.raw.load(Ordering::Relaxed),
                utc_ns: self.utc_ns.load(Ordering::Relaxed),
                rate_ppb: self.rate_ppb.load(Ordering::Relaxed),
                drift_ppb: self.drift_ppb.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return anchor;
            }
            std::hint::spin_loop();
        }
    }

    /// The caller holds `writing`.
    fn store(&self, anchor: Anchor) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.raw.store(anchor.raw, Ordering::Relaxed);
        self.utc_ns.store(anchor.utc_ns, Ordering::Relaxed);
        self.rate_ppb.store(anchor.rate_ppb, Ordering::Relaxed);
        self.drift_ppb.store(anchor.drift_ppb, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }
}

#[derive(Clone, Debug)]
enum TimeSource {
    /// The processor's counter, or CLOCK_MONOTONIC where the counter cannot be trusted.
    Counter { counter: quanta::Clock, anchor: Arc<SharedAnchor> },
    /// Moved by hand.
    Manual(Arc<AtomicI64>),
}

/// One handle a lane. Cloning is cheap; the clones agree with each other.
#[derive(Clone, Debug)]
pub struct Clock {
    source: TimeSource,
    tsc: bool,
    last_ns: Cell<i64>,
}

/// Moves the time of a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Lets `ns` pass; negative values are ignored, as time does.
    pub fn advance_ns(&self, ns: i64) {
        self.0.fetch_add(ns.max(0), Ordering::AcqRel);
    }
}

fn system_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

impl Clock {
    /// The host's clock. The first call of a process calibrates the counter, which takes up to 0.2 s.
    pub fn system() -> Clock {
        let counter = quanta::Clock::new();
        let tsc = format!("{counter:?}").contains("Counter(");
        let anchor = Arc::new(SharedAnchor::default());
        let (raw, utc_ns) = sample(&counter);
        anchor.store(Anchor { raw, utc_ns, rate_ppb: 0, drift_ppb: 0 });
        Clock { source: TimeSource::Counter { counter, anchor }, tsc, last_ns: Cell::new(0) }
    }

    /// A clock that moves only when told to: tests and simulation.
    pub fn manual(start: TimeNs) -> (Clock, ManualClock) {
        let time = Arc::new(AtomicI64::new(start.0));
        let clock = Clock { source: TimeSource::Manual(time.clone()), tsc: false, last_ns: Cell::new(0) };
        (clock, ManualClock(time))
    }

    /// Now, UTC. About 20 ns.
    #[inline]
    pub fn now(&self) -> TimeNs {
        let utc_ns = match &self.source {
            TimeSource::Counter { counter, anchor } => {
                let anchor = anchor.load();
                anchor.at(counter.delta_as_nanos(anchor.raw, counter.raw()))
            }
            TimeSource::Manual(time) => time.load(Ordering::Acquire),
        };
        // A counter of another core may be a few ticks behind when the thread has moved.
        let now_ns = utc_ns.max(self.last_ns.get());
        self.last_ns.set(now_ns);
        TimeNs(now_ns)
    }

    /// Whether the processor's counter is behind it; if not, every reading is a vDSO call of about 40 ns.
    pub fn is_tsc(&self) -> bool {
        self.tsc
    }

    /// Compares with system time and bends the line for all clones. To be called about once a second, by anyone;
    /// `None` when somebody else is at it, or the clock is manual.
    pub fn discipline(&self) -> Option<Discipline> {
        let TimeSource::Counter { counter, anchor: shared } = &self.source else { return None };
        if shared.writing.swap(true, Ordering::AcqRel) {
            return None;
        }
        let anchor = shared.load();
        let (raw, system_ns) = sample(counter);
        let (next, seen) = anchor.next(raw, counter.delta_as_nanos(anchor.raw, raw), system_ns);
        shared.store(next);
        shared.writing.store(false, Ordering::Release);
        Some(seen)
    }
}

/// The system time with the counter at that moment: the tightest of a few tries, taken in the middle.
fn sample(counter: &quanta::Clock) -> (u64, i64) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..5 {
        let before = counter.raw();
        let utc_ns = system_ns();
        let width = counter.raw().saturating_sub(before);
        if width < best.0 {
            best = (width, before + width / 2, utc_ns);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_when_told() {
        let (clock, hand) = Clock::manual(TimeNs(100));
        let clone = clock.clone();
        assert_eq!(clock.now(), TimeNs(100));
        hand.advance_ns(50);
        hand.advance_ns(-500);
        assert_eq!((clock.now(), clone.now()), (TimeNs(150), TimeNs(150)));
        assert_eq!(clock.discipline(), None);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_system_clock_is_utc_and_never_goes_back_while_disciplined() {
        let clock = Clock::system();
        let start = clock.now();
        assert!((start.0 - system_ns()).abs() < 1_000_000_000);
        let disciplined = clock.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..2_000 {
                    disciplined.discipline();
                }
            });
            let mut last = start;
            for _ in 0..200_000 {
                let now = clock.now();
                assert!(now >= last);
                last = now;
            }
        });
        assert!(clock.now() > start);
    }

    #[test]
    fn a_reader_never_sees_half_an_anchor() {
        let shared = SharedAnchor::default();
        let done = AtomicBool::new(false);
        let loads = if cfg!(miri) { 100 } else { 1_000_000 };
        std::thread::scope(|scope| {
            // Written for as long as is read, so that the two overlap on any machine.
            scope.spawn(|| {
                for n in 1.. {
                    shared.store(Anchor {
                        raw: n,
                        utc_ns: n as i64,
                        rate_ppb: n as i64,
                        drift_ppb: n as i64,
                    });
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let mut seen = 0;
            let mut whole = true;
            for _ in 0..loads {
                let anchor = shared.load();
                let n = anchor.raw as i64;
                whole &=
                    (anchor.utc_ns, anchor.rate_ppb, anchor.drift_ppb) == (n, n, n) && anchor.raw >= seen;
                seen = anchor.raw;
            }
            done.store(true, Ordering::Relaxed);
            assert!(whole);
        });
    }
}
