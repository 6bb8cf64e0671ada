//! A token bucket in integers: how many messages may leave.
//!
//! What it is not: a queue; what finds no token is refused, not delayed.
//!
//! Invariant: never more than `burst` in an instant, never more than `burst + rate × time` in any time.

use crate::types::{NS_PER_S, TimeNs};

/// Generic cell rate algorithm: one time stamp says how full the bucket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bucket {
    interval_ns: i64,
    burst_ns: i64,
    /// When the bucket would be full again if nothing more were taken.
    full_at: TimeNs,
}

impl Bucket {
    /// `per_s` tokens a second, at most `burst` at once; both at least 1.
    pub fn new(per_s: u32, burst: u32) -> Self {
        let interval_ns = NS_PER_S / i64::from(per_s.max(1));
        Bucket { interval_ns, burst_ns: interval_ns * i64::from(burst.max(1)), full_at: TimeNs::NEVER }
    }

    /// One that has no token at `now` yet.
    pub fn empty(per_s: u32, burst: u32, now: TimeNs) -> Self {
        let bucket = Bucket::new(per_s, burst);
        Bucket { full_at: now.plus_ns(bucket.burst_ns), ..bucket }
    }

    /// Tokens there are.
    #[inline]
    pub fn tokens(&self, now: TimeNs) -> i64 {
        let owed_ns = self.full_at.since(now).max(0);
        (self.burst_ns - owed_ns) / self.interval_ns
    }

    /// Takes one whether it is there or not; what is owed is waited for.
    #[inline]
    pub fn owe(&mut self, now: TimeNs) {
        self.full_at = self.full_at.max(now).plus_ns(self.interval_ns);
    }

    /// Takes one; `false` when there is none.
    #[inline]
    pub fn take(&mut self, now: TimeNs) -> bool {
        if self.tokens(now) < 1 {
            return false;
        }
        self.full_at = self.full_at.max(now).plus_ns(self.interval_ns);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_waited_for() {
        let mut bucket = Bucket::new(10, 2);
        let start = TimeNs(5 * NS_PER_S);
        (0..4).for_each(|_| bucket.owe(start));
        assert!(bucket.tokens(start) < 0);
        assert!(!bucket.take(start.plus_ns(3 * NS_PER_S / 10 - 1)));
        assert!(bucket.take(start.plus_ns(3 * NS_PER_S / 10)));
    }

    #[test]
    fn burst_then_rate() {
        let mut bucket = Bucket::new(10, 3);
        let start = TimeNs(5 * NS_PER_S);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(!bucket.take(start.plus_ns(NS_PER_S / 10 - 1)));
        assert!(bucket.take(start.plus_ns(NS_PER_S / 10)));
        assert_eq!(bucket.tokens(start.plus_ns(10 * NS_PER_S)), 3);
    }
}
