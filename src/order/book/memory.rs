//! How much a book remembers.
//!
//! What it is not: a limit of risk; the gate has those, and stays below these.
//!
//! Invariant: all of it is taken when the book is made.

use super::ORDERS_OPEN_MAX;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookMemory {
    /// Orders, and requests, whose fate may be open at one time.
    pub open_max: usize,
    /// Final orders remembered for late reports.
    pub final_max: usize,
    /// Deals of a venue remembered, so that a repeated one is known.
    pub deals_max: usize,
}

impl BookMemory {
    /// As an appliance has it.
    pub const WHOLE: BookMemory =
        BookMemory { open_max: ORDERS_OPEN_MAX, final_max: 4_096, deals_max: 65_536 };
}
