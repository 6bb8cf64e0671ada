//! Snapshots of the real appliance: what a start rebuilds with one is what it rebuilds without, and one that cannot be used is set
//! aside and told.
//!
//! What it is not: a search for states that differ; every episode of `simulate.rs` compares them at a record of its own.
//!
//! Invariant: no snapshot changes what a start knows.

mod rig;

use rig::{Place, until};
use std::path::{Path, PathBuf};
use tickbridge::app::{Appliance, Keeper, Policy, StartOptions};
use tickbridge::config::Config;
use tickbridge::engine::{Engine, Setup};
use tickbridge::journal::{
    EpochFile, ExpiredFile, JournalError, Snapshot, segment_name, segments, snapshots,
};
use tickbridge::record::{Kind, StateHash};
use tickbridge::replay::{Rebuilt, rebuild, snapshot_of, verify};
use tickbridge::setup::{ModelWords, Models, SavedSetup, engine_setup};
use tickbridge::types::TimeNs;

/// A journal that a real run left behind: it traded, and it has enough records for many segments.
fn run(place: &Place) -> (PathBuf, Setup) {
    let mut appliance = place.appliance(&[]);
    let terminal = place.terminal(&[]);
    until("it traded for a while", || {
        let is_enough = appliance.status("fills")? >= 3.0 && appliance.status("ticks")? >= 1_000.0;
        is_enough.then_some(())
    });
    terminal.terminate();
    appliance.terminate();
    assert!(appliance.ended().success());
    let journal = place.path("journal");
    let saved = SavedSetup::read(&journal, 1).unwrap();
    let models = Models::read(&journal, &saved.models).unwrap();
    (journal, engine_setup(&saved.config, &models).unwrap())
}

fn rebuilt(journal: &Path, setup: &Setup) -> Result<Rebuilt, JournalError> {
    // The digest of no setup: nothing is believed because it says so, all is compared here.
    rebuild(journal, u64::MAX, 0, &|| Engine::new(setup.clone()))
}

fn rebuilt_before(journal: &Path, setup: &Setup, before_seq: u64) -> Rebuilt {
    rebuild(journal, before_seq, 0, &|| Engine::new(setup.clone())).unwrap()
}

/// Cuts the run's one segment into many, as a smaller `journal.segment_mib` would have.
fn cut(journal: &Path, records_each: usize) {
    use tickbridge::journal::{SEGMENT_HEADER_BYTES, SegmentHeader};
    use tickbridge::record::RECORD_BYTES;
    let path = journal.join(segment_name(1));
    let bytes = std::fs::read(&path).unwrap();
    let header = SegmentHeader::decode(&bytes).unwrap();
    for (index, part) in bytes[SEGMENT_HEADER_BYTES..].chunks(records_each * RECORD_BYTES).enumerate() {
        let first_seq = 1 + (index * records_each) as u64;
        let header = SegmentHeader { first_seq, created: TimeNs(first_seq as i64), ..header };
        let whole = [&header.encode()[..], part].concat();
        std::fs::write(journal.join(segment_name(first_seq)), whole).unwrap();
    }
}

#[test]
fn a_real_journal_is_rebuilt_alike_kept_and_expired() {
    let place = Place::new();
    let (journal, setup) = run(&place);
    let records = rig::records(&journal);
    let told: Vec<(u64, u64)> = records
        .iter()
        .filter_map(|record| Some((record.seq(), record.payload::<StateHash>()?.state_hash)))
        .collect();
    assert!(told.len() >= 2 && rig::count(&records, Kind::DealEvent) > 0, "a start and an end that tell");
    let last = records.len() as u64;

    // The tidy end left a snapshot behind the last record, and it is the state that the run told.
    let with = rebuilt(&journal, &setup).unwrap();
    assert_eq!((with.snapshot_seq, with.record_count, with.seq), (Some(last), 0, last));
    assert_eq!(Some(with.engine.state_hash()), told.last().map(|(_, hash)| *hash));
    let [(_, path)] = snapshots(&journal).unwrap().try_into().unwrap();
    let kept = std::fs::read(&path).unwrap();

    // Whole: the same, and so it is behind every record that told a state.
    std::fs::remove_file(&path).unwrap();
    let without = rebuilt(&journal, &setup).unwrap();
    assert_eq!((without.snapshot_seq, without.record_count), (None, last));
    assert_eq!(without.engine.state_hash(), with.engine.state_hash());
    for (seq, hash) in &told {
        assert_eq!(rebuilt_before(&journal, &setup, *seq).engine.state_hash(), *hash, "before record {seq}");
    }

    // Damaged, or another state's than it says: told, and the whole journal is read.
    let mut bad = kept.clone();
    bad[100] ^= 1;
    std::fs::write(&path, &bad).unwrap();
    let fallen = rebuilt(&journal, &setup).unwrap();
    assert_eq!((fallen.snapshot_seq, fallen.engine.state_hash()), (None, with.engine.state_hash()));
    assert!(fallen.notes()[0].contains("checksum"), "{:?}", fallen.notes());
    std::fs::remove_file(&path).unwrap();

    // In many segments, kept by policy: the replay still proves what it can, and the state stays the same.
    cut(&journal, 300);
    let journal_id = EpochFile::read(&journal).unwrap().unwrap().journal_id;
    let whole = verify(&journal).unwrap();
    let keeper = |policy| {
        Keeper::new(
            journal.clone(),
            (Engine::new(setup.clone()), 0, ModelWords::default()),
            None,
            (journal_id, 0),
            policy,
        )
    };
    let mut first = keeper(Policy { compresses: true, ..Policy::default() }).unwrap();
    let count = first.take_closed().unwrap();
    assert!(count > 600 && snapshots(&journal).unwrap().len() == 2, "{count} records");
    first.tidy(TimeNs(1)).unwrap();
    let all = segments(&journal).unwrap();
    let is_packed = |path: &Path| path.extension().is_some_and(|extension| extension == "zst");
    assert!(
        all[..all.len() - 1].iter().all(|segment| is_packed(&segment.path))
            && !is_packed(&all[all.len() - 1].path)
    );
    assert_eq!(verify(&journal).unwrap(), whole, "the same from compressed segments");
    let compressed = rebuilt(&journal, &setup).unwrap();
    assert!(compressed.record_count < last && compressed.engine.state_hash() == with.engine.state_hash());

    // Everything that two snapshots stand for is too old by now.
    let old = Policy { keep_ns: 1, ..Policy::default() };
    keeper(old).unwrap().tidy(TimeNs(i64::MAX)).unwrap();
    let expired = ExpiredFile::read(&journal).unwrap().unwrap();
    assert!(expired.first_seq > 1 && expired.segment_count > 0 && !all[0].path.exists(), "{expired:?}");
    let after = rebuilt(&journal, &setup).unwrap();
    assert_eq!((after.engine.state_hash(), after.seq), (with.engine.state_hash(), last));
    let shown = verify(&journal).unwrap();
    assert_eq!((shown.starts, shown.inputs), (0, 0), "its one start expired: nothing to run again");
    assert_eq!(shown.passed, last + 1 - expired.first_seq);

    // One of another state than the records behind it tell: the older one knows better. When none does, the newest stands.
    let [(newest, path), (older, other)] = snapshots(&journal).unwrap().try_into().unwrap();
    let digest = 7;
    let believed = || rebuild(&journal, u64::MAX, digest, &|| Engine::new(setup.clone())).unwrap();
    let kept = [&path, &other].map(|path| std::fs::read(path).unwrap());
    let write = |path: &Path, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = Snapshot::decode(&std::fs::read(path).unwrap()).unwrap();
        change(&mut snapshot);
        std::fs::write(path, snapshot.encode()).unwrap();
    };
    let forgets = |snapshot: &mut Snapshot| {
        let empty = snapshot_of(&Engine::new(setup.clone()), 0, &ModelWords::default(), (0, digest));
        (snapshot.state, snapshot.header.state_hash) = (empty.state, empty.header.state_hash);
    };
    for path in [&path, &other] {
        write(path, &|snapshot| snapshot.header.setup_digest = digest);
    }
    let good = believed();
    assert_eq!((good.snapshot_seq, good.contradicted_by, good.unchecked_count), (Some(newest), None, 0));
    write(&path, &forgets);
    let fallen = believed();
    assert_eq!((fallen.snapshot_seq, fallen.contradicted_by), (Some(older), None));
    assert_eq!((fallen.engine.state_hash(), fallen.unused.len()), (with.engine.state_hash(), 1));
    write(&other, &forgets);
    let lost = believed();
    assert_eq!((lost.snapshot_seq, lost.contradicted_by.is_some()), (Some(newest), true));
    assert_eq!(lost.unused, [], "none of them goes out of the way");
    for (path, bytes) in [&path, &other].into_iter().zip(kept) {
        std::fs::write(path, bytes).unwrap();
    }

    // Without a snapshot it is not passed over.
    for (_, path) in snapshots(&journal).unwrap() {
        std::fs::remove_file(path).unwrap();
    }
    let error = rebuilt(&journal, &setup).unwrap_err();
    assert!(matches!(error, JournalError::SnapshotMissing { .. }), "{error}");
    assert!(SavedSetup::path(&journal, 1).exists(), "setups never expire");
}

#[test]
fn a_keeper_that_is_contradicted_writes_nothing() {
    let place = Place::new();
    let (journal, mut setup) = run(&place);
    snapshots(&journal).unwrap().iter().for_each(|(_, path)| std::fs::remove_file(path).unwrap());
    let journal_id = EpochFile::read(&journal).unwrap().unwrap().journal_id;
    // An engine that forgets the openings it counted is not the one that ran.
    setup.limits.executions_max = 1;
    let mut keeper = Keeper::new(
        journal.clone(),
        (Engine::new(setup), 0, ModelWords::default()),
        None,
        (journal_id, 0),
        Policy::default(),
    )
    .unwrap();
    let error = keeper.take_all().unwrap_err();
    assert!(matches!(error, JournalError::StateContradicted { .. }), "{error}");
    assert!(snapshots(&journal).unwrap().is_empty());
}

#[test]
fn a_keeper_reads_a_damaged_segment_once_until_somebody_mends_it() {
    let place = Place::new();
    let (journal, setup) = run(&place);
    snapshots(&journal).unwrap().iter().for_each(|(_, path)| std::fs::remove_file(path).unwrap());
    cut(&journal, 300);
    let journal_id = EpochFile::read(&journal).unwrap().unwrap().journal_id;
    let begun = (Engine::new(setup), 0, ModelWords::default());
    let mut keeper = Keeper::new(journal.clone(), begun, None, (journal_id, 0), Policy::default()).unwrap();
    let second = journal.join(segment_name(301));
    let good = std::fs::read(&second).unwrap();
    let mut bad = good.clone();
    bad[20_000] ^= 1;
    std::fs::write(&second, &bad).unwrap();
    let error = keeper.take_closed().unwrap_err();
    assert!(matches!(error, JournalError::Quarantined { .. }), "{error}");
    assert_eq!(keeper.take_closed().unwrap(), 0, "it is not read again");
    std::fs::write(&second, &good[..good.len() - 1]).unwrap();
    assert!(keeper.take_closed().is_err(), "another file, and no better one");
    std::fs::write(&second, &good).unwrap();
    assert!(keeper.take_closed().unwrap() >= 300, "it is mended");
}

#[test]
fn a_start_uses_the_newest_snapshot_that_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let mut config = Config::load(&bundled).unwrap_or_else(|errors| panic!("{errors}"));
    config.appliance.state_dir = root.path().join("state");
    config.journal.dir = root.path().join("journal");
    config.journal.memory_dir = root.path().join("memory");
    std::fs::create_dir(&config.journal.memory_dir).unwrap();
    (config.link.market, config.link.trade) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
    let start = || {
        let appliance = Appliance::start(&config, &StartOptions::default()).unwrap();
        let notes = appliance.notes.join("\n");
        let outcome = appliance.finish();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        notes
    };
    assert!(!start().contains("rebuilt"), "an empty journal");
    assert!(start().contains("from 0 records behind the snapshot at record"));
    let [(newest, path), (older, _)] = snapshots(&config.journal.dir).unwrap().try_into().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let notes = start();
    assert!(
        notes.contains("snapshot not used") && notes.contains(&format!("snapshot-{newest:016}.tbs")),
        "{notes}"
    );
    assert!(notes.contains(&format!("behind the snapshot at record {older}")), "{notes}");
    assert!(path.with_extension("bad").exists(), "set aside");
    for (_, path) in snapshots(&config.journal.dir).unwrap() {
        std::fs::write(path, "nonsense").unwrap();
    }
    let notes = start();
    assert!(
        notes.matches("snapshot not used").count() == 2 && notes.contains("state rebuilt from"),
        "{notes}"
    );
    assert!(verify(&config.journal.dir).unwrap().starts == 4);
}
