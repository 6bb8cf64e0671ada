//! One input of one instrument on one clock: its open bar, its history, and the nodes that read it.
//!
//! What it is not: it does not know when a bar ends (`bars.rs`).
//!
//! Invariant: a sample reaches every node once, and what belongs to a closed bar is not computed again until the next.

use super::Row;
use super::input::{Source, volume_raw};
use crate::features::bars::OpenBar;
use crate::features::nodes::{Moment, Node, Quick, Readers, Sample};
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
    /// Cheap nodes, moved here from `cells` when the graph is complete.
    quick: Quick,
    /// The others; those that look at a second instrument stay where they were put.
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
            quick: Quick::default(),
            cells: Vec::new(),
        }
    }

    /// Nodes.
    pub(super) fn node_count(&self) -> u64 {
        (self.quick.len() + self.cells.len()) as u64
    }

    /// Moves the cheap nodes to where they run fast, and returns the places of the row that this stream writes.
    pub(super) fn finish(&mut self) -> Vec<u32> {
        let places = self.cells.iter().flat_map(|cell| cell.readers.places()).collect();
        // Whoever names a cell by its index names one before the first that may move.
        let fixed = self.cells.iter().rposition(|cell| cell.node.has_second()).map_or(0, |at| at + 1);
        for Cell { node, readers } in self.cells.split_off(fixed) {
            if let Some((node, readers)) = self.quick.add(node, readers) {
                self.cells.push(Cell { node, readers });
            }
        }
        places
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
        self.quick.reset(row);
        self.cells.iter_mut().for_each(|cell| cell.reset(row));
    }

    /// A tick as a sample.
    #[inline(always)]
    pub(super) fn push_tick(&mut self, raw: i64, volume_e8: i64, at: &Moment<'_>, row: &mut Row) {
        self.push_quick(raw, at, row);
        if !self.cells.is_empty() {
            let bar = OpenBar { high: raw, low: raw, close: Some(raw), volume_e8, ticks: 1 };
            self.push_others(raw, &bar, at, row);
        }
        self.previous = raw;
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
        self.push_quick(raw, at, row);
        self.push_others(raw, &bar, at, row);
        self.previous = raw;
        true
    }

    /// Counts a sample and gives it to the quick nodes, which look at no bar; inlined, so that it stays in registers.
    #[inline(always)]
    fn push_quick(&mut self, raw: i64, at: &Moment<'_>, row: &mut Row) {
        if self.seen == 0 {
            self.previous = raw;
        }
        self.seen += 1;
        self.ts = at.ts;
        let mask = self.history.len() - 1;
        self.history[(self.seen - 1) as usize & mask] = raw;
        let Stream { previous, unit, seen, ref history, ref mut quick, .. } = *self;
        let sample = Sample { raw, previous, unit, seen, history, bar: OpenBar::EMPTY, at };
        quick.push(&sample, row);
    }

    /// The sample that was counted, for the nodes that are not quick.
    #[inline(never)]
    fn push_others(&mut self, raw: i64, bar: &OpenBar, at: &Moment<'_>, row: &mut Row) {
        let Stream { previous, unit, seen, ref history, .. } = *self;
        let sample = Sample { raw, previous, unit, seen, history, bar: *bar, at };
        for cell in &mut self.cells {
            cell.node.push(&sample, &mut cell.readers, row);
        }
    }
}

impl Cell {
    /// Forgets every sample; the row's places become unready.
    pub(super) fn reset(&mut self, row: &mut Row) {
        self.node.reset();
        self.readers.reset(row);
    }
}
