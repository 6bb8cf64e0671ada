//! The catalogue of what is timed: every stage of the path, with its boundary.
//!
//! What it is not: a histogram; `runtime::histogram` keeps one for each of these.
//!
//! Invariant: a name, once published, keeps its meaning; reports, budgets and alarms refer to it.

/// One timed stretch. All are in nanoseconds of the lane's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Stage {
    /// Socket found readable → its messages decoded into records.
    LinkRead,
    /// A market record's `ts_recv` → the engine takes it up.
    IngestToDecide,
    /// One engine step: from taking a record up to its last output.
    Decide,
    /// One record into the journal's memory, checksum included.
    JournalAppend,
    /// Engine output → the send agent takes it up (with `before_send = "disk"` the wait for the disk is inside).
    DecideToSend,
    /// Order record → bytes written to the socket (the system call returned).
    EncodeAndWrite,
    /// `ts_recv` of the tick that caused an order → the engine has the order ready, journalled: the decision's budget.
    TickToDecision,
    /// The engine has the order ready → its write returned: the execution's budget.
    DecisionToSend,
    /// `ts_recv` of the tick that caused an order → the order's write returned.
    TickToOrder,
    /// `ts_send` → the venue's acknowledgement received.
    OrderToAck,
    /// `ts_send` → the first fill received.
    OrderToFill,
    /// A cycle of the ingest lane that did something. A fused lane records its cycles as decide.
    LaneCycleIngest,
    /// A cycle of the decide (or fused) lane that did something.
    LaneCycleDecide,
    /// A cycle of the send lane that did something.
    LaneCycleSend,
    /// A cycle of the persist lane that did something.
    LaneCyclePersist,
}

impl Stage {
    /// How many stages there are.
    pub const COUNT: usize = Stage::ALL.len();

    /// Every stage, in the order a tick meets them.
    pub const ALL: &'static [Stage] = &[
        Stage::LinkRead,
        Stage::IngestToDecide,
        Stage::Decide,
        Stage::JournalAppend,
        Stage::DecideToSend,
        Stage::EncodeAndWrite,
        Stage::TickToDecision,
        Stage::DecisionToSend,
        Stage::TickToOrder,
        Stage::OrderToAck,
        Stage::OrderToFill,
        Stage::LaneCycleIngest,
        Stage::LaneCycleDecide,
        Stage::LaneCycleSend,
        Stage::LaneCyclePersist,
    ];

    /// The name in reports, files and alarms.
    pub fn name(self) -> &'static str {
        match self {
            Stage::LinkRead => "link_read",
            Stage::IngestToDecide => "ingest_to_decide",
            Stage::Decide => "decide",
            Stage::JournalAppend => "journal_append",
            Stage::DecideToSend => "decide_to_send",
            Stage::EncodeAndWrite => "encode_and_write",
            Stage::TickToDecision => "tick_to_decision",
            Stage::DecisionToSend => "decision_to_send",
            Stage::TickToOrder => "tick_to_order",
            Stage::OrderToAck => "order_to_ack",
            Stage::OrderToFill => "order_to_fill",
            Stage::LaneCycleIngest => "lane_cycle_ingest",
            Stage::LaneCycleDecide => "lane_cycle_decide",
            Stage::LaneCycleSend => "lane_cycle_send",
            Stage::LaneCyclePersist => "lane_cycle_persist",
        }
    }

    /// One sentence for a report: what is inside the boundary.
    pub fn boundary(self) -> &'static str {
        match self {
            Stage::LinkRead => "socket readable to messages decoded",
            Stage::IngestToDecide => "record received to taken up by the engine",
            Stage::Decide => "one engine step",
            Stage::JournalAppend => "one record into the journal's memory, with checksum",
            Stage::DecideToSend => "engine output to taken up for sending",
            Stage::EncodeAndWrite => "order record to bytes written",
            Stage::TickToDecision => "tick received to its order ready and journalled",
            Stage::DecisionToSend => "order ready and journalled to its write returned",
            Stage::TickToOrder => "tick received to its order's write returned",
            Stage::OrderToAck => "order written to acknowledgement received",
            Stage::OrderToFill => "order written to first fill received",
            Stage::LaneCycleIngest => "one busy cycle of the ingest lane",
            Stage::LaneCycleDecide => "one busy cycle of the decide or fused lane",
            Stage::LaneCycleSend => "one busy cycle of the send lane",
            Stage::LaneCyclePersist => "one busy cycle of the persist lane",
        }
    }

    /// The stage with this name.
    pub fn from_name(name: &str) -> Option<Stage> {
        Stage::ALL.iter().copied().find(|stage| stage.name() == name)
    }

    /// Index into per-stage tables.
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole_and_names_are_unique() {
        for (index, &stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(stage.index(), index);
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
            assert!(!stage.boundary().is_empty());
        }
        assert_eq!(Stage::from_name("tick"), None);
    }
}
