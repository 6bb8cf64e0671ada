//! The journal run again: the same inputs must make the same outputs.
//!
//! What it is not: `replay::verify`, which does the same with the files of a real journal.
//!
//! Invariant: an output may be missing only where the process died.

use super::World;
use super::appliance::{MEMORY, recover};
use super::planted::Planted;
use crate::engine::{Engine, Outputs, Setup};
use crate::record::{Kind, Record, StateHash};
use crate::types::{StateBytes, StateSource};

impl World {
    /// Runs the whole journal again, start by start.
    pub(super) fn check_replay(&mut self, parts: &Setup) {
        if self.violation.is_some() {
            return;
        }
        let mut made = Outputs::default();
        let records = self.appliance.journal.records();
        let starts: Vec<usize> =
            (0..records.len()).filter(|index| records[*index].kind() == Some(Kind::Start)).collect();
        let mut wrong = None;
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(records.len());
            let mut engine = recover(parts, &records[..start], &mut self.spare);
            let mut due = 0;
            made.clear();
            for (at, record) in records.iter().enumerate().take(end).skip(start) {
                if record.kind().is_some_and(Kind::is_input) {
                    if due < made.records().len() {
                        wrong = Some((at, "an output is missing"));
                        break;
                    }
                    made.clear();
                    due = 0;
                    engine.step(record, &mut made);
                } else if let Some(told) = record.payload::<StateHash>() {
                    if engine.contradicts(&told) {
                        wrong = Some((at, "the state differs"));
                        break;
                    }
                } else {
                    if !made.records().get(due).is_some_and(|output| same(output, record)) {
                        wrong = Some((at, "an output differs"));
                        break;
                    }
                    due += 1;
                }
            }
        }
        if let Some((at, words)) = wrong {
            self.violate("replay", || format!("record {}: {words}", at + 1));
        }
    }
}

impl World {
    /// The engine of a start: a snapshot at some record, and the records behind it.
    pub(super) fn started(&mut self, parts: &Setup) -> Engine {
        let records = self.appliance.journal.records();
        let cut = cut_of(records);
        let mut bytes = StateBytes::default();
        recover(parts, &records[..cut], &mut self.spare).save_state(&mut bytes);
        let mut engine = Engine::with_memory(parts.clone(), MEMORY);
        // What cannot be loaded leaves an engine that knows nothing; `check_state` says why.
        let _ = engine.load_state(&mut StateSource::new(&bytes.into_bytes()));
        let late = usize::from(self.planted == Some(Planted::SnapshotTailLate));
        for record in records.get(cut + late..).unwrap_or_default() {
            engine.recover(record, &mut self.spare);
        }
        engine
    }

    /// What the whole journal rebuilds is the live state, by its hash; and so is what a snapshot at some record brings back
    /// together with the records behind it.
    pub(super) fn check_state(&mut self, parts: &Setup) {
        if self.violation.is_some() {
            return;
        }
        let records = self.appliance.journal.records();
        let cut = cut_of(records);
        let mut whole = recover(parts, &records[..cut], &mut self.spare);
        let mut bytes = StateBytes::default();
        whole.save_state(&mut bytes);
        let mut snapshot = Engine::with_memory(parts.clone(), MEMORY);
        let loaded = snapshot.load_state(&mut StateSource::new(&bytes.into_bytes()));
        let at_cut = [whole.state_hash(), snapshot.state_hash()];
        for record in &records[cut..] {
            whole.recover(record, &mut self.spare);
            snapshot.recover(record, &mut self.spare);
        }
        let live = self.appliance.engine.state_hash();
        let at_end = [whole.state_hash(), snapshot.state_hash()];
        if loaded.is_err() || at_cut[0] != at_cut[1] || at_end != [live; 2] {
            self.violate("state", || {
                format!(
                    "snapshot at record {cut}, loaded {loaded:?}: expected the hashes {:016x} there and {live:016x} at the end, \
                     got {:016x}, then {:016x} of the whole and {:016x} of the snapshot",
                    at_cut[0], at_cut[1], at_end[0], at_end[1]
                )
            });
        }
    }
}

/// Where a journal's snapshot stands: another place in each, without a throw of the dice.
fn cut_of(records: &[Record]) -> usize {
    records.last().map_or(0, |last| last.checksum() as usize % (records.len() + 1))
}

/// Equal in everything but number and checksum, which the journal gave.
fn same(made: &Record, journalled: &Record) -> bool {
    let mut made = *made;
    made.set_seq(journalled.seq());
    made.checksummed() == journalled.checksummed()
}
