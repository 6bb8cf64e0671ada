//! The catalogue of what a lane counts, and the shared numbers it is published in.
//!
//! What it is not: a metric system. `metrics` reads these and gives them units, labels and pages.
//!
//! Invariant: one writer a set, any number of readers; writing is a relaxed load and store, so a reader never slows or
//! stops a lane; a counter never goes down, a gauge is marked as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What can be counted. The name ends in its unit.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum CounterId { $($(#[$doc])* $variant),+ }

        impl CounterId {
            /// Every counter, in the order of the catalogue.
            pub const ALL: &'static [CounterId] = &[$(CounterId::$variant),+];

            /// The name in metrics and reports.
            pub fn name(self) -> &'static str {
                match self { $(CounterId::$variant => $name),+ }
            }
        }
    };
}

catalogue! {
    /// Cycles that did something.
    CyclesBusy = "cycles_busy_count",
    /// Cycles that found nothing.
    CyclesIdle = "cycles_idle_count",
    /// Bytes read from sockets.
    BytesIn = "in_bytes",
    /// Bytes written to sockets.
    BytesOut = "out_bytes",
    /// Messages decoded.
    MessagesIn = "messages_in_count",
    /// Messages encoded and written.
    MessagesOut = "messages_out_count",
    /// Messages refused by a decoder or a limit.
    MessagesRefused = "messages_refused_count",
    /// Connections accepted or made.
    Connections = "connections_count",
    /// Connections lost or closed.
    Disconnections = "disconnections_count",
    /// Ticks received from venues.
    Ticks = "ticks_count",
    /// Ticks replaced by a newer one before the engine saw them.
    TicksCoalesced = "ticks_coalesced_count",
    /// Holes found in numbered streams.
    Gaps = "gaps_count",
    /// Engine steps that evaluated the strategy.
    Decisions = "decisions_count",
    /// Ticks on which the model was not asked: a feature waits for its past.
    FeaturesUnready = "features_unready_count",
    /// Ticks on which the model was not asked: a feature is too old.
    FeaturesStale = "features_stale_count",
    /// Ticks on which the model was not asked: a feature is not a number.
    FeaturesMissing = "features_nan_count",
    /// Times that a part of the models was read because there was nothing to do.
    ModelTouches = "model_touches_count",
    /// Questions about the past that were refused, short or not answered.
    HistoryFailures = "history_failures_count",
    /// Intents of the strategy.
    Intents = "intents_count",
    /// Intents that the gate denied.
    Denied = "denied_count",
    /// Decisions dropped because they were older than their budget.
    Expired = "expired_count",
    /// Orders that the kill switch held back on their way out.
    Killed = "killed_count",
    /// Alerts that were not passed on, because whoever does it hangs; the journal has them.
    AlertsLost = "alerts_lost_count",
    /// Orders written to a socket.
    OrdersSent = "orders_sent_count",
    /// Orders acknowledged.
    OrdersAcked = "orders_acked_count",
    /// Orders rejected by link, terminal or venue.
    OrdersRejected = "orders_rejected_count",
    /// Orders whose fate became unknown.
    OrdersUnknown = "orders_unknown_count",
    /// Fills received.
    Fills = "fills_count",
    /// Pushes refused by a full ring.
    RingRefused = "ring_refused_count",
    /// Gauge: the most values ever found waiting in the lane's input ring.
    RingHighWater = "ring_high_water",
    /// Gauge: the last record appended to the journal's memory.
    JournalSeq = "journal_seq",
    /// Gauge: the last record copied to a journal file.
    JournalCopiedSeq = "journal_copied_seq",
    /// Gauge: the last record known to be on the disk.
    JournalDurableSeq = "journal_durable_seq",
    /// Writes or syncs that the file system refused.
    JournalErrors = "journal_errors_count",
}

impl CounterId {
    /// How many there are.
    pub const COUNT: usize = CounterId::ALL.len();

    /// Index into a set.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The numbers of one lane or agent, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
struct Counters([AtomicU64; CounterId::COUNT]);

/// A fresh set, all zero.
pub fn counters() -> (CounterWriter, CounterReader) {
    let shared = Arc::new(Counters(std::array::from_fn(|_| AtomicU64::new(0))));
    (CounterWriter(shared.clone()), CounterReader(shared))
}

/// The one writer's handle.
#[derive(Debug)]
pub struct CounterWriter(Arc<Counters>);

impl CounterWriter {
    /// Adds `count`; wraps after 2^64.
    #[inline]
    pub fn add(&mut self, id: CounterId, count: u64) {
        // Load and store instead of an atomic addition: `&mut self` makes this the only writer.
        let counter = &self.0.0[id.index()];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Sets a gauge, or publishes a number that is counted elsewhere.
    #[inline]
    pub fn set(&mut self, id: CounterId, value: u64) {
        self.0.0[id.index()].store(value, Ordering::Relaxed);
    }
}

/// A reader's handle; clone freely.
#[derive(Clone, Debug)]
pub struct CounterReader(Arc<Counters>);

impl CounterReader {
    /// The number now. Two numbers read one after the other are not from the same moment.
    pub fn value(&self, id: CounterId) -> u64 {
        self.0.0[id.index()].load(Ordering::Relaxed)
    }

    /// Every counter that is not zero.
    pub fn nonzero(&self) -> impl Iterator<Item = (CounterId, u64)> + '_ {
        CounterId::ALL.iter().map(|&id| (id, self.value(id))).filter(|&(_, value)| value != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_what_the_writer_counted() {
        let (mut writer, reader) = counters();
        let count = if cfg!(miri) { 200 } else { 20_000 };
        std::thread::scope(|scope| {
            let watching = reader.clone();
            scope.spawn(move || {
                for _ in 0..count {
                    writer.add(CounterId::Ticks, 2);
                }
                writer.set(CounterId::JournalSeq, 7);
            });
            let mut last = 0;
            while last < 2 * count {
                let now = watching.value(CounterId::Ticks);
                assert!(now >= last && now % 2 == 0);
                last = now;
            }
        });
        let seen: Vec<_> = reader.nonzero().collect();
        assert_eq!(seen, [(CounterId::Ticks, 2 * count), (CounterId::JournalSeq, 7)]);
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = CounterId::ALL.iter().map(|id| id.name()).collect();
        assert_eq!(names.len(), CounterId::COUNT);
    }
}
