//! Latency histograms that a lane fills and a reader collects without ever stopping it.
//!
//! What it is not: a report. Percentiles and files are `report`'s.
//!
//! Invariant: on the lane, recording and handing over never allocate, lock or free: the reader makes the empty sets and
//! clears the used ones; every recorded value is in exactly one collected interval, also when the lane ends.
//!
//! How: a value is noted, and settled in its histogram at the next cycle; the reader sends an empty set through a ring; at its next cycle the lane swaps it for the filled one and sends
//! that back through another ring.

use hdrhistogram::Histogram;

use crate::runtime::stage::Stage;

/// The smallest recorded value, ns.
pub const VALUE_NS_MIN: u64 = 1;
/// The largest recorded value, ns: one minute. Longer ones are counted as this.
pub const VALUE_NS_MAX: u64 = 60_000_000_000;
/// Significant digits kept: values are exact to one part in a thousand.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Values that wait for their histograms at most.
const PENDING_MAX: usize = 32;

/// A histogram with the house's bounds; it never grows.
pub fn new_histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(VALUE_NS_MIN, VALUE_NS_MAX, SIGNIFICANT_DIGITS) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are constants that fit: {error}"),
    }
}

/// One histogram for each stage in use; `None` for the others, so that a lane pays memory only for what it times.
#[derive(Debug)]
struct StageSet([Option<Histogram<u64>>; Stage::COUNT]);

impl StageSet {
    fn new(stages: &[Stage]) -> StageSet {
        let mut set = StageSet(std::array::from_fn(|_| None));
        for stage in stages {
            set.0[stage.index()] = Some(new_histogram());
        }
        set
    }

    fn clear(&mut self) {
        for histogram in self.0.iter_mut().flatten() {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
    }

    fn add(&mut self, other: &StageSet) {
        for (total, interval) in self.0.iter_mut().zip(&other.0) {
            if let (Some(total), Some(interval)) = (total, interval)
                && !interval.is_empty()
            {
                // Cannot fail: both sides have the house's bounds.
                let _ = total.add(interval);
            }
        }
    }
}

/// A pair of ends for the given stages: the recorder goes to one lane, the reader stays with the control floor.
pub fn stage_histograms(stages: &[Stage]) -> (StageRecorder, StageReader) {
    let (to_lane, empties) = rtrb::RingBuffer::new(1);
    // Two places: the answer to a request, and the last set of a lane that ends.
    let (filled, from_lane) = rtrb::RingBuffer::new(2);
    let recorder = StageRecorder {
        active: Some(Box::new(StageSet::new(stages))),
        pending: [(Stage::LinkRead, 0); PENDING_MAX],
        pending_count: 0,
        empties,
        filled,
    };
    let reader = StageReader {
        to_lane,
        from_lane,
        spare: Some(Box::new(StageSet::new(stages))),
        interval: StageSet::new(stages),
        total: StageSet::new(stages),
    };
    (recorder, reader)
}

/// The lane's end.
#[derive(Debug)]
pub struct StageRecorder {
    /// Only `None` while being dropped.
    active: Option<Box<StageSet>>,
    /// Values of this cycle, not yet in their histograms.
    pending: [(Stage, i64); PENDING_MAX],
    pending_count: usize,
    empties: rtrb::Consumer<Box<StageSet>>,
    filled: rtrb::Producer<Box<StageSet>>,
}

impl StageRecorder {
    /// Records `ns` for a stage: below 1 counts as 1, above a minute as a minute. A stage that was not asked for at
    /// construction is ignored.
    ///
    /// Only noted here: a histogram has hundreds of kilobytes, and the cache misses should wait until the order is out.
    #[inline]
    pub fn record(&mut self, stage: Stage, ns: i64) {
        if self.pending_count == PENDING_MAX {
            self.settle();
        }
        self.pending[self.pending_count] = (stage, ns);
        self.pending_count += 1;
    }

    /// Puts what was noted into its histograms.
    fn settle(&mut self) {
        if let Some(set) = &mut self.active {
            for &(stage, ns) in &self.pending[..self.pending_count] {
                if let Some(histogram) = &mut set.0[stage.index()] {
                    histogram.saturating_record((ns.max(1) as u64).min(VALUE_NS_MAX));
                }
            }
        }
        self.pending_count = 0;
    }

    /// Settles what the cycle before noted, and hands the filled set over when the reader has asked for it. To be called
    /// once a cycle.
    #[inline]
    pub fn hand_over(&mut self) {
        if self.pending_count > 0 {
            self.settle();
        }
        if self.empties.is_empty() {
            return;
        }
        self.swap();
    }

    #[cold]
    fn swap(&mut self) {
        if self.filled.is_full() {
            return;
        }
        if let Ok(empty) = self.empties.pop()
            && let Some(full) = self.active.replace(empty)
        {
            // Cannot fail: there was room, and this is the only producer.
            let _ = self.filled.push(full);
        }
    }
}

impl Drop for StageRecorder {
    fn drop(&mut self) {
        self.settle();
        if let Some(last) = self.active.take() {
            // Has room: at most one answer is outstanding, and the ring holds two.
            let _ = self.filled.push(last);
        }
    }
}

/// The reader's end.
#[derive(Debug)]
pub struct StageReader {
    to_lane: rtrb::Producer<Box<StageSet>>,
    from_lane: rtrb::Consumer<Box<StageSet>>,
    spare: Option<Box<StageSet>>,
    interval: StageSet,
    total: StageSet,
}

impl StageReader {
    /// Takes in what the lane handed over and asks for more; true when something came. To be called about once a
    /// second, and once more after the lane has ended.
    pub fn collect(&mut self) -> bool {
        let mut came = false;
        while let Ok(mut set) = self.from_lane.pop() {
            if !came {
                self.interval.clear();
            }
            came = true;
            self.interval.add(&set);
            self.total.add(&set);
            set.clear();
            self.spare = Some(set);
        }
        if let Some(spare) = self.spare.take()
            && let Err(rtrb::PushError::Full(spare)) = self.to_lane.push(spare)
        {
            self.spare = Some(spare);
        }
        came
    }

    /// What came with the last `collect` that brought something.
    pub fn interval(&self, stage: Stage) -> Option<&Histogram<u64>> {
        self.interval.0[stage.index()].as_ref()
    }

    /// Everything since the start.
    pub fn total(&self, stage: Stage) -> Option<&Histogram<u64>> {
        self.total.0[stage.index()].as_ref()
    }

    /// The stages this pair was made for.
    pub fn stages(&self) -> impl Iterator<Item = Stage> + '_ {
        Stage::ALL.iter().copied().filter(|stage| self.total.0[stage.index()].is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_totals_after_a_hand_over() {
        let (mut recorder, mut reader) = stage_histograms(&[Stage::Decide, Stage::LinkRead]);
        assert!(reader.stages().eq([Stage::LinkRead, Stage::Decide]));
        recorder.record(Stage::Decide, 100);
        recorder.hand_over();
        assert!(!reader.collect(), "nothing was asked for yet");
        recorder.hand_over();
        assert!(reader.collect());
        recorder.record(Stage::Decide, 1_000);
        recorder.record(Stage::TickToOrder, 5);
        recorder.hand_over();
        assert!(reader.collect());
        assert_eq!(reader.interval(Stage::Decide).unwrap().len(), 1);
        assert_eq!(reader.interval(Stage::Decide).unwrap().max(), 1_000);
        assert_eq!(reader.total(Stage::Decide).unwrap().len(), 2);
        assert!(reader.total(Stage::TickToOrder).is_none());
    }

    #[test]
    fn values_outside_the_bounds_are_counted_at_the_bounds() {
        let (mut recorder, mut reader) = stage_histograms(&[Stage::Decide]);
        recorder.record(Stage::Decide, -5);
        recorder.record(Stage::Decide, i64::MAX);
        drop(recorder);
        assert!(reader.collect());
        let total = reader.total(Stage::Decide).unwrap();
        assert_eq!((total.len(), total.min()), (2, 1));
        assert!(total.max() >= VALUE_NS_MAX && total.max() < VALUE_NS_MAX / 1_000 * 1_002);
    }

    #[test]
    fn every_value_is_collected_once_while_the_lane_runs_and_ends() {
        let count = if cfg!(miri) { 500i64 } else { 200_000 };
        let (mut recorder, mut reader) = stage_histograms(&[Stage::Decide]);
        std::thread::scope(|scope| {
            let lane = scope.spawn(move || {
                for n in 0..count {
                    recorder.record(Stage::Decide, n % 1_000 + 1);
                    recorder.hand_over();
                }
            });
            let mut collected = 0;
            while !lane.is_finished() {
                if reader.collect() {
                    collected += reader.interval(Stage::Decide).unwrap().len();
                }
            }
            if reader.collect() {
                collected += reader.interval(Stage::Decide).unwrap().len();
            }
            assert_eq!(collected, count as u64);
        });
        assert_eq!(reader.total(Stage::Decide).unwrap().len(), count as u64);
    }
}
