//! What one step produced, and what all steps counted.
//!
//! What it is not: a queue; the lane empties it after every step.
//!
//! Invariant: its memory is taken once; a step that would produce more than fits breaks an invariant and stops the engine.

use crate::record::Record;
use crate::risk::Reason;

/// Most records one step may produce.
pub const OUTPUTS_MAX: usize = 8_192;
/// Different return codes that are counted apart.
const RETCODES_MAX: usize = 64;
/// Different reasons that changed trading.
const CHANGES_MAX: usize = 16;
/// Above every reason's code.
const REASON_CODES: usize = 144;

/// The records of one step, in order.
#[derive(Clone, Debug)]
pub struct Outputs {
    records: Vec<Record>,
}

impl Default for Outputs {
    fn default() -> Self {
        Outputs { records: Vec::with_capacity(OUTPUTS_MAX) }
    }
}

impl Outputs {
    /// Adds a record.
    ///
    /// # Panics
    /// When the step produced [`OUTPUTS_MAX`] records already.
    #[inline]
    pub fn push(&mut self, record: Record) {
        assert!(self.records.len() < OUTPUTS_MAX, "a step produced more than {OUTPUTS_MAX} records");
        self.records.push(record);
    }

    /// What was produced.
    #[inline]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What was produced, for the journal to number.
    #[inline]
    pub fn records_mut(&mut self) -> &mut [Record] {
        &mut self.records
    }

    /// Ready for the next step.
    #[inline]
    pub fn clear(&mut self) {
        self.records.clear();
    }
}

/// Why a model was not asked on a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Hold {
    /// A feature still waits for history, or its past is being told.
    Unready = 0,
    /// A feature is older than it may be.
    Stale = 1,
    /// A feature has no value: it is not a number.
    Missing = 2,
}

impl Hold {
    /// Every reason, in the order of the counts.
    pub const ALL: [Hold; 3] = [Hold::Unready, Hold::Stale, Hold::Missing];

    /// `CATEGORY_CONDITION`.
    pub fn name(self) -> &'static str {
        match self {
            Hold::Unready => "FEATURES_NOT_READY",
            Hold::Stale => "FEATURES_STALE",
            Hold::Missing => "FEATURES_NAN",
        }
    }
}

/// What the engine counted since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Ticks stepped.
    pub ticks: u64,
    /// Ticks that a full ring folded into a later one.
    pub coalesced: u64,
    /// Times the model was asked.
    pub decisions: u64,
    /// Commands produced.
    pub orders: u64,
    /// Requests produced: cancels, changes, close-bys.
    pub requests: u64,
    /// Requests that came into doubt.
    pub requests_unknown: u64,
    /// Fills of our orders counted.
    pub fills: u64,
    /// Numbers missing from streams.
    pub gaps: u64,
    /// Missing ticks that came after all.
    pub refilled: u64,
    /// Deals told again.
    pub deals_repeated: u64,
    /// Deals that are not ours.
    pub deals_foreign: u64,
    /// Pending orders that appeared and are not ours.
    pub orders_foreign: u64,
    /// Orders that became Unknown.
    pub unknown: u64,
    /// Orders that had ended as not executed and came back.
    pub returned: u64,
    /// Snapshots compared with our positions.
    pub reconciliations: u64,
    /// Of them, with a difference.
    pub mismatches: u64,
    /// Entries that waited because an order of the instrument was open.
    pub waits_in_flight: u64,
    /// Orders that passed by the operator's leave.
    pub overridden: u64,
    /// Questions about the past.
    pub history_requests: u64,
    /// Ticks that answered them.
    pub history_ticks: u64,
    /// Bars that answered them.
    pub history_bars: u64,
    /// Answers that were refused, short, or did not come.
    pub history_failures: u64,
    /// Ticks on which a model was not asked, in the order of [`Hold::ALL`].
    pub held: [u64; Hold::ALL.len()],
    /// Refusals of the gate, by reason code.
    pub denied: [u64; REASON_CODES],
    /// Refusals of the venue: return code and count.
    retcodes: [(u32, u64); RETCODES_MAX],
    /// Changes of what may leave: the reason's code and count.
    changes: [(u32, u64); CHANGES_MAX],
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            ticks: 0,
            coalesced: 0,
            decisions: 0,
            orders: 0,
            requests: 0,
            requests_unknown: 0,
            fills: 0,
            gaps: 0,
            refilled: 0,
            deals_repeated: 0,
            deals_foreign: 0,
            orders_foreign: 0,
            unknown: 0,
            returned: 0,
            reconciliations: 0,
            mismatches: 0,
            waits_in_flight: 0,
            overridden: 0,
            history_requests: 0,
            history_ticks: 0,
            history_bars: 0,
            history_failures: 0,
            held: [0; Hold::ALL.len()],
            denied: [0; REASON_CODES],
            retcodes: [(0, 0); RETCODES_MAX],
            changes: [(0, 0); CHANGES_MAX],
        }
    }
}

impl Counts {
    pub(super) fn deny(&mut self, reason: Reason) {
        self.denied[reason as usize % REASON_CODES] += 1;
    }

    /// What may leave was changed for this reason.
    pub(super) fn change(&mut self, reason: Reason) {
        let code = reason as u32;
        let free_or_same = self.changes.iter_mut().find(|(of, count)| *of == code || *count == 0);
        if let Some(entry) = free_or_same {
            *entry = (code, entry.1 + 1);
        }
    }

    /// Changes of what may leave: reason and count.
    pub fn changes(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        self.changes.iter().filter_map(|(code, count)| Some((Reason::from_code(*code)?, *count)))
    }

    pub(super) fn hold(&mut self, hold: Hold) {
        self.held[hold as usize] += 1;
    }

    /// Ticks on which a model was not asked: reason and count.
    pub fn held(&self) -> impl Iterator<Item = (Hold, u64)> + '_ {
        Hold::ALL.into_iter().map(|hold| (hold, self.held[hold as usize])).filter(|(_, count)| *count > 0)
    }

    pub(super) fn refuse(&mut self, retcode: u32) {
        let free_or_same = self.retcodes.iter_mut().find(|(code, count)| *code == retcode || *count == 0);
        if let Some(entry) = free_or_same {
            *entry = (retcode, entry.1 + 1);
        }
    }

    /// Refusals of the venue: return code and count.
    pub fn refused(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.retcodes.iter().copied().filter(|(_, count)| *count > 0)
    }

    /// Refusals of the gate: reason and count.
    pub fn denied(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL
            .iter()
            .map(|reason| (*reason, self.denied[*reason as usize % REASON_CODES]))
            .filter(|(_, count)| *count > 0)
    }
}

const _: () = {
    let mut at = 0;
    while at < Reason::ALL.len() {
        assert!((Reason::ALL[at] as usize) < REASON_CODES);
        at += 1;
    }
};
