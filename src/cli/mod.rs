//! The command line: one file a command.
//!
//! What it is not: the work; commands parse their arguments and call the floor that does it.
//!
//! Invariant: every command prints what went wrong to standard error, and returns an exit code that says so.

pub mod sim;
pub mod ticks;
