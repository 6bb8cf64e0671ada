//! The journal of a simulated appliance: a list in memory, of which the front part is on the disk.
//!
//! What it is not: the journal of `journal/`, whose files have tests of their own; this one is as far from a file as a test
//! of a million starts has to be, and keeps its promise: what was appended survives the process, what was synced the power.
//!
//! Invariant: numbers and checksums are the real ones; a torn tail is found by them and cut off.

use crate::record::{RECORD_BYTES, Record};
use crate::runtime::Prng;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Journal {
    records: Vec<Record>,
    durable: usize,
}

impl Journal {
    /// Empty again, with its memory kept.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.durable = 0;
    }

    /// Numbers, sums and keeps a record.
    pub(super) fn append(&mut self, record: &mut Record) {
        record.set_seq(self.records.len() as u64 + 1);
        record.set_checksum(crc32c::crc32c(record.checksummed()));
        self.records.push(*record);
    }

    /// Everything appended is on the disk.
    pub(super) fn sync(&mut self) {
        self.durable = self.records.len();
    }

    /// The last number on the disk.
    pub(super) fn durable_seq(&self) -> u64 {
        self.durable as u64
    }

    /// The last number.
    pub(super) fn last_seq(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The record with this number.
    pub(super) fn record(&self, seq: u64) -> Option<&Record> {
        self.records.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    /// The power goes: of what was not synced, some bytes reached the disk, the last of them perhaps wrong. Reads back what
    /// is good, as recovery does, and returns how many records are lost.
    pub(super) fn power_cut(&mut self, dice: &mut Prng) -> usize {
        let before = self.records.len();
        let unsynced = self.records.split_off(self.durable);
        let mut image: Vec<u8> = unsynced.iter().flat_map(|record| *record.bytes()).collect();
        image.truncate(dice.below(image.len() as u64 + 1) as usize);
        let flips = dice.below(3);
        if flips == 0 && !image.is_empty() {
            let at = image.len() - 1 - dice.below(image.len().min(RECORD_BYTES) as u64) as usize;
            image[at] ^= 1 << dice.below(8);
        }
        for bytes in image.chunks_exact(RECORD_BYTES) {
            let Ok(bytes) = <[u8; RECORD_BYTES]>::try_from(bytes) else { break };
            let record = Record::from_bytes(bytes);
            let is_whole = record.seq() == self.records.len() as u64 + 1
                && record.checksum() == crc32c::crc32c(record.checksummed());
            if !is_whole {
                break;
            }
            self.records.push(record);
        }
        self.durable = self.records.len();
        before - self.records.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ClockTick, Origin};
    use crate::types::{InstrumentId, TimeNs, VenueId};

    #[test]
    fn what_was_synced_survives_and_nothing_wrong_does() {
        for seed in 0..500 {
            let mut dice = Prng::new(seed);
            let mut journal = Journal::default();
            for index in 0..20 {
                let tick = ClockTick { reserved: index };
                let none = InstrumentId::NONE;
                let mut record =
                    Record::new(Origin::Appliance, TimeNs(index as i64), VenueId(0), none, &tick);
                journal.append(&mut record);
                if index == 9 {
                    journal.sync();
                }
            }
            let lost = journal.power_cut(&mut dice);
            assert_eq!(journal.records().len(), 20 - lost, "seed {seed}");
            assert!(lost <= 10, "seed {seed}: lost {lost}");
            for (index, record) in journal.records().iter().enumerate() {
                assert_eq!(record.payload::<ClockTick>().unwrap().reserved, index as u64, "seed {seed}");
            }
        }
    }
}
