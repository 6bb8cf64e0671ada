//! A lane: a named, pinned thread that calls its agents in turn until told to stop.
//!
//! What it is not: a scheduler or a pool. A lane never grows, and nobody waits for it.
//!
//! Invariant: the clock is read once a cycle; after its start the lane itself neither allocates, locks nor formats; a
//! panic ends the lane, closes the agents that did not panic, and is visible at once as [`LaneState::Failed`].
#![allow(clippy::disallowed_methods)] // This file is the door to threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::histogram::StageRecorder;
use crate::runtime::idle::Idle;
use crate::runtime::memory_lock::prefault_stack;
use crate::runtime::stage::Stage;

/// Tells lanes to end after their current cycle. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that is down.
    pub fn new() -> StopFlag {
        StopFlag::default()
    }

    /// Raises it, for good.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was raised.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Where a lane is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum LaneState {
    /// The thread is being set up.
    Starting = 0,
    /// Cycling.
    Running = 1,
    /// Ended because it was told to.
    Stopped = 2,
    /// An agent panicked: trading must halt and the journal be flushed.
    Failed = 3,
}

/// What a lane is made of.
#[derive(Debug)]
pub struct LaneSpec {
    /// The thread's name, at most 15 characters shown by the system.
    pub name: &'static str,
    /// The core to run on; `None` leaves it to the system.
    pub core: Option<usize>,
    /// What to do when nothing is to be done.
    pub idle: Idle,
    /// Under which stage busy cycles are recorded.
    pub cycle_stage: Stage,
    /// Takes the cycle times.
    pub recorder: StageRecorder,
    /// Takes the cycle counts.
    pub counters: CounterWriter,
    /// The lane's clock.
    pub clock: Clock,
    /// Ends the lane.
    pub stop: StopFlag,
}

#[derive(Debug)]
struct Status {
    state: AtomicU8,
    pinned: AtomicBool,
    failure: OnceLock<String>,
}

/// A running lane's handle.
#[derive(Debug)]
pub struct Lane {
    name: &'static str,
    status: Arc<Status>,
    thread: JoinHandle<()>,
}

impl Lane {
    /// Starts the thread. Agents are started, called and closed on it, in the given order.
    pub fn spawn(spec: LaneSpec, agents: Vec<Box<dyn Agent + Send>>) -> std::io::Result<Lane> {
        let name = spec.name;
        let status = Arc::new(Status {
            state: AtomicU8::new(LaneState::Starting as u8),
            pinned: AtomicBool::new(false),
            failure: OnceLock::new(),
        });
        let shared = status.clone();
        let thread = spawn_thread(name, move || run(spec, agents, &shared))?;
        Ok(Lane { name, status, thread })
    }

    /// The lane's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is in its life.
    pub fn state(&self) -> LaneState {
        match self.status.state.load(Ordering::Acquire) {
            0 => LaneState::Starting,
            1 => LaneState::Running,
            2 => LaneState::Stopped,
            _ => LaneState::Failed,
        }
    }

    /// Whether the thread sits on the core that was asked for; known once it is running.
    pub fn is_pinned(&self) -> bool {
        self.status.pinned.load(Ordering::Acquire)
    }

    /// The panic's words, when it failed.
    pub fn failure(&self) -> Option<&str> {
        self.status.failure.get().map(String::as_str)
    }

    /// Ends a parked idle cycle early.
    pub fn wake(&self) {
        self.thread.thread().unpark();
    }

    /// Waits for the end; `Err` has the panic's words. Raise the stop flag first.
    pub fn join(self) -> Result<(), String> {
        self.thread.thread().unpark();
        // The thread's own result says nothing: panics were caught inside.
        let _ = self.thread.join();
        match self.status.failure.get() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }
}

/// Starts an ordinary named thread: the control floor, tools and benches. Not for lanes.
pub fn spawn_thread<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Pins the calling thread to a core; false when the system refused.
pub fn pin_current_thread(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

fn run(mut spec: LaneSpec, mut agents: Vec<Box<dyn Agent + Send>>, status: &Status) {
    if let Some(core) = spec.core {
        status.pinned.store(pin_current_thread(core), Ordering::Release);
    }
    prefault_stack();
    let mut current = 0;
    let cycles = catch_unwind(AssertUnwindSafe(|| {
        let now = spec.clock.now();
        for (index, agent) in agents.iter_mut().enumerate() {
            current = index;
            agent.on_start(now);
        }
        status.state.store(LaneState::Running as u8, Ordering::Release);
        cycle_until_stopped(&mut spec, &mut agents, &mut current);
    }));
    let mut end = LaneState::Stopped;
    let panicked = cycles.err().map(|panic| {
        end = LaneState::Failed;
        fail(status, agents[current].name(), panic.as_ref());
        current
    });
    for (index, agent) in agents.iter_mut().enumerate() {
        if panicked == Some(index) {
            continue;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| agent.on_close())) {
            end = LaneState::Failed;
            fail(status, agent.name(), panic.as_ref());
        }
    }
    status.state.store(end as u8, Ordering::Release);
}

/// The state is set before anything else, so that others halt while this lane still closes its agents.
fn fail(status: &Status, agent: &str, panic: &(dyn std::any::Any + Send)) {
    status.state.store(LaneState::Failed as u8, Ordering::Release);
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    let _ = status.failure.set(format!("agent {agent}: {words}"));
}

fn cycle_until_stopped(spec: &mut LaneSpec, agents: &mut [Box<dyn Agent + Send>], current: &mut usize) {
    let mut busy_since = None;
    let mut idle_count = 0u32;
    while !spec.stop.is_stopped() {
        let now = spec.clock.now();
        if let Some(start) = busy_since {
            spec.recorder.record(spec.cycle_stage, now.since(start));
        }
        spec.recorder.hand_over();
        let mut work_count = 0;
        for (index, agent) in agents.iter_mut().enumerate() {
            *current = index;
            work_count += agent.do_work(now);
        }
        if work_count > 0 {
            busy_since = Some(now);
            idle_count = 0;
            spec.counters.add(CounterId::CyclesBusy, 1);
        } else {
            busy_since = None;
            idle_count = idle_count.saturating_add(1);
            spec.counters.add(CounterId::CyclesIdle, 1);
            spec.idle.pause(idle_count).rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::counters::{CounterReader, counters};
    use crate::runtime::histogram::{StageReader, stage_histograms};
    use crate::types::TimeNs;
    use std::sync::atomic::AtomicUsize;

    /// Works `work` times, then panics or idles; counts what happens to it.
    struct Probe {
        name: &'static str,
        work: usize,
        panics: bool,
        log: Arc<[AtomicUsize; 3]>,
    }

    impl Agent for Probe {
        fn name(&self) -> &str {
            self.name
        }

        fn on_start(&mut self, _now: TimeNs) {
            self.log[0].fetch_add(1, Ordering::SeqCst);
        }

        fn do_work(&mut self, _now: TimeNs) -> usize {
            if self.work == 0 {
                assert!(!self.panics, "probe had enough");
                return 0;
            }
            self.work -= 1;
            self.log[1].fetch_add(1, Ordering::SeqCst);
            1
        }

        fn on_close(&mut self) {
            self.log[2].fetch_add(1, Ordering::SeqCst);
        }
    }

    fn probe(
        name: &'static str,
        work: usize,
        panics: bool,
    ) -> (Box<dyn Agent + Send>, Arc<[AtomicUsize; 3]>) {
        let log: Arc<[AtomicUsize; 3]> = Arc::default();
        (Box::new(Probe { name, work, panics, log: log.clone() }), log)
    }

    fn spec(stop: &StopFlag) -> (LaneSpec, StageReader, CounterReader) {
        let (recorder, stages) = stage_histograms(&[Stage::LaneCycleDecide]);
        let (writer, reader) = counters();
        let spec = LaneSpec {
            name: "tb-test",
            core: None,
            idle: Idle::Yield,
            cycle_stage: Stage::LaneCycleDecide,
            recorder,
            counters: writer,
            clock: Clock::manual(TimeNs(1)).0,
            stop: stop.clone(),
        };
        (spec, stages, reader)
    }

    fn seen(log: &[AtomicUsize; 3]) -> [usize; 3] {
        std::array::from_fn(|index| log[index].load(Ordering::SeqCst))
    }

    #[test]
    fn agents_are_started_called_in_turn_and_closed() {
        let stop = StopFlag::new();
        let (spec, mut stages, counts) = spec(&stop);
        let ((first, first_log), (second, second_log)) =
            (probe("first", 5, false), probe("second", 3, false));
        let lane = Lane::spawn(spec, vec![first, second]).unwrap();
        while counts.value(CounterId::CyclesIdle) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(lane.state(), LaneState::Running);
        stop.stop();
        assert_eq!(lane.join(), Ok(()));
        assert_eq!((seen(&first_log), seen(&second_log)), ([1, 5, 1], [1, 3, 1]));
        assert_eq!(counts.value(CounterId::CyclesBusy), 5);
        stages.collect();
        assert_eq!(stages.total(Stage::LaneCycleDecide).unwrap().len(), 5);
    }

    #[test]
    fn a_panic_fails_the_lane_and_closes_the_other_agents() {
        let stop = StopFlag::new();
        let (spec, _stages, _counts) = spec(&stop);
        let ((good, good_log), (bad, bad_log)) = (probe("good", 0, false), probe("bad", 2, true));
        let lane = Lane::spawn(spec, vec![good, bad]).unwrap();
        while lane.state() != LaneState::Failed {
            std::thread::yield_now();
        }
        let failure = lane.join().unwrap_err();
        assert!(failure.contains("agent bad") && failure.contains("had enough"), "{failure}");
        assert_eq!((seen(&good_log)[2], seen(&bad_log)), (1, [1, 2, 0]));
        assert!(!stop.is_stopped());
    }
}
