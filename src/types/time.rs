//! Points in time, in nanoseconds since 1970-01-01 00:00 UTC.
//!
//! What it is not: a clock. `runtime::clock` is the only one.
//!
//! Invariant: a time field is named by who stamped it (`ts_venue`, `ts_terminal`, `ts_recv`, `ts_decide`, `ts_send`,
//! `ts_ack`); a latency is the difference of two names, and only of two stamps of the same clock.

/// Nanoseconds in a microsecond.
pub const NS_PER_US: i64 = 1_000;
/// Nanoseconds in a millisecond.
pub const NS_PER_MS: i64 = 1_000_000;
/// Nanoseconds in a second.
pub const NS_PER_S: i64 = 1_000_000_000;

/// A point in time: nanoseconds since the Unix epoch, UTC. Zero means "never".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TimeNs(pub i64);

impl TimeNs {
    /// "It has not happened."
    pub const NEVER: TimeNs = TimeNs(0);

    /// From milliseconds since the Unix epoch; saturates.
    pub fn from_ms(ms: i64) -> Self {
        TimeNs(ms.saturating_mul(NS_PER_MS))
    }

    /// Whole milliseconds since the Unix epoch.
    pub fn ms(self) -> i64 {
        self.0.div_euclid(NS_PER_MS)
    }

    /// Nanoseconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: TimeNs) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `ns` later; saturates.
    pub fn plus_ns(self, ns: i64) -> Self {
        TimeNs(self.0.saturating_add(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_round_down_on_both_sides_of_the_epoch() {
        assert_eq!(TimeNs(1_999_999).ms(), 1);
        assert_eq!(TimeNs(-1).ms(), -1);
        assert_eq!(TimeNs::from_ms(i64::MAX), TimeNs(i64::MAX));
    }
}
