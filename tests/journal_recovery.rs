//! The journal against cuts, flips, full disks, failed syncs and kill -9.
//!
//! What it is not: a power cut; for that the sync calls are counted by a disk that forgets what was not synced.
//!
//! Invariant: every record whose `append` returned is read back after recovery, or the start is refused with the place.

#[path = "journal_recovery/faulty_disk.rs"]
mod faulty_disk;

use faulty_disk::FaultyDisk;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use tickbridge::journal::{
    Disk, FailureKind, Journal, JournalError, JournalOptions, JournalReader, PersistState,
    SEGMENT_HEADER_BYTES, memory_path, open, open_on, segment_name,
};
use tickbridge::record::{RECORD_BYTES, Record};
use tickbridge::runtime::Prng;
use tickbridge::runtime::idle::sleep_ns;
use tickbridge::runtime::lane::spawn_thread;
use tickbridge::types::TimeNs;

/// A folder with a journal and one for its memory.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.root.path().join("memory")).unwrap();
        place
    }

    fn options(&self) -> JournalOptions {
        options_in(self.root.path())
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    fn ring(&self) -> PathBuf {
        memory_path(&self.root.path().join("memory"), &self.dir().canonicalize().unwrap())
    }

    fn segment(&self, first_seq: u64) -> PathBuf {
        self.dir().join(segment_name(first_seq))
    }
}

fn options_in(root: &Path) -> JournalOptions {
    JournalOptions {
        memory_dir: root.join("memory"),
        memory_records: 64,
        // Ten records a segment.
        segment_bytes: (SEGMENT_HEADER_BYTES + 10 * RECORD_BYTES) as u64,
        sync_every_ns: 0,
        ..JournalOptions::new(root.join("journal"))
    }
}

fn record(content: u64) -> Record {
    let mut bytes = [0; RECORD_BYTES];
    for (index, chunk) in bytes[32..].chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&(content * 31 + index as u64).to_le_bytes());
    }
    Record::from_bytes(bytes)
}

fn append<D: Disk>(journal: &mut Journal<D>, count: u64) {
    for _ in 0..count {
        let seq = journal.writer.last_seq() + 1;
        assert_eq!(journal.writer.append(&mut record(seq)), Ok(seq));
    }
}

/// Reads the folder and checks that it holds exactly records 1 to `count`, each with its content.
fn assert_holds(dir: &Path, count: u64) {
    let mut seq = 0;
    for found in JournalReader::open(dir).unwrap() {
        let found = found.unwrap();
        seq += 1;
        assert_eq!(found.seq(), seq);
        assert_eq!(found.bytes()[32..], record(seq).bytes()[32..], "content of record {seq}");
    }
    assert_eq!(seq, count);
}

/// A journal of `count` records that was never closed, without shared memory, as after a power cut; cut to its length.
fn journal_on_disk(place: &Place, count: u64) {
    let mut journal = open(&place.options(), TimeNs(1)).unwrap();
    for _ in 0..count {
        append(&mut journal, 1);
        journal.persister.flush(TimeNs(2)).unwrap();
    }
    drop(journal);
    let in_last = (count - 1) % 10 + 1;
    let last = std::fs::File::options().write(true).open(place.segment(count - in_last + 1)).unwrap();
    last.set_len((SEGMENT_HEADER_BYTES + in_last as usize * RECORD_BYTES) as u64).unwrap();
    std::fs::remove_file(place.ring()).unwrap();
}

#[test]
fn records_roll_over_segments_and_epochs() {
    let place = Place::new();
    for epoch in 1..=3 {
        let mut journal = open(&place.options(), TimeNs(epoch)).unwrap();
        assert_eq!(
            (journal.recovery.epoch, journal.recovery.last_seq),
            (epoch as u32, (epoch as u64 - 1) * 25)
        );
        assert!(journal.recovery.torn.is_none());
        append(&mut journal, 25);
        while journal.progress.durable_seq() < journal.writer.last_seq() {
            journal.persister.do_work(TimeNs(epoch));
        }
        journal.persister.close(TimeNs(epoch)).unwrap();
    }
    assert_holds(&place.dir(), 75);
    let mut names: Vec<_> = std::fs::read_dir(place.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.ends_with(".tbj"));
    names.sort();
    let firsts = [1, 11, 21, 26, 36, 46, 51, 61, 71];
    assert_eq!(names, firsts.map(segment_name));
}

#[test]
fn a_second_process_is_refused() {
    let place = Place::new();
    let journal = open(&place.options(), TimeNs(1)).unwrap();
    assert!(matches!(open(&place.options(), TimeNs(2)), Err(JournalError::InUse { .. })));
    let Journal { writer, persister, folder, .. } = journal;
    drop(persister);
    assert!(matches!(open(&place.options(), TimeNs(2)), Err(JournalError::InUse { .. })));
    drop(writer);
    assert!(matches!(open(&place.options(), TimeNs(2)), Err(JournalError::InUse { .. })));
    drop(folder);
    assert_eq!(open_when_free(&place.options()).unwrap().recovery.epoch, 2);
}

/// Opens a journal that this process has just closed. A test beside this one starts a child, and between its fork and its exec
/// that child holds every file of this process open, the journal's lock with it.
fn open_when_free(options: &JournalOptions) -> Result<Journal, JournalError> {
    for _ in 0..10_000 {
        match open(options, TimeNs(4)) {
            Err(JournalError::InUse { .. }) => sleep_ns(1_000_000),
            other => return other,
        }
    }
    open(options, TimeNs(4))
}

#[test]
fn a_cut_at_every_byte_of_the_tail_recovers_to_the_last_whole_record() {
    let place = Place::new();
    journal_on_disk(&place, 14);
    let last = place.segment(11);
    let good = std::fs::read(&last).unwrap();
    let epoch = std::fs::read(place.dir().join("epoch")).unwrap();
    for cut in 0..=good.len() {
        std::fs::write(&last, &good[..cut]).unwrap();
        std::fs::write(place.dir().join("epoch"), &epoch).unwrap();
        let whole = cut.saturating_sub(SEGMENT_HEADER_BYTES) / RECORD_BYTES;
        let part = if cut < SEGMENT_HEADER_BYTES { 1 } else { (cut - SEGMENT_HEADER_BYTES) % RECORD_BYTES };
        let journal =
            open_when_free(&place.options()).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(journal.recovery.last_seq, 10 + whole as u64, "cut at {cut}");
        assert_eq!(journal.recovery.torn.is_some(), part > 0, "cut at {cut}: {}", journal.recovery);
        drop(journal);
        assert_holds(&place.dir(), 10 + whole as u64);
        std::fs::remove_file(place.ring()).unwrap();
    }
}

#[test]
fn a_flip_anywhere_is_refused_or_cut_and_a_reader_always_says_where() {
    let place = Place::new();
    journal_on_disk(&place, 14);
    let epoch = std::fs::read(place.dir().join("epoch")).unwrap();
    for first_seq in [1, 11] {
        let path = place.segment(first_seq);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            std::fs::write(place.dir().join("epoch"), &epoch).unwrap();
            let index = at.checked_sub(SEGMENT_HEADER_BYTES).map(|at| (at / RECORD_BYTES) as u64);
            let offset = index.map_or(0, |index| SEGMENT_HEADER_BYTES as u64 + index * RECORD_BYTES as u64);
            let read =
                JournalReader::open(&place.dir()).unwrap().find_map(Result::err).expect("a flip is noticed");
            match &read {
                JournalError::Torn { segment, offset: at, seq, .. }
                | JournalError::Quarantined { segment, offset: at, seq, .. } => {
                    assert_eq!(
                        (segment, *at, Some(*seq)),
                        (&path, offset, index.map(|index| first_seq + index))
                    );
                }
                JournalError::Header { segment, .. } => assert_eq!((segment, index), (&path, None)),
                other => panic!("flip at {at}: {other}"),
            }
            match open_when_free(&place.options()) {
                Ok(journal) => {
                    assert_eq!((first_seq, index), (11, Some(3)), "flip at {at} of {first_seq} was accepted");
                    assert_eq!(journal.recovery.last_seq, 13);
                    std::fs::remove_file(place.ring()).unwrap();
                }
                Err(JournalError::Quarantined { offset: at, .. }) => assert_eq!(at, offset),
                Err(JournalError::Header { .. }) => assert_eq!(index, None),
                Err(other) => panic!("flip at {at}: {other}"),
            }
        }
        std::fs::write(&path, &good).unwrap();
    }
}

#[test]
fn missing_segments_and_a_missing_epoch_file_are_refused() {
    for first_seq in [1, 11, 21] {
        let place = Place::new();
        journal_on_disk(&place, 25);
        // A start in between, so that the epoch file knows of record 25.
        drop(open_when_free(&place.options()).unwrap());
        std::fs::remove_file(place.segment(first_seq)).unwrap();
        let refused = open_when_free(&place.options()).err();
        let read = JournalReader::open(&place.dir()).unwrap().find_map(Result::err);
        for error in [refused, read] {
            match error {
                Some(JournalError::Missing { .. }) if first_seq < 21 => {}
                Some(JournalError::EndMissing { expected_seq: 25, got_seq: 20, .. }) if first_seq == 21 => {}
                other => panic!("without {first_seq}: {other:?}"),
            }
        }
    }
    let place = Place::new();
    journal_on_disk(&place, 3);
    std::fs::remove_file(place.dir().join("epoch")).unwrap();
    assert!(matches!(open_when_free(&place.options()), Err(JournalError::Epoch { .. })));
}

#[test]
fn a_tidy_end_is_noted_and_gives_the_memory_back() {
    let place = Place::new();
    let mut journal = open(&place.options(), TimeNs(1)).unwrap();
    append(&mut journal, 12);
    journal.persister.close(TimeNs(2)).unwrap();
    // Its writer is still there, so its memory stays: what comes behind the end is not lost.
    append(&mut journal, 2);
    drop(journal);
    let mut journal = open_when_free(&place.options()).unwrap();
    assert_eq!((journal.recovery.last_seq, journal.recovery.memory_count), (14, 2));
    append(&mut journal, 1);
    let Journal { writer, mut persister, folder, .. } = journal;
    drop((writer, folder));
    persister.close(TimeNs(4)).unwrap();
    drop(persister);
    assert!(!place.ring().exists());
    let last = std::fs::read(place.segment(15)).unwrap();
    let open = || open_when_free(&place.options());
    let refused = |got: u64| {
        let read = JournalReader::open(&place.dir()).unwrap().find_map(Result::err);
        assert!(
            matches!(read, Some(JournalError::EndMissing { .. } | JournalError::EndDamaged { .. })),
            "{read:?}"
        );
        let error = open().unwrap_err();
        let is_told =
            matches!(error, JournalError::EndMissing { expected_seq: 15, got_seq, .. } if got_seq == got);
        assert!(is_told && error.to_string().contains("expected it to reach record 15"), "{error}");
    };
    std::fs::remove_file(place.segment(15)).unwrap();
    refused(14);
    std::fs::write(place.segment(15), &last[..last.len() - 1]).unwrap();
    refused(14);
    std::fs::write(place.segment(15), &last).unwrap();
    let recovery = open().unwrap().recovery;
    assert_eq!((recovery.last_seq, recovery.memory_gone, recovery.epoch), (15, false, 3));
    // That start was not closed: it may have lost its memory.
    std::fs::remove_file(place.ring()).unwrap();
    assert!(open().unwrap().recovery.memory_gone);
}

#[test]
fn what_only_memory_has_is_taken_back() {
    for copied in [0, 7, 13] {
        let place = Place::new();
        let mut journal = open(&place.options(), TimeNs(1)).unwrap();
        append(&mut journal, copied);
        journal.persister.flush(TimeNs(1)).unwrap();
        append(&mut journal, 30);
        drop(journal);
        // The disk's end is torn too; memory heals it.
        if copied == 13 {
            let path = place.segment(11);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[SEGMENT_HEADER_BYTES + 2 * RECORD_BYTES + 50] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        let journal = open_when_free(&place.options()).unwrap();
        assert_eq!(journal.recovery.last_seq, copied + 30);
        assert_eq!(journal.recovery.memory_count, 30 + u64::from(copied == 13));
        drop(journal);
        assert_holds(&place.dir(), copied + 30);
        assert_eq!(open_when_free(&place.options()).unwrap().recovery.memory_count, 0);
    }
}

#[test]
fn damaged_memory_is_refused_and_anothers_memory_is_not_taken() {
    let place = Place::new();
    let mut journal = open(&place.options(), TimeNs(1)).unwrap();
    append(&mut journal, 5);
    drop(journal);
    let good = std::fs::read(place.ring()).unwrap();
    let mut bad = good.clone();
    bad[32 * 8 + 3 * RECORD_BYTES + 60] ^= 1;
    std::fs::write(place.ring(), &bad).unwrap();
    assert!(matches!(open_when_free(&place.options()), Err(JournalError::Memory { seq: 3, .. })));
    std::fs::write(place.ring(), &good).unwrap();
    std::fs::remove_dir_all(place.dir()).unwrap();
    let recovery = open_when_free(&place.options()).unwrap().recovery;
    assert_eq!((recovery.last_seq, recovery.memory_gone), (0, false));
    std::fs::remove_file(place.ring()).unwrap();
    let recovery = open(&place.options(), TimeNs(10)).unwrap().recovery;
    assert!(recovery.memory_gone && recovery.to_string().contains("memory is gone"), "{recovery}");
}

#[test]
fn a_full_disk_is_told_refuses_in_time_and_loses_nothing() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let mut journal = open_on(disk.clone(), &place.options(), TimeNs(1)).unwrap();
    append(&mut journal, 15);
    let mut now = TimeNs(1);
    let mut work = |journal: &mut Journal<FaultyDisk>| {
        for _ in 0..30 {
            now = now.plus_ns(60_000_000);
            journal.persister.do_work(now);
        }
    };
    work(&mut journal);
    assert_eq!(journal.progress.durable_seq(), 15);
    disk.full.store(true, Ordering::SeqCst);
    append(&mut journal, 64);
    work(&mut journal);
    assert_eq!(journal.progress.state(), PersistState::Failed(FailureKind::DiskFull));
    assert!(journal.progress.error_count() > 1);
    let refused = journal.writer.append(&mut record(80)).unwrap_err();
    assert_eq!((refused.capacity, refused.durable_seq, journal.writer.last_seq()), (64, 15, 79));
    disk.full.store(false, Ordering::SeqCst);
    work(&mut journal);
    assert_eq!((journal.progress.state(), journal.progress.durable_seq()), (PersistState::Healthy, 79));
    append(&mut journal, 1);
    journal.persister.close(TimeNs(9)).unwrap();
    assert_holds(&place.dir(), 80);
}

#[test]
fn a_failed_sync_writes_again_what_the_kernel_forgot() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let mut journal = open_on(disk.clone(), &place.options(), TimeNs(1)).unwrap();
    append(&mut journal, 4);
    journal.persister.flush(TimeNs(1)).unwrap();
    append(&mut journal, 3);
    disk.sync_failures.store(2, Ordering::SeqCst);
    let mut now = TimeNs(1);
    while journal.progress.durable_seq() < 7 {
        now = now.plus_ns(60_000_000);
        journal.persister.do_work(now);
        assert!(journal.progress.durable_seq() == 4 || disk.sync_failures.load(Ordering::SeqCst) == 0);
    }
    assert_eq!(journal.progress.error_count(), 2);
    journal.persister.close(now).unwrap();
    assert_holds(&place.dir(), 7);
}

/// Not a test by itself: the process that is killed. Reads its folder from stdin, appends, and tells each number.
#[test]
#[ignore = "run by kill_nine_loses_nothing_that_was_appended"]
fn child_appends_until_killed() {
    let mut root = String::new();
    io::stdin().read_line(&mut root).unwrap();
    let Journal { mut writer, mut persister, .. } =
        open(&options_in(Path::new(root.trim())), TimeNs(7)).unwrap();
    spawn_thread("persist", move || {
        loop {
            persister.do_work(TimeNs(8));
        }
    })
    .unwrap();
    let mut told = io::stderr();
    loop {
        let mut next = record(writer.last_seq() + 1);
        match writer.append(&mut next) {
            Ok(seq) => told.write_all(format!("{seq}\n").as_bytes()).unwrap(),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Starts the child, lets it append `count` more records, kills it; returns the last number it told.
fn run_and_kill(place: &Place, count: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_appends_until_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", place.root.path().display()).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut last, mut line, mut seen) = (0, String::new(), 0);
    loop {
        line.clear();
        // A line without its end was cut by the kill; its record may or may not count.
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        last = line.trim().parse().unwrap_or_else(|_| panic!("the child said: {line}"));
        seen += 1;
        if seen == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    last
}

#[test]
fn kill_nine_loses_nothing_that_was_appended() {
    let seed = 0x7b;
    println!("seed {seed:#x}");
    let mut prng = Prng::new(seed);
    let place = Place::new();
    for round in 1..=12 {
        let told = run_and_kill(&place, 1 + prng.below(400));
        assert!(told > 0, "round {round}: the child told nothing");
        let journal = open_when_free(&place.options()).unwrap();
        println!("round {round}: told {told}; {}", journal.recovery);
        assert!(
            journal.recovery.last_seq >= told,
            "round {round}: {} after {told}",
            journal.recovery.last_seq
        );
        let last_seq = journal.recovery.last_seq;
        drop(journal);
        assert_holds(&place.dir(), last_seq);
    }
}
