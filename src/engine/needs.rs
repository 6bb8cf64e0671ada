//! What an instrument's features need of the past.
//!
//! What it is not: a plan of how to get it (`history.rs`).
//!
//! Invariant: a bar that the terminal would build otherwise than the graph is never taken from it.

use crate::types::{Execution, InstrumentId, NS_PER_S};

/// Bars that the terminal builds, seconds.
const TERMINAL_PERIODS_S: [i64; 19] = [
    60, 120, 180, 240, 300, 360, 600, 720, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 28_800,
    43_200, 86_400,
];

/// What an instrument's features need.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Newest ticks.
    pub ticks: u32,
    /// As many ticks as may be asked for: nobody knows how many make a bar of so much volume.
    pub volume: Option<Volume>,
    /// Time bars.
    pub bars: Vec<BarsNeeded>,
    /// Instruments whose features look at this one, and whose past must be told before.
    pub after: Vec<InstrumentId>,
}

impl Needs {
    /// Adds time bars, or raises what is needed of those of the same length and beginning.
    pub(super) fn add_bars(&mut self, bars: BarsNeeded) {
        let same =
            |known: &&mut BarsNeeded| (known.period_ns, known.offset_ns) == (bars.period_ns, bars.offset_ns);
        match self.bars.iter_mut().find(same) {
            Some(known) => {
                known.samples = known.samples.max(bars.samples);
                known.from_terminal &= bars.from_terminal;
            }
            None => self.bars.push(bars),
        }
    }
}

/// Some feature samples by volume.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volume;

/// Time bars of one length.
#[derive(Clone, Copy, Debug)]
pub(super) struct BarsNeeded {
    pub period_ns: i64,
    /// The venue's own time minus UTC, as the feature has it.
    pub offset_ns: i64,
    pub samples: u32,
    /// Whether a bar of the terminal says all that the features want of it.
    pub from_terminal: bool,
}

impl BarsNeeded {
    /// Opening time of the bar that holds this time.
    pub(super) fn opening(&self, ts: i64) -> i64 {
        ts.saturating_sub(ts.saturating_add(self.offset_ns).rem_euclid(self.period_ns))
    }

    /// Whether a terminal with this offset from UTC builds the very same bars. On an exchange they may be of last prices.
    pub(super) fn come_from_terminal(&self, server_offset_ns: i64, execution: Option<Execution>) -> bool {
        self.from_terminal
            && execution.is_some_and(|execution| execution != Execution::Exchange)
            && self.period_ns % NS_PER_S == 0
            && TERMINAL_PERIODS_S.contains(&(self.period_ns / NS_PER_S))
            && (server_offset_ns - self.offset_ns) % self.period_ns == 0
    }
}
