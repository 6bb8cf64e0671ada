//! The journal run again: the same inputs must make the same outputs, bit for bit.
//!
//! What it is not: recovery, which takes our own commands as facts; here they are decided anew and compared.
//!
//! Invariant: nothing but the journal's folder is read. A difference names the record, its file and its place.

mod controls;
mod latency;
mod rebuild;
mod verify;

pub use controls::control_report;
pub use latency::{JournalStages, measure};
pub use rebuild::{Rebuilt, rebuild, snapshot_of, tells_another};
pub use verify::{Difference, ReplayError, Summary, verify, watch};
