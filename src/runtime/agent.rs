//! What runs on a lane: one shape for ingest, decide, send and persist.
//!
//! What it is not: a thread. A lane owns the thread and may call several agents in turn.
//!
//! Invariant: an agent never blocks, never calls another agent, and bounds what one `do_work` drains; the time it
//! works with is the one it is handed.

use crate::types::TimeNs;

/// A duty cycle.
pub trait Agent {
    /// For thread names, logs and reports: one lower-case word.
    fn name(&self) -> &str;

    /// Called once, on the lane's thread, before the first cycle.
    fn on_start(&mut self, now: TimeNs);

    /// One turn: drains a bounded amount and returns how many items it handled; zero lets the lane idle.
    ///
    /// `now` was read once, at the beginning of the lane's cycle.
    fn do_work(&mut self, now: TimeNs) -> usize;

    /// Called once, on the lane's thread, after the last cycle; also when another agent of the lane panicked.
    fn on_close(&mut self);
}
