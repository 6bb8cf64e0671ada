//! One input of one instrument on one clock: its open bar, its history, and the nodes that read it.
//!
//! What it is not: it does not know when a bar ends (`bars.rs`).
//!
//! Invariant: a sample reaches every node once, and what belongs to a closed bar is not computed again until the next.

use super::Row;
use super::input::{Source, volume_raw};
use crate::features::bars::OpenBar;
use crate::features::nodes::{Moment, Node, Readers, Sample};
use crate::features::spec::Input;
use crate::types::TimeNs;

/// A node and who reads it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) node: Node,
    pub(super) readers: Readers,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) source: Source,
    unit: f64,
    /// Which of the instrument's bar clocks; `None` samples every tick.
    pub(super) clock: Option<usize>,
    pub(super) bar: OpenBar,
    previous: i64,
    seen: u64,
    /// Venue time of the last sample.
    pub(super) ts: TimeNs,
    pub(super) history: Box<[i64]>,
    pub(super) cells: Vec<Cell>,
}

impl Stream {
    pub(super) fn new(source: Source, clock: Option<usize>) -> Self {
        Stream {
            source,
            unit: source.unit(),
            clock,
            bar: OpenBar::EMPTY,
            previous: 0,
            seen: 0,
            ts: TimeNs::NEVER,
            history: vec![0; 2].into(),
            cells: Vec::new(),
        }
    }

    /// Keeps at least so many samples; only while the graph is built.
    pub(super) fn keep(&mut self, samples: u32) {
        let room = (samples as usize).next_power_of_two();
        if self.history.len() < room {
            self.history = vec![0; room].into();
        }
    }

    /// Forgets every sample; the row's places become unready.
    pub(super) fn reset(&mut self, row: &mut Row) {
        self.bar = OpenBar::EMPTY;
        (self.previous, self.seen, self.ts) = (0, 0, TimeNs::NEVER);
        self.cells.iter_mut().for_each(|cell| cell.reset(row));
    }

    /// A tick as a sample.
    #[inline(always)]
    pub(super) fn push_tick(&mut self, raw: i64, volume_e8: i64, at: &Moment<'_>, row: &mut Row) {
        let bar = OpenBar { high: raw, low: raw, close: Some(raw), volume_e8, ticks: 1 };
        self.push(raw, &bar, at, row);
    }

    /// A closed bar as a sample, if it has what the stream samples; returns whether.
    #[inline(never)]
    pub(super) fn push_bar(&mut self, bar: OpenBar, at: &Moment<'_>, row: &mut Row) -> bool {
        let count = match self.source {
            Source::Input(Input::Volume) if bar.ticks > 0 => volume_raw(bar.volume_e8),
            Source::Input(Input::Ticks) if bar.ticks > 0 => i64::try_from(bar.ticks).ok(),
            _ => None,
        };
        let (raw, bar) = match (count, bar.close) {
            (Some(raw), _) => (raw, OpenBar { high: raw, low: raw, ..bar }),
            (None, Some(raw)) => (raw, bar),
            (None, None) => return false,
        };
        self.push(raw, &bar, at, row);
        true
    }

    /// Inlined twice, so that a tick's sample stays in registers.
    #[inline(always)]
    fn push(&mut self, raw: i64, bar: &OpenBar, at: &Moment<'_>, row: &mut Row) {
        if self.seen == 0 {
            self.previous = raw;
        }
        self.seen += 1;
        let mask = self.history.len() - 1;
        self.history[(self.seen - 1) as usize & mask] = raw;
        let sample = Sample {
            raw,
            previous: self.previous,
            unit: self.unit,
            seen: self.seen,
            history: &self.history,
            bar,
            at,
        };
        for cell in &mut self.cells {
            cell.node.push(&sample, &mut cell.readers, row);
        }
        self.previous = raw;
        self.ts = at.ts;
    }
}

impl Cell {
    /// Forgets every sample; the row's places become unready.
    pub(super) fn reset(&mut self, row: &mut Row) {
        self.node.reset();
        self.readers.reset(row);
    }
}
