//! What lies on disk outside the journal: tick files, and tables for training.
//!
//! What it is not: the journal (`journal`), which is the single truth of a run; nothing here is read on a hot lane.
//!
//! Invariant: a reader refuses what it does not understand, naming file and place; nothing is dropped in silence.

pub mod table;
pub mod ticks;
