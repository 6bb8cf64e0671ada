//! The journal's words on models: its last start, and what took each slot since.
//!
//! What it is not: the engine's state; or a choice among these words and those of configuration and registry (`effective`).
//!
//! Invariant: a snapshot carries the words that were spoken before it, so a start reads none that a snapshot stands for, and none is
//! lost with a segment that expired.

use crate::journal::{EpochFile, JournalError, JournalReader, Snapshot, first_seq, snapshots};
use crate::record::{ModelChange, Record, Start};
use crate::types::TimeNs;
use std::path::Path;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ModelWords {
    start: Option<Record>,
    /// The last one of each slot since that start.
    changes: Vec<Record>,
}

impl ModelWords {
    /// Reads them from the newest snapshot that has them and the records behind it, or from all records there are.
    pub fn read(dir: &Path) -> Result<Self, JournalError> {
        let journal_id = EpochFile::read(dir)?.map_or(0, |file| file.journal_id);
        let oldest = first_seq(dir)?;
        let (mut words, mut from_seq) = (ModelWords::default(), oldest);
        for (seq, path) in snapshots(dir)? {
            if seq + 1 < oldest {
                break;
            }
            let Ok(snapshot) = Snapshot::read(&path, seq, journal_id)? else { continue };
            if let Some(records) = snapshot.words {
                records.iter().for_each(|record| words.note(record));
                from_seq = seq + 1;
                break;
            }
        }
        for record in JournalReader::open_from(dir, from_seq)? {
            words.note(&record?);
        }
        Ok(words)
    }

    /// Takes a record of the journal; most say nothing of models.
    #[inline]
    pub fn note(&mut self, record: &Record) {
        if record.payload::<Start>().is_some() {
            self.changes.clear();
            self.start = Some(*record);
        } else if let Some(change) = record.payload::<ModelChange>() {
            self.changes.retain(|old| slot_of(old) != Some(change.slot));
            self.changes.push(*record);
        }
    }

    /// The records that say it all: what [`ModelWords::note`] takes makes the same words again.
    pub fn records(&self) -> Vec<Record> {
        self.start.iter().chain(&self.changes).copied().collect()
    }

    /// The last start.
    pub fn start(&self) -> Option<Start> {
        self.start.as_ref()?.payload()
    }

    /// When it was.
    pub fn ts_start(&self) -> Option<TimeNs> {
        self.start.as_ref().map(Record::ts)
    }

    /// What took each slot since, and when, in the order of time.
    pub fn changes(&self) -> impl Iterator<Item = (TimeNs, ModelChange)> + '_ {
        self.changes.iter().filter_map(|record| Some((record.ts(), record.payload()?)))
    }
}

fn slot_of(record: &Record) -> Option<u8> {
    record.payload::<ModelChange>().map(|change| change.slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalOptions, SEGMENT_HEADER_BYTES, SnapshotHeader, expire, open, segment_name};
    use crate::record::{ClockTick, Layout, Origin, Payload, RECORD_BYTES};
    use crate::types::{InstrumentId, VenueId};
    use std::path::PathBuf;

    fn record<P: Payload>(seq: u64, payload: &P) -> Record {
        let (venue, none) = (VenueId(0), InstrumentId::NONE);
        Record::new(Origin::Operator, TimeNs(seq as i64 * 10), venue, none, payload)
    }

    fn change(slot: u8, digest: u64) -> ModelChange {
        ModelChange { slot, digest, ..ModelChange::read(&[0; 96]) }
    }

    fn start(epoch: u64) -> Start {
        Start { epoch, ..Start::read(&[0; 96]) }
    }

    fn digests(words: &ModelWords) -> Vec<(u8, u64)> {
        words.changes().map(|(_, change)| (change.slot, change.digest)).collect()
    }

    #[test]
    fn the_last_word_about_each_slot_since_the_last_start_is_kept() {
        let mut words = ModelWords::default();
        words.note(&record(1, &change(0, 9)));
        words.note(&record(2, &start(3)));
        assert_eq!(digests(&words), [], "of an earlier run");
        for (seq, slot, digest) in [(3, 0, 1), (4, 7, 2), (5, 0, 3)] {
            words.note(&record(seq, &change(slot, digest)));
            words.note(&record(seq, &ClockTick { reserved: 0 }));
        }
        assert_eq!(digests(&words), [(7, 2), (0, 3)]);
        assert_eq!((words.ts_start(), words.start().unwrap().epoch), (Some(TimeNs(20)), 3));
        let mut again = ModelWords::default();
        words.records().iter().for_each(|record| again.note(record));
        assert_eq!(again, words);
    }

    /// A journal of 25 records, ten a segment: a start, a change of a model in the first segment, one in the last.
    fn journal(root: &Path) -> (PathBuf, u64) {
        let options = JournalOptions {
            memory_dir: root.to_owned(),
            memory_records: 64,
            segment_bytes: (SEGMENT_HEADER_BYTES + 10 * RECORD_BYTES) as u64,
            sync_every_ns: 0,
            ..JournalOptions::new(root.join("journal"))
        };
        let mut journal = open(&options, TimeNs(1)).unwrap();
        for seq in 1..=25 {
            let mut next = match seq {
                1 => record(seq, &start(1)),
                5 => record(seq, &change(0, 5)),
                24 => record(seq, &change(3, 24)),
                _ => record(seq, &ClockTick { reserved: 0 }),
            };
            journal.writer.append(&mut next).unwrap();
            journal.persister.flush(TimeNs(2)).unwrap();
        }
        let dir = root.join("journal");
        (dir.clone(), EpochFile::read(&dir).unwrap().unwrap().journal_id)
    }

    /// A snapshot behind a record, with the words up to there.
    fn snapshot(dir: &Path, seq: u64, journal_id: u64, words: Option<Vec<Record>>) {
        let header = SnapshotHeader { seq, state_hash: 0, state_version: 1, journal_id, setup_digest: 0 };
        Snapshot { header, state: vec![1], words }.write(dir).unwrap();
    }

    #[test]
    fn a_start_reads_no_segment_that_a_snapshot_stands_for_and_loses_no_word_that_expired() {
        let root = tempfile::tempdir().unwrap();
        let (dir, journal_id) = journal(root.path());
        let all = ModelWords::read(&dir).unwrap();
        assert_eq!(digests(&all), [(0, 5), (3, 24)]);
        let mut before = ModelWords::default();
        JournalReader::open(&dir).unwrap().take(20).for_each(|record| before.note(&record.unwrap()));
        for seq in [10, 20] {
            snapshot(&dir, seq, journal_id, Some(before.records()));
        }
        assert_eq!(ModelWords::read(&dir).unwrap(), all);
        // Damage that the newest snapshot stands for; then the newest is damaged, and the older stands for less.
        let second = dir.join(segment_name(11));
        let good = std::fs::read(&second).unwrap();
        let mut bad = good.clone();
        bad[SEGMENT_HEADER_BYTES + 3 * RECORD_BYTES + 50] ^= 1;
        std::fs::write(&second, &bad).unwrap();
        assert_eq!(ModelWords::read(&dir).unwrap(), all);
        let [(_, newest), _] = snapshots(&dir).unwrap().try_into().unwrap();
        std::fs::write(&newest, "nonsense").unwrap();
        assert!(matches!(ModelWords::read(&dir), Err(JournalError::Quarantined { seq: 14, .. })));
        std::fs::write(&second, &good).unwrap();
        assert_eq!(ModelWords::read(&dir).unwrap(), all, "by the older one");
        // The segment that has the start and the first change is gone.
        let file = crate::journal::ExpiredFile {
            journal_id,
            first_seq: 11,
            snapshot_seq: 10,
            segment_count: 1,
            ts: TimeNs(9),
        };
        expire(&dir, &file).unwrap();
        assert!(!dir.join(segment_name(1)).exists());
        assert_eq!(ModelWords::read(&dir).unwrap(), all);
    }

    #[test]
    fn a_snapshot_of_the_first_version_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let (dir, journal_id) = journal(root.path());
        let all = ModelWords::read(&dir).unwrap();
        snapshot(&dir, 20, journal_id, None);
        assert_eq!(ModelWords::read(&dir).unwrap(), all, "from the first record");
    }
}
