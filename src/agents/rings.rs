//! The rings between agents, and what travels in them.
//!
//! What it is not: a queue with a policy; each agent keeps its own (`ingest` coalesces ticks, nobody drops reports).
//!
//! Invariant: every ring has one producer and one consumer, and its size is a configuration value.

use crate::record::Record;
use crate::runtime::ring::{Consumer, Producer, ring};
use crate::types::TimeNs;

/// Questions about the past that may wait; the engine asks one of a venue at a time.
pub(super) const HISTORY_REQUESTS_SLOTS: usize = 64;

/// A command or query on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outbound {
    /// As journalled.
    pub record: Record,
    /// When the engine had it ready.
    pub ts_decide: TimeNs,
}

/// Slots of each ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingSizes {
    /// Ticks.
    pub market: usize,
    /// Everything else towards the engine.
    pub reports: usize,
    /// Commands and queries.
    pub orders: usize,
}

/// Both ends of all rings.
#[derive(Debug)]
pub struct Rings {
    /// Ticks from ingest to decide.
    pub market: (Producer<Record>, Consumer<Record>),
    /// What else the market connections say.
    pub ingest_reports: (Producer<Record>, Consumer<Record>),
    /// What the trade connections and the sending lane say.
    pub send_reports: (Producer<Record>, Consumer<Record>),
    /// Commands and queries.
    pub orders: (Producer<Outbound>, Consumer<Outbound>),
    /// Questions about the past from decide to ingest.
    pub history_requests: (Producer<Record>, Consumer<Record>),
}

/// Makes them.
pub fn rings(sizes: RingSizes) -> Rings {
    Rings {
        market: ring(sizes.market),
        ingest_reports: ring(sizes.reports),
        // The sending lane also tells of every order that it took.
        send_reports: ring((sizes.reports + sizes.orders).next_power_of_two()),
        orders: ring(sizes.orders),
        history_requests: ring(HISTORY_REQUESTS_SLOTS),
    }
}
