//! The journal run again: the same inputs must make the same outputs.
//!
//! What it is not: `replay::verify`, which does the same with the files of a real journal.
//!
//! Invariant: an output may be missing only where the process died.

use super::World;
use super::appliance::recover;
use crate::engine::{Outputs, Setup};
use crate::record::{Kind, Record};

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

/// Equal in everything but number and checksum, which the journal gave.
fn same(made: &Record, journalled: &Record) -> bool {
    let mut made = *made;
    made.set_seq(journalled.seq());
    made.checksummed() == journalled.checksummed()
}
