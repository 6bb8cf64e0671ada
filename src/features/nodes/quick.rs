//! The cheap and common nodes of one stream, by kind, so that a tick runs down straight loops with nothing to decide.
//!
//! What it is not: another definition of any of them; they are the nodes of the other files, and what a reader looks back at
//! keeps its node out of here.
//!
//! Invariant: a node here looks at no bar and no time, and has readers without a look back only. Until all of them have their
//! history, samples take the path of all other nodes.

use super::{Compute, Node, Output, Readers, Row, Sample, Slot};
use super::{average, band, lag, oscillator};
use crate::features::spec::{BandOutput, MacdOutput};

/// The usual outputs of MACD.
const MACD: [Output; 3] =
    [Output::Macd(MacdOutput::Main), Output::Macd(MacdOutput::Signal), Output::Macd(MacdOutput::Histogram)];

/// A node with all of its readers' places and outputs.
#[derive(Clone, Debug)]
struct Plain<N> {
    node: N,
    /// The usual outputs, one slot each: of most nodes their only one; main, signal and histogram; middle, deviation, upper,
    /// lower and width. [`Slot::NOWHERE`] for one that nobody wants.
    slots: [Slot; 5],
    /// Of the upper, the lower and the width.
    deviations: f64,
    /// What is wanted besides, or twice.
    wanted: Box<[(Slot, Output)]>,
}

impl<N> Plain<N> {
    /// `usual` are the outputs of `slots`.
    fn new(node: N, readers: &Readers, usual: &[Output]) -> Self {
        let (mut slots, mut wanted) = ([Slot::NOWHERE; 5], Vec::new());
        for &(place, output) in &readers.plain {
            let slot = Slot::of(place);
            match usual.iter().position(|known| *known == output) {
                Some(at) if slots[at] == Slot::NOWHERE => slots[at] = slot,
                _ => wanted.push((slot, output)),
            }
        }
        Plain { node, slots, deviations: 0.0, wanted: wanted.into() }
    }
}

/// Nodes of one kind.
#[derive(Clone, Debug)]
struct Nodes<N> {
    plain: Vec<Plain<N>>,
    /// Of each node, for the time before all are ready.
    readers: Vec<Readers>,
}

impl<N: Compute> Plain<N> {
    #[inline(always)]
    fn write_one(&self, s: &Sample<'_>, row: &mut Row) {
        row.write(self.slots[0], self.node.output(Output::Plain, s));
    }
}

impl<N> Default for Nodes<N> {
    fn default() -> Self {
        Nodes { plain: Vec::new(), readers: Vec::new() }
    }
}

impl<N: Compute> Nodes<N> {
    fn add(&mut self, node: N, readers: Readers, usual: &[Output]) {
        self.plain.push(Plain::new(node, &readers, usual));
        self.readers.push(readers);
    }

    /// One sample; `usual` writes the usual outputs.
    #[inline(always)]
    fn push(&mut self, s: &Sample<'_>, row: &mut Row, usual: impl Fn(&Plain<N>, &mut Row)) {
        for plain in &mut self.plain {
            plain.node.push(s);
            usual(plain, row);
            for (slot, output) in &plain.wanted {
                row.write(*slot, plain.node.output(*output, s));
            }
        }
    }

    fn push_waiting(&mut self, s: &Sample<'_>, row: &mut Row) {
        for (Plain { node, .. }, readers) in self.plain.iter_mut().zip(&mut self.readers) {
            node.push(s);
            readers.write(s, row, |output| node.output(output, s));
        }
    }

    fn reset(&mut self, row: &mut Row) {
        self.plain.iter_mut().for_each(|plain| plain.node.reset());
        self.readers.iter_mut().for_each(|readers| readers.reset(row));
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(in crate::features) struct Quick {
    /// Samples after which every reader has its value.
    plain_after: u64,
    count: usize,
    values: Nodes<lag::Value>,
    smas: Nodes<average::Sma>,
    emas: Nodes<average::Ema>,
    rsis: Nodes<oscillator::Rsi>,
    extremes: Nodes<band::Extreme>,
    macds: Nodes<oscillator::Macd>,
    moments: Nodes<band::Moments>,
    lags: Nodes<lag::Lag>,
}

impl Quick {
    /// Takes a node and its readers, or hands them back; only while the graph is built.
    pub(in crate::features) fn add(&mut self, node: Node, readers: Readers) -> Option<(Node, Readers)> {
        if readers.plain_after == u64::MAX {
            return Some((node, readers));
        }
        let plain_after = self.plain_after.max(readers.plain_after);
        match node {
            Node::Value(node) => self.values.add(node, readers, &[Output::Plain]),
            Node::Sma(node) => self.smas.add(node, readers, &[Output::Plain]),
            Node::Ema(node) => self.emas.add(node, readers, &[Output::Plain]),
            Node::Rsi(node) => self.rsis.add(node, readers, &[Output::Plain]),
            Node::Extreme(node) => self.extremes.add(node, readers, &[Output::Plain]),
            Node::Macd(node) => self.macds.add(node, readers, &MACD),
            Node::Moments(node) => self.add_moments(node, readers),
            Node::Lag(node) => self.lags.add(node, readers, &[Output::Plain]),
            other => return Some((other, readers)),
        }
        self.plain_after = plain_after;
        self.count += 1;
        None
    }

    fn add_moments(&mut self, node: band::Moments, readers: Readers) {
        let mut bands = readers.plain.iter().filter_map(|(_, output)| match output {
            Output::Bollinger(_, deviations) => Some(*deviations),
            _ => None,
        });
        let deviations = bands.next_back().unwrap_or(0.0);
        let band = |which| Output::Bollinger(which, deviations);
        let [upper, lower, width] = [BandOutput::Upper, BandOutput::Lower, BandOutput::Width].map(band);
        let usual = [band(BandOutput::Middle), Output::Deviation, upper, lower, width];
        self.moments.add(node, readers, &usual);
        self.moments.plain.iter_mut().rev().take(1).for_each(|plain| plain.deviations = deviations);
    }

    /// How many nodes.
    pub(in crate::features) fn len(&self) -> usize {
        self.count
    }

    /// Takes one sample and writes what is wanted of it.
    #[inline(always)]
    pub(in crate::features) fn push(&mut self, s: &Sample<'_>, row: &mut Row) {
        if s.seen < self.plain_after {
            return self.push_waiting(*s, row);
        }
        self.values.push(s, row, |plain, row| plain.write_one(s, row));
        self.smas.push(s, row, |plain, row| plain.write_one(s, row));
        self.emas.push(s, row, |plain, row| plain.write_one(s, row));
        self.rsis.push(s, row, |plain, row| plain.write_one(s, row));
        self.extremes.push(s, row, |plain, row| plain.write_one(s, row));
        self.macds.push(s, row, |Plain { node, slots, .. }, row| {
            let [main, signal, histogram] = node.lines();
            row.write(slots[0], main);
            row.write(slots[1], signal);
            row.write(slots[2], histogram);
        });
        self.moments.push(s, row, |Plain { node, slots, deviations, .. }, row| {
            let (mean, deviation) = node.mean_and_deviation();
            let half = deviations * deviation;
            row.write(slots[0], mean);
            row.write(slots[1], deviation);
            row.write(slots[2], mean + half);
            row.write(slots[3], mean - half);
            row.write(slots[4], 2.0 * half);
        });
        self.lags.push(s, row, |plain, row| plain.write_one(s, row));
    }

    #[cold]
    #[inline(never)]
    fn push_waiting(&mut self, s: Sample<'_>, row: &mut Row) {
        self.values.push_waiting(&s, row);
        self.smas.push_waiting(&s, row);
        self.emas.push_waiting(&s, row);
        self.rsis.push_waiting(&s, row);
        self.extremes.push_waiting(&s, row);
        self.macds.push_waiting(&s, row);
        self.moments.push_waiting(&s, row);
        self.lags.push_waiting(&s, row);
    }

    /// Forgets every sample; the readers' places become unready.
    pub(in crate::features) fn reset(&mut self, row: &mut Row) {
        self.values.reset(row);
        self.smas.reset(row);
        self.emas.reset(row);
        self.rsis.reset(row);
        self.extremes.reset(row);
        self.macds.reset(row);
        self.moments.reset(row);
        self.lags.reset(row);
    }
}
