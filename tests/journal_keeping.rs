//! A journal's folder over time: segments compressed and expired, one that is missing told from one that expired, and the newest one
//! missed when it vanishes.
//!
//! What it is not: the policy, which `tests/snapshots.rs` runs; or damage inside records (`journal_recovery.rs`).
//!
//! Invariant: whatever form the segments are in, the records read are the records written; a segment that went without a word in
//! `expired` is refused with the numbers.

use std::path::{Path, PathBuf};
use tickbridge::journal::{
    EpochFile, ExpiredFile, JournalError, JournalOptions, JournalReader, SEGMENT_HEADER_BYTES, Snapshot,
    SnapshotHeader, compress_segment, each_record, expire, first_seq, memory_path, open, segment_name,
    segments,
};
use tickbridge::record::{RECORD_BYTES, Record};
use tickbridge::types::TimeNs;

/// Ten records a segment.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    /// A journal of `count` records whose process died with its memory.
    fn killed_and_rebooted(count: u64) -> Place {
        let place = Place { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.root.path().join("memory")).unwrap();
        let mut journal = open(&place.options(), TimeNs(1)).unwrap();
        for seq in 1..=count {
            journal.writer.append(&mut record(seq)).unwrap();
            journal.persister.flush(TimeNs(2)).unwrap();
        }
        drop(journal);
        place.forget_memory();
        place
    }

    fn options(&self) -> JournalOptions {
        JournalOptions {
            memory_dir: self.root.path().join("memory"),
            memory_records: 64,
            segment_bytes: (SEGMENT_HEADER_BYTES + 10 * RECORD_BYTES) as u64,
            sync_every_ns: 0,
            ..JournalOptions::new(self.dir())
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    fn segment(&self, first_seq: u64) -> PathBuf {
        self.dir().join(segment_name(first_seq))
    }

    fn forget_memory(&self) {
        let ring = memory_path(&self.root.path().join("memory"), &self.dir().canonicalize().unwrap());
        let _ = std::fs::remove_file(ring);
    }

    fn open(&self) -> Result<u64, JournalError> {
        let opened = open(&self.options(), TimeNs(3)).map(|journal| journal.recovery.last_seq);
        self.forget_memory();
        opened
    }

    fn journal_id(&self) -> u64 {
        EpochFile::read(&self.dir()).unwrap().unwrap().journal_id
    }

    fn snapshot(&self, seq: u64) {
        let journal_id = self.journal_id();
        let header = SnapshotHeader { seq, state_hash: 0, state_version: 1, journal_id, setup_digest: 0 };
        Snapshot { header, state: vec![1, 2, 3], words: None }.write(&self.dir()).unwrap();
    }

    fn expire_before(&self, first_seq: u64) {
        let journal_id = self.journal_id();
        let file = ExpiredFile { journal_id, first_seq, snapshot_seq: 20, segment_count: 1, ts: TimeNs(9) };
        expire(&self.dir(), &file).unwrap();
    }
}

fn record(content: u64) -> Record {
    let mut bytes = [0; RECORD_BYTES];
    for (index, chunk) in bytes[32..].chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&(content * 31 + index as u64).to_le_bytes());
    }
    Record::from_bytes(bytes)
}

/// The records from `from` on, each with its content; the last of them.
fn read(dir: &Path, from: u64) -> Result<u64, JournalError> {
    let mut seq = from - 1;
    for found in JournalReader::open_from(dir, from)? {
        let found = found?;
        seq += 1;
        assert_eq!((found.seq(), &found.bytes()[32..]), (seq, &record(seq).bytes()[32..]));
    }
    Ok(seq)
}

#[test]
fn the_newest_segment_is_missed_when_it_vanishes_with_the_memory() {
    let place = Place::killed_and_rebooted(25);
    let newest = std::fs::read(place.segment(21)).unwrap();
    std::fs::remove_file(place.segment(21)).unwrap();
    for error in [place.open().unwrap_err(), read(&place.dir(), 1).unwrap_err()] {
        assert!(matches!(error, JournalError::EndMissing { expected_seq: 21, got_seq: 20, .. }), "{error}");
    }
    std::fs::write(place.segment(21), newest).unwrap();
    assert_eq!(place.open().unwrap(), 25);
}

#[test]
fn a_segment_that_never_got_a_record_is_not_missed() {
    for bytes in [SEGMENT_HEADER_BYTES as u64, 0] {
        let place = Place::killed_and_rebooted(21);
        std::fs::File::options().write(true).open(place.segment(21)).unwrap().set_len(bytes).unwrap();
        assert_eq!(place.open().unwrap(), 20, "cut to {bytes} bytes");
        assert!(!place.segment(21).exists());
        assert_eq!(place.open().unwrap(), 20, "and at the next start");
    }
}

#[test]
fn compressed_segments_are_read_by_everybody() {
    let place = Place::killed_and_rebooted(35);
    for first_seq in [1, 21] {
        compress_segment(&place.segment(first_seq)).unwrap();
        assert!(!place.segment(first_seq).exists());
    }
    assert_eq!(read(&place.dir(), 1).unwrap(), 35);
    assert_eq!(read(&place.dir(), 17).unwrap(), 35);
    let mut seq = 20;
    each_record(&segments(&place.dir()).unwrap()[2], place.journal_id(), &mut |record| {
        seq += 1;
        assert_eq!(record.seq(), seq);
    })
    .unwrap();
    assert_eq!((seq, place.open().unwrap()), (30, 35));
    // What comes back from a kill between the two steps of compressing: both files, of which the plain one counts.
    let packed = place.segment(1).with_extension("tbj.zst");
    let good = std::fs::read(&packed).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&packed, bad).unwrap();
    let error = read(&place.dir(), 1).unwrap_err().to_string();
    assert!(error.contains("0000000000000001.tbj.zst"), "{error}");
    assert!(place.open().is_err(), "nothing stands for it");
    assert_eq!(read(&place.dir(), 11).unwrap(), 35, "what is not asked for is not read");
}

#[test]
fn a_start_reads_only_what_no_snapshot_stands_for() {
    let place = Place::killed_and_rebooted(35);
    place.snapshot(20);
    let mut bytes = std::fs::read(place.segment(11)).unwrap();
    bytes[SEGMENT_HEADER_BYTES + 3 * RECORD_BYTES + 50] ^= 1;
    std::fs::write(place.segment(11), &bytes).unwrap();
    assert_eq!(place.open().unwrap(), 35, "a snapshot stands for the damaged record");
    assert!(
        matches!(read(&place.dir(), 1), Err(JournalError::Quarantined { seq: 14, .. })),
        "a reader says so"
    );
    // Its length and header are still looked at, and that it is there.
    std::fs::write(place.segment(11), &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(place.open(), Err(JournalError::Mismatch { field: "length in records", .. })));
    std::fs::remove_file(place.segment(11)).unwrap();
    assert!(matches!(place.open(), Err(JournalError::Missing { expected_seq: 11, got_seq: 21, .. })));
    compress_segment(&place.segment(1)).unwrap();
    assert!(matches!(place.open(), Err(JournalError::Missing { expected_seq: 11, got_seq: 21, .. })));
    // A journal that ends before its snapshot is too short.
    let place = Place::killed_and_rebooted(15);
    place.snapshot(18);
    assert!(matches!(place.open(), Err(JournalError::EndMissing { expected_seq: 18, got_seq: 15, .. })));
}

#[test]
fn what_expires_while_it_is_read_is_said_and_another_journals_word_on_it_is_refused() {
    let place = Place::killed_and_rebooted(45);
    place.snapshot(30);
    let reader = JournalReader::open(&place.dir()).unwrap();
    place.expire_before(21);
    let mut read: Vec<_> = reader.collect();
    let error = read.pop().unwrap().unwrap_err();
    assert!(matches!(error, JournalError::Expired { seq: 1, first_seq: 21, .. }), "{error}");
    assert!(read.is_empty(), "nothing of it was read");
    let other = place.journal_id() + 1;
    let file =
        ExpiredFile { journal_id: other, first_seq: 31, snapshot_seq: 30, segment_count: 1, ts: TimeNs(9) };
    file.write(&place.dir()).unwrap();
    for error in [place.open().unwrap_err(), segments(&place.dir()).unwrap_err()] {
        assert!(matches!(error, JournalError::Mismatch { field: "journal_id", .. }), "{error}");
    }
}

#[test]
fn what_expired_is_told_from_what_is_missing() {
    let place = Place::killed_and_rebooted(45);
    place.snapshot(30);
    let second = std::fs::read(place.segment(11)).unwrap();
    compress_segment(&place.segment(1)).unwrap();
    place.expire_before(21);
    assert!(!place.segment(11).exists() && segments(&place.dir()).unwrap().len() == 3);
    assert_eq!((first_seq(&place.dir()).unwrap(), read(&place.dir(), 21).unwrap()), (21, 45));
    assert_eq!(place.open().unwrap(), 45);
    let error = read(&place.dir(), 1).unwrap_err();
    assert!(matches!(error, JournalError::Missing { expected_seq: 1, got_seq: 21, .. }), "{error}");
    // A file that a kill left behind does not count.
    std::fs::write(place.segment(11), second).unwrap();
    assert_eq!(place.open().unwrap(), 45);
    // One that is missing without a word in the folder's file does.
    std::fs::remove_file(place.segment(21)).unwrap();
    assert!(matches!(place.open(), Err(JournalError::Missing { expected_seq: 21, got_seq: 31, .. })));
    assert!(matches!(
        JournalReader::open(&place.dir()).unwrap().next(),
        Some(Err(JournalError::Missing { expected_seq: 21, got_seq: 31, .. }))
    ));
}
