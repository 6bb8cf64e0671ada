//! The journal of a real run, cut at every byte of its last segment, with bits flipped, and with segments taken away.
//!
//! What it is not: a run that is killed while it trades (`end_to_end.rs`, `demo_faults.rs`), or the journal's own corner cases on made-up
//! records (`journal_recovery.rs`).
//!
//! Invariant: a damaged journal recovers to exactly the records that are whole, from the first on without a gap, or is refused and
//! the words say why; a journal that came to a tidy end is never shorter than it was without being refused.

mod rig;

use rig::{records, stderr, tickbridge};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tickbridge::journal::{
    EpochFile, JournalError, JournalOptions, JournalReader, SEGMENT_HEADER_BYTES, SegmentHeader, memory_path,
    open, segment_name,
};
use tickbridge::record::{Kind, RECORD_BYTES, Record};
use tickbridge::runtime::Prng;
use tickbridge::types::TimeNs;

/// Records of the last segment: each byte of it is cut once for each way to end.
const LAST_RECORDS: usize = 120;
const SEGMENTS: usize = 4;
const FLIPS: usize = 600;

/// How the journal's last process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The power was cut, and the file ends where the cut is.
    Short,
    /// The power was cut, and what was not written yet are the zeros of the reserved file.
    Zeroed,
    /// It ended as it should, and bytes went missing later.
    Tidy,
}

/// A real run's journal in a folder of its own, in memory so that a sync costs nothing.
struct Cut {
    root: tempfile::TempDir,
    /// All of its records.
    records: Vec<Record>,
    /// Every segment as it was.
    segments: Vec<(PathBuf, Vec<u8>)>,
    tidy: EpochFile,
}

impl Cut {
    /// Runs the demo for some seconds, and cuts its journal into segments as a smaller `journal.segment_mib` would have.
    fn of_a_run() -> Cut {
        let root = tempfile::tempdir_in("/dev/shm").expect("expected a folder in memory at /dev/shm");
        let run = root.path().join("run");
        let output = tickbridge(&["demo", "--seconds", "3", "--folder", run.to_str().unwrap()]);
        assert!(output.status.success(), "{}", stderr(&output));
        let journal = run.join("journal");
        let tidy = EpochFile::read(&journal).unwrap().expect("an epoch file");
        let records = records(&journal);
        assert!(tidy.is_closed && tidy.last_seq == records.len() as u64, "{tidy:?}");
        for kind in [Kind::Command, Kind::DealEvent, Kind::OrderStateChange, Kind::Decision] {
            assert!(rig::count(&records, kind) > 0, "a run that traded has a {kind:?}");
        }
        std::fs::create_dir(root.path().join("journal")).unwrap();
        std::fs::create_dir(root.path().join("memory")).unwrap();
        let mut cut = Cut { root, records, segments: Vec::new(), tidy };
        let before = cut.records.len() - LAST_RECORDS;
        for part in 0..SEGMENTS - 1 {
            cut.segment(before * part / (SEGMENTS - 1), before * (part + 1) / (SEGMENTS - 1));
        }
        cut.segment(before, cut.records.len());
        cut
    }

    fn segment(&mut self, from: usize, to: usize) {
        let first_seq = self.records[from].seq();
        let EpochFile { epoch, journal_id, .. } = self.tidy;
        let header = SegmentHeader { first_seq, epoch, journal_id, config_digest: 0, created: TimeNs(1) };
        let mut bytes = header.encode().to_vec();
        self.records[from..to].iter().for_each(|record| bytes.extend_from_slice(record.bytes()));
        self.segments.push((self.dir().join(segment_name(first_seq)), bytes));
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    fn last(&self) -> &(PathBuf, Vec<u8>) {
        self.segments.last().unwrap()
    }

    /// Puts everything back as it was after a way to end.
    fn restore(&self, end: End) {
        for (path, bytes) in &self.segments {
            std::fs::write(path, bytes).unwrap();
        }
        self.restore_epoch(end);
    }

    fn restore_epoch(&self, end: End) {
        let last_segment = self.records[self.records.len() - LAST_RECORDS].seq();
        let at_start = EpochFile { last_seq: 0, last_segment, is_closed: false, ..self.tidy };
        if end == End::Tidy { self.tidy } else { at_start }.write(&self.dir()).unwrap();
    }

    /// Opens it for writing; the last record, or why not. What is there afterwards is compared with the run's records.
    fn open(&self) -> Result<u64, JournalError> {
        let memory_dir = self.root.path().join("memory");
        let options = JournalOptions { memory_dir, memory_records: 2, ..JournalOptions::new(self.dir()) };
        let journal = open(&options, TimeNs(2))?;
        let last_seq = journal.recovery.last_seq;
        drop(journal);
        std::fs::remove_file(memory_path(&options.memory_dir, &self.dir().canonicalize().unwrap())).unwrap();
        let mut seq = 0;
        for found in JournalReader::open(&self.dir()).unwrap() {
            assert_eq!(found.unwrap().bytes(), self.records[seq].bytes(), "record {}", seq + 1);
            seq += 1;
        }
        assert_eq!(seq as u64, last_seq, "records read after {last_seq} were recovered");
        Ok(last_seq)
    }
}

/// Counts refusals by their kind; each must say where, and what was expected and got.
#[derive(Debug, Default)]
struct Verdicts {
    recovered: usize,
    refused: BTreeMap<&'static str, usize>,
}

impl Verdicts {
    fn refuse(&mut self, error: &JournalError) {
        let words = error.to_string();
        let name = match error {
            JournalError::Quarantined { .. } => "quarantined",
            JournalError::Header { .. } => "header",
            JournalError::Missing { .. } => "missing",
            JournalError::EndMissing { .. } => "end missing",
            JournalError::Epoch { .. } => "epoch file",
            other => panic!("refused with {other}"),
        };
        assert!(words.contains("expected"), "{words}");
        *self.refused.entry(name).or_default() += 1;
    }

    fn refused(&self) -> usize {
        self.refused.values().sum()
    }
}

fn whole_records(good: &[u8], bad: &[u8]) -> usize {
    let whole = |(good, bad): &(&[u8], &[u8])| good == bad;
    let records = |bytes: &'_ [u8]| bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default().to_vec();
    let (good, bad) = (records(good), records(bad));
    good.chunks(RECORD_BYTES).zip(bad.chunks(RECORD_BYTES)).take_while(whole).count()
}

fn cut_everywhere(cut: &Cut, end: End) -> Verdicts {
    let (path, good) = cut.last();
    let before = cut.records.len() - LAST_RECORDS;
    let mut verdicts = Verdicts::default();
    cut.restore(end);
    for at in 0..=good.len() {
        let mut bytes = good[..at].to_vec();
        if end == End::Zeroed {
            bytes.resize(good.len(), 0);
        }
        std::fs::write(path, &bytes).unwrap();
        cut.restore_epoch(end);
        let expected = (before + whole_records(good, &bytes)) as u64;
        match cut.open() {
            Ok(last_seq) => {
                assert_eq!(last_seq, expected, "{end:?}: cut at byte {at}");
                verdicts.recovered += 1;
            }
            Err(error) => {
                assert_eq!(end, End::Tidy, "cut at byte {at}: {error}");
                assert!(expected < cut.records.len() as u64, "cut at byte {at}: {error}");
                verdicts.refuse(&error);
            }
        }
    }
    assert_eq!(verdicts.recovered + verdicts.refused(), good.len() + 1);
    if end == End::Tidy {
        assert_eq!(verdicts.recovered, 1, "a tidy end that is shorter than it was is refused");
    }
    verdicts
}

fn flip_somewhere(cut: &Cut, end: End, dice: &mut Prng) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let epoch = cut.dir().join("epoch");
    for _ in 0..FLIPS {
        cut.restore(end);
        let index = dice.below(SEGMENTS as u64 + 1) as usize;
        let path = cut.segments.get(index).map_or(&epoch, |(path, _)| path);
        let mut bytes = std::fs::read(path).unwrap();
        let at = dice.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << dice.below(8);
        std::fs::write(path, &bytes).unwrap();
        match cut.open() {
            // Only the last record of a journal that was never closed may be taken for half-written.
            Ok(last_seq) => {
                assert_eq!((end, index), (End::Short, SEGMENTS - 1), "byte {at} flipped was accepted");
                assert_eq!(last_seq, cut.records.len() as u64 - 1, "byte {at}");
                verdicts.recovered += 1;
            }
            Err(error) => verdicts.refuse(&error),
        }
    }
    verdicts
}

fn take_segments_away(cut: &Cut, end: End) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (index, (path, _)) in cut.segments.iter().enumerate() {
        cut.restore(end);
        std::fs::remove_file(path).unwrap();
        match cut.open() {
            // The epoch file knows the newest one too, whatever ended the process.
            Ok(_) => panic!("{end:?}: segment {index} is not missed"),
            Err(error) => verdicts.refuse(&error),
        }
    }
    verdicts
}

#[test]
fn a_real_journal_cut_at_every_byte_recovers_or_says_why_not() {
    let seed = 0x000c_0751;
    let mut dice = Prng::new(seed);
    let cut = Cut::of_a_run();
    println!(
        "{} records in {SEGMENTS} segments, the last of {} bytes; seed {seed:#x}",
        cut.records.len(),
        cut.last().1.len()
    );
    for end in [End::Short, End::Zeroed, End::Tidy] {
        let Verdicts { recovered, refused } = cut_everywhere(&cut, end);
        println!("cut at every byte, {end:?}: {recovered} recovered, refused {refused:?}");
    }
    for end in [End::Short, End::Tidy] {
        let Verdicts { recovered, refused } = flip_somewhere(&cut, end, &mut dice);
        println!("{FLIPS} bits flipped, {end:?}: {recovered} recovered, refused {refused:?}");
        let Verdicts { recovered, refused } = take_segments_away(&cut, end);
        println!("each segment taken away, {end:?}: {recovered} recovered, refused {refused:?}");
    }
    let memory = std::fs::read_dir(cut.root.path().join("memory")).unwrap();
    assert_eq!(memory.count(), 0, "rings left behind");
}
